//! From a draft to what callers use, and out again.

use rialto_platform_identity::Role;
use serde_json::{Value, json};

use crate::world::{ORDERS, World, in_days};

/// The first version of an interface that the first story leaves behind.
async fn version_of(world: &World, code: &str, n: usize) -> String {
    let versions = world
        .get(&format!("/interfaces/{code}/versions"))
        .await
        .is(200);
    versions["items"][n]["id"].as_str().unwrap().to_owned()
}

fn outlook_of<'v>(outlook: &'v Value, event: &str) -> &'v Value {
    let items = outlook["items"].as_array().unwrap();
    items
        .iter()
        .find(|one| one["event"] == event)
        .expect("known")
}

pub async fn a_version_is_published_under_four_eyes(world: &World) {
    let version = version_of(world, "trade.order", 0).await;
    let mut refused = Vec::new();
    let sla = format!("/versions/{version}/sla");
    let put = |body: Value| world.call_if(&world.provider, "PUT", &sla, Some("*"), Some(body));
    let wrong = json!({"latency_p99_ms": 50, "availability_percent": "101", "peak_per_second": 1});
    assert_eq!(put(wrong).await.status, 422);
    let good = json!({"latency_p99_ms": 50, "availability_percent": "99.95",
        "peak_per_second": 200});
    let submit = world.event(&world.provider, &version, "submit").await;
    assert_eq!(submit.guards(), ["sla"]);
    refused.push(submit.told());
    put(good.clone()).await.is(200);
    let stranger = world.event(&world.auditor, &version, "submit").await;
    assert_eq!(
        (stranger.status.as_u16(), stranger.guards()),
        (403, vec!["role".to_owned()])
    );
    refused.push(stranger.told());
    world
        .event(&world.provider, &version, "submit")
        .await
        .is(200);
    let late = put(good).await;
    assert_eq!(late.refusal(), (409, "E-VERSION-STATE".into()));
    refused.push(late.told());

    let queue = world
        .call_if(&world.manager, "GET", "/reviews", None, None)
        .await
        .is(200);
    assert_eq!(queue["items"][0]["version"]["id"], version.as_str());
    assert_eq!(queue["items"][0]["unmet"][0]["guard"], "security_agreed");
    assert_eq!(world.get("/reviews?page_token=x").await.status, 400);
    // Both roles in one hand: still not for one's own work.
    let both = [Role::Provider, Role::InterfaceManager, Role::Security];
    let both = world.token("both", &both).await;
    let edited = ORDERS.replace("One order", "An order");
    let path = format!("/versions/{version}/definition");
    let body = Some(edited.into_bytes());
    world
        .bytes(&both, ("PUT", &path), Some("*"), "application/yaml", body)
        .await
        .is(200);
    world
        .event(&world.provider, &version, "submit")
        .await
        .is(200);
    let own = world.event(&both, &version, "approve").await;
    assert_eq!(own.status, 403);
    assert_eq!(own.guards(), ["four_eyes", "security_agreed"]);
    refused.push(own.told());
    let agreement = format!("/versions/{version}/agreement");
    let own = world.post_any(&both, &agreement, json!({})).await;
    assert_eq!(
        (own.status.as_u16(), own.guards()),
        (403, vec!["four_eyes".to_owned()])
    );
    let manager = world.post_any(&world.manager, &agreement, json!({})).await;
    assert_eq!(manager.guards(), ["role"]);
    refused.push(manager.told());
    world
        .post_any(&world.security, &agreement, json!({}))
        .await
        .is(200);
    let mute = json!({"event": "refuse"});
    let transitions = format!("/versions/{version}/transitions");
    let mute = world.post_any(&world.manager, &transitions, mute).await;
    assert_eq!(mute.guards(), ["reason"]);
    refused.push(mute.told());
    let unknown = world.event(&world.manager, &version, "edit").await;
    assert_eq!(unknown.status, 422);

    let approved = world
        .event(&world.manager, &version, "approve")
        .await
        .is(200);
    assert_eq!(approved["pinned"], approved["definition"]["hash"]);
    let closed = world.post_any(&world.security, &agreement, json!({})).await;
    assert_eq!(closed.refusal(), (409, "E-VERSION-STATE".into()));
    let outlook = world
        .call_if(&world.provider, "GET", &transitions, None, None)
        .await
        .is(200);
    let test = outlook_of(&outlook, "test");
    assert_eq!(test["to"], "testing");
    let unmet = &test["unmet"][0];
    assert_eq!(
        (&unmet["guard"], &unmet["recorded"], &unmet["waivable"]),
        (&json!("sandbox_healthy"), &json!(false), &json!(true))
    );
    let none = world.get("/versions/none/transitions").await;
    assert_eq!(none.status, 404);
    let unknown = world.event(&world.provider, &version, "test").await;
    assert_eq!(unknown.refusal(), (409, "E-GUARDS".into()));
    refused.push(unknown.told());

    let waivers = format!("/versions/{version}/waivers");
    let waiver = |guard: &str, until: String| {
        let body = json!({"guard": guard, "reason": "no runs yet", "until": until});
        world.post_any(&world.manager, &waivers, body)
    };
    assert_eq!(waiver("four_eyes", in_days(1)).await.status, 422);
    assert_eq!(waiver("coverage", in_days(-1)).await.status, 422);
    assert_eq!(waiver("coverage", in_days(91)).await.status, 422);
    let own = json!({"guard": "coverage", "reason": "no", "until": in_days(1)});
    let own = world.post_any(&both, &waivers, own).await;
    assert_eq!(own.guards(), ["four_eyes"]);
    world.waive_all(&version).await;
    world.event(&world.provider, &version, "test").await.is(200);
    world
        .event(&world.manager, &version, "open_grey")
        .await
        .is(200);
    let published = world
        .event(&world.operator, &version, "publish")
        .await
        .is(200);
    assert_eq!(published["state"], "published");
    assert_eq!(published["waivers"].as_array().unwrap().len(), 5);
    let shown = world.get("/interfaces/trade.order").await.is(200);
    assert_eq!(shown["published"], "1.0.0");
    let frozen = world.import(&version, &ORDERS.replace("One", "Two")).await;
    assert_eq!(frozen.guards(), ["state"]);
    refused.push(frozen.told());
    let mut changed = crate::world::interface("trade.order");
    changed["pattern"] = "publish-subscribe".into();
    let path = "/interfaces/trade.order";
    let fixed = world
        .call_if(&world.provider, "PUT", path, Some("*"), Some(changed))
        .await;
    assert_eq!(fixed.refusal(), (409, "E-PATTERN-FIXED".into()));
    refused.push(fixed.told());
    insta::assert_snapshot!("refused_steps", refused.join("\n\n"));
}

