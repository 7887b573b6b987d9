//! Rights, rates, quotas, windows.

use std::sync::atomic::Ordering;

use rialto_esb_snapshot::*;
use serde_json::json;

use super::{Answer, World};

fn outcome(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.code())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn rights_of_a_subscription_are_enforced_each_with_its_reason() {
    let world = World::start().await;
    type Change = fn(&mut Subscription);
    let changes: &[(Change, &str)] = &[
        (
            |one| one.state = SubscriptionState::Suspended,
            "subscription-suspended",
        ),
        (
            |one| one.until = Some("2026-11-22".parse().unwrap()),
            "subscription-suspended",
        ),
        (
            |one| one.operations = vec!["open".to_owned()],
            "scope-insufficient",
        ),
        (
            |one| one.addresses = vec!["10.0.0.0/8".to_owned()],
            "address-denied",
        ),
    ];
    for (n, (change, code)) in changes.iter().enumerate() {
        let mut snapshot = world.snapshot(n as u64 + 2);
        change(&mut snapshot.subscriptions[0]);
        let (status, answer) = world.publish(&snapshot).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(outcome(&world.call("/v1/x").await), refused(403, code));
    }
    let mut snapshot = world.snapshot(9);
    snapshot.subscriptions.clear();
    assert_eq!(world.publish(&snapshot).await.0, 200);
    assert_eq!(
        outcome(&world.call("/v1/x").await),
        refused(403, "not-subscribed")
    );
    let mut snapshot = world.snapshot(10);
    snapshot.subscriptions[0].until = Some("2026-11-23".parse().unwrap());
    assert_eq!(world.publish(&snapshot).await.0, 200);
    assert_eq!(world.call("/v1/x").await.status, 200, "its last day counts");
    assert_eq!(world.backend.shared.served.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_burst_passes_and_then_the_rate() {
    let world = World::with(|snapshot| {
        snapshot.subscriptions[0].limits.rate = Some(Rate {
            requests: 2,
            per_ms: 1000,
            burst: 3,
        });
    })
    .await;
    for left in [2, 1, 0] {
        let answer = world.call("/v1/x").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-policy"), "\"rate\";q=3;w=2");
        assert!(
            answer
                .header("ratelimit")
                .starts_with(&format!("\"rate\";r={left};")),
            "{}",
            answer.header("ratelimit")
        );
    }
    let answer = world.call("/v1/x").await;
    assert_eq!(outcome(&answer), refused(429, "rate-limited"));
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("ratelimit"), "\"rate\";r=0;t=1");
    assert_eq!(answer.json()["retryable"], true);
    world.pass(500);
    assert_eq!(world.call("/v1/x").await.status, 200);
    assert_eq!(world.call("/v1/x").await.status, 429);
}

#[tokio::test]
async fn a_publish_gives_nobody_new_credit() {
    let limited = |snapshot: &mut Snapshot, burst| {
        snapshot.subscriptions[0].limits.rate = Some(Rate {
            requests: 1,
            per_ms: 60_000,
            burst,
        });
    };
    let world = World::with(|snapshot| limited(snapshot, 2)).await;
    assert_eq!(world.call("/v1/x").await.status, 200);
    let mut next = world.snapshot(2);
    limited(&mut next, 10);
    assert_eq!(world.publish(&next).await.0, 200);
    assert_eq!(world.call("/v1/x").await.status, 200);
    assert_eq!(world.call("/v1/x").await.status, 429);
}

#[tokio::test]
async fn a_day_s_quota_ends_with_the_day() {
    let world = World::with(|snapshot| snapshot.subscriptions[0].limits.daily = Some(2)).await;
    assert_eq!(
        world.call("/v1/x").await.header("ratelimit"),
        "\"day\";r=1;t=50400"
    );
    assert_eq!(world.call("/v1/x").await.status, 200);
    let answer = world.call("/v1/x").await;
    assert_eq!(outcome(&answer), refused(429, "quota-exhausted"));
    assert_eq!(answer.header("retry-after"), "50400");
    world.pass(50_400_000 - 1);
    assert_eq!(world.call("/v1/x").await.status, 429);
    world.pass(1);
    assert_eq!(world.call("/v1/x").await.status, 200);
}

#[tokio::test]
async fn a_day_s_quota_outlives_the_process() {
    let world = World::with(|snapshot| snapshot.subscriptions[0].limits.daily = Some(2)).await;
    assert_eq!(world.call("/v1/x").await.status, 200);
    assert_eq!(world.call("/v1/x").await.status, 200);
    let file = world.folder.path().join("snapshots/usage.json");
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let calls = serde_json::from_str::<serde_json::Value>(&text).ok();
        if calls.and_then(|calls| Some(calls["s1"].as_u64()? & 0xff)) == Some(2) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "not kept: {text}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let world = world.restarted().await;
    assert_eq!(
        outcome(&world.call("/v1/x").await),
        refused(429, "quota-exhausted")
    );
}

#[tokio::test]
async fn requests_at_once_are_counted_until_their_answer_ends() {
    let world =
        World::with(|snapshot| snapshot.subscriptions[0].limits.concurrency = Some(1)).await;
    let world = std::sync::Arc::new(world);
    let first = tokio::spawn({
        let world = std::sync::Arc::clone(&world);
        async move { world.call("/v1/held").await.text() }
    });
    while world.backend.shared.served.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        outcome(&world.call("/v1/x").await),
        refused(429, "concurrency-limited")
    );
    world.backend.shared.go.notify_one();
    assert_eq!(first.await.unwrap(), "one");
    assert_eq!(world.call("/v1/x").await.status, 200);
    assert_eq!(world.call("/v1/x").await.status, 200);
}

#[tokio::test]
async fn windows_open_and_close_by_the_trading_calendar() {
    let world = World::with(|snapshot| {
        let window = json!({
            "id": "am", "zone": "Asia/Shanghai",
            "spans": [{"days": "trading", "from": "09:30:00", "to": "11:30:00"}],
        });
        snapshot.windows = vec![serde_json::from_value(window).unwrap()];
        snapshot.subscriptions[0].windows = vec!["am".to_owned()];
        let calendar = json!({
            "zone": "Asia/Shanghai", "from": "2026-11-23", "to": "2026-11-24", "trading": ["2026-11-23"],
        });
        snapshot.calendar = serde_json::from_value(calendar).unwrap();
    })
    .await;
    assert_eq!(world.call("/v1/x").await.status, 200);
    world.pass(90 * 60 * 1000 - 1);
    assert_eq!(world.call("/v1/x").await.status, 200);
    world.pass(1);
    assert_eq!(
        outcome(&world.call("/v1/x").await),
        refused(403, "outside-window")
    );
    // Tuesday is no trading day, Wednesday is not in the calendar.
    for _ in 0..2 {
        world.pass(23 * 3_600_000);
        assert_eq!(
            outcome(&world.call("/v1/x").await),
            refused(403, "outside-window")
        );
    }
}
