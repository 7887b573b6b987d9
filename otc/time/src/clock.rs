//! Rules that turn dates into year fractions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::calendar::{CalendarError, Calendars};
use crate::date::{Date, DateError, days_in_month};
use crate::exchange::Exchange;
use crate::finding::{Bilingual, Finding, Findings};

/// One kind of clock. Its text form stands in contracts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Clock {
    /// Sessions of an exchange per year, `sessions:XSHG/244`.
    Sessions {
        /// Whose sessions.
        exchange: Exchange,
        /// Sessions that make a year.
        basis: u16,
    },
    /// Calendar days / 365, `act365`.
    Act365,
    /// Calendar days / 360, `act360`.
    Act360,
    /// Months of 30 days, a 31st being a 30th, / 360 (ISDA 2006 Definitions, 4.16(g), 30E/360),
    /// `30e360`.
    Thirty360,
    /// Whole months / 12, and of the month begun the share of its days, `months12`. A month later
    /// is as with [`Date::add_months`]; use unadjusted dates, on which periods are whole.
    Months12,
    /// Sessions count 1, closed days a weight between 0 and 1, `weighted:XSHG:0.1/256`.
    Weighted {
        /// Whose sessions.
        exchange: Exchange,
        /// Weight of a closed day.
        closed: f64,
        /// Weighted days that make a year.
        basis: f64,
    },
    /// No time factor: always 1, `absolute`. Not additive.
    Absolute,
    /// The times of a numeric schedule themselves, `times`; has no answer for dates.
    Times,
}

/// Why a clock gives no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ClockError {
    /// Text that is no clock.
    #[error(
        "{0:?} is no clock: use sessions:EXCHANGE/SESSIONS, act365, act360, 30e360, months12, \
         weighted:EXCHANGE:WEIGHT/DAYS, absolute or times"
    )]
    Text(String),
    /// Dates given to the clock of numeric schedules.
    #[error(
        "the clock \"times\" reads numeric schedules and has no answer for {from} to {to}: \
         name a dated clock, as sessions:XSHG/244 or act365"
    )]
    Dated {
        /// From.
        from: Date,
        /// To.
        to: Date,
    },
    /// The calendar has no answer.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// A date out of range.
    #[error(transparent)]
    Date(#[from] DateError),
}

impl ClockError {
    /// `E-CLOCK-TEXT`, `E-CLOCK-TIMES`, or that of the cause.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Text(_) => "E-CLOCK-TEXT",
            Self::Dated { .. } => "E-CLOCK-TIMES",
            Self::Calendar(error) => error.code(),
            Self::Date(error) => error.code(),
        }
    }

    /// The same as a finding about a place of a document.
    #[must_use]
    pub fn finding(&self, pointer: &str) -> Finding {
        match self {
            Self::Calendar(error) => error.finding(pointer),
            Self::Date(error) => CalendarError::from(error.clone()).finding(pointer),
            Self::Text(text) => Finding::error(
                self.code(),
                pointer,
                text,
                Bilingual::new(
                    "a clock is sessions:EXCHANGE/SESSIONS, act365, act360, 30e360, months12, \
                     weighted:EXCHANGE:WEIGHT/DAYS, absolute or times",
                    "时钟须为 sessions:交易所/天数、act365、act360、30e360、months12、\
                     weighted:交易所:权重/天数、absolute 或 times",
                ),
                Bilingual::new("name one of these clocks", "请改用其中一种时钟"),
            ),
            Self::Dated { from, to } => Finding::error(
                self.code(),
                pointer,
                format!("{from}..{to}"),
                Bilingual::new(
                    "the clock \"times\" reads numeric schedules and has no answer for dates",
                    "时钟 times 只用于数值日程,不能用于日期",
                ),
                Bilingual::new(
                    "name a dated clock, as sessions:XSHG/244 or act365",
                    "请改用日期时钟,如 sessions:XSHG/244 或 act365",
                ),
            ),
        }
    }
}

