//! Routes, errors, what passes through, faults of backends.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use rialto_esb_snapshot::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{World, route};
use crate::world::Backend;

/// An address nobody listens on.
async fn dead() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint { address, weight: 1 }
}

#[tokio::test]
async fn unknown_paths_methods_and_ambiguous_paths_are_problems() {
    let world = World::with(|snapshot| {
        let mut one = route("one", "/orders/{id}", "open");
        one.methods = vec!["GET".to_owned(), "DELETE".to_owned()];
        snapshot.routes.push(one);
    })
    .await;
    let answer = world.get("/nowhere").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (404, "route-not-found")
    );
    let answer = world
        .send("POST", "/orders/7", &[("accept-language", "zh-CN")], "")
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("allow").as_str()),
        (405, "DELETE, GET, HEAD")
    );
    assert_eq!(answer.json()["title"], "不允许使用该方法");
    assert_eq!(
        answer.json()["type"],
        "urn:rialto:problem:method-not-allowed"
    );
    assert_eq!(answer.json()["sent"], "no");
    let answer = world.get("/orders/a%2fb").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (400, "ambiguous-path")
    );
    assert_eq!(world.backend.shared.served.load(Ordering::SeqCst), 0);
    assert_eq!(world.get("/orders/7").await.status, 200);
    assert_eq!(world.send("HEAD", "/orders/7", &[], "").await.status, 200);
}

#[tokio::test]
async fn the_upstream_gets_the_path_that_was_decided_on_and_the_names_of_the_request() {
    let world = World::start().await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [
        ("traceparent", trace),
        ("x-rialto-application", "forged"),
        ("x-api-key", &super::api_key()),
        ("x-biz-serial", "forged"),
    ];
    let answer = world
        .send("POST", "/v1/x/../echo?a=1", &headers, "body")
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.text().as_str()),
        (200, "body")
    );
    let seen = world
        .backend
        .shared
        .last_headers
        .lock()
        .unwrap()
        .clone()
        .unwrap();
    let parent = seen["traceparent"].to_str().unwrap();
    assert!(
        parent.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && parent != trace,
        "{parent}"
    );
    assert_eq!(seen["x-rialto-application"], "otc");
    assert!(!seen.contains_key("x-api-key"));
    let serial = seen["x-biz-serial"].to_str().unwrap();
    assert!(serial.starts_with("20261123n1"), "{serial}");
    assert_eq!(answer.header("x-biz-serial"), serial);
    let problem = world
        .send("GET", "/nowhere", &[("traceparent", trace)], "")
        .await
        .json();
    assert_eq!(problem["trace_id"], "0af7651916cd43dd8448eb211c80319c");
}

#[tokio::test]
async fn a_trusted_caller_brings_its_business_flow_number() {
    let world = World::with(|snapshot| snapshot.applications[0].trusted = true).await;
    let headers = [
        ("x-api-key", super::api_key()),
        ("x-biz-serial", "T-1".to_owned()),
    ];
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let answer = world.send("GET", "/v1/x", &headers, "").await;
    assert_eq!(answer.header("x-biz-serial"), "T-1");
}

/// A connection that speaks for itself.
async fn connected(world: &World, head: &str) -> tokio::net::TcpStream {
    let stream = tokio::net::TcpStream::connect(world.address()).await;
    let mut stream = stream.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn upgraded(world: &World) -> tokio::net::TcpStream {
    let head =
        "GET /open/upgrade HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    let mut stream = connected(world, head).await;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    stream
}

async fn echoes(stream: &mut tokio::net::TcpStream) {
    stream.write_all(b"ping").await.unwrap();
    let mut echoed = [0; 4];
    stream.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"ping");
}

/// Reads until a text comes.
async fn tells(stream: &mut tokio::net::TcpStream, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        let mut piece = [0; 1024];
        let read = stream.read(&mut piece).await.unwrap();
        assert!(read > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&piece[..read]));
    }
    text
}

const TICKS: &str = "GET /open/ticks HTTP/1.1\r\nHost: h\r\n\r\n";

#[tokio::test]
async fn upgraded_connections_and_streams_pass() {
    let world = World::start().await;
    echoes(&mut upgraded(&world).await).await;
    let mut stream = connected(&world, TICKS).await;
    let text = tells(&mut stream, "data: 2").await;
    assert!(text.contains("text/event-stream"), "{text}");
}

