//! Nearest correlation matrix (Higham 2002): alternating projections with Dykstra's correction.

use super::{Matrix, symmetric_eigen};
use crate::error::{Error, Result};

/// A repaired correlation matrix and how far it moved.
#[derive(Debug, Clone, PartialEq)]
pub struct NearestCorrelation {
    /// Unit diagonal, eigenvalues at least the floor asked for.
    pub matrix: Matrix,
    /// Frobenius distance to the input, to be shown to whoever gave it.
    pub distance: f64,
    /// Projections spent; zero when the input was a correlation matrix already.
    pub iterations: usize,
}

const MAX_ITERATIONS: usize = 2_000;

/// The correlation matrix nearest to `a` in the Frobenius norm, with no eigenvalue below `floor`.
///
/// `floor` is 0 for the plain problem or small (1e-8) for a matrix that must be positive definite.
///
/// # Errors
/// A matrix that is not square, finite and symmetric; a floor outside `[0, 1)`; no convergence to 1e-12
/// in 2,000 projections.
pub fn nearest_correlation(a: &Matrix, floor: f64) -> Result<NearestCorrelation> {
    a.check_symmetric()?;
    if !(0.0..1.0).contains(&floor) {
        let rule = "the floor of eigenvalues is at least 0 and below 1";
        return Err(Error::Range {
            what: "eigenvalue floor",
            value: floor,
            rule,
        });
    }
    let n = a.rows();
    let unit = (0..n).all(|i| a[(i, i)] == 1.0);
    let least = symmetric_eigen(a)?.values.first().copied().unwrap_or(1.0);
    if unit && least >= floor - 1e-14 {
        return Ok(NearestCorrelation {
            matrix: a.clone(),
            distance: 0.0,
            iterations: 0,
        });
    }
    let mut y = a.clone();
    let mut correction = Matrix::zeros(n, n);
    let mut change = f64::INFINITY;
    for iteration in 1..=MAX_ITERATIONS {
        let r = difference(&y, &correction);
        let x = lifted(&r, floor)?;
        correction = difference(&x, &r);
        let mut next = x.clone();
        (0..n).for_each(|i| next[(i, i)] = 1.0);
        change = difference(&next, &y)
            .frobenius()
            .max(difference(&next, &x).frobenius())
            / next.frobenius();
        y = next;
        if change <= 1e-12 {
            let matrix = rescaled(&lifted(&y, floor)?);
            let distance = difference(&matrix, a).frobenius();
            return Ok(NearestCorrelation {
                matrix,
                distance,
                iterations: iteration,
            });
        }
    }
    let what = "nearest correlation matrix";
    Err(Error::NoConvergence {
        what,
        iterations: MAX_ITERATIONS,
        residual: change,
    })
}

fn difference(a: &Matrix, b: &Matrix) -> Matrix {
    let mut out = a.clone();
    out.data.iter_mut().zip(&b.data).for_each(|(a, b)| *a -= b);
    out
}

/// Projection onto matrices whose eigenvalues are at least `floor`, exactly symmetric.
fn lifted(a: &Matrix, floor: f64) -> Result<Matrix> {
    let e = symmetric_eigen(a)?;
    let n = a.rows();
    let mut out = Matrix::zeros(n, n);
    for i in 0..n {
        for j in 0..=i {
            let entry: f64 = (0..n)
                .map(|k| e.values[k].max(floor) * (e.vectors[(i, k)] * e.vectors[(j, k)]))
                .sum();
            (out[(i, j)], out[(j, i)]) = (entry, entry);
        }
    }
    Ok(out)
}

/// Unit diagonal again, by the square roots of the diagonal: keeps the matrix semidefinite.
fn rescaled(a: &Matrix) -> Matrix {
    let n = a.rows();
    let mut out = a.clone();
    for i in 0..n {
        for j in 0..n {
            out[(i, j)] /= (a[(i, i)] * a[(j, j)]).sqrt();
        }
    }
    (0..n).for_each(|i| out[(i, i)] = 1.0);
    out
}
