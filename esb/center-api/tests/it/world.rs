//! A service center of its own for each test: database, people, site.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::header::{AUTHORIZATION, CONTENT_TYPE, IF_MATCH};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use rialto_esb_center_api::{Api, ENDPOINTS, NACOS_ENDPOINTS, nacos_routes, routes};
use rialto_esb_center_manager::ServiceCenter;
use rialto_platform_evidence::{EvidenceLog, SigningKey};
use rialto_platform_identity::{Actor, Identity, NewUser, Role};
use rialto_platform_store::testing::{TestDb, engines};
use rialto_platform_web::{Site, Web, WebSettings};
use serde_json::Value;
use tower::ServiceExt as _;

pub struct World {
    _db: TestDb,
    web: Web,
    router: Router,
    pub provider: String,
    pub auditor: String,
}

pub struct Answer {
    pub status: StatusCode,
    pub text: String,
}

impl Answer {
    /// The JSON of an answer that must have this status.
    pub fn is(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// Status and text.
    pub fn told(&self) -> (u16, &str) {
        (self.status.as_u16(), &self.text)
    }
}

impl World {
    pub async fn on_each_engine() -> Vec<Self> {
        let sets = [
            rialto_platform_evidence::MIGRATIONS,
            rialto_platform_identity::MIGRATIONS,
            rialto_platform_web::MIGRATIONS,
            rialto_esb_center_manager::MIGRATIONS,
        ];
        let mut worlds = Vec::new();
        for db in engines(&sets).await {
            worlds.push(Self::over(db).await);
        }
        worlds
    }

    async fn over(db: TestDb) -> Self {
        let key = SigningKey::from_bytes(&[7; 32]);
        let evidence = EvidenceLog::open(&db, key).await.unwrap();
        let identity = Identity::new(db.db.clone(), evidence.clone());
        let center = ServiceCenter::open(db.db.clone(), evidence.clone(), [5; 32]).await;
        let web = Web::new(db.db.clone(), identity, evidence, WebSettings::default());
        let api = Api {
            web: web.clone(),
            center: center.unwrap(),
        };
        let router = Site::new(web.clone())
            .with(routes(api.clone()), ENDPOINTS)
            .with(nacos_routes(api), NACOS_ENDPOINTS)
            .build();
        let mut world = Self {
            _db: db,
            web,
            router,
            provider: String::new(),
            auditor: String::new(),
        };
        world.provider = world.token("provider", Role::Provider).await;
        world.auditor = world.token("auditor", Role::Auditor).await;
        world
    }

    /// A token of a new person with this role.
    async fn token(&self, login: &str, role: Role) -> String {
        let system = Actor::system("test");
        let new = NewUser {
            login: login.into(),
            name: login.into(),
            email: format!("{login}@example.com"),
            roles: vec![role],
            ..NewUser::default()
        };
        let identity = self.web.identity();
        let user = identity.create_user(&system, new).await.unwrap();
        let issued = identity.issue_token_to(&system, &user.id, "test", 1).await;
        issued.unwrap().text
    }

    async fn send(&self, mut request: Request<Body>) -> Answer {
        let from = ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 1)));
        request.extensions_mut().insert(from);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answer {
            status,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// A call of the house's interface; a change is made to whatever there is unless a tag is given.
    pub async fn call(&self, token: &str, what: &str, tag: &str, body: Option<Value>) -> Answer {
        let (method, path) = what.split_once(' ').unwrap();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/esb/v1{path}"))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json");
        if !tag.is_empty() {
            request = request.header(IF_MATCH, tag);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    /// A call of a Nacos client, with a form.
    pub async fn nacos(&self, what: &str, form: &str) -> Answer {
        let (method, path) = what.split_once(' ').unwrap();
        let request = Request::builder()
            .method(method)
            .uri(format!("/nacos/v1{path}"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let body = Body::from(form.to_owned());
        self.send(request.body(body).unwrap()).await
    }
}
