//! Definitions handed in and shown.

use std::io::{Cursor, Write as _};

use serde_json::{Value, json};

use crate::world::{ORDERS, World, interface};

pub async fn a_definition_becomes_a_draft_and_is_shown_piece_by_piece(world: &World) {
    let version = world.interface("account.fund").await;
    // Nothing is there yet.
    for part in [
        "files",
        "file",
        "operations",
        "operations/1",
        "schemas",
        "schemas/Order",
    ] {
        let path = format!("/versions/{version}/{part}");
        assert_eq!(world.get(&path).await.status, 404, "{part}");
    }
    for part in ["findings", "losses", "changes"] {
        let path = format!("/versions/{version}/{part}");
        assert_eq!(world.get(&path).await.status, 404, "{part}");
    }
    let path = format!("/versions/{version}/check");
    let early = world.post_any(&world.provider, &path, json!({})).await;
    assert_eq!(early.status, 404);
    let text = ORDERS
        .replace("limit_price", "cash_balance")
        .replace("order", "fund")
        .replace("Order", "Fund")
        .replace(
            "      x-error-codes",
            "      callbacks: {ready: {}}\n      x-error-codes",
        );
    let imported = world.import(&version, &text).await.is(200);
    assert_eq!(imported["changed"], true);
    assert_eq!(imported["unmet"], json!([]));
    let shown = &imported["version"];
    assert_eq!(
        (&shown["state"], &shown["number"]),
        (&json!("draft"), &json!("1.0.0"))
    );
    let definition = &shown["definition"];
    assert_eq!(definition["format"], "openapi-3.1");
    assert_eq!(
        (
            &definition["operations"],
            &definition["schemas"],
            &definition["errors"]
        ),
        (&json!(1), &json!(1), &json!(0))
    );
    assert_eq!(definition["highest_level"], 3);
    assert_eq!(shown["compat"], "none");
    // The same again changes nothing, whatever revision was seen.
    let again = world.import(&version, &text).await;
    assert_eq!(again.header("etag"), format!("\"v{}\"", shown["revision"]));
    assert_eq!(again.is(200)["changed"], false);

    let lines = world
        .get(&format!("/versions/{version}/operations"))
        .await
        .is(200);
    assert_eq!(lines["items"][0]["id"], "getFund");
    assert_eq!(lines["items"][0].get("parameters"), None);
    let none = world
        .get(&format!("/versions/{version}/operations?q=zzz"))
        .await
        .is(200);
    assert_eq!(none["items"], json!([]));
    let one = world
        .get(&format!("/versions/{version}/operations/1"))
        .await
        .is(200);
    assert_eq!(one["parameters"][0]["name"], "fund_id");
    assert_eq!(
        one["outcomes"][0]["media"][0]["schema"]["$ref"],
        "#/$defs/Fund"
    );
    assert_eq!(one["security"], json!([{"key": []}]));
    assert_eq!(one["spot"]["file"], "orders.yaml");
    let samples = format!("/versions/{version}/operations/1/samples");
    let made = world.get(&samples).await.is(200);
    assert_eq!(made["method"], "GET");
    assert!(!made["target"].as_str().unwrap().contains('{'), "{made}");
    let languages: Vec<&str> = made["samples"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let text = one["text"].as_str().unwrap();
            assert!(text.contains(made["target"].as_str().unwrap()), "{text}");
            assert!(text.contains("RIALTO_API_KEY"), "{text}");
            one["language"].as_str().unwrap()
        })
        .collect();
    assert_eq!(languages, ["curl", "rust", "python", "java", "typescript"]);
    assert_eq!(
        world.get(&samples).await.is(200),
        made,
        "the same for a seed"
    );
    let unknown = world.get(&format!("{samples}?environment=moon")).await;
    assert_eq!(unknown.status, 422);
    let none = format!("/versions/{version}/operations/99/samples");
    assert_eq!(world.get(&none).await.status, 404);
    let schemas = world
        .get(&format!("/versions/{version}/schemas?q=fu"))
        .await
        .is(200);
    assert_eq!(schemas["items"][0]["name"], "Fund");
    let schema = world
        .get(&format!("/versions/{version}/schemas/Fund"))
        .await
        .is(200);
    assert_eq!(
        schema["schema"]["properties"]["cash_balance"]["x-label"],
        "amount"
    );
    let losses = world
        .get(&format!("/versions/{version}/losses"))
        .await
        .is(200);
    assert_eq!(losses["items"][0]["construct"], "callbacks", "{losses}");
    assert!(losses["items"][0]["spot"]["line"].as_u64().unwrap() > 5);
    let files = world
        .get(&format!("/versions/{version}/files"))
        .await
        .is(200);
    assert_eq!(files["items"], json!(["orders.yaml"]));
    let whole = world.get(&format!("/versions/{version}/file")).await;
    assert_eq!((whole.status.as_u16(), whole.text == text), (200, true));
    assert_eq!(whole.header("content-type"), "application/yaml");
    let lost = world.get(&format!("/versions/{version}/file?path=x")).await;
    assert_eq!(lost.status, 404);
    findings_are_paged_and_made_anew(world, &version, &text).await;
}

