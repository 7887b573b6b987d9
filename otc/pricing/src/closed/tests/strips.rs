//! Sums over dates against the quadrature engine, which reads the rules.

use proptest::prelude::*;
use rialto_otc_contract::plan::{Action, Carry, Cond, Expr, Instant, Var};
use rialto_otc_contract::program::{Comparison, VarKind, phase};
use rialto_otc_contract::shape::{Edges, Mean, Range, Zone};
use rialto_otc_market::model::{Curve, Dynamics, Name};

use super::*;
use crate::quad::Quadrature;
use crate::testing::{option, pay, rule, when};

fn sum(name: &str, value: f64) -> Var<f64> {
    Var {
        name: name.into(),
        kind: VarKind::Sum,
        value,
        carry: Carry::Affine,
    }
}

fn add_to(var: usize, value: Expr<f64>) -> Action<f64> {
    Action::Set {
        var,
        value: Expr::Add(vec![Expr::Var(var), value]),
    }
}

/// Days of a schedule with rules, and a terminal payment on the last.
fn dated(
    schedule: &str,
    times: &[f64],
    rules: impl Fn(f64) -> (Option<Cond<f64>>, Vec<Action<f64>>),
    last: Option<Expr<f64>>,
) -> Plan<f64> {
    let mut instants = Vec::new();
    for (row, time) in times.iter().enumerate() {
        let (condition, actions) = rules(*time);
        let mut own = rule(phase::ACCRUAL, condition, actions);
        own.schedule = schedule.into();
        own.row = row as u32 + 1;
        instants.push(Instant {
            at: at(*time),
            rules: vec![own],
        });
    }
    if let (Some(amount), Some(end)) = (last, instants.last_mut()) {
        let time = end.at.rate;
        let terminal = rule(phase::TERMINAL, None, vec![pay(amount, time + 0.01)]);
        end.rules.push(terminal);
    }
    plan(100.0, 100.0, instants)
}

fn months(n: u32) -> Vec<f64> {
    (1..=n).map(|k| f64::from(k) / 12.0).collect()
}

fn term_market() -> Model {
    let mut model = flat(101.0, 0.0, 0.0, 0.2);
    model.discount = Curve::pieces(&[(0.5, 0.02), (1.0, 0.04)]);
    model.names[0].carry = Curve::pieces(&[(0.25, 0.08), (1.0, 0.01)]);
    model.names[0].dynamics = Dynamics::Gbm {
        variance: Curve::pieces(&[(0.4, 0.09), (1.0, 0.04)]),
    };
    model
}

fn agree(plan: &Plan<f64>, tolerance: f64) -> f64 {
    let model = term_market();
    let own = Closed.price(plan, &model, &everything()).expect("a price");
    let other = Quadrature
        .price(plan, &model, &crate::testing::ask())
        .expect("a price");
    let off = (own.value - other.value).abs();
    assert!(off < tolerance, "{} {}", own.value, other.value);
    let off = (own.greeks.delta[0] - other.greeks.delta[0]).abs();
    assert!(off < tolerance, "{:?} {:?}", own.greeks, other.greeks);
    own.value
}

#[test]
fn a_range_accrual_is_a_strip_of_digitals() {
    let inside = Cond::And(vec![
        when(Comparison::AtLeast, 90.0),
        when(Comparison::Below, 115.0),
    ]);
    let paid = Expr::Add(vec![
        Expr::Mul(vec![Expr::Const(24.0 / 15.0), Expr::Var(0)]),
        Expr::Const(50.0),
    ]);
    let actions = |_| (Some(inside.clone()), vec![add_to(0, Expr::Const(1.0))]);
    let mut plan = dated("days", &months(12), actions, Some(paid));
    // Fifteen days in all, three past, two of them inside.
    plan.vars = vec![sum("days_in", 2.0)];
    plan.shape = Some(Shape::RangeAccrual {
        amount: 24.0,
        range: Range {
            lower: Some(90.0),
            upper: Some(115.0),
            edges: Edges::Lower,
        },
        rows: 15,
        principal: 50.0,
    });
    agree(&plan, 1e-7);
}

