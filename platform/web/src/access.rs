//! Who may call which endpoint: one table, checked before any handler runs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;
use http::{HeaderMap, Method};
use rialto_platform_identity::{Actor, Permission, SessionActor};

use crate::{Problem, Web, codes, idempotency, origin};

/// Name of the session cookie.
pub(crate) const COOKIE_NAME: &str = "rialto_session";
/// Header that proves that a change was sent by our own page.
const CSRF_HEADER: &str = "x-csrf-token";
/// A handler that has not answered after this long is given up, unless its endpoint is slow.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Who may call an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Anybody who is signed in.
    SignedIn,
    /// Those who have a permission.
    Needs(Permission),
    /// The handler itself decides, by the means named here (such as a job's own token).
    Own(&'static str),
}

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    /// HTTP method.
    pub method: &'static str,
    /// Path as the router has it, such as `/api/delivery/v1/projects/{id}`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Whether it may take longer than 60 s to answer (uploads of any size).
    pub slow: bool,
}

impl Endpoint {
    /// A line of the table.
    #[must_use]
    pub const fn new(method: &'static str, path: &'static str, access: Access) -> Self {
        Self {
            method,
            path,
            access,
            slow: false,
        }
    }

    /// Lets it take longer than 60 s.
    #[must_use]
    pub const fn slow(mut self) -> Self {
        self.slow = true;
        self
    }
}

/// The table as it is looked up.
#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) web: Web,
    endpoints: Arc<HashMap<(&'static str, &'static str), Endpoint>>,
}

impl Table {
    pub(crate) fn new(web: Web, endpoints: &[Endpoint]) -> Self {
        let keyed = endpoints
            .iter()
            .map(|endpoint| ((endpoint.method, endpoint.path), *endpoint));
        Self {
            web,
            endpoints: Arc::new(keyed.collect()),
        }
    }

    fn find(&self, method: &Method, path: &str) -> Option<Endpoint> {
        let method = if *method == Method::HEAD {
            "GET"
        } else {
            method.as_str()
        };
        let found = self
            .endpoints
            .iter()
            .find(|((m, p), _)| *m == method && *p == path);
        found.map(|(_, endpoint)| *endpoint)
    }

    fn knows(&self, path: &str) -> bool {
        self.endpoints.keys().any(|(_, known)| *known == path)
    }
}

/// The layer in front of every route.
pub(crate) async fn check(State(table): State<Table>, request: Request, next: Next) -> Response {
    let Some(path) = request.extensions().get::<MatchedPath>().cloned() else {
        return next.run(request).await;
    };
    let Some(endpoint) = table.find(request.method(), path.as_str()) else {
        if table.knows(path.as_str()) {
            return next.run(request).await;
        }
        return Problem::internal(format!("{path:?} is not in the table of endpoints"))
            .into_response();
    };
    let (mut parts, body) = request.into_parts();
    if let Err(problem) = admit(&table.web, endpoint.access, &mut parts).await {
        return problem.into_response();
    }
    let request = Request::from_parts(parts, body);
    let answer = run(&table.web, request, next);
    if endpoint.slow {
        return answer.await;
    }
    tokio::time::timeout(TIME_LIMIT, answer)
        .await
        .unwrap_or_else(|_| {
            let detail = format!("No answer within {} s.", TIME_LIMIT.as_secs());
            Problem::new(codes::UNAVAILABLE, detail)
                .retry_after_s(5)
                .into_response()
        })
}

async fn run(web: &Web, request: Request, next: Next) -> Response {
    if idempotency::is_asked(&request) {
        return idempotency::once(web, request, next)
            .await
            .unwrap_or_else(|problem| problem.into_response());
    }
    next.run(request).await
}

async fn admit(web: &Web, access: Access, parts: &mut Parts) -> Result<(), Problem> {
    if let Access::Own(_) = access {
        return Ok(());
    }
    if bearer_token(&parts.headers).is_none() && changes(&parts.method) {
        origin::check(&parts.headers, web.settings().public_url.as_deref())?;
    }
    if access == Access::Public {
        return Ok(());
    }
    let actor = identify(web, parts).await?;
    if let Access::Needs(permission) = access {
        actor.require(permission)?;
    }
    parts.extensions.insert(actor);
    Ok(())
}