#[tokio::test]
async fn what_is_on_its_way_outlives_publishes() {
    let world = World::start().await;
    let mut socket = upgraded(&world).await;
    let mut stream = connected(&world, TICKS).await;
    tells(&mut stream, "data: 1\n").await;
    // More than are kept in memory to go back to, and the backend is not among theirs.
    let other = Backend::start("other").await;
    for version in 2..5 {
        let mut next = world.snapshot(version);
        next.pools[0].endpoints = vec![endpoint(other.address)];
        assert_eq!(world.publish(&next).await.0, 200);
    }
    assert_eq!(world.get("/open/x").await.text(), "other");
    echoes(&mut socket).await;
    tells(&mut stream, "data: 9").await;
}

#[tokio::test]
async fn a_dead_instance_is_passed_by_for_any_method() {
    let dead = dead().await;
    let world = World::with(|snapshot| snapshot.pools[0].endpoints.push(endpoint(dead))).await;
    for n in 0..12 {
        let answer = world.send("POST", "/open/echo", &[], "x").await;
        assert_eq!(
            (answer.status.as_u16(), answer.text().as_str()),
            (200, "x"),
            "{n}"
        );
    }
}

#[tokio::test]
async fn a_pool_of_dead_instances_is_a_502_of_which_nothing_was_sent() {
    let dead = dead().await;
    let world = World::with(|snapshot| snapshot.pools[0].endpoints = vec![endpoint(dead)]).await;
    let answer = world.get("/open/x").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (502, "backend-connect-failed")
    );
    assert_eq!(answer.json()["sent"], "no");
    assert!(
        !answer.text().contains(&dead.port().to_string()),
        "no inner address is told"
    );
}

#[tokio::test]
async fn resets_are_tried_again_only_where_that_is_safe() {
    let world = World::with(|snapshot| {
        let mut declared = route("declared", "/declared/{*rest}", "open");
        declared.retry.idempotent = true;
        snapshot.routes.push(declared);
    })
    .await;
    let resets = &world.backend.shared.resets;
    resets.store(2, Ordering::SeqCst);
    assert_eq!(world.get("/open/x").await.status, 200);
    resets.store(1, Ordering::SeqCst);
    let answer = world.send("POST", "/open/echo", &[], "x").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (502, "backend-reset")
    );
    assert_eq!(answer.json()["sent"], "unknown");
    resets.store(1, Ordering::SeqCst);
    assert_eq!(
        world.send("POST", "/declared/echo", &[], "x").await.text(),
        "x"
    );
    resets.store(3, Ordering::SeqCst);
    assert_eq!(world.get("/open/x").await.status, 502);
    resets.store(1, Ordering::SeqCst);
    let upstream_retries = world
        .send("GET", "/open/x", &[("x-retry-attempt", "1")], "")
        .await;
    assert_eq!(upstream_retries.status, 502);
}

#[tokio::test]
async fn sick_answers_are_asked_again_elsewhere() {
    let well = Backend::start("well").await;
    let world =
        World::with(|snapshot| snapshot.pools[0].endpoints.push(endpoint(well.address))).await;
    world.backend.shared.sick.store(503, Ordering::SeqCst);
    for _ in 0..8 {
        let answer = world.get("/open/x").await;
        assert_eq!(
            (answer.status.as_u16(), answer.text().as_str()),
            (200, "well")
        );
    }
    well.shared.sick.store(500, Ordering::SeqCst);
    let statuses = [
        world.get("/open/x").await.status,
        world.get("/open/x").await.status,
    ];
    assert!(
        statuses.iter().all(|status| *status == 500),
        "{statuses:?}: a 500 is the provider's answer"
    );
}

#[tokio::test]
async fn a_backend_that_says_nothing_is_a_504() {
    let world = World::with(|snapshot| {
        snapshot.routes[0].timeouts.first_byte_ms = 100;
        snapshot.routes[0].timeouts.total_ms = 250;
    })
    .await;
    world.backend.shared.stuck.store(true, Ordering::SeqCst);
    let answer = world.send("POST", "/open/x", &[], "x").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (504, "backend-timeout")
    );
    assert_eq!(answer.json()["sent"], "unknown");
    let answer = world
        .send("GET", "/open/x", &[("x-request-timeout-ms", "20")], "")
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (504, "deadline-exceeded")
    );
}

