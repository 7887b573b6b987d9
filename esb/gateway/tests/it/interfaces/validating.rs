//! Requests and answers against their definition: off, observed, enforced.

use std::sync::atomic::Ordering;

use rialto_esb_snapshot::*;
use serde_json::{Value, json};

use super::{World, route};

/// An order of a code and a quantity; answers are orders too, `204` is empty, a `409` a problem.
const RULES: &str = r##"{
    "parameters": [
        {"name": "id", "in": "path", "required": true, "style": "simple", "schema": {"type": "integer", "minimum": 1}},
        {"name": "dry", "in": "query", "style": "form", "explode": true, "schema": {"type": "boolean"}}
    ],
    "body": {"required": false, "media": [["application/json", {"$ref": "#/$defs/Order"}]]},
    "answers": {
        "200": [["application/json", {"$ref": "#/$defs/Order"}]],
        "4XX": [["application/problem+json", {"type": "object"}]]
    },
    "schemas": {"Order": {
        "type": "object", "required": ["code"],
        "properties": {
            "code": {"type": "string", "pattern": "^[0-9]{6}$"},
            "items": {"type": "array", "items": {"type": "integer"}}
        }
    }}
}"##;

/// Puts rules on the first route.
pub fn validate(snapshot: &mut Snapshot, rules: &str, request: Mode, response: Mode) {
    let digest = ring::digest::digest(&ring::digest::SHA256, rules.as_bytes());
    let name = hex::encode(digest);
    snapshot.schemas.insert(name.clone(), rules.to_owned());
    snapshot.routes[0].validation = Some(Validation {
        request,
        response,
        rules: name,
    });
}

/// `/orders/{id}` gives back what it got, and calls it JSON.
async fn world(request: Mode, response: Mode) -> World {
    World::with(|snapshot| {
        let mut orders = route("orders", "/orders/{id}", "open");
        orders.prefix = Some(Prefix {
            from: "/orders/".to_owned(),
            to: "/echo-json/".to_owned(),
        });
        snapshot.routes.insert(0, orders);
        validate(snapshot, RULES, request, response);
    })
    .await
}

const JSON: (&str, &str) = ("content-type", "application/json");

async fn drift(world: &World) -> Value {
    let (status, report) = world.admin("GET", "drift", Vec::new()).await;
    assert_eq!(status, 200, "{report}");
    report
}

/// `direction place+pointer keyword class count` of every finding.
fn told(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap().to_owned();
            let (direction, place) = (text("direction"), text("place") + &text("pointer"));
            format!(
                "{direction} {place} {} {} {}",
                text("keyword"),
                text("class"),
                one["count"]
            )
        })
        .collect()
}

#[tokio::test]
async fn what_is_observed_passes_unchanged_and_is_told() {
    let world = world(Mode::Observe, Mode::Observe).await;
    let good = "{\"code\":\"600000\"}";
    let bad = "{\"code\": 600000, \"items\": [1, \"x\", \"y\"]}";
    for (method, path, body) in [
        ("POST", "/orders/7", good),
        ("POST", "/orders/7?dry=maybe", bad),
        // Held to be sent again, so it is checked before it goes.
        ("PUT", "/orders/0", bad),
        ("POST", "/orders/7", "no JSON"),
    ] {
        let answer = world.send(method, path, &[JSON], body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text().as_str()),
            (200, body)
        );
    }
    let large = format!("{{\"code\":\"{}\"}}", "6".repeat(60_000));
    let answer = world.send("POST", "/orders/7", &[JSON], &large).await;
    assert_eq!(answer.text(), large);
    let packed = [JSON, ("content-encoding", "gzip")];
    assert_eq!(
        world.send("POST", "/orders/7", &packed, "x").await.text(),
        "x"
    );
    world.backend.shared.sick.store(418, Ordering::SeqCst);
    assert_eq!(
        world.send("POST", "/orders/7", &[JSON], good).await.status,
        418
    );
    let report = drift(&world).await;
    assert_eq!(
        told(&report),
        [
            "request body syntax  1",
            "request body/code type number 2",
            "request body/items/* type string 2",
            "request path parameter id minimum number 1",
            "request query parameter dry type string 1",
            "response body content-type  1",
            "response body syntax  2",
            "response body/code type number 2",
            "response body/items/* type string 2",
        ]
    );
    let numbers = ["checked", "unchecked", "beyond"].map(|name| report[name].as_u64().unwrap());
    assert_eq!(numbers, [11, 3, 0]);
    assert_eq!(report["findings"][0]["route"], "orders");
}

