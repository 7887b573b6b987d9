use std::sync::{Arc, Mutex};

use rialto_delivery_engine::{Boxed, Delivery, DeliveryError, ManagedDeployments, ManagedJob};
use rialto_delivery_run::assignment::JobResult;
use rialto_delivery_run::event::DeploymentPhase;
use rialto_delivery_run::state::Status;
use rialto_delivery_store::ids::JobId;

use crate::world::{World, developer};

const RELEASE: &str = r#"
[artifact]
job = "package"
[service]
command = ["./serve"]
ready_timeout = "5s"
stop_timeout = "1s"
[health]
path = "/healthz"
interval = "500ms"
timeout = "1s"
consecutive = 3
failure_limit = 3
[environments.production]
tier = "production"
strategy = "blue_green"
bake = "1s"
approvals = 1
"#;

const CONFIG: &str = "
stages: [build, deploy]
package: {stage: build, script: [x]}
ship:
  stage: deploy
  script: [echo deploy]
  environment: {name: production}
";

/// Notes what it is asked.
#[derive(Default)]
struct Recorder {
    started: Mutex<Vec<ManagedJob>>,
    cancelled: Mutex<Vec<JobId>>,
}

impl ManagedDeployments for Recorder {
    fn start(&self, job: ManagedJob) -> Boxed<'_, ()> {
        self.started.lock().unwrap().push(job);
        Box::pin(async {})
    }

    fn cancel(&self, job: JobId) -> Boxed<'_, ()> {
        self.cancelled.lock().unwrap().push(job);
        Box::pin(async {})
    }
}

async fn begun(world: &World, recorder: &Arc<Recorder>) -> (String, JobId, Delivery) {
    world.delivery.set_controller(recorder.clone());
    let files = [
        (".gitlab-ci.yml", CONFIG),
        (".rialto/release.toml", RELEASE),
    ];
    let id = world.push("main", &files).await.summary.id;
    assert_eq!(world.pass().await, "package");
    world
        .until("the start", || async {
            !recorder.started.lock().unwrap().is_empty()
        })
        .await;
    assert!(world.take().await.is_none(), "no runner gets a managed job");
    let job = recorder.started.lock().unwrap()[0].clone();
    assert_eq!(
        (job.environment.as_str(), job.status),
        ("production", Status::Preparing)
    );
    (id, job.job, world.delivery.clone())
}

#[tokio::test]
async fn a_managed_deployment_is_carried_out_by_the_controller() {
    for world in World::all().await {
        let recorder = Arc::new(Recorder::default());
        let (id, job, delivery) = begun(&world, &recorder).await;
        delivery
            .deployment_phase(&job, DeploymentPhase::AwaitingApproval)
            .await
            .unwrap();
        assert_eq!(world.job(&id, "ship").await.status, Status::Manual);
        let played = delivery.play_job(&developer(), &job).await;
        assert!(
            matches!(played, Err(DeliveryError::Refused { .. })),
            "approvals decide"
        );
        assert!(!world.job(&id, "ship").await.playable);
        delivery
            .deployment_phase(&job, DeploymentPhase::Queued)
            .await
            .unwrap();
        delivery
            .deployment_phase(&job, DeploymentPhase::Deploying)
            .await
            .unwrap();
        delivery
            .append_system_log(&job, b"switching\n")
            .await
            .unwrap();
        assert_eq!(world.job(&id, "ship").await.log_bytes, 10);
        delivery.finish_job(&job, JobResult::Success).await.unwrap();
        assert_eq!(world.status(&id).await, Status::Success);
        assert_eq!(recorder.started.lock().unwrap().len(), 1);
        let again = delivery
            .finish_job(&job, JobResult::Canceled)
            .await
            .unwrap();
        assert_eq!(again, Status::Success);
    }
}

#[tokio::test]
async fn a_managed_deployment_under_way_is_handed_over_again_after_a_restart() {
    for mut world in World::all().await {
        let recorder = Arc::new(Recorder::default());
        let (id, job, delivery) = begun(&world, &recorder).await;
        delivery
            .deployment_phase(&job, DeploymentPhase::Deploying)
            .await
            .unwrap();
        world.restart_with(Some(recorder.clone())).await;
        world
            .until("the hand-over", || async {
                recorder.started.lock().unwrap().len() == 2
            })
            .await;
        assert_eq!(recorder.started.lock().unwrap()[1].status, Status::Running);
        world.delivery.cancel_job(&developer(), &job).await.unwrap();
        world
            .until("the cancel", || async {
                !recorder.cancelled.lock().unwrap().is_empty()
            })
            .await;
        world
            .delivery
            .finish_job(&job, JobResult::Canceled)
            .await
            .unwrap();
        assert_eq!(world.job(&id, "ship").await.status, Status::Canceled);
    }
}

#[tokio::test]
async fn without_a_controller_a_managed_job_fails_and_says_so() {
    for world in World::all().await {
        let files = [
            (".gitlab-ci.yml", CONFIG),
            (".rialto/release.toml", RELEASE),
        ];
        let id = world.push("main", &files).await.summary.id;
        world.pass().await;
        world
            .until("the failure", || async {
                world.status(&id).await == Status::Failed
            })
            .await;
        let job = world.job(&id, "ship").await;
        assert_eq!(job.failure_reason.as_deref(), Some("unmet_prerequisites"));
    }
}

#[tokio::test]
async fn a_faulty_release_definition_is_a_configuration_error() {
    for world in World::all().await {
        let files = [
            (".gitlab-ci.yml", CONFIG),
            (".rialto/release.toml", "[artifact]\njbo = 1\n"),
        ];
        let pipeline = world.push("main", &files).await;
        assert_eq!(pipeline.summary.status, Status::Failed);
        let error = &pipeline.summary.config_errors[0];
        assert_eq!(error.file, ".rialto/release.toml");
    }
}
