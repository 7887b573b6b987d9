//! Published prices.

use axum::extract::State;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use rialto_otc_desk::view::{FixingReport, FixingView};
use rialto_otc_desk::{FileKind, FixingInput, MOST_BYTES};
use rialto_platform_web::{Authenticated, Json, Page, Problem, Query, RawBody, codes};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Api;
use crate::answer::Answer;
use crate::charts::day;

/// Which prices.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Underlying.
    underlying: Option<String>,
    /// From this date on.
    from: Option<String>,
    /// Up to this date.
    to: Option<String>,
    /// Rows, 1 to 1,000; 50 when not told.
    page_size: Option<u32>,
    /// Where the page begins.
    page_token: Option<String>,
}

/// Prices in force, newest date first
#[utoipa::path(get, path = "/api/otc/v1/fixings", tag = "fixings", params(ListQuery),
    responses((status = 200, body = Page<FixingView>)))]
pub async fn list(
    State(api): State<Api>,
    Query(query): Query<ListQuery>,
) -> Answer<Json<Page<FixingView>>> {
    let (code, from, to) = (
        &query.underlying,
        day("from", &query.from)?,
        day("to", &query.to)?,
    );
    let context = format!("otc fixings {code:?} {from:?} {to:?}");
    let size = api.web.page_size(query.page_size)?;
    let token = api
        .web
        .open_page_token(query.page_token.as_deref(), &context)?;
    let before = token.and_then(|text| {
        let mut parts = text.split('|').map(str::to_owned);
        Some((parts.next()?, parts.next()?, parts.next()?))
    });
    let range = (from, to);
    let limit = i64::from(size) + 1;
    let code = code.as_deref().filter(|code| !code.is_empty());
    let rows = api.desk.fixings(code, range, before, limit).await?;
    Ok(Json(api.web.page(rows, size, &context, |row| {
        format!("{}|{}|{}", row.date, row.underlying, row.rule)
    })))
}

/// Enter prices; corrections, outliers and prices typed by hand (`source` `manual`) wait for a
/// second person
#[utoipa::path(post, path = "/api/otc/v1/fixings", tag = "fixings", request_body = FixingInput,
    responses((status = 200, body = FixingReport)))]
pub async fn enter(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Json(input): Json<FixingInput>,
) -> Answer<Json<FixingReport>> {
    let reason = input.reason.clone().unwrap_or_default();
    let rows = input.rows();
    let report = api.desk.enter_fixings(&actor, &rows, &reason, false);
    Ok(Json(report.await?))
}

/// How a file is taken in.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// `true`: only tell what would happen.
    dry_run: Option<bool>,
    /// Why, when the file corrects known prices; up to 500 characters.
    reason: Option<String>,
}

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// What the body is.
fn kind(headers: &HeaderMap) -> Answer<FileKind> {
    let media = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.split(';').next())
        .unwrap_or_default();
    match media.trim().to_ascii_lowercase().as_str() {
        "text/csv" => Ok(FileKind::Csv),
        XLSX => Ok(FileKind::Xlsx),
        _ => {
            let text = format!("Send text/csv or {XLSX}.");
            Err(Problem::new(codes::UNSUPPORTED_MEDIA_TYPE, text).into())
        }
    }
}

/// Take in a file of prices (CSV or XLSX; the first row names the columns date, underlying, value,
/// source, rule), or tell what it would do
///
/// Prices that correct known ones wait for a second person and say why (`reason`); without it such a
/// file is refused whole. The new prices of one date are one transaction; an import that was stopped is finished by sending
/// the file again, and nothing is entered twice.
#[utoipa::path(post, path = "/api/otc/v1/fixings/import", tag = "fixings", params(ImportQuery),
    request_body(content((String = "text/csv"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))),
    responses((status = 200, body = FixingReport),
        (status = 413, description = "The file is larger than 16 MiB"),
        (status = 415, description = "Neither CSV nor XLSX")))]
pub async fn import(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Query(query): Query<ImportQuery>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Answer<Json<FixingReport>> {
    let kind = kind(&headers)?;
    let body = axum::body::to_bytes(body, MOST_BYTES).await.map_err(|_| {
        let text = format!("The file has more than {MOST_BYTES} bytes, or broke off.");
        Problem::new(codes::TOO_LARGE, text)
    })?;
    let dry_run = query.dry_run.unwrap_or(false);
    let reason = query.reason.unwrap_or_default();
    let report = api
        .desk
        .import_fixings(&actor, body.to_vec(), kind, &reason, dry_run);
    Ok(Json(report.await?))
}
