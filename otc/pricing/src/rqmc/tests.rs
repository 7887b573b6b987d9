//! Simulation against quadrature, closed forms, itself with other seeds and other threads.

mod greeks;

use rialto_otc_contract::plan::{Action, Carry, Expr, Monitor, Plan, Var};
use rialto_otc_contract::program::{Comparison, VarKind, phase};
use rialto_otc_market::model::{Cev, Curve, Dividend, Dynamics, Heston, LocalVol, Model, Name};
use rialto_otc_numerics::normal::cdf;

use super::*;
use crate::quad::Quadrature;
use crate::testing::{Snowball, at, european, flat, option, pay, plan, rule, when};

fn ask(paths: u64, seed: u64) -> Ask {
    Ask {
        greeks: Greeking::None,
        ladder: Vec::new(),
        flows: false,
        tolerance: 0.0,
        seed,
        paths: Some(paths),
        draft: false,
    }
}

fn price(plan: &Plan<f64>, model: &Model, ask: &Ask) -> Priced {
    Rqmc.price(plan, model, ask).expect("a price")
}

fn quad(plan: &Plan<f64>, model: &Model) -> Priced {
    let ask = Ask {
        greeks: Greeking::Spot,
        ..ask(2, 1)
    };
    Quadrature.price(plan, model, &ask).expect("a price")
}

/// Black and Scholes 1973 with a yield.
fn black_scholes(w: f64, s: f64, k: f64, t: f64, r: f64, q: f64, vol: f64) -> f64 {
    let deviation = vol * t.sqrt();
    let d1 = ((s / k).ln() + (r - q) * t) / deviation + 0.5 * deviation;
    w * (s * (-q * t).exp() * cdf(w * d1) - k * (-r * t).exp() * cdf(w * (d1 - deviation)))
}

/// Deviations between a simulated value and the true one; both sides of a fair test.
fn z(priced: &Priced, truth: f64) -> f64 {
    (priced.value - truth) / priced.error.abs
}

/// Monthly coupons with memory (an affine variable), knock-out from the third month, daily knock-in.
fn phoenix() -> Plan<f64> {
    let mut plan = Snowball::default().plan();
    let n = plan.notional;
    plan.vars.push(Var {
        name: "missed".into(),
        kind: VarKind::Sum,
        value: 0.0,
        carry: Carry::Affine,
    });
    plan.class.affine = 1;
    let mut months = 0;
    for instant in &mut plan.instants {
        let session = (instant.at.rate * 244.0).round() as u32;
        let monthly = (1..=12).any(|m| (244.0 * f64::from(m) / 12.0).round() as u32 == session);
        if !monthly {
            continue;
        }
        months += 1;
        let time = instant.at.rate;
        for rule in &mut instant.rules {
            if rule.phase == phase::KNOCK_OUT {
                rule.actions[0] = pay(Expr::Const(n), time);
            }
        }
        let due = Expr::Mul(vec![
            Expr::Const(0.01 * n),
            Expr::Add(vec![Expr::Var(1), Expr::Const(1.0)]),
        ]);
        let set = |value| Action::Set { var: 1, value };
        let coupons = vec![
            rule(
                phase::COUPON,
                Some(when(Comparison::AtLeast, 80.0)),
                vec![pay(due, time), set(Expr::Const(0.0))],
            ),
            rule(
                phase::COUPON,
                Some(when(Comparison::Below, 80.0)),
                vec![set(Expr::Add(vec![Expr::Var(1), Expr::Const(1.0)]))],
            ),
        ];
        instant.rules.splice(0..0, coupons);
    }
    assert_eq!(months, 12);
    plan
}

/// Daily units: twice below the strike, one up to the barrier, which ends the contract.
fn accumulator() -> Plan<f64> {
    let mut instants = Vec::new();
    for day in 1..=60 {
        let time = f64::from(day) / 244.0;
        let gain = |times: f64| {
            let gain = Expr::Sub(vec![Expr::Spot(0), Expr::Const(95.0)]);
            pay(Expr::Mul(vec![Expr::Const(times), gain]), time)
        };
        let both = |a, b| Some(rialto_otc_contract::plan::Cond::And(vec![a, b]));
        instants.push(rialto_otc_contract::plan::Instant {
            at: at(time),
            rules: vec![
                rule(
                    phase::KNOCK_OUT,
                    Some(when(Comparison::AtLeast, 104.0)),
                    vec![pay(Expr::Const(3.0), time), Action::Stop],
                ),
                rule(
                    phase::COUPON,
                    Some(when(Comparison::Below, 95.0)),
                    vec![gain(200.0)],
                ),
                rule(
                    phase::COUPON,
                    both(
                        when(Comparison::AtLeast, 95.0),
                        when(Comparison::Below, 104.0),
                    ),
                    vec![gain(100.0)],
                ),
            ],
        });
    }
    let mut plan = plan(100.0, 6e5, instants);
    plan.class.discrete_states = 1;
    plan
}

