//! Mean and standard error over independent replicates, such as the scrambles of a Sobol sequence.

use crate::error::{Error, Result, check_finite};
use crate::sum::Neumaier;

/// Mean of independent, identically distributed replicates, with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Mean of the replicates.
    pub mean: f64,
    /// Standard error of the mean: sample deviation (divisor `n - 1`) over `sqrt n`.
    pub std_error: f64,
    /// Number of replicates.
    pub replicates: usize,
}

/// Mean of finite numbers, with compensated summation.
///
/// # Errors
/// No numbers, or one that is not finite.
pub fn mean(values: &[f64]) -> Result<f64> {
    if values.is_empty() {
        return Err(Error::Length {
            what: "values",
            expected: 1,
            found: 0,
        });
    }
    check_finite("values", values)?;
    Ok(values.iter().copied().collect::<Neumaier>().value() / values.len() as f64)
}

/// Mean and standard error over replicates (two passes, compensated).
///
/// # Errors
/// Fewer than two replicates tell no error; a replicate that is not finite.
pub fn estimate(replicates: &[f64]) -> Result<Estimate> {
    let n = replicates.len();
    if n < 2 {
        return Err(Error::Length {
            what: "replicates",
            expected: 2,
            found: n,
        });
    }
    let mean = mean(replicates)?;
    let squares: Neumaier = replicates.iter().map(|v| (v - mean) * (v - mean)).collect();
    let n_real = n as f64;
    let std_error = (squares.value() / (n_real - 1.0) / n_real).sqrt();
    Ok(Estimate {
        mean,
        std_error,
        replicates: n,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_error_of_one_to_five() {
        // deviations -2..2: variance 10/4, over 5: 0.5
        let e = estimate(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert_eq!((e.mean, e.replicates), (3.0, 5));
        assert!((e.std_error - 0.5f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn a_large_offset_does_not_spoil_the_error() {
        let e = estimate(&[1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0]).unwrap();
        assert!((e.std_error - (1.0f64 / 3.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn one_replicate_or_a_nan_is_refused() {
        assert!(matches!(estimate(&[1.0]), Err(Error::Length { .. })));
        assert!(matches!(
            estimate(&[1.0, f64::NAN]),
            Err(Error::NotFinite { index: 1, .. })
        ));
    }
}
