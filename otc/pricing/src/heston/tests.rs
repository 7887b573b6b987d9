//! Heston's integral against QuantLib, limits and differences; calibration to its own prices.

use proptest::prelude::*;
use rialto_otc_contract::shape::Vanilla;
use rialto_otc_market::model::Curve;

use super::calibrate::{Quote, calibrate};
use super::*;
use crate::testing::{at, plan};

fn model(spot: f64, (r, q): (f64, f64), heston: [f64; 5]) -> Model {
    let [v0, kappa, theta, xi, rho] = heston;
    let mut model = crate::testing::flat(spot, r, q, 0.2);
    model.names[0].dynamics = Dynamics::Heston(Heston {
        v0,
        kappa,
        theta,
        xi,
        rho,
    });
    model
}

fn shaped(shape: Shape<f64>, time: f64) -> Plan<f64> {
    let instant = rialto_otc_contract::plan::Instant {
        at: at(time),
        rules: Vec::new(),
    };
    let mut plan = plan(100.0, 100.0, vec![instant]);
    plan.shape = Some(shape);
    plan
}

fn european(w: Side, strike: f64) -> Shape<f64> {
    Shape::European(Vanilla {
        units: 1.0,
        w,
        strike,
    })
}

fn priced(shape: Shape<f64>, time: f64, model: &Model) -> Priced {
    let ask = Ask {
        greeks: Greeking::All,
        ..crate::testing::ask()
    };
    HestonVanilla
        .price(&shaped(shape, time), model, &ask)
        .expect("a price")
}

#[test]
fn calls_are_those_of_quantlib() {
    // HestonModel(HestonProcess(r, q, S, v0, kappa, theta, xi, rho)), call K of `days`,
    // AnalyticHestonEngine(model, 1e-13, 1000000)
    for (k, t, rates, heston, expected) in [
        (
            100.0,
            1.0,
            (0.03, 0.01),
            [0.04, 1.5, 0.05, 0.6, -0.7],
            8.362_943_226_755_698,
        ),
        (
            130.0,
            30.0 / 365.0,
            (0.02, 0.05),
            [0.09, 3.0, 0.06, 1.2, -0.4],
            0.002_339_956_439_603_450_2,
        ),
        (
            70.0,
            5.0,
            (0.01, 0.0),
            [0.02, 0.5, 0.04, 0.3, -0.9],
            37.092_837_653_169_65,
        ),
        (
            105.0,
            7.0 / 365.0,
            (0.02, 0.0),
            [0.04, 2.0, 0.04, 0.8, 0.3],
            0.068_749_606_321_478_92,
        ),
    ] {
        let own = priced(european(Side::Call, k), t, &model(100.0, rates, heston));
        let off = (own.value - expected).abs();
        assert!(off < 2e-11, "{} {expected} {off:e}", own.value);
        assert!(own.error.abs < 1e-7, "{}", own.error.abs);
    }
}

const HESTON: [f64; 5] = [0.04, 1.5, 0.05, 0.6, -0.7];

#[test]
fn greeks_are_those_of_differences() {
    for shape in [
        european(Side::Put, 95.0),
        Shape::DigitalCash {
            amount: 10.0,
            w: Side::Call,
            strike: 104.0,
        },
    ] {
        let value = |s: f64, r: f64, q: f64, shift: f64| {
            let mut heston = HESTON;
            heston[0] = (heston[0].sqrt() + shift).powi(2);
            heston[2] = (heston[2].sqrt() + shift).powi(2);
            priced(shape.clone(), 0.8, &model(s, (r, q), heston))
        };
        let own = value(100.0, 0.03, 0.01, 0.0);
        let slope = |f: &dyn Fn(f64) -> f64, h: f64| {
            (8.0 * (f(h) - f(-h)) - (f(2.0 * h) - f(-2.0 * h))) / (12.0 * h)
        };
        let g = &own.greeks;
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-7 * (1.0 + b.abs()), "{a} {b}");
        close(
            g.delta[0],
            slope(&|d| value(100.0 + d, 0.03, 0.01, 0.0).value, 0.1),
        );
        close(
            g.gamma[0],
            slope(&|d| value(100.0 + d, 0.03, 0.01, 0.0).greeks.delta[0], 0.1),
        );
        close(
            g.rho.expect("rho"),
            slope(&|d| value(100.0, 0.03 + d, 0.01, 0.0).value, 1e-3),
        );
        close(
            g.rho_q[0],
            slope(&|d| value(100.0, 0.03, 0.01 + d, 0.0).value, 1e-3),
        );
        close(
            g.vega[0],
            slope(&|d| value(100.0, 0.03, 0.01, d).value, 1e-3),
        );
    }
}

#[test]
fn without_volatility_of_variance_it_is_black_scholes() {
    let own = priced(
        european(Side::Call, 110.0),
        2.0,
        &model(100.0, (0.03, 0.01), [0.06, 2.0, 0.03, 0.0, -0.5]),
    );
    let variance = 0.06 + 0.03 * (1.0 - (-4.0_f64).exp()) / 2.0;
    let vol = (variance / 2.0_f64).sqrt();
    let same = crate::closed::european(Side::Call, 100.0, 110.0, 2.0, (0.03, 0.01, vol));
    assert!((own.value - same.value).abs() < 1e-11);
    let small = priced(
        european(Side::Call, 110.0),
        2.0,
        &model(100.0, (0.03, 0.01), [0.06, 2.0, 0.03, 1e-5, -0.5]),
    );
    assert!((own.value - small.value).abs() < 1e-4);
}

