//! A desk of its own for each test: database, people, site. Every call is noted, so that one test
//! can say which operations of the document nobody called.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use rialto_otc_api::{Api, ENDPOINTS, routes};
use rialto_otc_desk::Desk;
use rialto_platform_evidence::{EvidenceLog, SigningKey};
use rialto_platform_identity::{Actor, Identity, NewUser, Role};
use rialto_platform_store::MigrationSet;
use rialto_platform_store::testing::{TestDb, engines};
use rialto_platform_web::{Site, Web, WebSettings};
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub const CODE: &str = "XSHG:000905";

/// Operations that were called: method, path of the document, whether it went well.
pub type Calls = Arc<Mutex<BTreeSet<(String, String, bool)>>>;

pub struct World {
    pub db: TestDb,
    pub api: Api,
    pub router: Router,
    pub calls: Calls,
    pub trader: String,
    pub middle: String,
    pub risk: String,
    pub settlement: String,
    pub auditor: String,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    /// The JSON of an answer that must have this status.
    pub fn is(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self.json()
    }

    /// Status and the desk's own reason, or else the code of the problem.
    pub fn refusal(&self) -> (u16, String) {
        let problem = self.json();
        let reason = problem["reason"].as_str().or(problem["code"].as_str());
        let reason = reason.unwrap_or("no problem document").to_owned();
        (self.status.as_u16(), reason)
    }
}

impl World {
    pub async fn on_each_engine(calls: &Calls) -> Vec<Self> {
        let sets: [MigrationSet; 4] = [
            rialto_platform_evidence::MIGRATIONS,
            rialto_platform_identity::MIGRATIONS,
            rialto_platform_web::MIGRATIONS,
            rialto_otc_desk::MIGRATIONS,
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
        let desk = Desk::new(db.db.clone(), evidence.clone(), None);
        let web = Web::new(db.db.clone(), identity, evidence, WebSettings::default());
        let api = Api {
            web: web.clone(),
            desk,
        };
        let router = Site::new(web).with(routes(api.clone()), ENDPOINTS).build();
        let mut world = Self {
            db,
            api,
            router,
            calls,
            trader: String::new(),
            middle: String::new(),
            risk: String::new(),
            settlement: String::new(),
            auditor: String::new(),
        };
        world.trader = world.token("trader", Role::Trader).await;
        world.middle = world.token("middleoffice", Role::MiddleOffice).await;
        world.risk = world.token("risk", Role::Risk).await;
        world.settlement = world.token("settlement", Role::Settlement).await;
        world.auditor = world.token("auditor", Role::Auditor).await;
        world
    }

    /// The same desk where quotes are firm on markets of at most these calendar days.
    pub async fn answers_with_market_days(
        &self,
        days: u32,
        token: &str,
        path: &str,
        body: Value,
    ) -> Answer {
        let evidence = EvidenceLog::open(&self.db, SigningKey::from_bytes(&[7; 32])).await;
        let desk = Desk::new(self.db.db.clone(), evidence.unwrap(), Some(days));
        let web = self.api.web.clone();
        let api = Api {
            web: web.clone(),
            desk,
        };
        let router = Site::new(web).with(routes(api), ENDPOINTS).build();
        let request = Request::post(format!("/api/otc/v1{path}"))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json")
            .extension(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 1))));
        let request = request.body(Body::from(body.to_string())).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.expect("a whole body").to_bytes(),
        }
    }

    /// A token of a new person with this role.
    pub async fn token(&self, login: &str, role: Role) -> String {
        let system = Actor::system("test");
        let new = NewUser {
            login: login.into(),
            name: login.into(),
            email: format!("{login}@example.com"),
            roles: vec![role],
            ..NewUser::default()
        };
        let identity = self.api.web.identity();
        let user = identity.create_user(&system, new).await.unwrap();
        let issued = identity.issue_token_to(&system, &user.id, "test", 1).await;
        issued.unwrap().text
    }

    pub async fn send(&self, mut request: Request<Body>) -> Answer {
        let (method, path) = (
            request.method().to_string(),
            request.uri().path().to_owned(),
        );
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
        let body = match stream {
            // A stream has no end.
            true => Bytes::new(),
            false => body.collect().await.expect("a whole body").to_bytes(),
        };
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub async fn call(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.call_if(token, method, path, None, body).await
    }

    /// With the version that was seen.
    pub async fn call_if(
        &self,
        token: &str,
        method: &str,
        path: &str,
        tag: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/otc/v1{path}"))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json");
        if let Some(tag) = tag {
            request = request.header("if-match", tag);
        }
        let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    pub async fn get(&self, token: &str, path: &str) -> Answer {
        self.call(token, "GET", path, None).await
    }

    pub async fn post(&self, token: &str, path: &str, body: Value) -> Answer {
        self.call(token, "POST", path, Some(body)).await
    }

    /// A body as it is written.
    pub async fn post_text(&self, token: &str, path: &str, text: String) -> Answer {
        let request = Request::post(format!("/api/otc/v1{path}"))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(text)).unwrap()).await
    }

    /// A file of fixings.
    pub async fn import(&self, token: &str, kind: &str, bytes: Vec<u8>, dry: bool) -> Answer {
        self.import_with(token, kind, bytes, &format!("dry_run={dry}"))
            .await
    }

    /// A file of fixings with what stands behind the `?`.
    pub async fn import_with(
        &self,
        token: &str,
        kind: &str,
        bytes: Vec<u8>,
        query: &str,
    ) -> Answer {
        let request = Request::post(format!("/api/otc/v1/fixings/import?{query}"))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, kind);
        self.send(request.body(Body::from(bytes)).unwrap()).await
    }

    /// Sends an event for the version there is.
    pub async fn event(&self, token: &str, trade: &str, kind: &str, payload: Value) -> Answer {
        let seen = self.get(&self.auditor, &format!("/trades/{trade}")).await;
        let tag = seen.header("etag").to_owned();
        let count = self.calls.lock().unwrap().len();
        let events = seen.json()["seq"].as_u64().unwrap_or(0);
        let body = json!({"event_id": format!("{kind}-{events}-{count}"), "kind": kind,
            "payload": payload, "reason": "as agreed"});
        let path = format!("/trades/{trade}/events");
        self.call_if(token, "POST", &path, Some(&tag), Some(body))
            .await
    }

    /// Sends an event that needs a second person, and lets risk sign it.
    pub async fn signed(&self, token: &str, trade: &str, kind: &str, payload: Value) -> Value {
        let waiting = self.event(token, trade, kind, payload).await.is(202);
        let id = waiting["approval"]["id"].as_str().unwrap().to_owned();
        self.approve(&self.risk, &id).await.is(200)
    }

    pub async fn approve(&self, token: &str, approval: &str) -> Answer {
        let path = format!("/approvals/{approval}/approve");
        self.post(token, &path, json!({"comment": "checked"})).await
    }

    /// From a draft to a trade in force.
    pub async fn make_live(&self, trade: &str) {
        self.event(&self.trader, trade, "submit", json!({}))
            .await
            .is(201);
        let seen = self
            .get(&self.auditor, &format!("/trades/{trade}"))
            .await
            .is(200);
        let approval = seen["open_approval"].as_str().expect("waits").to_owned();
        self.approve(&self.middle, &approval).await.is(200);
        let reference = json!({"reference": "CF-1"});
        self.event(&self.middle, trade, "confirm", reference)
            .await
            .is(201);
    }

    pub async fn trade(&self, id: &str) -> Value {
        self.get(&self.auditor, &format!("/trades/{id}"))
            .await
            .is(200)
    }
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
    let mut found = ENDPOINTS
        .iter()
        .filter(|e| e.method == method && fits(e.path));
    // The one with the fewest open parts is the one the router takes.
    let open = |path: &str| path.matches('{').count();
    let first = found.next()?;
    let best = found.fold(
        first,
        |a, b| if open(b.path) < open(a.path) { b } else { a },
    );
    Some(best.path.to_owned())
}

