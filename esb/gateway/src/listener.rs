//! A public address: accepts connections and serves each request by the service's snapshot.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::body::ResponseBody;
use crate::framing::Watched;
use crate::proxy;
use crate::service::Service;

/// Connections served at once per listener; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 8_192;
/// Time a client has for a request's head, idle time between requests included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// Largest head.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Most header fields.
const MAX_HEADERS: usize = 100;

/// Names requests for logs and problem documents.
#[derive(Debug)]
pub(crate) struct RequestIds {
    prefix: String,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new(prefix: String) -> Self {
        Self {
            prefix,
            next: AtomicU64::new(1),
        }
    }

    pub(crate) fn next(&self) -> String {
        format!(
            "{}-{}",
            self.prefix,
            self.next.fetch_add(1, Ordering::Relaxed)
        )
    }
}

/// What a listener is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Serve,
    /// Take nothing new, finish what was begun.
    Finish,
    /// End now.
    End,
}

/// A listener being served. Dropping it ends it at once.
#[derive(Debug)]
pub(crate) struct Listening {
    order: watch::Sender<Order>,
}

impl Listening {
    pub(crate) fn finish(&self) {
        self.order.send_replace(Order::Finish);
    }

    /// Completes when every connection has ended.
    pub(crate) async fn ended(&self) {
        self.order.closed().await;
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // A listener told to finish keeps its connections until they end.
        self.order.send_if_modified(|order| {
            let was_serving = *order == Order::Serve;
            if was_serving {
                *order = Order::End;
            }
            was_serving
        });
    }
}

/// What answers requests of a listener.
pub(crate) trait Answers: Send + Sync + 'static {
    /// Its name in logs.
    fn name(&self) -> &str;

    /// Answers one request; `instance` names it.
    fn answer(
        self: Arc<Self>,
        peer: SocketAddr,
        request: Request<Incoming>,
        instance: String,
    ) -> impl Future<Output = Response<ResponseBody>> + Send;
}

impl Answers for Service {
    fn name(&self) -> &str {
        &self.name
    }

    fn answer(
        self: Arc<Self>,
        peer: SocketAddr,
        request: Request<Incoming>,
        instance: String,
    ) -> impl Future<Output = Response<ResponseBody>> + Send {
        proxy::answer(self, peer, request, instance)
    }
}

/// Serves an open listener.
pub(crate) fn serve<A: Answers>(
    listener: TcpListener,
    service: Arc<A>,
    ids: Arc<RequestIds>,
) -> Listening {
    let (order, orders) = watch::channel(Order::Serve);
    tokio::spawn(accept_loop(listener, service, ids, orders));
    Listening { order }
}

async fn accept_loop<A: Answers>(
    listener: TcpListener,
    service: Arc<A>,
    ids: Arc<RequestIds>,
    mut orders: watch::Receiver<Order>,
) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            changed = orders.wait_for(|order| *order != Order::Serve) => {
                drop(changed);
                return;
            }
        };
        match accepted {
            Ok((stream, peer, slot)) => {
                let (service, ids, orders) =
                    (Arc::clone(&service), Arc::clone(&ids), orders.clone());
                tokio::spawn(async move {
                    serve_connection(stream, peer, service, ids, orders).await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(service = service.name(), %error, "accepting a connection failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

type Accepted = (
    TcpStream,
    SocketAddr,
    Option<tokio::sync::OwnedSemaphorePermit>,
);

async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> io::Result<Accepted> {
    // The semaphore is never closed, so a permit always comes.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, slot))
}

async fn serve_connection<A: Answers>(
    stream: TcpStream,
    peer: SocketAddr,
    service: Arc<A>,
    ids: Arc<RequestIds>,
    mut orders: watch::Receiver<Order>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "no TCP_NODELAY");
    }
    let answering = service_fn(move |request| {
        let (service, instance) = (Arc::clone(&service), ids.next());
        async move { Ok::<_, Infallible>(service.answer(peer, request, instance).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(Watched::new(stream)), answering)
        .with_upgrades();
    tokio::pin!(connection);
    let mut finishing = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "a client's connection ended");
                }
                return;
            }
            order = next_order(&mut orders, finishing) => match order {
                Order::Finish => {
                    finishing = true;
                    connection.as_mut().graceful_shutdown();
                }
                _ => return,
            }
        }
    }
}

async fn next_order(orders: &mut watch::Receiver<Order>, finishing: bool) -> Order {
    let wanted = |order: &Order| *order == Order::End || (*order == Order::Finish && !finishing);
    let waited = orders.wait_for(wanted).await.map(|order| *order);
    match waited {
        Ok(order) => order,
        // Told to finish, and the handle is gone: the connection ends by itself.
        Err(_) if finishing => std::future::pending().await,
        Err(_) => Order::End,
    }
}
