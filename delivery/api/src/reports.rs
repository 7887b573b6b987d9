//! Test and coverage reports, verdicts, incidents.

use axum::extract::State;
use rialto_delivery_engine::view::{CoverageReportView, IncidentView, TestReportView, VerdictView};
use rialto_platform_identity::Permission;
use rialto_platform_web::{Authenticated, Json, Page, Path, Problem, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Api;
use crate::answer::{Answer, id, id_parameter, page};

/// Tests of a pipeline
#[utoipa::path(get, path = "/api/delivery/v1/pipelines/{id}/test-report", tag = "reports",
    params(("id" = String, Path)), responses((status = 200, body = TestReportView)))]
pub async fn tests(
    State(api): State<Api>,
    Path(pipeline): Path<String>,
) -> Answer<Json<TestReportView>> {
    Ok(Json(
        api.delivery
            .test_report(&id("pipeline", &pipeline)?)
            .await?,
    ))
}

/// Coverage of a pipeline, existing and new code apart
#[utoipa::path(get, path = "/api/delivery/v1/pipelines/{id}/coverage-report", tag = "reports",
    params(("id" = String, Path)), responses((status = 200, body = CoverageReportView)))]
pub async fn coverage(
    State(api): State<Api>,
    Path(pipeline): Path<String>,
) -> Answer<Json<CoverageReportView>> {
    Ok(Json(
        api.delivery
            .coverage_report(&id("pipeline", &pipeline)?)
            .await?,
    ))
}

/// The gate's newest verdict on a pipeline
#[utoipa::path(get, path = "/api/delivery/v1/pipelines/{id}/verdict", tag = "reports",
    params(("id" = String, Path)), responses((status = 200, body = Object)))]
pub async fn pipeline_verdict(
    State(api): State<Api>,
    Path(pipeline): Path<String>,
) -> Answer<Json<VerdictView>> {
    Ok(Json(
        api.delivery
            .pipeline_verdict(&id("pipeline", &pipeline)?)
            .await?,
    ))
}

/// One verdict as it was given
#[utoipa::path(get, path = "/api/delivery/v1/verdicts/{id}", tag = "reports",
    params(("id" = String, Path)), responses((status = 200, body = Object)))]
pub async fn verdict(
    State(api): State<Api>,
    Path(verdict): Path<String>,
) -> Answer<Json<VerdictView>> {
    Ok(Json(
        api.delivery.verdict_view(&id("verdict", &verdict)?).await?,
    ))
}

/// Which incidents.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct IncidentQuery {
    /// Of this project.
    project_id: Option<String>,
    /// `open` or `closed`.
    state: Option<String>,
    /// Rows of the page: 1 to 1,000; default 50.
    page_size: Option<u32>,
    /// From the page before.
    page_token: Option<String>,
}

/// Red-light incidents, newest first
#[utoipa::path(get, path = "/api/delivery/v1/incidents", tag = "incidents",
    params(IncidentQuery), responses((status = 200, body = Page<IncidentView>)))]
pub async fn incidents(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Query(query): Query<IncidentQuery>,
) -> Answer<Json<Page<IncidentView>>> {
    let size = api.web.page_size(query.page_size)?;
    let scope = actor.scope(Permission::DeliveryRead)?;
    let context = format!(
        "incidents {:?} {:?} by {}",
        query.project_id,
        query.state,
        scope.fingerprint()
    );
    let state = query.state.as_deref().filter(|word| !word.is_empty());
    if state.is_some_and(|word| !matches!(word, "open" | "closed")) {
        let problem = Problem::unprocessable()
            .invalid("state", "unknown_state", "an incident is open or closed")
            .allowed(["open", "closed"]);
        return Err(problem.into());
    }
    let project = id_parameter("project_id", query.project_id.as_deref())?;
    let cursor = api
        .web
        .open_page_token(query.page_token.as_deref(), &context)?;
    let listed = api
        .delivery
        .list_incidents(project.as_ref(), state, size, cursor.as_deref())
        .await?;
    Ok(Json(page(&api.web, listed, &context)))
}

/// One red-light incident
#[utoipa::path(get, path = "/api/delivery/v1/incidents/{id}", tag = "incidents",
    params(("id" = String, Path)), responses((status = 200, body = IncidentView)))]
pub async fn incident(
    State(api): State<Api>,
    Path(incident): Path<String>,
) -> Answer<Json<IncidentView>> {
    Ok(Json(
        api.delivery
            .incident_view(&id("incident", &incident)?)
            .await?,
    ))
}
