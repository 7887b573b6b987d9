//! Spectral American prices against QuantLib, a finer solution and limits.

use proptest::prelude::*;
use rialto_otc_market::model::Curve;

use super::*;
use crate::testing::{ask, at, flat, plan};

fn american(w: Side, strike: f64, time: f64) -> Plan<f64> {
    let instant = rialto_otc_contract::plan::Instant {
        at: at(time),
        rules: Vec::new(),
    };
    let mut plan = plan(strike, strike, vec![instant]);
    plan.shape = Some(Shape::American(Vanilla {
        units: 1.0,
        w,
        strike,
    }));
    plan
}

fn everything() -> Ask {
    Ask {
        greeks: Greeking::All,
        ..ask()
    }
}

fn priced(w: Side, terms: [f64; 6]) -> Priced {
    let [s, k, t, r, q, v] = terms;
    American
        .price(&american(w, k, t), &flat(s, r, q, v), &everything())
        .expect("a price")
}

#[test]
fn prices_are_those_of_quantlib() {
    // VanillaOption(PlainVanillaPayoff(w, K), AmericanExercise(today, today + days)),
    // QdFpAmericanEngine(process(S, r, q, v), QdFpAmericanEngine.highPrecisionScheme())
    let week = 7.0 / 365.0;
    let half = 182.0 / 365.0;
    for (w, terms, expected) in [
        (
            Side::Put,
            [100.0, 100.0, 1.0, 0.05, 0.0, 0.2],
            6.090_370_606_535_343,
        ),
        (
            Side::Put,
            [90.0, 100.0, 2.0, 0.05, 0.07, 0.25],
            19.148_863_341_388_935,
        ),
        (
            Side::Call,
            [110.0, 100.0, 3.0, 0.02, 0.06, 0.3],
            20.679_931_951_513_225,
        ),
        (
            Side::Call,
            [100.0, 110.0, half, 0.08, 0.12, 0.2],
            1.706_180_724_503_563,
        ),
        (
            Side::Put,
            [80.0, 100.0, 1.0, 0.03, 0.03, 0.6],
            31.919_437_217_803_125,
        ),
        (
            Side::Put,
            [101.0, 100.0, week, 0.02, 0.0, 0.15],
            0.415_321_755_370_194_8,
        ),
        (
            Side::Put,
            [100.0, 100.0, 10.0, 0.04, 0.02, 0.3],
            25.248_530_641_625_58,
        ),
        (
            Side::Put,
            [100.0, 100.0, 1.0, 0.03, -0.02, 0.2],
            6.158_416_713_428_659,
        ),
    ] {
        let own = priced(w, terms);
        let off = (own.value - expected).abs();
        assert!(off < 5e-6, "{terms:?}: {} {expected} {off:e}", own.value);
    }
}

/// A scheme far beyond need.
const BEYOND: Scheme = Scheme {
    degree: 32,
    steps: 60,
    still: 1e-12,
    inner: 64,
    outer: 64,
};

fn worst_but_one_percent(offs: &mut [f64]) -> f64 {
    offs.sort_by(f64::total_cmp);
    offs[offs.len() - 1 - offs.len() / 100]
}

#[test]
fn the_error_is_1e_5_per_100_and_its_estimate_honest() {
    let (mut offs, mut lies, mut count) = (Vec::new(), 0, 0);
    let philox = rialto_otc_numerics::philox::Philox::new(3);
    for draw in 0..2_000 {
        let [a, b] = philox.uniforms(draw, 0, 0);
        let [c, d] = philox.uniforms(draw, 1, 0);
        let [e, _] = philox.uniforms(draw, 2, 0);
        let option = Flat {
            w: if draw % 2 == 0 { Side::Put } else { Side::Call },
            strike: 100.0,
            r: 0.002 + 0.1 * a,
            q: -0.015 + 0.12 * b,
            vol: 0.1 + 0.5 * c,
            time: 0.05 + 2.95 * d,
        };
        assert!(option.is_usual());
        if option.refuse().is_some() {
            continue;
        }
        let spot = 70.0 + 60.0 * e;
        let exact = option.price(BEYOND, spot);
        let fine = option.price(FINE, spot);
        let off = (fine - exact).abs();
        let told = ERROR * (spot + 100.0);
        offs.push(off);
        lies += u32::from(off > 3.0 * told);
        count += 1;
        assert!(off < 5e-5, "{option:?} at {spot}: {off:e}");
    }
    assert!(worst_but_one_percent(&mut offs) < 1.2e-5);
    assert!(lies * 100 <= count, "{lies} of {count}");
}

