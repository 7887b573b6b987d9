//! Explanations.

use rialto_esb_snapshot::*;
use serde_json::{Value, json};

use super::{World, api_key, route};

async fn explained(world: &World, asked: Value) -> Value {
    let (status, answer) = world
        .admin("POST", "explain", asked.to_string().into_bytes())
        .await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn step<'e>(explanation: &'e Value, phase: &str, outcome: &str) -> Vec<&'e str> {
    let steps = explanation["steps"].as_array().unwrap().iter();
    let wanted = steps.filter(|one| one["phase"] == phase && one["outcome"] == outcome);
    wanted.map(|one| one["detail"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_decision_is_told_in_order_and_nothing_is_used_up() {
    let world = World::with(|snapshot| {
        let mut beside = route("beside", "/v1/x", "callers");
        beside.prefix = None;
        beside.methods = vec!["POST".to_owned()];
        snapshot.routes.push(beside);
        snapshot.routes.push(route("less", "/{*rest}", "open"));
        snapshot.subscriptions[0].limits.rate = Some(Rate {
            requests: 1,
            per_ms: 60_000,
            burst: 1,
        });
        snapshot.subscriptions[0].limits.daily = Some(1);
    })
    .await;
    let asked = json!({"request": "GET /v1/a/b?c=d HTTP/1.1", "headers": [["Host", "h"], ["X-API-Key", api_key()]]});
    for _ in 0..3 {
        let told = explained(&world, asked.clone()).await;
        let outcome = json!({"forwarded": {
            "route": "closed", "operation": "closed", "application": "otc", "subscription": "s1",
            "variant": "stable", "pool": "main", "target": "/a/b?c=d",
        }});
        assert_eq!(told["outcome"], outcome, "{told}");
        let phases: Vec<&str> = told["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["phase"].as_str().unwrap())
            .collect();
        let mut once = phases.clone();
        once.dedup();
        assert_eq!(
            once,
            [
                "trace",
                "normalise",
                "route",
                "interface",
                "authenticate",
                "authorise",
                "limit",
                "select variant",
                "breaker",
                "select instance"
            ]
        );
        assert_eq!(
            step(&told, "route", "passed over"),
            [
                "less: another path is more exact",
                "open: its path does not match",
                "beside: its path does not match"
            ]
        );
        assert_eq!(
            step(&told, "limit", "passed"),
            ["rate: 0 of 1 left; day: 1 of 1 left"]
        );
    }
    assert_eq!(world.call("/v1/a").await.status, 200, "nothing was used up");
    let told = explained(&world, asked.clone()).await;
    assert_eq!(told["outcome"]["refused"]["code"], "rate-limited");
    assert_eq!(world.call("/v1/a").await.code(), "rate-limited");
}

#[tokio::test]
async fn what_is_refused_is_explained_as_it_is_served() {
    let world = World::start().await;
    for (request, headers, path) in [
        ("GET /nowhere HTTP/1.1", json!([]), "/nowhere"),
        ("GET /v1/x", json!([]), "/v1/x"),
        ("GET /v1/%2f", json!([]), "/v1/%2f"),
    ] {
        let told = explained(&world, json!({"request": request, "headers": headers})).await;
        let served = world.get(path).await;
        assert_eq!(told["outcome"]["refused"]["code"], served.code().as_str());
        assert_eq!(told["outcome"]["refused"]["status"], served.status.as_u16());
    }
    let later = json!({
        "request": "GET /v1/x", "headers": [["x-api-key", api_key()]],
        "peer": "10.1.1.1", "at": "2030-01-01T00:00:00Z",
    });
    assert!(explained(&world, later).await["outcome"]["forwarded"].is_object());
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let world = World::start().await;
    for wrong in [
        json!({}),
        json!({"request": "GET"}),
        json!({"request": "GET /x", "headers": [["a b", "c"]]}),
        json!({"request": "GET /x", "more": 1}),
    ] {
        let (status, _) = world
            .admin("POST", "explain", wrong.to_string().into_bytes())
            .await;
        assert_eq!(status, 422, "{wrong}");
    }
}
