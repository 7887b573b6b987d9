//! Making a pipeline: configuration at the commit, variables, plan, rows, first transitions.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;
use rialto_delivery_git::{CommitInfo, GitError, Repository, RepositoryName, ZERO_SHA};
use rialto_delivery_pipeline::plan::{AllowFailure, PlannedJob, When};
use rialto_delivery_run::assignment::JobVariable;
use rialto_delivery_run::event::Event;
use rialto_delivery_run::state::Status;
use rialto_delivery_store::ids::{PipelineId, ProjectId};
use rialto_delivery_store::job::{self, JobRow};
use rialto_delivery_store::json;
use rialto_delivery_store::pipeline::{self, PipelineRow, PlanRow};
use rialto_delivery_store::project::{self, Number, ProjectRow};
use rialto_delivery_store::push::{self, PushEventRow};
use rialto_platform_evidence::Actor;
use rialto_platform_identity::{Actor as Person, Auth, Permission};
use rialto_platform_store::{Tx, new_id, now, to_micros};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::apply::{After, Cause, Loaded, prepare};
use crate::configure::{Configured, Planned};
use crate::predefined::{Before, TriggerPerson, before_creation};
use crate::record::evidence_actor;
use crate::reserved::{is_reserved, refuse_reserved};
use crate::transition::queue_class;
use crate::{Delivery, DeliveryError};

/// A pipeline asked for by a person or program.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
pub struct NewPipeline {
    /// Branch or tag.
    #[serde(rename = "ref")]
    pub ref_name: String,
    /// Pipeline variables.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}

/// Everything about a pipeline that is known before its configuration is read.
pub(crate) struct Request {
    pub project: ProjectRow,
    pub ref_name: String,
    pub is_tag: bool,
    pub commit: CommitInfo,
    pub before_sha: String,
    pub source: &'static str,
    pub variables: Vec<JobVariable>,
    pub person: TriggerPerson,
    pub actor: Actor,
    pub push: Option<PushEventRow>,
    pub skip: bool,
}

impl Delivery {
    /// Makes the pipeline of a push event, once.
    pub(crate) async fn create_for_push(
        &self,
        event: &PushEventRow,
    ) -> Result<Option<PipelineId>, DeliveryError> {
        let project = project::find(&mut self.db(), &event.project_id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("project", &event.project_id))?;
        let Some((is_tag, ref_name)) = split_ref(&event.ref_name) else {
            return self.close_push(event, "not a branch or tag").await;
        };
        if event.new_sha == ZERO_SHA {
            return self.close_push(event, "deleted").await;
        }
        let repository = self.repository_of(&project)?;
        let Some(sha) = repository.resolve(&event.new_sha).await? else {
            return self.close_push(event, "not a commit").await;
        };
        let commit = match repository.commit(&sha).await {
            Ok(commit) => commit,
            // A commit that is too large or damaged is no better at the next try.
            Err(error @ (GitError::TooLarge { .. } | GitError::Unreadable { .. })) => {
                return self.close_push(event, &error.to_string()).await;
            }
            Err(error) => return Err(error.into()),
        };
        let options: Vec<String> = json::read("options", &event.options)?;
        let person = TriggerPerson {
            id: event.pusher_id.clone(),
            login: event.pusher_login.clone(),
            name: event.pusher_name.clone(),
            email: event.pusher_email.clone(),
        };
        let request = Request {
            ref_name: ref_name.to_owned(),
            is_tag,
            before_sha: event.old_sha.clone(),
            source: "push",
            variables: option_variables(&options),
            actor: Actor::new(event.pusher_id.as_str(), "user", "push"),
            skip: options.iter().any(|o| o == "ci.skip") || wants_skip(&commit.message),
            push: Some(event.clone()),
            project,
            commit,
            person,
        };
        match self.create(request, &repository).await {
            Ok(id) => Ok(Some(id)),
            Err(DeliveryError::Refused { reason }) => self.close_push(event, &reason).await,
            Err(error) => Err(error),
        }
    }

