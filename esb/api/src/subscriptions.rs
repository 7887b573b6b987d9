//! Applications, and what they may call.

use axum::extract::State;
use http::StatusCode;
use rialto_esb_manager::view::{ApplicationView, SubscriptionView};
use rialto_esb_manager::{ApplicationInput, SubscriptionEventInput, SubscriptionInput};
use rialto_platform_web::{Authenticated, IfMatch, Json, Page, Path, Query, Versioned};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Api;
use crate::answer::{Answer, Made};
use crate::systems::PageQuery;

/// Applications in the order of their codes
#[utoipa::path(get, path = "/api/esb/v1/applications", tag = "applications", params(PageQuery),
    operation_id = "list", responses((status = 200, body = Page<ApplicationView>)))]
pub async fn applications(
    State(api): State<Api>,
    Query(query): Query<PageQuery>,
) -> Answer<Json<Page<ApplicationView>>> {
    let context = "esb applications";
    let size = api.web.page_size(query.page_size)?;
    let token = query.page_token.as_deref();
    let after = api.web.open_page_token(token, context)?;
    let rows = api
        .platform
        .applications(after.as_deref(), i64::from(size) + 1)
        .await?;
    Ok(Json(
        api.web.page(rows, size, context, |row| row.code.clone()),
    ))
}

/// Add an application; the same again gives the one there is
#[utoipa::path(post, path = "/api/esb/v1/applications", tag = "applications",
    operation_id = "add", request_body = ApplicationInput,
    responses((status = 201, body = ApplicationView, headers(("ETag" = String))),
        (status = 409, description = "The code is another's")))]
pub async fn add_application(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Json(input): Json<ApplicationInput>,
) -> Answer<Made<ApplicationView>> {
    let added = api.platform.add_application(&actor, &input).await?;
    Ok(Made(StatusCode::CREATED, added.revision, added))
}

/// Which subscriptions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Code of the interface.
    interface: Option<String>,
    /// Code of the application.
    application: Option<String>,
    /// State as it was last written; what ended by its day since is told as ended.
    state: Option<String>,
    /// Rows, 1 to 1,000; 50 when not told.
    page_size: Option<u32>,
    /// Where the page begins.
    page_token: Option<String>,
}

/// Subscriptions in the order they were asked for
#[utoipa::path(get, path = "/api/esb/v1/subscriptions", tag = "subscriptions",
    params(ListQuery), responses((status = 200, body = Page<SubscriptionView>)))]
pub async fn list(
    State(api): State<Api>,
    Query(query): Query<ListQuery>,
) -> Answer<Json<Page<SubscriptionView>>> {
    let filter = (query.interface, query.application, query.state);
    let context = format!("esb subscriptions {filter:?}");
    let size = api.web.page_size(query.page_size)?;
    let token = query.page_token.as_deref();
    let after = api.web.open_page_token(token, &context)?;
    let rows = api
        .platform
        .subscriptions(filter, after.as_deref(), i64::from(size) + 1)
        .await?;
    Ok(Json(
        api.web.page(rows, size, &context, |row| row.id.clone()),
    ))
}

/// Ask for a subscription: environment, purpose, operations, quota, fields, clearance
#[utoipa::path(post, path = "/api/esb/v1/subscriptions", tag = "subscriptions",
    request_body = SubscriptionInput,
    responses((status = 201, body = SubscriptionView, headers(("ETag" = String)))))]
pub async fn ask(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Json(input): Json<SubscriptionInput>,
) -> Answer<Made<SubscriptionView>> {
    let asked = api.platform.subscribe(&actor, &input).await?;
    Ok(Made(StatusCode::CREATED, asked.revision, asked))
}

/// A subscription
#[utoipa::path(get, path = "/api/esb/v1/subscriptions/{id}", tag = "subscriptions",
    params(("id" = String, Path)),
    responses((status = 200, body = SubscriptionView, headers(("ETag" = String)))))]
pub async fn show(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Answer<Versioned<SubscriptionView>> {
    let found = api.platform.subscription(&id).await?;
    Ok(Versioned(found.revision, found))
}

/// Move a subscription on, seen as named by `If-Match`: a provider and a manager agree, neither of
/// them who asked
#[utoipa::path(post, path = "/api/esb/v1/subscriptions/{id}/transitions", tag = "subscriptions",
    params(("id" = String, Path), ("If-Match" = String, Header,
        description = "ETag of the subscription that was seen, or *")),
    request_body = SubscriptionEventInput,
    responses((status = 200, body = SubscriptionView, headers(("ETag" = String))),
        (status = 403, description = "Another role is asked for, or another person"),
        (status = 409, description = "`unmet` holds every guard that is not met"),
        (status = 412, description = "Somebody changed it meanwhile"),
        (status = 428, description = "If-Match is missing")))]
pub async fn transition(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    expected: IfMatch,
    Json(input): Json<SubscriptionEventInput>,
) -> Answer<Versioned<SubscriptionView>> {
    let moved = api
        .platform
        .move_subscription(&actor, &id, expected.version(), &input)
        .await?;
    Ok(Versioned(moved.revision, moved))
}
