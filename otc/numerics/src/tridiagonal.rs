//! Tridiagonal systems, `K` independent ones interleaved.
//!
//! A sweep waits for its own last result at every row; `K` interleaved systems fill that wait and the
//! lanes of the processor. Lane results do not depend on `K`.

#![expect(
    clippy::needless_range_loop,
    reason = "lane loops index several arrays alike"
)]

use crate::error::{Error, Result, check_length};

/// `K` tridiagonal matrices of the same size, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Tridiagonal<const K: usize> {
    /// Entries left of the diagonal; row 0 is not used.
    pub lower: Vec<[f64; K]>,
    /// Diagonal.
    pub diagonal: Vec<[f64; K]>,
    /// Entries right of the diagonal; the last row is not used.
    pub upper: Vec<[f64; K]>,
}

/// Thomas factorisation, for many right-hand sides.
#[derive(Debug, Clone, PartialEq)]
pub struct Factored<const K: usize> {
    lower: Vec<[f64; K]>,
    inverse_pivot: Vec<[f64; K]>,
    ratio: Vec<[f64; K]>,
}

impl<const K: usize> Tridiagonal<K> {
    /// Zero matrices of size `n`.
    pub fn zeros(n: usize) -> Self {
        Self {
            lower: vec![[0.0; K]; n],
            diagonal: vec![[0.0; K]; n],
            upper: vec![[0.0; K]; n],
        }
    }

    /// Number of rows.
    pub fn size(&self) -> usize {
        self.diagonal.len()
    }

    fn check(&self) -> Result<()> {
        check_length("lower diagonal", self.lower.len(), self.size())?;
        check_length("upper diagonal", self.upper.len(), self.size())
    }

    /// `y = A x`.
    ///
    /// # Errors
    /// Lengths that differ.
    pub fn multiply(&self, x: &[[f64; K]], y: &mut [[f64; K]]) -> Result<()> {
        let n = self.size();
        self.check()?;
        check_length("x", x.len(), n)?;
        check_length("y", y.len(), n)?;
        for i in 0..n {
            let mut row: [f64; K] = std::array::from_fn(|k| self.diagonal[i][k] * x[i][k]);
            if i > 0 {
                (0..K).for_each(|k| row[k] += self.lower[i][k] * x[i - 1][k]);
            }
            if i + 1 < n {
                (0..K).for_each(|k| row[k] += self.upper[i][k] * x[i + 1][k]);
            }
            y[i] = row;
        }
        Ok(())
    }

    /// `I - s A` for a step length `s`, as implicit time steps need it.
    #[must_use]
    pub fn identity_minus(&self, s: f64) -> Self {
        let scale = |rows: &[[f64; K]]| rows.iter().map(|r| r.map(|v| -s * v)).collect();
        let diagonal = self
            .diagonal
            .iter()
            .map(|r| r.map(|v| 1.0 - s * v))
            .collect();
        Self {
            lower: scale(&self.lower),
            diagonal,
            upper: scale(&self.upper),
        }
    }

    /// Factors without pivoting, which is stable for diagonally dominant matrices.
    ///
    /// # Errors
    /// A pivot that is zero, negligible beside its row, or not finite.
    pub fn factor(&self) -> Result<Factored<K>> {
        self.check()?;
        let n = self.size();
        let mut out = Factored {
            lower: self.lower.clone(),
            inverse_pivot: vec![[0.0; K]; n],
            ratio: vec![[0.0; K]; n],
        };
        let mut before = [0.0; K];
        for i in 0..n {
            for k in 0..K {
                let left = if i == 0 { 0.0 } else { self.lower[i][k] };
                let right = if i + 1 == n { 0.0 } else { self.upper[i][k] };
                let pivot = self.diagonal[i][k] - left * before[k];
                let size = self.diagonal[i][k].abs() + left.abs() + right.abs();
                if !pivot.is_finite() || pivot.abs() <= 1e-14 * size {
                    return Err(Error::Singular {
                        what: "tridiagonal matrix",
                        row: i,
                        pivot,
                    });
                }
                out.inverse_pivot[i][k] = 1.0 / pivot;
                out.ratio[i][k] = right / pivot;
            }
            before = out.ratio[i];
        }
        Ok(out)
    }
}