#[test]
fn a_full_range_is_a_bond() {
    let mut plan = dated(
        "days",
        &months(12),
        |_| (None, Vec::new()),
        Some(Expr::Const(0.0)),
    );
    plan.shape = Some(Shape::RangeAccrual {
        amount: 24.0,
        range: Range {
            lower: None,
            upper: None,
            edges: Edges::Lower,
        },
        rows: 12,
        principal: 0.0,
    });
    let own = Closed
        .price(&plan, &flat(100.0, 0.03, 0.0, 0.2), &everything())
        .expect("a price");
    close(own.value, 24.0 * (-0.03_f64 * 1.01).exp(), 1e-14);
}

fn zones(w: Side) -> Vec<Zone<f64>> {
    let zone = |bound, units, cash| Zone { bound, units, cash };
    match w {
        Side::Call => vec![
            zone(Some(95.0), 2.0, 0.0),
            zone(Some(110.0), 1.0, 0.5),
            zone(None, 0.0, 1.5),
        ],
        Side::Put => vec![
            zone(Some(105.0), 2.0, 0.0),
            zone(Some(90.0), 1.0, 0.5),
            zone(None, 0.0, 1.5),
        ],
    }
}

fn by_zone(w: Side, of: impl Fn(&Zone<f64>) -> Expr<f64>) -> Expr<f64> {
    let zones = zones(w);
    let op = match w {
        Side::Call => Comparison::Below,
        Side::Put => Comparison::Above,
    };
    let inner = Expr::If(
        Box::new(when(op, zones[1].bound.expect("a bound"))),
        Box::new(of(&zones[1])),
        Box::new(of(&zones[2])),
    );
    Expr::If(
        Box::new(when(op, zones[0].bound.expect("a bound"))),
        Box::new(of(&zones[0])),
        Box::new(inner),
    )
}

fn unit(w: Side, strike: f64) -> Expr<f64> {
    let (spot, strike) = (Expr::Spot(0), Expr::Const(strike));
    match w {
        Side::Call => Expr::Sub(vec![spot, strike]),
        Side::Put => Expr::Sub(vec![strike, spot]),
    }
}

#[test]
fn an_accumulator_settled_daily_is_a_strip() {
    for w in [Side::Call, Side::Put] {
        let strike = if w == Side::Call { 95.0 } else { 105.0 };
        let worth = by_zone(w, |zone| {
            Expr::Add(vec![
                Expr::Mul(vec![Expr::Const(zone.units), unit(w, strike)]),
                Expr::Const(zone.cash),
            ])
        });
        let amount = Expr::Mul(vec![Expr::Const(3.0), worth]);
        let actions = |time: f64| (None, vec![pay(amount.clone(), time + 0.02)]);
        let mut plan = dated("days", &months(12), actions, None);
        plan.shape = Some(Shape::Accumulator {
            quantity: 3.0,
            w,
            strike,
            zones: zones(w),
            daily: true,
        });
        agree(&plan, 1e-5);
    }
}

#[test]
fn an_accumulator_settled_at_the_end_is_a_strip() {
    for w in [Side::Call, Side::Put] {
        let strike = if w == Side::Call { 95.0 } else { 105.0 };
        let actions = |_| {
            let units = add_to(0, by_zone(w, |zone| Expr::Const(zone.units)));
            let cash = add_to(1, by_zone(w, |zone| Expr::Const(zone.cash)));
            (None, vec![units, cash])
        };
        let settled = Expr::Mul(vec![
            Expr::Const(3.0),
            Expr::Add(vec![
                Expr::Mul(vec![Expr::Var(0), unit(w, strike)]),
                Expr::Var(1),
            ]),
        ]);
        let mut plan = dated("days", &months(12), actions, Some(settled));
        plan.vars = vec![sum("accrued_units", 7.0), sum("accrued_cash", 2.5)];
        plan.shape = Some(Shape::Accumulator {
            quantity: 3.0,
            w,
            strike,
            zones: zones(w),
            daily: false,
        });
        agree(&plan, 1e-5);
    }
}

