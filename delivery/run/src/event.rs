//! What may happen to a pipeline, and what follows from it.

use rialto_delivery_pipeline::plan::OnNewCommit;
use serde::{Deserialize, Serialize};

use crate::state::{FailureReason, Status};

/// Index of a job in its [`crate::machine::Machine`].
pub type JobIndex = usize;

/// Something that happened. Job events name the job's newest attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The pipeline was created: start what may start.
    Created,
    /// A runner took the job (pending to running).
    Lease {
        /// Which.
        job: JobIndex,
    },
    /// The lease never reached its runner, so the job has not begun (running to pending).
    GiveBack {
        /// Which.
        job: JobIndex,
    },
    /// The job ended.
    Finish {
        /// Which.
        job: JobIndex,
        /// How.
        outcome: Outcome,
    },
    /// A person plays a manual job, or starts a scheduled one early.
    Play {
        /// Which.
        job: JobIndex,
    },
    /// The delay of a scheduled job is over.
    Timer {
        /// Which.
        job: JobIndex,
    },
    /// A scheduled job becomes manual.
    Unschedule {
        /// Which.
        job: JobIndex,
    },
    /// The resource group's lock was given to the job.
    Lock {
        /// Which.
        job: JobIndex,
    },
    /// A managed deployment moves on (only jobs whose environment the controller manages).
    Deployment {
        /// Which.
        job: JobIndex,
        /// Where it is now.
        phase: DeploymentPhase,
    },
    /// A person or rule stops the job.
    Cancel {
        /// Which.
        job: JobIndex,
    },
    /// A person runs the job again: a new attempt.
    Retry {
        /// Which.
        job: JobIndex,
    },
    /// Stop all that is under way.
    CancelPipeline,
    /// Run again what failed or was cancelled.
    RetryPipeline,
    /// A newer pipeline on the same ref replaces this one.
    Supersede {
        /// The plan's `workflow:auto_cancel:on_new_commit`.
        mode: OnNewCommit,
    },
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Outcome {
    /// Exit 0 and everything stored.
    Success,
    /// Anything else.
    Failed {
        /// Why.
        reason: FailureReason,
        /// Exit code of the script, where there was one.
        exit_code: Option<i32>,
    },
    /// The process tree is gone after a cancel.
    Canceled,
}

/// Phases of a managed deployment as its job shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentPhase {
    /// Preconditions are being checked: `preparing`.
    Checking,
    /// Waits for approvals: `manual`, and cannot be played.
    AwaitingApproval,
    /// Waits for the environment's lock: `waiting_for_resource`.
    Queued,
    /// Under way: `running`.
    Deploying,
}

/// A change of one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// Which.
    pub job: JobIndex,
    /// Attempt it belongs to, from 1.
    pub attempt: u32,
    /// Before. For the first state of a new attempt, the end state of the attempt before.
    pub from: Status,
    /// After.
    pub to: Status,
    /// This starts a new attempt (a new job record); the one before is superseded.
    pub new_attempt: bool,
    /// Why it failed, when `to` is `failed`.
    pub reason: Option<FailureReason>,
}

/// An event that does not fit the state. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefuseEventError {
    /// No job of that number.
    #[error("this pipeline has no job number {0}")]
    UnknownJob(JobIndex),
    /// The job's state does not allow it.
    #[error("job `{job}` is {status}: {event} is only possible while it is {allowed}")]
    WrongState {
        /// Job name.
        job: String,
        /// State now.
        status: Status,
        /// What was asked.
        event: &'static str,
        /// States that allow it, in words.
        allowed: &'static str,
    },
    /// Approvals, not a click, move it on.
    #[error("job `{job}` awaits approval of its deployment; approve the deployment instead")]
    AwaitsApproval {
        /// Job name.
        job: String,
    },
    /// Deployment phases belong to managed deployments.
    #[error("job `{job}` is not a managed deployment")]
    NotManaged {
        /// Job name.
        job: String,
    },
}
