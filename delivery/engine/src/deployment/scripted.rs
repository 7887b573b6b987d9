//! Scripted deployments: a job's own script deploys into an environment that the release definition
//! does not declare. The controller moves nothing; it keeps the record when the job ends.

use std::sync::Weak;

use rialto_delivery_release::plan::DeploymentKind;
use rialto_delivery_release::{DeploymentState, Tier};
use rialto_delivery_run::state::Status;
use rialto_delivery_store::artifact::{self, ArtifactRow};
use rialto_delivery_store::deployment::{self, DeploymentRow};
use rialto_delivery_store::environment::{self, EnvironmentRow};
use rialto_delivery_store::ids::JobId;
use rialto_delivery_store::job::{self, JobRow};
use rialto_delivery_store::pipeline::{self, PipelineRow};
use rialto_delivery_store::project::{self, Number};
use rialto_platform_evidence::Actor;
use rialto_platform_store::{Tx, new_id, now, to_micros};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use super::create::announce;
use super::involved::people;
use super::{Deployments, Inner};
use crate::DeliveryError;

/// Follows jobs as long as the controller lives.
pub(super) async fn follow(inner: Weak<Inner>) {
    let Some(mut events) = inner.upgrade().map(|inner| inner.delivery.db().subscribe()) else {
        return;
    };
    loop {
        let event = match events.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(
                    missed,
                    "scripted deployments may be missing from the record"
                );
                continue;
            }
            Err(RecvError::Closed) => return,
        };
        let status_changed = event.changed.iter().any(|field| field == "status");
        let job = event
            .topic
            .strip_prefix("job:")
            .and_then(|id| id.parse::<JobId>().ok());
        let (Some(job), true) = (job, status_changed) else {
            continue;
        };
        let Some(inner) = inner.upgrade() else { return };
        let controller = Deployments { inner };
        if let Err(error) = controller.note_scripted(&job).await {
            tracing::warn!(%job, %error, "a scripted deployment was not recorded");
        }
    }
}

impl Deployments {
    /// Records the deployment of a job that has ended and deployed by itself.
    async fn note_scripted(&self, id: &JobId) -> Result<(), DeliveryError> {
        let mut db = self.delivery().db();
        let Some(row) = job::find(&mut db, id).await? else {
            return Ok(());
        };
        let deploys = row.environment_action.as_deref() == Some("start");
        let ran = row.status.is_completed() && row.started_at.is_some();
        if row.managed || !deploys || !ran {
            return Ok(());
        }
        let Some(name) = row.environment.clone() else {
            return Ok(());
        };
        if deployment::find_by_job(&mut db, id).await?.is_some() {
            return Ok(());
        }
        let Some(pipeline) = pipeline::find(&mut db, &row.pipeline_id).await? else {
            return Ok(());
        };
        let archives = artifact::of_pipeline(&mut db, &row.pipeline_id).await?;
        let newest = archives
            .into_iter()
            .filter(|a| a.kind == "archive" && a.job_id != row.id)
            .max_by_key(|a| a.created_at);
        let Some(archive) = newest else {
            tracing::info!(job = %id, environment = name,
                "a scripted deployment without an artifact has no release to be recorded with");
            return Ok(());
        };
        self.record_scripted(&row, &pipeline, &archive, &name).await
    }

    async fn record_scripted(
        &self,
        row: &JobRow,
        pipeline: &PipelineRow,
        archive: &ArtifactRow,
        name: &str,
    ) -> Result<(), DeliveryError> {
        let built = self.read_scripted(row, pipeline, archive, name).await?;
        let Some((found, plan_tier)) = built else {
            return Ok(());
        };
        let mut tx = self.delivery().db().begin().await?;
        let release = self.find_or_make_release(&mut tx, &found).await?;
        let mut target = find_or_make(&mut tx, pipeline, name, plan_tier).await?;
        let state = match *row.status {
            Status::Success => DeploymentState::Succeeded,
            Status::Failed => DeploymentState::Failed,
            _ => DeploymentState::Canceled,
        };
        let new = DeploymentRow {
            id: new_id(),
            no: project::next_no(&mut tx, &row.project_id, Number::Deployment).await?,
            project_id: row.project_id.clone(),
            project_path: pipeline.project_path.clone(),
            environment_id: target.id.clone(),
            environment_name: target.name.clone(),
            kind: DeploymentKind::Deploy.as_str().to_owned(),
            release_id: release.id.clone(),
            previous_release_id: target.active_release_id.clone(),
            rolls_back_id: None,
            state: state.as_str().to_owned(),
            reasons: json!(row.failure_message.iter().collect::<Vec<_>>()).to_string(),
            reason_given: String::new(),
            requested_by_id: None,
            requested_by_name: None,
            requested_by_email: None,
            authors: release.authors.clone(),
            required_approvals: 0,
            approval_expires_at: None,
            candidate_slot: None,
            previous_slot: None,
            job_id: Some(row.id.to_string()),
            pipeline_id: Some(row.pipeline_id.to_string()),
            verdict_id: release.verdict_id.clone(),
            created_at: row.started_at.unwrap_or(row.created_at),
            started_at: row.started_at,
            switched_at: None,
            finished_at: row.finished_at,
            rollback_ms: None,
            version: 1,
        };
        deployment::insert(&mut tx, &new).await?;
        if state == DeploymentState::Succeeded && !target.managed {
            target.active_release_id = Some(release.id.to_string());
            target.state = "serving".to_owned();
        }
        target.last_deployment_id = Some(new.id.to_string());
        environment::update(&mut tx, &target).await?;
        let body = json!({
            "project": release.project_path, "pipeline": release.pipeline_id.as_str(),
            "sha": release.sha, "digest": release.digest, "release": release.id.as_str(),
            "version": release.version_label, "environment": target.name, "tier": target.tier,
            "deployment": new.id.as_str(), "no": new.no, "kind": "scripted",
            "authors": people("authors", &new.authors)?, "job": row.id.as_str(),
            "result": new.state,
        });
        let subject = format!("release:{}", release.id);
        let actor = Actor::system("deployment");
        self.delivery()
            .record(&mut tx, actor, "deployment", subject, body, Vec::new())
            .await?;
        announce(&mut tx, &new).await;
        tx.commit().await?;
        self.delivery().link_deployment(&row.id, &new.id).await
    }
}

/// The environment of a scripted deployment.
async fn find_or_make(
    tx: &mut Tx<'_>,
    pipeline: &PipelineRow,
    name: &str,
    tier: Option<Tier>,
) -> Result<EnvironmentRow, DeliveryError> {
    if let Some(row) = environment::find_by_name(tx, &pipeline.project_id, name).await? {
        return Ok(row);
    }
    let tier = tier.unwrap_or_else(|| Tier::from_name(name));
    let row = EnvironmentRow {
        id: new_id(),
        project_id: pipeline.project_id.clone(),
        project_path: pipeline.project_path.clone(),
        name: name.to_owned(),
        tier: tier.as_str().to_owned(),
        protected: tier == Tier::Production,
        managed: false,
        url: None,
        listen: None,
        state: "idle".to_owned(),
        active_slot: None,
        active_release_id: None,
        standby_release_id: None,
        last_deployment_id: None,
        lock_deployment_id: None,
        router_version: None,
        created_at: to_micros(now()),
        version: 1,
    };
    environment::insert(tx, &row).await?;
    Ok(row)
}
