//! The runner protocol: take a job, renew, send the log, hand in the result.

use std::time::Duration;

use base64::Engine as _;
use rialto_delivery_report::LogCoverage;
use rialto_delivery_run::assignment::{Assignment, JobOutcome, JobResult};
use rialto_delivery_run::event::{Event, Outcome};
use rialto_delivery_run::state::{FailureReason, Status};
use rialto_delivery_store::ids::JobId;
use rialto_delivery_store::job::{self, JobRow};
use rialto_delivery_store::runner::{self as runners, RunnerRow};
use rialto_delivery_store::{artifact, json};
use rialto_platform_evidence::Actor;
use rialto_platform_identity::{Actor as Person, Permission};
use rialto_platform_store::{new_id, now, to_micros};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::apply::{After, Cause, EndFacts, LeaseFacts};
use crate::error::blocking;
use crate::log_view::{failing_line, strip_escapes};
use crate::logs::lock;
use crate::{Delivery, DeliveryError, queue};

/// Longest wait of one request for a job, or of one renewal for news of it.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// A runner's row is refreshed at most this often, microseconds.
const CONTACT_EVERY: i64 = 10_000_000;

/// What a runner says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RunnerHello {
    /// Unique name.
    pub name: String,
    /// Tags it carries.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Version of its program.
    #[serde(default)]
    pub version: String,
    /// `shell`, …
    #[serde(default)]
    pub executors: Vec<String>,
}

/// A request for a job.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RunnerAsk {
    /// Who asks.
    pub runner: RunnerHello,
    /// Seconds to wait for a job, at most 30.
    #[serde(default)]
    pub wait_s: u64,
    /// What the runner has under way. Jobs it was given and does not know were never begun: the
    /// answer that carried them was lost, or the runner was killed before it had kept them.
    #[serde(default)]
    pub holding: Option<Holding>,
}

/// The jobs of one runner's work directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Holding {
    /// Name of the work directory, which outlives the runner's process. Two runners of one name
    /// have two of them, and do not take each other's jobs for lost.
    pub instance: String,
    /// Ids of the jobs.
    pub jobs: Vec<String>,
}

impl Holding {
    /// How leases begin that are given to this work directory.
    fn prefix(&self) -> String {
        format!("{}.", self.instance)
    }
}

/// Longest name of a work directory.
const INSTANCE_LENGTH: usize = 64;

/// Answer to a piece of log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TraceAnswer {
    /// Bytes stored.
    pub accepted_bytes: u64,
    /// State of the job; `canceling` tells the runner to stop.
    pub job_status: Status,
}

/// A runner seen by this process.
pub(crate) struct KnownRunner {
    row: RunnerRow,
}

impl Delivery {
    /// Hands out the next job, waiting for one up to `wait_s`.
    ///
    /// # Errors
    /// [`DeliveryError::Denied`] for anybody but a runner; [`DeliveryError::Invalid`].
    pub async fn request_job(
        &self,
        actor: &Person,
        ask: &RunnerAsk,
    ) -> Result<Option<Assignment>, DeliveryError> {
        actor.require(Permission::RunnerWork)?;
        if ask.runner.name.is_empty() || ask.runner.name.len() > 255 {
            let message = "a runner has a name of 1 to 255 bytes";
            return Err(DeliveryError::invalid(
                "/runner/name",
                "invalid_name",
                message,
            ));
        }
        let instance = ask.holding.as_ref().map(|held| held.instance.as_str());
        let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
        if instance.is_some_and(|name| name.len() > INSTANCE_LENGTH || !name.bytes().all(plain)) {
            let message = "a work directory's name is of up to 64 letters, digits and hyphens";
            return Err(DeliveryError::invalid(
                "/holding/instance",
                "invalid_name",
                message,
            ));
        }
        self.take_back(ask).await?;
        let deadline = tokio::time::Instant::now() + Duration::from_secs(ask.wait_s).min(MAX_WAIT);
        loop {
            // Registered before looking, so that a job that comes in between is not missed.
            let woken = self.inner.queue.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            if self.stopping() {
                return Ok(None);
            }
            if let Some(assignment) = self.take_job(actor, ask).await? {
                return Ok(Some(assignment));
            }
            tokio::select! {
                () = &mut woken => {}
                () = tokio::time::sleep_until(deadline) => return Ok(None),
            }
        }
    }

