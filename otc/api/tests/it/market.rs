//! Term sheets, templates, markets, prices, ladders, solved unknowns, quotes.

use serde_json::{Value, json};

use crate::world::{World, market, snowball};

pub async fn sheets_are_checked_with_all_findings(world: &World) {
    let good = json!({"terms": snowball("V-1")});
    let told = world
        .post(&world.auditor, "/termsheets/validate", good)
        .await
        .is(200);
    assert_eq!(told["valid"], true);
    assert_eq!(told["summary"]["product"], "snowball");
    assert!(told["summary"]["words"]["zh"].as_array().unwrap().len() > 5);
    let mut wrong = snowball("V-2");
    wrong["terms"]["ki"]["level"] = "103%".into();
    wrong["terms"]["coupon"]["rate"] = "x".into();
    let text = serde_json::to_string_pretty(&wrong).unwrap();
    let told = world
        .post(
            &world.auditor,
            "/termsheets/validate",
            json!({"terms": text}),
        )
        .await
        .is(200);
    assert_eq!(told["valid"], false);
    let finding = &told["findings"][0];
    assert!(finding["line"].as_u64().unwrap() > 1, "{finding}");
    assert!(!finding["text"]["zh"].as_str().unwrap().is_empty());
    let refused = world
        .post(&world.auditor, "/termsheets/validate", json!({}))
        .await;
    assert_eq!(refused.refusal(), (422, "invalid".into()));
}

/// The last of two values would win in silence; which one was meant is nothing to guess.
pub async fn a_name_given_twice_is_refused_wherever_it_is_read(world: &World, snapshot: &str) {
    let one = "\"notional\":\"20000000\"";
    let sheet = snowball("V-3").to_string();
    assert!(sheet.contains(one));
    let sheet = sheet.replacen(one, &format!("{one},\"notional\":\"30000000\""), 1);
    let spot = "\"spot\":\"5802.16\"";
    let market = market("2024-03-11", "5802.16").to_string();
    assert!(market.contains(spot));
    let market = market.replacen(spot, &format!("{spot},\"spot\":\"58\""), 1);
    let priced = format!("{{\"terms\":{sheet},\"snapshot_id\":\"{snapshot}\"}}");
    let solved =
        format!("{{\"terms\":{sheet},\"snapshot_id\":\"{snapshot}\",\"unknown\":\"coupon\"}}");
    let items = "{\"items\":[{\"value\":\"5700\",\"value\":\"5701\"}]}";
    let rows = [
        (
            "/termsheets/validate",
            format!("{{\"terms\":{sheet}}}"),
            "/terms/notional",
        ),
        ("/prices", priced, "/terms/notional"),
        ("/solves", solved, "/terms/notional"),
        (
            "/trades",
            format!("{{\"terms\":{sheet}}}"),
            "/terms/notional",
        ),
        ("/snapshots", market, "/underlyings/XSHG:000905/spot"),
        ("/fixings", items.to_owned(), "/items/0/value"),
    ];
    for (path, body, at) in rows {
        let who = match path {
            "/fixings" => &world.middle,
            _ => &world.trader,
        };
        let refused = world.post_text(who, path, body).await;
        assert_eq!(refused.status, 422, "{path}: {}", refused.text());
        let told = refused.json();
        assert_eq!(told["errors"][0]["pointer"], at, "{path}");
        assert_eq!(told["errors"][0]["code"], "duplicate_name", "{path}");
        for lang in ["en", "zh"] {
            assert!(told["text"][lang].as_str().unwrap().contains(at), "{told}");
        }
    }
    // As text, with line and column.
    let told = world
        .post(
            &world.auditor,
            "/termsheets/validate",
            json!({"terms": sheet}),
        )
        .await
        .is(200);
    let finding = &told["findings"][0];
    assert_eq!(
        (&finding["code"], &finding["pointer"], &finding["line"]),
        (&json!("E-DOC-DUPLICATE"), &json!("/notional"), &json!(1))
    );
}

