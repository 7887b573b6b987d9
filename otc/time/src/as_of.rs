//! The moment of a valuation, and what is past at it.

use std::fmt;

use jiff::civil::Time;
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::calendar::{CalendarError, Calendars, SessionCalendar};
use crate::clock::{Clock, ClockError};
use crate::date::Date;
use crate::exchange::Exchange;
use crate::finding::{Bilingual, Finding};
use crate::hours::{NightEnd, TradingHours};

/// How far numeric times may differ and still be the same, years.
pub const TIME_TOLERANCE: f64 = 1e-10;

/// Part of a day a valuation is made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DayPhase {
    /// Before trading: the day's whole session is ahead.
    PreOpen,
    /// In the session, at a local time; from 18:00 on in the night session before the date.
    Intraday(Time),
    /// After the day's observations.
    PostClose,
}

/// The moment of a valuation: `{"date", "phase", "time"}`, or years from the start of a numeric
/// contract. `post_close` when the phase is not told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AsOf {
    /// In a dated contract.
    Dated {
        /// Trading date.
        date: Date,
        /// Part of it.
        phase: DayPhase,
    },
    /// Years from the start of a numeric contract.
    Numeric(f64),
}

/// When something is observed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Moment {
    /// On a date.
    Date(Date),
    /// Years from the start.
    Time(f64),
}

/// A question an as-of cannot answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AsOfError {
    /// A numeric as-of for a dated contract, or the other way round.
    #[error(
        "the as-of is {as_of} and the contract's schedule is not: \
         give a date for dated contracts and a number of years for numeric ones"
    )]
    Kind {
        /// `a date` or `a number of years`.
        as_of: &'static str,
    },
    /// The clock has no answer.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The calendar has no answer.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
}

impl AsOfError {
    /// `E-ASOF-KIND`, or that of the cause.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Kind { .. } => "E-ASOF-KIND",
            Self::Clock(error) => error.code(),
            Self::Calendar(error) => error.code(),
        }
    }

    /// The same as a finding about a place of a document.
    #[must_use]
    pub fn finding(&self, pointer: &str) -> Finding {
        match self {
            Self::Clock(error) => error.finding(pointer),
            Self::Calendar(error) => error.finding(pointer),
            Self::Kind { as_of } => Finding::error(
                self.code(),
                pointer,
                as_of,
                Bilingual::new(
                    "the as-of is a date for dated contracts and a number of years for numeric ones",
                    "日期合约的估值时点须为日期,数值合约的估值时点须为年数",
                ),
                Bilingual::new("give the other form", "请改用另一种写法"),
            ),
        }
    }
}

/// A text that is no moment of a valuation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no moment; write 2026-05-18, 2026-05-18:pre_open, 2026-05-18:intraday:10:30, \
     2026-05-18:post_close, or a number of years"
)]
pub struct AsOfTextError(String);

impl std::str::FromStr for AsOf {
    type Err = AsOfTextError;

    /// Reads `DATE`, `DATE:PHASE`, `DATE:intraday:TIME`, or years of a numeric contract.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || AsOfTextError(text.to_owned());
        if let Ok(years) = text.parse::<f64>() {
            let sound = years.is_finite() && years >= 0.0;
            return sound.then_some(Self::Numeric(years)).ok_or_else(wrong);
        }
        let (date, phase) = text.split_once(':').unwrap_or((text, "post_close"));
        let (phase, time) = match phase.split_once(':') {
            Some((phase, time)) => (phase, Some(time)),
            None => (phase, None),
        };
        let phase = match (phase, time) {
            ("pre_open", None) => DayPhase::PreOpen,
            ("post_close", None) => DayPhase::PostClose,
            ("intraday", Some(time)) => DayPhase::Intraday(time.parse().map_err(|_| wrong())?),
            _ => return Err(wrong()),
        };
        let date = date.parse().map_err(|_| wrong())?;
        Ok(Self::Dated { date, phase })
    }
}

impl Default for AsOf {
    /// The start of a numeric contract.
    fn default() -> Self {
        Self::Numeric(0.0)
    }
}

impl AsOf {
    /// After the close of a day.
    #[must_use]
    pub const fn post_close(date: Date) -> Self {
        Self::Dated {
            date,
            phase: DayPhase::PostClose,
        }
    }

    /// Whether an observation is past: its effects must be in the contract's state. Nothing is
    /// ever observed at the moment of a valuation itself.
    ///
    /// # Errors
    /// [`AsOfError::Kind`] when one is dated and the other numeric.
    pub fn is_past(&self, obs: Moment) -> Result<bool, AsOfError> {
        match (self, obs) {
            (Self::Dated { date, phase }, Moment::Date(obs)) => {
                Ok(obs < *date || (obs == *date && *phase == DayPhase::PostClose))
            }
            (Self::Numeric(now), Moment::Time(obs)) => Ok(obs <= now + TIME_TOLERANCE),
            (Self::Dated { .. }, Moment::Time(_)) => Err(AsOfError::Kind { as_of: "a date" }),
            (Self::Numeric(_), Moment::Date(_)) => Err(AsOfError::Kind {
                as_of: "a number of years",
            }),
        }
    }

