//! One attempt on one version, and the answer's way back.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::SendRequest;

use crate::body::{BoxError, CutBodyError, Paced, RequestBody};
use crate::service::{Activation, Service};
use crate::upstream::{InFlight, Upstream};

/// How much of an answer that is not passed on is read, and for how long.
const DISCARD_BYTES: usize = 64 * 1024;
const DISCARD_TIME: Duration = Duration::from_secs(1);

/// How an attempt failed.
pub(crate) enum AttemptError {
    /// Nothing was sent; the request is handed back when it was already built.
    NotSent {
        request: Box<Request<RequestBody>>,
        reason: String,
        /// The connection had served others before: it may have ended of age, which says nothing
        /// of the version.
        reused: bool,
    },
    /// It was sent at least in part; nobody knows what the provider did.
    Reset { reason: String, reused: bool },
    /// The answer is not HTTP.
    Protocol { reason: String },
    /// No answer in time.
    Timeout,
}

/// An answer with the connection it comes over.
pub(crate) struct Answer {
    pub(crate) response: Response<Incoming>,
    pub(crate) connection: SendRequest<RequestBody>,
    pub(crate) in_flight: InFlight,
}

impl Answer {
    /// Reads what nobody will see, if it is little, so that the connection can be used again.
    pub(crate) fn discard(self) {
        let Self {
            response,
            mut connection,
            in_flight,
        } = self;
        let upstream = Arc::clone(in_flight.upstream());
        drop(in_flight);
        tokio::spawn(async move {
            let body = Limited::new(response.into_body(), DISCARD_BYTES).collect();
            let read = tokio::time::timeout(DISCARD_TIME, body).await;
            if matches!(read, Ok(Ok(_))) && connection.ready().await.is_ok() {
                upstream.recycle(connection);
            }
        });
    }
}

/// Sends a request to a version and waits for the answer's head.
pub(crate) async fn attempt(
    in_flight: InFlight,
    activation: &Activation,
    request: Request<RequestBody>,
    fresh: bool,
    limits: (Duration, Duration),
) -> Result<Answer, AttemptError> {
    let upstream = in_flight.upstream();
    upstream.requests.fetch_add(1, Ordering::Relaxed);
    let (mut connection, reused) = match upstream.connection(fresh, limits.0).await {
        Ok(connection) => connection,
        Err(error) => {
            let reason = error.to_string();
            return Err(AttemptError::NotSent {
                request: Box::new(request),
                reason,
                reused: false,
            });
        }
    };
    let answered = tokio::select! {
        answered = tokio::time::timeout(limits.1, connection.try_send_request(request)) => answered,
        () = activation.over() => {
            let reason = CutBodyError::Drained.to_string();
            return Err(AttemptError::Reset { reason, reused: false });
        }
    };
    match answered {
        Ok(Ok(response)) => Ok(Answer {
            response,
            connection,
            in_flight,
        }),
        Ok(Err(mut failed)) => {
            let reason = failed.error().to_string();
            if let Some(request) = failed.take_message() {
                return Err(AttemptError::NotSent {
                    request: Box::new(request),
                    reason,
                    reused,
                });
            }
            if failed.error().is_parse() {
                return Err(AttemptError::Protocol { reason });
            }
            Err(AttemptError::Reset { reason, reused })
        }
        Err(_elapsed) => Err(AttemptError::Timeout),
    }
}

/// Hears that an answer was cut off on its way.
pub(crate) trait Cuts: Send + Sync {
    /// An answer of `upstream` was cut off.
    fn answer_cut(&self, upstream: &Upstream, error: &BoxError);
}

impl Cuts for Service {
    fn answer_cut(&self, upstream: &Upstream, error: &BoxError) {
        self.failed_requests.fetch_add(1, Ordering::Relaxed);
        self.count_failed_attempt(upstream);
        tracing::warn!(service = self.name, error, "an answer was cut off");
    }
}

/// The answer's body: gives its connection back at the end, is cut when its version has to end.
pub(crate) struct Forwarded {
    body: Paced,
    connection: Option<SendRequest<RequestBody>>,
    in_flight: InFlight,
    cuts: Arc<dyn Cuts>,
    over: Pin<Box<dyn Future<Output = ()> + Send>>,
    failed: bool,
}

impl Forwarded {
    pub(crate) fn new(
        body: Incoming,
        idle: Duration,
        connection: SendRequest<RequestBody>,
        in_flight: InFlight,
        cuts: Arc<dyn Cuts>,
        activation: &Activation,
    ) -> Self {
        Self {
            body: Paced::new(body, idle),
            connection: Some(connection),
            in_flight,
            cuts,
            over: Box::pin(activation.over()),
            failed: false,
        }
    }

    fn recycle(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.in_flight.upstream().recycle(connection);
        }
    }

    fn fail(&mut self, error: BoxError) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.connection = None;
        if !self.failed {
            self.failed = true;
            self.cuts.answer_cut(self.in_flight.upstream(), &error);
        }
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for Forwarded {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Err(error))) => return self.fail(error),
            Poll::Ready(None) => {
                self.recycle();
                return Poll::Ready(None);
            }
            Poll::Ready(frame) => return Poll::Ready(frame),
            Poll::Pending => {}
        }
        std::task::ready!(self.over.as_mut().poll(cx));
        self.fail(CutBodyError::Drained.into())
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Forwarded {
    fn drop(&mut self) {
        // A body of known length is not polled past its last byte.
        if self.body.is_finished() {
            self.recycle();
        }
    }
}
