//! Session calendars: announced sessions, and projected ones beyond the last announced year.

mod announced;
mod project;
mod set;
mod table;

use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use announced::{Announced, Announcement, Family};
pub use set::{Calendars, DayChange, DayState, Reprojection};

use crate::date::{Date, DateError, known};
use crate::exchange::Exchange;
use crate::finding::{Bilingual, Finding};
use table::Table;

/// What trades on a session's date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The whole day session.
    Full,
    /// The morning only.
    Half,
    /// The day session, and before it the night session of the evening of the session before.
    NightDay,
}

/// How far a session is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its year is announced.
    Actual,
    /// Expected by rule; the yearly notice can change it.
    Projected,
}

/// One row of the session table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Session<'a> {
    /// Where.
    pub exchange: Exchange,
    /// Its trading date.
    pub date: Date,
    /// What trades.
    pub kind: Kind,
    /// Announced or projected.
    pub status: Status,
    /// Where it is known from.
    pub source: &'a str,
    /// Version of the source.
    pub version: &'a str,
}

/// How a date that is no session moves to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Roll {
    /// To the next session.
    Following,
    /// To the next session, or the one before when the next is in another month.
    ModifiedFollowing,
    /// To the session before.
    Preceding,
    /// Not at all.
    None,
}

/// Text that names no roll.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no roll: use following, modified_following, preceding or none")]
pub struct UnknownRoll(pub String);

impl FromStr for Roll {
    type Err = UnknownRoll;

    fn from_str(text: &str) -> Result<Self, UnknownRoll> {
        match text {
            "following" => Ok(Self::Following),
            "modified_following" => Ok(Self::ModifiedFollowing),
            "preceding" => Ok(Self::Preceding),
            "none" => Ok(Self::None),
            _ => Err(UnknownRoll(text.to_owned())),
        }
    }
}

/// A question the calendar cannot answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// The day asked about, or the answer, is outside the sessions known.
    #[error(
        "calendar {exchange} covers {first} to {last}, and the question leads to {asked}: \
         shorten the term or load newer calendar data"
    )]
    Coverage {
        /// Whose calendar.
        exchange: Exchange,
        /// The day, as text; `before` or `after` it when counting runs out.
        asked: String,
        /// First day covered.
        first: Date,
        /// Last day covered.
        last: Date,
    },
    /// A date outside the years 1 to 9999.
    #[error(transparent)]
    Date(#[from] DateError),
}

impl CalendarError {
    /// `E-CAL-COVERAGE`, or that of the date.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Coverage { .. } => "E-CAL-COVERAGE",
            Self::Date(error) => error.code(),
        }
    }

    /// The same as a finding about a place of a document.
    #[must_use]
    pub fn finding(&self, pointer: &str) -> Finding {
        match self {
            Self::Coverage {
                exchange,
                asked,
                first,
                last,
            } => Finding::error(
                self.code(),
                pointer,
                asked,
                Bilingual::new(
                    format!("calendar {exchange} covers {first} to {last}"),
                    format!("日历 {exchange} 覆盖 {first} 至 {last}"),
                ),
                Bilingual::new(
                    "shorten the term or load newer calendar data",
                    "请缩短期限或载入更新的日历数据",
                ),
            ),
            Self::Date(error) => Finding::error(
                error.code(),
                pointer,
                error,
                Bilingual::new(
                    "dates lie between 0001-01-01 and 9999-12-31",
                    "日期须在 0001-01-01 至 9999-12-31 之间",
                ),
                Bilingual::new("correct the date", "请更正日期"),
            ),
        }
    }
}

/// Trading dates without a night session in the spring of 2020: suspended from the evening of
/// 2020-02-03, resumed on the evening of 2020-05-06 (notices of the China Securities Regulatory
/// Commission, 2020-02-02, and of the exchanges, 2020-04-24).
const NO_NIGHTS: (Date, Date) = (const { known(2020, 2, 4) }, const { known(2020, 5, 6) });

