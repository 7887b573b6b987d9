//! Reading for people, and what people may do to pipelines and jobs.

use std::collections::HashMap;

use rialto_delivery_run::event::Event;
use rialto_delivery_run::state::Status;
use rialto_delivery_store::artifact::{self, ArtifactRow};
use rialto_delivery_store::ids::{IncidentId, JobId, PipelineId, ProjectId, VerdictId};
use rialto_delivery_store::incident::{self, IncidentRow};
use rialto_delivery_store::job::{self, JobRow};
use rialto_delivery_store::pipeline::{self, PipelineFilter, PipelineRow};
use rialto_delivery_store::project::{self, ProjectRow};
use rialto_delivery_store::{json, verdict};
use rialto_platform_identity::{Actor as Person, Permission};
use rialto_platform_store::{now, to_micros};

use crate::apply::Cause;
use crate::causes;
use crate::configure::ConfigError;
use crate::incident::CandidateCommit;
use crate::predefined::{repository_url, short_sha};
use crate::record::{evidence_actor, person_json};
use crate::view::{
    ArtifactView, CauseView, ConfigErrorView, FailedJobView, IncidentView, JobDetail, JobView,
    LightView, Listed, PersonView, PipelineLink, PipelineSummary, PipelineView, ProjectView,
    StageView, VerdictLink, VerdictView, time_text,
};
use crate::waiting::{self, Connected};
use crate::words::config_error;
use crate::words::{Text, with_texts};
use crate::working::working_ms;
use crate::{Delivery, DeliveryError};

/// Largest page.
const MAX_PAGE: u32 = 1000;

/// Which pipelines to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PipelineQuery {
    /// Of this project.
    pub project_id: Option<ProjectId>,
    /// On this branch or tag.
    pub ref_name: Option<String>,
    /// In this state.
    pub status: Option<Status>,
    /// Items per page, 1 to 1000; 0 means 50.
    pub page_size: u32,
    /// From [`Listed::next`].
    pub page: Option<String>,
}

/// Items per page within the limits.
pub(crate) fn page_size(asked: u32) -> usize {
    let size = if asked == 0 { 50 } else { asked.min(MAX_PAGE) };
    usize::try_from(size).unwrap_or(50)
}

/// Reads a cursor made by [`cursor`].
pub(crate) fn read_cursor(page: Option<&str>) -> Result<Option<(i64, String)>, DeliveryError> {
    let Some(page) = page else { return Ok(None) };
    let parsed = page
        .split_once('.')
        .and_then(|(at, id)| Some((at.parse().ok()?, id.to_owned())));
    parsed.map(Some).ok_or_else(|| {
        let message = "this is not a page token of this list; leave it out to start afresh";
        DeliveryError::invalid("/page_token", "invalid_token", message)
    })
}

pub(crate) fn cursor(at: i64, id: &str) -> String {
    format!("{at}.{id}")
}