    async fn close_push(
        &self,
        event: &PushEventRow,
        why: &str,
    ) -> Result<Option<PipelineId>, DeliveryError> {
        tracing::info!(ref_name = event.ref_name, why, "push without pipeline");
        let mut tx = self.db().begin().await?;
        push::set_handled(&mut tx, &event.id, to_micros(now())).await?;
        tx.commit().await?;
        Ok(None)
    }

    /// Makes a pipeline that a person or program asked for.
    ///
    /// # Errors
    /// [`DeliveryError::Refused`] when the configuration wants no pipeline for this ref.
    pub async fn create_pipeline(
        &self,
        actor: &Person,
        project: &ProjectId,
        new: &NewPipeline,
    ) -> Result<PipelineId, DeliveryError> {
        actor.require(Permission::PipelineRun)?;
        let project = project::find(&mut self.db(), project)
            .await?
            .ok_or_else(|| DeliveryError::not_found("project", project))?;
        let repository = self.repository_of(&project)?;
        let (is_tag, sha) = find_ref(&repository, &new.ref_name).await?;
        let mut variables = Vec::new();
        for (key, value) in &new.variables {
            if !is_variable_name(key) {
                return Err(DeliveryError::invalid(
                    format!("/variables/{key}"),
                    "invalid_name",
                    "a variable name has letters, digits and `_` and does not begin with a digit",
                ));
            }
            refuse_reserved(format!("/variables/{key}"), key)?;
            variables.push(variable(key, value));
        }
        let commit = repository.commit(&sha).await?;
        let request = Request {
            ref_name: new.ref_name.clone(),
            is_tag,
            before_sha: ZERO_SHA.to_owned(),
            source: if actor.auth == Auth::Session {
                "web"
            } else {
                "api"
            },
            variables,
            person: TriggerPerson {
                id: actor.user_id.to_string(),
                login: actor.login.clone(),
                name: actor.name.clone(),
                email: actor.email.clone(),
            },
            actor: evidence_actor(actor),
            push: None,
            skip: false,
            project,
            commit,
        };
        self.create(request, &repository).await
    }

    pub(crate) fn repository_of(&self, project: &ProjectRow) -> Result<Repository, DeliveryError> {
        Ok(self
            .git()
            .repository(&RepositoryName::parse(&project.path)?)?)
    }

    async fn create(
        &self,
        request: Request,
        repository: &Repository,
    ) -> Result<PipelineId, DeliveryError> {
        let id: PipelineId = new_id();
        let created_at = now();
        let protected = !request.is_tag
            && self
                .is_protected(&request.project, &request.ref_name)
                .await?;
        let predefined = before_creation(&Before {
            settings: self.settings(),
            project: &request.project,
            commit: &request.commit,
            ref_name: &request.ref_name,
            is_tag: request.is_tag,
            protected,
            before_sha: &request.before_sha,
            source: request.source,
            created_at,
            no: request.project.last_pipeline_no + 1,
            pipeline_id: id.as_str(),
            person: &request.person,
        });
        let configured = if request.skip {
            None
        } else {
            Some(
                self.configure(&request, repository, &predefined, protected)
                    .await?,
            )
        };
        let mut row = new_row(id.clone(), &request, protected, to_micros(created_at));
        let planned = match configured {
            None => {
                row.status = Status::Skipped.into();
                row.finished_at = Some(row.created_at);
                None
            }
            Some(Configured::Nothing(why)) => return Err(DeliveryError::refused(why)),
            Some(Configured::Invalid(errors)) => {
                row.status = Status::Failed.into();
                row.config_errors = json::write(&errors)?;
                row.started_at = Some(row.created_at);
                row.finished_at = Some(row.created_at);
                row.duration_ms = Some(0);
                row.unsettled = true;
                None
            }
            Some(Configured::Planned(planned)) => Some(planned),
        };
        self.store_pipeline(&request, row, planned.map(|p| *p), predefined)
            .await
    }

