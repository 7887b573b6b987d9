//! The whole life of a snowball: quote, trade, fixings, knock-out, payment, and a correction three
//! weeks back.

use rust_xlsxwriter::Workbook;
use serde_json::{Value, json};

use crate::world::{CODE, World, csv, escaped, market, sessions};

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Five months of prices up to a knock-out on 12 August 2024.
fn prices() -> Vec<(String, String)> {
    let days = sessions("2024-03-11", "2024-08-12").into_iter();
    days.map(|day| {
        let price = match day.as_str() {
            "2024-03-11" => "5802.16",
            "2024-08-12" => "5820",
            _ => "5700",
        };
        (day, price.to_owned())
    })
    .collect()
}

fn book(days: &[String]) -> Vec<u8> {
    let mut book = Workbook::new();
    let page = book.add_worksheet();
    for (title, column) in ["日期", "标的", "收盘价", "来源"].iter().zip(0..) {
        page.write_string(0, column, *title).unwrap();
    }
    for (day, row) in days.iter().zip(1..) {
        page.write_string(row, 0, day).unwrap();
        page.write_string(row, 1, CODE).unwrap();
        page.write_number(row, 2, 5700.5).unwrap();
        page.write_string(row, 3, "vendor").unwrap();
    }
    book.save_to_buffer().unwrap()
}

pub async fn fixings_knock_it_out(world: &World, trade: &str) {
    world.make_live(trade).await;
    assert_eq!(world.trade(trade).await["next_observation"], "2024-03-11");
    let (file, rows) = (csv(&prices()), prices().len());
    let before = world.trade(trade).await;
    let dry = world
        .import(&world.middle, "text/csv", file.clone(), true)
        .await
        .is(200);
    assert_eq!(
        (dry["new"].as_u64(), &dry["dry_run"]),
        (Some(rows as u64), &json!(true))
    );
    let effect = effect(&dry, trade);
    assert!(
        effect["events"].as_array().unwrap().contains(&"ko".into()),
        "{effect}"
    );
    assert_eq!(
        world.trade(trade).await["seq"],
        before["seq"],
        "a dry run writes nothing"
    );
    let none = world.get(&world.auditor, "/fixings").await.is(200);
    assert_eq!(none["items"], json!([]));

    let done = world
        .import(&world.middle, "text/csv", file.clone(), false)
        .await
        .is(200);
    assert_eq!(done["new"], rows, "{done}");
    let after = world.trade(trade).await;
    assert_eq!(after["status"], "settling");
    assert_eq!(after["outcome"], "knocked_out 2024-08-12");
    let again = world
        .import(&world.middle, "text/csv", file, false)
        .await
        .is(200);
    assert_eq!(
        (again["new"].as_u64(), again["same"].as_u64()),
        (Some(0), Some(rows as u64))
    );
    assert_eq!(
        world.trade(trade).await["seq"],
        after["seq"],
        "no event twice"
    );

    let wrong = world
        .import(&world.middle, "image/png", Vec::new(), false)
        .await;
    assert_eq!(wrong.refusal(), (415, "unsupported_media_type".into()));
    let wrong = world
        .import(&world.middle, XLSX, b"PK".to_vec(), false)
        .await;
    assert_eq!(wrong.refusal(), (422, "invalid".into()));
}

fn effect<'r>(report: &'r Value, trade: &str) -> &'r Value {
    let effects = report["effects"].as_array().unwrap();
    effects
        .iter()
        .find(|effect| effect["trade_id"] == trade)
        .unwrap()
}

async fn open_flows(world: &World, trade: &str) -> Vec<Value> {
    let told = world
        .get(&world.auditor, &format!("/trades/{trade}/flows"))
        .await
        .is(200);
    let items = told["items"].as_array().unwrap().iter();
    items
        .filter(|flow| !matches!(flow["status"].as_str(), Some("settled" | "reversed")))
        .cloned()
        .collect()
}

/// The value of a trade at the close of a date.
async fn valued_on(world: &World, trade: &str, date: &str) -> f64 {
    let day = market(date, "5820");
    let made = world.post(&world.trader, "/snapshots", day).await.json();
    let id = made["id"].as_str().unwrap();
    let path = format!("/trades/{trade}/valuation?snapshot_id={id}");
    let found = world.get(&world.auditor, &path).await.is(200);
    found["value"].as_f64().unwrap()
}

