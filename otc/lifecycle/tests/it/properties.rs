//! The ledger properties of the specification.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rialto_otc_contract::TermSheet;
use rialto_otc_contract::compile::compile_with;
use rialto_otc_contract::formula::Booking;
use rialto_otc_contract::interpret::{Memory, Seen, walk};
use rialto_otc_lifecycle::payload::{
    Amend, Cancel, Link, LinkKind, Payload, Resize, Revaluation, Terminate,
};
use rialto_otc_lifecycle::{Account, Document, Effective, Status, TradeLog};
use rialto_otc_time::{Calendars, Date};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::world::{ACCUMULATOR, Desk, PHOENIX, at, context, d, date, json, sessions};

/// A phoenix that can knock out, knock in and miss coupons within some months.
fn sheet(id: &str) -> Value {
    let mut sheet = json(PHOENIX);
    sheet["trade_id"] = id.into();
    sheet["dates"] =
        serde_json::json!({"trade": "2026-01-05", "start": "2026-01-06", "end": "2026-05-06"});
    sheet["terms"]["ko"]["from"] = 2.into();
    sheet["terms"]["ki"]["level"] = "90%".into();
    sheet["terms"]["coupon"]["level"] = "97%".into();
    sheet
}

const CODE: &str = "XSHG:000852";

fn days() -> Vec<Date> {
    sessions("2026-01-07", "2026-05-06")
}

/// A path of prices around the initial fixing, 6418.37.
fn path() -> impl Strategy<Value = Vec<Decimal>> {
    prop::collection::vec(-40i64..40, days().len()).prop_map(|moves| {
        let mut price = d("6418.37");
        let step = |by: i64| {
            price = (price * Decimal::new(1000 + by, 3))
                .round_dp(2)
                .clamp(d("5400"), d("6900"));
            price
        };
        moves.into_iter().map(step).collect()
    })
}

fn booked(id: &str) -> Desk {
    let mut desk = Desk::new(id, CODE, date("2026-01-05"));
    desk.context.policy.outlier = d("1");
    desk.live(&sheet(id), date("2026-01-05"));
    desk
}

/// Books the path in the order of its days, or in another one at the end.
fn lived(id: &str, path: &[Decimal]) -> Desk {
    let mut desk = booked(id);
    for (day, price) in days().into_iter().zip(path) {
        desk.fix(day, &price.to_string());
    }
    desk
}

/// Status, memory and ending, net flow of each leg, observation and pay date.
type Economics = (Option<Status>, String, Vec<(String, Date, Date, Decimal)>);

/// What counts of a state: how it ended, what it remembers, what flows.
fn economics(desk: &mut Desk) -> Economics {
    let state = desk.state();
    let mut net: BTreeMap<(String, Date, Date), Decimal> = BTreeMap::new();
    for flow in state.flows.iter().filter(|flow| flow.counts()) {
        let key = (flow.leg.clone(), flow.observed, flow.pay_date);
        *net.entry(key).or_default() += flow.house();
    }
    let flows = net
        .into_iter()
        .map(|((leg, on, pay), sum)| (leg, on, pay, sum));
    let rest = format!(
        "{:?} {:?} {:?}",
        state.outcome, state.values, state.observed_to
    );
    (
        state.status,
        rest,
        flows.filter(|flow| !flow.3.is_zero()).collect(),
    )
}

fn balanced(desk: &Desk) -> Result<(), TestCaseError> {
    let accounts = desk.log.trade().accounts();
    let total: Decimal = accounts.balances().values().sum();
    prop_assert_eq!(total, Decimal::ZERO);
    prop_assert!(
        accounts
            .entries()
            .iter()
            .all(|e| e.amount > Decimal::ZERO && e.debit != e.credit)
    );
    let flows = desk.log.trade().flows();
    let open: Decimal = flows
        .iter()
        .filter(|flow| flow.is_open())
        .map(|flow| flow.house())
        .sum();
    let debt = accounts.balance(Account::Recv, "CNY") + accounts.balance(Account::Payb, "CNY");
    prop_assert_eq!(debt, open);
    Ok(())
}