/// Callers by what they subscribed to: who calls what changes, nobody else, until they are gone.
async fn whom_it_breaks_is_named(world: &World, version: &str) {
    let path = format!("/versions/{version}/changes");
    let callers = || async { world.get(&path).await.is(200)["callers"].clone() };
    assert_eq!(callers().await, json!([]));
    let caller = world.token("caller-z", &[Role::Caller]).await;
    let app = json!({"code": "zz-report", "name": "Report engine", "owner": "caller-z"});
    world.post(&caller, "/applications", app).await.is(201);
    let wish = json!({"application": "zz-report", "interface": "trade.order", "major": 1,
        "environment": "production", "until": in_days(20),
        "request": {"purpose": "reports", "operations": ["getOrder"], "clearance": 2,
            "quota": {"rate_per_second": 2, "burst": 4, "daily": 100, "concurrency": 1}}});
    let asked = world.post(&caller, "/subscriptions", wish).await.is(201);
    let named = callers().await;
    assert_eq!(named[0]["application"], "zz-report", "{named}");
    assert_eq!(named[0]["owner"], "caller-z");
    assert_eq!(named[0]["environments"], json!(["production"]));
    assert!(named[0]["errors"].as_u64().unwrap() >= 1, "{named}");
    let touched = named[0]["operations"].as_array().unwrap();
    assert!(
        touched
            .iter()
            .all(|one| one.as_str().unwrap().starts_with("GET ")),
        "{named}"
    );
    let gone = format!(
        "/subscriptions/{}/transitions",
        asked["id"].as_str().unwrap()
    );
    let event = json!({"event": "withdraw"});
    world.post_any(&caller, &gone, event).await.is(200);
    assert_eq!(callers().await, json!([]));
}

