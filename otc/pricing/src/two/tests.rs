//! Conditional quadrature and log recursion against QuantLib, closed forms and each other.

use proptest::prelude::*;
use rialto_otc_contract::plan::{Action, Carry, Expr, Instant, Plan, Var};
use rialto_otc_contract::program::{VarKind, phase};
use rialto_otc_contract::shape::{Mean, Shape, Side, Vanilla};
use rialto_otc_market::model::{Curve, Dynamics, Model, Name};

use super::*;
use crate::closed::Closed;
use crate::engine::{Ask, Engine, Greeking, Priced};
use crate::testing::{at, flat, plan, rule};

fn everything() -> Ask {
    Ask {
        greeks: Greeking::All,
        ..crate::testing::ask()
    }
}

fn name(code: &str, spot: f64, q: f64, vol: f64) -> Name {
    let variance = Curve::flat(vol * vol);
    Name::new(code, spot, Curve::flat(q), Dynamics::Gbm { variance })
}

/// `process(100, .03, .02, .3)` and `process(95, .03, .04, .2)`.
fn two(rho: f64) -> Model {
    let mut model = flat(100.0, 0.03, 0.0, 0.2);
    model.names = vec![name("A", 100.0, 0.02, 0.3), name("B", 95.0, 0.04, 0.2)];
    model.correlation = vec![1.0, rho, rho, 1.0];
    model
}

fn dated(shape: Shape<f64>, names: usize, times: &[f64]) -> Plan<f64> {
    let instants = times.iter().enumerate().map(|(row, time)| {
        let mut own = rule(phase::FIXING, None, Vec::new());
        own.schedule = "fixings".into();
        own.row = row as u32 + 1;
        Instant {
            at: at(*time),
            rules: vec![own],
        }
    });
    let mut plan = plan(100.0, 100.0, instants.collect());
    plan.underlyings = vec![plan.underlyings[0].clone(); names];
    plan.shape = Some(shape);
    plan
}

fn pair(shape: Shape<f64>, model: &Model) -> Priced {
    Conditional
        .price(&dated(shape, 2, &[1.0]), model, &everything())
        .expect("a price")
}

fn extreme(w: Side, worst: bool) -> Shape<f64> {
    Shape::Extreme {
        units: 1.0,
        w,
        worst,
        factors: vec![1.0, 1.0],
        strike: 98.0,
    }
}

fn basket(w: Side, factors: [f64; 2], strike: f64) -> Shape<f64> {
    Shape::Basket {
        units: 1.0,
        w,
        factors: factors.to_vec(),
        strike,
    }
}

#[test]
fn worst_and_best_of_two_are_those_of_quantlib() {
    // BasketOption(MinBasketPayoff | MaxBasketPayoff(PlainVanillaPayoff(w, 98.)), exercise),
    // StulzEngine(process1, process2, rho)
    let table = [
        (true, Side::Call, 0.4, 3.140_230_075_523_101),
        (true, Side::Call, -0.7, 0.334_582_623_414_606_7),
        (true, Side::Call, 0.95, 5.545_227_030_012_456),
        (true, Side::Put, 0.4, 14.701_932_961_664_577),
        (true, Side::Put, -0.7, 18.305_058_127_736_505),
        (true, Side::Put, 0.95, 11.511_730_461_225_028),
        (false, Side::Call, 0.4, 15.553_606_773_932_67),
        (false, Side::Call, -0.7, 18.359_254_226_041_163),
        (false, Side::Call, 0.95, 13.148_609_819_443_315),
        (false, Side::Put, 0.4, 4.904_364_413_152_519_5),
        (false, Side::Put, -0.7, 1.301_239_247_080_591_4),
        (false, Side::Put, 0.95, 8.094_566_913_592_068),
    ];
    for (worst, w, rho, expected) in table {
        let own = pair(extreme(w, worst), &two(rho));
        let off = (own.value - expected).abs();
        assert!(off < 1e-9, "{worst} {w:?} {rho}: {} {expected}", own.value);
        assert!(own.error.abs < 1e-7, "{}", own.error.abs);
    }
}

