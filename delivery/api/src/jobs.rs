//! Jobs and the files they left.

use axum::extract::State;
use axum::response::Response;
use rialto_delivery_engine::view::JobDetail;
use rialto_platform_web::{Authenticated, Json, Path};

use crate::Api;
use crate::answer::{Answer, id};
use crate::file;

/// One job with its pipeline
#[utoipa::path(get, path = "/api/delivery/v1/jobs/{id}", tag = "jobs",
    params(("id" = String, Path)), responses((status = 200, body = JobDetail)))]
pub async fn show(State(api): State<Api>, Path(job): Path<String>) -> Answer<Json<JobDetail>> {
    Ok(Json(api.delivery.job_view(&id("job", &job)?).await?))
}

/// Start a job that waits for a person
#[utoipa::path(post, path = "/api/delivery/v1/jobs/{id}/play", tag = "jobs",
    params(("id" = String, Path)), responses((status = 200, body = JobDetail)))]
pub async fn play(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(job): Path<String>,
) -> Answer<Json<JobDetail>> {
    let job = id("job", &job)?;
    api.delivery.play_job(&actor, &job).await?;
    Ok(Json(api.delivery.job_view(&job).await?))
}

/// Run a job again; the answer is the new attempt
#[utoipa::path(post, path = "/api/delivery/v1/jobs/{id}/retry", tag = "jobs",
    params(("id" = String, Path)), responses((status = 200, body = JobDetail)))]
pub async fn retry(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(job): Path<String>,
) -> Answer<Json<JobDetail>> {
    let attempt = api.delivery.retry_job(&actor, &id("job", &job)?).await?;
    Ok(Json(api.delivery.job_view(&attempt).await?))
}

/// Stop a job
#[utoipa::path(post, path = "/api/delivery/v1/jobs/{id}/cancel", tag = "jobs",
    params(("id" = String, Path)), responses((status = 200, body = JobDetail)))]
pub async fn cancel(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(job): Path<String>,
) -> Answer<Json<JobDetail>> {
    let job = id("job", &job)?;
    api.delivery.cancel_job(&actor, &job).await?;
    Ok(Json(api.delivery.job_view(&job).await?))
}

/// A file of a job: its `archive`, or a report by its kind
#[utoipa::path(get, path = "/api/delivery/v1/jobs/{id}/artifacts/{kind}", tag = "jobs",
    params(("id" = String, Path), ("kind" = String, Path)),
    responses((status = 200, description = "The file", content_type = "application/zip")))]
pub async fn artifact(
    State(api): State<Api>,
    Path((job, kind)): Path<(String, String)>,
) -> Answer<Response> {
    file::answer(api.delivery.artifact_file(&id("job", &job)?, &kind).await?).await
}
