//! Trading hours of a session, for the share of it that remains.

use jiff::civil::{Time, time};
use serde::{Deserialize, Serialize};

use crate::calendar::Kind;
use crate::exchange::Exchange;

/// When a product's night session ends; it begins at 21:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NightEnd {
    /// The product trades by day only.
    #[serde(rename = "none")]
    None,
    /// 23:00, as rebar, rubber and all of XDCE and XZCE.
    #[serde(rename = "23:00")]
    At2300,
    /// 01:00, as copper and the other base metals.
    #[serde(rename = "01:00")]
    At0100,
    /// 02:30, as gold, silver and crude oil.
    #[serde(rename = "02:30")]
    At0230,
}

impl NightEnd {
    /// What most products of an exchange do: base metals on XSGE, crude oil on XINE.
    #[must_use]
    pub const fn of(exchange: Exchange) -> Self {
        match exchange {
            Exchange::Xdce | Exchange::Xzce => Self::At2300,
            Exchange::Xsge => Self::At0100,
            Exchange::Xine => Self::At0230,
            _ => Self::None,
        }
    }
}

/// An uninterrupted part of a session, as minutes on a line that begins at 18:00 of the evening
/// before the trading date, so that a night session precedes its day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// First minute.
    pub from: u16,
    /// First minute after it.
    pub to: u16,
}

/// The parts of one session in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradingHours {
    parts: Vec<Part>,
}

impl TradingHours {
    /// The hours of a kind of session, as they are today. `night` says how long the product trades
    /// in a session that begins at night.
    ///
    /// Trading minutes: 240 on XSHG, XSHE and for index futures on CCFX; 225 by day on commodity
    /// exchanges, plus 120, 240 or 330 at night; 330 on XHKG, 150 on its half days; 390 on CN-IB.
    #[must_use]
    pub fn of(exchange: Exchange, kind: Kind, night: NightEnd) -> Self {
        let (morning, day): (&[_], &[_]) = match exchange {
            Exchange::Xshg | Exchange::Xshe | Exchange::Ccfx => (
                &[(time(9, 30, 0, 0), time(11, 30, 0, 0))],
                &[(time(13, 0, 0, 0), time(15, 0, 0, 0))],
            ),
            Exchange::Xsge | Exchange::Xine | Exchange::Xdce | Exchange::Xzce | Exchange::Gfex => (
                &[
                    (time(9, 0, 0, 0), time(10, 15, 0, 0)),
                    (time(10, 30, 0, 0), time(11, 30, 0, 0)),
                ],
                &[(time(13, 30, 0, 0), time(15, 0, 0, 0))],
            ),
            Exchange::Xhkg => (
                &[(time(9, 30, 0, 0), time(12, 0, 0, 0))],
                &[(time(13, 0, 0, 0), time(16, 0, 0, 0))],
            ),
            Exchange::CnIb => (
                &[(time(9, 0, 0, 0), time(12, 0, 0, 0))],
                &[(time(13, 30, 0, 0), time(17, 0, 0, 0))],
            ),
        };
        let evening = match (kind, night) {
            (Kind::NightDay, NightEnd::At2300) => Some(time(23, 0, 0, 0)),
            (Kind::NightDay, NightEnd::At0100) => Some(time(1, 0, 0, 0)),
            (Kind::NightDay, NightEnd::At0230) => Some(time(2, 30, 0, 0)),
            _ => None,
        };
        let afternoon = if kind == Kind::Half { &[] } else { day };
        let parts = evening
            .map(|end| (time(21, 0, 0, 0), end))
            .iter()
            .chain(morning)
            .chain(afternoon)
            .map(|(from, to)| Part {
                from: line(*from),
                to: line(*to),
            })
            .collect();
        Self { parts }
    }

    /// The parts in order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Trading minutes of the whole session.
    #[must_use]
    pub fn minutes(&self) -> u16 {
        self.parts.iter().map(|part| part.to - part.from).sum()
    }

    /// The share of the trading minutes still ahead at a local time, 1 before the open and 0 from
    /// the close on. Times from 18:00 on are of the evening before the trading date.
    #[must_use]
    pub fn remaining_share(&self, at: Time) -> f64 {
        let seconds = f64::from(at.second()) / 60.0;
        let now = f64::from(line(at)) + seconds;
        let ahead: f64 = self
            .parts
            .iter()
            .map(|part| f64::from(part.to) - f64::from(part.from).max(now))
            .filter(|minutes| *minutes > 0.0)
            .sum();
        match self.minutes() {
            0 => 0.0,
            all => ahead / f64::from(all),
        }
    }
}

/// Minutes since 18:00 of the evening before.
fn line(at: Time) -> u16 {
    let minutes = u16::from(at.hour().unsigned_abs()) * 60 + u16::from(at.minute().unsigned_abs());
    (minutes + 6 * 60) % (24 * 60)
}
