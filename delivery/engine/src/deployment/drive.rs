//! Drives a deployment from the state it is in to its end.

use std::sync::Weak;
use std::time::Duration;

use rialto_delivery_gate::rule::Event as GateEvent;
use rialto_delivery_release::precondition::{
    Facts, RequiredFact, Unmet, VerdictFact, check, check_rollback,
};
use rialto_delivery_release::{
    Clearance, DEFINITION_PATH, DeploymentState, Event, Next, Outcome, Protection, Step, approval,
    choose_candidate, journal::PREPARES_AGAIN, plan::DeploymentKind, resume,
};
use rialto_delivery_run::assignment::JobResult;
use rialto_delivery_run::event::DeploymentPhase;
use rialto_delivery_run::state::FailureReason;
use rialto_delivery_store::ids::DeploymentId;
use rialto_delivery_store::verdict::VerdictRow;
use rialto_delivery_store::{deployment, environment, release, verdict};
use rialto_delivery_supervisor::Health;
use rialto_platform_store::{now, to_micros};
use tokio::time::Instant;

use super::control::Control;
use super::journal::{Line, job_of};
use super::load::{Loaded, approval_context, load};
use super::{Deployments, DriveError, Inner};
use crate::DeliveryError;
use crate::error::blocking;

/// Pause before a drive that met trouble is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// Works on a deployment until it waits for somebody or has ended.
pub(super) async fn carry(inner: Weak<Inner>, id: DeploymentId, control: Control) {
    loop {
        let Some(inner) = inner.upgrade() else { return };
        let controller = Deployments { inner };
        match controller.drive(&id, &control).await {
            Ok(()) => {
                controller.running().remove(&id);
                return;
            }
            // As if this process were gone: nothing goes on, nothing is cleaned up.
            Err(DriveError::Killed) => {
                controller.stop();
                return;
            }
            Err(DriveError::Changed) => {}
            Err(DriveError::Delivery(error)) => {
                tracing::warn!(deployment = %id, %error, "a deployment met trouble, it is tried again");
                drop(controller);
                tokio::time::sleep(TRY_AGAIN).await;
            }
        }
    }
}

impl Deployments {
    async fn drive(&self, id: &DeploymentId, control: &Control) -> Result<(), DriveError> {
        let mut at = load(&mut self.delivery().db(), id).await?;
        self.recover(&mut at).await?;
        loop {
            match at.state()? {
                DeploymentState::Requested => {
                    self.phase(&at, DeploymentPhase::Checking).await;
                    let line = Line::started(Step::Preflight, "the preconditions are read");
                    self.note(&mut at, line.with(Event::PreflightStarted), |_| Ok(()))
                        .await?;
                }
                DeploymentState::Checking => self.check(&mut at).await?,
                DeploymentState::AwaitingApproval => {
                    if !self.await_approval(&mut at).await? {
                        return Ok(());
                    }
                }
                DeploymentState::Queued => {
                    if !self.lock(&mut at).await? {
                        return Ok(());
                    }
                }
                DeploymentState::Preparing => self.prepare(&mut at, control).await?,
                DeploymentState::Switching => self.switch(&mut at).await?,
                DeploymentState::Baking => self.bake(&mut at, control).await?,
                DeploymentState::RollingBack => self.go_back(&mut at).await?,
                _ended => return self.end(&at).await,
            }
        }
    }

    /// What a crash left is brought to a state from which the drive goes on.
    async fn recover(&self, at: &mut Loaded) -> Result<(), DriveError> {
        let state = at.state()?;
        if !state.holds_lock() {
            return Ok(());
        }
        // The lock may have been taken without a word to the job.
        self.phase(at, DeploymentPhase::Deploying).await;
        if let Some(reason) = was_cancelled(at)? {
            return self.abandon_candidate(at, &reason, Event::Cancel).await;
        }
        self.until_slots_settle(at).await;
        let steps = deployment::steps(&mut self.delivery().db(), &at.deployment.id).await?;
        let observed = self.observe(at).await;
        match resume(&at.journal(&steps)?, &observed) {
            Next::Abort { reason } => {
                self.abandon_candidate(at, &reason, Event::CandidateFailed)
                    .await
            }
            Next::PrepareAgain => {
                let line = Line::started(Step::Install, PREPARES_AGAIN);
                self.note(at, line, |_| Ok(())).await
            }
            Next::SwitchAgain => {
                let said = "the server was interrupted before it switched; it does so now";
                self.note(at, Line::started(Step::Switch, said), |_| Ok(()))
                    .await
            }
            Next::ConfirmSwitch => self.confirm_switch(at, Instant::now()).await,
            Next::GoBack { reason } if state == DeploymentState::Switching => {
                let line = Line::failed(Step::Switch, &reason).with(Event::SwitchNotConfirmed);
                self.note(at, line, |at| add_reason(at, &reason)).await
            }
            Next::GoBack { reason } if state == DeploymentState::Baking => {
                let line = Line::failed(Step::Bake, &reason).with(Event::BakeFailed);
                self.note(at, line, |at| add_reason(at, &reason)).await
            }
            Next::GoBack { .. } | Next::Bake | Next::Nothing | Next::Check | Next::Wait => Ok(()),
        }
    }

