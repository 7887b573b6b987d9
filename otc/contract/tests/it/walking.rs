//! The interpreter.

use rialto_otc_contract::envelope::State;
use rialto_otc_contract::formula::Booking;
use rialto_otc_contract::interpret::{Memory, Record, Seen, walk};
use rialto_otc_time::{AsOf, Calendars, Date};

use crate::world::{compiled, d, sheet};

fn date(text: &str) -> Date {
    text.parse().expect("a date")
}

#[test]
fn the_ledger_prints_each_amount_with_its_formula() {
    let contract = compiled(sheet("snowball")).expect("compiles");
    let prices = [[d("5700")], [d("5820")]];
    let mut booking = Booking::new(&contract);
    let mut memory = Memory::new(&contract.plan);
    let seen = |n: usize| {
        let at = contract.plan.instants.get(n)?.at.date?;
        Some(Seen::fixings(
            &prices[usize::from(at == date("2026-08-10"))],
        ))
    };
    walk(&contract.plan, &mut memory, seen, &mut booking).expect("walks");
    let lines: Vec<String> = booking
        .flows
        .iter()
        .map(|f| format!("{} {:.2} = {}", f.leg, f.amount, f.trace))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    principal 20000000.00 = 20,000,000
    coupon 1240438.36 = 20,000,000 x 14.7 % x 154/365
    ");
}

#[test]
fn an_accumulator_pays_each_day_what_its_zone_says() {
    let contract = compiled(sheet("accumulator")).expect("compiles");
    let prices = [[d("75000")], [d("78000")], [d("81000")]];
    let mut booking = Booking::new(&contract);
    let mut memory = Memory::new(&contract.plan);
    walk(
        &contract.plan,
        &mut memory,
        |n| Some(Seen::fixings(prices.get(n)?)),
        &mut booking,
    )
    .expect("walks");
    let lines: Vec<String> = booking
        .flows
        .iter()
        .map(|f| {
            format!(
                "{} {} {:.2} = {}",
                f.at.date.expect("dated"),
                f.leg,
                f.amount,
                f.trace
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    2026-04-08 accrual -40500.00 = 15 x 3 x (75,000 - 75,900)
    2026-04-09 accrual 31500.00 = 15 x (78,000 - 75,900)
    2026-04-10 rebate 119700.00 = 15 x 140 x 57
    ");
}

#[test]
fn past_observations_must_be_in_the_state() {
    let contract = compiled(sheet("snowball")).expect("compiles");
    let calendars = Calendars::builtin();
    let start = AsOf::post_close(date("2026-03-09"));
    let whole = contract
        .clone()
        .remaining(&start, None, calendars)
        .expect("nothing is past at the start");
    assert_eq!(whole.plan.instants.len(), contract.plan.instants.len());
    let later = AsOf::post_close(date("2026-05-18"));
    let findings = contract
        .remaining(&later, None, calendars)
        .expect_err("no state");
    insta::assert_snapshot!(findings, @r#"E-STATE-FIXING  /state: 46 past observations up to 2026-05-18 post_close are not in the state. Give ki in "state" (or, when the contract has ended, "ended": true with its unpaid flows as "pending"), or let the ledger derive it from fixings. 截至 2026-05-18 post_close 已有 46 次观察未反映在 state 中。请给出 ki（合约若已终止，则给出 ended 为 true 及未付现金流 pending），或由台账按定盘价推导。"#);
}

#[test]
fn a_barrier_under_watch_asks_whether_it_was_hit() {
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/otc/barrier.json"
    ));
    let contract = compiled(&text.expect("the example")).expect("compiles");
    let later = AsOf::post_close(date("2026-05-18"));
    let findings = contract
        .clone()
        .remaining(&later, None, Calendars::builtin())
        .expect_err("no state");
    insta::assert_snapshot!(findings, @r#"E-STATE-FIXING  /state: The barrier was watched up to 2026-05-18 post_close, and no state tells whether it was hit. Give "state": {} if the contract goes on, or "ended": true with its unpaid flows as "pending" if it has ended, or let the ledger derive it from fixings. 截至 2026-05-18 post_close 障碍已处于连续观察中，而 state 未说明是否触及。合约仍存续请给出 "state": {}，若已终止则给出 ended 为 true 及未付现金流 pending，或由台账按定盘价推导。"#);
    // What it asks for is enough.
    let goes_on = State::default();
    contract
        .remaining(&later, Some(&goes_on), Calendars::builtin())
        .expect("goes on");
}

#[test]
fn a_contract_in_mid_life_keeps_what_is_ahead() {
    let text = sheet("snowball").replace(
        "\"rounding\":",
        "\"state\":{\"ki\":true,\"ki_date\":\"2026-04-07\"},\"rounding\":",
    );
    let contract = compiled(&text).expect("compiles");
    let as_of = AsOf::post_close(date("2026-05-18"));
    let rest = contract
        .remaining(&as_of, None, Calendars::builtin())
        .expect("has its state");
    let first = rest.plan.instants.first().and_then(|i| i.at.date);
    assert_eq!(first, Some(date("2026-05-19")));
    assert_eq!(rest.plan.vars[0].value, d("1"));
    let calm = [d("4500")];
    let mut memory = Memory::new(&rest.plan);
    let mut record = Record::default();
    walk(
        &rest.plan,
        &mut memory,
        |_| Some(Seen::fixings(&calm)),
        &mut record,
    )
    .expect("walks");
    let total: rust_decimal::Decimal = record.flows.iter().map(|flow| flow.amount).sum();
    assert_eq!(
        total.round_dp(2),
        (d("20000000") * d("4500") / d("5802.16")).round_dp(2)
    );
}
