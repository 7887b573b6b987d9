//! Systems and the taxonomy.

use axum::extract::State;
use http::StatusCode;
use rialto_esb_manager::SystemInput;
use rialto_esb_manager::view::{BranchView, SystemView};
use rialto_platform_web::{Authenticated, IfMatch, Items, Json, Page, Path, Query, Versioned};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Api;
use crate::answer::{Answer, Made};

/// The taxonomy of interfaces, from its roots
#[utoipa::path(get, path = "/api/esb/v1/taxonomy", tag = "taxonomy",
    responses((status = 200, body = Items<BranchView>)))]
pub async fn taxonomy(State(api): State<Api>) -> Answer<Json<Items<BranchView>>> {
    let items = api.platform.taxonomy();
    Ok(Json(Items { items }))
}

/// A page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Rows, 1 to 1,000; 50 when not told.
    pub page_size: Option<u32>,
    /// Where the page begins.
    pub page_token: Option<String>,
}

/// Systems in the order of their codes
#[utoipa::path(get, path = "/api/esb/v1/systems", tag = "systems", params(PageQuery),
    responses((status = 200, body = Page<SystemView>)))]
pub async fn list(
    State(api): State<Api>,
    Query(query): Query<PageQuery>,
) -> Answer<Json<Page<SystemView>>> {
    let context = "esb systems";
    let size = api.web.page_size(query.page_size)?;
    let token = query.page_token.as_deref();
    let after = api.web.open_page_token(token, context)?;
    let rows = api.platform.systems(after.as_deref(), i64::from(size) + 1);
    Ok(Json(
        api.web
            .page(rows.await?, size, context, |row| row.code.clone()),
    ))
}

/// Add a system; the same again gives the one there is
#[utoipa::path(post, path = "/api/esb/v1/systems", tag = "systems", request_body = SystemInput,
    responses((status = 201, body = SystemView, headers(("ETag" = String))),
        (status = 409, description = "The code is another's")))]
pub async fn add(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Json(input): Json<SystemInput>,
) -> Answer<Made<SystemView>> {
    let system = api.platform.add_system(&actor, &input).await?;
    Ok(Made(StatusCode::CREATED, system.revision, system))
}

/// A system
#[utoipa::path(get, path = "/api/esb/v1/systems/{code}", tag = "systems",
    params(("code" = String, Path)),
    responses((status = 200, body = SystemView, headers(("ETag" = String)))))]
pub async fn show(
    State(api): State<Api>,
    Path(code): Path<String>,
) -> Answer<Versioned<SystemView>> {
    let system = api.platform.system(&code).await?;
    Ok(Versioned(system.revision, system))
}

/// Change a system, seen as named by `If-Match`
#[utoipa::path(put, path = "/api/esb/v1/systems/{code}", tag = "systems",
    params(("code" = String, Path), ("If-Match" = String, Header,
        description = "ETag of what was seen, or *")),
    request_body = SystemInput,
    responses((status = 200, body = SystemView, headers(("ETag" = String))),
        (status = 412, description = "Somebody changed it meanwhile"),
        (status = 428, description = "If-Match is missing")))]
pub async fn change(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(code): Path<String>,
    expected: IfMatch,
    Json(input): Json<SystemInput>,
) -> Answer<Versioned<SystemView>> {
    let changed = api
        .platform
        .change_system(&actor, &code, expected.version(), &input);
    let system = changed.await?;
    Ok(Versioned(system.revision, system))
}
