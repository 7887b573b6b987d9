//! From a planned job to what the executor needs.

use std::path::Path;

use rialto_delivery_pipeline::plan::{EnvironmentAction, Plan, PlannedJob, VariableValue};
use rialto_delivery_pipeline::variables::{
    ExpandVariablesError, Layers, environment_slug, job_variables, layer, slug,
};
use rialto_delivery_run::assignment::{ArtifactSource, Assignment, JobVariable, Limits, Source};

use super::LocalOptions;
use super::select::earlier_stages;

/// Timeout of a job that sets none, seconds.
const DEFAULT_TIMEOUT_S: u64 = 3600;

/// Facts of one attempt.
pub(super) struct Attempt<'a> {
    pub number: u64,
    pub project_dir: &'a Path,
    pub dependencies: Vec<ArtifactSource>,
    pub dotenv: Vec<JobVariable>,
    pub played: bool,
}

/// Jobs whose artifacts and dotenv variables a job takes, in download order.
pub(super) fn sources_of<'a>(plan: &'a Plan, job: &PlannedJob) -> Vec<&'a str> {
    // As written: a run of chosen jobs has dropped needs outside of it.
    let Some(job) = plan.jobs.iter().find(|j| j.name == job.name) else {
        return Vec::new();
    };
    let mut names: Vec<&str> = match (&job.dependencies, &job.needs) {
        (Some(names), _) => names.iter().map(String::as_str).collect(),
        (None, Some(needs)) => needs
            .iter()
            .filter(|n| n.artifacts)
            .map(|n| n.job.as_str())
            .collect(),
        (None, None) => earlier_stages(plan, job).map(|j| j.name.as_str()).collect(),
    };
    let place = |name: &str| plan.jobs.iter().position(|j| j.name == name);
    names.sort_by_key(|name| place(name));
    names
}

/// The assignment of one attempt of a job.
pub(super) fn assignment(
    job: &PlannedJob,
    options: &LocalOptions,
    attempt: Attempt<'_>,
) -> Result<Assignment, ExpandVariablesError> {
    let project_path = options
        .predefined
        .iter()
        .find(|(key, _)| key == "CI_PROJECT_PATH")
        .map_or_else(|| "local/project".to_owned(), |(_, value)| value.clone());
    let variables = variables(job, options, &attempt)?;
    let path = attempt.project_dir.to_string_lossy().into_owned();
    Ok(Assignment {
        job_id: attempt.number.to_string(),
        lease: String::new(),
        job_name: job.name.clone(),
        stage: job.stage.clone(),
        project_path,
        source: Source::WorkingCopy { path },
        before_script: job.before_script.clone(),
        script: job.script.clone(),
        after_script: job.after_script.clone(),
        variables,
        dependencies: attempt.dependencies,
        artifacts: job.artifacts.clone(),
        cache: if options.here {
            Vec::new()
        } else {
            job.cache.clone()
        },
        protected_ref: false,
        timeout_s: job.timeout_s.unwrap_or(DEFAULT_TIMEOUT_S),
        limits: Limits {
            memory_bytes: Some(u64::MAX),
            processes: Some(u32::MAX),
            disk_bytes: Some(u64::MAX),
            log_bytes: None,
            artifact_bytes: Some(u64::MAX),
        },
        image: job.image.clone(),
        services: job.services.clone(),
    })
}

fn variables(
    job: &PlannedJob,
    options: &LocalOptions,
    attempt: &Attempt<'_>,
) -> Result<Vec<JobVariable>, ExpandVariablesError> {
    let known = layer(
        options
            .predefined
            .iter()
            .cloned()
            .chain(predefined(job, attempt)),
    );
    let dotenv = attempt
        .dotenv
        .iter()
        .map(|v| {
            (
                v.key.clone(),
                VariableValue {
                    value: v.value.clone(),
                    expand: false,
                },
            )
        })
        .collect();
    let pipeline = layer(options.variables.iter().cloned());
    let all = job_variables(&Layers {
        predefined: Some(&known),
        file: Some(&job.variables),
        dotenv: Some(&dotenv),
        pipeline: Some(&pipeline),
        ..Layers::default()
    })?;
    Ok(all
        .into_iter()
        .map(|(key, value)| JobVariable {
            key,
            value,
            masked: false,
            file: false,
        })
        .collect())
}

/// Predefined variables of one job.
fn predefined(job: &PlannedJob, attempt: &Attempt<'_>) -> Vec<(String, String)> {
    let number = attempt.number.to_string();
    let mut list: Vec<(&str, String)> = vec![
        ("CI_JOB_ID", number),
        ("CI_JOB_NAME", job.name.clone()),
        ("CI_JOB_NAME_SLUG", slug(&job.name)),
        ("CI_JOB_STAGE", job.stage.clone()),
        (
            "CI_PROJECT_DIR",
            attempt.project_dir.to_string_lossy().into_owned(),
        ),
        ("CI_PIPELINE_ID", "1".to_owned()),
        ("CI_PIPELINE_IID", "1".to_owned()),
        ("CI_RUNNER_ID", "1".to_owned()),
        ("CI_RUNNER_DESCRIPTION", "local".to_owned()),
        ("CI_RUNNER_TAGS", "[]".to_owned()),
    ];
    if attempt.played {
        list.push(("CI_JOB_MANUAL", "true".to_owned()));
    }
    if let Some(image) = &job.image {
        list.push(("CI_JOB_IMAGE", image.clone()));
    }
    if let Some((index, total)) = job.node {
        list.push(("CI_NODE_INDEX", index.to_string()));
        list.push(("CI_NODE_TOTAL", total.to_string()));
    } else {
        list.push(("CI_NODE_TOTAL", "1".to_owned()));
    }
    if let Some(environment) = &job.environment {
        let action = match environment.action {
            EnvironmentAction::Start => "start",
            EnvironmentAction::Prepare => "prepare",
            EnvironmentAction::Stop => "stop",
            EnvironmentAction::Verify => "verify",
            EnvironmentAction::Access => "access",
        };
        list.push(("CI_ENVIRONMENT_NAME", environment.name.clone()));
        list.push(("CI_ENVIRONMENT_SLUG", environment_slug(&environment.name)));
        list.push(("CI_ENVIRONMENT_ACTION", action.to_owned()));
        if let Some(url) = &environment.url {
            list.push(("CI_ENVIRONMENT_URL", url.clone()));
        }
        if let Some(tier) = &environment.deployment_tier {
            list.push(("CI_ENVIRONMENT_TIER", tier.clone()));
        }
    }
    list.into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}
