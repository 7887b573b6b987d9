//! A civil date as a count of days.

use std::fmt;
use std::ops::Sub;
use std::str::FromStr;

pub use jiff::civil::Weekday;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A day of the proleptic Gregorian calendar, `0001-01-01` to `9999-12-31`, held as days since
/// 1970-01-01. Its text form is ISO 8601, `yyyy-mm-dd`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i32);

/// Why something is no date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// Not the text of a date.
    #[error("{0:?} is no date: write it as yyyy-mm-dd, for example 2026-03-09")]
    Text(String),
    /// Year, month and day that no calendar holds.
    #[error("there is no day {year:04}-{month:02}-{day:02}")]
    Civil {
        /// Year.
        year: i32,
        /// Month, 1 to 12.
        month: u32,
        /// Day of the month.
        day: u32,
    },
    /// A step that leaves the years 1 to 9999.
    #[error("a date must lie between 0001-01-01 and 9999-12-31")]
    Range,
}

impl DateError {
    /// `E-DATE-TEXT` or `E-DATE-RANGE`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Text(_) => "E-DATE-TEXT",
            Self::Civil { .. } | Self::Range => "E-DATE-RANGE",
        }
    }
}

impl Date {
    /// `0001-01-01`.
    pub const MIN: Self = Self(-719_162);
    /// `9999-12-31`.
    pub const MAX: Self = Self(2_932_896);

    /// The date of a year (1 to 9999), month (1 to 12) and day of the month.
    ///
    /// # Errors
    /// [`DateError::Civil`] when there is no such day.
    pub const fn new(year: i32, month: u32, day: u32) -> Result<Self, DateError> {
        if !is_civil(year, month, day) {
            return Err(DateError::Civil { year, month, day });
        }
        Ok(Self::from_civil(year, month, day))
    }

    /// The date `days` after 1970-01-01.
    ///
    /// # Errors
    /// [`DateError::Range`].
    pub const fn from_days(days: i32) -> Result<Self, DateError> {
        if days < Self::MIN.0 || days > Self::MAX.0 {
            return Err(DateError::Range);
        }
        Ok(Self(days))
    }