#[test]
fn an_enhanced_asian_is_a_strip_of_europeans() {
    for (w, strike, level) in [(Side::Call, 98.0, 102.0), (Side::Put, 103.0, 99.0)] {
        let cut = match w {
            Side::Call => Expr::Max(vec![Expr::Spot(0), Expr::Const(level)]),
            Side::Put => Expr::Min(vec![Expr::Spot(0), Expr::Const(level)]),
        };
        let mean = Expr::Div(vec![Expr::Var(0), Expr::Const(15.0)]);
        let paid = match w {
            Side::Call => Expr::Sub(vec![mean, Expr::Const(strike)]),
            Side::Put => Expr::Sub(vec![Expr::Const(strike), mean]),
        };
        let actions = |_| (None, vec![add_to(0, cut.clone())]);
        let mut plan = dated("fixings", &months(12), actions, Some(paid));
        let past = 3.0 * (level + 2.0 * w.w());
        plan.vars = vec![sum("fixings_sum", past)];
        plan.shape = Some(Shape::EnhancedAsian {
            units: 1.0,
            w,
            strike,
            level,
            fixings: 15,
        });
        agree(&plan, 1e-7);
    }
}

#[test]
fn a_mean_whose_past_is_not_told_is_an_error() {
    let mut plan = dated("fixings", &months(3), |_| (None, Vec::new()), None);
    plan.shape = Some(Shape::EnhancedAsian {
        units: 1.0,
        w: Side::Call,
        strike: 100.0,
        level: 100.0,
        fixings: 5,
    });
    let error = Closed
        .price(&plan, &flat(100.0, 0.03, 0.0, 0.2), &everything())
        .expect_err("two fixings are missing");
    assert_eq!(
        error.to_string(),
        "E-MODEL: 2 rows are past and variable `fixings_sum` is not there"
    );
}

fn geometric(w: Side, strike: Option<f64>, times: &[f64]) -> Plan<f64> {
    let mut plan = dated("fixings", times, |_| (None, Vec::new()), None);
    plan.shape = Some(Shape::Asian {
        units: 1.0,
        w,
        strike,
        mean: Mean::Geometric,
        weights: vec![1.0 / times.len() as f64; times.len()],
    });
    plan
}

#[test]
fn a_geometric_asian_is_that_of_quantlib() {
    // DiscreteAveragingAsianOption(Average.Geometric, 1., 0, dates, PlainVanillaPayoff(w, 100.),
    // exercise), AnalyticDiscreteGeometricAveragePriceAsianEngine(process(100, .03, .05, .25))
    let days = [30, 61, 91, 122, 152, 182, 213, 243, 274, 304, 335, 365];
    let times = days.map(|day| f64::from(day) / 365.0);
    let model = flat(100.0, 0.03, 0.05, 0.25);
    for (w, expected) in [
        (Side::Call, 5.142_816_276_114_203),
        (Side::Put, 6.683_868_431_340_497),
    ] {
        let plan = geometric(w, Some(100.0), &times);
        let own = Closed.price(&plan, &model, &everything()).expect("a price");
        close(own.value, expected, 1e-12);
    }
}

#[test]
fn a_geometric_mean_half_done_keeps_its_past() {
    // One fixing left: the mean is a power of a lognormal price times the past.
    let mut plan = geometric(Side::Call, Some(100.0), &[0.5]);
    plan.vars = vec![sum("product", (1.1_f64).powf(0.75))];
    if let Some(Shape::Asian { weights, .. }) = &mut plan.shape {
        *weights = vec![0.75, 0.25];
    }
    let model = flat(100.0, 0.03, 0.05, 0.25);
    let own = Closed.price(&plan, &model, &everything()).expect("a price");
    let (v, m): (f64, f64) = (0.0625 * 0.5 / 16.0, 0.25 * (-0.02 - 0.03125) * 0.5);
    let forward = (100.0_f64 * 1.1).powf(0.75) * 100.0_f64.powf(0.25) * (m + v / 2.0).exp();
    let same = european(Side::Call, forward, 100.0, 1.0, (0.0, 0.0, f64::sqrt(v)));
    close(own.value, same.value * (-0.015_f64).exp(), 1e-12);
}

fn two_names() -> Model {
    let name = |code: &str, spot, q: f64, vol: f64| {
        let variance = Curve::flat(vol * vol);
        Name::new(code, spot, Curve::flat(q), Dynamics::Gbm { variance })
    };
    let mut model = flat(100.0, 0.03, 0.0, 0.2);
    model.names = vec![name("A", 100.0, 0.02, 0.3), name("B", 95.0, 0.04, 0.2)];
    model.correlation = vec![1.0, 0.4, 0.4, 1.0];
    model
}

