//! Decisions about a trade: why, by whom, signed by whom.

use serde_json::{Value, json};

use crate::book::live;
use crate::world::{Answer, World, market, snowball};

const ON: &str = "2024-05-10";

/// Every decision that a second person signs, as it may be sent about a snowball in force.
fn decisions(trade: &str) -> Vec<(&'static str, Value)> {
    let mut sheet = snowball(trade);
    sheet["version"] = 2.into();
    let mut longer = sheet.clone();
    longer["dates"]["end"] = "2026-06-11".into();
    let part =
        json!({"size": "5000000", "unwind": "4900000", "fee": "0", "pay_date": "2024-05-15"});
    let whole = json!({"unwind": "19800000", "fee": "1000", "pay_date": "2024-05-15"});
    let novate = json!({"form": "one_leg", "replacement": "none", "unwind": "0", "fee": "0",
        "pay_date": "2024-05-15"});
    vec![
        ("amend", json!({"sheet": sheet})),
        ("extend", json!({"sheet": longer})),
        ("terminate-partial", part.clone()),
        ("notional-increase", part),
        ("terminate", whole),
        ("novate", novate),
        ("cancel", json!({})),
    ]
}

async fn send(world: &World, token: &str, trade: &str, body: &Value) -> Answer {
    let seen = world.get(&world.auditor, &format!("/trades/{trade}")).await;
    let tag = seen.header("etag").to_owned();
    let path = format!("/trades/{trade}/events");
    world
        .call_if(token, "POST", &path, Some(&tag), Some(body.clone()))
        .await
}

pub async fn every_decision_has_a_reason_and_a_second_person(world: &World) {
    live(world, "D-1").await;
    let before = world.trade("D-1").await;
    for (kind, payload) in decisions("D-1") {
        let mut body = json!({"event_id": format!("{kind}-1"), "kind": kind, "effective": ON,
            "payload": payload});
        for silent in [Value::Null, "".into(), "  ".into()] {
            body["reason"] = silent;
            let refused = send(world, &world.trader, "D-1", &body).await;
            let error = refused.json()["errors"][0].clone();
            assert_eq!(
                (refused.status.as_u16(), &error["code"]),
                (422, &json!("E-BOOK-REASON")),
                "{kind}"
            );
            for lang in ["en", "zh"] {
                let text = refused.json()["text"][lang].to_string();
                assert!(text.contains(kind) && text.contains("reason"), "{text}");
            }
        }
        body["reason"] = "agreed by letter".into();
        let other = send(world, &world.auditor, "D-1", &body).await;
        assert_eq!(other.refusal(), (403, "forbidden".into()), "{kind}");
        let sent = send(world, &world.trader, "D-1", &body).await;
        if kind == "novate" {
            // Its replacement is not there; the rest of its rules has a story of its own.
            assert_eq!(sent.refusal(), (409, "E-BOOK-NOVATION".into()));
            continue;
        }
        let approval = sent.is(202)["approval"].clone();
        assert_eq!(approval["reason"], "agreed by letter", "{kind}");
        assert_eq!(approval["event_kind"], kind);
        assert!(
            approval["difference"]["zh"].is_string(),
            "{kind}: {approval}"
        );
        let id = approval["id"].as_str().unwrap();
        let own = world.approve(&world.trader, id).await;
        assert_eq!(own.status, 403, "{kind}: {}", own.text());
        let path = format!("/approvals/{id}/reject");
        let no = json!({"comment": "not agreed"});
        world.post(&world.risk, &path, no).await.is(200);
        let decided = world.approve(&world.risk, id).await;
        assert_eq!(decided.refusal().1, "E-APPROVAL-DECIDED", "{kind}");
    }
    let after = world.trade("D-1").await;
    assert_eq!(
        after["seq"], before["seq"],
        "nothing that was refused is recorded"
    );
    assert_eq!(after["open_approval"], Value::Null);
}

/// A payment is due by its contract: who sends it need not say why, and it is told all the same.
pub async fn the_approval_of_a_payment_says_what_it_is_for(world: &World) {
    live(world, "D-2").await;
    let told = world.get(&world.auditor, "/trades/D-2/flows").await.is(200);
    let id = told["items"][0]["id"].as_str().unwrap().replace('/', "%2F");
    let path = format!("/flows/D-2/{id}/instruct");
    let waits = world
        .post(&world.settlement, &path, json!({}))
        .await
        .is(202);
    assert_eq!(
        waits["approval"]["reason"],
        "paid_in 2024-03-11: principal 20,000,000"
    );
}

pub async fn a_cancelled_trade_is_worth_nothing_and_says_why(world: &World) {
    live(world, "D-3").await;
    let cancel = json!({"event_id": "off", "kind": "cancel", "effective": ON,
        "reason": "booked twice", "payload": {}});
    let waits = send(world, &world.trader, "D-3", &cancel).await.is(202);
    let id = waits["approval"]["id"].as_str().unwrap().to_owned();
    let done = world.approve(&world.risk, &id).await.is(200);
    assert_eq!(done["recorded"]["status"], "cancelled");
    let flows = world.get(&world.auditor, "/trades/D-3/flows").await.is(200);
    for flow in flows["items"].as_array().unwrap() {
        assert_eq!(flow["status"], "reversed", "{flow}");
    }
    let day = market(ON, "5700");
    let day = world.post(&world.trader, "/snapshots", day).await.json();
    let path = format!(
        "/trades/D-3/valuation?snapshot_id={}",
        day["id"].as_str().unwrap()
    );
    let value = world.get(&world.auditor, &path).await.is(200);
    for part in ["value", "value_open", "value_determined"] {
        assert_eq!(value[part], 0.0, "{part}");
    }
    assert_eq!(value["engine"], "determined/1");
    let why = json!({"engine": "determined/1", "chosen": true,
        "reason": "determined flows discounted: nothing is left to be observed",
        "reason_zh": "已确定现金流贴现：没有剩余观察"});
    assert_eq!(value["why"], json!([why]));
    let note =
        json!({"code": "N-ENDED", "en": "nothing is left to be observed", "zh": "已无待观察事项"});
    assert!(
        value["notes"].as_array().unwrap().contains(&note),
        "{value}"
    );
    let row = world.trade("D-3").await;
    assert_eq!(row["status"], "cancelled");
}
