//! Commands that need no server.

use crate::support::{rialto, run};

#[test]
fn the_configuration_is_checked_with_places() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad.toml"), "[server]\nlisen = \"x\"\n").unwrap();
    let (code, _, err) =
        run(rialto(folder.path()).args(["config", "check", "--config", "bad.toml"]));
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains("bad.toml:2:1: unknown key `server.lisen`"),
        "{err}"
    );
    let (code, out, _) = run(rialto(folder.path()).args(["config", "check"]));
    assert_eq!((code, out.as_str()), (0, "the configuration can be used\n"));
    let mut variable = rialto(folder.path());
    variable
        .env("RIALTO__SESSION__IDLE", "forever")
        .args(["config", "print"]);
    let (code, _, err) = run(&mut variable);
    assert!(
        code == 1 && err.contains("RIALTO__SESSION__IDLE: session.idle:"),
        "{err}"
    );
}

#[test]
fn values_are_printed_with_their_origins() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = rialto(folder.path());
    command.env("RIALTO__TELEMETRY__FORMAT", "json");
    command.args(["config", "print", "--origins", "--port", "1234"]);
    let (code, out, _) = run(&mut command);
    assert_eq!(code, 0);
    assert!(
        out.contains("server.listen = \"127.0.0.1:1234\"  # flag for server.listen"),
        "{out}"
    );
    assert!(
        out.contains("telemetry.format = \"json\"  # RIALTO__TELEMETRY__FORMAT"),
        "{out}"
    );
}

#[test]
fn the_example_is_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, _) = run(rialto(folder.path()).args(["config", "example"]));
    assert_eq!(code, 0);
    std::fs::write(folder.path().join("example.toml"), out).unwrap();
    let (code, _, err) =
        run(rialto(folder.path()).args(["config", "check", "--config", "example.toml"]));
    assert_eq!(code, 0, "{err}");
}

#[test]
fn wrong_usage_is_exit_code_2_and_no_server_is_6() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(rialto(folder.path()).arg("dance")).0, 2);
    assert_eq!(run(rialto(folder.path()).args(["up", "--colour"])).0, 2);
    let (code, _, err) = run(rialto(folder.path()).args(["delivery", "project", "list"]));
    assert!(code == 1 && err.contains("RIALTO_SERVER"), "{code}: {err}");
    let mut command = rialto(folder.path());
    command
        .env("RIALTO_SERVER", "http://127.0.0.1:9")
        .env("RIALTO_TOKEN", "rlt_x");
    let (code, _, err) = run(command.args(["delivery", "project", "list"]));
    assert_eq!(code, 6, "{err}");
}

#[test]
fn the_documents_are_those_that_are_committed() {
    let folder = tempfile::tempdir().unwrap();
    for system in ["platform", "delivery"] {
        let (code, out, _) = run(rialto(folder.path()).args(["openapi", system]));
        assert_eq!(code, 0);
        let path = format!("{}/../openapi/{system}.json", env!("CARGO_MANIFEST_DIR"));
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            out == committed,
            "{path} is out of date: run `cargo xtask openapi`"
        );
    }
}

#[test]
fn a_server_that_others_can_reach_needs_its_public_address() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = rialto(folder.path());
    command
        .env("RIALTO__SERVER__LISTEN", "0.0.0.0:0")
        .args(["serve", "--data", "data"]);
    let (code, _, err) = run(&mut command);
    assert!(code == 1 && err.contains("server.public_url"), "{err}");
    let (code, _, err) =
        run(rialto(folder.path()).args(["serve", "--data", "data", "--port", "0"]));
    assert!(
        code == 1 && err.contains("role gateway"),
        "no gateway and no token: {err}"
    );
}

#[test]
fn the_schema_is_migrated_and_its_state_told() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, err) = run(rialto(folder.path()).args(["db", "status", "--data", "data"]));
    assert!(
        code == 1 && err.contains("there is no data folder"),
        "{err}"
    );
    assert_eq!(
        run(rialto(folder.path()).args(["db", "migrate", "--data", "data"])).0,
        0
    );
    let (code, out, _) = run(rialto(folder.path()).args(["db", "status", "--data", "data"]));
    assert_eq!(code, 0, "{out}");
    assert!(
        out.contains("✓ delivery 1") && out.contains("the schema is up to date"),
        "{out}"
    );
}

#[test]
fn the_doctor_looks_at_everything() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, _) =
        run(rialto(folder.path()).args(["doctor", "--data", "data", "--port", "0"]));
    for check in [
        "git",
        "bash",
        "clock",
        "configuration",
        "data folder",
        "database",
        "port",
    ] {
        assert!(out.contains(&format!("✓ {check}: ")), "{check}: {out}");
    }
    // An unbuilt console is the one thing that may be missing where tests run.
    assert_eq!(code == 0, !out.contains("✗"), "{out}");
}

/// Runs a command that has to succeed.
fn done(command: &mut std::process::Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}

#[test]
fn a_run_whose_terminal_is_gone_leaves_no_job_behind() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    // The job tells its process once it runs; the file appears whole.
    let told = root.join("told");
    let script = format!(
        "job:\n  script:\n    - echo $$ > {0}.tmp && mv {0}.tmp {0} && sleep 1000\n",
        told.display()
    );
    std::fs::write(root.join(".gitlab-ci.yml"), script).unwrap();
    let git = |words: &[&str]| {
        let mut git = std::process::Command::new("git");
        done(git.arg("-C").arg(root).args(words));
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["add", ".gitlab-ci.yml"]);
    let who = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"];
    git(&[&who[..], &["commit", "-qm", "job"]].concat());
    // Whoever started the tests may have had the signal ignored, as `nohup` does.
    let program = rialto(root);
    let mut run = std::process::Command::new("env")
        .arg("--default-signal=HUP")
        .arg(program.get_program())
        .args(["ci", "run"])
        .current_dir(root)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !told.exists() {
        assert!(std::time::Instant::now() < end, "the job does not run");
        assert!(run.try_wait().unwrap().is_none(), "the run ended");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let job = std::fs::read_to_string(&told).unwrap();
    done(std::process::Command::new("kill").args(["-HUP", &run.id().to_string()]));
    assert_eq!(run.wait().unwrap().code(), Some(129));
    let still = std::path::Path::new("/proc").join(job.trim());
    assert!(!still.exists(), "the job lives on");
}
