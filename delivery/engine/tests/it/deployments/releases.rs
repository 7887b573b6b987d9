use std::time::Duration;

use rialto_delivery_run::state::Status;
use rialto_delivery_supervisor::http;

use super::house::{House, Load, TEST_ONLY, definition, slot};

/// The journal of a deployment that went well.
const GOOD_STEPS: [&str; 19] = [
    "preflight started",
    "preflight ok",
    "approval ok",
    "preflight ok",
    "install started",
    "install ok",
    "start started",
    "start ok",
    "readiness started",
    "readiness ok",
    "smoke started",
    "smoke ok",
    "switch started",
    "switch ok",
    "verify started",
    "verify ok",
    "bake started",
    "bake ok",
    "keep_standby ok",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_takes_the_traffic_without_a_failed_request_and_the_old_one_stands_by() {
    let house = House::new().await;
    let first = house.release(TEST_ONLY, "100ms", "well", "one").await;
    house.job_is(&first, "to-test", Status::Success).await;
    let before = house.environment("test").await;
    assert_eq!(
        (before.state.as_str(), before.can_roll_back),
        ("serving", false)
    );
    let one = slot(&before, "active").clone();
    let at = house.public_address("test").await;
    let load = Load::start(at);

    let second = house.release(TEST_ONLY, "300ms", "well", "two").await;
    house.job_is(&second, "to-test", Status::Success).await;
    load.end_without_failure().await;

    let after = house.environment("test").await;
    let (active, standby) = (slot(&after, "active"), slot(&after, "standby"));
    assert_ne!(active.name, one.name);
    assert_eq!(
        (standby.name.as_str(), standby.pid),
        (one.name.as_str(), one.pid)
    );
    assert_eq!(
        (active.health.as_str(), standby.health.as_str()),
        ("healthy", "healthy")
    );
    assert!(after.can_roll_back, "{:?}", after.why_not);
    let traffic = after.traffic.clone().unwrap();
    assert!(
        traffic.requests > 50 && traffic.failed_requests == 0,
        "{traffic:?}"
    );
    let answer = http::probe(at, "/", Duration::from_secs(5)).await.unwrap();
    assert_eq!(
        Some(answer.headers["x-rialto-version"].to_str().unwrap()),
        active.version.as_deref()
    );

    let done = house.deployments().await.remove(0);
    assert_eq!(
        (done.state.as_str(), done.kind.as_str()),
        ("succeeded", "deploy")
    );
    assert!(done.switched_at.is_some() && done.previous_release.is_some());
    let steps: Vec<String> = done
        .steps
        .iter()
        .map(|s| format!("{} {}", s.name, s.outcome))
        .collect();
    assert_eq!(steps, GOOD_STEPS);
    let job = house.world.job(&second, "to-test").await;
    assert_eq!(job.deployment_id.as_deref(), Some(done.id.as_str()));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_does_not_get_ready_or_fails_its_smoke_never_sees_a_user() {
    let house = House::new().await;
    let first = house.release(TEST_ONLY, "50ms", "well", "one").await;
    house.job_is(&first, "to-test", Status::Success).await;
    let serving = house.environment("test").await.active_release;
    let at = house.public_address("test").await;
    let load = Load::start(at);
    for (behaviour, said) in [("smokes", "404"), ("dies-after:1", "exited with status 3")] {
        let bad = house.release(TEST_ONLY, "50ms", behaviour, behaviour).await;
        house.job_is(&bad, "to-test", Status::Failed).await;
        let job = house.world.job(&bad, "to-test").await;
        assert_eq!(job.failure_reason.as_deref(), Some("deployment_failed"));
        let message = job.failure_message.unwrap();
        assert!(message.contains(said), "{message}");
        assert_eq!(house.deployments().await[0].state, "failed");
        let now = house.environment("test").await;
        assert_eq!(
            (now.active_release.clone(), now.state.as_str()),
            (serving.clone(), "serving")
        );
        let idle = now.slots.iter().filter(|slot| slot.role == "idle");
        assert_eq!(idle.filter(|slot| slot.health == "stopped").count(), 2);
    }
    load.end_without_failure().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_uses_more_than_it_may_fails_and_says_so_in_both_languages() {
    let house = House::new().await;
    let first = house.release(TEST_ONLY, "50ms", "well", "one").await;
    house.job_is(&first, "to-test", Status::Success).await;
    let load = Load::start(house.public_address("test").await);
    // A candidate (a service is looked at five times a second, so it may just be serving), a version
    // that serves already, and one that asks for more than the house gives.
    for (behaviour, memory, bake, said, zh) in [
        (
            "eats-after:1",
            "64MiB",
            "20s",
            "the limit is 64 MiB",
            "占用内存",
        ),
        (
            "eats-after:2500",
            "64MiB",
            "20s",
            "the limit is 64 MiB",
            "占用内存",
        ),
        ("well", "9GiB", "50ms", "asks for 9 GiB", "最多给予 2 GiB"),
    ] {
        let line = format!("stop_timeout = \"2s\"\nmemory = \"{memory}\"");
        let definition = definition(bake).replace("stop_timeout = \"2s\"", &line);
        let mark = format!("{behaviour} {memory}");
        let bad = house
            .release_defined(TEST_ONLY, &definition, behaviour, &mark, "")
            .await;
        house.job_is(&bad, "to-test", Status::Failed).await;
        let message = house.world.job(&bad, "to-test").await.failure_message;
        let message = message.unwrap_or_default();
        let text = rialto_delivery_engine::words::Text::of(&message);
        assert!(text.is_known(), "{text:?}");
        // One that serves fails users by its end, who may be seen before it: it is told all the same.
        assert!(message.contains(said), "{message}");
        assert!(text.zh.contains(zh), "{text:?}");
        assert_eq!(house.environment("test").await.state, "serving");
    }
    load.end_without_failure().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_gate_deploys_nothing() {
    let house = House::new().await;
    let bad = "<failure message=\"no\"/>";
    let pipeline = house
        .release_tested(TEST_ONLY, "50ms", "well", "one", bad)
        .await;
    house.job_is(&pipeline, "to-test", Status::Failed).await;
    let job = house.world.job(&pipeline, "to-test").await;
    assert_eq!(
        job.failure_reason.as_deref(),
        Some("gate_failed"),
        "{:?}",
        job.failure_message
    );
    let refused = house.deployments().await.remove(0);
    assert_eq!(refused.state, "rejected");
    assert!(
        refused.reasons[0].contains("did not pass"),
        "{:?}",
        refused.reasons
    );
    assert!(house.environment("test").await.active_release.is_none());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_deployments_into_one_environment_follow_each_other() {
    let house = House::new().await;
    let first = house.release(TEST_ONLY, "400ms", "well", "one").await;
    let second = house.release(TEST_ONLY, "50ms", "well", "two").await;
    house.job_is(&first, "to-test", Status::Success).await;
    house.job_is(&second, "to-test", Status::Success).await;
    let all = house.deployments().await;
    let (second, first) = (&all[0], &all[1]);
    assert!(
        second.started_at >= first.finished_at,
        "{first:#?} {second:#?}"
    );
    assert_eq!(
        slot(&house.environment("test").await, "active")
            .version
            .as_deref(),
        Some(second.release.version.as_str())
    );
    house.close().await;
}

/// The second is checked while the first one's traffic moves: what it reads then is soon old.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_waits_neither_takes_a_switch_for_drift_nor_writes_over_it() {
    let house = House::new().await;
    // The route is set up; the switch waits.
    house.relay.allow_changes(1);
    let first = house.release(TEST_ONLY, "50ms", "well", "one").await;
    house.newest_deployment_is("switching").await;
    let second = house.release(TEST_ONLY, "50ms", "well", "two").await;
    house.newest_deployment_is("queued").await;
    house.relay.allow_changes(usize::MAX);
    house.job_is(&first, "to-test", Status::Success).await;
    house.job_is(&second, "to-test", Status::Success).await;
    let all = house.deployments().await;
    let served = slot(&house.environment("test").await, "active")
        .version
        .clone();
    assert_eq!(served.as_deref(), Some(all[0].release.version.as_str()));
    house.close().await;
}

/// A deployment that has no lock has nothing to say about slots and traffic.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_deployment_leaves_the_environment_as_it_is() {
    let house = House::new().await;
    let first = house.release(TEST_ONLY, "50ms", "well", "one").await;
    house.job_is(&first, "to-test", Status::Success).await;
    let before = house.environment("test").await;
    let second = house
        .release_tested(TEST_ONLY, "50ms", "well", "two", "<failure/>")
        .await;
    house.job_is(&second, "to-test", Status::Failed).await;
    house.newest_deployment_is("rejected").await;
    let after = house.environment("test").await;
    assert_eq!(after.last_deployment_id, before.last_deployment_id);
    assert_eq!(
        after.active_release.unwrap().digest,
        before.active_release.unwrap().digest
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_artifact_fails_the_job_by_name() {
    let house = House::new().await;
    let definition = definition("50ms");
    let files = [
        (".gitlab-ci.yml", TEST_ONLY),
        (".rialto/release.toml", definition.as_str()),
    ];
    let id = house.world.push("main", &files).await.summary.id;
    assert_eq!(house.world.pass().await, "package");
    house.job_is(&id, "to-test", Status::Failed).await;
    let job = house.world.job(&id, "to-test").await;
    assert_eq!(job.failure_reason.as_deref(), Some("missing_dependency"));
    assert!(
        job.failure_message
            .unwrap()
            .contains("`package` left no artifact archive")
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_deploys_by_itself_is_recorded_without_traffic_steps() {
    let house = House::new().await;
    let pipeline = "
stages: [build, ship]
package:
  stage: build
  script: [x]
  artifacts: {paths: [serve], reports: {junit: report.xml}}
by-hand:
  stage: ship
  script: [x]
  environment: {name: review/one}
";
    let id = house.release(pipeline, "50ms", "well", "one").await;
    assert_eq!(house.world.pass().await, "by-hand");
    let job = house.world.job(&id, "by-hand").await;
    assert_eq!(job.status, Status::Success);
    house
        .world
        .until("the record", || async {
            !house.deployments().await.is_empty()
        })
        .await;
    let record = house.deployments().await.remove(0);
    assert_eq!(
        (record.state.as_str(), record.environment.name.as_str()),
        ("succeeded", "review/one")
    );
    assert!(record.steps.is_empty() && record.job_id == Some(job.id));
    let shown = house.environment("review/one").await;
    assert_eq!(
        (shown.tier.as_str(), shown.can_roll_back),
        ("development", false)
    );
    assert_eq!(shown.active_release.unwrap().digest, record.release.digest);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_release_is_made_of_is_kept_beyond_its_expiry() {
    let house = House::new().await;
    let id = house.release(TEST_ONLY, "100ms", "well", "one").await;
    house.job_is(&id, "to-test", Status::Success).await;
    let view = house.world.view(&id).await;
    assert!(view.release_id.is_some());
    let archives = view.stages.iter().flat_map(|stage| &stage.jobs);
    let mut archives = archives.flat_map(|job| &job.artifacts);
    assert!(
        archives.any(|file| file.kind == "archive" && file.expires_at.is_some()),
        "it would expire"
    );
    let late = std::time::SystemTime::now() + Duration::from_secs(400 * 86_400);
    let removed = house.world.delivery.remove_expired_before(late).await;
    assert_eq!(removed.unwrap(), 0);
    house.close().await;
}
