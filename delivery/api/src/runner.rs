//! The runner's side: take a job, send its log and files, report its end.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use http::header::CONTENT_RANGE;
use http::{HeaderMap, StatusCode};
use rialto_delivery_engine::{DeliveryError, RunnerAsk, TraceAnswer, Upload};
use rialto_delivery_run::assignment::JobOutcome;
use rialto_delivery_run::size::Size;
use rialto_delivery_run::state::Status;
use rialto_delivery_store::ids::JobId;
use rialto_platform_web::{Authenticated, Json, Path, Problem, Query, RawBody, codes};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::answer::{Answer, id};
use crate::file;

/// Largest piece of a log in one request.
const PIECE: usize = 8 << 20;

/// What the server thinks of the job.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobStatus {
    /// `canceling` tells the runner to stop.
    #[schema(value_type = String)]
    job_status: Status,
}

/// The job's lease, which every report carries.
fn lease(headers: &HeaderMap) -> Answer<String> {
    let text = headers
        .get("x-job-lease")
        .and_then(|value| value.to_str().ok());
    text.map(str::to_owned)
        .ok_or_else(|| Problem::malformed("The header X-Job-Lease is missing.").into())
}

/// Take the next job, waiting up to 30 s for one
#[utoipa::path(post, path = "/api/delivery/v1/runner/jobs/request", tag = "runner",
    request_body = Object,
    responses((status = 200, description = "An assignment", body = Object),
        (status = 204, description = "No job for this runner")))]
pub async fn request_job(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Json(ask): Json<RunnerAsk>,
) -> Answer<Response> {
    Ok(match api.delivery.request_job(&actor, &ask).await? {
        Some(assignment) => Json(assignment).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// Append a piece of the log
#[utoipa::path(patch, path = "/api/delivery/v1/runner/jobs/{id}/trace", tag = "runner",
    params(("id" = String, Path), ("X-Job-Lease" = String, Header),
        ("Content-Range" = String, Header, description = "first-last byte of this piece")),
    request_body(content = String, content_type = "application/octet-stream"),
    responses((status = 202, description = "Stored", body = Object),
        (status = 416, description = "The piece does not continue the log; see accepted_bytes")))]
pub async fn append_trace(
    State(api): State<Api>,
    Path(job): Path<String>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Answer<(StatusCode, Json<TraceAnswer>)> {
    let job: JobId = id("job", &job)?;
    let lease = lease(&headers)?;
    let (from, to) = piece_range(&headers)?;
    let bytes = limited(body, PIECE).await?;
    if to
        .checked_sub(from)
        .and_then(|length| length.checked_add(1))
        != Some(bytes.len() as u64)
    {
        let detail = format!(
            "Content-Range {from}-{to} does not fit {} bytes.",
            bytes.len()
        );
        return Err(Problem::malformed(detail).into());
    }
    let answer = api.delivery.append_trace(&job, &lease, from, bytes).await?;
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

fn piece_range(headers: &HeaderMap) -> Answer<(u64, u64)> {
    let text = headers
        .get(CONTENT_RANGE)
        .and_then(|value| value.to_str().ok());
    let range = text.and_then(|text| {
        let (from, to) = text.trim().split_once('-')?;
        Some((from.parse().ok()?, to.parse().ok()?))
    });
    let refuse =
        || Problem::malformed("Content-Range must be `first-last`, such as 0-1023.").into();
    range.ok_or_else(refuse)
}

async fn limited(body: Body, limit: usize) -> Answer<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk =
            chunk.map_err(|error| Problem::malformed(format!("body broken off: {error}")))?;
        if bytes.len() + chunk.len() > limit {
            let detail = format!("A piece of a log has at most {}.", Size::of(limit));
            return Err(Problem::new(codes::TOO_LARGE, detail).into());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// How long a renewal waits for news of the job.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RenewQuery {
    /// Milliseconds, at most 30000: the answer comes at once when the job is not wanted any more,
    /// else after this time.
    #[serde(default)]
    wait_ms: u64,
}

/// Prolong the lease, and wait for the word to stop
#[utoipa::path(post, path = "/api/delivery/v1/runner/jobs/{id}/renew", tag = "runner",
    params(("id" = String, Path), ("X-Job-Lease" = String, Header), RenewQuery),
    responses((status = 200, body = JobStatus)))]
pub async fn renew_lease(
    State(api): State<Api>,
    Path(job): Path<String>,
    Query(query): Query<RenewQuery>,
    headers: HeaderMap,
) -> Answer<Json<JobStatus>> {
    let job: JobId = id("job", &job)?;
    let wait = Duration::from_millis(query.wait_ms);
    let lease = lease(&headers)?;
    let job_status = api.delivery.watch_lease(&job, &lease, wait).await?;
    Ok(Json(JobStatus { job_status }))
}

/// What file is sent.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FileQuery {
    /// `archive`, `junit`, `cobertura`, `lcov` or `dotenv`.
    kind: String,
    /// Name for people.
    name: String,
    /// SHA-256 of the body, lower-case hex.
    sha256: String,
}

