//! Everything in one order over one platform: the stories, and a count of what nobody called.

use rialto_esb_api::ENDPOINTS;

use crate::world::{Calls, World};
use crate::{catalogue, credentials, definitions, life, publishing, subscriptions};

#[tokio::test]
async fn the_stories_call_every_operation_with_success_and_error() {
    let calls = Calls::default();
    for world in World::on_each_engine(&calls).await {
        catalogue::systems_are_added_once_and_changed_as_seen(&world).await;
        catalogue::interfaces_are_found_by_place_state_and_words(&world).await;
        catalogue::changes_are_told_live_to_readers(&world).await;
        definitions::a_definition_becomes_a_draft_and_is_shown_piece_by_piece(&world).await;
        definitions::what_cannot_be_taken_says_where_and_changes_nothing(&world).await;
        definitions::archives_hold_several_files(&world).await;
        definitions::one_like_another_must_be_justified(&world).await;
        life::a_version_is_published_under_four_eyes(&world).await;
        life::a_breaking_change_needs_a_new_major_version(&world).await;
        life::what_is_in_use_is_left_step_by_step(&world).await;
        subscriptions::two_agree_before_calls_may_pass(&world).await;
        credentials::a_secret_is_told_once_to_a_second_person(&world).await;
        credentials::two_work_side_by_side_during_a_rotation(&world).await;
        publishing::what_is_published_reaches_gateways_and_goes_back(&world).await;
        publishing::nobody_publishes_what_they_bound_themselves(&world).await;
        life::everything_is_evidence(&world).await;
    }
    let calls = calls.lock().unwrap();
    let missing: Vec<String> = ENDPOINTS
        .iter()
        .flat_map(|endpoint| [(endpoint, true), (endpoint, false)])
        // The tree is there for whoever may read; who may not is told by another test.
        .filter(|(e, well)| *well || e.path != "/api/esb/v1/taxonomy")
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
}
