//! A running house with the sample, and the people and programs that use it.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longest wait for anything; a guard, not a pace.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Time between two looks while waiting.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The people of the sample house.
pub const DEVELOPER: &str = "developer";
pub const RELEASE_MANAGER: &str = "approver";

/// A running house; killed when dropped.
pub struct House {
    pub folder: TempDir,
    pub url: String,
    port: u16,
    /// Folder that jobs may write into.
    pub signs: Option<PathBuf>,
    child: Option<Child>,
}

/// The binary under test.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("RIALTO_BIN") {
        return PathBuf::from(path);
    }
    // The test runs from target/<profile>/deps; the binary lies one folder up. It is built first,
    // because cargo does not know that this package needs it.
    let built = std::sync::OnceLock::<PathBuf>::new();
    built.get_or_init(build).clone()
}

fn build() -> PathBuf {
    static ONCE: std::sync::Once = std::sync::Once::new();
    let here = std::env::current_exe().expect("a running test has a path");
    let profile = here
        .ancestors()
        .nth(2)
        .expect("target/<profile>/deps")
        .to_path_buf();
    ONCE.call_once(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "rialto", "--bin", "rialto"]);
        let status = cargo.status().expect("cargo starts");
        assert!(status.success(), "the binary does not build");
    });
    profile.join("rialto")
}

impl House {
    /// Starts a house with the sample in a folder of its own.
    pub async fn start() -> Result<Self> {
        let mut house = Self::new()?;
        house.wake().await?;
        Ok(house)
    }

    /// Starts one whose jobs may write into the folder `signs` beside the data, and nowhere else
    /// but their own folders.
    pub async fn start_with_signs() -> Result<Self> {
        let mut house = Self::new()?;
        let signs = house.folder.path().join("signs");
        fs::create_dir(&signs)?;
        house.signs = Some(signs);
        house.wake().await?;
        Ok(house)
    }

    fn new() -> Result<Self> {
        // The second test of this process finds it installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let url = format!("http://127.0.0.1:{port}");
        Ok(Self {
            folder,
            url,
            port,
            signs: None,
            child: None,
        })
    }

