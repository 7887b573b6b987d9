//! A request's way through the gateway: refuse, prepare, send ([`crate::attempts`]), answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use crate::attempts::Attempts;
use crate::body::{Paced, RequestBody, ResponseBody};
use crate::forward::{Answer, Cuts, Forwarded};
use crate::framing::CONFLICT_MARK;
use crate::headers;
use crate::problem::Problem;
use crate::service::{Routing, Service};

/// Largest body kept so that its request can be repeated.
const REPLAY_LIMIT: u64 = 64 * 1024;

/// Answers one request of a client.
pub(crate) async fn answer(
    service: Arc<Service>,
    peer: SocketAddr,
    request: Request<Incoming>,
    instance: String,
) -> Response<ResponseBody> {
    service.requests.fetch_add(1, Ordering::Relaxed);
    match forward(&service, peer, request).await {
        Ok(response) => {
            if response.status().is_server_error() {
                service.failed_requests.fetch_add(1, Ordering::Relaxed);
            }
            response
        }
        Err(refused) => {
            if refused.status.is_server_error() {
                service.failed_requests.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(
                    service = service.name,
                    instance,
                    code = refused.code,
                    detail = refused.detail,
                    "request failed"
                );
            }
            let close = refused.status == StatusCode::BAD_REQUEST;
            let mut response = refused.into_response(&instance);
            if close {
                // After a malformed request nobody knows where the next one begins.
                let headers = response.headers_mut();
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
    }
}

async fn forward(
    service: &Arc<Service>,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Problem> {
    check(&request)?;
    let client_upgrade = headers::upgrade_protocol(request.headers())
        .map(|protocol| (protocol, hyper::upgrade::on(&mut request)));
    let idle = Duration::from_millis(service.routing().spec.timeouts.idle_ms);
    let (mut parts, body) = request.into_parts();
    let host = parts
        .uri
        .authority()
        .and_then(|a| HeaderValue::from_str(a.as_str()).ok())
        .or_else(|| parts.headers.get(header::HOST).cloned());
    headers::for_upstream(&mut parts.headers, peer.ip(), host);
    if let Some((protocol, _)) = &client_upgrade {
        parts
            .headers
            .insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        parts.headers.insert(header::UPGRADE, protocol.clone());
    }
    parts.uri = origin_form(&parts.uri)?;
    parts.version = Version::HTTP_11;
    let idempotent = is_idempotent(&parts.method) && client_upgrade.is_none();
    let outgoing = Outgoing::new(parts, body, idempotent, idle).await?;
    let (answer, routing) = Attempts::new(service, idempotent).run(outgoing).await?;
    Ok(finish(
        service,
        &routing,
        answer,
        client_upgrade.map(|(_, upgrade)| upgrade),
    ))
}

pub(crate) fn check(request: &Request<Incoming>) -> Result<(), Problem> {
    if request.headers().contains_key(CONFLICT_MARK) {
        return Err(Problem::malformed(
            "the request has both Content-Length and Transfer-Encoding; send one of them",
        ));
    }
    if request.method() == Method::CONNECT {
        return Err(Problem::malformed("CONNECT is not served here"));
    }
    let hosts = request.headers().get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Err(Problem::malformed("a request has exactly one Host header"));
    }
    Ok(())
}

fn origin_form(uri: &Uri) -> Result<Uri, Problem> {
    let path = uri.path_and_query().map_or("/", |p| p.as_str());
    path.parse()
        .map_err(|_| Problem::malformed("the request target is not a path"))
}

pub(crate) fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
    )
}

/// A request on its way, with what is needed to send it again.
pub(crate) enum Outgoing {
    /// Can be sent any number of times.
    Replayable {
        parts: Box<http::request::Parts>,
        body: Bytes,
    },
    /// Holds a stream that can be read once.
    Once(Box<Request<RequestBody>>),
}

