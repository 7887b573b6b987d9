//! Who calls what: what a gateway counted, kept, told and read by guards.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::publishing::Node;
use crate::world::{World, in_days};

const HOUR_US: i64 = 3_600_000_000;

fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

fn count(application: Option<&str>, at: i64, requests: u64, fields: &Value) -> Value {
    json!({"application": application, "interface": "pub.order", "version": "1.0.0",
        "operation": "getPublished", "variant": "stable", "hour": at.div_euclid(HOUR_US),
        "requests": requests, "succeeded": requests - 1, "refused": 0, "failed": 1,
        "durations": [requests - 1, 0, 0, 1, 0, 0], "first": at, "last": at, "fields": fields})
}

fn tell(node: &Node, boot: i64, edges: &[Value]) {
    let report = json!({"boot": boot, "at": now(), "beyond": 0, "edges": edges});
    *node.calls.lock().unwrap() = serde_json::from_value(report).unwrap();
}

pub async fn what_gateways_count_is_kept_once_and_told(world: &World, node: &Arc<Node>) {
    let path = "/calls?environment=production&interface=pub.order";
    let none = world.get(path).await.is(200);
    assert_eq!(none["edges"], json!([]));
    assert_eq!(none["unused"][0]["application"], "pub-app");
    assert_eq!(none["watched"], json!([]), "nobody collected yet");

    let (at, boot) = (now(), now() - HOUR_US);
    let held = json!({"query:symbol": at, "body:/items/*/code": at});
    let edges = [
        count(Some("pub-app"), at, 40, &held),
        count(None, at, 2, &json!({})),
    ];
    tell(node, boot, &edges);
    let platform = &world.api.platform;
    // Asked twice, as by two servers: nothing counts twice.
    platform.collect_calls().await.unwrap();
    platform.collect_calls().await.unwrap();
    // An hour goes on, and another start of the node counts from nothing.
    tell(node, boot, &[count(Some("pub-app"), at, 50, &json!({}))]);
    platform.collect_calls().await.unwrap();
    tell(node, boot + 1, &[count(Some("pub-app"), at, 5, &json!({}))]);
    platform.collect_calls().await.unwrap();

    let told = world.get(path).await.is(200);
    let edges = told["edges"].as_array().unwrap();
    assert_eq!(edges.len(), 2, "{told}");
    assert_eq!(
        (&edges[0]["application"], &edges[0]["requests"]),
        (&Value::Null, &json!(2))
    );
    let caller = &edges[1];
    assert_eq!(caller["application"], "pub-app");
    assert!(caller["application_name"].is_string() && caller["application_owner"].is_string());
    assert_eq!(
        (&caller["requests"], &caller["failed"]),
        (&json!(55), &json!(2))
    );
    assert_eq!(
        (&caller["p95_ms"], &caller["operation"]),
        (&json!(10), &json!("getPublished"))
    );
    assert!(caller["system_name"]["zh"].is_string());
    assert_eq!(told["unused"], json!([]));
    assert_eq!(told["watched"][0]["node"], "one");
    let sandbox = world.get("/calls?environment=sandbox&days=1").await.is(200);
    assert_eq!(sandbox["edges"], json!([]));

    let fields = "/interfaces/pub.order/fields?environment=production";
    let fields = world.get(fields).await.is(200);
    let fields: Vec<&Value> = fields["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["field"])
        .collect();
    assert_eq!(fields, ["body:/items/*/code", "query:symbol"]);
    for wrong in [
        "environment=moon",
        "environment=production&days=0",
        "environment=production&days=401",
    ] {
        assert_eq!(world.get(&format!("/calls?{wrong}")).await.status, 422);
        let path = format!("/interfaces/pub.order/fields?{wrong}");
        assert_eq!(world.get(&path).await.status, 422);
    }

    // What does not fit, most seen first; a gateway of an interface nobody asks for tells nothing.
    let drift = world.get("/drift?environment=production").await.is(200);
    assert_eq!(
        (&drift["checked"], &drift["told"]),
        (&json!(10), &json!(["one"]))
    );
    let first = &drift["items"][0];
    assert_eq!(
        (&first["place"], &first["count"]),
        (&json!("body/b"), &json!(5))
    );
    assert_eq!(
        (&first["interface"], &first["operation"]),
        (&json!("pub.order"), &json!("getPublished"))
    );
    let other = world
        .get("/drift?environment=production&interface=trade.order")
        .await
        .is(200);
    assert_eq!(other["items"], json!([]));
    assert_eq!(world.get("/drift?environment=moon").await.status, 422);

    // The guard of retirement knows the calls: the last was today.
    let versions = world.get("/interfaces/pub.order/versions").await.is(200);
    let id = versions["items"][0]["id"].as_str().unwrap();
    let path = format!("/versions/{id}/transitions");
    let deprecate = json!({"event": "deprecate", "successor": "pub.order 2.0.0",
        "sunset_on": in_days(300)});
    let old = world
        .post_any(&world.provider, &path, deprecate)
        .await
        .is(200);
    assert_eq!(old["state"], "deprecated");
    let retire = json!({"event": "retire"});
    let refused = world.post_any(&world.manager, &path, retire).await;
    assert_eq!(refused.guards(), ["no_calls", "subscriptions_ended"]);
    let told = refused.json().to_string();
    assert!(told.contains("last called 0 trading days ago"), "{told}");
    let restore = json!({"event": "restore", "reason": "it is still called"});
    world
        .post_any(&world.provider, &path, restore)
        .await
        .is(200);
}
