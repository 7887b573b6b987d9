//! A job of the embedded runner cannot reach the server beside it, though both are of one user.

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
