//! Everything in one order over one desk: the stories, and a count of what nobody called.

use rialto_otc_api::ENDPOINTS;

use crate::world::{Calls, World};
use crate::{book, fixings, life, market};

#[tokio::test]
async fn the_stories_call_every_operation_with_success_and_error() {
    let calls = Calls::default();
    for world in World::on_each_engine(&calls).await {
        market::sheets_are_checked_with_all_findings(&world).await;
        market::every_product_has_a_template(&world).await;
        let snapshot = market::a_market_is_one_whatever_its_spelling(&world).await;
        market::sheets_are_priced(&world, &snapshot).await;
        let trade = market::a_quote_becomes_a_trade_in_one_step(&world, &snapshot).await;
        life::fixings_knock_it_out(&world, &trade).await;
        life::flows_are_instructed_by_two_and_settled(&world, &trade).await;
        life::a_correction_reopens_it(&world, &trade).await;
        life::it_is_drawn_and_valued(&world, &trade).await;
        life::tables_are_files(&world).await;
        book::decisions_are_evidence(&world).await;
        world.replayed().await;
    }
    // Another desk: its prices are its own.
    for world in World::on_each_engine(&calls).await {
        book::a_trade_is_booked_once(&world).await;
        book::the_maker_is_never_the_checker(&world).await;
        book::of_two_who_amend_at_once_one_is_refused(&world).await;
        book::events_that_do_not_fit_are_refused_by_name(&world).await;
        fixings::each_wrong_row_says_what_is_wrong_and_the_others_are_taken(&world).await;
        fixings::outliers_and_manual_prices_wait_for_a_second_person(&world).await;
        fixings::a_late_trade_catches_up(&world).await;
        book::the_blotter_is_filtered_and_sorted(&world).await;
        book::changes_are_told_live_to_readers_alone(&world).await;
        world.replayed().await;
    }
    let calls = calls.lock().unwrap();
    let missing: Vec<String> = ENDPOINTS
        .iter()
        .flat_map(|endpoint| [(endpoint, true), (endpoint, false)])
        .filter(|(e, well)| !calls.contains(&(e.method.to_owned(), e.path.to_owned(), *well)))
        .map(|(e, well)| {
            let what = if well { "success" } else { "error" };
            format!("{} {}: no {what}", e.method, e.path)
        })
        .collect();
    assert_eq!(
        missing, [""; 0],
        "operations of the document that no story called"
    );
    println!(
        "interface coverage: {} operations, each with success and error",
        ENDPOINTS.len()
    );
}