impl<const K: usize> Factored<K> {
    /// Number of rows.
    pub fn size(&self) -> usize {
        self.inverse_pivot.len()
    }

    /// Replaces the right-hand sides by the solutions.
    ///
    /// # Errors
    /// A length other than [`Factored::size`].
    pub fn solve(&self, x: &mut [[f64; K]]) -> Result<()> {
        check_length("right-hand side", x.len(), self.size())?;
        let mut before = [0.0; K];
        for ((row, lower), inverse) in x.iter_mut().zip(&self.lower).zip(&self.inverse_pivot) {
            for k in 0..K {
                row[k] = (row[k] - lower[k] * before[k]) * inverse[k];
            }
            before = *row;
        }
        let mut after = [0.0; K];
        for (row, ratio) in x.iter_mut().zip(&self.ratio).rev() {
            for k in 0..K {
                row[k] -= ratio[k] * after[k];
            }
            after = *row;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_solution_satisfies_its_system_in_every_lane() {
        let n = 40;
        let mut a = Tridiagonal::<4>::zeros(n);
        for i in 0..n {
            for k in 0..4 {
                let s = (i * 7 + k * 3) as f64;
                a.lower[i][k] = s.sin();
                a.upper[i][k] = s.cos();
                a.diagonal[i][k] = 3.0 + (0.3 * s).sin();
            }
        }
        let x: Vec<[f64; 4]> = (0..n)
            .map(|i| std::array::from_fn(|k| (i as f64 - 5.0 * k as f64).sin()))
            .collect();
        let mut y = vec![[0.0; 4]; n];
        a.multiply(&x, &mut y).unwrap();
        a.factor().unwrap().solve(&mut y).unwrap();
        for (a, b) in x.iter().flatten().zip(y.iter().flatten()) {
            assert!((a - b).abs() < 1e-14);
        }
    }

    #[test]
    fn lanes_have_the_bits_of_a_single_system() {
        let row = |s: f64| [s.sin(), (1.7 * s).cos()];
        let n = 9;
        let mut two = Tridiagonal::<2>::zeros(n);
        let mut one = Tridiagonal::<1>::zeros(n);
        let mut rhs = vec![[0.0; 2]; n];
        for i in 0..n {
            let s = i as f64;
            (two.lower[i], two.upper[i], two.diagonal[i]) =
                (row(s), row(s + 0.5), [2.5 + 0.1 * s; 2]);
            (one.lower[i], one.upper[i], one.diagonal[i]) =
                ([two.lower[i][1]], [two.upper[i][1]], [two.diagonal[i][1]]);
            rhs[i] = row(3.0 * s);
        }
        let mut single: Vec<[f64; 1]> = rhs.iter().map(|r| [r[1]]).collect();
        two.factor().unwrap().solve(&mut rhs).unwrap();
        one.factor().unwrap().solve(&mut single).unwrap();
        assert!(
            rhs.iter()
                .zip(&single)
                .all(|(a, b)| a[1].to_bits() == b[0].to_bits())
        );
    }

    #[test]
    fn singular_matrices_and_wrong_lengths_are_refused() {
        let mut a = Tridiagonal::<1>::zeros(2);
        assert!(matches!(a.factor(), Err(Error::Singular { row: 0, .. })));
        (a.diagonal, a.lower[1], a.upper[0]) = (vec![[1.0]; 2], [1.0], [1.0]);
        assert!(matches!(a.factor(), Err(Error::Singular { row: 1, .. })));
        a.diagonal[1] = [3.0];
        assert!(a.factor().unwrap().solve(&mut [[0.0]]).is_err());
        a.upper.pop();
        assert!(a.factor().is_err());
    }
}
