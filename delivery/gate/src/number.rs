//! Exact decimals and fractions.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A decimal number from 0 to 999 999 999 999 with at most 6 places, exact.
///
/// Written as text (`"79.5"`), because a JSON number may pass through binary fractions on its way;
/// a JSON number is accepted when read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal {
    millionths: u64,
}

/// Why a text is no bound.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not a number from 0 to 999999999999 with at most 6 decimal places, such as 80 or 79.5"
)]
pub struct ReadDecimalError(pub String);

const SCALE: u64 = 1_000_000;
const PLACES: usize = 6;
const WHOLE_DIGITS: usize = 12;

impl Decimal {
    /// A whole number.
    ///
    /// # Panics
    /// Never: 2^32 - 1 millions of millionths fit.
    pub const fn whole(number: u32) -> Self {
        Self {
            millionths: number as u64 * SCALE,
        }
    }

    /// `numerator / denominator` against this number, exactly. The denominator must not be 0.
    pub fn compare_fraction(self, numerator: u128, denominator: u64) -> Ordering {
        // numerator <= 2^64 * 100 and SCALE < 2^20: below 2^91; the right side is below 2^124.
        let left = numerator.saturating_mul(u128::from(SCALE));
        let right = u128::from(self.millionths) * u128::from(denominator);
        left.cmp(&right)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.millionths / SCALE, self.millionths % SCALE);
        write!(f, "{whole}")?;
        if fraction > 0 {
            let digits = format!("{fraction:06}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        Ok(())
    }
}

impl FromStr for Decimal {
    type Err = ReadDecimalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ReadDecimalError(text.chars().take(40).collect());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let fits = digits(whole)
            && digits(fraction)
            && whole.len() <= WHOLE_DIGITS
            && fraction.len() <= PLACES;
        if !fits {
            return Err(wrong());
        }
        let millionths: u64 = format!("{whole}{fraction:0<6}")
            .parse()
            .map_err(|_| wrong())?;
        Ok(Self { millionths })
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Self::of_json(&value).map_err(serde::de::Error::custom)
    }
}

impl Decimal {
    /// Reads a JSON text or number.
    ///
    /// # Errors
    /// [`ReadDecimalError`] for everything else, and for numbers out of range.
    pub fn of_json(value: &serde_json::Value) -> Result<Self, ReadDecimalError> {
        match value {
            serde_json::Value::String(text) => text.trim().parse(),
            // The shortest decimal that reads back as the same number: what the person typed.
            serde_json::Value::Number(number) => number.to_string().parse(),
            other => Err(ReadDecimalError(
                other.to_string().chars().take(40).collect(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::Decimal;

    #[test]
    fn a_decimal_reads_and_shows_the_same() {
        for (text, shown) in [
            ("80", "80"),
            ("79.50", "79.5"),
            ("0.000001", "0.000001"),
            ("999999999999", "999999999999"),
        ] {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), shown);
        }
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e3",
            "1.0000000",
            "1000000000000",
            "٣",
            "NaN",
        ] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_json_number_is_what_was_typed() {
        for (json, shown) in [
            ("79.9", "79.9"),
            ("80", "80"),
            ("80.0", "80"),
            ("\"0.3\"", "0.3"),
        ] {
            assert_eq!(
                serde_json::from_str::<Decimal>(json).unwrap().to_string(),
                shown
            );
        }
        assert!(serde_json::from_str::<Decimal>("-5").is_err());
        assert!(serde_json::from_str::<Decimal>("null").is_err());
    }

    #[test]
    fn fractions_are_compared_exactly_at_any_size() {
        let bound = Decimal::whole(80);
        assert_eq!(
            bound.compare_fraction(79_996 * 100, 100_000),
            Ordering::Less
        );
        assert_eq!(bound.compare_fraction(4 * 100, 5), Ordering::Equal);
        let most = u128::from(u64::MAX) * 100;
        assert_eq!(
            Decimal::whole(100).compare_fraction(most, u64::MAX),
            Ordering::Equal
        );
        assert_eq!(
            Decimal::whole(100).compare_fraction(most - 1, u64::MAX),
            Ordering::Less
        );
    }
}
