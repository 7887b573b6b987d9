//! Markets of the fixtures, and contracts that look at them.

use rialto_otc_contract::finding::Findings;
use rialto_otc_contract::plan::{Class, Instant, Moment, Plan, Underlying};
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_market::view::{self, Ground, ModelConfig, ModelKind, Viewed};
use rialto_otc_time::{Calendars, Clocks, Date, Exchange};

/// Text of a fixture.
pub fn text(name: &str) -> String {
    let path = format!("{}/tests/markets/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub fn read(text: &str) -> Snapshot {
    Snapshot::from_text(text)
        .unwrap_or_else(|findings| panic!("{findings}"))
        .0
}

pub fn market(name: &str) -> Snapshot {
    read(&text(name))
}

pub fn date(text: &str) -> Date {
    text.parse().expect("a date")
}

/// A contract that does nothing, on these moments.
pub fn plan(codes: &[&str], moments: &[Moment]) -> Plan<f64> {
    let underlyings = codes.iter().map(|code| Underlying {
        code: (*code).to_owned(),
        weight: 1.0,
        initial: 100.0,
    });
    Plan {
        currency: "CNY".to_owned(),
        notional: 1e6,
        underlyings: underlyings.collect(),
        vars: Vec::new(),
        instants: moments
            .iter()
            .map(|at| Instant {
                at: *at,
                rules: Vec::new(),
            })
            .collect(),
        monitors: Vec::new(),
        exercise: None,
        class: Class {
            underlyings: codes.len(),
            discrete_states: 1,
            affine: 0,
            path: 0,
            continuous: false,
            exercise: false,
        },
        shape: None,
    }
}

/// Moments of a numeric contract, one time on all clocks.
pub fn times(times: &[f64]) -> Vec<Moment> {
    times
        .iter()
        .map(|time| Moment {
            date: None,
            variance: *time,
            rate: *time,
            coupon: *time,
        })
        .collect()
}

/// Moments of a contract from a start, on the clocks of the mainland.
pub fn dates(start: &str, days: &[&str]) -> Vec<Moment> {
    let (clocks, calendars) = (clocks(), Calendars::builtin());
    days.iter()
        .map(|day| {
            let (start, day) = (date(start), date(day));
            let on = |clock: &rialto_otc_time::Clock| {
                clock.year_fraction(start, day, calendars).expect("covered")
            };
            Moment {
                date: Some(day),
                variance: on(&clocks.variance),
                rate: on(&clocks.rate),
                coupon: on(&clocks.coupon),
            }
        })
        .collect()
}

pub fn clocks() -> Clocks {
    Clocks::standard(Exchange::Xshg)
}

/// The model of a dated contract at the market's own moment.
pub fn dated(
    snapshot: &Snapshot,
    plan: &Plan<f64>,
    start: &str,
    kind: ModelKind,
) -> Result<Viewed, Findings> {
    let clocks = clocks();
    let ground = Ground {
        clocks: &clocks,
        calendars: Calendars::builtin(),
        start: Some(date(start)),
    };
    view::model(
        snapshot,
        plan,
        &ground,
        snapshot.as_of(),
        &ModelConfig { kind },
    )
}

/// The model of a numeric contract at the market's own moment.
pub fn numeric(snapshot: &Snapshot, plan: &Plan<f64>, kind: ModelKind) -> Result<Viewed, Findings> {
    let ground = Ground {
        clocks: &Clocks::TIMES,
        calendars: Calendars::builtin(),
        start: None,
    };
    view::model(
        snapshot,
        plan,
        &ground,
        snapshot.as_of(),
        &ModelConfig { kind },
    )
}

/// Codes of findings, in their order.
pub fn codes(findings: &Findings) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.code).collect()
}

#[track_caller]
pub fn close(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{found} against {expected}"
    );
}
