//! From a managed job to a deployment: the release of its artifact, the environment, the record.

use std::collections::HashSet;
use std::sync::{MutexGuard, PoisonError};

use rialto_delivery_release::plan::DeploymentKind;
use rialto_delivery_release::{
    DEFINITION_PATH, DeploymentState, EnvironmentSpec, Protection, ReleaseDefinition, Tier,
};
use rialto_delivery_run::assignment::JobResult;
use rialto_delivery_run::state::FailureReason;
use rialto_delivery_store::artifact::{self, ArtifactRow};
use rialto_delivery_store::deployment::{self, DeploymentRow};
use rialto_delivery_store::environment::{self, EnvironmentRow};
use rialto_delivery_store::ids::{DeploymentId, JobId, ProjectId};
use rialto_delivery_store::job::{self, JobRow};
use rialto_delivery_store::pipeline::{self, Link, PipelineRow};
use rialto_delivery_store::project::{self, Number};
use rialto_delivery_store::release::{self, ReleaseRow};
use rialto_delivery_store::{Reader, json};
use rialto_platform_evidence::Actor;
use rialto_platform_store::{Tx, new_id, now, to_micros};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Deployments;
use super::involved::{Involved, people, pushers};
use super::load::definition;
use crate::DeliveryError;
use crate::managed::ManagedJob;
use crate::record::reference;

/// Why a job gets no deployment: told on the job.
struct Unready {
    reason: FailureReason,
    message: String,
}

/// The person who played a job or asked for its pipeline.
#[derive(Debug, Clone, Default, Deserialize)]
struct Requester {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
}

/// What a release is made of.
pub(super) struct ReleaseParts {
    pipeline: PipelineRow,
    definition_text: String,
    builder: JobRow,
    archive: ArtifactRow,
    /// Everybody with a hand in it since the last release.
    authors: Vec<Involved>,
}

/// What is read before the deployment is written.
struct Prepared {
    release: ReleaseParts,
    spec: EnvironmentSpec,
    /// Everybody with a hand in it since what the environment serves.
    deployment_authors: Vec<Involved>,
    requester: Option<Requester>,
}

impl Deployments {
    /// Begins, or goes on with, the deployment of a job.
    pub(super) async fn begin(&self, job: ManagedJob) {
        if self.has_stopped() || !self.beginning().insert(job.job.clone()) {
            return;
        }
        self.begin_once(&job).await;
        self.beginning().remove(&job.job);
    }

    fn beginning(&self) -> MutexGuard<'_, HashSet<JobId>> {
        self.inner
            .beginning
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn begin_once(&self, job: &ManagedJob) {
        match self.deployment_of(job).await {
            Ok(Ok(id)) => self.spawn(id),
            Ok(Err(unready)) => self.refuse_job(job, unready).await,
            Err(error) => {
                tracing::error!(job = %job.job, %error, "a deployment could not begin");
                let unready = Unready {
                    reason: FailureReason::RunnerSystemFailure,
                    message: format!("the deployment could not begin: {error}"),
                };
                self.refuse_job(job, unready).await;
            }
        }
    }

    async fn refuse_job(&self, job: &ManagedJob, unready: Unready) {
        let line = format!("{}\n", unready.message);
        if let Err(error) = self
            .delivery()
            .append_system_log(&job.job, line.as_bytes())
            .await
        {
            tracing::warn!(job = %job.job, %error, "a line is missing in the log of a deployment job");
        }
        let result = JobResult::Failed {
            reason: unready.reason,
            message: unready.message,
        };
        if let Err(error) = self.delivery().finish_job(&job.job, result).await {
            tracing::error!(job = %job.job, %error, "a deployment job did not end");
        }
    }

    async fn deployment_of(
        &self,
        job: &ManagedJob,
    ) -> Result<Result<DeploymentId, Unready>, DeliveryError> {
        if let Some(row) = deployment::find_by_job(&mut self.delivery().db(), &job.job).await? {
            return Ok(Ok(row.id));
        }
        match self.read_all(job).await? {
            Ok(prepared) => Ok(Ok(self.create(job, prepared).await?)),
            Err(unready) => Ok(Err(unready)),
        }
    }

