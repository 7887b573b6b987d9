//! Two years of daily closes: correlated geometric Brownian motion with a volatility that comes in
//! waves, jumps, price limits, and days on which a share does not trade.

use std::collections::BTreeSet;

use rialto_otc_numerics::exponential::exp;
use rialto_otc_time::{Calendars, Date, Exchange};
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive as _, ToPrimitive as _};

use crate::SampleError;
use crate::dice::Dice;
use crate::names::{ASSETS, Asset, Class};

/// Sessions a year.
const YEAR: f64 = 244.0;
/// Jumps a session, of the whole market and of one name.
const MARKET_JUMPS: f64 = 0.006;
const OWN_JUMPS: f64 = 0.004;

/// Closes of every asset.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    /// Sessions, the last one that of the house.
    pub sessions: Vec<Date>,
    /// For each asset its unrounded closes.
    closes: Vec<Vec<f64>>,
    /// For each asset the sessions on which it does not trade.
    halts: Vec<BTreeSet<usize>>,
}

/// The share of a day that a price may move.
fn limit(class: Class) -> f64 {
    match class {
        Class::Index => 0.08,
        Class::Stock => 0.10,
        Class::Commodity => 0.07,
    }
}

impl Paths {
    /// Draws the closes of the two years up to a session.
    pub fn new(seed: u64, as_of: Date, calendars: &Calendars) -> Result<Self, SampleError> {
        let told = |_| SampleError::Calendar(as_of);
        let calendar = calendars.get(Exchange::Xshg);
        let first = as_of
            .add_months(-24)
            .map_err(|_| SampleError::Calendar(as_of))?;
        let mut day = calendar.previous(first).map_err(told)?;
        let mut sessions = Vec::with_capacity(500);
        while day <= as_of {
            sessions.push(day);
            day = calendar.next(day).map_err(told)?;
        }
        let halts = halts(seed, sessions.len());
        let closes = closes(seed, sessions.len(), &halts);
        Ok(Self {
            sessions,
            closes,
            halts,
        })
    }

    /// The session on a date or the first after it; the last of all when none is.
    pub fn session_from(&self, date: Date) -> usize {
        let at = self.sessions.partition_point(|session| *session < date);
        at.min(self.sessions.len() - 1)
    }

    /// Position of a session.
    pub fn position(&self, date: Date) -> Option<usize> {
        self.sessions.binary_search(&date).ok()
    }

    /// Whether an underlying does not trade in a session.
    pub fn halted(&self, code: &str, session: usize) -> bool {
        asset(code).is_some_and(|(at, _)| self.halts[at].contains(&session))
    }

    /// Official close of an underlying in a session; a future follows its commodity. On a day
    /// without trade it is the close before.
    pub fn close(&self, code: &str, session: usize) -> Decimal {
        let Some((at, asset)) = asset(code) else {
            return Decimal::ONE;
        };
        let close = self.closes[at].get(session).copied().unwrap_or(asset.first);
        // The farther its month, the dearer the future: storage and interest.
        let months = month_of(code).map_or(0, |(year, month)| {
            let (y, m, _) = self.sessions[session.min(self.sessions.len() - 1)].civil();
            12 * (year - y) + month - i32::try_from(m).unwrap_or(0)
        });
        tick(close * (1.0 + 0.002 * f64::from(months)), asset)
    }

    /// All closes of the assets' own codes and of some futures: code, session, close; days without
    /// trade are left out.
    pub fn published(&self, futures: &BTreeSet<String>) -> Vec<(String, usize, Decimal)> {
        let own = ASSETS
            .iter()
            .filter(|asset| asset.class != Class::Commodity)
            .map(|asset| asset.code.to_owned());
        let mut rows = Vec::new();
        for code in own.chain(futures.iter().cloned()) {
            let last = expiry(&code).unwrap_or(Date::MAX);
            let listed = last.add_months(-14).unwrap_or(Date::MIN);
            for (session, date) in self.sessions.iter().enumerate() {
                let traded = *date <= last && (month_of(&code).is_none() || *date >= listed);
                if traded && !self.halted(&code, session) {
                    rows.push((code.clone(), session, self.close(&code, session)));
                }
            }
        }
        rows
    }
}

/// The asset of a code, that of a future's commodity included.
pub(crate) fn asset(code: &str) -> Option<(usize, &'static Asset)> {
    ASSETS.iter().enumerate().find(|(_, asset)| {
        asset.code == code || (month_of(code).is_some() && code.starts_with(asset.code))
    })
}

/// Year and month of a future's code, `XSGE:cu2609`.
fn month_of(code: &str) -> Option<(i32, i32)> {
    let (_, name) = code.split_once(':')?;
    let digits = name.trim_start_matches(|c: char| c.is_ascii_lowercase());
    if digits.len() != 4 || digits.len() == name.len() {
        return None;
    }
    let number: i32 = digits.parse().ok()?;
    Some((2000 + number / 100, number % 100))
}

/// The middle of a future's month; `None` for what is no future.
pub(crate) fn expiry(code: &str) -> Option<Date> {
    let (year, month) = month_of(code)?;
    Date::new(year, u32::try_from(month).ok()?, 15).ok()
}

/// The future of a commodity that still trades on a date: that of the month after it.
pub(crate) fn future(commodity: &str, end: Date) -> String {
    let after = end.add_months(1).unwrap_or(end);
    format!("{commodity}{:02}{:02}", after.year() % 100, after.month())
}

