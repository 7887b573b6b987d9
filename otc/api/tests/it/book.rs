//! Booking, four eyes, versions, idempotency.

use rialto_platform_identity::Role;
use serde_json::{Value, json};

use crate::world::{Answer, World, csv, sessions, snowball};

pub async fn a_trade_is_booked_once(world: &World) {
    let body = json!({"terms": snowball("B-1")});
    let made = world.post(&world.trader, "/trades", body.clone()).await;
    assert_eq!(made.header("etag"), "\"v1\"");
    let made = made.is(201);
    assert_eq!(
        (&made["status"], &made["counterparty"]),
        (&json!("draft"), &json!("Sample fund"))
    );
    assert_eq!(made["allowed"], json!(["submit", "cancel"]));
    let again = world.post(&world.trader, "/trades", body).await.is(201);
    assert_eq!((&again["no"], &again["seq"]), (&made["no"], &made["seq"]));
    let mut other = snowball("B-1");
    other["notional"] = "30000000".into();
    let taken = world
        .post(&world.trader, "/trades", json!({"terms": other}))
        .await;
    assert_eq!(taken.refusal(), (409, "E-BOOK-CONFLICT".into()));
    let mut wrong = snowball("B-2");
    wrong["terms"]["ki"]["level"] = "120%".into();
    let refused = world
        .post(&world.trader, "/trades", json!({"terms": wrong}))
        .await;
    assert_eq!(refused.status.as_u16(), 422);
    assert_eq!(refused.json()["findings"][0]["code"], "E-TERM-KI-LEVEL");
    let refused = world
        .post(&world.middle, "/trades", json!({"terms": snowball("B-3")}))
        .await;
    assert_eq!(refused.refusal(), (403, "forbidden".into()));
    assert_eq!(world.get(&world.auditor, "/trades/none").await.status, 404);
}

pub async fn the_maker_is_never_the_checker(world: &World) {
    // Somebody with both roles: still not for one's own trades.
    let system = rialto_platform_identity::Actor::system("test");
    let identity = world.api.web.identity();
    let both = rialto_platform_identity::NewUser {
        login: "both".into(),
        name: "both".into(),
        email: "both@example.com".into(),
        roles: vec![Role::Trader, Role::MiddleOffice, Role::Administrator],
        ..Default::default()
    };
    let user = identity.create_user(&system, both).await.unwrap();
    let token = identity
        .issue_token_to(&system, &user.id, "t", 1)
        .await
        .unwrap()
        .text;
    let body = json!({"terms": snowball("B-10")});
    world.post(&token, "/trades", body).await.is(201);
    world
        .event(&token, "B-10", "submit", json!({}))
        .await
        .is(201);
    let id = world.trade("B-10").await["open_approval"]
        .as_str()
        .unwrap()
        .to_owned();
    let own = world.approve(&token, &id).await;
    assert_eq!(own.refusal(), (403, "E-BOOK-FOUR-EYES".into()));
    let shown = world
        .get(&world.auditor, &format!("/approvals/{id}"))
        .await
        .is(200);
    assert_eq!(
        (&shown["state"], &shown["kind"]),
        (&json!("open"), &json!("booking"))
    );
    let listed = world
        .get(&world.auditor, "/approvals?state=open")
        .await
        .is(200);
    assert_eq!(listed["items"][0]["id"], id.as_str());
    let refused = world.get(&world.auditor, "/approvals?state=lost").await;
    assert_eq!(refused.refusal(), (422, "invalid".into()));
    assert_eq!(
        world.get(&world.auditor, "/approvals/none").await.status,
        404
    );
    let path = format!("/approvals/{id}/reject");
    let mute = world.post(&world.risk, &path, json!({})).await;
    assert_eq!(mute.refusal(), (422, "invalid".into()));
    let told = world
        .post(&world.risk, &path, json!({"comment": "wrong book"}))
        .await
        .is(200);
    assert_eq!(told["recorded"]["status"], "draft");
    assert_eq!(
        world.approve(&world.risk, &id).await.refusal().1,
        "E-APPROVAL-DECIDED"
    );
    assert_eq!(world.approve(&world.risk, "none").await.status, 404);
}

fn amended(trade: &str, coupon: &str) -> Value {
    let mut sheet = snowball(trade);
    sheet["version"] = 2.into();
    sheet["terms"]["coupon"]["rate"] = coupon.into();
    sheet
}

