//! Local volatility gives back the vanillas it was made of.

use rialto_otc_market::model::{Dynamics, LocalVol, Name};
use rialto_otc_market::view::ModelKind;
use rialto_otc_market::vol::implied::{black, total_vol};

use crate::support::{dated, dates, market, plan};

/// Undiscounted calls on `F = 1` to `horizon` at all log-moneynesses of a grid, by Dupire's forward
/// equation `∂c/∂T = ½σ²(∂²c/∂x² − ∂c/∂x)`, implicit first, then Crank-Nicolson.
fn calls(local: &LocalVol, price: impl Fn(f64, f64) -> f64, xs: &[f64], horizon: f64) -> Vec<f64> {
    let (n, h, steps) = (xs.len(), xs[1] - xs[0], 600);
    let mut calls: Vec<f64> = xs.iter().map(|x| (1.0 - x.exp()).max(0.0)).collect();
    for step in 0..steps {
        let dt = horizon / f64::from(steps);
        let theta = if step < 4 { 1.0 } else { 0.5 };
        let time = (f64::from(step) + 0.5) * dt;
        let halves: Vec<f64> = xs
            .iter()
            .map(|x| 0.5 * local.at(time, price(time, *x)).powi(2))
            .collect();
        let weights = |i: usize| {
            let (up, down) = (1.0 / (h * h) - 0.5 / h, 1.0 / (h * h) + 0.5 / h);
            (
                halves[i] * dt * down,
                halves[i] * dt * up,
                halves[i] * dt * 2.0 / (h * h),
            )
        };
        // Thomas elimination; the ends keep their values.
        let (mut above, mut right) = (vec![0.0; n], calls.clone());
        for i in 1..n - 1 {
            let (down, up, here) = weights(i);
            let explicit = down * calls[i - 1] + up * calls[i + 1] - here * calls[i];
            let pivot = 1.0 + theta * (here + down * above[i - 1]);
            let rhs = calls[i] + (1.0 - theta) * explicit + theta * down * right[i - 1];
            above[i] = -theta * up / pivot;
            right[i] = rhs / pivot;
        }
        for i in (1..n - 1).rev() {
            calls[i] = right[i] - above[i] * calls[i + 1];
        }
    }
    calls
}

fn name() -> (Name, f64) {
    let plan = plan(
        &["XSHG:000905"],
        &dates("2026-03-09", &["2026-12-09", "2028-03-09"]),
    );
    let model = dated(
        &market("csi500.json"),
        &plan,
        "2026-03-09",
        ModelKind::LocalVol,
    )
    .expect("ok")
    .model;
    let horizon = plan.instants[1].at.variance - model.as_of.variance;
    (model.names[0].clone(), horizon)
}

#[test]
fn vanillas_come_back_from_the_local_volatility_grid() {
    let (name, horizon) = name();
    let Dynamics::LocalVol(local) = &name.dynamics else {
        panic!("a grid")
    };
    let marks = name.marks.as_ref().expect("marked");
    let xs: Vec<f64> = (0..=1200).map(|i| -1.8 + 0.003 * f64::from(i)).collect();
    for time in [0.4, horizon] {
        let forward = |at: f64| marks.now.log_at(marks.clock.rate_at(at)).exp();
        let calls = calls(local, |at, x| forward(at) * x.exp(), &xs, time);
        for (x, call) in xs.iter().zip(&calls).step_by(50) {
            if !(-0.45..=0.45).contains(x) {
                continue;
            }
            let found = total_vol(1.0, x.exp(), *call, true).expect("a price") / time.sqrt();
            let quoted = marks.surface.vol(*x, time);
            assert!(
                (found - quoted).abs() < 5e-4,
                "{time} {x:.2}: {found:.5} {quoted:.5}"
            );
            let exact = black(1.0, x.exp(), quoted * time.sqrt(), true);
            assert!((call - exact).abs() < 1e-4, "{time} {x:.2}");
        }
    }
}
