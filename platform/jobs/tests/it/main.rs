//! Background jobs on both engines: idempotent, leased, repeated, never lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rialto_platform_jobs::{
    BackgroundJobId, Enqueued, JobContext, JobError, JobStatus, Jobs, MIGRATIONS, Policy,
    STATEMENTS, find_job, list_jobs, retry_dead_job,
};
use rialto_platform_store::testing::{TestDb, engines, explain_all};
use rialto_platform_store::{Db, Migration, MigrationSet, from_micros, now, params, to_micros};
use serde_json::json;

const SETS: &[MigrationSet] = &[
    MIGRATIONS,
    MigrationSet {
        system: "sample",
        migrations: &[Migration {
            version: 1,
            name: "effect",
            sql: "CREATE TABLE effect (job TEXT NOT NULL PRIMARY KEY)",
            sqlite: None,
            postgres: None,
        }],
    },
];

const EAGER: Policy = Policy {
    max_attempts: 3,
    first_pause: Duration::ZERO,
    longest_pause: Duration::ZERO,
    lease: Duration::from_secs(30),
};

async fn enqueue(db: &Db, kind: &str, key: &str) -> Enqueued {
    let mut tx = db.begin().await.expect("begins");
    let jobs = Jobs::new(db);
    let enqueued = jobs
        .enqueue(&mut tx, kind, key, &json!({"for": key}), now())
        .await;
    tx.commit().await.expect("commits");
    enqueued.expect("enqueues")
}

async fn status(db: &Db, id: &BackgroundJobId) -> (JobStatus, u32, Option<String>) {
    let job = find_job(db, id).await.expect("reads").expect("exists");
    (job.status, job.attempt, job.last_error)
}

/// A handler that counts its calls and fails the first `failures` of them.
fn failing(failures: u32) -> (Arc<AtomicU32>, impl Fn(JobContext) -> Outcome + Clone) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let handler = move |_: JobContext| {
        let call = counted.fetch_add(1, Ordering::SeqCst);
        let result = if call < failures {
            Err(JobError::Retry(format!("failure {call}")))
        } else {
            Ok(())
        };
        std::future::ready(result)
    };
    (calls, handler)
}

type Outcome = std::future::Ready<Result<(), JobError>>;

#[tokio::test]
async fn every_statement_is_accepted_by_both_engines() {
    for db in engines(SETS).await {
        explain_all(&db, STATEMENTS).await;
    }
}

#[tokio::test]
async fn a_key_is_enqueued_once_and_run_once() {
    for db in engines(SETS).await {
        let first = enqueue(&db, "mail", "a").await;
        let second = enqueue(&db, "mail", "a").await;
        assert!(matches!(&first, Enqueued::New(_)));
        assert_eq!(second, Enqueued::Existing(first.id().clone()));
        let (calls, handler) = failing(0);
        let mut jobs = Jobs::new(&db);
        jobs.register("mail", handler);
        assert_eq!(jobs.run_due().await.expect("runs"), 1);
        assert_eq!(jobs.run_due().await.expect("runs"), 0);
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert_eq!(status(&db, first.id()).await, (JobStatus::Done, 1, None));
        assert_eq!(
            enqueue(&db, "mail", "a").await,
            second,
            "the key stays taken"
        );
    }
}

