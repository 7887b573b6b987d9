//! Follows one spooled job: carries its log, files and outcome to the server, and the server's
//! wish to cancel to the job. Nothing is lost while the server is away.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rialto_delivery_run::assignment::{Assignment, JobOutcome, JobResult};
use rialto_delivery_run::state::FailureReason;

use super::client::{Answer, CallError, RunnerClient};
use crate::supervisor;

/// Largest piece of log sent at once.
const BATCH_BYTES: usize = 64 * 1024;
/// Pause between looks at the log until its first byte.
const EAGER: Duration = Duration::from_millis(4);
/// Pause between looks afterwards; with the call itself below 100 ms.
const STEADY: Duration = Duration::from_millis(60);
/// How long a supervisor may take to write its `pid`.
const START_PATIENCE: Duration = Duration::from_secs(20);
/// The same when a former agent started it.
const ADOPT_PATIENCE: Duration = Duration::from_secs(3);
/// The first renewal comes after this time, so that a short job never pays for one.
const FIRST_RENEWAL: Duration = Duration::from_millis(300);
/// Least time between two renewals of a job that goes on: a server that stops, or cannot wait,
/// answers at once.
const RENEWAL_PAUSE: Duration = Duration::from_secs(1);
/// The longest a renewal waits at the server.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LAST_BACKOFF: Duration = Duration::from_secs(5);

/// One job on its way from the spool to the server.
pub(super) struct Follower<'a> {
    pub client: &'a RunnerClient,
    pub dir: PathBuf,
    pub assignment: Assignment,
    pub renew_every: Duration,
    /// Found on start, not started by this agent.
    pub adopted: bool,
}