pub async fn a_breaking_change_needs_a_new_major_version(world: &World) {
    let path = "/interfaces/trade.order/versions";
    let first = version_of(world, "trade.order", 0).await;
    let taken = world
        .post(&world.provider, path, json!({"number": "1.0.0"}))
        .await;
    assert_eq!(taken.refusal(), (409, "E-VERSION-TAKEN".into()));
    let added = world.post(&world.provider, path, json!({"number": "1.1.0"}));
    let minor = added.await.is(201)["id"].as_str().unwrap().to_owned();
    let breaking = ORDERS
        .replace(
            "        limit_price: {type: string, format: decimal, x-label: amount}\n",
            "",
        )
        .replace("An order", "One order")
        .replace(", limit_price: '1.20'", "");
    let breaking = breaking.replace(
        "maxLength: 20, x-label: none}}\n",
        "maxLength: 9, x-label: none}}\n",
    );
    let imported = world.import(&minor, &breaking).await.is(200);
    assert_eq!(imported["version"]["compat"], "error", "{imported}");
    whom_it_breaks_is_named(world, &minor).await;
    assert_eq!(imported["version"]["compat_base"], first.as_str());
    let changes = world
        .get(&format!("/versions/{minor}/changes?page_size=1"))
        .await
        .is(200);
    assert_eq!(changes["verdict"], "error");
    assert_eq!(changes["base_number"], "1.0.0");
    assert_eq!(changes["items"][0]["severity"], "error");
    assert!(changes["total"].as_u64().unwrap() >= 2, "{changes}");
    let token = changes["next_page_token"].as_str().unwrap();
    let more = format!("/versions/{minor}/changes?page_size=1&page_token={token}");
    assert_eq!(
        world.get(&more).await.is(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let other = version_of(world, "trade.copy", 0).await;
    let foreign = world
        .get(&format!("/versions/{minor}/changes?base={other}"))
        .await;
    assert_eq!(foreign.status, 422);

    let sla = json!({"latency_p99_ms": 50, "availability_percent": "99.9", "peak_per_second": 9});
    let path = format!("/versions/{minor}/sla");
    world
        .call_if(&world.provider, "PUT", &path, Some("*"), Some(sla))
        .await
        .is(200);
    world.event(&world.provider, &minor, "submit").await.is(200);
    world.event(&world.manager, &minor, "approve").await.is(200);
    world.waive_all(&minor).await;
    world.event(&world.provider, &minor, "test").await.is(200);
    let closed = world.event(&world.manager, &minor, "open_grey").await;
    assert_eq!(closed.guards(), ["compat"]);
    assert_eq!(closed.json()["unmet"][0]["waivable"], false);
    // A compatible one goes through, and takes the place of the first.
    let fits = ORDERS.replace("One order", "One order by its id");
    assert_eq!(
        world.import(&minor, &fits).await.is(200)["version"]["state"],
        "draft"
    );
    world.publish(&minor).await;
    let shown = world.get(&format!("/versions/{first}")).await.is(200);
    assert_eq!(shown["state"], "retired");
    let events = format!("/interfaces/trade.order/events?version={first}&page_size=1");
    let events = world.get(&events).await.is(200);
    assert_eq!(events["items"][0]["kind"], "supersede");
}

pub async fn what_is_in_use_is_left_step_by_step(world: &World) {
    let version = version_of(world, "trade.order", 0).await;
    let path = format!("/versions/{version}/transitions");
    let held = world
        .event(&world.operator, &version, "suspend")
        .await
        .is(200);
    assert_eq!(
        (&held["state"], &held["suspended"]),
        (&json!("published"), &json!(true))
    );
    let back = world
        .event(&world.operator, &version, "resume")
        .await
        .is(200);
    assert_eq!(back["suspended"], false);
    let soon = json!({"event": "deprecate", "successor": "trade.order 2.0.0",
        "sunset_on": in_days(0)});
    let soon = world.post_any(&world.provider, &path, soon).await;
    assert_eq!(soon.guards(), ["notice"]);
    let far = json!({"event": "deprecate", "successor": "x", "sunset_on": "2999-01-04"});
    let far = world.post_any(&world.provider, &path, far).await.is(422);
    assert_eq!(far["errors"][0]["pointer"], "/sunset_on", "{far}");
    let wrong = json!({"event": "deprecate", "successor": "x", "sunset_on": "soon"});
    assert_eq!(
        world.post_any(&world.provider, &path, wrong).await.status,
        422
    );
    let stale = json!({"event": "deprecate"});
    let stale = world
        .call_if(&world.provider, "POST", &path, Some("\"v1\""), Some(stale))
        .await;
    assert_eq!(stale.status, 412);
}

pub async fn everything_is_evidence(world: &World) {
    let records: Vec<(String,)> = world
        .db
        .fetch_all(
            "SELECT DISTINCT type FROM evidence_record WHERE type LIKE 'esb%' ORDER BY type",
            rialto_platform_store::params![],
        )
        .await
        .unwrap();
    let kinds: Vec<&str> = records.iter().map(|(kind,)| kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "esb_application",
            "esb_credential",
            "esb_interface",
            "esb_snapshot",
            "esb_system",
            "esb_try",
            "esb_version"
        ]
    );
}
