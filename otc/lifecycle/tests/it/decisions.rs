//! Decisions about a trade: terms, parts, ends, rights.

use rialto_otc_lifecycle::payload::{
    Abandon, Amend, Cancel, Exercise, Link, LinkKind, Novate, NovationForm, Payload, Resize,
    Settlement, Terminate,
};
use rialto_otc_lifecycle::{
    Account, Document, Flow, FlowStatus, Language, Outcome, Status, TradeState, difference,
};
use rialto_otc_time::Date;
use serde_json::Value;

use crate::world::{ACCUMULATOR, Desk, SNOWBALL, at, d, date, json, sessions, shown};

/// A snowball whose principal is paid in, with its fixings up to a date.
fn snowball(to: &str) -> Desk {
    let mut desk = Desk::new("SB-2026-0091", "XSHG:000905", date("2026-03-06"));
    desk.live(&json(SNOWBALL), date("2026-03-06"));
    desk.pay(date("2026-03-09"));
    for day in sessions("2026-03-09", to) {
        desk.fix(
            day,
            if day == date("2026-03-09") {
                "5802.16"
            } else {
                "5700"
            },
        );
    }
    desk
}

fn open(desk: &Desk) -> String {
    desk.open().iter().map(shown).collect::<Vec<_>>().join("\n")
}

fn resize(size: &str, unwind: &str, fee: &str) -> Resize {
    Resize {
        fee: d(fee),
        pay_date: date("2026-05-21"),
        size: d(size),
        unwind: d(unwind),
    }
}

fn amended(version: u32, rate: &str) -> Amend {
    let mut sheet = json(SNOWBALL);
    sheet["version"] = version.into();
    sheet["terms"]["coupon"]["rate"] = rate.into();
    Amend {
        reason: "the coupon was agreed anew".to_owned(),
        sheet: Document(sheet),
    }
}