impl Clock {
    /// Years from one date to another; negative backwards. Additive, `f(a,c) = f(a,b) + f(b,c)`,
    /// for sessions, act365, act360, 30e360 and weighted.
    ///
    /// # Errors
    /// [`ClockError`] when the calendar does not cover the dates, or for [`Clock::Times`].
    pub fn year_fraction(
        &self,
        from: Date,
        to: Date,
        calendars: &Calendars,
    ) -> Result<f64, ClockError> {
        Ok(match *self {
            Self::Sessions { exchange, basis } => {
                let count = calendars.get(exchange).count_sessions(from, to)?;
                f64::from(count) / f64::from(basis)
            }
            Self::Act365 => f64::from(to - from) / 365.0,
            Self::Act360 => f64::from(to - from) / 360.0,
            Self::Thirty360 => f64::from(days_of_360(to) - days_of_360(from)) / 360.0,
            Self::Months12 if to < from => -months(to, from)? / 12.0,
            Self::Months12 => months(from, to)? / 12.0,
            Self::Weighted {
                exchange,
                closed,
                basis,
            } => {
                let open = calendars.get(exchange).count_sessions(from, to)?;
                let rest = (to - from) - open;
                (f64::from(open) + closed * f64::from(rest)) / basis
            }
            Self::Absolute => 1.0,
            Self::Times => return Err(ClockError::Dated { from, to }),
        })
    }

    /// Years of accrual to an observation that was generated as `unadjusted` and rolled to
    /// `date`: months are counted to the unadjusted date, all else to the date itself.
    ///
    /// # Errors
    /// As [`Self::year_fraction`].
    pub fn accrual(
        &self,
        from: Date,
        date: Date,
        unadjusted: Date,
        calendars: &Calendars,
    ) -> Result<f64, ClockError> {
        let to = match self {
            Self::Months12 => unadjusted,
            _ => date,
        };
        self.year_fraction(from, to, calendars)
    }

    /// Whether year fractions of adjoining intervals add up.
    #[must_use]
    pub const fn is_additive(&self) -> bool {
        !matches!(self, Self::Months12 | Self::Absolute)
    }

    /// The calendar it counts sessions of.
    #[must_use]
    pub const fn exchange(&self) -> Option<Exchange> {
        match self {
            Self::Sessions { exchange, .. } | Self::Weighted { exchange, .. } => Some(*exchange),
            _ => None,
        }
    }
}

/// Days of a 360-day calendar.
fn days_of_360(date: Date) -> i32 {
    let (year, month, day) = date.civil();
    year * 360 + month.cast_signed() * 30 + day.min(30).cast_signed()
}

/// Months from a date to a later one.
fn months(from: Date, to: Date) -> Result<f64, DateError> {
    let ((from_year, from_month, from_day), (year, month, day)) = (from.civil(), to.civil());
    let mut whole = (year - from_year) * 12 + month.cast_signed() - from_month.cast_signed();
    // The month is whole when the day is reached, which in a short month is its last.
    if day < from_day.min(days_in_month(year, month)) {
        whole -= 1;
    }
    let reached = from.add_months(whole)?;
    if reached == to {
        return Ok(f64::from(whole));
    }
    let next = from.add_months(whole + 1)?;
    Ok(f64::from(whole) + f64::from(to - reached) / f64::from(next - reached))
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sessions { exchange, basis } => write!(f, "sessions:{exchange}/{basis}"),
            Self::Act365 => f.write_str("act365"),
            Self::Act360 => f.write_str("act360"),
            Self::Thirty360 => f.write_str("30e360"),
            Self::Months12 => f.write_str("months12"),
            Self::Weighted {
                exchange,
                closed,
                basis,
            } => write!(f, "weighted:{exchange}:{closed}/{basis}"),
            Self::Absolute => f.write_str("absolute"),
            Self::Times => f.write_str("times"),
        }
    }
}

impl FromStr for Clock {
    type Err = ClockError;

