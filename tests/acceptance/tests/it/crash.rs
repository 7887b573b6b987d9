//! kill -9 of the server in the middle of a pipeline.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::house::{DEVELOPER, House, text};

const FILE: &str = r#"
work:
  script:
    - echo begun >> "$COUNT_FILE"
    - echo before the crash
    - while [ ! -e "$GO_FILE" ]; do sleep 0.05; done
    - echo after the crash
later:
  needs: [work]
  script:
    - echo later >> "$COUNT_FILE"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn no_job_is_lost_doubled_or_falsely_green_when_the_server_is_killed() -> Result<()> {
    let mut house = House::start_with_signs().await?;
    let developer = house.person(DEVELOPER).await?;
    let body = json!({"path": "sample/crash", "name": "crash", "description": ""});
    let (status, project) = developer.post("/projects", body).await?;
    ensure!(status == 201, "{project}");
    let project = text(&project["id"]).to_owned();
    let folder = house.folder.path().join("crash");
    let copy = developer.clone_project("sample/crash", &folder)?;
    let signs = house.signs.clone().context("the folder of signs")?;
    let (count, go) = (signs.join("count"), signs.join("go"));
    let variables = format!("variables: {{COUNT_FILE: {count:?}, GO_FILE: {go:?}}}\n{FILE}");
    fs::write(folder.join(".gitlab-ci.yml"), variables)?;
    copy.git(&["checkout", "-q", "-B", "main"])?;
    copy.git(&["add", "-A"])?;
    copy.git(&["commit", "-qm", "crash"])?;
    let pushed = copy.git(&["push", "-q", "-u", "origin", "main"])?;
    ensure!(
        pushed.status.success(),
        "{}",
        String::from_utf8_lossy(&pushed.stderr)
    );
    let head = String::from_utf8(copy.git(&["rev-parse", "HEAD"])?.stdout)?;

    let begun = |text: &str| fs::read_to_string(&count).is_ok_and(|t| t.contains(text));
    developer
        .until("the job to begin", async |_| {
            Ok(begun("begun").then_some(()))
        })
        .await?;
    house.crash()?;
    house.wake().await?;
    let pipeline = developer
        .pipeline(&project, head.trim(), &["running"])
        .await?;
    ensure!(
        pipeline["stages"][0]["jobs"][0]["status"] == "running",
        "{pipeline}"
    );
    fs::write(&go, "")?;
    let pipeline = developer
        .pipeline(&project, head.trim(), &["success"])
        .await?;
    ensure!(
        fs::read_to_string(&count)? == "begun\nlater\n",
        "each job ran exactly once"
    );
    let jobs = pipeline["stages"][0]["jobs"].as_array().context("jobs")?;
    let work = jobs
        .iter()
        .find(|job| job["name"] == "work")
        .context("the job")?;
    let log = developer.rialto(&["delivery", "job", "log", text(&work["id"])])?;
    let log = String::from_utf8_lossy(&log.stdout).into_owned();
    ensure!(log.matches("before the crash\n").count() >= 1, "{log}");
    ensure!(log.contains("after the crash"), "{log}");
    Ok(())
}
