//! Trades: the blotter, a trade, its events, state, flows and postings.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use jiff::Timestamp;
use rialto_otc_desk::view::{
    EventView, Recorded, StateView, TradeFlows, TradePage, TradePostings, TradeView, Waiting,
};
use rialto_otc_desk::{BookInput, EventInput, MOST_ROWS, Sent, TradeQuery};
use rialto_platform_web::{Authenticated, IfMatch, Json, Page, Path, Problem, Query, Versioned};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Api;
use crate::answer::{Answer, Made};

/// Which trades.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Statuses, separated by commas.
    pub status: Option<String>,
    /// Underlying, `XSHG:000905`.
    pub underlying: Option<String>,
    /// Template.
    pub product: Option<String>,
    /// Counterparty.
    pub counterparty: Option<String>,
    /// Text in id, title or counterparty.
    pub q: Option<String>,
    /// `no`, `updated_at`, `notional`, `start`, `end`, `next_observation`, `counterparty`,
    /// `underlying`, `product` or `status`; `-` before it: largest first. `-no` when not told.
    pub sort: Option<String>,
    /// Rows, 1 to 500; 50 when not told.
    pub page_size: Option<u32>,
    /// Where the page begins.
    pub page_token: Option<String>,
}

impl ListQuery {
    /// What is asked for, and a text that names it.
    pub fn read(&self) -> (TradeQuery, String) {
        let query = TradeQuery {
            status: self.status.clone(),
            underlying: self.underlying.clone(),
            product: self.product.clone(),
            counterparty: self.counterparty.clone(),
            text: self.q.clone(),
            sort: self.sort.clone(),
        };
        let context = format!("otc trades {query:?}");
        (query, context)
    }
}

/// The blotter
#[utoipa::path(get, path = "/api/otc/v1/trades", tag = "trades", params(ListQuery),
    responses((status = 200, body = TradePage)))]
pub async fn list(
    State(api): State<Api>,
    Query(asked): Query<ListQuery>,
) -> Answer<Json<TradePage>> {
    let (query, context) = asked.read();
    let size = api.web.page_size(asked.page_size)?;
    if size > MOST_ROWS {
        let text = format!("{size} is not 1 to {MOST_ROWS}");
        let problem = Problem::unprocessable().invalid("page_size", "out_of_range", text);
        return Err(problem.into());
    }
    let after = api
        .web
        .open_page_token(asked.page_token.as_deref(), &context)?;
    let found = api.desk.trades(&query, after.as_deref(), size).await?;
    let mut page = found.page;
    page.next_page_token = found
        .next
        .map(|cursor| api.web.seal_page_token(&cursor, &context));
    Ok(Json(page))
}

/// Book a trade as a draft; the same sheet again gives the trade there is
#[utoipa::path(post, path = "/api/otc/v1/trades", tag = "trades", request_body = BookInput,
    responses((status = 201, body = TradeView, headers(("ETag" = String))),
        (status = 409, description = "The id is taken by other content")))]
pub async fn book(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Json(input): Json<BookInput>,
) -> Answer<Made<TradeView>> {
    let trade = api.desk.book(&actor, input).await?;
    Ok(Made(StatusCode::CREATED, Some(trade.row.version), trade))
}

/// A trade with terms, state and what may be done with it
#[utoipa::path(get, path = "/api/otc/v1/trades/{id}", tag = "trades",
    params(("id" = String, Path)),
    responses((status = 200, body = TradeView, headers(("ETag" = String)))))]
pub async fn show(State(api): State<Api>, Path(id): Path<String>) -> Answer<Versioned<TradeView>> {
    let trade = api.desk.trade(&id).await?;
    Ok(Versioned(trade.row.version, trade))
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// After this number.
    after: Option<u64>,
    /// Rows, 1 to 1,000; 50 when not told.
    page_size: Option<u32>,
    /// Where the page begins.
    page_token: Option<String>,
}

