use std::time::Duration;

use rialto_delivery_engine::DeliveryError;
use rialto_delivery_run::state::Status;
use rialto_delivery_supervisor::http;
use rialto_platform_identity::Role;

use super::house::{House, Load, TEST_ONLY, slot};
use crate::world::person;

async fn rolled_back_by_itself(behaviour: &str, why: &str) {
    let house = House::new().await;
    let first = house.release(TEST_ONLY, "50ms", "well", "one").await;
    house.job_is(&first, "to-test", Status::Success).await;
    let good = house.environment("test").await.active_release;
    let load = Load::start(house.public_address("test").await);
    let bad = house.release(TEST_ONLY, "20s", behaviour, "two").await;
    house.job_is(&bad, "to-test", Status::Failed).await;
    load.end_without_failure().await;

    let job = house.world.job(&bad, "to-test").await;
    assert_eq!(job.failure_reason.as_deref(), Some("deployment_failed"));
    let now = house.environment("test").await;
    let traffic = now.traffic.as_ref().unwrap();
    assert_eq!(traffic.failed_requests, 0, "{traffic:?}");
    assert_eq!(
        (now.active_release.clone(), now.state.as_str()),
        (good, "serving")
    );
    assert_eq!(slot(&now, "active").health, "healthy");
    let all = house.deployments().await;
    let failed = all
        .iter()
        .find(|d| d.pipeline_id.as_deref() == Some(bad.as_str()) && d.kind == "deploy")
        .unwrap();
    assert_eq!(failed.state, "rolled_back", "{failed:#?}");
    assert!(failed.reasons[0].contains(why), "{:?}", failed.reasons);
    let rollback = all.iter().find(|d| d.kind == "automatic_rollback").unwrap();
    assert_eq!(rollback.rolls_back_id.as_deref(), Some(failed.id.as_str()));
    let took = rollback.rollback_ms.unwrap();
    assert!((0..5_000).contains(&took), "{took} ms");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_sickens_after_the_switch_is_rolled_back_without_a_failed_request() {
    rolled_back_by_itself("sick-after:2000", "probes in a row failed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_dies_after_the_switch_is_rolled_back_without_a_failed_request() {
    rolled_back_by_itself("dies-after:2000", "exited with status 3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_fails_users_with_a_green_health_check_goes_back_without_a_failed_request() {
    rolled_back_by_itself("fails-after:2000", "requests of users").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_the_watch_is_over_answers_are_passed_on_as_they_are() {
    let house = House::new().await;
    for (mark, behaviour) in [("one", "well"), ("two", "fails-after:4000")] {
        let pipeline = house.release(TEST_ONLY, "50ms", behaviour, mark).await;
        house.job_is(&pipeline, "to-test", Status::Success).await;
    }
    let at = house.public_address("test").await;
    house
        .world
        .until("the version's own answer", || async {
            http::probe(at, "/", Duration::from_secs(5)).await.is_err()
        })
        .await;
    let traffic = house.environment("test").await.traffic.unwrap();
    assert_eq!(
        (traffic.failed_requests, traffic.rescued),
        (1, 0),
        "{traffic:?}"
    );
    assert_eq!(house.environment("test").await.state, "serving");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_version_that_fails_leaves_an_environment_that_serves_nothing() {
    let house = House::new().await;
    let bad = house
        .release(TEST_ONLY, "20s", "sick-after:1500", "one")
        .await;
    house.job_is(&bad, "to-test", Status::Failed).await;
    let now = house.environment("test").await;
    assert_eq!((now.active_release, now.state.as_str()), (None, "idle"));
    assert!(
        now.slots.iter().all(|slot| slot.role == "idle"),
        "{:?}",
        now.slots
    );
    let undone = &house.deployments().await[0];
    assert_eq!(undone.state, "rolled_back");
    // There was no earlier version that could answer.
    let verified = undone
        .steps
        .iter()
        .rfind(|step| step.name == "verify_back")
        .unwrap();
    let told = verified.text.as_ref().unwrap();
    assert_eq!(told.code, "rollback.done_nothing", "{told:?}");
    // And the next good one goes in.
    let good = house.release(TEST_ONLY, "50ms", "well", "two").await;
    house.job_is(&good, "to-test", Status::Success).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn going_back_on_demand_is_a_router_switch() {
    let house = House::new().await;
    let first = house.release(TEST_ONLY, "50ms", "well", "one").await;
    house.job_is(&first, "to-test", Status::Success).await;
    let id = house.environment("test").await.id.parse().unwrap();
    let operator = person("ops", &[Role::Operations]);
    let nothing = house
        .controller()
        .roll_back(&operator, &id, "why not")
        .await
        .unwrap_err();
    assert!(nothing.to_string().contains("no standby"), "{nothing}");
    let second = house.release(TEST_ONLY, "50ms", "well", "two").await;
    house.job_is(&second, "to-test", Status::Success).await;
    let before = house.environment("test").await;
    let load = Load::start(house.public_address("test").await);

    let denied = house
        .controller()
        .roll_back(&person("dev", &[Role::Developer]), &id, "x")
        .await;
    assert!(matches!(denied, Err(DeliveryError::Denied(_))));
    let back = house
        .controller()
        .roll_back(&operator, &id, "prices look odd")
        .await
        .unwrap();
    house
        .world
        .until("the rollback", || async {
            house
                .controller()
                .deployment(&operator, &back)
                .await
                .unwrap()
                .state
                == "succeeded"
        })
        .await;
    load.end_without_failure().await;
    let done = house
        .controller()
        .deployment(&operator, &back)
        .await
        .unwrap();
    assert_eq!(
        (done.kind.as_str(), done.reason_given.as_str()),
        ("rollback", "prices look odd")
    );
    assert!(done.rollback_ms.unwrap() < 5_000, "{done:?}");
    let after = house.environment("test").await;
    assert_eq!(slot(&after, "active").pid, slot(&before, "standby").pid);
    assert_eq!(slot(&after, "standby").pid, slot(&before, "active").pid);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_s_word_while_it_is_watched_goes_back_at_once() {
    let house = House::new().await;
    let first = house.release(TEST_ONLY, "50ms", "well", "one").await;
    house.job_is(&first, "to-test", Status::Success).await;
    let good = house.environment("test").await;
    let second = house.release(TEST_ONLY, "30s", "well", "two").await;
    house
        .world
        .until("the watch", || async {
            house.deployments().await[0].state == "baking"
        })
        .await;
    let operator = person("ops", &[Role::Operations]);
    let id = good.id.parse().unwrap();
    house
        .controller()
        .roll_back(&operator, &id, "wrong day")
        .await
        .unwrap();
    house.job_is(&second, "to-test", Status::Failed).await;
    let now = house.environment("test").await;
    assert_eq!(now.active_release, good.active_release);
    let all = house.deployments().await;
    let record = all.iter().find(|d| d.kind == "rollback").unwrap();
    assert!(record.reason_given.contains("wrong day"), "{record:?}");
    house.close().await;
}

/// A last version that was well until its watch was over.
async fn serving_version_sickens(house: &House, versions: &[(&str, &str)]) {
    for (mark, behaviour) in versions {
        let pipeline = house.release(TEST_ONLY, "50ms", behaviour, mark).await;
        house.job_is(&pipeline, "to-test", Status::Success).await;
    }
    house
        .world
        .until("the serving version is sick", || async {
            slot(&house.environment("test").await, "active").health != "healthy"
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_good_version_repairs_an_environment_whose_serving_version_is_sick() {
    let house = House::new().await;
    let versions = [("one", "well"), ("two", "sick-after:4000")];
    serving_version_sickens(&house, &versions).await;
    let healthy = slot(&house.environment("test").await, "standby").pid;
    // One that never gets ready changes nothing.
    let bad = house.release(TEST_ONLY, "50ms", "sick", "three").await;
    house.job_is(&bad, "to-test", Status::Failed).await;
    assert_eq!(house.environment("test").await.state, "serving");
    let good = house.release(TEST_ONLY, "50ms", "well", "four").await;
    house.job_is(&good, "to-test", Status::Success).await;
    let done = &house.deployments().await[0];
    let warned = done
        .steps
        .iter()
        .filter(|step| step.detail.contains("no healthy version to go back to"))
        .count();
    assert!(warned >= 2, "{:#?}", done.steps);
    let now = house.environment("test").await;
    assert_eq!(slot(&now, "active").health, "healthy");
    // Not the sick one before it.
    assert_eq!(slot(&now, "standby").pid, healthy);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_that_fails_its_watch_stays_when_the_earlier_version_is_sick_and_locks_nothing() {
    let house = House::new().await;
    serving_version_sickens(&house, &[("one", "sick-after:4000")]).await;
    let bad = house
        .release(TEST_ONLY, "20s", "sick-after:2500", "x")
        .await;
    house.job_is(&bad, "to-test", Status::Failed).await;
    let failed = &house.deployments().await[0];
    assert_eq!(failed.state, "failed", "{failed:#?}");
    let why = failed.reasons.join("; ");
    assert!(why.contains("no healthy version to go back to"), "{why}");
    assert_eq!(house.environment("test").await.state, "serving");
    let good = house.release(TEST_ONLY, "50ms", "well", "four").await;
    house.job_is(&good, "to-test", Status::Success).await;
    house.close().await;
}