#[test]
fn autocalls_and_accumulators_agree_with_quadrature() {
    let model = flat(100.0, 0.03, 0.05, 0.2);
    for (plan, name) in [
        (Snowball::default().plan(), "snowball"),
        (phoenix(), "phoenix"),
        (accumulator(), "accumulator"),
    ] {
        let truth = quad(&plan, &model).value;
        for seed in [1, 2] {
            let priced = price(&plan, &model, &ask(1 << 15, seed));
            assert!(
                z(&priced, truth).abs() < 4.0,
                "{name}: {} ± {} for {truth}",
                priced.value,
                priced.error.abs
            );
            assert!(
                priced.error.abs < 3e-4 * plan.notional,
                "{name} {}",
                priced.error.abs
            );
        }
    }
}

#[test]
fn term_structures_and_proportional_dividends_agree_with_quadrature() {
    let mut model = flat(100.0, 0.0, 0.0, 0.2);
    model.discount = Curve::pieces(&[(0.3, 0.01), (1.0, 0.04)]);
    model.names[0].carry = Curve::pieces(&[(0.5, 0.06), (1.0, -0.02)]);
    model.names[0].dynamics = Dynamics::Gbm {
        variance: Curve::pieces(&[(0.1, 0.09), (0.6, 0.02), (1.0, 0.06)]),
    };
    model.names[0].dividends = vec![Dividend {
        variance: 0.4001,
        rate: 0.4001,
        cash: 0.0,
        proportional: 0.01,
    }];
    let plan = Snowball::default().plan();
    let priced = price(&plan, &model, &ask(1 << 15, 5));
    let truth = quad(&plan, &model).value;
    assert!(z(&priced, truth).abs() < 4.0, "{} {truth}", priced.value);
}

#[test]
fn a_european_is_black_scholes_to_many_digits() {
    let model = flat(100.0, 0.03, 0.05, 0.2);
    for w in [1.0, -1.0] {
        let priced = price(&european(w, 105.0, 1.0), &model, &ask(1 << 17, 3));
        let truth = black_scholes(w, 100.0, 105.0, 1.0, 0.03, 0.05, 0.2);
        assert!(z(&priced, truth).abs() < 4.0, "{} {truth}", priced.value);
        // The last stratum of an unbounded payoff leaves more than a bounded one does.
        let most = if w > 0.0 { 1e-3 } else { 1e-4 };
        assert!(priced.error.abs < most, "{}", priced.error.abs);
    }
}

/// `max(geometric mean − K, 0)` needs a product of fixings, a variable of the whole path.
fn geometric_asian(fixings: u32, strike: f64) -> Plan<f64> {
    let mut instants = Vec::new();
    for fixing in 1..=fixings {
        let times = Expr::Mul(vec![
            Expr::Var(0),
            Expr::Div(vec![Expr::Spot(0), Expr::Const(100.0)]),
        ]);
        let mut rules = vec![rule(
            phase::FIXING,
            None,
            vec![Action::Set {
                var: 0,
                value: times,
            }],
        )];
        if fixing == fixings {
            // Two fixings: pays on the product itself, which is lognormal as the mean is.
            let mean = Expr::Mul(vec![Expr::Const(100.0), Expr::Var(0)]);
            let paid = Expr::Max(vec![
                Expr::Sub(vec![mean, Expr::Const(strike)]),
                Expr::Const(0.0),
            ]);
            rules.push(rule(phase::TERMINAL, None, vec![pay(paid, 1.0)]));
        }
        instants.push(rialto_otc_contract::plan::Instant {
            at: at(f64::from(fixing) / f64::from(fixings)),
            rules,
        });
    }
    let mut plan = plan(100.0, 100.0, instants);
    plan.vars = vec![Var {
        name: "product".into(),
        kind: VarKind::Sum,
        value: 1.0,
        carry: Carry::Path,
    }];
    plan.class.path = 1;
    plan
}

