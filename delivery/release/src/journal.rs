//! The journal of a deployment and what to do with it after a crash.

use serde::{Deserialize, Serialize};

use crate::plan::Step;
use crate::slot::SlotName;
use crate::state::{DeploymentState, EventKind};

/// One line of the journal. Intent is written before an action, the outcome after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, microseconds since the epoch.
    pub at_micros: i64,
    /// Which step.
    pub step: Step,
    /// What is written.
    pub outcome: Outcome,
    /// For people.
    pub detail: String,
}

/// What a line says of its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// About to act.
    Started,
    /// Observed to be done.
    Ok,
    /// Observed to have failed.
    Failed,
}

impl Outcome {
    /// The word used in APIs and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Ok => "ok",
            Self::Failed => "failed",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Started, Self::Ok, Self::Failed]
            .into_iter()
            .find(|o| o.as_str() == word)
    }
}

/// A deployment as it was written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// State last committed.
    pub state: DeploymentState,
    /// Slot of the new version, once chosen.
    pub candidate: Option<SlotName>,
    /// Slot that served when the deployment began; `None` for the first one.
    pub previous: Option<SlotName>,
    /// Lines in order.
    pub entries: Vec<Entry>,
}

impl Journal {
    /// The last thing known of a step.
    #[must_use]
    pub fn last(&self, step: Step) -> Option<Outcome> {
        self.entries
            .iter()
            .rev()
            .find(|e| e.step == step)
            .map(|e| e.outcome)
    }
}

/// What the router really does, read from the router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "view", rename_all = "snake_case")]
pub enum RouterView {
    /// It serves this slot, or nothing.
    Serves {
        /// Slot that takes new requests.
        active: Option<SlotName>,
    },
    /// It serves an address that is neither slot.
    Foreign {
        /// The address.
        address: String,
    },
    /// It did not answer.
    Unknown,
}

/// What to do next after a crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "next", rename_all = "snake_case")]
pub enum Next {
    /// It has ended.
    Nothing,
    /// Read the preconditions (again).
    Check,
    /// Wait for people or for the lock, as before.
    Wait,
    /// Nothing was switched: prepare the candidate from the beginning.
    PrepareAgain,
    /// The router still serves what it did before the switch: switch it now.
    SwitchAgain,
    /// Nothing was switched, and it was interrupted too often: stop the candidate, fail the
    /// deployment.
    Abort {
        /// For people.
        reason: String,
    },
    /// The switch is confirmed by the router: write that down and verify.
    ConfirmSwitch,
    /// Watch the new version again from the start of the bake time.
    Bake,
    /// Go (on going) back to the earlier version.
    GoBack {
        /// For people.
        reason: String,
    },
}

impl Next {
    /// The event that carries it out, where one is due at once.
    #[must_use]
    pub fn event(&self, state: DeploymentState) -> Option<EventKind> {
        match self {
            Self::Nothing | Self::Wait | Self::Bake | Self::PrepareAgain | Self::SwitchAgain => {
                None
            }
            Self::Check => {
                (state == DeploymentState::Requested).then_some(EventKind::PreflightStarted)
            }
            Self::Abort { .. } => Some(EventKind::CandidateFailed),
            Self::ConfirmSwitch => Some(EventKind::SwitchConfirmed),
            Self::GoBack { .. } => match state {
                DeploymentState::Switching => Some(EventKind::SwitchNotConfirmed),
                DeploymentState::Baking => Some(EventKind::BakeFailed),
                _ => None,
            },
        }
    }
}

/// The line that is written when an interrupted preparation begins again.
pub const PREPARES_AGAIN: &str = "the server was interrupted before the switch, nothing was \
                                  changed for users; the preparation begins again";
/// So often a preparation begins again: a candidate that takes the server down with it must not do
/// so for ever.
pub const PREPARATIONS: usize = 3;

/// Decides from the journal and from what the router really shows. An interruption is nobody's
/// fault: what had not been switched is prepared or switched again, after a confirmed switch it goes
/// on, and everything ambiguous goes back to the earlier version.
#[must_use]
pub fn resume(journal: &Journal, observed: &RouterView) -> Next {
    use DeploymentState as S;
    let serves_candidate = match observed {
        RouterView::Serves { active: Some(slot) } => Some(*slot) == journal.candidate,
        _ => false,
    };
    match journal.state {
        S::Requested | S::Checking => Next::Check,
        S::AwaitingApproval | S::Queued => Next::Wait,
        S::Preparing if interruptions(journal) < PREPARATIONS => Next::PrepareAgain,
        S::Preparing => Next::Abort {
            reason: format!(
                "the server was interrupted more than {PREPARATIONS} times before the switch; \
                 nothing was changed for users"
            ),
        },
        S::Switching if serves_candidate => Next::ConfirmSwitch,
        S::Switching if serves_previous(journal, observed) => Next::SwitchAgain,
        S::Switching => Next::GoBack {
            reason: format!(
                "the controller was interrupted during the switch and {}",
                describe(observed)
            ),
        },
        S::Baking if serves_candidate => Next::Bake,
        S::Baking => Next::GoBack {
            reason: format!(
                "the new version is no longer served: {}",
                describe(observed)
            ),
        },
        S::RollingBack => Next::GoBack {
            reason: "the controller was interrupted while going back".to_owned(),
        },
        S::Succeeded
        | S::Failed
        | S::RolledBack
        | S::RollbackFailed
        | S::Rejected
        | S::Expired
        | S::Canceled => Next::Nothing,
    }
}

fn interruptions(journal: &Journal) -> usize {
    let again = |entry: &&Entry| entry.detail == PREPARES_AGAIN;
    journal.entries.iter().filter(again).count()
}

/// The switch was not begun: what served before still does.
fn serves_previous(journal: &Journal, observed: &RouterView) -> bool {
    let RouterView::Serves { active } = observed else {
        return false;
    };
    *active == journal.previous
}

fn describe(observed: &RouterView) -> String {
    match observed {
        RouterView::Serves { active: Some(slot) } => format!("the router serves {slot}"),
        RouterView::Serves { active: None } => "the router serves nothing".to_owned(),
        RouterView::Foreign { address } => format!("the router serves {address}, which is no slot"),
        RouterView::Unknown => "the router did not answer".to_owned(),
    }
}
