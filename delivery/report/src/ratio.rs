//! Covered of total, exactly.

use serde::{Deserialize, Serialize};

/// A part of a whole, kept as two counts so that nothing is lost to rounding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ratio {
    /// The part, never more than `total`.
    pub covered: u64,
    /// The whole.
    pub total: u64,
}

impl Ratio {
    /// `covered` of `total`.
    pub fn new(covered: u64, total: u64) -> Self {
        Self { covered, total }
    }

    /// The percentage rounded **down** to two places (`79.99` for 79.996), or `None` of nothing.
    pub fn percent(&self) -> Option<String> {
        if self.total == 0 {
            return None;
        }
        let hundredths = u128::from(self.covered) * 10_000 / u128::from(self.total);
        Some(format!("{}.{:02}", hundredths / 100, hundredths % 100))
    }

    /// Both counts added.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            covered: self.covered.saturating_add(other.covered),
            total: self.total.saturating_add(other.total),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Ratio;

    #[test]
    fn a_percentage_is_rounded_down_so_that_79_996_never_shows_as_80() {
        assert_eq!(
            Ratio::new(79_996, 100_000).percent().as_deref(),
            Some("79.99")
        );
        assert_eq!(
            Ratio::new(u64::MAX - 1, u64::MAX).percent().as_deref(),
            Some("99.99")
        );
    }

    #[test]
    fn nothing_of_nothing_has_no_percentage() {
        assert_eq!(Ratio::new(0, 0).percent(), None);
        assert_eq!(Ratio::new(0, 3).percent().as_deref(), Some("0.00"));
        assert_eq!(Ratio::new(3, 3).percent().as_deref(), Some("100.00"));
    }
}
