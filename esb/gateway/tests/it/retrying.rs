use std::sync::atomic::Ordering;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use serde_json::{Value, json};

use crate::world::{Backend, Load, World, get, health};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_killed_under_load_costs_no_idempotent_request() {
    let world = World::start().await;
    let (blue, green) = (Backend::start("blue").await, Backend::start("green").await);
    let at = world
        .service(&blue, Some(&green), json!({ "health": health() }))
        .await;
    world
        .until("probed", |s| {
            s.active.as_ref().is_some_and(|a| a.health == "healthy")
        })
        .await;
    let load = Load::start(at, "/slow?ms=20", 8);
    world
        .until("busy", |s| {
            s.requests > 40 && s.active.as_ref().unwrap().in_flight > 2
        })
        .await;
    blue.kill().await;
    world
        .until("taken over", |s| {
            s.active.as_ref().unwrap().health == "unhealthy"
                && s.standby.as_ref().unwrap().requests > 50
        })
        .await;
    let (count, failures) = load.end().await;
    assert_eq!(failures, Vec::<String>::new(), "of {count}");
    let state = world.state().await;
    assert!(state.retried > 0, "{state:?}");
    assert_eq!(state.failed_requests, 0);
}

#[tokio::test]
async fn a_reset_is_retried_for_idempotent_methods_with_a_small_body_only() {
    let world = World::start().await;
    let blue = Backend::start("blue").await;
    let at = world.service(&blue, None, json!({})).await;
    let send = async |method: &str, size: usize| {
        blue.shared.resets.store(1, Ordering::SeqCst);
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{at}/echo"))
            .body(Full::new(Bytes::from(vec![b'a'; size])))
            .unwrap();
        let response = crate::world::client().request(request).await.unwrap();
        let status = response.status().as_u16();
        blue.shared.resets.store(0, Ordering::SeqCst);
        (status, response.collect().await.unwrap().to_bytes())
    };
    for (method, size) in [("GET", 0), ("PUT", 64 * 1024), ("DELETE", 10)] {
        let (status, body) = send(method, size).await;
        assert_eq!((status, body.len()), (200, size), "{method}");
    }
    for (method, size) in [("POST", 0), ("PATCH", 5), ("PUT", 64 * 1024 + 1)] {
        let (status, body) = send(method, size).await;
        assert_eq!(status, 502, "{method}");
        let problem: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["code"], "backend-reset", "{method}");
        assert_eq!(problem["sent"], "unknown", "{method}");
    }
    let state = world.state().await;
    assert_eq!((state.retried, state.failed_requests), (3, 3));
}

#[tokio::test]
async fn a_failed_connect_is_retried_for_any_method_and_reaches_the_standby() {
    let world = World::start().await;
    let (blue, green) = (Backend::start("blue").await, Backend::start("green").await);
    let at = world
        .service(&blue, Some(&green), json!({ "health": health() }))
        .await;
    blue.kill().await;
    let request = Request::post(format!("http://{at}/echo"))
        .body(Full::new(Bytes::from_static(b"order")))
        .unwrap();
    let response = world.client.request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-rialto-version"], "green");
    assert_eq!(response.collect().await.unwrap().to_bytes(), "order");
    assert_eq!(green.shared.served.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn nobody_to_take_over_is_a_clear_502_and_no_version_a_503() {
    let world = World::start().await;
    let blue = Backend::start("blue").await;
    let at = world.service(&blue, None, json!({})).await;
    blue.kill().await;
    let (status, body) = get(&world.client, at, "/").await.unwrap();
    let problem: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (502, &json!("backend-connect-failed"))
    );
    assert_eq!(problem["sent"], "no");
    assert_eq!(world.state().await.active.unwrap().failed_attempts, 3);
    let off = json!({ "active": null, "standby": null, "expect_version": 1 });
    assert_eq!(
        world.admin("POST", "/services/s/switch", Some(off)).await.0,
        200
    );
    let (status, body) = get(&world.client, at, "/").await.unwrap();
    assert_eq!(status.as_u16(), 503);
    assert!(body.contains("no-healthy-backend"), "{body}");
}

#[tokio::test]
async fn a_slow_version_is_a_504_and_is_not_asked_twice() {
    let world = World::start().await;
    let blue = Backend::start("blue").await;
    let times = json!({ "connect_ms": 500, "first_byte_ms": 100, "idle_ms": 1000 });
    let at = world
        .service(&blue, None, json!({ "timeouts": times }))
        .await;
    let (status, body) = get(&world.client, at, "/held").await.unwrap();
    assert_eq!(status.as_u16(), 504);
    assert!(body.contains("backend-timeout"), "{body}");
    assert_eq!(blue.shared.served.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn requests_go_to_the_standby_while_the_active_version_is_unhealthy_and_come_back() {
    let world = World::start().await;
    let (blue, green) = (Backend::start("blue").await, Backend::start("green").await);
    let at = world
        .service(&blue, Some(&green), json!({ "health": health() }))
        .await;
    blue.shared.unhealthy.store(true, Ordering::SeqCst);
    world
        .until("unhealthy", |s| {
            s.active.as_ref().unwrap().health == "unhealthy"
        })
        .await;
    assert_eq!(get(&world.client, at, "/").await.unwrap().1, "green");
    blue.shared.unhealthy.store(false, Ordering::SeqCst);
    world
        .until("healthy", |s| {
            s.active.as_ref().unwrap().health == "healthy"
        })
        .await;
    assert_eq!(get(&world.client, at, "/").await.unwrap().1, "blue");
}
