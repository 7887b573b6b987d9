//! Contracts that have ended and not yet paid all: their value is what they still pay.

use std::path::Path;

use proptest::prelude::*;
use rialto_otc_contract::TermSheet;
use rialto_otc_contract::envelope::{Pending, State, When};
use rialto_otc_market::bump::{Bump, Window};
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_pricing::cashflows::cashflows;
use rialto_otc_pricing::engine::{ErrorKind, Greeking, PriceError};
use rialto_otc_pricing::select::{self, DETERMINED};
use rialto_otc_pricing::solve::{Question, SolveError, Target, Unknown, solve};
use rialto_otc_pricing::valuation::{Request, Valuation, ValueError, prepare, value};
use rialto_otc_time::{Calendars, Date};
use rust_decimal::Decimal;

use crate::world::{NEAR, ask, products};

/// Zero rate of the markets here, continuously compounded.
const RATE: f64 = 0.0171;

/// One product for every family of contracts.
const PRODUCTS: [&str; 14] = [
    "snowball",
    "phoenix",
    "european",
    "barrier",
    "one_touch",
    "no_touch-continuous",
    "american",
    "american-bermudan",
    "asian",
    "accumulator",
    "range_accrual",
    "sharkfin-note-continuous",
    "basket",
    "trs",
];

fn day(text: &str) -> Date {
    text.parse().expect("a date")
}

fn later(date: Date, days: i32) -> Date {
    date.add_days(days).expect("a date")
}

fn product(name: &str) -> TermSheet {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contract/tests/sheets/products");
    let text = std::fs::read_to_string(folder.join(name).with_extension("json")).expect("a sheet");
    TermSheet::from_text(&text).unwrap_or_else(|findings| panic!("{name}:\n{findings}"))
}

/// A market that quotes a discount curve and, where told, one underlying with its fixings.
fn market(date: Date, phase: &str, quotes: &str) -> Snapshot {
    let text = format!(
        r#"{{"schema": "rialto.market/1", "as_of": {{"date": "{date}", "phase": "{phase}"}},
        "discount": {{"CNY": "{RATE}"}} {quotes}}}"#
    );
    let read = Snapshot::from_text(&text);
    read.unwrap_or_else(|findings| panic!("{findings}\n{text}"))
        .0
}

const QUOTED: &str =
    r#", "underlyings": {"XSHG:000905": {"spot": "5500", "q": "3%", "vol": "21%"}}"#;

fn fixed(fixings: &[(&str, &str)]) -> String {
    let list: Vec<String> = fixings
        .iter()
        .map(|(date, price)| format!("\"{date}\": \"{price}\""))
        .collect();
    format!(
        r#"{QUOTED}, "fixings": {{"XSHG:000905": {{{}}}}}"#,
        list.join(", ")
    )
}

fn valued(sheet: &TermSheet, market: &Snapshot, request: &Request) -> Result<Valuation, String> {
    value(sheet, market, Calendars::builtin(), request).map_err(|error| error.to_string())
}

fn ended(mut sheet: TermSheet, pending: &[(i64, Date)]) -> TermSheet {
    sheet.state = Some(State {
        ended: true,
        pending: pending
            .iter()
            .map(|(cents, pay)| Pending {
                leg: "payoff".to_owned(),
                amount: Decimal::new(*cents, 2),
                pay: When::Date(*pay),
            })
            .collect(),
        ..State::default()
    });
    sheet
}

/// What flows are worth: those paid by then are worth nothing.
fn worth(pending: &[(i64, Date)], from: Date) -> f64 {
    let flow = |(cents, pay): &(i64, Date)| {
        let days = f64::from(*pay - from);
        match days > 0.0 {
            true => *cents as f64 / 100.0 * (-RATE * days / 365.0).exp(),
            false => 0.0,
        }
    };
    pending.iter().map(flow).sum()
}

