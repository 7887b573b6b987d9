//! Requests that are tried: who may, what is sent, what is told. The gateway here gives back the
//! address it was asked for.

use serde_json::{Value, json};

use crate::world::{Answer, World};

async fn tried(world: &World, caller: &str, version: &str, body: Value) -> Answer {
    let path = format!("/versions/{version}/operations/1/trials");
    world.post(caller, &path, body).await
}

pub async fn what_is_sent_is_told_with_what_does_not_fit(world: &World, caller: &str, id: &str) {
    let wish = |target: &str| json!({"application": "pub-app", "target": target});
    let told = tried(world, caller, id, wish("/published/A1"))
        .await
        .is(200);
    assert_eq!(
        (&told["status"], &told["took_ms"]),
        (&json!(200), &json!(3))
    );
    assert_eq!(told["body"], "/pub.order/v1/published/A1");
    assert_eq!(told["sent"], json!([["x-api-key", "rk_…"]]));
    let findings = told["findings"].as_array().unwrap();
    assert_eq!(
        (&findings[0]["direction"], &findings[0]["place"]),
        (&json!("response"), &json!("body"))
    );
    // Longer than the definition allows.
    let long = format!("/published/{}", "7".repeat(21));
    let told = tried(world, caller, id, wish(&long)).await.is(200);
    assert_eq!(told["findings"][0]["direction"], "request", "{told}");

    for (body, pointer) in [
        (wish("/elsewhere"), "/target"),
        (wish("http://x.example/published/A1"), "/target"),
        (
            json!({"application": "none", "target": "/published/A1"}),
            "/application",
        ),
        (
            json!({"application": "pub-app", "target": "/published/A1", "headers": [["Host", "x"]]}),
            "/headers/0",
        ),
    ] {
        let refused = tried(world, caller, id, body).await.is(422);
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
    let stranger = world
        .token("try-stranger", &[rialto_platform_identity::Role::Caller])
        .await;
    let refused = tried(world, &stranger, id, wish("/published/A1")).await;
    assert_eq!(refused.guards(), ["role"]);
    let none = world
        .post(
            caller,
            &format!("/versions/{id}/operations/77/trials"),
            wish("/x"),
        )
        .await;
    assert_eq!(none.status, 404);
}

pub async fn without_a_gateway_nothing_is_sent(world: &World, caller: &str, id: &str) {
    let wish = json!({"application": "pub-app", "target": "/published/A1"});
    let refused = tried(world, caller, id, wish).await;
    assert_eq!(refused.refusal(), (409, "E-NO-GATEWAY".into()));
}
