//! A runner's whole conversation, with its mistakes, and what people then read.

use axum::body::Body;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_RANGE, RANGE};
use rialto_platform_identity::Role;
use serde_json::{Value, json};

use crate::world::{Answer, PIPELINE, World};

struct Job<'a> {
    world: &'a World,
    token: String,
    id: String,
    lease: String,
}

impl Job<'_> {
    async fn send(&self, method: &str, tail: &str, range: Option<&str>, body: Vec<u8>) -> Answer {
        let path = format!("/api/delivery/v1/runner/jobs/{}{tail}", self.id);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header("x-job-lease", &self.lease)
            .header("content-type", "application/json");
        if let Some(range) = range {
            request = request.header(CONTENT_RANGE, range);
        }
        self.world
            .send(request.body(Body::from(body)).unwrap())
            .await
    }

    async fn trace(&self, range: &str, text: &str) -> Answer {
        self.send("PATCH", "/trace", Some(range), text.as_bytes().to_vec())
            .await
    }
}

/// A success with a log of this many bytes.
fn outcome(log_bytes: u64) -> Value {
    json!({"result": {"result": "success"}, "exit_code": 0, "log_bytes": log_bytes,
        "coverage": null, "files": [], "dotenv": [], "isolation": [], "notes": []})
}

fn ask() -> Value {
    json!({"runner": {"name": "local", "tags": [], "version": "1", "executors": ["shell"]},
        "wait_s": 0})
}

/// A job that a runner has taken.
async fn taken<'a>(world: &'a World, dev: &str) -> Job<'a> {
    let project = world.project(dev, "a/b", PIPELINE).await;
    world.pipeline(dev, &project).await;
    let token = world.runner_token().await;
    let answer = world
        .call(&token, "POST", "/runner/jobs/request", Some(ask()))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let assignment = answer.json();
    let text = |name: &str| assignment[name].as_str().unwrap().to_owned();
    assert_eq!(assignment["script"], json!(["true"]));
    Job {
        world,
        token,
        id: text("job_id"),
        lease: text("lease"),
    }
}

#[tokio::test]
async fn a_job_goes_from_request_to_success() {
    for world in World::on_each_engine().await {
        let dev = world.token("dev", &[Role::Developer]).await;
        let job = taken(&world, &dev).await;
        let none = world
            .call(&job.token, "POST", "/runner/jobs/request", Some(ask()))
            .await;
        assert_eq!(none.status, 204, "a job is handed out once");

        let first = job.trace("0-5", "hello\n").await;
        assert_eq!(
            (first.status.as_u16(), &first.json()["accepted_bytes"]),
            (202, &json!(6))
        );
        let gap = job.trace("9-10", "xx").await;
        assert_eq!(gap.refusal(), (416, "range_not_satisfiable".into()));
        assert_eq!(gap.json()["accepted_bytes"], 6);
        assert_eq!(
            job.trace("6-11", "world\n").await.json()["accepted_bytes"],
            12
        );
        assert_eq!(
            job.trace("6-7", "x").await.refusal(),
            (400, "malformed".into())
        );
        assert_eq!(
            job.send("POST", "/renew", None, vec![]).await.json()["job_status"],
            "running"
        );
        let waited = job.send("POST", "/renew?wait_ms=1", None, vec![]).await;
        assert_eq!(waited.json()["job_status"], "running");
        let unknown = job.send("POST", "/renew?wait_s=1", None, vec![]).await;
        assert_eq!(unknown.status, 400, "{}", unknown.text());

        let early = outcome(99);
        let early = job
            .send("PUT", "", None, early.to_string().into_bytes())
            .await;
        assert_eq!(early.status.as_u16(), 416, "the rest of the log is awaited");
        assert_eq!(early.json()["accepted_bytes"], 12);
        let end = outcome(12);
        for _ in 0..2 {
            let done = job
                .send("PUT", "", None, end.to_string().into_bytes())
                .await;
            assert_eq!(done.json()["job_status"], "success", "{}", done.text());
        }

        let shown = world.get(&dev, &format!("/jobs/{}", job.id)).await.json();
        assert_eq!(
            (&shown["status"], &shown["log_bytes"]),
            (&json!("success"), &json!(12))
        );
        read_log(&world, &dev, &job.id).await;
    }
}

