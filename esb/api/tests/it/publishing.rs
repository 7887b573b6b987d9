//! Bindings, publishing, going back; gateways here verify signatures and keep what they took.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rialto_esb_manager::{
    Asked, CallReport, GatewayNode, NodeStatus, Publisher, Readiness, Trial, TrialAnswer,
};
use rialto_esb_policy::drift::{Direction, DriftFinding, DriftKey, DriftReport, DriftSeen};
use rialto_esb_snapshot::TrustedKeys;
use rialto_platform_evidence::SigningKey;
use rialto_platform_identity::Role;
use serde_json::{Value, json};

use crate::calls;
use crate::trying;
use crate::world::{ORDERS, World, in_days, interface};

/// A gateway in memory.
pub struct Node {
    environment: &'static str,
    keys: TrustedKeys,
    kept: Mutex<BTreeMap<u64, String>>,
    active: Mutex<Option<u64>>,
    dead: AtomicBool,
    /// Refuses what is to be made ready.
    full: AtomicBool,
    pub calls: Mutex<CallReport>,
}

impl Node {
    fn new(key: &SigningKey, environment: &'static str) -> Arc<Self> {
        let pem = key.public().to_pem().unwrap();
        Arc::new(Self {
            environment,
            keys: TrustedKeys::from_pem(&pem).unwrap(),
            kept: Mutex::default(),
            active: Mutex::default(),
            dead: AtomicBool::new(false),
            full: AtomicBool::new(false),
            calls: Mutex::default(),
        })
    }

    fn told(&self) -> Result<NodeStatus, String> {
        if self.dead.load(Ordering::Relaxed) {
            return Err("it does not answer".to_owned());
        }
        let kept = self.kept.lock().unwrap();
        let active = *self.active.lock().unwrap();
        Ok(NodeStatus {
            active: active.map(|version| (version, kept[&version].clone())),
            highest: kept.keys().next_back().copied().unwrap_or(0),
        })
    }
}

impl GatewayNode for Node {
    fn calls(&self, since: i64) -> Asked<'_, CallReport> {
        let report = self.calls.lock().unwrap().clone();
        assert!(since <= report.at, "only what is new is asked for");
        Box::pin(async move { self.told().map(|_| report) })
    }

    fn name(&self) -> &'static str {
        "one"
    }

    fn environment(&self) -> &str {
        self.environment
    }

    fn address(&self) -> &'static str {
        "192.0.2.1:80"
    }

    fn status(&self) -> Asked<'_> {
        Box::pin(async { self.told() })
    }

    fn drift(&self) -> Asked<'_, DriftReport> {
        let at = jiff::Timestamp::from_second(7).unwrap();
        let key = |pointer: &str| DriftKey {
            route: "pub.order@1.0.0/getPublished".to_owned(),
            application: Some("pub-app".to_owned()),
            direction: Direction::Response,
            place: "body".to_owned(),
            pointer: pointer.to_owned(),
            keyword: "type".to_owned(),
            class: "number".to_owned(),
        };
        let finding = |(pointer, count): (&str, u64)| DriftFinding {
            key: key(pointer),
            seen: DriftSeen {
                count,
                first: at,
                last: at,
            },
        };
        let report = DriftReport {
            checked: 10,
            unchecked: 1,
            beyond: 0,
            findings: [("/a", 2), ("/b", 5)].map(finding).to_vec(),
        };
        Box::pin(async move { self.told().map(|_| report) })
    }

    fn send(&self, trial: Trial) -> Asked<'_, TrialAnswer> {
        Box::pin(async move {
            self.told()?;
            Ok(TrialAnswer {
                status: 200,
                headers: vec![("content-type".to_owned(), "application/json".to_owned())],
                body: trial.target.into_bytes(),
                truncated: false,
                took: Duration::from_millis(3),
            })
        })
    }

    fn prepare(&self, signed: String) -> Asked<'_, Readiness> {
        Box::pin(async move {
            self.told()?;
            let taken = self.keys.verify(signed.as_bytes());
            taken.map_err(|error| error.to_string())?;
            Ok(match self.full.load(Ordering::Relaxed) {
                false => Readiness::Ready,
                true => Readiness::Refused("a sealed secret cannot be opened".to_owned()),
            })
        })
    }

    fn put(&self, signed: String) -> Asked<'_> {
        Box::pin(async move {
            self.told()?;
            let taken = self.keys.verify(signed.as_bytes());
            let taken = taken.map_err(|error| error.to_string())?;
            let version = taken.snapshot.version;
            self.kept.lock().unwrap().insert(version, taken.digest);
            *self.active.lock().unwrap() = Some(version);
            self.told()
        })
    }

    fn roll_back(&self, version: u64) -> Asked<'_> {
        Box::pin(async move {
            *self.active.lock().unwrap() = Some(version);
            self.told()
        })
    }
}

