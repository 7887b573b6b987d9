use super::*;
use crate::normal::cdf;

/// Nodes that crowd smoothly around the middle of `[lo, hi]`.
fn crowded(lo: f64, hi: f64, n: usize) -> Vec<f64> {
    let (middle, half) = (0.5 * (lo + hi), 0.5 * (hi - lo));
    let node = |i: usize| 2.0 * i as f64 / n as f64 - 1.0;
    (0..=n)
        .map(|i| middle + half * (1.5 * node(i)).sinh() / 1.5f64.sinh())
        .collect()
}

const R: [f64; 2] = [0.03, -0.01];

/// `V = S^p e^(lambda tau)` solves `V_tau = s^2/2 S^2 V_SS + r S V_S - r V` with variable coefficients.
fn power_error(n: usize, steps: usize, scheme: Scheme) -> f64 {
    const SIGMA: [f64; 2] = [0.2, 0.45];
    const P: f64 = 3.0;
    let x = crowded(0.5, 2.0, n);
    let coefficients: Vec<Coefficients<2>> = x
        .iter()
        .map(|s| Coefficients {
            diffusion: SIGMA.map(|v| 0.5 * v * v * s * s),
            drift: R.map(|r| r * s),
            rate: R,
        })
        .collect();
    let lambda: [f64; 2] =
        std::array::from_fn(|k| 0.5 * SIGMA[k].powi(2) * P * (P - 1.0) + R[k] * (P - 1.0));
    let exact = |s: f64, tau: f64| lambda.map(|l| s.powf(P) * (l * tau).exp());
    let operator =
        Operator::new(&x, &coefficients, Boundary::Dirichlet, Boundary::Dirichlet).unwrap();
    let stepper = Stepper::new(&operator, scheme, 1.0 / steps as f64).unwrap();
    let mut v: Vec<[f64; 2]> = x.iter().map(|&s| exact(s, 0.0)).collect();
    stepper
        .run_with(&mut v, 0.0, steps, |tau| [exact(0.5, tau), exact(2.0, tau)])
        .unwrap();
    let errors = x.iter().zip(&v).map(|(&s, v)| {
        let want = exact(s, 1.0);
        (v[0] - want[0]).abs().max((v[1] - want[1]).abs())
    });
    errors.fold(0.0, f64::max)
}

/// `V = e^-(a k^2 + r) tau sin k(x + b tau)` with its own ends.
fn wave_error(n: usize, steps: usize, scheme: Scheme) -> f64 {
    let (a, b, r, k) = (0.3, 0.2, 0.05, 1.3);
    let x = crowded(-1.0, 1.5, n);
    let exact = |x: f64, tau: f64| [(-(a * k * k + r) * tau).exp() * (k * (x + b * tau)).sin()];
    let coefficients = vec![
        Coefficients {
            diffusion: [a],
            drift: [b],
            rate: [r]
        };
        n + 1
    ];
    let operator =
        Operator::new(&x, &coefficients, Boundary::Dirichlet, Boundary::Dirichlet).unwrap();
    let stepper = Stepper::new(&operator, scheme, 1.0 / steps as f64).unwrap();
    let mut v: Vec<[f64; 1]> = x.iter().map(|&x| exact(x, 0.0)).collect();
    stepper
        .run_with(&mut v, 0.0, steps, |tau| {
            [exact(-1.0, tau), exact(1.5, tau)]
        })
        .unwrap();
    let errors = x
        .iter()
        .zip(&v)
        .map(|(&x, v)| (v[0] - exact(x, 1.0)[0]).abs());
    errors.fold(0.0, f64::max)
}

#[test]
fn both_schemes_are_second_order_on_a_nonuniform_grid() {
    for scheme in [Scheme::CrankNicolsonRannacher, Scheme::Sdirk2] {
        for error in [power_error, wave_error] {
            // space: fine in time
            let order = (error(40, 800, scheme) / error(80, 800, scheme)).log2();
            assert!(
                (order - 2.0).abs() < 0.15,
                "{scheme:?}: order {order} in space"
            );
            // space and time together
            let order = (error(100, 20, scheme) / error(200, 40, scheme)).log2();
            assert!(
                (order - 2.0).abs() < 0.3,
                "{scheme:?}: order {order} in both"
            );
        }
        // time: the grid's own error taken out by a fine-step solution
        let grid = wave_error(1600, 1200, scheme);
        let order =
            ((wave_error(1600, 10, scheme) - grid) / (wave_error(1600, 20, scheme) - grid)).log2();
        assert!(order > 1.7, "{scheme:?}: order {order} in time");
    }
}