    fn from_str(text: &str) -> Result<Self, ClockError> {
        let plain = match text {
            "act365" => Some(Self::Act365),
            "act360" => Some(Self::Act360),
            "30e360" => Some(Self::Thirty360),
            "months12" => Some(Self::Months12),
            "absolute" => Some(Self::Absolute),
            "times" => Some(Self::Times),
            _ => None,
        };
        plain
            .or_else(|| sessions(text.strip_prefix("sessions:")?))
            .or_else(|| weighted(text.strip_prefix("weighted:")?))
            .ok_or_else(|| ClockError::Text(text.to_owned()))
    }
}

fn sessions(text: &str) -> Option<Clock> {
    let (exchange, basis) = text.split_once('/')?;
    Some(Clock::Sessions {
        exchange: exchange.parse().ok()?,
        basis: basis
            .parse()
            .ok()
            .filter(|basis| (1..=366).contains(basis))?,
    })
}

fn weighted(text: &str) -> Option<Clock> {
    let (exchange, numbers) = text.split_once(':')?;
    let (closed, basis) = numbers.split_once('/')?;
    let (closed, basis): (f64, f64) = (closed.parse().ok()?, basis.parse().ok()?);
    let sound = (0.0..=1.0).contains(&closed) && basis > 0.0 && basis <= 366.0;
    sound.then_some(Clock::Weighted {
        exchange: exchange.parse().ok()?,
        closed,
        basis,
    })
}

impl TryFrom<String> for Clock {
    type Error = ClockError;

    fn try_from(text: String) -> Result<Self, ClockError> {
        text.parse()
    }
}

impl From<Clock> for String {
    fn from(clock: Clock) -> Self {
        clock.to_string()
    }
}

/// What a clock drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClockRole {
    /// Diffusion: sessions, act365, weighted or times.
    Variance,
    /// Rates, discounting and financing: act365, act360, sessions or times.
    Rate,
    /// Accrual of coupons: all but weighted.
    Coupon,
}

impl ClockRole {
    const ALL: [Self; 3] = [Self::Variance, Self::Rate, Self::Coupon];

    /// Its name in contracts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Variance => "variance",
            Self::Rate => "rate",
            Self::Coupon => "coupon",
        }
    }

    const fn kinds(self) -> &'static str {
        match self {
            Self::Variance => "sessions:EXCHANGE/SESSIONS, act365, weighted:… or times",
            Self::Rate => "act365, act360, sessions:EXCHANGE/SESSIONS or times",
            Self::Coupon => {
                "act365, act360, 30e360, months12, sessions:EXCHANGE/SESSIONS, absolute or times"
            }
        }
    }

    const fn accepts(self, clock: &Clock) -> bool {
        match self {
            Self::Variance => matches!(
                clock,
                Clock::Sessions { .. } | Clock::Act365 | Clock::Weighted { .. } | Clock::Times
            ),
            Self::Rate => matches!(
                clock,
                Clock::Sessions { .. } | Clock::Act365 | Clock::Act360 | Clock::Times
            ),
            Self::Coupon => !matches!(clock, Clock::Weighted { .. }),
        }
    }
}

/// The three clocks of a contract.
///
/// `{"variance": "sessions:XSHG/244", "rate": "act365", "coupon": "act365"}`, or
/// `{"all": "times"}` for numeric schedules.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ClocksForm", into = "ClocksForm")]
pub struct Clocks {
    /// Drives diffusion.
    pub variance: Clock,
    /// Drives rates, discounting and financing.
    pub rate: Clock,
    /// Drives accrual.
    pub coupon: Clock,
}

/// The clocks as they stand in a document, before their values are looked at.
///
/// Reading them by [`ClocksForm::read`] gives every finding with its place; `Deserialize` of
/// [`Clocks`] can give them as text alone.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClocksForm {
    #[serde(skip_serializing_if = "Option::is_none")]
    all: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coupon: Option<String>,
}

impl Clocks {
    /// Those of numeric schedules.
    pub const TIMES: Self = Self {
        variance: Clock::Times,
        rate: Clock::Times,
        coupon: Clock::Times,
    };

