//! A market at one moment as it was quoted: immutable, in one canonical text, with a content id.
//!
//! Schema `rialto.market/1`. Dated markets name dates and tenors; numeric ones count years from the
//! start of the contract, on its own clocks. Either may be written short, with `spot`, `q`, `vol`
//! and `r` beside each other when there is one underlying (`"*"` is its name then).

mod canonical;
mod quotes;
mod read;
mod read_names;
mod read_vol;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use rialto_otc_contract::finding::Findings;
use rialto_otc_time::{AsOf, Date};
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

pub use quotes::{
    Carry, CarryQuotes, CorrelationQuotes, DividendQuote, FutureQuote, FxQuotes, ModelQuotes,
    Pillar, Rates, UnderlyingQuotes, VolQuotes,
};
pub(crate) use read::float;

/// Schema of market documents.
pub const SCHEMA: &str = "rialto.market/1";
/// The name that stands for whichever underlying or currency a contract has.
pub const ANY: &str = "*";

/// Quotes of one moment. Made by reading; never changed.
#[derive(Debug, Clone)]
pub struct Snapshot {
    content: Content,
    canonical: String,
    id: String,
    /// What [`Self::arbitrage`] found, once somebody has asked.
    pub(crate) breaches: OnceLock<Findings>,
}

/// Two snapshots of the same quotes are the same.
impl PartialEq for Snapshot {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// What a snapshot holds.
#[derive(Debug, Clone, PartialEq)]
struct Content {
    as_of: AsOf,
    discount: BTreeMap<String, Rates>,
    underlyings: BTreeMap<String, UnderlyingQuotes>,
    fx: BTreeMap<String, FxQuotes>,
    correlation: CorrelationQuotes,
    fixings: BTreeMap<String, BTreeMap<Date, Decimal>>,
    calendars: Option<String>,
}

impl Snapshot {
    /// Reads JSON or YAML. With the snapshot come notices: what a reader should know.
    ///
    /// # Errors
    /// All findings at once: code, JSON pointer, line, value, rule and cure.
    pub fn from_text(text: &str) -> Result<(Self, Findings), Findings> {
        read::from_text(text)
    }

    /// Reads a document whose names are in the order in which they were written (a correlation
    /// matrix without names follows that of the underlyings).
    ///
    /// # Errors
    /// As [`Self::from_text`].
    pub fn from_node(
        node: &rialto_otc_contract::document::Node,
    ) -> Result<(Self, Findings), Findings> {
        read::from_node(node)
    }

    fn of(content: Content) -> Self {
        let canonical = canonical::text(&content);
        let id = hex::encode(Sha256::digest(canonical.as_bytes()));
        Self {
            content,
            canonical,
            id,
            breaches: OnceLock::new(),
        }
    }

    /// SHA-256 of the canonical text, hexadecimal: two snapshots with the same quotes have the same
    /// id, in whatever order, spacing or spelling of numbers they were written.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Canonical JSON: names sorted, no blanks, every number as text; reads back to this snapshot.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// Moment of the quotes.
    #[must_use]
    pub fn as_of(&self) -> &AsOf {
        &self.content.as_of
    }

    /// Discount quotes of a currency, or those given for any.
    #[must_use]
    pub fn discount(&self, currency: &str) -> Option<&Rates> {
        let all = &self.content.discount;
        all.get(currency).or_else(|| all.get(ANY))
    }

    /// The currency an underlying without one is looked at in: the only one there is, or that of
    /// its exchange.
    pub(crate) fn home_currency(&self, code: &str) -> &str {
        let mut names = self.content.discount.keys();
        match (names.next(), names.next()) {
            (Some(name), None) => name,
            _ if code.starts_with("XHKG:") => "HKD",
            _ => "CNY",
        }
    }

    /// Quotes of an underlying, or those given for any.
    #[must_use]
    pub fn underlying(&self, code: &str) -> Option<&UnderlyingQuotes> {
        let all = &self.content.underlyings;
        all.get(code).or_else(|| all.get(ANY))
    }

    /// Name under which an underlying's quotes stand: its code, or [`ANY`].
    pub(crate) fn quoted_as<'a>(&self, code: &'a str) -> &'a str {
        match self.content.underlyings.contains_key(code) {
            true => code,
            false => ANY,
        }
    }

    /// Codes of all underlyings, sorted.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.content.underlyings.keys().map(String::as_str)
    }

    /// Quotes of an exchange rate, as `HKDCNY`: price of the first currency in the second.
    #[must_use]
    pub fn fx(&self, pair: &str) -> Option<&FxQuotes> {
        self.content.fx.get(pair)
    }

    /// Correlation of the log-returns of two names (1 with itself).
    #[must_use]
    pub fn correlation(&self, a: &str, b: &str) -> Option<Decimal> {
        self.content.correlation.of(a, b)
    }

    /// Whether a matrix that is not positive semidefinite is to be repaired.
    #[must_use]
    pub fn repairs_correlation(&self) -> bool {
        self.content.correlation.repair
    }

    /// The official fixing of an underlying on a date.
    #[must_use]
    pub fn fixing(&self, code: &str, date: Date) -> Option<Decimal> {
        self.content.fixings.get(code)?.get(&date).copied()
    }

    /// Fixings of an underlying by date.
    pub fn fixings(&self, code: &str) -> impl Iterator<Item = (Date, Decimal)> {
        self.content
            .fixings
            .get(code)
            .into_iter()
            .flatten()
            .map(|(date, price)| (*date, *price))
    }

    /// Version of the calendars the quotes were made under.
    #[must_use]
    pub fn calendars(&self) -> Option<&str> {
        self.content.calendars.as_deref()
    }
}
