//! Trace ids: taken from `traceparent` or made here, sent back, and in every log line.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use tracing::Instrument as _;

use crate::{Language, Problem};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");

/// The trace id of a request: 32 hexadecimal characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceId(pub String);

impl TraceId {
    fn of(headers: &HeaderMap) -> Self {
        let given = headers
            .get(TRACEPARENT)
            .and_then(|value| value.to_str().ok());
        Self(
            given
                .and_then(parse)
                .map_or_else(random::<16>, str::to_owned),
        )
    }
}

/// The trace id inside a `traceparent` header (W3C Trace Context, version 00).
fn parse(text: &str) -> Option<&str> {
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, span, flags, ..] = parts[..] else {
        return None;
    };
    let hex = |part: &str, length| {
        part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let formed = hex(version, 2) && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
    let zero = trace.bytes().all(|b| b == b'0') || span.bytes().all(|b| b == b'0');
    let known = version != "ff" && (version != "00" || parts.len() == 4);
    (formed && known && !zero).then_some(trace)
}

fn random<const N: usize>() -> String {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    hex::encode(bytes)
}

/// The outermost layer: gives the request its trace id, turns a panic into a 500, renders problems
/// for their reader, and logs one line.
pub(crate) async fn layer(mut request: Request, next: Next) -> Response {
    let trace = TraceId::of(request.headers());
    let language = Language::of(request.headers());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    request.extensions_mut().insert(trace.clone());
    request.extensions_mut().insert(language);
    let span = tracing::info_span!("request", trace_id = %trace.0, %method, path);
    let started = Instant::now();
    let answer = AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .instrument(span.clone())
        .await;
    let _entered = span.enter();
    let answer = answer.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        Problem::internal(format!("panic: {text}")).into_response()
    });
    let mut answer = rendered(answer, language, &path, &trace.0);
    let headers = answer.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&trace.0) {
        headers.insert(TRACE_ID, value);
    }
    if let Ok(value) = HeaderValue::from_str(&format!("00-{}-{}-00", trace.0, random::<8>())) {
        headers.insert(TRACEPARENT, value);
    }
    let elapsed_ms = started.elapsed().as_millis();
    tracing::debug!(status = answer.status().as_u16(), elapsed_ms, "answered");
    answer
}

/// A problem in its reader's language, with the headers its handler added.
fn rendered(answer: Response, language: Language, path: &str, trace: &str) -> Response {
    let Some(problem) = answer.extensions().get::<Problem>().cloned() else {
        return answer;
    };
    let mut fresh = problem.render(language, path, trace);
    for (name, value) in answer.headers() {
        if !fresh.headers().contains_key(name) && name != http::header::CONTENT_LENGTH {
            fresh.headers_mut().append(name, value.clone());
        }
    }
    fresh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_is_taken_only_from_a_well_formed_header() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(
            parse(&format!("00-{trace}-00f067aa0ba902b7-01")),
            Some(trace)
        );
        assert_eq!(
            parse(&format!("cc-{trace}-00f067aa0ba902b7-01-what")),
            Some(trace)
        );
        for text in [
            "",
            "00-x-y-z",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