    /// Jobs given to the asking work directory that it does not hold go back to the queue.
    async fn take_back(&self, ask: &RunnerAsk) -> Result<(), DeliveryError> {
        let Some(held) = &ask.holding else {
            return Ok(());
        };
        let runner = self.note_runner(&ask.runner).await?;
        for row in job::leased_to(&mut self.db(), runner.id.as_str()).await? {
            let lease = row.lease.clone().unwrap_or_default();
            if !lease.starts_with(&held.prefix())
                || held.jobs.iter().any(|id| *id == row.id.as_str())
            {
                continue;
            }
            let mut cause = Cause::system("lease");
            cause.void_lease = true;
            if *row.status == Status::Canceling {
                cause.log = Some(self.logs().finish(&row.id).await?);
            }
            tracing::warn!(job = %row.id, name = row.name, "given out and not received; queued again");
            let back = self
                .with_job(&row.id, &cause, |job, loaded| {
                    let row = &loaded.rows[job];
                    if row.lease.as_deref() != Some(lease.as_str()) {
                        return Err(DeliveryError::StaleLease {
                            job: row.id.to_string(),
                        });
                    }
                    Ok(match *row.status {
                        Status::Canceling => Event::Finish {
                            job,
                            outcome: Outcome::Canceled,
                        },
                        _ => Event::GiveBack { job },
                    })
                })
                .await;
            match back {
                // It ended in between.
                Err(DeliveryError::StaleLease { .. } | DeliveryError::Refused { .. }) => {}
                other => drop(other?),
            }
        }
        Ok(())
    }

    /// Takes the best fitting job, if there is one.
    async fn take_job(
        &self,
        actor: &Person,
        ask: &RunnerAsk,
    ) -> Result<Option<Assignment>, DeliveryError> {
        let hello = &ask.runner;
        let runner = self.note_runner(hello).await?;
        let prefix = ask.holding.as_ref().map(Holding::prefix);
        loop {
            // A look without a write lock first: most requests find nothing.
            let at = to_micros(now());
            let waiting = job::queue(&mut self.db(), 1000).await?;
            if queue::fitting(waiting, &hello.tags, at).is_empty() {
                return Ok(None);
            }
            let mut tx = self.db().begin().await?;
            let waiting = job::queue(&mut tx, 1000).await?;
            let fitting = queue::fitting(waiting, &hello.tags, at);
            let Some(next) = fitting.first() else {
                return Ok(None);
            };
            let mut loaded = self.load(&mut tx, &next.pipeline_id).await?;
            let Some(index) = loaded.index_of(&next.id) else {
                return Ok(None);
            };
            let mut cause = Cause::of(Actor::new(
                actor.user_id.as_str(),
                "runner",
                actor.auth.as_str(),
            ));
            cause.lease = Some(LeaseFacts {
                lease: prefix.clone().unwrap_or_default() + &secret()?,
                runner_id: runner.id.to_string(),
                runner_name: runner.name.clone(),
            });
            let mut after = After::default();
            let event = Event::Lease { job: index };
            self.apply(&mut tx, &mut loaded, &event, &cause, &mut after)
                .await?;
            tx.commit().await?;
            self.after_commit(after);
            let row = loaded.rows[index].clone();
            match self.build_assignment(&loaded, &row).await {
                Ok(assignment) => return Ok(Some(assignment)),
                Err(refusal) => self.fail_unstarted(&row, refusal).await?,
            }
        }
    }

    /// A job that cannot be handed out fails in words and the queue goes on.
    async fn fail_unstarted(
        &self,
        row: &JobRow,
        refusal: crate::assignment::CannotAssign,
    ) -> Result<(), DeliveryError> {
        let (reason, message) = (refusal.reason, refusal.message);
        let line = format!("\u{1b}[31;1mERROR: {message}\u{1b}[0m\n");
        self.logs()
            .append_at_end(&row.id, line.into_bytes())
            .await?;
        let mut cause = Cause::system("scheduler");
        cause.failure_message = Some(message);
        cause.void_lease = true;
        cause.log = Some(self.logs().finish(&row.id).await?);
        let outcome = Outcome::Failed {
            reason,
            exit_code: None,
        };
        self.with_job(&row.id, &cause, |job, _| Ok(Event::Finish { job, outcome }))
            .await
            .map(drop)
    }