/// What the interpreter pays on a path, in one go.
fn payoff(sheet: &Value, path: &[Decimal]) -> Decimal {
    let sheet = TermSheet::from_value(sheet).expect("reads");
    let compiled = compile_with(&sheet, Calendars::builtin(), &BTreeMap::new()).expect("compiles");
    let known: BTreeMap<Date, [Decimal; 1]> = days()
        .into_iter()
        .zip(path.iter().map(|price| [*price]))
        .collect();
    let (mut memory, mut booking) = (Memory::new(&compiled.plan), Booking::new(&compiled));
    let seen = |n: usize| {
        Some(Seen::fixings(
            known.get(&compiled.plan.instants.get(n)?.at.date?)?,
        ))
    };
    walk(&compiled.plan, &mut memory, seen, &mut booking).expect("walks");
    booking.flows.iter().map(|flow| flow.amount).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn flows_sum_to_the_payoff_replay_is_incremental_and_nothing_is_left_when_closed(path in path()) {
        let mut desk = lived("P", &path);
        let paid_in = d("8000000");
        prop_assert_eq!(desk.state().net_cash(), paid_in - payoff(&sheet("P"), &path));
        balanced(&desk)?;
        let again = TradeLog::replay(&mut context(), "P", desk.events()).expect("replays");
        prop_assert_eq!(&again, &desk.log);
        desk.pay(date("2026-06-01"));
        balanced(&desk)?;
        let trade = desk.log.trade();
        prop_assert_eq!(trade.status(), Some(Status::Closed));
        for account in [Account::Fv, Account::Recv, Account::Payb, Account::Fvpl] {
            prop_assert_eq!(trade.accounts().balance(account, "CNY"), Decimal::ZERO);
        }
    }

    #[test]
    fn arrival_in_any_order_ends_alike(path in path(), order in any::<prop::sample::Index>(), late in 1usize..9) {
        let mut timely = lived("P", &path);
        let mut desk = booked("P");
        desk.now = at(date("2026-05-06"), 16);
        let mut days: Vec<(Date, &Decimal)> = days().into_iter().zip(&path).collect();
        let middle = order.index(days.len());
        days.rotate_left(middle);
        for chunk in days.chunks_mut(late) {
            chunk.reverse();
        }
        for (day, price) in days {
            desk.fix(day, &price.to_string());
        }
        prop_assert_eq!(economics(&mut desk), economics(&mut timely));
        balanced(&desk)?;
    }

    #[test]
    fn the_same_event_twice_is_once(path in path(), n in 0usize..60) {
        let mut desk = lived("P", &path);
        let before = desk.log.clone();
        let (day, price) = (days()[n], path[n]);
        let again = desk.fixing(day, &price.to_string());
        prop_assert!(desk.send(again).expect("the same").repeated);
        prop_assert_eq!(&desk.log, &before);
    }

    #[test]
    fn a_corrected_fixing_ends_as_if_it_had_been_right(
        path in path(),
        wrong in prop::collection::vec((0usize..70, 5400i64..6900, 5400i64..6900), 1..4),
        paid in any::<bool>(),
    ) {
        let mut right = lived("P", &path);
        let mut first = path.clone();
        for (n, value, _) in &wrong {
            first[*n] = Decimal::from(*value);
        }
        let mut desk = lived("P", &first);
        if paid && !desk.open().is_empty() {
            desk.pay(date("2026-06-01"));
        }
        // First to another wrong value, then to the right one: a correction of a correction.
        let mut told: BTreeMap<usize, String> = BTreeMap::new();
        for round in 0..2 {
            for (n, _, other) in &wrong {
                let value = if round == 0 { Decimal::from(*other) } else { path[*n] };
                let day = days()[*n];
                let before = told.get(n).cloned().unwrap_or_else(|| format!("fix-{day}"));
                let correction = desk.correction(day, &value.to_string(), &before);
                told.insert(*n, correction.event_id.clone());
                desk.send(correction).expect("corrects");
            }
        }
        balanced(&desk)?;
        let (state, truth) = (desk.state(), right.state());
        prop_assert_eq!(state.net_cash(), truth.net_cash());
        prop_assert_eq!((state.outcome, &state.values, state.ki_date), (truth.outcome, &truth.values, truth.ki_date));
        if !paid {
            prop_assert_eq!(economics(&mut desk), economics(&mut right));
        }
        let again = TradeLog::replay(&mut context(), "P", desk.events()).expect("replays");
        prop_assert_eq!(&again, &desk.log);
    }

    #[test]
    fn cancelled_and_booked_anew_is_amended(path in path(), rate in 1u32..300) {
        let mut other = sheet("P");
        other["version"] = 2.into();
        other["terms"]["coupon"]["rate"] = format!("{}%", Decimal::new(i64::from(rate), 2)).into();
        let mut amended = booked("P");
        let reason = "agreed".to_owned();
        let amend = Payload::Amend(Amend { reason, sheet: Document(other.clone()) });
        let mut amend = amended.event(date("2026-01-06"), amend);
        amend.effective_at = Effective::before(date("2026-01-06"));
        let amend = amend.signed("c02");
        amended.send(amend).expect("amends");
        let mut cancelled = booked("P");
        let reason = "wrong coupon".to_owned();
        let cancel = Payload::Cancel(Cancel { pay_date: None, reason });
        cancelled.signed(date("2026-01-05"), cancel).expect("cancels");
        other["trade_id"] = "Q".into();
        let mut anew = Desk::new("Q", CODE, date("2026-01-05"));
        anew.context.policy.outlier = d("1");
        let link = Link { kind: LinkKind::Rebooks, trade_id: "P".to_owned() };
        anew.book(&other, date("2026-01-05"), Some(link));
        anew.confirm(date("2026-01-05"));
        for (day, price) in days().into_iter().zip(&path) {
            amended.fix(day, &price.to_string());
            anew.fix(day, &price.to_string());
        }
        prop_assert_eq!(economics(&mut amended), economics(&mut anew));
        prop_assert_eq!(cancelled.state().net_cash(), Decimal::ZERO);
    }

    #[test]
    fn ended_in_parts_and_then_whole_is_ended_whole(path in path(), part in 1i64..7_999_999, n in 1usize..20) {
        let on = days()[n];
        let unwind = |share: Decimal| (d("7900000") * share / d("8000000")).round_dp(2);
        let part = Decimal::from(part);
        let run = |parts: bool| {
            let mut desk = booked("P");
            for (day, price) in days().into_iter().zip(&path).take(n + 1) {
                desk.fix(day, &price.to_string());
            }
            let pay_date = date("2026-03-02");
            if desk.state().status != Some(Status::Live) {
                return desk;
            }
            let mut left = unwind(d("8000000"));
            if parts {
                left -= unwind(part);
                let resize = Resize { fee: d("0"), pay_date, size: part, unwind: unwind(part) };
                desk.signed(on, Payload::TerminatePartial(resize)).expect("ends in part");
            }
            let end = Terminate { fee: d("0"), pay_date, unwind: left };
            desk.signed(on, Payload::Terminate(end)).expect("ends");
            desk
        };
        let (mut parts, mut whole) = (run(true), run(false));
        prop_assert_eq!(economics(&mut parts), economics(&mut whole));
    }

    #[test]
    fn what_was_known_then_never_changes(path in path(), n in 1usize..60, wrong in 5400i64..6900) {
        let mut desk = booked("P");
        let all: Vec<(Date, Decimal)> = days().into_iter().zip(path).collect();
        for (day, price) in &all[..n] {
            desk.fix(*day, &price.to_string());
        }
        let (seen, then) = (all[n - 1].0, desk.now);
        let before = desk.log.state_at(&mut desk.context, seen, then).expect("a state");
        prop_assert_eq!(&before, &desk.state());
        for (day, price) in &all[n..] {
            desk.fix(*day, &price.to_string());
        }
        let (day, _) = all[n / 2];
        let correction = desk.correction(day, &wrong.to_string(), &format!("fix-{day}"));
        desk.send(correction).expect("corrects");
        let after = desk.log.state_at(&mut desk.context, seen, then).expect("a state");
        prop_assert_eq!(before, after);
    }

    #[test]
    fn the_day_end_twice_is_once_and_the_gain_is_the_change_of_marks_and_flows(
        path in path(),
        marks in prop::collection::vec(-900_000_000i64..900_000_000, 3),
    ) {
        let mut desk = booked("P");
        for (n, (day, price)) in days().into_iter().zip(&path).enumerate() {
            desk.fix(day, &price.to_string());
            if n % 15 != 0 || desk.log.trade().status() != Some(Status::Live) {
                continue;
            }
            let pv_open = Decimal::new(marks[n / 15 % 3], 2);
            let currency = "CNY";
            let determined: Decimal = desk.state().net_cash();
            let value = Revaluation { pv_open, valuation: format!("V-{n}") };
            let first = desk.event(day, Payload::Revaluation(value.clone()));
            desk.send(first).expect("revalues");
            let entries = desk.log.trade().accounts().entries().len();
            let again = desk.event(day, Payload::Revaluation(value));
            desk.send(again).expect("revalues");
            let accounts = desk.log.trade().accounts();
            prop_assert_eq!(accounts.entries().len(), entries);
            prop_assert_eq!(accounts.balance(Account::Fv, currency), pv_open);
            // FVPL is a credit: mark and flows determined so far.
            let gain = -accounts.balance(Account::Fvpl, currency);
            prop_assert_eq!(gain, pv_open + determined);
            balanced(&desk)?;
        }
    }
}

#[test]
fn arrival_order_of_an_accumulator_that_is_stopped_does_not_matter() {
    let days = sessions("2026-04-02", "2026-04-10");
    let prices = ["78000", "75000", "76500", "80350", "74000", "75500"];
    let run = |order: &[usize]| {
        let mut desk = Desk::new("AC-2026-0233", "XSGE:cu2609", date("2026-04-01"));
        desk.live(&json(ACCUMULATOR), date("2026-04-01"));
        desk.now = at(date("2026-04-10"), 16);
        for n in order {
            desk.fix(days[*n], prices[*n]);
        }
        economics(&mut desk)
    };
    let timely = run(&[0, 1, 2, 3, 4, 5]);
    assert_eq!(timely.0, Some(Status::Settling));
    for order in [[5, 4, 3, 2, 1, 0], [1, 3, 5, 0, 2, 4], [3, 0, 1, 2, 5, 4]] {
        assert_eq!(run(&order), timely);
    }
}
