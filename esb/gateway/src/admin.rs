//! The admin interface: a small HTTP server of its own, on loopback, behind a bearer token.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rialto_esb_snapshot::MAX_BYTES;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;

use crate::body::ResponseBody;
use crate::gateway::Core;
use crate::interfaces::{ExplainRequest, Interfaces, METRICS_KIND};
use crate::problem::Problem;

const MAX_BODY: usize = 64 * 1024;
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// Serves until aborted.
pub(crate) async fn serve(listener: TcpListener, core: Arc<Core>, token: String) {
    let token: Arc<str> = token.into();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "accepting an admin connection failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (core, token) = (Arc::clone(&core), Arc::clone(&token));
        tokio::spawn(async move {
            let answering = service_fn(move |request| {
                let (core, token) = (Arc::clone(&core), Arc::clone(&token));
                async move { Ok::<_, Infallible>(answer(&core, &token, request).await) }
            });
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), answering)
                .await;
            if let Err(error) = served {
                tracing::debug!(%error, "an admin connection ended");
            }
        });
    }
}

async fn answer(core: &Core, token: &str, request: Request<Incoming>) -> Response<ResponseBody> {
    let instance = core.ids.next();
    let result = if authorised(&request, token) {
        route(core, request).await
    } else {
        Err(Problem::unauthorised())
    };
    result.unwrap_or_else(|problem| problem.into_response(&instance))
}

fn authorised(request: &Request<Incoming>, token: &str) -> bool {
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    // Every byte is compared, so the time taken says nothing of where they differ.
    given.len() == token.len()
        && given
            .bytes()
            .zip(token.bytes())
            .fold(0, |differ, (a, b)| differ | (a ^ b))
            == 0
}

async fn route(core: &Core, request: Request<Incoming>) -> Result<Response<ResponseBody>, Problem> {
    let path = request.uri().path().to_owned();
    if let Some(interfaces) = &core.interfaces
        && let Some(of) = path.strip_prefix("/admin/v1/")
        && [
            "snapshot",
            "snapshot/ready",
            "snapshot/rollback",
            "explain",
            "drift",
            "calls",
            "metrics",
        ]
        .contains(&of)
    {
        return of_interfaces(interfaces, of, request).await;
    }
    let Some(rest) = path.strip_prefix("/admin/v1/services") else {
        return Err(Problem::not_found(format!("there is nothing at {path}")));
    };
    let words: Vec<&str> = rest.split('/').skip(1).collect();
    let method = request.method().clone();
    match (words.as_slice(), method) {
        ([], Method::GET) => Ok(json(&core.list())),
        ([name], Method::GET) => Ok(json(&core.get(name)?)),
        ([name], Method::PUT) => {
            let spec = read(request).await?;
            Ok(json(&core.put(name, spec).await?))
        }
        ([name], Method::DELETE) => {
            core.delete(name).await?;
            let mut response = Response::new(empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            Ok(response)
        }
        ([name, "switch"], Method::POST) => {
            let switch = read(request).await?;
            Ok(json(&core.switch(name, switch).await?))
        }
        ([] | [_] | [_, "switch"], _) => Err(Problem::method_not_allowed()),
        _ => Err(Problem::not_found(format!("there is nothing at {path}"))),
    }
}

/// The data plane of interfaces.
async fn of_interfaces(
    interfaces: &Interfaces,
    of: &str,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Problem> {
    match (of, request.method().clone()) {
        ("snapshot", Method::GET) => Ok(json(&interfaces.state().await)),
        ("snapshot", Method::PUT) => {
            let signed = whole(request, MAX_BYTES).await?;
            Ok(json(&interfaces.publish(signed).await?))
        }
        ("snapshot/ready", Method::PUT) => {
            let signed = whole(request, MAX_BYTES).await?;
            Ok(json(&interfaces.prepare(signed).await?))
        }
        ("snapshot/rollback", Method::POST) => {
            let wish: Rollback = read(request).await?;
            Ok(json(&interfaces.roll_back(wish.version).await?))
        }
        ("drift", Method::GET) => Ok(json(&interfaces.drift.report())),
        ("metrics", Method::GET) => Ok(text(METRICS_KIND, interfaces.metrics())),
        ("calls", Method::GET) => Ok(json(&interfaces.calls_since(since(&request)?))),
        ("explain", Method::POST) => {
            let asked: ExplainRequest = read(request).await?;
            Ok(json(&interfaces.explain(&asked)?))
        }
        _ => Err(Problem::method_not_allowed()),
    }
}

/// `?since=`: microseconds since 1970; from the beginning when it is not given.
fn since(request: &Request<Incoming>) -> Result<i64, Problem> {
    let query = request.uri().query().unwrap_or_default();
    let given = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("since="));
    let refused = |_| {
        Problem::invalid(
            "since: microseconds since 1970 are asked for".to_owned(),
            Vec::new(),
        )
    };
    given.map_or(Ok(0), |given| given.parse().map_err(refused))
}

/// Where to go back to.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Rollback {
    /// None: the version kept before the one in force.
    #[serde(default)]
    version: Option<u64>,
}

async fn whole(request: Request<Incoming>, most: usize) -> Result<Bytes, Problem> {
    let body = Limited::new(request.into_body(), most).collect().await;
    let body = body.map_err(|error| Problem::client_body(error.to_string()))?;
    Ok(body.to_bytes())
}

async fn read<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Problem> {
    let body = whole(request, MAX_BODY).await?;
    serde_json::from_slice(&body).map_err(|error| {
        Problem::invalid(
            format!("the body is not what is asked for: {error}"),
            Vec::new(),
        )
    })
}

fn json<T: Serialize>(value: &T) -> Response<ResponseBody> {
    // Plain data with text keys: it always has a JSON form.
    text(
        "application/json",
        serde_json::to_string(value).unwrap_or_default(),
    )
}

fn text(kind: &'static str, text: String) -> Response<ResponseBody> {
    let body = Full::new(Bytes::from(text));
    let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn empty() -> ResponseBody {
    Full::new(Bytes::new())
        .map_err(|never| match never {})
        .boxed_unsync()
}