/// A state that is not what the market's fixings lead to counts, and the answer says so.
#[test]
fn a_state_against_the_fixings_is_told() {
    let mut sheet = product("snowball");
    let days = ["2026-03-10", "2026-03-11", "2026-03-12"];
    let market_of = |last: &str| {
        let fixings = [(days[0], "5800"), (days[1], last), (days[2], "5500")];
        market(day(days[2]), "post_close", &fixed(&fixings))
    };
    let told = |sheet: &TermSheet, last: &str| {
        let found = valued(sheet, &market_of(last), &Request::default());
        let found = found.unwrap_or_else(|error| panic!("{error}"));
        let notes = found.notes.iter();
        notes.filter(|note| note.code == "N-STATE-FIXINGS").count()
    };
    let low = "4000";
    assert_eq!(told(&sheet, low), 0, "the fixings alone");
    let hole = fixed(&[(days[0], "5800"), (days[2], "5500")]);
    let hole = market(day(days[2]), "post_close", &hole);
    let refused = valued(&sheet, &hole, &Request::default()).expect_err("a day is missing");
    assert!(refused.contains("E-STATE-FIXING"), "{refused}");
    assert!(
        refused.contains(&format!("none for {}", days[1])),
        "{refused}"
    );
    let values = |ki: u32| [("ki".to_owned(), Decimal::from(ki))].into_iter().collect();
    sheet.state = Some(State {
        values: values(0),
        ..State::default()
    });
    assert_eq!((told(&sheet, low), told(&sheet, "5600")), (1, 0));
    sheet.state = Some(State {
        values: values(1),
        ki_date: Some(day("2026-03-13")),
        ..State::default()
    });
    let ahead = valued(&sheet, &market_of(low), &Request::default());
    let ahead = ahead.expect_err("the day of the knock-in is ahead");
    assert!(ahead.contains("/state/ki_date"), "{ahead}");
}

/// Every engine there is, the free choice and whatever Greeks: the same value, exactly.
fn holds(name: &str, pending: &[(i64, Date)], on: Date, phase: &str, quoted: bool) {
    let sheet = ended(product(name), pending);
    let quotes = if quoted { QUOTED } else { "" };
    let market = market(on, phase, quotes);
    let expected = worth(pending, on);
    let near = 1e-9 * (1.0 + expected.abs());
    let engines = select::names().map(Some).chain([None, Some("auto")]);
    for engine in engines {
        for greeks in [Greeking::None, Greeking::Spot, Greeking::All] {
            let request = Request {
                engine: engine.map(str::to_owned),
                greeks,
                ladder: vec![4000.0, 6000.0],
                flows: true,
                ..Request::default()
            };
            let what = format!("{name} on {on} {phase}, {engine:?}, {greeks:?}");
            let found = valued(&sheet, &market, &request);
            let found = found.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!((found.value - expected).abs() <= near, "{what}: {found:?}");
            assert_eq!(found.value, found.value_determined, "{what}");
            assert_eq!((found.value_open, found.engine), (0.0, DETERMINED));
            assert_eq!(found.error_estimate.abs, 0.0);
            assert_eq!(found.error_estimate.kind, ErrorKind::Exact);
            assert!(found.tolerance_met && found.flows.is_empty());
            assert!(found.why[0].chosen && found.why[0].reason.en.starts_with("determined flows"));
            assert_eq!(found.ladder.len(), 2, "{what}");
            for point in &found.ladder {
                let moved = (point.value, point.delta, point.gamma);
                assert_eq!(moved, (found.value, 0.0, 0.0), "{what}");
            }
            let names = sheet.underlyings.len();
            let zeros = |wanted: bool| vec![0.0; if wanted { names } else { 0 }];
            let (any, all) = (greeks != Greeking::None, greeks == Greeking::All);
            assert_eq!(found.greeks.delta, zeros(any), "{what}");
            assert_eq!(found.greeks.gamma, zeros(any), "{what}");
            assert_eq!(found.greeks.vega, zeros(all), "{what}");
            assert_eq!(found.greeks.rho_q, zeros(all), "{what}");
            assert_eq!(found.greeks.rho.is_some(), all, "{what}");
        }
    }
}

