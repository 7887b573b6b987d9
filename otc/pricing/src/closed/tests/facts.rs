//! Constants of QuantLib and mpmath, and edges.

use rialto_otc_contract::plan::{Carry, Var};
use rialto_otc_contract::program::VarKind;
use rialto_otc_contract::shape::{Edges, Range};
use rialto_otc_market::model::{Curve, Dynamics};

use super::*;

#[test]
fn a_european_and_its_greeks_are_those_of_quantlib() {
    // o = VanillaOption(PlainVanillaPayoff(Call, K), exercise); AnalyticEuropeanEngine(process)
    // [o.NPV(), o.delta(), o.gamma(), o.vega(), o.rho(), o.dividendRho()]
    let model = flat(100.0, 0.03, 0.01, 0.2);
    let expected = [
        6.638_061_195_308_866,
        0.477_671_127_969_033_9,
        0.019_729_572_156_873_685,
        39.459_144_313_747_37,
        41.129_051_601_594_504,
        -47.767_112_796_903_37,
    ];
    let own = priced(Shape::European(call(105.0)), 1.0, &model);
    let g = &own.greeks;
    let rho = g.rho.expect("asked for");
    let found = [
        own.value, g.delta[0], g.gamma[0], g.vega[0], rho, g.rho_q[0],
    ];
    let fast = european(Side::Call, 100.0, 105.0, 1.0, (0.03, 0.01, 0.2));
    let quick = [
        fast.value, fast.delta, fast.gamma, fast.vega, fast.rho, fast.rho_q,
    ];
    for ((found, quick), expected) in found.into_iter().zip(quick).zip(expected) {
        close(found, expected, 1e-12);
        close(quick, expected, 1e-12);
    }
    let model = flat(90.0, -0.01, 0.05, 0.35);
    let own = priced(Shape::European(put(100.0)), 0.2, &model);
    close(own.value, 13.032_946_997_414_598, 1e-12);
    close(own.greeks.delta[0], -0.741_604_147_320_560_3, 1e-12);
    close(own.greeks.rho_q[0], 13.348_874_651_770_084, 1e-12);
}

#[test]
fn the_eight_barriers_with_rebate_are_those_of_quantlib() {
    // BarrierOption(type, H, 3., PlainVanillaPayoff(w, K), exercise of 365 days),
    // AnalyticBarrierEngine(process(100, .03, .05, .25))
    let table = [
        ("DO", 85.0, 1.0, 80.0, 16.968_125_995_683_145),
        ("DO", 85.0, 1.0, 102.0, 8.717_367_254_629_247),
        ("DO", 85.0, 1.0, 130.0, 3.420_780_631_513_884_5),
        ("DO", 85.0, -1.0, 80.0, 1.732_624_376_577_638_1),
        ("DO", 85.0, -1.0, 102.0, 2.356_363_110_743_609),
        ("DO", 85.0, -1.0, 130.0, 8.354_591_456_089_889),
        ("DI", 85.0, 1.0, 80.0, 5.976_067_222_299_078),
        ("DI", 85.0, 1.0, 102.0, 2.070_221_396_417_363),
        ("DI", 85.0, 1.0, 130.0, 1.285_258_545_357_976_3),
        ("DI", 85.0, -1.0, 80.0, 3.724_269_075_213_832),
        ("DI", 85.0, -1.0, 102.0, 12.293_727_512_179_439),
        ("DI", 85.0, -1.0, 130.0, 27.386_424_632_016_634),
        ("UO", 120.0, 1.0, 80.0, 6.199_928_267_160_319),
        ("UO", 120.0, 1.0, 102.0, 1.628_263_481_591_665_2),
        ("UO", 120.0, 1.0, 130.0, 1.177_668_711_723_674),
        ("UO", 120.0, -1.0, 80.0, 3.616_113_677_672_690_8),
        ("UO", 120.0, -1.0, 102.0, 11.906_129_082_523_245),
        ("UO", 120.0, -1.0, 130.0, 27.824_945_464_097_87),
        ("UI", 120.0, 1.0, 80.0, 16.733_016_019_858_76),
        ("UI", 120.0, 1.0, 102.0, 9.148_076_238_491_798),
        ("UI", 120.0, 1.0, 130.0, 3.517_121_534_185_041_5),
        ("UI", 120.0, -1.0, 80.0, 1.829_530_843_155_633_6),
        ("UI", 120.0, -1.0, 102.0, 2.732_712_609_436_658_7),
        ("UI", 120.0, -1.0, 130.0, 7.904_821_693_045_508),
    ];
    let model = flat(100.0, 0.03, 0.05, 0.25);
    for (kind, level, w, strike, expected) in table {
        let side = if kind.starts_with('D') {
            Barrier::Down
        } else {
            Barrier::Up
        };
        let knock = if kind.ends_with('I') {
            Knock::In
        } else {
            Knock::Out
        };
        let option = if w > 0.0 { call(strike) } else { put(strike) };
        let value = value_of(single(option, side, knock, level, 3.0), 1.0, &model);
        close(value, expected, 1e-11);
    }
}

