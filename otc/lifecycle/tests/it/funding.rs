//! The principal of funded contracts: paid in at the start, paid back at the end.

use rialto_otc_lifecycle::flow::FlowKind;
use rialto_otc_lifecycle::payload::{
    Amend, Book, Cancel, Link, LinkKind, Novate, NovationForm, Payload, Resize,
};
use rialto_otc_lifecycle::{Account, Document, Flow, Status};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::world::{Desk, SNOWBALL, at, d, date, json as read, sessions, shown};

const CODE: &str = "XSHG:000905";

fn sheet(change: impl Fn(&mut Value)) -> Value {
    let mut sheet = read(SNOWBALL);
    sheet["underlying"]["initial"] = "5802.16".into();
    change(&mut sheet);
    sheet
}

fn live(sheet: &Value) -> Desk {
    let mut desk = Desk::new("SB-2026-0091", CODE, date("2026-03-06"));
    desk.live(sheet, date("2026-03-06"));
    desk
}

fn open(desk: &Desk) -> String {
    desk.open().iter().map(shown).collect::<Vec<_>>().join("\n")
}

/// Currency units of a leg that count, to the house.
fn sum(desk: &Desk, legs: &[&str]) -> Decimal {
    let flows = desk.log.trade().flows().iter();
    flows
        .filter(|flow| flow.counts() && legs.contains(&flow.leg.as_str()))
        .map(Flow::house)
        .sum()
}

/// Both sides of every entry, and nothing left in the trade once it is over.
fn nothing_left(desk: &Desk) {
    let accounts = desk.log.trade().accounts();
    let total: Decimal = accounts.balances().values().sum();
    assert_eq!(total, d("0"));
    for account in [Account::Fv, Account::Recv, Account::Payb, Account::Fvpl] {
        assert_eq!(accounts.balance(account, "CNY"), d("0"), "{account:?}");
    }
}

