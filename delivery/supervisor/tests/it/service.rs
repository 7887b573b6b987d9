//! The service the tests deploy: this very test binary, started again by a script in the archive
//! with `SERVE` set.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Set by a request to `/sicken`.
static SICK: AtomicBool = AtomicBool::new(false);

/// Does nothing in a test run; with `SERVE` set it is the service and does not return.
#[test]
fn serves_when_started_as_a_service() {
    let Ok(behaviour) = std::env::var("SERVE") else {
        return;
    };
    let port: u16 = std::env::var("RIALTO_PORT").unwrap().parse().unwrap();
    println!("serving on {port}");
    eprintln!("behaviour {behaviour}");
    if let Some(ms) = behaviour.strip_prefix("exit-after:") {
        std::thread::sleep(Duration::from_millis(ms.parse().unwrap()));
        std::process::exit(3);
    }
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || answer(stream));
    }
}

fn answer(mut stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    while let Some(Ok(request)) = lines.next() {
        while lines
            .next()
            .is_some_and(|line| line.is_ok_and(|l| !l.is_empty()))
        {}
        let (status, body) = match request.split(' ').nth(1) {
            Some("/sicken") => {
                SICK.store(true, Ordering::SeqCst);
                ("200 OK", String::new())
            }
            Some("/healthz") if SICK.load(Ordering::SeqCst) => ("500 Sick", "sick".to_owned()),
            Some("/eat") => {
                // Written to, so that it is really there; kept for good.
                Box::leak(vec![1_u8; 256 << 20].into_boxed_slice());
                ("200 OK", String::new())
            }
            Some("/die") => std::process::exit(7),
            Some("/variables") => {
                let mut all: Vec<String> =
                    std::env::vars().map(|(k, v)| format!("{k}={v}")).collect();
                all.sort();
                ("200 OK", all.join("\n"))
            }
            _ => (
                "200 OK",
                std::env::var("RIALTO_VERSION").unwrap_or_default(),
            ),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(head.as_bytes()).is_err() {
            return;
        }
    }
}
