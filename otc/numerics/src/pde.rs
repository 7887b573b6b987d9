//! One-dimensional parabolic equations `V_tau = a(x) V_xx + b(x) V_x - r(x) V` on a nonuniform grid.
//!
//! `tau` runs from the last date backwards. `K` problems on the same grid advance together (bumps or
//! contracts). Second order in space on smoothly varying grids and in time; smooth the data after every
//! jump by [`Scheme::CrankNicolsonRannacher`]'s start or use [`Scheme::Sdirk2`], which is L-stable.

#![expect(
    clippy::needless_range_loop,
    reason = "lane loops index several arrays alike"
)]

mod stepper;

pub use stepper::{Scheme, Stepper};

use crate::error::{Error, Result, check_finite, check_increasing, check_length};
use crate::tridiagonal::Tridiagonal;

/// What holds at an end of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// `x` is log-spot and the value is linear in spot (`V_SS = 0`, that is `V_xx = V_x`); the
    /// one-sided slope is exact for values linear in `e^x`.
    LinearInSpot,
    /// The value is linear in `x` (`V_xx = 0`).
    LinearInX,
    /// The value is given as a function of time.
    Dirichlet,
}

/// Coefficients of the equation at one node, in `K` lanes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficients<const K: usize> {
    /// Factor of `V_xx` (half the variance rate); not negative.
    pub diffusion: [f64; K],
    /// Factor of `V_x`.
    pub drift: [f64; K],
    /// Discount rate.
    pub rate: [f64; K],
}

/// The equation discretised in space by three-point differences.
#[derive(Debug, Clone, PartialEq)]
pub struct Operator<const K: usize> {
    matrix: Tridiagonal<K>,
    left: Boundary,
    right: Boundary,
}

impl<const K: usize> Operator<K> {
    /// Discretisation on the nodes `x` with coefficients by node.
    ///
    /// # Errors
    /// Fewer than three nodes, nodes that do not increase, coefficients of another number, not finite or
    /// with negative diffusion.
    pub fn new(
        x: &[f64],
        coefficients: &[Coefficients<K>],
        left: Boundary,
        right: Boundary,
    ) -> Result<Self> {
        let n = x.len();
        if n < 3 {
            return Err(Error::Length {
                what: "grid",
                expected: 3,
                found: n,
            });
        }
        check_increasing("grid", x)?;
        check_length("coefficients", coefficients.len(), n)?;
        for c in coefficients {
            check_finite("diffusion", &c.diffusion)?;
            check_finite("drift", &c.drift)?;
            check_finite("rate", &c.rate)?;
            if let Some(&value) = c.diffusion.iter().find(|a| **a < 0.0) {
                let rule = "diffusion is half a variance and not negative";
                return Err(Error::Range {
                    what: "diffusion",
                    value,
                    rule,
                });
            }
        }
        let mut matrix = Tridiagonal::zeros(n);
        for i in 1..n - 1 {
            inner_row(&mut matrix, i, x, &coefficients[i]);
        }
        end_row(&mut matrix, 0, x[1] - x[0], left, &coefficients[0]);
        end_row(
            &mut matrix,
            n - 1,
            x[n - 2] - x[n - 1],
            right,
            &coefficients[n - 1],
        );
        Ok(Self {
            matrix,
            left,
            right,
        })
    }

    /// The matrix `L` of `V_tau = L V`; rows of Dirichlet ends are zero.
    pub fn matrix(&self) -> &Tridiagonal<K> {
        &self.matrix
    }

    /// Boundary at the first and at the last node.
    pub fn boundaries(&self) -> (Boundary, Boundary) {
        (self.left, self.right)
    }
}

fn inner_row<const K: usize>(m: &mut Tridiagonal<K>, i: usize, x: &[f64], c: &Coefficients<K>) {
    let (below, above) = (x[i] - x[i - 1], x[i + 1] - x[i]);
    let span = below + above;
    for k in 0..K {
        let (a, b) = (c.diffusion[k], c.drift[k]);
        let lower = (2.0 * a - b * above) / (below * span);
        let upper = (2.0 * a + b * below) / (above * span);
        m.lower[i][k] = lower;
        m.upper[i][k] = upper;
        // central difference of a constant is zero: the diagonal is the negative sum less the rate
        m.diagonal[i][k] = -(lower + upper) - c.rate[k];
    }
}

/// `h` points from the end into the grid: positive on the left, negative on the right.
fn end_row<const K: usize>(
    m: &mut Tridiagonal<K>,
    i: usize,
    h: f64,
    boundary: Boundary,
    c: &Coefficients<K>,
) {
    for k in 0..K {
        let slope = match boundary {
            Boundary::Dirichlet => continue,
            Boundary::LinearInX => c.drift[k] / h,
            Boundary::LinearInSpot => (c.diffusion[k] + c.drift[k]) / h.exp_m1(),
        };
        m.diagonal[i][k] = -slope - c.rate[k];
        if h > 0.0 {
            m.upper[i][k] = slope;
        } else {
            m.lower[i][k] = slope;
        }
    }
}

#[cfg(test)]
mod tests;
