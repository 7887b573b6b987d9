use std::time::Duration;

use rialto_delivery_engine::DeliveryError;
use rialto_delivery_run::assignment::JobResult;
use rialto_delivery_run::state::Status;

use crate::world::{World, developer};

#[tokio::test]
async fn a_manual_job_waits_for_a_person() {
    for world in World::all().await {
        let id = world
            .configure("go: {script: [x], when: manual, allow_failure: false}\n")
            .await
            .summary
            .id;
        assert_eq!(world.status(&id).await, Status::Manual);
        assert!(world.take().await.is_none());
        let job = world.job(&id, "go").await;
        assert!(job.playable && !job.retryable);
        world
            .delivery
            .play_job(&developer(), &job.id.parse().unwrap())
            .await
            .unwrap();
        let again = world
            .delivery
            .play_job(&developer(), &job.id.parse().unwrap())
            .await;
        assert!(matches!(again, Err(DeliveryError::Refused { .. })));
        assert_eq!(world.pass().await, "go");
        assert_eq!(world.status(&id).await, Status::Success);
    }
}

#[tokio::test]
async fn a_delayed_job_starts_by_itself() {
    for mut world in World::all().await {
        world.restart().await;
        let id = world
            .configure("later: {script: [x], when: delayed, start_in: 1 second}\n")
            .await
            .summary
            .id;
        assert_eq!(world.job(&id, "later").await.status, Status::Scheduled);
        assert!(world.take().await.is_none());
        world
            .until("the timer", || async {
                world.job(&id, "later").await.status == Status::Pending
            })
            .await;
        assert_eq!(world.pass().await, "later");
    }
}

#[tokio::test]
async fn a_cancelled_job_is_never_green() {
    for world in World::all().await {
        let id = world
            .configure("a: {script: [x]}\nb: {script: [x]}\n")
            .await
            .summary
            .id;
        let work = world.take().await.unwrap();
        world
            .delivery
            .cancel_pipeline(&developer(), &id.parse().unwrap())
            .await
            .unwrap();
        assert_eq!(world.status(&id).await, Status::Canceling);
        assert!(world.take().await.is_none(), "the other job is cancelled");
        assert_eq!(work.log(&world, "still here\n").await, Status::Canceling);
        let ended = work.finish(&world, JobResult::Success).await.unwrap();
        assert_eq!(ended, Status::Canceled, "the cancel came first");
        assert_eq!(world.status(&id).await, Status::Canceled);
    }
}

#[tokio::test]
async fn a_retry_is_a_new_attempt_and_the_old_one_stays() {
    for world in World::all().await {
        let id = world
            .configure(
                "stages: [a, b]\none: {stage: a, script: [x]}\ntwo: {stage: b, script: [x]}\n",
            )
            .await
            .summary
            .id;
        world.fail().await;
        assert_eq!(world.status(&id).await, Status::Failed);
        let old = world.job(&id, "one").await;
        let fresh = world
            .delivery
            .retry_job(&developer(), &old.id.parse().unwrap())
            .await
            .unwrap();
        assert_ne!(fresh.as_str(), old.id);
        let again = world
            .delivery
            .retry_job(&developer(), &old.id.parse().unwrap())
            .await;
        assert!(
            matches!(again, Err(DeliveryError::Refused { .. })),
            "{again:?}"
        );
        assert_eq!(world.pass().await, "one");
        assert_eq!(world.pass().await, "two");
        assert_eq!(world.status(&id).await, Status::Success);
        let view = world.view(&id).await;
        let attempts: Vec<(i64, bool)> = view.stages[0]
            .jobs
            .iter()
            .map(|job| (job.attempt, job.superseded))
            .collect();
        assert_eq!(attempts, [(1, true), (2, false)]);
    }
}

#[tokio::test]
async fn automatic_retries_stop_at_their_limit() {
    for world in World::all().await {
        let id = world
            .configure("job: {script: [x], retry: 1}\n")
            .await
            .summary
            .id;
        world.fail().await;
        assert_eq!(world.status(&id).await, Status::Pending);
        world.fail().await;
        assert_eq!(world.status(&id).await, Status::Failed);
        assert_eq!(world.job(&id, "job").await.attempt, 2);
    }
}

#[tokio::test]
async fn a_resource_group_lets_one_job_run_at_a_time_across_pipelines() {
    for world in World::all().await {
        let yaml = "job: {script: [x], resource_group: site}\n";
        let first = world.configure(yaml).await.summary.id;
        let one = world.take().await.unwrap();
        let second = world
            .push("topic", &[(".gitlab-ci.yml", yaml)])
            .await
            .summary
            .id;
        assert_eq!(
            world.job(&second, "job").await.status,
            Status::WaitingForResource
        );
        assert!(world.take().await.is_none());
        world.pass_work(&one).await;
        assert_eq!(world.status(&first).await, Status::Success);
        assert_eq!(world.job(&second, "job").await.status, Status::Pending);
        world.pass().await;
        assert_eq!(world.status(&second).await, Status::Success);
    }
}

#[tokio::test]
async fn a_job_that_no_runner_wants_fails_in_words() {
    let quick = |s: &mut rialto_delivery_engine::DeliverySettings| {
        s.stuck_after = Duration::from_millis(100);
    };
    for mut world in World::all_with(quick).await {
        let id = world
            .configure("job: {script: [x], tags: [mainframe]}\n")
            .await
            .summary
            .id;
        world.restart().await;
        world
            .until("the job to be given up", || async {
                world.status(&id).await == Status::Failed
            })
            .await;
        let job = world.job(&id, "job").await;
        assert_eq!(
            job.failure_reason.as_deref(),
            Some("stuck_or_timeout_failure")
        );
        assert!(job.failure_message.unwrap().contains("mainframe"));
    }
}

#[tokio::test]
async fn coverage_is_taken_from_the_log() {
    for world in World::all().await {
        let id = world
            .configure("job: {script: [x], coverage: '/TOTAL.*?(\\d+\\.\\d+)%/'}\n")
            .await
            .summary
            .id;
        let work = world.take().await.unwrap();
        work.log(&world, "TOTAL 10.0%\n\u{1b}[32mTOTAL 87.5%\u{1b}[0m\n")
            .await;
        world.pass_work(&work).await;
        assert_eq!(
            world.job(&id, "job").await.coverage_percent.as_deref(),
            Some("87.5")
        );
    }
}

#[tokio::test]
async fn a_waiting_job_says_while_it_waits_that_no_runner_can_take_it() {
    for world in World::all().await {
        let file = "plain: {script: [x]}\nspecial: {tags: [gpu], script: [x]}\n";
        let id = world.configure(file).await.summary.id;
        let told = async |name: &str| {
            let job = world.job(&id, name).await;
            let view = world.delivery.job_view(&job.id.parse().unwrap()).await;
            let job_view = view.unwrap().job;
            assert_eq!(
                job_view.waiting_reason, job.waiting_reason,
                "job and pipeline agree"
            );
            job.waiting_text.map(|text| (text.code, text.en))
        };
        for name in ["plain", "special"] {
            let (code, said) = told(name).await.expect("nobody is there");
            assert_eq!(code, "job.no_runner", "{said}");
        }
        // A runner without tags comes and takes the one it can.
        let work = world.take().await.expect("a job waits");
        assert_eq!(told("plain").await, None);
        let (code, said) = told("special").await.expect("nobody carries the tag");
        assert_eq!(code, "job.no_runner_carries", "{said}");
        assert!(said.contains("gpu"), "{said}");
        work.finish(&world, JobResult::Success).await.unwrap();
    }
}
