//! A transition of the state machine carried into the row of its job.

use rialto_delivery_pipeline::plan::{EnvironmentAction, PlannedJob};
use rialto_delivery_run::event::Transition;
use rialto_delivery_run::state::Status;
use rialto_delivery_store::job::JobRow;
use rialto_platform_store::new_id;

use crate::apply::Cause;

/// Carries a transition into the row.
pub(crate) fn take_transition(
    row: &mut JobRow,
    planned: &PlannedJob,
    transition: &Transition,
    cause: &Cause,
    at: i64,
    protected: bool,
) {
    row.status = transition.to.into();
    match transition.to {
        Status::Pending | Status::WaitingForResource | Status::Preparing => {
            if row.queued_at.is_none() {
                row.queued_at = Some(at);
            }
            row.run_at = None;
            if transition.from == Status::Running {
                // The lease never reached its runner.
                row.started_at = None;
                row.lease = None;
                row.lease_renewed_at = None;
                row.runner_id = None;
                row.runner_name = None;
            }
            row.queue_class = queue_class(planned, protected);
            if row.played_by.is_none() {
                row.played_by.clone_from(&cause.played_by);
            }
        }
        Status::Running => {
            row.started_at.get_or_insert(at);
            if let Some(lease) = &cause.lease {
                row.lease = Some(lease.lease.clone());
                row.lease_renewed_at = Some(at);
                row.runner_id = Some(lease.runner_id.clone());
                row.runner_name = Some(lease.runner_name.clone());
            }
        }
        Status::Scheduled => {
            let delay_s = i64::try_from(planned.start_in_s.unwrap_or(0)).unwrap_or(i64::MAX);
            row.run_at = Some(at.saturating_add(delay_s.saturating_mul(1_000_000)));
        }
        Status::Success | Status::Failed | Status::Canceled => take_end(row, transition, cause, at),
        // A skipped job that gets another chance begins afresh.
        Status::Created => {
            row.finished_at = None;
            row.queued_at = None;
        }
        Status::Skipped => row.finished_at = Some(at),
        Status::Manual | Status::Canceling => {}
    }
}

fn take_end(row: &mut JobRow, transition: &Transition, cause: &Cause, at: i64) {
    row.finished_at = Some(at);
    row.run_at = None;
    if transition.to == Status::Failed {
        row.failure_reason = transition.reason.map(|reason| reason.as_str().to_owned());
        row.failure_message.clone_from(&cause.failure_message);
    }
    if let Some(log) = &cause.log {
        row.log_bytes = i64::try_from(log.bytes).unwrap_or(i64::MAX);
        row.log_sha256 = Some(log.sha256.clone());
    }
    if let Some(facts) = &cause.facts {
        row.exit_code = facts.exit_code;
        row.coverage.clone_from(&facts.coverage);
        row.isolation.clone_from(&facts.isolation);
        row.notes.clone_from(&facts.notes);
        row.dotenv.clone_from(&facts.dotenv);
        row.failing_line.clone_from(&facts.failing_line);
    }
    if cause.void_lease {
        row.lease = None;
    }
}

pub(crate) fn next_attempt(
    old: &JobRow,
    transition: &Transition,
    cause: &Cause,
    at: i64,
) -> JobRow {
    JobRow {
        id: new_id(),
        attempt: i64::from(transition.attempt),
        superseded: false,
        status: transition.to.into(),
        played: true,
        awaits_approval: false,
        failure_reason: None,
        failure_message: None,
        exit_code: None,
        deployment_id: None,
        run_at: None,
        created_at: at,
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
        played_by: cause.played_by.clone().or_else(|| old.played_by.clone()),
        version: 1,
        ..old.clone()
    }
}

/// Class of a job in the queue; smaller is sooner (specification §5.4).
pub(crate) fn queue_class(planned: &PlannedJob, protected_ref: bool) -> i64 {
    let deploys = planned
        .environment
        .as_ref()
        .is_some_and(|environment| environment.action == EnvironmentAction::Start);
    match (deploys, protected_ref) {
        (true, _) => 1,
        (false, true) => 2,
        (false, false) => 5,
    }
}