#[test]
fn touches_are_those_of_quantlib() {
    // VanillaOption(CashOrNothingPayoff(w, H, 10.), AmericanExercise(today, today + 365, at_end)),
    // AnalyticDigitalAmericanEngine(process(100, .03, .05, .25))
    let model = flat(100.0, 0.03, 0.05, 0.25);
    for (level, side, paid, expected) in [
        (120.0, Barrier::Up, Paid::Hit, 3.925_562_372_412_247),
        (120.0, Barrier::Up, Paid::End, 3.858_237_067_112_718_4),
        (85.0, Barrier::Down, Paid::Hit, 5.775_414_588_592_127_5),
        (85.0, Barrier::Down, Paid::End, 5.670_592_846_748_780_5),
    ] {
        let shape = Shape::Touch {
            amount: 10.0,
            side,
            level,
            paid,
        };
        close(value_of(shape, 1.0, &model), expected, 1e-11);
    }
}

#[test]
fn hits_in_odd_rates_are_the_integral_of_the_passage_density() {
    // mpmath: quad(lambda t: exp(-r*t)*d/(v*sqrt(2*pi*t**3))*exp(-(d-mu*t)**2/(2*v*v*t)),
    //              [0, T/64, T/16, T/4, T]), d = |log(H/S)|, mu = ±(r - q - v*v/2)
    for (level, r, q, v, t, expected) in [
        (120.0, -0.012, -0.012, 0.2, 1.0, 0.331_584_522_624_662_86),
        (85.0, -0.012, -0.012, 0.2, 1.0, 0.453_157_643_323_286_1),
        (120.0, 0.0, -0.02, 0.2, 1.0, 0.361_975_223_311_034_5),
        (101.0, -0.05, -0.05, 0.3, 2.0, 0.977_838_805_509_365_8),
        (150.0, 0.03, 0.05, 0.25, 1.0, 0.072_610_150_539_256_18),
    ] {
        let shape = Shape::Touch {
            amount: 1.0,
            side: if level > 100.0 {
                Barrier::Up
            } else {
                Barrier::Down
            },
            level,
            paid: Paid::Hit,
        };
        close(value_of(shape, t, &flat(100.0, r, q, v)), expected, 1e-12);
    }
}

fn wings(call: Option<Vanilla<f64>>, put: Option<Vanilla<f64>>, l: f64, u: f64) -> Shape<f64> {
    Shape::DoubleBarrier {
        call,
        put,
        lower: l,
        upper: u,
        rebate_lower: 0.0,
        rebate_upper: 0.0,
        paid: Paid::End,
    }
}

#[test]
fn double_barriers_are_those_of_quantlib() {
    // DoubleBarrierOption(KnockOut, L, U, 0., PlainVanillaPayoff(w, K), exercise),
    // AnalyticDoubleBarrierEngine(process(100, .03, .05, v), 30); and with
    // CashOrNothingPayoff(Call, 0., 10.), AnalyticDoubleBarrierBinaryEngine(process)
    let quarter = 91.0 / 365.0;
    for (l, u, t, v, c, p, cash) in [
        (
            80.0,
            125.0,
            1.0,
            0.25,
            1.005_360_620_949_671_7,
            1.879_656_569_598_836_3,
            2.579_950_502_662_042,
        ),
        (
            85.0,
            115.0,
            1.0,
            0.4,
            0.000_460_481_651_815_676_5,
            0.001_447_908_352_327_689,
            0.002_118_091_413_350_344,
        ),
        (
            70.0,
            150.0,
            quarter,
            0.2,
            3.699_251_068_126_202,
            7.323_871_004_710_355,
            9.920_153_623_977_395,
        ),
    ] {
        let model = flat(100.0, 0.03, 0.05, v);
        let value = |shape| value_of(shape, t, &model);
        close(value(wings(Some(call(100.0)), None, l, u)), c, 1e-10);
        close(value(wings(None, Some(put(105.0)), l, u)), p, 1e-10);
        let both = value(wings(Some(call(100.0)), Some(put(105.0)), l, u));
        close(both, c + p, 1e-10);
        let dnt = Shape::DoubleNoTouch {
            amount: 10.0,
            lower: l,
            upper: u,
        };
        close(value(dnt), cash, 1e-9);
    }
}