/// Far beyond the usual the deep scheme is taken, and tells what it leaves.
#[test]
fn the_error_is_honest_beyond_the_usual() {
    let philox = rialto_otc_numerics::philox::Philox::new(5);
    for draw in 0..400 {
        let [a, b] = philox.uniforms(draw, 0, 0);
        let [c, d] = philox.uniforms(draw, 1, 0);
        let [e, _] = philox.uniforms(draw, 2, 0);
        let option = Flat {
            w: if draw % 2 == 0 { Side::Put } else { Side::Call },
            strike: 100.0,
            r: 0.002 + 0.3 * a,
            q: 0.002 + 0.3 * b,
            vol: 0.005 * 120_f64.powf(c),
            time: 0.05 * 400_f64.powf(d),
        };
        let spread = option.vol * option.time.sqrt();
        let spot = 100.0 * ((e - 0.5) * 3.0 * spread).exp();
        if option.is_usual() {
            continue;
        }
        let scheme = option.scheme(spot, 1.0, 1.0);
        let value = option.price(scheme, spot);
        let exact = option.price(BEYOND, spot);
        let told = option.error(scheme, spot, value);
        let off = (value - exact).abs();
        assert!(off <= 2.0 * told, "{option:?} at {spot}: {off:e} {told:e}");
    }
    // QdFpAmericanEngine.highPrecisionScheme(), as above
    for (w, terms, expected) in [
        (
            Side::Call,
            [100.0, 100.0, 5.0, 0.05, 0.15, 0.02],
            0.073_429_4,
        ),
        (
            Side::Call,
            [100.0, 100.0, 1.0, 0.05, 0.15, 0.01],
            0.018_384_8,
        ),
        (Side::Put, [100.0, 100.0, 3.0, 0.10, 0.01, 0.03], 0.183_380),
        (Side::Put, [100.0, 100.0, 10.0, 0.05, 0.0, 0.1], 3.455_691),
    ] {
        let own = priced(w, terms);
        assert!(
            (own.value - expected).abs() < 6e-6,
            "{terms:?}: {}",
            own.value
        );
    }
}

#[test]
fn greeks_are_those_of_differences() {
    for (w, terms) in [
        (Side::Put, [100.0, 100.0, 1.0, 0.05, 0.02, 0.2]),
        (Side::Call, [105.0, 100.0, 0.7, 0.02, 0.06, 0.35]),
    ] {
        let own = priced(w, terms);
        let [s, ..] = terms;
        let value = |at: usize, d: f64| {
            let mut moved = terms;
            moved[at] += d;
            let [s, k, t, r, q, v] = moved;
            let option = Flat {
                w,
                strike: k,
                r,
                q,
                vol: v,
                time: t,
            };
            option.price(BEYOND, s)
        };
        let slope = |at, h: f64| {
            (8.0 * (value(at, h) - value(at, -h)) - (value(at, 2.0 * h) - value(at, -2.0 * h)))
                / (12.0 * h)
        };
        let h = 1e-3 * s;
        let gamma = (value(0, h) - 2.0 * value(0, 0.0) + value(0, -h)) / (h * h);
        let g = &own.greeks;
        assert!((g.delta[0] - slope(0, h)).abs() < 1e-5);
        assert!((g.gamma[0] - gamma).abs() < 1e-4 * gamma.abs() + 1e-5);
        assert!((g.vega[0] - slope(5, 1e-3)).abs() < 1e-3);
        assert!((g.rho.expect("rho") - slope(3, 1e-3)).abs() < 1e-3);
        assert!((g.rho_q[0] - slope(4, 1e-3)).abs() < 1e-3);
    }
}

#[test]
fn what_never_pays_early_is_european() {
    for (w, r, q) in [
        (Side::Call, 0.05, 0.0),
        (Side::Put, 0.0, 0.03),
        (Side::Put, -0.02, 0.01),
    ] {
        let own = priced(w, [100.0, 95.0, 1.0, r, q, 0.25]);
        let plain = european(w, 100.0, 95.0, 1.0, (r, q, 0.25));
        assert_eq!(own.value, plain.value);
    }
}