    async fn read_all(&self, job: &ManagedJob) -> Result<Result<Prepared, Unready>, DeliveryError> {
        let mut db = self.delivery().db();
        let pipeline = pipeline::find(&mut db, &job.pipeline)
            .await?
            .ok_or_else(|| DeliveryError::not_found("pipeline", &job.pipeline))?;
        let plan = pipeline::find_plan(&mut db, &job.pipeline).await?;
        let Some(text) = plan.and_then(|plan| plan.release_definition) else {
            return Ok(Err(unmet(format!(
                "there is no {DEFINITION_PATH} at commit {}",
                pipeline.sha
            ))));
        };
        let definition = match ReleaseDefinition::parse(&text, DEFINITION_PATH) {
            Ok(definition) => definition,
            Err(errors) => {
                let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
                return Ok(Err(unmet(all.join("\n"))));
            }
        };
        let Some(spec) = definition.environment(&job.environment).cloned() else {
            return Ok(Err(unmet(format!(
                "environment {} is not declared in {DEFINITION_PATH}",
                job.environment
            ))));
        };
        let built = self.find_archive(&job.pipeline, &definition).await?;
        let (builder, archive) = match built {
            Ok(found) => found,
            Err(unready) => return Ok(Err(unready)),
        };
        let (release_authors, deployment_authors) = self.authors(&pipeline, &spec.name).await?;
        Ok(Ok(Prepared {
            requester: requester(job, &pipeline),
            release: ReleaseParts {
                pipeline,
                definition_text: text,
                builder,
                archive,
                authors: release_authors,
            },
            spec,
            deployment_authors,
        }))
    }

    /// The archive of the definition's artifact job.
    async fn find_archive(
        &self,
        pipeline: &rialto_delivery_store::ids::PipelineId,
        definition: &ReleaseDefinition,
    ) -> Result<Result<(JobRow, ArtifactRow), Unready>, DeliveryError> {
        let mut db = self.delivery().db();
        let name = &definition.artifact_job;
        let jobs = job::current(&mut db, pipeline).await?;
        let Some(builder) = jobs.into_iter().find(|row| row.name == *name) else {
            return Ok(Err(unmet(format!(
                "job `{name}`, whose artifact is the release, is not in this pipeline; \
                 see [artifact] in {DEFINITION_PATH}"
            ))));
        };
        match artifact::find(&mut db, &builder.id, "archive").await? {
            Some(archive) => Ok(Ok((builder, archive))),
            None => Ok(Err(Unready {
                reason: FailureReason::MissingDependency,
                message: format!(
                    "job `{name}` left no artifact archive, so there is nothing to release; \
                     give it `artifacts: paths`"
                ),
            })),
        }
    }

    /// People of the change: since the last release, and since what the environment serves.
    async fn authors(
        &self,
        pipeline: &PipelineRow,
        environment: &str,
    ) -> Result<(Vec<Involved>, Vec<Involved>), DeliveryError> {
        let mut db = self.delivery().db();
        let newest = release::list(&mut db, Some(&pipeline.project_id), None, 50).await?;
        let last = newest
            .iter()
            .find(|r| r.sha != pipeline.sha)
            .map(|r| r.sha.clone());
        let found = environment::find_by_name(&mut db, &pipeline.project_id, environment).await?;
        let served = match found.and_then(|row| row.active_release_id) {
            Some(id) => match id.parse() {
                Ok(id) => release::find(&mut db, &id).await?.map(|row| row.sha),
                Err(_) => None,
            },
            None => None,
        };
        let release_authors = self.involved_between(pipeline, last.as_deref()).await?;
        let deployment_authors = self.involved_between(pipeline, served.as_deref()).await?;
        Ok((release_authors, deployment_authors))
    }

