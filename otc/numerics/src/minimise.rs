//! Nonlinear least squares for small problems with box bounds (Levenberg 1944, Marquardt 1963).

use crate::error::{Error, Result, check_finite, check_length, check_range};
use crate::linalg::{Matrix, cholesky};

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitOptions {
    /// Steps tried, accepted or not.
    pub max_iterations: usize,
    /// Relative decrease of the cost, seen and predicted, at which it is converged.
    pub cost: f64,
    /// Relative length of a step at which it is converged.
    pub step: f64,
    /// Largest component of the projected gradient, relative to the cost's scale, at which it is
    /// converged.
    pub gradient: f64,
}

impl Default for FitOptions {
    /// 200 steps, 1e-15 in cost, 1e-12 in step, 1e-12 in gradient.
    fn default() -> Self {
        Self {
            max_iterations: 200,
            cost: 1e-15,
            step: 1e-12,
            gradient: 1e-12,
        }
    }
}

/// Which test ended the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The gradient, projected on the bounds, vanishes.
    Gradient,
    /// The cost no longer falls.
    Cost,
    /// The step is negligible.
    Step,
}

/// The parameters found.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// Parameters, within their bounds.
    pub x: Vec<f64>,
    /// Half the sum of squared residuals.
    pub cost: f64,
    /// Steps tried.
    pub iterations: usize,
    /// Calls of the residual function, those for derivatives included.
    pub evaluations: usize,
    /// The test that ended the search.
    pub stopped: Stopped,
}

struct Problem<'a, F> {
    residuals: F,
    bounds: &'a [(f64, f64)],
    m: usize,
    evaluations: usize,
}

