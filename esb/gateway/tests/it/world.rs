//! Backends, a client and a gateway for the tests.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rialto_esb_gateway::{FALLBACK_STATUSES, Gateway, GatewayConfig, GatewayHandle, ServiceState};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub type Body = UnsyncBoxBody<Bytes, Infallible>;
pub type HttpClient = Client<hyper_util::client::legacy::connect::HttpConnector, Full<Bytes>>;

/// A version of a service.
pub struct Backend {
    pub address: SocketAddr,
    pub label: String,
    pub shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
pub struct Shared {
    pub unhealthy: AtomicBool,
    pub served: AtomicU64,
    /// Connections to break off before they are answered.
    pub resets: AtomicU64,
    /// Status of every answer but those of `/healthz`; 0: as usual.
    pub sick: AtomicU64,
    /// Lets a request to `/held` end.
    pub go: tokio::sync::Notify,
    /// Answers nothing.
    pub stuck: AtomicBool,
    pub last_headers: std::sync::Mutex<Option<http::HeaderMap>>,
}

impl Backend {
    pub async fn start(label: &str) -> Self {
        Self::at(label, SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    pub async fn at(label: &str, address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(serve(listener, label.to_owned(), Arc::clone(&shared)));
        Self {
            address,
            label: label.to_owned(),
            shared,
            task,
        }
    }

    pub fn target(&self) -> Value {
        json!({ "address": self.address, "label": self.label })
    }

    /// Ends it as `kill -9` would: the listener closes, connections break off.
    pub async fn kill(self) {
        self.task.abort();
        let _aborted = self.task.await;
    }
}

async fn serve(listener: TcpListener, label: String, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (label, shared) = (label.clone(), Arc::clone(&shared));
        connections.spawn(async move {
            let answering = service_fn(move |r| answer(r, label.clone(), Arc::clone(&shared)));
            let _ended = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answering)
                .with_upgrades()
                .await;
        });
    }
}

fn number(request: &Request<Incoming>) -> u64 {
    request
        .uri()
        .query()
        .and_then(|q| q.split('=').nth(1))
        .unwrap_or("0")
        .parse()
        .unwrap()
}

async fn answer(
    mut request: Request<Incoming>,
    label: String,
    shared: Arc<Shared>,
) -> Result<Response<Body>, std::io::Error> {
    *shared.last_headers.lock().unwrap() = Some(request.headers().clone());
    let reset = shared
        .resets
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        })
        .is_ok();
    if reset {
        return Err(std::io::Error::other("break off"));
    }
    if request.uri().path() != "/healthz" {
        shared.served.fetch_add(1, Ordering::SeqCst);
    }
    if shared.stuck.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    let sick = u16::try_from(shared.sick.load(Ordering::SeqCst)).unwrap();
    let mut response = match request.uri().path() {
        path if sick > 0 && path != "/healthz" => {
            let mut response = Response::new(text(&format!("sick {label}")));
            *response.status_mut() = StatusCode::from_u16(sick).unwrap();
            response
        }
        "/healthz" if shared.unhealthy.load(Ordering::SeqCst) => {
            let mut response = Response::new(text("sick"));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(number(&request))).await;
            Response::new(text(&label))
        }
        "/held" => {
            shared.go.notified().await;
            Response::new(text(&label))
        }
        "/echo" => {
            Response::new(Full::new(request.collect().await.unwrap().to_bytes()).boxed_unsync())
        }
        path if path.starts_with("/echo-json") => {
            let body = request.collect().await.unwrap().to_bytes();
            let mut response = Response::new(Full::new(body).boxed_unsync());
            let kind = "application/json; charset=utf-8".parse().unwrap();
            response.headers_mut().insert("content-type", kind);
            response
        }
        "/sink" => {
            let mut total = 0;
            let mut body = request.into_body();
            while let Some(Ok(frame)) = body.frame().await {
                total += frame.data_ref().map_or(0, Bytes::len);
            }
            Response::new(text(&total.to_string()))
        }
        "/big" => big(number(&request)),
        "/ticks" => ticks(),
        "/upgrade" => upgraded(&mut request),
        _ => Response::new(text(&label)),
    };
    response
        .headers_mut()
        .insert("x-rialto-version", "spoofed".parse().unwrap());
    Ok(response)
}

fn big(bytes: u64) -> Response<Body> {
    let piece = Bytes::from(vec![b'x'; 65_536]);
    let pieces = (0..bytes / 65_536).map(move |_| Ok(Frame::data(piece.clone())));
    Response::new(StreamBody::new(futures::stream::iter(pieces)).boxed_unsync())
}

fn ticks() -> Response<Body> {
    let stream = futures::stream::unfold(0u64, |n| async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Some((
            Ok(Frame::data(Bytes::from(format!("data: {n}\n\n")))),
            n + 1,
        ))
    });
    let mut response = Response::new(StreamBody::new(stream.boxed()).boxed_unsync());
    response
        .headers_mut()
        .insert("content-type", "text/event-stream".parse().unwrap());
    response
}

