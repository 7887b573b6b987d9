//! Back to the earlier version after the switch was begun.

use std::time::Duration;

use rialto_delivery_release::plan::DeploymentKind;
use rialto_delivery_release::{DeploymentState, Event, Outcome, SlotName, Step};
use rialto_delivery_store::deployment::{self, DeploymentRow};
use rialto_platform_store::{new_id, now, to_micros};
use tokio::time::Instant;

use super::drive::add_reason;
use super::journal::Line;
use super::load::{Loaded, empty_slot};
use super::prepare::settle_environment;
use super::router::Fallback;
use super::traffic::{make_active_again, note_standby};
use super::{Deployments, DriveError};

/// Tries to make the router serve the earlier version.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(300);

impl Deployments {
    /// Switches back, verifies, and stops the candidate.
    pub(super) async fn go_back(&self, at: &mut Loaded) -> Result<(), DriveError> {
        let decided_at = self.decided_at(at).await?;
        let to = at.previous().map_or("nothing", SlotName::as_str);
        let said = format!("to {to}");
        self.note(at, Line::started(Step::SwitchBack, &said), |_| Ok(()))
            .await?;
        let began = Instant::now();
        if let Err(reason) = self.route_back(at).await {
            return self.back_failed(at, Step::SwitchBack, &reason, began).await;
        }
        let said = format!("the router serves {to}");
        let line = Line::ok(Step::SwitchBack, &said).took(began);
        self.note(at, line, |at| {
            restore_roles(at);
            Ok(())
        })
        .await?;
        self.note(
            at,
            Line::started(Step::VerifyBack, "through the public address"),
            |_| Ok(()),
        )
        .await?;
        let began = Instant::now();
        let seen = match self.verify_back(at).await {
            Ok(()) if at.previous().is_none() => "nothing is served, as before the deployment",
            Ok(()) => "the earlier version answers",
            // It did not answer before either: that the router serves it again is all there is.
            Err(_) if !self.had_way_back(at).await? => {
                "the earlier version is served as before, not healthy as before"
            }
            Err(reason) => return self.back_failed(at, Step::VerifyBack, &reason, began).await,
        };
        let rollback_ms = to_micros(now()).saturating_sub(decided_at) / 1_000;
        let said = format!("{seen}, {rollback_ms} ms after the decision");
        let line = Line::ok(Step::VerifyBack, &said).took(began);
        self.note(at, line, |at| {
            at.deployment.rollback_ms = Some(rollback_ms);
            Ok(())
        })
        .await?;
        self.finish_back(at, decided_at).await
    }

    async fn finish_back(&self, at: &mut Loaded, decided_at: i64) -> Result<(), DriveError> {
        let began = Instant::now();
        let said = match at.kind() {
            // A standby that a person asked for and that did not hold: it keeps its slot.
            DeploymentKind::Rollback | DeploymentKind::AutomaticRollback => {
                "the standby stays in its slot".to_owned()
            }
            DeploymentKind::Deploy => match self.clear_candidate(at).await {
                Ok(()) => "the candidate is stopped".to_owned(),
                Err(trouble) => format!("the candidate was not stopped: {trouble}"),
            },
        };
        let rolled_back_to = self.previous_release(at).await?;
        let line = Line::ok(Step::StopCandidate, &said)
            .with(Event::RollbackVerified)
            .took(began);
        self.note(at, line, |at| {
            settle_environment(at);
            if at.deployment.kind == "deploy" && rolled_back_to.is_some() {
                at.also = Some(record_of(at, decided_at));
            }
            Ok(())
        })
        .await
    }

