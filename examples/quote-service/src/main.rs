//! Starts the service: `quote-service`, with `PORT` in the environment.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Instant;

use quote_service::{http, service::Service};

fn main() -> std::io::Result<()> {
    let variable = |name: &str, default: &str| std::env::var(name).unwrap_or(default.to_owned());
    let service = Arc::new(Service {
        version: variable("RIALTO_VERSION", env!("CARGO_PKG_VERSION")),
        environment: variable("RIALTO_ENVIRONMENT", "local"),
    });
    let listener = TcpListener::bind(format!("127.0.0.1:{}", variable("PORT", "8000")))?;
    println!("quote-service listens on http://{}", listener.local_addr()?);
    let refreshed = Instant::now();
    for stream in listener.incoming() {
        let (service, stream) = (Arc::clone(&service), stream?);
        std::thread::spawn(move || {
            let answer = |method: &str, path: &str| service.answer(method, path, refreshed.elapsed());
            if let Err(error) = http::serve(stream, answer) {
                eprintln!("connection ended: {error}");
            }
        });
    }
    Ok(())
}