    /// Everything of a new pipeline in one transaction.
    async fn store_pipeline(
        &self,
        request: &Request,
        mut row: PipelineRow,
        planned: Option<Planned>,
        mut predefined: IndexMap<String, String>,
    ) -> Result<PipelineId, DeliveryError> {
        let mut tx = self.db().begin().await?;
        if let Some(event) = &request.push {
            if let Some(existing) = pipeline::find_by_push(&mut tx, &event.id).await? {
                return Ok(existing.id);
            }
            push::set_handled(&mut tx, &event.id, row.created_at).await?;
        }
        row.no = project::next_no(&mut tx, &row.project_id, Number::Pipeline).await?;
        predefined.insert("CI_PIPELINE_IID".to_owned(), row.no.to_string());
        pipeline::insert(&mut tx, &row).await?;
        self.record_creation(&mut tx, request, &row, planned.as_ref())
            .await?;
        let mut after = After::default();
        if let Some(planned) = planned {
            let plan_row = PlanRow {
                pipeline_id: row.id.clone(),
                plan: json::write(&planned.plan)?,
                managed: json::write(&planned.managed)?,
                predefined: json::write(&predefined)?,
                variables: json::write(&request.variables)?,
                release_definition: planned.definition,
            };
            pipeline::insert_plan(&mut tx, &plan_row).await?;
            let managed: HashSet<String> = planned.managed.into_iter().collect();
            let prepared = Arc::new(prepare(planned.plan, &managed));
            let mut rows = Vec::with_capacity(prepared.plan.jobs.len());
            for (index, job) in prepared.plan.jobs.iter().enumerate() {
                let new = new_job(&row, &request.project, job, index, &managed);
                job::insert(&mut tx, &new).await?;
                rows.push(new);
            }
            let state = prepared.machine.initial();
            self.prepared().put(&row.id, prepared.clone());
            let mut loaded = Loaded {
                pipeline: row.clone(),
                prepared,
                rows,
                state,
            };
            let cause = Cause::system("scheduler");
            self.apply(&mut tx, &mut loaded, &Event::Created, &cause, &mut after)
                .await?;
            self.supersede_older(&mut tx, &loaded.pipeline, &mut after)
                .await?;
            self.grant_locks(&mut tx, &mut after).await?;
        } else if row.unsettled {
            after.settle.insert(row.id.clone());
        }
        let id = row.id.as_str();
        tx.publish("list:pipelines", id, row.version, &["created"], Value::Null)
            .await;
        let topic = format!("project:{}", row.project_id);
        let project = row.project_id.as_str();
        tx.publish(
            &topic,
            project,
            row.version,
            &["last_pipeline"],
            Value::Null,
        )
        .await;
        tx.commit().await?;
        self.after_commit(after);
        Ok(row.id)
    }

    /// A newer commit on a branch replaces the pipelines of older ones, as their plans allow.
    async fn supersede_older(
        &self,
        tx: &mut Tx<'_>,
        newest: &PipelineRow,
        after: &mut After,
    ) -> Result<(), DeliveryError> {
        if newest.is_tag || newest.source != "push" {
            return Ok(());
        }
        let active =
            pipeline::active_on_ref(tx, &newest.project_id, &newest.ref_name, false).await?;
        for older in active {
            if older.id == newest.id || older.sha == newest.sha || older.no > newest.no {
                continue;
            }
            let mut loaded = self.load(tx, &older.id).await?;
            let event = Event::Supersede {
                mode: loaded.prepared.plan.on_new_commit,
            };
            let mut cause = Cause::system("auto_cancel");
            cause.failure_message = Some(format!("replaced by pipeline {}", newest.no));
            self.apply(tx, &mut loaded, &event, &cause, after).await?;
        }
        Ok(())
    }

