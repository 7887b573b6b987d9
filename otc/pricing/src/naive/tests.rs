//! Simulation against closed forms and quadrature.

use rialto_otc_contract::plan::{Action, Expr, Monitor};
use rialto_otc_contract::program::Comparison;
use rialto_otc_market::model::{Dividend, Heston, LocalVol};

use super::*;
use crate::pde::FiniteDifferences;
use crate::quad::Quadrature;
use crate::testing::{Snowball, ask, at, european, flat, pay};

fn price(plan: &Plan<f64>, model: &Model, paths: u64) -> Priced {
    let ask = Ask {
        paths: Some(paths),
        ..ask()
    };
    Naive.price(plan, model, &ask).expect("a price")
}

#[track_caller]
fn agree(priced: &Priced, want: f64) {
    let z = (priced.value - want) / priced.error.abs;
    assert!(z.abs() < 4.0, "{} against {want}: z = {z}", priced.value);
}

#[test]
fn a_snowball_agrees_with_quadrature() {
    let plan = Snowball::default().plan();
    let model = flat(100.0, 0.03, 0.05, 0.2);
    let want = Quadrature
        .price(&plan, &model, &ask())
        .expect("a price")
        .value;
    agree(&price(&plan, &model, 20_000), want);
}

fn touch(level: f64, side: Comparison, at_hit: bool) -> Plan<f64> {
    let mut plan = european(1.0, 1e9, 1.0);
    plan.monitors.push(Monitor {
        from: at(0.0),
        to: at(1.0),
        underlying: 0,
        side,
        level,
        unless: None,
        actions: vec![pay(Expr::Const(100.0), 1.0), Action::Stop],
        pay_at_hit: at_hit,
    });
    plan
}

#[test]
fn touches_are_hit_with_the_right_probability_and_at_the_right_time() {
    // A rate so high that the time of the hit shows.
    let model = flat(100.0, 0.5, 0.4, 0.3);
    for at_hit in [true, false] {
        for (level, side) in [(120.0, Comparison::AtLeast), (85.0, Comparison::AtMost)] {
            let plan = touch(level, side, at_hit);
            let want = FiniteDifferences
                .price(&plan, &model, &ask())
                .expect("a price")
                .value;
            agree(&price(&plan, &model, 20_000), want);
        }
    }
}

#[test]
fn a_forward_is_worth_its_price_in_every_model() {
    let mut terminal = european(1.0, 1e-9, 1.0);
    terminal.notional = 100.0;
    let mut model = flat(100.0, 0.03, 0.01, 0.25);
    model.names[0].dividends.push(Dividend {
        variance: 0.5,
        rate: 0.5,
        cash: 3.0,
        proportional: 0.01,
    });
    let grown = |from: f64, to: f64| (0.02_f64 * (to - from)).exp();
    let want = ((100.0 * grown(0.0, 0.5)) * 0.99 - 3.0) * grown(0.5, 1.0) * (-0.03_f64).exp();
    agree(&price(&terminal, &model, 20_000), want);
    model.names[0].dynamics = Dynamics::LocalVol(LocalVol {
        reference: 100.0,
        times: vec![0.0],
        logs: vec![-0.5, 0.5],
        vols: vec![0.4, 0.1],
        cev: None,
    });
    agree(&price(&terminal, &model, 4_000), want);
    model.names[0].dynamics = Dynamics::Heston(Heston {
        v0: 0.05,
        kappa: 1.5,
        theta: 0.04,
        xi: 0.8,
        rho: -0.7,
    });
    agree(&price(&terminal, &model, 8_000), want);
}

#[test]
fn heston_agrees_with_lewis_integral() {
    // Lewis 2000 at 30 digits, S 100, K 100, T 1, r 0.02, q 0: value by adaptive integration of the
    // characteristic function in its stable branch.
    let mut model = flat(100.0, 0.02, 0.0, 0.2);
    model.names[0].dynamics = Dynamics::Heston(Heston {
        v0: 0.04,
        kappa: 1.5,
        theta: 0.04,
        xi: 0.3,
        rho: -0.9,
    });
    agree(
        &price(&european(1.0, 100.0, 1.0), &model, 16_000),
        HESTON_CALL,
    );
}

/// By Lewis' integral.
const HESTON_CALL: f64 = 8.605_108_013_472_523;

#[test]
fn two_names_move_together_as_their_correlation_says() {
    // An exchange option has Margrabe's price.
    use rialto_otc_numerics::normal::cdf;
    let mut plan = european(1.0, 100.0, 1.0);
    plan.underlyings.push(plan.underlyings[0].clone());
    plan.class.underlyings = 2;
    plan.instants[0].rules[0].actions = vec![pay(
        Expr::Max(vec![
            Expr::Sub(vec![Expr::Spot(0), Expr::Spot(1)]),
            Expr::Const(0.0),
        ]),
        1.0,
    )];
    let mut model = flat(100.0, 0.02, 0.0, 0.2);
    let mut second = model.names[0].clone();
    second.spot = 95.0;
    second.dynamics = Dynamics::Gbm {
        variance: rialto_otc_market::model::Curve::flat(0.09),
    };
    model.names.push(second);
    model.correlation = vec![1.0, 0.6, 0.6, 1.0];
    let deviation = (0.04_f64 + 0.09 - 2.0 * 0.6 * 0.06).sqrt();
    let d1 = (100.0_f64 / 95.0).ln() / deviation + 0.5 * deviation;
    let want = 100.0 * cdf(d1) - 95.0 * cdf(d1 - deviation);
    agree(&price(&plan, &model, 40_000), want);
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_does_not() {
    let plan = european(1.0, 100.0, 1.0);
    let model = flat(100.0, 0.03, 0.01, 0.25);
    let (a, b) = (price(&plan, &model, 512), price(&plan, &model, 512));
    assert_eq!(a.value.to_bits(), b.value.to_bits());
    let other = Ask {
        seed: 8,
        paths: Some(512),
        ..ask()
    };
    let other = Naive.price(&plan, &model, &other).expect("a price");
    assert_ne!(a.value.to_bits(), other.value.to_bits());
}

#[test]
fn early_exercise_is_refused() {
    let mut plan = european(-1.0, 100.0, 1.0);
    plan.exercise = Some(rialto_otc_contract::plan::Exercise {
        instants: Vec::new(),
        pay: Vec::new(),
        payoff: crate::testing::option(-1.0, 100.0),
    });
    let error = Naive.price(&plan, &flat(100.0, 0.0, 0.0, 0.2), &ask());
    assert!(matches!(error, Err(PriceError::Refused { .. })));
}