/// The sessions of one exchange.
///
/// All mainland exchanges trade on the same days and none has half days; they differ in the day
/// they opened and in their night sessions. A night session belongs to the next session's date,
/// and none is held on the evening before a closed weekday.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionCalendar {
    exchange: Exchange,
    table: Arc<Table>,
    first: Date,
}

impl SessionCalendar {
    fn new(exchange: Exchange, table: Arc<Table>) -> Self {
        let first = exchange
            .opened()
            .map_or(table.first, |opened| opened.max(table.first));
        Self {
            exchange,
            table,
            first,
        }
    }

    /// Whose sessions they are.
    #[must_use]
    pub const fn exchange(&self) -> Exchange {
        self.exchange
    }

    /// First and last day it can answer for.
    #[must_use]
    pub fn coverage(&self) -> (Date, Date) {
        (self.first, self.table.last)
    }

    /// The last day of the last announced year; later sessions are projected.
    #[must_use]
    pub fn last_announced(&self) -> Date {
        self.table.last_announced
    }

    /// Whether a day is announced or projected.
    ///
    /// # Errors
    /// [`CalendarError::Coverage`].
    pub fn status(&self, date: Date) -> Result<Status, CalendarError> {
        self.check(date)?;
        Ok(if date <= self.table.last_announced {
            Status::Actual
        } else {
            Status::Projected
        })
    }

    /// Whether a day is a session.
    ///
    /// # Errors
    /// [`CalendarError::Coverage`].
    pub fn is_session(&self, date: Date) -> Result<bool, CalendarError> {
        self.check(date)?;
        Ok(self.table.is_open(date))
    }

