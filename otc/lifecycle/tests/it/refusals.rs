//! What the book refuses, and what it says.

use rialto_otc_lifecycle::payload::{
    Amend, Approve, BarrierHit, Cancel, Exercise, Flows, NOT_ACTED_ON, Payload, Settlement, Submit,
};
use rialto_otc_lifecycle::state::allowed;
use rialto_otc_lifecycle::{Document, Kind, NewEvent, Refusal, Status};

use crate::world::{Desk, SNOWBALL, at, d, date, json, sessions};

const CODE: &str = "XSHG:000905";

fn live() -> Desk {
    let mut desk = Desk::new("SB-2026-0091", CODE, date("2026-03-06"));
    desk.live(&json(SNOWBALL), date("2026-03-06"));
    for day in sessions("2026-03-09", "2026-03-20") {
        desk.fix(day, "5802.16");
    }
    desk
}

fn cancel(desk: &mut Desk) -> NewEvent {
    let reason = "booked twice".to_owned();
    let pay_date = None;
    desk.event(
        date("2026-03-20"),
        Payload::Cancel(Cancel { pay_date, reason }),
    )
}

fn code(result: Result<rialto_otc_lifecycle::Receipt, Refusal>) -> &'static str {
    result.map_or_else(|refusal| refusal.code, |_| "accepted")
}

#[test]
fn kinds_not_acted_on_are_refused_by_name_and_unknown_ones_with_the_list() {
    for kind in NOT_ACTED_ON {
        let refusal = Kind::read(kind).expect_err("not acted on");
        assert_eq!(refusal.code, "E-BOOK-KIND");
        assert!(refusal.en.contains(*kind) && refusal.zh.contains(*kind));
    }
    let refusal = Payload::read("explode", serde_json::json!({})).expect_err("unknown");
    assert!(refusal.en.contains("terminate-partial"), "{refusal}");
    let refusal = Payload::read("reject", serde_json::json!({"why": "x"})).expect_err("a field");
    assert_eq!(refusal.code, "E-BOOK-PAYLOAD");
    let float = serde_json::json!({"code": CODE, "date": "2026-03-20", "value": 5700.1});
    let refusal = Payload::read("fixing", float).expect_err("binary");
    assert!(refusal.en.contains("as text"), "{refusal}");
}

