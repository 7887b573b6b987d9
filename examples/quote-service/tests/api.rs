//! The interface, tested from outside against the running program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_quote-service"))
            .env("PORT", "0")
            .env("RIALTO_VERSION", "under-test")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the service starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output is piped");
        BufReader::new(output).read_line(&mut line).expect("it says where it listens");
        let address = line.trim().rsplit("http://").next().expect("an address").to_owned();
        Self { child, address }
    }

    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("it accepts");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: quotes\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
        (status, answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn health_tells_the_version() {
    let (status, body) = Running::start().get("/healthz");
    assert_eq!(status, 200);
    assert_eq!(body, r#"{"status":"ok","version":"under-test"}"#);
}

#[test]
fn a_quote_has_last_and_previous_close() {
    let (status, body) = Running::start().get("/quotes/600000");
    assert_eq!(status, 200);
    assert!(body.contains(r#""last":"10.20""#), "{body}");
}

#[test]
fn limits_follow_the_board() {
    let service = Running::start();
    assert!(service.get("/limits/600000").1.contains(r#""limit_up":"11.13""#));
    assert!(service.get("/limits/688981").1.contains(r#""limit_up":"106.88""#));
}

#[test]
fn unknown_paths_and_codes_are_not_found() {
    let service = Running::start();
    assert_eq!(service.get("/nothing").0, 404);
    assert_eq!(service.get("/quotes/1").0, 404);
}
