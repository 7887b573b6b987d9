//! Double exponential quadrature (Takahasi and Mori 1974) for analytic integrands, ends at infinity or
//! integrable singularities at the ends included.

use std::f64::consts::FRAC_PI_2;

use super::{Integral, Tolerance};
use crate::error::{Error, Result};
use crate::sum::Neumaier;

/// Where to integrate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Interval {
    /// From `a` to `b`; the integrand is not evaluated at the ends.
    Finite(f64, f64),
    /// From `a` to infinity, for integrands that decay at least like `x^-(1+e)`.
    From(f64),
    /// From minus to plus infinity.
    Line,
}

/// Halvings of the step before the integral is given up.
const MAX_LEVEL: u32 = 10;
/// Range of the transformed variable: beyond it weights underflow.
const REACH: f64 = 6.6;

/// Share of the sum of absolute terms below which a term does not count.
const NEGLIGIBLE: f64 = 1e-20;

/// Abscissa and weight of the substitution at `t`.
fn substitution(interval: Interval, t: f64) -> (f64, f64) {
    let (s, c) = (FRAC_PI_2 * t.sinh(), FRAC_PI_2 * t.cosh());
    match interval {
        Interval::Finite(a, b) => {
            // distance from the nearer end, so that singular ends keep their digits
            let u = (-2.0 * s.abs()).exp();
            let share = u / (1.0 + u);
            let x = if s < 0.0 {
                a + (b - a) * share
            } else {
                b - (b - a) * share
            };
            (x, (b - a) * 2.0 * c * share / (1.0 + u))
        }
        Interval::From(a) => {
            let e = s.exp();
            (a + e, e * c)
        }
        Interval::Line => (s.sinh(), s.cosh() * c),
    }
}

/// Integral of an analytic function over a finite or infinite interval.
///
/// The step is halved until two levels agree to the tolerance; convergence is exponential in the
/// number of points where the integrand is analytic inside the interval, slow across kinks (cut there).
///
/// # Errors
/// Ends that are not finite or not increasing, an integrand that is NaN or infinite where its weight is
/// not negligible, no convergence after ten halvings or more evaluations than allowed.
pub fn tanh_sinh(
    interval: Interval,
    tolerance: Tolerance,
    mut f: impl FnMut(f64) -> f64,
) -> Result<Integral> {
    match interval {
        Interval::Finite(a, b) => crate::error::check_increasing("ends of the interval", &[a, b])?,
        Interval::From(a) => crate::error::check_finite("end of the interval", &[a])?,
        Interval::Line => {}
    }
    let mut sides = [Side::new(-1.0), Side::new(1.0)];
    let mut evaluations = 0;
    let mut sum = Neumaier::new();
    let mut absolute = 0.0;
    let mut previous = f64::NAN;
    let mut residual = f64::INFINITY;
    for level in 0..=MAX_LEVEL {
        let h = 0.5 / f64::from(1u32 << level);
        for (is_right, side) in sides.iter_mut().enumerate() {
            // the first level takes every point (zero once), later ones the points between
            let mut k = if level == 0 { is_right } else { 1 };
            while k as f64 * h <= side.reach {
                let t = k as f64 * h;
                k += if level == 0 { 1 } else { 2 };
                let (x, w) = substitution(interval, side.sign * t);
                if w < 1e-300 || !w.is_finite() || !x.is_finite() || at_end(interval, x) {
                    continue;
                }
                let value = f(x);
                evaluations += 1;
                let term = value * w;
                if !term.is_finite() {
                    return Err(Error::NotFinite {
                        what: "integrand",
                        index: evaluations,
                        value,
                    });
                }
                sum.add(term);
                absolute += term.abs();
                if level == 0 {
                    side.note(t, term.abs() <= NEGLIGIBLE * absolute && absolute > 0.0);
                }
            }
        }
        let value = sum.value() * h;
        residual = (value - previous).abs();
        // After convergence sets in the error is about the square of the last change; the change itself
        // is a safe estimate, rounding the floor.
        if level >= 3 && residual <= tolerance.of(value) {
            let error = residual.max(f64::EPSILON * absolute * h);
            return Ok(Integral {
                value,
                error,
                evaluations,
            });
        }
        if evaluations > tolerance.max_evaluations {
            break;
        }
        previous = value;
    }
    Err(Error::NoConvergence {
        what: "tanh-sinh quadrature",
        iterations: evaluations,
        residual,
    })
}

/// How far out one side of the transformed line matters.
struct Side {
    sign: f64,
    reach: f64,
    negligible: u32,
}

impl Side {
    fn new(sign: f64) -> Self {
        Self {
            sign,
            reach: REACH,
            negligible: 0,
        }
    }

    /// Ends the side after three negligible terms in a row: what lies beyond would only overflow.
    fn note(&mut self, t: f64, negligible: bool) {
        self.negligible = if negligible { self.negligible + 1 } else { 0 };
        if self.negligible == 3 {
            self.reach = t;
        }
    }
}

fn at_end(interval: Interval, x: f64) -> bool {
    match interval {
        Interval::Finite(a, b) => x <= a || x >= b,
        Interval::From(a) => x <= a,
        Interval::Line => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    fn integral(interval: Interval, f: impl FnMut(f64) -> f64) -> f64 {
        tanh_sinh(interval, Tolerance::default(), f).unwrap().value
    }

    #[test]
    fn known_integrals() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-13 * b.abs().max(1.0), "{a} {b}");
        close(integral(Interval::Finite(0.0, 1.0), |x| -x.ln()), 1.0);
        close(
            integral(Interval::Finite(0.0, 1.0), |x| x.powf(-0.25)),
            4.0 / 3.0,
        );
        close(
            integral(Interval::From(0.0), |x| (-x).exp() * x.powi(4)),
            24.0,
        );
        close(integral(Interval::From(1.0), |x| 1.0 / (x * x)), 1.0);
        close(integral(Interval::Line, |x| (-x * x).exp()), PI.sqrt());
        close(integral(Interval::Line, |x| 1.0 / (1.0 + x * x)), PI);
        // the characteristic function of a normal inside a Lewis integral: oscillating and decaying
        let lewis = integral(Interval::From(0.0), |u| {
            (-0.5 * 0.04 * (u * u + 0.25)).exp() * (0.3 * u).cos() / (u * u + 0.25)
        });
        // mpmath: quad(lambda u: exp(-mpf('.02')*(u*u+.25))*cos(mpf('.3')*u)/(u*u+.25), linspace(0,60,61))
        close(lewis, 2.685_646_303_656_796_5);
    }

    #[test]
    fn a_pole_inside_is_reported() {
        let r = tanh_sinh(Interval::Finite(-1.0, 1.0), Tolerance::default(), |x| {
            1.0 / x
        });
        assert!(matches!(r, Err(Error::NotFinite { .. })));
        let r = tanh_sinh(Interval::Line, Tolerance::default(), |x| x * x);
        assert!(r.is_err());
        assert!(tanh_sinh(Interval::Finite(1.0, 0.0), Tolerance::default(), |x| x).is_err());
    }
}
