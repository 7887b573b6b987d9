//! The worker: claims due jobs, runs their handlers, keeps their leases alive.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rialto_platform_store::{Db, StoreError, Tx, new_id, now, params, to_micros};
use serde_json::Value;
use tokio::sync::broadcast::Receiver;
use tokio::task::JoinSet;

use crate::queue::{
    BURY, BURY_ABANDONED, BURY_SPENT, CLAIM, COMPLETE, NEXT_DUE, POSTPONE, PRUNE_DONE, RENEW,
    enqueue, read_payload,
};
use crate::{BackgroundJobId, Enqueued, Policy, TOPIC};

/// Jobs that run at the same time.
const AT_ONCE: usize = 4;
/// Longest pause between two looks at the table, for jobs that other processes enqueued.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long done jobs are kept (one week).
const KEEP_DONE: Duration = Duration::from_secs(7 * 24 * 3_600);
const PRUNE_EVERY: Duration = Duration::from_secs(3_600);
/// Longest error text that is kept, characters.
const MAX_ERROR: usize = 4_000;

type HandlerFuture = Pin<Box<dyn Future<Output = Result<(), JobError>> + Send>>;
type Handler = Arc<dyn Fn(JobContext) -> HandlerFuture + Send + Sync>;

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// May succeed later: it is tried again after a pause, until its attempts are spent.
    #[error("{0}")]
    Retry(String),
    /// Will never succeed: the job is dead at once.
    #[error("{0}")]
    Permanent(String),
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        Self::Retry(error.to_string())
    }
}

/// Another worker has the job by now; what was done in the transaction must not be committed.
#[derive(Debug, thiserror::Error)]
pub enum StaleLease {
    /// The lease ended and another worker took over.
    #[error("the lease of background job {0} was lost to another worker")]
    Lost(BackgroundJobId),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<StaleLease> for JobError {
    fn from(error: StaleLease) -> Self {
        Self::Retry(error.to_string())
    }
}

/// What a handler is given.
#[derive(Debug, Clone)]
pub struct JobContext {
    /// The job.
    pub id: BackgroundJobId,
    /// Its key, unique within its kind.
    pub key: String,
    /// What was enqueued.
    pub payload: Value,
    /// Number of this attempt, from 1.
    pub attempt: u32,
    /// The database.
    pub db: Db,
    lease: String,
}

impl JobContext {
    /// Finishes the job inside the handler's own transaction, so that its effect and its end
    /// commit together: exactly once, even when the worker dies right after. On an error the
    /// handler must give up its transaction.
    ///
    /// # Errors
    /// [`StaleLease::Lost`] when another worker has the job by now.
    pub async fn complete_in(&self, tx: &mut Tx<'_>) -> Result<(), StaleLease> {
        let touched = tx
            .execute(COMPLETE, params![now(), &self.id, &self.lease])
            .await?;
        if touched == 0 {
            Err(StaleLease::Lost(self.id.clone()))
        } else {
            Ok(())
        }
    }
}

/// The queue and, where handlers are registered, its worker; cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    db: Db,
    handlers: BTreeMap<&'static str, (Policy, Handler)>,
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs")
            .field("kinds", &self.handlers.keys())
            .finish_non_exhaustive()
    }
}

