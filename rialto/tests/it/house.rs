//! A whole house: start, work, stop, kill, start again.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{House, rialto, run};

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

#[test]
fn a_house_starts_greets_works_and_stops_politely() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::start(folder.path(), 0);
    let log = std::fs::read_to_string(folder.path().join("house.log")).unwrap();
    assert!(
        log.contains("Rialto is ready at http://127.0.0.1:"),
        "{log}"
    );
    assert!(
        log.contains("/login?link="),
        "the first login is printed: {log}"
    );
    assert_eq!(house.request("GET", "/readyz", "", "").1["status"], "ready");
    assert_eq!(
        house.request("GET", "/api/delivery/v1/projects", "", "").0,
        401
    );

    let token = house.token("admin");
    let (status, me) = house.request(
        "GET",
        "/api/platform/v1/sessions/current",
        &bearer(&token),
        "",
    );
    assert_eq!((status, &me["user"]["login"]), (200, &Value::from("admin")));

    let mut second = rialto(folder.path());
    let (code, _, err) = run(second.args(["up", "--data", "data", "--port", "0"]));
    assert!(
        code == 1 && err.contains("in use by another server"),
        "{err}"
    );

    let mut list = rialto(folder.path());
    list.env("RIALTO_SERVER", house.url())
        .env("RIALTO_TOKEN", &token);
    let (code, out, err) = run(list.args(["delivery", "--output", "json", "project", "list"]));
    assert_eq!((code, out.trim()), (0, "[]"), "{err}");
    let mut show = rialto(folder.path());
    show.env("RIALTO_SERVER", house.url())
        .env("RIALTO_TOKEN", &token);
    assert_eq!(
        run(show.args(["delivery", "project", "show", "no/such"])).0,
        3
    );
    let mut wrong = rialto(folder.path());
    wrong
        .env("RIALTO_SERVER", house.url())
        .env("RIALTO_TOKEN", "rlt_wrong");
    assert_eq!(run(wrong.args(["delivery", "project", "list"])).0, 4);

    assert_eq!(house.end("-TERM"), 0);
}

#[test]
fn a_pushed_commit_runs_through_its_pipeline_and_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::start(folder.path(), 0);
    let token = house.token("admin");
    let body = r#"{"path": "a/b"}"#;
    let (status, project) =
        house.request("POST", "/api/delivery/v1/projects", &bearer(&token), body);
    assert_eq!(status, 201, "{project}");
    push(&folder.path().join("copy"), house.url(), &token);
    let job = wait_for(&house, &token, |pipeline| {
        let job = &pipeline["stages"][0]["jobs"][0];
        (job["status"] == "running").then(|| job["id"].as_str().unwrap().to_owned())
    });
    let log = format!("/api/delivery/v1/jobs/{job}/log");
    wait_until("the script has begun", || {
        house
            .raw("GET", &log, &bearer(&token), "")
            .2
            .contains("before the kill")
    });
    // Sources and artifacts are fetched from the address the house had.
    let port = house.port();
    assert_eq!(house.end("-KILL"), -1, "killed in mid-pipeline");

    let house = House::start(folder.path(), port);
    // The job goes on under its supervisor; only now may it end.
    std::fs::write(folder.path().join("go"), "").unwrap();
    let same = wait_for(&house, &token, |pipeline| {
        let job = &pipeline["stages"][0]["jobs"][0];
        assert_ne!(pipeline["status"], "failed", "{pipeline}");
        (pipeline["status"] == "success").then(|| job["id"].as_str().unwrap().to_owned())
    });
    assert_eq!(same, job, "the job was neither lost nor run twice");
    let (_, _, log) = house.raw("GET", &log, &bearer(&token), "");
    assert_eq!(log.matches("before the kill").count(), 1, "{log}");
    assert_eq!(log.matches("after the kill").count(), 1, "{log}");
    let (_, check) = house.request(
        "GET",
        "/api/platform/v1/evidence/check",
        &bearer(&token),
        "",
    );
    assert_eq!(check["ok"], true, "{check}");
    assert_eq!(house.end("-INT"), 0);
}

/// A commit whose job waits for the file `go` beside the working copy.
fn push(copy: &std::path::Path, url: &str, token: &str) {
    let go = copy.parent().unwrap().join("go");
    let go = go.display();
    // The words come out only when the script runs, not when its lines are echoed.
    let pipeline = format!(
        "wait:\n  script:\n    - printf '%s the kill\\n' before\n    \
         - until [ -e {go} ]; do sleep 0.05; done\n    - printf '%s the kill\\n' after\n"
    );
    std::fs::create_dir_all(copy).unwrap();
    std::fs::write(copy.join(".gitlab-ci.yml"), pipeline).unwrap();
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .current_dir(copy)
            .args(["-c", "user.name=A", "-c", "user.email=a@example.com"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message=first"]);
    let remote = url.replace("http://", &format!("http://any:{token}@")) + "/git/a/b.git";
    git(&["push", "--quiet", &remote, "main"]);
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Looks at the newest pipeline until `found` is content with it.
fn wait_for<T>(house: &House, token: &str, found: impl Fn(&Value) -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let path = "/api/delivery/v1/pipelines?page_size=1";
        let (_, list) = house.request("GET", path, &bearer(token), "");
        if let Some(id) = list["items"][0]["id"].as_str() {
            let path = format!("/api/delivery/v1/pipelines/{id}");
            let (_, pipeline) = house.request("GET", &path, &bearer(token), "");
            if let Some(result) = found(&pipeline) {
                return result;
            }
        }
        assert!(Instant::now() < end, "waited in vain: {list}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
