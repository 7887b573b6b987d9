//! Everything in one order over one desk: the stories, and a count of what nobody called.

use rialto_otc_api::ENDPOINTS;

use crate::world::{Calls, World};
use crate::{book, decisions, fixings, life, market};

#[tokio::test]
async fn the_stories_call_every_operation_with_success_and_error() {
    let calls = Calls::default();
    for world in World::on_each_engine(&calls).await {
        market::sheets_are_checked_with_all_findings(&world).await;
        market::every_product_has_a_template(&world).await;
        let snapshot = market::a_market_is_one_whatever_its_spelling(&world).await;
        market::sheets_are_priced(&world, &snapshot).await;
        market::engines_are_told(&world).await;
        market::a_name_given_twice_is_refused_wherever_it_is_read(&world, &snapshot).await;
        let trade = market::a_quote_becomes_a_trade_in_one_step(&world, &snapshot).await;
        life::fixings_knock_it_out(&world, &trade).await;
        life::its_principal_is_paid_in(&world, &trade).await;
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
        fixings::what_a_file_gives_in_vain_is_said(&world).await;
        fixings::a_file_that_corrects_says_why(&world).await;
        book::clocks_that_are_not_named_are_written_out_in_the_book(&world).await;
        book::a_novation_needs_a_replacement_that_is_there_signed_and_the_same(&world).await;
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

#[tokio::test]
async fn what_is_signed_and_what_is_paid_stand_in_the_book() {
    for world in World::on_each_engine(&Calls::default()).await {
        fixings::a_correction_tells_what_known_prices_do_after_it(&world).await;
        market::what_a_buyer_pays_is_booked(&world).await;
        market::a_surface_with_arbitrage_binds_nobody(&world).await;
        market::a_named_engine_and_model_are_kept(&world).await;
        market::an_old_market_binds_nobody_where_the_house_says_so(&world).await;
        market::the_principal_of_a_note_is_paid_in(&world).await;
        decisions::every_decision_has_a_reason_and_a_second_person(&world).await;
        decisions::the_approval_of_a_payment_says_what_it_is_for(&world).await;
        decisions::a_cancelled_trade_is_worth_nothing_and_says_why(&world).await;
        market::a_quote_says_what_it_did_not_take_as_written(&world).await;
        world.replayed().await;
    }
}