/// What is determined and unpaid is the value of a trade that has ended; nothing of it moves.
async fn settling_is_worth_its_flows(world: &World, trade: &str, open: &[Value]) {
    let number = |value: &Value| match value {
        Value::String(text) => text.parse().unwrap(),
        other => other.as_f64().unwrap(),
    };
    let owed: f64 = open.iter().map(|flow| number(&flow["amount"]).abs()).sum();
    let day = market("2024-08-12", "5820");
    let made = world.post(&world.trader, "/snapshots", day).await.is(201);
    let at = |what: &str| {
        format!(
            "/trades/{trade}/{what}?snapshot_id={}",
            made["id"].as_str().unwrap()
        )
    };
    let value = world.get(&world.auditor, &at("valuation")).await.is(200);
    let pv = value["value"].as_f64().unwrap();
    assert!(pv < owed && pv > owed * 0.999, "{pv} {owed}");
    assert_eq!(value["value_open"], 0.0);
    assert_eq!(value["value_determined"], value["value"]);
    assert_eq!(value["engine"], "determined/1");
    assert_eq!(value["greeks"]["delta"], json!([0.0]));
    assert_eq!(value["error_estimate"]["abs"], 0.0);
    let odds = world
        .get(&world.auditor, &at("probabilities"))
        .await
        .is(200);
    assert_eq!(odds["items"], json!([]));
    let late = valued_on(world, trade, "2024-08-30").await;
    assert!(
        (late - owed).abs() < 1e-6,
        "overdue, undiscounted: {late} {owed}"
    );
    let over = world.get(&world.auditor, &at("payoff")).await.is(200);
    assert_eq!((&over["axis"], &over["payoff"]), (&json!([]), &json!([])));
    // Valuing the whole book counts it too.
    let day = json!({"snapshot_id": made["id"]});
    let marked = world.post(&world.risk, "/valuations", day).await.is(200);
    assert_eq!(
        (marked["over"].as_u64(), &marked["failed"]),
        (Some(1), &json!([]))
    );
    let row = world.trade(trade).await;
    assert_eq!(
        (row["pv"].as_f64(), &row["pv_as_of"]),
        (Some(-pv), &json!("2024-08-12"))
    );
}

/// The money of the buyer of a note comes first: its principal is a payment like any other.
pub async fn its_principal_is_paid_in(world: &World, trade: &str) {
    let open = open_flows(world, trade).await;
    let of = |leg: &str| {
        let found = open.iter().find(|flow| flow["leg"] == leg);
        found.unwrap_or_else(|| panic!("no {leg}: {open:?}"))
    };
    let (paid_in, back) = (of("paid_in"), of("principal"));
    assert_eq!(paid_in["amount"], back["amount"]);
    let ways = [paid_in, back].map(|flow| (flow["payer"].clone(), flow["payee"].clone()));
    assert_eq!(ways[0], (json!("counterparty"), json!("house")));
    assert_eq!(ways[1], (json!("house"), json!("counterparty")));
    assert_eq!(
        (&paid_in["leg_text"], &paid_in["trace_text"]),
        (
            &json!({"en": "principal paid in", "zh": "期初投入本金"}),
            &json!({"en": "principal 20,000,000", "zh": "本金 20,000,000"})
        )
    );
    let id = escaped(paid_in["id"].as_str().unwrap());
    let path = |step: &str| format!("/flows/{trade}/{id}/{step}");
    let waits = world
        .post(&world.settlement, &path("instruct"), json!({}))
        .await
        .is(202);
    let approval = waits["approval"]["id"].as_str().unwrap().to_owned();
    world.approve(&world.middle, &approval).await.is(200);
    let note = json!({"note": "bank 1"});
    world
        .post(&world.settlement, &path("settle"), note)
        .await
        .is(201);
    let postings = format!("/trades/{trade}/postings");
    let told = world.get(&world.auditor, &postings).await.is(200);
    assert_eq!(told["balances"]["CASH CNY"], "20000000.00", "{told}");
}