impl Jobs {
    /// A queue on `db`, without handlers yet.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self {
            db: db.clone(),
            handlers: BTreeMap::new(),
        }
    }

    /// Registers the handler of a kind with the usual [`Policy`].
    pub fn register<H, F>(&mut self, kind: &'static str, handler: H)
    where
        H: Fn(JobContext) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        self.register_with(kind, Policy::default(), handler);
    }

    /// Registers the handler of a kind; a later registration replaces an earlier one.
    pub fn register_with<H, F>(&mut self, kind: &'static str, policy: Policy, handler: H)
    where
        H: Fn(JobContext) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |context| Box::pin(handler(context)));
        self.handlers.insert(kind, (policy, handler));
    }

    /// Adds a job in the caller's transaction. `key` is unique within `kind`: a second job of the
    /// same key is not added, so enqueuing again is harmless.
    ///
    /// # Errors
    /// Any [`StoreError`] but `NotFound`.
    pub async fn enqueue(
        &self,
        tx: &mut Tx<'_>,
        kind: &str,
        key: &str,
        payload: &Value,
        run_at: Timestamp,
    ) -> Result<Enqueued, StoreError> {
        enqueue(tx, kind, key, payload, run_at).await
    }

    /// Runs jobs as they fall due until `stop` is ready, then lets the running ones finish.
    /// Jobs of kinds without a handler here are left to other workers.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut events = self.db.subscribe();
        let mut running = JoinSet::new();
        let mut pruned = tokio::time::Instant::now();
        tokio::pin!(stop);
        loop {
            while running.len() < AT_ONCE {
                match self.claim_any().await {
                    Ok(Some(claimed)) => drop(running.spawn(claimed.run())),
                    Ok(None) => break,
                    Err(error) => {
                        tracing::warn!(%error, "cannot claim background jobs; trying again");
                        break;
                    }
                }
            }
            if pruned.elapsed() >= PRUNE_EVERY {
                pruned = tokio::time::Instant::now();
                self.prune().await;
            }
            let pause = self.pause().await;
            tokio::select! {
                () = &mut stop => break,
                Some(ended) = running.join_next() => log_panic(ended),
                () = until_enqueued(&mut events), if running.len() < AT_ONCE => {}
                () = tokio::time::sleep(pause), if running.len() < AT_ONCE => {}
            }
        }
        while let Some(ended) = running.join_next().await {
            log_panic(ended);
        }
    }

    /// Runs what is due now, one job after the other, until nothing is; the number of attempts.
    ///
    /// # Errors
    /// Any [`StoreError`] met in claiming.
    pub async fn run_due(&self) -> Result<usize, StoreError> {
        let mut attempts = 0;
        while let Some(claimed) = self.claim_any().await? {
            claimed.run().await;
            attempts += 1;
        }
        Ok(attempts)
    }

    async fn claim_any(&self) -> Result<Option<Claimed>, StoreError> {
        for (kind, (policy, handler)) in &self.handlers {
            if let Some(claimed) = self.claim(kind, *policy, handler).await? {
                return Ok(Some(claimed));
            }
        }
        Ok(None)
    }

    async fn claim(
        &self,
        kind: &'static str,
        policy: Policy,
        handler: &Handler,
    ) -> Result<Option<Claimed>, StoreError> {
        // A read first: looking must not take the writers' place while nothing is due.
        let (due,): (Option<i64>,) = self.db.fetch_one(NEXT_DUE, params![kind]).await?;
        let at = now();
        if due.is_none_or(|due| due > to_micros(at)) {
            return Ok(None);
        }
        let mut tx = self.db.begin().await?;
        tx.execute(BURY_ABANDONED, params![kind, at, policy.max_attempts])
            .await?;
        tx.execute(BURY_SPENT, params![kind, at, policy.max_attempts])
            .await?;
        let lease = new_id::<BackgroundJobId>().to_string();
        let until = to_micros(at) + micros(policy.lease);
        let values = params![&lease, until, kind, at, policy.max_attempts];
        let row: Option<(String, String, String, i64)> = tx.fetch_optional(CLAIM, values).await?;
        tx.commit().await?;
        let Some((id, key, payload, attempt)) = row else {
            return Ok(None);
        };
        let id = BackgroundJobId::try_from(id).map_err(|error| StoreError::Decode {
            message: error.to_string(),
        })?;
        let context = JobContext {
            payload: read_payload(&id, &payload)?,
            id,
            key,
            attempt: u32::try_from(attempt).unwrap_or(u32::MAX),
            db: self.db.clone(),
            lease,
        };
        Ok(Some(Claimed {
            kind,
            policy,
            handler: Arc::clone(handler),
            context,
        }))
    }

    /// Until the next job falls due, at most [`LOOK_EVERY`].
    async fn pause(&self) -> Duration {
        let mut pause = LOOK_EVERY;
        for kind in self.handlers.keys() {
            let due: Result<(Option<i64>,), _> = self.db.fetch_one(NEXT_DUE, params![*kind]).await;
            if let Ok((Some(due),)) = due {
                let left = u64::try_from(due - to_micros(now())).unwrap_or(0);
                // Never zero: a job that cannot be claimed must not spin the worker.
                pause = pause.min(Duration::from_micros(left.max(1_000)));
            }
        }
        pause
    }

    async fn prune(&self) {
        let before = to_micros(now()) - micros(KEEP_DONE);
        if let Err(error) = self.db.execute(PRUNE_DONE, params![before]).await {
            tracing::warn!(%error, "cannot remove old background jobs");
        }
    }
}

