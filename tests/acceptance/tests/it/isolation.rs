//! Neither a job of the embedded runner nor a deployed service can reach the server beside it, though
//! all are of one user.

use std::fs;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::house::{DEVELOPER, House, RELEASE_MANAGER, text};

/// What the job tries; `DATA`, `SERVER` and `BINARY` are the data folder, the server's process and
/// its program.
const TRIES: [&str; 17] = [
    "cat DATA/secrets/evidence.pem",
    "cat DATA/secrets/runner.token",
    "ls DATA",
    "ls DATA/secrets",
    "echo x >> DATA/rialto.db",
    "touch DATA/new",
    "find DATA -name '*.git' | grep -q .",
    "cat stolen",
    "cat /proc/SERVER/environ",
    "readlink /proc/SERVER/fd/1",
    "kill -0 SERVER",
    "kill -9 SERVER",
    "mv BINARY aside",
    "touch BINARY.new",
    "(cp BINARY copy && cp -f copy BINARY)",
    "touch /usr/local/bin/rialto-job",
    "touch /etc/rialto-job",
];

/// Nothing of the job stays there.
const SHARED: [&str; 2] = ["/var/tmp", "/dev/shm"];

/// What a build needs.
const NEEDS: [&str; 5] = [
    "file=$(mktemp) && echo x > $file && rm $file",
    "python3 -c 'import tempfile; tempfile.TemporaryFile()'",
    "git log -1 --format=%H",
    "command -v npm && npm init --yes > /dev/null",
    "cargo --version",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_job_reaches_nothing_of_the_server_and_builds_all_the_same() -> Result<()> {
    let house = House::start().await?;
    let developer = house.person(DEVELOPER).await?;
    let path = "sample/nav-report";
    let project = text(&developer.project(path).await?["id"]).to_owned();
    let copy = developer.clone_project(path, &house.folder.path().join("nav"))?;
    let data = house.folder.path().join("data").canonicalize()?;
    let key = fs::read(data.join("secrets/evidence.pem"))?;
    let ready: Value = serde_json::from_str(&fs::read_to_string(data.join("ready.json"))?)?;
    let binary = fs::canonicalize(crate::house::binary())?;
    let left = format!("rialto-job-{}", ready["pid"]);
    let fill = |line: &str| {
        line.replace("DATA", &data.to_string_lossy())
            .replace("SERVER", &ready["pid"].to_string())
            .replace("BINARY", &binary.to_string_lossy())
    };

    let mut file = String::from("stages: [test]\nprobe:\n  stage: test\n  script:\n");
    file.push_str("    - ln -s ");
    file.push_str(&fill("DATA/secrets/evidence.pem stolen\n"));
    for attempt in TRIES {
        let attempt = fill(attempt);
        file.push_str(&format!(
            "    - |\n      if {attempt}; then echo GOT-IN; exit 1; fi\n"
        ));
    }
    for folder in SHARED {
        file.push_str(&format!("    - echo x > {folder}/{left} || true\n"));
    }
    for need in NEEDS {
        file.push_str(&format!("    - |\n      {need}\n"));
    }
    fs::write(copy.folder.join(".gitlab-ci.yml"), file)?;
    let sha = copy.push("look around")?;
    let pipeline = developer
        .pipeline(&project, &sha, &["success", "failed"])
        .await?;

    let job = &pipeline["stages"][0]["jobs"][0];
    let log = developer.rialto(&["delivery", "job", "log", text(&job["id"])])?;
    let log = String::from_utf8_lossy(&log.stdout).into_owned();
    ensure!(
        pipeline["status"] == "success" && !log.contains("PRIVATE KEY"),
        "{log}"
    );
    let evidence = house.person(RELEASE_MANAGER).await?;
    let records = evidence.rialto(&["evidence", "--output", "json", "log"])?;
    let records = String::from_utf8_lossy(&records.stdout).into_owned();
    ensure!(
        records.contains("landlock_abi_") && records.contains("hidden_folders_2"),
        "{records}"
    );
    for folder in SHARED {
        let path = std::path::Path::new(folder).join(&left);
        ensure!(!path.exists(), "{} was written", path.display());
    }
    let alive = reqwest::get(format!("{}/readyz", house.url)).await?;
    ensure!(alive.status().is_success());
    ensure!(
        fs::read(data.join("secrets/evidence.pem"))? == key,
        "the key changed"
    );
    Ok(())
}

/// What the deployed service tries before it serves; see [`TRIES`].
const SERVICE_TRIES: [&str; 8] = [
    "cat DATA/secrets/evidence.pem",
    "cat DATA/secrets/runner.token",
    "ls DATA",
    "echo x >> DATA/rialto.db",
    "cat /proc/SERVER/environ",
    "kill -0 SERVER",
    "kill -9 SERVER",
    "touch /etc/rialto-service",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_service_pushed_to_the_test_environment_reaches_nothing_of_the_server() -> Result<()> {
    let house = House::start().await?;
    let developer = house.person(DEVELOPER).await?;
    let path = "sample/nav-report";
    let project = text(&developer.project(path).await?["id"]).to_owned();
    let copy = developer.clone_project(path, &house.folder.path().join("nav"))?;
    let data = house.folder.path().join("data").canonicalize()?;
    let ready: Value = serde_json::from_str(&fs::read_to_string(data.join("ready.json"))?)?;

    let mut looks = String::from("    import subprocess\n");
    for attempt in SERVICE_TRIES {
        let attempt = attempt
            .replace("DATA", &data.to_string_lossy())
            .replace("SERVER", &ready["pid"].to_string());
        looks.push_str(&format!(
            "    got = subprocess.run({attempt:?}, shell=True).returncode == 0\n    \
             print(\"GOT-IN\" if got else \"refused\", {attempt:?}, flush=True)\n"
        ));
    }
    let file = copy.folder.join("nav/server.py");
    let program = fs::read_to_string(&file)?;
    let serving = "    server = ThreadingHTTPServer(";
    ensure!(program.contains(serving), "{program}");
    fs::write(
        &file,
        program.replace(serving, &format!("{looks}{serving}")),
    )?;
    let sha = copy.push("look around")?;
    let pipeline = developer
        .pipeline(&project, &sha, &["manual", "success", "failed"])
        .await?;
    ensure!(pipeline["status"] != "failed", "{pipeline}");

    let slots = data.join("services/sample%2Fnav-report/test");
    let logs = ["blue", "green", "violet"].map(|slot| slots.join(slot).join("log/stdout.log"));
    let log = developer
        .until("the service to have looked around", async |_| {
            let texts = logs.iter().filter_map(|log| fs::read_to_string(log).ok());
            let tried = |log: &String| log.contains("refused") || log.contains("GOT-IN");
            let mut looked = texts.filter(tried);
            Ok(looked.find(|log| log.contains("listens on")))
        })
        .await?;
    ensure!(!log.contains("GOT-IN"), "{log}");
    ensure!(
        log.matches("refused").count() == SERVICE_TRIES.len(),
        "{log}"
    );
    Ok(())
}