/// Events of a trade, in the order of its chain
#[utoipa::path(get, path = "/api/otc/v1/trades/{id}/events", tag = "trades",
    params(("id" = String, Path), EventsQuery),
    responses((status = 200, body = Page<EventView>)))]
pub async fn events(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(query): Query<EventsQuery>,
) -> Answer<Json<Page<EventView>>> {
    let context = format!("otc events of {id}");
    let size = api.web.page_size(query.page_size)?;
    let token = api
        .web
        .open_page_token(query.page_token.as_deref(), &context)?;
    let after = token.and_then(|text| text.parse().ok()).or(query.after);
    let wanted = usize::try_from(size).unwrap_or(usize::MAX) + 1;
    let rows = api.desk.events(&id, after.unwrap_or(0), wanted).await?;
    Ok(Json(
        api.web
            .page(rows, size, &context, |row| row.seq.to_string()),
    ))
}

/// Send an event about a trade, made for the version named by `If-Match`
#[utoipa::path(post, path = "/api/otc/v1/trades/{id}/events", tag = "trades",
    params(("id" = String, Path), ("If-Match" = String, Header,
        description = "ETag of the trade that was seen, or *")),
    request_body = EventInput,
    responses((status = 201, body = Recorded, headers(("ETag" = String))),
        (status = 202, body = Waiting, description = "A second person must sign it"),
        (status = 409, description = "The state of the trade does not allow it"),
        (status = 412, description = "Somebody changed the trade meanwhile"),
        (status = 428, description = "If-Match is missing")))]
pub async fn send(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    expected: IfMatch,
    Json(input): Json<EventInput>,
) -> Answer<Response> {
    let sent = api
        .desk
        .send(&actor, &id, expected.version(), input)
        .await?;
    Ok(answer(sent))
}

/// What became of an event.
pub fn answer(sent: Sent) -> Response {
    match sent {
        Sent::Recorded(recorded) => {
            Made(StatusCode::CREATED, Some(recorded.version), *recorded).into_response()
        }
        Sent::Waiting(approval) => {
            let waiting = Waiting {
                approval: *approval,
            };
            Made(StatusCode::ACCEPTED, None, waiting).into_response()
        }
    }
}

/// At which date, as known when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StateQuery {
    /// What takes effect up to this date, `yyyy-mm-dd`.
    effective: Option<String>,
    /// What was known at this time, RFC 3339.
    known: Option<String>,
}

/// A trade at a date, as it was known at a time
#[utoipa::path(get, path = "/api/otc/v1/trades/{id}/state", tag = "trades",
    params(("id" = String, Path), StateQuery), responses((status = 200, body = StateView)))]
pub async fn state(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(query): Query<StateQuery>,
) -> Answer<Json<StateView>> {
    let refuse = |name: &str, text: &str| {
        Problem::unprocessable().invalid(name, "invalid", format!("`{text}` cannot be read"))
    };
    let effective = match &query.effective {
        Some(text) => Some(text.parse().map_err(|_| refuse("effective", text))?),
        None => None,
    };
    let known: Option<Timestamp> = match &query.known {
        Some(text) => Some(text.parse().map_err(|_| refuse("known", text))?),
        None => None,
    };
    Ok(Json(api.desk.state(&id, effective, known).await?))
}

/// Flows of a trade, and those still open netted
#[utoipa::path(get, path = "/api/otc/v1/trades/{id}/flows", tag = "trades",
    params(("id" = String, Path)), responses((status = 200, body = TradeFlows)))]
pub async fn flows(State(api): State<Api>, Path(id): Path<String>) -> Answer<Json<TradeFlows>> {
    Ok(Json(api.desk.trade_flows(&id).await?))
}

/// Postings of a trade, and its balances
#[utoipa::path(get, path = "/api/otc/v1/trades/{id}/postings", tag = "trades",
    params(("id" = String, Path)), responses((status = 200, body = TradePostings)))]
pub async fn postings(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Answer<Json<TradePostings>> {
    Ok(Json(api.desk.trade_postings(&id).await?))
}
