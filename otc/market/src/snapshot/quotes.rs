//! Quotes as they are written: decimals by tenor, date or years.

use std::collections::BTreeMap;
use std::fmt;

use rialto_otc_time::{AsOf, Date, Tenor};
use rust_decimal::Decimal;

/// Where on the time axis a quote stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pillar {
    /// So long after the as-of date.
    Tenor(Tenor),
    /// On a date.
    Date(Date),
    /// Years from the start of a numeric contract, on its clocks.
    Years(Decimal),
}

impl Pillar {
    /// The date of a pillar in a dated market; `None` for years, numeric markets and dates out of
    /// range.
    #[must_use]
    pub fn date(&self, as_of: &AsOf) -> Option<Date> {
        match (self, as_of) {
            (Self::Tenor(tenor), AsOf::Dated { date, .. }) => tenor.after(*date, 1).ok(),
            (Self::Date(date), AsOf::Dated { .. }) => Some(*date),
            _ => None,
        }
    }
}

impl fmt::Display for Pillar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenor(tenor) => tenor.fmt(f),
            Self::Date(date) => date.fmt(f),
            Self::Years(years) => years.normalize().fmt(f),
        }
    }
}

/// Rates (or volatilities) over time, continuously compounded, as fractions per year.
#[derive(Debug, Clone, PartialEq)]
pub enum Rates {
    /// The same at all times.
    Flat(Decimal),
    /// Zero rates to each pillar; between pillars discount factors are log-linear.
    Zero(Vec<(Pillar, Decimal)>),
    /// Constant pieces, each to its end; the last goes on (its end may be left out).
    Forward(Vec<(Option<Pillar>, Decimal)>),
}

/// A quoted future.
#[derive(Debug, Clone, PartialEq)]
pub struct FutureQuote {
    /// Its code, as `IC2606`.
    pub code: String,
    /// Its expiry.
    pub expiry: Pillar,
    /// Price, in units of the underlying.
    pub price: Decimal,
}

/// What a carry was quoted as.
#[derive(Debug, Clone, PartialEq)]
pub enum CarryQuotes {
    /// Rates.
    Rates(Rates),
    /// Implied from futures: `q(T) = r(T) − ln(F_T/S)/T`.
    Futures(Vec<FutureQuote>),
}

/// The carry of an underlying: as quoted, and as overwritten by the trader. Both are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Carry {
    /// As quoted.
    pub quoted: CarryQuotes,
    /// Zero rates that stand instead at their pillars, and are added where there is none.
    pub marked: Vec<(Pillar, Decimal)>,
}

/// Volatility quotes.
#[derive(Debug, Clone, PartialEq)]
pub enum VolQuotes {
    /// One, or constant pieces in time.
    Rates(Rates),
    /// Implied volatilities by tenor (rows) and strike (columns).
    Grid {
        /// Strikes, price units.
        strikes: Vec<Decimal>,
        /// Tenors.
        tenors: Vec<Pillar>,
        /// Volatilities, one row for each tenor.
        vols: Vec<Vec<Decimal>>,
    },
    /// Raw SVI `(a, b, rho, m, s)` of total variance by tenor.
    Svi(Vec<(Pillar, [Decimal; 5])>),
    /// SSVI with the power law.
    Ssvi {
        /// Correlation of the smile.
        rho: Decimal,
        /// Scale.
        eta: Decimal,
        /// Exponent.
        gamma: Decimal,
        /// At-the-money total variance by tenor.
        theta: Vec<(Pillar, Decimal)>,
    },
}

impl VolQuotes {
    /// Tenors of the smiles; none for volatilities without.
    pub fn tenors(&self) -> Box<dyn Iterator<Item = &Pillar> + '_> {
        match self {
            Self::Rates(_) => Box::new(std::iter::empty()),
            Self::Grid { tenors, .. } => Box::new(tenors.iter()),
            Self::Svi(slices) => Box::new(slices.iter().map(|(tenor, _)| tenor)),
            Self::Ssvi { theta, .. } => Box::new(theta.iter().map(|(tenor, _)| tenor)),
        }
    }
}

/// A model other than the one read from volatility quotes.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelQuotes {
    /// `(v0, kappa, theta, xi, rho)`.
    Heston([Decimal; 5]),
    /// Bounded CEV; the reference price is the spot unless given.
    Cev {
        /// Volatility at the reference.
        a: Decimal,
        /// Elasticity.
        b: Decimal,
        /// Least volatility.
        lo: Decimal,
        /// Largest volatility.
        hi: Decimal,
        /// Reference price.
        reference: Option<Decimal>,
    },
    /// Local volatility by time (rows) and price (columns).
    LocalVol {
        /// Times.
        times: Vec<Pillar>,
        /// Prices.
        prices: Vec<Decimal>,
        /// Volatilities, one row for each time.
        vols: Vec<Vec<Decimal>>,
    },
}

/// A discrete dividend.
#[derive(Debug, Clone, PartialEq)]
pub struct DividendQuote {
    /// Ex-date.
    pub ex: Pillar,
    /// Price units; 0 for a proportional one.
    pub cash: Decimal,
    /// Share of the spot; 0 for a cash one.
    pub proportional: Decimal,
}

/// Quotes of one underlying.
#[derive(Debug, Clone, PartialEq)]
pub struct UnderlyingQuotes {
    /// Spot price.
    pub spot: Decimal,
    /// Currency; that of the contract when absent.
    pub currency: Option<String>,
    /// Carry.
    pub q: Option<Carry>,
    /// Volatility.
    pub vol: Option<VolQuotes>,
    /// Discrete dividends by ex-date.
    pub dividends: Vec<DividendQuote>,
    /// Another model.
    pub model: Option<ModelQuotes>,
}

/// Quotes of an exchange rate.
#[derive(Debug, Clone, PartialEq)]
pub struct FxQuotes {
    /// Volatility, one or pieces in time.
    pub vol: Rates,
}

/// Correlations by pair.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CorrelationQuotes {
    /// Pairs in sorted order.
    pub pairs: BTreeMap<(String, String), Decimal>,
    /// Whether a matrix that is not positive semidefinite is to be replaced by the nearest one.
    pub repair: bool,
}

impl CorrelationQuotes {
    /// Correlation of two names; 1 with itself.
    #[must_use]
    pub fn of(&self, a: &str, b: &str) -> Option<Decimal> {
        match a.cmp(b) {
            std::cmp::Ordering::Equal => Some(Decimal::ONE),
            std::cmp::Ordering::Less => self.pairs.get(&(a.to_owned(), b.to_owned())).copied(),
            std::cmp::Ordering::Greater => self.pairs.get(&(b.to_owned(), a.to_owned())).copied(),
        }
    }
}
