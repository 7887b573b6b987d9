//! `rialto ci` in a working copy, without a server.

use std::fs;
use std::process::{Command, Output};

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::house::binary;

fn ci(folder: &std::path::Path, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(binary());
    Ok(command
        .arg("ci")
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .output()?)
}

#[test]
fn a_pipeline_runs_right_there_with_needs_artifacts_and_a_summary() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = "build:\n  script: [echo made > made.txt]\n  artifacts: {paths: [made.txt]}\n\
                use:\n  needs: [build]\n  script: [cat made.txt]\n";
    fs::write(folder.path().join(".gitlab-ci.yml"), file)?;
    let run = ci(folder.path(), &["run"])?;
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    ensure!(
        run.status.code() == Some(0),
        "{said}{}",
        String::from_utf8_lossy(&run.stderr)
    );
    ensure!(said.contains("made"), "{said}");
    Ok(())
}

#[test]
fn exit_codes_tell_a_failed_job_from_a_file_that_is_not_valid() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(".gitlab-ci.yml");
    fs::write(&path, "bad:\n  script: [exit 3]\n")?;
    ensure!(ci(folder.path(), &["run"])?.status.code() == Some(1));
    fs::write(&path, "bad:\n  script: [exit 3]\n  scirpt: [x]\n")?;
    let run = ci(folder.path(), &["run"])?;
    ensure!(run.status.code() == Some(2));
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    ensure!(said.contains(".gitlab-ci.yml:3:3: "), "{said}");
    ensure!(
        said.contains("script"),
        "the nearest name is offered: {said}"
    );
    Ok(())
}

#[test]
fn list_and_simulate_answer_in_json() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = "build:\n  stage: build\n  script: [x]\ntest:\n  script: [y]\n  when: manual\n";
    fs::write(folder.path().join(".gitlab-ci.yml"), file)?;
    let list = ci(folder.path(), &["list", "--output", "json"])?;
    let list: Value = serde_json::from_slice(&list.stdout)?;
    ensure!(
        list[0]["name"] == "build" && list[1]["when"] == "manual",
        "{list}"
    );
    ensure!(
        list[0]["needs"].is_null() && list[1]["allow_failure"] == true,
        "{list}"
    );
    let events = folder.path().join("events.json");
    fs::write(&events, r#"[{"event": "success", "jobs": ["build"]}]"#)?;
    let file = ".gitlab-ci.yml";
    let events = events.to_string_lossy().into_owned();
    let arguments = [
        "simulate", "--file", file, "--events", &events, "--output", "json",
    ];
    let answer = ci(folder.path(), &arguments)?;
    let answer: Value = serde_json::from_slice(&answer.stdout)?;
    ensure!(
        answer[0]["pipeline"] == "pending" && answer[1]["jobs"]["test"] == "manual",
        "{answer}"
    );
    Ok(())
}