#[test]
fn rebates_of_two_levels_are_the_integral_of_the_passage_density() {
    // mpmath: quad over [0, T/64, T/16, T/4, T] of exp(-r*t) times the image series (n = -12..12)
    // of the density of the first passage at U before L (up) and at L before U (down)
    for (l, u, r, q, v, t, up, down) in [
        (
            85.0,
            115.0,
            0.03,
            0.05,
            0.25,
            1.0,
            0.453_029_751_487_620_9,
            0.494_977_406_321_340_2,
        ),
        (
            70.0,
            150.0,
            0.03,
            0.05,
            0.2,
            0.25,
            0.000_033_096_481_163_258_17,
            0.000_510_669_071_037_019_8,
        ),
        (
            90.0,
            112.0,
            -0.012,
            -0.012,
            0.2,
            3.0,
            0.456_215_556_293_518_45,
            0.547_363_487_684_083_2,
        ),
    ] {
        let model = flat(100.0, r, q, v);
        let value = |rebate_lower, rebate_upper| {
            let shape = Shape::DoubleBarrier {
                call: None,
                put: None,
                lower: l,
                upper: u,
                rebate_lower,
                rebate_upper,
                paid: Paid::Hit,
            };
            value_of(shape, t, &model)
        };
        close(value(0.0, 1.0), up, 1e-11);
        close(value(1.0, 0.0), down, 1e-11);
    }
}

#[test]
fn barriers_are_refused_when_rates_move() {
    let shape = single(call(100.0), Barrier::Up, Knock::Out, 120.0, 0.0);
    let mut model = flat(100.0, 0.03, 0.05, 0.25);
    model.discount = Curve::pieces(&[(0.5, 0.02), (1.0, 0.04)]);
    let plan = shaped_plan(shape, 1.0);
    let Fit::No(reason) = Closed.fit(&plan, &model, &everything()) else {
        panic!("refused");
    };
    assert_eq!(
        reason.en,
        "a level is watched continuously and r is not the same up to the end"
    );
    // After the end the curve may do what it likes.
    let plan = shaped_plan(plan.shape.expect("a shape"), 0.5);
    assert!(matches!(
        Closed.fit(&plan, &model, &everything()),
        Fit::Exact { .. }
    ));
}

#[test]
fn a_vanilla_takes_term_structures_and_their_parallel_greeks() {
    let mut model = flat(100.0, 0.0, 0.0, 0.2);
    model.discount = Curve::pieces(&[(0.5, 0.02), (1.0, 0.04)]);
    model.names[0].carry = Curve::pieces(&[(0.25, 0.08), (1.0, 0.01)]);
    model.names[0].dynamics = Dynamics::Gbm {
        variance: Curve::pieces(&[(0.4, 0.09), (1.0, 0.01)]),
    };
    let own = priced(Shape::European(call(100.0)), 1.0, &model);
    let (r, q) = (0.03, 0.25 * 0.08 + 0.75 * 0.01);
    let vol = (0.4_f64 * 0.09 + 0.6 * 0.01).sqrt();
    let same = european(Side::Call, 100.0, 100.0, 1.0, (r, q, vol));
    close(own.value, same.value, 1e-13);
    close(own.greeks.rho.expect("rho"), same.rho, 1e-12);
    // dV/dσ: total variance grows by 2 ∫σ = 2 (0.4 × 0.3 + 0.6 × 0.1) per unit
    close(own.greeks.vega[0], same.vega * 0.18 / vol, 1e-12);
}

