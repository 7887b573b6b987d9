//! A number in a document: plain, as text, or as a fraction `"1/250"`.

use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The key under which `serde_json` hands over numbers it keeps as text.
const NUMBER_KEY: &str = "$serde_json::private::Number";

/// What stood where a number was expected.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Num {
    /// A number.
    Value(f64),
    /// A fraction of two numbers.
    Ratio(f64, f64),
    /// Text that is neither.
    Text(String),
}

impl Num {
    pub(crate) fn parse(text: &str) -> Self {
        let number = |part: &str| part.trim().parse::<f64>().ok().filter(|n| n.is_finite());
        if let Some(value) = number(text) {
            return Self::Value(value);
        }
        let ratio = text.split_once('/');
        match ratio.map(|(above, below)| (number(above), number(below))) {
            Some((Some(above), Some(below))) => Self::Ratio(above, below),
            _ => Self::Text(text.to_owned()),
        }
    }

    /// Its value; `None` for text and for a fraction of zero.
    pub(crate) fn value(&self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(*value),
            Self::Ratio(above, below) => Some(above / below).filter(|value| value.is_finite()),
            Self::Text(_) => None,
        }
    }

    /// Its value when it is a whole number not below zero.
    pub(crate) fn whole(&self) -> Option<u32> {
        let value = self.value()?;
        if value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value) {
            // In range and whole, so the conversion is exact.
            Some(value as u32)
        } else {
            None
        }
    }
}

impl fmt::Display for Num {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => write!(f, "{value}"),
            Self::Ratio(above, below) => write!(f, "{above}/{below}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Num {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumVisitor)
    }
}

struct NumVisitor;

impl<'de> Visitor<'de> for NumVisitor {
    type Value = Num;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or text")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Num, E> {
        Ok(Num::Value(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Num, E> {
        Ok(Num::Value(value as f64))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Num, E> {
        Ok(Num::Value(value as f64))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Num, E> {
        Ok(Num::parse(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Num, A::Error> {
        match map.next_entry::<String, String>()? {
            Some((key, text)) if key == NUMBER_KEY => Ok(Num::parse(&text)),
            _ => Err(de::Error::custom(
                "expected a number or text, not an object",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::de::value::{Error, MapDeserializer};

    use super::*;

    #[test]
    fn numbers_kept_as_text_are_read_too() {
        let entry = [(NUMBER_KEY.to_owned(), "0.25".to_owned())];
        let map = || MapDeserializer::<_, Error>::new(entry.clone().into_iter());
        assert_eq!(Num::deserialize(map()), Ok(Num::Value(0.25)));
        assert_eq!(
            crate::AsOf::deserialize(map()),
            Ok(crate::AsOf::Numeric(0.25))
        );
    }

    #[test]
    fn fractions_and_numbers_are_told_from_text() {
        assert_eq!(Num::parse("1/250"), Num::Ratio(1.0, 250.0));
        assert_eq!(Num::parse("1/250").value(), Some(0.004));
        assert_eq!(Num::parse("1/0").value(), None);
        assert_eq!(Num::parse("eom"), Num::Text("eom".to_owned()));
        assert_eq!(Num::parse("inf"), Num::Text("inf".to_owned()));
        assert_eq!(Num::parse("15").whole(), Some(15));
        assert_eq!(Num::parse("1.5").whole(), None);
        assert_eq!(Num::parse("-1").whole(), None);
    }
}