#[test]
fn the_price_of_a_note_is_its_principal_and_what_lies_above_or_below() {
    let at_par = live(&sheet(|sheet| {
        sheet["premium"] = json!({"amount": "20000000"})
    }));
    insta::assert_snapshot!(open(&at_par), @"2026-03-09 paid_in 20000000.00 to House Determined = principal 20,000,000");
    let below = sheet(|sheet| {
        sheet["premium"] = json!({"amount": "19900000", "date": "2026-03-11"});
    });
    insta::assert_snapshot!(open(&live(&below)), @r"
    2026-03-11 paid_in 20000000.00 to House Determined = principal 20,000,000
    2026-03-11 premium 100000.00 to Counterparty Determined = premium 19,900,000 - principal 20,000,000
    ");
    let margin = sheet(|sheet| {
        sheet["terms"]["principal"] = json!({"margin": "25%"});
        sheet["premium"] = json!({"amount": "5200000"});
    });
    insta::assert_snapshot!(open(&live(&margin)), @r"
    2026-03-09 paid_in 5000000.00 to House Determined = principal 20,000,000 x 25 %
    2026-03-09 premium 200000.00 to House Determined = premium 5,200,000 - principal 20,000,000 x 25 %
    ");
    let bought = live(&sheet(|sheet| sheet["direction"] = "house_buys".into()));
    insta::assert_snapshot!(open(&bought), @"2026-03-09 paid_in 20000000.00 to Counterparty Determined = principal 20,000,000");
    let swap = sheet(|sheet| sheet["terms"]["principal"] = json!({"included": false}));
    assert_eq!(open(&live(&swap)), "");
}

#[test]
fn a_premium_meant_on_top_of_the_principal_is_refused_with_what_to_write() {
    let mut desk = Desk::new("SB-2026-0091", CODE, date("2026-03-06"));
    let small = sheet(|sheet| sheet["premium"] = json!({"amount": "200000"}));
    let book = Book {
        link: None,
        quote: None,
        sheet: Document(small),
    };
    let book = desk.event(date("2026-03-06"), Payload::Book(book));
    let refusal = desk.send(book).expect_err("half a percent of what?");
    assert_eq!(
        (refusal.code, refusal.pointer.as_ref()),
        ("E-BOOK-PREMIUM", "/payload/sheet/premium/amount")
    );
    for text in [&refusal.en, &refusal.zh] {
        assert!(text.contains("20,200,000"), "{text}");
    }
}

#[test]
fn principal_not_paid_in_yet_is_pending_in_values() {
    let mut desk = live(&sheet(|_| {}));
    let pending = |desk: &Desk| -> Vec<Decimal> {
        let sheet = desk
            .log
            .trade()
            .valued_sheet(Flow::is_open)
            .expect("booked");
        let state = sheet.state.expect("a state");
        state.pending.iter().map(|flow| flow.amount).collect()
    };
    assert_eq!(pending(&desk), [d("-20000000")]);
    desk.pay(date("2026-03-09"));
    assert_eq!(pending(&desk), []);
}

#[test]
fn a_cancelled_note_never_pays_or_pays_back() {
    let cancel = |pay_date| {
        let reason = "booked twice".to_owned();
        Payload::Cancel(Cancel { pay_date, reason })
    };
    let mut early = live(&sheet(|_| {}));
    early
        .signed(date("2026-03-06"), cancel(None))
        .expect("cancels");
    assert_eq!(open(&early), "");
    let mut late = live(&sheet(|_| {}));
    late.pay(date("2026-03-09"));
    let on = date("2026-03-10");
    late.signed(on, cancel(Some(on))).expect("cancels");
    insta::assert_snapshot!(open(&late), @"2026-03-10 paid_in 20000000.00 to Counterparty Determined = -principal 20,000,000");
    late.pay(on);
    for desk in [early, late] {
        assert_eq!(desk.state().net_cash(), d("0"));
        assert!(desk.log.trade().accounts().balances().is_empty());
        // Called off: worth what it has to pay back, now nothing.
        let sheet = desk.log.trade().valued_sheet(Flow::is_open);
        let state = sheet.expect("booked").state.expect("a state");
        assert!(state.ended && state.pending.is_empty(), "{state:?}");
    }
}

/// Fixings at the initial level, which knocks no one out or in, but on the last day.
fn to_the_end(desk: &mut Desk, from: &str) {
    for day in sessions(from, "2028-03-09") {
        if desk.log.trade().status() == Some(Status::Live) {
            desk.fix(day, "5260");
        }
    }
    desk.pay(date("2028-03-14"));
    assert_eq!(desk.log.trade().status(), Some(Status::Closed));
}

#[test]
fn an_amended_notional_pays_the_difference_and_a_part_unwound_its_price() {
    let mut desk = live(&sheet(|_| {}));
    desk.pay(date("2026-03-09"));
    for day in sessions("2026-03-10", "2026-03-20") {
        desk.fix(day, "5260");
    }
    let amend = Amend {
        reason: "the client takes less".to_owned(),
        sheet: Document(sheet(|sheet| {
            sheet["version"] = 2.into();
            sheet["notional"] = "18000000".into();
        })),
    };
    desk.signed(date("2026-03-20"), Payload::Amend(amend))
        .expect("amends");
    insta::assert_snapshot!(open(&desk), @"2026-03-25 paid_in 2000000.00 to Counterparty Determined = principal 18,000,000 - 20,000,000 paid");
    let adjusted = desk.open();
    assert_eq!(adjusted[0].kind, FlowKind::Adjustment);
    desk.fix(date("2026-03-23"), "5260");
    desk.pay(date("2026-03-25"));
    let part = Resize {
        fee: d("0"),
        pay_date: date("2026-03-26"),
        size: d("9000000"),
        unwind: d("8800000"),
    };
    desk.signed(date("2026-03-23"), Payload::TerminatePartial(part))
        .expect("ends in part");
    insta::assert_snapshot!(open(&desk), @"2026-03-26 unwind 8800000.00 to Counterparty Determined = unwind price 8,800,000");
    desk.pay(date("2026-03-26"));
    desk.now = at(date("2026-03-26"), 18);
    to_the_end(&mut desk, "2026-03-24");
    assert_eq!(sum(&desk, &["paid_in"]), d("18000000"));
    assert_eq!(sum(&desk, &["principal", "redemption"]), d("-9000000"));
    nothing_left(&desk);
}

#[test]
fn who_takes_a_note_over_pays_its_price_and_not_its_principal_again() {
    let mut old = live(&sheet(|_| {}));
    old.pay(date("2026-03-09"));
    for day in sessions("2026-03-10", "2026-05-18") {
        old.fix(day, "5260");
    }
    let on = date("2026-05-18");
    let novate = Novate {
        fee: d("0"),
        form: NovationForm::ThreeParty,
        pay_date: date("2026-05-21"),
        replacement: "SB-2026-0092".to_owned(),
        transferee: Some("836800OTHERFUND00042".to_owned()),
        unwind: d("19500000"),
    };
    old.signed(on, Payload::Novate(novate)).expect("novates");
    old.pay(date("2026-05-21"));
    let next = |premium: Option<Value>| {
        let mut sheet = sheet(|sheet| {
            sheet["trade_id"] = "SB-2026-0092".into();
            sheet["parties"]["counterparty"] = json!({"lei": "836800OTHERFUND00042"});
            sheet["state"] = json!({"ki": false});
        });
        if let Some(premium) = premium {
            sheet["premium"] = premium;
        }
        let mut new = Desk::new("SB-2026-0092", CODE, on);
        let link = Link {
            kind: LinkKind::NovatedFrom,
            trade_id: "SB-2026-0091".to_owned(),
        };
        new.book(&sheet, on, Some(link));
        new.confirm(on);
        new
    };
    assert_eq!(open(&next(None)), "");
    insta::assert_snapshot!(open(&next(Some(json!({"amount": "19500000"})))), @"2026-05-18 premium 19500000.00 to House Determined = premium 19,500,000");
    let mut new = next(Some(json!({"amount": "19500000", "date": "2026-05-21"})));
    new.pay(date("2026-05-21"));
    to_the_end(&mut new, "2026-05-19");
    nothing_left(&old);
    nothing_left(&new);
    let both = |legs: &[&str]| sum(&old, legs) + sum(&new, legs);
    assert_eq!(both(&["paid_in", "principal", "redemption"]), d("0"));
    assert_eq!(both(&["unwind", "premium"]), d("0"), "one pays the other");
}
