//! The deployment state machine: a table, and one function that reads it.

use serde::{Deserialize, Serialize};

use crate::approval::Quorum;
use crate::precondition::Clearance;

/// State of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// Asked for.
    Requested,
    /// Preconditions are being read.
    Checking,
    /// Waits for people.
    AwaitingApproval,
    /// Waits for the environment's lock.
    Queued,
    /// The candidate is being installed, started and tried out; users see nothing.
    Preparing,
    /// Traffic is being moved.
    Switching,
    /// The new version serves and is watched.
    Baking,
    /// Done; the old version stays as hot standby.
    Succeeded,
    /// Ended before the switch, users saw nothing; or after it where the earlier version was not
    /// healthy either, so that the new one was left serving.
    Failed,
    /// Traffic is being moved back.
    RollingBack,
    /// The earlier version serves again, verified.
    RolledBack,
    /// The earlier version could not be verified: people are needed, the environment is locked.
    RollbackFailed,
    /// A precondition or a person refused it.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// Stopped by a person before the switch.
    Canceled,
}

impl DeploymentState {
    /// Every state, in the order of life.
    pub const ALL: [Self; 15] = [
        Self::Requested,
        Self::Checking,
        Self::AwaitingApproval,
        Self::Queued,
        Self::Preparing,
        Self::Switching,
        Self::Baking,
        Self::Succeeded,
        Self::Failed,
        Self::RollingBack,
        Self::RolledBack,
        Self::RollbackFailed,
        Self::Rejected,
        Self::Expired,
        Self::Canceled,
    ];

    /// The word used in APIs and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Checking => "checking",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Queued => "queued",
            Self::Preparing => "preparing",
            Self::Switching => "switching",
            Self::Baking => "baking",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::RollingBack => "rolling_back",
            Self::RolledBack => "rolled_back",
            Self::RollbackFailed => "rollback_failed",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Canceled => "canceled",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }

    /// Nothing happens to it any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Succeeded
                | Self::Failed
                | Self::RolledBack
                | Self::RollbackFailed
                | Self::Rejected
                | Self::Expired
                | Self::Canceled
        )
    }

    /// Traffic has not been touched, so it may be cancelled.
    #[must_use]
    pub const fn is_before_switch(self) -> bool {
        matches!(
            self,
            Self::Requested
                | Self::Checking
                | Self::AwaitingApproval
                | Self::Queued
                | Self::Preparing
        )
    }

    /// Holds the environment's lock: no other deployment of the environment may be in such a state.
    #[must_use]
    pub const fn holds_lock(self) -> bool {
        matches!(
            self,
            Self::Preparing | Self::Switching | Self::Baking | Self::RollingBack
        )
    }
}

impl std::fmt::Display for DeploymentState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What happened. Events that need proof carry it: a [`Clearance`] or a [`Quorum`] can only be made
/// by the checks of this crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The controller starts to read the preconditions.
    PreflightStarted,
    /// All preconditions hold.
    PreconditionsHold(Clearance),
    /// At least one does not; the reasons are kept with the deployment.
    PreconditionsFailed,
    /// Enough people approved.
    QuorumReached(Quorum),
    /// Somebody refused.
    ApprovalRefused,
    /// Nobody decided within the time allowed.
    ApprovalExpired,
    /// The environment's lock is held.
    LockGranted,
    /// The candidate is ready and passed its smoke tests.
    CandidateReady,
    /// It did not.
    CandidateFailed,
    /// The router confirmed the new version.
    SwitchConfirmed,
    /// The router did not, or nobody knows.
    SwitchNotConfirmed,
    /// The watch after the switch ended well.
    BakePassed,
    /// It did not, or a person asked for the old version.
    BakeFailed,
    /// It did not, and the earlier version is not healthy: the new one stays where it is.
    BakeFailedWithoutWayBack,
    /// The earlier version answers again.
    RollbackVerified,
    /// It does not.
    RollbackNotVerified,
    /// A person stops it.
    Cancel,
}

/// The event without its proof, as it stands in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "one for one the variants of Event")]
pub enum EventKind {
    PreflightStarted,
    PreconditionsHold,
    PreconditionsFailed,
    QuorumReached,
    ApprovalRefused,
    ApprovalExpired,
    LockGranted,
    CandidateReady,
    CandidateFailed,
    SwitchConfirmed,
    SwitchNotConfirmed,
    BakePassed,
    BakeFailed,
    BakeFailedWithoutWayBack,
    RollbackVerified,
    RollbackNotVerified,
    Cancel,
}

