//! A request's way through the data plane: decide, prepare, send, answer.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::upgrade::OnUpgrade;
use rialto_esb_snapshot::{self as model, InterfaceState};
use tokio::time::Instant;

use super::Interfaces;
use super::auth::digest_fits;
use super::call::Tries;
use super::decide::{Decided, Head, Place, Spend, decide, limit_headers};
use super::refusal::{Refusal, Sent, wants_chinese};
use super::table::Table;
use super::trace::Trace;
use crate::body::{BoxError, Paced, ResponseBody};
use crate::forward::{Answer, Cuts, Forwarded};
use crate::headers;
use crate::listener::Answers;
use crate::proxy::{self, Outgoing};
use crate::upstream::Upstream;

/// Largest body that is held so that its request can be sent again.
const REPLAY_BYTES: u64 = 64 * 1024;

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
    proxy::check(&request).map_err(|problem| {
        Refusal::new(
            "malformed-request",
            problem.detail,
            "请求格式有误，无法可靠解析",
        )
    })?;
    // A request ends on the table it began with.
    let table = interfaces.table.load_full().ok_or_else(unpublished)?;
    let now = interfaces.clock.now();
    *serial = interfaces
        .names
        .serial(request.headers(), false, now.at, &table.zone);
    let client = headers::upgrade_protocol(request.headers())
        .map(|protocol| (protocol, hyper::upgrade::on(&mut request)));
    let (mut parts, body) = request.into_parts();
    let host = parts
        .uri
        .authority()
        .and_then(|one| HeaderValue::from_str(one.as_str()).ok());
    let host = host.or_else(|| parts.headers.get(header::HOST).cloned());
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
    let trusted = decided
        .caller
        .as_ref()
        .is_some_and(|one| table.snapshot.applications[one.application].trusted);
    if trusted {
        *serial = interfaces
            .names
            .serial(&parts.headers, true, now.at, &table.zone);
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
    prepare(&mut parts, &table, &decided, trace, serial, peer, host)?;
    if let Some((protocol, _)) = &client {
        let headers = &mut parts.headers;
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, protocol.clone());
    }
    let repeatable = proxy::is_idempotent(&parts.method) || spec.retry.idempotent;
    let idempotent = client.is_none() && repeatable;
    let answer = sending.send(parts, body, &decided, idempotent).await?;
    let client = client.map(|(_, client)| client);
    let place = decided.place.take();
    finish(interfaces, &table, &decided, place, answer, client, serial).await
}

fn unpublished() -> Refusal {
    Refusal::new(
        "bus-unavailable",
        "nothing was published to this node yet",
        "该节点尚未收到任何发布",
    )
    .retry_after_ns(1)
}

/// A request on its way to its pool.
struct Sending<'a> {
    interfaces: &'a Interfaces,
    table: &'a Table,
    deadline: Instant,
    retries: u32,
}

impl Sending<'_> {
    async fn send(
        self,
        mut parts: http::request::Parts,
        body: Incoming,
        decided: &Decided<'_>,
        idempotent: bool,
    ) -> Result<Answer, Refusal> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if let Ok(left) = HeaderValue::from_str(&left.as_millis().to_string()) {
            parts.headers.insert("x-request-timeout-ms", left);
        }
        let exceeded = Arc::new(AtomicBool::new(false));
        let outgoing = outgoing(parts, body, self.table, decided, idempotent, &exceeded).await?;
        let tries = Tries {
            interfaces: self.interfaces,
            route: decided.route,
            retry: &self.table.snapshot.routes[decided.number].retry,
            pool: decided.pool,
            idempotent,
            retries: self.retries,
            deadline: self.deadline,
        };
        tries.run(outgoing).await.map_err(|refusal| {
            if exceeded.load(Ordering::Acquire) {
                too_large(self.table, decided).sent(Sent::Unknown)
            } else {
                refusal
            }
        })
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
    if masks(decided) {
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

fn clearance(decided: &Decided<'_>) -> u8 {
    decided.subscription.map_or(1, |one| one.spec.clearance)
}

fn masks(decided: &Decided<'_>) -> bool {
    decided.route.masker.is_some() && clearance(decided) < 4
}

fn policy<'t>(table: &'t Table, decided: &Decided<'_>) -> &'t model::Policy {
    &table.snapshot.policies[decided.route.policy]
}

fn too_large(table: &Table, decided: &Decided<'_>) -> Refusal {
    let most = policy(table, decided).body_bytes;
    Refusal::new(
        "body-too-large",
        format!("bodies of at most {most} bytes pass"),
        format!("请求体最多 {most} 字节"),
    )
}

/// The body: held when something has to read it whole or the request may be sent again.
async fn outgoing(
    parts: http::request::Parts,
    body: Incoming,
    table: &Table,
    decided: &Decided<'_>,
    idempotent: bool,
    exceeded: &Arc<AtomicBool>,
) -> Result<Outgoing, Refusal> {
    let policy = policy(table, decided);
    let digest = decided.caller.as_ref().and_then(|caller| caller.digest);
    let length = body.size_hint().exact();
    if length.is_some_and(|length| length > policy.body_bytes) {
        return Err(too_large(table, decided));
    }
    let parts = Box::new(parts);
    if body.is_end_stream() && digest.is_none() {
        return Ok(Outgoing::Replayable {
            parts,
            body: Bytes::new(),
        });
    }
    let small = length.is_some_and(|length| length <= REPLAY_BYTES.min(policy.buffered_bytes));
    let body = Paced::new(body, decided.route.idle);
    if digest.is_none() && !(idempotent && small) {
        let body = Capped {
            body,
            left: policy.body_bytes,
            exceeded: Arc::clone(exceeded),
        };
        return Ok(Outgoing::Once(Box::new(Request::from_parts(
            *parts,
            body.boxed_unsync(),
        ))));
    }
    let most = usize::try_from(policy.buffered_bytes).unwrap_or(usize::MAX);
    let read = Limited::new(body, most).collect().await;
    let body = read.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            return Refusal::new(
                "body-too-large",
                format!("a body that has to be read whole has at most {most} bytes"),
                format!("需整体读取的请求体最多 {most} 字节"),
            );
        }
        Refusal::new("malformed-body", error.to_string(), "请求体读取失败")
    })?;
    let body = body.to_bytes();
    if digest.is_some_and(|digest| !digest_fits(&digest, &body)) {
        return Err(Refusal::new(
            "signature-invalid",
            "the body is not the one Content-Digest was made of",
            "请求体与 Content-Digest 不符",
        ));
    }
    Ok(Outgoing::Replayable { parts, body })
}