    async fn record_creation(
        &self,
        tx: &mut Tx<'_>,
        request: &Request,
        row: &PipelineRow,
        planned: Option<&Planned>,
    ) -> Result<(), DeliveryError> {
        let plan = planned
            .map(|planned| json::write(&planned.plan))
            .transpose()?;
        let body = json!({
            "action": "create",
            "pipeline": row.id.as_str(),
            "no": row.no,
            "project": row.project_path,
            "ref": row.ref_name,
            "sha": row.sha,
            "source": row.source,
            "status": row.status.as_str(),
            "push_event": row.push_event_id,
            "plan_sha256": plan.map(|text| sha256_hex(text.as_bytes())),
            "config_errors": serde_json::from_str::<Value>(&row.config_errors).unwrap_or_default(),
        });
        let subject = format!("pipeline:{}", row.id);
        self.record(
            tx,
            request.actor.clone(),
            "pipeline",
            subject,
            body,
            Vec::new(),
        )
        .await
        .map(drop)
    }

    pub(crate) async fn is_protected(
        &self,
        project: &ProjectRow,
        branch: &str,
    ) -> Result<bool, DeliveryError> {
        let rules = project::protected_branches(&mut self.db(), &project.id).await?;
        Ok(rules
            .iter()
            .any(|rule| rialto_delivery_git::hook::matches_pattern(&rule.pattern, branch)))
    }
}

fn new_row(id: PipelineId, request: &Request, protected: bool, at: i64) -> PipelineRow {
    PipelineRow {
        id,
        no: 0,
        project_id: request.project.id.clone(),
        project_path: request.project.path.clone(),
        ref_name: request.ref_name.clone(),
        is_tag: request.is_tag,
        protected_ref: protected,
        sha: request.commit.sha.clone(),
        before_sha: request.before_sha.clone(),
        title: request.commit.title().to_owned(),
        author_name: request.commit.author_name.clone(),
        author_email: request.commit.author_email.clone(),
        source: request.source.to_owned(),
        status: Status::Created.into(),
        has_warnings: false,
        config_errors: "[]".to_owned(),
        push_event_id: request.push.as_ref().map(|event| event.id.to_string()),
        trigger_user_id: Some(request.person.id.clone()),
        trigger_user_name: Some(request.person.name.clone()),
        pushed_at: request.push.as_ref().map(|event| event.pushed_at),
        created_at: at,
        started_at: None,
        finished_at: None,
        duration_ms: None,
        queued_ms: None,
        verdict_id: None,
        incident_id: None,
        release_id: None,
        unsettled: false,
        version: 1,
    }
}

fn new_job(
    pipeline: &PipelineRow,
    project: &ProjectRow,
    job: &PlannedJob,
    index: usize,
    managed: &HashSet<String>,
) -> JobRow {
    let names = |list: &[String]| json::write(list).unwrap_or_else(|_| "[]".to_owned());
    let needs = job.needs.as_ref().map(|needs| {
        let jobs: Vec<String> = needs.iter().map(|need| need.job.clone()).collect();
        names(&jobs)
    });
    let word = |value: Option<Value>| value.and_then(|v| v.as_str().map(str::to_owned));
    let action = job
        .environment
        .as_ref()
        .map(|e| serde_json::to_value(e.action).ok());
    let timeout = job.timeout_s.and_then(|s| i64::try_from(s).ok());
    JobRow {
        id: new_id(),
        pipeline_id: pipeline.id.clone(),
        project_id: pipeline.project_id.clone(),
        plan_index: i64::try_from(index).unwrap_or(i64::MAX),
        attempt: 1,
        superseded: false,
        name: job.name.clone(),
        stage: job.stage.clone(),
        status: Status::Created.into(),
        when_word: when_word(job.when).to_owned(),
        allow_failure: job.allow_failure == AllowFailure::Yes,
        needs,
        played: false,
        awaits_approval: false,
        managed: managed.contains(&job.name),
        failure_reason: None,
        failure_message: None,
        exit_code: None,
        tags: names(&job.tags),
        queue_class: queue_class(job, pipeline.protected_ref),
        resource_group: job.resource_group.clone(),
        environment: job.environment.as_ref().map(|e| e.name.clone()),
        environment_action: word(action.flatten()),
        deployment_id: None,
        timeout_s: timeout.unwrap_or(project.timeout_s),
        run_at: None,
        created_at: pipeline.created_at,
        queued_at: None,
        started_at: None,
        finished_at: None,
        runner_id: None,
        runner_name: None,
        lease: None,
        lease_renewed_at: None,
        coverage: None,
        log_bytes: 0,
        log_sha256: None,
        failing_line: None,
        isolation: "[]".to_owned(),
        notes: "[]".to_owned(),
        dotenv: "[]".to_owned(),
        played_by: None,
        version: 1,
    }
}

const fn when_word(when: When) -> &'static str {
    match when {
        When::OnSuccess => "on_success",
        When::OnFailure => "on_failure",
        When::Always => "always",
        When::Manual => "manual",
        When::Delayed => "delayed",
    }
}

