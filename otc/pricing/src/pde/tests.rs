//! Finite differences against closed forms, trees and quadrature.

use rialto_otc_numerics::normal;

use super::*;
use crate::quad::Quadrature;
use crate::testing::{Snowball, ask, european, flat};

fn price(plan: &Plan<f64>, model: &Model) -> Priced {
    FiniteDifferences
        .price(plan, model, &ask())
        .expect("a price")
}

fn black_scholes(w: f64, s: f64, k: f64, t: f64, r: f64, q: f64, vol: f64) -> [f64; 3] {
    let deviation = vol * t.sqrt();
    let d1 = ((s / k).ln() + (r - q + 0.5 * vol * vol) * t) / deviation;
    let d2 = d1 - deviation;
    let (df, dq) = ((-r * t).exp(), (-q * t).exp());
    [
        w * (s * dq * normal::cdf(w * d1) - k * df * normal::cdf(w * d2)),
        w * dq * normal::cdf(w * d1),
        dq * normal::pdf(d1) / (s * deviation),
    ]
}

#[test]
fn a_vanilla_is_black_scholes() {
    for w in [1.0, -1.0] {
        for (s, t, r, q, vol) in [
            (100.0, 1.0, 0.03, 0.05, 0.2),
            (80.0, 0.1, -0.01, 0.0, 0.4),
            (130.0, 3.0, 0.02, 0.10, 0.15),
        ] {
            let priced = price(&european(w, 100.0, t), &flat(s, r, q, vol));
            let [value, delta, gamma] = black_scholes(w, s, 100.0, t, r, q, vol);
            let off = (priced.value - value).abs();
            println!(
                "{w} {s}: {off:.2e} error {:.2e} delta {:.1e} gamma {:.1e}",
                priced.error.abs,
                priced.greeks.delta[0] - delta,
                (priced.greeks.gamma[0] - gamma) / gamma
            );
        }
    }
}

#[test]
fn a_snowball_agrees_with_quadrature() {
    for (spot, vol, step) in [(100.0, 0.2, 0.0), (90.0, 0.15, -0.005), (76.0, 0.35, 0.0)] {
        let plan = Snowball {
            step,
            ..Snowball::default()
        }
        .plan();
        let model = flat(spot, 0.02, 0.04, vol);
        let start = std::time::Instant::now();
        let ours = price(&plan, &model);
        let took = start.elapsed();
        let theirs = Quadrature.price(&plan, &model, &ask()).expect("a price");
        println!(
            "{} {} off {:.3e} error {:.3e} delta {:.1e} gamma {:.1e} {took:?}",
            ours.value,
            theirs.value,
            ours.value - theirs.value,
            ours.error.abs,
            ours.greeks.delta[0] - theirs.greeks.delta[0],
            ours.greeks.gamma[0] - theirs.greeks.gamma[0]
        );
    }
}

fn monitored(
    up: bool,
    level: f64,
    stop: bool,
    rebate: f64,
    at_hit: bool,
    w: f64,
    t: f64,
) -> Plan<f64> {
    use rialto_otc_contract::plan::{Action, Expr, Monitor};
    use rialto_otc_contract::program::Comparison;
    let mut plan = european(w, 100.0, t);
    let mut actions = Vec::new();
    if rebate != 0.0 {
        actions.push(crate::testing::pay(Expr::Const(rebate), t));
    }
    if stop {
        actions.push(Action::Stop);
    }
    plan.monitors.push(Monitor {
        from: crate::testing::at(0.0),
        to: crate::testing::at(t),
        underlying: 0,
        side: if up {
            Comparison::AtLeast
        } else {
            Comparison::AtMost
        },
        level,
        unless: None,
        actions,
        pay_at_hit: at_hit,
    });
    plan.class.continuous = true;
    plan
}

/// Down-and-out call of Merton 1973 for a barrier below the strike.
fn down_out_call(s: f64, k: f64, h: f64, t: f64, r: f64, q: f64, vol: f64) -> f64 {
    let mu = (r - q - 0.5 * vol * vol) / (vol * vol);
    let call = |s: f64| black_scholes(1.0, s, k, t, r, q, vol)[0];
    call(s) - (h / s).powf(2.0 * mu) * call(h * h / s)
}

#[test]
fn a_barrier_watched_continuously() {
    for (s, h, t, vol) in [
        (100.0, 90.0, 1.0, 0.2),
        (92.0, 90.0, 0.5, 0.3),
        (90.5, 90.0, 0.25, 0.25),
    ] {
        let plan = monitored(false, h, true, 0.0, true, 1.0, t);
        let start = std::time::Instant::now();
        let ours = price(&plan, &flat(s, 0.03, 0.01, vol));
        let want = down_out_call(s, 100.0, h, t, 0.03, 0.01, vol);
        println!(
            "barrier {want} off {:.2e} error {:.2e} {:?}",
            ours.value - want,
            ours.error.abs,
            start.elapsed()
        );
    }
}

#[test]
fn american() {
    use rialto_otc_contract::plan::Exercise;
    for (s, t, r, q, vol, want) in [
        (100.0, 1.0, 0.05, 0.0, 0.2, 6.090_37),
        (80.0, 3.0, 0.06, 0.0, 0.4, 29.260_5),
        (100.0, 0.25, 0.05, 0.1, 0.3, 0.0),
    ] {
        let mut plan = european(-1.0, 100.0, t);
        plan.exercise = Some(Exercise {
            instants: vec![],
            pay: vec![],
            payoff: crate::testing::option(-1.0, 100.0),
        });
        plan.class.exercise = true;
        let start = std::time::Instant::now();
        let ours = price(&plan, &flat(s, r, q, vol));
        println!(
            "american {} want {want} error {:.2e} {:?} {:?}",
            ours.value,
            ours.error.abs,
            start.elapsed(),
            ours.greeks
        );
    }
}
