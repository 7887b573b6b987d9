//! Who calls what, as a node counts it.

use std::sync::atomic::Ordering;

use rialto_esb_policy::calls::{CallReport, EdgeCount, HOUR_US};
use serde_json::{Value, json};

use super::{MORNING, World, api_key};

const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

async fn report(world: &World, query: &str) -> CallReport {
    let (status, told) = world
        .admin("GET", &format!("calls{query}"), Vec::new())
        .await;
    assert_eq!(status, 200, "{told}");
    serde_json::from_value(told).unwrap()
}

fn of<'r>(report: &'r CallReport, operation: &str) -> &'r EdgeCount {
    let mut edges = report.edges.iter();
    edges.find(|one| one.edge.operation == operation).unwrap()
}

#[tokio::test]
async fn calls_are_counted_by_caller_and_operation_with_their_ends_and_fields() {
    let world = World::start().await;
    let order = json!({"code": "600000", "legs": [{"qty": 1}, {"qty": 2, "limit": null}]});
    let key = api_key();
    // Passed on as it comes, so its fields are read from a copy.
    let headers = [JSON, ("x-api-key", key.as_str())];
    let path = "/v1/echo?dry=1&dry=2&page";
    let answer = world.send("POST", path, &headers, &order.to_string()).await;
    assert_eq!(answer.text(), order.to_string());
    // Held, because it may be sent again.
    world
        .send("PUT", "/v1/echo", &headers, r#"{"more": {}}"#)
        .await;
    world.send("PUT", "/v1/echo", &headers, "no JSON").await;
    world.backend.shared.sick.store(503, Ordering::SeqCst);
    world.call("/v1/x").await;
    world.backend.shared.sick.store(404, Ordering::SeqCst);
    world.call("/v1/x").await;
    world.backend.shared.sick.store(0, Ordering::SeqCst);
    world.get("/open/x").await;
    // Who is let through nowhere is no caller.
    world.get("/v1/x").await;

    let told = report(&world, "").await;
    assert_eq!((told.edges.len(), told.beyond), (2, 0));
    let closed = of(&told, "closed");
    assert_eq!(closed.edge.application.as_deref(), Some("otc"));
    assert_eq!(
        (closed.edge.interface.as_str(), closed.edge.version.as_str()),
        ("demo.api", "1.2.0")
    );
    let count = &closed.count;
    assert_eq!(
        (count.requests, count.succeeded, count.refused, count.failed),
        (5, 3, 1, 1)
    );
    assert_eq!(count.durations.iter().sum::<u64>(), 5);
    assert_eq!(count.first, i64::try_from(MORNING).unwrap() * 1000);
    let fields: Vec<&str> = count.fields.keys().map(String::as_str).collect();
    let wanted = [
        "body:/code",
        "body:/legs",
        "body:/legs/*/limit",
        "body:/legs/*/qty",
        "body:/more",
        "query:dry",
        "query:page",
    ];
    assert_eq!(fields, wanted);
    let metrics = world.metrics().await;
    for line in [
        "rialto_gateway_requests_total 7",
        "rialto_gateway_refused_total 1",
        "rialto_gateway_snapshot_version 1",
        "# TYPE rialto_gateway_call_duration_seconds histogram",
    ] {
        assert!(metrics.lines().any(|one| one == line), "{line}: {metrics}");
    }
    let edge = "application=\"otc\",interface=\"demo.api\",operation=\"closed\",\
                variant=\"stable\",version=\"1.2.0\"";
    for (name, end, value) in [
        ("calls_total", ",outcome=\"failed\"", 1),
        ("calls_total", ",outcome=\"succeeded\"", 3),
        ("call_duration_seconds_bucket", ",le=\"+Inf\"", 5),
        ("call_duration_seconds_count", "", 5),
    ] {
        let line = format!("rialto_gateway_{name}{{{edge}{end}}} {value}");
        assert!(metrics.lines().any(|one| one == line), "{line}: {metrics}");
    }
    let open = of(&told, "open");
    assert_eq!((&open.edge.application, open.count.requests), (&None, 1));
}

#[tokio::test]
async fn counts_are_of_their_hour_and_told_again_until_nobody_can_have_missed_them() {
    let world = World::start().await;
    world.call("/v1/x").await;
    world.pass(3_600_000);
    world.call("/v1/x").await;
    // What is counted goes on over a publish.
    let (status, _) = world.publish(&world.snapshot(2)).await;
    assert_eq!(status, 200);
    world.call("/v1/x").await;
    let told = report(&world, "").await;
    let hours: Vec<(i64, u64)> = told
        .edges
        .iter()
        .map(|one| (one.hour, one.count.requests))
        .collect();
    let hour = i64::try_from(MORNING).unwrap() * 1000 / HOUR_US;
    assert_eq!(hours, [(hour, 1), (hour + 1, 2)]);
    let late = report(&world, &format!("?since={}", told.at)).await;
    assert_eq!(late.edges.len(), 1);
    let (status, answer) = world.admin("GET", "calls?since=x", Vec::new()).await;
    assert_eq!(
        (status.as_u16(), &answer["code"]),
        (422, &Value::from("request-invalid"))
    );
    // A node that starts anew says so.
    let boot = told.boot;
    world.pass(1);
    let world = world.restarted().await;
    let told = report(&world, "").await;
    assert!(told.boot > boot && told.edges.is_empty());
}
