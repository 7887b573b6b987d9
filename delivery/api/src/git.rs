//! Git over HTTP: the smart protocol under `/git/<namespace>/<project>.git/`.
//!
//! Git shows refusals only as plain text, so these routes answer no problem documents.

use std::pin::Pin;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::{Stream, StreamExt as _};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use rialto_delivery_engine::{DeliveryError, Push};
use rialto_delivery_git::Service;
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_web::{Path, RawBody, basic_password, bearer_token};
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::Api;
use crate::answer::Refusal;

/// What runs through a request or an answer.
type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, std::io::Error>> + Send>>;

pub fn routes() -> Router<Api> {
    Router::new()
        .route("/git/{namespace}/{repository}/info/refs", get(advertise))
        .route("/git/{namespace}/{repository}/git-upload-pack", post(fetch))
        .route("/git/{namespace}/{repository}/git-receive-pack", post(push))
}

/// A refusal in plain text.
struct Refused {
    status: StatusCode,
    text: String,
}

impl Refused {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
        }
    }

    fn unauthenticated(text: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, text)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let kind = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
        let mut response = (self.status, kind, format!("{}\n", self.text)).into_response();
        let headers = response.headers_mut();
        match self.status {
            StatusCode::UNAUTHORIZED => {
                let value = http::HeaderValue::from_static("Basic realm=\"rialto\"");
                headers.insert(WWW_AUTHENTICATE, value);
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, http::HeaderValue::from_static("2"));
            }
            _ => {}
        }
        response
    }
}

impl From<DeliveryError> for Refused {
    fn from(error: DeliveryError) -> Self {
        let Refusal(problem) = error.into();
        let text = match problem.detail() {
            "" => problem.code().title_en,
            detail => detail,
        };
        Self::new(problem.status(), text)
    }
}

/// Who asks, as far as git needs to know.
enum Caller {
    /// Somebody with a token of their own.
    Person(Box<Actor>),
    /// A job at work in this project; it may fetch.
    Job,
}

/// Who sends the request, and that they may do this.
async fn caller(
    api: &Api,
    headers: &HeaderMap,
    project: &str,
    service: Service,
) -> Result<Caller, Refused> {
    let secret = match bearer_token(headers) {
        Some(token) => token.to_owned(),
        None => basic_password(headers).ok_or_else(|| {
            Refused::unauthenticated("Give an API token as the password; any user name will do.")
        })?,
    };
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "a git request cannot be judged");
        Refused::new(StatusCode::SERVICE_UNAVAILABLE, "Try again in a moment.")
    };
    let actor = api
        .web
        .identity()
        .actor_by_token(&secret)
        .await
        .map_err(|e| failed(&e))?;
    let Some(actor) = actor else {
        let is_job = api
            .delivery
            .is_job_token(project, &secret)
            .await
            .map_err(|e| failed(&e))?;
        return match (is_job, service) {
            (true, Service::UploadPack) => Ok(Caller::Job),
            (true, Service::ReceivePack) => Err(Refused::new(
                StatusCode::FORBIDDEN,
                "A job's token may fetch, not push.",
            )),
            (false, _) => Err(Refused::unauthenticated(
                "The token is unknown, expired or revoked. Passwords are not taken here: issue a \
                 token in the console under your name, or with POST /api/platform/v1/tokens.",
            )),
        };
    };
    let needed = match service {
        Service::UploadPack => Permission::CodeRead,
        Service::ReceivePack => Permission::CodePush,
    };
    match actor.require(needed) {
        Ok(()) => Ok(Caller::Person(Box::new(actor))),
        Err(denied) => Err(Refused::new(StatusCode::FORBIDDEN, denied.to_string())),
    }
}

/// `namespace/project` out of the two parts of the path; `.git` is optional, as in other hosts.
fn project_path(namespace: &str, repository: &str) -> String {
    format!(
        "{namespace}/{}",
        repository.strip_suffix(".git").unwrap_or(repository)
    )
}

fn protocol(headers: &HeaderMap) -> Option<&str> {
    headers
        .get("git-protocol")
        .and_then(|value| value.to_str().ok())
}

#[derive(Deserialize)]
struct Wanted {
    service: Option<String>,
}

async fn advertise(
    State(api): State<Api>,
    Path((namespace, repository)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let service = wanted
        .service
        .as_deref()
        .and_then(Service::parse)
        .ok_or_else(|| {
            let text = "Only the smart protocol is served; use git 1.6.6 or newer.";
            Refused::new(StatusCode::FORBIDDEN, text)
        })?;
    let project = project_path(&namespace, &repository);
    caller(&api, &headers, &project, service).await?;
    let refs = api
        .delivery
        .advertise_refs(&project, service, protocol(&headers))
        .await?;
    let kind = service.advertisement_type();
    Ok(([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], refs).into_response())
}

async fn fetch(
    State(api): State<Api>,
    Path((namespace, repository)): Path<(String, String)>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Response, Refused> {
    let project = project_path(&namespace, &repository);
    caller(&api, &headers, &project, Service::UploadPack).await?;
    let request = exchange(project, Service::UploadPack, &headers, body)?;
    Ok(streamed(
        Service::UploadPack,
        api.delivery.fetch(request).await?,
    ))
}

async fn push(
    State(api): State<Api>,
    Path((namespace, repository)): Path<(String, String)>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Response, Refused> {
    let project = project_path(&namespace, &repository);
    let Caller::Person(actor) = caller(&api, &headers, &project, Service::ReceivePack).await?
    else {
        return Err(Refused::new(
            StatusCode::FORBIDDEN,
            "A job's token may fetch, not push.",
        ));
    };
    let request = exchange(project, Service::ReceivePack, &headers, body)?;
    Ok(streamed(
        Service::ReceivePack,
        api.delivery.push(&actor, request).await?,
    ))
}

fn exchange(
    project_path: String,
    service: Service,
    headers: &HeaderMap,
    body: Body,
) -> Result<Push<Chunks>, Refused> {
    let expected = format!("application/x-{}-request", service.name());
    if headers
        .get(CONTENT_TYPE)
        .is_none_or(|kind| kind.as_bytes() != expected.as_bytes())
    {
        let text = format!("The content type must be {expected}.");
        return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    let gzip = match headers
        .get(CONTENT_ENCODING)
        .map(http::HeaderValue::as_bytes)
    {
        None | Some(b"identity") => false,
        Some(b"gzip" | b"x-gzip") => true,
        Some(_) => {
            let text = "Only gzip is taken as content encoding.";
            return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
    };
    let chunks = body
        .into_data_stream()
        .map(|chunk| chunk.map_err(std::io::Error::other));
    let protocol = protocol(headers).map(str::to_owned);
    Ok(Push {
        project_path,
        service,
        protocol,
        gzip,
        body: Box::pin(chunks),
    })
}

fn streamed(
    service: Service,
    mut answer: mpsc::Receiver<Result<Bytes, std::io::Error>>,
) -> Response {
    let chunks = futures::stream::poll_fn(move |context| answer.poll_recv(context));
    let headers = [
        (CONTENT_TYPE, service.result_type()),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, Body::from_stream(chunks)).into_response()
}
