//! Before the switch: install, start and try out the candidate. Users see nothing of it.

use std::time::Duration;

use rialto_delivery_release::plan::{
    DeploymentKind, PlannedStep, StepDetail, deploy_steps, rollback_steps,
};
use rialto_delivery_release::watch::{ReadinessWatch, Watched};
use rialto_delivery_release::{Event, Step};
use rialto_delivery_run::size::Size;
use rialto_delivery_supervisor::{ProcessState, RunSpec, http};
use rialto_platform_store::{now, to_micros};
use tokio::time::Instant;

use super::control::Control;
use super::drive::add_reason;
use super::journal::Line;
use super::load::{Loaded, empty_slot};
use super::{Deployments, DriveError};
use crate::error::blocking;

/// How long the news of a process's end may take.
const END_NOTED: Duration = Duration::from_millis(500);

impl Deployments {
    /// Carries out the planned steps of this state; ends with the intent to switch.
    pub(super) async fn prepare(
        &self,
        at: &mut Loaded,
        control: &Control,
    ) -> Result<(), DriveError> {
        for planned in planned(at) {
            if let Some(by) = control.cancelled() {
                let reason = format!("cancelled by {by}");
                return self.abandon_candidate(at, &reason, Event::Cancel).await;
            }
            let result = match planned.step {
                Step::Install => self.install(at).await?,
                Step::Start => self.start_candidate(at).await?,
                Step::Readiness => self.readiness(at, &planned.detail, control).await?,
                Step::Smoke => self.smoke(at, &planned.detail).await?,
                _of_another_state => Ok(()),
            };
            if let Err(reason) = result {
                let event = match control.cancelled() {
                    Some(_) => Event::Cancel,
                    None => Event::CandidateFailed,
                };
                return self.abandon_candidate(at, &reason, event).await;
            }
        }
        let candidate = at.candidate()?;
        let detail = match at.active() {
            Some(active) => format!("from {active} to {candidate}"),
            None => format!("to {candidate}, the first version"),
        };
        let line = Line::started(Step::Switch, &detail).with(Event::CandidateReady);
        self.note(at, line, |_| Ok(())).await
    }

    async fn install(&self, at: &mut Loaded) -> Result<Result<(), String>, DriveError> {
        let candidate = at.candidate()?;
        let detail = format!("{} into slot {candidate}", at.release.digest);
        // The slot was free: whoever stands by does so in another one.
        self.note(at, Line::started(Step::Install, &detail), |at| {
            let release = at.release.clone();
            let slot = at.slot_mut(candidate);
            slot.role = "candidate".to_owned();
            slot.health = "stopped".to_owned();
            slot.release_id = Some(release.id.to_string());
            slot.version_label = Some(release.version_label);
            slot.digest = Some(release.digest);
            slot.address = None;
            slot.folder = None;
            slot.pid = None;
            Ok(())
        })
        .await?;
        let began = Instant::now();
        if let Err(reason) = self.open_route(at).await {
            return self.failed(at, Step::Install, reason, began).await;
        }
        let digest = at.release.digest.clone();
        let (content, wanted) = (self.delivery().content().clone(), digest.clone());
        let archive = blocking(move || Ok(content.path(&wanted)?)).await?;
        match self
            .supervisor()
            .install(&at.slot_key(candidate), &archive, &digest)
            .await
        {
            Ok(installed) => {
                let detail = format!("{} unpacked, digest verified", Size(installed.bytes));
                let line = Line::ok(Step::Install, &detail).took(began);
                self.note(at, line, |at| {
                    let folder = installed.folder.display().to_string();
                    at.slot_mut(candidate).folder = Some(folder);
                    Ok(())
                })
                .await?;
                Ok(Ok(()))
            }
            Err(error) => {
                self.failed(at, Step::Install, error.to_string(), began)
                    .await
            }
        }
    }

