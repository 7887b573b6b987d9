//! What a quote says.

use rialto_otc_contract::note::Note;
use rialto_otc_time::AsOf;
use serde::Serialize;

use super::{Corner, Side};
use crate::desk::DeskGreeks;
use crate::engine::{ErrorEstimate, Greeks};
use crate::select::Candidate;
use crate::solve::Unknown;

/// The open field, found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Solved {
    /// Where it stands in the sheet.
    pub pointer: String,
    /// Before rounding, as it would be written.
    pub raw: String,
    /// After rounding, as it is written.
    pub rounded: String,
    /// Before rounding, as a number: a fraction, a price or currency units.
    pub exact: f64,
    /// After rounding, as a number.
    pub number: f64,
    /// How it was found: `affine`, `brent` or `direct`.
    pub method: &'static str,
}

/// One line of what the house charges.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Charge {
    /// `hedge`, `margin`, `reserve` or `funding`.
    pub name: &'static str,
    /// Currency units.
    pub amount: f64,
}

/// What each spread adds to the fair value on the way to the worst corner, currency units. The marks
/// are moved one after the other, volatility first, then q, then r; the three add up.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Shares {
    /// Of volatility.
    pub vol: f64,
    /// Of the carry.
    pub q: f64,
    /// Of the rate.
    pub r: f64,
}

/// A contract with its price and everything the price is made of. Values are to the holder of the
/// product, in currency units.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quoted {
    /// The term sheet with the answer in it.
    pub terms: serde_json::Value,
    /// SHA-256 of the term sheet.
    pub contract_hash: String,
    /// What was open.
    pub unknown: Unknown,
    /// The answer.
    pub solved: Solved,
    /// Which side the house takes.
    pub side: Side,
    /// What the buyer of the product pays.
    pub pays: f64,
    /// Notional.
    pub notional: f64,
    /// Currency, ISO 4217.
    pub currency: String,
    /// SHA-256 of the snapshot.
    pub snapshot_id: String,
    /// Moment of valuation.
    pub as_of: AsOf,
    /// Value in the middle of the marks.
    pub fair_value: f64,
    /// How far off it may be.
    pub error_estimate: ErrorEstimate,
    /// Value at every corner of the spreads.
    pub corners: Vec<Corner>,
    /// The one that is worst for the house; the middle itself when no corner is worse.
    pub worst: Corner,
    /// How it comes from the fair value.
    pub shares: Shares,
    /// What the house charges.
    pub charges: Vec<Charge>,
    /// At what the house buys: the lowest value less the charges.
    pub bid: f64,
    /// At what the house sells: the highest value and the charges.
    pub offer: f64,
    /// What the rounding leaves to the house beyond the charges.
    pub edge: f64,
    /// Raw Greeks of one contract to the holder.
    pub greeks: Greeks,
    /// The same in desk units, with the sign of the house.
    pub desk: DeskGreeks,
    /// Model that was asked for: `quoted` is what the market names.
    pub model: &'static str,
    /// Engine.
    pub engine: &'static str,
    /// Every engine looked at and why it was or was not used.
    pub why: Vec<Candidate>,
    /// What a reader should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}