pub async fn every_product_has_a_template(world: &World) {
    let told = world.get(&world.auditor, "/templates").await.is(200);
    let items = told["items"].as_array().unwrap();
    assert!(items.len() >= 29, "{}", items.len());
    for item in items {
        let body = json!({"terms": item["example"]});
        let told = world
            .post(&world.auditor, "/termsheets/validate", body)
            .await
            .is(200);
        assert_eq!(
            told["valid"], true,
            "{}: {}",
            item["name"], told["findings"]
        );
    }
    assert_eq!(world.get("", "/templates").await.status, 401);
}

pub async fn a_market_is_one_whatever_its_spelling(world: &World) -> String {
    let body = market("2024-03-11", "5802.16");
    let made = world
        .post(&world.trader, "/snapshots", body.clone())
        .await
        .is(201);
    let id = made["id"].as_str().unwrap().to_owned();
    let mut spelled = body;
    spelled["underlyings"]["XSHG:000905"]["spot"] = "5802.160".into();
    let again = world.post(&world.risk, "/snapshots", spelled).await.is(200);
    assert_eq!(again["id"], made["id"]);
    assert_eq!(again["created_by"], "trader");
    let listed = world
        .get(&world.auditor, "/snapshots?page_size=1")
        .await
        .is(200);
    assert_eq!(listed["items"][0]["names"], json!(["XSHG:000905"]));
    let shown = world
        .get(&world.auditor, &format!("/snapshots/{id}"))
        .await
        .is(200);
    assert_eq!(shown["content"]["schema"], "rialto.market/1");
    let mut bad = market("2024-03-11", "-1");
    bad["underlyings"]["XSHG:000905"]["vol"] = "-5%".into();
    let refused = world.post(&world.trader, "/snapshots", bad).await;
    assert_eq!(refused.refusal(), (422, "invalid".into()));
    assert!(refused.json()["findings"].as_array().unwrap().len() >= 2);
    let refused = world
        .post(&world.auditor, "/snapshots", market("2024-03-11", "1"))
        .await;
    assert_eq!(refused.refusal(), (403, "forbidden".into()));
    assert_eq!(
        world.get(&world.auditor, "/snapshots/none").await.status,
        404
    );
    let refused = world.get(&world.auditor, "/snapshots?page_token=x").await;
    assert_eq!(refused.refusal(), (400, "invalid_page_token".into()));
    id
}

pub async fn sheets_are_priced(world: &World, snapshot: &str) {
    let mut sheet = snowball("P-1");
    sheet["underlying"]["initial"] = "5802.16".into();
    let body = json!({"terms": sheet, "snapshot_id": snapshot});
    let priced = world
        .post(&world.auditor, "/prices", body.clone())
        .await
        .is(200);
    let value = priced["value"].as_f64().unwrap();
    assert!((15e6..25e6).contains(&value), "{value}");
    assert_eq!(priced["house_value"].as_f64(), Some(-value));
    assert!(
        priced["why"]
            .as_array()
            .unwrap()
            .iter()
            .any(|why| why["chosen"] == true)
    );
    let mut inline = json!({"terms": sheet, "market": market("2024-03-11", "5802.16")});
    inline["greeks"] = "none".into();
    let again = world.post(&world.auditor, "/prices", inline).await.is(200);
    assert_eq!(again["value"], priced["value"]);
    let mut named = body;
    named["engine"] = "abacus".into();
    let refused = world.post(&world.auditor, "/prices", named).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("there are"), "{}", refused.text());

    let ladder = json!({"terms": sheet, "snapshot_id": snapshot, "from": 4000.0, "to": 7000.0,
        "count": 7});
    let told = world
        .post(&world.auditor, "/ladders", ladder.clone())
        .await
        .is(200);
    let points = told["points"].as_array().unwrap();
    assert_eq!(points.len(), 7);
    let at = |n: usize| points[n]["value"].as_f64().unwrap();
    assert!(at(0) < at(6), "{points:?}");
    let mut bad = ladder;
    bad["count"] = 1.into();
    let refused = world.post(&world.auditor, "/ladders", bad).await;
    assert_eq!(refused.refusal(), (422, "invalid".into()));

    let solve = json!({"terms": sheet, "snapshot_id": snapshot, "unknown": "coupon",
        "target": "100%", "increment": "0.0001"});
    let told = world
        .post(&world.auditor, "/solves", solve.clone())
        .await
        .is(200);
    assert!(told["rounded"].as_str().unwrap().ends_with('%'), "{told}");
    let mut percent = solve.clone();
    percent["increment"] = "0.01%".into();
    let same = world.post(&world.auditor, "/solves", percent.clone()).await;
    assert_eq!(same.is(200)["rounded"], told["rounded"]);
    percent["increment"] = "0%".into();
    let refused = world.post(&world.auditor, "/solves", percent).await;
    assert_eq!(refused.refusal(), (422, "invalid".into()));
    let mut solved = json!({"terms": told["terms"], "snapshot_id": snapshot});
    solved["greeks"] = "none".into();
    let value = world.post(&world.auditor, "/prices", solved).await.is(200)["value"].as_f64();
    assert!((value.unwrap() - 2e7).abs() < 2e7 * 2e-4, "{value:?}");
    let mut bad = solve;
    bad["unknown"] = "colour".into();
    let refused = world.post(&world.auditor, "/solves", bad).await;
    assert_eq!(refused.refusal(), (422, "invalid".into()));
}

