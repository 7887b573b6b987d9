//! The calendars of all exchanges, and what a new announcement changes.

use std::sync::{Arc, LazyLock};

use rialto_kernel::{Calendar as KernelCalendar, Located};
use serde::Serialize;

use super::announced::{Announced, Announcement, Family};
use super::table::{Side, Table};
use super::{Kind, SessionCalendar, Status};
use crate::date::Date;
use crate::exchange::Exchange;

const MAINLAND: &str = include_str!("../../data/mainland.txt");
const HONG_KONG: &str = include_str!("../../data/hongkong.txt");

static BUILTIN: LazyLock<Calendars> =
    LazyLock::new(|| built_in().expect("a test builds the built-in calendars"));

/// The session calendars of every exchange. Cloning shares the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendars {
    mainland: Arc<Announced>,
    hong_kong: Arc<Announced>,
    version: String,
    by_exchange: Arc<Vec<SessionCalendar>>,
}

impl Calendars {
    /// The calendars known when this program was made, built at first use.
    #[must_use]
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    /// Builds the calendars of announced years.
    ///
    /// # Errors
    /// [`Located`] when one of them is of the wrong family.
    pub fn new(mainland: Announced, hong_kong: Announced) -> Result<Self, Located> {
        for (announced, family) in [
            (&mainland, Family::Mainland),
            (&hong_kong, Family::HongKong),
        ] {
            if announced.family != family {
                return Err(Located::of_file(
                    format!("announcement {}", announced.version),
                    format!("expected years of calendar {}", family.name()),
                ));
            }
        }
        let market = Arc::new(Table::build(&mainland, Side::Market));
        let office = Arc::new(Table::build(&mainland, Side::Office));
        let hong = Arc::new(Table::build(&hong_kong, Side::Market));
        let by_exchange = Exchange::ALL
            .into_iter()
            .map(|exchange| {
                let table = match exchange {
                    Exchange::Xhkg => &hong,
                    Exchange::CnIb => &office,
                    _ => &market,
                };
                SessionCalendar::new(exchange, Arc::clone(table))
            })
            .collect();
        let version = format!("{}-{}", Family::Mainland.prefix(), mainland.version);
        Ok(Self {
            mainland: Arc::new(mainland),
            hong_kong: Arc::new(hong_kong),
            version,
            by_exchange: Arc::new(by_exchange),
        })
    }

    /// The sessions of an exchange.
    #[must_use]
    pub fn get(&self, exchange: Exchange) -> &SessionCalendar {
        &self.by_exchange[exchange.index()]
    }

    /// Version of the mainland's calendar, as `cn-2026.1`; the name a market snapshot carries.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Version of an exchange's calendar, as `cn-2026.1` or `hk-2026.1`.
    #[must_use]
    pub fn version_of(&self, exchange: Exchange) -> String {
        let announced = match exchange {
            Exchange::Xhkg => &self.hong_kong,
            _ => &self.mainland,
        };
        format!("{}-{}", announced.family.prefix(), announced.version)
    }

    /// These calendars with a further announcement.
    ///
    /// # Errors
    /// [`Located`] when it leaves a year out.
    pub fn with(&self, announcement: Announcement) -> Result<Self, Located> {
        let (mut mainland, mut hong_kong) = (
            Announced::clone(&self.mainland),
            Announced::clone(&self.hong_kong),
        );
        match announcement.family() {
            Family::Mainland => mainland = mainland.with(announcement)?,
            Family::HongKong => hong_kong = hong_kong.with(announcement)?,
        }
        Self::new(mainland, hong_kong)
    }

    /// What became of the days of every exchange between two states of the calendars.
    #[must_use]
    pub fn reproject(old: &Self, new: &Self) -> Reprojection {
        let mut result = Reprojection {
            from: old.version.clone(),
            to: new.version.clone(),
            announced: Vec::new(),
            changes: Vec::new(),
        };
        for exchange in Exchange::ALL {
            let (before, after) = (old.get(exchange), new.get(exchange));
            if Arc::ptr_eq(&before.table, &after.table) {
                continue;
            }
            if before.last_announced() < after.last_announced() {
                result.announced.push((
                    exchange,
                    Date::raw(before.last_announced().days() + 1),
                    after.last_announced(),
                ));
            }
            let (first, last) = (
                before.coverage().0.min(after.coverage().0),
                before.coverage().1.max(after.coverage().1),
            );
            for date in (first.days()..=last.days()).map(Date::raw) {
                let (was, now) = (DayState::of(before, date), DayState::of(after, date));
                if was.map(|day| day.kind) != now.map(|day| day.kind) {
                    result.changes.push(DayChange {
                        exchange,
                        date,
                        was,
                        now,
                    });
                }
            }
        }
        result
    }
}

/// What is known of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DayState {
    /// The kind of its session; `None` when closed.
    pub kind: Option<Kind>,
    /// Announced or projected.
    pub status: Status,
}

impl DayState {
    fn of(calendar: &SessionCalendar, date: Date) -> Option<Self> {
        Some(Self {
            kind: calendar.kind(date).ok()?,
            status: calendar.status(date).ok()?,
        })
    }
}

/// A day that opened, closed or became another kind of session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DayChange {
    /// Where.
    pub exchange: Exchange,
    /// Which day.
    pub date: Date,
    /// Before; `None` when it was not covered.
    pub was: Option<DayState>,
    /// After; `None` when it is not covered any more.
    pub now: Option<DayState>,
}

/// What a new announcement made of projected days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reprojection {
    /// Version before.
    pub from: String,
    /// Version after.
    pub to: String,
    /// First and last day that were projected and are announced now, per exchange.
    pub announced: Vec<(Exchange, Date, Date)>,
    /// The days on which the announcement differs from what was expected, by exchange and date.
    pub changes: Vec<DayChange>,
}

fn built_in() -> Result<Calendars, Box<dyn std::error::Error>> {
    let mainland = Announced::new(Announcement::parse("mainland.txt", MAINLAND)?)
        .with(Announcement::from_kernel(KernelCalendar::china())?)?;
    let hong_kong = Announced::new(Announcement::parse("hongkong.txt", HONG_KONG)?);
    Ok(Calendars::new(mainland, hong_kong)?)
}
