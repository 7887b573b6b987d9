//! The controller is killed at every point of its journal.

use std::time::Duration;

use rialto_delivery_release::DeploymentState;
use rialto_delivery_run::state::Status;

use super::house::{House, Load, TEST_ONLY, slot};

/// Points of a good deployment: two for each of its lines, and one before the lock.
const POINTS: u32 = 2 * 19 + 1;

/// Kills the controller at each of the points and looks at what comes of it.
async fn killed_at(points: impl Iterator<Item = u32>, behaviour: &str, bake: &str) {
    let house = House::new().await;
    let first = house.release(TEST_ONLY, "50ms", "well", "first").await;
    house.job_is(&first, "to-test", Status::Success).await;
    let load = Load::of(1, house.public_address("test").await);
    for point in points {
        house.controller().stop_after(point);
        let before = house.environment("test").await.active_release;
        let mark = format!("killed at {point}");
        let id = house.release(TEST_ONLY, bake, behaviour, &mark).await;
        house.until_killed(&id).await;
        house.restart_controller().await;
        house
            .world
            .until("an end", || async { house.newest_has_ended().await })
            .await;
        let all = house.deployments().await;
        let done = all
            .iter()
            .find(|d| d.pipeline_id.as_deref() == Some(id.as_str()) && d.kind == "deploy")
            .unwrap();
        let now = house.environment("test").await;
        let expected = match done.state.as_str() {
            "succeeded" => Some(done.release.clone()),
            "failed" | "rolled_back" => before,
            other => panic!("{other} at point {point}: {done:#?}"),
        };
        assert_eq!(now.active_release, expected, "at point {point}: {done:#?}");
        let active = slot(&now, "active");
        assert_eq!(
            active.release_id,
            now.active_release.as_ref().map(|r| r.id.clone())
        );
        let drift = house.router_serves().await;
        assert_eq!(
            drift, active.address,
            "the router serves the active slot at point {point}"
        );
        house
            .world
            .until("a job that ended", || async {
                house.world.job(&id, "to-test").await.status.is_completed()
            })
            .await;
    }
    load.end_without_failure().await;
    house.close().await;
}

impl House {
    /// Waits until the controller stopped as if killed, or had nothing left to be killed at.
    async fn until_killed(&self, pipeline: &str) {
        self.world
            .until("the kill", || async {
                let job = self.world.job(pipeline, "to-test").await;
                self.controller().has_stopped() || job.status.is_completed()
            })
            .await;
    }

    async fn newest_has_ended(&self) -> bool {
        let all = self.deployments().await;
        all.iter()
            .all(|d| DeploymentState::parse(&d.state).is_some_and(DeploymentState::is_terminal))
    }

    async fn router_serves(&self) -> Option<String> {
        let asked = rialto_delivery_supervisor::http::Ask {
            address: self.gateway.admin_address,
            method: rialto_delivery_supervisor::http::Method::GET,
            path: "/admin/v1/services",
            token: Some(&self.gateway.token),
            json: None,
            limit: Duration::from_secs(5),
        };
        let answer = rialto_delivery_supervisor::http::ask(asked).await.unwrap();
        let services: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        services[0]["active"]["address"].as_str().map(str::to_owned)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_early_point_exactly_one_slot_serves_in_the_end() {
    killed_at((0..POINTS).filter(|p| p % 3 == 0), "well", "100ms").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_middle_point_exactly_one_slot_serves_in_the_end() {
    killed_at((0..POINTS).filter(|p| p % 3 == 1), "well", "100ms").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_late_point_exactly_one_slot_serves_in_the_end() {
    killed_at((0..POINTS).filter(|p| p % 3 == 2), "well", "100ms").await;
}

/// Points around the failed watch and the way back: the first is the intent to watch.
const BACK: std::ops::Range<u32> = 33..48;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_on_the_way_back_the_earlier_version_serves_in_the_end() {
    killed_at(BACK.filter(|p| p % 2 == 1), "sick-after:700", "20s").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_a_line_on_the_way_back_the_earlier_version_serves_in_the_end() {
    killed_at(BACK.filter(|p| p % 2 == 0), "sick-after:700", "20s").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_of_the_server_is_not_held_against_the_version_being_watched() {
    let mut house = House::new().await;
    let first = house.release(TEST_ONLY, "50ms", "well", "first").await;
    house.job_is(&first, "to-test", Status::Success).await;
    let second = house.release(TEST_ONLY, "1s", "well", "second").await;
    house
        .world
        .until("the watch", || async {
            house.deployments().await[0].state == "baking"
        })
        .await;
    house.world.delivery.stop();
    house
        .world
        .until("the stop", || async { house.controller().has_stopped() })
        .await;
    house.supervisor.stop_all().await;
    assert_eq!(house.deployments().await[0].state, "baking");
    house.restart().await;
    house.job_is(&second, "to-test", Status::Success).await;
    let now = house.environment("test").await;
    assert_eq!(
        (slot(&now, "active").health.as_str(), now.state.as_str()),
        ("healthy", "serving")
    );
    assert_eq!(slot(&now, "standby").health, "healthy");
    house.close().await;
}