#[test]
fn a_part_ends_early_and_the_rest_pays_its_share() {
    let mut desk = snowball("2026-05-18");
    let part = resize("5000000", "4987000.5", "1000");
    desk.signed(date("2026-05-18"), Payload::TerminatePartial(part))
        .expect("ends in part");
    assert_eq!(desk.state().size, Some((d("15000000"), d("20000000"))));
    insta::assert_snapshot!(open(&desk), @r"
    2026-05-21 unwind 4987000.50 to Counterparty Determined = unwind price 4,987,000.5
    2026-05-21 fee 1000.00 to House Determined = fee to the house 1,000
    ");
    assert_eq!(
        desk.log.trade().accounts().balance(Account::Fee, "CNY"),
        d("-1000")
    );
    for day in sessions("2026-05-19", "2026-08-10") {
        desk.fix(
            day,
            if day == date("2026-08-10") {
                "5820"
            } else {
                "5700"
            },
        );
    }
    let coupon = desk
        .open()
        .into_iter()
        .find(|flow| flow.leg == "coupon")
        .expect("a coupon");
    assert_eq!(coupon.amount, d("930328.77"));
    assert_eq!(
        coupon.trace,
        "(20,000,000 x 14.7 % x 154/365) x 15000000/20000000"
    );
}

#[test]
fn other_terms_hold_from_their_date_on_and_a_backdated_amendment_adjusts_what_was_paid() {
    let mut desk = snowball("2026-08-07");
    desk.signed(date("2026-08-07"), Payload::Amend(amended(2, "10%")))
        .expect("amends");
    let state = desk.state();
    assert_eq!((state.contract_version, state.version), (2, 5));
    desk.fix(date("2026-08-10"), "5820");
    let coupon = desk
        .open()
        .into_iter()
        .find(|flow| flow.leg == "coupon")
        .expect("a coupon");
    assert_eq!(coupon.trace, "20,000,000 x 10 % x 154/365");
}

#[test]
fn an_extension_must_end_later() {
    let mut desk = snowball("2026-05-18");
    let mut longer = amended(2, "14.7%");
    longer.sheet.0["dates"]["end"] = "2028-06-09".into();
    let same = desk.signed(date("2026-05-18"), Payload::Extend(amended(2, "14.7%")));
    assert_eq!(same.expect_err("no later").code, "E-BOOK-EXTEND");
    desk.signed(date("2026-05-18"), Payload::Extend(longer))
        .expect("extends");
    for day in sessions("2026-05-19", "2028-06-09") {
        desk.fix(day, "5200");
    }
    assert_eq!(
        desk.state().outcome,
        Some((Outcome::Expired, date("2028-06-09")))
    );
}

#[test]
fn an_early_end_pays_its_price_and_nothing_after() {
    let mut desk = snowball("2026-05-18");
    let end = Terminate {
        fee: d("0"),
        pay_date: date("2026-05-21"),
        unwind: d("19900000"),
    };
    let receipt = desk
        .signed(date("2026-05-18"), Payload::Terminate(end))
        .expect("ends");
    assert_eq!(receipt.status, Some(Status::Settling));
    desk.pay(date("2026-05-21"));
    let trade = desk.log.trade();
    assert_eq!(trade.status(), Some(Status::Closed));
    assert_eq!(trade.accounts().balance(Account::Fv, "CNY"), d("0"));
    assert_eq!(
        trade.accounts().balance(Account::Cash, "CNY"),
        d("100000"),
        "20,000,000 paid in"
    );
}

fn novated(desk: &mut Desk) -> Value {
    let novate = Novate {
        fee: d("500"),
        form: NovationForm::ThreeParty,
        pay_date: date("2026-05-21"),
        replacement: "SB-2026-0092".to_owned(),
        transferee: Some("836800OTHERFUND00042".to_owned()),
        unwind: d("0"),
    };
    let mut nobody = novate.clone();
    nobody.transferee = None;
    let refused = desk.signed(date("2026-05-18"), Payload::Novate(nobody));
    assert_eq!(
        refused.expect_err("who?").pointer.as_ref(),
        "/payload/transferee"
    );
    desk.signed(date("2026-05-18"), Payload::Novate(novate))
        .expect("novates");
    let state = desk.state();
    assert_eq!(state.status, Some(Status::Settling));
    assert_eq!(state.replacement.as_deref(), Some("SB-2026-0092"));
    let mut sheet = json(SNOWBALL);
    sheet["trade_id"] = "SB-2026-0092".into();
    sheet["parties"]["counterparty"] = serde_json::json!({"lei": "836800OTHERFUND00042"});
    sheet["underlying"]["initial"] = "5802.16".into();
    sheet["state"] = serde_json::json!({"ki": true});
    sheet
}

#[test]
fn a_novated_trade_goes_on_with_another_party_from_where_it_was() {
    let mut old = snowball("2026-05-18");
    let sheet = novated(&mut old);
    let mut new = Desk::new("SB-2026-0092", "XSHG:000905", date("2026-05-18"));
    let link = Link {
        kind: LinkKind::NovatedFrom,
        trade_id: "SB-2026-0091".to_owned(),
    };
    let mut silent = sheet.clone();
    silent["state"] = serde_json::json!({});
    let book = rialto_otc_lifecycle::payload::Book {
        link: Some(link.clone()),
        quote: None,
        sheet: Document(silent),
    };
    let book = new.event(date("2026-05-18"), Payload::Book(book));
    let refusal = new.send(book).expect_err("knocked in or not?");
    assert_eq!(
        (refusal.code, refusal.value.as_deref()),
        ("E-BOOK-STATED", Some("ki"))
    );
    new.book(&sheet, date("2026-05-18"), Some(link.clone()));
    new.confirm(date("2026-05-18"));
    let state = new.state();
    assert_eq!(
        (state.waiting_for, state.link),
        (Some(date("2026-05-19")), Some(link))
    );
    for day in sessions("2026-05-19", "2028-03-09") {
        new.fix(day, "5200");
    }
    // Knocked in before the novation: the loss is paid.
    insta::assert_snapshot!(open(&new), @"2028-03-14 redemption 17924359.20 to Counterparty Determined = 20,000,000 - 20,000,000 x max(5,802.16 - 5,200, 0) / 5,802.16");
}

#[test]
fn a_cancelled_trade_leaves_nothing_behind() {
    let mut desk = Desk::new("AC-2026-0233", "XSGE:cu2609", date("2026-04-01"));
    desk.live(&json(ACCUMULATOR), date("2026-04-01"));
    for day in sessions("2026-04-02", "2026-04-03") {
        desk.fix(day, "78000");
    }
    desk.pay(date("2026-04-09"));
    desk.fix(date("2026-04-07"), "77000");
    let cancel = |pay_date: Option<Date>, reason: &str| {
        Payload::Cancel(Cancel {
            pay_date,
            reason: reason.to_owned(),
        })
    };
    let today = date("2026-04-09");
    let silent = desk.signed(today, cancel(Some(today), " "));
    assert_eq!(silent.expect_err("no reason").code, "E-BOOK-REASON");
    let undated = desk.signed(today, cancel(None, "booked twice"));
    assert_eq!(undated.expect_err("when?").code, "E-BOOK-CANCEL");
    desk.signed(today, cancel(Some(today), "booked twice"))
        .expect("cancels");
    let state = desk.state();
    assert_eq!(
        (state.status, state.net_cash()),
        (Some(Status::Cancelled), d("0"))
    );
    let reversed = state
        .flows
        .iter()
        .filter(|flow| flow.status == FlowStatus::Reversed);
    assert_eq!(reversed.count(), 1);
    desk.pay(today);
    assert!(desk.log.trade().accounts().balances().is_empty());
    let fixing = desk.fixing(date("2026-04-08"), "77000");
    assert_eq!(desk.send(fixing).expect_err("is over").code, "E-BOOK-STATE");
}

const CALL: &str = r#"{"schema":"rialto.otc/1","trade_id":"AM-1","direction":"house_sells",
    "underlying":{"code":"XSHG:000905","initial":"5800"},"quantity":"10",
    "dates":{"trade":"2026-03-06","start":"2026-03-09","end":"2026-06-09"},
    "premium":{"amount":"2100","date":"2026-03-12"},
    "template":"american/1","terms":{"type":"call","strike":"100%"},
    "payment":{"lag":3,"calendar":"CN-IB"}}"#;