fn request(snapshot: &str, minutes: u32) -> Value {
    json!({"terms": snowball("ASK"), "unknown": "coupon", "side": "house_sells",
        "counterparty": "Sample fund", "snapshot_id": snapshot,
        "spreads": {"vol": 0.01, "q": 0.005, "r": 0.001},
        "charges": {"hedge_bp": 5.0, "margin_bp": 30.0}, "valid_minutes": minutes})
}

/// Quotes; the id of the trade that one of them became.
pub async fn a_quote_becomes_a_trade_in_one_step(world: &World, snapshot: &str) -> String {
    let made = world
        .post(&world.trader, "/quotes", request(snapshot, 30))
        .await;
    let tag = made.header("etag").to_owned();
    let quote = made.is(201);
    assert_eq!(quote["status"], "firm");
    assert_eq!(quote["corners"].as_array().unwrap().len(), 8);
    assert!(quote["edge"].as_f64().unwrap() >= 0.0);
    let id = quote["id"].as_str().unwrap().to_owned();
    let path = format!("/quotes/{id}");
    assert_eq!(
        world.get(&world.auditor, &path).await.is(200)["solved"],
        quote["solved"]
    );
    let listed = world
        .get(&world.auditor, "/quotes?status=firm")
        .await
        .is(200);
    assert_eq!(listed["items"][0]["id"], quote["id"]);
    let refused = world.get(&world.auditor, "/quotes?status=lost").await;
    assert_eq!(refused.refusal(), (422, "invalid".into()));
    assert_eq!(world.get(&world.auditor, "/quotes/none").await.status, 404);
    let mut bad = request(snapshot, 30);
    bad["side"] = "both".into();
    assert_eq!(world.post(&world.trader, "/quotes", bad).await.status, 422);

    let accept = format!("{path}/accept");
    let blind = world.post(&world.trader, &accept, json!({})).await;
    assert_eq!(blind.refusal(), (428, "precondition_required".into()));
    let slipped = world
        .call_if(
            &world.trader,
            "POST",
            &accept,
            Some(&tag),
            Some(json!({"spot": "5830"})),
        )
        .await;
    assert_eq!(slipped.refusal(), (409, "E-QUOTE-SLIPPED".into()));
    let accepted = world
        .call_if(
            &world.trader,
            "POST",
            &accept,
            Some(&tag),
            Some(json!({"spot": "5803"})),
        )
        .await
        .is(201);
    let trade = accepted["trade"]["id"].as_str().unwrap().to_owned();
    assert_eq!(accepted["quote"]["status"], "booked");
    assert_eq!(accepted["quote"]["trade_id"], accepted["trade"]["id"]);
    assert_eq!(accepted["trade"]["status"], "draft");
    assert_eq!(accepted["trade"]["quote_id"], quote["id"]);
    assert_eq!(accepted["trade"]["terms"]["terms"], quote["terms"]["terms"]);
    let again = world
        .call_if(&world.trader, "POST", &accept, Some(&tag), Some(json!({})))
        .await;
    assert_eq!(again.refusal(), (412, "stale_version".into()));

    // A spot that is told does not stand against a market entered since.
    let made = world.post(&world.trader, "/quotes", request(snapshot, 30));
    let made = made.await.is(201);
    let later = market("2024-03-12", "5990");
    world.post(&world.trader, "/snapshots", later).await.is(201);
    let path = format!("/quotes/{}/accept", made["id"].as_str().unwrap());
    let told = Some(json!({"spot": "5803"}));
    let slipped = world.call_if(&world.trader, "POST", &path, Some("*"), told);
    assert_eq!(slipped.await.refusal(), (409, "E-QUOTE-SLIPPED".into()));

    let made = world
        .post(&world.trader, "/quotes", request(snapshot, 0))
        .await
        .is(201);
    assert_eq!(made["status"], "indicative");
    let path = format!("/quotes/{}", made["id"].as_str().unwrap());
    let refused = world
        .call_if(
            &world.trader,
            "POST",
            &format!("{path}/accept"),
            Some("*"),
            Some(json!({})),
        )
        .await;
    assert_eq!(refused.refusal(), (409, "E-QUOTE-STATUS".into()));
    let reject = format!("{path}/reject");
    let body = json!({"reason": "too dear"});
    assert_eq!(
        world
            .post(&world.trader, &reject, body.clone())
            .await
            .is(200)["status"],
        "rejected"
    );
    assert_eq!(
        world.post(&world.trader, &reject, body).await.refusal().0,
        409
    );
    trade
}

