//! A request's way through the data plane: decide, prepare, send, answer.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::upgrade::OnUpgrade;
use rialto_esb_snapshot::{self as model, InterfaceState};
use tokio::time::Instant;

use super::Interfaces;
use super::call::Tries;
use super::calls::Call;
use super::decide::{Decided, Head, Place, Spend, decide, limit_headers};
use super::once::{Claimed, Reply, Ticket, claim, kept, replayed};
use super::outgoing::{Watches, outgoing, too_large, watches};
use super::reading;
use super::refusal::{Refusal, Sent, wants_chinese};
use super::table::Table;
use super::token;
use super::trace::Trace;
use super::validate::{AnswerWatch, Verdict};
use crate::body::{BoxError, ResponseBody};
use crate::forward::{Answer, Cuts, Forwarded};
use crate::headers;
use crate::listener::Answers;
use crate::proxy;
use crate::upstream::Upstream;

impl Answers for Interfaces {
    fn name(&self) -> &str {
        "interfaces"
    }

    async fn answer(
        self: Arc<Self>,
        peer: SocketAddr,
        request: Request<Incoming>,
        _: String,
    ) -> Response<ResponseBody> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let chinese = wants_chinese(request.headers());
        let trace = self.names.trace(request.headers());
        let mut serial = String::new();
        match serve(&self, peer, request, &trace, &mut serial).await {
            Ok(response) => response,
            Err(refusal) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                if refusal.status.is_server_error() {
                    tracing::warn!(
                        trace = trace.id,
                        serial,
                        code = refusal.slug,
                        detail = refusal.detail.0,
                        "request failed"
                    );
                }
                let close = matches!(
                    refusal.slug,
                    "malformed-request" | "malformed-body" | "body-too-large"
                );
                let mut response = refusal.into_response(chinese, &trace.id, &serial);
                named(response.headers_mut(), &serial);
                if close {
                    // Nobody knows where the next request begins.
                    let headers = response.headers_mut();
                    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                response
            }
        }
    }
}

impl Cuts for Interfaces {
    fn answer_cut(&self, upstream: &Upstream, error: &BoxError) {
        tracing::warn!(instance = %upstream.address(), error, "an answer was cut off");
    }
}

fn named(headers: &mut HeaderMap, serial: &str) {
    if let Ok(value) = HeaderValue::from_str(serial)
        && !serial.is_empty()
    {
        headers.insert("x-biz-serial", value);
    }
}

async fn serve(
    interfaces: &Arc<Interfaces>,
    peer: SocketAddr,
    mut request: Request<Incoming>,
    trace: &Trace,
    serial: &mut String,
) -> Result<Response<ResponseBody>, Refusal> {
    well_formed(&request)?;
    // A request ends on the table it began with.
    let table = interfaces.table.load_full().ok_or_else(unpublished)?;
    let now = interfaces.clock.now();
    let names = &interfaces.names;
    *serial = names.serial(request.headers(), false, now.at, &table.zone);
    if token::is_asked(&table, request.uri().path()) {
        let (parts, body) = request.into_parts();
        return token::answer(&table, &parts, body, now).await;
    }
    let client = headers::upgrade_protocol(request.headers())
        .map(|protocol| (protocol, hyper::upgrade::on(&mut request)));
    let (mut parts, body) = request.into_parts();
    let host = host_of(&parts);
    let head = Head {
        method: parts.method.as_str(),
        target: parts
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str()),
        authority: host
            .as_ref()
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default(),
        headers: &parts.headers,
        peer: peer.ip().to_canonical(),
        trace,
    };
    let mut decided = decide(&table, &head, now, &interfaces.nonces, Spend::Live, &mut ())?;
    let applications = &table.snapshot.applications;
    let caller = decided.caller.as_ref();
    if caller.is_some_and(|one| applications[one.application].trusted) {
        *serial = names.serial(&parts.headers, true, now.at, &table.zone);
    }
    let spec = &table.snapshot.routes[decided.number];
    let sending = Sending {
        interfaces,
        table: &table,
        deadline: deadline(&parts.headers, &decided),
        retries: if parts.headers.contains_key("x-retry-attempt") {
            0
        } else {
            spec.retry.retries
        },
    };
    let call = interfaces.calls.began(&table, &decided, now.at);
    let watches = watches(interfaces, &table, &decided, call, &parts.headers);
    prepare(&mut parts, &table, &decided, trace, serial, peer, host)?;
    if let Some((protocol, _)) = &client {
        upgrades(&mut parts.headers, protocol);
    }
    let repeats = proxy::is_idempotent(&parts.method) || spec.retry.idempotent;
    let repeats = client.is_none() && repeats;
    let way = sending
        .send((parts, body), &decided, repeats, call, watches)
        .await?;
    let (client, place) = (client.map(|(_, client)| client), decided.place.take());
    match way {
        Way::Answered(answer, ticket) => {
            let answer = finish(interfaces, &table, &decided, place, *answer, client, serial);
            kept(ticket, answer.await).await
        }
        Way::Replayed(reply) => Ok(replayed(&reply, |headers| {
            mark(headers, &table, &decided, serial);
        })),
    }
}

