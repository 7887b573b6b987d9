//! States of jobs, stages and pipelines, by GitLab's names (specification §5.1).

use serde::{Deserialize, Serialize};

/// State of a job, and of any set of jobs (stage, pipeline).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for predecessors.
    Created,
    /// Waits for a resource group's lock, or a deployment lock.
    WaitingForResource,
    /// Preconditions are being checked.
    Preparing,
    /// Waits for a runner.
    Pending,
    /// A runner works on it.
    Running,
    /// Being stopped.
    Canceling,
    /// Ended well.
    Success,
    /// Ended badly.
    Failed,
    /// Stopped by a person or rule.
    Canceled,
    /// Never ran because of its predecessors.
    Skipped,
    /// Waits for a person.
    Manual,
    /// Waits for a timer.
    Scheduled,
}

impl Status {
    /// Every state, in the order of the specification.
    pub const ALL: [Self; 12] = [
        Self::Created,
        Self::WaitingForResource,
        Self::Preparing,
        Self::Pending,
        Self::Running,
        Self::Canceling,
        Self::Success,
        Self::Failed,
        Self::Canceled,
        Self::Skipped,
        Self::Manual,
        Self::Scheduled,
    ];

    /// Terminal: success, failed, canceled, skipped.
    #[must_use]
    pub const fn is_completed(self) -> bool {
        matches!(
            self,
            Self::Success | Self::Failed | Self::Canceled | Self::Skipped
        )
    }

    /// The word used in APIs and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::WaitingForResource => "waiting_for_resource",
            Self::Preparing => "preparing",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Canceling => "canceling",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Skipped => "skipped",
            Self::Manual => "manual",
            Self::Scheduled => "scheduled",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a job failed: GitLab's `retry:when` set and ours (specification §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the words are the field's own and explain themselves"
)]
pub enum FailureReason {
    ScriptFailure,
    ApiFailure,
    StuckOrTimeoutFailure,
    RunnerSystemFailure,
    RunnerUnsupported,
    StaleSchedule,
    JobExecutionTimeout,
    ArchivedFailure,
    UnmetPrerequisites,
    SchedulerFailure,
    DataIntegrityFailure,
    UnknownFailure,
    MissingDependency,
    FreezeDenied,
    ApprovalMissing,
    GateFailed,
    EvidenceUnavailable,
    UnsupportedFeature,
    InvalidDotenv,
    DownstreamFailed,
    /// A managed deployment ended badly (failed its health check, was rolled back).
    DeploymentFailed,
    /// A limit of the runner (memory, processes, disk) was exceeded.
    ResourceLimitExceeded,
}

impl FailureReason {
    /// The word used in `retry:when`, APIs and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ScriptFailure => "script_failure",
            Self::ApiFailure => "api_failure",
            Self::StuckOrTimeoutFailure => "stuck_or_timeout_failure",
            Self::RunnerSystemFailure => "runner_system_failure",
            Self::RunnerUnsupported => "runner_unsupported",
            Self::StaleSchedule => "stale_schedule",
            Self::JobExecutionTimeout => "job_execution_timeout",
            Self::ArchivedFailure => "archived_failure",
            Self::UnmetPrerequisites => "unmet_prerequisites",
            Self::SchedulerFailure => "scheduler_failure",
            Self::DataIntegrityFailure => "data_integrity_failure",
            Self::UnknownFailure => "unknown_failure",
            Self::MissingDependency => "missing_dependency",
            Self::FreezeDenied => "freeze_denied",
            Self::ApprovalMissing => "approval_missing",
            Self::GateFailed => "gate_failed",
            Self::EvidenceUnavailable => "evidence_unavailable",
            Self::UnsupportedFeature => "unsupported_feature",
            Self::InvalidDotenv => "invalid_dotenv",
            Self::DownstreamFailed => "downstream_failed",
            Self::DeploymentFailed => "deployment_failed",
            Self::ResourceLimitExceeded => "resource_limit_exceeded",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
    }
}