    /// The share of the day's session that is still ahead: 1 before the open, 0 after the close
    /// and on closed days, in between that of the trading minutes. `night` says how long the
    /// product trades at night, [`NightEnd::of`] the exchange unless known better.
    ///
    /// # Errors
    /// [`AsOfError::Kind`] for a numeric as-of, [`CalendarError::Coverage`].
    pub fn remaining_share(
        &self,
        calendar: &SessionCalendar,
        night: NightEnd,
    ) -> Result<f64, AsOfError> {
        let Self::Dated { date, phase } = *self else {
            return Err(AsOfError::Kind {
                as_of: "a number of years",
            });
        };
        let Some(kind) = calendar.kind(date)? else {
            return Ok(0.0);
        };
        Ok(match phase {
            DayPhase::PreOpen => 1.0,
            DayPhase::PostClose => 0.0,
            DayPhase::Intraday(time) => {
                TradingHours::of(calendar.exchange(), kind, night).remaining_share(time)
            }
        })
    }

    /// Time on the variance clock from this moment to a date: that of the dates, and of today's
    /// part of the clock the share of the session still ahead. `exchange` is where the underlying
    /// trades.
    ///
    /// # Errors
    /// As [`Self::remaining_share`] and [`Clock::year_fraction`].
    pub fn variance_time(
        &self,
        to: Date,
        clock: &Clock,
        exchange: Exchange,
        night: NightEnd,
        calendars: &Calendars,
    ) -> Result<f64, AsOfError> {
        let share = self.remaining_share(calendars.get(exchange), night)?;
        let Self::Dated { date, .. } = *self else {
            return Err(AsOfError::Kind {
                as_of: "a number of years",
            });
        };
        let whole = clock.year_fraction(date, to, calendars)?;
        if share == 0.0 {
            return Ok(whole);
        }
        let yesterday = date.add_days(-1).map_err(CalendarError::from)?;
        let today = clock.year_fraction(yesterday, date, calendars)?;
        Ok(whole + share * today)
    }
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numeric(years) => write!(f, "{years}"),
            Self::Dated { date, phase } => match phase {
                DayPhase::PreOpen => write!(f, "{date} pre_open"),
                DayPhase::Intraday(time) => write!(f, "{date} intraday {time}"),
                DayPhase::PostClose => write!(f, "{date} post_close"),
            },
        }
    }
}

impl Serialize for AsOf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (date, phase) = match self {
            Self::Numeric(years) => return serializer.serialize_f64(*years),
            Self::Dated { date, phase } => (date, phase),
        };
        let (name, time) = match phase {
            DayPhase::PreOpen => ("pre_open", None),
            DayPhase::Intraday(time) => ("intraday", Some(time)),
            DayPhase::PostClose => ("post_close", None),
        };
        let fields = if time.is_some() { 3 } else { 2 };
        let mut object = serializer.serialize_struct("AsOf", fields)?;
        object.serialize_field("date", date)?;
        object.serialize_field("phase", name)?;
        if let Some(time) = time {
            object.serialize_field("time", time)?;
        }
        object.end()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    date: Option<Date>,
    phase: Option<PhaseName>,
    time: Option<Time>,
    /// How `serde_json` hands over a number it keeps as text; plain text, since it is no option.
    #[serde(default, rename = "$serde_json::private::Number")]
    number: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum PhaseName {
    PreOpen,
    Intraday,
    PostClose,
}

impl<'de> Deserialize<'de> for AsOf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AsOfVisitor)
    }
}

struct AsOfVisitor;

fn numeric<E: de::Error>(years: f64) -> Result<AsOf, E> {
    if !years.is_finite() || years < 0.0 {
        return Err(E::custom(
            "a numeric as-of is a number of years from the start, 0 or more",
        ));
    }
    Ok(AsOf::Numeric(years))
}

impl<'de> Visitor<'de> for AsOfVisitor {
    type Value = AsOf;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with date, phase and time, or a number of years")
    }

    fn visit_f64<E: de::Error>(self, years: f64) -> Result<AsOf, E> {
        numeric(years)
    }

    fn visit_u64<E: de::Error>(self, years: u64) -> Result<AsOf, E> {
        numeric(years as f64)
    }

    fn visit_i64<E: de::Error>(self, years: i64) -> Result<AsOf, E> {
        numeric(years as f64)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AsOf, A::Error> {
        let fields = Fields::deserialize(de::value::MapAccessDeserializer::new(map))?;
        if !fields.number.is_empty() {
            let years = fields
                .number
                .parse()
                .map_err(|_| de::Error::custom(format!("{:?} is no number", fields.number)))?;
            return numeric(years);
        }
        let date = fields
            .date
            .ok_or_else(|| de::Error::missing_field("date"))?;
        let phase = match (fields.phase, fields.time) {
            (Some(PhaseName::Intraday), Some(time)) => DayPhase::Intraday(time),
            (Some(PhaseName::Intraday), None) => {
                return Err(de::Error::custom("phase intraday needs a time, as 10:45"));
            }
            (_, Some(_)) => {
                return Err(de::Error::custom(
                    "time goes with phase intraday alone: remove it or name that phase",
                ));
            }
            (Some(PhaseName::PreOpen), None) => DayPhase::PreOpen,
            (Some(PhaseName::PostClose) | None, None) => DayPhase::PostClose,
        };
        Ok(AsOf::Dated { date, phase })
    }
}
