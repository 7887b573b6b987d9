//! Parities and limits (specification, section 18), and Greeks against differences.

use proptest::prelude::*;
use rialto_otc_contract::shape::{Edges, Range};

use super::*;

prop_compose! {
    fn market()(
        spot in 60.0..160.0_f64,
        r in -0.03..0.08_f64,
        q in -0.03..0.15_f64,
        vol in 0.03..0.8_f64,
    ) -> (f64, f64, f64, f64) {
        (spot, r, q, vol)
    }
}

fn of((spot, r, q, vol): (f64, f64, f64, f64)) -> Model {
    flat(spot, r, q, vol)
}

proptest! {
    #[test]
    fn call_less_put_is_the_forward(m in market(), k in 50.0..170.0_f64, t in 0.01..5.0_f64) {
        let value = |shape| value_of(shape, t, &of(m));
        let parity = value(Shape::European(call(k))) - value(Shape::European(put(k)));
        let forward = value(Shape::Forward { units: 1.0, strike: k });
        prop_assert!((parity - forward).abs() < 1e-11 * (m.0 + k));
    }

    #[test]
    fn in_and_out_are_the_vanilla(
        m in market(), k in 50.0..170.0_f64, t in 0.01..5.0_f64, level in 50.0..180.0_f64, up: bool,
    ) {
        let side = if up { Barrier::Up } else { Barrier::Down };
        for option in [call(k), put(k)] {
            let value = |knock| value_of(single(option.clone(), side, knock, level, 0.0), t, &of(m));
            let vanilla = value_of(Shape::European(option.clone()), t, &of(m));
            let (begun, alive) = (value(Knock::In), value(Knock::Out));
            prop_assert!((begun + alive - vanilla).abs() < 1e-10 * (m.0 + k));
            // A difference that is nothing may be rounded to either side of it.
            let least = -1e-11 * (m.0 + k);
            prop_assert!(begun >= least && alive >= least, "{begun:e} {alive:e}");
        }
    }

    #[test]
    fn touch_and_no_touch_are_the_bond(
        m in market(), t in 0.01..5.0_f64, level in 50.0..180.0_f64, up: bool,
    ) {
        let side = if up { Barrier::Up } else { Barrier::Down };
        let touch = Shape::Touch { amount: 1.0, side, level, paid: Paid::End };
        let none = Shape::NoTouch { amount: 1.0, side, level };
        let sum = value_of(touch, t, &of(m)) + value_of(none, t, &of(m));
        prop_assert!((sum - (-m.1 * t).exp()).abs() < 1e-12);
    }

    #[test]
    fn double_touch_and_double_no_touch_are_the_bond(
        m in market(), t in 0.01..5.0_f64, lower in 40.0..95.0_f64, wide in 1.05..3.0_f64,
    ) {
        let upper = lower * wide;
        let touch = Shape::DoubleTouch { amount: 1.0, lower, upper, paid: Paid::End };
        let none = Shape::DoubleNoTouch { amount: 1.0, lower, upper };
        let none = value_of(none, t, &of(m));
        let sum = value_of(touch, t, &of(m)) + none;
        prop_assert!((sum - (-m.1 * t).exp()).abs() < 1e-10, "{sum}");
        prop_assert!((-1e-12..=(-m.1 * t).exp() + 1e-12).contains(&none));
    }

    #[test]
    fn a_level_far_away_changes_nothing(m in market(), k in 50.0..170.0_f64, t in 0.01..2.0_f64) {
        let far = m.0 * (m.3 * t.sqrt() * 9.0 + 0.2 * t).exp();
        let out = single(call(k), Barrier::Up, Knock::Out, far, 0.0);
        let vanilla = value_of(Shape::European(call(k)), t, &of(m));
        prop_assert!((value_of(out, t, &of(m)) - vanilla).abs() < 1e-9 * m.0);
        let two = Shape::DoubleBarrier {
            call: Some(call(k)), put: None, lower: m.0 * m.0 / far, upper: far,
            rebate_lower: 0.0, rebate_upper: 0.0, paid: Paid::End,
        };
        prop_assert!((value_of(two, t, &of(m)) - vanilla).abs() < 1e-9 * m.0);
    }

    #[test]
    fn two_levels_tend_to_one(m in market(), t in 0.05..2.0_f64, wide in 1.02..1.5_f64) {
        let near = m.0 * wide;
        let far = m.0 * (-m.3 * t.sqrt() * 9.0 - 0.2 * t).exp();
        let rebates = |paid| Shape::DoubleBarrier {
            call: None, put: None, lower: far, upper: near,
            rebate_lower: 0.0, rebate_upper: 1.0, paid,
        };
        for paid in [Paid::Hit, Paid::End] {
            let touch = Shape::Touch { amount: 1.0, side: Barrier::Up, level: near, paid };
            let (two, one) = (value_of(rebates(paid), t, &of(m)), value_of(touch, t, &of(m)));
            prop_assert!((two - one).abs() < 1e-9, "{two} {one}");
        }
    }

    #[test]
    fn convex_and_concave_are_the_bond(m in market(), k in 50.0..170.0_f64, t in 0.01..5.0_f64) {
        let range = Range { lower: Some(k), upper: Some(k * 1.2), edges: Edges::Both };
        let value = |inside, outside| {
            value_of(Shape::Interval { inside, outside, range: range.clone() }, t, &of(m))
        };
        let sum = value(1.0, 0.0) + value(0.0, 1.0);
        prop_assert!((sum - (-m.1 * t).exp()).abs() < 1e-14);
    }

    #[test]
    fn greeks_are_those_of_differences(
        m in market(), k in 80.0..120.0_f64, t in 0.1..3.0_f64, pick in 0..6_usize,
    ) {
        let (spot, r, q, vol) = (m.0, m.1, m.2, m.3.max(0.1));
        let (lower, upper) = (spot * 0.85, spot * 1.2);
        let shape = match pick {
            0 => single(call(k), Barrier::Up, Knock::Out, upper, 2.0),
            1 => single(put(k), Barrier::Down, Knock::In, lower, 2.0),
            2 => Shape::DoubleBarrier {
                call: Some(call(k)), put: Some(put(k)), lower, upper,
                rebate_lower: 1.0, rebate_upper: 2.0, paid: Paid::Hit,
            },
            3 => Shape::Touch { amount: 10.0, side: Barrier::Down, level: lower, paid: Paid::Hit },
            4 => Shape::DigitalAsset { units: 1.0, w: Side::Put, strike: k },
            _ => Shape::DoubleTouch { amount: 10.0, lower, upper, paid: Paid::End },
        };
        let own = priced(shape.clone(), t, &flat(spot, r, q, vol));
        let value = |spot, r, q, vol| value_of(shape.clone(), t, &flat(spot, r, q, vol));
        // fourth-order central differences
        let slope = |f: &dyn Fn(f64) -> f64, h: f64| {
            (8.0 * (f(h) - f(-h)) - (f(2.0 * h) - f(-2.0 * h))) / (12.0 * h)
        };
        let h = spot * 5e-4;
        let delta = slope(&|d| value(spot + d, r, q, vol), h);
        let gamma = slope(
            &|d| priced(shape.clone(), t, &flat(spot + d, r, q, vol)).greeks.delta[0], h,
        );
        let vega = slope(&|d| value(spot, r, q, vol + d), 2e-4);
        let rho = slope(&|d| value(spot, r + d, q, vol), 2e-4);
        let rho_q = slope(&|d| value(spot, r, q + d, vol), 2e-4);
        let g = &own.greeks;
        for (name, exact, seen, scale) in [
            ("delta", g.delta[0], delta, 1.0),
            ("gamma", g.gamma[0], gamma, 0.1),
            ("vega", g.vega[0], vega, 10.0),
            ("rho", g.rho.expect("rho"), rho, 10.0),
            ("rho_q", g.rho_q[0], rho_q, 10.0),
        ] {
            let off = (exact - seen).abs();
            prop_assert!(off < 2e-6 * seen.abs().max(scale), "{name} {exact} {seen}");
        }
    }

    #[test]
    fn nothing_valid_gives_no_number(
        spot in 1e-3..1e6_f64, r in -0.1..0.2_f64, q in -0.1..0.3_f64, vol in 0.0..3.0_f64,
        t in 0.0..30.0_f64, level in 0.5..2.0_f64, k in 0.0..3.0_f64,
    ) {
        let model = flat(spot, r, q, vol);
        let (level, k) = (level * spot, k * spot);
        for side in [Barrier::Up, Barrier::Down] {
            for knock in [Knock::In, Knock::Out] {
                let own = priced(single(call(k), side, knock, level, 1.0), t, &model);
                prop_assert!(own.value.is_finite());
            }
        }
        let double = Shape::DoubleBarrier {
            call: Some(call(k)), put: Some(put(k)), lower: 0.7 * spot, upper: level.max(spot),
            rebate_lower: 1.0, rebate_upper: 2.0, paid: Paid::Hit,
        };
        prop_assert!(priced(double, t, &model).value.is_finite());
    }
}
