//! Lengths of time in contracts: `10d`, `2w`, `3m`, `1y`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::date::{Date, DateError};

/// Unit of a tenor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TenorUnit {
    /// Calendar days.
    Day,
    /// Weeks.
    Week,
    /// Months.
    Month,
    /// Years.
    Year,
}

/// A number of days, weeks, months or years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tenor {
    /// How many; can be 0.
    pub count: u16,
    /// Of what.
    pub unit: TenorUnit,
}

/// Text that is no tenor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no tenor: write a number and d, w, m or y, as 3m")]
pub struct TenorError(pub String);

impl Tenor {
    /// A date `times` tenors after `start`, counted from it in one step, so that short months
    /// leave later dates untouched.
    ///
    /// # Errors
    /// [`DateError::Range`].
    pub fn after(self, start: Date, times: u32) -> Result<Date, DateError> {
        let count = u64::from(self.count) * u64::from(times);
        let scaled = |factor: u64| {
            count
                .checked_mul(factor)
                .and_then(|count| i32::try_from(count).ok())
                .ok_or(DateError::Range)
        };
        match self.unit {
            TenorUnit::Day => start.add_days(scaled(1)?),
            TenorUnit::Week => start.add_days(scaled(7)?),
            TenorUnit::Month => start.add_months(scaled(1)?),
            TenorUnit::Year => start.add_months(scaled(12)?),
        }
    }

    /// Whether it counts whole months.
    #[must_use]
    pub const fn is_monthly(self) -> bool {
        matches!(self.unit, TenorUnit::Month | TenorUnit::Year)
    }
}

impl fmt::Display for Tenor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            TenorUnit::Day => 'd',
            TenorUnit::Week => 'w',
            TenorUnit::Month => 'm',
            TenorUnit::Year => 'y',
        };
        write!(f, "{}{unit}", self.count)
    }
}

impl FromStr for Tenor {
    type Err = TenorError;

    fn from_str(text: &str) -> Result<Self, TenorError> {
        let refuse = || TenorError(text.to_owned());
        let unit = match text.as_bytes().last() {
            Some(b'd') => TenorUnit::Day,
            Some(b'w') => TenorUnit::Week,
            Some(b'm') => TenorUnit::Month,
            Some(b'y') => TenorUnit::Year,
            _ => return Err(refuse()),
        };
        let digits = &text[..text.len() - 1];
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refuse());
        }
        let count = digits.parse().map_err(|_| refuse())?;
        Ok(Self { count, unit })
    }
}

impl TryFrom<String> for Tenor {
    type Error = TenorError;

    fn try_from(text: String) -> Result<Self, TenorError> {
        text.parse()
    }
}

impl From<Tenor> for String {
    fn from(tenor: Tenor) -> Self {
        tenor.to_string()
    }
}