#[test]
fn without_volatility_the_price_follows_its_forward() {
    let model = flat(100.0, 0.05, 0.01, 0.0);
    let (df, forward) = ((-0.05_f64).exp(), 100.0 * 0.04_f64.exp());
    close(
        value_of(Shape::European(call(90.0)), 1.0, &model),
        df * (forward - 90.0),
        1e-14,
    );
    // The level is met on the way, when a known share of the time has passed.
    let hit = Shape::Touch {
        amount: 1.0,
        side: Barrier::Up,
        level: 102.0,
        paid: Paid::Hit,
    };
    let when = (1.02_f64).ln() / 0.04;
    close(value_of(hit, 1.0, &model), (-0.05 * when).exp(), 1e-12);
    let never = Shape::Touch {
        amount: 1.0,
        side: Barrier::Up,
        level: 105.0,
        paid: Paid::Hit,
    };
    assert_eq!(value_of(never, 1.0, &model), 0.0);
    let inside = wings(Some(call(90.0)), None, 95.0, 106.0);
    close(value_of(inside, 1.0, &model), df * (forward - 90.0), 1e-13);
    let outside = wings(Some(call(90.0)), None, 95.0, 104.0);
    assert_eq!(value_of(outside, 1.0, &model), 0.0);
    // No time at all is no volatility either.
    let digital = Shape::DigitalCash {
        amount: 5.0,
        w: Side::Put,
        strike: 100.0,
    };
    assert_eq!(value_of(digital, 0.0, &flat(100.0, 0.05, 0.01, 0.3)), 5.0);
}

#[test]
fn tiny_volatility_is_no_volatility() {
    for vol in [1e-3, 1e-5, 1e-8, 1e-11] {
        let model = flat(100.0, 0.05, 0.01, vol);
        let touch = |level| Shape::Touch {
            amount: 1.0,
            side: Barrier::Up,
            level,
            paid: Paid::Hit,
        };
        let when = (1.02_f64).ln() / 0.04;
        close(
            value_of(touch(102.0), 1.0, &model),
            (-0.05 * when).exp(),
            1e-5,
        );
        close(value_of(touch(105.0), 1.0, &model), 0.0, 1e-12);
        let wide = wings(Some(call(90.0)), None, 95.0, 106.0);
        let forward = 100.0 * 0.04_f64.exp() - 90.0;
        close(
            value_of(wide, 1.0, &model),
            (-0.05_f64).exp() * forward,
            1e-6,
        );
    }
}

#[test]
fn a_level_already_met_is_hit_now() {
    for spot in [120.0, 125.0] {
        let model = flat(spot, 0.03, 0.05, 0.25);
        let out = |paid| Shape::Barrier {
            option: call(100.0),
            side: Barrier::Up,
            knock: Knock::Out,
            level: 120.0,
            rebate: 3.0,
            paid,
        };
        assert_eq!(value_of(out(Paid::Hit), 1.0, &model), 3.0);
        let end = value_of(out(Paid::End), 1.0, &model);
        close(end, 3.0 * (-0.03_f64).exp(), 1e-14);
        let begun = single(call(100.0), Barrier::Up, Knock::In, 120.0, 3.0);
        let vanilla = value_of(Shape::European(call(100.0)), 1.0, &model);
        close(value_of(begun, 1.0, &model), vanilla, 1e-14);
        let none = Shape::DoubleNoTouch {
            amount: 1.0,
            lower: 80.0,
            upper: 120.0,
        };
        assert_eq!(value_of(none, 1.0, &model), 0.0);
    }
}

#[test]
fn a_contract_knocked_in_before_is_its_option() {
    let shape = single(put(100.0), Barrier::Down, Knock::In, 80.0, 7.0);
    let mut plan = shaped_plan(shape, 1.0);
    plan.vars = vec![Var {
        name: "ki".into(),
        kind: VarKind::Flag,
        value: 1.0,
        carry: Carry::Discrete,
    }];
    let model = flat(110.0, 0.03, 0.05, 0.25);
    let own = Closed.price(&plan, &model, &everything()).expect("a price");
    let vanilla = value_of(Shape::European(put(100.0)), 1.0, &model);
    assert_eq!(own.value, vanilla);
    plan.vars[0].value = 0.0;
    let own = Closed.price(&plan, &model, &everything()).expect("a price");
    assert!((own.value - vanilla).abs() > 0.1, "not yet knocked in");
}

#[test]
fn an_ended_contract_is_worth_nothing() {
    let mut plan = shaped_plan(Shape::European(call(100.0)), 1.0);
    plan.instants.clear();
    let own = Closed
        .price(&plan, &flat(100.0, 0.03, 0.0, 0.2), &everything())
        .expect("a price");
    assert_eq!((own.value, own.greeks.delta[0]), (0.0, 0.0));
}

