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

    fs::write(copy.folder.join("noise.bin"), noise(3 << 20))?;
    copy.git(&["add", "."])?;
    copy.git(&["commit", "-q", "-m", "a file too large"])?;
    let large = copy.git(&["push"])?;
    let said = String::from_utf8_lossy(&large.stderr).into_owned();
    ensure!(!large.status.success(), "3 MiB are more than the 2 allowed");
    for words in [
        "remote: push refused",
        "larger than 2 MiB",
        "delivery.push_limit",
    ] {
        ensure!(said.contains(words), "{words}: {said}");
    }
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

/// Bytes that no compression makes smaller.
fn noise(length: usize) -> Vec<u8> {
    let mut state: u64 = 7;
    std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()[0]
    })
    .take(length)
    .collect()
}