    async fn note_runner(&self, hello: &RunnerHello) -> Result<RunnerRow, DeliveryError> {
        let at = to_micros(now());
        let row = RunnerRow {
            id: new_id(),
            name: hello.name.clone(),
            tags: json::write(&hello.tags)?,
            version: hello.version.clone(),
            executors: json::write(&hello.executors)?,
            created_at: at,
            last_contact_at: at,
        };
        if let Some(known) = lock(&self.inner.runners).get(&hello.name) {
            let same = known.row.tags == row.tags && known.row.version == row.version;
            if same && at - known.row.last_contact_at < CONTACT_EVERY {
                return Ok(known.row.clone());
            }
        }
        let mut tx = self.db().begin().await?;
        let row = runners::put(&mut tx, &row).await?;
        tx.commit().await?;
        let known = KnownRunner { row: row.clone() };
        lock(&self.inner.runners).insert(hello.name.clone(), known);
        Ok(row)
    }

    /// The job of a lease; refuses any lease that is not the job's newest.
    pub(crate) async fn leased(&self, id: &JobId, lease: &str) -> Result<JobRow, DeliveryError> {
        let row = job::find(&mut self.db(), id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("job", id))?;
        let own = row
            .lease
            .as_deref()
            .is_some_and(|own| same_secret(own, lease));
        if !own || row.superseded && !row.status.is_completed() {
            return Err(DeliveryError::StaleLease {
                job: id.to_string(),
            });
        }
        Ok(row)
    }

    /// Prolongs a lease; the job's state tells the runner whether to go on.
    ///
    /// # Errors
    /// [`DeliveryError::StaleLease`].
    pub async fn renew_lease(&self, id: &JobId, lease: &str) -> Result<Status, DeliveryError> {
        let row = self.leased(id, lease).await?;
        if row.status.is_completed() {
            return Ok(*row.status);
        }
        let mut tx = self.db().begin().await?;
        if !job::renew(&mut tx, id, lease, to_micros(now())).await? {
            return Err(DeliveryError::StaleLease {
                job: id.to_string(),
            });
        }
        tx.commit().await?;
        Ok(*row.status)
    }

    /// Prolongs a lease, then waits up to `wait` for the moment from which the job is not wanted
    /// any more and answers at once when it comes. A job that goes on is answered for at the end of
    /// the wait, so that asking again and again costs no more than plain renewals.
    ///
    /// # Errors
    /// [`DeliveryError::StaleLease`].
    pub async fn watch_lease(
        &self,
        id: &JobId,
        lease: &str,
        wait: Duration,
    ) -> Result<Status, DeliveryError> {
        // The lease itself must outlive the wait.
        let wait = wait.min(MAX_WAIT).min(self.settings().lease_grace / 3);
        let deadline = tokio::time::Instant::now() + wait;
        let mut status = self.renew_lease(id, lease).await?;
        loop {
            // Registered before looking, so that a cancel that comes in between is not missed.
            let woken = self.inner.leases.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            if status != Status::Running || self.stopping() {
                return Ok(status);
            }
            status = *self.leased(id, lease).await?.status;
            if status != Status::Running {
                return Ok(status);
            }
            tokio::select! {
                () = &mut woken => {}
                () = tokio::time::sleep_until(deadline) => return Ok(status),
            }
        }
    }

    /// Takes a piece of the log that starts at byte `from`.
    ///
    /// # Errors
    /// [`DeliveryError::StaleLease`], [`DeliveryError::LogOffset`], [`DeliveryError::TooLarge`].
    pub async fn append_trace(
        &self,
        id: &JobId,
        lease: &str,
        from: u64,
        bytes: Vec<u8>,
    ) -> Result<TraceAnswer, DeliveryError> {
        let row = self.leased(id, lease).await?;
        if row.status.is_completed() {
            let accepted = u64::try_from(row.log_bytes).unwrap_or(0);
            return Ok(TraceAnswer {
                accepted_bytes: accepted,
                job_status: *row.status,
            });
        }
        // The runner cuts at its own limit and says so in the log; this is only the wall behind.
        let limit = self.settings().log_bytes.saturating_add(1 << 20);
        let accepted_bytes = self.logs().append(id, from, bytes, limit).await?;
        self.note_log_progress(id);
        Ok(TraceAnswer {
            accepted_bytes,
            job_status: *row.status,
        })
    }