#[tokio::test]
async fn a_request_that_does_not_fit_is_refused_and_never_sent() {
    let world = world(Mode::Enforce, Mode::Off).await;
    let good = "{\"code\":\"600000\"}";
    assert_eq!(
        world
            .send("POST", "/orders/7?dry=true", &[JSON], good)
            .await
            .status,
        200
    );
    assert_eq!(world.send("POST", "/orders/7", &[], "").await.status, 200);
    let served = world.backend.shared.served.load(Ordering::SeqCst);
    let refused = |path: &'static str, headers: Vec<(&'static str, &'static str)>, body: String| {
        let world = &world;
        async move {
            let answer = world.send("POST", path, &headers, &body).await;
            (answer.status.as_u16(), answer.code(), answer.json())
        }
    };
    let bad = "{\"items\":[1,\"x\"]}".to_owned();
    let (status, code, problem) = refused("/orders/0?dry=7", vec![JSON], bad).await;
    assert_eq!((status, code.as_str()), (422, "request-invalid"));
    assert_eq!(problem["sent"], "no");
    let places: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(
        places,
        [
            "body",
            "body/items/1",
            "path parameter id",
            "query parameter dry"
        ]
    );
    for (headers, body, expected) in [
        (vec![JSON], "{", (400, "malformed-body")),
        (
            vec![("content-type", "text/xml")],
            "<a/>",
            (415, "unsupported-media-type"),
        ),
        (
            vec![JSON, ("content-encoding", "gzip")],
            "x",
            (415, "unsupported-media-type"),
        ),
    ] {
        let (status, code, problem) = refused("/orders/7", headers, body.to_owned()).await;
        assert_eq!((status, code.as_str()), expected, "{problem}");
    }
    let large = format!("{{\"code\":\"{}\"}}", "6".repeat(60_000));
    let (status, code, _) = refused("/orders/7", vec![JSON], large).await;
    assert_eq!((status, code.as_str()), (413, "body-too-large"));
    assert_eq!(world.backend.shared.served.load(Ordering::SeqCst), served);
    // Many places at once: the first twenty are told.
    let items: Vec<String> = (0..50).map(|n| format!("\"{n}\"")).collect();
    let body = format!("{{\"code\":\"600000\",\"items\":[{}]}}", items.join(","));
    let (_, _, problem) = refused("/orders/7", vec![JSON], body).await;
    assert_eq!(problem["errors"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_withheld_and_says_that_it_was_sent() {
    let world = world(Mode::Off, Mode::Enforce).await;
    let good = "{ \"code\": \"600000\" }";
    let answer = world.send("POST", "/orders/7", &[JSON], good).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text().as_str()),
        (200, good)
    );
    assert_eq!(world.send("HEAD", "/orders/7", &[], "").await.status, 200);
    for body in ["{\"code\":\"6\"}", "<a/>"] {
        let answer = world.send("POST", "/orders/7", &[JSON], body).await;
        let problem = answer.json();
        assert_eq!(
            (
                answer.status.as_u16(),
                answer.code().as_str(),
                &problem["sent"]
            ),
            (502, "response-invalid", &json!("yes")),
            "{problem}"
        );
        assert!(!answer.text().contains(body), "{problem}");
    }
    // A failure nobody declared speaks for itself; a body of another type does not pass.
    let sick = |status| world.backend.shared.sick.store(status, Ordering::SeqCst);
    sick(503);
    assert_eq!(
        world.send("POST", "/orders/7", &[JSON], good).await.status,
        503
    );
    sick(409);
    let answer = world.send("POST", "/orders/7", &[JSON], good).await;
    assert_eq!(answer.code(), "response-invalid");
    sick(201);
    let answer = world.send("POST", "/orders/7", &[JSON], good).await;
    assert_eq!(answer.code(), "response-invalid");
    assert!(
        told(&drift(&world).await).contains(&"response status status  2".to_owned()),
        "{:?}",
        told(&drift(&world).await)
    );
}

#[tokio::test]
async fn an_explanation_says_what_is_checked() {
    let world = world(Mode::Enforce, Mode::Observe).await;
    let asked = json!({"request": "POST /orders/7 HTTP/1.1"}).to_string();
    let (_, told) = world.admin("POST", "explain", asked.into_bytes()).await;
    let steps = told["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["phase"] == "validate");
    let step = step.unwrap_or_else(|| panic!("{told}"));
    assert_eq!(step["detail"], "requests: enforce, answers: observe");
}