/// A flow: cents, and days after the as-of that it is paid.
fn flows() -> impl Strategy<Value = Vec<(i64, i32)>> {
    prop::collection::vec((-5_000_000_000_i64..5_000_000_000, -5..40_i32), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_ended_contract_is_worth_its_unpaid_flows_whatever_engine_is_named(
        which in 0..PRODUCTS.len(),
        flows in flows(),
        after in 75..300_i32,
        phase in prop::sample::select(vec!["pre_open", "post_close"]),
        quoted in any::<bool>(),
    ) {
        let on = later(day("2026-03-09"), after);
        let pending: Vec<(i64, Date)> = flows
            .iter()
            .map(|(cents, days)| (*cents, later(on, *days)))
            // On the day of its payment a flow is still due before the session.
            .filter(|(_, pay)| phase == "post_close" || *pay != on)
            .collect();
        holds(PRODUCTS[which], &pending, on, phase, quoted);
    }
}

#[test]
fn rho_and_theta_of_an_ended_contract_are_those_of_its_discounting() {
    let (on, next) = (day("2026-06-12"), day("2026-06-15"));
    let pending = [
        (10_000_000, day("2026-06-15")),
        (-77_700, day("2026-06-14")),
        (250_000_000, day("2026-09-01")),
    ];
    let sheet = ended(product("snowball"), &pending);
    let market = market(on, "post_close", QUOTED);
    let found = valued(&sheet, &market, &Request::default()).expect("a value");
    let (calendars, config) = (Calendars::builtin(), Request::default().config);
    let prepared = prepare(&sheet, &market, calendars, None, &config).expect("a contract");
    let at = |by: f64| {
        let rate = Bump::Rate {
            by,
            window: Window::PARALLEL,
        };
        let mut moved = prepared.clone();
        moved.model = prepared.model.bumped(&rate).expect("a market");
        moved.value(&Request::default()).expect("a value").value
    };
    let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
    let rho = found.greeks.rho.expect("rho");
    assert!(
        rho < 0.0 && (rho - slope).abs() <= 1e-6 * slope.abs(),
        "{rho} {slope}"
    );
    // Two flows are paid by the next session, at their amounts.
    let then = 100_000.0 - 777.0 + worth(&pending[2..], next);
    let theta = found.greeks.theta_1d.expect("theta");
    assert!(
        (theta - (then - worth(&pending, on))).abs() <= 1e-6,
        "{theta}"
    );
}

#[test]
fn rho_of_a_live_contract_holds_its_determined_flows() {
    let (on, pay) = (day("2026-03-09"), day("2027-03-09"));
    let market = market(on, "post_close", QUOTED);
    let plain = product("european");
    let mut owed = ended(plain.clone(), &[(100_000_000, pay)]);
    owed.state.as_mut().expect("a state").ended = false;
    let rho = |sheet: &TermSheet| {
        let found = valued(sheet, &market, &Request::default()).expect("a value");
        found.greeks.rho.expect("rho")
    };
    let more = -worth(&[(100_000_000, pay)], on);
    let off = rho(&owed) - rho(&plain) - more;
    assert!(off.abs() <= 1e-6 * more.abs(), "{off}");
}

const EUROPEAN: &str = r#"{"schema": "rialto.otc/1", "trade_id": "E", "template": "european/1",
  "direction": "house_sells", "underlying": {"code": "XSHG:000905", "initial": "5802.16"},
  "notional": "10000000", "currency": "CNY", "dates": {"start": "2026-03-09", "end": "2027-03-09"},
  "terms": {"type": "put", "strike": "95%", "part": "80%"}}"#;

#[test]
fn the_fixing_of_the_last_day_makes_the_value_its_payoff() {
    let sheet = TermSheet::from_text(EUROPEAN).expect("a sheet");
    let expiry = day("2027-03-09");
    let at = |date: &str, fixings: &[(&str, &str)]| {
        let market = market(day(date), "post_close", &fixed(fixings));
        (
            valued(&sheet, &market, &Request::default()),
            cashflows(&sheet, &market, Calendars::builtin(), &Request::default()),
        )
    };
    let known = [("2027-03-09", "5400")];
    let (found, flows) = at("2027-03-09", &known);
    let (found, flows) = (found.expect("a value"), flows.expect("flows"));
    let payoff = 1e7 * 0.8 * (0.95 - 5400.0 / 5802.16);
    assert_eq!((flows.determined.len(), flows.projected.len()), (1, 0));
    let amount: f64 = flows.determined[0]
        .amount
        .to_string()
        .parse()
        .expect("a number");
    assert!((amount - payoff).abs() <= 0.01, "{amount} {payoff}");
    let pay = day(&flows.determined[0].pay);
    assert!(pay > expiry);
    let cents = (amount * 100.0).round() as i64;
    assert!((found.value - worth(&[(cents, pay)], expiry)).abs() <= 0.01);
    assert_eq!(flows.value, found.value);
    // All is paid.
    let (found, flows) = at(&pay.to_string(), &known);
    assert_eq!(found.expect("a value").value, 0.0);
    assert!(flows.expect("flows").determined.is_empty());
    // Without the fixing nobody knows what it pays; nothing told is not nothing owed.
    let (unknown, _) = at("2027-03-09", &[]);
    assert!(unknown.expect_err("no fixing").contains("E-STATE-FIXING"));
    let mut told = sheet.clone();
    told.state = Some(State::default());
    let market = market(expiry, "post_close", QUOTED);
    let refused = valued(&told, &market, &Request::default()).expect_err("not ended");
    assert!(
        refused.contains("E-STATE-FIXING") && refused.contains("pending"),
        "{refused}"
    );
}

