//! Finite differences against closed forms, trees, quadrature and simulation.

use rialto_otc_contract::plan::{Action, Exercise, Expr, Monitor};
use rialto_otc_contract::program::Comparison;
use rialto_otc_market::model::{Cev, Curve, Dividend, LocalVol, Origin};
use rialto_otc_numerics::philox::Philox;

use super::*;
use crate::naive::Naive;
use crate::quad::Quadrature;
use crate::testing::{Snowball, ask, at, black_scholes, european, flat, option, pay};

/// To 0.1 bp of notional.
fn usual(plan: &Plan<f64>) -> Ask {
    Ask {
        tolerance: 1e-5 * plan.notional.abs(),
        ..ask()
    }
}

fn price(plan: &Plan<f64>, model: &Model) -> Priced {
    FiniteDifferences
        .price(plan, model, &usual(plan))
        .expect("a price")
}

fn quadrature(plan: &Plan<f64>, model: &Model) -> Priced {
    Quadrature.price(plan, model, &ask()).expect("a price")
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
            // Below 1e-3 bp of the notional of 100.
            assert!(off < 1e-5 && off <= 3.0 * priced.error.abs, "{off:e}");
            assert!((priced.greeks.delta[0] - delta).abs() < 1e-5);
            assert!((priced.greeks.gamma[0] - gamma).abs() < 1e-4 * gamma);
        }
    }
}

#[test]
fn a_ladder_comes_from_the_same_solve() {
    let plan = european(1.0, 100.0, 0.5);
    let model = flat(100.0, 0.03, 0.01, 0.25);
    let ask = Ask {
        ladder: vec![70.0, 95.0, 100.0, 150.0],
        ..usual(&plan)
    };
    let priced = FiniteDifferences
        .price(&plan, &model, &ask)
        .expect("a price");
    for point in &priced.ladder {
        let want = black_scholes(1.0, point.spot, 100.0, 0.5, 0.03, 0.01, 0.25);
        let found = [point.value, point.delta, point.gamma];
        for (found, want) in found.iter().zip(want) {
            assert!((found - want).abs() < 1e-5, "{} {found} {want}", point.spot);
        }
    }
}

#[test]
fn a_snowball_agrees_with_quadrature() {
    for (spot, vol, step) in [(100.0, 0.2, 0.0), (90.0, 0.15, -0.005), (76.0, 0.35, 0.0)] {
        let terms = Snowball {
            step,
            ..Snowball::default()
        };
        let (plan, model) = (terms.plan(), flat(spot, 0.02, 0.04, vol));
        let (ours, theirs) = (price(&plan, &model), quadrature(&plan, &model));
        let off = (ours.value - theirs.value).abs();
        assert!(off < 1.5, "{off}: 0.015 bp of a million");
        assert!(off <= 3.0 * (ours.error.abs + theirs.error.abs), "{off}");
        let scale = 1e6 / spot;
        assert!((ours.greeks.delta[0] - theirs.greeks.delta[0]).abs() < 1e-4 * scale);
        assert!((ours.greeks.gamma[0] - theirs.greeks.gamma[0]).abs() < 1e-3 * scale / spot);
    }
}

/// Values on grids of halved steps at the spot.
fn levels(plan: &Plan<f64>, model: &Model, most: u32) -> Vec<f64> {
    with_problem(plan, model, &usual(plan), |problem| {
        (0..=most)
            .map(|level| Ok(problem.solve(level)?[0][0]))
            .collect()
    })
    .expect("values")
}

