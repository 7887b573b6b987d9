//! Quotes, plots, the calendar and the marks of the book.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{GreeksView, NoteView, TradeView};

/// The open field of a quote, found.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SolvedView {
    /// Where it stands in the sheet.
    pub pointer: String,
    /// Before rounding, as it would be written.
    pub raw: String,
    /// As it is written.
    pub rounded: String,
    /// The same as a number.
    pub number: f64,
}

/// A value of the contract at a corner of the marks' spreads.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CornerView {
    /// Move of volatility, per 1.00.
    pub vol: f64,
    /// Move of the carry.
    pub q: f64,
    /// Move of the rate.
    pub r: f64,
    /// Value to the holder, currency units.
    pub value: f64,
}

/// What each spread adds on the way to the worst corner, currency units.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SharesView {
    /// Volatility.
    pub vol: f64,
    /// Carry.
    pub q: f64,
    /// Rate.
    pub r: f64,
}

/// One line of what the house charges.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChargeView {
    /// `hedge`, `margin`, `reserve`, `funding`.
    pub name: String,
    /// Currency units.
    pub amount: f64,
}

/// A quote. Values are to the holder of the product, currency units.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct QuoteView {
    /// Id.
    pub id: String,
    /// Running number.
    pub no: i64,
    /// `indicative`, `firm`, `expired`, `rejected` or `booked`.
    pub status: String,
    /// The sheet with the answer, as it is written.
    #[schema(value_type = Object)]
    pub terms: Value,
    /// What was open.
    pub unknown: String,
    /// What was found.
    pub solved: SolvedView,
    /// `house_sells` or `house_buys`.
    pub side: String,
    /// What the buyer pays.
    pub pays: f64,
    /// Notional.
    pub notional: f64,
    /// ISO 4217.
    pub currency: String,
    /// Who asked.
    pub counterparty: String,
    /// Market.
    pub snapshot_id: String,
    /// Value at the middle of the marks.
    pub fair_value: f64,
    /// Values at every corner of the spreads.
    pub corners: Vec<CornerView>,
    /// The corner worst for the house.
    pub worst: CornerView,
    /// What each spread adds.
    pub shares: SharesView,
    /// What the house charges.
    pub charges: Vec<ChargeView>,
    /// What is left to the house after rounding, beside its charges.
    pub edge: f64,
    /// What the house would pay for the contract.
    pub bid: f64,
    /// What it would ask for it.
    pub offer: f64,
    /// Greeks to the holder.
    pub greeks: GreeksView,
    /// Greeks of the house in desk units.
    #[schema(value_type = Object)]
    pub desk: Value,
    /// Model that was asked for: `quoted` is what the market names; empty for quotes of before it
    /// could be asked for.
    pub model: String,
    /// Engine.
    pub engine: String,
    /// What a reader should know.
    pub notes: Vec<NoteView>,
    /// Until when it stands.
    pub valid_until: Timestamp,
    /// SHA-256 of everything it said when it was made.
    pub content_hash: String,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// The trade it became.
    pub trade_id: Option<String>,
    /// Why it was rejected.
    pub reason: String,
    /// Version for If-Match.
    pub version: u64,
}

/// A quote and the trade it became.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Accepted {
    /// The quote.
    pub quote: QuoteView,
    /// The trade, a draft.
    pub trade: TradeView,
}

/// A level on a plot.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LevelView {
    /// `knock_out`, `knock_in`, `initial`, …
    pub kind: String,
    /// Price.
    pub level: f64,
}

/// What the contract pays the holder at its end, by the price of its first underlying. Without prices
/// the contract is over: what it still pays is determined, and among its cash flows.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct PayoffView {
    /// Prices of the first underlying; the others move by the same share.
    pub axis: Vec<f64>,
    /// Currency units to the holder at the end, if the contract lives until then in its present
    /// state.
    pub payoff: Vec<f64>,
    /// The same once knocked in; null when there is no knock-in.
    pub knocked_in: Option<Vec<f64>>,
    /// Value at these prices now, by the market told or the newest; null when no engine tells it.
    pub value_now: Option<Vec<f64>>,
    /// Levels.
    pub levels: Vec<LevelView>,
}

/// A price on a date.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PointView {
    /// Date.
    pub date: String,
    /// Price.
    pub value: f64,
}

/// A barrier on a date.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BarrierView {
    /// Date.
    pub date: String,
    /// `knock_out`, `knock_in`, `coupon`, `observation`.
    pub kind: String,
    /// Price.
    pub level: f64,
    /// `past`, `next` or `future`.
    pub status: String,
    /// Whether the price of that date was at or beyond it.
    pub hit: bool,
}

/// The path of the first underlying so far, against the barriers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PathView {
    /// Underlying.
    pub underlying: String,
    /// Fixings so far.
    pub points: Vec<PointView>,
    /// Barriers, past and to come; a level watched day by day is told where it begins and ends.
    pub barriers: Vec<BarrierView>,
}

/// How probable something is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChanceView {
    /// Date.
    pub date: String,
    /// `knock_out`, `coupon`, `expiry`, …
    pub kind: String,
    /// Price.
    pub level: Option<f64>,
    /// Under the pricing measure.
    pub probability: f64,
}

/// A date of the calendar.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CalendarItemView {
    /// Date.
    pub date: String,
    /// Trade.
    pub trade_id: String,
    /// Running number of the trade.
    pub trade_no: i64,
    /// `knock_out`, `knock_in`, `coupon`, `expiry` or `payment`.
    pub kind: String,
    /// Underlying the level is about.
    pub underlying: Option<String>,
    /// Price; of payments the amount in the house's favour.
    pub level: Option<String>,
    /// `at_least` or `at_most` the level.
    pub side: Option<String>,
    /// How far the level is from the last fixing, as a share of it.
    pub distance: Option<f64>,
    /// Under the pricing measure, as of the last valuation of the book.
    pub probability: Option<f64>,
    /// Of a schedule that is looked at day by day: its dates, told in this one item on the next of
    /// them.
    pub span: Option<SpanView>,
}

/// A schedule of many dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SpanView {
    /// Its first date.
    pub first: String,
    /// Its last date.
    pub last: String,
    /// How many dates it has.
    pub count: u64,
    /// How many of them are on or after the date asked from.
    pub left: u64,
    /// The first of those.
    pub next: String,
}

/// A trade that could not be valued.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Unvalued {
    /// Trade.
    pub trade_id: String,
    /// Why.
    pub reason: String,
}

/// What came of valuing the book.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MarkReport {
    /// Market.
    pub snapshot_id: String,
    /// Trades that were valued: in force, and over with flows still to be paid.
    pub valued: u64,
    /// Of these the ones that are over: worth what is determined and not paid.
    pub over: u64,
    /// Those that could not be; they keep the value they had.
    pub failed: Vec<Unvalued>,
}
