//! What every answer has: security headers, and a problem document in place of a bare refusal.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};

use crate::{Problem, codes};

/// Headers of every answer that does not set them itself.
const HEADERS: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
];

pub(crate) async fn layer(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut answer = with_problem(next.run(request).await, &path);
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        if !headers.contains_key(*name) {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
    }
    if path.starts_with("/api/") && !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    answer
}

/// Refusals of the router itself (405, or a status with a plain text) become problems.
fn with_problem(answer: Response, path: &str) -> Response {
    let status = answer.status();
    let is_ours = answer.extensions().get::<Problem>().is_some();
    let typed = answer
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| !kind.as_bytes().starts_with(b"text/plain"));
    // Git speaks its own protocol, refusals included.
    if !status.is_client_error() || is_ours || typed || path.starts_with("/git/") {
        return answer;
    }
    let problem = match status.as_u16() {
        405 => Problem::new(codes::METHOD_NOT_ALLOWED, ""),
        404 => Problem::not_found("resource", path),
        413 => Problem::new(codes::TOO_LARGE, ""),
        _ => return answer,
    };
    let allow = answer.headers().get(ALLOW).cloned();
    let mut fresh = problem.into_response();
    if let Some(allow) = allow {
        fresh.headers_mut().insert(ALLOW, allow);
    }
    fresh
}
