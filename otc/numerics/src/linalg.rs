//! Small dense matrices: Cholesky, LU, symmetric eigenvalues, nearest correlation matrix.

mod correlation;
mod eigen;

pub use correlation::{NearestCorrelation, nearest_correlation};
pub use eigen::{SymmetricEigen, symmetric_eigen};

use crate::error::{Error, Result, check_finite, check_length};

/// Dense matrix, row after row.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    data: Vec<f64>,
}

impl Matrix {
    /// Zero matrix.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self {
            rows,
            columns,
            data: vec![0.0; rows * columns],
        }
    }

    /// Identity.
    pub fn identity(n: usize) -> Self {
        let mut m = Self::zeros(n, n);
        (0..n).for_each(|i| m[(i, i)] = 1.0);
        m
    }

    /// Matrix from its entries row after row.
    ///
    /// # Errors
    /// A number of entries other than `rows * columns`, or an entry that is not finite.
    pub fn from_rows(rows: usize, columns: usize, data: Vec<f64>) -> Result<Self> {
        check_length("matrix entries", data.len(), rows * columns)?;
        check_finite("matrix", &data)?;
        Ok(Self {
            rows,
            columns,
            data,
        })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Entries row after row.
    pub fn as_slice(&self) -> &[f64] {
        &self.data
    }

    /// One row.
    ///
    /// # Panics
    /// Like indexing of a slice, if there is no such row.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.data[i * self.columns..(i + 1) * self.columns]
    }

    /// The transpose.
    #[must_use]
    pub fn transpose(&self) -> Self {
        let mut t = Self::zeros(self.columns, self.rows);
        for i in 0..self.rows {
            for j in 0..self.columns {
                t[(j, i)] = self[(i, j)];
            }
        }
        t
    }

    /// Product with another matrix.
    ///
    /// # Errors
    /// Inner sizes that differ.
    pub fn multiply(&self, other: &Self) -> Result<Self> {
        check_length("rows of the right factor", other.rows, self.columns)?;
        let mut out = Self::zeros(self.rows, other.columns);
        for i in 0..self.rows {
            for (k, a) in self.row(i).iter().enumerate() {
                for j in 0..other.columns {
                    out[(i, j)] += a * other[(k, j)];
                }
            }
        }
        Ok(out)
    }

    /// Product with a vector.
    ///
    /// # Errors
    /// A vector whose length is not the number of columns.
    pub fn apply(&self, x: &[f64]) -> Result<Vec<f64>> {
        check_length("vector", x.len(), self.columns)?;
        Ok((0..self.rows)
            .map(|i| self.row(i).iter().zip(x).map(|(a, b)| a * b).sum())
            .collect())
    }

    /// Square root of the sum of squared entries.
    pub fn frobenius(&self) -> f64 {
        self.data.iter().map(|v| v * v).sum::<f64>().sqrt()
    }

    fn largest(&self) -> f64 {
        self.data.iter().fold(0.0, |m, v| f64::max(m, v.abs()))
    }

    fn check_square(&self) -> Result<()> {
        check_length("columns of a square matrix", self.columns, self.rows)
    }

    /// Square, finite and symmetric to rounding of its largest entry.
    fn check_symmetric(&self) -> Result<()> {
        self.check_square()?;
        check_finite("matrix", &self.data)?;
        let slack = 1e-12 * self.largest();
        for row in 0..self.rows {
            for column in 0..row {
                let difference = (self[(row, column)] - self[(column, row)]).abs();
                if difference > slack {
                    return Err(Error::NotSymmetric {
                        row,
                        column,
                        difference,
                    });
                }
            }
        }
        Ok(())
    }
}

impl std::ops::Index<(usize, usize)> for Matrix {
    type Output = f64;
    fn index(&self, (i, j): (usize, usize)) -> &f64 {
        debug_assert!(i < self.rows && j < self.columns);
        &self.data[i * self.columns + j]
    }
}

impl std::ops::IndexMut<(usize, usize)> for Matrix {
    fn index_mut(&mut self, (i, j): (usize, usize)) -> &mut f64 {
        debug_assert!(i < self.rows && j < self.columns);
        &mut self.data[i * self.columns + j]
    }
}

