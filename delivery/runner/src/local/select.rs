//! Which jobs of a plan a person wants to run.

use std::collections::HashSet;

use rialto_delivery_pipeline::plan::{Plan, PlannedJob};

use super::LocalOptions;

/// Why the wish for jobs cannot be met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectJobsError {
    /// No such job.
    #[error("there is no job {name:?} in this pipeline{}", hint(.jobs))]
    Unknown {
        /// As asked.
        name: String,
        /// Jobs there are.
        jobs: Vec<String>,
    },
}

fn hint(jobs: &[String]) -> String {
    match jobs.len() {
        0 => "; it has no jobs at all".to_owned(),
        1..=20 => format!("; it has {}", jobs.join(", ")),
        many => format!("; it has {many} jobs, see `rialto ci list`"),
    }
}

/// The plan reduced to what was asked for. Needs of jobs that are not part of it are dropped as
/// conditions; their artifacts of an earlier run are still used.
pub(super) fn select(plan: &Plan, options: &LocalOptions) -> Result<Plan, SelectJobsError> {
    for name in options.only.iter().chain(&options.play) {
        if !plan.jobs.iter().any(|job| is_named(job, name)) {
            let jobs = plan.jobs.iter().map(|j| j.name.clone()).collect();
            return Err(SelectJobsError::Unknown {
                name: name.clone(),
                jobs,
            });
        }
    }
    if options.only.is_empty() {
        return Ok(plan.clone());
    }
    let mut wanted: HashSet<&str> = plan
        .jobs
        .iter()
        .filter(|job| {
            // A manual job that is to be played was asked for as well.
            let mut asked = options.only.iter().chain(&options.play);
            asked.any(|name| is_named(job, name))
        })
        .map(|job| job.name.as_str())
        .collect();
    if options.with_needs {
        let mut queue: Vec<&str> = wanted.iter().copied().collect();
        while let Some(name) = queue.pop() {
            let Some(job) = plan.jobs.iter().find(|j| j.name == name) else {
                continue;
            };
            for needed in predecessors(plan, job) {
                if wanted.insert(needed) {
                    queue.push(needed);
                }
            }
        }
    }
    let mut selected = plan.clone();
    selected
        .jobs
        .retain(|job| wanted.contains(job.name.as_str()));
    for job in &mut selected.jobs {
        if let Some(needs) = &mut job.needs {
            needs.retain(|need| wanted.contains(need.job.as_str()));
        }
    }
    let stages: HashSet<String> = selected.jobs.iter().map(|j| j.stage.clone()).collect();
    selected.stages.retain(|stage| stages.contains(stage));
    Ok(selected)
}

/// Whether a person means this job: by its name, or by its name before `parallel`.
pub(super) fn is_named(job: &PlannedJob, name: &str) -> bool {
    job.name == name || job.base_name == name
}

/// Jobs that must end before this one starts.
fn predecessors<'a>(plan: &'a Plan, job: &'a PlannedJob) -> Vec<&'a str> {
    match &job.needs {
        Some(needs) => needs.iter().map(|n| n.job.as_str()).collect(),
        None => earlier_stages(plan, job).map(|j| j.name.as_str()).collect(),
    }
}

/// Jobs of earlier stages, in pipeline order.
pub(super) fn earlier_stages<'a>(
    plan: &'a Plan,
    job: &PlannedJob,
) -> impl Iterator<Item = &'a PlannedJob> {
    let stage = |name: &str| plan.stages.iter().position(|s| s == name);
    let own = stage(&job.stage);
    plan.jobs.iter().filter(move |j| stage(&j.stage) < own)
}