#[test]
fn grids_converge_with_second_order_and_extrapolated_ones_faster() {
    let snowball = Snowball::default().plan();
    let call = european(1.0, 103.7, 1.0);
    let mut digital = european(1.0, 103.7, 1.0);
    digital.instants[0].rules[0].actions = vec![pay(
        Expr::If(
            Box::new(crate::testing::when(Comparison::AtLeast, 103.7)),
            Box::new(Expr::Const(100.0)),
            Box::new(Expr::Const(0.0)),
        ),
        1.0,
    )];
    let barrier = watched(european(1.0, 100.0, 1.0), false, 90.0, 0.0, true);
    let model = flat(100.0, 0.03, 0.01, 0.2);
    let exact = [
        quadrature(&snowball, &model).value,
        quadrature(&call, &model).value,
        quadrature(&digital, &model).value,
        down_out_call(100.0, 90.0, 1.0, 0.2),
    ];
    for (plan, exact) in [&snowball, &call, &digital, &barrier]
        .into_iter()
        .zip(exact)
    {
        let values = levels(plan, &model, 3);
        let errors: Vec<f64> = values.iter().map(|value| (value - exact).abs()).collect();
        let order = (errors[1] / errors[3]).log2() / 2.0;
        assert!((1.6..2.6).contains(&order), "{order} from {errors:?}");
        let better = ((4.0 * values[3] - values[2]) / 3.0 - exact).abs();
        assert!(better < 0.15 * errors[3], "{better:e} from {errors:?}");
    }
}

#[test]
fn error_estimates_are_honest() {
    let philox = Philox::new(5);
    let mut dishonest = Vec::new();
    let count = 40;
    for case in 0..count {
        let uniform = |stream: u32| philox.uniforms(case, 0, stream)[0];
        let terms = Snowball {
            months: 3 + (uniform(0) * 10.0) as u32,
            lock: 1 + (uniform(1) * 3.0) as u32,
            ko: 0.98 + 0.07 * uniform(2),
            step: -0.01 * uniform(3),
            ki: 0.6 + 0.25 * uniform(4),
            ..Snowball::default()
        };
        let spot = 70.0 + 40.0 * uniform(5);
        let model = flat(
            spot,
            0.06 * uniform(6) - 0.01,
            0.12 * uniform(7),
            0.1 + 0.3 * uniform(8),
        );
        let plan = terms.plan();
        let (ours, theirs) = (price(&plan, &model), quadrature(&plan, &model));
        let off = (ours.value - theirs.value).abs();
        assert!(
            off < 10.0,
            "{off} is above 0.1 bp of a million: {terms:?} {model:?}"
        );
        if off > 3.0 * ours.error.abs + theirs.error.abs {
            dishonest.push((off, ours.error.abs, terms, spot));
        }
    }
    assert!(dishonest.is_empty(), "{dishonest:?}");
}

