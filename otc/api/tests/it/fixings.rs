//! Fixings with mistakes, outliers and prices typed by hand.

use serde_json::{Value, json};

use crate::world::{CODE, World, sessions, snowball};

fn item(date: &str, value: &str, source: &str) -> Value {
    json!({"underlying": CODE, "date": date, "value": value, "source": source})
}

pub async fn each_wrong_row_says_what_is_wrong_and_the_others_are_taken(world: &World) {
    let text = "date,underlying,value,source\n\
        2024-05-13,XSHG:000905,5700,vendor\n\
        2024-05-12,XSHG:000905,5700,vendor\n\
        2024-05-14,000905,5700,vendor\n\
        2024-05-14,XSHG:000905,-1,vendor\n\
        soon,XSHG:000905,5700,vendor\n\
        2044-05-16,XSHG:000905,5700,vendor\n\
        2024-05-13,XSHG:000905,5701,vendor\n\
        2024-05-14,XSHG:000905,5705,vendor\n\
        2024-05-15,XSHG:000905,5,705.1,vendor\n";
    let bytes = text.as_bytes().to_vec();
    let told = world
        .import(&world.middle, "text/csv", bytes, false)
        .await
        .is(200);
    let refused: Vec<(u64, &str, &str)> = told["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["row"].as_u64().unwrap(),
                row["column"].as_str().unwrap(),
                row["code"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        refused,
        [
            (2, "value", "E-FIXING-TWICE"),
            (3, "date", "E-FIXING-SESSION"),
            (4, "underlying", "E-FIXING-CODE"),
            (5, "value", "E-FIXING-VALUE"),
            (6, "date", "E-FIXING-DATE"),
            (7, "date", "E-FIXING-FUTURE"),
            (8, "value", "E-FIXING-TWICE"),
            (10, "value", "E-FIXING-CELLS"),
        ]
    );
    assert_eq!(
        (told["rows"].as_u64(), told["new"].as_u64()),
        (Some(9), Some(1))
    );
    // Of two prices for one day neither was taken, so the contract stops before that day.
    assert_ne!(world.trade("B-20").await["observed_to"], "2024-05-14");
    let body = json!({"items": [item("2024-05-13", "5700", "vendor")]});
    world.post(&world.middle, "/fixings", body).await.is(200);
    assert_eq!(world.trade("B-20").await["observed_to"], "2024-05-14");
}

pub async fn outliers_and_manual_prices_wait_for_a_second_person(world: &World) {
    let body = json!({"items": [item("2024-05-15", "7000", "vendor")]});
    let told = world.post(&world.middle, "/fixings", body).await.is(200);
    assert_eq!(told["outliers"][0]["before"], "5705");
    let outlier = told["approval"]["id"].as_str().unwrap().to_owned();
    assert_eq!(world.trade("B-20").await["observed_to"], "2024-05-14");
    let path = format!("/approvals/{outlier}/reject");
    world
        .post(&world.risk, &path, json!({"comment": "a slip"}))
        .await
        .is(200);

    let body = json!({"items": [item("2024-05-15", "5710", "manual")]});
    let told = world.post(&world.middle, "/fixings", body).await.is(200);
    let manual = told["approval"]["id"].as_str().unwrap().to_owned();
    let done = world.approve(&world.risk, &manual).await.is(200);
    assert_eq!(done["fixings"]["new"], 1);
    assert_eq!(world.trade("B-20").await["observed_to"], "2024-05-15");
    let listed = world
        .get(&world.auditor, "/fixings?from=2024-05-15&to=2024-05-15")
        .await
        .is(200);
    let row = &listed["items"][0];
    assert_eq!(
        (&row["maker"], &row["checker"]),
        (&json!("middleoffice"), &json!("risk"))
    );
    let refused = world.get(&world.auditor, "/fixings?from=soon").await;
    assert_eq!(refused.refusal(), (422, "invalid".into()));
    let body = json!({"items": [item("2024-05-16", "5710", "vendor")]});
    assert_eq!(
        world.post(&world.trader, "/fixings", body).await.status,
        403
    );
}

/// A trade booked after the fact is given every price of the house when it comes into force.
pub async fn a_late_trade_catches_up(world: &World) {
    let body = json!({"terms": snowball("B-30")});
    world.post(&world.trader, "/trades", body).await.is(201);
    world.make_live("B-30").await;
    assert_eq!(world.trade("B-30").await["observed_to"], "2024-05-15");
}

/// Prices that nobody looks at and prices given twice are taken, and the answer says so.
pub async fn what_a_file_gives_in_vain_is_said(world: &World) {
    let text = "date,underlying,value,source\n\
        2024-05-13,XSHG:000905,5700,vendor\n\
        2024-05-13,XSHG:000095,5700,vendor\n\
        2024-05-14,XSHG:000095,5710,vendor\n\
        2024-05-13,XSHG:000905,5700.0,vendor\n";
    let bytes = text.as_bytes().to_vec();
    let told = world
        .import(&world.middle, "text/csv", bytes, true)
        .await
        .is(200);
    assert_eq!(told["refused"], json!([]));
    let told: Vec<(u64, &str, &str)> = told["notices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|notice| {
            (
                notice["row"].as_u64().unwrap(),
                notice["code"].as_str().unwrap(),
                notice["message"]["en"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                5,
                "N-FIXING-AGAIN",
                "Row 5 gives a price that stands in the file already; it is taken once."
            ),
            (
                3,
                "N-FIXING-UNOBSERVED",
                "Row 3, 4: no trade of the book looks at the close of XSHG:000095. The prices are \
                 kept; check the code if a trade should."
            ),
        ]
    );
}

/// A price corrected by a file: why is asked for, waits with it, and stays in the history.
pub async fn a_file_that_corrects_says_why(world: &World) {
    let text = "date,underlying,value\n2024-05-14,XSHG:000905,5706\n2024-05-17,XSHG:000905,5712\n";
    let bytes = text.as_bytes().to_vec();
    let mute = world
        .import(&world.middle, "text/csv", bytes.clone(), false)
        .await;
    assert_eq!(mute.status, 422, "{}", mute.text());
    let told = mute.json();
    assert_eq!(told["errors"][0]["pointer"], "/reason");
    assert!(
        told["text"]["zh"].as_str().unwrap().contains("reason"),
        "{told}"
    );
    let path = "/fixings?from=2024-05-17&to=2024-05-17";
    let none = world.get(&world.auditor, path).await.is(200);
    assert_eq!(
        none["items"],
        json!([]),
        "nothing of such a file is entered"
    );

    // 交易所更正收盘价
    let query = "reason=%E4%BA%A4%E6%98%93%E6%89%80%E6%9B%B4%E6%AD%A3%E6%94%B6%E7%9B%98%E4%BB%B7";
    let asked = world
        .import_with(&world.middle, "text/csv", bytes, query)
        .await
        .is(200);
    assert_eq!(
        (asked["corrected"].as_u64(), asked["new"].as_u64()),
        (Some(1), Some(1))
    );
    let approval = &asked["approval"];
    assert_eq!(approval["reason"], "交易所更正收盘价");
    let id = approval["id"].as_str().unwrap().to_owned();
    world.approve(&world.risk, &id).await.is(200);
    let path = "/fixings?from=2024-05-14&to=2024-05-14";
    let row = world.get(&world.auditor, path).await.is(200)["items"][0].clone();
    assert_eq!(
        (&row["value"], &row["version"], &row["reason"]),
        (&json!("5706"), &json!(2), &json!("交易所更正收盘价"))
    );
    let events = world
        .get(&world.auditor, "/trades/B-20/events?page_size=1000")
        .await
        .is(200);
    let events = events["items"].as_array().unwrap();
    let corrected = events
        .iter()
        .find(|e| e["kind"] == "fixing-corrected")
        .unwrap();
    assert_eq!(corrected["payload"]["reason"], "交易所更正收盘价");
    for lang in ["en", "zh"] {
        let words = corrected["words"][lang].as_str().unwrap();
        assert!(words.contains("交易所更正收盘价"), "{words}");
    }
}

const OTHER: &str = "XSHG:000852";

/// A correction lets a trade live again that prices known since then knock out again: what is told
/// before and after the second person is the state that comes of both.
pub async fn a_correction_tells_what_known_prices_do_after_it(world: &World) {
    let mut terms = snowball("B-60");
    terms["underlying"] = json!({"code": OTHER, "initial": "5000"});
    let body = json!({"terms": terms});
    world.post(&world.trader, "/trades", body).await.is(201);
    world.make_live("B-60").await;
    let mut text = "date,underlying,value,source\n".to_owned();
    for day in sessions("2024-03-12", "2024-08-12") {
        let price = if day.as_str() < "2024-06-11" {
            5000
        } else {
            5100
        };
        text.push_str(&format!("{day},{OTHER},{price},vendor\n"));
    }
    let done = world.import(&world.middle, "text/csv", text.into_bytes(), false);
    done.await.is(200);
    let over = world.trade("B-60").await;
    assert_eq!(over["outcome"], "knocked_out 2024-06-11");

    let told = |report: &Value| {
        let effects = report["effects"].as_array().unwrap();
        let of = effects.iter().find(|effect| effect["trade_id"] == "B-60");
        of.unwrap()["difference"]["en"].as_str().unwrap().to_owned()
    };
    // With July's price in the same file the next knock-out is in August.
    let text = format!(
        "date,underlying,value\n2024-06-11,{OTHER},5010\n2024-07-11,{OTHER},5000\n\
         2024-08-12,{OTHER},5101\n"
    );
    let query = "dry_run=true&reason=closes";
    let both = world.import_with(&world.middle, "text/csv", text.into_bytes(), query);
    let both = told(&both.await.is(200));
    assert!(both.contains("knocked out on 2024-08-12"), "{both}");

    let text = format!("date,underlying,value\n2024-06-11,{OTHER},5010\n").into_bytes();
    let dry = world.import_with(&world.middle, "text/csv", text.clone(), query);
    let dry = told(&dry.await.is(200));
    assert!(
        dry.contains("knocked out on 2024-06-11 -> knocked out on 2024-07-11"),
        "{dry}"
    );
    let asked = world.import_with(&world.middle, "text/csv", text, "reason=closes");
    let approval = asked.await.is(200)["approval"].clone();
    assert_eq!(approval["difference"]["en"], format!("B-60\n{dry}\n"));
    let id = approval["id"].as_str().unwrap();
    let signed = world.approve(&world.risk, id).await.is(200);
    assert_eq!(told(&signed["fixings"]), dry);
    let after = world.trade("B-60").await;
    assert_eq!(
        (&after["status"], &after["outcome"]),
        (&json!("settling"), &json!("knocked_out 2024-07-11"))
    );
    // The cash that was told is the cash that is owed now.
    let flows = world.get(&world.auditor, "/trades/B-60/flows").await;
    let flows = flows.is(200)["items"].clone();
    let due: f64 = flows
        .as_array()
        .unwrap()
        .iter()
        .filter(|flow| flow["status"] == "determined")
        .map(|flow| flow["house"].as_str().unwrap().parse::<f64>().unwrap())
        .sum();
    let net = dry.lines().find(|line| line.starts_with("Net cash"));
    let net = net.unwrap().replace(',', "");
    assert!(net.contains(&format!("-> {due:.2}")), "{net}: {due}");

    // Far from the price before it and from the one after it, which the house knows already.
    let text = format!("date,underlying,value\n2024-07-11,{OTHER},4000\n").into_bytes();
    let asked = world.import_with(&world.middle, "text/csv", text, "reason=closes");
    let report = asked.await.is(200);
    assert_eq!(report["outliers"].as_array().unwrap().len(), 1, "{report}");
    let id = report["approval"]["id"].as_str().unwrap();
    world.approve(&world.risk, id).await.is(200);
    let after = world.trade("B-60").await;
    assert_eq!(after["outcome"], "knocked_out 2024-08-12");
}
