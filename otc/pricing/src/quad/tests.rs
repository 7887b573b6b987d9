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