/// Lower triangular `L` with `L L^T = A` for a positive semidefinite matrix.
///
/// A pivot within `tolerance` times the largest diagonal entry of zero counts as zero, and its column
/// becomes zero; so perfectly correlated underlyings are allowed. 1e-12 is a good tolerance.
///
/// # Errors
/// A matrix that is not square, finite and symmetric, or has a negative direction beyond the tolerance.
pub fn cholesky(a: &Matrix, tolerance: f64) -> Result<Matrix> {
    a.check_symmetric()?;
    let n = a.rows();
    let scale = (0..n).fold(0.0, |m, i| f64::max(m, a[(i, i)].abs()));
    let slack = tolerance.max(0.0) * scale;
    let mut l = Matrix::zeros(n, n);
    for j in 0..n {
        let pivot = a[(j, j)] - l.row(j)[..j].iter().map(|v| v * v).sum::<f64>();
        if pivot < -slack {
            return Err(Error::NotPositiveSemidefinite { row: j, pivot });
        }
        let root = if pivot > slack { pivot.sqrt() } else { 0.0 };
        l[(j, j)] = root;
        for i in j + 1..n {
            let dot: f64 = l.row(i)[..j]
                .iter()
                .zip(&l.row(j)[..j])
                .map(|(a, b)| a * b)
                .sum();
            let rest = a[(i, j)] - dot;
            if root > 0.0 {
                l[(i, j)] = rest / root;
            } else if rest.abs() > slack.sqrt() * scale.sqrt().max(f64::MIN_POSITIVE) {
                // a zero variance with a covariance is a negative direction
                return Err(Error::NotPositiveSemidefinite {
                    row: i,
                    pivot: -rest.abs(),
                });
            }
        }
    }
    Ok(l)
}

/// LU factors with partial pivoting.
#[derive(Debug, Clone, PartialEq)]
pub struct Lu {
    factors: Matrix,
    order: Vec<usize>,
}

impl Lu {
    /// Factors a square matrix.
    ///
    /// # Errors
    /// A matrix that is not square or finite, or whose pivot is below 1e-14 of the largest entry.
    pub fn new(a: &Matrix) -> Result<Self> {
        a.check_square()?;
        check_finite("matrix", a.as_slice())?;
        let n = a.rows();
        let slack = 1e-14 * a.largest();
        let mut m = a.clone();
        let mut order: Vec<usize> = (0..n).collect();
        for k in 0..n {
            let best = (k..n).max_by(|&i, &j| m[(i, k)].abs().total_cmp(&m[(j, k)].abs()));
            let best = best.unwrap_or(k);
            let pivot = m[(best, k)];
            if pivot.abs() <= slack {
                return Err(Error::Singular {
                    what: "matrix",
                    row: k,
                    pivot,
                });
            }
            if best != k {
                order.swap(best, k);
                for j in 0..n {
                    let swapped = m[(k, j)];
                    m[(k, j)] = m[(best, j)];
                    m[(best, j)] = swapped;
                }
            }
            for i in k + 1..n {
                let factor = m[(i, k)] / pivot;
                m[(i, k)] = factor;
                for j in k + 1..n {
                    m[(i, j)] -= factor * m[(k, j)];
                }
            }
        }
        Ok(Self { factors: m, order })
    }

    /// Solution of `A x = b`.
    ///
    /// # Errors
    /// A right-hand side of another length.
    pub fn solve(&self, b: &[f64]) -> Result<Vec<f64>> {
        let n = self.order.len();
        check_length("right-hand side", b.len(), n)?;
        let mut x: Vec<f64> = self.order.iter().map(|&i| b[i]).collect();
        for i in 0..n {
            let dot: f64 = self.factors.row(i)[..i]
                .iter()
                .zip(&x)
                .map(|(a, b)| a * b)
                .sum();
            x[i] -= dot;
        }
        for i in (0..n).rev() {
            let row = self.factors.row(i);
            let dot: f64 = row[i + 1..]
                .iter()
                .zip(&x[i + 1..])
                .map(|(a, b)| a * b)
                .sum();
            x[i] = (x[i] - dot) / row[i];
        }
        Ok(x)
    }
}

/// Solution of `A x = b` for a square matrix.
///
/// # Errors
/// As [`Lu::new`] and [`Lu::solve`].
pub fn solve(a: &Matrix, b: &[f64]) -> Result<Vec<f64>> {
    Lu::new(a)?.solve(b)
}

#[cfg(test)]
mod tests;
