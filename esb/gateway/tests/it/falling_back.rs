use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use serde_json::{Value, json};

use crate::world::{Backend, Load, World, get, health};

/// Green was switched in over blue under the fallback rule.
async fn watched() -> (World, Backend, Backend, SocketAddr) {
    let world = World::start().await;
    let (blue, green) = (Backend::start("blue").await, Backend::start("green").await);
    let at = world
        .service(&blue, None, json!({ "health": health() }))
        .await;
    world.switch_with_fallback(&green, &blue).await;
    (world, blue, green, at)
}

async fn send(world: &World, at: SocketAddr, method: &str, size: usize) -> (u16, String, Bytes) {
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{at}/echo"))
        .body(Full::new(Bytes::from(vec![b'a'; size])))
        .unwrap();
    let response = world.client.request(request).await.unwrap();
    let status = response.status().as_u16();
    let label = response.headers()["x-rialto-version"]
        .to_str()
        .unwrap()
        .to_owned();
    (status, label, response.collect().await.unwrap().to_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_no_user_sees_the_new_version_fail_and_the_failures_are_held_against_it() {
    let (world, _blue, green, at) = watched().await;
    let load = Load::start(at, "/slow?ms=1", 8);
    world.until("busy", |s| s.requests > 100).await;
    green.shared.sick.store(500, Ordering::SeqCst);
    let sick = world
        .until("sick", |s| s.active.as_ref().unwrap().failed_attempts > 200)
        .await;
    let (count, failures) = load.end().await;
    assert_eq!(failures, Vec::<String>::new(), "of {count}");
    assert_eq!(sick.active.as_ref().unwrap().label, "green");
    let state = world.state().await;
    assert_eq!(state.failed_requests, 0, "{state:?}");
    let (active, standby) = (state.active.unwrap(), state.standby.unwrap());
    assert_eq!(standby.failed_attempts, 0);
    assert_eq!(state.failed_attempts, active.failed_attempts);
    assert_eq!(state.rescued, active.failed_attempts);
    assert_eq!(standby.requests, state.rescued);
}

#[tokio::test]
async fn every_status_of_the_rule_is_made_good_for_idempotent_methods_with_a_small_body() {
    let (world, _blue, green, at) = watched().await;
    for status in [500, 502, 503, 504] {
        green.shared.sick.store(status, Ordering::SeqCst);
        for (method, size) in [
            ("GET", 0),
            ("OPTIONS", 0),
            ("PUT", 64 * 1024),
            ("DELETE", 10),
        ] {
            let (seen, label, body) = send(&world, at, method, size).await;
            assert_eq!(
                (seen, label.as_str(), body.len()),
                (200, "blue", size),
                "{method} {status}"
            );
        }
        let (seen, label, _) = send(&world, at, "HEAD", 0).await;
        assert_eq!((seen, label.as_str()), (200, "blue"), "HEAD {status}");
    }
    // An answer to the request itself is passed on.
    green.shared.sick.store(404, Ordering::SeqCst);
    assert_eq!(send(&world, at, "GET", 0).await.0, 404);
    let state = world.state().await;
    assert_eq!((state.rescued, state.failed_requests), (20, 0), "{state:?}");
}

#[tokio::test]
async fn what_is_not_idempotent_or_too_big_to_repeat_is_never_sent_twice() {
    let (world, blue, green, at) = watched().await;
    green.shared.sick.store(500, Ordering::SeqCst);
    for (method, size) in [
        ("POST", 0),
        ("POST", 5),
        ("PATCH", 5),
        ("PUT", 64 * 1024 + 1),
    ] {
        let (status, label, body) = send(&world, at, method, size).await;
        assert_eq!((status, label.as_str()), (500, "green"), "{method} {size}");
        assert_eq!(body, "sick green");
    }
    assert_eq!(blue.shared.served.load(Ordering::SeqCst), 0);
    let state = world.state().await;
    assert_eq!(
        (state.failed_requests, state.failed_attempts, state.rescued),
        (4, 4, 0)
    );
}

#[tokio::test]
async fn when_both_versions_fail_the_client_gets_the_new_one_s_own_answer() {
    let (world, blue, green, at) = watched().await;
    green.shared.sick.store(503, Ordering::SeqCst);
    blue.shared.sick.store(500, Ordering::SeqCst);
    let (status, label, body) = send(&world, at, "GET", 0).await;
    assert_eq!((status, label.as_str()), (503, "green"));
    assert_eq!(body, "sick green");
    let state = world.state().await;
    assert_eq!(
        (state.failed_requests, state.failed_attempts, state.rescued),
        (1, 2, 0)
    );
    // A standby that is not there at all makes no difference to that.
    blue.kill().await;
    let (status, label, _) = send(&world, at, "GET", 0).await;
    assert_eq!((status, label.as_str()), (503, "green"));
}

#[tokio::test]
async fn answers_cut_before_their_first_byte_and_late_answers_fall_back_too() {
    let world = World::start().await;
    let (blue, green) = (Backend::start("blue").await, Backend::start("green").await);
    let times = json!({ "connect_ms": 500, "first_byte_ms": 300, "idle_ms": 1000 });
    let at = world
        .service(&blue, None, json!({ "timeouts": times }))
        .await;
    world.switch_with_fallback(&green, &blue).await;
    green.shared.resets.store(10, Ordering::SeqCst);
    let (status, label, _) = send(&world, at, "GET", 0).await;
    assert_eq!((status, label.as_str()), (200, "blue"));
    green.shared.resets.store(0, Ordering::SeqCst);
    green.shared.stuck.store(true, Ordering::SeqCst);
    let (status, label, _) = send(&world, at, "GET", 0).await;
    assert_eq!((status, label.as_str()), (200, "blue"));
    assert_eq!(world.state().await.failed_requests, 0);
}

#[tokio::test]
async fn the_rule_ends_with_the_next_switch_and_comes_back_after_a_restart_until_then() {
    let (world, blue, green, at) = watched().await;
    green.shared.sick.store(500, Ordering::SeqCst);
    let World {
        gateway,
        folder,
        client,
    } = world;
    drop(gateway);
    let gateway = crate::world::start(&folder).await;
    let world = World {
        gateway,
        folder,
        client,
    };
    world.until("listening", |s| s.listen_error.is_none()).await;
    let seen = get(&crate::world::client(), at, "/").await.unwrap();
    assert_eq!(seen, (http::StatusCode::OK, "blue".to_owned()));
    // The same versions without the rule: the watch is over.
    world.switch(&green, Some(&blue)).await;
    let seen = get(&crate::world::client(), at, "/").await.unwrap();
    assert_eq!((seen.0.as_u16(), seen.1.as_str()), (500, "sick green"));
    assert_eq!(world.state().await.fallback_on, Vec::<u16>::new());
}

#[tokio::test]
async fn a_rule_for_answers_that_speak_of_the_request_is_refused() {
    let world = World::start().await;
    let blue = Backend::start("blue").await;
    let spec = json!({
        "listen": "127.0.0.1:0", "active": blue.target(), "standby": null,
        "retry": { "max_attempts": 3, "fallback_on": [404] },
    });
    let (status, problem): (_, Value) = world.admin("PUT", "/services/s", Some(spec)).await;
    assert_eq!(status, 422);
    assert_eq!(
        problem["errors"][0]["pointer"], "/retry/fallback_on",
        "{problem}"
    );
}