    /// Processes that were started again with this one are given their time to get ready, so that
    /// a restart of the platform is not held against a version.
    async fn until_slots_settle(&self, at: &Loaded) {
        let patience = Duration::from_millis(at.definition.service.ready_timeout_ms);
        let deadline = Instant::now() + patience;
        let prepares = at.deployment.state == DeploymentState::Preparing.as_str();
        // A candidate that is prepared again is started anew.
        let matters = |role: &str| role != "idle" && !(prepares && role == "candidate");
        for slot in at.slots.iter().filter(|slot| matters(&slot.role)) {
            let Some(name) = rialto_delivery_release::SlotName::parse(&slot.name) else {
                continue;
            };
            let key = at.slot_key(name);
            let starting = || {
                self.supervisor()
                    .status(&key)
                    .is_some_and(|s| s.health == Health::Starting)
            };
            while starting() && Instant::now() < deadline {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// Reads the preconditions.
    async fn check(&self, at: &mut Loaded) -> Result<(), DriveError> {
        let began = Instant::now();
        match self.clearance(at).await? {
            Ok(clearance) => {
                let expires = to_micros(now()) + APPROVAL_MICROS;
                let detail = with_warning(&checked(at), &clearance);
                let line = Line::ok(Step::Preflight, &detail)
                    .with(Event::PreconditionsHold(clearance))
                    .took(began);
                self.note(at, line, |at| {
                    at.deployment.approval_expires_at =
                        (at.deployment.required_approvals > 0).then_some(expires);
                    Ok(())
                })
                .await
            }
            Err(unmet) => self.refuse(at, &unmet, began).await,
        }
    }

    async fn refuse(
        &self,
        at: &mut Loaded,
        unmet: &[Unmet],
        began: Instant,
    ) -> Result<(), DriveError> {
        let reasons: Vec<String> = unmet.iter().map(ToString::to_string).collect();
        let gate = unmet.iter().any(Unmet::is_gate);
        let detail = format!(
            "{}{}",
            if gate { GATE_MARK } else { "" },
            reasons.join("; ")
        );
        let line = Line::failed(Step::Preflight, &detail)
            .with(Event::PreconditionsFailed)
            .took(began);
        self.note(at, line, |at| at.set_reasons(&reasons)).await
    }

    /// The proof that everything holds, or what does not. A deployment that has no proof is never
    /// switched: the state machine wants to see it.
    async fn clearance(
        &self,
        at: &mut Loaded,
    ) -> Result<Result<Clearance, Vec<Unmet>>, DriveError> {
        if at.kind() != DeploymentKind::Deploy {
            return Ok(check_rollback(self.standby_is_healthy(at)));
        }
        let mut db = self.delivery().db();
        let digest = at.release.digest.clone();
        let verdict = self.verdict_on(at).await?;
        at.deployment.verdict_id = verdict.as_ref().map(|row| row.id.to_string());
        let required = match &at.spec.requires {
            Some(name) => {
                let project = &at.release.project_id;
                let found =
                    deployment::succeeded_with_digest(&mut db, project, name, &digest).await?;
                Some(RequiredFact {
                    environment: name.clone(),
                    deployed: found.is_some(),
                })
            }
            None => None,
        };
        let locked = (at.environment.state == "rollback_failed")
            .then(|| "a rollback failed here; roll back to a healthy version first".to_owned());
        let facts = Facts {
            digest_stored: self.is_stored(&digest).await?,
            verdict: verdict.map(|row| VerdictFact {
                id: row.id.to_string(),
                digest: row.artifact_digest,
                passed: row.overall == "passed",
            }),
            digest,
            required,
            environment_locked: locked,
            router_drift: self.lasting_drift(at).await?,
            active_healthy: at.active().map(|slot| self.slot_is_healthy(at, slot)),
            superseded_by: self.superseded_by(&at.deployment).await?,
        };
        Ok(check(&facts))
    }

    /// The verdict on this digest: made now when the preconditions are first read, so that every
    /// report handed in until then counts.
    async fn verdict_on(&self, at: &Loaded) -> Result<Option<VerdictRow>, DriveError> {
        let (project, digest) = (&at.release.project_id, at.release.digest.as_str());
        if at.state()? == DeploymentState::Checking {
            let pipeline = &at.release.pipeline_id;
            let row = self
                .delivery()
                .judge_gate(pipeline, Some(digest), GateEvent::Deploy)
                .await?;
            return Ok(Some(row));
        }
        Ok(verdict::newest_of_digest(&mut self.delivery().db(), project, digest).await?)
    }

    async fn is_stored(&self, digest: &str) -> Result<bool, DriveError> {
        let (content, digest) = (self.delivery().content().clone(), digest.to_owned());
        Ok(blocking(move || Ok(content.contains(&digest)?)).await?)
    }

    pub(super) fn slot_is_healthy(
        &self,
        at: &Loaded,
        slot: rialto_delivery_release::SlotName,
    ) -> bool {
        let status = self.supervisor().status(&at.slot_key(slot));
        status.is_some_and(|s| s.health == Health::Healthy)
    }

    fn standby_is_healthy(&self, at: &Loaded) -> bool {
        at.standby()
            .is_some_and(|slot| self.slot_is_healthy(at, slot))
    }

    /// True when the approvals suffice; false when people have to decide yet.
    async fn await_approval(&self, at: &mut Loaded) -> Result<bool, DriveError> {
        let context = approval_context(&mut self.delivery().db(), &at.deployment).await?;
        if let Some(quorum) = approval::quorum(&context) {
            let detail = match context.required {
                0 => "no approval is needed".to_owned(),
                n => format!("{} of {n} approvals", context.approved_by.len()),
            };
            let line = Line::ok(Step::Approval, &detail).with(Event::QuorumReached(quorum));
            self.note(at, line, |_| Ok(())).await?;
            return Ok(true);
        }
        let expires = at.deployment.approval_expires_at.unwrap_or(i64::MAX);
        if to_micros(now()) >= expires {
            let reason = "nobody decided within 24 hours";
            let line = Line::failed(Step::Approval, reason).with(Event::ApprovalExpired);
            self.note(at, line, |at| add_reason(at, reason)).await?;
            return Ok(true);
        }
        self.phase(at, DeploymentPhase::AwaitingApproval).await;
        Ok(false)
    }

    /// True when the environment's lock is held (or the deployment was refused); false when another
    /// deployment holds it, whose end wakes this one.
    async fn lock(&self, at: &mut Loaded) -> Result<bool, DriveError> {
        self.phase(at, DeploymentPhase::Queued).await;
        self.point()?;
        let id = at.deployment.id.to_string();
        let mut tx = self.delivery().db().begin().await?;
        let version = deployment::find(&mut tx, &at.deployment.id)
            .await?
            .map(|row| row.version);
        if version != Some(at.deployment.version) {
            return Err(DriveError::Changed);
        }
        if !environment::take_lock(&mut tx, &at.environment.id, &id).await? {
            return Ok(false);
        }
        // The one before may have changed everything: read it under the lock.
        if let Some(row) = environment::find(&mut tx, &at.environment.id).await? {
            at.environment = row;
        }
        at.slots = super::load::slots(&mut tx, &at.environment.id).await?;
        tx.commit().await?;
        let began = Instant::now();
        let clearance = match self.clearance(at).await? {
            Ok(clearance) => clearance,
            Err(unmet) => {
                self.refuse(at, &unmet, began).await?;
                return Ok(true);
            }
        };
        let active = at.active();
        let candidate = match at.kind() {
            DeploymentKind::Deploy => choose_candidate(active, at.standby()),
            DeploymentKind::Rollback | DeploymentKind::AutomaticRollback => {
                // Read with the preconditions, under the same lock.
                at.standby().ok_or_else(|| {
                    DeliveryError::Internal("there is no standby to go back to".to_owned())
                })?
            }
        };
        let detail = format!(
            "slot {candidate}, environment {} is locked",
            at.environment.name
        );
        let detail = with_warning(&detail, &clearance);
        let line = Line::ok(Step::Preflight, &detail).with(Event::LockGranted);
        self.note(at, line, |at| {
            at.deployment.candidate_slot = Some(candidate.as_str().to_owned());
            at.deployment.previous_slot = active.map(|slot| slot.as_str().to_owned());
            at.deployment.previous_release_id = at.environment.active_release_id.clone();
            at.environment.state = "deploying".to_owned();
            // Approved under the rule before it: from here on the release's own rule stands.
            let protection = Protection::of(&at.spec, None);
            at.environment.tier = protection.tier.as_str().to_owned();
            at.environment.protected = protection.is_protected();
            Ok(())
        })
        .await?;
        self.phase(at, DeploymentPhase::Deploying).await;
        Ok(true)
    }

    /// The job ends with its deployment, and whoever waits for the environment is woken.
    async fn end(&self, at: &Loaded) -> Result<(), DriveError> {
        if let Some(job) = job_of(at) {
            if at.state()? == DeploymentState::Canceled {
                // A job that waited is shown at work before it ends as cancelled.
                self.phase(at, DeploymentPhase::Deploying).await;
            }
            self.delivery()
                .finish_job(&job, self.job_result(at).await?)
                .await?;
        }
        self.supersede_waiting(at).await?;
        for row in deployment::unfinished(&mut self.delivery().db()).await? {
            if row.environment_id == at.environment.id && row.state == "queued" {
                self.spawn(row.id);
                break;
            }
        }
        Ok(())
    }

    async fn job_result(&self, at: &Loaded) -> Result<JobResult, DriveError> {
        let (reason, fallback) = match at.state()? {
            DeploymentState::Succeeded => return Ok(JobResult::Success),
            DeploymentState::Canceled => return Ok(JobResult::Canceled),
            DeploymentState::Rejected | DeploymentState::Expired => self.refusal(at).await?,
            DeploymentState::RolledBack => (
                FailureReason::DeploymentFailed,
                "the deployment was rolled back",
            ),
            _ => (FailureReason::DeploymentFailed, "the deployment failed"),
        };
        let reasons = at.reasons()?;
        let message = if reasons.is_empty() {
            fallback.to_owned()
        } else {
            reasons.join("; ")
        };
        Ok(JobResult::Failed { reason, message })
    }

    /// Why a deployment did not begin: the last step that failed tells.
    async fn refusal(&self, at: &Loaded) -> Result<(FailureReason, &'static str), DriveError> {
        let steps = deployment::steps(&mut self.delivery().db(), &at.deployment.id).await?;
        let last = steps
            .iter()
            .rev()
            .find(|s| s.outcome == Outcome::Failed.as_str());
        Ok(match last {
            Some(step) if step.step == Step::Approval.as_str() => (
                FailureReason::ApprovalMissing,
                "the deployment was not approved",
            ),
            Some(step) if step.detail.starts_with(GATE_MARK) => {
                (FailureReason::GateFailed, "the gate did not pass")
            }
            _ => (
                FailureReason::UnmetPrerequisites,
                "a precondition does not hold",
            ),
        })
    }

    /// The release a deployment goes back to.
    pub(super) async fn previous_release(
        &self,
        at: &Loaded,
    ) -> Result<Option<release::ReleaseRow>, DriveError> {
        let Some(id) = &at.deployment.previous_release_id else {
            return Ok(None);
        };
        let Ok(id) = id.parse() else { return Ok(None) };
        Ok(release::find(&mut self.delivery().db(), &id).await?)
    }
}

/// Life span of a request for approval.
#[expect(clippy::cast_possible_wrap, reason = "24 hours fit")]
const APPROVAL_MICROS: i64 = rialto_delivery_release::state::APPROVAL_EXPIRY_MS as i64 * 1_000;

/// Leads the detail of a preflight that the gate refused.
const GATE_MARK: &str = "gate: ";

/// A person's wish that was written down before whoever worked on it could follow.
fn was_cancelled(at: &Loaded) -> Result<Option<String>, DeliveryError> {
    if at.state()? != DeploymentState::Preparing {
        return Ok(None);
    }
    let mut reasons = at.reasons()?.into_iter();
    Ok(reasons.find(|reason| reason.starts_with("cancelled by ")))
}

/// That the preconditions hold, and why more approvals are needed than the release asks for.
fn checked(at: &Loaded) -> String {
    let needed = at.deployment.required_approvals;
    let asked = i64::from(at.spec.approvals);
    if needed <= asked || at.kind() != DeploymentKind::Deploy {
        return "all preconditions hold".to_owned();
    }
    format!(
        "all preconditions hold; {needed} approvals are needed although {DEFINITION_PATH} of this \
         release asks for {asked}: production takes at least one, and a laxer rule counts only \
         after a deployment that brought it was approved"
    )
}

/// The line with what people should know.
fn with_warning(detail: &str, clearance: &Clearance) -> String {
    match clearance.warning() {
        Some(warning) => format!("{detail}; {warning}"),
        None => detail.to_owned(),
    }
}

/// Keeps a reason for people.
pub(super) fn add_reason(at: &mut Loaded, reason: &str) -> Result<(), DeliveryError> {
    let mut reasons = at.reasons()?;
    if !reasons.iter().any(|known| known == reason) {
        reasons.push(reason.to_owned());
    }
    at.set_reasons(&reasons)
}