async fn findings_are_paged_and_made_anew(world: &World, version: &str, text: &str) {
    let faulty = text
        .replace("maxLength: 20, x-label: none", "maxLength: 20")
        .replace(
            "{type: string, format: decimal, x-label: amount}",
            "{type: number}",
        );
    let imported = world.import(version, &faulty).await.is(200);
    let errors = imported["version"]["definition"]["errors"]
        .as_u64()
        .unwrap();
    assert!(errors >= 3, "{imported}");
    let path = format!("/versions/{version}/findings?severity=error&page_size=1");
    let first = world.get(&path).await.is(200);
    let finding = &first["items"][0];
    for field in ["text", "why", "cure"] {
        assert!(
            !finding[field]["zh"].as_str().unwrap().is_empty(),
            "{finding}"
        );
    }
    assert!(finding["spot"]["line"].as_u64().unwrap() > 0);
    let token = first["next_page_token"].as_str().unwrap();
    let second = world
        .get(&format!("{path}&page_token={token}"))
        .await
        .is(200);
    assert_ne!(second["items"][0]["no"], finding["no"]);
    let unlabelled = format!("/versions/{version}/findings?rule=LN09");
    let unlabelled = world.get(&unlabelled).await.is(200);
    assert_eq!(
        unlabelled["items"].as_array().unwrap().len(),
        3,
        "{unlabelled}"
    );
    let path = format!("/versions/{version}/check");
    let checked = world
        .post_any(&world.provider, &path, json!({}))
        .await
        .is(200);
    assert_eq!(checked["definition"]["errors"], errors);
    let late = world
        .call_if(&world.provider, "POST", &path, Some("\"v1\""), None)
        .await;
    assert_eq!(late.status, 412);
    let submit = world.event(&world.provider, version, "submit").await;
    assert_eq!(submit.refusal(), (409, "E-GUARDS".into()));
    assert_eq!(submit.guards(), ["lint_clean", "sla"]);
}

pub async fn what_cannot_be_taken_says_where_and_changes_nothing(world: &World) {
    let version = world.interface("clearing.fee").await;
    let path = format!("/versions/{version}/definition");
    let broken = world
        .import(&version, "openapi: 3.0.3\ninfo: {title: a, title: b}\n")
        .await;
    let problem = broken.is(422);
    assert_eq!(problem["reason"], "E-DEFINITION");
    let spot = &problem["findings"][0]["spot"];
    assert_eq!(
        (&spot["file"], &spot["line"]),
        (&json!("orders.yaml"), &json!(2))
    );
    let dangling = ORDERS.replace("#/components/schemas/Order'", "#/components/schemas/Lost'");
    let mut refused = vec![broken.told()];
    let dangling = world.import(&version, &dangling).await;
    assert_eq!(dangling.is(422)["findings"][0]["spot"]["line"], 18);
    refused.push(dangling.told());
    for text in [
        "<definitions xmlns='http://schemas.xmlsoap.org/wsdl/'/>",
        "info: {_postman_id: x}\nitem: []\n",
        "openapi: 4.0.0\n",
        "a: b\n",
        "",
    ] {
        let answer = world.import(&version, text).await;
        answer.is(422);
        refused.push(answer.told());
    }
    insta::assert_snapshot!("refused_definitions", refused.join("\n\n"));
    let shown = world.get(&format!("/versions/{version}")).await.is(200);
    assert_eq!(
        (&shown["definition"], &shown["revision"]),
        (&Value::Null, &json!(1))
    );
    let kind = world
        .bytes(
            &world.provider,
            ("PUT", &path),
            Some("*"),
            "text/html",
            Some(vec![b'x']),
        )
        .await;
    assert_eq!(kind.refusal(), (415, "unsupported_media_type".into()));
    let blind = world
        .bytes(
            &world.provider,
            ("PUT", &path),
            None,
            "application/json",
            Some(vec![b'x']),
        )
        .await;
    assert_eq!(blind.status, 428);
    let huge = Some(vec![b' '; 32 * 1024 * 1024 + 1]);
    let huge = world
        .bytes(
            &world.provider,
            ("PUT", &path),
            Some("*"),
            "application/json",
            huge,
        )
        .await;
    assert_eq!(huge.refusal(), (413, "too_large".into()));
    let late = world
        .bytes(
            &world.provider,
            ("PUT", &path),
            Some("\"v9\""),
            "application/yaml",
            Some(ORDERS.into()),
        )
        .await;
    assert_eq!(late.status, 412);
    assert_eq!(world.import("none", ORDERS).await.status, 404);
    assert_eq!(world.get("/versions/none").await.status, 404);
}

fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(*name, options).expect("an entry");
        writer.write_all(text.as_bytes()).expect("written");
    }
    writer.finish().expect("an archive").into_inner()
}

pub async fn archives_hold_several_files(world: &World) {
    let version = world.interface("product.sale").await;
    let api = "openapi: 3.0.3\ninfo: {title: Sales, version: '1'}\npaths:\n  /sales:\n    get:\n      operationId: sales\n      responses: {'200': {description: d, content: {application/json: {schema: {$ref: 'parts/sale.json'}}}}}\n";
    let sale = "{\"type\": \"object\", \"properties\": {\"sale_id\": {\"type\": \"string\"}}}";
    let bytes = zipped(&[
        ("api.yaml", api),
        ("parts/sale.json", sale),
        ("readme.md", "x"),
    ]);
    let path = format!("/versions/{version}/definition");
    let send = |path: String, bytes: Vec<u8>| async move {
        let call = ("PUT", path.as_str());
        world
            .bytes(
                &world.provider,
                call,
                Some("*"),
                "application/zip",
                Some(bytes),
            )
            .await
    };
    let imported = send(path.clone(), bytes).await.is(200);
    let definition = &imported["version"]["definition"];
    assert_eq!(
        (&definition["files"], &definition["root"]),
        (&json!(2), &json!("api.yaml"))
    );
    let part = world
        .get(&format!("/versions/{version}/file?path=parts/sale.json"))
        .await;
    assert_eq!(
        (part.text.as_str(), part.header("content-type")),
        (sale, "application/json")
    );
    let two = zipped(&[("a.yaml", api), ("b.yaml", api)]);
    let several = send(path.clone(), two.clone()).await;
    assert_eq!(several.is(422)["reason"], "E-DEFINITION");
    assert!(
        several.told().contains("a.yaml, b.yaml"),
        "{}",
        several.told()
    );
    // With the root named it is read; its reference leads nowhere now.
    let named = send(format!("{path}?root=a.yaml"), two).await.is(422);
    assert_eq!(named["findings"][0]["spot"]["file"], "a.yaml");
}

pub async fn one_like_another_must_be_justified(world: &World) {
    let body = interface("trade.copy");
    world
        .post(&world.provider, "/interfaces", body)
        .await
        .is(201);
    let versions = world.get("/interfaces/trade.copy/versions").await.is(200);
    let version = versions["items"][0]["id"].as_str().unwrap().to_owned();
    let imported = world.import(&version, ORDERS).await.is(200);
    assert_eq!(imported["version"]["state"], "identified");
    assert_eq!(imported["unmet"][0]["guard"], "similar_answered");
    let like = &imported["version"]["similar"][0];
    assert_eq!(
        (&like["interface"], &like["score_percent"]),
        (&json!("trade.order"), &json!(100))
    );
    let path = format!("/versions/{version}/similar");
    let mute = json!({"interface": "trade.order", "reason": ""});
    assert_eq!(
        world.post_any(&world.provider, &path, mute).await.status,
        422
    );
    let other = json!({"interface": "market.quote", "reason": "x"});
    assert_eq!(
        world.post_any(&world.provider, &path, other).await.status,
        422
    );
    let answer = json!({"interface": "trade.order", "reason": "for brokers abroad"});
    let answered = world.post_any(&world.provider, &path, answer).await.is(200);
    assert_eq!(answered["similar"][0]["reason"], "for brokers abroad");
    let begun = world
        .event(&world.provider, &version, "begin")
        .await
        .is(200);
    assert_eq!(begun["state"], "draft");
    // What was answered stays answered.
    let edited = ORDERS.replace("One order", "One order of a broker");
    let edited = world.import(&version, &edited).await.is(200);
    assert_eq!(
        edited["version"]["similar"][0]["reason"],
        "for brokers abroad"
    );
}