impl Delivery {
    /// Projects by path.
    ///
    /// # Errors
    /// Store errors.
    pub async fn list_projects(
        &self,
        size: u32,
        page: Option<&str>,
    ) -> Result<Listed<ProjectView>, DeliveryError> {
        let size = page_size(size);
        let limit = i64::try_from(size).unwrap_or(50) + 1;
        let mut rows = project::list(&mut self.db(), page.unwrap_or_default(), limit).await?;
        let more = rows.len() > size;
        rows.truncate(size);
        let next = more
            .then(|| rows.last().map(|row| row.path.clone()))
            .flatten();
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            items.push(self.project_row_view(row).await?);
        }
        Ok(Listed { items, next })
    }

    /// A project.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`].
    pub async fn project_view(&self, id: &ProjectId) -> Result<ProjectView, DeliveryError> {
        let row = self.existing_project(id).await?;
        self.project_row_view(row).await
    }

    async fn project_row_view(&self, row: ProjectRow) -> Result<ProjectView, DeliveryError> {
        let branch = &row.default_branch;
        let newest = pipeline::newest_on_branch(&mut self.db(), &row.id, branch).await?;
        let light = self.light(&row).await?;
        Ok(ProjectView {
            id: row.id.to_string(),
            clone_url: repository_url(self.settings(), &row.path, None),
            path: row.path,
            name: row.title,
            namespace: row.namespace,
            description: row.description,
            default_branch: row.default_branch,
            light,
            last_pipeline: newest.map(summary).transpose()?,
            created_at: time_text(row.created_at),
        })
    }

    async fn light(&self, row: &ProjectRow) -> Result<LightView, DeliveryError> {
        let branch = &row.default_branch;
        if let Some(open) = incident::find_open(&mut self.db(), &row.id, branch).await? {
            let since = Some(time_text(open.red_at));
            return Ok(LightView {
                state: "red",
                since,
                incident_id: Some(open.id.to_string()),
            });
        }
        let at = to_micros(now());
        let green = pipeline::newest_green(&mut self.db(), &row.id, branch, "", at).await?;
        let last = incident::list(&mut self.db(), Some(&row.id), Some("closed"), None, 1).await?;
        let repaired = last.first().and_then(|incident| incident.green_at);
        let since = repaired.or_else(|| green.as_ref().and_then(|p| p.finished_at));
        Ok(match since {
            Some(since) => LightView {
                state: "green",
                since: Some(time_text(since)),
                incident_id: None,
            },
            None => LightView {
                state: "none",
                since: None,
                incident_id: None,
            },
        })
    }

    /// Pipelines, newest first.
    ///
    /// # Errors
    /// [`DeliveryError::Invalid`] for a bad page token.
    pub async fn list_pipelines(
        &self,
        query: &PipelineQuery,
    ) -> Result<Listed<PipelineSummary>, DeliveryError> {
        let size = page_size(query.page_size);
        let filter = PipelineFilter {
            project: query.project_id.clone(),
            ref_name: query.ref_name.clone(),
            status: query.status.map(|status| status.as_str().to_owned()),
            before: read_cursor(query.page.as_deref())?,
        };
        let limit = i64::try_from(size).unwrap_or(50) + 1;
        let mut rows = pipeline::list(&mut self.db(), &filter, limit).await?;
        let more = rows.len() > size;
        rows.truncate(size);
        let next = more
            .then(|| {
                rows.last()
                    .map(|row| cursor(row.created_at, row.id.as_str()))
            })
            .flatten();
        let items = rows.into_iter().map(summary).collect::<Result<_, _>>()?;
        Ok(Listed { items, next })
    }

    /// A pipeline with its jobs.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`].
    pub async fn pipeline_view(&self, id: &PipelineId) -> Result<PipelineView, DeliveryError> {
        let row = self.existing_pipeline(id).await?;
        let rows = job::of_pipeline(&mut self.db(), id).await?;
        let mut files: HashMap<String, Vec<ArtifactRow>> = HashMap::new();
        for file in artifact::of_pipeline(&mut self.db(), id).await? {
            files.entry(file.job_id.to_string()).or_default().push(file);
        }
        let statuses = self.stage_statuses(id).await?;
        let mut stages: Vec<StageView> = statuses
            .into_iter()
            .map(|(name, status)| StageView {
                name,
                status,
                jobs: Vec::new(),
            })
            .collect();
        let runners = self.runners_for(&rows).await?;
        for job in rows {
            let own = files.remove(job.id.as_str()).unwrap_or_default();
            if let Some(stage) = stages.iter_mut().find(|stage| stage.name == job.stage) {
                stage
                    .jobs
                    .push(self.job_row_view(&job, own, runners.as_ref())?);
            }
        }
        let verdict = verdict::newest_of_pipeline(&mut self.db(), id).await?;
        Ok(PipelineView {
            stages,
            verdict: verdict.map(|v| VerdictLink {
                id: v.id.to_string(),
                result: v.overall,
            }),
            incident_id: row.incident_id.clone(),
            release_id: row.release_id.clone(),
            summary: summary(row)?,
        })
    }

    async fn stage_statuses(
        &self,
        id: &PipelineId,
    ) -> Result<Vec<(String, Status)>, DeliveryError> {
        let loaded = match self.load(&mut self.db(), id).await {
            Ok(loaded) => loaded,
            Err(DeliveryError::Refused { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        Ok(loaded.prepared.machine.stage_statuses(&loaded.state))
    }

    /// A job with its pipeline.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`].
    pub async fn job_view(&self, id: &JobId) -> Result<JobDetail, DeliveryError> {
        let row = job::find(&mut self.db(), id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("job", id))?;
        let files = artifact::of_job(&mut self.db(), id).await?;
        let pipeline = self.existing_pipeline(&row.pipeline_id).await?;
        let failing_line = match &row.failing_line {
            Some(text) => Some(json::read("failing_line", text)?),
            None => None,
        };
        let runners = self.runners_for(std::slice::from_ref(&row)).await?;
        Ok(JobDetail {
            job: self.job_row_view(&row, files, runners.as_ref())?,
            pipeline: summary(pipeline)?,
            failing_line,
        })
    }

    fn job_row_view(
        &self,
        row: &JobRow,
        files: Vec<ArtifactRow>,
        runners: Option<&Connected>,
    ) -> Result<JobView, DeliveryError> {
        let waiting_reason = waiting::reason(row, runners);
        let status = *row.status;
        let current = !row.superseded;
        let stored = u64::try_from(row.log_bytes).unwrap_or(0);
        let needs = match &row.needs {
            Some(text) => Some(json::read("needs", text)?),
            None => None,
        };
        let ended = row
            .finished_at
            .or_else(|| row.started_at.map(|_| to_micros(now())));
        Ok(JobView {
            id: row.id.to_string(),
            name: row.name.clone(),
            stage: row.stage.clone(),
            status,
            when: row.when_word.clone(),
            allow_failure: row.allow_failure,
            needs,
            failure_reason: row.failure_reason.clone(),
            failure_message: row.failure_message.clone(),
            failure_text: Text::of_some(row.failure_message.as_deref()),
            waiting_text: Text::of_some(waiting_reason.as_deref()),
            waiting_reason,
            exit_code: row.exit_code,
            attempt: row.attempt,
            superseded: row.superseded,
            created_at: time_text(row.created_at),
            queued_at: row.queued_at.map(time_text),
            started_at: row.started_at.map(time_text),
            finished_at: row.finished_at.map(time_text),
            duration_ms: row
                .started_at
                .zip(ended)
                .map(|(from, to)| (to - from).max(0) / 1000),
            coverage_percent: row.coverage.clone(),
            environment: row.environment.clone(),
            deployment_id: row.deployment_id.clone(),
            playable: current
                && matches!(status, Status::Manual | Status::Scheduled)
                && !row.awaits_approval,
            retryable: current
                && matches!(status, Status::Success | Status::Failed | Status::Canceled),
            cancelable: current
                && !status.is_completed()
                && (status != Status::Manual || row.awaits_approval),
            log_bytes: self.logs().live_size(&row.id).unwrap_or(stored).max(stored),
            artifacts: files.into_iter().map(artifact_view).collect(),
            runner: row.runner_name.clone(),
            pipeline_id: row.pipeline_id.to_string(),
            project_id: row.project_id.to_string(),
        })
    }

    /// The newest verdict of a pipeline.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`].
    pub async fn pipeline_verdict(&self, id: &PipelineId) -> Result<VerdictView, DeliveryError> {
        self.existing_pipeline(id).await?;
        let row = verdict::newest_of_pipeline(&mut self.db(), id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("verdict of pipeline", id))?;
        Ok(with_texts(json::read("record", &row.record)?))
    }

    /// A verdict.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`].
    pub async fn verdict_view(&self, id: &VerdictId) -> Result<VerdictView, DeliveryError> {
        let row = verdict::find(&mut self.db(), id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("verdict", id))?;
        Ok(with_texts(json::read("record", &row.record)?))
    }

    /// Incidents, newest first.
    ///
    /// # Errors
    /// [`DeliveryError::Invalid`] for a bad page token.
    pub async fn list_incidents(
        &self,
        project: Option<&ProjectId>,
        state: Option<&str>,
        size: u32,
        page: Option<&str>,
    ) -> Result<Listed<IncidentView>, DeliveryError> {
        let size = page_size(size);
        let limit = i64::try_from(size).unwrap_or(50) + 1;
        let before = read_cursor(page)?;
        let mut rows = incident::list(&mut self.db(), project, state, before, limit).await?;
        let more = rows.len() > size;
        rows.truncate(size);
        let next = more
            .then(|| rows.last().map(|row| cursor(row.red_at, row.id.as_str())))
            .flatten();
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            items.push(self.incident_row_view(row).await?);
        }
        Ok(Listed { items, next })
    }

    /// An incident.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`].
    pub async fn incident_view(&self, id: &IncidentId) -> Result<IncidentView, DeliveryError> {
        let row = incident::find(&mut self.db(), id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("incident", id))?;
        self.incident_row_view(row).await
    }

    async fn incident_row_view(&self, row: IncidentRow) -> Result<IncidentView, DeliveryError> {
        let until = row.green_at.unwrap_or_else(|| to_micros(now()));
        let ms = |from: i64, to: i64| (to - from).max(0) / 1000;
        let open = row.state == "open";
        let worked = working_ms(row.red_at, until);
        let failing = self.existing_pipeline(&row.failing_pipeline_id).await?;
        let closing = match row
            .closing_pipeline_id
            .as_deref()
            .map(str::parse::<PipelineId>)
        {
            Some(Ok(id)) => pipeline::find(&mut self.db(), &id).await?,
            _ => None,
        };
        let commits: Vec<CandidateCommit> = json::read("commits", &row.commits)?;
        let causes: Vec<CauseView> = causes::read(&row)?.into_iter().map(cause_view).collect();
        let mut failing_jobs = Vec::new();
        for job in self.failed_rows(&row).await? {
            let failing_line = match &job.failing_line {
                Some(text) => Some(json::read("failing_line", text)?),
                None => None,
            };
            failing_jobs.push(FailedJobView {
                id: job.id.to_string(),
                name: job.name,
                failure_reason: job.failure_reason,
                failure_text: Text::of_some(job.failure_message.as_deref()),
                failure_message: job.failure_message,
                failing_line,
            });
        }
        Ok(IncidentView {
            id: row.id.to_string(),
            no: row.no,
            project_id: row.project_id.to_string(),
            project_path: row.project_path,
            branch: row.branch,
            state: row.state,
            close_kind: row.close_kind,
            pushed_at: time_text(row.pushed_at),
            red_at: time_text(row.red_at),
            green_at: row.green_at.map(time_text),
            detection_ms: ms(row.pushed_at, row.red_at),
            repair_ms: row.green_at.map(|green| ms(row.red_at, green)),
            total_ms: row.green_at.map(|green| ms(row.pushed_at, green)),
            repair_working_ms: worked.filter(|_| !open),
            open_ms: open.then(|| ms(row.red_at, until)),
            open_working_ms: worked.filter(|_| open),
            owner_login: row.owner_login,
            author: author(&commits),
            owner: row.owner_name.map(|name| PersonView {
                name,
                email: row.owner_email.unwrap_or_default(),
            }),
            cause_class: row.cause_class,
            cause_confidence: row.cause_confidence,
            failing_pipeline: pipeline_link(failing),
            failing_jobs,
            commits,
            causes,
            closing_pipeline: closing.map(pipeline_link),
            alarms: json::read("alarms", &row.alarms)?,
        })
    }

    /// Stops everything of a pipeline that is under way.
    ///
    /// # Errors
    /// [`DeliveryError::Denied`], [`DeliveryError::NotFound`], [`DeliveryError::Refused`].
    pub async fn cancel_pipeline(
        &self,
        actor: &Person,
        id: &PipelineId,
    ) -> Result<(), DeliveryError> {
        let cause = personal(actor, "cancel")?;
        self.with_pipeline(id, &cause, &Event::CancelPipeline).await
    }

    /// Runs again what failed or was cancelled.
    ///
    /// # Errors
    /// [`DeliveryError::Denied`], [`DeliveryError::NotFound`], [`DeliveryError::Refused`].
    pub async fn retry_pipeline(
        &self,
        actor: &Person,
        id: &PipelineId,
    ) -> Result<(), DeliveryError> {
        let cause = personal(actor, "retry")?;
        self.with_pipeline(id, &cause, &Event::RetryPipeline).await
    }

    /// Starts a manual or delayed job.
    ///
    /// # Errors
    /// [`DeliveryError::Denied`], [`DeliveryError::NotFound`], [`DeliveryError::Refused`].
    pub async fn play_job(&self, actor: &Person, id: &JobId) -> Result<(), DeliveryError> {
        let cause = personal(actor, "play")?;
        self.with_job(id, &cause, |job, _| Ok(Event::Play { job }))
            .await
            .map(drop)
    }

    /// Runs a job again; the id of the new attempt.
    ///
    /// # Errors
    /// [`DeliveryError::Denied`], [`DeliveryError::NotFound`], [`DeliveryError::Refused`].
    pub async fn retry_job(&self, actor: &Person, id: &JobId) -> Result<JobId, DeliveryError> {
        let cause = personal(actor, "retry")?;
        let mut place = (None, 0);
        self.with_job(id, &cause, |job, loaded| {
            place = (Some(loaded.pipeline.id.clone()), job);
            Ok(Event::Retry { job })
        })
        .await?;
        let (Some(pipeline), index) = place else {
            return Err(DeliveryError::not_found("job", id));
        };
        let rows = job::current(&mut self.db(), &pipeline).await?;
        rows.into_iter()
            .nth(index)
            .map(|row| row.id)
            .ok_or_else(|| DeliveryError::not_found("job", id))
    }

    /// Stops a job.
    ///
    /// # Errors
    /// [`DeliveryError::Denied`], [`DeliveryError::NotFound`], [`DeliveryError::Refused`].
    pub async fn cancel_job(&self, actor: &Person, id: &JobId) -> Result<(), DeliveryError> {
        let cause = personal(actor, "cancel")?;
        self.with_job(id, &cause, |job, _| Ok(Event::Cancel { job }))
            .await
            .map(drop)
    }
}

fn personal(actor: &Person, action: &'static str) -> Result<Cause, DeliveryError> {
    actor.require(Permission::PipelineRun)?;
    let mut cause = Cause::of(evidence_actor(actor));
    cause.action = Some(action);
    cause.played_by = person_json(actor);
    Ok(cause)
}

pub(crate) fn summary(row: PipelineRow) -> Result<PipelineSummary, DeliveryError> {
    let config_errors: Vec<ConfigError> = json::read("config_errors", &row.config_errors)?;
    let config_errors = config_errors
        .into_iter()
        .map(|error| ConfigErrorView {
            text: config_error(&error.message, &error.code),
            file: error.file,
            line: error.line,
            column: error.column,
            message: error.message,
        })
        .collect();
    Ok(PipelineSummary {
        id: row.id.to_string(),
        no: row.no,
        project_id: row.project_id.to_string(),
        project_path: row.project_path,
        ref_name: row.ref_name,
        short_sha: short_sha(&row.sha).to_owned(),
        sha: row.sha,
        title: row.title,
        author: PersonView {
            name: row.author_name,
            email: row.author_email,
        },
        source: row.source,
        status: *row.status,
        warnings: row.has_warnings,
        config_errors,
        created_at: time_text(row.created_at),
        started_at: row.started_at.map(time_text),
        finished_at: row.finished_at.map(time_text),
        duration_ms: row.duration_ms,
        queued_ms: row.queued_ms,
        trigger_user: row.trigger_user_name,
    })
}

fn pipeline_link(row: PipelineRow) -> PipelineLink {
    PipelineLink {
        id: row.id.to_string(),
        no: row.no,
        sha: row.sha,
    }
}

fn artifact_view(row: ArtifactRow) -> ArtifactView {
    ArtifactView {
        kind: row.kind,
        name: row.name,
        size: row.size,
        sha256: row.sha256,
        expires_at: row.expires_at.map(time_text),
    }
}

/// Author of the newest of the commits.
fn author(commits: &[CandidateCommit]) -> Option<PersonView> {
    commits.first().map(|commit| PersonView {
        name: commit.author_name.clone(),
        email: commit.author_email.clone(),
    })
}

fn cause_view(cause: causes::Cause) -> CauseView {
    let login = cause.owner.as_ref().and_then(|owner| owner.login.clone());
    CauseView {
        jobs: cause.jobs,
        owner_login: login,
        owner: cause.owner.map(|owner| PersonView {
            name: owner.name,
            email: owner.email,
        }),
        author: author(&cause.commits),
        cause_class: cause.class,
        sha: cause.sha,
        pushed_at: time_text(cause.pushed_at),
        red_at: time_text(cause.red_at),
        repaired_at: cause.repaired_at.map(time_text),
        commits: cause.commits,
    }
}
