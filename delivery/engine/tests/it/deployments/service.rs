//! The service that is deployed: this very test binary, started again by the script in the archive
//! with `SERVE` set.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Does nothing in a test run; with `SERVE` set it is the service and does not return.
#[test]
fn serves_when_started_as_a_service() {
    let Ok(behaviour) = std::env::var("SERVE") else {
        return;
    };
    let port: u16 = std::env::var("RIALTO_PORT").unwrap().parse().unwrap();
    let began = Instant::now();
    if let Some(ms) = behaviour.strip_prefix("dies-after:") {
        let after = Duration::from_millis(ms.parse().unwrap());
        std::thread::spawn(move || {
            std::thread::sleep(after);
            std::process::exit(3);
        });
    }
    if let Some(ms) = behaviour.strip_prefix("eats-after:") {
        let after = Duration::from_millis(ms.parse().unwrap());
        std::thread::spawn(move || {
            std::thread::sleep(after);
            // Written to, so that it is really there; kept for good.
            Box::leak(vec![1_u8; 256 << 20].into_boxed_slice());
        });
    }
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    for stream in listener.incoming().flatten() {
        let behaviour = behaviour.clone();
        std::thread::spawn(move || answer(stream, &behaviour, began));
    }
}

fn answer(mut stream: TcpStream, behaviour: &str, began: Instant) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    while let Some(Ok(request)) = lines.next() {
        while lines
            .next()
            .is_some_and(|line| line.is_ok_and(|l| !l.is_empty()))
        {}
        let sick = match behaviour.strip_prefix("sick-after:") {
            Some(ms) => began.elapsed() >= Duration::from_millis(ms.parse().unwrap()),
            None => behaviour == "sick",
        };
        // Well on its health check, and for a while on everything.
        let fails = behaviour
            .strip_prefix("fails-after:")
            .is_some_and(|ms| began.elapsed() >= Duration::from_millis(ms.parse().unwrap()));
        let status = match request.split(' ').nth(1) {
            Some("/") if fails => "500 Broken",
            Some("/healthz") if sick => "500 Sick",
            Some("/smoke") if behaviour == "smokes" => "404 Not Found",
            _ => "200 OK",
        };
        let body = std::env::var("RIALTO_VERSION").unwrap_or_default();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(head.as_bytes()).is_err() {
            return;
        }
    }
}

/// An archive whose `serve` behaves as asked.
pub fn archive(behaviour: &str, mark: &str) -> Vec<u8> {
    let own = std::env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\n# {mark}\nexport SERVE={behaviour}\nexec {} --exact \
         deployments::service::serves_when_started_as_a_service --nocapture\n",
        own.display()
    );
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().unix_permissions(0o755);
    writer.start_file("serve", options).unwrap();
    writer.write_all(script.as_bytes()).unwrap();
    writer.finish().unwrap().into_inner()
}