/// Sessions of Shanghai between two dates.
pub fn sessions(from: &str, to: &str) -> Vec<String> {
    use rialto_otc_time::{Calendars, Date, Exchange};
    let calendar = Calendars::builtin().get(Exchange::Xshg);
    let (mut day, to): (Date, Date) = (from.parse().unwrap(), to.parse().unwrap());
    let mut all = Vec::new();
    while day <= to {
        if calendar.is_session(day).unwrap() {
            all.push(day.to_string());
        }
        day = day.add_days(1).unwrap();
    }
    all
}

/// A snowball that began two years before the tests were written.
pub fn snowball(trade_id: &str) -> Value {
    json!({"schema": "rialto.otc/1", "trade_id": trade_id, "version": 1,
        "template": "snowball/1", "preset": "stepdown", "direction": "house_sells",
        "parties": {"house": {"lei": "984500RIALTO00HOUS80"},
            "counterparty": {"name": "Sample fund", "investor": "product"}},
        "agreement": {"master": "SAC-2014", "id": "SAC-0417"},
        "underlying": {"code": CODE, "initial": {"rule": "close", "date": "2024-03-11"}},
        "notional": "20000000", "currency": "CNY",
        "dates": {"trade": "2024-03-08", "start": "2024-03-11", "end": "2026-03-11"},
        "terms": {"ko": {"schedule": {"freq": "1m", "lock": "3m", "roll": "following"},
                "levels": {"first": "101%", "step": "-0.4%"}},
            "coupon": {"rate": "14.7%", "basis": "annual"}, "bonus": "14.7%",
            "ki": {"schedule": "daily", "level": "71%"},
            "loss": {"k_hi": "100%", "k_lo": "0%", "part": "100%"}},
        "clocks": {"variance": "sessions:XSHG/244", "rate": "act365", "coupon": "act365"},
        "payment": {"lag": 3, "calendar": "CN-IB"}, "rounding": {"amount": 2, "level": 4}})
}

/// A market of a date.
pub fn market(date: &str, spot: &str) -> Value {
    json!({"schema": "rialto.market/1", "as_of": {"date": date, "phase": "post_close"},
        "discount": {"CNY": {"zero": [["3m", "1.62%"], ["1y", "1.71%"], ["3y", "1.88%"]]}},
        "underlyings": {"XSHG:000905": {"spot": spot, "vol": "21.5%", "q": "6.2%"}},
        "fixings": {"XSHG:000905": {"2024-03-11": "5802.16"}}})
}

/// Prices as a CSV file.
pub fn csv(rows: &[(String, String)]) -> Vec<u8> {
    let mut text = String::from("date,underlying,value,source\n");
    for (date, value) in rows {
        text.push_str(&format!("{date},{CODE},{value},vendor\n"));
    }
    text.into_bytes()
}

/// An id in an address.
pub fn escaped(id: &str) -> String {
    id.replace('/', "%2F").replace('|', "%7C")
}
