//! A platform of its own for each test: database, people, site. Every call is noted, so that one
//! test can say which operations of the document nobody called.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use rialto_esb_api::{Api, ENDPOINTS, routes};
use rialto_esb_manager::{GroupKeys, InterfacePlatform};
use rialto_esb_snapshot::GroupKey;
use rialto_platform_evidence::{EvidenceLog, SigningKey};
use rialto_platform_identity::{Actor, Identity, NewUser, Role};
use rialto_platform_store::MigrationSet;
use rialto_platform_store::testing::{TestDb, engines};
use rialto_platform_web::{Site, Web, WebSettings};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Operations that were called: method, path of the document, whether it went well.
pub type Calls = Arc<Mutex<BTreeSet<(String, String, bool)>>>;

pub struct World {
    pub db: TestDb,
    pub api: Api,
    pub router: Router,
    pub calls: Calls,
    pub provider: String,
    pub manager: String,
    pub security: String,
    pub operator: String,
    pub auditor: String,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    /// The JSON of an answer that must have this status.
    pub fn is(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.json()
    }

    /// Status and the platform's own reason, or else the code of the problem.
    pub fn refusal(&self) -> (u16, String) {
        let problem = self.json();
        let reason = problem["reason"].as_str().or(problem["code"].as_str());
        let reason = reason.unwrap_or("no problem document").to_owned();
        (self.status.as_u16(), reason)
    }

    /// Names of guards that are not met.
    pub fn guards(&self) -> Vec<String> {
        let problem = self.json();
        let unmet = problem["unmet"].as_array().cloned().unwrap_or_default();
        let names = unmet.iter().filter_map(|one| one["guard"].as_str());
        names.map(str::to_owned).collect()
    }

    /// What people read of a refusal, both languages.
    pub fn told(&self) -> String {
        let problem = self.json();
        let text = |language: &str| problem["text"][language].as_str().unwrap_or("?").to_owned();
        format!("{} {}\n{}", self.status.as_u16(), text("en"), text("zh"))
    }
}

impl World {
    pub async fn on_each_engine(calls: &Calls) -> Vec<Self> {
        let sets: [MigrationSet; 4] = [
            rialto_platform_evidence::MIGRATIONS,
            rialto_platform_identity::MIGRATIONS,
            rialto_platform_web::MIGRATIONS,
            rialto_esb_manager::MIGRATIONS,
        ];
        let mut worlds = Vec::new();
        for db in engines(&sets).await {
            worlds.push(Self::over(db, Arc::clone(calls)).await);
        }
        worlds
    }

    async fn over(db: TestDb, calls: Calls) -> Self {
        let key = SigningKey::from_bytes(&[7; 32]);
        let evidence = EvidenceLog::open(&db, key).await.unwrap();
        let identity = Identity::new(db.db.clone(), evidence.clone());
        let platform = InterfacePlatform::new(db.db.clone(), evidence.clone(), groups());
        let web = Web::new(db.db.clone(), identity, evidence, WebSettings::default());
        let api = Api {
            web: web.clone(),
            platform,
        };
        let router = Site::new(web).with(routes(api.clone()), ENDPOINTS).build();
        let mut world = Self {
            db,
            api,
            router,
            calls,
            provider: String::new(),
            manager: String::new(),
            security: String::new(),
            operator: String::new(),
            auditor: String::new(),
        };
        world.provider = world.token("provider", &[Role::Provider]).await;
        world.manager = world.token("manager", &[Role::InterfaceManager]).await;
        world.security = world.token("security", &[Role::Security]).await;
        world.operator = world.token("operator", &[Role::Operations]).await;
        world.auditor = world.token("auditor", &[Role::Auditor]).await;
        world
    }

    /// A token of a new person with these roles.
    pub async fn token(&self, login: &str, roles: &[Role]) -> String {
        let system = Actor::system("test");
        let new = NewUser {
            login: login.into(),
            name: login.into(),
            email: format!("{login}@example.com"),
            roles: roles.to_vec(),
            ..NewUser::default()
        };
        let identity = self.api.web.identity();
        let user = identity.create_user(&system, new).await.unwrap();
        let issued = identity.issue_token_to(&system, &user.id, "test", 1).await;
        issued.unwrap().text
    }