    /// Takes a job's result. Sent again under the same lease it changes nothing.
    ///
    /// # Errors
    /// [`DeliveryError::StaleLease`]; [`DeliveryError::Refused`] when the log or a file has not
    /// arrived: the runner sends it and tries again.
    pub async fn finish_leased(
        &self,
        id: &JobId,
        lease: &str,
        outcome: JobOutcome,
    ) -> Result<Status, DeliveryError> {
        let row = self.leased(id, lease).await?;
        if row.status.is_completed() {
            return Ok(*row.status);
        }
        self.check_arrived(&row, &outcome).await?;
        let log = self.logs().finish(id).await?;
        if log.bytes < outcome.log_bytes {
            return Err(DeliveryError::LogOffset {
                accepted: log.bytes,
            });
        }
        let exit_code = outcome.exit_code;
        let (end, message) = match &outcome.result {
            JobResult::Success => (Outcome::Success, None),
            JobResult::Canceled => (Outcome::Canceled, None),
            JobResult::Failed { reason, message } => (
                Outcome::Failed {
                    reason: *reason,
                    exit_code,
                },
                Some(message.clone()),
            ),
        };
        let mut cause = Cause::of(Actor::new(
            row.runner_id.clone().unwrap_or_default(),
            "runner",
            "lease",
        ));
        cause.failure_message = message;
        cause.log = Some(log);
        cause.facts = Some(
            self.end_facts(&row, &outcome, end == Outcome::Success)
                .await?,
        );
        let ended = self
            .with_job(id, &cause, |job, loaded| {
                // Looked at again inside the transaction: the lease may be void by now.
                if loaded.rows[job].lease.as_deref() != Some(lease) {
                    return Err(DeliveryError::StaleLease {
                        job: id.to_string(),
                    });
                }
                Ok(Event::Finish { job, outcome: end })
            })
            .await;
        match ended {
            // Two reports of one result at once: the second finds the job ended.
            Err(DeliveryError::Refused { .. }) => Ok(*self.leased(id, lease).await?.status),
            other => other,
        }
    }

    /// Everything the outcome speaks of must be stored first.
    async fn check_arrived(&self, row: &JobRow, outcome: &JobOutcome) -> Result<(), DeliveryError> {
        let stored = artifact::of_job(&mut self.db(), &row.id).await?;
        for file in &outcome.files {
            let there = stored.iter().any(|have| {
                have.kind == file.kind && have.name == file.name && have.sha256 == file.sha256
            });
            if !there {
                return Err(DeliveryError::refused(format!(
                    "file `{}` ({}) of job `{}` was not received; send it before the result",
                    file.name, file.kind, row.name
                )));
            }
        }
        Ok(())
    }

    async fn end_facts(
        &self,
        row: &JobRow,
        outcome: &JobOutcome,
        success: bool,
    ) -> Result<EndFacts, DeliveryError> {
        let loaded = self.load(&mut self.db(), &row.pipeline_id).await?;
        let index = usize::try_from(row.plan_index).unwrap_or(usize::MAX);
        let pattern = loaded
            .prepared
            .plan
            .jobs
            .get(index)
            .and_then(|job| job.coverage.clone());
        let (logs, id) = (self.logs().clone(), row.id.clone());
        // What failed came after the script, and the runner's message says it.
        let script_passed = outcome.exit_code == Some(0);
        let (found, failing) = blocking(move || {
            let Some(reader) = logs.reader(&id)? else {
                return Ok((None, None));
            };
            let unreadable = |source| DeliveryError::File {
                path: "job log".to_owned(),
                source,
            };
            let coverage = match pattern.map(|p| LogCoverage::new(&format!("/{p}/"))) {
                Some(Ok(pattern)) => {
                    let text = reader.text().map_err(unreadable)?;
                    let plain: Vec<String> = text.lines().map(strip_escapes).collect();
                    pattern.find(&plain.join("\n"))
                }
                _ => None,
            };
            let failing = if success || script_passed {
                None
            } else {
                failing_line(&reader).map_err(unreadable)?
            };
            Ok((coverage, failing))
        })
        .await?;
        Ok(EndFacts {
            exit_code: outcome.exit_code.map(i64::from),
            coverage: found.or_else(|| outcome.coverage.clone()),
            isolation: json::write(&outcome.isolation)?,
            notes: json::write(&outcome.notes)?,
            dotenv: json::write(&outcome.dotenv)?,
            failing_line: failing.map(|line| json::write(&line)).transpose()?,
        })
    }

