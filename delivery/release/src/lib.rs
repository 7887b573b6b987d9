//! Release definitions and the deployment state machine. Pure: no clock, no files, no network;
//! times and observations are handed in, decisions are handed back as data.
//!
//! Invariants this crate keeps (each has a property test):
//! - R1: no transition leaves a terminal state.
//! - R2: a release without a passing verdict on its own digest never reaches the switch.
//! - R3: nobody who wrote, committed or requested a change approves its deployment.
//! - R4: recovery after a crash is idempotent and ends with exactly one active slot.

pub mod approval;
pub mod definition;
mod duration;
pub mod journal;
mod message;
pub mod plan;
pub mod precondition;
pub mod protection;
mod read;
mod size;
pub mod slot;
pub mod state;
pub mod watch;

pub use approval::{ApprovalContext, ApprovalRefusal, Person, Quorum, may_approve};
pub use definition::{DEFINITION_PATH, EnvironmentSpec, ReleaseDefinition, Tier};
pub use duration::parse_duration_ms;
pub use journal::{Entry, Journal, Next, Outcome, RouterView, resume};
pub use message::DefinitionError;
pub use plan::{PlannedStep, Step};
pub use precondition::{Clearance, Facts, Unmet};
pub use protection::Protection;
pub use slot::{SlotName, choose_candidate, keeps_older_standby};
pub use state::{Action, DeploymentState, Event, Refusal};
