//! Fixings with mistakes, outliers and prices typed by hand.

use serde_json::{Value, json};

use crate::world::{CODE, World};

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
        2024-05-14,XSHG:000905,5705,vendor\n";
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
            (3, "date", "E-FIXING-SESSION"),
            (4, "underlying", "E-FIXING-CODE"),
            (5, "value", "E-FIXING-VALUE"),
            (6, "date", "E-FIXING-DATE"),
            (7, "date", "E-FIXING-FUTURE"),
            (8, "value", "E-FIXING-TWICE"),
        ]
    );
    assert_eq!(
        (told["rows"].as_u64(), told["new"].as_u64()),
        (Some(8), Some(2))
    );
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
    let body = json!({"terms": crate::world::snowball("B-30")});
    world.post(&world.trader, "/trades", body).await.is(201);
    world.make_live("B-30").await;
    assert_eq!(world.trade("B-30").await["observed_to"], "2024-05-15");
}
