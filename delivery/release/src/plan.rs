//! The steps of a deployment as data.

use serde::{Deserialize, Serialize};

use crate::definition::{EnvironmentSpec, HealthSpec, ReleaseDefinition};
use crate::state::DeploymentState;

/// A step. Its action is idempotent: done twice it leaves the same world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Read the preconditions.
    Preflight,
    /// Ask people and count their answers.
    Approval,
    /// Unpack the digest into a fresh directory of the idle slot.
    Install,
    /// Start the process.
    Start,
    /// Probe until enough successes in a row.
    Readiness,
    /// Try the slot's private address.
    Smoke,
    /// Move the traffic.
    Switch,
    /// Read the version through the public address.
    Verify,
    /// Watch.
    Bake,
    /// Keep the old slot running, probed.
    KeepStandby,
    /// Move the traffic back.
    SwitchBack,
    /// Read the earlier version through the public address.
    VerifyBack,
    /// Stop the candidate.
    StopCandidate,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 13] = [
        Self::Preflight,
        Self::Approval,
        Self::Install,
        Self::Start,
        Self::Readiness,
        Self::Smoke,
        Self::Switch,
        Self::Verify,
        Self::Bake,
        Self::KeepStandby,
        Self::SwitchBack,
        Self::VerifyBack,
        Self::StopCandidate,
    ];

    /// The word used in APIs, tables and evidence.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Approval => "approval",
            Self::Install => "install",
            Self::Start => "start",
            Self::Readiness => "readiness",
            Self::Smoke => "smoke",
            Self::Switch => "switch",
            Self::Verify => "verify",
            Self::Bake => "bake",
            Self::KeepStandby => "keep_standby",
            Self::SwitchBack => "switch_back",
            Self::VerifyBack => "verify_back",
            Self::StopCandidate => "stop_candidate",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }

    /// Changes what users of the service reach.
    #[must_use]
    pub const fn moves_traffic(self) -> bool {
        matches!(self, Self::Switch | Self::SwitchBack)
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What kind of deployment it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentKind {
    /// A release goes into an environment.
    Deploy,
    /// A person goes back to the standby.
    Rollback,
    /// The watch after a switch went back by itself.
    AutomaticRollback,
}

impl DeploymentKind {
    /// The word used in APIs and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
            Self::AutomaticRollback => "automatic_rollback",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Deploy, Self::Rollback, Self::AutomaticRollback]
            .into_iter()
            .find(|k| k.as_str() == word)
    }
}

/// A step with the state it belongs to and its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// Which step.
    pub step: Step,
    /// State of the deployment while it runs.
    pub state: DeploymentState,
    /// Its numbers.
    pub detail: StepDetail,
}

/// Numbers of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StepDetail {
    /// None.
    Plain,
    /// Probes until success.
    Probe {
        /// Path probed.
        path: String,
        /// Time between probes, ms.
        interval_ms: u64,
        /// Time one probe may take, ms.
        timeout_ms: u64,
        /// Successes in a row needed.
        consecutive: u32,
        /// Time for all of it, ms.
        deadline_ms: u64,
    },
    /// Paths that must answer 2xx.
    Requests {
        /// Paths.
        paths: Vec<String>,
        /// Time each may take, ms.
        timeout_ms: u64,
    },
    /// A watch.
    Watch {
        /// Path probed.
        path: String,
        /// Time between probes, ms.
        interval_ms: u64,
        /// Time one probe may take, ms.
        timeout_ms: u64,
        /// Failures in a row that end it badly.
        failure_limit: u32,
        /// How long, ms.
        bake_ms: u64,
    },
}

/// Time a smoke request may take, ms.
const SMOKE_TIMEOUT_MS: u64 = 10_000;

/// The steps of a blue/green deployment of this definition into this environment.
#[must_use]
pub fn deploy_steps(
    definition: &ReleaseDefinition,
    environment: &EnvironmentSpec,
) -> Vec<PlannedStep> {
    use DeploymentState as S;
    let health = &definition.health;
    let mut steps = vec![
        plain(Step::Preflight, S::Checking),
        plain(Step::Approval, S::AwaitingApproval),
        plain(Step::Install, S::Preparing),
        plain(Step::Start, S::Preparing),
        PlannedStep {
            step: Step::Readiness,
            state: S::Preparing,
            detail: StepDetail::Probe {
                path: health.path.clone(),
                interval_ms: health.interval_ms,
                timeout_ms: health.timeout_ms,
                consecutive: health.consecutive,
                deadline_ms: definition.service.ready_timeout_ms,
            },
        },
    ];
    if !environment.smoke.is_empty() {
        steps.push(PlannedStep {
            step: Step::Smoke,
            state: S::Preparing,
            detail: StepDetail::Requests {
                paths: environment.smoke.clone(),
                timeout_ms: SMOKE_TIMEOUT_MS,
            },
        });
    }
    steps.push(plain(Step::Switch, S::Switching));
    steps.push(plain(Step::Verify, S::Switching));
    steps.push(PlannedStep {
        step: Step::Bake,
        state: S::Baking,
        detail: watch(health, environment.bake_ms),
    });
    steps.push(plain(Step::KeepStandby, S::Baking));
    steps
}

/// The steps of going back to the standby on a person's word: it runs already, so it is probed,
/// switched to and verified.
#[must_use]
pub fn rollback_steps(health: &HealthSpec) -> Vec<PlannedStep> {
    use DeploymentState as S;
    vec![
        plain(Step::Preflight, S::Checking),
        PlannedStep {
            step: Step::Readiness,
            state: S::Preparing,
            detail: StepDetail::Probe {
                path: health.path.clone(),
                interval_ms: health.interval_ms.min(250),
                timeout_ms: health.timeout_ms,
                consecutive: 1,
                deadline_ms: health.timeout_ms.saturating_mul(3),
            },
        },
        plain(Step::Switch, S::Switching),
        plain(Step::Verify, S::Switching),
        plain(Step::KeepStandby, S::Baking),
    ]
}

/// The steps back after a failure that came after the switch was begun.
#[must_use]
pub fn back_steps() -> Vec<PlannedStep> {
    use DeploymentState as S;
    vec![
        plain(Step::SwitchBack, S::RollingBack),
        plain(Step::VerifyBack, S::RollingBack),
        plain(Step::StopCandidate, S::RollingBack),
    ]
}

fn plain(step: Step, state: DeploymentState) -> PlannedStep {
    PlannedStep {
        step,
        state,
        detail: StepDetail::Plain,
    }
}

fn watch(health: &HealthSpec, bake_ms: u64) -> StepDetail {
    StepDetail::Watch {
        path: health.path.clone(),
        interval_ms: health.interval_ms,
        timeout_ms: health.timeout_ms,
        failure_limit: health.failure_limit,
        bake_ms,
    }
}