fn upgraded(request: &mut Request<Incoming>) -> Response<Body> {
    let upgrade = hyper::upgrade::on(request);
    tokio::spawn(async move {
        let mut io = TokioIo::new(upgrade.await.unwrap());
        let (mut read, mut write) = tokio::io::split(&mut io);
        let _ended = tokio::io::copy(&mut read, &mut write).await;
    });
    let mut response = Response::new(text(""));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response
        .headers_mut()
        .insert("connection", "upgrade".parse().unwrap());
    response
        .headers_mut()
        .insert("upgrade", "echo".parse().unwrap());
    response
}

fn text(text: &str) -> Body {
    Full::new(Bytes::copy_from_slice(text.as_bytes())).boxed_unsync()
}

pub fn client() -> HttpClient {
    Client::builder(TokioExecutor::new())
        .retry_canceled_requests(false)
        .build_http()
}

/// A gateway with its admin client.
pub struct World {
    pub gateway: GatewayHandle,
    pub client: HttpClient,
    pub folder: tempfile::TempDir,
}

impl World {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let gateway = start(&folder).await;
        Self {
            gateway,
            client: client(),
            folder,
        }
    }

    pub async fn admin(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let url = format!("http://{}/admin/v1{path}", self.gateway.admin_address);
        let body = body.map(|b| b.to_string()).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", format!("Bearer {}", self.gateway.token))
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let response = self.client.request(request).await.unwrap();
        let status = response.status();
        let bytes = response.collect().await.unwrap().to_bytes();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    /// Sets up service `s` and says where it listens.
    pub async fn service(
        &self,
        active: &Backend,
        standby: Option<&Backend>,
        more: Value,
    ) -> SocketAddr {
        let mut spec = json!({
            "listen": "127.0.0.1:0",
            "active": active.target(),
            "standby": standby.map(Backend::target),
        });
        for (key, value) in more.as_object().unwrap() {
            spec[key] = value.clone();
        }
        let (status, state) = self.admin("PUT", "/services/s", Some(spec)).await;
        assert_eq!(status, 200, "{state}");
        state["listen"].as_str().unwrap().parse().unwrap()
    }

    pub async fn switch(&self, active: &Backend, standby: Option<&Backend>) {
        let version = self.state().await.version;
        let switch = json!({
            "active": active.target(),
            "standby": standby.map(Backend::target),
            "expect_version": version,
        });
        let (status, state) = self.admin("POST", "/services/s/switch", Some(switch)).await;
        assert_eq!(status, 200, "{state}");
    }

    /// Moves the traffic under the fallback rule.
    pub async fn switch_with_fallback(&self, active: &Backend, standby: &Backend) {
        let switch = json!({
            "active": active.target(),
            "standby": standby.target(),
            "expect_version": self.state().await.version,
            "fallback_on": FALLBACK_STATUSES,
        });
        let (status, state) = self.admin("POST", "/services/s/switch", Some(switch)).await;
        assert_eq!(status, 200, "{state}");
    }

    pub async fn state(&self) -> ServiceState {
        let (_, state) = self.admin("GET", "/services/s", None).await;
        serde_json::from_value(state).unwrap()
    }

    /// Waits until the service's state is as wanted; fails after ten seconds.
    pub async fn until(&self, what: &str, wanted: impl Fn(&ServiceState) -> bool) -> ServiceState {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        loop {
            let state = self.state().await;
            if wanted(&state) {
                return state;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "not {what}: {state:?}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

pub async fn start(folder: &tempfile::TempDir) -> GatewayHandle {
    Gateway::start(GatewayConfig {
        admin_listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        admin_token: None,
        state_file: Some(folder.path().join("gateway/state.json")),
    })
    .await
    .unwrap()
}

pub fn health() -> Value {
    json!({ "path": "/healthz", "interval_ms": 50, "timeout_ms": 500, "unhealthy_after": 2, "healthy_after": 2 })
}

pub async fn get(
    client: &HttpClient,
    at: SocketAddr,
    path: &str,
) -> Result<(StatusCode, String), String> {
    let request = Request::get(format!("http://{at}{path}"))
        .body(Full::default())
        .unwrap();
    let response = client
        .request(request)
        .await
        .map_err(|e| format!("{e:?}"))?;
    let status = response.status();
    let bytes = response
        .collect()
        .await
        .map_err(|e| e.to_string())?
        .to_bytes();
    Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
}

/// Keep-alive clients that ask without pause until stopped.
pub struct Load {
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<(u64, Vec<String>)>>,
}

impl Load {
    pub fn start(at: SocketAddr, path: &'static str, connections: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (0..connections)
            .map(|_| {
                let stop = Arc::clone(&stop);
                tokio::spawn(async move {
                    let client = client();
                    let (mut count, mut failures) = (0, Vec::new());
                    while !stop.load(Ordering::Relaxed) {
                        count += 1;
                        match get(&client, at, path).await {
                            Ok((status, _)) if status.is_success() => {}
                            Ok((status, body)) => failures.push(format!("{status} {body}")),
                            Err(error) => failures.push(error),
                        }
                    }
                    (count, failures)
                })
            })
            .collect();
        Self { stop, tasks }
    }

    /// Requests made, and those that failed.
    pub async fn end(self) -> (u64, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        let (mut count, mut failures) = (0, Vec::new());
        for task in self.tasks {
            let (c, f) = task.await.unwrap();
            count += c;
            failures.extend(f);
        }
        (count, failures)
    }
}