#[tokio::test]
async fn a_job_of_a_dropped_transaction_never_runs() {
    for db in engines(SETS).await {
        {
            let mut tx = db.begin().await.expect("begins");
            let jobs = Jobs::new(&db);
            jobs.enqueue(&mut tx, "mail", "a", &json!(null), now())
                .await
                .expect("enqueues");
        }
        let (calls, handler) = failing(0);
        let mut jobs = Jobs::new(&db);
        jobs.register("mail", handler);
        assert_eq!(jobs.run_due().await.expect("runs"), 0);
        assert_eq!(calls.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn a_failed_job_is_repeated_until_it_succeeds() {
    for db in engines(SETS).await {
        let id = enqueue(&db, "mail", "a").await.id().clone();
        let (_, handler) = failing(2);
        let mut jobs = Jobs::new(&db);
        jobs.register_with("mail", EAGER, handler);
        assert_eq!(jobs.run_due().await.expect("runs"), 3);
        assert_eq!(
            status(&db, &id).await,
            (JobStatus::Done, 3, Some("failure 1".into()))
        );
    }
}

#[tokio::test]
async fn a_failed_job_waits_for_its_pause() {
    for db in engines(SETS).await {
        let id = enqueue(&db, "mail", "a").await.id().clone();
        let (_, handler) = failing(1);
        let mut jobs = Jobs::new(&db);
        let hour = Duration::from_secs(3_600);
        jobs.register_with(
            "mail",
            Policy {
                first_pause: hour,
                longest_pause: hour,
                ..EAGER
            },
            handler,
        );
        let before = now();
        assert_eq!(jobs.run_due().await.expect("runs"), 1);
        let job = find_job(&db, &id).await.expect("reads").expect("exists");
        assert_eq!(job.status, JobStatus::Queued);
        assert!(job.run_at >= before + hour && job.run_at <= now() + hour);
    }
}

#[tokio::test]
async fn a_job_that_always_fails_is_dead_with_its_error_and_can_be_revived() {
    for db in engines(SETS).await {
        let id = enqueue(&db, "mail", "a").await.id().clone();
        let (_, handler) = failing(3);
        let mut jobs = Jobs::new(&db);
        jobs.register_with("mail", EAGER, handler);
        assert_eq!(jobs.run_due().await.expect("runs"), 3);
        assert_eq!(
            status(&db, &id).await,
            (JobStatus::Dead, 3, Some("failure 2".into()))
        );
        assert_eq!(
            list_jobs(&db, JobStatus::Dead, 10)
                .await
                .expect("lists")
                .len(),
            1
        );
        let mut tx = db.begin().await.expect("begins");
        assert!(retry_dead_job(&mut tx, &id).await.expect("revives"));
        tx.commit().await.expect("commits");
        assert_eq!(jobs.run_due().await.expect("runs"), 1);
        assert_eq!(status(&db, &id).await.0, JobStatus::Done);
    }
}

#[tokio::test]
async fn a_permanent_error_kills_at_once_and_a_panic_is_a_failure() {
    for db in engines(SETS).await {
        let hopeless = enqueue(&db, "hopeless", "a").await.id().clone();
        let panicking = enqueue(&db, "panicking", "a").await.id().clone();
        let mut jobs = Jobs::new(&db);
        jobs.register_with("hopeless", EAGER, |_| async {
            Err(JobError::Permanent("no such address\0".into()))
        });
        jobs.register_with("panicking", EAGER, |_| async { panic!("a bug") });
        jobs.run_due().await.expect("runs");
        let expected = (JobStatus::Dead, 1, Some("no such address".into()));
        assert_eq!(status(&db, &hopeless).await, expected);
        let (state, attempts, error) = status(&db, &panicking).await;
        assert_eq!((state, attempts), (JobStatus::Dead, 3));
        assert!(error.expect("kept").contains("the handler panicked"));
    }
}

/// Claims a job and lets its worker vanish (the task is aborted in the handler, as kill -9 would
/// leave it), then makes the lease end.
async fn vanish(db: &Db) {
    const END_LEASES: &str = "UPDATE background_job SET lease_until = 1 WHERE status = 'running'";
    let (inside, mut entered) = tokio::sync::mpsc::channel(1);
    let mut jobs = Jobs::new(db);
    jobs.register_with("mail", EAGER, move |_| {
        let inside = inside.clone();
        async move {
            inside
                .send(())
                .await
                .map_err(|_| JobError::Retry("nobody waits".into()))?;
            std::future::pending().await
        }
    });
    let worker = tokio::spawn(async move { jobs.run_due().await });
    entered.recv().await.expect("the handler runs");
    worker.abort();
    let ended = worker.await;
    assert!(ended.is_err_and(|error| error.is_cancelled()));
    assert_eq!(db.execute(END_LEASES, params![]).await.expect("ends"), 1);
}

#[tokio::test]
async fn the_job_of_a_vanished_worker_is_taken_over() {
    for db in engines(SETS).await {
        let id = enqueue(&db, "mail", "a").await.id().clone();
        vanish(&db).await;
        assert_eq!(status(&db, &id).await.0, JobStatus::Running);
        let (calls, handler) = failing(0);
        let mut jobs = Jobs::new(&db);
        jobs.register_with("mail", EAGER, handler);
        assert_eq!(jobs.run_due().await.expect("runs"), 1);
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert_eq!(status(&db, &id).await, (JobStatus::Done, 2, None));
    }
}

#[tokio::test]
async fn a_job_that_kills_its_workers_dies_itself() {
    for db in engines(SETS).await {
        let id = enqueue(&db, "mail", "a").await.id().clone();
        for _ in 0..3 {
            vanish(&db).await;
        }
        let (calls, handler) = failing(0);
        let mut jobs = Jobs::new(&db);
        jobs.register_with("mail", EAGER, handler);
        assert_eq!(jobs.run_due().await.expect("runs"), 0);
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        let (state, attempts, error) = status(&db, &id).await;
        assert_eq!((state, attempts), (JobStatus::Dead, 3));
        assert_eq!(
            error.as_deref(),
            Some("the worker vanished in the last attempt")
        );
    }
}

#[tokio::test]
async fn an_effect_and_the_end_of_its_job_commit_together() {
    const STEAL: &str = "UPDATE background_job SET lease = 'another' WHERE status = 'running'";
    const EFFECT: &str = "INSERT INTO effect (job) VALUES ($1)";
    const EFFECTS: &str = "SELECT job FROM effect ORDER BY job";
    for db in engines(SETS).await {
        let kept = enqueue(&db, "mail", "kept").await.id().clone();
        let mut jobs = Jobs::new(&db);
        jobs.register_with("mail", EAGER, |context: JobContext| async move {
            if context.key == "lost" {
                context.db.execute(STEAL, params![]).await?;
            }
            let mut tx = context.db.begin().await?;
            tx.execute(EFFECT, params![&context.key]).await?;
            context.complete_in(&mut tx).await?;
            Ok(tx.commit().await?)
        });
        assert_eq!(jobs.run_due().await.expect("runs"), 1);
        assert_eq!(status(&db, &kept).await.0, JobStatus::Done);
        let lost = enqueue(&db, "mail", "lost").await.id().clone();
        assert_eq!(jobs.run_due().await.expect("runs"), 1);
        let effects: Vec<(String,)> = db.fetch_all(EFFECTS, params![]).await.expect("reads");
        assert_eq!(effects, [("kept".to_owned(),)], "{}", db.engine());
        assert_eq!(
            status(&db, &lost).await.0,
            JobStatus::Running,
            "the other worker's now"
        );
    }
}

#[tokio::test]
async fn a_job_is_not_run_before_its_time() {
    for db in engines(SETS).await {
        let later = from_micros(to_micros(now()) + 3_600_000_000).expect("a time");
        let mut tx = db.begin().await.expect("begins");
        let mut jobs = Jobs::new(&db);
        jobs.enqueue(&mut tx, "mail", "a", &json!(1), later)
            .await
            .expect("enqueues");
        tx.commit().await.expect("commits");
        let (_, handler) = failing(0);
        jobs.register("mail", handler);
        assert_eq!(jobs.run_due().await.expect("runs"), 0);
    }
}

/// A worker that reports each run on a channel.
fn reporting(db: &Db) -> (Jobs, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let (ran, runs) = tokio::sync::mpsc::unbounded_channel();
    let mut jobs = Jobs::new(db);
    jobs.register("mail", move |context: JobContext| {
        let ran = ran.clone();
        async move {
            ran.send(context.key)
                .map_err(|error| JobError::Permanent(error.to_string()))
        }
    });
    (jobs, runs)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_workers_run_each_job_exactly_once() {
    for test in engines(SETS).await {
        let second = Db::open(&test.url).await.expect("opens");
        let (jobs_a, mut runs_a) = reporting(&test);
        let (jobs_b, mut runs_b) = reporting(&second);
        let (stop, _) = tokio::sync::broadcast::channel::<()>(1);
        let workers: Vec<_> = [jobs_a, jobs_b]
            .into_iter()
            .map(|jobs| {
                let mut stopped = stop.subscribe();
                tokio::spawn(async move { jobs.run(async { drop(stopped.recv().await) }).await })
            })
            .collect();
        for number in 0..40 {
            enqueue(&test, "mail", &format!("{number:02}")).await;
        }
        let mut seen = Vec::new();
        while seen.len() < 40 {
            tokio::select! {
                Some(key) = runs_a.recv() => seen.push(key),
                Some(key) = runs_b.recv() => seen.push(key),
            }
        }
        stop.send(()).expect("workers listen");
        for worker in workers {
            worker.await.expect("stops in order");
        }
        seen.sort();
        let expected: Vec<_> = (0..40).map(|number| format!("{number:02}")).collect();
        assert_eq!(seen, expected, "{}", test.engine());
        assert!(
            runs_a.try_recv().is_err() && runs_b.try_recv().is_err(),
            "none ran twice"
        );
        assert_eq!(
            list_jobs(&test, JobStatus::Done, 100)
                .await
                .expect("lists")
                .len(),
            40
        );
    }
}

#[tokio::test]
async fn an_idle_worker_is_woken_by_an_enqueued_job() {
    let db = TestDb::sqlite(SETS).await;
    let (jobs, mut runs) = reporting(&db);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let worker = tokio::spawn(async move { jobs.run(async { drop(stopped.await) }).await });
    enqueue(&db, "mail", "a").await;
    assert_eq!(runs.recv().await.as_deref(), Some("a"));
    stop.send(()).expect("the worker waits");
    worker.await.expect("stops in order");
}

/// A job whose handler reports on the first channel that it is inside, and waits on the second;
/// with a lease so short that it is renewed within the test.
async fn waiting_job(
    db: &Db,
) -> (
    BackgroundJobId,
    tokio::task::JoinHandle<usize>,
    tokio::sync::mpsc::Receiver<()>,
    tokio::sync::watch::Sender<bool>,
) {
    let id = enqueue(db, "mail", "a").await.id().clone();
    let (inside, mut entered) = tokio::sync::mpsc::channel(1);
    let (finish, finished) = tokio::sync::watch::channel(false);
    let mut jobs = Jobs::new(db);
    let policy = Policy {
        lease: Duration::from_millis(60),
        ..EAGER
    };
    jobs.register_with("mail", policy, move |_| {
        let (inside, mut finished) = (inside.clone(), finished.clone());
        async move {
            let gone = |_| JobError::Permanent("the test ended".into());
            inside.send(()).await.map_err(gone)?;
            finished
                .wait_for(|finished| *finished)
                .await
                .map(drop)
                .map_err(|e| JobError::Permanent(e.to_string()))
        }
    });
    let worker = tokio::spawn(async move { jobs.run_due().await.expect("runs") });
    entered.recv().await.expect("the handler runs");
    (id, worker, entered, finish)
}

#[tokio::test]
async fn a_living_worker_renews_its_lease() {
    const LEASES: &str = "SELECT lease_until FROM background_job";
    for db in engines(SETS).await {
        let (id, worker, _entered, finish) = waiting_job(&db).await;
        let (first,): (i64,) = db.fetch_one(LEASES, params![]).await.expect("reads");
        let renewed = async {
            while db
                .fetch_one::<(i64,)>(LEASES, params![])
                .await
                .expect("reads")
                .0
                <= first
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), renewed)
            .await
            .expect("renewed in time");
        finish.send(true).expect("the handler waits");
        assert_eq!(worker.await.expect("no panic"), 1);
        assert_eq!(status(&db, &id).await, (JobStatus::Done, 1, None));
    }
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_stops_its_handler_and_writes_nothing() {
    const STEAL: &str = "UPDATE background_job SET lease = 'another', lease_until = $1";
    for db in engines(SETS).await {
        let (id, worker, mut entered, finish) = waiting_job(&db).await;
        let hour = to_micros(now()) + 3_600_000_000;
        db.execute(STEAL, params![hour]).await.expect("steals");
        assert_eq!(
            worker.await.expect("no panic"),
            1,
            "the attempt ended by itself"
        );
        assert_eq!(entered.recv().await, None, "the handler was dropped");
        drop(finish);
        assert_eq!(status(&db, &id).await, (JobStatus::Running, 1, None));
    }
}