#[test]
fn a_call_on_a_product_of_fixings_is_lognormal() {
    let (r, q, vol, n) = (0.02, 0.01, 0.1, 4);
    let model = flat(100.0, r, q, vol);
    let priced = price(&geometric_asian(n, 100.0), &model, &ask(1 << 16, 9));
    // Σ ln(S_i/S0) = Σ over steps of (n − i + 1) increments.
    let dt = 1.0 / f64::from(n);
    let weights = (1..=n).map(f64::from);
    let mean: f64 = weights
        .clone()
        .map(|w| w * (r - q - 0.5 * vol * vol) * dt)
        .sum();
    let variance: f64 = weights.map(|w| w * w * vol * vol * dt).sum();
    let forward = 100.0 * (mean + 0.5 * variance).exp();
    let truth = (-r).exp() * black_scholes(1.0, forward, 100.0, 1.0, 0.0, 0.0, variance.sqrt());
    assert!(z(&priced, truth).abs() < 4.0, "{} {truth}", priced.value);
    assert!(priced.error.abs < 4e-3, "{}", priced.error.abs);
}

fn two_names(rho: f64) -> Model {
    let mut model = flat(100.0, 0.03, 0.01, 0.2);
    let mut other = flat(90.0, 0.03, 0.04, 0.3).names.remove(0);
    other.code = "B".into();
    model.names.push(other);
    model.correlation = vec![1.0, rho, rho, 1.0];
    model
}

/// `max(S1 − S2, 0)` in one year.
fn exchange() -> Plan<f64> {
    let paid = Expr::Max(vec![
        Expr::Sub(vec![Expr::Spot(0), Expr::Spot(1)]),
        Expr::Const(0.0),
    ]);
    let mut plan = plan(
        100.0,
        100.0,
        vec![rialto_otc_contract::plan::Instant {
            at: at(1.0),
            rules: vec![rule(phase::TERMINAL, None, vec![pay(paid, 1.0)])],
        }],
    );
    plan.underlyings
        .push(rialto_otc_contract::plan::Underlying {
            code: "B".into(),
            weight: 1.0,
            initial: 90.0,
        });
    plan.class.underlyings = 2;
    plan
}

#[test]
fn an_exchange_option_is_margrabes() {
    for rho in [-0.5, 0.0, 0.9, 1.0] {
        let priced = price(&exchange(), &two_names(rho), &ask(1 << 16, 4));
        let vol = (0.04_f64 + 0.09 - 2.0 * rho * 0.06).sqrt();
        let (a, b) = (100.0 * (-0.01_f64).exp(), 90.0 * (-0.04_f64).exp());
        let truth = black_scholes(1.0, a, b, 1.0, 0.0, 0.0, vol);
        assert!(
            z(&priced, truth).abs() < 4.0,
            "{rho} {} {truth}",
            priced.value
        );
        assert!(priced.error.abs < 2e-3, "{rho} {}", priced.error.abs);
    }
}

#[test]
fn volatilities_that_cross_within_a_step_keep_their_covariance() {
    // σ1 is 10 % then 30 %, σ2 30 % then 10 %: ∫σ1σ2 = 0.03, not √(0.05 · 0.05).
    let mut model = two_names(1.0);
    for (name, pieces) in model.names.iter_mut().zip([[0.01, 0.09], [0.09, 0.01]]) {
        name.carry = Curve::flat(0.03);
        name.dynamics = Dynamics::Gbm {
            variance: Curve::pieces(&[(0.5, pieces[0]), (1.0, pieces[1])]),
        };
    }
    let priced = price(&exchange(), &model, &ask(1 << 16, 4));
    let df = (-0.03_f64).exp();
    let vol = (0.05_f64 + 0.05 - 2.0 * 0.03).sqrt();
    let truth = black_scholes(1.0, 100.0 * df, 90.0 * df, 1.0, 0.0, 0.0, vol);
    assert!(z(&priced, truth).abs() < 4.0, "{} {truth}", priced.value);
}

/// A call that ends when a barrier is touched.
fn knock_out(levels: &[(Comparison, f64)], strike: f64) -> Plan<f64> {
    let mut plan = european(1.0, strike, 1.0);
    plan.monitors = levels
        .iter()
        .map(|(side, level)| Monitor {
            from: at(0.0),
            to: at(1.0),
            underlying: 0,
            side: *side,
            level: *level,
            unless: None,
            actions: vec![Action::Stop],
            pay_at_hit: false,
        })
        .collect();
    plan.class.continuous = true;
    plan
}

