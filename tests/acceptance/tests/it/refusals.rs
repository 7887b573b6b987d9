//! What is refused, and that nothing else suffers from it.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::house::{DEVELOPER, House, text};

#[tokio::test(flavor = "multi_thread")]
async fn bad_pushes_and_bad_tokens_are_refused_in_words() -> Result<()> {
    let house = House::start().await?;
    let developer = house.person(DEVELOPER).await?;
    let path = "sample/nav-report";
    let project = developer.project(path).await?;
    let project = text(&project["id"]).to_owned();
    let copy = developer.clone_project(path, &house.folder.path().join("nav"))?;

    let address = house
        .url
        .replace("http://", "http://developer:rlt_wrong_token@");
    let mut wrong = Command::new("git");
    wrong
        .args(["ls-remote", &format!("{address}/git/{path}.git")])
        .env("GIT_TERMINAL_PROMPT", "0");
    ensure!(
        !wrong.output()?.status.success(),
        "a wrong token reads nothing"
    );

    copy.git(&["commit", "-q", "--amend", "-m", "rewritten"])?;
    let forced = copy.git(&["push", "-q", "--force"])?;
    let said = String::from_utf8_lossy(&forced.stderr).into_owned();
    ensure!(
        !forced.status.success() && said.contains("main"),
        "force is refused: {said}"
    );
    copy.git(&["reset", "-q", "--hard", "origin/main"])?;

    fs::write(
        copy.folder.join(".gitlab-ci.yml"),
        "test:\n  script: [true\n",
    )?;
    let broken = copy.push("broken file")?;
    let pipeline = developer.pipeline(&project, &broken, &["failed"]).await?;
    let error = &pipeline["config_errors"][0];
    ensure!(
        error["file"] == ".gitlab-ci.yml" && error["line"].as_u64() > Some(0),
        "{pipeline}"
    );
    ensure!(
        reqwest::get(format!("{}/readyz", house.url))
            .await?
            .status()
            .is_success()
    );
    Ok(())
}
