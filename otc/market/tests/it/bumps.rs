//! Moves of a market.

use proptest::prelude::*;
use rialto_otc_market::bump::{Bump, BumpError, Move, Scenario, Stickiness, Which, Window};
use rialto_otc_market::model::{Curve, Dynamics, Model};
use rialto_otc_market::view::{self, Ground, ModelConfig, ModelKind, VolAt};
use rialto_otc_time::{AsOf, Calendars};

use crate::support::{clocks, close, date, dated, dates, market, numeric, plan, times};

const INDEX: &str = "XSHG:000905";
const START: &str = "2026-03-09";

fn index(kind: ModelKind) -> Model {
    let plan = plan(&[INDEX], &dates(START, &["2026-12-09", "2028-03-09"]));
    dated(&market("csi500.json"), &plan, START, kind)
        .expect("ok")
        .model
}

fn basket() -> Model {
    let plan = plan(&["A", "B", "C"], &times(&[1.0]));
    numeric(&market("basket.json"), &plan, ModelKind::Quoted)
        .expect("ok")
        .model
}

fn variance(model: &Model) -> &Curve {
    let Dynamics::Gbm { variance } = &model.names[0].dynamics else {
        panic!("a GBM")
    };
    variance
}

fn spot(by: f64, sticky: Stickiness) -> Bump {
    Bump::Spot {
        of: Which::All,
        by: Move::Relative(by),
        sticky,
    }
}

fn vol(by: f64, window: Window) -> Bump {
    Bump::Vol {
        of: Which::All,
        by,
        window,
    }
}

fn local(model: &Model, time: f64, price: f64) -> f64 {
    let Dynamics::LocalVol(grid) = &model.names[0].dynamics else {
        panic!("a grid")
    };
    grid.at(time, price)
}

#[test]
fn spots_move_by_share_or_price_of_one_name_or_all() {
    let model = basket();
    let by_code = Bump::Spot {
        of: Which::Code("B".to_owned()),
        by: Move::Absolute(0.6),
        sticky: Stickiness::Strike,
    };
    let moved = model.bumped(&by_code).expect("moves");
    close(moved.names[1].spot, 9.0, 1e-12);
    close(moved.names[0].spot, 50.0, 0.0);
    let all = model
        .bumped(&spot(-0.1, Stickiness::Strike))
        .expect("moves");
    close(all.names[0].spot, 45.0, 1e-12);
    close(all.names[2].spot, 11.25, 1e-12);
}

#[test]
fn a_volatility_read_at_the_forward_stays_when_the_spot_moves() {
    let model = index(ModelKind::Quoted);
    for sticky in [
        Stickiness::Strike,
        Stickiness::Moneyness,
        Stickiness::LocalVol,
    ] {
        let moved = model.bumped(&spot(0.05, sticky)).expect("moves");
        assert_eq!(variance(&moved), variance(&model));
    }
}

#[test]
fn a_volatility_read_at_a_strike_stays_with_the_strike_or_slides_with_moneyness() {
    let model = index(ModelKind::Gbm {
        vol: VolAt::AtStrike(5000.0),
    });
    let strike = model
        .bumped(&spot(-0.1, Stickiness::Strike))
        .expect("moves");
    assert_eq!(variance(&strike), variance(&model));
    let slid = model
        .bumped(&spot(-0.1, Stickiness::Moneyness))
        .expect("moves");
    // The strike is now nearer to the money of a falling smile.
    assert!(variance(&slid).integral_to(1.0) < variance(&model).integral_to(1.0));
}

#[test]
fn local_volatility_stays_by_price_slides_with_the_spot_or_is_read_again() {
    let model = index(ModelKind::LocalVol);
    let price = 5000.0;
    let by = |sticky| model.bumped(&spot(0.05, sticky)).expect("moves");
    let here = local(&model, 0.4, price);
    close(local(&by(Stickiness::LocalVol), 0.4, price), here, 1e-15);
    close(
        local(&by(Stickiness::Moneyness), 0.4, price * 1.05),
        here,
        1e-4,
    );
    let again = local(&by(Stickiness::Strike), 0.4, price);
    assert!(
        (again - here).abs() > 1e-5 && (again - here).abs() < 0.02,
        "{again} {here}"
    );
}