    /// Fails jobs whose runner has not been heard of for longer than the grace.
    pub(crate) async fn fail_lost_jobs(&self) -> Result<(), DeliveryError> {
        let grace = i64::try_from(self.settings().lease_grace.as_micros()).unwrap_or(i64::MAX);
        let at = to_micros(now());
        // Runners could not reach a server that was down: they get the whole grace anew.
        if at - to_micros(self.inner.started_at) < grace {
            return Ok(());
        }
        for row in job::lost(&mut self.db(), at - grace).await? {
            let mut cause = Cause::system("lease");
            cause.failure_message = Some(format!(
                "the runner `{}` has not been heard of for {} s; look at the machine it runs on, \
                 then retry the job",
                row.runner_name.as_deref().unwrap_or("unknown"),
                self.settings().lease_grace.as_secs()
            ));
            cause.void_lease = true;
            cause.log = Some(self.logs().finish(&row.id).await?);
            let outcome = Outcome::Failed {
                reason: FailureReason::RunnerSystemFailure,
                exit_code: None,
            };
            tracing::warn!(job = %row.id, name = row.name, "lease lost");
            self.finish_or_ignore(&row, &cause, outcome).await?;
        }
        Ok(())
    }

    /// Fails jobs that no runner wants.
    pub(crate) async fn fail_stuck_jobs(&self) -> Result<(), DeliveryError> {
        let limit = i64::try_from(self.settings().stuck_after.as_micros()).unwrap_or(i64::MAX);
        for row in job::stuck(&mut self.db(), to_micros(now()) - limit).await? {
            let mut cause = Cause::system("queue");
            cause.failure_message = Some(format!(
                "no runner took the job for {} min; it needs a runner that carries the tags {}",
                self.settings().stuck_after.as_secs() / 60,
                row.tags
            ));
            let reason = FailureReason::StuckOrTimeoutFailure;
            let outcome = Outcome::Failed {
                reason,
                exit_code: None,
            };
            self.finish_or_ignore(&row, &cause, outcome).await?;
        }
        Ok(())
    }

    /// Ends a job unless it ended by itself in the meantime.
    async fn finish_or_ignore(
        &self,
        row: &JobRow,
        cause: &Cause,
        outcome: Outcome,
    ) -> Result<(), DeliveryError> {
        match self
            .with_job(&row.id, cause, |job, _| Ok(Event::Finish { job, outcome }))
            .await
        {
            Ok(_) | Err(DeliveryError::Refused { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A fresh secret of 256 bits.
pub(crate) fn secret() -> Result<String, DeliveryError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|e| DeliveryError::Internal(format!("no random bytes: {e}")))?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

/// The token a job's script may use to fetch its own project: made from the lease, and the lease
/// cannot be found from it.
pub(crate) fn job_token(job: &JobId, lease: &str) -> String {
    let digest = Sha256::new()
        .chain_update(b"rialto job token\0")
        .chain_update(lease.as_bytes())
        .finalize();
    format!("rlj_{job}_{}", hex::encode(digest))
}

/// Compares two secrets in a time that tells nothing about where they differ.
fn same_secret(a: &str, b: &str) -> bool {
    a.len() == b.len()
        && a.bytes()
            .zip(b.bytes())
            .fold(0, |diff, (x, y)| diff | (x ^ y))
            == 0
}

impl Delivery {
    /// Whether this is the token of a job of the project that is at work now.
    ///
    /// # Errors
    /// Store errors.
    pub async fn is_job_token(
        &self,
        project_path: &str,
        token: &str,
    ) -> Result<bool, DeliveryError> {
        let Some((id, _)) = token
            .strip_prefix("rlj_")
            .and_then(|rest| rest.split_once('_'))
        else {
            return Ok(false);
        };
        let Ok(id) = id.parse::<JobId>() else {
            return Ok(false);
        };
        let Some(row) = job::find(&mut self.db(), &id).await? else {
            return Ok(false);
        };
        let at_work = matches!(*row.status, Status::Running | Status::Canceling);
        let Some(lease) = row.lease.filter(|_| at_work) else {
            return Ok(false);
        };
        let project = rialto_delivery_store::project::find(&mut self.db(), &row.project_id).await?;
        let own = project.is_some_and(|project| project.path == project_path);
        Ok(own && same_secret(&job_token(&id, &lease), token))
    }
}
