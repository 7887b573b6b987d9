//! Two servers on one PostgreSQL: one leads, the other takes over when it is killed or stopped.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rialto_platform_store::testing::TestDb;
use serde_json::{Value, json};

use crate::house::{PATIENCE, binary};

/// One of the servers; killed when dropped.
struct Server {
    url: String,
    port: u16,
    folder: PathBuf,
    database: String,
    child: Child,
}

impl Server {
    fn start(folder: &Path, database: &str) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        Ok(Self {
            url: format!("http://127.0.0.1:{port}"),
            port,
            folder: folder.to_owned(),
            database: database.to_owned(),
            child: spawn(folder, database, port)?,
        })
    }

    fn again(&mut self) -> Result<()> {
        self.child.wait()?;
        self.child = spawn(&self.folder, &self.database, self.port)?;
        Ok(())
    }

    /// Waits until the process has ended.
    fn ended(&mut self) -> Result<ExitStatus> {
        Ok(self.child.wait()?)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        kill(Pid::from_raw(i32::try_from(self.child.id())?), signal)?;
        Ok(())
    }

    /// Waits for an answer with a status.
    async fn answers(&self, path: &str, status: u16) -> Result<Value> {
        let started = Instant::now();
        let mut last = String::new();
        while started.elapsed() < PATIENCE {
            if let Ok(answer) = reqwest::get(format!("{}{path}", self.url)).await {
                let found = answer.status().as_u16();
                let text = answer.text().await.unwrap_or_default();
                if found == status {
                    return Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)));
                }
                last = format!("{found} {text}");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        bail!("{path} did not answer {status}, last was {last}:\n{log}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(folder: &Path, database: &str, port: u16) -> Result<Child> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))?;
    Command::new(binary())
        .args(["serve", "--port", &port.to_string(), "--data"])
        .arg(folder.join("data"))
        .args(["--role", "delivery,gateway"])
        .env("RIALTO__STORE__URL", database)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("the server does not start")
}

/// Somebody signed in by a cookie, at whichever server leads.
struct Administrator {
    cookie: String,
    csrf: String,
}