    /// Writes release, environment and deployment in one transaction.
    async fn create(
        &self,
        job: &ManagedJob,
        found: Prepared,
    ) -> Result<DeploymentId, DeliveryError> {
        let mut tx = self.delivery().db().begin().await?;
        let release = self.find_or_make_release(&mut tx, &found.release).await?;
        let environment =
            find_or_make_environment(&mut tx, &found.release.pipeline, &found.spec).await?;
        let standing = standing(&mut tx, &environment).await?;
        let protection = Protection::of(&found.spec, standing.as_ref());
        let id: DeploymentId = new_id();
        let time = to_micros(now());
        let row = DeploymentRow {
            id: id.clone(),
            no: project::next_no(&mut tx, &job.project, Number::Deployment).await?,
            project_id: job.project.clone(),
            project_path: found.release.pipeline.project_path.clone(),
            environment_id: environment.id.clone(),
            environment_name: environment.name.clone(),
            kind: DeploymentKind::Deploy.as_str().to_owned(),
            release_id: release.id.clone(),
            previous_release_id: environment.active_release_id.clone(),
            rolls_back_id: None,
            state: DeploymentState::Requested.as_str().to_owned(),
            reasons: "[]".to_owned(),
            reason_given: String::new(),
            requested_by_id: found.requester.as_ref().map(|r| r.id.clone()),
            requested_by_name: found.requester.as_ref().map(|r| r.name.clone()),
            requested_by_email: found.requester.as_ref().map(|r| r.email.clone()),
            authors: json::write(&found.deployment_authors)?,
            required_approvals: i64::from(protection.approvals),
            approval_expires_at: None,
            candidate_slot: None,
            previous_slot: None,
            job_id: Some(job.job.to_string()),
            pipeline_id: Some(job.pipeline.to_string()),
            verdict_id: release.verdict_id.clone(),
            created_at: time,
            started_at: None,
            switched_at: None,
            finished_at: None,
            rollback_ms: None,
            version: 1,
        };
        deployment::insert(&mut tx, &row).await?;
        announce(&mut tx, &row).await;
        tx.commit().await?;
        self.delivery().link_deployment(&job.job, &id).await?;
        Ok(id)
    }

    /// The release of a scripted deployment's artifact, and the tier the plan names.
    pub(super) async fn read_scripted(
        &self,
        row: &JobRow,
        pipeline: &PipelineRow,
        archive: &ArtifactRow,
        environment: &str,
    ) -> Result<Option<(ReleaseParts, Option<Tier>)>, DeliveryError> {
        let mut db = self.delivery().db();
        let Some(builder) = job::find(&mut db, &archive.job_id).await? else {
            return Ok(None);
        };
        let plan = pipeline::find_plan(&mut db, &pipeline.id).await?;
        let tier = plan.as_ref().and_then(|plan| {
            let plan: rialto_delivery_pipeline::plan::Plan =
                serde_json::from_str(&plan.plan).ok()?;
            let job = plan.jobs.into_iter().find(|job| job.name == row.name)?;
            Tier::parse(&job.environment?.deployment_tier?)
        });
        let (authors, _) = self.authors(pipeline, environment).await?;
        let parts = ReleaseParts {
            pipeline: pipeline.clone(),
            definition_text: plan
                .and_then(|plan| plan.release_definition)
                .unwrap_or_default(),
            builder,
            archive: archive.clone(),
            authors,
        };
        Ok(Some((parts, tier)))
    }

