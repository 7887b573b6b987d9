//! Prices, ladders and solved unknowns.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::NoteView;

/// Greeks per contract, to the holder.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GreeksView {
    /// dV/dS for each underlying.
    pub delta: Vec<f64>,
    /// d²V/dS².
    pub gamma: Vec<f64>,
    /// dV/dσ per 1.00 of volatility.
    pub vega: Vec<f64>,
    /// dV/dr per 1.00.
    pub rho: Option<f64>,
    /// dV/dq per 1.00.
    pub rho_q: Vec<f64>,
    /// Change to the next session.
    pub theta_1d: Option<f64>,
}

/// How far off a value may be.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ErrorView {
    /// Currency units.
    pub abs: f64,
    /// `exact`, `richardson`, `two_grid` or `std_error`.
    pub kind: String,
}

/// An engine that was looked at.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WhyView {
    /// Engine.
    pub engine: String,
    /// Whether it was used.
    pub chosen: bool,
    /// Why, or why not.
    pub reason: String,
    /// The same in Simplified Chinese.
    pub reason_zh: String,
}

/// A value, to the holder, in currency units.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PriceView {
    /// Trade the sheet names.
    pub trade_id: String,
    /// Holder's present value.
    pub value: f64,
    /// Of it, flows not yet determined.
    pub value_open: f64,
    /// Of it, flows determined and unpaid.
    pub value_determined: f64,
    /// Value in the house's book: the holder's with the sign of the house's side.
    pub house_value: f64,
    /// ISO 4217.
    pub currency: String,
    /// Greeks to the holder.
    pub greeks: GreeksView,
    /// Greeks of the house's position in desk units; null without Greeks.
    #[schema(value_type = Option<Object>)]
    pub desk: Option<Value>,
    /// How far off the value may be.
    pub error_estimate: ErrorView,
    /// Whether that is within what was asked for.
    pub tolerance_met: bool,
    /// Engine.
    pub engine: String,
    /// Every engine looked at.
    pub why: Vec<WhyView>,
    /// What a reader should know.
    pub notes: Vec<NoteView>,
    /// Snapshot.
    pub snapshot_id: String,
    /// Moment of valuation.
    #[schema(value_type = Object)]
    pub as_of: Value,
    /// SHA-256 of the sheet that was valued, state included.
    pub contract_hash: String,
}

/// A value at another spot.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LadderPointView {
    /// Spot, price units.
    pub spot: f64,
    /// Value, currency units.
    pub value: f64,
    /// dV/dS there.
    pub delta: f64,
    /// d²V/dS² there.
    pub gamma: f64,
}

/// Values at other spots.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LadderView {
    /// Underlying that moves.
    pub underlying: String,
    /// Points, spot increasing.
    pub points: Vec<LadderPointView>,
    /// Engine.
    pub engine: String,
    /// Every engine looked at.
    pub why: Vec<WhyView>,
}

/// A solved unknown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SolveView {
    /// The answer before rounding.
    pub value: f64,
    /// The answer as it is written in the sheet.
    pub rounded: String,
    /// Where it stands in the sheet.
    pub pointer: String,
    /// What rounding leaves to the house, currency units.
    pub edge: f64,
    /// `affine`, `brent` or `direct`.
    pub method: String,
    /// Prices computed.
    pub evaluations: u64,
    /// Engine.
    pub engine: String,
    /// The sheet with the answer.
    #[schema(value_type = Object)]
    pub terms: Value,
    /// What a reader should know.
    pub notes: Vec<NoteView>,
}

/// An engine that may be asked for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EngineView {
    /// What it is asked for by: its newest version.
    pub name: String,
    /// Name and version, as values tell it.
    pub id: String,
}
