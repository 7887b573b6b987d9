//! Bodies on their way through, with a limit on silence.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

/// Any error a body ends with.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// A body towards the upstream.
pub(crate) type RequestBody = UnsyncBoxBody<Bytes, BoxError>;
/// A body towards the client.
pub(crate) type ResponseBody = UnsyncBoxBody<Bytes, BoxError>;

/// Why a body was cut by the gateway.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CutBodyError {
    #[error("nothing came for {0} ms")]
    Idle(u64),
    #[error("the version was replaced and the time to finish is over")]
    Drained,
}

/// A body that fails when nothing comes for too long.
pub(crate) struct Paced {
    body: Incoming,
    limit: Duration,
    timer: Pin<Box<Sleep>>,
}

impl Paced {
    pub(crate) fn new(body: Incoming, limit: Duration) -> Self {
        Self {
            body,
            limit,
            timer: Box::pin(sleep(limit)),
        }
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.body.is_end_stream()
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(frame) => {
                let next = Instant::now() + self.limit;
                self.timer.as_mut().reset(next);
                Poll::Ready(frame.map(|f| f.map_err(Into::into)))
            }
            Poll::Pending => {
                std::task::ready!(self.timer.as_mut().poll(cx));
                let waited = u64::try_from(self.limit.as_millis()).unwrap_or(u64::MAX);
                Poll::Ready(Some(Err(CutBodyError::Idle(waited).into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