/// A trade in force with a quarter of prices.
pub async fn live(world: &World, trade: &str) {
    let body = json!({"terms": snowball(trade)});
    world.post(&world.trader, "/trades", body).await.is(201);
    world.make_live(trade).await;
    let days = sessions("2024-03-11", "2024-05-10").into_iter();
    let rows: Vec<(String, String)> = days.map(|day| (day, "5700".to_owned())).collect();
    world
        .import(&world.middle, "text/csv", csv(&rows), false)
        .await
        .is(200);
}

pub async fn of_two_who_amend_at_once_one_is_refused(world: &World) {
    live(world, "B-20").await;
    let seen = world.get(&world.auditor, "/trades/B-20").await;
    let tag = seen.header("etag").to_owned();
    let body = |id: &str, coupon: &str| {
        json!({"event_id": id, "kind": "amend", "effective": "2024-05-10", "reason": "as agreed",
            "payload": {"sheet": amended("B-20", coupon)}})
    };
    let path = "/trades/B-20/events";
    let blind = world.post(&world.trader, path, body("a0", "14%")).await;
    assert_eq!(blind.refusal(), (428, "precondition_required".into()));
    let first = world.call_if(
        &world.trader,
        "POST",
        path,
        Some(&tag),
        Some(body("a1", "15%")),
    );
    let first = first.await.is(202);
    assert!(
        first["approval"]["difference"]["en"]
            .as_str()
            .unwrap()
            .contains("Terms: version 1")
    );
    for language in ["en", "zh"] {
        let told = first["approval"]["difference"][language].as_str().unwrap();
        assert!(
            told.contains("/terms/coupon/rate") && told.contains("15%"),
            "{told}"
        );
    }
    let second = world.call_if(
        &world.trader,
        "POST",
        path,
        Some(&tag),
        Some(body("a2", "16%")),
    );
    let second = second.await.is(202);
    let id = |waits: &Value| waits["approval"]["id"].as_str().unwrap().to_owned();
    let same = world.call_if(
        &world.trader,
        "POST",
        path,
        Some(&tag),
        Some(body("a1", "15%")),
    );
    assert_eq!(id(&same.await.is(202)), id(&first), "asked once");
    let other = world.call_if(
        &world.trader,
        "POST",
        path,
        Some(&tag),
        Some(body("a1", "17%")),
    );
    assert_eq!(other.await.refusal(), (409, "E-BOOK-CONFLICT".into()));
    world.approve(&world.middle, &id(&first)).await.is(200);
    let late = world.approve(&world.middle, &id(&second)).await;
    assert_eq!(late.status, 409, "{}", late.text());
    let stale = world.call_if(
        &world.trader,
        "POST",
        path,
        Some(&tag),
        Some(body("a3", "16%")),
    );
    let stale = stale.await;
    assert_eq!(stale.refusal(), (412, "E-BOOK-VERSION".into()));
    let now = world.trade("B-20").await;
    assert_eq!(now["state"]["contract_version"], 2);
    assert_eq!(now["terms"]["terms"]["coupon"]["rate"], "15%");
    // The event that was signed, sent again, is told and not repeated.
    let told = world.call_if(
        &world.trader,
        "POST",
        path,
        Some(&tag),
        Some(body("a1", "15%")),
    );
    let told = told.await.is(201);
    assert_eq!(told["repeated"], true);
    assert_eq!(world.trade("B-20").await["seq"], now["seq"]);
}

