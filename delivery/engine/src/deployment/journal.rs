//! Writing the journal: a line, the state it leads to, the environment, the slots, the evidence and
//! the events are one transaction.

use rialto_delivery_release::state::apply;
use rialto_delivery_release::{Event, Outcome, Step};
use rialto_delivery_run::event::DeploymentPhase;
use rialto_delivery_run::state::Status;
use rialto_delivery_store::deployment::{self, DeploymentRow, StepRow};
use rialto_delivery_store::environment;
use rialto_delivery_store::ids::JobId;
use rialto_delivery_store::job;
use rialto_delivery_store::project::{self, Number};
use rialto_platform_evidence::Actor;
use rialto_platform_store::{Tx, now, to_micros};
use serde_json::{Value, json};

use super::create::announce;
use super::involved::{people, pushers};
use super::load::Loaded;
use super::{Deployments, DriveError};
use crate::DeliveryError;
use crate::record::reference;

/// A line to write.
pub(super) struct Line<'a> {
    pub step: Step,
    pub outcome: Outcome,
    pub detail: &'a str,
    /// What happens to the state with it.
    pub event: Option<Event>,
    /// How long the step took, ms.
    pub duration_ms: Option<i64>,
    /// Who caused it.
    pub actor: Actor,
}

impl<'a> Line<'a> {
    pub(super) fn started(step: Step, detail: &'a str) -> Self {
        Self::new(step, Outcome::Started, detail)
    }

    pub(super) fn ok(step: Step, detail: &'a str) -> Self {
        Self::new(step, Outcome::Ok, detail)
    }

    pub(super) fn failed(step: Step, detail: &'a str) -> Self {
        Self::new(step, Outcome::Failed, detail)
    }

    fn new(step: Step, outcome: Outcome, detail: &'a str) -> Self {
        let actor = Actor::system("deployment");
        Self {
            step,
            outcome,
            detail,
            event: None,
            duration_ms: None,
            actor,
        }
    }

    pub(super) fn with(mut self, event: Event) -> Self {
        self.event = Some(event);
        self
    }

    pub(super) fn took(mut self, since: tokio::time::Instant) -> Self {
        self.duration_ms = Some(i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX));
        self
    }

    pub(super) fn by(mut self, actor: Actor) -> Self {
        self.actor = actor;
        self
    }
}

impl Deployments {
    /// Writes a line in a transaction of its own. `change` alters the rows that are written with it.
    pub(super) async fn note(
        &self,
        at: &mut Loaded,
        line: Line<'_>,
        change: impl FnOnce(&mut Loaded) -> Result<(), DeliveryError> + Send,
    ) -> Result<(), DriveError> {
        self.point()?;
        let mut tx = self.delivery().db().begin().await?;
        let found = deployment::find(&mut tx, &at.deployment.id).await?;
        if found.as_ref().map(|row| row.version) != Some(at.deployment.version) {
            return Err(DriveError::Changed);
        }
        change(at)?;
        let shown = self.write(&mut tx, at, &line).await?;
        tx.commit().await?;
        self.show(at, &shown).await;
        self.point()
    }

    /// Writes a line in the caller's transaction; the text for the job's log.
    pub(super) async fn write(
        &self,
        tx: &mut Tx<'_>,
        at: &mut Loaded,
        line: &Line<'_>,
    ) -> Result<String, DeliveryError> {
        let time = to_micros(now());
        let before = at.state()?;
        if let Some(event) = &line.event {
            let (next, _) = apply(before, event)
                .map_err(|refused| DeliveryError::refused(refused.to_string()))?;
            at.deployment.state = next.as_str().to_owned();
            if next.holds_lock() && at.deployment.started_at.is_none() {
                at.deployment.started_at = Some(time);
            }
            if next.is_terminal() {
                at.deployment.finished_at = Some(time);
            }
        }
        let step = StepRow {
            deployment_id: at.deployment.id.clone(),
            seq: 0,
            step: line.step.as_str().to_owned(),
            outcome: line.outcome.as_str().to_owned(),
            detail: line.detail.to_owned(),
            at: time,
            duration_ms: line.duration_ms,
        };
        deployment::add_step(tx, &step).await?;
        self.write_environment(tx, at).await?;
        at.deployment.version = deployment::update(tx, &at.deployment).await?;
        self.append_evidence(tx, at, line).await?;
        if let Some(rollback) = at.also.take() {
            self.insert_rollback(tx, at, rollback, line.actor.clone())
                .await?;
        }
        publish(tx, at, &["state", "steps"]).await;
        let took = line
            .duration_ms
            .map(|ms| format!(" ({ms} ms)"))
            .unwrap_or_default();
        Ok(format!(
            "{} {}: {}{took}\n",
            line.step,
            line.outcome.as_str(),
            line.detail
        ))
    }

    /// Writes the environment and its slots, if this deployment holds their lock. Without it they
    /// are another's to write, and what was read of them here may be old.
    async fn write_environment(
        &self,
        tx: &mut Tx<'_>,
        at: &mut Loaded,
    ) -> Result<(), DeliveryError> {
        let id = at.deployment.id.to_string();
        let holder = environment::find(tx, &at.environment.id)
            .await?
            .and_then(|row| row.lock_deployment_id);
        if holder.as_deref() != Some(id.as_str()) {
            return Ok(());
        }
        if at.state()?.is_terminal() {
            environment::release_lock(tx, &at.environment.id, &id).await?;
        }
        at.environment.last_deployment_id = Some(id);
        at.environment.version = environment::update(tx, &at.environment).await?;
        for slot in &at.slots {
            environment::put_slot(tx, slot).await?;
        }
        Ok(())
    }

