//! Trading days, sessions and office hours as versioned data.
//!
//! Two calendars are kept apart: on a make-up workday (调休上班) the office works and the market is
//! closed. Outside the data's validity every question is an error: a caller that must decide then
//! decides for the safe side.

mod data;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::Offset;
use jiff::{Span, Timestamp, ToSpan as _};

use crate::errors::Located;

/// The built-in data of the Shanghai and Shenzhen exchanges.
const BUILT_IN: &str = include_str!("../../data/cn-exchanges.toml");

static CHINA: LazyLock<Calendar> = LazyLock::new(|| {
    Calendar::from_toml("cn-exchanges.toml", BUILT_IN)
        .expect("a test reads the built-in calendar, so it is valid")
});

/// A named part of the trading day; half-open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    /// `opening_call_auction`, `morning_session`, `afternoon_session`, `closing_call_auction`,
    /// `after_hours_fixed_price`.
    pub name: String,
    /// First instant, local time.
    pub from: Time,
    /// First instant after it, local time.
    pub to: Time,
}

/// Why a calendar gives no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// The day is not covered by the data.
    #[error(
        "{date} is outside calendar {version}, which is valid from {valid_from} to {valid_to}: \
         install newer calendar data"
    )]
    OutsideValidity {
        /// The day asked about.
        date: Date,
        /// Version of the data.
        version: String,
        /// First valid day.
        valid_from: Date,
        /// Last valid day.
        valid_to: Date,
    },
    /// An interval that ends before it begins.
    #[error("the interval from {from} to {to} ends before it begins")]
    Reversed {
        /// Its beginning.
        from: Timestamp,
        /// Its end.
        to: Timestamp,
    },
}

/// Trading and office days of exchanges that share their holidays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    version: String,
    exchanges: Vec<String>,
    valid_from: Date,
    valid_to: Date,
    offset: Offset,
    phases: Vec<Phase>,
    office_hours: Vec<(Time, Time)>,
    /// Neither market nor office.
    holidays: BTreeSet<Date>,
    /// Market closed on a day the office works.
    market_closed: BTreeSet<Date>,
    /// Weekend days on which the office works.
    make_up_workdays: BTreeSet<Date>,
}

impl Calendar {
    /// The built-in calendar of the Shanghai and Shenzhen exchanges.
    #[must_use]
    pub fn china() -> &'static Self {
        &CHINA
    }

    /// Reads calendar data; `file` is its name in messages.
    ///
    /// # Errors
    /// [`Located`] at the first line that is not valid or contradicts another.
    pub fn from_toml(file: &str, text: &str) -> Result<Self, Located> {
        data::read(file, text)
    }

    /// Version of the data.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Market identifier codes (ISO 10383) of the exchanges it is of.
    #[must_use]
    pub fn exchanges(&self) -> &[String] {
        &self.exchanges
    }

    /// First and last day covered.
    #[must_use]
    pub fn validity(&self) -> (Date, Date) {
        (self.valid_from, self.valid_to)
    }

    /// Parts of every trading day, in order.
    #[must_use]
    pub fn phases(&self) -> &[Phase] {
        &self.phases
    }

    /// The local day and time of an instant.
    #[must_use]
    pub fn local(&self, instant: Timestamp) -> DateTime {
        self.offset.to_datetime(instant)
    }

    /// Whether the exchanges trade on a day.
    ///
    /// # Errors
    /// [`CalendarError::OutsideValidity`].
    pub fn is_trading_day(&self, date: Date) -> Result<bool, CalendarError> {
        self.check(date)?;
        Ok(!is_weekend(date)
            && !self.holidays.contains(&date)
            && !self.market_closed.contains(&date))
    }

    /// Whether offices work on a day.
    ///
    /// # Errors
    /// [`CalendarError::OutsideValidity`].
    pub fn is_office_day(&self, date: Date) -> Result<bool, CalendarError> {
        self.check(date)?;
        Ok(self.make_up_workdays.contains(&date)
            || (!is_weekend(date) && !self.holidays.contains(&date)))
    }

    /// The phase of the trading day at an instant; `None` between phases and on closed days.
    ///
    /// # Errors
    /// [`CalendarError::OutsideValidity`].
    pub fn session_at(&self, instant: Timestamp) -> Result<Option<&Phase>, CalendarError> {
        let local = self.local(instant);
        if !self.is_trading_day(local.date())? {
            return Ok(None);
        }
        let time = local.time();
        Ok(self
            .phases
            .iter()
            .find(|phase| phase.from <= time && time < phase.to))
    }

    /// The first trading day after `date`.
    ///
    /// # Errors
    /// [`CalendarError::OutsideValidity`] when the data ends before it.
    pub fn next_trading_day(&self, date: Date) -> Result<Date, CalendarError> {
        self.step(date, 1.day())
    }

    /// The last trading day before `date`.
    ///
    /// # Errors
    /// [`CalendarError::OutsideValidity`] when the data begins after it.
    pub fn previous_trading_day(&self, date: Date) -> Result<Date, CalendarError> {
        self.step(date, -1.day())
    }

    /// The trading days from `first` to `last`, both included.
    ///
    /// # Errors
    /// [`CalendarError::OutsideValidity`] when either is not covered.
    pub fn trading_days(&self, first: Date, last: Date) -> Result<Vec<Date>, CalendarError> {
        self.check(first)?;
        self.check(last)?;
        let mut days = Vec::new();
        let mut date = first;
        while date <= last {
            if self.is_trading_day(date)? {
                days.push(date);
            }
            let Ok(next) = date.tomorrow() else { break };
            date = next;
        }
        Ok(days)
    }

    /// Office working time between two instants, milliseconds.
    ///
    /// # Errors
    /// [`CalendarError`] when the interval is reversed or touches a day that is not covered.
    pub fn working_ms(&self, from: Timestamp, to: Timestamp) -> Result<i64, CalendarError> {
        if to < from {
            return Err(CalendarError::Reversed { from, to });
        }
        let (start, end) = (self.local(from), self.local(to));
        self.check(start.date())?;
        self.check(end.date())?;
        let mut nanos: i128 = 0;
        let mut date = start.date();
        while date <= end.date() {
            if self.is_office_day(date)? {
                for (opens, closes) in &self.office_hours {
                    let opens = date.to_datetime(*opens).max(start);
                    let closes = date.to_datetime(*closes).min(end);
                    if opens < closes {
                        nanos += closes.duration_since(opens).as_nanos();
                    }
                }
            }
            let Ok(next) = date.tomorrow() else { break };
            date = next;
        }
        // A few years at most, far inside the range.
        Ok(i64::try_from(nanos / 1_000_000).unwrap_or(i64::MAX))
    }

    fn step(&self, date: Date, by: Span) -> Result<Date, CalendarError> {
        let mut date = date;
        loop {
            date = date.checked_add(by).map_err(|_| self.outside(date))?;
            if self.is_trading_day(date)? {
                return Ok(date);
            }
        }
    }

    fn check(&self, date: Date) -> Result<(), CalendarError> {
        if date < self.valid_from || date > self.valid_to {
            return Err(self.outside(date));
        }
        Ok(())
    }

    fn outside(&self, date: Date) -> CalendarError {
        CalendarError::OutsideValidity {
            date,
            version: self.version.clone(),
            valid_from: self.valid_from,
            valid_to: self.valid_to,
        }
    }
}

fn is_weekend(date: Date) -> bool {
    matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

#[cfg(test)]
mod tests;