/// A body that ends when it grows too large.
struct Capped {
    body: Paced,
    left: u64,
    exceeded: Arc<AtomicBool>,
}

impl Body for Capped {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            let Some(left) = self.left.checked_sub(data.len() as u64) else {
                self.exceeded.store(true, Ordering::Release);
                return Poll::Ready(Some(Err("the body is too large".into())));
            };
            self.left = left;
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
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if switched {
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
        proxy::join(client, upstream, over, (in_flight, place));
        mark(response.headers_mut(), table, decided, serial);
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        if let Some(protocol) = protocol {
            response.headers_mut().insert(header::UPGRADE, protocol);
        }
        return Ok(response.map(|_| empty()));
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
    if masks(decided) && has_content(&response) {
        let (parts, body) = response.into_parts();
        let masked = masked(&parts, forward(body), table, decided).await?;
        return Ok(Response::from_parts(
            without_traces(parts, masked.len()),
            full(masked),
        ));
    }
    Ok(response.map(|body| {
        Held {
            body: forward(body),
            place,
        }
        .boxed_unsync()
    }))
}

fn empty() -> ResponseBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

fn full(text: String) -> ResponseBody {
    Full::new(Bytes::from(text))
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

/// The answer as its caller sees it. What cannot be read is withheld.
async fn masked(
    parts: &http::response::Parts,
    body: Forwarded,
    table: &Table,
    decided: &Decided<'_>,
) -> Result<String, Refusal> {
    let withheld =
        |slug: &'static str, en: String, zh: String| Refusal::new(slug, en, zh).sent(Sent::Yes);
    let invalid = |en: &str, zh: &str| withheld("response-invalid", en.to_owned(), zh.to_owned());
    let kind = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let json =
        kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
    if !json || parts.headers.contains_key(header::CONTENT_ENCODING) {
        return Err(invalid(
            "fields of the answer have to be masked, and it is no plain JSON",
            "应答需要脱敏，但其不是未压缩的 JSON",
        ));
    }
    let most = usize::try_from(policy(table, decided).buffered_bytes).unwrap_or(usize::MAX);
    let read = Limited::new(body, most).collect().await;
    let body = read.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            let en = format!(
                "fields of the answer have to be masked, and it has more than {most} bytes"
            );
            return withheld(
                "response-too-large",
                en,
                format!("应答需要脱敏，但超过 {most} 字节"),
            );
        }
        withheld(
            "backend-reset",
            "the answer was cut off".to_owned(),
            "后端应答中断".to_owned(),
        )
    })?;
    let masker = decided.route.masker.as_ref();
    let text = masker.and_then(|masker| masker.masked(&body.to_bytes(), clearance(decided)));
    text.ok_or_else(|| {
        invalid(
            "fields of the answer have to be masked, and it cannot be read as JSON",
            "应答需要脱敏，但无法按 JSON 解析",
        )
    })
}

/// Headers that spoke of the body as it was.
fn without_traces(mut parts: http::response::Parts, length: usize) -> http::response::Parts {
    for name in [
        "etag",
        "content-digest",
        "repr-digest",
        "content-md5",
        "digest",
        "accept-ranges",
        "trailer",
    ] {
        parts.headers.remove(name);
    }
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    parts
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
