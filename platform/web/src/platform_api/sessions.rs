//! Signing in and out.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{SET_COOKIE, USER_AGENT};
use http::{Extensions, HeaderMap, HeaderValue, StatusCode};
use rialto_platform_identity::User;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::UserView;
use crate::access::{COOKIE_NAME, session_cookie};
use crate::{Authenticated, CurrentSession, Json, Problem, Web, client_address};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    login: String,
    #[schema(format = Password)]
    password: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RedeemLink {
    /// The part after `/login?link=`.
    link: String,
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionView {
    user: UserView,
    /// For the header `X-CSRF-Token` of every change; null when the caller is a token.
    csrf_token: Option<String>,
}

/// Sign in with login and password
#[utoipa::path(post, path = "/api/platform/v1/sessions", tag = "sessions", request_body = SignIn,
    responses((status = 201, description = "Signed in; the cookie is set", body = SessionView)))]
pub(super) async fn sign_in(
    State(web): State<Web>,
    extensions: Extensions,
    headers: HeaderMap,
    Json(body): Json<SignIn>,
) -> Result<Response, Problem> {
    let address = client_address(&extensions);
    let user = web
        .identity()
        .verify_password(&body.login, &body.password, &address)
        .await?;
    open_session(&web, user, &address, &headers).await
}

/// Sign in once with a link
#[utoipa::path(post, path = "/api/platform/v1/sessions/redeem", tag = "sessions",
    request_body = RedeemLink,
    responses((status = 201, description = "Signed in; the cookie is set", body = SessionView)))]
pub(super) async fn redeem_link(
    State(web): State<Web>,
    extensions: Extensions,
    headers: HeaderMap,
    Json(body): Json<RedeemLink>,
) -> Result<Response, Problem> {
    let address = client_address(&extensions);
    let user = web
        .identity()
        .redeem_login_link(&body.link, &address)
        .await?;
    open_session(&web, user, &address, &headers).await
}

pub(super) async fn open_session(
    web: &Web,
    user: User,
    address: &str,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    if let Some(old) = session_cookie(headers) {
        web.identity().close_session(old).await?;
    }
    let agent = headers
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let opened = web.identity().open_session(user, address, agent).await?;
    let cookie = cookie(&opened.cookie, web.secure_cookies(), None)?;
    let view = SessionView {
        user: opened.user.into(),
        csrf_token: Some(opened.csrf_token),
    };
    Ok((StatusCode::CREATED, [(SET_COOKIE, cookie)], Json(view)).into_response())
}

fn cookie(value: &str, secure: bool, max_age: Option<u32>) -> Result<HeaderValue, Problem> {
    let mut text = format!("{COOKIE_NAME}={value}; Path=/; HttpOnly; SameSite=Lax");
    if secure {
        text.push_str("; Secure");
    }
    if let Some(seconds) = max_age {
        text.push_str(&format!("; Max-Age={seconds}"));
    }
    HeaderValue::from_str(&text).map_err(Problem::internal)
}

/// Who is signed in; without a CSRF token when the caller is a token
#[utoipa::path(get, path = "/api/platform/v1/sessions/current", tag = "sessions",
    responses((status = 200, body = SessionView)))]
pub(super) async fn current_session(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    session: Option<Extension<CurrentSession>>,
) -> Result<Json<SessionView>, Problem> {
    if let Some(Extension(CurrentSession(session))) = session {
        let csrf_token = Some(session.csrf_token().to_owned());
        return Ok(Json(SessionView {
            user: session.user.into(),
            csrf_token,
        }));
    }
    let user = web.identity().user(&actor.user_id).await?;
    Ok(Json(SessionView {
        user: user.into(),
        csrf_token: None,
    }))
}

/// Sign out
#[utoipa::path(delete, path = "/api/platform/v1/sessions/current", tag = "sessions",
    responses((status = 204, description = "Signed out")))]
pub(super) async fn sign_out(
    State(web): State<Web>,
    _: CurrentSession,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(value) = session_cookie(&headers) {
        web.identity().close_session(value).await?;
    }
    let cookie = cookie("", web.secure_cookies(), Some(0))?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}
