//! A request's way through the gateway: refuse, prepare, attempt, retry, answer.

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

use crate::body::{Paced, RequestBody, ResponseBody};
use crate::forward::{Answer, AttemptError, Forwarded, attempt};
use crate::framing::CONFLICT_MARK;
use crate::headers;
use crate::problem::Problem;
use crate::service::{Routing, Service};
use crate::upstream::{Health, Upstream};

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
        Ok(response) => response,
        Err(refused) => {
            if refused.status.is_server_error() {
                service.failures.fetch_add(1, Ordering::Relaxed);
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
    let (answer, routing) = Attempts {
        service,
        idempotent,
        made: 0,
    }
    .run(outgoing)
    .await?;
    Ok(finish(
        service,
        &routing,
        answer,
        client_upgrade.map(|(_, upgrade)| upgrade),
    ))
}

fn check(request: &Request<Incoming>) -> Result<(), Problem> {
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

fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
    )
}

/// A request on its way, with what is needed to send it again.
enum Outgoing {
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
    fn take(self) -> (Request<RequestBody>, Option<Self>) {
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

struct Attempts<'a> {
    service: &'a Arc<Service>,
    idempotent: bool,
    made: u32,
}

impl Attempts<'_> {
    async fn run(mut self, mut outgoing: Outgoing) -> Result<(Answer, Arc<Routing>), Problem> {
        loop {
            // Each attempt reads the snapshot anew: after a switch it goes to the new version.
            let made = self.made;
            let (routing, in_flight) = self.service.select(|r| choose(r, made));
            let Some(in_flight) = in_flight else {
                return Err(Problem::no_backend(&self.service.name));
            };
            let upstream = Arc::clone(in_flight.upstream());
            if self.made > 0 {
                self.service.retried.fetch_add(1, Ordering::Relaxed);
                upstream.retried.fetch_add(1, Ordering::Relaxed);
            }
            self.made += 1;
            let (request, again) = outgoing.take();
            let times = &routing.spec.timeouts;
            let limits = (
                Duration::from_millis(times.connect_ms),
                Duration::from_millis(times.first_byte_ms),
            );
            let result = attempt(
                in_flight,
                &routing.activation,
                request,
                self.made > 1,
                limits,
            )
            .await;
            let (problem, next) = match result {
                Ok(answer) => return Ok((answer, routing)),
                Err(failed) => self.judge(failed, again, &upstream, &routing),
            };
            upstream.failures.fetch_add(1, Ordering::Relaxed);
            match next {
                Some(next) if self.made < routing.spec.retry.max_attempts => outgoing = next,
                _ => return Err(problem),
            }
            tokio::time::sleep(Duration::from_millis(5 << self.made.min(5))).await;
        }
    }

    /// What the client is told if this was the last attempt, and what may be sent again.
    fn judge(
        &self,
        failed: AttemptError,
        again: Option<Outgoing>,
        upstream: &Upstream,
        routing: &Routing,
    ) -> (Problem, Option<Outgoing>) {
        match failed {
            AttemptError::NotSent { request, reason } => {
                // A failed connect ejects at once; the health check brings it back.
                if routing.spec.health.is_some() {
                    upstream.set_health(Health::Unhealthy);
                }
                let next = again.or(Some(Outgoing::Once(request)));
                (Problem::connect_failed(reason), next)
            }
            AttemptError::Reset { reason } => {
                (Problem::reset(reason), again.filter(|_| self.idempotent))
            }
            AttemptError::Protocol { reason } => (Problem::protocol(reason), None),
            AttemptError::Timeout => (Problem::timeout(routing.spec.timeouts.first_byte_ms), None),
        }
    }
}

/// The version for an attempt: the active one, or the standby while the active one is unhealthy
/// and the standby is not.
fn choose(routing: &Routing, made: u32) -> Option<Arc<Upstream>> {
    let active = routing.active.as_ref()?;
    let standby = routing
        .standby
        .as_ref()
        .filter(|s| s.health() != Health::Unhealthy);
    let failing =
        active.health() == Health::Unhealthy || (routing.spec.health.is_none() && made >= 2);
    match standby {
        Some(standby) if failing => Some(Arc::clone(standby)),
        _ => Some(Arc::clone(active)),
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
            Arc::clone(service),
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
    let over = routing.activation.over();
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
        drop(in_flight);
    });
    headers::for_client(response.headers_mut(), &routing.label_name, label);
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(protocol) = protocol {
        headers.insert(header::UPGRADE, protocol);
    }
    response.map(|_| Empty::new().map_err(|never| match never {}).boxed_unsync())
}
