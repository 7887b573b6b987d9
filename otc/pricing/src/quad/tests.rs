//! Quadrature against closed forms, itself on other grids, and plain simulation.

use rialto_otc_numerics::philox::Philox;

use super::*;
use crate::backward::chain;
use crate::testing::{Snowball, ask, black_scholes, european, flat};

#[test]
fn a_vanilla_is_black_scholes() {
    for w in [1.0, -1.0] {
        for (s, t, r, q, vol) in [
            (100.0, 1.0, 0.03, 0.05, 0.2),
            (80.0, 0.1, -0.01, 0.0, 0.4),
            (130.0, 3.0, 0.02, 0.10, 0.15),
        ] {
            let priced = Quadrature
                .price(&european(w, 100.0, t), &flat(s, r, q, vol), &ask())
                .expect("a price");
            let [value, delta, gamma] = black_scholes(w, s, 100.0, t, r, q, vol);
            assert!(
                (priced.value - value).abs() < 2e-8,
                "{} {value}",
                priced.value
            );
            assert!((priced.greeks.delta[0] - delta).abs() < 1e-8);
            assert!((priced.greeks.gamma[0] - gamma).abs() < 1e-8);
        }
    }
}

fn price(snowball: Snowball, model: &Model) -> Priced {
    Quadrature
        .price(&snowball.plan(), model, &ask())
        .expect("a price")
}

#[test]
fn a_snowball_agrees_with_plain_simulation() {
    let terms = Snowball::default();
    let model = flat(100.0, 0.03, 0.05, 0.2);
    let priced = price(terms, &model);
    let plan = terms.plan();
    let (paths, step) = (1_u32 << 15, 1.0 / 244.0_f64);
    let philox = Philox::new(11);
    let (mut sum, mut squares) = (0.0, 0.0);
    for path in 0..paths {
        let mut log = 0.0;
        let mut knocked_in = false;
        let mut value = 0.0;
        let mut normals = vec![0.0; plan.instants.len()];
        philox.fill_normals(u64::from(path) * 512, 0, 0, &mut normals);
        for (index, normal) in normals.iter().enumerate() {
            log += (0.03 - 0.05 - 0.02) * step + 0.2 * step.sqrt() * normal;
            let spot = log.exp();
            let session = index + 1;
            let month =
                (3..=12).find(|m| (244.0 * f64::from(*m) / 12.0).round() as usize == session);
            if let Some(month) = month
                && spot >= 1.0
            {
                value =
                    (1.0 + 0.15 * f64::from(month) / 12.0) * (-0.03 * session as f64 * step).exp();
                break;
            }
            knocked_in |= spot <= 0.75;
            if session == 244 {
                let paid = if knocked_in {
                    1.0 - (1.0 - spot).max(0.0)
                } else {
                    1.15
                };
                value = paid * (-0.03_f64).exp();
            }
        }
        sum += value;
        squares += value * value;
    }
    let n = f64::from(paths);
    let mean = sum / n;
    let error = ((squares / n - mean * mean) / n).sqrt();
    let ours = priced.value / 1e6;
    assert!((ours - mean).abs() < 4.0 * error, "{ours} {mean} ± {error}");
}

#[test]
fn the_difference_trick_changes_nothing() {
    let terms = Snowball::default();
    let plan = terms.plan();
    let model = flat(97.0, 0.02, 0.06, 0.25);
    let dates = Dates::read(&plan).expect("readable");
    let steps = Steps::new(&plan, &model).expect("steps");
    let solver = Solver {
        plan: &plan,
        steps: &steps,
        frame: &steps,
        dates: &dates,
        order: 8,
    };
    let logs = [97.0_f64.ln()];
    let found = chains(&plan, &dates);
    assert_eq!(found.len(), 2, "a difference and the knocked-in state");
    assert_eq!(
        found[1].active.len(),
        10,
        "only the knock-out dates matter once knocked in"
    );
    let split: f64 = found
        .iter()
        .map(|chain| solver.at(chain, &logs).expect("a value")[0][0])
        .sum();
    let whole = chain::values_for_tests(&dates);
    let whole = solver.at(&whole, &logs).expect("a value")[0][0];
    assert!(
        (split - whole).abs() < 0.1,
        "{split} {whole}: below 1e-3 bp"
    );
}

