//! One running version: its pool of connections, health and counters.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::body::RequestBody;
use crate::config::{Target, TargetState};

/// Idle connections kept per version.
const MAX_IDLE: usize = 64;
/// Age after which an idle connection is not trusted any more.
const IDLE_LIMIT: Duration = Duration::from_secs(20);

/// Health of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Health {
    Starting = 0,
    Healthy = 1,
    Unhealthy = 2,
}

impl Health {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// A running version.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) target: Target,
    pub(crate) label: HeaderValue,
    idle: Mutex<Vec<(SendRequest<RequestBody>, Instant)>>,
    health: AtomicU8,
    pub(crate) requests: AtomicU64,
    pub(crate) failed_attempts: AtomicU64,
    pub(crate) retried: AtomicU64,
    in_flight: AtomicU64,
    finished: Notify,
}

/// Why no connection could be had. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("connecting took longer than {0} ms")]
    Timeout(u64),
    #[error("{0}")]
    Refused(std::io::Error),
    #[error("{0}")]
    Handshake(hyper::Error),
}

impl Upstream {
    pub(crate) fn new(target: Target) -> Self {
        // Labels are checked to be visible ASCII before they come here.
        let label = HeaderValue::from_str(&target.label)
            .unwrap_or_else(|_| HeaderValue::from_static("invalid"));
        Self {
            target,
            label,
            idle: Mutex::new(Vec::new()),
            health: AtomicU8::new(Health::Starting as u8),
            requests: AtomicU64::new(0),
            failed_attempts: AtomicU64::new(0),
            retried: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            finished: Notify::new(),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.target.address
    }

    pub(crate) fn health(&self) -> Health {
        match self.health.load(Ordering::Acquire) {
            1 => Health::Healthy,
            2 => Health::Unhealthy,
            _ => Health::Starting,
        }
    }

    pub(crate) fn set_health(&self, health: Health) {
        self.health.store(health as u8, Ordering::Release);
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Acquire)
    }

    /// Counts a request until the guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        InFlight(Arc::clone(self))
    }

    /// Returns when nothing is in flight.
    pub(crate) async fn until_finished(&self) {
        loop {
            let finished = self.finished.notified();
            tokio::pin!(finished);
            // Registered before the count is read, so the last end is not missed.
            finished.as_mut().enable();
            if self.in_flight() == 0 {
                return;
            }
            finished.await;
        }
    }

    /// A connection that is ready for a request, and whether it served others before; `fresh`
    /// passes by the idle ones.
    pub(crate) async fn connection(
        &self,
        fresh: bool,
        limit: Duration,
    ) -> Result<(SendRequest<RequestBody>, bool), ConnectError> {
        if !fresh && let Some(idle) = self.take_idle() {
            return Ok((idle, true));
        }
        Ok((connect(self.address(), limit).await?, false))
    }

    fn take_idle(&self) -> Option<SendRequest<RequestBody>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((connection, since)) = idle.pop() {
            if connection.is_ready() && since.elapsed() < IDLE_LIMIT {
                return Some(connection);
            }
        }
        None
    }

    fn put_idle(&self, connection: SendRequest<RequestBody>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() >= MAX_IDLE {
            idle.retain(|(c, since)| !c.is_closed() && since.elapsed() < IDLE_LIMIT);
        }
        if idle.len() < MAX_IDLE {
            idle.push((connection, Instant::now()));
        }
    }

    /// Takes a connection back once its answer was read to the end.
    pub(crate) fn recycle(self: &Arc<Self>, mut connection: SendRequest<RequestBody>) {
        if connection.is_ready() {
            self.put_idle(connection);
            return;
        }
        let upstream = Arc::clone(self);
        tokio::spawn(async move {
            if connection.ready().await.is_ok() {
                upstream.put_idle(connection);
            }
        });
    }

    pub(crate) fn state(&self) -> TargetState {
        TargetState {
            address: self.target.address,
            label: self.target.label.clone(),
            health: self.health().as_str().to_owned(),
            in_flight: self.in_flight(),
            requests: self.requests.load(Ordering::Relaxed),
            failed_attempts: self.failed_attempts.load(Ordering::Relaxed),
            retried: self.retried.load(Ordering::Relaxed),
        }
    }
}

/// A request being worked on.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Upstream>);

impl InFlight {
    pub(crate) fn upstream(&self) -> &Arc<Upstream> {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.finished.notify_waiters();
        }
    }
}

/// Opens a connection and starts its driver.
pub(crate) async fn connect(
    address: SocketAddr,
    limit: Duration,
) -> Result<SendRequest<RequestBody>, ConnectError> {
    let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    let stream = timeout(limit, TcpStream::connect(address))
        .await
        .map_err(|_| ConnectError::Timeout(limit_ms))?
        .map_err(ConnectError::Refused)?;
    // Small requests must not wait for more; a socket that refuses the option works without it.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%address, %error, "no TCP_NODELAY");
    }
    let (sender, connection) = http1::Builder::new()
        .max_headers(200)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(ConnectError::Handshake)?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%address, %error, "connection to a version ended");
        }
    });
    Ok(sender)
}