#[test]
fn volatility_moves_by_as_much_at_the_forward_and_in_local_volatility() {
    let moved = index(ModelKind::Quoted)
        .bumped(&vol(0.01, Window::PARALLEL))
        .expect("moves");
    let plain = index(ModelKind::Quoted);
    // At the pillars; between them it is total variance that is linear.
    for time in variance(&plain).knots() {
        let of = |model: &Model| (variance(model).integral_to(*time) / time).sqrt();
        close(of(&moved) - of(&plain), 0.01, 1e-12);
    }
    let grid = index(ModelKind::LocalVol);
    let up = grid.bumped(&vol(0.01, Window::PARALLEL)).expect("moves");
    let rise = local(&up, 0.3, 5800.0) - local(&grid, 0.3, 5800.0);
    close(rise, 0.01, 2e-3);
}

#[test]
fn a_skew_leaves_the_forward_and_lifts_low_strikes() {
    let bump = Bump::Skew {
        of: Which::All,
        by: -0.1,
        window: Window::PARALLEL,
    };
    let at_forward = index(ModelKind::Quoted);
    let turned = at_forward.bumped(&bump).expect("moves");
    close(
        variance(&turned).integral_to(1.5),
        variance(&at_forward).integral_to(1.5),
        1e-12,
    );
    let low = index(ModelKind::Gbm {
        vol: VolAt::AtStrike(4500.0),
    });
    let lifted = low.bumped(&bump).expect("moves");
    assert!(variance(&lifted).integral_to(1.5) > variance(&low).integral_to(1.5) + 1e-3);
}

#[test]
fn rates_and_carries_move_apart() {
    let model = basket();
    let rate = model
        .bumped(&Bump::Rate {
            by: 1e-3,
            window: Window::PARALLEL,
        })
        .expect("moves");
    close(
        rate.discount.integral_to(2.0) - model.discount.integral_to(2.0),
        2e-3,
        1e-15,
    );
    assert_eq!(rate.names[0].carry, model.names[0].carry);
    let carry = Bump::Carry {
        of: Which::Index(2),
        by: 1e-3,
        window: Window::PARALLEL,
    };
    let carry = model.bumped(&carry).expect("moves");
    close(
        carry.names[2].carry.integral_to(2.0) - model.names[2].carry.integral_to(2.0),
        2e-3,
        1e-15,
    );
    assert_eq!(carry.names[0].carry, model.names[0].carry);
    assert_eq!(carry.discount, model.discount);
}

#[test]
fn the_drift_of_a_quanto_does_not_follow_the_rate_of_the_payment_currency() {
    let plan = plan(&["XHKG:00700"], &dates("2026-05-11", &["2027-05-11"]));
    let model = dated(
        &market("stock.json"),
        &plan,
        "2026-05-11",
        ModelKind::Quoted,
    )
    .expect("ok")
    .model;
    let drift =
        |model: &Model| model.discount.integral_to(0.9) - model.names[0].carry.integral_to(0.9);
    let moved = model
        .bumped(&Bump::Rate {
            by: 0.01,
            window: Window::PARALLEL,
        })
        .expect("moves");
    close(drift(&moved), drift(&model), 1e-14);
    let up = model.bumped(&vol(0.10, Window::PARALLEL)).expect("moves");
    // ρ σ_S σ_X: 0.2 × 0.10 × 0.04 more drift a year of the session clock.
    assert!(drift(&up) - drift(&model) > 0.2 * 0.10 * 0.04 * 0.8);
}

