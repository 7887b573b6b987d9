//! What came of trying a request.

use serde::Serialize;
use utoipa::ToSchema;

/// A request that was tried, and its answer.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TryView {
    /// `POST`.
    pub method: String,
    /// Where it went.
    pub url: String,
    /// Headers that were sent; the key is not shown.
    pub sent: Vec<(String, String)>,
    /// Status of the answer.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body as text, as far as it was read; none when it is no text.
    pub body: Option<String>,
    /// Bytes that were read of a body that is no text.
    pub binary: Option<u64>,
    /// Whether there was more of it.
    pub truncated: bool,
    /// From sending to the end of the body, milliseconds.
    pub took_ms: u64,
    /// What does not fit the definition.
    pub findings: Vec<TryFindingView>,
}

/// A part of a request or of an answer that does not fit the definition.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TryFindingView {
    /// `request` or `response`.
    pub direction: String,
    /// `body/items/0/code`, `query parameter limit` …
    pub place: String,
    /// The keyword that says no.
    pub keyword: String,
    /// What is wrong.
    pub message: String,
}