#[test]
fn no_time_or_no_variance_leaves_the_intrinsic_value() {
    let own = priced(
        european(Side::Put, 110.0),
        0.0,
        &model(100.0, (0.03, 0.01), HESTON),
    );
    assert!((own.value - 10.0).abs() < 1e-12);
    let own = priced(
        european(Side::Call, 90.0),
        1.0,
        &model(100.0, (0.0, 0.0), [0.0, 1.0, 0.0, 0.5, 0.0]),
    );
    assert!((own.value - 10.0).abs() < 1e-12);
}

#[test]
fn other_models_and_shapes_are_refused() {
    let ask = crate::testing::ask();
    let gbm = crate::testing::flat(100.0, 0.03, 0.0, 0.2);
    let Fit::No(reason) = HestonVanilla.fit(&shaped(european(Side::Call, 100.0), 1.0), &gbm, &ask)
    else {
        panic!("refused");
    };
    assert_eq!(reason.en, "the model is not Heston's");
    let mut broken = model(100.0, (0.03, 0.01), HESTON);
    broken.discount = Curve::pieces(&[(0.5, 0.01), (2.0, 0.05)]);
    assert!(
        priced(european(Side::Call, 100.0), 1.0, &broken).value > 0.0,
        "any curve will do"
    );
    let american = shaped(
        Shape::American(Vanilla {
            units: 1.0,
            w: Side::Put,
            strike: 100.0,
        }),
        1.0,
    );
    assert!(matches!(
        HestonVanilla.fit(&american, &broken, &ask),
        Fit::No(_)
    ));
}

#[test]
fn a_calibration_finds_the_parameters_its_quotes_came_from() {
    let truth = Heston {
        v0: 0.05,
        kappa: 1.8,
        theta: 0.04,
        xi: 0.5,
        rho: -0.6,
    };
    let mut quotes = Vec::new();
    for time in [0.1, 0.25, 0.5, 1.0, 2.0] {
        for moneyness in [0.8, 0.9, 1.0, 1.1, 1.2] {
            let k = -f64::ln(moneyness);
            let j = covered(&truth, time, k).expect("a price");
            // E min(S/K, 1) of forward 1/moneyness: the call is k's exponential less J
            let call = (1.0 / moneyness - j.value) * moneyness;
            let vol = rialto_otc_market::vol::implied::vol(1.0, moneyness, call, true, time);
            quotes.push(Quote {
                time,
                moneyness,
                vol: vol.expect("a volatility"),
                weight: 1.0,
            });
        }
    }
    let start = Heston {
        v0: 0.03,
        kappa: 1.0,
        theta: 0.06,
        xi: 0.8,
        rho: -0.2,
    };
    let found = calibrate(&quotes, start).expect("a fit");
    assert!(found.rms < 1e-7, "{found:?}");
    let h = found.heston;
    for (a, b) in [
        (h.v0, truth.v0),
        (h.kappa, truth.kappa),
        (h.theta, truth.theta),
        (h.xi, truth.xi),
        (h.rho, truth.rho),
    ] {
        assert!((a - b).abs() < 1e-4, "{h:?}");
    }
    assert!(
        calibrate(&quotes[..3], start).is_err(),
        "three quotes, five parameters"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn parity_and_bounds_hold(
        strike in 30.0..300.0_f64, time in 0.01..10.0_f64, v0 in 0.0..0.5_f64,
        kappa in 0.1..8.0_f64, theta in 0.001..0.3_f64, xi in 0.01..2.0_f64, rho in -0.99..0.99_f64,
    ) {
        let market = model(100.0, (0.02, 0.04), [v0, kappa, theta, xi, rho]);
        let call = priced(european(Side::Call, strike), time, &market);
        let put = priced(european(Side::Put, strike), time, &market);
        let (s, k) = (100.0 * (-0.04 * time).exp(), strike * (-0.02 * time).exp());
        prop_assert!((call.value - put.value - (s - k)).abs() < 1e-9);
        prop_assert!(call.value >= (s - k).max(0.0) - 1e-6 && call.value <= s + 1e-6);
        prop_assert!(call.greeks.gamma[0] > -1e-6);
        let digital = Shape::DigitalCash { amount: 1.0, w: Side::Call, strike };
        let digital = priced(digital, time, &market).value;
        prop_assert!(digital > -1e-6 && digital < (-0.02 * time).exp() + 1e-6);
    }
}

#[test]
#[ignore = "a figure for people: run with --release -- --ignored --nocapture"]
fn speed() {
    let plan = shaped(european(Side::Call, 105.0), 1.0);
    let market = model(100.0, (0.03, 0.01), HESTON);
    let ask = crate::testing::ask();
    let start = std::time::Instant::now();
    let rounds = 300;
    for _ in 0..rounds {
        HestonVanilla.price(&plan, &market, &ask).expect("a price");
    }
    let each = start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds);
    println!("Heston vanilla: {each:.1} us");
}