#[test]
fn a_continuous_barrier_has_its_closed_value_from_one_step() {
    let (s, k, b, r, q, vol) = (100.0, 95.0, 90.0, 0.04, 0.01, 0.25);
    let model = flat(s, r, q, vol);
    let plan = knock_out(&[(Comparison::AtMost, b)], k);
    let priced = price(&plan, &model, &ask(1 << 17, 4));
    // Down-and-out call, K ≥ B: vanilla less its image (Merton 1973).
    let power = (b / s).powf(2.0 * (r - q) / (vol * vol) - 1.0);
    let truth = black_scholes(1.0, s, k, 1.0, r, q, vol)
        - power * black_scholes(1.0, b * b / s, k, 1.0, r, q, vol);
    assert!(z(&priced, truth).abs() < 4.0, "{} {truth}", priced.value);
    assert!(priced.error.abs < 5e-3, "{}", priced.error.abs);
}

#[test]
fn two_continuous_barriers_are_ikeda_and_kunitomos() {
    let (s, k, low, high, r, q, vol) = (100.0, 95.0, 85.0, 120.0, 0.04, 0.01, 0.2_f64);
    let model = flat(s, r, q, vol);
    let plan = knock_out(&[(Comparison::AtMost, low), (Comparison::AtLeast, high)], k);
    let priced = price(&plan, &model, &ask(1 << 17, 4));
    // Expansion in the eigenfunctions sin(nπy/w) of the killed motion, integrated numerically.
    let (w, drift) = ((high / low).ln(), r - q - 0.5 * vol * vol);
    let start = (s / low).ln();
    let (slope, cells) = (drift / (vol * vol), 20_000);
    let mut truth = 0.0;
    for cell in 0..cells {
        let y = w * (f64::from(cell) + 0.5) / f64::from(cells);
        let mut density = 0.0;
        for n in 1..60 {
            let f = f64::from(n) * std::f64::consts::PI / w;
            let decay = (-0.5 * (vol * vol * f * f + drift * drift / (vol * vol))).exp();
            density += 2.0 / w * (f * start).sin() * (f * y).sin() * decay;
        }
        density *= (slope * (y - start)).exp();
        truth += density * (low * y.exp() - k).max(0.0) * w / f64::from(cells);
    }
    truth *= (-r).exp();
    assert!(
        z(&priced, truth).abs() < 4.0,
        "{} ± {} {truth}",
        priced.value,
        priced.error.abs
    );
}

#[test]
fn a_touch_is_paid_at_its_time() {
    let (s, h, r, q, vol) = (100.0, 115.0, 0.08, 0.02, 0.25);
    let model = flat(s, r, q, vol);
    let mut plan = knock_out(&[(Comparison::AtLeast, h)], 100.0);
    plan.instants[0].rules.clear();
    plan.monitors[0].actions = vec![pay(Expr::Const(100.0), 1.0), Action::Stop];
    plan.monitors[0].pay_at_hit = true;
    let priced = price(&plan, &model, &ask(1 << 17, 4));
    // Reiner and Rubinstein 1991: A_5 with η = −1.
    let mu = (r - q - 0.5 * vol * vol) / (vol * vol);
    let lambda = (mu * mu + 2.0 * r / (vol * vol)).sqrt();
    let z_ = (h / s).ln() / vol + lambda * vol;
    let truth = 100.0
        * ((h / s).powf(mu + lambda) * cdf(-z_)
            + (h / s).powf(mu - lambda) * cdf(-z_ + 2.0 * lambda * vol));
    assert!(
        z(&priced, truth).abs() < 4.0,
        "{} ± {} {truth}",
        priced.value,
        priced.error.abs
    );
    assert!(priced.error.abs < 0.05);
}

#[test]
fn a_barrier_already_breached_is_hit_now() {
    let model = flat(80.0, 0.04, 0.01, 0.25);
    let plan = knock_out(&[(Comparison::AtMost, 90.0)], 95.0);
    assert_eq!(price(&plan, &model, &ask(1 << 10, 4)).value, 0.0);
}