#[test]
fn cash_dividends_are_escrowed_and_said_so() {
    let mut model = flat(100.0, 0.03, 0.0, 0.2);
    model.names[0].dividends = vec![rialto_otc_market::model::Dividend {
        variance: 0.5,
        rate: 0.5,
        cash: 2.0,
        proportional: 0.0,
    }];
    let own = priced(Shape::European(call(100.0)), 1.0, &model);
    let spot = 100.0 - 2.0 * (-0.015_f64).exp();
    let same = european(Side::Call, spot, 100.0, 1.0, (0.03, 0.0, 0.2));
    close(own.value, same.value, 1e-12);
    assert!(
        own.notes
            .iter()
            .any(|note| note.code == "N-DIVIDEND-ESCROW")
    );
    let plan = shaped_plan(Shape::European(call(100.0)), 1.0);
    assert!(matches!(
        Closed.fit(&plan, &model, &everything()),
        Fit::Good { error, .. } if error > 1e-3
    ));
}

#[test]
fn edges_of_an_interval_count_when_the_price_is_certain() {
    let model = flat(100.0, 0.0, 0.0, 0.0);
    for (edges, inside) in [
        (Edges::Both, 1.0),
        (Edges::Lower, 1.0),
        (Edges::Upper, 0.0),
        (Edges::Neither, 0.0),
    ] {
        let range = Range {
            lower: Some(100.0),
            upper: Some(110.0),
            edges,
        };
        let shape = Shape::Interval {
            inside: 1.0,
            outside: 0.0,
            range,
        };
        assert_eq!(value_of(shape, 1.0, &model), inside);
    }
}

#[test]
fn the_ladder_is_the_price_at_other_spots() {
    let shape = single(call(100.0), Barrier::Up, Knock::Out, 120.0, 2.0);
    let ask = Ask {
        ladder: vec![90.0, 110.0, 119.99, 130.0],
        ..everything()
    };
    let own = Closed
        .price(
            &shaped_plan(shape.clone(), 1.0),
            &flat(100.0, 0.03, 0.05, 0.25),
            &ask,
        )
        .expect("a price");
    for point in &own.ladder {
        let there = priced(shape.clone(), 1.0, &flat(point.spot, 0.03, 0.05, 0.25));
        assert_eq!(point.value, there.value);
        assert_eq!(point.delta, there.greeks.delta[0]);
    }
    assert_eq!(own.ladder[3].value, 2.0);
}

#[test]
fn what_has_no_closed_form_is_refused_by_name() {
    let model = flat(100.0, 0.03, 0.0, 0.2);
    let american = shaped_plan(Shape::American(put(100.0)), 1.0);
    let refused = Closed.price(&american, &model, &everything());
    assert_eq!(
        refused.expect_err("refused").to_string(),
        "E-ENGINE-REFUSED: closed/1 cannot price this: early exercise has no closed form"
    );
    let mut bespoke = crate::testing::european(1.0, 100.0, 1.0);
    bespoke.shape = None;
    assert!(Closed.price(&bespoke, &model, &everything()).is_err());
}

#[test]
#[ignore = "a figure for people: run with --release -- --ignored --nocapture"]
fn speed() {
    let model = flat(100.0, 0.03, 0.05, 0.25);
    let time = |name: &str, shape: Shape<f64>, ask: &Ask| {
        let plan = shaped_plan(shape, 1.0);
        let start = std::time::Instant::now();
        let rounds = 20_000;
        let mut sum = 0.0;
        for _ in 0..rounds {
            sum += Closed.price(&plan, &model, ask).expect("a price").value;
        }
        let each = start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds);
        println!("{name}: {each:.3} us ({:.6})", sum / f64::from(rounds));
    };
    let ask = everything();
    time("european", Shape::European(call(100.0)), &ask);
    time(
        "barrier",
        single(call(100.0), Barrier::Up, Knock::Out, 120.0, 2.0),
        &ask,
    );
    time(
        "double",
        wings(Some(call(100.0)), Some(put(100.0)), 80.0, 125.0),
        &ask,
    );
    let start = std::time::Instant::now();
    let rounds = 1_000_000;
    let mut sum = 0.0;
    for i in 0..rounds {
        let spot = 90.0 + f64::from(i) * 2e-5;
        let one = european(Side::Call, spot, 100.0, 1.0, (0.03, 0.01, 0.2));
        sum += one.value + one.gamma + one.vega + one.rho + one.rho_q + one.delta;
    }
    let each = start.elapsed().as_secs_f64() * 1e9 / f64::from(rounds);
    println!("european() with 5 Greeks: {each:.1} ns ({sum})");
}
