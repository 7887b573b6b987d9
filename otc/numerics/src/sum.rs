//! Sums whose bits depend only on the numbers and their order.

/// Elements added one after another at the leaves of [`pairwise`].
const LEAF: usize = 32;

/// Pairwise sum in a fixed tree: the bits depend on the slice alone, not on threads or blocks.
///
/// The slice is halved (the left half rounded up to a multiple of 32) until 32 elements are left.
/// The error grows with `log2 n` where a running sum's grows with `n` (Higham 1993).
pub fn pairwise(values: &[f64]) -> f64 {
    if values.len() <= LEAF {
        return values.iter().fold(0.0, |sum, v| sum + v);
    }
    let half = (values.len() / 2).next_multiple_of(LEAF);
    let (left, right) = values.split_at(half);
    pairwise(left) + pairwise(right)
}

/// Running sum that keeps the rounding error of every addition (Neumaier 1974).
///
/// The error is about one rounding of the result plus `n^2 eps^2` of the sum of absolute values.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Neumaier {
    sum: f64,
    lost: f64,
}

impl Neumaier {
    /// Sum zero.
    pub const fn new() -> Self {
        Self {
            sum: 0.0,
            lost: 0.0,
        }
    }

    /// Adds one number.
    pub fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        // The smaller operand is the one whose low bits were cut off.
        self.lost += if self.sum.abs() >= value.abs() {
            (self.sum - sum) + value
        } else {
            (value - sum) + self.sum
        };
        self.sum = sum;
    }

    /// The sum so far.
    pub fn value(self) -> f64 {
        // Once the sum has overflowed the correction is NaN and says nothing.
        if self.sum.is_finite() {
            self.sum + self.lost
        } else {
            self.sum
        }
    }
}

impl Extend<f64> for Neumaier {
    fn extend<T: IntoIterator<Item = f64>>(&mut self, values: T) {
        for value in values {
            self.add(value);
        }
    }
}

impl FromIterator<f64> for Neumaier {
    fn from_iter<T: IntoIterator<Item = f64>>(values: T) -> Self {
        let mut sum = Self::new();
        sum.extend(values);
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neumaier_keeps_what_a_running_sum_loses() {
        let values = [1.0, 1e100, 1.0, -1e100];
        assert_eq!(values.iter().sum::<f64>(), 0.0);
        assert_eq!(Neumaier::from_iter(values).value(), 2.0);
    }

    #[test]
    fn pairwise_of_a_million_tenths_is_right_to_a_few_roundings() {
        let values = vec![0.1; 1_000_000];
        assert!((pairwise(&values) - 100_000.0).abs() < 1e-9);
        assert!(
            (values.iter().sum::<f64>() - 100_000.0).abs() > 1e-7,
            "a running sum is worse"
        );
    }

    #[test]
    fn sums_of_nothing_are_zero_and_overflow_is_infinite() {
        assert_eq!(pairwise(&[]), 0.0);
        assert_eq!(Neumaier::new().value(), 0.0);
        assert_eq!(
            Neumaier::from_iter([f64::MAX, f64::MAX]).value(),
            f64::INFINITY
        );
    }
}
