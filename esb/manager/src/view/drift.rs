//! What does not fit the definitions.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// What did not fit the definitions in an environment since its gateways started.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DriftView {
    /// `sandbox` or `production`.
    pub environment: String,
    /// Gateways whose findings these are.
    pub told: Vec<String>,
    /// Gateways that did not answer.
    pub silent: Vec<String>,
    /// Messages that were checked.
    pub checked: u64,
    /// Messages that were to be checked and could not be.
    pub unchecked: u64,
    /// Findings beyond those that gateways tell apart.
    pub beyond: u64,
    /// The findings, those that were seen most first.
    pub items: Vec<DriftingView>,
}

/// A way in which messages do not fit their definition.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DriftingView {
    /// Code of the interface.
    pub interface: String,
    /// `1.0.0`.
    pub version: String,
    /// Id of the operation.
    pub operation: String,
    /// Code of the application; none where anybody may call.
    pub application: Option<String>,
    /// `request` or `response`.
    pub direction: String,
    /// `body/items/*/code`, `status`, `query parameter limit` …
    pub place: String,
    /// The keyword that says no.
    pub keyword: String,
    /// What kind of value stood there; never the value itself.
    pub class: String,
    /// Messages that had it.
    pub count: u64,
    /// For the first time.
    pub first_at: Timestamp,
    /// For the last time.
    pub last_at: Timestamp,
}
