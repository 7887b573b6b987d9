//! Job logs: whole, by range, by line, searched.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures::stream::try_unfold;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rialto_delivery_engine::{Delivery, LogLines, LogMatches, LogSection, MAX_LINES};
use rialto_delivery_store::ids::JobId;
use rialto_platform_web::{Json, Page, Path, Problem, Query, codes};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Api;
use crate::answer::{Answer, id};

const COMPLETE: HeaderName = HeaderName::from_static("x-log-complete");
/// Bytes read at once.
const PIECE: u64 = 1 << 20;
/// Most matches of one search.
const MOST_MATCHES: usize = 10_000;

/// The stored bytes of a log, or a range of them
#[utoipa::path(get, path = "/api/delivery/v1/jobs/{id}/log", tag = "logs",
    params(("id" = String, Path), ("Range" = Option<String>, Header, description = "bytes=from-to")),
    responses((status = 200, description = "The log; X-Log-Complete says whether it has ended",
        content_type = "text/plain"), (status = 206, description = "The range")))]
pub async fn whole(
    State(api): State<Api>,
    Path(job): Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    let job: JobId = id("job", &job)?;
    let head = api.delivery.log_bytes(&job, 0, Some(0)).await?;
    let asked = headers.get(RANGE).and_then(|value| value.to_str().ok());
    let mut answer = HeaderMap::new();
    let complete = if head.complete { "true" } else { "false" };
    answer.insert(COMPLETE, HeaderValue::from_static(complete));
    answer.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let (status, from, to) = match range(asked, head.total) {
        Asked::Whole => (StatusCode::OK, 0, head.total),
        Asked::Part(from, to) => {
            insert(
                &mut answer,
                &format!("bytes {from}-{}/{}", to - 1, head.total),
            );
            (StatusCode::PARTIAL_CONTENT, from, to)
        }
        Asked::Outside => {
            insert(&mut answer, &format!("bytes */{}", head.total));
            let detail = format!("The log has {} bytes so far.", head.total);
            let problem = Problem::new(codes::RANGE, detail).with("total_bytes", head.total);
            return Ok((answer, problem).into_response());
        }
    };
    answer.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    answer.insert(CONTENT_LENGTH, HeaderValue::from(to - from));
    let body = Body::from_stream(pieces(api.delivery, job, from, to));
    Ok((status, answer, body).into_response())
}

fn insert(headers: &mut HeaderMap, range: &str) {
    if let Ok(value) = HeaderValue::from_str(range) {
        headers.insert(CONTENT_RANGE, value);
    }
}

/// The bytes from `from` to `to`, read piece by piece as the client takes them.
fn pieces(
    delivery: Delivery,
    job: JobId,
    from: u64,
    to: u64,
) -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    try_unfold(from, move |at| {
        let (delivery, job) = (delivery.clone(), job.clone());
        async move {
            if at >= to {
                return Ok(None);
            }
            let piece = delivery.log_bytes(&job, at, Some(PIECE.min(to - at))).await;
            let piece = piece.map_err(std::io::Error::other)?;
            if piece.bytes.is_empty() {
                return Err(std::io::Error::other("the log became shorter"));
            }
            let next = at + piece.bytes.len() as u64;
            Ok(Some((Bytes::from(piece.bytes), next)))
        }
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    /// From the first to before the second.
    Part(u64, u64),
    Outside,
}

/// One range of bytes (RFC 9110). Several ranges, or a text that is none, count as no range.
fn range(text: Option<&str>, total: u64) -> Asked {
    let Some((first, last)) = text
        .and_then(|text| text.strip_prefix("bytes="))
        .and_then(|text| text.split_once('-'))
    else {
        return Asked::Whole;
    };
    let number = |text: &str| text.trim().parse::<u64>();
    match (first.trim(), last.trim()) {
        ("", suffix) => match number(suffix) {
            Ok(0) => Asked::Outside,
            Ok(_) if total == 0 => Asked::Outside,
            Ok(length) => Asked::Part(total.saturating_sub(length), total),
            Err(_) => Asked::Whole,
        },
        (first, "") => match number(first) {
            Ok(from) if from < total => Asked::Part(from, total),
            Ok(_) => Asked::Outside,
            Err(_) => Asked::Whole,
        },
        (first, last) => match (number(first), number(last)) {
            (Ok(from), Ok(last)) if from > last => Asked::Whole,
            (Ok(from), Ok(last)) if from < total => {
                Asked::Part(from, last.saturating_add(1).min(total))
            }
            (Ok(_), Ok(_)) => Asked::Outside,
            _ => Asked::Whole,
        },
    }
}

/// Which lines.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LinesQuery {
    /// First line, from 0; negative counts from the end. Default 0.
    from: Option<i64>,
    /// How many, at most 5,000. Default 1,000.
    count: Option<u64>,
}

