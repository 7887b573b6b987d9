//! Vanillas in Heston's model by Lewis's integral (A. Lewis 2001, "A simple option formula for
//! general jump-diffusion and other exponential Lévy processes"), with the characteristic function in
//! the form that crosses no branch cut (Albrecher, Mayer, Schoutens and Tistaert 2007, "The little
//! Heston trap").

use std::f64::consts::PI;
use std::sync::OnceLock;

use rialto_otc_market::model::Heston;
use rialto_otc_numerics::quadrature::{Rule, gauss_legendre};

use super::complex::Complex;
use crate::closed::terminal::black;

/// Nodes on a panel, and of the coarser rule that tells the error.
const ORDERS: [usize; 2] = [16, 12];

/// Most panels of the integral.
const MOST: usize = 4_000;

/// `J(k)` and its derivatives: a call is worth `S e^{−Q} − K e^{−R} J(ln F/K)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Covered {
    pub(crate) value: f64,
    pub(crate) first: f64,
    pub(crate) second: f64,
    pub(crate) third: f64,
    /// Difference to the coarser rule.
    pub(crate) error: f64,
}

fn rule(order: usize) -> &'static Rule {
    static RULES: [OnceLock<Rule>; 2] = [const { OnceLock::new() }; 2];
    let slot = usize::from(order == ORDERS[1]);
    RULES[slot].get_or_init(|| gauss_legendre(ORDERS[slot]).expect("an order within range"))
}

/// `E[e^{(iu + 1/2) X}]` of `X = ln(S_T/F)`: the characteristic function at `u − i/2`.
pub(crate) fn transform(model: &Heston, time: f64, u: f64) -> Complex {
    let Heston {
        v0,
        kappa,
        theta,
        xi,
        rho,
    } = *model;
    let z = Complex::new(0.5, u);
    // −z(1 − z) = −(u² + 1/4)
    let drag = u * u + 0.25;
    if xi < 1e-6 {
        // Deterministic variance; the next term is of order ξ.
        return Complex::new(-0.5 * drag * model.expected_variance(time), 0.0).exp();
    }
    let beta = Complex::new(kappa, 0.0) - z * (rho * xi);
    let d = (beta * beta + Complex::new(xi * xi * drag, 0.0)).sqrt();
    // β − d without cancellation
    let minus = Complex::new(-xi * xi * drag, 0.0) / (beta + d);
    let g = minus / (beta + d);
    let decay = (-(d * time)).exp();
    let one = Complex::new(1.0, 0.0);
    let rest = one - g * decay;
    let log = (rest / (one - g)).ln();
    let a = (minus * time - log * 2.0) * (kappa * theta / (xi * xi));
    let b = minus * ((one - decay) / rest) * (v0 / (xi * xi));
    (a + b).exp()
}

/// Where the transform has fallen below rounding, by doubling.
fn reach(model: &Heston, time: f64) -> f64 {
    let mut u = 1.0;
    while u < 1e8 {
        let size = transform(model, time, u).norm();
        if size.is_nan() || size <= 1e-17 {
            break;
        }
        u *= 1.4;
    }
    u
}

/// The covered call at forward log-moneyness `k = ln F/K`. Black's with the expected variance is
/// taken off the integrand and added in closed form, which leaves it small and quickly falling.
pub(crate) fn covered(model: &Heston, time: f64, k: f64) -> Option<Covered> {
    let variance = model.expected_variance(time);
    if variance.is_nan() || variance < 1e-10 {
        let inside = f64::from(u8::from(k < 0.0));
        let value = k.min(0.0).exp();
        return Some(Covered {
            value,
            first: inside * value,
            second: inside * value,
            third: inside * value,
            error: 0.0,
        });
    }
    let end = reach(model, time).max((2.0 * 40.0 / variance).sqrt());
    // No panel turns by more than about a radian and a half, nor outruns the transform's fall.
    let width = (1.5 / (k.abs() + 1e-300)).min(1.5 / variance.sqrt());
    let fine = sum(model, (time, variance), k, (end, width), ORDERS[0])?;
    let rough = sum(model, (time, variance), k, (end, width), ORDERS[1])?;
    let base = black(k, variance.sqrt());
    Some(Covered {
        value: base[0] + fine[0],
        first: base[1] + fine[1],
        second: base[2] + fine[2],
        third: base[3] + fine[3],
        error: (fine[0] - rough[0]).abs(),
    })
}

/// The integral of the difference to Black's and its derivatives by `k`.
fn sum(
    model: &Heston,
    (time, variance): (f64, f64),
    k: f64,
    (end, width): (f64, f64),
    order: usize,
) -> Option<[f64; 4]> {
    let rule = rule(order);
    let mut total = [0.0; 4];
    let (mut from, mut panels) = (0.0, 0);
    while from < end {
        // Panels grow in the tail, where what is left is smooth and small, up to the turning of k.
        let grown = width
            .max(0.15 * from)
            .min(1.5 / (k.abs() + 1e-300))
            .max(width);
        let to = (from + grown).min(end);
        let (half, middle) = (0.5 * (to - from), 0.5 * (to + from));
        for (x, weight) in rule.nodes.iter().zip(&rule.weights) {
            let u = middle + half * x;
            let drag = u * u + 0.25;
            let plain = (-0.5 * drag * variance).exp();
            let gap = transform(model, time, u) - Complex::new(plain, 0.0);
            let z = Complex::new(0.5, u);
            let mut term = gap * (z * k).exp() * (weight * half / drag);
            for total in &mut total {
                *total += term.re;
                term = term * z;
            }
        }
        from = to;
        panels += 1;
        if panels > MOST {
            return None;
        }
    }
    let total = total.map(|one| one / PI);
    total.iter().all(|one| one.is_finite()).then_some(total)
}