impl<F: FnMut(&[f64], &mut [f64])> Problem<'_, F> {
    fn at(&mut self, x: &[f64]) -> Vec<f64> {
        let mut r = vec![0.0; self.m];
        (self.residuals)(x, &mut r);
        self.evaluations += 1;
        r
    }

    /// Jacobian by central differences, one-sided where a bound is in the way; rows are parameters.
    fn jacobian(&mut self, x: &[f64]) -> Result<Vec<Vec<f64>>> {
        let mut rows = Vec::with_capacity(x.len());
        let mut moved = x.to_vec();
        for (j, &(lo, hi)) in self.bounds.iter().enumerate() {
            // the cube root of rounding balances it against the third derivative
            let h = 6e-6 * x[j].abs().max(1e-2 * (hi - lo).min(100.0));
            let (a, b) = ((x[j] - h).max(lo), (x[j] + h).min(hi));
            moved[j] = a;
            let below = self.at(&moved);
            moved[j] = b;
            let above = self.at(&moved);
            moved[j] = x[j];
            let slope: Vec<f64> = if b > a {
                above
                    .iter()
                    .zip(&below)
                    .map(|(p, q)| (p - q) / (b - a))
                    .collect()
            } else {
                vec![0.0; self.m]
            };
            check_finite("derivative of residuals", &slope)?;
            rows.push(slope);
        }
        Ok(rows)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Minimises half the sum of squares of `m` residuals over a box.
///
/// `residuals(x, r)` writes the residuals; it is called only inside the bounds. A trial point where a
/// residual is not finite is rejected like one that is worse. Derivatives are central differences.
///
/// # Errors
/// A start of another length than the bounds, not finite or outside them; bounds that cross; no
/// residuals; residuals that are not finite at the start; no convergence within the steps allowed.
pub fn levenberg_marquardt(
    start: &[f64],
    bounds: &[(f64, f64)],
    m: usize,
    options: FitOptions,
    residuals: impl FnMut(&[f64], &mut [f64]),
) -> Result<Fit> {
    check_start(start, bounds, m)?;
    let mut problem = Problem {
        residuals,
        bounds,
        m,
        evaluations: 0,
    };
    let mut x = start.to_vec();
    let mut r = problem.at(&x);
    check_finite("residuals at the start", &r)?;
    let mut cost = 0.5 * dot(&r, &r);
    let mut damping = 1e-3;
    let mut jacobian = problem.jacobian(&x)?;
    for iteration in 1..=options.max_iterations {
        let gradient: Vec<f64> = jacobian.iter().map(|row| dot(row, &r)).collect();
        let free = free_parameters(&x, &gradient, bounds);
        let done = |x: &[f64], cost, evaluations, stopped| {
            Ok(Fit {
                x: x.to_vec(),
                cost,
                iterations: iteration,
                evaluations,
                stopped,
            })
        };
        let flat = |&j: &usize| {
            let scale = dot(&jacobian[j], &jacobian[j]).sqrt() * (2.0 * cost).sqrt();
            gradient[j].abs() <= options.gradient * scale
        };
        if cost == 0.0 || free.iter().all(flat) {
            return done(&x, cost, problem.evaluations, Stopped::Gradient);
        }
        let Some(step) = damped_step(&jacobian, &gradient, &free, damping) else {
            damping *= 10.0;
            continue;
        };
        let trial: Vec<f64> = (0..x.len())
            .map(|j| (x[j] + step[j]).clamp(bounds[j].0, bounds[j].1))
            .collect();
        let moved: Vec<f64> = trial.iter().zip(&x).map(|(a, b)| a - b).collect();
        let length = dot(&moved, &moved).sqrt();
        let trial_r = problem.at(&trial);
        let trial_cost = 0.5 * dot(&trial_r, &trial_r);
        let short = length <= options.step * (dot(&x, &x).sqrt() + options.step);
        if trial_cost.is_finite() && trial_cost < cost {
            let fall = cost - trial_cost;
            let small = fall <= options.cost * cost;
            (x, r, cost) = (trial, trial_r, trial_cost);
            damping = (damping * 0.1).max(1e-15);
            if small || short {
                let stopped = if small { Stopped::Cost } else { Stopped::Step };
                return done(&x, cost, problem.evaluations, stopped);
            }
            jacobian = problem.jacobian(&x)?;
        } else if short {
            return done(&x, cost, problem.evaluations, Stopped::Step);
        } else {
            damping *= 10.0;
        }
    }
    let what = "Levenberg-Marquardt";
    let residual = (2.0 * cost).sqrt();
    Err(Error::NoConvergence {
        what,
        iterations: options.max_iterations,
        residual,
    })
}

fn check_start(start: &[f64], bounds: &[(f64, f64)], m: usize) -> Result<()> {
    check_length("start", start.len(), bounds.len())?;
    check_finite("start", start)?;
    if start.is_empty() || m == 0 {
        return Err(Error::Length {
            what: "parameters or residuals",
            expected: 1,
            found: 0,
        });
    }
    for (x, (lo, hi)) in start.iter().zip(bounds) {
        check_range("lower bound", *lo, lo <= hi, "bounds do not cross")?;
        check_range(
            "start",
            *x,
            x >= lo && x <= hi,
            "the start lies within the bounds",
        )?;
    }
    Ok(())
}

/// Parameters that are not held at a bound by the gradient.
fn free_parameters(x: &[f64], gradient: &[f64], bounds: &[(f64, f64)]) -> Vec<usize> {
    (0..x.len())
        .filter(|&j| {
            let (lo, hi) = bounds[j];
            !(lo == hi || (x[j] <= lo && gradient[j] > 0.0) || (x[j] >= hi && gradient[j] < 0.0))
        })
        .collect()
}

/// `-(J^T J + damping diag(J^T J))^-1 g` in the free parameters, zero in the others.
fn damped_step(
    jacobian: &[Vec<f64>],
    gradient: &[f64],
    free: &[usize],
    damping: f64,
) -> Option<Vec<f64>> {
    let n = free.len();
    // scaled to unit columns: parameters of any size then weigh alike
    let scale: Vec<f64> = free
        .iter()
        .map(|&j| dot(&jacobian[j], &jacobian[j]).sqrt())
        .map(|s| if s > 0.0 { s } else { 1.0 })
        .collect();
    let mut normal = Matrix::zeros(n, n);
    for a in 0..n {
        for b in 0..=a {
            let entry = dot(&jacobian[free[a]], &jacobian[free[b]]) / (scale[a] * scale[b]);
            (normal[(a, b)], normal[(b, a)]) = (entry, entry);
        }
        normal[(a, a)] += damping;
    }
    let l = cholesky(&normal, 0.0).ok()?;
    let mut y: Vec<f64> = (0..n).map(|a| -gradient[free[a]] / scale[a]).collect();
    for i in 0..n {
        let partial = dot(&l.row(i)[..i], &y[..i]);
        y[i] = (y[i] - partial) / l[(i, i)];
    }
    for i in (0..n).rev() {
        let partial: f64 = (i + 1..n).map(|k| l[(k, i)] * y[k]).sum();
        y[i] = (y[i] - partial) / l[(i, i)];
    }
    let mut step = vec![0.0; gradient.len()];
    for (a, &j) in free.iter().enumerate() {
        step[j] = y[a] / scale[a];
    }
    step.iter().all(|s| s.is_finite()).then_some(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rosenbrock(x: &[f64], r: &mut [f64]) {
        r[0] = 10.0 * (x[1] - x[0] * x[0]);
        r[1] = 1.0 - x[0];
    }

    #[test]
    fn the_banana_valley_is_followed_to_its_end() {
        let bounds = [(-10.0, 10.0); 2];
        let fit = levenberg_marquardt(&[-1.2, 1.0], &bounds, 2, FitOptions::default(), rosenbrock)
            .unwrap();
        assert!(
            (fit.x[0] - 1.0).abs() < 1e-8 && (fit.x[1] - 1.0).abs() < 1e-8,
            "{fit:?}"
        );
    }

    #[test]
    fn a_bound_in_the_way_holds_the_parameter() {
        let bounds = [(-10.0, 0.5), (-10.0, 10.0)];
        let fit = levenberg_marquardt(&[-1.2, 1.0], &bounds, 2, FitOptions::default(), rosenbrock)
            .unwrap();
        assert!(
            (fit.x[0] - 0.5).abs() < 1e-12 && (fit.x[1] - 0.25).abs() < 1e-8,
            "{fit:?}"
        );
        assert!((fit.cost - 0.125).abs() < 1e-12);
    }

    #[test]
    fn a_noisy_exponential_is_fitted_to_its_stationary_point() {
        // parameters of size 1e4 and 1e-3 together; residuals do not vanish
        let t: Vec<f64> = (0..20).map(|i| 50.0 * f64::from(i)).collect();
        let noise = |i: usize| if i.is_multiple_of(2) { 3.0 } else { -3.0 };
        let y: Vec<f64> = t
            .iter()
            .enumerate()
            .map(|(i, t)| 2e4 * (-3e-3 * t).exp() + noise(i))
            .collect();
        let fit = levenberg_marquardt(
            &[5e3, 1e-3],
            &[(0.0, 1e6), (0.0, 1.0)],
            20,
            FitOptions::default(),
            |x, r| {
                for i in 0..20 {
                    r[i] = x[0] * (-x[1] * t[i]).exp() - y[i];
                }
            },
        )
        .unwrap();
        assert!(
            (fit.x[0] - 2e4).abs() < 3.0 && (fit.x[1] - 3e-3).abs() < 1e-6,
            "{fit:?}"
        );
    }

    #[test]
    fn points_without_a_value_are_stepped_around() {
        let fit = levenberg_marquardt(
            &[5.0],
            &[(-100.0, 100.0)],
            1,
            FitOptions::default(),
            |x, r| r[0] = x[0].ln(),
        )
        .unwrap();
        assert!((fit.x[0] - 1.0).abs() < 1e-10, "{fit:?}");
    }

    #[test]
    fn bad_problems_are_refused() {
        let o = FitOptions::default();
        let f = |_: &[f64], r: &mut [f64]| r[0] = f64::NAN;
        assert!(levenberg_marquardt(&[0.0], &[(0.0, 1.0)], 1, o, f).is_err());
        assert!(levenberg_marquardt(&[2.0], &[(0.0, 1.0)], 1, o, rosenbrock).is_err());
        assert!(levenberg_marquardt(&[0.5], &[(1.0, 0.0)], 1, o, rosenbrock).is_err());
        assert!(levenberg_marquardt(&[], &[], 1, o, rosenbrock).is_err());
        let few = FitOptions {
            max_iterations: 2,
            ..o
        };
        let b = [(-10.0, 10.0); 2];
        let r = levenberg_marquardt(&[-1.2, 1.0], &b, 2, few, rosenbrock);
        assert!(matches!(r, Err(Error::NoConvergence { .. })));
    }
}
