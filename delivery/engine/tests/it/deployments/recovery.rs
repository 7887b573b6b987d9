//! The controller is killed at every point of its journal.

use std::time::Duration;

use rialto_delivery_release::DeploymentState;
use rialto_delivery_run::state::Status;

use rialto_platform_identity::Role;

use super::house::{House, Load, TEST_ONLY, slot};
use crate::world::{World, person};

/// Points of a good deployment: two for each of its lines, and one before the lock.
const POINTS: u32 = 2 * 19 + 1;

/// Kills the controller at each of the points and looks at what comes of it.
async fn killed_at(points: impl Iterator<Item = u32>, behaviour: &str, bake: &str) {
    let house = House::new().await;
    for mark in ["first", "second"] {
        let good = house.release(TEST_ONLY, "50ms", "well", mark).await;
        house.job_is(&good, "to-test", Status::Success).await;
    }
    let load = Load::of(1, house.public_address("test").await);
    for point in points {
        house.controller().stop_after(point);
        let found = house.environment("test").await;
        let before = found.active_release.clone();
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
            "succeeded" => (Some(done.release.clone()), "active"),
            "failed" | "rolled_back" => (before, "standby"),
            other => panic!("{other} at point {point}: {done:#?}"),
        };
        if behaviour == "well" {
            assert_eq!(done.state, "succeeded", "interrupted at {point}: {done:#?}");
        }
        // What served stands by for what replaced it; else all is as it was found.
        let (expected, stands_by) = expected;
        assert_eq!(
            slot(&now, "standby").pid,
            slot(&found, stands_by).pid,
            "at point {point}: {now:#?}"
        );
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
            .until(&format!("the end of the job killed at {point}"), || async {
                house.world.job(&id, "to-test").await.status.is_completed()
            })
            .await;
    }
    if behaviour == "well" {
        let view = house.world.delivery.project_view(&house.world.project.id);
        let light = view.await.unwrap().light;
        assert_eq!(light.state, "green", "nobody broke anything");
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

/// A point while it is being prepared: its candidate is about to start.
const PREPARING: u32 = 15;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_that_nobody_could_follow_any_more_holds_after_the_restart() {
    for world in World::all().await {
        let house = House::over(world).await;
        house.controller().stop_after(PREPARING);
        let id = house.release(TEST_ONLY, "100ms", "well", "one").await;
        house.until_killed(&id).await;
        let left = house.deployments().await.remove(0);
        assert_eq!(left.state, "preparing");
        let by = person("ops", &[Role::Operations, Role::Developer]);
        let cancelled = house
            .controller()
            .cancel(&by, &left.id.parse().unwrap())
            .await;
        cancelled.unwrap();
        house.restart_controller().await;
        house.job_is(&id, "to-test", Status::Canceled).await;
        let now = house.environment("test").await;
        assert_eq!((now.active_release, now.state.as_str()), (None, "idle"));
        house.close().await;
    }
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
