use serde_json::json;

use crate::world::World;

const ITEM: &str = "/configs/public/G/limits.yaml";
const SERVICE: &str = "/services/public/G/quote";

#[tokio::test]
async fn an_instance_registers_lives_and_goes() {
    for world in World::on_each_engine().await {
        let told = json!({"address": "10.0.0.1", "port": 80, "zone": "sh"});
        let at = format!("POST {SERVICE}/instances");
        assert_eq!(
            world
                .call(&world.auditor, &at, "", Some(told.clone()))
                .await
                .told()
                .0,
            403
        );
        let made = world
            .call(&world.provider, &at, "", Some(told))
            .await
            .is(200);
        assert_eq!(made["instances"][0]["removed_after_s"], 15);
        let key = json!({"address": "10.0.0.1", "port": 80});
        let beat = format!("POST {SERVICE}/beats");
        world
            .call(&world.provider, &beat, "", Some(key))
            .await
            .is(204);
        let other = json!({"address": "10.0.0.2", "port": 80});
        world
            .call(&world.provider, &beat, "", Some(other))
            .await
            .is(404);
        let put = format!("PUT {SERVICE}");
        let half = json!({"protection_threshold": 0.5});
        let protected = world
            .call(&world.provider, &put, "", Some(half))
            .await
            .is(200);
        assert_eq!(protected["protection_threshold"], 0.5);
        let much = json!({"protection_threshold": 1.5});
        world
            .call(&world.provider, &put, "", Some(much))
            .await
            .is(422);
        let since = protected["revision"].as_u64().unwrap() - 1;
        let watch = format!("GET {SERVICE}/watch?since={since}&wait_s=50");
        let seen = world.call(&world.auditor, &watch, "", None).await.is(200);
        assert_eq!(seen["revision"], protected["revision"]);
        let long = format!("GET {SERVICE}/watch?since=0&wait_s=51");
        world.call(&world.auditor, &long, "", None).await.is(422);
        let list = world
            .call(&world.auditor, "GET /services", "", None)
            .await
            .is(200);
        let expected = json!([{"namespace": "public", "group": "G", "name": "quote",
            "instances": 1, "healthy": 1}]);
        assert_eq!(list["items"], expected);
        let gone = format!("DELETE {SERVICE}/instances?address=10.0.0.1&port=80");
        world.call(&world.provider, &gone, "", None).await.is(204);
        world.call(&world.provider, &gone, "", None).await.is(404);
    }
}

#[tokio::test]
async fn an_item_is_changed_by_who_saw_it_and_given_to_some_first() {
    for world in World::on_each_engine().await {
        let item = |content: &str| json!({"type": "yaml", "content": content, "reason": "test"});
        let call = |what: &str, tag: &'static str, body| {
            let what = what.to_owned();
            let world = &world;
            async move { world.call(&world.provider, &what, tag, body).await }
        };
        let broken = call(&format!("POST {ITEM}"), "", Some(item("a: [1")))
            .await
            .is(422);
        assert!(
            broken["text"]["zh"].as_str().unwrap().contains("行"),
            "{broken}"
        );
        assert_eq!(broken["errors"][0]["pointer"], "/content");
        call(&format!("POST {ITEM}"), "", Some(item("a: 1")))
            .await
            .is(200);
        let put = format!("PUT {ITEM}");
        call(&put, "", Some(item("a: 2"))).await.is(428);
        call(&put, "\"v1\"", Some(item("a: 2"))).await.is(200);
        call(&put, "\"v1\"", Some(item("a: 3"))).await.is(412);
        let grey = json!({"addresses": ["192.0.2.0/24"], "content": "a: 9", "reason": "try"});
        call(&format!("PUT {ITEM}/grey"), "\"v2\"", Some(grey))
            .await
            .is(200);
        let content = call(&format!("GET {ITEM}/content"), "", None).await.is(200);
        assert_eq!(
            (&content["content"], &content["grey"]),
            (&json!("a: 9"), &json!(true))
        );
        let end = json!({"release": false, "reason": "no"});
        call(&format!("POST {ITEM}/grey/end"), "*", Some(end))
            .await
            .is(200);
        let content = call(&format!("GET {ITEM}/content"), "", None).await.is(200);
        assert_eq!(content["content"], "a: 2");
        let back = json!({"revision": 1, "reason": "back"});
        call(&format!("POST {ITEM}/rollback"), "*", Some(back))
            .await
            .is(200);
        let history = call(&format!("GET {ITEM}/history?page_size=2"), "", None)
            .await
            .is(200);
        assert_eq!(history["items"][0]["event"], "rolled_back");
        let token = history["next_page_token"].as_str().unwrap();
        let next = format!("GET {ITEM}/history?page_size=2&page_token={token}");
        let next = call(&next, "", None).await.is(200);
        assert_eq!(next["items"][0]["revision"], 3);
        let list = call("GET /configs?group=G", "", None).await.is(200);
        assert_eq!(list["items"][0]["id"], "limits.yaml");
        call(&format!("DELETE {ITEM}?reason=over"), "*", None)
            .await
            .is(204);
        call(&format!("GET {ITEM}"), "", None).await.is(404);
    }
}

#[tokio::test]
async fn a_secret_is_shown_by_right_only() {
    for world in World::on_each_engine().await {
        let secret = json!({"type": "text", "content": "hunter2", "secret": true, "reason": "x"});
        let path = "/configs/public/G/key";
        world
            .call(&world.provider, &format!("POST {path}"), "", Some(secret))
            .await
            .is(200);
        let show = format!("GET {path}");
        let seen = world.call(&world.auditor, &show, "", None).await;
        assert!(seen.is(200)["content"].is_null() && !seen.text.contains("hunter2"));
        let content = format!("GET {path}/content");
        world.call(&world.auditor, &content, "", None).await.is(403);
        let own = world
            .call(&world.provider, &content, "", None)
            .await
            .is(200);
        assert_eq!(own["content"], "hunter2");
    }
}