#[test]
fn an_exchange_is_that_of_quantlib() {
    // MargrabeOption(1, 1, exercise of 365 days), AnalyticEuropeanMargrabeEngine(
    // process(100, .03, .02, .3), process(95, .03, .04, .2), .4)
    let mut plan = shaped_plan(
        Shape::Exchange {
            units: 1.0,
            first: 1.0,
            second: 1.0,
        },
        1.0,
    );
    plan.underlyings.push(plan.underlyings[0].clone());
    let own = Closed
        .price(&plan, &two_names(), &everything())
        .expect("a price");
    close(own.value, 14.477_907_929_063_218, 1e-12);
    close(own.greeks.delta[0], 0.639_603_680_441_769_5, 1e-12);
    close(own.greeks.delta[1], -0.520_868_001_211_723_5, 1e-12);
    close(own.greeks.gamma[0], 0.012_645_174_109_117_894, 1e-12);
    close(own.greeks.gamma[1], 0.014_011_273_251_100_157, 1e-12);
    assert!(
        own.greeks.rho.expect("rho").abs() < 1e-12,
        "no rate matters"
    );
}

#[test]
fn a_swap_reset_to_its_notional_pays_forward_returns() {
    // `units × (S_k − S_{k−1})` with units reset to N/S_k, less 2 % a year on the market value.
    let actions = |time: f64| {
        let gain = Expr::Sub(vec![Expr::Spot(0), Expr::Var(1)]);
        let equity = Expr::Mul(vec![Expr::Var(0), gain]);
        let drawn = Expr::Mul(vec![Expr::Const(-0.02 / 4.0), Expr::Var(0), Expr::Var(1)]);
        let reset = Expr::Div(vec![Expr::Const(1000.0), Expr::Spot(0)]);
        let actions = vec![
            pay(equity, time + 0.01),
            pay(drawn, time + 0.01),
            Action::Set {
                var: 0,
                value: reset,
            },
            Action::Set {
                var: 1,
                value: Expr::Spot(0),
            },
        ];
        (None, actions)
    };
    let times = [0.25, 0.5, 0.75, 1.0];
    let mut plan = dated("resets", &times, actions, None);
    plan.vars = vec![sum("units", 8.0), sum("last", 120.0)];
    let model = term_market();
    let own = Closed.price(&plan, &model, &everything()).expect("a price");
    let forward = |time: f64| model.names[0].forward(&model.discount, time);
    let mut expected = 0.0;
    for (index, time) in times.into_iter().enumerate() {
        let paid = if index == 0 {
            8.0 * (forward(time) - 120.0) - 0.005 * 8.0 * 120.0
        } else {
            1000.0 * (forward(time) / forward(times[index - 1]) - 1.0) - 5.0
        };
        expected += paid * model.discount.factor(time + 0.01);
    }
    close(own.value, expected, 1e-12);
    assert!(
        (own.greeks.delta[0] - 8.0 * forward(0.25) / 101.0 * model.discount.factor(0.26)).abs()
            < 1e-12
    );
    assert!(own.greeks.vega[0].abs() < 1e-9);
}

proptest! {
    #[test]
    fn rules_without_choice_are_priced_like_their_shape(
        strike in 50.0..150.0_f64, units in -3.0..3.0_f64, t in 0.1..3.0_f64,
    ) {
        let amount = Expr::Mul(vec![
            Expr::Const(units),
            Expr::Sub(vec![Expr::Spot(0), Expr::Const(strike)]),
        ]);
        let model = flat(100.0, 0.03, 0.05, 0.25);
        let terminal = rule(phase::TERMINAL, None, vec![pay(amount, t)]);
        let bare = plan(100.0, 100.0, vec![Instant { at: at(t), rules: vec![terminal] }]);
        let own = Closed.price(&bare, &model, &everything()).expect("a price");
        let same = value_of(Shape::Forward { units, strike }, t, &model);
        prop_assert!((own.value - same).abs() < 1e-11);
        let choice = plan(100.0, 100.0, vec![Instant {
            at: at(t),
            rules: vec![rule(phase::TERMINAL, None, vec![pay(option(1.0, strike), t)])],
        }]);
        prop_assert!(matches!(Closed.fit(&choice, &model, &everything()), Fit::No(_)));
    }
}
