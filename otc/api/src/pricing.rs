//! Term sheets, templates, markets, prices, ladders, solved unknowns.

use axum::extract::State;
use http::StatusCode;
use rialto_otc_desk::view::{
    EngineView, LadderView, PriceView, SnapshotView, SolveView, TemplateView, Validation,
};
use rialto_otc_desk::{LadderInput, PriceInput, SolveInput};
use rialto_platform_web::{Authenticated, Items, Json, Page, Path, Query};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::answer::{Answer, Made};

/// A term sheet to be checked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidateInput {
    /// The term sheet as an object, or as text (JSON or YAML): findings then have lines and columns.
    #[schema(value_type = Object)]
    terms: Value,
}

/// Check a term sheet; all findings at once
#[utoipa::path(post, path = "/api/otc/v1/termsheets/validate", tag = "termsheets",
    request_body = ValidateInput, responses((status = 200, body = Validation)))]
pub async fn validate(
    State(api): State<Api>,
    Json(input): Json<ValidateInput>,
) -> Answer<Json<Validation>> {
    Ok(Json(api.desk.validate(input.terms).await?))
}

/// Templates, each with an example and what can be solved for
#[utoipa::path(get, path = "/api/otc/v1/templates", tag = "templates",
    responses((status = 200, body = Items<TemplateView>)))]
pub async fn templates(State(api): State<Api>) -> Answer<Json<Items<TemplateView>>> {
    let items = api.desk.templates().to_vec();
    Ok(Json(Items { items }))
}

/// Names of the engines, in order of preference: each may be asked for by name
#[utoipa::path(get, path = "/api/otc/v1/engines", tag = "prices",
    responses((status = 200, body = Items<EngineView>)))]
pub async fn engines() -> Json<Items<EngineView>> {
    Json(Items {
        items: rialto_otc_desk::engines(),
    })
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Rows, 1 to 1,000; 50 when not told.
    page_size: Option<u32>,
    /// Where the page begins.
    page_token: Option<String>,
}

/// Markets, newest first
#[utoipa::path(get, path = "/api/otc/v1/snapshots", tag = "snapshots", params(PageQuery),
    responses((status = 200, body = Page<SnapshotView>)))]
pub async fn snapshots(
    State(api): State<Api>,
    Query(query): Query<PageQuery>,
) -> Answer<Json<Page<SnapshotView>>> {
    const CONTEXT: &str = "otc snapshots";
    let size = api.web.page_size(query.page_size)?;
    let token = query.page_token.as_deref();
    let before = api.web.open_page_token(token, CONTEXT)?;
    let before = before.and_then(|text| {
        let (at, id) = text.split_once('|')?;
        Some((at.parse().ok()?, id.to_owned()))
    });
    let rows = api.desk.snapshots(before, i64::from(size) + 1).await?;
    let page = api
        .web
        .page(rows, size, CONTEXT, |(_, (at, id))| format!("{at}|{id}"));
    Ok(Json(Page {
        items: page.items.into_iter().map(|(view, _)| view).collect(),
        next_page_token: page.next_page_token,
    }))
}

/// Enter a market; the same content again is the same market
#[utoipa::path(post, path = "/api/otc/v1/snapshots", tag = "snapshots", request_body = Object,
    responses((status = 201, body = SnapshotView), (status = 200, body = SnapshotView,
        description = "It was there already")))]
pub async fn enter_snapshot(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Json(market): Json<Value>,
) -> Answer<Made<SnapshotView>> {
    let (view, is_new) = api.desk.enter_snapshot(&actor, market).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(Made(status, None, view))
}

/// A market with its content
#[utoipa::path(get, path = "/api/otc/v1/snapshots/{id}", tag = "snapshots",
    params(("id" = String, Path)), responses((status = 200, body = SnapshotView)))]
pub async fn snapshot(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Answer<Json<SnapshotView>> {
    Ok(Json(api.desk.snapshot(&id).await?))
}

/// Price a term sheet
#[utoipa::path(post, path = "/api/otc/v1/prices", tag = "prices", request_body = PriceInput,
    responses((status = 200, body = PriceView)))]
pub async fn price(
    State(api): State<Api>,
    Json(input): Json<PriceInput>,
) -> Answer<Json<PriceView>> {
    Ok(Json(api.desk.price(input).await?))
}

/// Price a term sheet at many spots
#[utoipa::path(post, path = "/api/otc/v1/ladders", tag = "ladders", request_body = LadderInput,
    responses((status = 200, body = LadderView)))]
pub async fn ladder(
    State(api): State<Api>,
    Json(input): Json<LadderInput>,
) -> Answer<Json<LadderView>> {
    Ok(Json(api.desk.ladder(input).await?))
}

/// Solve a term sheet for an unknown
#[utoipa::path(post, path = "/api/otc/v1/solves", tag = "solves", request_body = SolveInput,
    responses((status = 200, body = SolveView)))]
pub async fn solve(
    State(api): State<Api>,
    Json(input): Json<SolveInput>,
) -> Answer<Json<SolveView>> {
    Ok(Json(api.desk.solve(input).await?))
}
