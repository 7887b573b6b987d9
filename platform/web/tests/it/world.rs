//! A site of its own for each test.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use rialto_platform_evidence::{EvidenceLog, SigningKey};
use rialto_platform_identity::{Actor, Identity, NewUser, Role, User};
use rialto_platform_store::now;
use rialto_platform_store::testing::{TestDb, engines};
use rialto_platform_web::{Endpoint, Site, Web, WebSettings};
use serde_json::Value;
use std::net::SocketAddr;
use tower::ServiceExt as _;

pub const PASSWORD: &str = "correct horse battery";

pub struct World {
    pub db: TestDb,
    pub web: Web,
    pub router: Router,
    pub endpoints: Vec<Endpoint>,
    /// Seconds by which identity's clock is ahead.
    ahead: Arc<AtomicI64>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The problem's code; fails when the answer is no problem document.
    pub fn code(&self) -> String {
        assert_eq!(
            self.headers[CONTENT_TYPE], "application/problem+json",
            "{:?}",
            self.body
        );
        self.json()["code"].as_str().expect("a code").to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }
}

/// A signed-in browser.
#[derive(Clone)]
pub struct Browser {
    pub cookie: String,
    pub csrf: String,
}

impl World {
    pub async fn on_each_engine() -> Vec<Self> {
        let sets = [
            rialto_platform_evidence::MIGRATIONS,
            rialto_platform_identity::MIGRATIONS,
            rialto_platform_web::MIGRATIONS,
        ];
        let mut worlds = Vec::new();
        for db in engines(&sets).await {
            worlds.push(Self::over(db, Router::new(), &[]).await);
        }
        worlds
    }

    pub async fn over(db: TestDb, routes: Router, endpoints: &[Endpoint]) -> Self {
        let key = SigningKey::from_bytes(&[7; 32]);
        let evidence = EvidenceLog::open(&db, key).await.expect("the log opens");
        let ahead = Arc::new(AtomicI64::new(0));
        let clock = Arc::clone(&ahead);
        let identity = Identity::new(db.db.clone(), evidence.clone())
            .with_clock(move || now() + SignedDuration::from_secs(clock.load(Ordering::SeqCst)));
        let settings = WebSettings {
            body_limit: 64 * 1024,
            ..WebSettings::default()
        };
        let web = Web::new(db.db.clone(), identity, evidence, settings);
        let site = Site::new(web.clone()).with(routes, endpoints);
        let endpoints = site.endpoints().to_vec();
        Self {
            db,
            web,
            router: site.build(),
            endpoints,
            ahead,
        }
    }

    /// Lets time pass.
    pub fn wait(&self, time: SignedDuration) {
        self.ahead.fetch_add(time.as_secs(), Ordering::SeqCst);
    }

    pub async fn person(&self, login: &str, roles: &[Role]) -> User {
        let new = NewUser {
            login: login.into(),
            name: login.into(),
            email: format!("{login}@example.com"),
            password: Some(PASSWORD.into()),
            roles: roles.to_vec(),
            locale: None,
        };
        self.web
            .identity()
            .create_user(&Actor::system("test"), new)
            .await
            .expect("added")
    }

    pub async fn browser(&self, login: &str, roles: &[Role]) -> Browser {
        let user = self.person(login, roles).await;
        let opened = self
            .web
            .identity()
            .open_session(user, "192.0.2.1", "")
            .await
            .expect("open");
        Browser {
            cookie: format!("rialto_session={}", opened.cookie),
            csrf: opened.csrf_token,
        }
    }

    pub async fn token(&self, login: &str, roles: &[Role]) -> String {
        let user = self.person(login, roles).await;
        let system = Actor::system("test");
        let issued = self
            .web
            .identity()
            .issue_token_to(&system, &user.id, "test", 1)
            .await;
        issued.expect("issued").text
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.open(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub async fn open(&self, mut request: Request<Body>) -> http::Response<Body> {
        let address = SocketAddr::from(([192, 0, 2, 1], 4711));
        request.extensions_mut().insert(ConnectInfo(address));
        self.router
            .clone()
            .oneshot(request)
            .await
            .expect("infallible")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).expect("a request"))
            .await
    }

    pub async fn post(&self, path: &str, body: &str) -> Answer {
        let request = Request::post(path).header(CONTENT_TYPE, "application/json");
        self.send(
            request
                .body(Body::from(body.to_owned()))
                .expect("a request"),
        )
        .await
    }

    /// A request of a browser; changes carry the CSRF token.
    pub async fn by(&self, browser: &Browser, method: &str, path: &str, body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("cookie", &browser.cookie);
        if method != "GET" {
            request = request.header("x-csrf-token", &browser.csrf);
            request = request.header(CONTENT_TYPE, "application/json");
        }
        self.send(
            request
                .body(Body::from(body.to_owned()))
                .expect("a request"),
        )
        .await
    }
}

/// The value of the session cookie that an answer sets.
pub fn set_cookie(answer: &Answer) -> &str {
    answer.headers[SET_COOKIE].to_str().expect("text")
}