/// The caller asks for another protocol, and so does the gateway.
fn upgrades(headers: &mut HeaderMap, protocol: &HeaderValue) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, protocol.clone());
}

/// Whom the request asks: the authority of its target, or `Host`.
fn host_of(parts: &http::request::Parts) -> Option<HeaderValue> {
    let authority = parts.uri.authority();
    let asked = authority.and_then(|one| HeaderValue::from_str(one.as_str()).ok());
    asked.or_else(|| parts.headers.get(header::HOST).cloned())
}

fn well_formed(request: &Request<Incoming>) -> Result<(), Refusal> {
    proxy::check(request).map_err(|problem| {
        Refusal::new(
            "malformed-request",
            problem.detail,
            "请求格式有误，无法可靠解析",
        )
    })
}

fn unpublished() -> Refusal {
    Refusal::new(
        "bus-unavailable",
        "nothing was published to this node yet",
        "该节点尚未收到任何发布",
    )
    .retry_after_ns(1)
}

/// How a request was answered.
enum Way {
    /// By the provider; with its idempotency key, if it has one.
    Answered(Box<Answer>, Option<Ticket>),
    /// As it was before.
    Replayed(Arc<Reply>),
}

/// A request on its way to its pool.
struct Sending<'a> {
    interfaces: &'a Arc<Interfaces>,
    table: &'a Table,
    deadline: Instant,
    retries: u32,
}

impl Sending<'_> {
    /// Sends it and counts the call.
    async fn send(
        self,
        request: (http::request::Parts, Incoming),
        decided: &Decided<'_>,
        idempotent: bool,
        call: Call,
        watches: Watches,
    ) -> Result<Way, Refusal> {
        let (interfaces, began) = (self.interfaces, Instant::now());
        let answer = self.on_its_way(request, decided, idempotent, watches).await;
        let status = match &answer {
            Ok(Way::Answered(answer, _)) => answer.response.status(),
            Ok(Way::Replayed(reply)) => reply.status,
            Err(refusal) => refusal.status,
        };
        interfaces.calls.ended(call, status, began.elapsed());
        answer
    }

    async fn on_its_way(
        self,
        (mut parts, body): (http::request::Parts, Incoming),
        decided: &Decided<'_>,
        idempotent: bool,
        watches: Watches,
    ) -> Result<Way, Refusal> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if let Ok(left) = HeaderValue::from_str(&left.as_millis().to_string()) {
            parts.headers.insert("x-request-timeout-ms", left);
        }
        let exceeded = Arc::new(AtomicBool::new(false));
        let outgoing = outgoing(
            (parts, body),
            self.table,
            decided,
            idempotent,
            &exceeded,
            watches,
        )
        .await?;
        let ticket = match &decided.key {
            None => None,
            Some(key) => match claim(self.interfaces, self.table, decided, key, &outgoing)? {
                Claimed::Go(ticket) => Some(ticket),
                Claimed::Replay(reply) => return Ok(Way::Replayed(reply)),
            },
        };
        let tries = Tries {
            interfaces: self.interfaces,
            route: decided.route,
            retry: &self.table.snapshot.routes[decided.number].retry,
            pool: decided.pool,
            idempotent,
            retries: self.retries,
            deadline: self.deadline,
        };
        let answer = tries.run(outgoing).await.map_err(|refusal| {
            if exceeded.load(Ordering::Acquire) {
                too_large(self.table, decided).sent(Sent::Unknown)
            } else {
                refusal
            }
        });
        match answer {
            Ok(answer) => Ok(Way::Answered(Box::new(answer), ticket)),
            Err(refusal) => {
                if let Some(ticket) = ticket {
                    ticket.failed(&refusal, idempotent);
                }
                Err(refusal)
            }
        }
    }
}

