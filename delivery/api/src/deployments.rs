//! Environments, releases and deployments.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use rialto_delivery_engine::deployment::view::{
    DeploymentFilter, DeploymentView, EnvironmentView, ReleaseView,
};
use rialto_platform_identity::Permission;
use rialto_platform_web::{Authenticated, Json, Page, Path, Problem, Query};
use serde::Deserialize;
use tokio_util::io::ReaderStream;
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::answer::{Answer, id, id_parameter};
use crate::file::disposition;

/// Which environments.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EnvironmentQuery {
    /// Of this project.
    project_id: Option<String>,
    /// All are answered at once; taken so that every list has the same parameters.
    page_size: Option<u32>,
}

/// Environments with what serves in them
#[utoipa::path(get, path = "/api/delivery/v1/environments", tag = "deployments",
    params(EnvironmentQuery), responses((status = 200, body = Page<EnvironmentView>)))]
pub async fn environments(
    State(api): State<Api>,
    Query(query): Query<EnvironmentQuery>,
) -> Answer<Json<Page<EnvironmentView>>> {
    api.web.page_size(query.page_size)?;
    let project = id_parameter("project_id", query.project_id.as_deref())?;
    Ok(Json(Page::whole(
        api.deployments.environments(project.as_ref()).await?,
    )))
}

/// One environment
#[utoipa::path(get, path = "/api/delivery/v1/environments/{id}", tag = "deployments",
    params(("id" = String, Path)), responses((status = 200, body = EnvironmentView)))]
pub async fn environment(
    State(api): State<Api>,
    Path(environment): Path<String>,
) -> Answer<Json<EnvironmentView>> {
    Ok(Json(
        api.deployments
            .environment(&id("environment", &environment)?)
            .await?,
    ))
}

/// Why it is rolled back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollBack {
    /// For the record; not empty.
    reason: String,
}

/// Switch back to the warm standby
#[utoipa::path(post, path = "/api/delivery/v1/environments/{id}/rollback", tag = "deployments",
    params(("id" = String, Path)), request_body = RollBack,
    responses((status = 201, body = DeploymentView)))]
pub async fn roll_back(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(environment): Path<String>,
    Json(body): Json<RollBack>,
) -> Answer<(StatusCode, Json<DeploymentView>)> {
    let environment = id("environment", &environment)?;
    let made = api
        .deployments
        .roll_back(&actor, &environment, &body.reason)
        .await?;
    Ok((
        StatusCode::CREATED,
        Json(api.deployments.deployment(&actor, &made).await?),
    ))
}

/// Which releases.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReleaseQuery {
    /// Of this project.
    project_id: Option<String>,
    /// Rows of the page: 1 to 1,000; default 50.
    page_size: Option<u32>,
    /// From the page before.
    page_token: Option<String>,
}

/// Where a page begins: before this time (microseconds) and id.
fn before(cursor: Option<&str>) -> Option<(i64, String)> {
    let (at, id) = cursor?.split_once('.')?;
    Some((at.parse().ok()?, id.to_owned()))
}

/// Releases, newest first
#[utoipa::path(get, path = "/api/delivery/v1/releases", tag = "deployments",
    params(ReleaseQuery), responses((status = 200, body = Page<ReleaseView>)))]
pub async fn releases(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Query(query): Query<ReleaseQuery>,
) -> Answer<Json<Page<ReleaseView>>> {
    let size = api.web.page_size(query.page_size)?;
    let scope = actor.scope(Permission::DeliveryRead)?.fingerprint();
    let context = format!("releases {:?} by {scope}", query.project_id);
    let project = id_parameter("project_id", query.project_id.as_deref())?;
    let cursor = api
        .web
        .open_page_token(query.page_token.as_deref(), &context)?;
    let limit = i64::from(size) + 1;
    let rows = api
        .deployments
        .releases(project.as_ref(), before(cursor.as_deref()), limit)
        .await?;
    let page = api.web.page(rows, size, &context, |(last, at)| {
        format!("{at}.{}", last.id)
    });
    Ok(Json(without_times(page)))
}

fn without_times<T>(page: Page<(T, i64)>) -> Page<T> {
    let items = page.items.into_iter().map(|(item, _)| item).collect();
    Page {
        items,
        next_page_token: page.next_page_token,
    }
}

/// One release
#[utoipa::path(get, path = "/api/delivery/v1/releases/{id}", tag = "deployments",
    params(("id" = String, Path)), responses((status = 200, body = ReleaseView)))]
pub async fn release(
    State(api): State<Api>,
    Path(release): Path<String>,
) -> Answer<Json<ReleaseView>> {
    Ok(Json(
        api.deployments.release(&id("release", &release)?).await?,
    ))
}

/// Everything that proves a release, for the offline check
#[utoipa::path(get, path = "/api/delivery/v1/releases/{id}/evidence-bundle",
    tag = "deployments", params(("id" = String, Path)),
    responses((status = 200, description = "tar.zst", content_type = "application/zstd")))]