pub async fn flows_are_instructed_by_two_and_settled(world: &World, trade: &str) {
    let open = open_flows(world, trade).await;
    assert_eq!(open.len(), 2, "{open:?}");
    settling_is_worth_its_flows(world, trade, &open).await;
    let coupon = open.iter().find(|flow| flow["leg"] == "coupon").unwrap();
    assert_eq!(coupon["status"], "determined");
    assert!(
        coupon["trace"].as_str().unwrap().contains("20,000,000 x"),
        "{coupon}"
    );
    let listed = world
        .get(&world.auditor, "/flows?status=determined")
        .await
        .is(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    let refused = world.get(&world.auditor, "/flows?status=lost").await;
    assert_eq!(refused.refusal(), (422, "invalid".into()));
    assert_eq!(coupon["leg_text"], json!({"en": "coupon", "zh": "票息"}));
    a_rejected_instruction_can_be_given_again(world, trade, coupon).await;
    let other = world.token("settlement3", rialto_platform_identity::Role::Settlement);
    let other = other.await;
    for flow in &open {
        let id = escaped(flow["id"].as_str().unwrap());
        let path = |step: &str| format!("/flows/{trade}/{id}/{step}");
        let early = world
            .post(&world.settlement, &path("settle"), json!({}))
            .await;
        assert_eq!(early.refusal(), (409, "E-FLOW-STATUS".into()));
        let waits = world
            .post(&world.settlement, &path("instruct"), json!({}))
            .await
            .is(202);
        let approval = waits["approval"]["id"].as_str().unwrap().to_owned();
        let twice = world
            .post(&world.settlement, &path("instruct"), json!({}))
            .await
            .is(202);
        assert_eq!(
            twice["approval"]["id"], waits["approval"]["id"],
            "asked once"
        );
        let done = world.approve(&world.middle, &approval).await.is(200);
        assert_eq!(
            done["recorded"]["events"][0]["kind"],
            "settlement-instructed"
        );
        let refused = world
            .post(&world.settlement, &path("fail"), json!({}))
            .await;
        assert_eq!(refused.refusal(), (422, "E-BOOK-REASON".into()));
        let note = json!({"note": "account closed"});
        world
            .post(&world.settlement, &path("fail"), note)
            .await
            .is(201);
        let waits = world
            .post(&world.settlement, &path("instruct"), json!({}))
            .await
            .is(202);
        let approval = waits["approval"]["id"].as_str().unwrap().to_owned();
        world.approve(&world.middle, &approval).await.is(200);
        let note = json!({"note": "bank 7"});
        // Two people press the button at once: one of them settles, the other reads who did.
        let settle = path("settle");
        let (one, two) = tokio::join!(
            world.post(&world.settlement, &settle, note.clone()),
            world.post(&other, &settle, note.clone())
        );
        let (late, who) = match one.status == 201 {
            true => (two, "settlement"),
            false => (one, "settlement3"),
        };
        assert_eq!(late.refusal(), (409, "E-FLOW-STATUS".into()));
        let told = late.text();
        assert!(
            told.contains(&format!("settled already, by {who}")),
            "{told}"
        );
        settled_again(world, trade, &settle, note, who).await;
    }
    let unknown = format!("/flows/{trade}/nothing/instruct");
    assert_eq!(
        world
            .post(&world.settlement, &unknown, json!({}))
            .await
            .status,
        404
    );
    let unknown = format!("/flows/{trade}/nothing/settle");
    assert_eq!(
        world.post(&world.trader, &unknown, json!({})).await.status,
        403
    );
    let closed = world.trade(trade).await;
    assert_eq!(closed["status"], "closed");
    let paid = valued_on(world, trade, "2024-08-30").await;
    assert!(paid.abs() < 1e-9, "{paid}");
    // Paid in full it is worth nothing: once that is kept it is not valued again.
    let later = market("2024-08-20", "5700");
    let later = world.post(&world.trader, "/snapshots", later).await.is(201);
    let body = json!({"snapshot_id": later["id"]});
    for over in [1, 0] {
        let marked = world.post(&world.risk, "/valuations", body.clone()).await;
        let marked = marked.is(200);
        assert_eq!(
            (marked["over"].as_u64(), &marked["failed"]),
            (Some(over), &json!([]))
        );
        assert_eq!(world.trade(trade).await["pv"], 0.0);
    }
    let postings = world
        .get(&world.auditor, &format!("/trades/{trade}/postings"))
        .await
        .is(200);
    assert!(postings["items"].as_array().unwrap().len() >= 4);
    assert_eq!(
        postings["balances"].get("FV CNY"),
        None,
        "{}",
        postings["balances"]
    );
}

/// A second person said no: the same payment is asked for anew, not answered with the old no.
async fn a_rejected_instruction_can_be_given_again(world: &World, trade: &str, flow: &Value) {
    let id = escaped(flow["id"].as_str().unwrap());
    let path = format!("/flows/{trade}/{id}/instruct");
    let first = world
        .post(&world.settlement, &path, json!({}))
        .await
        .is(202);
    let other = world.token("settlement2", rialto_platform_identity::Role::Settlement);
    let other = other.await;
    let twice = world.post(&other, &path, json!({})).await;
    assert_eq!(twice.refusal(), (409, "E-BOOK-CONFLICT".into()));
    let text = twice.json()["text"].to_string();
    assert!(
        text.contains("settlement put this") && text.contains("正待复核"),
        "{text}"
    );
    let no = first["approval"]["id"].as_str().unwrap();
    let reject = format!("/approvals/{no}/reject");
    let why = json!({"comment": "another account"});
    world.post(&world.middle, &reject, why).await.is(200);
    let again = world
        .post(&world.settlement, &path, json!({}))
        .await
        .is(202);
    assert_ne!(again["approval"]["id"], first["approval"]["id"]);
    assert_eq!(again["approval"]["state"], "open");
}

/// The same money is never paid twice; who paid it, and when, is told.
async fn settled_again(world: &World, trade: &str, path: &str, note: Value, who: &str) {
    let postings = format!("/trades/{trade}/postings");
    let before = world.get(&world.auditor, &postings).await.is(200);
    let seq = world.trade(trade).await["seq"].clone();
    let twice = world.post(&world.settlement, path, note).await;
    assert_eq!(twice.refusal(), (409, "E-FLOW-STATUS".into()));
    let text = twice.json()["text"].clone();
    let today = jiff::tz::Offset::constant(8).to_datetime(jiff::Timestamp::now());
    for (lang, words) in [
        ("en", format!("settled already, by {who}")),
        ("zh", format!("已由 {who} 于")),
    ] {
        let told = text[lang].as_str().unwrap();
        for part in [words.as_str(), "bank 7", &today.date().to_string()] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
    let after = world.get(&world.auditor, &postings).await.is(200);
    assert_eq!(after, before, "nothing is posted twice");
    assert_eq!(world.trade(trade).await["seq"], seq);
}

/// Three weeks later the price of 12 August turns out to have been lower.
pub async fn a_correction_reopens_it(world: &World, trade: &str) {
    let days = sessions("2024-08-13", "2024-09-03");
    let known = jiff::Timestamp::now().to_string();
    let done = world
        .import(&world.middle, XLSX, book(&days), false)
        .await
        .is(200);
    assert_eq!(done["new"], days.len());
    assert_eq!(
        done["trades"], 0,
        "a trade that is over takes no new prices"
    );

    let body = json!({"items": [{"underlying": CODE, "date": "2024-08-12", "value": "5810",
        "source": "vendor"}], "reason": "the exchange corrected its close"});
    let asked = world
        .post(&world.middle, "/fixings", body.clone())
        .await
        .is(200);
    assert_eq!(asked["corrected"], 1);
    let approval = &asked["approval"];
    let expected = approval["difference"]["en"].as_str().unwrap();
    assert!(expected.contains("Status: closed -> live"), "{expected}");
    let again = world.post(&world.middle, "/fixings", body).await.is(200);
    assert_eq!(again["approval"]["id"], approval["id"], "asked once");
    assert_eq!(
        world.trade(trade).await["status"],
        "closed",
        "nothing happens unsigned"
    );

    let id = approval["id"].as_str().unwrap();
    let own = world.approve(&world.middle, id).await;
    assert_eq!(own.refusal(), (403, "E-BOOK-FOUR-EYES".into()));
    assert_eq!(
        world.approve(&world.trader, id).await.refusal(),
        (403, "forbidden".into())
    );
    let signed = world.approve(&world.risk, id).await.is(200);
    assert_eq!(signed["approval"]["checker"], "risk");
    let told = effect(&signed["fixings"], trade);
    let (en, zh) = (&told["difference"]["en"], &told["difference"]["zh"]);
    assert!(
        en.as_str().unwrap().contains("adjustment of coupon"),
        "{en}"
    );
    assert!(zh.as_str().unwrap().contains("已了结 → 存续"), "{zh}");
    assert_eq!(
        world.approve(&world.risk, id).await.refusal().1,
        "E-APPROVAL-DECIDED"
    );

    let alive = world.trade(trade).await;
    assert_eq!(alive["status"], "live");
    assert_eq!(
        alive["observed_to"], "2024-09-03",
        "it was given the prices it had missed"
    );
    assert_eq!(alive["flags"], json!(["review"]));
    let path = format!("/fixings?underlying={CODE}&to=2024-08-12");
    let listed = world.get(&world.auditor, &path).await.is(200);
    assert_eq!(listed["items"][0]["version"], 2);
    // As known before the correction, nothing of it shows.
    let path = format!("/trades/{trade}/state?known={}", escaped(&known));
    assert_eq!(
        world.get(&world.auditor, &path).await.is(200)["status"],
        "closed"
    );
    let path = format!("/trades/{trade}/state?effective=2024-07-31");
    let july = world.get(&world.auditor, &path).await.is(200);
    assert_eq!(
        (&july["status"], &july["observed_to"]),
        (&json!("live"), &json!("2024-07-31"))
    );
    let path = format!("/trades/{trade}/state?effective=x");
    assert_eq!(
        world.get(&world.auditor, &path).await.refusal(),
        (422, "invalid".into())
    );

    let note = json!({"review": 1, "note": "money is called back"});
    let done = world
        .signed(&world.middle, trade, "review-closed", note)
        .await;
    assert_eq!(done["recorded"]["status"], "live");
    assert_eq!(world.trade(trade).await["flags"], json!([]));
}

/// Plots and values of a trade in force.
pub async fn it_is_drawn_and_valued(world: &World, trade: &str) {
    let body = market("2024-09-03", "5700.5");
    let newest = world.post(&world.trader, "/snapshots", body).await.is(201);
    let of = |what: &str| format!("/trades/{trade}/{what}");
    let payoff = world.get(&world.auditor, &of("payoff")).await.is(200);
    let len = |name: &str| payoff[name].as_array().map(Vec::len);
    assert_eq!(len("axis"), len("payoff"));
    assert_eq!(len("axis"), len("knocked_in"));
    assert_eq!(len("axis"), len("value_now"), "{}", payoff["levels"]);
    // Between the knock-in level (71 %) and the initial price it matters whether it was knocked in;
    // below it the last day knocks it in itself.
    let axis = payoff["axis"].as_array().unwrap();
    let middle = axis
        .iter()
        .position(|price| price.as_f64().unwrap() > 4_640.0)
        .unwrap();
    let at = |name: &str, n: usize| payoff[name][n].as_f64().unwrap();
    assert!(
        at("knocked_in", middle) < at("payoff", middle),
        "a knock-in costs the holder"
    );
    assert_eq!(at("knocked_in", 0), at("payoff", 0));
    let kinds: Vec<&str> = payoff["levels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|level| level["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["knock_in", "knock_out", "initial"]);

    let path = world.get(&world.auditor, &of("path")).await.is(200);
    assert_eq!(
        path["points"].as_array().unwrap().len(),
        sessions("2024-03-11", "2024-09-03").len()
    );
    let barriers = path["barriers"].as_array().unwrap();
    let next = barriers
        .iter()
        .find(|b| b["kind"] == "knock_out" && b["status"] == "next");
    assert_eq!(next.unwrap()["date"], "2024-09-11");
    assert!(
        barriers.iter().all(|b| b["hit"] == false),
        "corrected: nothing was hit"
    );

    let odds = world
        .get(&world.auditor, &of("probabilities"))
        .await
        .is(200);
    let odds = odds["items"].as_array().unwrap();
    let sum: f64 = odds
        .iter()
        .filter(|o| o["kind"] == "knock_out")
        .map(|o| o["probability"].as_f64().unwrap())
        .sum();
    assert!(sum > 0.2 && sum <= 1.0 + 1e-9, "{odds:?}");

    let value = world.get(&world.auditor, &of("valuation")).await.is(200);
    assert_eq!(value["snapshot_id"], newest["id"]);
    assert!(value["value"].as_f64().unwrap() > 0.0);
    // Against an older market the trade is in the state of that day.
    let listed = world.get(&world.auditor, "/snapshots").await.is(200);
    let oldest = listed["items"].as_array().unwrap().last().unwrap()["id"].clone();
    let at = format!(
        "{}?snapshot_id={}",
        of("valuation"),
        oldest.as_str().unwrap()
    );
    let then = world.get(&world.auditor, &at).await.is(200);
    assert_ne!(then["value"], value["value"]);

    let marked = world
        .post(&world.risk, "/valuations", json!({}))
        .await
        .is(200);
    assert!(marked["valued"].as_u64().unwrap() >= 1, "{marked}");
    let row = world.trade(trade).await;
    let (pv, house) = (
        row["pv"].as_f64().unwrap(),
        value["house_value"].as_f64().unwrap(),
    );
    assert!((pv - house).abs() <= 1.0, "{pv} {house}");
    assert_eq!(row["pv_as_of"], "2024-09-03");

    let dates = world
        .get(&world.auditor, "/calendar?from=2024-09-04&kind=knock_out")
        .await
        .is(200);
    let dates = dates["items"].as_array().unwrap();
    assert_eq!(dates[0]["date"], "2024-09-11");
    assert!(dates[0]["probability"].as_f64().is_some() && dates[0]["distance"].is_number());
    watched_day_by_day(world, trade).await;
    let paid = world
        .get(&world.auditor, "/calendar?kind=payment&page_size=1")
        .await
        .is(200);
    let token = paid["next_page_token"].as_str().unwrap();
    let next = format!("/calendar?kind=payment&page_size=1&page_token={token}");
    let next = world.get(&world.auditor, &next).await.is(200);
    assert_ne!(paid["items"], next["items"]);

    for what in ["payoff", "path", "probabilities", "valuation"] {
        let gone = world
            .get(&world.auditor, &format!("/trades/none/{what}"))
            .await;
        assert_eq!(gone.status, 404, "{what}");
    }
    let refused = world.get(&world.auditor, "/calendar?from=soon").await;
    assert_eq!(refused.refusal(), (422, "invalid".into()));
    assert_eq!(
        world
            .post(&world.auditor, "/valuations", json!({}))
            .await
            .status,
        403
    );
}

/// The knock-in is looked at on every session: one item tells all of them.
async fn watched_day_by_day(world: &World, trade: &str) {
    let path = "/calendar?from=2024-09-07&to=2024-10-31&kind=knock_in";
    let told = world.get(&world.auditor, path).await.is(200);
    let items = told["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{told}");
    let (item, count) = (&items[0], |from| sessions(from, "2026-03-11").len());
    assert_eq!(
        (&item["trade_id"], &item["date"]),
        (&json!(trade), &json!("2024-09-09"))
    );
    assert_eq!(
        item["span"],
        json!({"first": "2024-03-12", "last": "2026-03-11", "next": "2024-09-09",
            "count": count("2024-03-12"), "left": count("2024-09-09")})
    );
    assert!(
        item["level"].is_string() && item["distance"].as_f64().unwrap() < 0.0,
        "{item}"
    );
    // Over pages each item comes once.
    let (mut path, mut seen) = ("/calendar?from=2024-09-04&page_size=1".to_owned(), 0);
    loop {
        let page = world.get(&world.auditor, &path).await.is(200);
        let items = page["items"].as_array().unwrap().iter();
        seen += items.filter(|item| item["span"].is_object()).count();
        let Some(token) = page["next_page_token"].as_str() else {
            break;
        };
        path = format!("/calendar?from=2024-09-04&page_size=1&page_token={token}");
    }
    assert_eq!(seen, 1);
    let past = "/calendar?from=2026-03-12&kind=knock_in";
    let past = world.get(&world.auditor, past).await.is(200);
    assert_eq!(past["items"], json!([]));
}

pub async fn tables_are_files(world: &World) {
    for table in ["trades", "events", "flows", "postings", "fixings", "quotes"] {
        let file = world
            .get(&world.auditor, &format!("/exports/{table}.csv"))
            .await;
        assert_eq!(file.status, 200, "{table}: {}", file.text());
        let text = file.text();
        assert!(
            text.starts_with('\u{feff}') && text.lines().count() > 1,
            "{table}"
        );
        let file = world
            .get(&world.auditor, &format!("/exports/{table}.xlsx"))
            .await;
        assert_eq!(file.status, 200, "{table}");
        assert!(
            file.header("content-disposition")
                .contains(&format!("otc-{table}.xlsx"))
        );
        let bytes = std::io::Cursor::new(file.body.to_vec());
        let mut book: calamine::Xlsx<_> = calamine::Reader::new(bytes).unwrap();
        let range = calamine::Reader::worksheet_range_at(&mut book, 0)
            .unwrap()
            .unwrap();
        assert_eq!(range.rows().count(), text.lines().count(), "{table}");
    }
    let refused = world
        .get(&world.auditor, "/exports/fixings.csv?product=snowball")
        .await;
    assert_eq!(refused.refusal(), (422, "invalid".into()));
    assert_eq!(
        world
            .get(&world.auditor, "/exports/secrets.csv")
            .await
            .status,
        404
    );
    let body = world
        .get(&world.auditor, "/exports/trades.csv?status=live")
        .await;
    assert_eq!(body.text().lines().count(), 2);
}
