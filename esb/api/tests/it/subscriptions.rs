//! Applications and subscriptions.

use rialto_platform_identity::Role;
use serde_json::{Value, json};

use crate::world::{World, in_days};

fn asked(until: &str) -> Value {
    json!({"application": "mobile-app", "interface": "trade.order", "major": 1,
        "environment": "production", "until": until,
        "request": {"purpose": "orders of the app", "operations": ["getOrder"], "clearance": 2,
            "quota": {"rate_per_second": 20, "burst": 40, "daily": 100_000, "concurrency": 8}}})
}

pub async fn two_agree_before_calls_may_pass(world: &World) {
    let caller = world.token("caller", &[Role::Caller]).await;
    let other = world.token("caller2", &[Role::Caller]).await;
    let app = json!({"code": "mobile-app", "name": "Mobile app", "owner": "caller"});
    let added = world.post(&caller, "/applications", app.clone()).await;
    assert_eq!(added.is(201)["revision"], 1);
    world.post(&caller, "/applications", app).await.is(201);
    let taken = json!({"code": "mobile-app", "name": "Another", "owner": "caller"});
    let taken = world.post(&caller, "/applications", taken).await;
    assert_eq!(taken.refusal(), (409, "E-APPLICATION-TAKEN".into()));
    let listed = world.get("/applications").await.is(200);
    assert_eq!(listed["items"][0]["code"], "mobile-app");
    assert_eq!(world.get("/applications?page_size=0").await.status, 422);

    for (pointer, value) in [
        ("/application", json!("none")),
        ("/interface", json!("none.none")),
        ("/environment", json!("moon")),
        ("/until", json!("2020-01-01")),
        ("/request/clearance", json!(5)),
        ("/request/purpose", json!("")),
    ] {
        let mut wrong = asked(&in_days(200));
        *wrong.pointer_mut(pointer).unwrap() = value;
        let refused = world.post(&caller, "/subscriptions", wrong).await.is(422);
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
    let made = world
        .post(&caller, "/subscriptions", asked(&in_days(200)))
        .await;
    assert_eq!(made.header("etag"), "\"v1\"");
    let made = made.is(201);
    assert_eq!(made["state"], "requested");
    let id = made["id"].as_str().unwrap();
    let path = format!("/subscriptions/{id}/transitions");
    let send = |token: &str, event: Value| {
        let (token, path) = (token.to_owned(), path.clone());
        async move { world.post_any(&token, &path, event).await }
    };
    let approve = || json!({"event": "approve"});
    // A manager may not go before the provider, nor the caller agree at all.
    assert_eq!(send(&world.manager, approve()).await.guards(), ["role"]);
    let own = send(&caller, approve()).await;
    assert_eq!(own.guards(), ["role", "four_eyes"]);
    let agreed = send(&world.provider, approve()).await.is(200);
    assert_eq!(agreed["state"], "provider_approved");
    let stale = world
        .call_if(
            &world.manager,
            "POST",
            &path,
            Some("\"v1\""),
            Some(approve()),
        )
        .await;
    assert_eq!(stale.status, 412);
    let agreed = send(&world.manager, approve()).await.is(200);
    assert_eq!(agreed["state"], "manager_approved");
    // It begins with the snapshot that holds it; nobody says so by hand.
    let by_hand = send(&world.manager, json!({"event": "activate"})).await;
    assert_eq!(by_hand.status, 422);
    assert_eq!(
        send(&world.manager, json!({"event": "revoke"}))
            .await
            .guards(),
        ["reason"]
    );
    let gone = json!({"event": "revoke", "reason": "the app is closed"});
    let gone = send(&world.manager, gone).await.is(200);
    assert_eq!(
        (&gone["state"], &gone["state_words"]["zh"]),
        (&json!("revoked"), &json!("已撤销"))
    );

    let second = world
        .post(&caller, "/subscriptions", asked(&in_days(9)))
        .await
        .is(201);
    let id = second["id"].as_str().unwrap();
    let path = format!("/subscriptions/{id}/transitions");
    let back = json!({"event": "withdraw"});
    let stranger = world.post_any(&other, &path, back.clone()).await;
    assert_eq!(
        (stranger.status.as_u16(), stranger.guards()),
        (403, vec!["role".to_owned()])
    );
    assert_eq!(
        world.post_any(&caller, &path, back).await.is(200)["state"],
        "withdrawn"
    );
    let mine = world
        .get("/subscriptions?application=mobile-app&state=withdrawn")
        .await
        .is(200);
    assert_eq!(mine["items"].as_array().unwrap().len(), 1);
    let shown = world.get(&format!("/subscriptions/{id}")).await.is(200);
    assert_eq!(shown["request"]["quota"]["daily"], 100_000);
    assert_eq!(world.get("/subscriptions/none").await.status, 404);
    assert_eq!(world.get("/subscriptions?page_token=x").await.status, 400);
    let events = world
        .get("/interfaces/trade.order/events?page_size=1")
        .await
        .is(200);
    assert_eq!(events["items"][0]["kind"], "subscription_withdraw");
}