fn binding(port: u16) -> Value {
    json!({"upstreams": [{"address": format!("127.0.0.1:{port}")}], "base_path": "/api"})
}

pub async fn what_is_published_reaches_gateways_and_goes_back(world: &World) {
    let key = SigningKey::from_bytes(&[9; 32]);
    let node = Node::new(&key, "production");
    let sandbox = Node::new(&key, "sandbox");
    let environment = "/environments/production";
    let path = format!("{environment}/snapshots");
    let why = || json!({"reason": "as agreed"});
    let nobody = world.post(&world.operator, &path, why()).await;
    assert_eq!(nobody.refusal(), (409, "E-NO-GATEWAY".into()));
    let preview = format!("{environment}/preview");
    let told = world.get_as(&world.operator, &preview).await.is(200);
    assert_eq!(told["unmet"][0]["guard"], "gateways");
    assert_eq!(world.get_as(&world.provider, &preview).await.status, 403);
    let moon = world.get_as(&world.operator, "/environments/moon/preview");
    assert_eq!(moon.await.status, 422);
    let nodes = [&node, &sandbox].map(|one| Arc::clone(one) as Arc<dyn GatewayNode>);
    let nodes = nodes.to_vec();
    world.api.platform.set_publisher(Publisher { key, nodes });

    // A version whose sandbox takes connections needs no waiver for it.
    let added = world
        .post(&world.provider, "/interfaces", interface("pub.order"))
        .await;
    added.is(201);
    let versions = world.get("/interfaces/pub.order/versions").await.is(200);
    let id = versions["items"][0]["id"].as_str().unwrap().to_owned();
    let text = ORDERS
        .replace("/orders", "/published")
        .replace("getOrder", "getPublished");
    world.import(&id, &text).await.is(200);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let bind = |token: &str, to: &str, body: Value| {
        let (token, path) = (token.to_owned(), format!("/versions/{id}/bindings/{to}"));
        async move {
            world
                .call_if(&token, "PUT", &path, Some("*"), Some(body))
                .await
        }
    };
    for (pointer, value) in [
        ("/upstreams", json!([])),
        ("/upstreams/0/address", json!("upstream.example:80")),
        ("/base_path", json!("api/")),
        ("/idempotency/keep_hours", json!(0)),
    ] {
        let mut wrong = binding(port);
        wrong["idempotency"] = json!({"required": true, "keep_hours": 24});
        *wrong.pointer_mut(pointer).unwrap() = value;
        let refused = bind(&world.provider, "sandbox", wrong).await.is(422);
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
    assert_eq!(
        bind(&world.manager, "sandbox", binding(port)).await.status,
        403
    );
    assert_eq!(
        bind(&world.provider, "moon", binding(port)).await.status,
        422
    );
    let bound = bind(&world.provider, "sandbox", binding(port))
        .await
        .is(200);
    assert_eq!(bound["answered"], true);
    assert_eq!(bound["binding"]["timeouts"]["total_ms"], 10_000);
    world.publish(&id).await;
    let shown = world.get(&format!("/versions/{id}/bindings")).await.is(200);
    assert_eq!(shown["items"].as_array().unwrap().len(), 1);
    assert_eq!(world.get("/versions/none/bindings").await.status, 404);

    // Published in the catalogue, but nobody said where its requests go.
    let first = world.post(&world.operator, &path, why()).await.is(201);
    let left_out = first["left_out"].as_array().unwrap();
    assert!(
        left_out
            .iter()
            .any(|one| one["what"] == "pub.order@1.0.0" && one["code"] == "no-binding"),
        "{first}"
    );
    assert_eq!(first["nodes"][0]["state"], "active");
    bind(&world.provider, "production", binding(port))
        .await
        .is(200);

    let caller = world.token("pub-caller", &[Role::Caller]).await;
    let app = json!({"code": "pub-app", "name": "App", "owner": "pub-caller"});
    world.post(&caller, "/applications", app).await.is(201);
    let wish = json!({"application": "pub-app", "interface": "pub.order", "major": 1,
        "environment": "production", "until": in_days(200),
        "request": {"purpose": "orders", "clearance": 4,
            "quota": {"rate_per_second": 20, "burst": 40, "daily": 100, "concurrency": 8}}});
    let asked = world.post(&caller, "/subscriptions", wish).await.is(201);
    let subscription = format!("/subscriptions/{}", asked["id"].as_str().unwrap());
    for token in [&world.provider, &world.manager] {
        let agreed = format!("{subscription}/transitions");
        let agree = json!({"event": "approve"});
        world.post_any(token, &agreed, agree).await.is(200);
    }
    assert_eq!(world.post(&world.provider, &path, why()).await.status, 403);
    let told = world.get_as(&world.operator, &preview).await.is(200);
    assert_eq!((&told["since"], &told["unmet"]), (&json!(1), &json!([])));
    let changes: Vec<String> = told["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            ["became", "kind", "what"]
                .map(|part| one[part].as_str().unwrap())
                .join(" ")
        })
        .collect();
    assert_eq!(
        changes,
        [
            "added application pub-app",
            "added interface pub.order@1.0.0",
            "added pool pub.order@1.0.0",
            "added route pub.order@1.0.0/getPublished",
            "added subscription pub-app → pub.order v1",
        ]
    );
    assert_eq!(
        (&told["total"], &told["holds"]["routes"]),
        (&json!(5), &json!(1))
    );
    let silent = world
        .post(&world.operator, &path, json!({"reason": " "}))
        .await;
    assert_eq!(silent.status, 422);
    let second = world.post(&world.operator, &path, why()).await.is(201);
    assert_eq!(second["snapshot"]["version"], 2);
    assert_eq!(second["snapshot"]["holds"]["routes"], 1);
    let began = world.get(&subscription).await.is(200);
    assert_eq!(began["state"], "active");

    let back = format!("{environment}/rollback");
    let stranger = world.post(&caller, &back, why()).await;
    assert_eq!(stranger.status, 403);
    let gone = world.post(&world.manager, &back, why()).await.is(200);
    assert_eq!(gone["snapshot"]["version"], 1);
    assert_eq!(gone["nodes"][0]["version"], 1);
    let never = json!({"version": 77, "reason": "x"});
    assert_eq!(world.post(&world.manager, &back, never).await.status, 404);
    let none = world.post(&world.manager, &back, why()).await;
    assert_eq!(none.refusal(), (409, "E-NOTHING-TO-GO-BACK-TO".into()));

    // One that cannot serve it stops it everywhere, and nothing is left of it.
    node.full.store(true, Ordering::Relaxed);
    let refused = world.post(&world.operator, &path, why()).await;
    assert_eq!(refused.guards(), ["gateways"]);
    let told = refused.json().to_string();
    assert!(
        told.contains("sealed secret") && told.contains("均未切换"),
        "{told}"
    );
    assert_eq!(node.kept.lock().unwrap().len(), 2);
    let listed = world.get(&path).await.is(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    node.full.store(false, Ordering::Relaxed);

    // Nobody took it: what was in force stays.
    node.dead.store(true, Ordering::Relaxed);
    let lost = world.post(&world.operator, &path, why()).await;
    assert_eq!(
        (lost.status.as_u16(), lost.guards()),
        (409, vec!["gateways".to_owned()])
    );
    let state = world.get(environment).await.is(200);
    assert_eq!(state["snapshot"]["version"], 1);
    assert_eq!(state["nodes"][0]["state"], "failed");
    // It comes back empty and is brought up to date.
    node.kept.lock().unwrap().clear();
    *node.active.lock().unwrap() = None;
    node.dead.store(false, Ordering::Relaxed);
    world.api.platform.tend_gateways().await.unwrap();
    let state = world.get(environment).await.is(200);
    assert_eq!(state["nodes"][0]["state_words"]["zh"], "已生效");
    assert_eq!(world.get("/environments/moon").await.status, 422);
    let listed = world.get(&format!("{path}?page_size=2")).await.is(200);
    let versions: Vec<&Value> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["version"])
        .collect();
    assert_eq!(versions, [3, 2]);
    assert_eq!(world.get(&format!("{path}?page_token=x")).await.status, 400);
    calls::what_gateways_count_is_kept_once_and_told(world, &node).await;
    trying::what_is_sent_is_told_with_what_does_not_fit(world, &caller, &id).await;
    sandbox.dead.store(true, Ordering::Relaxed);
    trying::without_a_gateway_nothing_is_sent(world, &caller, &id).await;
}

pub async fn nobody_publishes_what_they_bound_themselves(world: &World) {
    let both = world
        .token("pub-both", &[Role::Provider, Role::Operations])
        .await;
    let versions = world.get("/interfaces/pub.order/versions").await.is(200);
    let id = versions["items"][0]["id"].as_str().unwrap();
    let path = format!("/versions/{id}/bindings/production");
    let bound = world
        .call_if(&both, "PUT", &path, Some("*"), Some(binding(9)))
        .await
        .is(200);
    assert_eq!(bound["answered"], false);
    let path = "/environments/production/snapshots";
    let why = json!({"reason": "moved"});
    let own = world.post(&both, path, why.clone()).await;
    assert_eq!(
        (own.status.as_u16(), own.guards()),
        (403, vec!["four_eyes".to_owned()])
    );
    let told = world
        .get_as(&both, "/environments/production/preview")
        .await
        .is(200);
    assert_eq!(told["unmet"][0]["guard"], "four_eyes");
    // Version 1 is in force again, which held nothing.
    assert_eq!((&told["since"], &told["total"]), (&json!(1), &json!(5)));
    world.post(&world.operator, path, why).await.is(201);
}