impl Event {
    /// The event without its proof.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::PreflightStarted => EventKind::PreflightStarted,
            Self::PreconditionsHold(_) => EventKind::PreconditionsHold,
            Self::PreconditionsFailed => EventKind::PreconditionsFailed,
            Self::QuorumReached(_) => EventKind::QuorumReached,
            Self::ApprovalRefused => EventKind::ApprovalRefused,
            Self::ApprovalExpired => EventKind::ApprovalExpired,
            Self::LockGranted => EventKind::LockGranted,
            Self::CandidateReady => EventKind::CandidateReady,
            Self::CandidateFailed => EventKind::CandidateFailed,
            Self::SwitchConfirmed => EventKind::SwitchConfirmed,
            Self::SwitchNotConfirmed => EventKind::SwitchNotConfirmed,
            Self::BakePassed => EventKind::BakePassed,
            Self::BakeFailed => EventKind::BakeFailed,
            Self::BakeFailedWithoutWayBack => EventKind::BakeFailedWithoutWayBack,
            Self::RollbackVerified => EventKind::RollbackVerified,
            Self::RollbackNotVerified => EventKind::RollbackNotVerified,
            Self::Cancel => EventKind::Cancel,
        }
    }
}

/// What the controller does on entering a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read the preconditions.
    CheckPreconditions,
    /// Ask people, and start the clock of expiry.
    AskForApproval,
    /// Wait for the environment's lock.
    TakeLock,
    /// Install, start and try out the candidate.
    PrepareCandidate,
    /// Move the traffic.
    SwitchTraffic,
    /// Watch the new version.
    WatchHealth,
    /// Move the traffic back and verify it.
    SwitchBack,
    /// Keep the other slot running as hot standby.
    KeepStandby,
    /// Stop the candidate.
    StopCandidate,
    /// Give the environment's lock back.
    ReleaseLock,
    /// Keep both slots, lock the environment and call people.
    LockEnvironmentAndCall,
}

/// An event that the state does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a deployment that is {state} does not accept {event:?}")]
pub struct Refusal {
    /// State it was in.
    pub state: DeploymentState,
    /// What was tried.
    pub event: EventKind,
}

/// Life span of a request for approval, ms: 24 h.
pub const APPROVAL_EXPIRY_MS: u64 = 24 * 3_600_000;

type Transition = (
    DeploymentState,
    EventKind,
    DeploymentState,
    &'static [Action],
);

/// Every allowed transition. What is not here is refused.
pub const TRANSITIONS: &[Transition] = {
    use Action as A;
    use DeploymentState as S;
    use EventKind as E;
    &[
        (
            S::Requested,
            E::PreflightStarted,
            S::Checking,
            &[A::CheckPreconditions],
        ),
        (
            S::Checking,
            E::PreconditionsHold,
            S::AwaitingApproval,
            &[A::AskForApproval],
        ),
        (S::Checking, E::PreconditionsFailed, S::Rejected, &[]),
        (
            S::AwaitingApproval,
            E::QuorumReached,
            S::Queued,
            &[A::TakeLock],
        ),
        (S::AwaitingApproval, E::ApprovalRefused, S::Rejected, &[]),
        (S::AwaitingApproval, E::ApprovalExpired, S::Expired, &[]),
        // The preconditions are read again when the lock is granted: what held a day ago may not.
        (
            S::Queued,
            E::LockGranted,
            S::Preparing,
            &[A::PrepareCandidate],
        ),
        (S::Queued, E::PreconditionsFailed, S::Rejected, &[]),
        (
            S::Preparing,
            E::CandidateReady,
            S::Switching,
            &[A::SwitchTraffic],
        ),
        (
            S::Preparing,
            E::CandidateFailed,
            S::Failed,
            &[A::StopCandidate, A::ReleaseLock],
        ),
        (
            S::Switching,
            E::SwitchConfirmed,
            S::Baking,
            &[A::WatchHealth],
        ),
        (
            S::Switching,
            E::SwitchNotConfirmed,
            S::RollingBack,
            &[A::SwitchBack],
        ),
        (
            S::Baking,
            E::BakePassed,
            S::Succeeded,
            &[A::KeepStandby, A::ReleaseLock],
        ),
        (S::Baking, E::BakeFailed, S::RollingBack, &[A::SwitchBack]),
        (
            S::Baking,
            E::BakeFailedWithoutWayBack,
            S::Failed,
            &[A::KeepStandby, A::ReleaseLock],
        ),
        (
            S::RollingBack,
            E::RollbackVerified,
            S::RolledBack,
            &[A::StopCandidate, A::ReleaseLock],
        ),
        (
            S::RollingBack,
            E::RollbackNotVerified,
            S::RollbackFailed,
            &[A::LockEnvironmentAndCall],
        ),
        (S::Requested, E::Cancel, S::Canceled, &[]),
        (S::Checking, E::Cancel, S::Canceled, &[]),
        (S::AwaitingApproval, E::Cancel, S::Canceled, &[]),
        (S::Queued, E::Cancel, S::Canceled, &[]),
        (
            S::Preparing,
            E::Cancel,
            S::Canceled,
            &[A::StopCandidate, A::ReleaseLock],
        ),
    ]
};

/// The next state and what to do on entering it.
///
/// # Errors
/// [`Refusal`] when the state does not allow the event; nothing changes then.
pub fn apply(
    state: DeploymentState,
    event: &Event,
) -> Result<(DeploymentState, &'static [Action]), Refusal> {
    let kind = event.kind();
    TRANSITIONS
        .iter()
        .find(|(from, on, _, _)| *from == state && *on == kind)
        .map(|(_, _, to, actions)| (*to, *actions))
        .ok_or(Refusal { state, event: kind })
}
