//! Requests with an idempotency key are carried out once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rialto_esb_snapshot::*;

use super::{Answer, World, api_key};

/// Subscribers' requests are carried out once; a second caller is there too.
async fn world(required: bool, keep_s: u32) -> World {
    World::with(|snapshot| {
        let closed = snapshot.routes.iter_mut().find(|one| one.id == "closed");
        closed.unwrap().idempotency = Some(Idempotency { required, keep_s });
    })
    .await
}

async fn post(world: &World, path: &str, key: &str, body: &str) -> Answer {
    let headers = [("x-api-key", &*api_key()), ("idempotency-key", key)];
    world.send("POST", path, &headers, body).await
}

fn served(world: &World) -> u64 {
    world.backend.shared.served.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_repeat_gets_the_answer_that_was_given_and_another_request_is_refused() {
    let world = world(false, 60).await;
    let first = post(&world, "/v1/echo", "\"k-1\"", "order A1").await;
    assert_eq!((first.status.as_u16(), &*first.text()), (200, "order A1"));
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = post(&world, "/v1/echo", "k-1", "order A1").await;
    assert_eq!((again.status.as_u16(), &*again.text()), (200, "order A1"));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_ne!(again.header("x-biz-serial"), first.header("x-biz-serial"));
    assert_eq!(again.header("via"), "1.1 rialto");
    assert_eq!(served(&world), 1);
    for (path, body) in [("/v1/echo", "order A2"), ("/v1/echo?x", "order A1")] {
        let other = post(&world, path, "k-1", body).await;
        assert_eq!(
            (other.status.as_u16(), &*other.code()),
            (422, "idempotency-key-reused")
        );
    }
    let malformed = post(&world, "/v1/echo", "a b", "order A1").await;
    assert_eq!(malformed.code(), "malformed-request");
    // What changes nothing needs no key and keeps none.
    let key = [("x-api-key", &*api_key()), ("idempotency-key", "k-1")];
    assert_eq!(world.send("GET", "/v1/x", &key, "").await.status, 200);
    assert_eq!(world.send("GET", "/v1/x", &key, "").await.status, 200);
    assert_eq!(served(&world), 3);
    // Without a key everything goes on, as it is not required.
    let plain = [("x-api-key", &*api_key())];
    world.send("POST", "/v1/echo", &plain, "order A1").await;
    assert_eq!(served(&world), 4);
    // After its time the key is free; a 4xx is an answer like any other.
    world.pass(60_000);
    world.backend.shared.sick.store(404, Ordering::SeqCst);
    assert_eq!(
        post(&world, "/v1/echo", "k-1", "order A2").await.status,
        404
    );
    world.backend.shared.sick.store(0, Ordering::SeqCst);
    let kept = post(&world, "/v1/echo", "k-1", "order A2").await;
    assert_eq!((kept.status.as_u16(), served(&world)), (404, 5));
}

#[tokio::test]
async fn a_key_that_is_required_is_asked_for_and_explained() {
    let world = world(true, 60).await;
    let plain = [("x-api-key", &*api_key())];
    let refused = world.send("POST", "/v1/echo", &plain, "order").await;
    assert_eq!(
        (refused.status.as_u16(), &*refused.code()),
        (400, "idempotency-key-missing")
    );
    assert_eq!(
        (refused.json()["sent"].as_str(), served(&world)),
        (Some("no"), 0)
    );
    let asked = serde_json::json!({"request": "POST /v1/echo",
        "headers": [["x-api-key", api_key()], ["idempotency-key", "k-9"]]});
    let (_, told) = world
        .admin("POST", "explain", asked.to_string().into_bytes())
        .await;
    assert!(told.to_string().contains("key k-9"), "{told}");
}

#[tokio::test]
async fn the_same_request_on_its_way_is_not_sent_again() {
    let world = Arc::new(world(false, 60).await);
    let on_its_way = tokio::spawn({
        let world = Arc::clone(&world);
        async move { post(&world, "/v1/held", "k", "order").await }
    });
    while served(&world) == 0 {
        tokio::task::yield_now().await;
    }
    let second = post(&world, "/v1/held", "k", "order").await;
    assert_eq!(
        (second.status.as_u16(), &*second.code()),
        (409, "idempotency-in-progress")
    );
    assert_eq!(second.json()["retryable"], true);
    world.backend.shared.go.notify_one();
    assert_eq!(on_its_way.await.unwrap().status, 200);
    let replayed = post(&world, "/v1/held", "k", "order").await;
    assert_eq!(replayed.header("idempotency-replayed"), "true");
    assert_eq!(served(&world), 1);
}

#[tokio::test]
async fn what_may_have_been_done_is_not_sent_again_and_what_surely_was_not_is() {
    let world = world(false, 60).await;
    // The connection breaks off after the request was sent.
    world.backend.shared.resets.store(1, Ordering::SeqCst);
    let lost = post(&world, "/v1/echo", "k", "order").await;
    assert!(lost.status.is_server_error(), "{}", lost.text());
    let again = post(&world, "/v1/echo", "k", "order").await;
    assert_eq!(
        (again.status.as_u16(), &*again.code()),
        (409, "outcome-unknown")
    );
    assert_eq!(again.json()["sent"], "unknown");
    // A failure the provider tells of may be tried again with the same key.
    world.backend.shared.sick.store(503, Ordering::SeqCst);
    assert_eq!(post(&world, "/v1/echo", "k2", "order").await.status, 503);
    world.backend.shared.sick.store(0, Ordering::SeqCst);
    let tried = post(&world, "/v1/echo", "k2", "order").await;
    assert_eq!((tried.status.as_u16(), &*tried.text()), (200, "order"));
    assert_eq!(tried.header("idempotency-replayed"), "");
}

#[tokio::test]
async fn an_answer_too_large_to_be_kept_passes_whole_and_its_repeat_is_told_so() {
    let world = world(false, 60).await;
    let large = post(&world, "/v1/big?bytes=655360", "k", "order").await;
    assert_eq!((large.status.as_u16(), large.body.len()), (200, 655_360));
    let again = post(&world, "/v1/big?bytes=655360", "k", "order").await;
    assert_eq!(again.code(), "outcome-unknown");
}

#[tokio::test]
async fn keys_where_anybody_may_call_are_refused_with_the_snapshot() {
    let world = World::start().await;
    let mut snapshot = world.snapshot(2);
    let asked = |keep_s| {
        Some(Idempotency {
            required: true,
            keep_s,
        })
    };
    snapshot.routes[0].idempotency = asked(60);
    snapshot.routes[1].idempotency = asked(0);
    let (status, told) = world.publish(&snapshot).await;
    assert_eq!(status, 422, "{told}");
    for place in ["/routes/0/idempotency", "/routes/1/idempotency/keep_s"] {
        assert!(told.to_string().contains(place), "{told}");
    }
}
