use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rialto_delivery_engine::{DeliveryError, Holding};
use rialto_delivery_run::assignment::{JobResult, JobVariable};
use rialto_delivery_run::state::{FailureReason, Status};

use crate::world::{Work, World, developer, failed, zip};

const ONE: &str = "job: {script: [x]}\n";

#[tokio::test(flavor = "multi_thread")]
async fn two_runners_never_get_the_same_job() {
    for world in World::all().await {
        let jobs: String = (0..24)
            .map(|n| format!("job{n}: {{script: [x]}}\n"))
            .collect();
        let id = world.configure(&jobs).await.summary.id;
        let world = Arc::new(world);
        let mut runners = Vec::new();
        for n in 0..6 {
            let world = world.clone();
            runners.push(tokio::spawn(async move {
                let mut taken = Vec::new();
                while let Some(work) = world.take_as(&format!("r{n}"), &[], 0).await {
                    taken.push(work.assignment.job_id.clone());
                    work.finish(&world, JobResult::Success).await.unwrap();
                }
                taken
            }));
        }
        let mut all = Vec::new();
        for runner in runners {
            all.extend(runner.await.unwrap());
        }
        let distinct: BTreeSet<&String> = all.iter().collect();
        assert_eq!((all.len(), distinct.len()), (24, 24));
        assert_eq!(world.status(&id).await, Status::Success);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_runner_is_woken_at_once() {
    for world in World::all().await {
        let world = Arc::new(world);
        let waiting = {
            let world = world.clone();
            tokio::spawn(async move {
                let work = world.take_as("r1", &[], 20).await;
                (work.is_some(), Instant::now())
            })
        };
        world
            .until("the runner to wait", || async { !waiting.is_finished() })
            .await;
        world
            .commit("go", &[("x", "y"), (".gitlab-ci.yml", ONE)], "go")
            .await;
        let pushed = Instant::now();
        world.delivery.take_pushes(&world.project).await.unwrap();
        let (got, at) = waiting.await.unwrap();
        assert!(got);
        let took = at.duration_since(pushed);
        println!("push to assignment: {took:?}");
        assert!(took < Duration::from_secs(15), "{took:?}");
    }
}

/// A renewal that waits for news of the job, in the background.
fn waiting_renewal(world: &Arc<World>, work: &Work) -> tokio::task::JoinHandle<Status> {
    let (world, id, lease) = (
        world.clone(),
        work.id.clone(),
        work.assignment.lease.clone(),
    );
    tokio::spawn(async move {
        let wait = Duration::from_secs(20);
        world.delivery.watch_lease(&id, &lease, wait).await.unwrap()
    })
}

/// What it brought, long before the end of its wait.
async fn at_once(renewal: tokio::task::JoinHandle<Status>) -> Status {
    tokio::time::timeout(Duration::from_secs(12), renewal)
        .await
        .expect("answered before its time is over")
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_renewal_brings_the_wish_to_cancel_at_once() {
    for world in World::all().await {
        let id = world
            .configure("a: {script: [x]}\nb: {script: [x]}\n")
            .await
            .summary
            .id;
        let (one, two) = (world.take().await.unwrap(), world.take().await.unwrap());
        let world = Arc::new(world);
        let brief = Duration::from_millis(1);
        let lease = &one.assignment.lease;
        let goes_on = world.delivery.watch_lease(&one.id, lease, brief).await;
        assert_eq!(goes_on.unwrap(), Status::Running);
        let waiting = [&one, &two].map(|work| waiting_renewal(&world, work));
        let [of_one, of_two] = waiting;
        world
            .delivery
            .cancel_job(&developer(), &one.id)
            .await
            .unwrap();
        assert_eq!(at_once(of_one).await, Status::Canceling);
        assert!(!of_two.is_finished(), "the other job goes on");
        let again = waiting_renewal(&world, &one);
        assert_eq!(at_once(again).await, Status::Canceling, "asked again");
        world
            .delivery
            .cancel_pipeline(&developer(), &id.parse().unwrap())
            .await
            .unwrap();
        assert_eq!(at_once(of_two).await, Status::Canceling);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_renewal_does_not_hold_up_a_stop_or_outlive_its_lease() {
    for world in World::all().await {
        world.configure(ONE).await;
        let work = world.take().await.unwrap();
        let world = Arc::new(world);
        let wait = Duration::from_secs(20);
        let forged = world.delivery.watch_lease(&work.id, "forged", wait).await;
        assert!(matches!(forged, Err(DeliveryError::StaleLease { .. })));
        let renewal = waiting_renewal(&world, &work);
        world.delivery.stop();
        assert_eq!(at_once(renewal).await, Status::Running);
    }
}

#[tokio::test]
async fn a_job_goes_only_to_a_runner_that_carries_all_its_tags() {
    for world in World::all().await {
        world
            .configure("job: {script: [x], tags: [linux, gpu]}\n")
            .await;
        assert!(world.take_as("a", &["linux"], 0).await.is_none());
        assert!(
            world
                .take_as("b", &["gpu", "linux", "x"], 0)
                .await
                .is_some()
        );
    }
}

#[tokio::test]
async fn a_result_sent_twice_changes_nothing_and_a_false_lease_is_refused() {
    for world in World::all().await {
        let id = world.configure(ONE).await.summary.id;
        let work = world.take().await.unwrap();
        let outcome = || work.outcome(JobResult::Success);
        let delivery = &world.delivery;
        let forged = delivery.finish_leased(&work.id, "forged", outcome()).await;
        assert!(matches!(forged, Err(DeliveryError::StaleLease { .. })));
        let forged = delivery
            .append_trace(&work.id, "forged", 0, b"x".to_vec())
            .await;
        assert!(matches!(forged, Err(DeliveryError::StaleLease { .. })));
        assert!(delivery.renew_lease(&work.id, "forged").await.is_err());
        let lease = &work.assignment.lease;
        assert_eq!(
            delivery.renew_lease(&work.id, lease).await.unwrap(),
            Status::Running
        );
        for _ in 0..2 {
            let ended = delivery
                .finish_leased(&work.id, lease, outcome())
                .await
                .unwrap();
            assert_eq!(ended, Status::Success);
        }
        let other = work.outcome(failed(FailureReason::ScriptFailure));
        let late = delivery
            .finish_leased(&work.id, lease, other)
            .await
            .unwrap();
        assert_eq!(late, Status::Success, "the first word stands");
        let version = world.job(&id, "job").await;
        assert_eq!((version.status, version.attempt), (Status::Success, 1));
    }
}

#[tokio::test]
async fn a_log_is_stored_once_whatever_is_sent_again() {
    for world in World::all().await {
        world.configure(ONE).await;
        let work = world.take().await.unwrap();
        let (delivery, lease) = (&world.delivery, &work.assignment.lease);
        let send = |from, text: &str| {
            delivery.append_trace(&work.id, lease, from, text.as_bytes().to_vec())
        };
        assert_eq!(send(0, "one\ntwo\n").await.unwrap().accepted_bytes, 8);
        assert_eq!(send(0, "one\ntwo\n").await.unwrap().accepted_bytes, 8);
        assert_eq!(send(4, "two\nthree").await.unwrap().accepted_bytes, 13);
        let gap = send(50, "x").await.unwrap_err();
        assert!(matches!(gap, DeliveryError::LogOffset { accepted: 13 }));
        let lines = delivery.log_lines(&work.id, 0, 100).await.unwrap();
        let texts: Vec<&str> = lines.lines.iter().map(|l| l.text.as_str()).collect();
        assert_eq!(texts, ["one", "two", "three"]);
        assert!(!lines.complete);
        let tail = delivery.log_lines(&work.id, -1, 100).await.unwrap();
        assert_eq!((tail.from, tail.lines[0].offset), (2, 8));
        let found = delivery.log_search(&work.id, "TWO", 10).await.unwrap();
        assert_eq!((found.total, found.matches[0].line), (1, 1));
        let mut outcome = work.outcome(JobResult::Success);
        outcome.log_bytes = 99;
        let early = delivery
            .finish_leased(&work.id, lease, outcome.clone())
            .await;
        assert!(matches!(
            early,
            Err(DeliveryError::LogOffset { accepted: 13 })
        ));
        outcome.log_bytes = 13;
        delivery
            .finish_leased(&work.id, lease, outcome)
            .await
            .unwrap();
        let bytes = delivery.log_bytes(&work.id, 4, Some(3)).await.unwrap();
        assert_eq!(
            (bytes.bytes.as_slice(), bytes.total, bytes.complete),
            (&b"two"[..], 13, true)
        );
    }
}

#[tokio::test]
async fn a_job_is_no_success_before_its_files_are_there() {
    for world in World::all().await {
        let id = world
            .configure("job:\n  script: [x]\n  artifacts: {paths: [out], expire_in: 1 day}\n")
            .await
            .summary
            .id;
        let work = world.take().await.unwrap();
        let archive = zip(&[("out/a.txt", "hello")]);
        let mut outcome = work.outcome(JobResult::Success);
        let digest = "ab".repeat(32);
        outcome.files = vec![rialto_delivery_run::assignment::OutcomeFile {
            kind: "archive".into(),
            name: "artifacts.zip".into(),
            path: String::new(),
            sha256: digest,
            size: 1,
        }];
        let (delivery, lease) = (&world.delivery, &work.assignment.lease);
        let early = delivery.finish_leased(&work.id, lease, outcome).await;
        assert!(
            matches!(early, Err(DeliveryError::Refused { .. })),
            "{early:?}"
        );
        assert_eq!(world.job(&id, "job").await.status, Status::Running);
        work.upload(&world, "archive", "artifacts.zip", &archive)
            .await
            .unwrap();
        world.pass_work(&work).await;
        let job = world.job(&id, "job").await;
        assert_eq!(job.status, Status::Success);
        assert_eq!(job.artifacts[0].size, archive.len() as i64);
        assert!(job.artifacts[0].expires_at.is_some());
        let file = delivery.artifact_file(&work.id, "archive").await.unwrap();
        assert_eq!(std::fs::read(file.path).unwrap(), archive);
    }
}

#[tokio::test]
async fn an_archive_that_leads_out_of_its_folder_is_refused() {
    for world in World::all().await {
        world.configure(ONE).await;
        let work = world.take().await.unwrap();
        let trap = zip(&[("../../etc/cron.d/x", "bad")]);
        let refused = work
            .upload(&world, "archive", "a.zip", &trap)
            .await
            .unwrap_err();
        assert!(
            refused.to_string().contains("leads out of the folder"),
            "{refused}"
        );
        let refused = work
            .upload(&world, "archive", "a.zip", b"no zip")
            .await
            .unwrap_err();
        assert!(
            refused.to_string().contains("not a zip archive"),
            "{refused}"
        );
        let refused = work.upload(&world, "core", "a", b"x").await.unwrap_err();
        assert!(
            matches!(refused, DeliveryError::Invalid { .. }),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn artifacts_and_dotenv_reach_the_jobs_that_need_them() {
    for world in World::all().await {
        world
            .configure(
                "stages: [build, test]
make:
  stage: build
  script: [x]
  artifacts: {paths: [out]}
use:
  stage: test
  needs: [make]
  script: [x]
free:
  stage: test
  needs: []
  script: [x]
",
            )
            .await;
        let first = world.take().await.unwrap();
        let second = world.take().await.unwrap();
        let (make, free) = match first.assignment.job_name.as_str() {
            "make" => (first, second),
            _ => (second, first),
        };
        assert!(free.assignment.dependencies.is_empty());
        let archive = zip(&[("out/a.txt", "hello")]);
        make.upload(&world, "archive", "artifacts.zip", &archive)
            .await
            .unwrap();
        let mut outcome = make.outcome(JobResult::Success);
        outcome.dotenv = vec![JobVariable {
            key: "VERSION".into(),
            value: "1.2 $X".into(),
            masked: false,
            file: false,
        }];
        let lease = &make.assignment.lease;
        world
            .delivery
            .finish_leased(&make.id, lease, outcome)
            .await
            .unwrap();
        let work = world.take().await.unwrap();
        assert_eq!(work.value("VERSION"), Some("1.2 $X"));
        let source = &work.assignment.dependencies[0];
        assert_eq!(
            (source.job_name.as_str(), source.size),
            ("make", archive.len() as u64)
        );
        assert!(
            source
                .location
                .ends_with(&format!("/runner/artifacts/{}", make.id))
        );
        let asking = &work.assignment.lease;
        let file = world
            .delivery
            .archive_for_lease(&make.id, asking)
            .await
            .unwrap();
        assert_eq!(file.sha256, source.sha256);
        let stranger = world.delivery.archive_for_lease(&make.id, "x").await;
        assert!(matches!(stranger, Err(DeliveryError::StaleLease { .. })));
        std::fs::remove_file(file.path).unwrap();
    }
}

#[tokio::test]
async fn a_job_whose_artifacts_are_gone_fails_and_says_so() {
    for world in World::all().await {
        let id = world
            .configure(
                "stages: [build, test]
make: {stage: build, script: [x], artifacts: {paths: [out]}}
use: {stage: test, script: [x]}
",
            )
            .await
            .summary
            .id;
        let make = world.take().await.unwrap();
        make.upload(&world, "archive", "a.zip", &zip(&[("a", "b")]))
            .await
            .unwrap();
        world.pass_work(&make).await;
        let file = world
            .delivery
            .artifact_file(&make.id, "archive")
            .await
            .unwrap();
        std::fs::remove_file(file.path).unwrap();
        assert!(world.take().await.is_none());
        let job = world.job(&id, "use").await;
        assert_eq!(job.failure_reason.as_deref(), Some("missing_dependency"));
        assert!(
            job.failure_message
                .unwrap()
                .contains("retry that job first")
        );
    }
}

#[tokio::test]
async fn a_lost_lease_fails_the_job_and_its_late_reports_are_refused() {
    let quick = |s: &mut rialto_delivery_engine::DeliverySettings| {
        s.lease_grace = Duration::from_millis(150);
    };
    for mut world in World::all_with(quick).await {
        let id = world
            .configure("job: {script: [x], retry: {max: 1, when: runner_system_failure}}\n")
            .await
            .summary
            .id;
        world.restart().await;
        let work = world.take().await.unwrap();
        world
            .until("the lease to be lost", || async {
                world.job(&id, "job").await.attempt == 2
            })
            .await;
        let again = world.job(&id, "job").await;
        assert_eq!(
            again.status,
            Status::Pending,
            "retry: runner_system_failure"
        );
        let late = work.finish(&world, JobResult::Success).await;
        assert!(
            matches!(late, Err(DeliveryError::StaleLease { .. })),
            "{late:?}"
        );
        assert_eq!(world.job(&id, "job").await.attempt, 2);
        let first = world.delivery.job_view(&work.id).await.unwrap();
        assert!(first.job.superseded);
        assert_eq!(
            first.job.failure_reason.as_deref(),
            Some("runner_system_failure")
        );
    }
}

#[tokio::test]
async fn a_job_that_never_reached_its_runner_is_queued_again_and_nothing_else() {
    for world in World::all().await {
        let id = world.configure("job: {script: [x]}\n").await.summary.id;
        let take = async |instance: &str, jobs: &[&str]| {
            let jobs = jobs.iter().map(|id| (*id).to_owned()).collect();
            let instance = instance.to_owned();
            let holding = Some(Holding { instance, jobs });
            world.take_holding("r1", &[], 0, holding).await
        };
        let lost = take("one", &[]).await.unwrap();
        assert!(lost.assignment.lease.starts_with("one."));
        // Another directory of the same name, a runner that says nothing, and the holder itself.
        assert!(take("two", &[]).await.is_none());
        assert!(world.take().await.is_none());
        assert!(take("one", &[&lost.assignment.job_id]).await.is_none());
        assert_eq!(world.job(&id, "job").await.status, Status::Running);
        // Its answer was lost: it asks and holds nothing.
        let again = take("one", &[]).await.unwrap();
        assert_eq!(again.assignment.job_id, lost.assignment.job_id);
        assert_ne!(again.assignment.lease, lost.assignment.lease);
        let late = lost.finish(&world, JobResult::Success).await;
        assert!(
            matches!(late, Err(DeliveryError::StaleLease { .. })),
            "{late:?}"
        );
        assert_eq!(world.job(&id, "job").await.attempt, 1);
        again.finish(&world, JobResult::Success).await.unwrap();
        assert_eq!(world.status(&id).await, Status::Success);
        assert!(
            take("one", &[]).await.is_none(),
            "what has ended is not queued again"
        );
    }
}

#[tokio::test]
async fn a_cancelled_job_that_never_reached_its_runner_is_over_when_the_runner_asks() {
    for world in World::all().await {
        let id = world.configure("job: {script: [x]}\n").await.summary.id;
        let holding = Some(Holding {
            instance: "one".to_owned(),
            jobs: Vec::new(),
        });
        let work = world.take_holding("r1", &[], 0, holding.clone()).await;
        let job = work.unwrap().id;
        world.delivery.cancel_job(&developer(), &job).await.unwrap();
        assert_eq!(world.job(&id, "job").await.status, Status::Canceling);
        assert!(world.take_holding("r1", &[], 0, holding).await.is_none());
        assert_eq!(world.job(&id, "job").await.status, Status::Canceled);
    }
}