    async fn append_evidence(
        &self,
        tx: &mut Tx<'_>,
        at: &Loaded,
        line: &Line<'_>,
    ) -> Result<(), DeliveryError> {
        let mut body = body(at)?;
        body["step"] = json!(line.step.as_str());
        body["outcome"] = json!(line.outcome.as_str());
        body["detail"] = json!(line.detail);
        body["state"] = json!(at.deployment.state);
        body["duration_ms"] = json!(line.duration_ms);
        let subject = format!("release:{}", at.release.id);
        let refs: Vec<_> = reference("artifact", &at.release.artifact_name, &at.release.digest)
            .into_iter()
            .collect();
        let delivery = self.delivery();
        let actor = line.actor.clone();
        delivery
            .record(
                tx,
                actor.clone(),
                "deployment_step",
                subject.clone(),
                body.clone(),
                refs.clone(),
            )
            .await?;
        if at.state()?.is_terminal() && line.event.is_some() {
            let kind = if at.deployment.kind == "deploy" {
                "deployment"
            } else {
                "rollback"
            };
            body["result"] = json!(at.deployment.state);
            body["reasons"] = json!(at.reasons()?);
            body["rollback_ms"] = json!(at.deployment.rollback_ms);
            delivery
                .record(tx, actor, kind, subject, body, refs)
                .await?;
        }
        Ok(())
    }

    /// The rollback as a deployment record of its own.
    async fn insert_rollback(
        &self,
        tx: &mut Tx<'_>,
        at: &Loaded,
        mut row: DeploymentRow,
        actor: Actor,
    ) -> Result<(), DeliveryError> {
        row.no = project::next_no(tx, &row.project_id, Number::Deployment).await?;
        deployment::insert(tx, &row).await?;
        announce(tx, &row).await;
        let mut body = body(at)?;
        body["deployment"] = json!(row.id.as_str());
        body["no"] = json!(row.no);
        body["kind"] = json!(row.kind);
        body["rolls_back"] = json!(row.rolls_back_id);
        body["rolled_back_to"] = json!(row.release_id.as_str());
        body["result"] = json!(row.state);
        body["reason"] = json!(row.reason_given);
        body["reasons"] = json!(at.reasons()?);
        body["rollback_ms"] = json!(row.rollback_ms);
        let subject = format!("release:{}", at.release.id);
        self.delivery()
            .record(tx, actor, "rollback", subject, body, Vec::new())
            .await
            .map(drop)
    }

    /// Adds a line to the job's log. The journal is the record; the log is for reading.
    pub(super) async fn show(&self, at: &Loaded, text: &str) {
        let Some(job) = job_of(at) else { return };
        let time = jiff::Timestamp::now().strftime("%H:%M:%S");
        let line = format!("{time} {text}");
        if let Err(error) = self
            .delivery()
            .append_system_log(&job, line.as_bytes())
            .await
        {
            tracing::warn!(%job, %error, "a line is missing in the log of a deployment job");
        }
    }

    /// Shows on the job where the deployment is, unless it does already.
    pub(super) async fn phase(&self, at: &Loaded, phase: DeploymentPhase) {
        let Some(job) = job_of(at) else { return };
        let wanted = match phase {
            DeploymentPhase::Checking => Status::Preparing,
            DeploymentPhase::AwaitingApproval => Status::Manual,
            DeploymentPhase::Queued => Status::WaitingForResource,
            DeploymentPhase::Deploying => Status::Running,
        };
        let shown = job::find(&mut self.delivery().db(), &job).await;
        if shown.is_ok_and(|row| row.is_some_and(|row| *row.status == wanted)) {
            return;
        }
        if let Err(error) = self.delivery().deployment_phase(&job, phase).await {
            tracing::debug!(%job, %error, "the job does not show the phase of its deployment");
        }
    }
}

/// The job a deployment belongs to.
pub(super) fn job_of(at: &Loaded) -> Option<JobId> {
    at.deployment
        .job_id
        .as_deref()
        .and_then(|id| id.parse().ok())
}

/// What every evidence record of a deployment says.
pub(super) fn body(at: &Loaded) -> Result<Value, DeliveryError> {
    let row = &at.deployment;
    Ok(json!({
        "project": at.release.project_path,
        "pipeline": at.release.pipeline_id.as_str(),
        "sha": at.release.sha,
        "digest": at.release.digest,
        "release": at.release.id.as_str(),
        "version": at.release.version_label,
        "environment": at.environment.name,
        "tier": at.environment.tier,
        "deployment": row.id.as_str(),
        "no": row.no,
        "kind": row.kind,
        "authors": people("authors", &row.authors)?,
        "pushers": pushers("authors", &row.authors)?,
        "requested_by": row.requested_by_id,
        "verdict": row.verdict_id,
        "slot": row.candidate_slot,
        "previous_slot": row.previous_slot,
        "previous_release": row.previous_release_id,
    }))
}

/// Tells everybody who looks at it.
pub(super) async fn publish(tx: &mut Tx<'_>, at: &Loaded, changed: &[&str]) {
    let row = &at.deployment;
    let topic = format!("deployment:{}", row.id);
    tx.publish(&topic, row.id.as_str(), row.version, changed, Value::Null)
        .await;
    let environment = &at.environment;
    let topic = format!("environment:{}", environment.id);
    let fields = ["state", "slots", "last_deployment_id"];
    tx.publish(
        &topic,
        environment.id.as_str(),
        environment.version,
        &fields,
        Value::Null,
    )
    .await;
}
