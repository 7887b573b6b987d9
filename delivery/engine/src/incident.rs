//! Red-light incidents (specification §11): opened, prolonged, closed, and their alarms.

use rialto_delivery_run::red_light::{EndedJob, EndedPipeline, LightChange, OpenIncident, judge};
use rialto_delivery_run::state::Status;
use rialto_delivery_store::ids::IncidentId;
use rialto_delivery_store::incident::{self, IncidentRow};
use rialto_delivery_store::job::{self, JobRow};
use rialto_delivery_store::pipeline::{self, Link, PipelineRow};
use rialto_delivery_store::project::{self, Number, ProjectRow};
use rialto_delivery_store::{json, push, report as reports};
use rialto_platform_evidence::Actor;
use rialto_platform_store::{Tx, new_id, now, to_micros};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::causes::{self, Cause, Failure, Owner};
use crate::view::time_text;
use crate::{Delivery, DeliveryError};

/// Candidate commits kept with an incident.
const MAX_COMMITS: u32 = 50;
/// Working minutes after which an alarm is raised, with its level.
const ALARMS: [(i64, u32); 2] = [(20, 20), (30, 30)];

/// A commit that may have broken the branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CandidateCommit {
    /// Commit.
    pub sha: String,
    /// First line.
    pub title: String,
    /// Author.
    pub author_name: String,
    /// Author's address.
    pub author_email: String,
    /// RFC 3339.
    pub authored_at: String,
}

/// An alarm that was raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Alarm {
    /// RFC 3339.
    pub at: String,
    /// Working minutes it stands for: 20 or 30.
    pub level: u32,
}

impl Delivery {
    /// Turns the light of the branch whose pipeline came to rest.
    pub(crate) async fn turn_light(&self, row: &PipelineRow) -> Result<(), DeliveryError> {
        if row.is_tag || !row.protected_ref {
            return Ok(());
        }
        let open = incident::find_open(&mut self.db(), &row.project_id, &row.ref_name).await?;
        let newer = pipeline::newer_on_branch(&mut self.db(), row).await?;
        if *row.status == Status::Failed && newer.is_some() {
            // Only the newest pipeline of a branch says that it is broken.
            return Ok(());
        }
        let project = project::find(&mut self.db(), &row.project_id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("project", &row.project_id))?;
        let known = match &open {
            Some(open) => Some(OpenIncident {
                failing_sha: open.failing_sha.clone(),
                first_failing_sha: causes::read(open)?
                    .into_iter()
                    .next()
                    .map_or_else(|| open.failing_sha.clone(), |first| first.sha),
                failed_jobs: json::read("failed_jobs", &open.failed_jobs)?,
            }),
            None => None,
        };
        let descends = match &known {
            Some(known) => {
                self.repository_of(&project)?
                    .is_ancestor(&known.failing_sha, &row.sha)
                    .await?
            }
            None => true,
        };
        let (rows, jobs) = self.ended_jobs(row).await?;
        let ended = EndedPipeline {
            sha: &row.sha,
            status: *row.status,
            jobs: &jobs,
            pushed: row.source == "push",
            outdated: self.is_older_than_failing(row, open.as_ref()).await?,
        };
        match (judge(known.as_ref(), &ended, descends), open) {
            (LightChange::Open { failed_jobs }, _) => {
                self.open_incident(&project, row, &rows, failed_jobs).await
            }
            (LightChange::Attach { failed_jobs }, Some(mut open)) => {
                self.blame(&mut open, &project, row, &rows, &failed_jobs, &jobs)
                    .await?;
                self.prolong_incident(open, row, failed_jobs).await
            }
            (LightChange::Close { kind }, Some(open)) => {
                self.close_incident(open, row, kind.as_str()).await
            }
            _ => Ok(()),
        }
    }

    /// Whether the pipeline was created before the newest failing one of the open incident.
    async fn is_older_than_failing(
        &self,
        row: &PipelineRow,
        open: Option<&IncidentRow>,
    ) -> Result<bool, DeliveryError> {
        let Some(open) = open else { return Ok(false) };
        let failing = pipeline::find(&mut self.db(), &open.failing_pipeline_id).await?;
        Ok(failing.is_some_and(|failing| {
            (row.created_at, row.id.as_str()) < (failing.created_at, failing.id.as_str())
        }))
    }

