//! Evidence records of pipelines and jobs, written with the change they describe.

use rialto_delivery_run::event::Event;
use rialto_delivery_store::artifact;
use rialto_delivery_store::job::JobRow;
use rialto_delivery_store::pipeline::PipelineRow;
use rialto_platform_evidence::{Actor, NewRecord, RecordId, Ref};
use rialto_platform_store::Tx;
use serde_json::{Value, json};

use crate::apply::{Cause, Loaded};
use crate::{Delivery, DeliveryError};

/// The evidence actor of a person, runner or part of the platform.
pub(crate) fn evidence_actor(actor: &rialto_platform_identity::Actor) -> Actor {
    use rialto_platform_identity::Auth;
    let kind = match actor.auth {
        Auth::Session | Auth::Token => "user",
        Auth::System => "system",
        Auth::Runner => "runner",
    };
    Actor::new(actor.user_id.as_str(), kind, actor.auth.as_str())
}

/// JSON of a person, kept with a played job or a deployment.
pub(crate) fn person_json(actor: &rialto_platform_identity::Actor) -> Option<String> {
    actor.is_person().then(|| {
        json!({"id": actor.user_id.as_str(), "login": actor.login, "name": actor.name,
            "email": actor.email})
        .to_string()
    })
}

/// A reference, when the digest is one.
pub(crate) fn reference(kind: &str, id: &str, sha256: &str) -> Option<Ref> {
    let sha256 = sha256.parse().ok()?;
    Some(Ref {
        kind: kind.to_owned(),
        id: id.to_owned(),
        sha256,
    })
}

impl Delivery {
    /// Appends a record in the caller's transaction.
    pub(crate) async fn record(
        &self,
        tx: &mut Tx<'_>,
        actor: Actor,
        kind: &'static str,
        subject: String,
        body: Value,
        refs: Vec<Ref>,
    ) -> Result<RecordId, DeliveryError> {
        let new = NewRecord {
            actor,
            kind,
            subject,
            body,
            refs,
        };
        Ok(self.evidence().append(tx, new).await?)
    }

    /// What a person asked for.
    pub(crate) async fn record_action(
        &self,
        tx: &mut Tx<'_>,
        loaded: &Loaded,
        event: &Event,
        cause: &Cause,
    ) -> Result<(), DeliveryError> {
        let Some(action) = cause.action else {
            return Ok(());
        };
        let job = match event {
            Event::Play { job } | Event::Retry { job } | Event::Cancel { job } => Some(*job),
            _ => None,
        };
        let mut body = json!({"action": action, "pipeline": loaded.pipeline.id.as_str(),
            "no": loaded.pipeline.no});
        if let Some(row) = job.and_then(|index| loaded.rows.get(index)) {
            body["job"] = json!(row.id.as_str());
            body["name"] = json!(row.name);
        }
        let subject = format!("pipeline:{}", loaded.pipeline.id);
        let kind = if job.is_some() { "job" } else { "pipeline" };
        self.record(tx, cause.actor.clone(), kind, subject, body, Vec::new())
            .await
            .map(drop)
    }

    /// The end of an attempt that was at work or failed.
    pub(crate) async fn record_job(
        &self,
        tx: &mut Tx<'_>,
        pipeline: &PipelineRow,
        row: &JobRow,
        cause: &Cause,
    ) -> Result<(), DeliveryError> {
        if row.started_at.is_none() && row.failure_reason.is_none() {
            return Ok(());
        }
        let mut refs = Vec::new();
        if let Some(sha256) = &row.log_sha256 {
            refs.extend(reference("log", row.id.as_str(), sha256));
        }
        for file in artifact::of_job(tx, &row.id).await? {
            refs.extend(reference(&file.kind, &file.name, &file.sha256));
        }
        let body = json!({
            "job": row.id.as_str(),
            "name": row.name,
            "stage": row.stage,
            "attempt": row.attempt,
            "status": row.status.as_str(),
            "failure_reason": row.failure_reason,
            "exit_code": row.exit_code,
            "started_at": row.started_at.map(crate::view::time_text),
            "finished_at": row.finished_at.map(crate::view::time_text),
            "runner": row.runner_name,
            "log_bytes": row.log_bytes,
            "isolation": json_column(&row.isolation),
            "notes": json_column(&row.notes),
            "sha": pipeline.sha,
        });
        let subject = format!("pipeline:{}", pipeline.id);
        self.record(tx, cause.actor.clone(), "job", subject, body, refs)
            .await
            .map(drop)
    }

    /// The end of a pipeline.
    pub(crate) async fn record_pipeline_end(
        &self,
        tx: &mut Tx<'_>,
        pipeline: &PipelineRow,
        rows: &[JobRow],
    ) -> Result<(), DeliveryError> {
        let jobs: serde_json::Map<String, Value> = rows
            .iter()
            .map(|row| (row.name.clone(), json!(row.status.as_str())))
            .collect();
        let body = json!({
            "pipeline": pipeline.id.as_str(),
            "no": pipeline.no,
            "project": pipeline.project_path,
            "ref": pipeline.ref_name,
            "sha": pipeline.sha,
            "status": pipeline.status.as_str(),
            "warnings": pipeline.has_warnings,
            "duration_ms": pipeline.duration_ms,
            "jobs": jobs,
        });
        let actor = Actor::system("scheduler");
        let subject = format!("pipeline:{}", pipeline.id);
        self.record(tx, actor, "pipeline", subject, body, Vec::new())
            .await
            .map(drop)
    }
}

/// A JSON column as a value; damaged text stays text.
fn json_column(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}