#[test]
fn time_rolls_with_everything_by_tenor_in_place() {
    let plan = plan(&["XSHG:600519"], &dates("2026-05-11", &["2027-05-11"]));
    let model = dated(
        &market("stock.json"),
        &plan,
        "2026-05-11",
        ModelKind::Quoted,
    )
    .expect("ok")
    .model;
    let rolled = model
        .bumped(&Bump::Roll {
            variance: 30.0 / 244.0,
            rate: 40.0 / 365.0,
        })
        .expect("rolls");
    close(rolled.as_of.rate - model.as_of.rate, 40.0 / 365.0, 1e-15);
    assert_eq!(rolled.discount, model.discount);
    assert_eq!(rolled.names[0].dynamics, model.names[0].dynamics);
    // The dividend of 18 June is past by then.
    assert_eq!(
        (
            model.names[0].dividends.len(),
            rolled.names[0].dividends.len()
        ),
        (2, 1)
    );
}

#[test]
fn correlations_move_together_or_by_pair_and_stay_possible() {
    let model = basket();
    let all = model
        .bumped(&Bump::Correlation {
            pair: None,
            by: 0.05,
        })
        .expect("moves");
    close(all.correlation_of(0, 1), 0.55, 1e-15);
    close(all.correlation_of(1, 1), 1.0, 0.0);
    let one = model
        .bumped(&Bump::Correlation {
            pair: Some((2, 0)),
            by: 0.05,
        })
        .expect("moves");
    close(one.correlation_of(0, 2), -0.05, 1e-15);
    close(one.correlation_of(0, 1), 0.5, 0.0);
    let far = model.bumped(&Bump::Correlation {
        pair: None,
        by: -0.8,
    });
    assert!(matches!(far, Err(BumpError::Correlation(_))));
}

#[test]
fn moves_that_cannot_be_are_refused_by_name() {
    let model = basket();
    let refused = [
        spot(-1.0, Stickiness::Strike),
        spot(f64::NAN, Stickiness::Strike),
        vol(-0.5, Window::PARALLEL),
        vol(
            0.01,
            Window {
                from: 1.0,
                to: Some(1.0),
            },
        ),
        Bump::Spot {
            of: Which::Code("Z".into()),
            by: Move::Relative(0.1),
            sticky: Stickiness::Strike,
        },
        Bump::Spot {
            of: Which::Index(7),
            by: Move::Relative(0.1),
            sticky: Stickiness::Strike,
        },
        Bump::Roll {
            variance: -0.1,
            rate: 0.0,
        },
        Bump::Correlation {
            pair: Some((1, 1)),
            by: 0.1,
        },
    ];
    let told: Vec<String> = refused
        .iter()
        .map(|bump| model.bumped(bump).expect_err("refused").to_string())
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    let heston = numeric(
        &market("models.json"),
        &plan(&["H"], &times(&[1.0])),
        ModelKind::Quoted,
    )
    .expect("ok")
    .model;
    let bucket = heston.bumped(&vol(
        0.01,
        Window {
            from: 0.0,
            to: Some(0.5),
        },
    ));
    assert!(matches!(bucket, Err(BumpError::Model { .. })));
}

#[test]
fn models_without_a_surface_move_in_parallel() {
    let plan = plan(&["H", "C", "L"], &times(&[1.0]));
    let model = numeric(&market("models.json"), &plan, ModelKind::Quoted)
        .expect("ok")
        .model;
    let moved = model.bumped(&vol(0.01, Window::PARALLEL)).expect("moves");
    let Dynamics::Heston(heston) = &moved.names[0].dynamics else {
        panic!("Heston")
    };
    close(heston.theta.sqrt(), 0.21, 1e-15);
    let (Dynamics::LocalVol(cev), Dynamics::LocalVol(grid)) =
        (&moved.names[1].dynamics, &moved.names[2].dynamics)
    else {
        panic!("local volatility")
    };
    close(cev.at(0.0, 100.0), 0.21, 1e-15);
    close(grid.at(0.5, 100.0), 0.26, 1e-15);
}