impl Administrator {
    async fn sign_in(server: &Server) -> Result<Self> {
        let started = Instant::now();
        // It is written once the house serves.
        let ready = loop {
            match fs::read_to_string(server.folder.join("data/ready.json")) {
                Ok(ready) => break ready,
                Err(_) if started.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) => return Err(error).context("no ready.json"),
            }
        };
        let ready: Value = serde_json::from_str(&ready)?;
        let link = ready["login_links"]["admin"].as_str().context("a link")?;
        let link = link.rsplit("link=").next().unwrap_or_default();
        let path = format!("{}/api/platform/v1/sessions/redeem", server.url);
        let body = json!({"link": link});
        let answer = reqwest::Client::new().post(path).json(&body).send().await?;
        ensure!(answer.status() == 201, "{}", answer.text().await?);
        let cookie = answer.headers().get("set-cookie").context("a cookie")?;
        let cookie = cookie.to_str()?.split(';').next().unwrap_or_default();
        let cookie = cookie.to_owned();
        let session: Value = serde_json::from_str(&answer.text().await?)?;
        let csrf = session["csrf_token"].as_str().context("no CSRF token")?;
        let csrf = csrf.to_owned();
        Ok(Self { cookie, csrf })
    }

    /// Makes an access token: a write.
    async fn write(&self, server: &Server, name: &str) -> Result<u16> {
        let body = json!({"name": name, "expires_in_days": 1});
        Ok(self.post(server, "tokens", &body).await?.0)
    }

    async fn post(&self, server: &Server, path: &str, body: &Value) -> Result<(u16, Value)> {
        let answer = reqwest::Client::new()
            .post(format!("{}/api/platform/v1/{path}", server.url))
            .header("cookie", &self.cookie)
            .header("x-csrf-token", &self.csrf)
            .header("origin", &server.url)
            .json(body)
            .send()
            .await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        Ok((
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        ))
    }

    async fn get(&self, server: &Server, path: &str) -> Result<Value> {
        let answer = reqwest::Client::new()
            .get(format!("{}/api/platform/v1/{path}", server.url))
            .header("cookie", &self.cookie)
            .send()
            .await?;
        ensure!(answer.status() == 200, "{}", answer.text().await?);
        Ok(serde_json::from_str(&answer.text().await?)?)
    }

    /// A drill, once the server that took over has measured it.
    async fn measured(&self, server: &Server, id: &str) -> Result<Value> {
        let started = Instant::now();
        loop {
            let drill = self.get(server, &format!("drills/{id}")).await?;
            if !drill["met"].is_null() {
                return Ok(drill);
            }
            ensure!(started.elapsed() < PATIENCE, "never measured: {drill}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Names of the tokens that were made.
    async fn written(&self, server: &Server) -> Result<Vec<String>> {
        let list = self.get(server, "tokens").await?;
        let items = list["items"].as_array().context("items")?;
        let name = |item: &Value| item["name"].as_str().unwrap_or_default().to_owned();
        let mut names: Vec<String> = items.iter().map(name).collect();
        names.sort();
        Ok(names)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_stands_by_and_takes_over() -> Result<()> {
    let Some(database) = TestDb::postgres(&[]).await else {
        return Ok(());
    };
    let _ = rustls_ring();
    let folder = tempfile::tempdir()?;
    let mut one = Server::start(folder.path(), &database.url)?;
    one.answers("/readyz", 200).await?;
    let mut two = Server::start(folder.path(), &database.url)?;
    let health = two.answers("/healthz", 200).await?;
    ensure!(health["status"] == "standing by", "{health}");
    let refused = two.answers("/api/platform/v1/tokens", 503).await?;
    let told = refused["detail"].as_str().unwrap_or_default();
    ensure!(told.contains("stands by"), "{refused}");
    two.answers("/readyz", 503).await?;

    let admin = Administrator::sign_in(&one).await?;
    ensure!(admin.write(&one, "first").await? == 201);

    let killed = Instant::now();
    one.signal(Signal::SIGKILL)?;
    two.answers("/readyz", 200).await?;
    println!("kill -9: serving again after {:?}", killed.elapsed());
    ensure!(
        admin.written(&two).await? == ["first"],
        "what was acknowledged is there"
    );
    ensure!(admin.write(&two, "second").await? == 201);

    one.again()?;
    one.answers("/readyz", 503).await?;
    let stopped = Instant::now();
    two.signal(Signal::SIGSTOP)?;
    one.answers("/readyz", 200).await?;
    println!("SIGSTOP: serving again after {:?}", stopped.elapsed());
    ensure!(admin.written(&one).await? == ["first", "second"]);
    ensure!(admin.write(&one, "third").await? == 201);

    // The stopped one held the data folder, so the new leader has ended it; started again it
    // stands by, and an orderly stop of the leader gives it the lead.
    two.again()?;
    two.answers("/readyz", 503).await?;
    one.signal(Signal::SIGTERM)?;
    two.answers("/readyz", 200).await?;
    ensure!(admin.written(&two).await? == ["first", "second", "third"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_ends_the_leader_and_certifies_the_take_over() -> Result<()> {
    let Some(database) = TestDb::postgres(&[]).await else {
        return Ok(());
    };
    let _ = rustls_ring();
    let folder = tempfile::tempdir()?;
    let mut one = Server::start(folder.path(), &database.url)?;
    one.answers("/readyz", 200).await?;
    let admin = Administrator::sign_in(&one).await?;
    let alone = admin.post(&one, "drills", &drill_of("kill")).await?;
    ensure!(alone.0 == 409, "nobody would take over: {}", alone.1);

    let mut two = Server::start(folder.path(), &database.url)?;
    two.answers("/healthz", 200).await?;
    let told = admin.get(&one, "standby").await?;
    ensure!(told["why_not"].is_null(), "{told}");
    ensure!(
        told["standbys"].as_array().map(Vec::len) == Some(1),
        "{told}"
    );
    let unknown = admin.post(&one, "drills", &drill_of("reboot")).await?;
    ensure!(unknown.0 == 422, "{}", unknown.1);

    let (status, asked) = admin.post(&one, "drills", &drill_of("kill")).await?;
    ensure!(status == 202 && asked["met"].is_null(), "{asked}");
    let killed = one.ended()?;
    ensure!(killed.signal() == Some(9), "{killed}");
    two.answers("/readyz", 200).await?;
    let id = asked["id"].as_str().context("an id")?;
    let drill = admin.measured(&two, id).await?;
    println!("drill by kill: {drill}");
    ensure!(drill["old_epoch_refused"] == true, "{drill}");
    ensure!(drill["leader_before"] == told["leader"], "{drill}");
    ensure!(
        drill["leader_after"] == told["standbys"][0]["name"],
        "{drill}"
    );
    let (took, away) = (drill["take_over_ms"].as_f64(), drill["outage_ms"].as_f64());
    ensure!(took.is_some() && took <= away, "{drill}");
    let met = away.is_some_and(|away| away <= 1500.0);
    ensure!(
        drill["met"] == met,
        "the verdict follows from the figures: {drill}"
    );

    let path = format!("evidence/records?type=drill&subject=drill:{id}");
    let records = admin.get(&two, &path).await?;
    let measured = &records["items"][0];
    ensure!(measured["seq"] == drill["evidence_seq"], "{records}");
    ensure!(
        measured["body"]["outage_ms"] == drill["outage_ms"],
        "{records}"
    );

    one.again()?;
    one.answers("/readyz", 503).await?;
    let (status, asked) = admin.post(&two, "drills", &drill_of("stop")).await?;
    ensure!(status == 202, "{asked}");
    ensure!(two.ended()?.success(), "it stops in order");
    one.answers("/readyz", 200).await?;
    let drill = admin
        .measured(&one, asked["id"].as_str().unwrap_or_default())
        .await?;
    println!("drill by stop: {drill}");

    frozen(&admin, &mut one, &mut two).await?;
    let drills = admin.get(&two, "drills").await?;
    ensure!(
        drills["items"].as_array().map(Vec::len) == Some(3),
        "{drills}"
    );
    Ok(())
}

/// The leader is frozen: its lease has to expire before the other one takes over.
async fn frozen(admin: &Administrator, one: &mut Server, two: &mut Server) -> Result<()> {
    two.again()?;
    two.answers("/readyz", 503).await?;
    let (status, asked) = admin.post(one, "drills", &drill_of("pause")).await?;
    ensure!(status == 202 && asked["target_ms"] == 2000, "{asked}");
    two.answers("/readyz", 200).await?;
    let drill = admin
        .measured(two, asked["id"].as_str().unwrap_or_default())
        .await?;
    println!("drill by pause: {drill}");
    ensure!(drill["old_epoch_refused"] == true, "{drill}");
    // The frozen server held the data folder: the one that took over has ended it.
    let ended = one.ended()?;
    ensure!(ended.signal() == Some(9), "{ended}");
    Ok(())
}

fn drill_of(kind: &str) -> Value {
    json!({"kind": kind, "reason": "每月演练"})
}

fn rustls_ring() -> Result<(), std::sync::Arc<rustls::crypto::CryptoProvider>> {
    rustls::crypto::ring::default_provider().install_default()
}
