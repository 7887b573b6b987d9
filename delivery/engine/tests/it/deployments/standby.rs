//! Who stands by stays until a newer version has proved itself.

use rialto_delivery_engine::deployment::view::EnvironmentView;
use rialto_delivery_run::state::Status;
use rialto_delivery_supervisor::{ProcessState, SlotKey};
use rialto_platform_identity::Role;

use super::house::{House, Load, TEST_ONLY, slot};
use crate::world::{World, person};

/// Both engines, each with two versions gone live: the second serves, the first stands by.
async fn houses() -> Vec<House> {
    let mut houses = Vec::new();
    for world in World::all().await {
        let house = House::over(world).await;
        for mark in ["one", "two"] {
            let id = house.release(TEST_ONLY, "50ms", "well", mark).await;
            house.job_is(&id, "to-test", Status::Success).await;
        }
        houses.push(house);
    }
    houses
}

/// What serves and what stands by: the same processes as before, and able to change places.
fn same_pair(before: &EnvironmentView, now: &EnvironmentView) {
    for role in ["active", "standby"] {
        let (then, now) = (slot(before, role), slot(now, role));
        assert_eq!(
            (&now.name, now.pid, &now.version, now.health.as_str()),
            (&then.name, then.pid, &then.version, "healthy"),
            "{role}"
        );
    }
    assert_eq!(slot(now, "idle").pid, None);
    assert!(now.can_roll_back, "{:?}", now.why_not);
}

impl House {
    /// Processes of the environment that run, whatever the record says.
    fn running(&self, of: &EnvironmentView) -> usize {
        let running = |name: &str| {
            let key = SlotKey {
                project: of.project_path.clone(),
                environment: of.name.clone(),
                slot: rialto_delivery_release::SlotName::parse(name).unwrap(),
            };
            let status = self.supervisor.status(&key);
            status.is_some_and(|status| status.process == ProcessState::Running)
        };
        of.slots.iter().filter(|slot| running(&slot.name)).count()
    }

    async fn goes_back(&self, to: &EnvironmentView) {
        let operator = person("ops", &[Role::Operations]);
        let id = to.id.parse().unwrap();
        let back = self.controller().roll_back(&operator, &id, "odd").await;
        let back = back.unwrap();
        self.world
            .until("the way back", || async {
                let done = self.controller().deployment(&operator, &back).await;
                done.unwrap().state == "succeeded"
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_fails_before_its_switch_leaves_the_hot_standby_ready() {
    for house in houses().await {
        let before = house.environment("test").await;
        let load = Load::of(1, house.public_address("test").await);
        for behaviour in ["smokes", "dies-after:1"] {
            let bad = house.release(TEST_ONLY, "50ms", behaviour, behaviour).await;
            house.job_is(&bad, "to-test", Status::Failed).await;
            same_pair(&before, &house.environment("test").await);
            assert_eq!(house.running(&before), 2);
        }
        house.goes_back(&before).await;
        let back = house.environment("test").await;
        assert_eq!(slot(&back, "active").pid, slot(&before, "standby").pid);
        assert_eq!(slot(&back, "standby").pid, slot(&before, "active").pid);
        load.end_without_failure().await;
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_rolled_back_by_itself_leaves_the_standby_it_found_and_a_good_one_replaces_it() {
    for house in houses().await {
        let before = house.environment("test").await;
        let load = Load::of(1, house.public_address("test").await);
        let bad = house
            .release(TEST_ONLY, "20s", "sick-after:700", "three")
            .await;
        house.job_is(&bad, "to-test", Status::Failed).await;
        assert!(
            house
                .deployments()
                .await
                .iter()
                .any(|d| d.state == "rolled_back")
        );
        same_pair(&before, &house.environment("test").await);

        let good = house.release(TEST_ONLY, "50ms", "well", "four").await;
        house.job_is(&good, "to-test", Status::Success).await;
        let now = house.environment("test").await;
        assert_eq!(slot(&now, "standby").pid, slot(&before, "active").pid);
        assert_eq!(slot(&now, "idle").name, slot(&before, "standby").name);
        assert_eq!(house.running(&now), 2, "the oldest one is stopped");
        load.end_without_failure().await;
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_healthy_version_stands_by_where_a_repair_and_what_it_repairs_are_sick() {
    let house = House::new().await;
    for (mark, behaviour) in [("one", "well"), ("two", "sick-after:3000")] {
        let id = house.release(TEST_ONLY, "50ms", behaviour, mark).await;
        house.job_is(&id, "to-test", Status::Success).await;
    }
    let first = house.environment("test").await;
    house
        .world
        .until("the serving version is sick", || async {
            slot(&house.environment("test").await, "active").health != "healthy"
        })
        .await;
    let bad = house
        .release(TEST_ONLY, "20s", "sick-after:2500", "three")
        .await;
    house.job_is(&bad, "to-test", Status::Failed).await;
    let failed = &house.deployments().await[0];
    let why = failed.reasons.join("; ");
    assert!(why.contains("an older one stands by in slot"), "{why}");
    let now = house.environment("test").await;
    assert_eq!(slot(&now, "standby").pid, slot(&first, "standby").pid);
    house.goes_back(&now).await;
    let back = house.environment("test").await;
    assert_eq!(slot(&back, "active").pid, slot(&first, "standby").pid);
    house.close().await;
}