fn tick(price: f64, asset: &Asset) -> Decimal {
    let step = Decimal::new(asset.tick, 4);
    let steps = price / step.to_f64().unwrap_or(1.0);
    let steps = Decimal::from_f64(steps.round()).unwrap_or(Decimal::ONE);
    (steps.max(Decimal::ONE) * step).normalize()
}

/// Two stops of trade for every share.
fn halts(seed: u64, sessions: usize) -> Vec<BTreeSet<usize>> {
    let of = |asset: &Asset| {
        let mut dice = Dice::new(seed, &format!("halts {}", asset.code));
        let mut days = BTreeSet::new();
        if asset.class == Class::Stock && sessions > 100 {
            for _ in 0..2 {
                // Not in the last weeks: the house's own day has a price for everything.
                let from = dice.whole(30, sessions as i64 - 60) as usize;
                let length = dice.whole(1, 5) as usize;
                days.extend(from..from + length);
            }
        }
        days
    };
    ASSETS.iter().map(of).collect()
}

fn closes(seed: u64, sessions: usize, halts: &[BTreeSet<usize>]) -> Vec<Vec<f64>> {
    let mut market = Dice::new(seed, "market");
    let mut metals = Dice::new(seed, "commodities");
    let mut own: Vec<Dice> = ASSETS
        .iter()
        .map(|asset| Dice::new(seed, asset.code))
        .collect();
    let mut closes: Vec<Vec<f64>> = ASSETS.iter().map(|asset| vec![asset.first]).collect();
    let day = (1.0 / YEAR).sqrt();
    let mut wave = 0.0_f64;
    for session in 1..sessions {
        wave = 0.97 * wave + 0.08 * market.normal();
        let loud = exp(wave).clamp(0.5, 2.2);
        let jump = match market.chance(MARKET_JUMPS) {
            true => -0.02 + 0.02 * market.normal(),
            false => 0.0,
        };
        let (stocks, goods) = (market.normal(), metals.normal());
        for (at, asset) in ASSETS.iter().enumerate() {
            let dice = &mut own[at];
            let (alone, own_jump) = (dice.normal(), dice.chance(OWN_JUMPS));
            let (shared, jump) = match asset.class {
                Class::Commodity => (goods, 0.0),
                _ => (stocks, jump),
            };
            let shock = asset.common.sqrt() * shared + (1.0 - asset.common).sqrt() * alone;
            let mut log = asset.vol * loud * day * shock - 0.5 * asset.vol.powi(2) / YEAR + jump;
            if own_jump && asset.class != Class::Index {
                log += 0.03 * dice.normal();
            }
            let before = closes[at][session - 1];
            let most = limit(asset.class);
            let moved = match halts[at].contains(&session) {
                true => before,
                false => before * exp(log).clamp(1.0 - most, 1.0 + most),
            };
            closes[at].push(moved);
        }
    }
    closes
}

/// Correlation of two assets' log-returns, to two decimals.
pub(crate) fn correlation(a: &Asset, b: &Asset) -> Decimal {
    let market = |asset: &Asset| asset.class == Class::Commodity;
    let rho = match (a.code == b.code, market(a) == market(b)) {
        (true, _) => 1.0,
        (false, true) => (a.common * b.common).sqrt(),
        (false, false) => 0.1,
    };
    Decimal::from_f64((rho * 100.0).round())
        .map(|hundredths| hundredths / Decimal::ONE_HUNDRED)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(seed: u64) -> Paths {
        let day = "2026-11-20".parse().expect("a date");
        Paths::new(seed, day, Calendars::builtin()).expect("covered")
    }

    #[test]
    fn closes_stay_within_their_limits_and_stand_still_while_halted() {
        let paths = paths(3);
        for (at, asset) in ASSETS.iter().enumerate() {
            for session in 1..paths.sessions.len() {
                let (a, b) = (paths.closes[at][session - 1], paths.closes[at][session]);
                assert!((b / a - 1.0).abs() <= limit(asset.class) + 1e-12);
                if paths.halts[at].contains(&session) {
                    assert_eq!(a, b);
                }
            }
        }
        let halted: usize = paths.halts.iter().map(BTreeSet::len).sum();
        assert!(halted >= 8, "{halted}");
    }

    #[test]
    fn realised_volatility_and_correlation_are_near_what_was_asked_for() {
        let paths = paths(5);
        let logs = |at: usize| -> Vec<f64> {
            let pairs = paths.closes[at].windows(2);
            pairs.map(|pair| (pair[1] / pair[0]).ln()).collect()
        };
        let (a, b) = (logs(0), logs(2));
        let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
        let vol = (dot(&a, &a) / a.len() as f64 * YEAR).sqrt();
        assert!((0.14..0.36).contains(&vol), "{vol}");
        let rho = dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt();
        assert!((0.75..0.97).contains(&rho), "{rho}");
    }

    #[test]
    fn a_future_follows_its_commodity_until_its_month() {
        let paths = paths(1);
        let near = paths.close("XSGE:cu2612", 480);
        let far = paths.close("XSGE:cu2706", 480);
        assert!(near < far, "{near} {far}");
        assert_eq!(near % Decimal::TEN, Decimal::ZERO, "its tick is 10");
        let end = "2026-09-20".parse().expect("a date");
        assert_eq!(future("XDCE:i", end), "XDCE:i2610");
        assert_eq!(expiry("XSHG:000905"), None);
    }
}
