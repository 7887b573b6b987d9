//! Bindings of versions; publishing to the gateways of an environment, and going back.

use axum::extract::State;
use http::StatusCode;
use rialto_esb_manager::view::{
    BindingView, EnvironmentView, PreviewView, PublicationView, SnapshotView,
};
use rialto_esb_manager::{BindingInput, PublishInput, RollbackInput};
use rialto_platform_web::{Authenticated, IfMatch, Items, Json, Page, Path, Query};

use crate::Api;
use crate::answer::{Answer, Made};
use crate::systems::PageQuery;

/// Where requests to a version go, by environment
#[utoipa::path(get, path = "/api/esb/v1/versions/{id}/bindings", tag = "publishing",
    operation_id = "bindings", params(("id" = String, Path)),
    responses((status = 200, body = Items<BindingView>)))]
pub async fn bindings(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Answer<Json<Items<BindingView>>> {
    let items = api.platform.bindings(&id).await?;
    Ok(Json(Items { items }))
}

/// Say where requests to a version go in an environment, the version seen as named by `If-Match`;
/// its upstreams are tried, and it is served from there with the next publish
#[utoipa::path(put, path = "/api/esb/v1/versions/{id}/bindings/{environment}", tag = "publishing",
    operation_id = "bind",
    params(("id" = String, Path),
        ("environment" = String, Path, description = "`sandbox` or `production`"),
        ("If-Match" = String, Header, description = "ETag of the version that was seen, or *")),
    request_body = BindingInput,
    responses((status = 200, body = BindingView),
        (status = 409, description = "It is retired or put away"),
        (status = 412, description = "Somebody changed the version meanwhile"),
        (status = 428, description = "If-Match is missing")))]
pub async fn bind(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path((id, environment)): Path<(String, String)>,
    expected: IfMatch,
    Json(input): Json<BindingInput>,
) -> Answer<Json<BindingView>> {
    let place = (id.as_str(), environment.as_str());
    let bound = api.platform.bind(&actor, place, expected.version(), &input);
    Ok(Json(bound.await?))
}

/// What is in force in an environment, and what each gateway said last
#[utoipa::path(get, path = "/api/esb/v1/environments/{environment}", tag = "publishing",
    operation_id = "environment",
    params(("environment" = String, Path, description = "`sandbox` or `production`")),
    responses((status = 200, body = EnvironmentView)))]
pub async fn environment(
    State(api): State<Api>,
    Path(environment): Path<String>,
) -> Answer<Json<EnvironmentView>> {
    Ok(Json(api.platform.environment(&environment).await?))
}

/// What a publish would change now, what it would leave out and what stands against it
#[utoipa::path(get, path = "/api/esb/v1/environments/{environment}/preview",
    tag = "publishing", operation_id = "preview",
    params(("environment" = String, Path, description = "`sandbox` or `production`")),
    responses((status = 200, body = PreviewView),
        (status = 403, description = "Another role is asked for")))]
pub async fn preview(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(environment): Path<String>,
) -> Answer<Json<PreviewView>> {
    Ok(Json(api.platform.preview(&actor, &environment).await?))
}

/// Snapshots of an environment, the newest first
#[utoipa::path(get, path = "/api/esb/v1/environments/{environment}/snapshots",
    tag = "publishing", operation_id = "snapshots",
    params(("environment" = String, Path, description = "`sandbox` or `production`"), PageQuery),
    responses((status = 200, body = Page<SnapshotView>)))]
pub async fn snapshots(
    State(api): State<Api>,
    Path(environment): Path<String>,
    Query(query): Query<PageQuery>,
) -> Answer<Json<Page<SnapshotView>>> {
    let context = format!("esb snapshots {environment}");
    let size = api.web.page_size(query.page_size)?;
    let token = query.page_token.as_deref();
    let before = api.web.open_page_token(token, &context)?;
    let before = before.and_then(|text| text.parse().ok());
    let rows = api
        .platform
        .snapshots(&environment, before, i64::from(size) + 1)
        .await?;
    let version = |row: &SnapshotView| row.version.to_string();
    Ok(Json(api.web.page(rows, size, &context, version)))
}

/// Publish what the catalogue holds for an environment: cut, checked, signed, brought to its gateways
#[utoipa::path(post, path = "/api/esb/v1/environments/{environment}/snapshots",
    tag = "publishing", operation_id = "publish",
    params(("environment" = String, Path, description = "`sandbox` or `production`")),
    request_body = PublishInput,
    responses((status = 201, body = PublicationView),
        (status = 403, description = "Another role is asked for, or another person; `unmet` says"),
        (status = 409, description = "`unmet` holds all that is wrong with the snapshot, or what \
            each gateway said when none took it; nothing changed then")))]
pub async fn publish(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(environment): Path<String>,
    Json(input): Json<PublishInput>,
) -> Answer<Made<PublicationView>> {
    let made = api.platform.publish(&actor, &environment, &input).await?;
    Ok(Made(StatusCode::CREATED, made.snapshot.version, made))
}

/// Put an earlier snapshot of an environment in force again
#[utoipa::path(post, path = "/api/esb/v1/environments/{environment}/rollback",
    tag = "publishing", operation_id = "rollBack",
    params(("environment" = String, Path, description = "`sandbox` or `production`")),
    request_body = RollbackInput,
    responses((status = 200, body = PublicationView),
        (status = 403, description = "Another role is asked for"),
        (status = 404, description = "That version never was published"),
        (status = 409, description = "There is nothing to go back to, or no gateway went back")))]
pub async fn roll_back(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(environment): Path<String>,
    Json(input): Json<RollbackInput>,
) -> Answer<Json<PublicationView>> {
    let gone = api.platform.roll_back(&actor, &environment, &input).await?;
    Ok(Json(gone))
}