#[tokio::test]
async fn bodies_that_are_too_large_are_refused() {
    let world = World::start().await;
    let answer = world
        .send("POST", "/open/sink", &[], &"x".repeat(100_000))
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.text().as_str()),
        (200, "100000")
    );
    let answer = world
        .send("POST", "/open/sink", &[], &"x".repeat(100_001))
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (413, "body-too-large")
    );

    let mut stream = tokio::net::TcpStream::connect(world.address())
        .await
        .unwrap();
    stream
        .write_all(b"POST /open/sink HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await
        .unwrap();
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
    for _ in 0..4 {
        // The gateway may answer and close before all of it is taken.
        if stream.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 413");
}

#[tokio::test]
async fn states_of_interfaces_are_felt() {
    let world = World::start().await;
    let at = |text: &str| text.parse().unwrap();
    let states = [
        (
            InterfaceState::Suspended {
                reason: "drill".to_owned(),
            },
            503,
            "interface-suspended",
        ),
        (
            InterfaceState::Retired {
                on: "2026-11-01".parse().unwrap(),
            },
            410,
            "interface-retired",
        ),
        (
            InterfaceState::Deprecated {
                since: at("2026-11-01T00:00:00Z"),
                sunset: Some(at("2027-01-01T00:00:00Z")),
                successor: Some("/v2".to_owned()),
            },
            200,
            "",
        ),
    ];
    for (n, (state, status, code)) in states.into_iter().enumerate() {
        let mut snapshot = world.snapshot(n as u64 + 2);
        snapshot.interfaces[0].state = state;
        assert_eq!(world.publish(&snapshot).await.0, 200);
        let answer = world.get("/open/x").await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (status, code)
        );
        if status == 200 {
            assert_eq!(answer.header("deprecation"), "@1793491200");
            assert_eq!(answer.header("sunset"), "Fri, 01 Jan 2027 00:00:00 GMT");
            assert_eq!(answer.header("link"), "</v2>; rel=\"successor-version\"");
        }
    }
}

#[tokio::test]
async fn a_pool_that_fails_too_often_is_left_alone_and_comes_back() {
    let world = World::with(|snapshot| {
        snapshot.pools[0].breaker = Some(BreakerConfig::default());
        snapshot.routes[0].retry.retries = 0;
    })
    .await;
    world.backend.shared.sick.store(500, Ordering::SeqCst);
    for _ in 0..20 {
        assert_eq!(world.get("/open/x").await.code(), "");
    }
    let answer = world.get("/open/x").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (503, "circuit-open")
    );
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(world.backend.shared.served.load(Ordering::SeqCst), 20);
    world.backend.shared.sick.store(0, Ordering::SeqCst);
    world.pass(6_000);
    for _ in 0..6 {
        assert_eq!(world.get("/open/x").await.text(), "one");
    }
}

#[tokio::test]
async fn fields_of_answers_are_masked_by_the_caller_s_clearance() {
    let masking = Masking {
        fields: vec![
            FieldMask {
                pointer: "/mobile".to_owned(),
                label: "mobile".to_owned(),
            },
            FieldMask {
                pointer: "/id".to_owned(),
                label: "none".to_owned(),
            },
        ],
    };
    let world = World::with(|snapshot| {
        snapshot.labels = rialto_esb_policy::mask::catalogue();
        snapshot
            .routes
            .iter_mut()
            .for_each(|route| route.masking = Some(masking.clone()));
        snapshot.subscriptions[0].clearance = 2;
    })
    .await;
    let sent = "{\"id\": 1.10, \"mobile\": \"13812345678\", \"other\": true}";
    let open = world.send("POST", "/open/echo-json", &[], sent).await;
    assert_eq!(
        open.text(),
        "{\"id\": 1.10, \"mobile\": \"138****5678\", \"other\": \"***\"}"
    );
    let key = super::api_key();
    let cleared = world
        .send("POST", "/v1/echo-json", &[("x-api-key", &key)], sent)
        .await;
    assert_eq!(
        cleared.text(),
        "{\"id\": 1.10, \"mobile\": \"13812345678\", \"other\": \"***\"}"
    );
    let unread = world.send("POST", "/open/echo-json", &[], "{\"id\":").await;
    assert_eq!(
        (unread.status.as_u16(), unread.code().as_str()),
        (502, "response-invalid")
    );
    assert_eq!(unread.json()["sent"], "yes");
    let plain = world.send("POST", "/open/echo", &[], sent).await;
    assert_eq!(
        plain.code(),
        "response-invalid",
        "what is no JSON is withheld"
    );
}
