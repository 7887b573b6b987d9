//! What a runner is handed: the job of the plan with all variables and sources resolved.

use std::collections::HashMap;

use indexmap::IndexMap;
use rialto_delivery_pipeline::plan::{PlannedJob, VariableValue};
use rialto_delivery_pipeline::variables::{Layers, job_variables};
use rialto_delivery_run::assignment::{ArtifactSource, Assignment, JobVariable, Limits, Source};
use rialto_delivery_run::state::FailureReason;
use rialto_delivery_store::job::JobRow;
use rialto_delivery_store::project::{self, VariableRow};
use rialto_delivery_store::{artifact, json, pipeline};
use rialto_platform_store::{now, to_micros};

use crate::apply::Loaded;
use crate::{Delivery, DeliveryError, predefined};

/// Names only the runner knows; they stay as written for it.
const RUNNER_NAMES: [&str; 4] = [
    "CI_PROJECT_DIR",
    "CI_BUILDS_DIR",
    "CI_CONCURRENT_ID",
    "CI_CONCURRENT_PROJECT_ID",
];

/// Why a job cannot be handed to a runner.
#[derive(Debug)]
pub(crate) struct CannotAssign {
    pub reason: FailureReason,
    pub message: String,
}

impl From<DeliveryError> for CannotAssign {
    fn from(error: DeliveryError) -> Self {
        Self {
            reason: FailureReason::SchedulerFailure,
            message: error.to_string(),
        }
    }
}

impl From<rialto_platform_store::StoreError> for CannotAssign {
    fn from(error: rialto_platform_store::StoreError) -> Self {
        DeliveryError::from(error).into()
    }
}

impl Delivery {
    /// Builds the assignment of a job that has just been leased.
    pub(crate) async fn build_assignment(
        &self,
        loaded: &Loaded,
        row: &JobRow,
    ) -> Result<Assignment, CannotAssign> {
        let index = usize::try_from(row.plan_index).unwrap_or(usize::MAX);
        let planned = loaded
            .prepared
            .plan
            .jobs
            .get(index)
            .ok_or_else(|| CannotAssign {
                reason: FailureReason::SchedulerFailure,
                message: format!("job `{}` is not in the plan", row.name),
            })?;
        let (dependencies, dotenv) = self.sources_of(loaded, planned).await?;
        let variables = self.variables_of(loaded, planned, row, &dotenv).await?;
        let lease = row.lease.clone().unwrap_or_default();
        let token = crate::runner::job_token(&row.id, &lease);
        let pipeline = &loaded.pipeline;
        let kind = if pipeline.is_tag { "tags" } else { "heads" };
        let settings = self.settings();
        Ok(Assignment {
            job_id: row.id.to_string(),
            lease,
            job_name: row.name.clone(),
            stage: row.stage.clone(),
            project_path: pipeline.project_path.clone(),
            source: Source::Git {
                url: predefined::repository_url(settings, &pipeline.project_path, Some(&token)),
                sha: pipeline.sha.clone(),
                git_ref: format!("refs/{kind}/{}", pipeline.ref_name),
            },
            before_script: planned.before_script.clone(),
            script: planned.script.clone(),
            after_script: planned.after_script.clone(),
            variables,
            dependencies,
            artifacts: planned.artifacts.clone(),
            cache: planned.cache.clone(),
            protected_ref: pipeline.protected_ref,
            timeout_s: u64::try_from(row.timeout_s).unwrap_or(3600),
            limits: Limits {
                memory_bytes: settings.job_memory_bytes,
                processes: settings.job_processes,
                disk_bytes: settings.job_disk_bytes,
                log_bytes: Some(settings.log_bytes),
                artifact_bytes: Some(settings.artifact_bytes),
            },
            image: planned.image.clone(),
            services: planned.services.clone(),
        })
    }