    /// The newest attempts of a pipeline, and the same as the judgement wants them.
    async fn ended_jobs(
        &self,
        row: &PipelineRow,
    ) -> Result<(Vec<JobRow>, Vec<EndedJob>), DeliveryError> {
        let loaded = match self.load(&mut self.db(), &row.id).await {
            Ok(loaded) => loaded,
            // A configuration error has no jobs.
            Err(DeliveryError::Refused { .. }) => return Ok((Vec::new(), Vec::new())),
            Err(error) => return Err(error),
        };
        let jobs = loaded
            .rows
            .iter()
            .enumerate()
            .map(|(index, job)| EndedJob {
                name: job.name.clone(),
                status: *job.status,
                allow_failure: loaded
                    .prepared
                    .machine
                    .failure_is_allowed(index, &loaded.state.jobs[index]),
            })
            .collect();
        Ok((loaded.rows, jobs))
    }

    async fn open_incident(
        &self,
        project: &ProjectRow,
        row: &PipelineRow,
        rows: &[JobRow],
        failed_jobs: Vec<String>,
    ) -> Result<(), DeliveryError> {
        let green = pipeline::newest_green(
            &mut self.db(),
            &row.project_id,
            &row.ref_name,
            &row.sha,
            row.created_at,
        )
        .await?;
        let pushed_at = self.first_push(row, green.as_ref()).await?;
        let last_green_sha = green.map(|green| green.sha);
        let since = last_green_sha.as_deref();
        let mut first = self
            .cause_of(project, row, rows, since, &failed_jobs)
            .await?;
        first.pushed_at = pushed_at;
        let red_at = first.red_at;
        let mut tx = self.db().begin().await?;
        let mut incident = IncidentRow {
            id: new_id::<IncidentId>(),
            no: project::next_no(&mut tx, &project.id, Number::Incident).await?,
            project_id: project.id.clone(),
            project_path: project.path.clone(),
            branch: row.ref_name.clone(),
            state: "open".to_owned(),
            close_kind: None,
            pushed_at,
            red_at,
            green_at: None,
            last_green_sha,
            failing_sha: row.sha.clone(),
            failing_pipeline_id: row.id.clone(),
            closing_pipeline_id: None,
            failed_jobs: json::write(&failed_jobs)?,
            owner_name: None,
            owner_email: None,
            owner_login: None,
            cause_class: String::new(),
            cause_confidence: 0,
            commits: "[]".to_owned(),
            alarms: "[]".to_owned(),
            version: 1,
            causes: "[]".to_owned(),
        };
        causes::write(&[first], &mut incident)?;
        incident::insert(&mut tx, &incident).await?;
        self.incident_changed(&mut tx, &incident, row, "opened")
            .await?;
        tx.commit().await?;
        tracing::warn!(
            project = project.path,
            branch = row.ref_name,
            "the light is red"
        );
        Ok(())
    }

    /// Who broke these jobs since `since`, the commit that was the last to be well, and how. What
    /// the platform failed, nobody broke.
    async fn cause_of(
        &self,
        project: &ProjectRow,
        row: &PipelineRow,
        rows: &[JobRow],
        since: Option<&str>,
        jobs: &[String],
    ) -> Result<Cause, DeliveryError> {
        let (commits, owner) = if platform_failed(rows, jobs) {
            (Vec::new(), None)
        } else {
            let commits = self.candidates(project, row, since).await?;
            let owner = self.owner(project, row, &commits).await?;
            (commits, Some(owner))
        };
        let tests_failed = reports::of_pipeline(&mut self.db(), &row.id)
            .await?
            .iter()
            .any(|report| report.failed + report.errored > 0);
        let (class, confidence) = cause(row, rows, jobs, tests_failed);
        Ok(Cause {
            sha: row.sha.clone(),
            pushed_at: row.pushed_at.unwrap_or(row.created_at),
            red_at: came_to_rest(row),
            repaired_at: None,
            jobs: jobs.to_vec(),
            left: jobs.to_vec(),
            owner,
            class: class.to_owned(),
            confidence,
            commits,
        })
    }