impl Outgoing {
    async fn new(
        parts: http::request::Parts,
        body: Incoming,
        idempotent: bool,
        idle: Duration,
    ) -> Result<Self, Problem> {
        if body.is_end_stream() {
            return Ok(Self::Replayable {
                parts: Box::new(parts),
                body: Bytes::new(),
            });
        }
        let small = body
            .size_hint()
            .exact()
            .is_some_and(|size| size <= REPLAY_LIMIT);
        let body = Paced::new(body, idle);
        if idempotent && small {
            let limit = usize::try_from(REPLAY_LIMIT).unwrap_or(usize::MAX);
            let body = Limited::new(body, limit)
                .collect()
                .await
                .map_err(|error| Problem::client_body(error.to_string()))?
                .to_bytes();
            return Ok(Self::Replayable {
                parts: Box::new(parts),
                body,
            });
        }
        Ok(Self::Once(Box::new(Request::from_parts(
            parts,
            body.boxed_unsync(),
        ))))
    }

    /// The request to send now, and what is left to send it again.
    pub(crate) fn take(self) -> (Request<RequestBody>, Option<Self>) {
        match self {
            Self::Once(request) => (*request, None),
            Self::Replayable { parts, body } => {
                let sent = if body.is_empty() {
                    Empty::new().map_err(|never| match never {}).boxed_unsync()
                } else {
                    Full::new(body.clone())
                        .map_err(|never| match never {})
                        .boxed_unsync()
                };
                let request = Request::from_parts((*parts).clone(), sent);
                (request, Some(Self::Replayable { parts, body }))
            }
        }
    }
}

/// Makes the client's answer out of the version's.
fn finish(
    service: &Arc<Service>,
    routing: &Routing,
    answer: Answer,
    client_upgrade: Option<OnUpgrade>,
) -> Response<ResponseBody> {
    let Answer {
        mut response,
        connection,
        in_flight,
    } = answer;
    let label = in_flight.upstream().label.clone();
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return match client_upgrade {
            Some(client) => switch_protocols(routing, response, in_flight, client, &label),
            None => Problem::protocol("the service changed the protocol unasked".to_owned())
                .into_response("-"),
        };
    }
    headers::for_client(response.headers_mut(), &routing.label_name, &label);
    if client_upgrade.is_some() {
        // The connection is no longer looked into after a request to upgrade it.
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let idle = Duration::from_millis(routing.spec.timeouts.idle_ms);
    *response.version_mut() = Version::HTTP_11;
    let activation = Arc::clone(&routing.activation);
    response.map(|body| {
        Forwarded::new(
            body,
            idle,
            connection,
            in_flight,
            Arc::clone(service) as Arc<dyn Cuts>,
            &activation,
        )
        .boxed_unsync()
    })
}

/// Hands the two ends of an upgraded connection to each other.
fn switch_protocols(
    routing: &Routing,
    mut response: Response<Incoming>,
    in_flight: crate::upstream::InFlight,
    client: OnUpgrade,
    label: &HeaderValue,
) -> Response<ResponseBody> {
    let protocol = response.headers().get(header::UPGRADE).cloned();
    let upstream = hyper::upgrade::on(&mut response);
    join(client, upstream, routing.activation.over(), in_flight);
    headers::for_client(response.headers_mut(), &routing.label_name, label);
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(protocol) = protocol {
        headers.insert(header::UPGRADE, protocol);
    }
    response.map(|_| Empty::new().map_err(|never| match never {}).boxed_unsync())
}

/// Joins the two ends of an upgraded connection until one of them ends, or it has to be `over`;
/// `held` is let go then.
pub(crate) fn join(
    client: OnUpgrade,
    upstream: OnUpgrade,
    over: impl Future<Output = ()> + Send + 'static,
    held: impl Send + 'static,
) {
    tokio::spawn(async move {
        let (mut client, mut upstream) = match tokio::try_join!(client, upstream) {
            Ok((client, upstream)) => (TokioIo::new(client), TokioIo::new(upstream)),
            Err(error) => {
                tracing::debug!(%error, "an upgrade was not completed");
                return;
            }
        };
        tokio::select! {
            ended = tokio::io::copy_bidirectional(&mut client, &mut upstream) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "an upgraded connection ended");
                }
            }
            () = over => {}
        }
        drop(held);
    });
}
