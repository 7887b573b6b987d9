//! One unknown of a contract, found so that the holder's value meets a target (specification,
//! section 9).
//!
//! What enters the value linearly (coupon, bonus, rebate, participation, spread) takes two
//! evaluations and a third, at the answer, that checks; levels and strikes take Brent's method on the widest
//! interval on which the contract is valid. The answer may be rounded in the house's favour and is
//! priced again as it is written.

pub(crate) mod places;
pub(crate) mod search;
mod words;

use rialto_otc_contract::envelope::When;
use rialto_otc_contract::finding::Findings;
use rialto_otc_contract::note::Note;
use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_time::{AsOf, Calendars};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde::Serialize;

pub use self::places::Place;
use self::search::Search;
pub use self::words::increment_of;
use crate::engine::PriceError;
use crate::reason::Reason;
use crate::valuation::{self, Request, Valuation, ValueError};

/// Values this close to the target, as a share of the notional, meet it: 0.01 bp.
pub const PRECISION: f64 = 1e-6;

/// What is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// Rate of the coupon; the cash of digitals, touches and binaries; the enhancement of an index.
    Coupon,
    /// Bonus rate of a snowball.
    Bonus,
    /// Strike; of autocallables the upper strike of the loss.
    Strike,
    /// Level that ends the contract; the first of a vector that is written with steps.
    KoLevel,
    /// Level that knocks in.
    KiLevel,
    /// Premium: currency units.
    Premium,
    /// Participation.
    Part,
    /// Rebate.
    Rebate,
    /// Financing spread of a return swap.
    Spread,
}

impl Unknown {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Coupon,
        Self::Bonus,
        Self::Strike,
        Self::KoLevel,
        Self::KiLevel,
        Self::Premium,
        Self::Part,
        Self::Rebate,
        Self::Spread,
    ];

    /// `ko_level`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Coupon => "coupon",
            Self::Bonus => "bonus",
            Self::Strike => "strike",
            Self::KoLevel => "ko_level",
            Self::KiLevel => "ki_level",
            Self::Premium => "premium",
            Self::Part => "part",
            Self::Rebate => "rebate",
            Self::Spread => "spread",
        }
    }

    /// The unknown of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unknown| unknown.name() == name)
    }

    pub(crate) const fn affine(self) -> bool {
        matches!(
            self,
            Self::Coupon | Self::Bonus | Self::Part | Self::Rebate | Self::Spread
        )
    }
}

/// What the holder's value is to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// A share of the notional: 1 for a note sold at par.
    Share(f64),
    /// Currency units.
    Amount(f64),
    /// The premium that the sheet names.
    Premium,
}

/// A question.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// What is to be found.
    pub unknown: Unknown,
    /// What the value is to be; of the premium: what is to be left of the value after it.
    pub target: Target,
    /// Step of the answer as it is written (0.0001 for 0.01 %), rounded in the house's favour.
    pub increment: Option<Decimal>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Solution {
    /// Trade.
    pub trade_id: String,
    /// What was to be found.
    pub unknown: Unknown,
    /// Where it stands in the sheet.
    pub pointer: String,
    /// The answer as it is written there.
    pub value: String,
    /// The same as a number: a fraction, a price or currency units.
    pub number: f64,
    /// Before rounding.
    pub exact: f64,
    /// What the value was to be, currency units.
    pub target: f64,
    /// What the rounding leaves to the house, currency units.
    pub edge: f64,
    /// How it was found: `affine`, `brent` or `direct`.
    pub method: &'static str,
    /// Prices that were computed.
    pub evaluations: usize,
    /// What a reader should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// The sheet with the answer.
    pub terms: serde_json::Value,
    /// Its valuation.
    pub valuation: Valuation,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SolveError {
    /// The contract cannot be valued at all.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The product has no such unknown.
    #[error("{what} has no {}. It can be solved for: {known}.", .unknown.name())]
    Unknown {
        /// Product.
        what: String,
        /// Asked for.
        unknown: Unknown,
        /// What it has.
        known: String,
    },
    /// The field holds a list or tiers: no single number.
    #[error(
        "{pointer} holds {kind}. Write one number, or {{\"first\", \"step\"}}, to solve for it."
    )]
    Several {
        /// Field.
        pointer: String,
        /// What it holds.
        kind: &'static str,
    },
    /// No premium in the sheet that could be the target.
    #[error("The sheet names no premium. Give a target: a share of the notional or an amount.")]
    NoTarget,
    /// The target is no number, or the increment is not above zero.
    #[error("{0} must be finite, an increment above zero.")]
    Number(&'static str),
    /// Within the limits of the contract the value does not reach the target.
    #[error(
        "No {} between {lo} and {hi} gives the value {target:.2}: the value there is {at_lo:.2} and {at_hi:.2}{between}.",
        .unknown.name()
    )]
    OutOfReach {
        /// Asked for.
        unknown: Unknown,
        /// Lower end, as written.
        lo: String,
        /// Upper end, as written.
        hi: String,
        /// What was wanted, currency units.
        target: f64,
        /// Value at the lower end.
        at_lo: f64,
        /// Value at the upper end.
        at_hi: f64,
        /// What lies between, when it goes further.
        between: String,
    },
    /// The value jumps over the target.
    #[error("The value jumps over the target near {at}: it is {value:.2}, {target:.2} was wanted.")]
    Jump {
        /// Where, as written.
        at: String,
        /// Value there.
        value: f64,
        /// What was wanted.
        target: f64,
    },
    /// The rounded answer is no valid contract on the house's side.
    #[error("No multiple of the increment near {at} is valid and in the house's favour.")]
    Increment {
        /// The answer before rounding, as written.
        at: String,
    },
}

