//! What can be wrong with the input of a numerical routine.

/// Result of a routine of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a routine could not answer. No routine answers with NaN instead.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two arguments do not fit each other in length.
    #[error("{what} has length {found}, expected {expected}")]
    Length {
        /// The argument.
        what: &'static str,
        /// Length needed.
        expected: usize,
        /// Length given.
        found: usize,
    },
    /// An argument is outside the range where the routine means something.
    #[error("{what} is {value}: {rule}")]
    Range {
        /// The argument.
        what: &'static str,
        /// The value given.
        value: f64,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// A value is NaN or infinite where a finite number is needed.
    #[error("{what}[{index}] is {value}, not a finite number")]
    NotFinite {
        /// The array, function or stage.
        what: &'static str,
        /// Position in the array, or number of the evaluation.
        index: usize,
        /// The value seen.
        value: f64,
    },
    /// Abscissae must increase strictly.
    #[error("{what}[{index}] is not greater than the value before it")]
    NotIncreasing {
        /// The array.
        what: &'static str,
        /// First position that breaks the rule.
        index: usize,
    },
    /// The function has the same sign at both ends, so no root is enclosed.
    #[error("no change of sign: f({lo}) = {f_lo}, f({hi}) = {f_hi}; widen the interval")]
    NoBracket {
        /// Lower end.
        lo: f64,
        /// Upper end.
        hi: f64,
        /// Value at the lower end.
        f_lo: f64,
        /// Value at the upper end.
        f_hi: f64,
    },
    /// The iteration reached its bound before its tolerance.
    #[error("{what} did not converge in {iterations} iterations; last error {residual:e}")]
    NoConvergence {
        /// The iteration.
        what: &'static str,
        /// Iterations or evaluations spent.
        iterations: usize,
        /// The last estimate of the error.
        residual: f64,
    },
    /// A matrix has no inverse to working accuracy.
    #[error("{what} is singular: pivot {pivot:e} in row {row}")]
    Singular {
        /// The matrix.
        what: &'static str,
        /// Row of the pivot.
        row: usize,
        /// The pivot.
        pivot: f64,
    },
    /// A matrix has a negative direction.
    #[error("matrix is not positive semidefinite: pivot {pivot:e} in row {row}")]
    NotPositiveSemidefinite {
        /// Row of the pivot.
        row: usize,
        /// The pivot.
        pivot: f64,
    },
    /// A matrix that must be symmetric is not.
    #[error("matrix is not symmetric at ({row}, {column}): differs by {difference:e}")]
    NotSymmetric {
        /// Row.
        row: usize,
        /// Column.
        column: usize,
        /// Difference of the two entries.
        difference: f64,
    },
    /// An abscissa lies outside the data and the caller chose to refuse that.
    #[error("{x} lies outside [{lo}, {hi}] and extrapolation is refused")]
    Outside {
        /// Where the value was asked.
        x: f64,
        /// First abscissa.
        lo: f64,
        /// Last abscissa.
        hi: f64,
    },
}

/// All values are finite, or the first that is not.
pub(crate) fn check_finite(what: &'static str, values: &[f64]) -> Result<()> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(index) => Err(Error::NotFinite {
            what,
            index,
            value: values[index],
        }),
    }
}

/// Finite and strictly increasing.
pub(crate) fn check_increasing(what: &'static str, values: &[f64]) -> Result<()> {
    check_finite(what, values)?;
    match values.windows(2).position(|w| w[1] <= w[0]) {
        None => Ok(()),
        Some(i) => Err(Error::NotIncreasing { what, index: i + 1 }),
    }
}

/// The length an argument must have.
pub(crate) fn check_length(what: &'static str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        Ok(())
    } else {
        Err(Error::Length {
            what,
            expected,
            found,
        })
    }
}

/// A number within a rule.
pub(crate) fn check_range(
    what: &'static str,
    value: f64,
    ok: bool,
    rule: &'static str,
) -> Result<()> {
    if ok {
        Ok(())
    } else {
        Err(Error::Range { what, value, rule })
    }
}