/// Who sends this request; a bearer token wins over a cookie.
async fn identify(web: &Web, parts: &mut Parts) -> Result<Actor, Problem> {
    if let Some(token) = bearer_token(&parts.headers) {
        let credential = Credential::Token(token.to_owned());
        let Some(actor) = web.identity().actor_by_token(token).await? else {
            let detail = match web.identity().token_expired_at(token).await? {
                Some(at) => format!("The token expired at {at}. Issue a new one."),
                None => "The token is unknown or revoked. Issue a new one.".to_owned(),
            };
            return Err(Problem::new(codes::UNAUTHENTICATED, detail));
        };
        parts.extensions.insert(credential);
        return Ok(actor);
    }
    let Some(cookie) = session_cookie(&parts.headers) else {
        return Err(Problem::unauthenticated());
    };
    let Some(session) = web.identity().session_by_cookie(cookie).await? else {
        let detail = "The session has expired or was ended. Sign in again.";
        return Err(Problem::new(codes::UNAUTHENTICATED, detail));
    };
    if changes(&parts.method) {
        let header = parts
            .headers
            .get(CSRF_HEADER)
            .and_then(|value| value.to_str().ok());
        if !header.is_some_and(|header| session.csrf_matches(header)) {
            return Err(Problem::new(codes::CSRF, ""));
        }
    }
    let actor = session.actor.clone();
    let credential = Credential::Cookie(cookie.to_owned());
    parts.extensions.insert(credential);
    parts.extensions.insert(CurrentSession(session));
    Ok(actor)
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The value of the session cookie.
pub(crate) fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='))
}

/// The token of `Authorization: Bearer …`.
#[must_use]
pub fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The password of `Authorization: Basic …`, as git sends it; the user name does not matter.
#[must_use]
pub fn basic_password(headers: &HeaderMap) -> Option<String> {
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    text.split_once(':')
        .map(|(_, password)| password.to_owned())
}

/// What the sender proved their identity with. A stream keeps it to ask again who it belongs to.
#[derive(Clone)]
pub enum Credential {
    /// A session cookie.
    Cookie(String),
    /// An API token.
    Token(String),
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Cookie(_) => "Cookie(…)",
            Self::Token(_) => "Token(…)",
        })
    }
}

impl Credential {
    /// Who it belongs to now; asking does not count as use of a session.
    pub(crate) async fn owner(&self, web: &Web) -> Result<Option<Actor>, Problem> {
        Ok(match self {
            Self::Token(token) => web.identity().actor_by_token(token).await?,
            Self::Cookie(cookie) => web
                .identity()
                .peek_session(cookie)
                .await?
                .map(|session| session.actor),
        })
    }
}

/// Who sent the request. Present on every endpoint that is neither public nor its own judge.
#[derive(Debug, Clone)]
pub struct Authenticated(pub Actor);

impl<S: Sync> FromRequestParts<S> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let actor = parts.extensions.get::<Actor>().cloned();
        actor.map(Self).ok_or_else(Problem::unauthenticated)
    }
}

/// The browser session of the request; refused to callers with a token.
#[derive(Debug, Clone)]
pub struct CurrentSession(pub SessionActor);

impl<S: Sync> FromRequestParts<S> for CurrentSession {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(Problem::unauthenticated)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(name: http::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn credentials_are_read_from_their_headers() {
        let found = |text| bearer_token(&headers(AUTHORIZATION, text)).map(str::to_owned);
        assert_eq!(found("Bearer rlt_1"), Some("rlt_1".into()));
        assert_eq!(found("bearer rlt_1"), Some("rlt_1".into()));
        assert_eq!(found("Basic eDp5"), None);
        assert_eq!(
            basic_password(&headers(AUTHORIZATION, "Basic eDp5")),
            Some("y".into())
        );
        assert_eq!(basic_password(&headers(AUTHORIZATION, "Basic ???")), None);
        assert_eq!(basic_password(&headers(AUTHORIZATION, "Basic eHk=")), None);
    }

    #[test]
    fn the_session_cookie_is_found_among_others() {
        let found = |text| session_cookie(&headers(COOKIE, text)).map(str::to_owned);
        assert_eq!(found("a=b; rialto_session=x; c=d"), Some("x".into()));
        assert_eq!(found("xrialto_session=x"), None);
        assert_eq!(found("rialto_sessions=x"), None);
    }
}