/// The engines that may be asked for, to whoever may read.
pub async fn engines_are_told(world: &World) {
    let told = world.get(&world.auditor, "/engines").await.is(200);
    let all = told["items"].as_array().unwrap();
    assert!(
        all.iter().any(|engine| engine["name"] == "quad1d"),
        "{told}"
    );
    assert_eq!(world.get("none", "/engines").await.status, 401);
}

/// Who names an engine or a model gets it, in quotes, ladders and solved unknowns too, or reads why
/// not; nothing else steps in.
pub async fn a_named_engine_and_model_are_kept(world: &World) {
    let day = market("2024-03-11", "5802.16");
    let made = world.post(&world.trader, "/snapshots", day).await;
    let snapshot = &made.json()["id"].as_str().unwrap().to_owned();
    let mut terms = snowball("ASK");
    terms["template"] = "european/1".into();
    terms.as_object_mut().unwrap().remove("preset");
    terms["underlying"] = json!({"code": "XSHG:000905", "initial": "5802.16"});
    terms.as_object_mut().unwrap().remove("underlyings");
    terms["terms"] = json!({"type": "put", "strike": "95%"});
    let ask = |field: &str, name: &str| {
        let mut ask = json!({"terms": terms, "unknown": "premium", "side": "house_sells",
            "counterparty": "Fund", "snapshot_id": snapshot, "valid_minutes": 0});
        ask[field] = name.into();
        world.post(&world.trader, "/quotes", ask)
    };
    let made = ask("engine", "pde1d").await.is(201);
    assert_eq!(made["engine"], "pde1d/1");
    assert_eq!(made["model"], "quoted");
    let usual = ask("model", "gbm").await.is(201);
    assert_eq!(
        (&usual["engine"], &usual["model"]),
        (&json!("closed/1"), &json!("gbm"))
    );
    let fair = |quote: &Value| quote["fair_value"].as_f64().unwrap();
    let (made, usual) = (fair(&made), fair(&usual));
    assert!((made / usual - 1.0).abs() < 1e-4, "{made} {usual}");

    for (field, name, pointer, code) in [
        ("engine", "american", "/engine", "E-ENGINE-REFUSED"),
        ("engine", "oracle", "/engine", "E-ENGINE-UNKNOWN"),
        ("model", "sabr", "/model", "unknown"),
    ] {
        let refused = ask(field, name).await;
        assert_eq!(refused.status, 422, "{name}: {}", refused.text());
        let told = refused.json();
        assert_eq!(told["errors"][0]["pointer"], pointer, "{told}");
        assert!(told.to_string().contains(code), "{told}");
    }
    let ladder = json!({"terms": terms, "snapshot_id": snapshot, "from": 5000.0, "to": 6000.0,
        "count": 3, "engine": "pde1d"});
    let told = world.post(&world.auditor, "/ladders", ladder).await.is(200);
    assert_eq!(told["engine"], "pde1d/1");
    let solve = json!({"terms": terms, "snapshot_id": snapshot, "unknown": "strike",
        "target": "3%", "engine": "pde1d", "model": "gbm"});
    let told = world.post(&world.auditor, "/solves", solve).await.is(200);
    assert_eq!(told["engine"], "pde1d/1");
}