/// A window of lines
#[utoipa::path(get, path = "/api/delivery/v1/jobs/{id}/log/lines", tag = "logs",
    params(("id" = String, Path), LinesQuery), responses((status = 200, body = LogLines)))]
pub async fn lines(
    State(api): State<Api>,
    Path(job): Path<String>,
    Query(query): Query<LinesQuery>,
) -> Answer<Json<LogLines>> {
    let count = query.count.unwrap_or(1_000);
    if count > MAX_LINES {
        let message = format!("{count} is more than {MAX_LINES}");
        let problem = Problem::unprocessable().invalid("count", "out_of_range", message);
        return Err(problem.into());
    }
    let job: JobId = id("job", &job)?;
    Ok(Json(
        api.delivery
            .log_lines(&job, query.from.unwrap_or(0), count)
            .await?,
    ))
}

/// What to look for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Text to find; case does not matter.
    q: String,
    /// Most matches answered, at most 10,000; all are counted. Default 200.
    limit: Option<usize>,
}

/// Lines that contain a text
#[utoipa::path(get, path = "/api/delivery/v1/jobs/{id}/log/search", tag = "logs",
    params(("id" = String, Path), SearchQuery), responses((status = 200, body = LogMatches)))]
pub async fn search(
    State(api): State<Api>,
    Path(job): Path<String>,
    Query(query): Query<SearchQuery>,
) -> Answer<Json<LogMatches>> {
    if query.q.is_empty() || query.q.len() > 1_000 {
        let message = "must have 1 to 1,000 bytes";
        return Err(Problem::unprocessable()
            .invalid("q", "out_of_range", message)
            .into());
    }
    let job: JobId = id("job", &job)?;
    let limit = query.limit.unwrap_or(200).min(MOST_MATCHES);
    Ok(Json(api.delivery.log_search(&job, &query.q, limit).await?))
}

/// Sections of a log with their durations
#[utoipa::path(get, path = "/api/delivery/v1/jobs/{id}/log/sections", tag = "logs",
    params(("id" = String, Path)), responses((status = 200, body = Page<LogSection>)))]
pub async fn sections(
    State(api): State<Api>,
    Path(job): Path<String>,
) -> Answer<Json<Page<LogSection>>> {
    let job: JobId = id("job", &job)?;
    Ok(Json(Page::whole(api.delivery.log_sections(&job).await?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_to_what_there_is() {
        for (text, total, expected) in [
            (None, 10, Asked::Whole),
            (Some("bytes=0-"), 10, Asked::Part(0, 10)),
            (Some("bytes=2-4"), 10, Asked::Part(2, 5)),
            (Some("bytes=2-400"), 10, Asked::Part(2, 10)),
            (Some("bytes=-3"), 10, Asked::Part(7, 10)),
            (Some("bytes=-300"), 10, Asked::Part(0, 10)),
            (Some("bytes=10-"), 10, Asked::Outside),
            (Some("bytes=0-"), 0, Asked::Outside),
            (Some("bytes=-0"), 10, Asked::Outside),
            (Some("bytes=5-2"), 10, Asked::Whole),
            (Some("bytes=0-1,3-4"), 10, Asked::Whole),
            (Some("lines=0-1"), 10, Asked::Whole),
            (Some("bytes=0-18446744073709551615"), 10, Asked::Part(0, 10)),
            (Some("bytes=99999999999999999999-"), 10, Asked::Whole),
        ] {
            assert_eq!(range(text, total), expected, "{text:?} of {total}");
        }
    }
}