#[test]
fn what_does_not_fit_the_status_is_refused_with_what_does() {
    let mut desk = live();
    let limit_check = "ok".to_owned();
    let submit = desk.event(date("2026-03-20"), Payload::Submit(Submit { limit_check }));
    let refusal = desk.send(submit).expect_err("it is live");
    assert_eq!(refusal.code, "E-BOOK-STATE");
    assert!(refusal.allowed.contains(&"terminate-partial") && !refusal.allowed.contains(&"submit"));
    insta::assert_snapshot!(refusal.en, @r#""submit" does not fit a trade that is live. Allowed now: terminate, novate, terminate-partial, notional-increase, amend, extend, cancel, revaluation, review-closed, fixing, fixing-corrected, settlement-instructed, settled, settlement-failed."#);
    insta::assert_snapshot!(refusal.zh, @"交易处于“存续”，不接受提交复核（submit）。当前可用：提前终止（terminate）、更替（novate）、部分平仓（terminate-partial）、追加规模（notional-increase）、修订（amend）、展期（extend）、撤销（cancel）、估值（revaluation）、复核事项完成（review-closed）、定盘价（fixing）、更正定盘价（fixing-corrected）、付款指令（settlement-instructed）、结算（settled）、结算失败（settlement-failed）。");
    assert_eq!(allowed(None), [Kind::Book]);
    for status in Status::ALL {
        let kinds = allowed(Some(status));
        assert!(!kinds.contains(&Kind::Book) && kinds.iter().all(|kind| !kind.is_derived()));
        let ends = kinds.contains(&Kind::Terminate);
        assert_eq!(ends, status == Status::Live, "{status:?}");
    }
}

#[test]
fn a_contract_without_right_or_watched_barrier_takes_neither() {
    let mut desk = live();
    let on = date("2026-03-20");
    let hit = BarrierHit {
        code: CODE.to_owned(),
        date: on,
        price: d("4000"),
    };
    let refusal = desk.signed(on, Payload::BarrierHit(hit));
    let refusal = refusal.expect_err("daily fixings count");
    assert_eq!(refusal.code, "E-BOOK-BARRIER");
    assert!(refusal.zh.contains("定盘价"), "{}", refusal.zh);
    let exercise = Payload::Exercise(Exercise {
        settlement: Settlement::Cash,
    });
    let exercise = desk.event(on, exercise);
    assert_eq!(
        desk.send(exercise).expect_err("no right").code,
        "E-BOOK-RIGHT"
    );
}

#[test]
fn an_amendment_does_not_change_clocks_unseen() {
    let mut desk = live();
    let mut sheet = json(SNOWBALL);
    sheet["version"] = 2.into();
    sheet.as_object_mut().expect("an object").remove("clocks");
    let reason = "another coupon".to_owned();
    let amend = |sheet: &serde_json::Value| {
        Payload::Amend(Amend {
            reason: reason.clone(),
            sheet: Document(sheet.clone()),
        })
    };
    let refusal = desk.signed(date("2026-03-20"), amend(&sheet));
    let refusal = refusal.expect_err("which clocks?");
    assert_eq!(
        (refusal.code, refusal.pointer.as_ref()),
        ("E-BOOK-CLOCKS", "/payload/sheet/clocks")
    );
    sheet["clocks"] = json(SNOWBALL)["clocks"].clone();
    desk.signed(date("2026-03-20"), amend(&sheet))
        .expect("named");
}

#[test]
fn one_id_is_one_event() {
    let mut desk = live();
    let new = cancel(&mut desk).signed("c02");
    let first = desk.send(new.clone()).expect("cancels");
    let events = desk.log.events().len();
    let mut later = new.clone();
    later.known_at = at(date("2026-03-21"), 9);
    let again = desk.send(later).expect("the same");
    assert!(again.repeated && !first.repeated);
    assert_eq!(
        (again.seq, again.hash, again.status),
        (first.seq, first.hash, first.status)
    );
    let reason = "another reason".to_owned();
    let other = Payload::Cancel(Cancel {
        pay_date: None,
        reason,
    });
    let other = NewEvent {
        payload: other,
        ..new
    };
    assert_eq!(code(desk.send(other)), "E-BOOK-CONFLICT");
    assert_eq!(desk.log.events().len(), events);
}

#[test]
fn four_eyes_are_two_people_who_saw_the_same() {
    let mut desk = live();
    let alone = cancel(&mut desk);
    assert_eq!(code(desk.send(alone)), "E-BOOK-FOUR-EYES");
    let himself = cancel(&mut desk).signed("t07");
    assert_eq!(code(desk.send(himself)), "E-BOOK-FOUR-EYES");
    let mut changed = cancel(&mut desk).signed("c02");
    let reason = "for another reason".to_owned();
    changed.payload = Payload::Cancel(Cancel {
        pay_date: None,
        reason,
    });
    assert_eq!(code(desk.send(changed)), "E-BOOK-APPROVAL");
    let mut by_hand = desk.fixing(date("2026-03-23"), "5801");
    by_hand.known_at = at(date("2026-03-23"), 16);
    by_hand.source = "manual".to_owned();
    assert_eq!(code(desk.send(by_hand.clone())), "E-BOOK-FOUR-EYES");
    assert_eq!(code(desk.send(by_hand.signed("c02"))), "accepted");
}

#[test]
fn who_booked_a_trade_does_not_approve_it() {
    let mut desk = Desk::new("SB-2026-0091", CODE, date("2026-03-06"));
    let sheet = Document(json(SNOWBALL));
    let book = rialto_otc_lifecycle::payload::Book {
        link: None,
        quote: Some("Q-1".to_owned()),
        sheet,
    };
    let today = date("2026-03-06");
    let book = desk.event(today, Payload::Book(book));
    let subject = book.subject();
    desk.send(book).expect("books");
    let limit_check = "ok".to_owned();
    let submit = desk.event(today, Payload::Submit(Submit { limit_check }));
    desk.send(submit).expect("submits");
    let own = desk.event(today, Payload::Approve(Approve { subject }));
    assert_eq!(code(desk.send(own)), "E-BOOK-FOUR-EYES");
    let subject = rialto_otc_lifecycle::Hash::ZERO;
    let mut blind = desk.event(today, Payload::Approve(Approve { subject }));
    blind.maker = "c02".to_owned();
    assert_eq!(code(desk.send(blind)), "E-BOOK-APPROVAL");
}

#[test]
fn of_two_who_amend_at_once_the_second_is_told_the_version() {
    let mut desk = live();
    let version = desk.log.trade().version();
    let amend = |desk: &mut Desk, rate: &str| {
        let mut sheet = json(SNOWBALL);
        sheet["version"] = 2.into();
        sheet["terms"]["coupon"]["rate"] = rate.into();
        let amend = Amend {
            reason: "agreed".to_owned(),
            sheet: Document(sheet),
        };
        let mut new = desk.event(date("2026-03-20"), Payload::Amend(amend));
        new.expected_version = Some(version);
        new.signed("c02")
    };
    let (first, second) = (amend(&mut desk, "14%"), amend(&mut desk, "13%"));
    desk.send(first).expect("amends");
    let refusal = desk.send(second.clone()).expect_err("too late");
    assert_eq!(
        (refusal.code, refusal.current_version),
        ("E-BOOK-VERSION", Some(version + 1))
    );
    let blind = NewEvent {
        expected_version: None,
        ..second
    };
    assert_eq!(code(desk.send(blind)), "E-BOOK-VERSION");
    // Prices under way do not disturb who decides.
    let version = desk.log.trade().version();
    desk.fix(date("2026-03-23"), "5800");
    assert_eq!(desk.log.trade().version(), version);
}

#[test]
fn fixings_are_believed_only_when_they_can_be() {
    let mut desk = live();
    let day = date("2026-03-23");
    let mut send = |on: &str, value: &str| {
        desk.now = at(date("2026-03-23"), 16);
        let new = desk.fixing(date(on), value);
        code(desk.send(new))
    };
    assert_eq!(
        send("2026-03-20", "5802.160"),
        "accepted",
        "known with the same value"
    );
    assert_eq!(send("2026-03-24", "5800"), "E-FIXING-FUTURE");
    assert_eq!(send("2026-03-22", "5800"), "E-FIXING-SESSION");
    assert_eq!(send("2026-03-23", "0"), "E-FIXING-VALUE");
    assert_eq!(send("2026-03-23", "6700"), "E-FIXING-OUTLIER");
    assert_eq!(send("2026-03-23", "5800"), "accepted");
    let events = desk.log.events().len();
    let mut other = desk.fixing(day, "5800");
    other.event_id = "another".to_owned();
    assert!(desk.send(other.clone()).expect("ignored").repeated);
    assert_eq!(desk.log.events().len(), events);
    if let Payload::Fixing(fixing) = &mut other.payload {
        fixing.value = d("5801");
    }
    assert_eq!(code(desk.send(other)), "E-FIXING-CONFLICT");
    let wrong = desk.correction(day, "5801", "fix-2026-03-20");
    assert_eq!(code(desk.send(wrong)), "E-BOOK-SUPERSEDES");
    let right = desk.correction(day, "5801", "fix-2026-03-23");
    let id = right.event_id.clone();
    desk.send(right).expect("corrects");
    let stale = desk.correction(day, "5802", "fix-2026-03-23");
    let refusal = desk.send(stale).expect_err("it is superseded");
    assert!(refusal.en.contains(&id), "{refusal}");
    let again = desk.correction(day, "5802", &id);
    desk.send(again).expect("a correction of a correction");
}

#[test]
fn sheets_that_the_book_cannot_keep_are_refused() {
    let refused = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut desk = Desk::new("SB-2026-0091", CODE, date("2026-03-06"));
        let mut sheet = json(SNOWBALL);
        change(&mut sheet);
        let book = rialto_otc_lifecycle::payload::Book {
            link: None,
            quote: None,
            sheet: Document(sheet),
        };
        let book = desk.event(date("2026-03-06"), Payload::Book(book));
        desk.send(book).expect_err("refused")
    };
    let other = refused(&|sheet| sheet["trade_id"] = "X".into());
    assert_eq!(other.code, "E-BOOK-TRADE");
    let stated = refused(&|sheet| sheet["state"] = serde_json::json!({"ki": true}));
    assert_eq!(stated.code, "E-BOOK-STATED");
    let odd = refused(&|sheet| sheet["terms"]["ki"]["level"] = "171%".into());
    let findings = odd.findings.expect("findings");
    assert!(
        findings
            .iter()
            .any(|finding| finding.code.starts_with("E-TERM")),
        "{findings}"
    );
}

