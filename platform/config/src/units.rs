//! Durations and sizes written with their unit.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is not a duration or a size with a unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}: {hint}")]
pub struct UnitError {
    text: String,
    what: &'static str,
    hint: &'static str,
}

/// A length of time, written as whole numbers with units: `500ms`, `30s`, `1h30m`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub Duration);

/// A number of bytes, written with a unit: `512B`, `64KiB`, `1MiB`, `2GiB` (1024s), `10MB` (1000s).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

const TIMES: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];
const SIZES: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1000),
    ("B", 1),
];

/// Sum of `number unit` pairs; `None` when the text is anything else or too large.
fn sum(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let mut rest = text.trim();
    let mut total = 0_u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.len()
            - rest
                .trim_start_matches(|c: char| c.is_ascii_alphabetic())
                .len();
        let factor = units.iter().find(|(unit, _)| *unit == &rest[..letters])?.1;
        rest = &rest[letters..];
        total = total.checked_add(number.checked_mul(factor)?)?;
    }
    Some(total)
}

/// The largest unit that divides the number exactly.
fn write_in_unit(f: &mut fmt::Formatter<'_>, number: u64, units: &[(&str, u64)]) -> fmt::Result {
    let fits = |(_, factor): &&(&str, u64)| number > 0 && number.is_multiple_of(*factor);
    let (unit, factor) = units.iter().find(fits).unwrap_or(&units[units.len() - 1]);
    write!(f, "{}{unit}", number / factor)
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        sum(text, &TIMES)
            .map(|ms| Self(Duration::from_millis(ms)))
            .ok_or_else(|| UnitError {
                text: text.chars().take(64).collect(),
                what: "duration",
                hint: "write whole numbers with the units ms, s, m, h or d, such as 30s or 1h30m",
            })
    }
}

impl FromStr for ByteSize {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        sum(text, &SIZES).map(Self).ok_or_else(|| UnitError {
            text: text.chars().take(64).collect(),
            what: "size",
            hint: "write a whole number with the unit B, KiB, MiB, GiB, KB, MB or GB, such as 1MiB",
        })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_in_unit(
            f,
            u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX),
            &TIMES,
        )
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_in_unit(f, self.0, &SIZES)
    }
}

macro_rules! serde_as_text {
    ($($name:ident)*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}
serde_as_text!(Span ByteSize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_written_back() {
        for (text, ms) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("1h30m", 5_400_000),
            ("7d", 604_800_000),
        ] {
            let span: Span = text.parse().expect("a duration");
            assert_eq!(span.0.as_millis(), ms);
            assert_eq!(
                span.to_string().parse::<Span>().expect("its own text"),
                span
            );
        }
        assert_eq!("1MiB".parse(), Ok(ByteSize(1 << 20)));
        assert_eq!(
            "10MB".parse::<ByteSize>().map(|s| s.to_string()),
            Ok("10MB".to_owned())
        );
        assert_eq!(ByteSize(0).to_string(), "0B");
    }

    #[test]
    fn a_number_without_a_unit_is_refused() {
        for text in [
            "",
            "30",
            "s",
            "-1s",
            "1.5h",
            "3 weeks",
            "99999999999999999999s",
            "1MiB",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        for text in ["", "30", "1mib", "18446744073709551615GiB", "1 MiB x"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }
}