#[test]
fn the_error_estimate_is_honest() {
    for (spot, vol, step) in [(100.0, 0.2, 0.0), (90.0, 0.15, -0.005), (76.0, 0.35, 0.0)] {
        let terms = Snowball {
            step,
            ..Snowball::default()
        };
        let plan = terms.plan();
        let model = flat(spot, 0.02, 0.04, vol);
        let priced = Quadrature.price(&plan, &model, &ask()).expect("a price");
        let dates = Dates::read(&plan).expect("readable");
        let steps = Steps::new(&plan, &model).expect("steps");
        let solver = Solver {
            plan: &plan,
            steps: &steps,
            frame: &steps,
            dates: &dates,
            order: 16,
        };
        let exact: f64 = chains(&plan, &dates)
            .iter()
            .map(|chain| solver.at(chain, &[spot.ln()]).expect("a value")[0][0])
            .sum();
        let off = (priced.value - exact).abs();
        assert!(off < 10.0, "{off} is below 0.1 bp of a million");
        assert!(off <= 3.0 * priced.error.abs, "{off} {}", priced.error.abs);
    }
}

/// The 21 knock-out dates and daily knock-in of a contract of 0.1 years, of which two are a session
/// apart, at 5 % of volatility.
fn short_and_calm() -> Plan<f64> {
    use crate::testing::{at, option, pay, plan, rule, when};
    use rialto_otc_contract::plan::{Action, Carry, Cond, Expr, Instant, Var};
    use rialto_otc_contract::program::{Comparison, VarKind, phase};
    let rows: Vec<u32> = [17, 28, 29]
        .into_iter()
        .chain((40..253).step_by(12))
        .collect();
    let n = 1e6;
    let instants = (1..=252).map(|row| {
        let time = 0.1 * f64::from(row) / 252.0;
        let mut rules = Vec::new();
        if rows.contains(&row) {
            let paid = pay(Expr::Const(n * (1.0 + 0.15 * time)), time);
            let over = when(Comparison::AtLeast, 103.0);
            rules.push(rule(phase::KNOCK_OUT, Some(over), vec![paid, Action::Stop]));
        }
        let knocked = Action::Set {
            var: 0,
            value: Expr::Const(1.0),
        };
        let under = when(Comparison::AtMost, 75.0);
        rules.push(rule(phase::KNOCK_IN, Some(under), vec![knocked]));
        if row == 252 {
            let loss = Expr::Mul(vec![Expr::Const(n / 100.0), option(-1.0, 100.0)]);
            let amount = Expr::If(
                Box::new(Cond::Flag(0)),
                Box::new(Expr::Sub(vec![Expr::Const(n), loss])),
                Box::new(Expr::Const(n * (1.0 + 0.15 * 0.1))),
            );
            rules.push(rule(phase::TERMINAL, None, vec![pay(amount, time)]));
        }
        Instant {
            at: at(time),
            rules,
        }
    });
    let mut made = plan(100.0, n, instants.collect());
    made.vars = vec![Var {
        name: "ki".into(),
        kind: VarKind::Flag,
        value: 0.0,
        carry: Carry::Discrete,
    }];
    made.class.discrete_states = 2;
    made
}

/// Greeks within 1e-3 of the larger of themselves and their natural scales.
fn same_greeks(ours: &Greeks, theirs: &Greeks, notional: f64, spot: f64) -> Result<(), String> {
    let close = |a: f64, b: f64, scale: f64| (a - b).abs() <= 1e-3 * b.abs().max(scale);
    let [a, b] = [ours, theirs].map(|greeks| (greeks.delta[0], greeks.gamma[0]));
    if close(a.0, b.0, notional / spot) && close(a.1, b.1, notional / (spot * spot)) {
        Ok(())
    } else {
        Err(format!("delta and gamma {a:?}, not {b:?}"))
    }
}