/// A desk that quotes firm on markets of two days at most makes an older one's quote indicative and
/// says why; today's is firm.
pub async fn an_old_market_binds_nobody_where_the_house_says_so(world: &World) {
    let day = market("2024-03-11", "5802.16");
    let made = world.post(&world.trader, "/snapshots", day).await.json();
    let asked = request(made["id"].as_str().unwrap(), 30);
    for (days, status) in [(2, "indicative"), (20_000, "firm")] {
        let quote = world
            .answers_with_market_days(days, &world.trader, "/quotes", asked.clone())
            .await
            .is(201);
        assert_eq!(quote["status"], status, "{quote}");
        let told = quote["notes"].to_string().contains("otc.market_days");
        assert_eq!(told, status == "indicative", "{quote}");
    }
}

/// An initial price that is not the known close of the start, and a direction that gave way to the
/// side asked for, are noted; what agrees is not.
pub async fn a_quote_says_what_it_did_not_take_as_written(world: &World) {
    let day = market("2024-03-11", "5802.16");
    let made = world.post(&world.trader, "/snapshots", day).await.json();
    let mut asked = request(made["id"].as_str().unwrap(), 0);
    let path = "/fixings?underlying=XSHG:000905&from=2024-03-11&to=2024-03-11";
    let known = world.get(&world.auditor, path).await.is(200);
    let close = known["items"][0]["value"].clone();
    assert!(
        close.is_string(),
        "the close of the start is known: {known}"
    );
    let codes = |quote: &Value| -> Vec<String> {
        let notes = quote["notes"].as_array().unwrap().iter();
        notes
            .map(|note| note["code"].as_str().unwrap().to_owned())
            .collect()
    };
    let mut told = Vec::new();
    for (initial, direction) in [(close, "house_sells"), (json!("5810"), "house_buys")] {
        asked["terms"]["underlying"]["initial"] = initial;
        asked["terms"]["direction"] = direction.into();
        let quote = world
            .post(&world.trader, "/quotes", asked.clone())
            .await
            .is(201);
        let mut codes = codes(&quote);
        codes.retain(|code| code == "N-INITIAL-CLOSE" || code == "N-QUOTE-DIRECTION");
        told.push(codes);
    }
    assert_eq!(told, [vec![], vec!["N-QUOTE-DIRECTION", "N-INITIAL-CLOSE"]]);
}

