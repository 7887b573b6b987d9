//! `rialto ci` from outside.

use std::path::Path;
use std::process::Command;

use crate::support::{rialto, run};

const FILE: &str = "stages: [a, b, c]
build: {stage: a, script: [exit 1]}
use: {stage: b, needs: [build], script: [echo use]}
more: {stage: c, needs: [use], script: [echo more]}
late: {stage: c, script: [echo late]}
tidy: {stage: c, when: on_failure, needs: [good], script: [echo tidy]}
good: {stage: a, script: [echo good]}
hand: {stage: a, when: manual, script: [echo hand]}
handed: {stage: c, needs: [hand], script: [echo handed]}
";

fn working_copy(folder: &Path) {
    std::fs::write(folder.join(".gitlab-ci.yml"), FILE).unwrap();
    let made = Command::new("git")
        .args(["init", "-q", "."])
        .current_dir(folder)
        .status()
        .unwrap();
    assert!(made.success());
}

#[test]
fn a_job_that_did_not_run_says_which_need_failed() {
    let folder = tempfile::tempdir().unwrap();
    working_copy(folder.path());
    let (code, out, _) = run(rialto(folder.path()).args(["ci", "run", "use", "--needs"]));
    assert_eq!(code, 1, "{out}");
    assert!(
        out.contains("skipped: needs build, which failed\n"),
        "{out}"
    );

    let (code, out, _) = run(rialto(folder.path()).args(["ci", "run"]));
    assert_eq!(code, 1, "{out}");
    let reason = |job: &str| {
        let line = out.lines().rfind(|line| line.starts_with(job)).unwrap();
        line.split_once("skipped: ").map(|(_, reason)| reason)
    };
    assert_eq!(reason("use"), Some("needs build, which failed"));
    assert_eq!(reason("more"), Some("needs use, which did not run"));
    let after = "comes after build, which failed; use, which did not run";
    assert_eq!(reason("late"), Some(after));
    assert_eq!(reason("tidy"), Some("nothing before it failed"));
    assert_eq!(reason("good"), None);
    let by_hand = "needs hand, which waits for --manual hand";
    assert_eq!(reason("handed"), Some(by_hand));

    let mut json = rialto(folder.path());
    let (_, out, _) = run(json.args(["ci", "run", "use", "--needs", "--output", "json"]));
    let summary: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        summary["jobs"][1]["not_run_because"],
        "needs build, which failed"
    );
    assert!(summary["jobs"][0]["not_run_because"].is_null());
}

#[test]
fn lint_refuses_a_file_whose_services_nobody_starts_and_names_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ci.yml");
    std::fs::write(&file, "job:\n  services: [postgres]\n  script: [x]\n").unwrap();
    let shown = file.display().to_string();
    let (code, out, _) = run(rialto(folder.path()).args(["ci", "lint", "--file", &shown]));
    assert_eq!(code, 2, "{out}");
    assert!(out.contains("ci.yml:2:3: "), "{out}");
    assert!(out.contains("`services` are not started"), "{out}");
}

#[test]
fn an_empty_branch_is_a_wrong_use() {
    let folder = tempfile::tempdir().unwrap();
    working_copy(folder.path());
    let (code, _, err) = run(rialto(folder.path()).args(["ci", "lint", "--branch", ""]));
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("--branch"), "{err}");
}

#[test]
fn a_ref_to_compare_with_has_to_exist_in_the_working_copy() {
    let folder = tempfile::tempdir().unwrap();
    working_copy(folder.path());
    let commit = [
        "-c",
        "user.name=T",
        "-c",
        "user.email=t@example.org",
        "commit",
    ];
    let made = Command::new("git")
        .args(commit)
        .args(["-q", "--allow-empty", "-m", "one"])
        .current_dir(folder.path())
        .status()
        .unwrap();
    assert!(made.success());
    let lint = |base: &str| {
        let rules = format!("  rules: [{{changes: {{paths: [a], compare_to: {base}}}}}]\n");
        let text = format!("job:\n  script: [x]\n{rules}other: {{script: [x]}}\n");
        std::fs::write(folder.path().join(".gitlab-ci.yml"), text).unwrap();
        run(rialto(folder.path()).args(["ci", "lint"]))
    };
    let (code, out, _) = lint("nowhere");
    assert_eq!(code, 2, "{out}");
    assert!(out.contains(".gitlab-ci.yml:3:"), "{out}");
    assert!(out.contains("no branch, tag or commit `nowhere`"), "{out}");
    let (code, out, _) = lint("HEAD");
    assert_eq!(code, 0, "{out}");
}
