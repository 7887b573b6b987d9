//! What is published, where, and what would be.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{UnmetView, Words};

/// Where requests to a version go, in an environment.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BindingView {
    /// `sandbox` or `production`.
    pub environment: String,
    /// Where, and how.
    pub binding: crate::BindingInput,
    /// Whether every upstream took a connection when the binding was set.
    pub answered: bool,
    /// When that was tried.
    pub tried_at: Timestamp,
    /// Login of who set it.
    pub updated_by: String,
    /// When.
    pub updated_at: Timestamp,
}

/// How much a snapshot holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotCounts {
    /// Versions of interfaces.
    pub interfaces: usize,
    /// Routes.
    pub routes: usize,
    /// Subscriptions in force.
    pub subscriptions: usize,
    /// Credentials in force.
    pub credentials: usize,
}

/// A publish.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SnapshotView {
    /// `sandbox` or `production`.
    pub environment: String,
    /// Its number; grows with every publish of the environment.
    pub version: u64,
    /// SHA-256 of its text.
    pub digest: String,
    /// How much it holds.
    pub holds: SnapshotCounts,
    /// Login of who published it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When.
    pub created_at: Timestamp,
    /// Whether it is the one that is to be in force.
    pub in_force: bool,
}

/// What a gateway said last.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NodeView {
    /// Its name.
    pub node: String,
    /// Where it serves interfaces, as far as that is known.
    pub address: String,
    /// `active` (serves what is to be in force), `behind` (has not said so yet) or `failed`.
    pub state: String,
    /// The state for people.
    pub state_words: Words,
    /// Version it serves; 0 for none.
    pub version: u64,
    /// SHA-256 of that version's text.
    pub digest: String,
    /// Why it is not active.
    pub reason: String,
    /// When it said so.
    pub told_at: Timestamp,
}

/// Something that is not in a snapshot, and why.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LeftOutView {
    /// What: `trade.order@1.0.0`, or the id of a subscription.
    pub what: String,
    /// Stable word for programs.
    pub code: String,
    /// Why, and what to do.
    pub text: Words,
}

/// What became of a publish or of a way back.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PublicationView {
    /// The snapshot in force.
    pub snapshot: SnapshotView,
    /// What each gateway said.
    pub nodes: Vec<NodeView>,
    /// What is not in it; nothing is told of it after a way back.
    pub left_out: Vec<LeftOutView>,
}

/// What is in force in an environment.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EnvironmentView {
    /// `sandbox` or `production`.
    pub environment: String,
    /// What is to be in force; none before the first publish.
    pub snapshot: Option<SnapshotView>,
    /// What each gateway said last.
    pub nodes: Vec<NodeView>,
}

/// What a publish would change now.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PreviewView {
    /// `sandbox` or `production`.
    pub environment: String,
    /// Number of the snapshot that is to be in force; none before the first publish.
    pub since: Option<u64>,
    /// How much it would hold; none when it cannot be cut.
    pub holds: Option<SnapshotCounts>,
    /// What would be other than in the snapshot in force, the first 500.
    pub changes: Vec<SnapshotChange>,
    /// How many changes there are.
    pub total: usize,
    /// What would not be in it.
    pub left_out: Vec<LeftOutView>,
    /// What stands against publishing it; empty when nothing does.
    pub unmet: Vec<UnmetView>,
}

/// A thing that would not be as it is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SnapshotChange {
    /// `interface`, `route`, `pool`, `application`, `subscription` or `credential`.
    pub kind: String,
    /// Its name.
    pub what: String,
    /// `added`, `changed` or `removed`.
    pub became: String,
}