impl SolveError {
    /// `E-SOLVE-…`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Value(_) => "E-SOLVE-VALUE",
            Self::Unknown { .. } => "E-SOLVE-UNKNOWN",
            Self::Several { .. } => "E-SOLVE-SEVERAL",
            Self::NoTarget => "E-SOLVE-TARGET",
            Self::Number(_) => "E-SOLVE-NUMBER",
            Self::OutOfReach { .. } => "E-SOLVE-RANGE",
            Self::Jump { .. } => "E-SOLVE-JUMP",
            Self::Increment { .. } => "E-SOLVE-INCREMENT",
        }
    }

    /// The text in Simplified Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::Value(error) => error.to_string(),
            Self::Unknown {
                what,
                unknown,
                known,
            } => {
                format!("{what} 没有可求解的 {}。可求解：{known}。", unknown.name())
            }
            Self::Several { pointer, .. } => {
                format!("{pointer} 不是单一数值，请写成一个数或 {{\"first\", \"step\"}} 再求解。")
            }
            Self::NoTarget => "条款未写期权费，请给出目标：本金比例或金额。".to_owned(),
            Self::Number(what) => format!("{what} 须为有限数，步长须大于零。"),
            Self::OutOfReach {
                unknown,
                lo,
                hi,
                target,
                at_lo,
                at_hi,
                ..
            } => format!(
                "{} 在 {lo} 与 {hi} 之间无法使价值达到 {target:.2}：两端价值为 {at_lo:.2} 与 {at_hi:.2}。",
                unknown.name()
            ),
            Self::Jump { at, value, target } => {
                format!("价值在 {at} 附近跳过目标：该处为 {value:.2}，目标 {target:.2}。")
            }
            Self::Increment { at } => format!("{at} 附近没有对交易商有利且有效的步长倍数。"),
        }
    }
}

impl From<Findings> for SolveError {
    fn from(findings: Findings) -> Self {
        Self::Value(findings.into())
    }
}

/// What a sheet can be solved for, the premium always among it.
#[must_use]
pub fn unknowns(sheet: &TermSheet) -> Vec<Unknown> {
    let named = Unknown::ALL.into_iter();
    named
        .filter(|unknown| *unknown == Unknown::Premium || places::find(sheet, *unknown).is_some())
        .collect()
}

/// Finds the unknown.
///
/// # Errors
/// [`SolveError`].
pub fn solve(
    sheet: &TermSheet,
    snapshot: &Snapshot,
    calendars: &Calendars,
    request: &Request,
    question: &Question,
) -> Result<Solution, SolveError> {
    if question.increment.is_some_and(|step| step <= Decimal::ZERO) {
        return Err(SolveError::Number("the increment"));
    }
    let world = World {
        snapshot,
        calendars,
        request,
        measure: None,
    };
    open(sheet, &world)?;
    if question.unknown == Unknown::Premium {
        return premium(sheet, &world, question);
    }
    let place =
        places::find(sheet, question.unknown).ok_or_else(|| unknown(sheet, question.unknown))?;
    let mut search = Search::new(sheet, &place, &world, question.unknown)?;
    let target = target(sheet, search.notional(), question.target)?;
    let found = if question.unknown.affine() {
        search.affine(target)?
    } else {
        search.brent(target)?
    };
    let written = match question.increment {
        Some(step) => search.rounded(found.x, target, step)?,
        None => search.written(found.x),
    };
    let (terms, valuation) = search.valued(&written)?;
    let house = f64::from(sheet.direction.house_sign());
    Ok(Solution {
        trade_id: sheet.trade_id.clone(),
        unknown: question.unknown,
        pointer: place.pointer().to_owned(),
        number: place.number(&written),
        value: written,
        exact: found.x,
        target,
        edge: house * (valuation.value - target),
        method: found.method,
        evaluations: search.evaluations(),
        notes: found.notes,
        terms: terms.to_value(),
        valuation,
    })
}

