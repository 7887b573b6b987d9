//! What waits for a second person, and the decision.

use axum::extract::State;
use rialto_otc_desk::Decided;
use rialto_otc_desk::view::{ApprovalView, Decision};
use rialto_platform_web::{Authenticated, Json, Page, Path, Query};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::answer::Answer;

/// Which approvals.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// `open`, `approved`, `rejected`, `void` or `expired`.
    state: Option<String>,
    /// Rows, 1 to 1,000; 50 when not told.
    page_size: Option<u32>,
    /// Where the page begins.
    page_token: Option<String>,
}

/// What waits for a second person or was decided, newest first
#[utoipa::path(get, path = "/api/otc/v1/approvals", tag = "approvals", params(ListQuery),
    responses((status = 200, body = Page<ApprovalView>)))]
pub async fn list(
    State(api): State<Api>,
    Query(query): Query<ListQuery>,
) -> Answer<Json<Page<ApprovalView>>> {
    let context = format!("otc approvals {:?}", query.state);
    let size = api.web.page_size(query.page_size)?;
    let token = api
        .web
        .open_page_token(query.page_token.as_deref(), &context)?;
    let before = token.and_then(|text| text.parse().ok());
    let state = query.state.as_deref();
    let rows = api
        .desk
        .approvals(state, before, i64::from(size) + 1)
        .await?;
    Ok(Json(
        api.web.page(rows, size, &context, |row| row.no.to_string()),
    ))
}

/// One approval
#[utoipa::path(get, path = "/api/otc/v1/approvals/{id}", tag = "approvals",
    params(("id" = String, Path)), responses((status = 200, body = ApprovalView)))]
pub async fn show(State(api): State<Api>, Path(id): Path<String>) -> Answer<Json<ApprovalView>> {
    Ok(Json(api.desk.approval(&id).await?))
}

/// What the second person says.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionInput {
    /// Why; needed to reject.
    comment: Option<String>,
}

/// Agree as the second person; never the maker
#[utoipa::path(post, path = "/api/otc/v1/approvals/{id}/approve", tag = "approvals",
    params(("id" = String, Path)), request_body = DecisionInput,
    responses((status = 200, body = Decision),
        (status = 403, description = "The maker cannot be the checker"),
        (status = 409, description = "Decided, expired, or the trade has changed since")))]
pub async fn approve(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    Json(input): Json<DecisionInput>,
) -> Answer<Json<Decision>> {
    let comment = input.comment.unwrap_or_default();
    let decision = api.desk.decide(&actor, &id, Decided::Approved, &comment);
    Ok(Json(decision.await?))
}

/// Disagree as the second person
#[utoipa::path(post, path = "/api/otc/v1/approvals/{id}/reject", tag = "approvals",
    params(("id" = String, Path)), request_body = DecisionInput,
    responses((status = 200, body = Decision),
        (status = 403, description = "The maker cannot be the checker"),
        (status = 409, description = "Decided or expired")))]
pub async fn reject(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    Json(input): Json<DecisionInput>,
) -> Answer<Json<Decision>> {
    let comment = input.comment.unwrap_or_default();
    let decision = api.desk.decide(&actor, &id, Decided::Rejected, &comment);
    Ok(Json(decision.await?))
}
