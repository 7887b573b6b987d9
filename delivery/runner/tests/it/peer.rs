//! The server's side of the runner protocol, for tests: one job queue in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, patch, post, put};
use axum::{Json, Router};
use rialto_delivery_run::assignment::{Assignment, JobOutcome};
use serde_json::json;
use sha2::{Digest as _, Sha256};

pub const TOKEN: &str = "rlt_runner_secret";

/// What the server knows.
#[derive(Default)]
pub struct Known {
    pub queue: VecDeque<Assignment>,
    pub lease: String,
    pub canceling: bool,
    pub away: bool,
    pub stale: bool,
    pub log: Vec<u8>,
    pub first_byte: Option<Instant>,
    pub files: Vec<(String, String, Vec<u8>)>,
    pub outcome: Option<JobOutcome>,
    pub reports: u32,
    pub renewals: u32,
    pub refuse_files: bool,
    pub artifact: Vec<u8>,
    /// What the runner said it held, a wish for a job each: work directory and jobs.
    pub held: Vec<(String, Vec<String>)>,
}

type Shared = Arc<Mutex<Known>>;

pub struct Peer {
    pub known: Shared,
    pub address: String,
    _runtime: tokio::runtime::Runtime,
}

impl Peer {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let known = Shared::default();
        let app = Router::new()
            .route("/api/delivery/v1/runner/jobs/request", post(request))
            .route("/api/delivery/v1/runner/jobs/{id}/trace", patch(trace))
            .route("/api/delivery/v1/runner/jobs/{id}/renew", post(renew))
            .route("/api/delivery/v1/runner/jobs/{id}/files", post(files))
            .route("/api/delivery/v1/runner/jobs/{id}", put(finish))
            .route("/api/delivery/v1/runner/artifacts/{id}", get(artifact))
            .layer(axum::extract::DefaultBodyLimit::max(1 << 30))
            .with_state(Arc::clone(&known));
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self {
            known,
            address,
            _runtime: runtime,
        }
    }

    pub fn offer(&self, assignment: Assignment) {
        let mut known = self.known.lock().unwrap();
        known.lease.clone_from(&assignment.lease);
        known.queue.push_back(assignment);
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.known.lock().unwrap().log).into_owned()
    }

    pub fn outcome(&self) -> Option<JobOutcome> {
        self.known.lock().unwrap().outcome.clone()
    }
}

fn problem(status: StatusCode, detail: &str) -> Response {
    (status, Json(json!({"title": "refused", "detail": detail}))).into_response()
}

#[expect(clippy::result_large_err, reason = "the error is the answer")]
fn admit(known: &Known, headers: &HeaderMap, job: bool) -> Result<(), Response> {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    };
    if known.away {
        return Err(problem(StatusCode::SERVICE_UNAVAILABLE, "away"));
    }
    if header("authorization") != format!("Bearer {TOKEN}") {
        return Err(problem(StatusCode::UNAUTHORIZED, "no token"));
    }
    if job && (known.stale || header("x-job-lease") != known.lease) {
        return Err(problem(StatusCode::CONFLICT, "stale lease"));
    }
    Ok(())
}

fn status(known: &Known) -> &'static str {
    if known.canceling {
        "canceling"
    } else {
        "running"
    }
}

async fn request(
    State(known): State<Shared>,
    headers: HeaderMap,
    Json(body): Json<serde_json::Value>,
) -> Response {
    assert_eq!(body["runner"]["executors"][0], "shell");
    let holding = &body["holding"];
    let jobs = holding["jobs"].as_array().unwrap().iter();
    let jobs = jobs.map(|id| id.as_str().unwrap().to_owned()).collect();
    let instance = holding["instance"].as_str().unwrap().to_owned();
    known.lock().unwrap().held.push((instance, jobs));
    let until = Instant::now() + Duration::from_secs(body["wait_s"].as_u64().unwrap());
    loop {
        {
            let mut known = known.lock().unwrap();
            if let Err(answer) = admit(&known, &headers, false) {
                return answer;
            }
            if let Some(assignment) = known.queue.pop_front() {
                return Json(assignment).into_response();
            }
        }
        if Instant::now() > until {
            return StatusCode::NO_CONTENT.into_response();
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn trace(State(known): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let mut known = known.lock().unwrap();
    if let Err(answer) = admit(&known, &headers, true) {
        return answer;
    }
    let range = headers["content-range"].to_str().unwrap();
    let (from, to) = range.split_once('-').unwrap();
    let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
    assert_eq!(to + 1 - from, body.len());
    if from != known.log.len() {
        let answer = json!({"title": "offset", "accepted_bytes": known.log.len()});
        return (StatusCode::RANGE_NOT_SATISFIABLE, Json(answer)).into_response();
    }
    known.first_byte.get_or_insert_with(Instant::now);
    known.log.extend_from_slice(&body);
    let answer = json!({"accepted_bytes": known.log.len(), "job_status": status(&known)});
    (StatusCode::ACCEPTED, Json(answer)).into_response()
}

async fn renew(
    State(known): State<Shared>,
    Query(query): Query<HashMap<String, u64>>,
    headers: HeaderMap,
) -> Response {
    known.lock().unwrap().renewals += 1;
    let until = Instant::now() + Duration::from_millis(query["wait_ms"]);
    loop {
        {
            let known = known.lock().unwrap();
            if let Err(answer) = admit(&known, &headers, true) {
                return answer;
            }
            if known.canceling || Instant::now() > until {
                return Json(json!({"job_status": status(&known)})).into_response();
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn files(
    State(known): State<Shared>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut known = known.lock().unwrap();
    if let Err(answer) = admit(&known, &headers, true) {
        return answer;
    }
    if known.refuse_files || hex::encode(Sha256::digest(&body)) != query["sha256"] {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, "digest differs");
    }
    known
        .files
        .push((query["kind"].clone(), query["name"].clone(), body.to_vec()));
    StatusCode::CREATED.into_response()
}

async fn finish(
    State(known): State<Shared>,
    headers: HeaderMap,
    Json(outcome): Json<JobOutcome>,
) -> Response {
    let mut known = known.lock().unwrap();
    if let Err(answer) = admit(&known, &headers, true) {
        return answer;
    }
    known.outcome = Some(outcome);
    known.reports += 1;
    Json(json!({"job_status": "success"})).into_response()
}

async fn artifact(
    State(known): State<Shared>,
    headers: HeaderMap,
    Path(_): Path<String>,
) -> Response {
    let known = known.lock().unwrap();
    if let Err(answer) = admit(&known, &headers, true) {
        return answer;
    }
    known.artifact.clone().into_response()
}