#[test]
fn a_scenario_moves_the_snapshot_as_bumps_move_the_model() {
    let text = r#"{"bumps":[{"spot":{"by":{"relative":-0.05},"sticky":"moneyness"}},
        {"vol":{"by":0.02,"window":{"from":0.0,"to":0.5}}},{"rate":{"by":0.001}}],
        "roll_to":{"date":"2026-05-19","phase":"post_close"}}"#;
    let scenario: Scenario = serde_json::from_str(text).expect("reads");
    let again: Scenario =
        serde_json::from_str(&serde_json::to_string(&scenario).expect("writes")).expect("reads");
    assert_eq!(again, scenario);
    let (snapshot, clocks) = (market("csi500.json"), clocks());
    let plan = plan(&[INDEX], &dates(START, &["2028-03-09"]));
    let ground = Ground {
        clocks: &clocks,
        calendars: Calendars::builtin(),
        start: Some(date(START)),
    };
    let (as_of, config) = (snapshot.as_of(), ModelConfig::default());
    let plain = view::model(&snapshot, &plan, &ground, as_of, &config)
        .expect("ok")
        .model;
    let moved = view::scenario(&snapshot, &plan, &ground, as_of, &config, &scenario)
        .expect("ok")
        .model;
    let by_hand = plain.bumped_by(&scenario.bumps).expect("moves");
    assert_eq!(moved.names, by_hand.names);
    assert_eq!(moved.discount, by_hand.discount);
    close(moved.as_of.rate - plain.as_of.rate, 1.0 / 365.0, 1e-15);
    close(
        moved.as_of.variance - plain.as_of.variance,
        1.0 / 244.0,
        1e-15,
    );
    assert_ne!(scenario.id(&snapshot), Scenario::default().id(&snapshot));
    let back = Scenario {
        roll_to: Some(AsOf::post_close(date("2026-05-15"))),
        ..Scenario::default()
    };
    let findings =
        view::scenario(&snapshot, &plan, &ground, as_of, &config, &back).expect_err("back");
    assert_eq!(crate::support::codes(&findings), ["E-BUMP-SIZE"]);
}

proptest! {
    #[test]
    fn bucketed_bumps_sum_to_the_parallel_one(
        mut edges in prop::collection::vec(0.02..3.0f64, 1..6),
        by in -0.01..0.01f64,
        time in 0.01..4.0f64,
    ) {
        edges.sort_by(f64::total_cmp);
        edges.dedup();
        let model = basket();
        let sum = |bump: &dyn Fn(Window) -> Bump, of: &dyn Fn(&Model) -> f64| -> (f64, f64) {
            let change = |window| of(&model.bumped(&bump(window)).expect("moves")) - of(&model);
            let cut: f64 = Window::cut(&edges).into_iter().map(change).sum();
            (cut, change(Window::PARALLEL))
        };
        let rate = |window| Bump::Rate { by, window };
        let carry = |window| Bump::Carry { of: Which::All, by, window };
        let checks: [(f64, f64); 3] = [
            sum(&rate, &|model| model.discount.integral_to(time)),
            sum(&carry, &|model| model.names[1].carry.integral_to(time)),
            sum(&|window| vol(by, window), &|model| variance(model).integral_to(time)),
        ];
        for (cut, parallel) in checks {
            prop_assert!((cut - parallel).abs() < 1e-13, "{cut} {parallel}");
        }
    }

    #[test]
    fn buckets_of_a_smile_one_after_the_other_are_the_parallel_shift(
        mut edges in prop::collection::vec(0.05..2.5f64, 1..4),
        by in -0.02..0.02f64,
    ) {
        edges.sort_by(f64::total_cmp);
        edges.dedup();
        let model = index(ModelKind::Quoted);
        let parallel = model.bumped(&vol(by, Window::PARALLEL)).expect("moves");
        let windows: Vec<Bump> =
            Window::cut(&edges).into_iter().map(|window| vol(by, window)).collect();
        let cut = model.bumped_by(&windows).expect("moves");
        for time in variance(&model).knots() {
            let (a, b) = (variance(&cut).integral_to(*time), variance(&parallel).integral_to(*time));
            prop_assert!((a - b).abs() < 1e-13, "{a} {b}");
        }
    }
}