impl Follower<'_> {
    /// Follows the job until the server has acknowledged its end or does not want it any more;
    /// then removes its directory.
    pub(super) async fn run(self) {
        let stale = AtomicBool::new(false);
        tokio::select! {
            () = self.carry(&stale) => {}
            () = self.keep_lease(&stale) => {}
        }
        if let Err(error) = tokio::fs::remove_dir_all(&self.dir).await {
            tracing::warn!(dir = %self.dir.display(), %error, "a job's directory cannot be removed");
        }
    }

    /// Renews the lease for as long as the job is followed; never returns.
    ///
    /// Each renewal waits at the server for the time between two of them, so that the wish to
    /// cancel arrives at once and not with the next renewal.
    async fn keep_lease(&self, stale: &AtomicBool) {
        let (job, lease) = (&self.assignment.job_id, &self.assignment.lease);
        let wait = self.renew_every.min(LONGEST_WAIT);
        let pause = self.renew_every.min(RENEWAL_PAUSE);
        tokio::time::sleep(self.renew_every.min(FIRST_RENEWAL)).await;
        loop {
            let asked = tokio::time::Instant::now();
            match self.client.renew(job, lease, wait).await {
                Ok(answer) => {
                    if self.heed(&answer) {
                        return self.keep_lease_to_the_end(stale).await;
                    }
                }
                Err(CallError::Stale) => {
                    self.drop_lease(stale);
                    return self.keep_lease_to_the_end(stale).await;
                }
                Err(error) => {
                    tracing::warn!(%job, %error, "lease not renewed");
                }
            }
            tokio::time::sleep_until(asked + pause).await;
        }
    }

    /// Renews the lease of a job that was told to stop, until it has; never returns.
    async fn keep_lease_to_the_end(&self, stale: &AtomicBool) {
        let (job, lease) = (&self.assignment.job_id, &self.assignment.lease);
        loop {
            tokio::time::sleep(self.renew_every).await;
            match self.client.renew(job, lease, Duration::ZERO).await {
                Ok(_) => {}
                Err(CallError::Stale) => self.drop_lease(stale),
                Err(error) => tracing::warn!(%job, %error, "lease not renewed"),
            }
        }
    }

    fn drop_lease(&self, stale: &AtomicBool) {
        stale.store(true, Ordering::SeqCst);
        self.ask_to_stop();
    }

    async fn carry(&self, stale: &AtomicBool) {
        let outcome = self.carry_log(stale).await;
        if stale.load(Ordering::SeqCst) {
            tracing::warn!(job = %self.assignment.job_id, "lease is stale, the job is dropped");
            return;
        }
        let Some(outcome) = self.carry_files(outcome).await else {
            return;
        };
        let (job, lease) = (&self.assignment.job_id, &self.assignment.lease);
        let mut backoff = Backoff::new();
        loop {
            match self.client.finish(job, lease, &outcome).await {
                Ok(()) | Err(CallError::Stale) => return,
                Err(error) => {
                    tracing::warn!(%job, %error, "the outcome is not acknowledged yet");
                    backoff.pause().await;
                }
            }
        }
    }

    /// Sends the log as it grows and returns the outcome once all of it is with the server (or
    /// the lease is stale and the job has ended).
    async fn carry_log(&self, stale: &AtomicBool) -> JobOutcome {
        let started = Instant::now();
        let mut sent = 0;
        let mut backoff = Backoff::new();
        loop {
            // Looked for before the log: an outcome means that the log is complete.
            let patience = if self.adopted {
                ADOPT_PATIENCE
            } else {
                START_PATIENCE
            };
            let just_started = started.elapsed() < patience;
            let outcome = match supervisor::outcome(&self.dir, just_started) {
                Ok(outcome) => outcome,
                Err(error) => Some(supervisor::failed_outcome(
                    FailureReason::RunnerSystemFailure,
                    format!("the job's result cannot be read: {error}"),
                    sent,
                )),
            };
            if stale.load(Ordering::SeqCst) {
                match outcome {
                    Some(outcome) => return outcome,
                    None => {
                        tokio::time::sleep(STEADY).await;
                        continue;
                    }
                }
            }
            let bytes = read_log(&self.dir.join("log"), sent);
            if bytes.is_empty() {
                if let Some(outcome) = outcome {
                    return outcome;
                }
                tokio::time::sleep(if sent == 0 { EAGER } else { STEADY }).await;
                continue;
            }
            let full = bytes.len() == BATCH_BYTES;
            match self.send(sent, bytes).await {
                Ok(now) => {
                    sent = now;
                    backoff = Backoff::new();
                    if !full && outcome.is_none() {
                        tokio::time::sleep(STEADY).await;
                    }
                }
                Err(CallError::Stale) => self.drop_lease(stale),
                Err(error) => {
                    tracing::warn!(job = %self.assignment.job_id, %error, "log not delivered");
                    backoff.pause().await;
                }
            }
        }
    }

    /// Sends one piece; returns the offset to go on from.
    async fn send(&self, from: u64, bytes: Vec<u8>) -> Result<u64, CallError> {
        let to = from + bytes.len() as u64;
        let (job, lease) = (&self.assignment.job_id, &self.assignment.lease);
        match self.client.append_log(job, lease, from, bytes).await {
            Ok(answer) => {
                self.heed(&answer);
                Ok(answer.accepted_bytes.unwrap_or(to))
            }
            Err(CallError::Offset(accepted)) => Ok(accepted),
            Err(error) => Err(error),
        }
    }

    /// Uploads archive and reports. A file that the server refuses makes a good job a failed one:
    /// success means that everything is stored. `None` when the lease is stale.
    async fn carry_files(&self, mut outcome: JobOutcome) -> Option<JobOutcome> {
        let mut stored = Vec::new();
        for file in std::mem::take(&mut outcome.files) {
            let mut backoff = Backoff::new();
            loop {
                let (job, lease) = (&self.assignment.job_id, &self.assignment.lease);
                match self.client.upload(job, lease, &file).await {
                    Ok(()) => {
                        stored.push(file);
                        break;
                    }
                    Err(CallError::Stale) => return None,
                    Err(CallError::Refused { status, detail }) => {
                        tracing::warn!(%job, kind = %file.kind, name = %file.name, %detail, "refused");
                        refuse(&mut outcome, &file.kind, &file.name, status, &detail);
                        break;
                    }
                    Err(error) => {
                        tracing::warn!(%job, name = %file.name, %error, "file not delivered");
                        backoff.pause().await;
                    }
                }
            }
        }
        outcome.files = stored;
        Some(outcome)
    }

    /// Tells the job to stop if the server does not want it any more, and says whether.
    fn heed(&self, answer: &Answer) -> bool {
        // A job that has ended for the server needs no runner either.
        let unwanted = matches!(
            answer.job_status.as_str(),
            "canceling" | "canceled" | "success" | "failed" | "skipped"
        );
        if unwanted {
            self.ask_to_stop();
        }
        unwanted
    }

    fn ask_to_stop(&self) {
        let file = self.dir.join("cancel");
        if let Err(error) = std::fs::write(&file, "") {
            tracing::error!(file = %file.display(), %error, "the job cannot be told to stop");
        }
    }
}

fn refuse(outcome: &mut JobOutcome, kind: &str, name: &str, status: u16, detail: &str) {
    outcome.notes.push(format!("{kind}_refused"));
    // The manifest repeats what the archive says; a server that does not want it loses nothing.
    if outcome.result == JobResult::Success && kind != "manifest" {
        let reason = if status == 413 {
            FailureReason::ResourceLimitExceeded
        } else {
            FailureReason::DataIntegrityFailure
        };
        let message = format!("the server did not take {kind} {name}: {detail}");
        outcome.result = JobResult::Failed { reason, message };
    }
}

/// The next piece of the log; empty when there is none yet.
fn read_log(path: &Path, from: u64) -> Vec<u8> {
    let Ok(file) = File::open(path) else {
        return Vec::new();
    };
    let mut buffer = vec![0; BATCH_BYTES];
    let count = file.read_at(&mut buffer, from).unwrap_or(0);
    buffer.truncate(count);
    buffer
}

/// Growing pauses between tries.
#[derive(Clone)]
pub(super) struct Backoff(Duration);

impl Backoff {
    pub(super) fn new() -> Self {
        Self(FIRST_BACKOFF)
    }

    pub(super) async fn pause(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(LAST_BACKOFF);
    }
}