pub async fn events_that_do_not_fit_are_refused_by_name(world: &World) {
    let post =
        |kind: &'static str, payload: Value| world.event(&world.trader, "B-20", kind, payload);
    let refused = post("submit", json!({})).await;
    assert_eq!(refused.refusal(), (409, "E-BOOK-STATE".into()));
    // What the limits say is the system's to write.
    let bad = post("submit", json!({"limit_check": "all limits checked"})).await;
    let bad = bad.is(422);
    assert_eq!(bad["errors"][0]["pointer"], "/payload/limit_check");
    assert!(
        bad["text"]["zh"].as_str().unwrap().contains("系统"),
        "{bad}"
    );
    for path in ["/trades/%00", "/trades?q=%00"] {
        let bad = world.get(&world.auditor, path).await.is(422);
        assert_eq!(bad["errors"][0]["code"], "nul", "{bad}");
    }
    let shown = world.trade("B-20").await;
    for allowed in [&refused.json()["allowed"], &shown["allowed"]] {
        let allowed = allowed.as_array().unwrap();
        assert!(allowed.contains(&"amend".into()), "{allowed:?}");
        // A snowball has no right to exercise, and daily fixings alone knock it in.
        for not in ["exercise", "abandon", "barrier-hit"] {
            assert!(!allowed.contains(&not.into()), "{allowed:?}");
        }
    }
    assert_eq!(
        post("dividend", json!({})).await.refusal(),
        (422, "E-BOOK-KIND".into())
    );
    assert_eq!(
        post("fixing", json!({})).await.refusal(),
        (422, "invalid".into())
    );
    assert_eq!(
        post("confirm", json!({"reference": "x"})).await.refusal(),
        (403, "forbidden".into())
    );
    let whole = value(world, "B-20").await;
    let drawn = world
        .get(&world.auditor, "/trades/B-20/payoff")
        .await
        .is(200);
    let part = json!({"size": "5000000", "unwind": "-4900000", "fee": "0",
        "pay_date": "2024-05-15"});
    let path = "/trades/B-20/events";
    let tag = world
        .get(&world.auditor, "/trades/B-20")
        .await
        .header("etag")
        .to_owned();
    let mut body = json!({"event_id": "part", "kind": "terminate-partial", "payload": part,
        "effective": "2024-05-10"});
    let send = async |body: &Value| {
        world
            .call_if(&world.trader, "POST", path, Some(&tag), Some(body.clone()))
            .await
    };
    // A second person reads why, beside the payload or in it.
    let silent = send(&body).await;
    let wrong = |answer: &Answer| answer.json()["errors"][0].clone();
    assert_eq!(
        (silent.status.as_u16(), &wrong(&silent)["code"]),
        (422, &json!("E-BOOK-REASON"))
    );
    assert_eq!(wrong(&silent)["pointer"], "/reason");
    told(&silent, &["terminate-partial", "原因"]);
    body["payload"]["reason"] = "the client needs cash".into();
    let waits = send(&body).await.is(202);
    assert_eq!(waits["approval"]["reason"], "the client needs cash");
    let id = waits["approval"]["id"].as_str().unwrap().to_owned();
    let done = world.approve(&world.risk, &id).await.is(200);
    assert!(
        done["recorded"]["difference"]["en"]
            .as_str()
            .unwrap()
            .contains("Size left")
    );
    let row = world.trade("B-20").await;
    assert_eq!(row["flags"], json!(["resized"]));
    assert_eq!(row["notional"], "15000000");
    a_part_that_ended_early_is_valued_no_more(world, whole).await;
    let rest = world
        .get(&world.auditor, "/trades/B-20/payoff")
        .await
        .is(200);
    let ends = |drawn: &Value| drawn["payoff"].as_array().unwrap().clone();
    for (whole, rest) in ends(&drawn).iter().zip(ends(&rest)) {
        let (whole, rest) = (whole.as_f64().unwrap(), rest.as_f64().unwrap());
        assert!((rest - 0.75 * whole).abs() < 0.02, "{rest} {whole}");
    }
    let events = world
        .get(&world.auditor, "/trades/B-20/events?page_size=2")
        .await
        .is(200);
    assert_eq!(events["items"][0]["kind"], "book");
    let token = events["next_page_token"].as_str().unwrap();
    let next = format!("/trades/B-20/events?page_size=2&page_token={token}");
    assert_eq!(
        world.get(&world.auditor, &next).await.is(200)["items"][0]["seq"],
        3
    );
    for what in ["events", "state", "flows", "postings"] {
        let gone = world
            .get(&world.auditor, &format!("/trades/none/{what}"))
            .await;
        assert_eq!(gone.status, 404, "{what}");
    }
}

/// Where a list of names is, in both languages.
fn told(answer: &Answer, parts: &[&str]) {
    let text = answer.json()["text"].clone();
    for part in parts {
        let both = ["en", "zh"].map(|lang| text[lang].as_str().unwrap_or_default().to_owned());
        assert!(
            both.iter().any(|text| text.contains(part)),
            "{part}: {text}"
        );
    }
    assert!(
        !text["zh"].as_str().unwrap_or_default().is_empty(),
        "{text}"
    );
}