#[test]
fn two_boundaries_are_refused() {
    let refused = American.price(
        &american(Side::Put, 100.0, 1.0),
        &flat(100.0, -0.02, -0.05, 0.2),
        &ask(),
    );
    assert_eq!(
        refused.expect_err("refused").to_string(),
        "E-ENGINE-REFUSED: american/1 cannot price this: r = -0.02 and q = -0.05 may give two \
         exercise boundaries"
    );
    let mut model = flat(100.0, 0.03, 0.0, 0.2);
    model.discount = Curve::pieces(&[(0.5, 0.02), (1.0, 0.04)]);
    let Fit::No(reason) = American.fit(&american(Side::Put, 100.0, 1.0), &model, &ask()) else {
        panic!("refused");
    };
    assert_eq!(reason.en, "r is not the same up to the end");
}

#[test]
fn without_volatility_or_time_it_is_exercised_at_the_best_moment() {
    // Waiting costs interest: now.
    let own = priced(Side::Put, [90.0, 100.0, 1.0, 0.05, 0.0, 0.0]);
    assert_eq!((own.value, own.greeks.delta[0]), (10.0, -1.0));
    // The price falls faster than the strike loses: at the end.
    let own = priced(Side::Put, [100.0, 100.0, 1.0, 0.02, 0.10, 0.0]);
    let end = 100.0 * ((-0.02_f64).exp() - (-0.1_f64).exp());
    assert!((own.value - end).abs() < 1e-12);
    // In between: 0.02 K e^(-0.02 t) = 0.10 S e^(-0.10 t).
    let own = priced(Side::Put, [60.0, 100.0, 30.0, 0.02, 0.10, 0.0]);
    let t = (0.02_f64 * 100.0 / (0.10 * 60.0)).ln() / (0.02 - 0.10);
    let best = 100.0 * (-0.02 * t).exp() - 60.0 * (-0.10 * t).exp();
    assert!((own.value - best).abs() < 1e-12);
    let own = priced(Side::Put, [90.0, 100.0, 0.0, 0.05, 0.0, 0.3]);
    assert_eq!(own.value, 10.0);
}

#[test]
fn deep_in_the_money_it_is_exercised_now() {
    let own = priced(Side::Put, [40.0, 100.0, 1.0, 0.05, 0.0, 0.2]);
    assert_eq!(
        (own.value, own.greeks.delta[0], own.greeks.gamma[0]),
        (60.0, -1.0, 0.0)
    );
}

proptest! {
    #[test]
    fn the_right_to_exercise_is_worth_something_and_no_more_than_it_can(
        spot in 50.0..200.0_f64, time in 0.002..20.0_f64, r in -0.02..0.2_f64,
        q in -0.02..0.2_f64, vol in 0.001..1.5_f64, put: bool,
    ) {
        let w = if put { Side::Put } else { Side::Call };
        let plan = american(w, 100.0, time);
        let model = flat(spot, r, q, vol);
        match American.price(&plan, &model, &ask()) {
            Ok(own) => {
                let plain = european(w, spot, 100.0, time, (r, q, vol)).value;
                let now = (w.w() * (spot - 100.0)).max(0.0);
                prop_assert!(own.value >= plain.max(now) - 2e-4, "{} {plain} {now}", own.value);
                // The strike, or the spot, at the best of all times.
                let most = if put {
                    100.0 * (-r * time).exp().max(1.0)
                } else {
                    spot * (-q * time).exp().max(1.0)
                };
                prop_assert!(own.value <= most + 2e-4, "{} {most}", own.value);
            }
            Err(PriceError::Refused { .. }) => {
                let (a, b) = if put { (r, q) } else { (q, r) };
                prop_assert!(a <= 0.0 && b < a);
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}

#[test]
#[ignore = "a figure for people: run with --release -- --ignored --nocapture"]
fn speed() {
    let plan = american(Side::Put, 100.0, 1.0);
    let model = flat(100.0, 0.05, 0.02, 0.2);
    for (name, greeks) in [("value", Greeking::Spot), ("all greeks", Greeking::All)] {
        let ask = Ask { greeks, ..ask() };
        let start = std::time::Instant::now();
        let rounds = 5_000;
        let mut sum = 0.0;
        for _ in 0..rounds {
            sum += American.price(&plan, &model, &ask).expect("a price").value;
        }
        let each = start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds);
        println!(
            "American {name}: {each:.2} us ({})",
            sum / f64::from(rounds)
        );
    }
}