    /// The router serves the earlier version, whatever it served before.
    async fn route_back(&self, at: &Loaded) -> Result<(), String> {
        let active = at.previous().and_then(|slot| at.target(slot));
        // What stood by before the deployment does so again.
        let older = at.reserve().or_else(|| at.standby());
        let older = older.filter(|slot| Some(*slot) != at.previous());
        let older = older.filter(|slot| at.candidate().ok() != Some(*slot));
        let standby = older.and_then(|slot| at.target(slot));
        let mut last = String::new();
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            match self
                .move_traffic(at, active.as_ref(), standby.as_ref(), Fallback::Off)
                .await
            {
                Ok(_version) => return Ok(()),
                Err(error) => last = error.to_string(),
            }
        }
        Err(last)
    }

    async fn verify_back(&self, at: &Loaded) -> Result<(), String> {
        let Some(target) = at.previous().and_then(|slot| at.target(slot)) else {
            // There was no earlier version: that nothing is served was confirmed by the router.
            return Ok(());
        };
        self.see_publicly(at, &target.label).await
    }

    async fn back_failed(
        &self,
        at: &mut Loaded,
        step: Step,
        reason: &str,
        began: Instant,
    ) -> Result<(), DriveError> {
        tracing::error!(
            environment = at.environment.name,
            project = at.environment.project_path,
            reason,
            "A ROLLBACK FAILED: people are needed, both slots are kept"
        );
        let line = Line::failed(step, reason)
            .with(Event::RollbackNotVerified)
            .took(began);
        self.note(at, line, |at| {
            at.environment.state = "rollback_failed".to_owned();
            add_reason(at, reason)
        })
        .await
    }

    /// When it was decided to go back: the failure that came last in the journal.
    async fn decided_at(&self, at: &Loaded) -> Result<i64, DriveError> {
        let steps = deployment::steps(&mut self.delivery().db(), &at.deployment.id).await?;
        let failed = steps
            .iter()
            .rev()
            .find(|s| s.outcome == Outcome::Failed.as_str());
        Ok(failed.map_or_else(|| to_micros(now()), |step| step.at))
    }
}

/// The rows after the traffic moved back.
fn restore_roles(at: &mut Loaded) {
    let Ok(candidate) = at.candidate() else {
        return;
    };
    match at.previous() {
        Some(previous) => {
            let role = if at.deployment.kind == "deploy" {
                "candidate"
            } else {
                "standby"
            };
            at.slot_mut(candidate).role = role.to_owned();
            make_active_again(at, previous);
        }
        None => {
            let id = at.environment.id.clone();
            at.environment.active_slot = None;
            at.environment.active_release_id = None;
            if at.deployment.kind != "deploy" {
                *at.slot_mut(candidate) = empty_slot(&id, candidate);
            } else {
                at.slot_mut(candidate).role = "candidate".to_owned();
            }
            note_standby(at);
        }
    }
}

/// The rollback as a deployment record of its own.
fn record_of(at: &Loaded, decided_at: i64) -> DeploymentRow {
    let done = &at.deployment;
    let previous = done
        .previous_release_id
        .as_deref()
        .and_then(|id| id.parse().ok());
    let asked = at.asked_back.clone();
    DeploymentRow {
        id: new_id(),
        no: 0,
        kind: match &asked {
            Some(_) => DeploymentKind::Rollback.as_str().to_owned(),
            None => DeploymentKind::AutomaticRollback.as_str().to_owned(),
        },
        release_id: previous.unwrap_or_else(|| done.release_id.clone()),
        previous_release_id: Some(done.release_id.to_string()),
        rolls_back_id: Some(done.id.to_string()),
        state: DeploymentState::Succeeded.as_str().to_owned(),
        reason_given: asked.unwrap_or_default(),
        requested_by_id: None,
        requested_by_name: None,
        requested_by_email: None,
        required_approvals: 0,
        approval_expires_at: None,
        candidate_slot: done.previous_slot.clone(),
        previous_slot: done.candidate_slot.clone(),
        job_id: None,
        created_at: decided_at,
        started_at: Some(decided_at),
        switched_at: Some(to_micros(now())),
        finished_at: Some(to_micros(now())),
        version: 1,
        ..done.clone()
    }
}