    async fn start_candidate(&self, at: &mut Loaded) -> Result<Result<(), String>, DriveError> {
        let candidate = at.candidate()?;
        let command = at.definition.service.command.join(" ");
        self.note(at, Line::started(Step::Start, &command), |_| Ok(()))
            .await?;
        let began = Instant::now();
        let run = RunSpec {
            label: at.release.version_label.clone(),
            environment: at.environment.name.clone(),
            command: at.definition.service.command.clone(),
            env: at.definition.env_for(&at.spec),
            health: at.definition.health.clone(),
            stop_timeout_ms: at.definition.service.stop_timeout_ms,
            memory_bytes: at.definition.service.memory_bytes,
            processes: at.definition.service.processes,
        };
        let key = at.slot_key(candidate);
        match self.supervisor().start(&key, run).await {
            Ok(address) => {
                let pid = self.supervisor().status(&key).and_then(|s| s.pid);
                let detail = format!(
                    "listens on {address}{}",
                    pid.map(|pid| format!(", process {pid}"))
                        .unwrap_or_default()
                );
                let line = Line::ok(Step::Start, &detail).took(began);
                self.note(at, line, |at| {
                    let slot = at.slot_mut(candidate);
                    slot.address = Some(address.to_string());
                    slot.health = "starting".to_owned();
                    slot.pid = pid.map(i64::from);
                    slot.started_at = Some(to_micros(now()));
                    Ok(())
                })
                .await?;
                Ok(Ok(()))
            }
            Err(error) => self.failed(at, Step::Start, error.to_string(), began).await,
        }
    }

    async fn readiness(
        &self,
        at: &mut Loaded,
        detail: &StepDetail,
        control: &Control,
    ) -> Result<Result<(), String>, DriveError> {
        let StepDetail::Probe {
            path,
            interval_ms,
            timeout_ms,
            consecutive,
            deadline_ms,
        } = detail
        else {
            return Ok(Ok(()));
        };
        let candidate = at.candidate()?;
        let said = format!("GET {path}, {consecutive} successes in a row within {deadline_ms} ms");
        self.note(at, Line::started(Step::Readiness, &said), |_| Ok(()))
            .await?;
        let began = Instant::now();
        let key = at.slot_key(candidate);
        let mut watch = ReadinessWatch::new(*consecutive, *deadline_ms);
        let limit = Duration::from_millis(*timeout_ms);
        loop {
            let probed = self.supervisor().probe(&key, path, limit).await.map(drop);
            match watch.observe(elapsed_ms(began), probed) {
                Watched::Passed => break,
                Watched::Failed(reason) => {
                    return self.failed(at, Step::Readiness, reason, began).await;
                }
                Watched::Continue => {}
            }
            let status = self.supervisor().status(&key);
            if let Some(status) = status.filter(|s| s.process == ProcessState::CrashLoop) {
                let reason = status
                    .last_failure
                    .unwrap_or_else(|| "it ends by itself".to_owned());
                return self.failed(at, Step::Readiness, reason, began).await;
            }
            if control.cancelled().is_some() {
                let reason = "cancelled while it was getting ready".to_owned();
                return self.failed(at, Step::Readiness, reason, began).await;
            }
            control.pause(Duration::from_millis(*interval_ms)).await;
        }
        let said = format!("{consecutive} successes in a row");
        self.note(at, Line::ok(Step::Readiness, &said).took(began), |at| {
            at.slot_mut(candidate).health = "healthy".to_owned();
            Ok(())
        })
        .await?;
        Ok(Ok(()))
    }

