//! Quotes: made, kept, accepted into a trade.

use axum::extract::State;
use http::StatusCode;
use rialto_otc_desk::view::{Accepted, QuoteView};
use rialto_otc_desk::{AcceptInput, QuoteInput};
use rialto_platform_web::{Authenticated, IfMatch, Json, Page, Path, Query, Versioned};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::answer::{Answer, Made};

/// Which quotes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// `indicative`, `firm`, `expired`, `rejected` or `booked`.
    status: Option<String>,
    /// Who asked.
    counterparty: Option<String>,
    /// Rows, 1 to 1,000; 50 when not told.
    page_size: Option<u32>,
    /// Where the page begins.
    page_token: Option<String>,
}

/// Quotes, newest first
#[utoipa::path(get, path = "/api/otc/v1/quotes", tag = "quotes", params(ListQuery),
    responses((status = 200, body = Page<QuoteView>)))]
pub async fn list(
    State(api): State<Api>,
    Query(query): Query<ListQuery>,
) -> Answer<Json<Page<QuoteView>>> {
    let (status, party) = (&query.status, &query.counterparty);
    let context = format!("otc quotes {status:?} {party:?}");
    let size = api.web.page_size(query.page_size)?;
    let token = api
        .web
        .open_page_token(query.page_token.as_deref(), &context)?;
    let before = token.and_then(|text| text.parse().ok());
    let limit = i64::from(size) + 1;
    let rows = api
        .desk
        .quotes(status.as_deref(), party.as_deref(), before, limit)
        .await?;
    Ok(Json(
        api.web.page(rows, size, &context, |row| row.no.to_string()),
    ))
}

/// Make a quote: the open field is found at the worst corner of the spreads, with all charges
#[utoipa::path(post, path = "/api/otc/v1/quotes", tag = "quotes", request_body = QuoteInput,
    responses((status = 201, body = QuoteView, headers(("ETag" = String)))))]
pub async fn make(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Json(input): Json<QuoteInput>,
) -> Answer<Made<QuoteView>> {
    let quote = api.desk.make_quote(&actor, input).await?;
    Ok(Made(StatusCode::CREATED, Some(quote.version), quote))
}

/// A quote
#[utoipa::path(get, path = "/api/otc/v1/quotes/{id}", tag = "quotes",
    params(("id" = String, Path)),
    responses((status = 200, body = QuoteView, headers(("ETag" = String)))))]
pub async fn show(State(api): State<Api>, Path(id): Path<String>) -> Answer<Versioned<QuoteView>> {
    let quote = api.desk.quote(&id).await?;
    Ok(Versioned(quote.version, quote))
}

/// Accept a quote, seen as named by `If-Match`: it becomes a trade
#[utoipa::path(post, path = "/api/otc/v1/quotes/{id}/accept", tag = "quotes",
    params(("id" = String, Path), ("If-Match" = String, Header,
        description = "ETag of the quote that was seen, or *")),
    request_body = AcceptInput,
    responses((status = 201, body = Accepted),
        (status = 409, description = "Expired, slipped by more than 0.2 %, or decided already"),
        (status = 412, description = "Somebody decided it meanwhile"),
        (status = 428, description = "If-Match is missing")))]
pub async fn accept(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    expected: IfMatch,
    Json(input): Json<AcceptInput>,
) -> Answer<Made<Accepted>> {
    let accepted = api
        .desk
        .accept_quote(&actor, &id, expected.version(), input);
    let (quote, trade) = accepted.await?;
    Ok(Made(StatusCode::CREATED, None, Accepted { quote, trade }))
}

/// Why a quote is rejected.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectInput {
    /// Why.
    reason: String,
}

/// The client says no
#[utoipa::path(post, path = "/api/otc/v1/quotes/{id}/reject", tag = "quotes",
    params(("id" = String, Path)), request_body = RejectInput,
    responses((status = 200, body = QuoteView),
        (status = 409, description = "It was decided already")))]
pub async fn reject(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    Json(input): Json<RejectInput>,
) -> Answer<Json<QuoteView>> {
    Ok(Json(
        api.desk.reject_quote(&actor, &id, &input.reason).await?,
    ))
}