    /// Who broke it: the account that pushed it. A commit names whom its author likes, a push was
    /// authenticated. What nobody's account pushed is its author's.
    async fn owner(
        &self,
        project: &ProjectRow,
        row: &PipelineRow,
        commits: &[CandidateCommit],
    ) -> Result<Owner, DeliveryError> {
        let event = row.push_event_id.as_deref().and_then(|id| id.parse().ok());
        let mut db = self.db();
        let push = match event {
            Some(id) => push::find(&mut db, &id).await?,
            // Run by hand or by the clock: pushed it was all the same.
            None => {
                let branch = format!("refs/heads/{}", row.ref_name);
                let found = push::newest_of_sha(&mut db, &project.id, &row.sha).await?;
                found.filter(|push| push.ref_name == branch)
            }
        };
        if let Some(push) = push.filter(|push| push.pusher_id != "system") {
            return Ok(Owner {
                name: push.pusher_name,
                email: push.pusher_email,
                login: Some(push.pusher_login),
            });
        }
        let (name, email) = match commits.first() {
            Some(commit) => (&commit.author_name, &commit.author_email),
            None => (&row.author_name, &row.author_email),
        };
        Ok(Owner {
            name: name.clone(),
            email: email.clone(),
            login: None,
        })
    }

    /// When the breakage was pushed: with the failing commit, or earlier, when the pipelines of
    /// earlier pushes since the last green commit never ended by themselves.
    async fn first_push(
        &self,
        row: &PipelineRow,
        green: Option<&PipelineRow>,
    ) -> Result<i64, DeliveryError> {
        let own = row.pushed_at.unwrap_or(row.created_at);
        let Some(green) = green else { return Ok(own) };
        let since = green.pushed_at.unwrap_or(green.created_at);
        let name = format!("refs/heads/{}", row.ref_name);
        let earlier =
            push::earliest_unfinished(&mut self.db(), &row.project_id, &name, since, own).await?;
        Ok(earlier.unwrap_or(own))
    }

    /// Takes note of what this pipeline broke beside what was broken before, and of what it
    /// repaired of that, while the light stays red.
    async fn blame(
        &self,
        incident: &mut IncidentRow,
        project: &ProjectRow,
        row: &PipelineRow,
        rows: &[JobRow],
        failed_jobs: &[String],
        jobs: &[EndedJob],
    ) -> Result<(), DeliveryError> {
        let mut causes = causes::read(incident)?;
        let passed: Vec<String> = jobs
            .iter()
            .filter(|job| job.status == Status::Success)
            .map(|job| job.name.clone())
            .collect();
        let failure = Failure {
            failed: failed_jobs,
            passed: &passed,
            configuration: row.config_errors != "[]",
            platform: platform_failed(rows, failed_jobs),
            at: came_to_rest(row),
        };
        let new = causes::news(&causes, &failure);
        if let Some(new) = &new {
            let again = incident.failing_sha == row.sha;
            let since = match again {
                true => incident.last_green_sha.as_deref(),
                false => Some(incident.failing_sha.as_str()),
            };
            let found = self.cause_of(project, row, rows, since, new).await?;
            match causes::newest_open(&mut causes).filter(|_| again && found.owner.is_some()) {
                // Another run of the same commit: nobody pushed anything since.
                Some(known) => known.take_in(&found),
                None => causes.push(found),
            }
        }
        causes::settle(&mut causes, &failure, new.as_deref().unwrap_or_default());
        if new.is_some() {
            // What has not passed since has still to do so before the light is green.
            let mut failed: Vec<String> = json::read("failed_jobs", &incident.failed_jobs)?;
            failed.retain(|name| !passed.contains(name));
            incident.failed_jobs = json::write(&failed)?;
        }
        causes::write(&causes, incident)
    }

