//! Requests with an idempotency key are carried out once (specification, section 5.10): a repeat gets
//! the answer that was given, or is told why there is none. Keys are kept by this node, in memory.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame};
use rialto_esb_policy::idempotency::{Claim, Fingerprint, Keys, Room, Scope, Settled};

use super::Interfaces;
use super::decide::Decided;
use super::refusal::{Refusal, Sent};
use super::table::Table;
use crate::body::{BoxError, ResponseBody};
use crate::proxy::Outgoing;

/// Room of a node: a day of a hundred requests a minute, and 64 MiB of their answers.
const ROOM: Room = Room {
    keys: 200_000,
    bytes: 64 << 20,
};
/// Largest answer that is kept.
const MOST_REPLY: usize = 256 * 1024;
/// What an answer's head takes beside its body, roughly.
const HEAD_BYTES: usize = 1_024;

/// An answer that is given again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Keys of a node.
#[derive(Debug)]
pub(crate) struct Once(Mutex<Keys<Reply>>);

impl Default for Once {
    fn default() -> Self {
        Self(Mutex::new(Keys::new(ROOM)))
    }
}

/// What a request with a key comes to.
pub(crate) enum Claimed {
    /// It goes on.
    Go(Ticket),
    /// It was answered before.
    Replay(Arc<Reply>),
}

/// A request that goes on, and holds its key until it is known what became of it.
pub(crate) struct Ticket {
    interfaces: Arc<Interfaces>,
    scope: Scope,
    keep_ms: u64,
    open: bool,
}

fn now_ms(interfaces: &Interfaces) -> u64 {
    interfaces.clock.now().ns / 1_000_000
}

fn fingerprint(outgoing: &Outgoing, target: &str) -> Option<Fingerprint> {
    let Outgoing::Replayable { parts, body } = outgoing else {
        return None;
    };
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    for part in [
        parts.method.as_str().as_bytes(),
        b"\n",
        target.as_bytes(),
        b"\n",
        body,
    ] {
        digest.update(part);
    }
    digest.finish().as_ref().try_into().ok()
}

/// Claims the key of a request whose body is held.
pub(crate) fn claim(
    interfaces: &Arc<Interfaces>,
    table: &Table,
    decided: &Decided<'_>,
    key: &str,
    outgoing: &Outgoing,
) -> Result<Claimed, Refusal> {
    let spec = &table.snapshot.routes[decided.number];
    let application = decided.caller.as_ref().map(|caller| caller.application);
    let application = application.map(|n| table.snapshot.applications[n].id.clone());
    let major = spec.version.split('.').next().unwrap_or_default();
    let scope = Scope {
        application: application.unwrap_or_default(),
        operation: format!("{}/{major}/{}", spec.interface, spec.operation),
        key: key.to_owned(),
    };
    let Some(fingerprint) = fingerprint(outgoing, &decided.target) else {
        return Err(Refusal::new(
            "malformed-body",
            "the body was not held",
            "请求体未能缓存",
        ));
    };
    let keep_s = spec.idempotency.as_ref().map_or(0, |asked| asked.keep_s);
    let claim = {
        let mut keys = interfaces
            .once
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        keys.claim(&scope, fingerprint, now_ms(interfaces))
    };
    match claim {
        Claim::Go => Ok(Claimed::Go(Ticket {
            interfaces: Arc::clone(interfaces),
            scope,
            keep_ms: u64::from(keep_s) * 1_000,
            open: true,
        })),
        Claim::Replay(reply) => Ok(Claimed::Replay(reply)),
        Claim::InProgress => Err(Refusal::new(
            "idempotency-in-progress",
            "the same request is on its way: wait for its answer",
            "相同请求正在处理，请等待其应答",
        )
        .retry_after_ns(1_000_000_000)),
        Claim::Reused => Err(Refusal::new(
            "idempotency-key-reused",
            "the key was used for another request: make a new one for each",
            "该幂等键已用于另一请求，每个请求须使用新的键",
        )),
        Claim::OutcomeUnknown => Err(Refusal::new(
            "outcome-unknown",
            "the request was sent before, and its answer is not known here: ask the provider what became of it",
            "该请求此前已发送而应答未知，请向提供方确认结果",
        )
        .sent(Sent::Unknown)),
        Claim::Full => Err(Refusal::new(
            "idempotency-full",
            "this node has no room for another key",
            "该节点暂无空间保存幂等键",
        )
        .retry_after_ns(1_000_000_000)),
    }
}