    /// Starts the process on the data that is there, and waits until it is ready.
    pub async fn wake(&mut self) -> Result<()> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))?;
        let mut command = Command::new(binary());
        command
            .args(["up", "--sample", "--port", &self.port.to_string(), "--data"])
            .arg(self.folder.path().join("data"))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .env("RIALTO__DELIVERY__PUSH_LIMIT", "2MiB")
            .envs(
                self.signs
                    .iter()
                    .map(|signs| ("RIALTO__RUNNER__WRITABLE", signs)),
            );
        let child = command.spawn().context("the house does not start")?;
        let pid = format!("\"pid\":{}", child.id());
        self.child = Some(child);
        let greeting = self.folder.path().join("data/ready.json");
        let ready = format!("{}/readyz", self.url);
        let started = Instant::now();
        loop {
            let told = fs::read_to_string(&greeting).is_ok_and(|text| text.contains(&pid));
            if told
                && let Ok(answer) = reqwest::get(&ready).await
                && answer.status().is_success()
            {
                return Ok(());
            }
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                bail!("the house ended with {status}:\n{}", self.log());
            }
            ensure!(
                started.elapsed() < PATIENCE,
                "the house is not ready:\n{}",
                self.log()
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Kills the server process only, as a crash would: no chance to tidy up.
    pub fn crash(&mut self) -> Result<()> {
        let mut child = self.child.take().context("the house is not running")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// What the house wrote.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// A person of the sample house, signed in with their one-time link, with a token of their own.
    pub async fn person(&self, login: &str) -> Result<Person> {
        let http = reqwest::Client::new();
        let base = format!("{}/api/platform/v1", self.url);
        let ready = fs::read_to_string(self.folder.path().join("data/ready.json"))?;
        let ready: Value = serde_json::from_str(&ready)?;
        let link = text(&ready["login_links"][login])
            .rsplit("link=")
            .next()
            .unwrap_or_default();
        let body = json!({"link": link});
        let answer = http
            .post(format!("{base}/sessions/redeem"))
            .json(&body)
            .send()
            .await?;
        ensure!(
            answer.status() == 201,
            "{login} cannot log in: {}",
            answer.text().await?
        );
        let cookie = answer
            .headers()
            .get("set-cookie")
            .and_then(|cookie| cookie.to_str().ok()?.split(';').next())
            .context("no session cookie")?
            .to_owned();
        let session: Value = serde_json::from_str(&answer.text().await?)?;
        let csrf = session["csrf_token"].as_str().context("no CSRF token")?;
        let body = json!({"name": format!("{login} test"), "expires_in_days": 1});
        let answer = http
            .post(format!("{base}/tokens"))
            .header("cookie", cookie)
            .header("x-csrf-token", csrf)
            .header("origin", &self.url)
            .json(&body)
            .send()
            .await?;
        ensure!(
            answer.status() == 201,
            "no token for {login}: {}",
            answer.text().await?
        );
        let token: Value = serde_json::from_str(&answer.text().await?)?;
        let token = token["token"]
            .as_str()
            .context("no token in the answer")?
            .to_owned();
        let base = format!("{}/api/delivery/v1", self.url);
        Ok(Person {
            http,
            url: self.url.clone(),
            base,
            token,
            login: login.to_owned(),
        })
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // A clean stop also ends the services it deployed.
            let pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
            let _ = kill(pid, Signal::SIGTERM);
            let started = Instant::now();
            while started.elapsed() < Duration::from_secs(15) {
                if matches!(child.try_wait(), Ok(Some(_))) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- log of the house ---\n{}", self.log());
        }
    }
}

/// Somebody with a token.
pub struct Person {
    http: reqwest::Client,
    pub url: String,
    base: String,
    pub token: String,
    login: String,
}

impl Person {
    pub async fn get(&self, path: &str) -> Result<Value> {
        let answer = self.http.get(format!("{}{path}", self.base));
        let answer = answer.bearer_auth(&self.token).send().await?;
        ensure!(
            answer.status().is_success(),
            "GET {path}: {}",
            answer.text().await?
        );
        Ok(serde_json::from_str(&answer.text().await?)?)
    }

    /// Status and body, whatever it is.
    pub async fn post(&self, path: &str, body: Value) -> Result<(u16, Value)> {
        let request = self
            .http
            .post(format!("{}{path}", self.base))
            .bearer_auth(&self.token);
        let answer = request.json(&body).send().await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        Ok((
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        ))
    }

    pub async fn project(&self, path: &str) -> Result<Value> {
        let projects = self.get("/projects").await?;
        let items = projects["items"].as_array().cloned().unwrap_or_default();
        items
            .into_iter()
            .find(|p| p["path"] == path)
            .with_context(|| format!("no project {path}"))
    }

    /// Asks again until `look` finds what it looks for.
    pub async fn until<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut(&Self) -> Result<Option<T>>,
    ) -> Result<T> {
        let started = Instant::now();
        loop {
            if let Some(found) = look(self).await? {
                return Ok(found);
            }
            ensure!(started.elapsed() < PATIENCE, "waited in vain for {what}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The pipeline of a commit, once it is in one of the given states.
    pub async fn pipeline(&self, project: &str, sha: &str, states: &[&str]) -> Result<Value> {
        let what = format!("the pipeline of {sha} to be {states:?}");
        let list = format!("/pipelines?project_id={project}");
        self.until(&what, async |me| {
            let all = me.get(&list).await?;
            let all = all["items"].as_array().cloned().unwrap_or_default();
            let Some(one) = all.iter().find(|p| p["sha"] == sha) else {
                return Ok(None);
            };
            let one = me.get(&format!("/pipelines/{}", text(&one["id"]))).await?;
            let status = one["status"].as_str().unwrap_or_default();
            if ["failed", "canceled"].contains(&status) && !states.contains(&status) {
                bail!(
                    "the pipeline ended {status}: {}",
                    serde_json::to_string_pretty(&one)?
                );
            }
            Ok(states.contains(&status).then_some(one))
        })
        .await
    }

    /// The newest deployment of a pipeline into an environment, in one of the given states.
    pub async fn deployment(
        &self,
        project: &str,
        environment: &str,
        pipeline: &Value,
        states: &[&str],
    ) -> Result<Value> {
        let what = format!("a deployment to {environment} to be {states:?}");
        let list = format!("/deployments?project_id={project}");
        self.until(&what, async |me| {
            let all = me.get(&list).await?;
            let all = all["items"].as_array().cloned().unwrap_or_default();
            let wanted = |d: &&Value| {
                d["environment"]["name"] == environment
                    && d["pipeline_id"] == pipeline["id"]
                    && d["kind"] == "deploy"
            };
            let one = all.iter().find(wanted).cloned();
            Ok(one.filter(|d| states.contains(&d["state"].as_str().unwrap_or_default())))
        })
        .await
    }

    pub async fn environment(&self, project: &str, name: &str) -> Result<Value> {
        let all = self
            .get(&format!("/environments?project_id={project}"))
            .await?;
        let items = all["items"].as_array().cloned().unwrap_or_default();
        items
            .into_iter()
            .find(|e| e["name"] == name)
            .with_context(|| format!("no {name}"))
    }

    /// A command of the binary, as this person.
    pub fn rialto(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .env("RIALTO_SERVER", &self.url)
            .env("RIALTO_TOKEN", &self.token);
        Ok(command.output()?)
    }

    /// A clone of a project.
    pub fn clone_project(&self, path: &str, folder: &Path) -> Result<WorkingCopy> {
        let address = self
            .url
            .replace("http://", &format!("http://{}:{}@", self.login, self.token));
        let address = format!("{address}/git/{path}.git");
        let copy = WorkingCopy {
            folder: folder.to_path_buf(),
            name: self.login.clone(),
        };
        let mut clone = Command::new("git");
        clone.args(["clone", "--quiet", &address]).arg(folder);
        succeed(&mut clone)?;
        Ok(copy)
    }
}

/// A person's clone.
pub struct WorkingCopy {
    pub folder: PathBuf,
    name: String,
}

impl WorkingCopy {
    pub fn git(&self, arguments: &[&str]) -> Result<Output> {
        let email = format!("{}@rialto.example", self.name);
        let mut command = Command::new("git");
        command
            .arg("-C")
            .arg(&self.folder)
            .args([
                "-c",
                &format!("user.name={}", self.name),
                "-c",
                &format!("user.email={email}"),
            ])
            .args(arguments)
            .env("GIT_TERMINAL_PROMPT", "0");
        Ok(command.output()?)
    }

    /// Replaces text in a file; it must be there.
    pub fn edit(&self, file: &str, from: &str, to: &str) -> Result<()> {
        let path = self.folder.join(file);
        let text = fs::read_to_string(&path)?;
        ensure!(text.contains(from), "{file} does not contain {from:?}");
        Ok(fs::write(path, text.replacen(from, to, 1))?)
    }

    /// Commits everything and pushes; answers the commit id.
    pub fn push(&self, message: &str) -> Result<String> {
        for arguments in [
            &["add", "-A"][..],
            &["commit", "-qm", message],
            &["push", "-q"],
        ] {
            let output = self.git(arguments)?;
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "git {arguments:?}: {said}");
        }
        let head = self.git(&["rev-parse", "HEAD"])?;
        Ok(String::from_utf8(head.stdout)?.trim().to_owned())
    }
}

/// Runs a command that must succeed.
pub fn succeed(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(
        output.status.success(),
        "{command:?} ended with {}: {said}",
        output.status
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// A JSON string as text.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