/// When the answer's head must be there: the route's time, or the caller's if that is shorter.
fn deadline(headers: &HeaderMap, decided: &Decided<'_>) -> Instant {
    let asked = headers
        .get("x-request-timeout-ms")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok())
        .map(Duration::from_millis);
    Instant::now() + asked.map_or(decided.route.total, |asked| asked.min(decided.route.total))
}

/// Makes the head fit for the upstream: proofs of the caller stay here, names of the request and of
/// the caller go on.
fn prepare(
    parts: &mut http::request::Parts,
    table: &Table,
    decided: &Decided<'_>,
    trace: &Trace,
    serial: &str,
    peer: SocketAddr,
    host: Option<HeaderValue>,
) -> Result<(), Refusal> {
    let headers = &mut parts.headers;
    headers::for_upstream(headers, peer.ip().to_canonical(), host);
    for name in [
        "x-api-key",
        "signature",
        "signature-input",
        "x-rialto-application",
    ] {
        headers.remove(name);
    }
    if let Some(caller) = &decided.caller {
        // A token that was checked here speaks of the gateway, not of the provider.
        headers.remove(header::AUTHORIZATION);
        let id = &table.snapshot.applications[caller.application].id;
        if let Ok(value) = HeaderValue::from_str(id) {
            headers.insert("x-rialto-application", value);
        }
    }
    if !trace.continued {
        headers.remove("tracestate");
    }
    if let Ok(value) = HeaderValue::from_str(&trace.parent()) {
        headers.insert("traceparent", value);
    }
    named(headers, serial);
    if masks(decided) || enforces_answers(decided) {
        // What has to be read must not come packed or in parts.
        for name in [header::ACCEPT_ENCODING, header::RANGE, header::IF_RANGE] {
            headers.remove(name);
        }
    }
    parts.uri = decided.target.parse().map_err(|_| {
        Refusal::new(
            "malformed-request",
            "the request target is not a path",
            "请求目标不是有效路径",
        )
    })?;
    parts.version = Version::HTTP_11;
    Ok(())
}

pub(crate) fn clearance(decided: &Decided<'_>) -> u8 {
    decided.subscription.map_or(1, |one| one.spec.clearance)
}

fn masks(decided: &Decided<'_>) -> bool {
    let masker = decided.route.masker.as_ref();
    masker.is_some_and(|masker| masker.hides_from(clearance(decided)))
}

fn enforces_answers(decided: &Decided<'_>) -> bool {
    let rules = decided.route.rules.as_ref();
    rules.is_some_and(|rules| rules.response == model::Mode::Enforce)
}

pub(crate) fn policy<'t>(table: &'t Table, decided: &Decided<'_>) -> &'t model::Policy {
    &table.snapshot.policies[decided.route.policy]
}

