//! Interfaces and their history.

use axum::extract::State;
use http::StatusCode;
use rialto_esb_manager::view::{EventView, InterfacePage, InterfaceView, VersionView};
use rialto_esb_manager::{InterfaceInput, InterfaceQuery};
use rialto_platform_web::{Authenticated, IfMatch, Items, Json, Page, Path, Query, Versioned};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::answer::{Answer, Made};

/// Which interfaces.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Code of the system that owns it.
    system: Option<String>,
    /// Path of the taxonomy; branches below it too.
    taxonomy: Option<String>,
    /// State of its newest version.
    state: Option<String>,
    /// Text in code, title, description, paths, operations or field names.
    q: Option<String>,
    /// Rows, 1 to 1,000; 50 when not told.
    page_size: Option<u32>,
    /// Where the page begins.
    page_token: Option<String>,
}

/// The catalogue: interfaces in the order of their codes, and all that fit by their place
#[utoipa::path(get, path = "/api/esb/v1/interfaces", tag = "interfaces", params(ListQuery),
    responses((status = 200, body = InterfacePage)))]
pub async fn list(
    State(api): State<Api>,
    Query(asked): Query<ListQuery>,
) -> Answer<Json<InterfacePage>> {
    let query = InterfaceQuery {
        system: asked.system,
        taxonomy: asked.taxonomy,
        state: asked.state,
        text: asked.q,
    };
    let context = format!("esb interfaces {query:?}");
    let size = api.web.page_size(asked.page_size)?;
    let token = asked.page_token.as_deref();
    let after = api.web.open_page_token(token, &context)?;
    let limit = i64::from(size) + 1;
    let found = api.platform.interfaces(&query, after.as_deref(), limit);
    let (rows, facets) = found.await?;
    let page = api.web.page(rows, size, &context, |row| row.code.clone());
    Ok(Json(InterfacePage {
        items: page.items,
        next_page_token: page.next_page_token,
        facets,
    }))
}

/// Add an interface with its first version; the same again gives the one there is
#[utoipa::path(post, path = "/api/esb/v1/interfaces", tag = "interfaces",
    request_body = InterfaceInput,
    responses((status = 201, body = InterfaceView, headers(("ETag" = String))),
        (status = 409, description = "The code is another's")))]
pub async fn add(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Json(input): Json<InterfaceInput>,
) -> Answer<Made<InterfaceView>> {
    let interface = api.platform.add_interface(&actor, &input).await?;
    Ok(Made(StatusCode::CREATED, interface.revision, interface))
}

/// An interface
#[utoipa::path(get, path = "/api/esb/v1/interfaces/{code}", tag = "interfaces",
    params(("code" = String, Path)),
    responses((status = 200, body = InterfaceView, headers(("ETag" = String)))))]
pub async fn show(
    State(api): State<Api>,
    Path(code): Path<String>,
) -> Answer<Versioned<InterfaceView>> {
    let interface = api.platform.interface(&code).await?;
    Ok(Versioned(interface.revision, interface))
}

/// Change what an interface says of itself, seen as named by `If-Match`
#[utoipa::path(put, path = "/api/esb/v1/interfaces/{code}", tag = "interfaces",
    params(("code" = String, Path), ("If-Match" = String, Header,
        description = "ETag of what was seen, or *")),
    request_body = InterfaceInput,
    responses((status = 200, body = InterfaceView, headers(("ETag" = String))),
        (status = 409, description = "The pattern stays while a version is published"),
        (status = 412, description = "Somebody changed it meanwhile"),
        (status = 428, description = "If-Match is missing")))]
pub async fn change(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(code): Path<String>,
    expected: IfMatch,
    Json(input): Json<InterfaceInput>,
) -> Answer<Versioned<InterfaceView>> {
    let changed = api
        .platform
        .change_interface(&actor, &code, expected.version(), &input);
    let interface = changed.await?;
    Ok(Versioned(interface.revision, interface))
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Id of a version: only what is about it.
    version: Option<String>,
    /// Rows, 1 to 1,000; 50 when not told.
    page_size: Option<u32>,
    /// Where the page begins.
    page_token: Option<String>,
}

/// What happened to an interface and its versions, newest first
#[utoipa::path(get, path = "/api/esb/v1/interfaces/{code}/events", tag = "interfaces",
    params(("code" = String, Path), EventsQuery),
    responses((status = 200, body = Page<EventView>)))]
pub async fn events(
    State(api): State<Api>,
    Path(code): Path<String>,
    Query(query): Query<EventsQuery>,
) -> Answer<Json<Page<EventView>>> {
    let context = format!("esb events of {code} {:?}", query.version);
    let size = api.web.page_size(query.page_size)?;
    let token = query.page_token.as_deref();
    let token = api.web.open_page_token(token, &context)?;
    let before = token.and_then(|text| text.parse().ok());
    let limit = i64::from(size) + 1;
    let version = query.version.as_deref();
    let rows = api.platform.events(&code, version, before, limit).await?;
    Ok(Json(
        api.web.page(rows, size, &context, |row| row.no.to_string()),
    ))
}

/// Versions of an interface, highest number first
#[utoipa::path(get, path = "/api/esb/v1/interfaces/{code}/versions", tag = "interfaces",
    params(("code" = String, Path)), responses((status = 200, body = Items<VersionView>)))]
pub async fn versions(
    State(api): State<Api>,
    Path(code): Path<String>,
) -> Answer<Json<Items<VersionView>>> {
    let items = api.platform.versions(&code).await?;
    Ok(Json(Items { items }))
}

/// A version to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VersionInput {
    /// `1.1.0`: patch for documentation, minor for what breaks nobody, major for what does.
    number: String,
}

/// Add a version to an interface; the same again gives the one there is
#[utoipa::path(post, path = "/api/esb/v1/interfaces/{code}/versions", tag = "interfaces",
    operation_id = "add_version",
    params(("code" = String, Path)), request_body = VersionInput,
    responses((status = 201, body = VersionView, headers(("ETag" = String))),
        (status = 409, description = "The number is taken")))]
pub async fn add_version(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(code): Path<String>,
    Json(input): Json<VersionInput>,
) -> Answer<Made<VersionView>> {
    let added = api.platform.add_version(&actor, &code, &input.number);
    let version = added.await?;
    Ok(Made(StatusCode::CREATED, version.revision, version))
}