/// European call on log-spot with linearity at both ends against Black-Scholes.
fn call_error(n: usize, steps: usize, scheme: Scheme) -> f64 {
    let (s0, strike, sigma, r, q, t) = (100.0f64, 95.0f64, 0.25f64, 0.03f64, 0.01f64, 1.0f64);
    let (lo, hi) = (strike.ln() - 1.5, strike.ln() + 1.5);
    // the strike midway between two nodes, as the payoff's kink wants it
    let h = (hi - lo) / n as f64;
    let x: Vec<f64> = (0..=n).map(|i| lo + (i as f64 + 0.5) * h).collect();
    let half = 0.5 * sigma * sigma;
    let c = Coefficients {
        diffusion: [half],
        drift: [r - q - half],
        rate: [r],
    };
    let operator = Operator::new(
        &x,
        &vec![c; n + 1],
        Boundary::LinearInSpot,
        Boundary::LinearInSpot,
    )
    .unwrap();
    let mut v: Vec<[f64; 1]> = x.iter().map(|x| [(x.exp() - strike).max(0.0)]).collect();
    Stepper::new(&operator, scheme, t / steps as f64)
        .unwrap()
        .run(&mut v, 0.0, steps)
        .unwrap();
    let values: Vec<f64> = v.iter().map(|v| v[0]).collect();
    let spline = crate::interpolate::PiecewiseCubic::natural(
        &x,
        &values,
        crate::interpolate::Extrapolation::Refuse,
    )
    .unwrap();
    let d1 = ((s0 / strike).ln() + (r - q + half) * t) / (sigma * t.sqrt());
    let want = s0 * (-q * t).exp() * cdf(d1) - strike * (-r * t).exp() * cdf(d1 - sigma * t.sqrt());
    (spline.value(s0.ln()).unwrap() - want).abs()
}

#[test]
fn a_call_converges_to_black_scholes_with_the_linear_boundary() {
    for scheme in [Scheme::CrankNicolsonRannacher, Scheme::Sdirk2] {
        let (coarse, fine) = (call_error(200, 50, scheme), call_error(800, 200, scheme));
        assert!(
            fine < 5e-4 && coarse / fine > 8.0,
            "{scheme:?}: {coarse:e} {fine:e}"
        );
    }
}

#[test]
fn values_linear_in_spot_stay_exact_at_the_boundary() {
    // a forward: V = S e^(-q tau) - K e^(-r tau), linear in spot at all times
    let (r, q) = (0.05, 0.02);
    let x = crowded(3.0, 6.0, 60);
    let c = Coefficients {
        diffusion: [0.08],
        drift: [r - q - 0.08],
        rate: [r],
    };
    let operator = Operator::new(
        &x,
        &vec![c; 61],
        Boundary::LinearInSpot,
        Boundary::LinearInSpot,
    )
    .unwrap();
    let (row, last) = (operator.matrix(), 60);
    let value = |x: f64| x.exp() - 90.0;
    for (i, j) in [(0, 1), (last, last - 1)] {
        let off = if i == 0 {
            row.upper[i][0]
        } else {
            row.lower[i][0]
        };
        let applied = row.diagonal[i][0] * value(x[i]) + off * value(x[j]);
        let want = -q * x[i].exp() + r * 90.0;
        assert!(
            (applied - want).abs() < 1e-10 * want.abs().max(1.0),
            "{i}: {applied} {want}"
        );
    }
}

#[test]
fn a_jump_is_damped_by_both_schemes() {
    // with a mesh ratio of thousands plain Crank-Nicolson would ring; both starts stay within the data
    let n = 2000;
    let x: Vec<f64> = (0..=n).map(|i| f64::from(i) / f64::from(n)).collect();
    let c = Coefficients {
        diffusion: [1.0],
        drift: [0.0],
        rate: [0.0],
    };
    let operator = Operator::new(
        &x,
        &vec![c; n as usize + 1],
        Boundary::Dirichlet,
        Boundary::Dirichlet,
    )
    .unwrap();
    for scheme in [Scheme::CrankNicolsonRannacher, Scheme::Sdirk2] {
        let mut v: Vec<[f64; 1]> = x
            .iter()
            .map(|&x| [if x < 0.5 { 0.0 } else { 1.0 }])
            .collect();
        Stepper::new(&operator, scheme, 0.002)
            .unwrap()
            .run(&mut v, 0.0, 10)
            .unwrap();
        for w in v.windows(2) {
            assert!(w[1][0] >= w[0][0] - 2e-4, "{scheme:?} rings: {w:?}");
        }
    }
}

#[test]
fn bad_grids_and_steps_are_refused() {
    let c = Coefficients {
        diffusion: [1.0],
        drift: [0.0],
        rate: [0.0],
    };
    let d = Boundary::Dirichlet;
    assert!(Operator::new(&[0.0, 1.0], &[c; 2], d, d).is_err());
    assert!(Operator::new(&[0.0, 2.0, 1.0], &[c; 3], d, d).is_err());
    assert!(Operator::new(&[0.0, 1.0, 2.0], &[c; 2], d, d).is_err());
    let negative = Coefficients {
        diffusion: [-1.0],
        ..c
    };
    assert!(Operator::new(&[0.0, 1.0, 2.0], &[negative; 3], d, d).is_err());
    let operator = Operator::new(&[0.0, 1.0, 2.0], &[c; 3], d, d).unwrap();
    assert!(Stepper::new(&operator, Scheme::Sdirk2, 0.0).is_err());
    assert!(Stepper::new(&operator, Scheme::Sdirk2, f64::NAN).is_err());
    let stepper = Stepper::new(&operator, Scheme::Sdirk2, 0.1).unwrap();
    assert!(stepper.run(&mut [[0.0]; 2], 0.0, 1).is_err());
}