    /// The session of a day, when it is one.
    ///
    /// # Errors
    /// [`CalendarError::Coverage`].
    pub fn session(&self, date: Date) -> Result<Option<Session<'_>>, CalendarError> {
        if !self.is_session(date)? {
            return Ok(None);
        }
        let segment = self
            .table
            .segment_of(date)
            .ok_or_else(|| self.outside(date.to_string()))?;
        Ok(Some(Session {
            exchange: self.exchange,
            date,
            kind: self.kind_of_session(date),
            status: segment.status,
            source: &segment.source,
            version: &segment.version,
        }))
    }

    /// The kind of a session; `None` for a closed day.
    ///
    /// # Errors
    /// [`CalendarError::Coverage`].
    pub fn kind(&self, date: Date) -> Result<Option<Kind>, CalendarError> {
        Ok(self.is_session(date)?.then(|| self.kind_of_session(date)))
    }

    fn kind_of_session(&self, date: Date) -> Kind {
        if self.begins_at_night(date) {
            Kind::NightDay
        } else {
            self.table.base_kind(date)
        }
    }

    fn begins_at_night(&self, date: Date) -> bool {
        let Some(first_night) = self.exchange.first_night() else {
            return false;
        };
        if date < first_night || (NO_NIGHTS.0..=NO_NIGHTS.1).contains(&date) {
            return false;
        }
        let Some(before) = self.table.nth(self.table.rank(date).saturating_sub(1)) else {
            return false;
        };
        (before.days() + 1..date.days())
            .map(Date::raw)
            .all(Date::is_weekend)
    }

    /// The first session after a day.
    ///
    /// # Errors
    /// [`CalendarError::Coverage`] also when there is none.
    pub fn next(&self, date: Date) -> Result<Date, CalendarError> {
        self.add_sessions(date, 1)
    }

    /// The last session before a day.
    ///
    /// # Errors
    /// [`CalendarError::Coverage`] also when there is none.
    pub fn previous(&self, date: Date) -> Result<Date, CalendarError> {
        self.add_sessions(date, -1)
    }

    /// The `n`-th session after a day; before it when negative. With 0 the day itself, or the
    /// next session when it is none. The day itself is never counted.
    ///
    /// # Errors
    /// [`CalendarError::Coverage`] also when the sessions run out.
    pub fn add_sessions(&self, date: Date, n: i32) -> Result<Date, CalendarError> {
        self.check(date)?;
        let open = self.table.is_open(date);
        if n == 0 && open {
            return Ok(date);
        }
        let rank = i64::try_from(self.table.rank(date)).unwrap_or(i64::MAX);
        let wanted = match n {
            0 => rank + 1,
            n if n < 0 && !open => rank + 1 + i64::from(n),
            n => rank + i64::from(n),
        };
        usize::try_from(wanted)
            .ok()
            .and_then(|wanted| self.table.nth(wanted))
            .filter(|found| *found >= self.first)
            .ok_or_else(|| self.outside(format!("{n} sessions from {date}")))
    }

    /// Sessions after `from`, up to and including `to`; negative when `to` is before `from`. A
    /// half day is one session. Takes the same time for any two dates.
    ///
    /// # Errors
    /// [`CalendarError::Coverage`].
    pub fn count_sessions(&self, from: Date, to: Date) -> Result<i32, CalendarError> {
        self.check(from)?;
        self.check(to)?;
        // Far fewer sessions than days, and days fit.
        let rank = |date| i32::try_from(self.table.rank(date)).unwrap_or(i32::MAX);
        Ok(rank(to) - rank(from))
    }

    /// The sessions after `from`, up to and including `to`, in order.
    ///
    /// # Errors
    /// [`CalendarError::Coverage`].
    pub fn sessions(
        &self,
        from: Date,
        to: Date,
    ) -> Result<impl ExactSizeIterator<Item = Date> + '_, CalendarError> {
        self.check(from)?;
        self.check(to)?;
        let first = self.table.rank(from);
        let last = self.table.rank(to).max(first);
        Ok(self.table.between(first, last))
    }

    /// A day moved to a session.
    ///
    /// # Errors
    /// [`CalendarError::Coverage`] also when the session is outside.
    pub fn roll(&self, date: Date, roll: Roll) -> Result<Date, CalendarError> {
        if roll == Roll::None || self.is_session(date)? {
            return Ok(date);
        }
        match roll {
            Roll::Following => self.next(date),
            Roll::Preceding => self.previous(date),
            Roll::ModifiedFollowing => match self.next(date) {
                Ok(next) if next.end_of_month() == date.end_of_month() => Ok(next),
                _ => self.previous(date),
            },
            Roll::None => Ok(date),
        }
    }

    /// The last session of a day's month.
    ///
    /// # Errors
    /// [`CalendarError::Coverage`].
    pub fn last_session_of_month(&self, date: Date) -> Result<Date, CalendarError> {
        self.roll(date.end_of_month(), Roll::Preceding)
    }

    /// The trading date a local date and time belongs to. From 20:00 on (the call auction of the
    /// night session is at 20:55) it is the next session's, on exchanges with night sessions; the
    /// hours after midnight and days without trading belong to the next session too.
    ///
    /// # Errors
    /// [`CalendarError::Coverage`].
    pub fn trading_date_of(&self, local: jiff::civil::DateTime) -> Result<Date, CalendarError> {
        let date = Date::try_from(local.date())?;
        let evening = self.exchange.first_night().is_some() && local.hour() >= 20;
        self.add_sessions(date, i32::from(evening))
    }

    /// The last trading day of an index futures contract of a month: the third Friday, or the
    /// next session when that is a closure (CFFEX contract rules, as of IF, IC, IH and IM).
    ///
    /// # Errors
    /// [`CalendarError`].
    pub fn index_futures_expiry(&self, year: i32, month: u32) -> Result<Date, CalendarError> {
        let third = Date::nth_weekday(year, month, crate::Weekday::Friday, 3)?;
        self.roll(third, Roll::Following)
    }

    fn check(&self, date: Date) -> Result<(), CalendarError> {
        if date < self.first || date > self.table.last {
            return Err(self.outside(date.to_string()));
        }
        Ok(())
    }

    fn outside(&self, asked: String) -> CalendarError {
        CalendarError::Coverage {
            exchange: self.exchange,
            asked,
            first: self.first,
            last: self.table.last,
        }
    }
}
