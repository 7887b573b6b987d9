//! Variants: buckets, lists, wishes.

use std::collections::BTreeSet;

use rialto_esb_snapshot::*;

use super::{World, api_key};
use crate::world::Backend;

/// Gives the first share of the traffic to the pool `canary`.
fn canary(snapshot: &mut Snapshot, backend: &Backend, weight: u32) {
    let mut pool = snapshot.pools[0].clone();
    pool.id = "canary".to_owned();
    pool.endpoints[0].address = backend.address;
    snapshot.pools.push(pool);
    for route in &mut snapshot.routes {
        route.variants[0].weight = WHOLE_BP - weight;
        route.variants.insert(
            0,
            Variant {
                name: "canary".to_owned(),
                pool: "canary".to_owned(),
                weight,
                callers: Vec::new(),
            },
        );
        route.sticky = Sticky::Header("x-customer".to_owned());
    }
}

async fn on_canary(world: &World) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    for customer in 0..60 {
        let id = customer.to_string();
        let answer = world
            .send("GET", "/open/x", &[("x-customer", &id)], "")
            .await;
        assert_eq!(
            answer.text(),
            answer.header("x-rialto-variant").replace("stable", "one")
        );
        if answer.text() == "canary" {
            found.insert(customer);
        }
    }
    found
}

#[tokio::test]
async fn a_larger_share_keeps_everybody_who_was_on_it() {
    let backend = Backend::start("canary").await;
    let world = World::with(|snapshot| canary(snapshot, &backend, 0)).await;
    assert!(on_canary(&world).await.is_empty());
    let mut before = BTreeSet::new();
    for (version, weight) in [(2, 1_500), (3, 5_000), (4, 10_000)] {
        let mut snapshot = world.snapshot(version);
        canary(&mut snapshot, &backend, weight);
        assert_eq!(world.publish(&snapshot).await.0, 200);
        let now = on_canary(&world).await;
        assert_eq!(now, on_canary(&world).await, "the same customers each time");
        assert!(
            now.is_superset(&before) && now.len() > before.len(),
            "{weight}: {before:?} {now:?}"
        );
        before = now;
    }
    assert_eq!(before.len(), 60);
}

#[tokio::test]
async fn a_wish_with_the_right_comes_before_a_list_and_a_list_before_the_bucket() {
    let backend = Backend::start("canary").await;
    let world = World::with(|snapshot| {
        canary(snapshot, &backend, 0);
        snapshot.routes[1].variants[0].callers = vec!["otc".to_owned()];
        snapshot.routes[1].force_header = Some("x-variant".to_owned());
    })
    .await;
    assert_eq!(world.call("/v1/x").await.text(), "canary");
    let key = api_key();
    let wish = [("x-api-key", key.as_str()), ("x-variant", "stable")];
    assert_eq!(
        world.send("GET", "/v1/x", &wish, "").await.text(),
        "canary",
        "no right to wish"
    );
    let mut snapshot = world.snapshot(2);
    canary(&mut snapshot, &backend, 0);
    snapshot.routes[1].variants[0].callers = vec!["otc".to_owned()];
    snapshot.routes[1].force_header = Some("x-variant".to_owned());
    snapshot.subscriptions[0].may_force_variant = true;
    assert_eq!(world.publish(&snapshot).await.0, 200);
    assert_eq!(world.send("GET", "/v1/x", &wish, "").await.text(), "one");
}