pub async fn a_novation_needs_a_replacement_that_is_there_signed_and_the_same(world: &World) {
    const ON: &str = "2024-05-15";
    live(world, "B-40").await;
    let post = async |event: &str, replacement: &str| {
        let seen = world.get(&world.auditor, "/trades/B-40").await;
        let tag = seen.header("etag").to_owned();
        let payload = json!({"form": "three_party", "replacement": replacement,
            "transferee": "Other fund", "unwind": "0", "fee": "0", "pay_date": "2024-05-20"});
        let body = json!({"event_id": event, "kind": "novate", "effective": ON, "payload": payload,
                "reason": "the fund is wound up"});
        let path = "/trades/B-40/events";
        world
            .call_if(&world.trader, "POST", path, Some(&tag), Some(body))
            .await
    };
    let refusal = (409, "E-BOOK-NOVATION".to_owned());
    let missing = post("n1", "B-41").await;
    assert_eq!(missing.refusal(), refusal);
    told(
        &missing,
        &["no trade B-41", "没有交易 B-41", "novated_from"],
    );

    let mut other = snowball("B-41");
    other["underlying"]["initial"] = "5700".into();
    other["state"] = json!({"ki": false});
    other["parties"]["counterparty"]["name"] = "Other fund".into();
    let link = json!({"kind": "novated_from", "trade_id": "B-40"});
    let mut wrong = other.clone();
    wrong["notional"] = "10000000".into();
    wrong["terms"]["coupon"]["rate"] = "12%".into();
    wrong["parties"]["counterparty"]["name"] = "Sample fund".into();
    let body = json!({"terms": wrong, "link": link});
    world.post(&world.trader, "/trades", body).await.is(201);
    let differs = post("n2", "B-41").await;
    assert_eq!(differs.refusal(), refusal);
    told(
        &differs,
        &[
            "not approved yet",
            "terms differ",
            "20000000",
            "leaving one",
            "受让方",
            "尚未复核",
            "\"effective\": \"2024-05-15\"",
        ],
    );

    // The same with the new party, approved: the novation may be put before the second person.
    let sheet = |id: &str| {
        let mut sheet = other.clone();
        sheet["trade_id"] = id.into();
        json!({"terms": sheet, "link": link, "effective": ON})
    };
    let approved = async |id: &str| {
        let made = world.post(&world.trader, "/trades", sheet(id)).await;
        made.is(201);
        let draft = post(&format!("draft-{id}"), id).await;
        assert_eq!(draft.refusal(), refusal);
        world
            .event(&world.trader, id, "submit", json!({}))
            .await
            .is(201);
        let open = world.trade(id).await["open_approval"].clone();
        world
            .approve(&world.middle, open.as_str().unwrap())
            .await
            .is(200);
    };
    approved("B-42").await;
    let waits = post("n3", "B-42").await.is(202);
    let id = waits["approval"]["id"].as_str().unwrap().to_owned();
    // Meanwhile the replacement is called off: what waits is not signed.
    let cancel = json!({"reason": "the fund withdrew"});
    world.signed(&world.trader, "B-42", "cancel", cancel).await;
    let gone = world.approve(&world.middle, &id).await;
    assert_eq!(gone.refusal(), refusal);
    told(&gone, &["cancelled", "已撤销"]);
    assert_eq!(world.trade("B-40").await["status"], "live");

    approved("B-43").await;
    let waits = post("n4", "B-43").await.is(202);
    let id = waits["approval"]["id"].as_str().unwrap().to_owned();
    world.approve(&world.middle, &id).await.is(200);
    let over = world.trade("B-40").await;
    assert_eq!(over["outcome"], format!("novated {ON}"));
    assert_eq!(over["state"]["replacement"], "B-43");
    world
        .event(
            &world.middle,
            "B-43",
            "confirm",
            json!({"reference": "CF-9"}),
        )
        .await
        .is(201);
    let next = world.trade("B-43").await;
    assert_eq!(
        (&next["status"], &next["state"]["link"]["trade_id"]),
        (&json!("live"), &json!("B-40"))
    );
    assert_eq!(next["state"]["flows"], json!([]), "nothing is owed by both");
}

pub async fn a_part_that_ended_early_is_valued_no_more(world: &World, whole: f64) {
    let left = value(world, "B-20").await;
    assert!(
        (left - 0.75 * whole).abs() < 1e-6 * whole.abs(),
        "{left} {whole}"
    );
}

/// What a trade is worth to its holder on 10 May 2024, without what is determined already.
pub async fn value(world: &World, trade: &str) -> f64 {
    let body = crate::world::market("2024-05-10", "5700");
    let made = world.post(&world.trader, "/snapshots", body).await.json();
    let id = made["id"].as_str().unwrap();
    let path = format!("/trades/{trade}/valuation?snapshot_id={id}");
    let found = world.get(&world.auditor, &path).await.is(200);
    found["value_open"].as_f64().unwrap()
}