fn watched(mut plan: Plan<f64>, up: bool, level: f64, rebate: f64, at_hit: bool) -> Plan<f64> {
    let end = plan.instants[0].at;
    let mut actions = Vec::new();
    if rebate != 0.0 {
        actions.push(pay(Expr::Const(rebate), end.rate));
    }
    actions.push(Action::Stop);
    plan.monitors.push(Monitor {
        from: at(0.0),
        to: end,
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

/// Down-and-out call struck at 100 with r 3 %, q 1 % for a barrier below the strike (Merton 1973).
fn down_out_call(s: f64, h: f64, t: f64, vol: f64) -> f64 {
    let (r, q) = (0.03, 0.01);
    let mu = (r - q - 0.5 * vol * vol) / (vol * vol);
    let call = |s: f64| black_scholes(1.0, s, 100.0, t, r, q, vol)[0];
    call(s) - (h / s).powf(2.0 * mu) * call(h * h / s)
}

#[test]
fn a_barrier_watched_continuously_has_mertons_price() {
    for (s, t, vol) in [(100.0, 1.0, 0.2), (92.0, 0.5, 0.3), (90.1, 0.25, 0.25)] {
        let plan = watched(european(1.0, 100.0, t), false, 90.0, 0.0, true);
        let ours = price(&plan, &flat(s, 0.03, 0.01, vol));
        let off = (ours.value - down_out_call(s, 90.0, t, vol)).abs();
        assert!(off < 1e-5 && off <= 3.0 * ours.error.abs, "{off:e}");
    }
}

#[test]
fn at_a_barrier_and_beyond_it_is_hit_now() {
    for s in [90.0, 85.0] {
        let model = flat(s, 0.03, 0.01, 0.2);
        let now = watched(european(1.0, 100.0, 1.0), false, 90.0, 7.0, true);
        assert!((price(&now, &model).value - 7.0).abs() < 1e-9);
        let later = watched(european(1.0, 100.0, 1.0), false, 90.0, 7.0, false);
        assert!((price(&later, &model).value - 7.0 * (-0.03_f64).exp()).abs() < 1e-9);
    }
}

#[test]
fn two_barriers_knocked_out_and_the_same_paid_add_up_to_a_bond() {
    let model = flat(100.0, 0.03, 0.01, 0.2);
    let bond = |rebate: f64, left: f64| {
        let mut plan = european(1.0, 100.0, 1.0);
        plan.instants[0].rules[0].actions = vec![pay(Expr::Const(left), 1.0)];
        let plan = watched(plan, true, 117.0, rebate, false);
        price(&watched(plan, false, 88.0, rebate, false), &model).value
    };
    let (touch, no_touch) = (bond(100.0, 0.0), bond(0.0, 100.0));
    assert!(touch > 10.0 && no_touch > 10.0);
    assert!((touch + no_touch - 100.0 * (-0.03_f64).exp()).abs() < 1e-6);
}

/// A snowball that knocks in at any moment.
fn snowball_watched() -> Plan<f64> {
    let mut plan = Snowball {
        months: 6,
        ..Snowball::default()
    }
    .plan();
    let end = plan.instants[plan.instants.len() - 1].at;
    for instant in &mut plan.instants {
        instant
            .rules
            .retain(|rule| rule.phase != rialto_otc_contract::program::phase::KNOCK_IN);
    }
    plan.monitors.push(Monitor {
        from: at(0.0),
        to: end,
        underlying: 0,
        side: Comparison::AtMost,
        level: 75.0,
        unless: Some(rialto_otc_contract::plan::Cond::Flag(0)),
        actions: vec![Action::Set {
            var: 0,
            value: Expr::Const(1.0),
        }],
        pay_at_hit: false,
    });
    plan.class.continuous = true;
    plan
}

#[test]
fn a_snowball_knocked_in_at_any_moment_agrees_with_simulation() {
    let plan = snowball_watched();
    let model = flat(88.0, 0.03, 0.05, 0.3);
    let ours = price(&plan, &model);
    let (value, error) = simulated(&plan, &model, 16_000);
    assert!(
        (ours.value - value).abs() < 4.0 * error,
        "{} {value} {error}",
        ours.value
    );
    assert!(ours.error.abs < 10.0, "{}", ours.error.abs);
    // Watched on dates only it knocks in less often, and the holder has more.
    let daily = Snowball {
        months: 6,
        ..Snowball::default()
    };
    assert!(price(&daily.plan(), &model).value > ours.value + 1_000.0);
    // Knocked in already, watching makes no difference.
    let mut known = plan.clone();
    known.vars[0].value = 1.0;
    let mut unwatched = known.clone();
    unwatched.monitors.clear();
    let off = price(&known, &model).value - quadrature(&unwatched, &model).value;
    assert!(off.abs() < 5.0, "{off}");
}

fn american(w: f64, strike: f64, t: f64, instants: Vec<usize>) -> Plan<f64> {
    let mut plan = european(w, strike, t);
    plan.exercise = Some(Exercise {
        pay: instants.iter().map(|n| plan.instants[*n].at).collect(),
        instants,
        payoff: option(w, strike),
    });
    plan.class.exercise = true;
    plan
}

#[test]
fn american_puts_are_those_of_trees() {
    // Binomial trees smoothed by Black-Scholes with 2,500 and 5,000 steps, extrapolated
    // (Broadie and Detemple 1996); their own error is some 2e-5.
    for (s, t, r, q, vol, want) in [
        (100.0, 1.0, 0.05, 0.0, 0.2, 6.090_382),
        (80.0, 3.0, 0.06, 0.0, 0.4, 28.071_675),
        (100.0, 0.25, 0.05, 0.1, 0.3, 6.501_308),
        (90.0, 2.0, 0.04, 0.02, 0.25, 16.594_075),
    ] {
        let plan = american(-1.0, 100.0, t, Vec::new());
        let ask = Ask {
            tolerance: 1e-5,
            ..ask()
        };
        let priced = FiniteDifferences
            .price(&plan, &flat(s, r, q, vol), &ask)
            .expect("a price");
        let off = (priced.value - want).abs();
        assert!(off < 4e-5, "{} {want}", priced.value);
        assert!(priced.error.abs < 1.01e-5, "{}", priced.error.abs);
    }
}

#[test]
fn an_american_right_is_worth_its_payoff_at_least_now() {
    let priced = price(
        &american(-1.0, 100.0, 1.0, Vec::new()),
        &flat(50.0, 0.08, 0.0, 0.2),
    );
    assert!((priced.value - 50.0).abs() < 1e-9);
    assert!((priced.greeks.delta[0] + 1.0).abs() < 1e-6);
}

#[test]
fn bermudan_rights_lie_between_european_and_american() {
    let model = flat(95.0, 0.06, 0.0, 0.25);
    let value = |dates: u32, exercise: bool| {
        let mut plan = european(-1.0, 100.0, 1.0);
        let last = plan.instants.remove(0);
        for date in 1..dates {
            plan.instants.push(rialto_otc_contract::plan::Instant {
                at: at(f64::from(date) / f64::from(dates)),
                rules: Vec::new(),
            });
        }
        plan.instants.push(last);
        if exercise {
            plan.exercise = Some(Exercise {
                instants: (0..plan.instants.len()).collect(),
                pay: plan.instants.iter().map(|instant| instant.at).collect(),
                payoff: option(-1.0, 100.0),
            });
        }
        price(&plan, &model)
    };
    let european = black_scholes(-1.0, 95.0, 100.0, 1.0, 0.06, 0.0, 0.25)[0];
    assert!(
        (value(4, false).value - european).abs() < 1e-5,
        "empty dates change nothing"
    );
    let american = price(&american(-1.0, 100.0, 1.0, Vec::new()), &model).value;
    let (four, many) = (value(4, true), value(64, true));
    assert!(european < four.value && four.value < many.value && many.value < american);
    // The gap to the American right falls with the time between dates.
    assert!(american - many.value < 0.15 * (american - four.value));
    assert!(four.error.abs < 1e-3, "0.1 bp of 100");
}

fn local(vols: [f64; 3]) -> LocalVol {
    LocalVol {
        reference: 100.0,
        times: vec![0.25, 1.0],
        logs: vec![-0.3, 0.0, 0.3],
        vols: [vols, vols.map(|vol| vol * 0.95)].concat(),
        cev: None,
    }
}

fn simulated(plan: &Plan<f64>, model: &Model, paths: u64) -> (f64, f64) {
    let ask = Ask {
        paths: Some(paths),
        ..ask()
    };
    let priced = Naive.price(plan, model, &ask).expect("a price");
    (priced.value, priced.error.abs)
}

#[test]
fn a_flat_local_volatility_is_geometric_brownian_motion() {
    let mut model = flat(100.0, 0.03, 0.01, 0.2);
    let plan = Snowball {
        months: 3,
        lock: 1,
        ..Snowball::default()
    }
    .plan();
    let want = quadrature(&plan, &model).value;
    model.names[0].dynamics = Dynamics::LocalVol(LocalVol {
        times: vec![0.0],
        logs: vec![0.0],
        vols: vec![0.2],
        ..local([0.2; 3])
    });
    assert!((price(&plan, &model).value - want).abs() < 1.0);
}

#[test]
fn local_volatility_agrees_with_simulation() {
    let plan = Snowball {
        months: 6,
        ..Snowball::default()
    }
    .plan();
    let mut model = flat(100.0, 0.03, 0.05, 0.2);
    let cev = LocalVol {
        cev: Some(Cev {
            a: 0.2,
            b: -1.5,
            lo: 0.1,
            hi: 0.6,
        }),
        ..local([0.2; 3])
    };
    for vol in [local([0.35, 0.22, 0.17]), cev] {
        model.names[0].dynamics = Dynamics::LocalVol(vol);
        let ours = price(&plan, &model);
        let (value, error) = simulated(&plan, &model, 6_000);
        assert!(
            (ours.value - value).abs() < 4.0 * error,
            "{} {value} {error}",
            ours.value
        );
        assert!(ours.error.abs < 10.0, "{}", ours.error.abs);
    }
}

#[test]
fn cash_dividends_move_the_spot_where_they_fall() {
    // On a date of the plan (before its close), between two dates, and a proportional one.
    let mut model = flat(104.0, 0.03, 0.0, 0.25);
    for (session, cash, proportional) in [(30.0, 2.5, 0.0), (61.5, 0.0, 0.015), (81.0, 1.8, 0.0)] {
        model.names[0].dividends.push(Dividend {
            variance: session / 244.0,
            rate: session / 244.0,
            cash,
            proportional,
        });
    }
    let plan = Snowball {
        months: 6,
        ..Snowball::default()
    }
    .plan();
    let ours = price(&plan, &model);
    let (value, error) = simulated(&plan, &model, 40_000);
    assert!(
        (ours.value - value).abs() < 4.0 * error,
        "{} {value} {error}",
        ours.value
    );
    assert!(ours.error.abs < 10.0, "{}", ours.error.abs);
    // A forward is exact: what is left after dividends grows on.
    let forward = price(&european(1.0, 1e-3, 1.0), &model).value;
    let mut spot = 104.0;
    let mut now = 0.0;
    for dividend in &model.names[0].dividends {
        spot = drop(spot * (0.03 * (dividend.rate - now)).exp(), dividend);
        now = dividend.rate;
    }
    let want = spot * (0.03 * (1.0 - now)).exp() * (-0.03_f64).exp() - 1e-3 * (-0.03_f64).exp();
    assert!((forward - want).abs() < 1e-4, "{forward} {want}");
}

#[test]
fn proportional_dividends_alone_agree_with_quadrature() {
    let mut model = flat(104.0, 0.03, 0.0, 0.25);
    for session in [30.0, 122.0] {
        model.names[0].dividends.push(Dividend {
            variance: session / 244.0,
            rate: session / 244.0,
            cash: 0.0,
            proportional: 0.03,
        });
    }
    let plan = Snowball::default().plan();
    let (ours, theirs) = (price(&plan, &model), quadrature(&plan, &model));
    let off = (ours.value - theirs.value).abs();
    assert!(
        off < 5.0 && off <= 3.0 * ours.error.abs + theirs.error.abs,
        "{off}"
    );
}

#[test]
fn a_date_minutes_away_and_a_spot_on_its_level() {
    let plan = Snowball {
        lock: 1,
        ..Snowball::default()
    }
    .plan();
    let first = plan.instants[19].at.rate;
    for (spot, ahead) in [
        (100.0, 1e-5),
        (99.7, 1e-4),
        (75.0, 1e-5),
        (100.0, 3e-3),
        (100.0, 1e-9),
    ] {
        let mut rest = plan.clone();
        rest.instants.drain(..19);
        let mut model = flat(spot, 0.03, 0.05, 0.2);
        model.as_of = Origin {
            variance: first - ahead,
            rate: first - ahead,
        };
        let (ours, theirs) = (price(&rest, &model), quadrature(&rest, &model));
        let off = (ours.value - theirs.value).abs();
        assert!(off < 5.0, "{spot} {ahead}: {} {}", ours.value, theirs.value);
        assert!(
            off <= 3.0 * (ours.error.abs + theirs.error.abs),
            "{off} {}",
            ours.error.abs
        );
    }
}

#[test]
fn a_date_with_no_variance_before_it_is_decided_by_the_spot() {
    let mut plan = Snowball::default().plan();
    plan.instants.drain(..60);
    let at = plan.instants[0].at.variance;
    let value = |spot: f64| {
        let mut model = flat(spot, 0.03, 0.05, 0.2);
        model.as_of = Origin {
            variance: at,
            rate: at,
        };
        price(&plan, &model).value
    };
    // The 61st session is the third month's: on its level the contract knocks out.
    let paid = 1_000_000.0 * (1.0 + 0.15 * 3.0 / 12.0);
    assert!((value(100.0) - paid).abs() < 1e-6, "{}", value(100.0));
    assert!((value(110.0) - paid).abs() < 1e-6);
    assert!((value(99.9) - paid).abs() > 10.0);
}

#[test]
fn dates_without_variance_between_them_are_carried_over() {
    // A date on a day without trading: the variance clock stands, the rate clock goes on.
    let mut plan = european(1.0, 100.0, 1.0);
    let mut holiday = plan.instants[0].clone();
    holiday.rules.clear();
    holiday.at.variance = 0.5;
    holiday.at.rate = 0.5;
    let mut after = holiday.clone();
    after.at.rate = 0.51;
    plan.instants.insert(0, after);
    plan.instants.insert(0, holiday);
    let model = flat(100.0, 0.03, 0.01, 0.2);
    let want = black_scholes(1.0, 100.0, 100.0, 1.0, 0.03, 0.01, 0.2)[0];
    assert!((price(&plan, &model).value - want).abs() < 1e-5);
}

#[test]
fn term_structures_and_extreme_rates_stay_right() {
    let plan = Snowball::default().plan();
    for (r, q) in [(-0.02, 0.0), (0.02, 0.18), (0.15, -0.05)] {
        let mut model = flat(97.0, r, q, 0.2);
        model.names[0].dynamics = Dynamics::Gbm {
            variance: Curve::pieces(&[(0.2, 0.09), (0.6, 0.01), (2.0, 0.05)]),
        };
        let (ours, theirs) = (price(&plan, &model), quadrature(&plan, &model));
        let off = (ours.value - theirs.value).abs();
        assert!(off < 10.0, "{r} {q}: {} {}", ours.value, theirs.value);
    }
}

#[test]
fn what_it_cannot_price_is_refused_with_a_reason() {
    let none = FiniteDifferences.price(
        &european(1.0, 100.0, 1.0),
        &flat(100.0, 0.0, 0.0, 0.0),
        &ask(),
    );
    assert!(matches!(none, Err(PriceError::Refused { .. })), "{none:?}");
    let odd = FiniteDifferences.price(
        &european(1.0, 100.0, 1.0),
        &flat(f64::NAN, 0.0, 0.0, 0.2),
        &ask(),
    );
    assert!(matches!(odd, Err(PriceError::Model(_))), "{odd:?}");
}

#[test]
#[ignore = "a figure for people: run with --release -- --ignored --nocapture"]
fn speed() {
    let model = flat(100.0, 0.03, 0.05, 0.2);
    let barrier = watched(european(1.0, 100.0, 1.0), false, 90.0, 0.0, true);
    for (name, plan) in [
        ("snowball", Snowball::default().plan()),
        ("american put", american(-1.0, 100.0, 1.0, Vec::new())),
        ("barrier", barrier),
        ("vanilla", european(1.0, 100.0, 1.0)),
    ] {
        let start = std::time::Instant::now();
        let rounds = 10;
        let mut error = 0.0;
        for _ in 0..rounds {
            error = price(&plan, &model).error.abs;
        }
        let took = start.elapsed().as_secs_f64() * 1e3 / f64::from(rounds);
        let share = error / plan.notional * 1e4;
        println!("{name}: {took:.2} ms, error {share:.4} bp");
    }
}
