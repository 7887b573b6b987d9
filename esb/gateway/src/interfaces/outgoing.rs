//! Bodies of requests on their way to the provider.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::Interfaces;
use super::auth::digest_fits;
use super::calls::{Call, FieldWatch, MOST_BYTES};
use super::decide::Decided;
use super::refusal::Refusal;
use super::serve::policy;
use super::table::Table;
use super::validate::{RequestWatch, Watched};
use crate::body::{BoxError, Paced};
use crate::proxy::Outgoing;

/// Largest body that is held so that its request can be sent again.
const REPLAY_BYTES: u64 = 64 * 1024;

pub(crate) fn too_large(table: &Table, decided: &Decided<'_>) -> Refusal {
    let most = policy(table, decided).body_bytes;
    Refusal::new(
        "body-too-large",
        format!("bodies of at most {most} bytes pass"),
        format!("请求体最多 {most} 字节"),
    )
}

/// Who looks at a request: the check against the definition, and the count of its fields.
pub(crate) type Watches = (Option<RequestWatch>, Option<FieldWatch>);

pub(crate) fn watches(
    interfaces: &Arc<Interfaces>,
    table: &Table,
    decided: &Decided<'_>,
    call: Call,
    headers: &HeaderMap,
) -> Watches {
    (
        RequestWatch::new(interfaces, table, decided, headers),
        FieldWatch::new(interfaces, call, decided, headers),
    )
}

/// The body: held when something has to read it whole or the request may be sent again.
pub(crate) async fn outgoing(
    (parts, body): (http::request::Parts, Incoming),
    table: &Table,
    decided: &Decided<'_>,
    idempotent: bool,
    exceeded: &Arc<AtomicBool>,
    (watch, fields): Watches,
) -> Result<Outgoing, Refusal> {
    let policy = policy(table, decided);
    let digest = decided.caller.as_ref().and_then(|caller| caller.digest);
    let length = body.size_hint().exact();
    if length.is_some_and(|length| length > policy.body_bytes) {
        return Err(too_large(table, decided));
    }
    let parts = Box::new(parts);
    if body.is_end_stream() && digest.is_none() {
        if let Some(fields) = fields {
            fields.saw(None);
        }
        watch.map_or(Ok(()), |watch| watch.check(&[]))?;
        return Ok(Outgoing::Replayable {
            parts,
            body: Bytes::new(),
        });
    }
    let small = length.is_some_and(|length| length <= REPLAY_BYTES.min(policy.buffered_bytes));
    let body = Paced::new(body, decided.route.idle);
    let enforces = watch.as_ref().is_some_and(RequestWatch::enforces);
    let whole = digest.is_some() || enforces || decided.key.is_some();
    if !(whole || idempotent && small) {
        let body = Capped {
            body,
            left: policy.body_bytes,
            exceeded: Arc::clone(exceeded),
        };
        let body = match watch {
            Some(watch) => watch.over(body, policy.buffered_bytes).boxed_unsync(),
            None => body.boxed_unsync(),
        };
        let body = match fields {
            Some(fields) if fields.reads_body() => {
                let judge = Box::new(move |body: Option<&[u8]>| fields.saw(body));
                Watched::new(body, MOST_BYTES, judge).boxed_unsync()
            }
            Some(fields) => {
                fields.saw(None);
                body
            }
            None => body,
        };
        return Ok(Outgoing::Once(Box::new(Request::from_parts(*parts, body))));
    }
    let most = usize::try_from(policy.buffered_bytes).unwrap_or(usize::MAX);
    let read = Limited::new(body, most).collect().await;
    let body = read.map_err(|error| not_read(&error, most))?;
    let body = body.to_bytes();
    if digest.is_some_and(|digest| !digest_fits(&digest, &body)) {
        return Err(Refusal::new(
            "signature-invalid",
            "the body is not the one Content-Digest was made of",
            "请求体与 Content-Digest 不符",
        ));
    }
    if let Some(fields) = fields {
        fields.saw(Some(&body));
    }
    watch.map_or(Ok(()), |watch| watch.check(&body))?;
    Ok(Outgoing::Replayable { parts, body })
}

fn not_read(error: &BoxError, most: usize) -> Refusal {
    if error.is::<http_body_util::LengthLimitError>() {
        return Refusal::new(
            "body-too-large",
            format!("a body that has to be read whole has at most {most} bytes"),
            format!("需整体读取的请求体最多 {most} 字节"),
        );
    }
    Refusal::new("malformed-body", error.to_string(), "请求体读取失败")
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
