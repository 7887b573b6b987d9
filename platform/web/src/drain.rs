//! What a handler leaves unread of a request is read to its end, within bounds.
//!
//! A connection that is closed while the client still sends is reset, and the reset may overtake
//! the answer: the client would see no 413 but a broken connection.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};

/// How much is read for nothing, and for how long; after that the connection is closed.
const BYTES: u64 = 64 << 20;
const TIME: Duration = Duration::from_secs(10);

/// A request's body; dropped before its end it is drained.
pub(crate) struct Drained<B: Body + Send + Unpin + 'static> {
    body: Option<B>,
    /// The client waits for a word before it sends: nothing is under way until it is asked for.
    waits: bool,
}

impl<B: Body + Send + Unpin + 'static> Drained<B> {
    /// Watches over a body; `waits`: the request came with `Expect: 100-continue`.
    pub(crate) const fn new(body: B, waits: bool) -> Self {
        Self {
            body: Some(body),
            waits,
        }
    }
}

impl<B> Body for Drained<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.waits = false;
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl<B: Body + Send + Unpin + 'static> Drop for Drained<B> {
    fn drop(&mut self) {
        let Some(body) = self.body.take() else { return };
        if self.waits || body.is_end_stream() {
            return;
        }
        // Outside of a runtime (at its end) nobody is left to read.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(TIME, drain(body)));
        }
    }
}

async fn drain<B: Body + Unpin>(mut body: B) {
    use hyper::body::Buf as _;
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, |data| data.remaining());
        read += u64::try_from(bytes).unwrap_or(u64::MAX);
        if read > BYTES {
            return;
        }
    }
}
