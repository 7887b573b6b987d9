//! Who calls what.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Words;

/// Calls in an environment over some days: the system map as traffic draws it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CallsView {
    /// `sandbox` or `production`.
    pub environment: String,
    /// How many days back.
    pub days: u32,
    /// Gateways whose calls are collected.
    pub watched: Vec<WatchView>,
    /// Who calls what.
    pub edges: Vec<EdgeView>,
    /// Whether there are more edges than are told.
    pub more: bool,
    /// Subscriptions in force without a call in these days.
    pub unused: Vec<UnusedView>,
}

/// A gateway whose calls are collected.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WatchView {
    /// Its name.
    pub node: String,
    /// No call since then was missed, but those of the last seconds before it ended unasked.
    pub since: Timestamp,
    /// When it was last asked.
    pub told_at: Timestamp,
}

/// Calls of an operation by an application.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EdgeView {
    /// Code of the application; none where anybody may call.
    pub application: Option<String>,
    /// Its name.
    pub application_name: Option<String>,
    /// Login of who answers for it.
    pub application_owner: Option<String>,
    /// Code of the interface.
    pub interface: String,
    /// Its title.
    pub title: String,
    /// Code of the system that provides it.
    pub system: String,
    /// That system's name.
    pub system_name: Words,
    /// `1.0.0`.
    pub version: String,
    /// Id of the operation.
    pub operation: String,
    /// Calls that were let through.
    pub requests: u64,
    /// Answers with 2xx and 3xx.
    pub succeeded: u64,
    /// Answers with 4xx.
    pub refused: u64,
    /// Answers with 5xx.
    pub failed: u64,
    /// What 95 % of the calls did not exceed until the head of their answer, milliseconds: 10, 50,
    /// 200, 1000 or 5000; none when it is more.
    pub p95_ms: Option<u64>,
    /// First call of these days.
    pub first_at: Timestamp,
    /// Last call.
    pub last_at: Timestamp,
}

/// A subscription in force without a call.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UnusedView {
    /// Its id.
    pub subscription: String,
    /// Code of the application.
    pub application: String,
    /// Code of the interface.
    pub interface: String,
    /// Major number of the versions it is for.
    pub major: u32,
}

/// A field that requests of an application held.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FieldUseView {
    /// Code of the application; none where anybody may call.
    pub application: Option<String>,
    /// `1.0.0`.
    pub version: String,
    /// Id of the operation.
    pub operation: String,
    /// `query:symbol`, or `body:/items/*/code` for a place in a JSON body.
    pub field: String,
    /// When it was last seen.
    pub last_at: Timestamp,
}