#[test]
fn cash_dividends_lower_the_forward() {
    let mut model = flat(100.0, 0.05, 0.0, 0.2);
    model.names[0].dividends = vec![Dividend {
        variance: 0.5,
        rate: 0.5,
        cash: 4.0,
        proportional: 0.02,
    }];
    let mut forward = european(1.0, 100.0, 1.0);
    forward.instants[0].rules[0].actions = vec![pay(Expr::Spot(0), 1.0)];
    let priced = price(&forward, &model, &ask(1 << 14, 4));
    let truth = 100.0 * 0.98 - 4.0 * (-0.025_f64).exp();
    assert!(z(&priced, truth).abs() < 4.0, "{} {truth}", priced.value);
    assert!((priced.value - truth).abs() < 2e-3);
}

fn with(dynamics: Dynamics) -> Model {
    let mut model = flat(100.0, 0.03, 0.01, 0.2);
    model.names[0] = Name::new("A", 100.0, Curve::flat(0.01), dynamics);
    model
}

#[test]
fn a_flat_local_volatility_is_black_scholes_with_daily_steps() {
    let model = with(Dynamics::LocalVol(LocalVol {
        reference: 100.0,
        times: vec![0.0, 1.0],
        logs: vec![-1.0, 0.0, 1.0],
        vols: vec![0.2; 6],
        cev: None,
    }));
    let priced = price(&european(1.0, 105.0, 1.0), &model, &ask(1 << 14, 3));
    let truth = black_scholes(1.0, 100.0, 105.0, 1.0, 0.03, 0.01, 0.2);
    assert!(z(&priced, truth).abs() < 4.0, "{} {truth}", priced.value);
}

#[test]
fn the_halving_error_covers_a_steep_local_volatility() {
    // CEV with β = −1 about the forward is normal (Bachelier) dynamics at r = q = 0.
    let mut model = with(Dynamics::LocalVol(LocalVol {
        reference: 100.0,
        times: vec![0.0],
        logs: vec![0.0],
        vols: vec![0.2],
        cev: Some(Cev {
            a: 0.2,
            b: -1.0,
            lo: 1e-3,
            hi: 10.0,
        }),
    }));
    model.discount = Curve::flat(0.0);
    model.names[0].carry = Curve::flat(0.0);
    let priced = price(&european(1.0, 100.0, 1.0), &model, &ask(1 << 16, 3));
    let truth = 20.0 / (2.0 * std::f64::consts::PI).sqrt();
    let off = (priced.value - truth).abs();
    assert!(
        off < 3.0 * priced.error.abs,
        "{} ± {} {truth}",
        priced.value,
        priced.error.abs
    );
    assert!(off < 0.02, "{off}");
}

#[test]
fn hestons_forward_and_call_are_right() {
    // Call of Heston 1993 with S = K = 100, T = 1, r = q = 0: by Gil-Pelaez with the stable branch.
    let heston = Heston {
        v0: 0.04,
        kappa: 1.5,
        theta: 0.05,
        xi: 0.5,
        rho: -0.7,
    };
    let mut model = with(Dynamics::Heston(heston));
    model.discount = Curve::flat(0.0);
    model.names[0].carry = Curve::flat(0.0);
    let mut forward = european(1.0, 100.0, 1.0);
    forward.instants[0].rules[0].actions = vec![pay(Expr::Spot(0), 1.0)];
    let priced = price(&forward, &model, &ask(1 << 15, 3));
    assert!((priced.value - 100.0).abs() < 4.0 * priced.error.abs);
    let priced = price(&european(1.0, 100.0, 1.0), &model, &ask(1 << 16, 3));
    let truth = heston_call(&heston, 1.0);
    let off = (priced.value - truth).abs();
    assert!(
        off < 3.0 * priced.error.abs,
        "{} ± {} {truth}",
        priced.value,
        priced.error.abs
    );
    assert!(off < 0.02, "{off}");
}

