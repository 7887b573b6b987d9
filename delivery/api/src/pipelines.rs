//! Pipelines.

use axum::extract::State;
use http::StatusCode;
use rialto_delivery_engine::NewPipeline;
use rialto_delivery_engine::PipelineQuery;
use rialto_delivery_engine::view::{PipelineSummary, PipelineView};
use rialto_delivery_run::state::Status;
use rialto_platform_identity::Permission;
use rialto_platform_web::{Authenticated, Json, Page, Path, Problem, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Api;
use crate::answer::{Answer, id, id_parameter, page};

/// Start a pipeline
#[utoipa::path(post, path = "/api/delivery/v1/projects/{id}/pipelines", tag = "pipelines",
    params(("id" = String, Path)), request_body = NewPipeline,
    responses((status = 201, body = PipelineView)))]
pub async fn create(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(project): Path<String>,
    Json(new): Json<NewPipeline>,
) -> Answer<(StatusCode, Json<PipelineView>)> {
    let project = id("project", &project)?;
    let created = api.delivery.create_pipeline(&actor, &project, &new).await?;
    Ok((
        StatusCode::CREATED,
        Json(api.delivery.pipeline_view(&created).await?),
    ))
}

/// Which pipelines.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Of this project.
    project_id: Option<String>,
    /// On this branch or tag.
    r#ref: Option<String>,
    /// In this state.
    status: Option<String>,
    /// Rows of the page: 1 to 1,000; default 50.
    page_size: Option<u32>,
    /// From the page before.
    page_token: Option<String>,
}

/// Pipelines, newest first
#[utoipa::path(get, path = "/api/delivery/v1/pipelines", tag = "pipelines", params(ListQuery),
    responses((status = 200, body = Page<PipelineSummary>)))]
pub async fn list(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Query(query): Query<ListQuery>,
) -> Answer<Json<Page<PipelineSummary>>> {
    let page_size = api.web.page_size(query.page_size)?;
    let scope = actor.scope(Permission::DeliveryRead)?;
    let context = format!(
        "pipelines {:?} {:?} {:?} by {}",
        query.project_id,
        query.r#ref,
        query.status,
        scope.fingerprint()
    );
    let asked = PipelineQuery {
        project_id: id_parameter("project_id", query.project_id.as_deref())?,
        ref_name: query.r#ref.filter(|name| !name.is_empty()),
        status: query
            .status
            .as_deref()
            .filter(|word| !word.is_empty())
            .map(status)
            .transpose()?,
        page_size,
        page: api
            .web
            .open_page_token(query.page_token.as_deref(), &context)?,
    };
    let listed = api.delivery.list_pipelines(&asked).await?;
    Ok(Json(page(&api.web, listed, &context)))
}

fn word(status: Status) -> String {
    serde_json::to_value(status)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn status(text: &str) -> Result<Status, Problem> {
    let found = Status::ALL.into_iter().find(|status| word(*status) == text);
    found.ok_or_else(|| {
        let message = format!("`{text}` is not a status");
        Problem::unprocessable()
            .invalid("status", "unknown_status", message)
            .allowed(Status::ALL.map(word))
    })
}

/// One pipeline with its stages and jobs
#[utoipa::path(get, path = "/api/delivery/v1/pipelines/{id}", tag = "pipelines",
    params(("id" = String, Path)), responses((status = 200, body = PipelineView)))]
pub async fn show(
    State(api): State<Api>,
    Path(pipeline): Path<String>,
) -> Answer<Json<PipelineView>> {
    Ok(Json(
        api.delivery
            .pipeline_view(&id("pipeline", &pipeline)?)
            .await?,
    ))
}

/// Cancel what has not ended
#[utoipa::path(post, path = "/api/delivery/v1/pipelines/{id}/cancel", tag = "pipelines",
    params(("id" = String, Path)), responses((status = 200, body = PipelineView)))]
pub async fn cancel(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(pipeline): Path<String>,
) -> Answer<Json<PipelineView>> {
    let pipeline = id("pipeline", &pipeline)?;
    api.delivery.cancel_pipeline(&actor, &pipeline).await?;
    Ok(Json(api.delivery.pipeline_view(&pipeline).await?))
}

/// Run again what failed or was cancelled
#[utoipa::path(post, path = "/api/delivery/v1/pipelines/{id}/retry", tag = "pipelines",
    params(("id" = String, Path)), responses((status = 200, body = PipelineView)))]
pub async fn retry(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(pipeline): Path<String>,
) -> Answer<Json<PipelineView>> {
    let pipeline = id("pipeline", &pipeline)?;
    api.delivery.retry_pipeline(&actor, &pipeline).await?;
    Ok(Json(api.delivery.pipeline_view(&pipeline).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_read_from_its_word() {
        for one in Status::ALL {
            assert_eq!(status(&word(one)).ok(), Some(one));
        }
        let problem = status("green").expect_err("no status");
        assert_eq!(problem.status().as_u16(), 422);
    }
}
