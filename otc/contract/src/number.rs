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

/// Powers of ten that are exact in binary.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// The nearest binary number. Short decimals are one exact division of exact numbers (Clinger
/// 1990); the others are read from their own text, which rounds once too.
#[must_use]
pub fn binary(value: Decimal) -> f64 {
    let power = POWERS.get(value.scale() as usize);
    if let (Ok(mantissa), Some(power)) = (i64::try_from(value.mantissa()), power)
        && mantissa.unsigned_abs() <= 1 << 53
    {
        return mantissa as f64 / power;
    }
    let text = value.to_string();
    // A decimal's text is a number; the second way cannot fail either and rounds twice at worst.
    text.parse()
        .ok()
        .or_else(|| value.to_f64())
        .unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_decimal_becomes_the_nearest_binary_number(
            mantissa in prop_oneof![any::<i64>(), -100_000_000i64..100_000_000],
            scale in 0u32..28,
        ) {
            let value = Decimal::new(mantissa, scale);
            let read: f64 = value.to_string().parse().expect("a number");
            prop_assert_eq!(binary(value), read);
        }
    }
}