#[test]
fn payments_go_their_way_and_nothing_is_paid_under_review() {
    let mut desk = live();
    let unknown = Flows {
        flows: vec!["X".to_owned()],
        note: String::new(),
    };
    let unknown = desk.signed(date("2026-03-20"), Payload::Instructed(unknown));
    assert_eq!(code(unknown), "E-FLOW-UNKNOWN");
    for day in sessions("2026-03-23", "2026-06-09") {
        desk.fix(day, "5900");
    }
    let due = desk.open().into_iter().filter(|flow| flow.leg != "paid_in");
    let flows: Vec<String> = due.map(|flow| flow.flow_id).collect();
    let note = "bank".to_owned();
    let all = Flows { flows, note };
    let today = date("2026-06-12");
    let early = desk.event(today, Payload::Settled(all.clone()));
    assert_eq!(code(desk.send(early)), "E-FLOW-STATUS");
    desk.signed(today, Payload::Instructed(all.clone()))
        .expect("instructs");
    let failed = desk.event(today, Payload::Failed(all.clone()));
    desk.send(failed).expect("fails");
    desk.signed(today, Payload::Instructed(all.clone()))
        .expect("instructs again");
    desk.now = at(today, 18);
    let vanishes = desk.correction(date("2026-06-09"), "5803", "fix-2026-06-09");
    desk.send(vanishes).expect("corrects");
    let reviews = desk.state().reviews.len();
    assert_eq!(reviews, 3, "the knock-out and two instructed payments");
    let back = desk.correction(date("2026-06-09"), "5900", "fix-2026-06-09");
    let id = desk
        .log
        .events()
        .iter()
        .rev()
        .find(|e| e.kind == Kind::FixingCorrected);
    let id = id.expect("corrected").event_id.clone();
    let back = NewEvent {
        supersedes: Some(id),
        ..back
    }
    .signed("c02");
    desk.send(back).expect("corrects back");
    let flows: Vec<String> = desk.open().into_iter().map(|flow| flow.flow_id).collect();
    let all = Flows {
        flows,
        note: String::new(),
    };
    let review = desk.signed(today, Payload::Instructed(all));
    assert_eq!(code(review), "E-BOOK-REVIEW");
}
