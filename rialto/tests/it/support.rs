//! Running the binary.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest wait for anything here.
const PATIENCE: Duration = Duration::from_secs(60);

/// The binary, without any of the caller's settings.
pub fn rialto(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rialto"));
    command
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env("RIALTO_CONTEXTS", folder.join("none"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RIALTO_") && name != "RIALTO_CONTEXTS" {
            command.env_remove(name);
        }
    }
    command
}

pub fn run(command: &mut Command) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// A running house; killed when dropped.
pub struct House {
    child: Child,
    pub ready: Value,
}

impl House {
    /// On a free port, or on a given one.
    pub fn start(folder: &Path, port: u16) -> Self {
        Self::start_with(folder, port, &[])
    }

    /// With variables of its configuration.
    pub fn start_with(folder: &Path, port: u16, variables: &[(&str, &str)]) -> Self {
        let data = folder.join("data");
        // Of an earlier house in the same folder; it must not be taken for this one's.
        let _ = std::fs::remove_file(data.join("ready.json"));
        let log = std::fs::File::create(folder.join("house.log")).unwrap();
        let mut command = rialto(folder);
        command.args(["up", "--data", "data", "--port", &port.to_string()]);
        command.envs(variables.iter().copied());
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let mut child = command.spawn().unwrap();
        let end = Instant::now() + PATIENCE;
        let ready = loop {
            if let Ok(text) = std::fs::read_to_string(data.join("ready.json")) {
                break serde_json::from_str(&text).unwrap();
            }
            let log = || std::fs::read_to_string(folder.join("house.log")).unwrap();
            assert!(
                child.try_wait().unwrap().is_none(),
                "the house ended: {}",
                log()
            );
            assert!(Instant::now() < end, "the house is not ready: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        };
        Self { child, ready }
    }

    pub fn url(&self) -> &str {
        self.ready["url"].as_str().unwrap()
    }

    /// Port it listens on.
    pub fn port(&self) -> u16 {
        self.url().rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Status and JSON body of a request.
    pub fn request(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
        let (status, _, body) = self.raw(method, path, headers, body);
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    /// Status, head and body of a request.
    pub fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> (u16, String, String) {
        let host = self.url().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_owned(), body.to_owned())
    }

    /// A token of somebody whose one-time link was printed.
    pub fn token(&self, login: &str) -> String {
        self.token_by(self.ready["login_links"][login].as_str().unwrap())
    }

    /// A token of whoever a sign-in link is for.
    pub fn token_by(&self, link: &str) -> String {
        let link = link.split("link=").nth(1).unwrap();
        let body = serde_json::json!({"link": link}).to_string();
        let (status, head, answer) =
            self.raw("POST", "/api/platform/v1/sessions/redeem", "", &body);
        assert_eq!(status, 201, "{answer}");
        let cookie = head
            .lines()
            .find_map(|line| line.strip_prefix("set-cookie: "))
            .unwrap();
        let cookie = cookie.split(';').next().unwrap();
        let session: Value = serde_json::from_str(&answer).unwrap();
        let csrf = session["csrf_token"].as_str().unwrap();
        let headers = format!("cookie: {cookie}\r\nx-csrf-token: {csrf}\r\n");
        let body = r#"{"name": "test", "expires_in_days": 1}"#;
        let (status, issued) = self.request("POST", "/api/platform/v1/tokens", &headers, body);
        assert_eq!(status, 201, "{issued}");
        issued["token"].as_str().unwrap().to_owned()
    }

    /// Sends a signal and waits for the end; the exit code.
    pub fn end(mut self, signal: &str) -> i32 {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            assert!(Instant::now() < end, "the house does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
