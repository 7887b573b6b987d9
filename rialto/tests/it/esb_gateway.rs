//! `rialto esb gateway` and `explain` from outside: a process that is killed and comes back.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Stdio};

use rialto_esb_snapshot::{DOMAIN, Encoded, Snapshot};
use rialto_platform_evidence::SigningKey;
use serde_json::json;

use crate::support::{rialto, run};

/// Answers every connection once; says where it listens.
fn backend() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read_exact(&mut byte).is_err() {
                    break;
                }
                seen.extend(byte);
            }
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
            // The gateway may have gone away meanwhile.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

fn signed(version: u64, backend: SocketAddr, key: &SigningKey) -> Vec<u8> {
    let snapshot: Snapshot = serde_json::from_value(json!({
        "format": 1, "version": version, "token": {"timeline": 1, "epoch": 1},
        "environment": "test", "created_at": "2026-11-23T00:00:00Z", "author": "tests",
        "interfaces": [{"id": "demo.api", "version": "1.0.0", "state": "published"}],
        "routes": [{
            "id": "hello", "interface": "demo.api", "version": "1.0.0", "operation": "hello",
            "path": "/v1/hello/{name}", "methods": ["GET"], "policy": "open",
            "variants": [{"name": "stable", "pool": "main", "weight": 10_000}],
        }],
        "pools": [{"id": "main", "endpoints": [{"address": backend}]}],
        "policies": [{"id": "open", "access": "open"}],
    }))
    .unwrap();
    let encoded = Encoded::of(&snapshot).unwrap();
    let signature = key.sign(DOMAIN, encoded.digest());
    encoded.signed(&key.public().id().to_string(), &signature)
}

/// A gateway's process; killed when dropped, as by `kill -9`.
struct Process {
    child: Child,
    admin: String,
    interfaces: String,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    fn start(folder: &Path, more: &[&str]) -> Self {
        let mut command = rialto(folder);
        command.args([
            "esb",
            "gateway",
            "--key",
            "key.pem",
            "--group-key",
            "group.key",
        ]);
        command.args(["--environment", "test", "--listen", "127.0.0.1:0"]);
        command.args([
            "--admin",
            "127.0.0.1:0",
            "--token-file",
            "token",
            "--folder",
            "kept",
        ]);
        command
            .args(more)
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (mut admin, mut interfaces) = (String::new(), String::new());
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        while interfaces.is_empty() {
            let line = lines.next().expect("it starts").unwrap();
            if let Some(address) = line.strip_prefix("gateway: admin interface at ") {
                address.clone_into(&mut admin);
            }
            if let Some(address) = line.strip_prefix("gateway: interfaces at ") {
                address.clone_into(&mut interfaces);
            }
        }
        Self {
            child,
            admin,
            interfaces,
        }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.interfaces).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    fn explain(&self, folder: &Path, request: &str) -> (i32, String, String) {
        let mut command = rialto(folder);
        command.args(["esb", "explain", request, "--token-file", "token"]);
        run(command.args(["--admin", &self.admin]))
    }
}

#[test]
fn a_gateway_that_was_killed_serves_its_last_snapshot_and_explains_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let key = SigningKey::from_bytes(&[7; 32]);
    std::fs::write(at("key.pem"), key.public().to_pem().unwrap()).unwrap();
    std::fs::write(at("group.key"), "07".repeat(32)).unwrap();
    std::fs::set_permissions(at("group.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(at("one.snapshot"), signed(1, backend(), &key)).unwrap();

    let gateway = Process::start(folder.path(), &["--snapshot", "one.snapshot"]);
    assert!(gateway.get("/v1/hello/you").ends_with("hello"));
    drop(gateway);
    std::fs::remove_file(at("one.snapshot")).unwrap();
    let gateway = Process::start(folder.path(), &[]);
    assert!(gateway.get("/v1/hello/you").ends_with("hello"));

    let (code, out, err) = gateway.explain(folder.path(), "GET /v1/hello/you");
    assert_eq!(code, 0, "{out}{err}");
    assert!(
        out.contains("hello hello /v1/hello/{name} [name=you]"),
        "{out}"
    );
    assert!(
        out.contains("forwarded: route hello, variant stable, pool main, /v1/hello/you"),
        "{out}"
    );
    let (code, out, err) = gateway.explain(folder.path(), "POST /v1/hello/you");
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("refused: 405 method-not-allowed"), "{out}");

    let stranger = SigningKey::from_bytes(&[8; 32]);
    std::fs::write(at("two.snapshot"), signed(2, backend(), &stranger)).unwrap();
    let mut command = rialto(folder.path());
    command.args([
        "esb",
        "gateway",
        "--key",
        "key.pem",
        "--group-key",
        "group.key",
    ]);
    command.args([
        "--environment",
        "test",
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
    ]);
    command.args([
        "--token-file",
        "token",
        "--folder",
        "other",
        "--snapshot",
        "two.snapshot",
    ]);
    let (code, _, err) = run(&mut command);
    assert_ne!(code, 0);
    assert!(
        err.contains("two.snapshot: signed with key") && err.contains("not trusted"),
        "{err}"
    );
}