/// At-the-money call on a forward of 100 by Lewis' integral:
/// `C = 100 − (100/π) ∫ Re φ(u − i/2)/(u² + 1/4) du`.
fn heston_call(h: &Heston, t: f64) -> f64 {
    type C = (f64, f64);
    let mul = |a: C, b: C| (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0);
    let add = |a: C, b: C| (a.0 + b.0, a.1 + b.1);
    let scale = |s: f64, a: C| (s * a.0, s * a.1);
    let div = |a: C, b: C| {
        let n = b.0 * b.0 + b.1 * b.1;
        scale(1.0 / n, mul(a, (b.0, -b.1)))
    };
    let exp = |a: C| (a.0.exp() * a.1.cos(), a.0.exp() * a.1.sin());
    let ln = |a: C| (0.5 * (a.0 * a.0 + a.1 * a.1).ln(), a.1.atan2(a.0));
    let sqrt = |a: C| exp(scale(0.5, ln(a)));
    let (steps, du) = (40_000, 0.005);
    let mut sum = 0.0;
    for step in 0..steps {
        let u = (f64::from(step) + 0.5) * du;
        // φ at u − i/2: i w = 1/2 + i u; w² + i w = u² + 1/4.
        let iw = (0.5, u);
        let beta = add((h.kappa, 0.0), scale(-h.rho * h.xi, iw));
        let d = sqrt(add(mul(beta, beta), (h.xi * h.xi * (u * u + 0.25), 0.0)));
        let minus = add(beta, scale(-1.0, d));
        let g = div(minus, add(beta, d));
        let e = exp(scale(-t, d));
        let one = (1.0, 0.0);
        let bottom = add(one, scale(-1.0, mul(g, e)));
        let dd = scale(
            1.0 / (h.xi * h.xi),
            mul(minus, div(add(one, scale(-1.0, e)), bottom)),
        );
        let log = ln(div(bottom, add(one, scale(-1.0, g))));
        let cc = scale(
            h.kappa * h.theta / (h.xi * h.xi),
            add(scale(t, minus), scale(-2.0, log)),
        );
        let phi = exp(add(cc, scale(h.v0, dd)));
        sum += phi.0 / (u * u + 0.25) * du;
    }
    100.0 - 100.0 / std::f64::consts::PI * sum
}

#[test]
fn quasi_random_error_is_a_third_of_plain_or_less() {
    let model = flat(100.0, 0.03, 0.05, 0.2);
    let plan = Snowball::default().plan();
    let paths = 1 << 17;
    let job = Job::new(&plan, &model, (1, false, 1.0)).expect("a job");
    let totals = simulate(&job, &ask(paths, 1)).expect("totals");
    let quasi = statistics::estimate(&totals.means())
        .expect("an estimate")
        .std_error;
    let ratio = totals.plain_error() / quasi;
    assert!(ratio > 3.0, "{ratio}");
    // And the error is what is left against the truth.
    let truth = quad(&plan, &model).value;
    let off = totals.means().iter().sum::<f64>() / 16.0 - truth;
    assert!(off.abs() < 4.0 * quasi, "{off} {quasi}");
}

#[test]
fn threads_do_not_change_a_bit() {
    let mut snowball_ask = ask(1 << 15, 6);
    snowball_ask.flows = true;
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .expect("a pool");
        pool.install(|| {
            let one = flat(100.0, 0.03, 0.05, 0.2);
            [
                price(&Snowball::default().plan(), &one, &snowball_ask),
                price(&phoenix(), &one, &snowball_ask),
                price(&exchange(), &two_names(0.3), &snowball_ask),
            ]
        })
    };
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(4));
}

#[test]
fn expected_flows_add_up_to_the_value() {
    let mut asked = ask(1 << 14, 6);
    asked.flows = true;
    let model = flat(100.0, 0.03, 0.05, 0.2);
    let plan = Snowball::default().plan();
    let priced = price(&plan, &model, &asked);
    let sum: f64 = priced.flows.iter().map(|flow| flow.contribution).sum();
    assert!((sum - priced.value).abs() < 1e-9 * priced.value);
    let probability: f64 = priced.flows.iter().map(|flow| flow.probability).sum();
    assert!(
        (probability - 1.0).abs() < 1e-12,
        "one flow ends every path: {probability}"
    );
    assert_eq!(priced.flows.len(), 10, "the last knock-out date is the end");
    assert!(
        priced
            .flows
            .iter()
            .all(|flow| flow.leg == "flow" && flow.amount > 0.0)
    );
}

#[test]
fn without_volatility_the_forward_path_is_walked_exactly() {
    let model = flat(100.0, 0.03, 0.01, 0.0);
    let priced = price(&european(1.0, 95.0, 2.0), &model, &ask(1 << 12, 6));
    let truth = 100.0 * (-0.02_f64).exp() - 95.0 * (-0.06_f64).exp();
    assert!(
        (priced.value - truth).abs() < 1e-11,
        "{} {truth}",
        priced.value
    );
    assert!(priced.error.abs < 1e-11);
}

