use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{Backend, World, get};

async fn raw(at: std::net::SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(
        std::time::Duration::from_secs(5),
        stream.read_to_end(&mut answer),
    );
    let _reset_after_answer = read.await.expect("the connection is closed");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn ambiguous_and_malformed_requests_are_refused_and_reach_nobody() {
    let world = World::start().await;
    let blue = Backend::start("blue").await;
    let at = world.service(&blue, None, json!({})).await;
    let smuggled = "5\r\nhello\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nHost: h\r\n\r\n";
    for (case, text) in [
        (
            "length and encoding",
            format!(
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{smuggled}"
            ),
        ),
        (
            "encoding and length",
            format!(
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n{smuggled}"
            ),
        ),
        (
            "two lengths",
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".into(),
        ),
        (
            "odd encoding",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n".into(),
        ),
        ("no host", "GET / HTTP/1.1\r\n\r\n".into()),
        (
            "two hosts",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".into(),
        ),
        ("not http", "\u{16}\u{3}\u{1} hello\r\n\r\n".into()),
        (
            "space before colon",
            "GET / HTTP/1.1\r\nHost : h\r\n\r\n".into(),
        ),
        (
            "connect",
            "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n".into(),
        ),
    ] {
        let answer = raw(at, &text).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{case}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{case}: {answer}");
    }
    let many: String = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    let answer = raw(at, &format!("GET / HTTP/1.1\r\nHost: h\r\n{many}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let long = "y".repeat(40_000);
    let answer = raw(
        at,
        &format!("GET / HTTP/1.1\r\nHost: h\r\nx: {long}\r\n\r\n"),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert_eq!(
        blue.shared.served.load(std::sync::atomic::Ordering::SeqCst),
        0
    );
    assert_eq!(
        get(&world.client, at, "/").await.unwrap().1,
        "blue",
        "the service is unharmed"
    );
}

#[tokio::test]
async fn a_refusal_is_a_problem_document() {
    let world = World::start().await;
    let blue = Backend::start("blue").await;
    let at = world.service(&blue, None, json!({})).await;
    let answer = raw(at, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").await;
    assert!(
        answer
            .to_ascii_lowercase()
            .contains("content-type: application/problem+json"),
        "{answer}"
    );
    assert!(
        answer
            .to_ascii_lowercase()
            .contains("x-rialto-error: malformed-request"),
        "{answer}"
    );
    let body: serde_json::Value =
        serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(body["type"], "urn:rialto:problem:malformed-request");
    assert_eq!(
        (&body["status"], &body["sent"]),
        (&json!(400), &json!("no"))
    );
    assert!(body["trace_id"].as_str().unwrap().len() > 4);
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_a_502() {
    let world = World::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut space = [0; 1024];
            let _read = stream.read(&mut space).await;
            let _sent = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").await;
        }
    });
    let spec = json!({ "listen": "127.0.0.1:0", "active": { "address": address, "label": "x" }, "standby": null });
    let (_, state) = world.admin("PUT", "/services/s", Some(spec)).await;
    let at = state["listen"].as_str().unwrap().parse().unwrap();
    let (status, body) = get(&world.client, at, "/").await.unwrap();
    assert_eq!(status.as_u16(), 502);
    assert!(body.contains("backend-protocol-error"), "{body}");
}