impl Ticket {
    fn settle(&mut self, settled: Settled<Reply>) {
        if std::mem::take(&mut self.open) {
            let once = &self.interfaces.once.0;
            let mut keys = once.lock().unwrap_or_else(PoisonError::into_inner);
            keys.settle(&self.scope, settled, self.keep_ms, now_ms(&self.interfaces));
        }
    }

    /// No answer came. What surely was not sent, or may be repeated, frees the key.
    pub(crate) fn failed(mut self, refusal: &Refusal, repeatable: bool) {
        self.settle(match refusal.was_sent() {
            Sent::No => Settled::Free,
            _ if repeatable => Settled::Free,
            Sent::Yes | Sent::Unknown => Settled::Unknown,
        });
    }

    /// Keeps an answer, and gives it on. A failure of the provider frees the key.
    async fn keep(
        mut self,
        response: Response<ResponseBody>,
    ) -> Result<Response<ResponseBody>, Refusal> {
        if response.status().is_server_error() {
            self.settle(Settled::Free);
            return Ok(response);
        }
        let (parts, mut rest) = response.into_parts();
        let mut held = BytesMut::new();
        loop {
            match rest.frame().await {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        held.extend_from_slice(data);
                    }
                    if held.len() > MOST_REPLY {
                        self.settle(Settled::Unknown);
                        let body = Chained {
                            first: Some(held.freeze()),
                            rest,
                        };
                        return Ok(Response::from_parts(parts, body.boxed_unsync()));
                    }
                }
                Some(Err(error)) => {
                    tracing::warn!(error, "the answer to a request with a key broke off");
                    self.settle(Settled::Unknown);
                    let (en, zh) = ("the provider's answer broke off", "后端应答中断");
                    return Err(Refusal::new("backend-protocol-error", en, zh).sent(Sent::Yes));
                }
                None => break,
            }
        }
        let body = held.freeze();
        let reply = Reply {
            status: parts.status,
            headers: parts.headers.clone(),
            body: body.clone(),
        };
        self.settle(Settled::Answered(reply, body.len() + HEAD_BYTES));
        Ok(Response::from_parts(parts, whole(body)))
    }
}

impl Drop for Ticket {
    /// The caller went away: the provider may have got it.
    fn drop(&mut self) {
        self.settle(Settled::Unknown);
    }
}

/// An answer, kept when its request has a key.
pub(crate) async fn kept(
    ticket: Option<Ticket>,
    answer: Result<Response<ResponseBody>, Refusal>,
) -> Result<Response<ResponseBody>, Refusal> {
    match (ticket, answer) {
        (Some(ticket), Ok(response)) => ticket.keep(response).await,
        (_, answer) => answer,
    }
}

/// The answer that was given before; `mark` says what the gateway decided of this request.
pub(crate) fn replayed(reply: &Reply, mark: impl FnOnce(&mut HeaderMap)) -> Response<ResponseBody> {
    let mut response = Response::new(whole(reply.body.clone()));
    *response.status_mut() = reply.status;
    let headers = response.headers_mut();
    *headers = reply.headers.clone();
    headers.remove(header::VIA);
    headers.remove(header::DATE);
    mark(headers);
    headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    response
}

fn whole(body: Bytes) -> ResponseBody {
    Full::new(body)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// What was read of a body, and the rest of it.
struct Chained {
    first: Option<Bytes>,
    rest: ResponseBody,
}

impl Body for Chained {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }
}