    /// Archives and dotenv variables of earlier jobs, in stage and job order.
    async fn sources_of(
        &self,
        loaded: &Loaded,
        planned: &PlannedJob,
    ) -> Result<(Vec<ArtifactSource>, Vec<JobVariable>), CannotAssign> {
        let wanted = wanted_sources(loaded, planned);
        let mut archives = Vec::new();
        let mut dotenv = Vec::new();
        if wanted.is_empty() {
            return Ok((archives, dotenv));
        }
        let mut files: HashMap<String, artifact::ArtifactRow> = HashMap::new();
        for file in artifact::of_pipeline(&mut self.db(), &loaded.pipeline.id).await? {
            if file.kind == "archive" {
                files.insert(file.job_id.to_string(), file);
            }
        }
        let at = to_micros(now());
        for index in wanted {
            let source = &loaded.rows[index];
            let variables: Vec<JobVariable> = json::read("dotenv", &source.dotenv)?;
            dotenv.extend(variables);
            let Some(file) = files.get(source.id.as_str()) else {
                continue;
            };
            let gone = |why: &str| CannotAssign {
                reason: FailureReason::MissingDependency,
                message: format!(
                    "the artifacts of job `{}` are {why}; retry that job first",
                    source.name
                ),
            };
            if file.expires_at.is_some_and(|expiry| expiry < at) {
                return Err(gone("expired"));
            }
            if !self
                .content()
                .contains(&file.sha256)
                .map_err(DeliveryError::from)?
            {
                return Err(gone("no longer stored"));
            }
            archives.push(ArtifactSource {
                job_name: source.name.clone(),
                location: format!(
                    "{}/api/delivery/v1/runner/artifacts/{}",
                    self.settings().public_url,
                    source.id
                ),
                sha256: file.sha256.clone(),
                size: u64::try_from(file.size).unwrap_or(0),
            });
        }
        Ok((archives, dotenv))
    }

    /// All variables of a job, in rising precedence and expanded (specification §4.6).
    async fn variables_of(
        &self,
        loaded: &Loaded,
        planned: &PlannedJob,
        row: &JobRow,
        dotenv: &[JobVariable],
    ) -> Result<Vec<JobVariable>, CannotAssign> {
        let pipeline = &loaded.pipeline;
        let plan = pipeline::find_plan(&mut self.db(), &pipeline.id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("plan", &pipeline.id))?;
        let mut first: IndexMap<String, String> = json::read("predefined", &plan.predefined)?;
        first.extend(predefined::of_job(self.settings(), pipeline, planned, row));
        if let Some(name) = &loaded.prepared.plan.name {
            first.insert("CI_PIPELINE_NAME".to_owned(), name.clone());
        }
        let mut first = plain(first);
        for name in RUNNER_NAMES {
            let value = VariableValue {
                value: format!("${{{name}}}"),
                expand: false,
            };
            first.insert(name.to_owned(), value);
        }
        let given: Vec<JobVariable> = json::read("variables", &plan.variables)?;
        let rows = project::variables(&mut self.db(), &pipeline.project_id).await?;
        let rows = applicable(rows, pipeline.protected_ref, planned);
        let dotenv_layer = values(dotenv.iter().map(|v| (&v.key, &v.value)), false);
        let project_layer = values(rows.iter().map(|v| (&v.key, &v.value)), true);
        let pipeline_layer = values(given.iter().map(|v| (&v.key, &v.value)), true);
        let layers = Layers {
            predefined: Some(&first),
            file: Some(&planned.variables),
            dotenv: Some(&dotenv_layer),
            project: Some(&project_layer),
            pipeline: Some(&pipeline_layer),
            ..Layers::default()
        };
        let expanded = job_variables(&layers).map_err(|error| CannotAssign {
            reason: FailureReason::UnmetPrerequisites,
            message: format!("the variables of job `{}`: {error}", row.name),
        })?;
        let flags: HashMap<&str, (bool, bool)> = rows
            .iter()
            .map(|v| (v.key.as_str(), (v.masked, v.file)))
            .collect();
        let overridden = |key: &str| given.iter().any(|v| v.key == key);
        Ok(expanded
            .into_iter()
            .filter(|(key, _)| !RUNNER_NAMES.contains(&key.as_str()))
            .map(|(key, value)| {
                let own = flags.get(key.as_str()).filter(|_| !overridden(&key));
                let (masked, file) = own.copied().unwrap_or_default();
                let secret = key == "CI_JOB_TOKEN" || key == "CI_REPOSITORY_URL";
                JobVariable {
                    key,
                    value,
                    masked: masked || secret,
                    file,
                }
            })
            .collect())
    }
}