#[test]
fn greeks_hold_where_the_first_step_is_short_and_levels_are_far() {
    let plan = short_and_calm();
    // What is enough for the value is not enough here: its Greeks are off by more than their scales.
    let model = flat(97.0, 0.02, 0.0897, 0.05);
    let dates = Dates::read(&plan).expect("readable");
    let steps = Steps::new(&plan, &model).expect("steps");
    let gamma = |order: usize| {
        let solver = Solver {
            plan: &plan,
            steps: &steps,
            frame: &steps,
            dates: &dates,
            order,
        };
        let at = solver.sum(&chains(&plan, &dates), &[97.0_f64.ln()]);
        at.expect("a value")[0][2]
    };
    assert!((gamma(ORDER) - gamma(MOST_ORDER)).abs() > 1e-2 * 1e6 / (97.0 * 97.0));
    for spot in [96.0, 97.0, 98.0, 99.0, 101.0] {
        let model = flat(spot, 0.02, 0.0897, 0.05);
        let usual = Ask {
            tolerance: 1e-5 * 1e6,
            ..ask()
        };
        let ours = Quadrature.price(&plan, &model, &usual).expect("a price");
        let tight = Ask {
            tolerance: 1e-3,
            ..ask()
        };
        let theirs = Quadrature.price(&plan, &model, &tight).expect("a price");
        same_greeks(&ours.greeks, &theirs.greeks, 1e6, spot).expect("the same");
        let grid = crate::pde::FiniteDifferences;
        let theirs = grid.price(&plan, &model, &usual).expect("a price");
        same_greeks(&ours.greeks, &theirs.greeks, 1e6, spot).expect("the same");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    #[test]
    fn greeks_of_short_calm_snowballs_are_those_of_a_tight_tolerance(
        months in 1_u32..4,
        vol in 0.03_f64..0.15,
        place in 0.9_f64..1.04,
        ko in 1.0_f64..1.05,
        ki in 0.75_f64..0.95,
        q in -0.02_f64..0.1,
    ) {
        let terms = Snowball { months, lock: 1, ko, ki, ..Snowball::default() };
        let (plan, spot) = (terms.plan(), 100.0 * place);
        let model = flat(spot, 0.02, q, vol);
        let of = |tolerance: f64| {
            let ask = Ask { tolerance, ..ask() };
            Quadrature.price(&plan, &model, &ask).expect("a price")
        };
        let same = same_greeks(&of(10.0).greeks, &of(1e-3).greeks, terms.notional, spot);
        proptest::prop_assert!(same.is_ok(), "{:?}", same);
    }
}

#[test]
fn spots_beyond_all_levels_are_worth_what_is_sure_there() {
    let (r, n) = (0.02, 1e6);
    let terms = Snowball::default();
    let plan = terms.plan();
    let engines: [&dyn Engine; 2] = [&Quadrature, &crate::pde::FiniteDifferences];
    // Knocked out on the first date for certain; or knocked in and worth what the spot has left.
    let first = 0.25_f64;
    let up = n * (1.0 + 0.15 * first) * (-r * first).exp();
    for engine in engines {
        for (spot, sure) in [
            (1e6, up),
            (1e8, up),
            (1e9, up),
            (1e15, up),
            (1e-3, n * 1e-5 * (-0.04_f64).exp()),
            (1e-4, n * 1e-6 * (-0.04_f64).exp()),
            (1e-9, n * 1e-11 * (-0.04_f64).exp()),
        ] {
            let ask = Ask {
                tolerance: 1.0,
                ..ask()
            };
            let priced = engine
                .price(&plan, &flat(spot, r, 0.04, 0.2), &ask)
                .expect("a price");
            let off = (priced.value - sure).abs();
            assert!(
                off <= 1e-2,
                "{} at {spot:e}: {} {sure}",
                engine.id(),
                priced.value
            );
        }
        for spot in [1e25, 1e-25] {
            let refused = engine.price(&plan, &flat(spot, r, 0.04, 0.2), &ask());
            assert!(
                matches!(refused, Err(PriceError::Refused { .. })),
                "{}: {refused:?}",
                engine.id()
            );
        }
    }
}

#[test]
fn a_usual_snowball_needs_no_finer_grid_for_its_greeks() {
    for (months, spot, vol) in [
        (12, 100.0, 0.2),
        (12, 90.0, 0.15),
        (12, 80.0, 0.3),
        (24, 100.0, 0.2),
    ] {
        let terms = Snowball {
            months,
            ..Snowball::default()
        };
        let (plan, model) = (terms.plan(), flat(spot, 0.02, 0.04, vol));
        let dates = Dates::read(&plan).expect("readable");
        let steps = Steps::new(&plan, &model).expect("steps");
        let logs = [spot.ln()];
        let [coarse, fine] = [ORDER - FEWER, ORDER].map(|order| {
            let solver = Solver {
                plan: &plan,
                steps: &steps,
                frame: &steps,
                dates: &dates,
                order,
            };
            solver.sum(&chains(&plan, &dates), &logs).expect("a value")
        });
        let rough = roughness(terms.notional, &logs, &coarse, &fine);
        assert!(rough < CLOSE, "{months} {spot} {vol}: {rough:e}");
    }
}
