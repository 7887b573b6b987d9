use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{Backend, World, get};

#[tokio::test]
async fn a_request_begun_before_the_switch_ends_where_it_began() {
    let world = World::start().await;
    let (blue, green) = (Backend::start("blue").await, Backend::start("green").await);
    let at = world.service(&blue, None, json!({})).await;
    let slow = tokio::spawn(async move { get(&crate::world::client(), at, "/held").await });
    world
        .until("begun", |s| s.active.as_ref().unwrap().in_flight == 1)
        .await;
    world.switch(&green, None).await;
    let state = world.state().await;
    assert_eq!(state.draining.len(), 1, "{state:?}");
    assert_eq!(
        (
            state.draining[0].label.as_str(),
            state.draining[0].in_flight
        ),
        ("blue", 1)
    );
    assert_eq!(get(&world.client, at, "/").await.unwrap().1, "green");
    blue.shared.go.notify_one();
    assert_eq!(slow.await.unwrap().unwrap().1, "blue");
    world.until("drained", |s| s.draining.is_empty()).await;
}

#[tokio::test]
async fn a_stream_without_end_is_cut_when_the_time_to_drain_is_over() {
    let world = World::start().await;
    let (blue, green) = (Backend::start("blue").await, Backend::start("green").await);
    let at = world
        .service(&blue, None, json!({ "drain_timeout_ms": 150 }))
        .await;
    let request = Request::get(format!("http://{at}/ticks"))
        .body(Full::default())
        .unwrap();
    let mut body = world.client.request(request).await.unwrap().into_body();
    // Pieces arrive while the stream is open: nothing is buffered until its end.
    for expected in 0..3 {
        let piece = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(piece, format!("data: {expected}\n\n"));
    }
    world.switch(&green, Some(&blue)).await;
    let cut = tokio::time::timeout(Duration::from_secs(5), async {
        loop {
            match body.frame().await {
                Some(Ok(_)) => {}
                other => return other.is_some(),
            }
        }
    });
    assert!(
        cut.await.expect("the stream ends"),
        "the client can tell that it was cut"
    );
    world
        .until("drained", |s| {
            s.draining.is_empty() && s.failed_requests == 1
        })
        .await;
}

#[tokio::test]
async fn an_upgraded_connection_passes_both_ways_and_ends_with_its_version() {
    let world = World::start().await;
    let (blue, green) = (Backend::start("blue").await, Backend::start("green").await);
    let at = world
        .service(&blue, None, json!({ "drain_timeout_ms": 150 }))
        .await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    let head = "GET /upgrade HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap().to_ascii_lowercase();
    assert!(
        answer.starts_with("http/1.1 101") && answer.contains("upgrade: echo"),
        "{answer}"
    );
    let message =
        b"GET /not-a-request HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: x\r\n\r\n";
    stream.write_all(message).await.unwrap();
    let mut back = vec![0; message.len()];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(back, message);
    world.switch(&green, None).await;
    let ended = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut back)).await;
    assert_eq!(ended.expect("it ends").unwrap_or(0), 0);
}

#[tokio::test]
async fn shutdown_lets_a_request_finish() {
    let world = World::start().await;
    let blue = Backend::start("blue").await;
    let at = world.service(&blue, None, json!({})).await;
    let slow = tokio::spawn(async move { get(&crate::world::client(), at, "/held").await });
    world
        .until("begun", |s| s.active.as_ref().unwrap().in_flight == 1)
        .await;
    let asked = world.gateway.shutdown(Duration::from_secs(60));
    tokio::join!(asked, async { blue.shared.go.notify_one() });
    assert_eq!(slow.await.unwrap().unwrap().1, "blue");
    assert!(
        TcpStream::connect(at).await.is_err(),
        "nothing new is taken"
    );
}
