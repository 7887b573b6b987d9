//! The part of Nacos's v1 interface that its clients use: login, instances, configuration items.
//!
//! Answers are Nacos's: texts, and refusals as a status with a text. A client signs in with a login
//! of the house and its password, or with one of its API tokens in the password's place, which then
//! is the access token; what it may do is what its owner may.

mod configs;
mod naming;

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use rialto_esb_center_manager::CenterError;
use rialto_esb_center_manager::rules::config::Client;
use rialto_platform_identity::{Actor, SignInError};
use rialto_platform_web::{Problem, bearer_token, client_address};
use serde_json::{Value, json};

use crate::Api;

/// Seconds that a login holds: an hour less than the token's day.
const LOGIN_S: u32 = 23 * 3600;

/// The routes.
pub fn router() -> Router<Api> {
    Router::new()
        .route("/nacos/v1/auth/login", post(login))
        .route(
            "/nacos/v1/ns/instance",
            get(naming::show)
                .post(naming::register)
                .put(naming::change)
                .delete(naming::deregister),
        )
        .route("/nacos/v1/ns/instance/list", get(naming::list))
        .route("/nacos/v1/ns/instance/beat", put(naming::beat))
        .route(
            "/nacos/v1/cs/configs",
            get(configs::show)
                .post(configs::publish)
                .delete(configs::remove),
        )
        .route("/nacos/v1/cs/configs/listener", post(configs::listen))
}

/// A refusal as Nacos clients read it.
#[derive(Debug)]
pub enum Refused {
    /// A status and a text.
    Told(StatusCode, String),
    /// Something the house tells everybody alike.
    Problem(Problem),
}

impl Refused {
    pub fn bad(text: impl Into<String>) -> Self {
        Self::Told(StatusCode::BAD_REQUEST, text.into())
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<CenterError> for Refused {
    fn from(error: CenterError) -> Self {
        let status = match &error {
            CenterError::NotFound { .. } => StatusCode::NOT_FOUND,
            CenterError::Denied(_) => StatusCode::FORBIDDEN,
            CenterError::Invalid { .. } => StatusCode::BAD_REQUEST,
            CenterError::Conflict { .. } | CenterError::Stale { .. } => StatusCode::CONFLICT,
            _ => return Self::Problem(crate::answer::Refusal::from(error).0),
        };
        Self::Told(status, error.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Told(status, text) => (status, text).into_response(),
            Self::Problem(problem) => problem.into_response(),
        }
    }
}

/// What a handler answers.
pub type Answer = Result<Response, Refused>;

/// A text as an answer that nobody keeps.
pub fn text(text: String) -> Response {
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
    ];
    (headers, text).into_response()
}

/// A document as an answer that nobody keeps.
pub fn document(value: &Value) -> Response {
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_TYPE, "application/json"),
    ];
    (headers, value.to_string()).into_response()
}

/// The parameters of a request, from its address and from a form; what is in the address wins.
pub struct Form {
    values: BTreeMap<String, String>,
    pub headers: HeaderMap,
    pub client: Client,
}

impl Form {
    /// A value that is told; the Python client writes `None` for one that it does not have.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.values.get(name)?.trim();
        (!value.is_empty() && value != "None").then_some(value)
    }

    /// A value that must be told.
    pub fn need(&self, name: &str) -> Result<&str, Refused> {
        self.get(name)
            .ok_or_else(|| Refused::bad(format!("Param '{name}' is required.")))
    }

    /// A value as it was written, blanks included.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// `true` or `false`.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Refused> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        match value.to_ascii_lowercase().as_str() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(Refused::bad(format!(
                "Param '{name}' is true or false, not '{value}'."
            ))),
        }
    }

    /// A number.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Refused> {
        let wrong = |value| Refused::bad(format!("Param '{name}' is a number, not '{value}'."));
        self.get(name)
            .map(|value| value.parse().map_err(|_| wrong(value)))
            .transpose()
    }
}

impl FromRequest<Api> for Form {
    type Rejection = Refused;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Refused> {
        let (parts, body) = request.into_parts();
        let client = crate::configs::client(&parts.extensions, &parts.headers);
        let mut values = BTreeMap::new();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let headers = parts.headers.clone();
        let form = headers.get(CONTENT_TYPE).is_some_and(|kind| {
            kind.as_bytes()
                .starts_with(b"application/x-www-form-urlencoded")
        });
        let mut add = |bytes: &[u8]| values.extend(form_urlencoded::parse(bytes).into_owned());
        if form {
            let read = Bytes::from_request(Request::from_parts(parts, body), api).await;
            let bytes = read.map_err(|error| Refused::Told(error.status(), error.body_text()))?;
            add(&bytes);
        }
        add(query.as_bytes());
        Ok(Self {
            values,
            headers,
            client,
        })
    }
}

/// A request of somebody who signed in.
pub struct Call {
    pub actor: Actor,
    pub form: Form,
}

impl FromRequest<Api> for Call {
    type Rejection = Refused;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Refused> {
        let form = Form::from_request(request, api).await?;
        let token = form
            .get("accessToken")
            .or_else(|| bearer_token(&form.headers));
        let forbidden = |why: &str| Refused::Told(StatusCode::FORBIDDEN, why.to_owned());
        let token = token.ok_or_else(|| forbidden("sign in: POST /nacos/v1/auth/login"))?;
        let actor = api.web.identity().actor_by_token(token).await;
        let actor = actor
            .map_err(Problem::from)?
            .ok_or_else(|| forbidden("token invalid or expired!"))?;
        Ok(Self { actor, form })
    }
}

/// Signs in with a login and its password, or one of its API tokens in the password's place.
async fn login(State(api): State<Api>, request: Request) -> Answer {
    let address = client_address(request.extensions());
    let form = Form::from_request(request, &api).await?;
    let (login, password) = (form.need("username")?, form.need("password")?);
    let identity = api.web.identity();
    let token = if password.starts_with("rlt_") {
        let owner = identity
            .actor_by_token(password)
            .await
            .map_err(Problem::from)?;
        let fits = owner.is_some_and(|owner| owner.login.eq_ignore_ascii_case(login));
        fits.then(|| password.to_owned())
    } else {
        match identity.verify_password(login, password, &address).await {
            Ok(user) => {
                let system = Actor::system("nacos-login");
                let issued = identity.issue_token_to(&system, &user.id, "Nacos client", 1);
                Some(issued.await.map_err(Problem::from)?.text)
            }
            Err(SignInError::Wrong) => None,
            Err(other) => return Err(Problem::from(other).into()),
        }
    };
    let wrong = || Refused::Told(StatusCode::FORBIDDEN, "unknown user!".to_owned());
    let token = token.ok_or_else(wrong)?;
    Ok(document(
        &json!({"accessToken": token, "tokenTtl": LOGIN_S, "globalAdmin": false,
        "username": login}),
    ))
}