    /// Only for days known to lie between two dates.
    pub(crate) const fn raw(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01; earlier days are negative.
    #[must_use]
    pub const fn days(self) -> i32 {
        self.0
    }

    /// Days of a civil date after Hinnant, "chrono-compatible low-level date algorithms" (2013):
    /// years begin in March, so that the leap day ends one.
    const fn from_civil(year: i32, month: u32, day: u32) -> Self {
        let shifted = if month <= 2 { year - 1 } else { year };
        let era = shifted.div_euclid(400);
        let year_of_era = shifted - era * 400;
        let month_index = (month as i32 + 9) % 12;
        let day_of_year = (153 * month_index + 2) / 5 + day as i32 - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Self(era * 146_097 + day_of_era - 719_468)
    }

    /// Year, month (1 to 12) and day of the month.
    #[must_use]
    pub const fn civil(self) -> (i32, u32, u32) {
        let days = self.0 + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days - era * 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_index = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * month_index + 2) / 5 + 1) as u32;
        let month = if month_index < 10 {
            month_index + 3
        } else {
            month_index - 9
        } as u32;
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        (year, month, day)
    }

    /// Year.
    #[must_use]
    pub const fn year(self) -> i32 {
        self.civil().0
    }

    /// Month, 1 to 12.
    #[must_use]
    pub const fn month(self) -> u32 {
        self.civil().1
    }

    /// Day of the month, from 1.
    #[must_use]
    pub const fn day(self) -> u32 {
        self.civil().2
    }

    /// Day of the week.
    #[must_use]
    pub fn weekday(self) -> Weekday {
        // 1970-01-01 was a Thursday.
        match (self.0 + 3).rem_euclid(7) {
            0 => Weekday::Monday,
            1 => Weekday::Tuesday,
            2 => Weekday::Wednesday,
            3 => Weekday::Thursday,
            4 => Weekday::Friday,
            5 => Weekday::Saturday,
            _ => Weekday::Sunday,
        }
    }

    /// Whether it is a Saturday or a Sunday.
    #[must_use]
    pub const fn is_weekend(self) -> bool {
        (self.0 + 3).rem_euclid(7) >= 5
    }

    /// The date `days` later; earlier when negative.
    ///
    /// # Errors
    /// [`DateError::Range`].
    pub const fn add_days(self, days: i32) -> Result<Self, DateError> {
        match self.0.checked_add(days) {
            Some(sum) => Self::from_days(sum),
            None => Err(DateError::Range),
        }
    }

    /// The same day of the month `months` later (earlier when negative); the month's last day
    /// when it is shorter.
    ///
    /// # Errors
    /// [`DateError::Range`].
    pub fn add_months(self, months: i32) -> Result<Self, DateError> {
        let (year, month, day) = self.civil();
        let (year, month) = month_after(year, month, months)?;
        let last = days_in_month(year, month);
        Ok(Self::from_civil(
            year,
            month,
            if day < last { day } else { last },
        ))
    }

    /// The last day of its month.
    #[must_use]
    pub const fn end_of_month(self) -> Self {
        let (year, month, _) = self.civil();
        Self::from_civil(year, month, days_in_month(year, month))
    }

    /// The `nth` (from 1) given weekday of a month, as the third Friday.
    ///
    /// # Errors
    /// [`DateError::Civil`] when the month has no such day.
    pub fn nth_weekday(
        year: i32,
        month: u32,
        weekday: Weekday,
        nth: u32,
    ) -> Result<Self, DateError> {
        let first = Self::new(year, month, 1)?;
        let ahead = u32::try_from(first.weekday().until(weekday)).unwrap_or(0);
        let week = nth.checked_sub(1).ok_or(DateError::Range)?;
        let day = week.saturating_mul(7).saturating_add(1 + ahead);
        Self::new(year, month, day)
    }
}

const fn is_civil(year: i32, month: u32, day: u32) -> bool {
    year >= 1
        && year <= 9999
        && month >= 1
        && month <= 12
        && day >= 1
        && day <= days_in_month(year, month)
}

/// A date written in this program; for constants alone, so that a slip does not compile.
pub(crate) const fn known(year: i32, month: u32, day: u32) -> Date {
    assert!(is_civil(year, month, day), "no such day");
    Date::from_civil(year, month, day)
}

/// Days of a month (1 to 12) of a year.
pub(crate) const fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Year and month `months` after a month.
pub(crate) const fn month_after(
    year: i32,
    month: u32,
    months: i32,
) -> Result<(i32, u32), DateError> {
    let count = year as i64 * 12 + month as i64 - 1 + months as i64;
    if count < 12 || count >= 120_000 {
        return Err(DateError::Range);
    }
    Ok(((count / 12) as i32, (count % 12) as u32 + 1))
}

/// Days from the second to the first.
impl Sub for Date {
    type Output = i32;

    fn sub(self, other: Self) -> i32 {
        self.0 - other.0
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let refuse = || DateError::Text(text.to_owned());
        let bytes = text.as_bytes();
        let shape = bytes.len() == 10
            && bytes.iter().enumerate().all(|(at, byte)| match at {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !shape {
            return Err(refuse());
        }
        let number = |from: usize, to: usize| {
            bytes[from..to]
                .iter()
                .fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'))
        };
        Self::new(number(0, 4).cast_signed(), number(5, 7), number(8, 10))
    }
}

impl TryFrom<jiff::civil::Date> for Date {
    type Error = DateError;

    fn try_from(date: jiff::civil::Date) -> Result<Self, DateError> {
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        Self::new(i32::from(date.year()), u32::from(month), u32::from(day))
    }
}

impl From<Date> for jiff::civil::Date {
    fn from(date: Date) -> Self {
        let (year, month, day) = date.civil();
        // All in range by the type's own bounds.
        Self::constant(year as i16, month as i8, day as i8)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Date;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date as yyyy-mm-dd")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Date, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}