#[test]
fn a_date_now_sees_the_spot_exactly_on_a_level() {
    let model = flat(100.0, 0.03, 0.01, 0.2);
    let digital = |comparison| {
        let pays = rule(
            phase::TERMINAL,
            Some(when(comparison, 100.0)),
            vec![pay(Expr::Const(1.0), 0.0)],
        );
        let instant = rialto_otc_contract::plan::Instant {
            at: at(0.0),
            rules: vec![pays],
        };
        price(&plan(100.0, 1.0, vec![instant]), &model, &ask(64, 6)).value
    };
    // ln and exp may move 100 by a rounding; the level is still met.
    assert_eq!(digital(Comparison::AtLeast), 1.0);
    assert_eq!(digital(Comparison::Above), 0.0);
}

#[test]
fn a_date_before_the_valuation_or_an_exercise_is_refused() {
    let mut model = flat(100.0, 0.03, 0.01, 0.2);
    model.as_of.rate = 1.5;
    let refused = Rqmc.price(&european(1.0, 100.0, 1.0), &model, &ask(64, 6));
    assert!(matches!(refused, Err(PriceError::Model(_))));
    let mut american = european(1.0, 100.0, 1.0);
    american.exercise = Some(rialto_otc_contract::plan::Exercise {
        instants: Vec::new(),
        pay: Vec::new(),
        payoff: option(1.0, 100.0),
    });
    assert!(matches!(
        Rqmc.fit(&american, &flat(100.0, 0.0, 0.0, 0.2), &ask(64, 6)),
        Fit::No(_)
    ));
}

#[test]
fn a_tolerance_is_met_when_the_budget_allows() {
    let model = flat(100.0, 0.03, 0.05, 0.2);
    let asked = Ask {
        tolerance: 1e-3,
        paths: None,
        ..ask(2, 6)
    };
    let priced = price(&european(1.0, 100.0, 1.0), &model, &asked);
    assert!(priced.error.abs <= 1e-3);
    let truth = black_scholes(1.0, 100.0, 100.0, 1.0, 0.03, 0.05, 0.2);
    assert!((priced.value - truth).abs() < 3e-3);
}

#[test]
fn the_compiled_program_walks_every_path_as_the_interpreter_does() {
    let model = flat(100.0, 0.03, 0.05, 0.2);
    for (plan, name) in [
        (Snowball::default().plan(), "snowball"),
        (phoenix(), "phoenix"),
        (accumulator(), "accumulator"),
        (european(-1.0, 105.0, 1.0), "european"),
    ] {
        let mut job = Job::new(&plan, &model, (3, false, 1.0)).expect("a job");
        assert!(job.simulation.program.is_some(), "{name} compiles");
        let fast = job.first_values(1024);
        job.interpret = true;
        let slow = job.first_values(1024);
        for (lane, (fast, slow)) in fast.iter().zip(&slow).enumerate() {
            let off = (fast - slow).abs();
            assert!(off <= 1e-11 * plan.notional, "{name} {lane}: {fast} {slow}");
        }
    }
}

#[test]
#[ignore = "a figure for people: run with --release -- --ignored --nocapture"]
fn speed() {
    let model = flat(100.0, 0.03, 0.05, 0.2);
    for (plan, name) in [
        (Snowball::default().plan(), "snowball"),
        (phoenix(), "phoenix"),
        (accumulator(), "accumulator"),
    ] {
        let mut job = Job::new(&plan, &model, (3, false, 1.0)).expect("a job");
        for interpret in [false, true] {
            job.interpret = interpret;
            let paths = if interpret { 1 << 10 } else { 1 << 14 };
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(1)
                .build()
                .expect("a pool");
            let mut best = f64::INFINITY;
            let mut error = 0.0;
            for _ in 0..5 {
                let mut totals = job.start();
                let start = std::time::Instant::now();
                pool.install(|| job.extend(&mut totals, paths))
                    .expect("totals");
                best = best.min(start.elapsed().as_secs_f64());
                error = statistics::estimate(&totals.means())
                    .expect("an estimate")
                    .std_error;
            }
            let all = f64::from(paths * REPLICATES);
            println!(
                "PS {name} interpret {interpret}: {:.0} M path-steps/s, {all} paths {:.1} ms, ± {:.3} bp",
                all * plan.instants.len() as f64 / best * 1e-6,
                best * 1e3,
                1e4 * error / plan.notional
            );
        }
    }
}
