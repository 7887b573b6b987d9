//! A house of its own for each test: database, data folder, services and site.

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use rialto_delivery_api::{Api, ENDPOINTS, routes};
use rialto_delivery_engine::deployment::{Deployments, RouterAccess};
use rialto_delivery_engine::{Delivery, DeliverySettings};
use rialto_delivery_git::{CommitFile, NewCommit, RepositoryName, Signature};
use rialto_delivery_supervisor::Supervisor;
use rialto_platform_evidence::{EvidenceLog, SigningKey};
use rialto_platform_identity::{Actor, Identity, NewUser, Role};
use rialto_platform_store::MigrationSet;
use rialto_platform_store::testing::{TestDb, engines};
use rialto_platform_web::{Endpoint, Site, Web, WebSettings};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// One job that runs on a runner.
pub const PIPELINE: &str = "unit:\n  script: [\"true\"]\n";

pub struct World {
    _db: TestDb,
    pub api: Api,
    pub router: Router,
    pub endpoints: Vec<Endpoint>,
    _data: tempfile::TempDir,
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

    /// Status and problem code.
    pub fn refusal(&self) -> (u16, String) {
        let code = self.json()["code"]
            .as_str()
            .unwrap_or("no problem document")
            .to_owned();
        (self.status.as_u16(), code)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }
}

impl World {
    pub async fn on_each_engine() -> Vec<Self> {
        let sets: [MigrationSet; 4] = [
            rialto_platform_evidence::MIGRATIONS,
            rialto_platform_identity::MIGRATIONS,
            rialto_platform_web::MIGRATIONS,
            rialto_delivery_store::MIGRATIONS,
        ];
        let mut worlds = Vec::new();
        for db in engines(&sets).await {
            worlds.push(Self::over(db).await);
        }
        worlds
    }

    async fn over(db: TestDb) -> Self {
        let data = tempfile::tempdir().unwrap();
        let key = SigningKey::from_bytes(&[7; 32]);
        let evidence = EvidenceLog::open(&db, key).await.unwrap();
        let identity = Identity::new(db.db.clone(), evidence.clone());
        // No hook: what a push may do is tested where the hook is; here only reading goes through git.
        let hook = vec!["false".to_owned()];
        let url = "http://rialto.test".to_owned();
        let settings = DeliverySettings::new(data.path().to_owned(), url, hook);
        let delivery = Delivery::open(db.db.clone(), evidence.clone(), settings)
            .await
            .unwrap();
        let supervisor = Supervisor::open(data.path().join("services"))
            .await
            .unwrap();
        // Nobody listens there: pages about deployments must work without the router.
        let admin = SocketAddr::from(([127, 0, 0, 1], 9));
        let router = RouterAccess {
            admin,
            token: String::new(),
        };
        let deployments = Deployments::new(delivery.clone(), supervisor, router);
        let web = Web::new(db.db.clone(), identity, evidence, WebSettings::default());
        let api = Api {
            web: web.clone(),
            delivery,
            deployments,
        };
        let site = Site::new(web).with(routes(api.clone()), ENDPOINTS);
        let endpoints = site.endpoints().to_vec();
        Self {
            _db: db,
            api,
            router: site.build(),
            endpoints,
            _data: data,
        }
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
        identity
            .issue_token_to(&system, &user.id, "test", 1)
            .await
            .unwrap()
            .text
    }

    pub async fn runner_token(&self) -> String {
        let hour = SignedDuration::from_hours(1);
        let system = Actor::system("test");
        let issued = self
            .api
            .web
            .identity()
            .issue_runner_token(&system, "local", hour)
            .await;
        issued.unwrap().text
    }

    pub async fn send(&self, mut request: Request<Body>) -> Answer {
        request
            .extensions_mut()
            .insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 1))));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub async fn call(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let path = match path.starts_with("/api/") {
            true => path.to_owned(),
            false => format!("/api/delivery/v1{path}"),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json");
        let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    /// A change of what was read under this `ETag`.
    pub async fn put_if(&self, token: &str, path: &str, tag: &str, body: &Value) -> Answer {
        let request = Request::put(format!("/api/delivery/v1{path}"))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json")
            .header("if-match", tag);
        self.send(request.body(Body::from(body.to_string())).unwrap())
            .await
    }

    pub async fn get(&self, token: &str, path: &str) -> Answer {
        self.call(token, "GET", path, None).await
    }

    /// A project with one commit whose pipeline file is `pipeline`; its id.
    pub async fn project(&self, token: &str, path: &str, pipeline: &str) -> String {
        let made = self
            .call(token, "POST", "/projects", Some(json!({"path": path})))
            .await;
        assert_eq!(made.status, 201, "{}", made.text());
        let name = RepositoryName::parse(path).unwrap();
        let repository = self.api.delivery.git().repository(&name).unwrap();
        let file = |path: &str, text: &str| CommitFile {
            path: path.into(),
            content: Some(text.as_bytes().to_vec()),
            executable: false,
        };
        let commit = NewCommit {
            branch: "main".into(),
            message: "first\n".into(),
            author: Signature {
                name: "Author".into(),
                email: "author@example.com".into(),
                at: 1_800_000_000,
            },
            files: vec![file(".gitlab-ci.yml", pipeline), file("README", "hello\n")],
        };
        repository.commit_files(&commit).await.unwrap();
        made.json()["id"].as_str().unwrap().to_owned()
    }

    /// Starts a pipeline on `main`; its document.
    pub async fn pipeline(&self, token: &str, project: &str) -> Value {
        let path = format!("/projects/{project}/pipelines");
        let made = self
            .call(token, "POST", &path, Some(json!({"ref": "main"})))
            .await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()
    }
}
