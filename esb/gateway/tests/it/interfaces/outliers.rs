//! Instances that fail while their like do not.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use rialto_esb_snapshot::*;
use serde_json::json;

use super::World;
use crate::world::Backend;

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint { address, weight: 1 }
}

/// How many of so many requests each of the two answered, the failing one's first.
async fn shares(world: &World, of: usize) -> (usize, usize) {
    let mut own = 0;
    for _ in 0..of {
        let answer = world.send("POST", "/open/x", &[], "").await;
        own += usize::from(answer.text().ends_with("one"));
    }
    (own, of - own)
}

async fn with_a_second() -> (World, Backend) {
    let well = Backend::start("two").await;
    let at = well.address;
    let world = World::with(|snapshot| snapshot.pools[0].endpoints.push(endpoint(at))).await;
    (world, well)
}

async fn told_of_instances(world: &World) -> String {
    let asked = json!({"request": "GET /open/x HTTP/1.1", "headers": [["Host", "h"]]});
    let (status, told) = world
        .admin("POST", "explain", asked.to_string().into_bytes())
        .await;
    assert_eq!(status, 200, "{told}");
    told.to_string()
}

#[tokio::test]
async fn one_that_breaks_five_times_in_a_row_is_left_alone_and_comes_back_slowly() {
    let (world, _well) = with_a_second().await;
    world.backend.shared.sick.store(503, Ordering::SeqCst);
    let (sick, _) = shares(&world, 200).await;
    assert_eq!(sick, 5);
    assert!(
        told_of_instances(&world)
            .await
            .contains("left alone for 5000 ms")
    );
    world.backend.shared.sick.store(0, Ordering::SeqCst);
    world.pass(5_000);
    assert!(told_of_instances(&world).await.contains("usable with 10 %"));
    // A tenth of its weight beside a whole one: 1 in 11.
    let (back, _) = shares(&world, 440).await;
    assert!((10..90).contains(&back), "{back}");
    world.pass(30_000);
    let (back, other) = shares(&world, 440).await;
    assert!(back > 150 && other > 150, "{back} {other}");
}

#[tokio::test]
async fn one_that_answers_worse_than_its_like_is_left_alone() {
    let world = World::empty().await;
    let mut others = Vec::new();
    for _ in 0..5 {
        others.push(Backend::start("other").await);
    }
    let mut snapshot = world.snapshot(1);
    let more = others.iter().map(|one| endpoint(one.address));
    snapshot.pools[0].endpoints.extend(more);
    assert_eq!(world.publish(&snapshot).await.0, 200);
    world.backend.shared.sick.store(500, Ordering::SeqCst);
    for _ in 0..3 {
        shares(&world, 600).await;
        world.pass(1_000);
    }
    let before = world.backend.shared.served.load(Ordering::SeqCst);
    assert!(before > 100, "{before}");
    assert_eq!(shares(&world, 100).await.0, 0);
}

#[tokio::test]
async fn half_of_a_pool_stays_whatever_it_answers() {
    let (world, second) = with_a_second().await;
    for one in [&world.backend, &second] {
        one.shared.sick.store(503, Ordering::SeqCst);
    }
    shares(&world, 60).await;
    let told = told_of_instances(&world).await;
    assert_eq!(told.matches("left alone").count(), 1, "{told}");
    // The only one of a pool is never left alone for what it answers.
    let alone = World::start().await;
    alone.backend.shared.sick.store(503, Ordering::SeqCst);
    assert_eq!(shares(&alone, 20).await.0, 20);
}

#[tokio::test]
async fn a_caller_s_own_short_time_ejects_nobody() {
    let (world, second) = with_a_second().await;
    for one in [&world.backend, &second] {
        one.shared.stuck.store(true, Ordering::SeqCst);
    }
    for _ in 0..14 {
        let short = [("x-request-timeout-ms", "20")];
        let answer = world.send("POST", "/open/x", &short, "").await;
        assert_eq!(answer.code(), "deadline-exceeded");
    }
    let told = told_of_instances(&world).await;
    assert!(!told.contains("left alone"), "{told}");
}

#[tokio::test]
async fn a_pool_that_fails_is_not_asked_ever_more_often() {
    let world = World::start().await;
    world.backend.shared.sick.store(503, Ordering::SeqCst);
    for _ in 0..200 {
        assert_eq!(world.get("/open/x").await.status, 503);
    }
    // A fifth of the requests and three a second, though each could have been tried twice more.
    let asked = world.backend.shared.served.load(Ordering::SeqCst);
    assert_eq!(asked, 200 + 40 + 30);
}