/// `refs/heads/x` is branch `x`, `refs/tags/x` is tag `x`.
pub(crate) fn split_ref(full: &str) -> Option<(bool, &str)> {
    full.strip_prefix("refs/heads/")
        .map(|name| (false, name))
        .or_else(|| full.strip_prefix("refs/tags/").map(|name| (true, name)))
}

async fn find_ref(repository: &Repository, name: &str) -> Result<(bool, String), DeliveryError> {
    for (is_tag, kind) in [(false, "heads"), (true, "tags")] {
        if let Some(sha) = repository.resolve(&format!("refs/{kind}/{name}")).await? {
            return Ok((is_tag, sha));
        }
    }
    let message = format!("`{name}` is neither a branch nor a tag of this project");
    Err(DeliveryError::invalid("/ref", "unknown_ref", message))
}

fn variable(key: &str, value: &str) -> JobVariable {
    JobVariable {
        key: key.to_owned(),
        value: value.to_owned(),
        masked: false,
        file: false,
    }
}

/// `git push -o ci.variable="KEY=value"`.
fn option_variables(options: &[String]) -> Vec<JobVariable> {
    options
        .iter()
        .filter_map(|option| option.strip_prefix("ci.variable="))
        .map(|pair| pair.trim_matches('"'))
        .filter_map(|pair| pair.split_once('='))
        // The push was refused if it named one; receipts of earlier versions may hold one.
        .filter(|(key, _)| is_variable_name(key) && !is_reserved(key))
        .map(|(key, value)| variable(key, value))
        .collect()
}

pub(crate) fn is_variable_name(key: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    !key.is_empty()
        && key.len() <= 255
        && key.bytes().all(plain)
        && !key.as_bytes()[0].is_ascii_digit()
}

/// `[skip ci]` or `[ci skip]` in any letter case, with a space, `-` or `_`.
fn wants_skip(message: &str) -> bool {
    let folded = message.to_ascii_lowercase().replace(['-', '_'], " ");
    folded.contains("[skip ci]") || folded.contains("[ci skip]")
}

pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    hex::encode(sha2::Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skip_marks_are_seen_in_every_spelling() {
        for yes in ["x [skip ci]", "[CI SKIP] y", "[skip-ci]", "[Ci_Skip]"] {
            assert!(wants_skip(yes), "{yes}");
        }
        assert!(!wants_skip("skip ci") && !wants_skip("[skip] ci"));
    }

    #[test]
    fn push_options_carry_variables() {
        let options = [
            "ci.skip",
            "ci.variable=A=1=2",
            "ci.variable=\"B=x\"",
            "ci.variable=1=x",
        ];
        let options: Vec<String> = options.map(str::to_owned).to_vec();
        let found: Vec<(String, String)> = option_variables(&options)
            .into_iter()
            .map(|v| (v.key, v.value))
            .collect();
        assert_eq!(
            found,
            [("A".into(), "1=2".into()), ("B".into(), "x".into())]
        );
    }
}
