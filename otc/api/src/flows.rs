//! Flows of the whole book, and their payment.

use axum::extract::State;
use axum::response::Response;
use rialto_otc_desk::view::{FlowView, Recorded, Waiting};
use rialto_otc_desk::{Payment, PaymentInput};
use rialto_platform_web::{Authenticated, Json, Page, Path, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Api;
use crate::answer::Answer;
use crate::charts::day;
use crate::trades::answer;

/// Which flows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// `determined`, `instructed`, `settled`, `failed` or `reversed`.
    status: Option<String>,
    /// Paid from this date on.
    from: Option<String>,
    /// Paid up to this date.
    to: Option<String>,
    /// Rows, 1 to 1,000; 50 when not told.
    page_size: Option<u32>,
    /// Where the page begins.
    page_token: Option<String>,
}

/// Flows by pay date
#[utoipa::path(get, path = "/api/otc/v1/flows", tag = "flows", params(ListQuery),
    responses((status = 200, body = Page<FlowView>)))]
pub async fn list(
    State(api): State<Api>,
    Query(query): Query<ListQuery>,
) -> Answer<Json<Page<FlowView>>> {
    let (status, from, to) = (
        &query.status,
        day("from", &query.from)?,
        day("to", &query.to)?,
    );
    let context = format!("otc flows {status:?} {from:?} {to:?}");
    let size = api.web.page_size(query.page_size)?;
    let token = api
        .web
        .open_page_token(query.page_token.as_deref(), &context)?;
    let after = token.and_then(|text| {
        let mut parts = text.splitn(3, '|');
        let (date, no, id) = (parts.next()?, parts.next()?, parts.next()?);
        Some((date.to_owned(), no.parse().ok()?, id.to_owned()))
    });
    let range = (from, to);
    let limit = i64::from(size) + 1;
    let rows = api
        .desk
        .flows(status.as_deref(), range, after, limit)
        .await?;
    Ok(Json(api.web.page(rows, size, &context, |row| {
        format!("{}|{}|{}", row.pay_date, row.trade_no.unwrap_or(0), row.id)
    })))
}

/// Give a flow to the bank; a second person must sign
#[utoipa::path(post, path = "/api/otc/v1/flows/{trade_id}/{flow_id}/instruct", tag = "flows",
    params(("trade_id" = String, Path), ("flow_id" = String, Path,
        description = "its slashes escaped as %2F")),
    request_body = PaymentInput,
    responses((status = 202, body = Waiting),
        (status = 201, body = Recorded, description = "It was recorded before")))]
pub async fn instruct(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path((trade, flow)): Path<(String, String)>,
    Json(input): Json<PaymentInput>,
) -> Answer<Response> {
    let sent = api
        .desk
        .pay(&actor, &trade, &flow, Payment::Instruct, input);
    Ok(answer(sent.await?))
}

/// Record that a flow was paid
#[utoipa::path(post, path = "/api/otc/v1/flows/{trade_id}/{flow_id}/settle", tag = "flows",
    params(("trade_id" = String, Path), ("flow_id" = String, Path)),
    request_body = PaymentInput, responses((status = 201, body = Recorded)))]
pub async fn settle(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path((trade, flow)): Path<(String, String)>,
    Json(input): Json<PaymentInput>,
) -> Answer<Response> {
    let sent = api.desk.pay(&actor, &trade, &flow, Payment::Settle, input);
    Ok(answer(sent.await?))
}

/// Record that a flow came back unpaid; `note` says why
#[utoipa::path(post, path = "/api/otc/v1/flows/{trade_id}/{flow_id}/fail", tag = "flows",
    params(("trade_id" = String, Path), ("flow_id" = String, Path)),
    request_body = PaymentInput, responses((status = 201, body = Recorded)))]
pub async fn fail(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path((trade, flow)): Path<(String, String)>,
    Json(input): Json<PaymentInput>,
) -> Answer<Response> {
    let sent = api.desk.pay(&actor, &trade, &flow, Payment::Fail, input);
    Ok(answer(sent.await?))
}
