//! Eigenvalues of symmetric matrices by cyclic Jacobi rotations.

use super::Matrix;
use crate::error::{Error, Result};

/// `A = V diag(values) V^T`.
#[derive(Debug, Clone, PartialEq)]
pub struct SymmetricEigen {
    /// Eigenvalues, increasing.
    pub values: Vec<f64>,
    /// Orthonormal eigenvectors as columns, in the order of the values.
    pub vectors: Matrix,
}

const MAX_SWEEPS: usize = 60;

/// Eigenvalues and eigenvectors (Golub and Van Loan 2013, section 8.5); accurate to rounding of the norm.
///
/// # Errors
/// A matrix that is not square, finite and symmetric.
pub fn symmetric_eigen(a: &Matrix) -> Result<SymmetricEigen> {
    a.check_symmetric()?;
    let n = a.rows();
    let mut m = a.clone();
    let mut v = Matrix::identity(n);
    let norm = a.frobenius();
    let mut off = f64::INFINITY;
    for _ in 0..MAX_SWEEPS {
        off = (0..n)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|at| m[at] * m[at])
            .sum::<f64>();
        off = (2.0 * off).sqrt();
        if off <= 1e-16 * norm {
            return Ok(sorted(&m, &v));
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut m, &mut v, p, q);
            }
        }
    }
    // The last sweeps only push rounding about; anything else is a failure.
    if off <= 1e-13 * norm {
        return Ok(sorted(&m, &v));
    }
    let what = "Jacobi eigenvalue iteration";
    Err(Error::NoConvergence {
        what,
        iterations: MAX_SWEEPS,
        residual: off,
    })
}

/// Makes entry `(p, q)` zero.
fn rotate(m: &mut Matrix, v: &mut Matrix, p: usize, q: usize) {
    let apq = m[(p, q)];
    if apq == 0.0 {
        return;
    }
    let theta = (m[(q, q)] - m[(p, p)]) / (2.0 * apq);
    let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let c = 1.0 / t.hypot(1.0);
    let s = t * c;
    let n = m.rows();
    for k in 0..n {
        let (kp, kq) = (m[(k, p)], m[(k, q)]);
        m[(k, p)] = c * kp - s * kq;
        m[(k, q)] = s * kp + c * kq;
    }
    for k in 0..n {
        let (pk, qk) = (m[(p, k)], m[(q, k)]);
        m[(p, k)] = c * pk - s * qk;
        m[(q, k)] = s * pk + c * qk;
        let (kp, kq) = (v[(k, p)], v[(k, q)]);
        v[(k, p)] = c * kp - s * kq;
        v[(k, q)] = s * kp + c * kq;
    }
    (m[(p, q)], m[(q, p)]) = (0.0, 0.0);
}

fn sorted(m: &Matrix, v: &Matrix) -> SymmetricEigen {
    let n = m.rows();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| m[(i, i)].total_cmp(&m[(j, j)]));
    let mut vectors = Matrix::zeros(n, n);
    for (to, &from) in order.iter().enumerate() {
        for k in 0..n {
            vectors[(k, to)] = v[(k, from)];
        }
    }
    SymmetricEigen {
        values: order.iter().map(|&i| m[(i, i)]).collect(),
        vectors,
    }
}