#[test]
fn after_a_knock_out_no_more_fixings_are_asked_for() {
    let text = EUROPEAN.replace("european/1", "barrier/1").replace(
        r#"{"type": "put", "strike": "95%", "part": "80%"}"#,
        r#"{"type": "call", "knock": "out", "side": "up", "strike": "100%", "barrier": "115%", "rebate": "2%", "rebate_at": "hit", "monitoring": "daily"}"#,
    );
    let sheet = TermSheet::from_text(&text).unwrap_or_else(|findings| panic!("{findings}"));
    let known = [("2026-03-10", "5900"), ("2026-03-11", "6672.484")];
    let at = |date: &str| {
        let market = market(day(date), "post_close", &fixed(&known));
        valued(&sheet, &market, &Request::default())
    };
    let hit = at("2026-03-11").expect("knocked out");
    assert_eq!(hit.engine, DETERMINED);
    assert!(
        (hit.value - 200_000.0).abs() <= 20_000.0 * RATE * 12.0,
        "{}",
        hit.value
    );
    // Days later, without any later fixing.
    let later = at("2026-03-25").expect("it had ended");
    assert_eq!((later.engine, later.value_open), (DETERMINED, 0.0));
    let before = valued(
        &sheet,
        &market(day("2026-03-10"), "post_close", &fixed(&known[..1])),
        &Request::default(),
    );
    assert_ne!(before.expect("alive").engine, DETERMINED);
}

#[test]
fn an_unknown_engine_is_refused_also_where_nothing_is_left() {
    let sheet = ended(product("european"), &[]);
    let market = market(day("2026-06-09"), "post_close", "");
    let request = Request {
        engine: Some("quod1d".to_owned()),
        ..Request::default()
    };
    let found = value(&sheet, &market, Calendars::builtin(), &request);
    assert!(matches!(
        found,
        Err(ValueError::Price(PriceError::Unknown { .. }))
    ));
}

#[test]
fn nothing_of_an_ended_contract_can_be_solved_for() {
    let sheet = ended(product("snowball"), &[(100, day("2026-06-12"))]);
    let market = market(day("2026-06-09"), "post_close", QUOTED);
    for unknown in [Unknown::Coupon, Unknown::KoLevel, Unknown::Premium] {
        let question = Question {
            unknown,
            target: Target::Share(0.01),
            increment: None,
        };
        let request = Request::default();
        let refused = solve(&sheet, &market, Calendars::builtin(), &request, &question);
        let Err(SolveError::Value(ValueError::Price(PriceError::Refused { reason, .. }))) = refused
        else {
            panic!("{unknown:?}: {refused:?}");
        };
        assert!(reason.en.contains("has ended"), "{reason}");
    }
}

#[test]
fn no_engine_is_run_on_a_plan_of_which_nothing_is_left() {
    for (name, mut plan) in products() {
        let model = NEAR.model(&plan);
        let ask = ask(&plan);
        plan.instants.clear();
        for engine in select::names() {
            let found = select::price(&plan, &model, &ask, Some(engine));
            let found = found.unwrap_or_else(|error| panic!("{name} {engine}: {error}"));
            assert_eq!(
                (found.engine, found.priced.value),
                (DETERMINED, 0.0),
                "{name}"
            );
            assert_eq!(found.priced.greeks.delta, vec![0.0; plan.underlyings.len()]);
        }
    }
}