async fn finish(
    interfaces: &Arc<Interfaces>,
    table: &Table,
    decided: &Decided<'_>,
    place: Option<Place>,
    answer: Answer,
    client: Option<OnUpgrade>,
    serial: &str,
) -> Result<Response<ResponseBody>, Refusal> {
    let Answer {
        mut response,
        connection,
        in_flight,
    } = answer;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let answer = Answer {
            response,
            connection,
            in_flight,
        };
        return switched((table, decided), place, answer, client, serial);
    }
    mark(response.headers_mut(), table, decided, serial);
    *response.version_mut() = Version::HTTP_11;
    if client.is_some() {
        // The connection is no longer looked into after a request to upgrade it.
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let cuts = Arc::clone(interfaces) as Arc<dyn Cuts>;
    let activation = &decided.pool.activation;
    let forward = |body| {
        Forwarded::new(
            body,
            decided.route.idle,
            connection,
            in_flight,
            cuts,
            activation,
        )
    };
    let content = has_content(&response);
    let head = (response.status(), response.headers());
    let verdict = AnswerWatch::verdict(interfaces, table, decided, head, content)?;
    let masks = masks(decided) && content;
    let (watch, hold) = match verdict {
        Verdict::Passes => (None, false),
        Verdict::Observed(watch) => (Some(watch), false),
        Verdict::Held(watch) => (Some(watch), true),
    };
    if masks || hold {
        let (parts, body) = response.into_parts();
        let read = reading::read(&parts, forward(body), (table, decided), masks, watch).await?;
        let parts = if masks {
            reading::without_traces(parts, read.len())
        } else {
            parts
        };
        return Ok(Response::from_parts(parts, full(read)));
    }
    let most = policy(table, decided).buffered_bytes;
    Ok(response.map(|body| {
        let held = Held {
            body: forward(body),
            place,
        };
        match watch {
            Some(watch) => watch.over(held, most).boxed_unsync(),
            None => held.boxed_unsync(),
        }
    }))
}

/// Joins caller and provider after a change of protocol that the caller asked for.
fn switched(
    (table, decided): (&Table, &Decided<'_>),
    place: Option<Place>,
    answer: Answer,
    client: Option<OnUpgrade>,
    serial: &str,
) -> Result<Response<ResponseBody>, Refusal> {
    let mut response = answer.response;
    let Some(client) = client else {
        return Err(Refusal::new(
            "backend-protocol-error",
            "the service changed the protocol unasked",
            "后端未经请求切换了协议",
        )
        .sent(Sent::Yes));
    };
    let protocol = response.headers().get(header::UPGRADE).cloned();
    let upstream = hyper::upgrade::on(&mut response);
    let over = decided.pool.activation.over();
    proxy::join(client, upstream, over, (answer.in_flight, place));
    mark(response.headers_mut(), table, decided, serial);
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(protocol) = protocol {
        headers.insert(header::UPGRADE, protocol);
    }
    Ok(response.map(|_| empty()))
}

fn empty() -> ResponseBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

fn full(body: Bytes) -> ResponseBody {
    Full::new(body)
        .map_err(|never| match never {})
        .boxed_unsync()
}

fn has_content(response: &Response<Incoming>) -> bool {
    !response.body().is_end_stream()
}

/// What answers say of the gateway's decisions.
fn mark(headers: &mut HeaderMap, table: &Table, decided: &Decided<'_>, serial: &str) {
    headers::remove_hop_by_hop(headers);
    headers.append(header::VIA, HeaderValue::from_static("1.1 rialto"));
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    for (name, value) in limit_headers(&decided.limits) {
        set(name, &value);
    }
    let spec = &table.snapshot.routes[decided.number];
    set(HeaderName::from_static("x-biz-serial"), serial);
    set(
        HeaderName::from_static("x-rialto-variant"),
        &spec.variants[decided.variant].name,
    );
    if let InterfaceState::Deprecated {
        since,
        sunset,
        successor,
    } = &table.snapshot.interfaces[decided.route.interface].state
    {
        set(
            HeaderName::from_static("deprecation"),
            &format!("@{}", since.as_second()),
        );
        if let Some(sunset) = sunset {
            let date = sunset.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            set(HeaderName::from_static("sunset"), &date);
        }
        if let Some(successor) = successor {
            let link = format!("<{successor}>; rel=\"successor-version\"");
            if let Ok(link) = HeaderValue::from_str(&link) {
                headers.append(header::LINK, link);
            }
        }
    }
}

/// A body that keeps a place among requests at once until it ends.
struct Held {
    body: Forwarded,
    place: Option<Place>,
}

impl Body for Held {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.place = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
