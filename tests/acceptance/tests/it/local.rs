//! `rialto ci` in a working copy, without a server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::house::binary;

fn ci(folder: &Path, arguments: &[&str]) -> Result<Output> {
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

fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_keyword_that_is_not_executed_is_no_success_of_any_command() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(".gitlab-ci.yml");
    let file = "job:\n  script: [x]\nship:\n  script: [y]\n  release: {tag_name: v1}\n";
    fs::write(&path, file)?;
    for command in ["lint", "list", "expand", "run", "simulate"] {
        let output = ci(folder.path(), &[command])?;
        let said = told(&output);
        ensure!(output.status.code() == Some(2), "{command}: {said}");
        ensure!(
            said.contains(".gitlab-ci.yml:5:3: ") && said.contains("`release`"),
            "{said}"
        );
        ensure!(!said.contains("\nvalid"), "{command}: {said}");
    }
    // The jobs are known all the same.
    let list = ci(folder.path(), &["list", "--output", "json"])?;
    let list: Value = serde_json::from_slice(&list.stdout)?;
    ensure!(list[1]["name"] == "ship", "{list}");
    // What a file that is not read would bring is not known.
    fs::write(&path, "include: {template: A.yml}\njob: {script: [x]}\n")?;
    for command in ["lint", "list", "expand", "run", "simulate"] {
        let output = ci(folder.path(), &[command])?;
        let said = told(&output);
        ensure!(output.status.code() == Some(2), "{command}: {said}");
        ensure!(
            said.contains(".gitlab-ci.yml:1:11: ") && said.contains("include:template"),
            "{said}"
        );
        ensure!(
            command == "lint" || output.stdout.is_empty(),
            "{command}: {said}"
        );
    }
    Ok(())
}

#[test]
fn a_keyword_without_effect_is_told_with_its_place_and_the_pipeline_runs() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = "image: rust:1\njob:\n  script: [echo made]\n  tags: [docker]\n";
    fs::write(folder.path().join(".gitlab-ci.yml"), file)?;
    let lint = ci(folder.path(), &["lint", "--output", "json"])?;
    let report: Value = serde_json::from_slice(&lint.stdout)?;
    ensure!(
        lint.status.code() == Some(0) && report["valid"] == true,
        "{report}"
    );
    let places: Vec<_> = report["diagnostics"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|found| {
            (
                &found["severity"],
                &found["position"]["line"],
                &found["position"]["column"],
            )
        })
        .collect();
    let warning = Value::from("warning");
    let expected = [(1, 1), (4, 3)].map(|(line, column)| (Value::from(line), Value::from(column)));
    let expected: Vec<_> = expected.iter().map(|(l, c)| (&warning, l, c)).collect();
    ensure!(places == expected, "{report}");
    let run = ci(folder.path(), &["run"])?;
    let said = told(&run);
    ensure!(
        run.status.code() == Some(0) && said.contains("made"),
        "{said}"
    );
    ensure!(said.contains(".gitlab-ci.yml:1:1: warning"), "{said}");
    Ok(())
}

#[test]
fn what_stands_in_the_place_of_a_pipeline_file_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("real.yml"), "job: {script: [x]}\n")?;
    fs::create_dir(folder.path().join("folder"))?;
    let link = folder.path().join(".gitlab-ci.yml");
    for (target, words) in [
        ("real.yml", "is a symbolic link to `real.yml`"),
        ("/etc/hostname", "which leads out of the repository"),
        ("nowhere", "which does not exist"),
    ] {
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(target, &link)?;
        let output = ci(folder.path(), &["lint"])?;
        let said = told(&output);
        ensure!(output.status.code() == Some(2), "{said}");
        ensure!(
            said.contains(".gitlab-ci.yml:1:1: ") && said.contains(words),
            "{said}"
        );
    }
    for path in ["folder", "."] {
        let output = ci(folder.path(), &["lint", "--file", path])?;
        let said = told(&output);
        ensure!(output.status.code() == Some(2), "{said}");
        ensure!(said.contains("is a folder, not a file"), "{said}");
    }
    Ok(())
}

#[test]
fn a_wrong_event_is_named_with_its_number_and_place() -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join(".gitlab-ci.yml"), "a: {script: [x]}\n")?;
    let events = folder.path().join("events.json");
    for (text, expected) in [
        ("{}", ":1:1: the events cannot be read"),
        (
            "[{\"event\": \"run\"},\n{\"event\": \"explode\"}]",
            ":2:19: event 2: unknown variant",
        ),
        (
            "[{\"event\": \"run\", \"jobs\": [\"b\"]}]",
            ":1:2: event 1: this pipeline has no job `b`",
        ),
        (
            "[\n  {\"event\": \"play\", \"jobs\": [\"a\"]}]",
            ":2:3: event 1: job `a` is pending: play",
        ),
    ] {
        fs::write(&events, text)?;
        let output = ci(folder.path(), &["simulate", "--events", "events.json"])?;
        let said = told(&output);
        ensure!(
            output.status.code() == Some(2) && output.stdout.is_empty(),
            "{said}"
        );
        ensure!(said.contains(&format!("events.json{expected}")), "{said}");
    }
    Ok(())
}

/// Waits, within a minute, until the condition holds.
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        ensure!(Instant::now() < end, "{what} did not come");
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Files below a folder, by path.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            out.extend(files_below(&entry.path()));
        } else {
            out.push(entry.path());
        }
    }
    out
}

#[test]
fn a_run_that_is_stopped_while_it_packs_ends_at_once_and_leaves_no_half_file() -> Result<()> {
    let kinds = [
        ("artifacts: {paths: [big]}", "jobs", "TERM", 143),
        ("cache: {paths: [big]}", "cache", "INT", 130),
    ];
    for (keyword, place, signal, code) in kinds {
        let folder = tempfile::tempdir()?;
        let script = "head -c 300000000 /dev/urandom > big";
        let file = format!("job:\n  script: [\"{script}\"]\n  {keyword}\n");
        fs::write(folder.path().join(".gitlab-ci.yml"), file)?;
        let mut run = Command::new(binary())
            .args(["ci", "run"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let place = folder.path().join(".rialto/ci").join(place);
        wait_until("the archive", || !files_below(&place).is_empty())?;
        let process = run.id().to_string();
        let told = Command::new("kill")
            .args(["-s", signal, &process])
            .status()?;
        ensure!(told.success());
        let begin = Instant::now();
        let mut status = None;
        wait_until("the end", || {
            status = run.try_wait().ok().flatten();
            status.is_some()
        })?;
        let took = begin.elapsed();
        ensure!(took < Duration::from_secs(30), "{keyword}: {took:?}");
        ensure!(
            status.and_then(|s| s.code()) == Some(code),
            "{keyword}: {status:?}"
        );
        let mut left = files_below(&folder.path().join(".rialto/ci"));
        left.retain(|path| {
            let name = path.file_name().unwrap_or_default();
            !["lock", ".gitignore", "outcome.json", "job.log"]
                .iter()
                .any(|known| name == *known)
        });
        ensure!(left.is_empty(), "{keyword}: {left:?}");
    }
    Ok(())
}
