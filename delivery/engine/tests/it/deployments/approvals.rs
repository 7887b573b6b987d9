use rialto_delivery_engine::DeliveryError;
use rialto_delivery_git::{RepositoryName, ZERO_SHA};
use rialto_delivery_run::state::Status;
use rialto_delivery_store::ids::DeploymentId;
use rialto_platform_evidence::{Outcome, VerifyOptions, verify_bundle};
use rialto_platform_identity::{Auth, Role};
use rialto_platform_store::params;

use super::house::{House, PIPELINE};
use crate::world::{World, person};

async fn waiting(house: &House) -> (String, DeploymentId) {
    let pipeline = house.release(PIPELINE, "50ms", "well", "one").await;
    house.job_is(&pipeline, "to-test", Status::Success).await;
    house
        .job_is(&pipeline, "to-production", Status::Manual)
        .await;
    let id = house.deployments().await[0].id.parse().unwrap();
    (pipeline, id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn production_waits_for_a_person_who_is_no_author_and_the_evidence_is_complete() {
    for world in World::all().await {
        let house = House::over(world).await;
        let (pipeline, id) = waiting(&house).await;
        let controller = house.controller();
        let author = person("lin", &[Role::ReleaseManager]);
        let refused = controller.approve(&author, &id, "mine").await.unwrap_err();
        assert!(refused.to_string().contains("author"), "{refused}");
        let seen = controller.deployment(&author, &id).await.unwrap();
        assert!(!seen.may_approve && seen.why_not_approve.unwrap().contains("author"));
        let mut machine = person("bot", &[Role::ReleaseManager]);
        machine.auth = Auth::System;
        assert!(controller.approve(&machine, &id, "").await.is_err());
        let roleless = person("dev", &[Role::Developer]);
        let denied = controller.approve(&roleless, &id, "").await.unwrap_err();
        assert!(matches!(denied, DeliveryError::Denied(_)), "{denied}");
        assert_eq!(
            house.world.job(&pipeline, "to-production").await.status,
            Status::Manual
        );

        let manager = person("wang", &[Role::ReleaseManager]);
        assert!(
            controller
                .deployment(&manager, &id)
                .await
                .unwrap()
                .may_approve
        );
        controller
            .approve(&manager, &id, "looks right")
            .await
            .unwrap();
        house
            .job_is(&pipeline, "to-production", Status::Success)
            .await;
        let done = controller.deployment(&manager, &id).await.unwrap();
        assert_eq!(done.approvals[0].comment, "looks right");
        let twice = controller
            .approve(&manager, &id, "again")
            .await
            .unwrap_err();
        assert!(twice.to_string().contains("not waiting"), "{twice}");

        let release = done.release.id.parse().unwrap();
        let bundle = controller.release_bundle(&release).await.unwrap();
        let bytes = bundle.write(Vec::new()).unwrap();
        let report = verify_bundle(bytes.as_slice(), &VerifyOptions::default()).unwrap();
        assert_eq!(report.outcome, Outcome::Intact, "{report:#?}");
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_or_no_answer_fails_the_job_for_want_of_approval() {
    let house = House::new().await;
    let (pipeline, id) = waiting(&house).await;
    let manager = person("wang", &[Role::ReleaseManager]);
    house
        .controller()
        .reject(&manager, &id, "not today")
        .await
        .unwrap();
    house
        .job_is(&pipeline, "to-production", Status::Failed)
        .await;
    let job = house.world.job(&pipeline, "to-production").await;
    assert_eq!(job.failure_reason.as_deref(), Some("approval_missing"));
    assert!(job.failure_message.unwrap().contains("not today"));

    let (pipeline, id) = waiting(&house).await;
    let mut tx = house.world.delivery.db().begin().await.unwrap();
    tx.execute(
        "UPDATE deployment SET approval_expires_at = 1 WHERE id = $1",
        params![&id],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    house
        .job_is(&pipeline, "to-production", Status::Failed)
        .await;
    let job = house.world.job(&pipeline, "to-production").await;
    assert_eq!(job.failure_reason.as_deref(), Some("approval_missing"));
    assert_eq!(
        house
            .controller()
            .deployment(&manager, &id)
            .await
            .unwrap()
            .state,
        "expired"
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_can_be_cancelled_until_traffic_moves() {
    let house = House::new().await;
    let (pipeline, id) = waiting(&house).await;
    let manager = person("wang", &[Role::ReleaseManager]);
    house.controller().cancel(&manager, &id).await.unwrap();
    house
        .job_is(&pipeline, "to-production", Status::Canceled)
        .await;
    assert_eq!(
        house
            .controller()
            .deployment(&manager, &id)
            .await
            .unwrap()
            .state,
        "canceled"
    );
    let late = house.controller().cancel(&manager, &id).await.unwrap_err();
    assert!(late.to_string().contains("has ended"), "{late}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn production_wants_the_same_digest_in_test_first() {
    let house = House::new().await;
    let only = "
stages: [build, live]
package:
  stage: build
  script: [x]
  artifacts: {paths: [serve], reports: {junit: report.xml}}
to-production:
  stage: live
  script: [x]
  environment: {name: production}
";
    let pipeline = house.release(only, "50ms", "well", "one").await;
    house
        .job_is(&pipeline, "to-production", Status::Failed)
        .await;
    let job = house.world.job(&pipeline, "to-production").await;
    assert_eq!(job.failure_reason.as_deref(), Some("unmet_prerequisites"));
    assert!(
        job.failure_message
            .unwrap()
            .contains("not deployed to environment test")
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_pushed_an_unreleased_commit_does_not_approve_it_whatever_its_author_is_called() {
    for world in World::all().await {
        let house = House::over(world).await;
        let approver = person("wang", &[Role::ReleaseManager]);
        // The commit names somebody else; the developer's own commit comes on top.
        let ghost = house.world.commit("main", &[("ghost", "x")], "x").await;
        house
            .world
            .pushed_by(&approver, "main", ZERO_SHA, &ghost)
            .await;
        let (pipeline, id) = waiting(&house).await;
        let controller = house.controller();
        let refused = controller.approve(&approver, &id, "").await.unwrap_err();
        assert!(refused.to_string().contains("you pushed"), "{refused}");
        let seen = controller.deployment(&approver, &id).await.unwrap();
        assert!(!seen.may_approve);
        let other = person("zhao", &[Role::ReleaseManager]);
        controller.approve(&other, &id, "").await.unwrap();
        house
            .job_is(&pipeline, "to-production", Status::Success)
            .await;
        // Released now, so the next change is none of theirs.
        let (_, id) = waiting(&house).await;
        let seen = controller.deployment(&approver, &id).await.unwrap();
        assert!(seen.may_approve, "{:?}", seen.why_not_approve);
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_taken_from_the_middle_of_somebodys_push_is_still_theirs() {
    let house = House::new().await;
    let approver = person("wang", &[Role::ReleaseManager]);
    let first = house.world.commit("topic", &[("ghost", "x")], "x").await;
    let second = house.world.commit("topic", &[("ghost", "y")], "y").await;
    house
        .world
        .pushed_by(&approver, "topic", ZERO_SHA, &second)
        .await;
    let name = RepositoryName::parse(&house.world.project.path).unwrap();
    let repository = house.world.delivery.git().repository(&name).unwrap();
    let moved = std::process::Command::new("git")
        .arg("-C")
        .arg(repository.path())
        .args(["update-ref", "refs/heads/main", &first])
        .status()
        .unwrap();
    assert!(moved.success());
    let (_, id) = waiting(&house).await;
    let refused = house.controller().approve(&approver, &id, "").await;
    let refused = refused.unwrap_err();
    assert!(refused.to_string().contains("you pushed"), "{refused}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_version_that_waits_ends_when_a_newer_one_goes_live() {
    let house = House::new().await;
    let (older, old_id) = waiting(&house).await;
    let (newer, new_id) = waiting(&house).await;
    assert_ne!(old_id, new_id);
    let manager = person("wang", &[Role::ReleaseManager]);
    let controller = house.controller();
    controller.approve(&manager, &new_id, "").await.unwrap();
    house.job_is(&newer, "to-production", Status::Success).await;
    house
        .job_is(&older, "to-production", Status::Canceled)
        .await;
    let ended = controller.deployment(&manager, &old_id).await.unwrap();
    assert_eq!(ended.state, "canceled");
    assert!(ended.reasons[0].contains("superseded"), "{ended:#?}");
    assert!(controller.approve(&manager, &old_id, "").await.is_err());
    house.close().await;
}

/// The definition comes with the change: its author cannot ask for no approval of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_cannot_switch_off_the_approval_of_itself() {
    let house = House::new().await;
    let laxer = super::house::definition("50ms")
        .replace("tier = \"production\"", "tier = \"testing\"")
        .replace("requires = \"test\"\napprovals = 1", "approvals = 0");
    assert!(laxer.contains("approvals = 0") && !laxer.contains("requires"));
    let pipeline = house
        .release_defined(PIPELINE, &laxer, "well", "one", "")
        .await;
    house.job_is(&pipeline, "to-test", Status::Success).await;
    house
        .job_is(&pipeline, "to-production", Status::Manual)
        .await;
    let waiting = house.deployments().await.remove(0);
    assert_eq!(
        (waiting.state.as_str(), waiting.required_approvals),
        ("awaiting_approval", 1)
    );
    let told = waiting.steps.iter().find(|step| step.outcome == "ok");
    assert!(
        told.unwrap().detail.contains("asks for 0"),
        "{:?}",
        waiting.steps
    );
    let shown = house.environment("production").await;
    assert_eq!((shown.tier.as_str(), shown.protected), ("production", true));
    house.close().await;
}
