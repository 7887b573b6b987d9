//! Systems, interfaces, search.

use serde_json::json;

use crate::world::{ORDERS, World, interface, system};

pub async fn systems_are_added_once_and_changed_as_seen(world: &World) {
    let added = world.post(&world.manager, "/systems", system("crm")).await;
    assert_eq!(added.header("etag"), "\"v1\"");
    assert_eq!(added.is(201)["name"]["zh"], "委托系统");
    world
        .post(&world.manager, "/systems", system("crm"))
        .await
        .is(201);
    let mut other = system("crm");
    other["owner"] = "somebody".into();
    let taken = world.post(&world.manager, "/systems", other.clone()).await;
    assert_eq!(taken.refusal(), (409, "E-SYSTEM-TAKEN".into()));
    let mut wrong = system("Crm");
    wrong["criticality"] = "very".into();
    let refused = world.post(&world.manager, "/systems", wrong).await.is(422);
    assert_eq!(refused["errors"][0]["pointer"], "/code");
    let put = |tag, body| world.call_if(&world.manager, "PUT", "/systems/crm", tag, Some(body));
    assert_eq!(put(None, other.clone()).await.status, 428);
    let changed = put(Some("\"v1\""), other.clone()).await;
    assert_eq!(changed.header("etag"), "\"v2\"");
    assert_eq!(changed.is(200)["owner"], "somebody");
    let late = put(Some("\"v1\""), system("crm")).await;
    assert_eq!(late.refusal(), (412, "stale_version".into()));
    assert_eq!(late.json()["revision"], 2);
    // The same again is no change.
    assert_eq!(put(Some("\"v2\""), other).await.header("etag"), "\"v2\"");
    let listed = world.get("/systems?page_size=1").await.is(200);
    assert_eq!(listed["items"][0]["code"], "crm");
    let shown = world.get("/systems/crm").await.is(200);
    assert_eq!(shown["revision"], 2);
    assert_eq!(world.get("/systems/none").await.status, 404);
    assert_eq!(world.get("/systems?page_size=0").await.status, 422);
}

pub async fn interfaces_are_found_by_place_state_and_words(world: &World) {
    let tree = world.get("/taxonomy").await.is(200);
    assert_eq!(tree["items"][3]["children"][0]["path"], "trade/order");
    let version = world.interface("trade.order").await;
    world.import(&version, ORDERS).await.is(200);
    let mut quotes = interface("market.quote");
    quotes["taxonomy"] = "market/quote".into();
    quotes["title"] = "实时行情".into();
    let added = world
        .post(&world.provider, "/interfaces", quotes.clone())
        .await;
    assert_eq!(added.is(201)["state"], "identified");
    let again = world
        .post(&world.provider, "/interfaces", quotes.clone())
        .await;
    assert_eq!(again.is(201)["revision"], 1);
    for (pointer, value) in [
        ("code", "order"),
        ("taxonomy", "nowhere"),
        ("pattern", "shout"),
        ("protocol", "fax"),
        ("system", "none"),
        ("version", "1"),
    ] {
        let mut wrong = interface("trade.wrong");
        wrong[pointer] = value.into();
        let refused = world.post(&world.provider, "/interfaces", wrong).await;
        let refused = refused.is(422);
        assert_eq!(refused["errors"][0]["pointer"], format!("/{pointer}"));
        assert!(refused["text"]["zh"].is_string(), "{refused}");
    }
    for (query, found) in [
        ("q=limit_price", vec![]),
        ("q=limitprice", vec!["trade.order"]),
        ("q=/orders/", vec!["trade.order"]),
        ("q=getOrder", vec!["trade.order"]),
        ("q=%E8%A1%8C%E6%83%85", vec!["market.quote"]),
        ("taxonomy=trade", vec!["trade.order"]),
        ("state=identified", vec!["market.quote"]),
        ("state=draft&system=orders", vec!["trade.order"]),
        ("system=none", vec![]),
    ] {
        let page = world.get(&format!("/interfaces?{query}")).await.is(200);
        let items = page["items"].as_array().unwrap();
        let codes: Vec<&str> = items
            .iter()
            .map(|one| one["code"].as_str().unwrap())
            .collect();
        assert_eq!(codes, found, "{query}");
    }
    let first = world.get("/interfaces?page_size=1").await.is(200);
    assert_eq!(first["items"][0]["code"], "market.quote");
    let facets = json!([{"taxonomy": "market/quote", "count": 1},
        {"taxonomy": "trade/order", "count": 1}]);
    assert_eq!(first["facets"], facets);
    let token = first["next_page_token"].as_str().unwrap();
    let second = format!("/interfaces?page_size=1&page_token={token}");
    let second = world.get(&second).await.is(200);
    assert_eq!(second["items"][0]["code"], "trade.order");
    assert_eq!(second["next_page_token"], json!(null));
    assert_eq!(world.get("/interfaces?state=lost").await.status, 422);
    let stolen = format!("/interfaces?q=x&page_size=1&page_token={token}");
    assert_eq!(world.get(&stolen).await.status, 400);
    interfaces_are_changed_as_seen(world, quotes).await;
}

async fn interfaces_are_changed_as_seen(world: &World, mut quotes: serde_json::Value) {
    let path = "/interfaces/market.quote";
    quotes["title"] = "Level 2 行情".into();
    let put = |tag, body| world.call_if(&world.provider, "PUT", path, tag, Some(body));
    let changed = put(Some("\"v1\""), quotes.clone()).await.is(200);
    assert_eq!(changed["revision"], 2);
    let late = put(Some("\"v1\""), quotes.clone()).await;
    assert_eq!(late.status, 412);
    let found = world.get("/interfaces?q=LEVEL%202").await.is(200);
    assert_eq!(found["items"][0]["code"], "market.quote");
    quotes["system"] = "crm".into();
    assert_eq!(put(Some("*"), quotes).await.status, 422);
    let none = world.get("/interfaces/none.none").await;
    assert_eq!(none.status, 404);
    let events = world
        .get(&format!("{path}/events?page_size=2"))
        .await
        .is(200);
    let kinds: Vec<&str> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["changed", "version_added"]);
    assert_eq!(events["items"][0]["actor"], "provider");
    let token = events["next_page_token"].as_str().unwrap();
    let rest = format!("{path}/events?page_size=2&page_token={token}");
    let rest = world.get(&rest).await.is(200);
    assert_eq!(rest["items"][0]["kind"], "added");
    assert_eq!(world.get("/interfaces/none.none/events").await.status, 404);
    let add = format!("{path}/versions");
    let number = |number: &str| world.post(&world.provider, &add, json!({"number": number}));
    let added = number("1.1.0").await.is(201);
    assert_eq!(number("1.1.0").await.is(201)["id"], added["id"]);
    assert_eq!(number("one").await.status, 422);
    let shown = world.get(path).await.is(200);
    assert_eq!(shown["latest"], "1.1.0");
    assert_eq!(
        world.get("/interfaces/none.none/versions").await.status,
        404
    );
}

pub async fn changes_are_told_live_to_readers(world: &World) {
    let opened = world.get("/events/stream?topics=list:esb-interfaces").await;
    assert_eq!(opened.status, 200);
    assert_eq!(opened.header("content-type"), "text/event-stream");
    let other = world.get("/events/stream?topics=list:otc-trades").await;
    assert!(!other.status.is_success(), "{}", other.text);
}