pub async fn evidence_bundle(
    State(api): State<Api>,
    Path(release): Path<String>,
) -> Answer<Response> {
    let bundle = api
        .deployments
        .release_bundle(&id("release", &release)?)
        .await?;
    // To disk first: a bundle may be large, and a failure half-way must not look like a download.
    let written = tokio::task::spawn_blocking(move || {
        let mut file = unnamed_file()?;
        bundle.write(&mut file).map_err(std::io::Error::other)?;
        std::io::Seek::rewind(&mut file)?;
        let size = file.metadata()?.len();
        Ok::<_, std::io::Error>((file, size))
    });
    let (file, size) = written
        .await
        .map_err(Problem::internal)?
        .map_err(Problem::internal)?;
    let stream = ReaderStream::with_capacity(tokio::fs::File::from_std(file), 64 << 10);
    let headers = [
        (CONTENT_TYPE, "application/zstd".to_owned()),
        (CONTENT_LENGTH, size.to_string()),
        (
            CONTENT_DISPOSITION,
            disposition(&format!("release-{release}.evidence.tar.zst")),
        ),
    ];
    Ok((headers, Body::from_stream(stream)).into_response())
}

/// A file that is gone when it is closed.
fn unnamed_file() -> std::io::Result<std::fs::File> {
    tempfile::tempfile()
}

/// Which deployments.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeploymentQuery {
    /// Of this project.
    project_id: Option<String>,
    /// Into this environment.
    environment_id: Option<String>,
    /// Rows of the page: 1 to 1,000; default 50.
    page_size: Option<u32>,
    /// From the page before.
    page_token: Option<String>,
}

/// Deployments, newest first
#[utoipa::path(get, path = "/api/delivery/v1/deployments", tag = "deployments",
    params(DeploymentQuery), responses((status = 200, body = Page<DeploymentView>)))]
pub async fn list(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Query(query): Query<DeploymentQuery>,
) -> Answer<Json<Page<DeploymentView>>> {
    let size = api.web.page_size(query.page_size)?;
    let scope = actor.scope(Permission::DeliveryRead)?.fingerprint();
    let context = format!(
        "deployments {:?} {:?} by {scope}",
        query.project_id, query.environment_id
    );
    let cursor = api
        .web
        .open_page_token(query.page_token.as_deref(), &context)?;
    let filter = DeploymentFilter {
        project: id_parameter("project_id", query.project_id.as_deref())?,
        environment: id_parameter("environment_id", query.environment_id.as_deref())?,
        before: before(cursor.as_deref()),
    };
    let rows = api
        .deployments
        .deployments(&actor, &filter, i64::from(size) + 1)
        .await?;
    let page = api.web.page(rows, size, &context, |(last, at)| {
        format!("{at}.{}", last.id)
    });
    Ok(Json(without_times(page)))
}

/// One deployment with its steps
#[utoipa::path(get, path = "/api/delivery/v1/deployments/{id}", tag = "deployments",
    params(("id" = String, Path)), responses((status = 200, body = DeploymentView)))]
pub async fn show(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(deployment): Path<String>,
) -> Answer<Json<DeploymentView>> {
    Ok(Json(
        api.deployments
            .deployment(&actor, &id("deployment", &deployment)?)
            .await?,
    ))
}

/// A decision's words.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// For the record.
    #[serde(default)]
    comment: String,
}

/// Approve a deployment
#[utoipa::path(post, path = "/api/delivery/v1/deployments/{id}/approve", tag = "deployments",
    params(("id" = String, Path)), request_body = Decision,
    responses((status = 200, body = DeploymentView)))]
pub async fn approve(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(deployment): Path<String>,
    Json(body): Json<Decision>,
) -> Answer<Json<DeploymentView>> {
    let deployment = id("deployment", &deployment)?;
    api.deployments
        .approve(&actor, &deployment, &body.comment)
        .await?;
    Ok(Json(api.deployments.deployment(&actor, &deployment).await?))
}

/// Reject a deployment
#[utoipa::path(post, path = "/api/delivery/v1/deployments/{id}/reject", tag = "deployments",
    params(("id" = String, Path)), request_body = Decision,
    responses((status = 200, body = DeploymentView)))]
pub async fn reject(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(deployment): Path<String>,
    Json(body): Json<Decision>,
) -> Answer<Json<DeploymentView>> {
    let deployment = id("deployment", &deployment)?;
    api.deployments
        .reject(&actor, &deployment, &body.comment)
        .await?;
    Ok(Json(api.deployments.deployment(&actor, &deployment).await?))
}

/// Cancel a deployment that has not switched traffic
#[utoipa::path(post, path = "/api/delivery/v1/deployments/{id}/cancel", tag = "deployments",
    params(("id" = String, Path)), responses((status = 200, body = DeploymentView)))]
pub async fn cancel(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(deployment): Path<String>,
) -> Answer<Json<DeploymentView>> {
    let deployment = id("deployment", &deployment)?;
    api.deployments.cancel(&actor, &deployment).await?;
    Ok(Json(api.deployments.deployment(&actor, &deployment).await?))
}