/// Hand in a file; its digest is checked
#[utoipa::path(post, path = "/api/delivery/v1/runner/jobs/{id}/files", tag = "runner",
    params(("id" = String, Path), ("X-Job-Lease" = String, Header), FileQuery),
    request_body(content = String, content_type = "application/octet-stream"),
    responses((status = 201, description = "Stored")))]
pub async fn upload_file(
    State(api): State<Api>,
    Path(job): Path<String>,
    Query(query): Query<FileQuery>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Answer<StatusCode> {
    let job: JobId = id("job", &job)?;
    let upload = Upload {
        kind: query.kind,
        name: query.name,
        sha256: query.sha256,
    };
    let chunks = body
        .into_data_stream()
        .map(|chunk| chunk.map_err(std::io::Error::other));
    api.delivery
        .upload_file(&job, &lease(&headers)?, &upload, Box::pin(chunks))
        .await?;
    Ok(StatusCode::CREATED)
}

/// Report the end; the same report twice changes nothing
#[utoipa::path(put, path = "/api/delivery/v1/runner/jobs/{id}", tag = "runner",
    params(("id" = String, Path), ("X-Job-Lease" = String, Header)), request_body = Object,
    responses((status = 200, body = JobStatus)))]
pub async fn finish(
    State(api): State<Api>,
    Path(job): Path<String>,
    headers: HeaderMap,
    Json(outcome): Json<JobOutcome>,
) -> Answer<Json<JobStatus>> {
    let job: JobId = id("job", &job)?;
    match api
        .delivery
        .finish_leased(&job, &lease(&headers)?, outcome)
        .await
    {
        Ok(job_status) => Ok(Json(JobStatus { job_status })),
        // Log or files have not all arrived: 409 would mean "this job is no longer yours".
        Err(DeliveryError::Refused { reason }) => Err(Problem::new(codes::UNAVAILABLE, reason)
            .retry_after_s(1)
            .into()),
        Err(error) => Err(error.into()),
    }
}

/// The artifact archive of another job, for a job that depends on it
#[utoipa::path(get, path = "/api/delivery/v1/runner/artifacts/{id}", tag = "runner",
    params(("id" = String, Path), ("X-Job-Lease" = String, Header)),
    responses((status = 200, description = "The archive", content_type = "application/zip")))]
pub async fn archive(
    State(api): State<Api>,
    Path(source): Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    let source: JobId = id("job", &source)?;
    file::answer(
        api.delivery
            .archive_for_lease(&source, &lease(&headers)?)
            .await?,
    )
    .await
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_piece_says_where_it_belongs() {
        let read = |text: &'static str| {
            let value = HeaderValue::from_static(text);
            piece_range(&HeaderMap::from_iter([(CONTENT_RANGE, value)])).ok()
        };
        assert_eq!(read("0-1023"), Some((0, 1023)));
        for text in ["", "0", "a-b", "-5", "0-18446744073709551616"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