#[test]
fn an_exchange_is_margrabes_with_all_greeks() {
    let shape = Shape::Exchange {
        units: 1.0,
        first: 1.0,
        second: 1.0,
    };
    for rho in [-1.0, -0.99, -0.5, 0.0, 0.4, 0.99, 1.0] {
        let model = two(rho);
        let plan = dated(shape.clone(), 2, &[1.0]);
        let closed = Closed.price(&plan, &model, &everything()).expect("a price");
        let own = pair(shape.clone(), &model);
        assert!((own.value - closed.value).abs() < 1e-7, "{rho}");
        let pairs = |a: &[f64], b: &[f64], tolerance: f64| {
            for (a, b) in a.iter().zip(b) {
                assert!(
                    (a - b).abs() < tolerance * (1.0 + b.abs()),
                    "{rho}: {a} {b}"
                );
            }
        };
        if rho.abs() < 0.995 {
            pairs(&own.greeks.delta, &closed.greeks.delta, 1e-8);
            pairs(&own.greeks.gamma, &closed.greeks.gamma, 1e-7);
            pairs(&own.greeks.vega, &closed.greeks.vega, 1e-7);
            pairs(&own.greeks.rho_q, &closed.greeks.rho_q, 1e-7);
        }
    }
}

#[test]
fn a_certain_first_price_leaves_a_vanilla_on_the_second() {
    let mut model = two(0.4);
    model.names[0].dynamics = Dynamics::Gbm {
        variance: Curve::flat(0.0),
    };
    let own = pair(basket(Side::Call, [1.0, 1.0], 200.0), &model);
    let known = 100.0 * 0.01_f64.exp();
    let plain = crate::closed::european(Side::Call, 95.0, 200.0 - known, 1.0, (0.03, 0.04, 0.2));
    assert!((own.value - plain.value).abs() < 1e-12);
}

#[test]
fn one_underlying_is_refused() {
    let plan = dated(
        Shape::European(Vanilla {
            units: 1.0,
            w: Side::Call,
            strike: 1.0,
        }),
        1,
        &[1.0],
    );
    let refused = Conditional.price(&plan, &flat(1.0, 0.0, 0.0, 0.2), &everything());
    assert_eq!(
        refused.expect_err("refused").to_string(),
        "E-ENGINE-REFUSED: conditional2/1 cannot price this: it is not an option on two prices at \
         one date"
    );
}

fn asian(w: Side, strike: Option<f64>, weights: Vec<f64>, times: &[f64]) -> Plan<f64> {
    let shape = Shape::Asian {
        units: 1.0,
        w,
        strike,
        mean: Mean::Arithmetic,
        weights,
    };
    dated(shape, 1, times)
}

fn mean(plan: &Plan<f64>, model: &Model) -> Priced {
    LogRecursion
        .price(plan, model, &everything())
        .expect("a price")
}

#[test]
fn one_fixing_is_a_european() {
    let own = mean(
        &asian(Side::Call, Some(105.0), vec![1.0], &[1.0]),
        &flat(100.0, 0.03, 0.01, 0.2),
    );
    let same = crate::closed::european(Side::Call, 100.0, 105.0, 1.0, (0.03, 0.01, 0.2));
    assert!((own.value - same.value).abs() < 1e-12);
    assert!((own.greeks.gamma[0] - same.gamma).abs() < 1e-12);
}

/// Two fixings of one price are two prices whose logs are correlated by `√(V_1/V_2)`.
fn as_two_prices(vol: f64, times: [f64; 2], (r, q): (f64, f64)) -> Model {
    let end = times[1];
    let early = vol * (times[0] / end).sqrt();
    let mut model = flat(100.0, r, 0.0, vol);
    // The first fixing's forward is the price's at its own time.
    let carry = r - (r - q) * times[0] / end;
    model.names = vec![name("A", 100.0, carry, early), name("B", 100.0, q, vol)];
    let rho = (times[0] / end).sqrt();
    model.correlation = vec![1.0, rho, rho, 1.0];
    model
}

