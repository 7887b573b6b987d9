//! Schedules of observations: by rule, by list, or in years.

mod expand;
mod numeric;
mod raw;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use raw::ScheduleForm;

use crate::calendar::{Calendars, Roll, Status};
use crate::date::Date;
use crate::exchange::Exchange;
use crate::finding::Finding;
use crate::tenor::Tenor;

/// The most rows a schedule can have.
pub const MAX_ROWS: usize = 1_000_000;

/// How often a rule observes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Freq {
    /// On every session, `daily`.
    Daily,
    /// Every so many days, weeks, months or years, as `2w`; the unadjusted date is the start
    /// plus k such periods.
    Every(Tenor),
}

impl fmt::Display for Freq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Daily => f.write_str("daily"),
            Self::Every(tenor) => write!(f, "{tenor}"),
        }
    }
}

impl FromStr for Freq {
    type Err = crate::tenor::TenorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "daily" => Ok(Self::Daily),
            _ => {
                let tenor: Tenor = text.parse()?;
                match tenor.count {
                    0 => Err(crate::tenor::TenorError(text.to_owned())),
                    _ => Ok(Self::Every(tenor)),
                }
            }
        }
    }
}

/// Which day of the month a monthly rule observes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum DayRule {
    /// That of the start, `start`.
    #[default]
    Start,
    /// A day, 1 to 31; also in the start's own month when it is after the start.
    Day(u8),
    /// The month's end, `eom`; the last session of the month.
    Eom,
}

/// What a monthly rule does in a month that lacks its day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MonthEnd {
    /// It leaves the month out.
    Drop,
    /// It observes on the month's last session, whatever the roll.
    LastSession,
}

/// Text that names no way to treat short months.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no month_end: use drop or last_session")]
pub struct UnknownMonthEnd(pub String);

impl FromStr for MonthEnd {
    type Err = UnknownMonthEnd;

    fn from_str(text: &str) -> Result<Self, UnknownMonthEnd> {
        match text {
            "drop" => Ok(Self::Drop),
            "last_session" => Ok(Self::LastSession),
            _ => Err(UnknownMonthEnd(text.to_owned())),
        }
    }
}

/// A rule: `{"freq": "1m", "lock": "3m", "roll": "following"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleSpec {
    /// First day, itself not observed; the contract's start unless told.
    pub start: Option<Date>,
    /// Last day; the contract's end unless told.
    pub end: Option<Date>,
    /// How often.
    pub freq: Freq,
    /// Which day of the month.
    pub day: Option<DayRule>,
    /// No observation before start plus this.
    pub lock: Option<Tenor>,
    /// How closures are avoided; `following` unless told.
    pub roll: Option<Roll>,
    /// Whose sessions; those of the underlying unless told.
    pub calendar: Option<Exchange>,
    /// In months that lack the day; the last calendar day, rolled, unless told.
    pub month_end: Option<MonthEnd>,
    /// Whether the start is observed too.
    pub observe_start: bool,
}

impl RuleSpec {
    /// A rule with nothing told but its frequency.
    #[must_use]
    pub const fn every(freq: Freq) -> Self {
        Self {
            start: None,
            end: None,
            freq,
            day: None,
            lock: None,
            roll: None,
            calendar: None,
            month_end: None,
            observe_start: false,
        }
    }
}

/// A fraction, as `1/250`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// Above the line.
    pub numerator: f64,
    /// Below the line.
    pub denominator: f64,
}

/// A schedule as written in a contract. In JSON it is `"daily"`, or an object of one of the forms.
#[derive(Debug, Clone, PartialEq)]
pub enum ScheduleSpec {
    /// `"daily"`.
    Daily,
    /// `{"freq": …}` with start, end, day, lock, roll, calendar, month_end, observe_start.
    Rule(RuleSpec),
    /// `{"dates": […]}` with calendar and observe_start. The dates never move by themselves.
    Dates {
        /// The dates.
        dates: Vec<Date>,
        /// Whose sessions they should be.
        calendar: Option<Exchange>,
        /// Whether the first may be the start.
        observe_start: bool,
    },
    /// `{"times": […]}` in years from the start, on all clocks; with observe_start.
    Times {
        /// The times.
        times: Vec<f64>,
        /// Whether the first may be 0.
        observe_start: bool,
    },
    /// `{"n": 250, "dt": "1/250"}`: n rows, dt years apart.
    Grid {
        /// How many.
        n: u32,
        /// How far apart.
        dt: Ratio,
    },
    /// `{"rows": [21, 42, …]}`: rows of the contract's grid, from 1.
    Rows(Vec<u32>),
    /// `{"variance": […], "rate": […], "coupon": […]}`: years from the start, per clock.
    PerClock(NumericRows),
}

/// Times of a numeric schedule on each clock, years from the start. All three have one length.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumericRows {
    /// On the variance clock.
    pub variance: Vec<f64>,
    /// On the rate clock.
    pub rate: Vec<f64>,
    /// On the coupon clock.
    pub coupon: Vec<f64>,
}

impl NumericRows {
    /// The same times on all clocks.
    #[must_use]
    pub fn same(times: Vec<f64>) -> Self {
        Self {
            variance: times.clone(),
            rate: times.clone(),
            coupon: times,
        }
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.variance.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.variance.is_empty()
    }
}

/// One observation of a dated schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatedRow {
    /// When it is observed.
    pub date: Date,
    /// The date before rolling, which survives a change of the calendar.
    pub unadjusted: Date,
    /// Whether the date is announced or projected.
    pub status: Status,
}

/// The observations of a schedule.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Rows {
    /// On dates.
    Dated(Vec<DatedRow>),
    /// In years.
    Numeric(NumericRows),
}

impl Rows {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Dated(rows) => rows.len(),
            Self::Numeric(rows) => rows.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a schedule takes from its contract.
#[derive(Debug, Clone, Copy)]
pub struct ScheduleContext<'a> {
    /// JSON pointer of the schedule, put before the names of its fields.
    pub pointer: &'a str,
    /// The contract's start.
    pub start: Option<Date>,
    /// The contract's end.
    pub end: Option<Date>,
    /// Whose sessions, unless the schedule says.
    pub calendar: Exchange,
    /// How closures are avoided, unless the schedule says.
    pub roll: Roll,
    /// The sessions.
    pub calendars: &'a Calendars,
    /// The contract's grid, of which `rows` are picked.
    pub grid: Option<&'a NumericRows>,
    /// The end of a numeric contract on the variance clock, years.
    pub end_time: Option<f64>,
}

/// A schedule's rows, with what is worth knowing or deciding about them.
#[derive(Debug, Clone, PartialEq)]
pub struct Expansion {
    /// The rows, strictly increasing.
    pub rows: Rows,
    /// Notices and matters for decision; never errors.
    pub notices: Vec<Finding>,
}