/// A surface that admits arbitrage makes no firm quote, however long it is to stand, and every answer
/// about it says so.
pub async fn a_surface_with_arbitrage_binds_nobody(world: &World) {
    let mut day = market("2024-03-11", "5802.16");
    let smile = |tenor: &str, a: f64| json!({"tenor": tenor, "a": a, "b": 0.05, "rho": -0.3, "m": 0, "s": 0.2});
    // Total variance falls from six months to two years.
    day["underlyings"]["XSHG:000905"]["vol"] =
        json!({"svi": [smile("6m", 0.05), smile("2y", 0.04)]});
    let made = world.post(&world.trader, "/snapshots", day).await.is(201);
    let told = |answer: &Value, code: &str| {
        let notes = answer["notes"].as_array().cloned().unwrap_or_default();
        notes.iter().any(|note| note["code"] == code)
    };
    let snapshot = made["id"].as_str().unwrap();
    let findings = made["findings"].to_string();
    assert!(findings.contains("E-ARB-CALENDAR"), "{made}");

    let price = json!({"terms": snowball("ARB"), "snapshot_id": snapshot, "greeks": "none"});
    let value = world.post(&world.auditor, "/prices", price).await.is(200);
    assert!(told(&value, "E-ARB-CALENDAR"), "{value}");

    let quote = world
        .post(&world.trader, "/quotes", request(snapshot, 30))
        .await
        .is(201);
    assert_eq!(quote["status"], "indicative", "{quote}");
    assert!(told(&quote, "N-QUOTE-INDICATIVE"), "{quote}");
    assert!(told(&quote, "E-ARB-CALENDAR"), "{quote}");
    assert!(told(&quote, "N-MARKET-OLD"), "{quote}");
    let path = format!("/quotes/{}/accept", quote["id"].as_str().unwrap());
    let refused = world
        .call_if(&world.trader, "POST", &path, Some("*"), Some(json!({})))
        .await;
    assert_eq!(refused.refusal(), (409, "E-QUOTE-STATUS".into()));
}

/// What the buyer pays for an option whose strike was asked for is its premium, in the quote and in
/// the book; a sheet that names another one is refused with both.
pub async fn what_a_buyer_pays_is_booked(world: &World) {
    let day = market("2024-03-11", "5802.16");
    let made = world.post(&world.trader, "/snapshots", day).await.is(201);
    let mut terms = snowball("OPT");
    terms["template"] = "european/1".into();
    terms.as_object_mut().unwrap().remove("preset");
    terms["underlying"] = json!({"code": "XSHG:000905", "initial": "5802.16"});
    terms["terms"] = json!({"type": "call", "strike": "100%"});
    let ask = |terms: &Value, unknown: &str| {
        json!({"terms": terms, "unknown": unknown, "side": "house_sells", "counterparty": "Fund",
            "snapshot_id": made["id"], "pays": "3%", "valid_minutes": 30})
    };
    let made = world.post(&world.trader, "/quotes", ask(&terms, "strike"));
    let made = made.await;
    let tag = made.header("etag").to_owned();
    let quote = made.is(201);
    assert_eq!(quote["pays"], 600_000.0);
    assert_eq!(quote["terms"]["premium"]["amount"], "600000");
    let accept = format!("/quotes/{}/accept", quote["id"].as_str().unwrap());
    let spot = Some(json!({"spot": "5802.16"}));
    let accepted = world.call_if(&world.trader, "POST", &accept, Some(&tag), spot);
    let trade = accepted.await.is(201)["trade"].clone();
    assert_eq!(trade["terms"]["premium"]["amount"], "600000");
    let id = trade["id"].as_str().unwrap();
    world.make_live(id).await;
    let path = format!("/trades/{id}/flows");
    let flows = world.get(&world.auditor, &path).await;
    let flows = flows.is(200)["items"].clone();
    let premium = flows.as_array().unwrap().iter();
    let premium: Vec<&Value> = premium.filter(|flow| flow["leg"] == "premium").collect();
    assert_eq!(premium.len(), 1, "{flows}");
    let (house, on) = (&premium[0]["house"], &premium[0]["pay_date"]);
    assert_eq!(
        (house, on),
        (&json!("600000.00"), &json!("2024-03-11")),
        "{flows}"
    );

    terms["premium"] = json!({"amount": "600000.01"});
    let refused = world.post(&world.trader, "/quotes", ask(&terms, "strike"));
    let refused = refused.await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    let told = refused.json();
    assert_eq!(told["errors"][0]["pointer"], "/terms/premium/amount");
    for lang in ["en", "zh"] {
        let text = told["text"][lang].as_str().unwrap();
        assert!(
            text.contains("600000.01") && text.contains(" 600000"),
            "{text}"
        );
    }
    terms["premium"] = json!({"amount": "600000.00", "date": "2024-03-13"});
    let same = world.post(&world.trader, "/quotes", ask(&terms, "strike"));
    let same = same.await.is(201);
    assert_eq!(same["terms"]["premium"]["date"], "2024-03-13");
    // The premium that is asked for is the answer, whatever the sheet began with.
    let asked = world.post(&world.trader, "/quotes", ask(&terms, "premium"));
    let asked = asked.await.is(201);
    let amount = asked["terms"]["premium"]["amount"].as_str().unwrap();
    assert_eq!(amount.parse::<f64>().ok(), asked["pays"].as_f64());
}