    async fn prolong_incident(
        &self,
        mut incident: IncidentRow,
        row: &PipelineRow,
        failed_jobs: Vec<String>,
    ) -> Result<(), DeliveryError> {
        let mut failed: Vec<String> = json::read("failed_jobs", &incident.failed_jobs)?;
        for name in failed_jobs {
            if !failed.contains(&name) {
                failed.push(name);
            }
        }
        incident.failed_jobs = json::write(&failed)?;
        incident.failing_sha.clone_from(&row.sha);
        incident.failing_pipeline_id = row.id.clone();
        let mut tx = self.db().begin().await?;
        incident.version = incident::update(&mut tx, &incident).await?;
        self.incident_changed(&mut tx, &incident, row, "attached")
            .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn close_incident(
        &self,
        mut incident: IncidentRow,
        row: &PipelineRow,
        kind: &str,
    ) -> Result<(), DeliveryError> {
        incident.state = "closed".to_owned();
        incident.close_kind = Some(kind.to_owned());
        let at = came_to_rest(row);
        incident.green_at = Some(at);
        let mut causes = causes::read(&incident)?;
        causes::close(&mut causes, at);
        causes::write(&causes, &mut incident)?;
        incident.closing_pipeline_id = Some(row.id.to_string());
        let mut tx = self.db().begin().await?;
        incident.version = incident::update(&mut tx, &incident).await?;
        self.incident_changed(&mut tx, &incident, row, "closed")
            .await?;
        tx.commit().await?;
        tracing::info!(
            project = incident.project_path,
            branch = incident.branch,
            "green again"
        );
        Ok(())
    }

    /// Link, evidence and events of a changed incident.
    async fn incident_changed(
        &self,
        tx: &mut Tx<'_>,
        incident: &IncidentRow,
        row: &PipelineRow,
        action: &str,
    ) -> Result<(), DeliveryError> {
        let version = pipeline::link(tx, &row.id, Link::Incident, incident.id.as_str()).await?;
        let span = |from: i64, to: Option<i64>| to.map(|to| (to - from).max(0) / 1000);
        let body = json!({
            "action": action,
            "incident": incident.id.as_str(),
            "no": incident.no,
            "project": incident.project_path,
            "branch": incident.branch,
            "pipeline": row.id.as_str(),
            "sha": row.sha,
            "failed_jobs": serde_json::from_str::<Value>(&incident.failed_jobs).unwrap_or_default(),
            "close_kind": incident.close_kind,
            "pushed_at": time_text(incident.pushed_at),
            "red_at": time_text(incident.red_at),
            "green_at": incident.green_at.map(time_text),
            "detection_ms": span(incident.pushed_at, Some(incident.red_at)),
            "repair_ms": span(incident.red_at, incident.green_at),
            "total_ms": span(incident.pushed_at, incident.green_at),
            "owner": incident.owner_email,
            "owner_login": incident.owner_login,
            "cause_class": incident.cause_class,
            "causes": serde_json::from_str::<Value>(&incident.causes).unwrap_or_default(),
        });
        let subject = format!("project:{}", incident.project_id);
        let actor = Actor::system("red_light");
        self.record(tx, actor, "incident", subject, body, Vec::new())
            .await?;
        let (id, project) = (incident.id.as_str(), incident.project_id.as_str());
        tx.publish(
            "list:incidents",
            id,
            incident.version,
            &["state"],
            Value::Null,
        )
        .await;
        tx.publish(
            "list:projects",
            project,
            incident.version,
            &["light"],
            Value::Null,
        )
        .await;
        let topic = format!("project:{project}");
        tx.publish(&topic, project, incident.version, &["light"], Value::Null)
            .await;
        let topic = format!("pipeline:{}", row.id);
        tx.publish(
            &topic,
            row.id.as_str(),
            version,
            &["incident_id"],
            Value::Null,
        )
        .await;
        Ok(())
    }

    /// Commits between the last green one and the failing one, newest first.
    async fn candidates(
        &self,
        project: &ProjectRow,
        row: &PipelineRow,
        last_green: Option<&str>,
    ) -> Result<Vec<CandidateCommit>, DeliveryError> {
        let repository = self.repository_of(project)?;
        // Without a green commit to start from, only the newest one can be blamed.
        let limit = if last_green.is_some() { MAX_COMMITS } else { 1 };
        let commits = repository.log(last_green, &row.sha, limit).await?;
        Ok(commits
            .into_iter()
            .map(|commit| CandidateCommit {
                title: commit.title().to_owned(),
                sha: commit.sha,
                author_name: commit.author_name,
                author_email: commit.author_email,
                authored_at: time_text(commit.authored_at.saturating_mul(1_000_000)),
            })
            .collect())
    }

    /// Raises the alarms whose time has come, counted in working minutes.
    pub(crate) async fn raise_alarms(&self) -> Result<(), DeliveryError> {
        let at = to_micros(now());
        for mut incident in incident::open(&mut self.db()).await? {
            let Some(worked_ms) = crate::working::working_ms(incident.red_at, at) else {
                tracing::warn!("the office calendar does not cover today: no red-light alarms");
                return Ok(());
            };
            let mut alarms: Vec<Alarm> = json::read("alarms", &incident.alarms)?;
            let due: Vec<u32> = ALARMS
                .iter()
                .filter(|(minutes, level)| {
                    worked_ms >= minutes * 60_000 && alarms.iter().all(|a| a.level != *level)
                })
                .map(|(_, level)| *level)
                .collect();
            if due.is_empty() {
                continue;
            }
            for level in due {
                alarms.push(Alarm {
                    at: time_text(at),
                    level,
                });
                tracing::warn!(project = incident.project_path, level, "red-light alarm");
            }
            incident.alarms = json::write(&alarms)?;
            let mut tx = self.db().begin().await?;
            incident.version = incident::update(&mut tx, &incident).await?;
            let body = json!({"action": "alarm", "incident": incident.id.as_str(),
                "no": incident.no, "project": incident.project_path, "alarms": alarms});
            let subject = format!("project:{}", incident.project_id);
            let actor = Actor::system("red_light");
            self.record(&mut tx, actor, "incident", subject, body, Vec::new())
                .await?;
            let (id, version) = (incident.id.as_str(), incident.version);
            tx.publish("list:incidents", id, version, &["alarms"], Value::Null)
                .await;
            tx.commit().await?;
        }
        Ok(())
    }

    /// The failed jobs of a pipeline that an incident shows.
    pub(crate) async fn failed_rows(
        &self,
        row: &IncidentRow,
    ) -> Result<Vec<JobRow>, DeliveryError> {
        let names: Vec<String> = json::read("failed_jobs", &row.failed_jobs)?;
        let jobs = job::of_pipeline(&mut self.db(), &row.failing_pipeline_id).await?;
        let mut newest: Vec<JobRow> = Vec::new();
        for job in jobs {
            if job.failure_reason.is_none() || !names.contains(&job.name) {
                continue;
            }
            newest.retain(|known| known.name != job.name);
            newest.push(job);
        }
        Ok(newest)
    }
}

/// When the pipeline came to rest.
fn came_to_rest(row: &PipelineRow) -> i64 {
    row.finished_at.unwrap_or_else(|| to_micros(now()))
}

/// Whether the platform failed all of these jobs: there is nothing in what was pushed.
fn platform_failed(rows: &[JobRow], jobs: &[String]) -> bool {
    const REASONS: [&str; 3] = ["runner_system_failure", "scheduler_failure", "api_failure"];
    let mut failed = rows
        .iter()
        .filter(|row| jobs.contains(&row.name))
        .peekable();
    failed.peek().is_some()
        && failed.all(|row| {
            let reason = row.failure_reason.as_deref();
            reason.is_some_and(|reason| REASONS.contains(&reason))
        })
}

/// A first guess at the class of the cause, and how sure it is in per cent.
fn cause(
    row: &PipelineRow,
    rows: &[JobRow],
    failed_jobs: &[String],
    tests_failed: bool,
) -> (&'static str, i64) {
    if row.config_errors != "[]" {
        return ("configuration", 100);
    }
    let failed = |job: &&JobRow| failed_jobs.contains(&job.name);
    let Some(first) = rows.iter().find(failed) else {
        return ("infrastructure", 20);
    };
    match first.failure_reason.as_deref().unwrap_or_default() {
        "runner_system_failure"
        | "scheduler_failure"
        | "api_failure"
        | "data_integrity_failure" => ("infrastructure", 90),
        "job_execution_timeout" | "stuck_or_timeout_failure" => ("timeout", 90),
        "missing_dependency" => ("dependency", 90),
        "gate_failed" | "approval_missing" | "freeze_denied" => ("gate", 95),
        "deployment_failed" => ("deploy", 95),
        "resource_limit_exceeded" => ("infrastructure", 60),
        _ if tests_failed => ("test", 95),
        _ => {
            let name = format!("{} {}", first.stage, first.name).to_lowercase();
            let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
            if first.environment.is_some() || has(&["deploy", "release"]) {
                ("deploy", 60)
            } else if has(&["build", "compile", "package"]) {
                ("compile", 60)
            } else if has(&["test", "check", "lint"]) {
                ("test", 60)
            } else {
                ("test", 30)
            }
        }
    }
}
