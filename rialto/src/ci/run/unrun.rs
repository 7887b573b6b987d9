//! Why a job did not run.

use std::collections::HashMap;

use rialto_delivery_pipeline::plan::{Plan, PlannedJob, When};
use rialto_delivery_run::state::Status;
use rialto_delivery_runner::local::{JobReport, LocalSummary};

/// Most jobs named for one that did not run.
const NAMED: usize = 3;

/// For every job of the summary that was left out: what it waited for in vain, in words such as
/// `needs build, which failed`. `None` for jobs that ran, and where the run was interrupted.
pub fn reasons(plan: &Plan, summary: &LocalSummary) -> Vec<Option<String>> {
    let reports: HashMap<&str, &JobReport> =
        summary.jobs.iter().map(|j| (j.name.as_str(), j)).collect();
    let reason = |report: &JobReport| {
        let skipped = matches!(report.status, Status::Skipped | Status::Created);
        if !skipped || summary.canceled {
            return None;
        }
        let job = plan.jobs.iter().find(|job| job.name == report.name)?;
        why(plan, job, &reports)
    };
    summary.jobs.iter().map(reason).collect()
}

fn why(plan: &Plan, job: &PlannedJob, reports: &HashMap<&str, &JobReport>) -> Option<String> {
    let report = |name: &str| reports.get(name).copied();
    let (lead, awaited): (_, Vec<&JobReport>) = match &job.needs {
        Some(needs) => (
            "needs ",
            needs.iter().filter_map(|need| report(&need.job)).collect(),
        ),
        None => (
            "comes after ",
            earlier(plan, job).filter_map(|j| report(&j.name)).collect(),
        ),
    };
    // Nobody waits in vain for an optional manual job of an earlier stage, but for a needed one.
    let needed = job.needs.is_some();
    // What failed says more than what was left out because of it.
    let failed = awaited
        .iter()
        .filter(|r| stopped(r, needed) && r.outcome.is_some());
    let left_out = awaited
        .iter()
        .filter(|r| stopped(r, needed) && r.outcome.is_none());
    let blocking: Vec<&&JobReport> = failed.chain(left_out).collect();
    if blocking.is_empty() || job.when == When::OnFailure {
        return (job.when == When::OnFailure).then(|| "nothing before it failed".to_owned());
    }
    let word = |report: &JobReport| match report.status {
        Status::Failed => format!("{}, which failed", report.name),
        Status::Canceled => format!("{}, which was canceled", report.name),
        Status::Manual => format!("{}, which waits for --manual {0}", report.name),
        _ => format!("{}, which did not run", report.name),
    };
    let mut shown: Vec<String> = blocking.iter().take(NAMED).map(|r| word(r)).collect();
    if blocking.len() > NAMED {
        shown.push(format!("{} more", blocking.len() - NAMED));
    }
    Some(format!("{lead}{}", shown.join("; ")))
}

/// Whether what comes after this job does not run.
fn stopped(report: &JobReport, needed: bool) -> bool {
    match report.status {
        Status::Failed => !report.failure_allowed,
        Status::Canceled | Status::Skipped | Status::Created => true,
        Status::Manual => needed || !report.failure_allowed,
        _ => false,
    }
}

fn earlier<'p>(plan: &'p Plan, job: &PlannedJob) -> impl Iterator<Item = &'p PlannedJob> {
    let stage = |name: &str| plan.stages.iter().position(|stage| stage == name);
    let own = stage(&job.stage);
    plan.jobs.iter().filter(move |j| stage(&j.stage) < own)
}