fn call() -> Desk {
    let mut desk = Desk::new("AM-1", "XSHG:000905", date("2026-03-06"));
    desk.live(&json(CALL), date("2026-03-06"));
    desk
}

#[test]
fn an_exercise_pays_the_payoff_of_its_date_once() {
    let mut desk = call();
    insta::assert_snapshot!(open(&desk), @"2026-03-12 premium 2100.00 to House Determined = premium 2,100");
    let cash = Payload::Exercise(Exercise {
        settlement: Settlement::Cash,
    });
    let today = date("2026-04-15");
    let early = desk.event(today, cash.clone());
    assert_eq!(
        desk.send(early).expect_err("no price yet").code,
        "E-BOOK-WAITING"
    );
    desk.fix(today, "5923.5");
    let physical = Payload::Exercise(Exercise {
        settlement: Settlement::Physical,
    });
    let physical = desk.event(today, physical);
    assert_eq!(
        desk.send(physical).expect_err("no deliveries").code,
        "E-BOOK-PHYSICAL"
    );
    let exercise = desk.event(today, cash.clone());
    let receipt = desk.send(exercise).expect("exercises");
    assert_eq!(receipt.status, Some(Status::Settling));
    insta::assert_snapshot!(open(&desk), @r"
    2026-03-12 premium 2100.00 to House Determined = premium 2,100
    2026-04-20 exercise 1235.00 to Counterparty Determined = 10 x max(5,923.5 - 5,800, 0)
    ");
    let again = desk.event(today, cash);
    assert_eq!(desk.send(again).expect_err("once").code, "E-BOOK-STATE");
}

#[test]
fn a_right_used_with_hindsight_takes_two() {
    let mut desk = call();
    let day = date("2026-04-15");
    desk.fix(day, "5923.5");
    desk.fix(date("2026-04-16"), "5700");
    let exercise = Payload::Exercise(Exercise {
        settlement: Settlement::Cash,
    });
    let alone = desk.event(day, exercise.clone());
    let refused = desk.send(alone).expect_err("the next day is known");
    assert_eq!(refused.code, "E-BOOK-FOUR-EYES");
    let receipt = desk.signed(day, exercise).expect("signed");
    assert_eq!(receipt.status, Some(Status::Settling));
}

#[test]
fn a_price_that_hits_nothing_is_no_hit() {
    let mut desk = paid_at_the_hit();
    for (day, price, part) in [
        ("2026-06-09", "2800", "hits no barrier"),
        ("2026-04-14", "3040.1", "No barrier was watched"),
    ] {
        desk.now = desk.now.max(at(date("2026-06-10"), 9));
        let hit = rialto_otc_lifecycle::payload::BarrierHit {
            code: "XSHG:000016".to_owned(),
            date: date(day),
            price: d(price),
        };
        let refused = desk.signed(date(day), Payload::BarrierHit(hit));
        let refused = refused.expect_err("no hit");
        assert_eq!(refused.code, "E-BOOK-HIT");
        assert!(refused.en.contains(part), "{}", refused.en);
    }
}

#[test]
fn a_right_given_up_pays_nothing() {
    let mut desk = call();
    desk.pay(date("2026-03-12"));
    let reason = "the holder's letter of 1 April".to_owned();
    let abandon = desk.event(date("2026-04-01"), Payload::Abandon(Abandon { reason }));
    let receipt = desk.send(abandon).expect("abandons");
    assert_eq!(receipt.status, Some(Status::Closed));
    assert_eq!(desk.state().net_cash(), d("2100"));
    let trade = desk.log.trade();
    assert_eq!(trade.accounts().balance(Account::Invinc, "CNY"), d("-2100"));
    let mut desk = snowball("2026-03-20");
    let reason = "none".to_owned();
    let abandon = desk.event(date("2026-03-20"), Payload::Abandon(Abandon { reason }));
    assert_eq!(
        desk.send(abandon).expect_err("no right").code,
        "E-BOOK-RIGHT"
    );
}

#[test]
fn a_barrier_hit_between_two_fixings_counts_once_it_is_told() {
    let text = include_str!("../../../contract/tests/spec/sharkfin.json");
    let mut sheet = json(text);
    sheet["terms"]["monitoring"] = "continuous".into();
    sheet["underlying"]["initial"] = "2712.44".into();
    let run =
        |hit: bool| {
            let mut desk = Desk::new("SF-2026-0108", "XSHG:000016", date("2026-04-14"));
            desk.live(&sheet, date("2026-04-14"));
            for day in sessions("2026-04-15", "2026-10-15") {
                desk.fix(day, "2800");
                if hit && day == date("2026-06-10") {
                    let seen = rialto_otc_lifecycle::payload::BarrierHit {
                        code: "XSHG:000016".to_owned(),
                        date: date("2026-06-09"),
                        price: d("3040.1"),
                    };
                    desk.signed(date("2026-06-09"), Payload::BarrierHit(seen))
                        .expect("a hit");
                }
            }
            let facts =
                desk.log.trade().facts().iter().filter(|fact| {
                    matches!(fact.what, rialto_otc_lifecycle::payload::Seen::Hit(_))
                });
            let hits: Vec<Date> = facts.map(|fact| fact.on).collect();
            (hits, open(&desk))
        };
    let (hits, flows) = run(false);
    assert!(hits.is_empty());
    insta::assert_snapshot!(flows, @r"
    2026-04-15 paid_in 5000000.00 to House Determined = principal 5,000,000
    2026-10-20 principal 5000000.00 to Counterparty Determined = 5,000,000
    2026-10-20 floor 20000.00 to Counterparty Determined = 5,000,000 x 0.4 %
    2026-10-20 payoff 88772.47 to Counterparty Determined = 5,000,000 x 55 % x max(2,800 - 2,712.44, 0) / 2,712.44
    ");
    let (hits, flows) = run(true);
    assert_eq!(hits, [date("2026-06-09")]);
    insta::assert_snapshot!(flows, @r"
    2026-04-15 paid_in 5000000.00 to House Determined = principal 5,000,000
    2026-10-20 principal 5000000.00 to Counterparty Determined = 5,000,000
    2026-10-20 rebate 52643.84 to Counterparty Determined = 5,000,000 x 2.1 % x 183 / 365
    ");
}

/// A sharkfin whose barrier is watched at every instant and whose rebate is paid at the hit: the
/// contract names no date between its start and its end.
fn paid_at_the_hit() -> Desk {
    let mut sheet = json(include_str!("../../../contract/tests/spec/sharkfin.json"));
    sheet["terms"]["monitoring"] = "continuous".into();
    sheet["terms"]["rebate_basis"] = "absolute".into();
    sheet["terms"]["rebate_at"] = "hit".into();
    sheet["underlying"]["initial"] = "2712.44".into();
    let mut desk = Desk::new("SF-2026-0108", "XSHG:000016", date("2026-04-14"));
    desk.live(&sheet, date("2026-04-14"));
    desk
}

/// Tells in June that the barrier was hit on a day.
fn told_of_a_hit(desk: &mut Desk, day: &str) -> Option<Status> {
    desk.now = desk.now.max(at(date("2026-06-10"), 9));
    let hit = rialto_otc_lifecycle::payload::BarrierHit {
        code: "XSHG:000016".to_owned(),
        date: date(day),
        price: d("3040.1"),
    };
    let receipt = desk.signed(date(day), Payload::BarrierHit(hit));
    receipt.expect("a hit").status
}

#[test]
fn a_barrier_hit_acts_on_its_day_not_when_the_contract_is_next_observed() {
    let mut desk = paid_at_the_hit();
    for day in sessions("2026-04-15", "2026-06-08") {
        desk.fix(day, "2800");
    }
    assert_eq!(desk.state().status, Some(Status::Live));
    let status = told_of_a_hit(&mut desk, "2026-06-09");
    assert_eq!(status, Some(Status::Settling));
    insta::assert_snapshot!(open(&desk), @r"
    2026-04-15 paid_in 5000000.00 to House Determined = principal 5,000,000
    2026-06-12 principal 5000000.00 to Counterparty Determined = 5,000,000
    2026-06-12 rebate 105000.00 to Counterparty Determined = 5,000,000 x 2.1 %
    ");
    // A close at the barrier was a hit too, told or not.
    let mut closed = paid_at_the_hit();
    closed.fix(date("2026-04-15"), "2800");
    closed.fix(date("2026-06-09"), "3037.9328");
    assert_eq!(open(&closed), open(&desk));
    assert_eq!(closed.state().status, Some(Status::Settling));
}

#[test]
fn hits_told_in_any_order_give_the_earliest() {
    let mut desk = paid_at_the_hit();
    told_of_a_hit(&mut desk, "2026-06-09");
    told_of_a_hit(&mut desk, "2026-05-12");
    let mut straight = paid_at_the_hit();
    told_of_a_hit(&mut straight, "2026-05-12");
    assert_eq!(open(&desk), open(&straight));
    let ended = |desk: &Desk| desk.log.trade().facts().last().map(|fact| fact.on);
    assert_eq!(ended(&desk), Some(date("2026-05-12")));
    assert_eq!(ended(&desk), ended(&straight));
}

#[test]
fn all_faults_of_a_payload_are_told_at_once() {
    let told = |kind: &str, payload: &str| -> Vec<String> {
        let refusal = Payload::read(kind, json(payload)).expect_err("refused");
        let findings = refusal.findings.expect("several");
        let first = findings.iter().next().expect("the first");
        assert_eq!(
            (&*first.pointer, &*first.en),
            (&*refusal.pointer, &*refusal.en)
        );
        findings
            .iter()
            .map(|finding| finding.pointer.clone())
            .collect()
    };
    assert_eq!(
        told("terminate-partial", r#"{"size": "NaN", "why": 1}"#),
        [
            "/payload/size",
            "/payload/why",
            "/payload/fee",
            "/payload/pay_date",
            "/payload/unwind"
        ],
    );
    // A choice that is missing, and one that is wrong.
    assert_eq!(
        told("novate", r#"{"fee": true, "form": "handshake"}"#),
        [
            "/payload/fee",
            "/payload/form",
            "/payload/pay_date",
            "/payload/replacement",
            "/payload/unwind",
        ],
    );
    assert_eq!(
        told("exercise", r#"{"how": "cash"}"#),
        ["/payload/how", "/payload/settlement"],
    );
}

#[test]
fn a_payload_that_cannot_be_read_names_the_field_in_both_languages() {
    let refused = |kind: &str, payload: Value| {
        let refusal = Payload::read(kind, payload);
        let refusal = refusal.expect_err("refused");
        assert_eq!(refusal.code, "E-BOOK-PAYLOAD");
        format!("{} | {} | {}", refusal.pointer, refusal.en, refusal.zh)
    };
    let told = [
        refused(
            "terminate",
            json(r#"{"unwind":"1","pay_date":"2026-06-01"}"#),
        ),
        refused("terminate", json(r#"{"unwind":"1","amount":"2"}"#)),
        refused(
            "terminate",
            json(r#"{"unwind":"1","fee":"0","pay_date":"1 June"}"#),
        ),
        refused("exercise", json(r#"{"settlement":"barter"}"#)),
        refused("settlement-failed", json(r#"{"flows":["a",5]}"#)),
        refused("confirm", json("[]")),
    ];
    insta::assert_snapshot!(told.join("\n"), @r#"
    /payload/fee | The payload of "terminate" lacks the field "fee". | "terminate" 事件缺少字段 "fee"。
    /payload/amount | The payload of "terminate" has no field "amount"; known are fee, pay_date, unwind. | "terminate" 事件没有字段 "amount"，可用字段：fee、pay_date、unwind。
    /payload/pay_date | The payload of "terminate" cannot be read here: "1 June" is no date: write it as yyyy-mm-dd, for example 2026-03-09. | "terminate" 事件的该字段取值 "1 June" 无法识别，请检查类型与格式。
    /payload/settlement | "barter" is not one of cash, physical. | "barter" 无效，可选：cash、physical。
    /payload/flows/1 | The payload of "settlement-failed" cannot be read here: invalid type: integer `5`, expected a string. | "settlement-failed" 事件的该字段取值 5 无法识别，请检查类型与格式。
    /payload | The payload of "confirm" is an object of named fields. | "confirm" 事件的内容须为对象。
    "#);
}

#[test]
fn nothing_is_decided_before_the_contract_was_dealt_or_paid_before_it_is_decided() {
    let mut desk = paid_at_the_hit();
    let end = |pay: &str| {
        Payload::Terminate(Terminate {
            fee: d("0"),
            pay_date: date(pay),
            unwind: d("100"),
        })
    };
    let early = desk.signed(date("2001-01-01"), end("2026-05-06"));
    let early = early.expect_err("before it was dealt");
    assert_eq!(
        (early.code, &*early.pointer),
        ("E-BOOK-EFFECTIVE", "/effective_at/date")
    );
    let paid = desk.signed(date("2026-05-06"), end("2020-01-01"));
    let paid = paid.expect_err("paid before");
    assert_eq!(
        (paid.code, &*paid.pointer),
        ("E-BOOK-PAY-DATE", "/payload/pay_date")
    );
    assert_eq!(desk.state().status, Some(Status::Live));
    let done = desk.signed(date("2026-05-06"), end("2026-05-06"));
    assert_eq!(done.expect("ends").status, Some(Status::Settling));
}

#[test]
fn a_decision_before_the_close_is_told_the_last_date_that_can_be_taken() {
    let mut desk = snowball("2026-05-18");
    let amend = || Payload::Amend(amended(2, "10%"));
    let refused = desk.signed(date("2026-05-19"), amend());
    let refused = refused.expect_err("the session is not over");
    assert_eq!(refused.code, "E-BOOK-WAITING");
    for text in [&refused.en, &refused.zh] {
        assert!(
            text.contains("2026-05-19") && text.contains("2026-05-18"),
            "{text}"
        );
    }
    desk.signed(date("2026-05-18"), amend())
        .expect("the date that was told");
}

#[test]
fn an_amendment_tells_each_field_that_it_changes() {
    let mut desk = snowball("2026-05-18");
    let before = desk.state();
    desk.signed(date("2026-05-18"), Payload::Amend(amended(2, "10%")))
        .expect("amends");
    let found = difference(&before, &desk.state());
    insta::assert_snapshot!(found.text(Language::En), @r"
    Terms: version 1 -> 2
    /terms/coupon/rate: 14.7% -> 10%
    ");
    insta::assert_snapshot!(found.text(Language::Zh), @r"
    条款：第 1 版 → 第 2 版
    /terms/coupon/rate：14.7% → 10%
    ");
}

/// A state whose sheet is that of another one, changed.
fn with(state: &TradeState, change: impl Fn(&mut Value)) -> TradeState {
    let mut changed = state.clone();
    changed.contract_hash = None;
    change(&mut changed.sheet.as_mut().expect("booked").0);
    changed
}

#[test]
fn of_many_changed_fields_the_first_are_told_and_the_rest_counted() {
    let before = snowball("2026-05-18").state();
    let after = with(&before, |sheet| {
        for n in 10..35 {
            sheet["terms"][format!("x{n}")] = "x".repeat(200).into();
        }
    });
    let told = difference(&before, &after).text(Language::En);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 22, "{told}");
    assert_eq!(lines[21], "5 more fields of the terms changed");
    assert!(
        lines.iter().all(|line| line.chars().count() < 150),
        "{told}"
    );
    let twenty = with(&before, |sheet| {
        for n in 10..30 {
            sheet["terms"][format!("x{n}")] = 1.into();
        }
    });
    let told = difference(&before, &twenty).text(Language::Zh);
    assert_eq!(told.lines().count(), 21, "{told}");
}

#[test]
fn what_is_not_settled_is_due_also_after_its_day() {
    let mut desk = snowball("2026-05-18");
    let end = Terminate {
        fee: d("0"),
        pay_date: date("2026-05-21"),
        unwind: d("19900000"),
    };
    desk.signed(date("2026-05-18"), Payload::Terminate(end))
        .expect("ends");
    desk.now = at(date("2026-06-30"), 9);
    let due = |desk: &Desk| -> Vec<_> {
        let state = desk.state().pricing_state(Flow::is_open);
        assert!(state.ended);
        state.pending.iter().map(|flow| flow.amount).collect()
    };
    assert_eq!(due(&desk), [d("19900000")], "overdue");
    desk.pay(date("2026-05-19"));
    assert_eq!(due(&desk), [], "paid before its day");
}

#[test]
fn the_sheet_at_the_size_that_is_left() {
    let mut desk = snowball("2026-05-18");
    let part = resize("5000000", "4987000.5", "1000");
    desk.signed(date("2026-05-18"), Payload::TerminatePartial(part))
        .expect("ends in part");
    let sizes = [desk.log.trade().sheet(), desk.log.trade().sized_sheet()];
    let sizes = sizes.map(|sheet| sheet.expect("booked").size);
    let notional = rialto_otc_contract::envelope::Size::Notional;
    assert_eq!(sizes, [notional(d("20000000")), notional(d("15000000"))]);
}