pub async fn clocks_that_are_not_named_are_written_out_in_the_book(world: &World) {
    let mut sheet = snowball("B-50");
    sheet.as_object_mut().unwrap().remove("clocks");
    let body = json!({"terms": sheet});
    let made = world
        .post(&world.trader, "/trades", body.clone())
        .await
        .is(201);
    assert_eq!(
        made["terms"]["clocks"],
        json!({"variance": "sessions:XSHG/244", "rate": "act365", "coupon": "act365"})
    );
    let again = world.post(&world.trader, "/trades", body).await.is(201);
    assert_eq!(again["seq"], made["seq"], "the same booking");
    let told = world
        .post(
            &world.auditor,
            "/termsheets/validate",
            json!({"terms": sheet}),
        )
        .await
        .is(200);
    let notice = &told["findings"][0];
    assert_eq!(
        (&notice["code"], &notice["pointer"]),
        (&json!("N-TERM-CLOCKS"), &json!("/clocks"))
    );
}

pub async fn the_blotter_is_filtered_and_sorted(world: &World) {
    let all = world
        .get(&world.auditor, "/trades?sort=no&page_size=1")
        .await
        .is(200);
    assert!(
        all["counts"]["live"].as_i64().unwrap() >= 1,
        "{}",
        all["counts"]
    );
    let token = all["next_page_token"].as_str().unwrap();
    let next = format!("/trades?sort=no&page_size=1&page_token={token}");
    let next = world.get(&world.auditor, &next).await.is(200);
    let no = |page: &Value| page["items"][0]["no"].as_i64().unwrap();
    assert_eq!(no(&next), no(&all) + 1);
    let other = format!("/trades?sort=-no&page_size=1&page_token={token}");
    let refused = world.get(&world.auditor, &other).await;
    assert_eq!(refused.refusal(), (400, "invalid_page_token".into()));
    let found = world
        .get(&world.auditor, "/trades?q=b-20&status=live,closed")
        .await
        .is(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    let none = world.get(&world.auditor, "/trades?q=%25").await.is(200);
    assert_eq!(none["items"], json!([]), "% is a letter like any other");
    for bad in ["sort=colour", "status=lost", "page_size=501"] {
        let refused = world.get(&world.auditor, &format!("/trades?{bad}")).await;
        assert_eq!(refused.refusal(), (422, "invalid".into()), "{bad}");
    }
    let mut orders = vec![
        "no",
        "updated_at",
        "notional",
        "start",
        "end",
        "next_observation",
    ];
    orders.extend(["counterparty", "underlying", "product", "status"]);
    for order in orders {
        for sign in ["", "-"] {
            let mut ids = Vec::new();
            let mut path = format!("/trades?sort={sign}{order}&page_size=2");
            loop {
                let page = world.get(&world.auditor, &path).await.is(200);
                let items = page["items"].as_array().unwrap().iter();
                ids.extend(items.map(|row| row["id"].as_str().unwrap().to_owned()));
                let Some(token) = page["next_page_token"].as_str() else {
                    break;
                };
                path = format!("/trades?sort={sign}{order}&page_size=2&page_token={token}");
            }
            let total: i64 = all["counts"]
                .as_object()
                .unwrap()
                .values()
                .map(|n| n.as_i64().unwrap())
                .sum();
            assert_eq!(ids.len() as i64, total, "{sign}{order}");
            ids.sort();
            ids.dedup();
            assert_eq!(ids.len() as i64, total, "{sign}{order}: each trade once");
        }
    }
}

pub async fn changes_are_told_live_to_readers_alone(world: &World) {
    let path = "/events/stream?topics=list:otc-trades,otc-trade:B-20";
    let stream = world.get(&world.auditor, path).await;
    assert_eq!(stream.status, 200);
    assert_eq!(stream.header("content-type"), "text/event-stream");
    let refused = world
        .get(&world.auditor, "/events/stream?topics=job:1")
        .await;
    assert_eq!(refused.status.as_u16(), 403);
    let developer = world.token("developer", Role::Developer).await;
    assert_eq!(world.get(&developer, path).await.status, 403);
}

/// What people decided is in the evidence log, and the log is whole.
pub async fn decisions_are_evidence(world: &World) {
    let evidence = world.api.web.evidence();
    let mut kinds = std::collections::BTreeSet::new();
    let query = rialto_platform_evidence::RecordQuery {
        from_seq: Some(0),
        limit: 1_000,
        ..Default::default()
    };
    for record in evidence.records(&world.db, &query).await.unwrap() {
        kinds.insert(record.kind);
    }
    for kind in [
        "otc_booking",
        "approval",
        "otc_correction",
        "otc_settlement",
        "otc_quote",
        "otc_fixings",
        "otc_event",
        "otc_snapshot",
        "otc_valuation",
    ] {
        assert!(kinds.contains(kind), "{kind}: {kinds:?}");
    }
}
