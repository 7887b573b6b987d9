//! Figures of a trade: payoff, path, probabilities, value; the calendar and the marks of the book.

use axum::extract::State;
use rialto_otc_desk::view::{
    CalendarItemView, ChanceView, MarkReport, PathView, PayoffView, PriceView,
};
use rialto_platform_web::{Authenticated, Items, Json, Page, Path, Problem, Query};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::answer::Answer;

/// Against which market.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MarketQuery {
    /// Market by id; the newest when not told.
    snapshot_id: Option<String>,
}

/// What a trade pays at its end, by price, and what it is worth now
#[utoipa::path(get, path = "/api/otc/v1/trades/{id}/payoff", tag = "trades",
    params(("id" = String, Path), MarketQuery), responses((status = 200, body = PayoffView)))]
pub async fn payoff(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(query): Query<MarketQuery>,
) -> Answer<Json<PayoffView>> {
    let market = query.snapshot_id.as_deref();
    Ok(Json(api.desk.payoff(&id, market).await?))
}

/// The path of the first underlying so far, against the barriers
#[utoipa::path(get, path = "/api/otc/v1/trades/{id}/path", tag = "trades",
    params(("id" = String, Path)), responses((status = 200, body = PathView)))]
pub async fn path(State(api): State<Api>, Path(id): Path<String>) -> Answer<Json<PathView>> {
    Ok(Json(api.desk.path(&id).await?))
}

/// How probable the events to come are
#[utoipa::path(get, path = "/api/otc/v1/trades/{id}/probabilities", tag = "trades",
    params(("id" = String, Path), MarketQuery),
    responses((status = 200, body = Items<ChanceView>)))]
pub async fn probabilities(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(query): Query<MarketQuery>,
) -> Answer<Json<Items<ChanceView>>> {
    let market = query.snapshot_id.as_deref();
    let items = api.desk.probabilities(&id, market).await?;
    Ok(Json(Items { items }))
}

/// Against which market, by which engine.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ValueQuery {
    /// Market by id; the newest when not told.
    snapshot_id: Option<String>,
    /// Engine by name; chosen when not told.
    engine: Option<String>,
}

/// The value of a trade in the state of the book
#[utoipa::path(get, path = "/api/otc/v1/trades/{id}/valuation", tag = "trades",
    params(("id" = String, Path), ValueQuery), responses((status = 200, body = PriceView)))]
pub async fn valuation(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(query): Query<ValueQuery>,
) -> Answer<Json<PriceView>> {
    let market = query.snapshot_id.as_deref();
    Ok(Json(
        api.desk
            .trade_value(&id, market, query.engine.clone())
            .await?,
    ))
}

/// Against which market the book is valued.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkInput {
    /// Market by id; the newest when not told.
    snapshot_id: Option<String>,
}

/// Value every trade in force; lists and calendar then show values and probabilities
#[utoipa::path(post, path = "/api/otc/v1/valuations", tag = "valuations",
    request_body = MarkInput, responses((status = 200, body = MarkReport)))]
pub async fn mark(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Json(input): Json<MarkInput>,
) -> Answer<Json<MarkReport>> {
    let market = input.snapshot_id.as_deref();
    Ok(Json(api.desk.mark_book(&actor, market).await?))
}

/// Which dates.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CalendarQuery {
    /// From this date on, `yyyy-mm-dd`.
    from: Option<String>,
    /// Up to this date.
    to: Option<String>,
    /// `knock_out`, `knock_in`, `coupon`, `expiry` or `payment`.
    kind: Option<String>,
    /// Rows, 1 to 1,000; 50 when not told.
    page_size: Option<u32>,
    /// Where the page begins.
    page_token: Option<String>,
}

/// A date as it is compared in lists.
pub fn day<'t>(name: &str, text: &'t Option<String>) -> Answer<Option<&'t str>> {
    let Some(text) = text.as_deref().filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let sound = text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok();
    match sound {
        true => Ok(Some(text)),
        false => {
            let message = format!("`{text}` is no date like 2026-05-18");
            let problem = Problem::unprocessable();
            Err(problem.invalid(name, "invalid_date", message).into())
        }
    }
}

/// Dates over the whole book: observations, coupons, expiries, payments
#[utoipa::path(get, path = "/api/otc/v1/calendar", tag = "calendar", params(CalendarQuery),
    responses((status = 200, body = Page<CalendarItemView>)))]
pub async fn calendar(
    State(api): State<Api>,
    Query(query): Query<CalendarQuery>,
) -> Answer<Json<Page<CalendarItemView>>> {
    let from = day("from", &query.from)?.unwrap_or("");
    let to = day("to", &query.to)?.unwrap_or("9999-12-31");
    let context = format!("otc calendar {from} {to} {:?}", query.kind);
    let size = api.web.page_size(query.page_size)?;
    let token = api
        .web
        .open_page_token(query.page_token.as_deref(), &context)?;
    let kind = query.kind.as_deref();
    let page = api
        .desk
        .calendar((from, to), kind, token.as_deref(), size)
        .await?;
    let next = page
        .next
        .map(|cursor| api.web.seal_page_token(&cursor, &context));
    Ok(Json(Page {
        items: page.items,
        next_page_token: next,
    }))
}
