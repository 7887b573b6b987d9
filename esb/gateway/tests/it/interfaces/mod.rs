//! The data plane of interfaces, over real sockets.

mod authentication;
mod calls;
mod canary;
mod explaining;
mod limits;
mod once;
mod outliers;
mod publishing;
mod serving;
mod tokens;
mod validating;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use rialto_esb_gateway::{Clock, Gateway, GatewayConfig, GatewayHandle, InterfacesConfig};
use rialto_esb_snapshot::*;
use serde_json::{Value, json};

use crate::world::{Backend, HttpClient, client};

/// 2026-11-23, a Monday, 10:00 in Shanghai.
pub const MORNING: u64 = 1_795_399_200_000;
pub const SECRET: &str = "abcdefghijklmnopqrstuvwxyz012345";

pub fn publisher() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub fn group() -> GroupKey {
    GroupKey::new([9; 32])
}

/// The caller's API key.
pub fn api_key() -> String {
    let key = ApiKey {
        environment: "test".to_owned(),
        id: "k1".to_owned(),
        secret: SECRET.to_owned(),
    };
    key.text()
}

/// A gateway of interfaces, a backend and a clock that is set by hand.
pub struct World {
    pub gateway: GatewayHandle,
    pub client: HttpClient,
    pub backend: Backend,
    pub clock: Arc<AtomicU64>,
    pub folder: tempfile::TempDir,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Its kind of refusal; empty when the provider answered.
    pub fn code(&self) -> String {
        self.header("x-rialto-error")
    }

    pub fn header(&self, name: &str) -> String {
        let value = self.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default().to_owned()
    }
}

pub async fn start(folder: &tempfile::TempDir, clock: &Arc<AtomicU64>) -> GatewayHandle {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = GatewayConfig {
        admin_listen: any,
        admin_token: None,
        state_file: None,
    };
    let interfaces = InterfacesConfig {
        node: "n1".to_owned(),
        environment: "test".to_owned(),
        listen: any,
        folder: folder.path().join("snapshots"),
        keys: TrustedKeys::new([publisher().verifying_key()]),
        group: group(),
        keep: 5,
        clock: Clock::by_hand(Arc::clone(clock)),
    };
    Gateway::start_with(config, Some(interfaces)).await.unwrap()
}

impl World {
    /// Serves nothing yet.
    pub async fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicU64::new(MORNING));
        Self {
            gateway: start(&folder, &clock).await,
            client: client(),
            backend: Backend::start("one").await,
            clock,
            folder,
        }
    }

    /// Serves [`World::snapshot`].
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Serves a changed [`World::snapshot`].
    pub async fn with(change: impl FnOnce(&mut Snapshot)) -> Self {
        let world = Self::empty().await;
        let mut snapshot = world.snapshot(1);
        change(&mut snapshot);
        let (status, answer) = world.publish(&snapshot).await;
        assert_eq!(status, 200, "{answer}");
        world
    }

    pub fn snapshot(&self, version: u64) -> Snapshot {
        snapshot(version, self.backend.address)
    }

    /// Starts it anew on the same folder, as after `kill -9`.
    pub async fn restarted(self) -> Self {
        drop(self.gateway);
        Self {
            gateway: start(&self.folder, &self.clock).await,
            ..self
        }
    }

    pub fn pass(&self, ms: u64) {
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }

    pub async fn admin(&self, method: &str, path: &str, body: Vec<u8>) -> (StatusCode, Value) {
        let url = format!("http://{}/admin/v1/{path}", self.gateway.admin_address);
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

    pub async fn metrics(&self) -> String {
        let url = format!("http://{}/admin/v1/metrics", self.gateway.admin_address);
        let request = Request::get(url)
            .header("authorization", format!("Bearer {}", self.gateway.token))
            .body(Full::default())
            .unwrap();
        let response = self.client.request(request).await.unwrap();
        let bytes = response.collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    pub async fn publish(&self, snapshot: &Snapshot) -> (StatusCode, Value) {
        let signed = Encoded::of(snapshot).unwrap().sign(&publisher());
        self.admin("PUT", "snapshot", signed).await
    }

    pub async fn roll_back(&self, to: Option<u64>) -> (StatusCode, Value) {
        let wish = json!({ "version": to }).to_string();
        self.admin("POST", "snapshot/rollback", wish.into_bytes())
            .await
    }

    pub fn address(&self) -> SocketAddr {
        self.gateway.interfaces_address.unwrap()
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(Bytes::from(body.to_owned())))
            .unwrap();
        let response = self.client.request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    /// A call without a caller.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    /// A call with the API key.
    pub async fn call(&self, path: &str) -> Answer {
        self.send("GET", path, &[("x-api-key", &api_key())], "")
            .await
    }
}

pub fn route(id: &str, path: &str, policy: &str) -> Route {
    let from = path.split('{').next().unwrap().to_owned();
    let text = json!({
        "id": id, "interface": "demo.api", "version": "1.2.0", "operation": id,
        "path": path, "methods": ["*"], "policy": policy,
        "variants": [{"name": "stable", "pool": "main", "weight": WHOLE_BP}],
        "prefix": {"from": from, "to": "/"},
    });
    serde_json::from_value(text).unwrap()
}

/// `/open/…` for anybody, `/v1/…` for subscribers; both reach the backend's own paths.
pub fn snapshot(version: u64, backend: SocketAddr) -> Snapshot {
    let digest = group().api_key_digest("k1", SECRET);
    let text = json!({
        "format": 1, "version": version, "token": {"timeline": 1, "epoch": 1},
        "environment": "test", "created_at": "2026-11-23T00:00:00Z", "author": "tests",
        "interfaces": [{"id": "demo.api", "version": "1.2.0", "state": "published"}],
        "routes": [],
        "pools": [{"id": "main", "endpoints": [{"address": backend}]}],
        "policies": [
            {"id": "open", "access": "open", "body_bytes": 100_000, "buffered_bytes": 50_000},
            {"id": "callers", "access": {"callers": {"any_of": [["api_key"], ["hmac"], ["jwt"]]}}},
        ],
        "applications": [{"id": "otc", "name": "otc"}],
        "credentials": [{"id": "k1", "application": "otc", "kind": {"api_key": {"digest": digest}}}],
        "subscriptions": [{
            "id": "s1", "application": "otc", "interface": "demo.api", "major": 1, "state": "active",
        }],
    });
    let mut snapshot: Snapshot = serde_json::from_value(text).unwrap();
    snapshot.routes = vec![
        route("open", "/open/{*rest}", "open"),
        route("closed", "/v1/{*rest}", "callers"),
    ];
    snapshot
}