/// Waits for an event that says a job was enqueued (or that events were missed).
async fn until_enqueued(events: &mut Receiver<rialto_platform_store::Event>) {
    use tokio::sync::broadcast::error::RecvError;
    loop {
        match events.recv().await {
            Ok(event) if event.topic != TOPIC => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            // The database is closing; the pause decides.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "the task of a background job ended unexpectedly");
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}

/// A job under our lease.
struct Claimed {
    kind: &'static str,
    policy: Policy,
    handler: Handler,
    context: JobContext,
}

impl Claimed {
    async fn run(self) {
        // A task of its own, so that a panic in a handler fails its job and nothing else; in a set,
        // so that it ends with this one.
        let mut handler = JoinSet::new();
        handler.spawn((self.handler)(self.context.clone()));
        let result = tokio::select! {
            Some(result) = handler.join_next() => result.unwrap_or_else(|error| {
                Err(JobError::Retry(format!("the handler panicked: {error}")))
            }),
            () = self.keep_lease() => {
                tracing::warn!(kind = self.kind, id = %self.context.id, "lost the lease of a job");
                return;
            }
        };
        if let Err(error) = self.record(result).await {
            // The lease ends by itself and the job is tried again.
            tracing::warn!(kind = self.kind, id = %self.context.id, %error, "cannot end a job");
        }
    }

    /// Renews the lease; returns when it was lost.
    async fn keep_lease(&self) {
        let context = &self.context;
        let mut renewed = tokio::time::Instant::now();
        loop {
            tokio::time::sleep(self.policy.lease / 3).await;
            let until = to_micros(now()) + micros(self.policy.lease);
            let values = params![until, &context.id, &context.lease];
            match context.db.execute(RENEW, values).await {
                Ok(0) => {
                    // Finished by the handler inside its transaction, or taken by another: in
                    // both cases there is nothing left to renew; only the second needs an end.
                    if !self.is_done().await {
                        return;
                    }
                    std::future::pending::<()>().await;
                }
                Ok(_) => renewed = tokio::time::Instant::now(),
                Err(error) if renewed.elapsed() >= self.policy.lease => {
                    tracing::warn!(%error, "cannot renew a lease");
                    return;
                }
                Err(error) => tracing::debug!(%error, "cannot renew a lease yet"),
            }
        }
    }

    async fn is_done(&self) -> bool {
        let found = crate::find_job(&self.context.db, &self.context.id).await;
        matches!(found, Ok(Some(job)) if job.status == crate::JobStatus::Done)
    }

    async fn record(&self, result: Result<(), JobError>) -> Result<(), StoreError> {
        let context = &self.context;
        let (id, lease, at) = (&context.id, &context.lease, now());
        let last = context.attempt >= self.policy.max_attempts;
        // No row is touched when the handler finished the job itself or the lease was lost.
        match result {
            Ok(()) => {
                context.db.execute(COMPLETE, params![at, id, lease]).await?;
            }
            Err(JobError::Retry(error)) if !last => {
                let pause = self.policy.pause_after(context.attempt);
                tracing::info!(kind = self.kind, %id, %error, ?pause, "a job failed; trying again");
                let run_at = to_micros(at) + micros(pause);
                context
                    .db
                    .execute(POSTPONE, params![run_at, shorten(&error), id, lease])
                    .await?;
            }
            Err(JobError::Retry(error) | JobError::Permanent(error)) => {
                tracing::error!(kind = self.kind, %id, %error, "a job is dead");
                context
                    .db
                    .execute(BURY, params![at, shorten(&error), id, lease])
                    .await?;
            }
        }
        Ok(())
    }
}

/// An error text that fits, without the character that a database refuses.
fn shorten(error: &str) -> String {
    error
        .chars()
        .filter(|c| *c != '\0')
        .take(MAX_ERROR)
        .collect()
}