/// Flows of a trade as `leg house pay_date status`.
async fn flows(world: &World, id: &str) -> Vec<String> {
    let path = format!("/trades/{id}/flows");
    let told = world.get(&world.auditor, &path).await.is(200);
    let text = |flow: &Value, name: &str| flow[name].as_str().unwrap_or_default().to_owned();
    let items = told["items"].as_array().unwrap().iter();
    items
        .map(|flow| {
            let [leg, house, on] = ["leg", "house", "pay_date"].map(|name| text(flow, name));
            format!("{leg} {house} {on} {}", text(&flow["leg_text"], "zh"))
        })
        .collect()
}

/// The principal of a note is paid in when it is accepted: at par by itself, above or below it with
/// a premium; a trade booked directly pays it too.
pub async fn the_principal_of_a_note_is_paid_in(world: &World) {
    let day = market("2024-03-11", "5802.16");
    let made = world.post(&world.trader, "/snapshots", day).await.json();
    let mut terms = snowball("NOTE");
    terms["underlying"] = json!({"code": "XSHG:000905", "initial": "5802.16"});
    let ask = |terms: &Value, pays: &str| {
        json!({"terms": terms, "unknown": "coupon", "side": "house_sells", "counterparty": "Fund",
            "snapshot_id": made["id"], "pays": pays, "valid_minutes": 30})
    };
    let par = "paid_in 20000000.00 2024-03-11 期初投入本金";
    let rows = [
        ("100%", Value::Null, vec![par]),
        (
            "99%",
            json!("19800000"),
            vec![par, "premium -200000.00 2024-03-11 期权费"],
        ),
    ];
    for (pays, premium, wanted) in rows {
        let made = world
            .post(&world.trader, "/quotes", ask(&terms, pays))
            .await;
        let tag = made.header("etag").to_owned();
        let quote = made.is(201);
        assert_eq!(quote["terms"]["premium"]["amount"], premium, "{pays}");
        let accept = format!("/quotes/{}/accept", quote["id"].as_str().unwrap());
        let spot = Some(json!({"spot": "5802.16"}));
        let accepted = world.call_if(&world.trader, "POST", &accept, Some(&tag), spot);
        let trade = accepted.await.is(201)["trade"].clone();
        let id = trade["id"].as_str().unwrap();
        world.make_live(id).await;
        assert_eq!(flows(world, id).await, wanted, "{pays}");
        let told = world
            .get(&world.auditor, &format!("/trades/{id}/postings"))
            .await
            .is(200);
        let sides: Vec<(&Value, &Value)> = (told["items"].as_array().unwrap().iter())
            .map(|entry| (&entry["debit"], &entry["credit"]))
            .collect();
        assert_eq!(sides[0], (&json!("RECV"), &json!("FV")), "{told}");
        assert_eq!(sides.len(), wanted.len());
    }
    terms["premium"] = json!({"amount": "20000000"});
    let note = world
        .post(&world.trader, "/quotes", ask(&terms, "100%"))
        .await;
    assert_eq!(note.is(201)["terms"]["premium"]["amount"], "20000000");
    terms["premium"] = json!({"amount": "200000"});
    let booked = world.post(&world.trader, "/trades", json!({"terms": terms}));
    let refused = booked.await;
    assert_eq!(refused.refusal(), (422, "E-BOOK-PREMIUM".into()));
    assert!(refused.text().contains("20,200,000"), "{}", refused.text());
}
