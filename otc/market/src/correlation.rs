//! Correlation matrices: symmetric, unit diagonal, positive semidefinite.

use rialto_otc_numerics::linalg::{Matrix, nearest_correlation, symmetric_eigen};

/// A symmetric matrix with unit diagonal, row by row. Whether it is positive semidefinite is asked
/// of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlation {
    matrix: Matrix,
}

/// Why a matrix is no correlation matrix.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CorrelationError {
    /// Not `n × n`, not finite, not symmetric, or the diagonal is not 1.
    #[error("E-CORRELATION-FORM: {0}")]
    Form(String),
    /// A negative direction, and no repair was asked for.
    #[error(
        "E-CORRELATION-PSD: the least eigenvalue is {least:.6}, below 0; correct the matrix or ask \
         for the nearest correlation matrix"
    )]
    NotPositive {
        /// Least eigenvalue.
        least: f64,
    },
}

impl Correlation {
    /// How far below 0 an eigenvalue may lie by rounding.
    pub const ROUNDING: f64 = 1e-10;

    /// Of `n × n` values, row by row.
    ///
    /// # Errors
    /// [`CorrelationError::Form`].
    pub fn new(n: usize, values: Vec<f64>) -> Result<Self, CorrelationError> {
        let form = |text: String| CorrelationError::Form(text);
        let matrix = Matrix::from_rows(n, n, values).map_err(|error| form(error.to_string()))?;
        for i in 0..n {
            if (matrix[(i, i)] - 1.0).abs() > 1e-12 {
                return Err(form(format!(
                    "entry ({i}, {i}) is {}, not 1",
                    matrix[(i, i)]
                )));
            }
            for j in 0..i {
                let (a, b) = (matrix[(i, j)], matrix[(j, i)]);
                if (a - b).abs() > 1e-12 {
                    return Err(form(format!(
                        "entries ({i}, {j}) and ({j}, {i}) are {a} and {b}"
                    )));
                }
                if a.abs() > 1.0 {
                    return Err(form(format!("entry ({i}, {j}) is {a}, outside -1 to 1")));
                }
            }
        }
        Ok(Self { matrix })
    }

    /// Entries, row by row.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        self.matrix.as_slice()
    }

    /// Least eigenvalue; 1 for a matrix without rows.
    #[must_use]
    pub fn least_eigenvalue(&self) -> f64 {
        let eigen = symmetric_eigen(&self.matrix);
        eigen
            .ok()
            .and_then(|eigen| eigen.values.first().copied())
            .unwrap_or(1.0)
    }

    /// The matrix when it is positive semidefinite.
    ///
    /// # Errors
    /// [`CorrelationError::NotPositive`].
    pub fn positive(self) -> Result<Self, CorrelationError> {
        let least = self.least_eigenvalue();
        if least < -Self::ROUNDING {
            return Err(CorrelationError::NotPositive { least });
        }
        Ok(self)
    }

    /// The nearest correlation matrix in the Frobenius norm (Higham 2002) and its distance; the
    /// matrix itself and 0 when it is positive semidefinite.
    ///
    /// # Errors
    /// [`CorrelationError::Form`] when the projections do not converge.
    pub fn repaired(self) -> Result<(Self, f64), CorrelationError> {
        if self.least_eigenvalue() >= -Self::ROUNDING {
            return Ok((self, 0.0));
        }
        let nearest = nearest_correlation(&self.matrix, 0.0)
            .map_err(|error| CorrelationError::Form(error.to_string()))?;
        Ok((
            Self {
                matrix: nearest.matrix,
            },
            nearest.distance,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMPOSSIBLE: [f64; 9] = [1.0, 0.9, 0.9, 0.9, 1.0, -0.9, 0.9, -0.9, 1.0];

    #[test]
    fn correlations_that_cannot_hold_together_are_refused_or_repaired_with_the_distance() {
        let matrix = Correlation::new(3, IMPOSSIBLE.to_vec()).expect("formed");
        assert!((matrix.least_eigenvalue() + 0.8).abs() < 1e-12);
        assert!(matches!(
            matrix.clone().positive(),
            Err(CorrelationError::NotPositive { .. })
        ));
        let (repaired, distance) = matrix.repaired().expect("repairs");
        assert!(repaired.least_eigenvalue() > -1e-8);
        let moved: f64 = repaired
            .values()
            .iter()
            .zip(IMPOSSIBLE)
            .map(|(a, b)| (a - b).powi(2))
            .sum::<f64>()
            .sqrt();
        assert!((distance - moved).abs() < 1e-9 && distance > 0.1);
    }

    #[test]
    fn a_sound_matrix_is_not_touched() {
        let matrix = Correlation::new(2, vec![1.0, 0.5, 0.5, 1.0]).expect("formed");
        assert_eq!(matrix.clone().repaired(), Ok((matrix, 0.0)));
    }

    #[test]
    fn what_is_no_correlation_matrix_is_refused() {
        for values in [
            vec![1.0, 0.5, 0.4, 1.0],
            vec![1.0, 0.5, 0.5, 0.9],
            vec![1.0, 1.5, 1.5, 1.0],
            vec![1.0, f64::NAN, f64::NAN, 1.0],
            vec![1.0, 0.5],
        ] {
            assert!(matches!(
                Correlation::new(2, values),
                Err(CorrelationError::Form(_))
            ));
        }
    }
}
