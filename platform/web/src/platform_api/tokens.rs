//! API tokens of one's own.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use jiff::Timestamp;
use rialto_platform_identity::Token;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Paging;
use crate::{Authenticated, Json, Page, Path, Problem, Query, Web};

/// An API token as it is listed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub(super) struct TokenView {
    id: String,
    name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
}

impl From<Token> for TokenView {
    fn from(token: Token) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name,
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
        }
    }
}

/// A token that was just issued.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IssuedToken)]
pub(super) struct IssuedTokenView {
    #[serde(flatten)]
    listed: TokenView,
    /// The whole token, shown this once.
    token: String,
}

/// One's own tokens, newest first
#[utoipa::path(get, path = "/api/platform/v1/tokens", tag = "tokens", params(Paging),
    responses((status = 200, body = Page<TokenView>)))]
pub(super) async fn list_tokens(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    Query(query): Query<Paging>,
) -> Result<Json<Page<TokenView>>, Problem> {
    let size = web.page_size(query.page_size)?;
    let context = format!("tokens of {}", actor.user_id);
    let after = web.open_page_token(query.page_token.as_deref(), &context)?;
    let tokens = web
        .identity()
        .tokens(&actor)
        .await?
        .into_iter()
        .map(TokenView::from);
    // A person's list of tokens is short and read whole; the page begins after the cursor's id.
    let rest: Vec<TokenView> = match after {
        Some(id) => tokens.skip_while(|token| token.id != id).skip(1).collect(),
        None => tokens.collect(),
    };
    Ok(Json(web.page(rest, size, &context, |last| last.id.clone())))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IssueToken {
    /// What it is for.
    name: String,
    /// 1 to 366.
    #[schema(minimum = 1, maximum = 366)]
    expires_in_days: u32,
}

/// Issue a token that may do what its owner may
#[utoipa::path(post, path = "/api/platform/v1/tokens", tag = "tokens", request_body = IssueToken,
    responses((status = 201, body = IssuedTokenView)))]
pub(super) async fn issue_token(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    Json(body): Json<IssueToken>,
) -> Result<Response, Problem> {
    let issued = web
        .identity()
        .issue_token(&actor, &body.name, body.expires_in_days)
        .await?;
    let view = IssuedTokenView {
        listed: issued.token.into(),
        token: issued.text,
    };
    Ok((
        StatusCode::CREATED,
        [(CACHE_CONTROL, "no-store")],
        Json(view),
    )
        .into_response())
}

/// Revoke one of one's own tokens
#[utoipa::path(delete, path = "/api/platform/v1/tokens/{id}", tag = "tokens",
    params(("id" = String, Path)), responses((status = 204, description = "Revoked")))]
pub(super) async fn revoke_token(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    web.identity().revoke_token(&actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