    pub(super) async fn find_or_make_release(
        &self,
        tx: &mut Tx<'_>,
        found: &ReleaseParts,
    ) -> Result<ReleaseRow, DeliveryError> {
        let pipeline = &found.pipeline;
        let digest = &found.archive.sha256;
        if let Some(row) = release::find_of_pipeline(tx, &pipeline.id, digest).await? {
            return Ok(row);
        }
        let short: String = pipeline.sha.chars().take(8).collect();
        let row = ReleaseRow {
            id: new_id(),
            no: project::next_no(tx, &pipeline.project_id, Number::Release).await?,
            project_id: pipeline.project_id.clone(),
            project_path: pipeline.project_path.clone(),
            version_label: format!("{}-{short}", pipeline.no),
            digest: digest.clone(),
            sha: pipeline.sha.clone(),
            ref_name: pipeline.ref_name.clone(),
            pipeline_id: pipeline.id.clone(),
            job_id: found.builder.id.clone(),
            artifact_name: found.archive.name.clone(),
            artifact_size: found.archive.size,
            definition: found.definition_text.clone(),
            authors: json::write(&found.authors)?,
            verdict_id: pipeline.verdict_id.clone(),
            created_at: to_micros(now()),
            version: 1,
        };
        release::insert(tx, &row).await?;
        pipeline::link(tx, &pipeline.id, Link::Release, row.id.as_str()).await?;
        let body = json!({
            "project": row.project_path,
            "pipeline": row.pipeline_id.as_str(),
            "sha": row.sha,
            "digest": row.digest,
            "release": row.id.as_str(),
            "no": row.no,
            "version": row.version_label,
            "artifact": { "job": found.builder.name, "name": row.artifact_name, "size": row.artifact_size },
            "authors": people("authors", &row.authors)?,
            "pushers": pushers("authors", &row.authors)?,
            "verdict": row.verdict_id,
            "definition": row.definition,
        });
        let subject = format!("release:{}", row.id);
        let refs = reference("artifact", &row.artifact_name, &row.digest)
            .into_iter()
            .collect();
        let actor = Actor::system("deployment");
        self.delivery()
            .record(tx, actor, "release", subject, body, refs)
            .await?;
        let topic = format!("project:{}", row.project_id);
        tx.publish(
            &topic,
            row.project_id.as_str(),
            row.no,
            &["releases"],
            Value::Null,
        )
        .await;
        Ok(row)
    }
}

/// Tells of a new deployment.
pub(super) async fn announce(tx: &mut Tx<'_>, row: &DeploymentRow) {
    let topic = format!("deployment:{}", row.id);
    tx.publish(
        &topic,
        row.id.as_str(),
        row.version,
        &["state"],
        Value::Null,
    )
    .await;
    let topic = format!("project:{}", row.project_id);
    tx.publish(
        &topic,
        row.project_id.as_str(),
        row.no,
        &["deployments"],
        Value::Null,
    )
    .await;
    let topic = format!("environment:{}", row.environment_id);
    let id = row.environment_id.as_str();
    tx.publish(&topic, id, row.no, &["last_deployment_id"], Value::Null)
        .await;
}

async fn find_or_make_environment(
    tx: &mut Tx<'_>,
    pipeline: &PipelineRow,
    spec: &EnvironmentSpec,
) -> Result<EnvironmentRow, DeliveryError> {
    let project: &ProjectId = &pipeline.project_id;
    if let Some(row) = environment::find_by_name(tx, project, &spec.name).await? {
        return Ok(row);
    }
    let protection = Protection::of(spec, None);
    let row = EnvironmentRow {
        id: new_id(),
        project_id: project.clone(),
        project_path: pipeline.project_path.clone(),
        name: spec.name.clone(),
        tier: protection.tier.as_str().to_owned(),
        protected: protection.is_protected(),
        managed: true,
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
    let topic = format!("project:{project}");
    tx.publish(&topic, project.as_str(), 1, &["environments"], Value::Null)
        .await;
    Ok(row)
}

/// What the version that serves an environment says of it.
pub(super) async fn standing(
    reader: &mut impl Reader,
    environment: &EnvironmentRow,
) -> Result<Option<EnvironmentSpec>, DeliveryError> {
    let active = environment.active_release_id.as_deref();
    let Some(id) = active.and_then(|id| id.parse().ok()) else {
        return Ok(None);
    };
    let Some(row) = release::find(reader, &id).await? else {
        return Ok(None);
    };
    Ok(definition(&row)?.environment(&environment.name).cloned())
}

fn requester(job: &ManagedJob, pipeline: &PipelineRow) -> Option<Requester> {
    let played = job
        .played_by
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok());
    played.or_else(|| {
        let id = pipeline.trigger_user_id.clone()?;
        let name = pipeline.trigger_user_name.clone().unwrap_or_default();
        Some(Requester {
            id,
            name,
            email: String::new(),
        })
    })
}

fn unmet(message: String) -> Unready {
    Unready {
        reason: FailureReason::UnmetPrerequisites,
        message,
    }
}