#[test]
fn two_fixings_are_a_basket_of_two() {
    for times in [[0.5, 1.0], [0.9, 1.0], [0.05, 1.0]] {
        let model = flat(100.0, 0.03, 0.05, 0.3);
        let pairs = as_two_prices(0.3, times, (0.03, 0.05));
        for w in [Side::Call, Side::Put] {
            let own = mean(&asian(w, Some(102.0), vec![0.3, 0.7], &times), &model);
            let other = Conditional
                .price(
                    &dated(basket(w, [0.3, 0.7], 102.0), 2, &[1.0]),
                    &pairs,
                    &everything(),
                )
                .expect("a price");
            let off = (own.value - other.value).abs();
            assert!(off < 1e-9, "{times:?} {} {}", own.value, other.value);
            // S_T − 0.3 S_1 − 0.7 S_T
            let own = mean(&asian(w, None, vec![0.3, 0.7], &times), &model);
            let other = Conditional
                .price(
                    &dated(basket(w, [-0.3, 0.3], 0.0), 2, &[1.0]),
                    &pairs,
                    &everything(),
                )
                .expect("a price");
            let off = (own.value - other.value).abs();
            assert!(
                off < 1e-9,
                "floating {times:?} {} {}",
                own.value,
                other.value
            );
        }
    }
}

fn weights(n: usize) -> Vec<f64> {
    vec![1.0 / n as f64; n]
}

fn days(n: usize) -> Vec<f64> {
    (1..=n).map(|k| k as f64 / 244.0).collect()
}

#[test]
fn a_daily_mean_obeys_parity_and_its_error() {
    let model = flat(100.0, 0.03, 0.05, 0.25);
    let times = days(244);
    let own = |w| mean(&asian(w, Some(101.0), weights(244), &times), &model);
    let (call, put) = (own(Side::Call), own(Side::Put));
    let expected: f64 = times
        .iter()
        .map(|t| 100.0 * (-0.02 * t).exp() / 244.0)
        .sum();
    let forward = (-0.03_f64).exp() * (expected - 101.0);
    assert!((call.value - put.value - forward).abs() < 1e-9);
    assert!(call.error.abs < 1e-6, "{}", call.error.abs);
    // Above the geometric mean's option.
    let mut geometric = asian(Side::Call, Some(101.0), weights(244), &times);
    if let Some(Shape::Asian { mean, .. }) = &mut geometric.shape {
        *mean = Mean::Geometric;
    }
    let below = Closed
        .price(&geometric, &model, &everything())
        .expect("a price");
    assert!(call.value > below.value && call.value < below.value + 0.5);
}

#[test]
fn the_past_of_a_mean_lowers_its_strike() {
    let model = flat(100.0, 0.03, 0.05, 0.25);
    let mut plan = asian(Side::Call, Some(101.0), weights(4), &[0.25, 0.5]);
    // Two of four fixings are past; equal weights are summed as fixings.
    plan.vars = vec![Var {
        name: "fixings_sum".into(),
        kind: VarKind::Sum,
        value: 210.0,
        carry: Carry::Path,
    }];
    let own = mean(&plan, &model);
    let pairs = as_two_prices(0.25, [0.25, 0.5], (0.03, 0.05));
    let other = Conditional
        .price(
            &dated(basket(Side::Call, [0.25, 0.25], 101.0 - 52.5), 2, &[0.5]),
            &pairs,
            &everything(),
        )
        .expect("a price");
    assert!(
        (own.value - other.value).abs() < 1e-9,
        "{} {}",
        own.value,
        other.value
    );
    // So high a past that the option is sure to pay.
    plan.vars[0].value = 500.0;
    let own = mean(&plan, &model);
    let forward = 125.0 + 25.0 * ((-0.02_f64 * 0.25).exp() + (-0.02_f64 * 0.5).exp()) - 101.0;
    assert!((own.value - forward * (-0.015_f64).exp()).abs() < 1e-10);
}