/// Indexes of the jobs whose artifacts a job takes: `dependencies`, else `needs`, else all jobs
/// of earlier stages.
fn wanted_sources(loaded: &Loaded, planned: &PlannedJob) -> Vec<usize> {
    let plan = &loaded.prepared.plan;
    let stage = |name: &str| plan.stages.iter().position(|s| s == name);
    let own_stage = stage(&planned.stage);
    (0..plan.jobs.len())
        .filter(|index| {
            let other = &plan.jobs[*index];
            let by_needs = planned.needs.as_ref().map(|needs| {
                needs
                    .iter()
                    .any(|need| need.job == other.name && need.artifacts)
            });
            let earlier = by_needs.unwrap_or_else(|| stage(&other.stage) < own_stage);
            let named = planned.dependencies.as_ref().is_none_or(|names| {
                names.contains(&other.name) || names.contains(&other.base_name)
            });
            earlier && named
        })
        .collect()
}

fn plain(values: IndexMap<String, String>) -> IndexMap<String, VariableValue> {
    values
        .into_iter()
        .map(|(key, value)| {
            (
                key,
                VariableValue {
                    value,
                    expand: false,
                },
            )
        })
        .collect()
}

fn values<'a>(
    pairs: impl Iterator<Item = (&'a String, &'a String)>,
    expand: bool,
) -> IndexMap<String, VariableValue> {
    pairs
        .map(|(key, value)| {
            (
                key.clone(),
                VariableValue {
                    value: value.clone(),
                    expand,
                },
            )
        })
        .collect()
}

/// Project variables a job may see; of one name, the narrowest environment scope.
fn applicable(
    rows: Vec<VariableRow>,
    protected_ref: bool,
    planned: &PlannedJob,
) -> Vec<VariableRow> {
    let environment = planned.environment.as_ref().map(|e| e.name.as_str());
    let mut chosen: IndexMap<String, VariableRow> = IndexMap::new();
    for row in rows {
        let in_scope = row.environment_scope == "*"
            || environment.is_some_and(|name| {
                rialto_delivery_git::hook::matches_pattern(&row.environment_scope, name)
            });
        if !in_scope || (row.protected && !protected_ref) {
            continue;
        }
        let narrower = chosen.get(&row.key).is_none_or(|known| {
            row.environment_scope.len() > known.environment_scope.len()
                || known.environment_scope == "*"
        });
        if narrower {
            chosen.insert(row.key.clone(), row);
        }
    }
    chosen.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(key: &str, scope: &str, protected: bool) -> VariableRow {
        VariableRow {
            project_id: rialto_platform_store::new_id(),
            key: key.into(),
            environment_scope: scope.into(),
            value: scope.into(),
            masked: false,
            protected,
            file: false,
            updated_at: 0,
        }
    }

    #[test]
    fn a_protected_variable_is_not_seen_on_an_unprotected_ref() {
        let planned = crate::testing::planned_job("a", "test");
        let rows = vec![variable("A", "*", true), variable("B", "*", false)];
        let keys = |protected| -> Vec<String> {
            let rows = applicable(rows.clone(), protected, &planned);
            rows.into_iter().map(|v| v.key).collect()
        };
        assert_eq!(keys(false), ["B"]);
        assert_eq!(keys(true), ["A", "B"]);
    }

    #[test]
    fn the_narrowest_environment_scope_wins() {
        let mut planned = crate::testing::planned_job("a", "deploy");
        let rows = vec![variable("A", "*", false), variable("A", "prod*", false)];
        assert_eq!(applicable(rows.clone(), true, &planned)[0].value, "*");
        planned.environment = Some(crate::testing::environment("production"));
        assert_eq!(applicable(rows, true, &planned)[0].value, "prod*");
    }
}