async fn read_log(world: &World, dev: &str, job: &str) {
    let log = world.get(dev, &format!("/jobs/{job}/log")).await;
    assert_eq!(
        (log.text().as_str(), log.header("x-log-complete")),
        ("hello\nworld\n", "true")
    );
    assert_eq!(log.header("content-type"), "text/plain; charset=utf-8");
    for (range, status, text) in [
        ("bytes=6-", 206, "world\n"),
        ("bytes=0-4", 206, "hello"),
        ("bytes=-3", 206, "ld\n"),
    ] {
        let request = Request::get(format!("/api/delivery/v1/jobs/{job}/log"))
            .header(AUTHORIZATION, format!("Bearer {dev}"))
            .header(RANGE, range);
        let part = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (part.status.as_u16(), part.text().as_str()),
            (status, text),
            "{range}"
        );
    }
    let request = Request::get(format!("/api/delivery/v1/jobs/{job}/log"))
        .header(AUTHORIZATION, format!("Bearer {dev}"))
        .header(RANGE, "bytes=12-");
    let outside = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(outside.status.as_u16(), 416);
    assert_eq!(outside.header("content-range"), "bytes */12");
    let lines = world
        .get(dev, &format!("/jobs/{job}/log/lines?from=-1&count=10"))
        .await
        .json();
    assert_eq!(lines["total_lines"], 2);
    assert_eq!(
        lines["lines"],
        json!([{"no": 1, "offset": 6, "text": "world"}])
    );
    let found = world
        .get(dev, &format!("/jobs/{job}/log/search?q=WORLD"))
        .await
        .json();
    assert_eq!(
        (&found["total"], &found["matches"][0]["offset"]),
        (&json!(1), &json!(6))
    );
    for query in ["lines?count=5001", "search?q="] {
        let answer = world.get(dev, &format!("/jobs/{job}/log/{query}")).await;
        assert_eq!(answer.refusal(), (422, "invalid".into()), "{query}");
    }
}

#[tokio::test]
async fn a_wrong_lease_changes_nothing() {
    for world in World::on_each_engine().await {
        let dev = world.token("dev", &[Role::Developer]).await;
        let mut job = taken(&world, &dev).await;
        let right = std::mem::replace(&mut job.lease, "0".repeat(64));
        assert_eq!(
            job.trace("0-0", "x").await.refusal(),
            (409, "conflict".into())
        );
        assert_eq!(job.send("POST", "/renew", None, vec![]).await.status, 409);
        let end = outcome(0);
        assert_eq!(
            job.send("PUT", "", None, end.to_string().into_bytes())
                .await
                .status,
            409
        );
        let shown = world.get(&dev, &format!("/jobs/{}", job.id)).await.json();
        assert_eq!(shown["status"], "running", "never falsely green");
        job.lease = right;
        assert_eq!(job.trace("0-0", "x").await.status, 202);
    }
}

#[tokio::test]
async fn a_file_must_be_what_its_digest_says() {
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    for world in World::on_each_engine().await {
        let dev = world.token("dev", &[Role::Developer]).await;
        let job = taken(&world, &dev).await;
        let tail = |kind: &str| format!("/files?kind={kind}&name=report.env&sha256={EMPTY}");
        let wrong = job
            .send("POST", &tail("dotenv"), None, b"A=1\n".to_vec())
            .await;
        assert_eq!(wrong.refusal(), (422, "invalid".into()));
        let unknown = job.send("POST", &tail("virus"), None, vec![]).await;
        assert_eq!(unknown.refusal(), (422, "invalid".into()));
        let right = job.send("POST", &tail("dotenv"), None, vec![]).await;
        assert_eq!(right.status, 201, "{}", right.text());
        let path = format!("/jobs/{}/artifacts", job.id);
        let file = world.get(&dev, &format!("{path}/dotenv")).await;
        assert_eq!((file.status.as_u16(), file.body.len()), (200, 0));
        assert!(
            file.header("content-disposition")
                .starts_with("attachment; ")
        );
        assert_eq!(
            world.get(&dev, &format!("{path}/archive")).await.status,
            404
        );
    }
}
