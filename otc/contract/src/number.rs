//! The numbers a plan can be walked with: decimals on the ledger, binary ones in engines.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

/// Arithmetic that says when it has no answer. `None` means overflow or a division by zero.
pub trait Number: Copy + PartialOrd + std::fmt::Debug {
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// Sum.
    fn plus(self, other: Self) -> Option<Self>;
    /// Difference.
    fn minus(self, other: Self) -> Option<Self>;
    /// Product.
    fn times(self, other: Self) -> Option<Self>;
    /// Quotient.
    fn over(self, other: Self) -> Option<Self>;
    /// The number of a count.
    fn count(n: u32) -> Self;
}

impl Number for Decimal {
    const ZERO: Self = Self::ZERO;
    const ONE: Self = Self::ONE;

    fn plus(self, other: Self) -> Option<Self> {
        self.checked_add(other)
    }

    fn minus(self, other: Self) -> Option<Self> {
        self.checked_sub(other)
    }

    fn times(self, other: Self) -> Option<Self> {
        self.checked_mul(other)
    }

    fn over(self, other: Self) -> Option<Self> {
        self.checked_div(other)
    }

    fn count(n: u32) -> Self {
        Self::from(n)
    }
}

impl Number for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    #[inline]
    fn plus(self, other: Self) -> Option<Self> {
        Some(self + other)
    }

    #[inline]
    fn minus(self, other: Self) -> Option<Self> {
        Some(self - other)
    }

    #[inline]
    fn times(self, other: Self) -> Option<Self> {
        Some(self * other)
    }

    #[inline]
    fn over(self, other: Self) -> Option<Self> {
        (other != 0.0).then(|| self / other)
    }

    #[inline]
    fn count(n: u32) -> Self {
        Self::from(n)
    }
}

/// The nearest binary number: read from the decimal's own text, so correctly rounded.
#[must_use]
pub fn binary(value: Decimal) -> f64 {
    let text = value.to_string();
    // A decimal's text is a number; the second way cannot fail either and rounds twice at worst.
    text.parse()
        .ok()
        .or_else(|| value.to_f64())
        .unwrap_or(f64::NAN)
}