#[test]
fn unequal_weights_are_read_as_they_were_written() {
    let model = flat(100.0, 0.03, 0.05, 0.25);
    // Written as 1, 1 and 2: shares of a quarter, a quarter and a half; the first is past.
    let mut plan = asian(Side::Call, Some(101.0), vec![0.25, 0.25, 0.5], &[0.25, 0.5]);
    plan.vars = vec![Var {
        name: "fixings_sum".into(),
        kind: VarKind::Sum,
        value: 104.0,
        carry: Carry::Path,
    }];
    assert!(
        LogRecursion.price(&plan, &model, &everything()).is_err(),
        "no scale"
    );
    for (instant, weight) in plan.instants.iter_mut().zip([1.0, 2.0]) {
        let added = Expr::Mul(vec![Expr::Const(weight), Expr::Spot(0)]);
        instant.rules[0].actions = vec![Action::Set {
            var: 0,
            value: Expr::Add(vec![Expr::Var(0), added]),
        }];
    }
    let own = mean(&plan, &model);
    let pairs = as_two_prices(0.25, [0.25, 0.5], (0.03, 0.05));
    let left = basket(Side::Call, [0.25, 0.5], 101.0 - 26.0);
    let other = Conditional
        .price(&dated(left, 2, &[0.5]), &pairs, &everything())
        .expect("a price");
    assert!((own.value - other.value).abs() < 1e-9);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn spread_parity_and_bounds_hold(
        rho in -1.0..=1.0_f64, strike in -20.0..40.0_f64, a in 0.5..2.0_f64, b in -2.0..2.0_f64,
    ) {
        prop_assume!(b.abs() > 0.1);
        let model = two(rho);
        let call = pair(basket(Side::Call, [a, b], strike), &model);
        let put = pair(basket(Side::Put, [a, b], strike), &model);
        let forward = a * 100.0 * (-0.02_f64).exp() + b * 95.0 * (-0.04_f64).exp()
            - strike * (-0.03_f64).exp();
        prop_assert!((call.value - put.value - forward).abs() < 1e-7);
        prop_assert!(call.value >= -1e-9 && put.value >= -1e-9);
        let best = pair(extreme(Side::Call, false), &model).value;
        let worst = pair(extreme(Side::Call, true), &model).value;
        let each = |s: f64, q: f64, v: f64| {
            crate::closed::european(Side::Call, s, 98.0, 1.0, (0.03, q, v)).value
        };
        let sum = each(100.0, 0.02, 0.3) + each(95.0, 0.04, 0.2);
        prop_assert!((best + worst - sum).abs() < 1e-7);
    }
}

#[test]
#[ignore = "a figure for people: run with --release -- --ignored --nocapture"]
fn speed() {
    let time = |name: &str, engine: &dyn Engine, plan: &Plan<f64>, model: &Model| {
        let start = std::time::Instant::now();
        let rounds = 50;
        let mut last = 0.0;
        for _ in 0..rounds {
            last = engine
                .price(plan, model, &everything())
                .expect("a price")
                .value;
        }
        let each = start.elapsed().as_secs_f64() * 1e3 / f64::from(rounds);
        println!("{name}: {each:.3} ms ({last})");
    };
    time(
        "best of two",
        &Conditional,
        &dated(extreme(Side::Call, false), 2, &[1.0]),
        &two(0.4),
    );
    let daily = asian(Side::Call, Some(101.0), weights(244), &days(244));
    time(
        "daily Asian",
        &LogRecursion,
        &daily,
        &flat(100.0, 0.03, 0.05, 0.25),
    );
}