    async fn smoke(
        &self,
        at: &mut Loaded,
        detail: &StepDetail,
    ) -> Result<Result<(), String>, DriveError> {
        let StepDetail::Requests { paths, timeout_ms } = detail else {
            return Ok(Ok(()));
        };
        let said = paths
            .iter()
            .map(|p| format!("GET {p}"))
            .collect::<Vec<_>>()
            .join(", ");
        self.note(at, Line::started(Step::Smoke, &said), |_| Ok(()))
            .await?;
        let began = Instant::now();
        let Some(target) = at.target(at.candidate()?) else {
            return self
                .failed(at, Step::Smoke, "the slot has no address".to_owned(), began)
                .await;
        };
        let limit = Duration::from_millis(*timeout_ms);
        for path in paths {
            if let Err(reason) = http::probe(target.address, path, limit).await {
                let reason = self.ended_by_itself(at).await?.unwrap_or(reason);
                return self.failed(at, Step::Smoke, reason, began).await;
            }
        }
        let said = format!("{} answered 2xx", paths.len());
        self.note(at, Line::ok(Step::Smoke, &said).took(began), |_| Ok(()))
            .await?;
        Ok(Ok(()))
    }

    /// How the candidate's process ended by itself: what it no longer answers follows from that. Its
    /// end may be noted a moment after the answer failed.
    pub(super) async fn ended_by_itself(&self, at: &Loaded) -> Result<Option<String>, DriveError> {
        let key = at.slot_key(at.candidate()?);
        let mut changes = self.supervisor().changes();
        let ended = async {
            loop {
                let status = self.supervisor().status(&key);
                if let Some(how) = status.and_then(|status| status.last_end) {
                    return Some(how);
                }
                changes.changed().await.ok()?;
            }
        };
        Ok(tokio::time::timeout(END_NOTED, ended).await.ok().flatten())
    }

    async fn failed(
        &self,
        at: &mut Loaded,
        step: Step,
        reason: String,
        began: Instant,
    ) -> Result<Result<(), String>, DriveError> {
        self.note(at, Line::failed(step, &reason).took(began), |_| Ok(()))
            .await?;
        Ok(Err(reason))
    }

    /// Ends a deployment before the switch: the candidate is stopped, nothing changed for users.
    pub(super) async fn abandon_candidate(
        &self,
        at: &mut Loaded,
        reason: &str,
        event: Event,
    ) -> Result<(), DriveError> {
        let began = Instant::now();
        let stopped = match at.kind() {
            DeploymentKind::Deploy => self.clear_candidate(at).await,
            // The standby of a rollback stays what it was.
            DeploymentKind::Rollback | DeploymentKind::AutomaticRollback => Ok(()),
        };
        let detail = match &stopped {
            Ok(()) => reason.to_owned(),
            Err(trouble) => format!("{reason}; and the candidate was not stopped: {trouble}"),
        };
        let line = Line::ok(Step::StopCandidate, &detail)
            .with(event)
            .took(began);
        self.note(at, line, |at| {
            settle_environment(at);
            add_reason(at, reason)
        })
        .await
    }

    /// Stops the candidate's process and empties its slot.
    pub(super) async fn clear_candidate(&self, at: &mut Loaded) -> Result<(), String> {
        let candidate = at.candidate().map_err(|error| error.to_string())?;
        self.supervisor()
            .stop(&at.slot_key(candidate))
            .await
            .map_err(|e| e.to_string())?;
        let id = at.environment.id.clone();
        *at.slot_mut(candidate) = empty_slot(&id, candidate);
        Ok(())
    }
}

/// The environment's state after a deployment has ended.
pub(super) fn settle_environment(at: &mut Loaded) {
    let serves = at.environment.active_slot.is_some();
    at.environment.state = if serves { "serving" } else { "idle" }.to_owned();
}

fn planned(at: &Loaded) -> Vec<PlannedStep> {
    match at.kind() {
        DeploymentKind::Deploy => deploy_steps(&at.definition, &at.spec),
        DeploymentKind::Rollback | DeploymentKind::AutomaticRollback => {
            rollback_steps(&at.definition.health)
        }
    }
}

/// What the watch after the switch needs; `None` when there is none (going back on a person's word).
pub(super) fn watch_detail(at: &Loaded) -> Option<StepDetail> {
    planned(at)
        .into_iter()
        .find(|p| p.step == Step::Bake)
        .map(|p| p.detail)
}

pub(super) fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