/// What a sheet is worth in some sense.
pub(crate) type Measure<'a> = dyn Fn(&TermSheet) -> Result<f64, ValueError> + 'a;

/// What prices.
pub(crate) struct World<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) calendars: &'a Calendars,
    pub(crate) request: &'a Request,
    /// What is to meet the target, when it is not the value itself.
    pub(crate) measure: Option<&'a Measure<'a>>,
}

pub(crate) fn unknown(sheet: &TermSheet, unknown: Unknown) -> SolveError {
    let known: Vec<&str> = unknowns(sheet).into_iter().map(Unknown::name).collect();
    SolveError::Unknown {
        what: places::product(sheet),
        unknown,
        known: known.join(", "),
    }
}

fn target(sheet: &TermSheet, notional: f64, target: Target) -> Result<f64, SolveError> {
    let amount = match target {
        Target::Share(share) => share * notional,
        Target::Amount(amount) => amount,
        Target::Premium => {
            let premium = sheet.premium.as_ref().ok_or(SolveError::NoTarget)?;
            premium.amount.to_f64().unwrap_or(f64::NAN)
        }
    };
    if amount.is_finite() {
        Ok(amount)
    } else {
        Err(SolveError::Number("the target"))
    }
}

/// A contract that has ended is refused: its flows are determined, no number in its sheet is open.
fn open(sheet: &TermSheet, world: &World<'_>) -> Result<(), ValueError> {
    let as_of = world.request.as_of.unwrap_or(*world.snapshot.as_of());
    let young = match (as_of, sheet.dates.start) {
        (AsOf::Dated { date, .. }, Some(When::Date(start))) => date <= start,
        _ => sheet.state.is_none(),
    };
    if young {
        return Ok(());
    }
    let (snapshot, config) = (world.snapshot, &world.request.config);
    // What else is wrong is told where it has its place.
    match valuation::prepare(sheet, snapshot, world.calendars, Some(as_of), config) {
        Ok(prepared) if prepared.plan.instants.is_empty() => Err(PriceError::Refused {
            engine: "solve",
            reason: Reason::new(
                "the contract has ended: nothing of it is left to be observed",
                "合约已终止：没有剩余观察",
            ),
        }
        .into()),
        _ => Ok(()),
    }
}

/// The premium is the value itself, less what is to be left of it.
fn premium(
    sheet: &TermSheet,
    world: &World<'_>,
    question: &Question,
) -> Result<Solution, SolveError> {
    let valuation = valuation::value(sheet, world.snapshot, world.calendars, world.request)?;
    let left = match question.target {
        Target::Premium => 0.0,
        other => {
            let notional = search::notional(sheet, world)?;
            target(sheet, notional, other)?
        }
    };
    let exact = valuation.value - left;
    let house = sheet.direction.house_sign();
    let (number, step) = (places::decimal(exact), question.increment);
    // The seller takes more, the buyer gives less; without a step, whole cents to the nearest.
    let amount = match step {
        None => number.round_dp(sheet.rounding.amount),
        Some(step) if house < 0 => (number / step).ceil() * step,
        Some(step) => (number / step).floor() * step,
    };
    let written = amount.normalize().to_string();
    let terms = places::premium(sheet, &written)?;
    let paid = amount.to_f64().unwrap_or(f64::NAN);
    Ok(Solution {
        trade_id: sheet.trade_id.clone(),
        unknown: Unknown::Premium,
        pointer: "/premium/amount".to_owned(),
        value: written,
        number: paid,
        exact,
        target: left,
        edge: f64::from(house) * (exact - paid),
        method: "direct",
        evaluations: 1,
        notes: Vec::new(),
        terms: terms.to_value(),
        valuation,
    })
}

#[cfg(test)]
mod tests;
