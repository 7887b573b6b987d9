//! One attempt on one version, and the answer's way back.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::SendRequest;

use crate::body::{BoxError, CutBodyError, Paced, RequestBody};
use crate::service::{Activation, Service};
use crate::upstream::InFlight;

/// How an attempt failed.
pub(crate) enum AttemptError {
    /// Nothing was sent; the request is handed back when it was already built.
    NotSent {
        request: Box<Request<RequestBody>>,
        reason: String,
    },
    /// It was sent at least in part; nobody knows what the provider did.
    Reset { reason: String },
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
    let mut connection = match upstream.connection(fresh, limits.0).await {
        Ok(connection) => connection,
        Err(error) => {
            let reason = error.to_string();
            return Err(AttemptError::NotSent {
                request: Box::new(request),
                reason,
            });
        }
    };
    let answered = tokio::select! {
        answered = tokio::time::timeout(limits.1, connection.try_send_request(request)) => answered,
        () = activation.over() => {
            return Err(AttemptError::Reset { reason: CutBodyError::Drained.to_string() });
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
                });
            }
            if failed.error().is_parse() {
                return Err(AttemptError::Protocol { reason });
            }
            Err(AttemptError::Reset { reason })
        }
        Err(_elapsed) => Err(AttemptError::Timeout),
    }
}

/// The answer's body: gives its connection back at the end, is cut when its version has to end.
pub(crate) struct Forwarded {
    body: Paced,
    connection: Option<SendRequest<RequestBody>>,
    in_flight: InFlight,
    service: Arc<Service>,
    over: Pin<Box<dyn Future<Output = ()> + Send>>,
    failed: bool,
}

impl Forwarded {
    pub(crate) fn new(
        body: Incoming,
        idle: Duration,
        connection: SendRequest<RequestBody>,
        in_flight: InFlight,
        service: Arc<Service>,
        activation: &Activation,
    ) -> Self {
        Self {
            body: Paced::new(body, idle),
            connection: Some(connection),
            in_flight,
            service,
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
            self.service.failures.fetch_add(1, Ordering::Relaxed);
            self.in_flight
                .upstream()
                .failures
                .fetch_add(1, Ordering::Relaxed);
            tracing::warn!(service = self.service.name, error, "an answer was cut off");
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