    pub async fn send(&self, mut request: Request<Body>) -> Answer {
        let method = request.method().to_string();
        let path = request.uri().path().to_owned();
        request
            .extensions_mut()
            .insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 1))));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        if let Some(path) = template(&method, &path) {
            let well = parts.status.is_success();
            self.calls.lock().unwrap().insert((method, path, well));
        }
        let stream = parts
            .headers
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind == "text/event-stream");
        let text = match stream {
            // A stream has no end.
            true => String::new(),
            false => {
                let bytes = body.collect().await.expect("a whole body").to_bytes();
                String::from_utf8_lossy(&bytes).into_owned()
            }
        };
        Answer {
            status: parts.status,
            headers: parts.headers,
            text,
        }
    }

    /// With the revision that was seen.
    pub async fn call_if(
        &self,
        token: &str,
        method: &str,
        path: &str,
        tag: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        let body = body.map(|body| body.to_string().into_bytes());
        self.bytes(token, (method, path), tag, "application/json", body)
            .await
    }

    /// With a body of any kind.
    pub async fn bytes(
        &self,
        token: &str,
        (method, path): (&str, &str),
        tag: Option<&str>,
        kind: &str,
        body: Option<Vec<u8>>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/esb/v1{path}"))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, kind);
        if let Some(tag) = tag {
            request = request.header("if-match", tag);
        }
        let body = body.map_or(Body::empty(), Body::from);
        self.send(request.body(body).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.get_as(&self.auditor, path).await
    }

    pub async fn get_as(&self, token: &str, path: &str) -> Answer {
        self.call_if(token, "GET", path, None, None).await
    }

    pub async fn post(&self, token: &str, path: &str, body: Value) -> Answer {
        self.call_if(token, "POST", path, None, Some(body)).await
    }

    /// Made for whatever revision there is.
    pub async fn post_any(&self, token: &str, path: &str, body: Value) -> Answer {
        self.call_if(token, "POST", path, Some("*"), Some(body))
            .await
    }

    /// Hands in a definition as YAML.
    pub async fn import(&self, version: &str, text: &str) -> Answer {
        let path = format!("/versions/{version}/definition?name=orders.yaml");
        let body = Some(text.as_bytes().to_vec());
        let call = ("PUT", path.as_str());
        self.bytes(&self.provider, call, Some("*"), "application/yaml", body)
            .await
    }

    /// Moves a version on.
    pub async fn event(&self, token: &str, version: &str, event: &str) -> Answer {
        let body = json!({"event": event, "reason": "as agreed"});
        let path = format!("/versions/{version}/transitions");
        self.post_any(token, &path, body).await
    }

    /// A system with an interface; the id of its first version.
    pub async fn interface(&self, code: &str) -> String {
        self.post(&self.manager, "/systems", system("orders"))
            .await
            .is(201);
        let body = interface(code);
        self.post(&self.provider, "/interfaces", body).await.is(201);
        let path = format!("/interfaces/{code}/versions");
        let versions = self.get(&path).await.is(200);
        versions["items"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Waives every guard that rests on runs nobody records yet.
    pub async fn waive_all(&self, version: &str) {
        for guard in [
            "sandbox_healthy",
            "coverage",
            "pass_rate",
            "baseline",
            "canary_held",
        ] {
            let body = json!({"guard": guard, "reason": "no runs yet", "until": in_days(30)});
            let path = format!("/versions/{version}/waivers");
            self.post_any(&self.manager, &path, body).await.is(200);
        }
    }

    /// From a draft to what callers use.
    pub async fn publish(&self, version: &str) {
        let sla = json!({"latency_p99_ms": 50, "availability_percent": "99.95",
            "peak_per_second": 200});
        let path = format!("/versions/{version}/sla");
        let set = self.call_if(&self.provider, "PUT", &path, Some("*"), Some(sla));
        set.await.is(200);
        self.event(&self.provider, version, "submit").await.is(200);
        let path = format!("/versions/{version}/agreement");
        self.post_any(&self.security, &path, json!({}))
            .await
            .is(200);
        self.event(&self.manager, version, "approve").await.is(200);
        self.waive_all(version).await;
        for (token, event) in [
            (&self.provider, "test"),
            (&self.manager, "open_grey"),
            (&self.operator, "publish"),
        ] {
            self.event(token, version, event).await.is(200);
        }
    }
}

/// Keys of the gateways of both environments.
pub fn groups() -> GroupKeys {
    GroupKeys {
        sandbox: GroupKey::new([1; 32]),
        production: GroupKey::new([2; 32]),
    }
}

/// A day so many days from today, in UTC+8.
pub fn in_days(days: i64) -> String {
    let here = jiff::tz::Offset::constant(8).to_time_zone();
    let today = rialto_platform_store::now().to_zoned(here).date();
    let day = today.checked_add(jiff::Span::new().days(days)).unwrap();
    day.to_string()
}

/// The path of the document that an address belongs to.
fn template(method: &str, path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |known: &str| {
        let known: Vec<&str> = known.split('/').collect();
        let same = known.len() == parts.len();
        same && known
            .iter()
            .zip(&parts)
            .all(|(k, p)| k.starts_with('{') || k == p)
    };
    let found = ENDPOINTS
        .iter()
        .filter(|e| e.method == method && fits(e.path));
    // The one with the fewest open parts is the one the router takes.
    let best = found.min_by_key(|e| e.path.matches('{').count())?;
    Some(best.path.to_owned())
}

pub fn system(code: &str) -> Value {
    json!({"code": code, "name": {"en": "Orders", "zh": "委托系统"}, "owner": "provider",
        "criticality": "core", "hours": "trading"})
}

pub fn interface(code: &str) -> Value {
    json!({"code": code, "system": "orders", "title": "Orders", "taxonomy": "trade/order",
        "pattern": "request-reply"})
}

/// A definition the rules have nothing to say of.
pub const ORDERS: &str = "
openapi: 3.1.0
info: {title: Orders, version: 1.0.0}
security: [{key: []}]
paths:
  /orders/{order_id}:
    get:
      operationId: getOrder
      summary: One order
      x-error-codes: [{code: E1, status: 404, meaning: unknown order}]
      parameters:
        - {name: order_id, in: path, required: true, description: Its id, schema: {type: string, maxLength: 20, x-label: none}}
      responses:
        '200':
          description: the order
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Order'}
              example: {order_id: A1, limit_price: '1.20'}
        '404': {description: unknown}
components:
  securitySchemes: {key: {type: apiKey, name: X-API-Key, in: header}}
  schemas:
    Order:
      type: object
      properties:
        order_id: {type: string, maxLength: 20, x-label: none}
        limit_price: {type: string, format: decimal, x-label: amount}
";