    /// The shipped default of dated contracts: sessions of the underlying's exchange, act365 for
    /// rate and coupon. A year is 244 sessions on the mainland and 246 in Hong Kong, about the
    /// mean of 2007 to 2026.
    #[must_use]
    pub const fn standard(exchange: Exchange) -> Self {
        let basis = match exchange {
            Exchange::Xhkg => 246,
            Exchange::CnIb => 250,
            _ => 244,
        };
        Self {
            variance: Clock::Sessions { exchange, basis },
            rate: Clock::Act365,
            coupon: Clock::Act365,
        }
    }

    /// The clock of a role.
    #[must_use]
    pub const fn of(&self, role: ClockRole) -> &Clock {
        match role {
            ClockRole::Variance => &self.variance,
            ClockRole::Rate => &self.rate,
            ClockRole::Coupon => &self.coupon,
        }
    }
}

impl ClocksForm {
    /// The clocks; `pointer` is the place of the form in its document.
    ///
    /// # Errors
    /// All [`Findings`] at once.
    pub fn read(self, pointer: &str) -> Result<Clocks, Findings> {
        let mut findings = Vec::new();
        if let Some(all) = &self.all
            && (self.variance.is_some() || self.rate.is_some() || self.coupon.is_some())
        {
            findings.push(Finding::error(
                "E-CLOCK-FORM",
                "/all",
                all,
                Bilingual::new(
                    "all stands for the three clocks together",
                    "all 同时代表三个时钟",
                ),
                Bilingual::new(
                    "name either all, or variance, rate and coupon",
                    "请只写 all,或分别写 variance、rate 和 coupon",
                ),
            ));
        }
        let found = ClockRole::ALL.map(|role| {
            let own = match role {
                ClockRole::Variance => &self.variance,
                ClockRole::Rate => &self.rate,
                ClockRole::Coupon => &self.coupon,
            };
            let (text, pointer) = match own {
                Some(text) => (Some(text), format!("/{}", role.name())),
                None => (self.all.as_ref(), "/all".to_owned()),
            };
            clock_for(role, text, pointer, &mut findings)
        });
        match found {
            [Some(variance), Some(rate), Some(coupon)] if findings.is_empty() => Ok(Clocks {
                variance,
                rate,
                coupon,
            }),
            _ => Err(Findings(findings).under(pointer)),
        }
    }
}

fn clock_for(
    role: ClockRole,
    text: Option<&String>,
    pointer: String,
    findings: &mut Vec<Finding>,
) -> Option<Clock> {
    let rule = || {
        Bilingual::new(
            format!("the {} clock is one of {}", role.name(), role.kinds()),
            format!("{} 时钟须为 {} 之一", role.name(), role.kinds()),
        )
    };
    let cure = Bilingual::new("name one of these clocks", "请改用其中一种时钟");
    let Some(text) = text else {
        let pointer = format!("/{}", role.name());
        findings.push(Finding::error("E-CLOCK-MISSING", pointer, "", rule(), cure));
        return None;
    };
    let (code, value) = match text.parse::<Clock>() {
        Ok(clock) if role.accepts(&clock) => return Some(clock),
        Ok(_) => ("E-CLOCK-KIND", text),
        Err(error) => (error.code(), text),
    };
    findings.push(Finding::error(code, pointer, value, rule(), cure));
    None
}

impl TryFrom<ClocksForm> for Clocks {
    type Error = Findings;

    fn try_from(raw: ClocksForm) -> Result<Self, Findings> {
        raw.read("")
    }
}

impl From<Clocks> for ClocksForm {
    fn from(clocks: Clocks) -> Self {
        if clocks == Clocks::TIMES {
            return Self {
                all: Some(clocks.variance.to_string()),
                ..Self::default()
            };
        }
        Self {
            all: None,
            variance: Some(clocks.variance.to_string()),
            rate: Some(clocks.rate.to_string()),
            coupon: Some(clocks.coupon.to_string()),
        }
    }
}
