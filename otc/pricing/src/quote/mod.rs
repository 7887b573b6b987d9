//! Quotes of new contracts (specification, section 9).
//!
//! The client pays an amount and one field of the contract is open. It is found so that the worst
//! value of the contract for the house, over all corners of the marks' spreads, leaves the house its
//! charges: `pays = worst(x) + charges` when the house sells, `pays = worst(x) − charges` when it
//! buys. The answer is rounded in the house's favour and priced again as it is written.
//!
//! Everything here is a function of its arguments: the moment is passed in, nothing is kept.

mod answer;
mod corners;
mod find;
mod life;
mod refusal;
mod seal;
#[cfg(test)]
mod tests;

use rialto_otc_contract::envelope::Direction;
use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_time::Calendars;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use self::answer::{Charge, Quoted, Shares, Solved};
pub use self::corners::Corner;
pub use self::life::{
    Action, NotAcceptable, SLIPPAGE, Status, StatusRefusal, acceptable, is_expired, slipped,
};
pub use self::refusal::QuoteError;
pub use self::seal::{Heading, Quote, canonical, content_hash, is_intact};

use crate::solve::{Target, Unknown};
use crate::valuation::Request;

/// Which side the house takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The client buys the product and pays for it.
    HouseSells,
    /// The house buys the product from the client.
    HouseBuys,
}

impl Side {
    const fn direction(self) -> Direction {
        match self {
            Self::HouseSells => Direction::HouseSells,
            Self::HouseBuys => Direction::HouseBuys,
        }
    }

    /// Sign of the house's position: −1 when it sells.
    #[must_use]
    pub const fn sign(self) -> f64 {
        match self {
            Self::HouseSells => -1.0,
            Self::HouseBuys => 1.0,
        }
    }

    /// Whether a value is worse for the house than another.
    fn worse(self, value: f64, other: f64) -> bool {
        self.sign() * value < self.sign() * other
    }
}

/// Half-spreads of the marks: how far from the middle a price may have to be dealt at.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spreads {
    /// Of volatility, per 1.00 (0.01 is one point).
    pub vol: f64,
    /// Of the carry q, per 1.00.
    pub q: f64,
    /// Of the rate r, per 1.00.
    pub r: f64,
}

/// What the house charges beside the worst corner: basis points of the notional, paid at once and
/// once for the whole life of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Charges {
    /// Expected cost of hedging.
    pub hedge_bp: f64,
    /// Sales margin.
    pub margin_bp: f64,
    /// Model reserve.
    pub reserve_bp: f64,
    /// Credit and funding.
    pub funding_bp: f64,
}

impl Charges {
    /// Name and size of each line, in basis points of the notional.
    #[must_use]
    pub const fn lines(&self) -> [(&'static str, f64); 4] {
        [
            ("hedge", self.hedge_bp),
            ("margin", self.margin_bp),
            ("reserve", self.reserve_bp),
            ("funding", self.funding_bp),
        ]
    }
}

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asked {
    /// The field that is open.
    pub unknown: Unknown,
    /// Which side the house takes; the sheet's own direction is replaced by it.
    pub side: Side,
    /// What the buyer of the product pays; `None`: the principal of a note, else the premium that
    /// the sheet names. When the premium is the unknown, nothing.
    pub pays: Option<Target>,
    /// Half-spreads of the marks.
    pub spreads: Spreads,
    /// Charges.
    pub charges: Charges,
    /// Step of the answer as it is written; `None`: 0.01 % where a percentage is written, else the
    /// last decimal of levels, of the premium the last of amounts.
    pub increment: Option<Decimal>,
}

impl Asked {
    /// Without spreads and charges, at what the contract itself says is paid.
    #[must_use]
    pub fn fair(unknown: Unknown, side: Side) -> Self {
        Self {
            unknown,
            side,
            pays: None,
            spreads: Spreads::default(),
            charges: Charges::default(),
            increment: None,
        }
    }

    fn check(&self) -> Result<(), QuoteError> {
        let Spreads { vol, q, r } = self.spreads;
        let spreads = [("spreads/vol", vol), ("spreads/q", q), ("spreads/r", r)];
        for (field, value) in spreads {
            if !(0.0..1.0).contains(&value) {
                return Err(QuoteError::number(
                    field,
                    value,
                    "from 0 to below 1 (100 %)",
                ));
            }
        }
        let names = ["hedge_bp", "margin_bp", "reserve_bp", "funding_bp"];
        for (name, (_, value)) in names.into_iter().zip(self.charges.lines()) {
            if !(0.0..=10_000.0).contains(&value) {
                let field = format!("charges/{name}");
                return Err(QuoteError::number(&field, value, "from 0 to 10000 bp"));
            }
        }
        match self.increment {
            Some(step) if step <= Decimal::ZERO => Err(QuoteError::number(
                "increment",
                f64::try_from(step).unwrap_or(f64::NAN),
                "above 0",
            )),
            _ => Ok(()),
        }
    }
}

/// Quotes a contract.
///
/// The request says how values are found; its Greeks are those of the answer, its ladder and flows
/// are left out.
///
/// # Errors
/// [`QuoteError`]: with both ends of what can be had when nothing meets the amount that is paid.
pub fn quote(
    sheet: &TermSheet,
    snapshot: &Snapshot,
    calendars: &Calendars,
    request: &Request,
    asked: &Asked,
) -> Result<Quoted, QuoteError> {
    asked.check()?;
    let sheet = TermSheet {
        direction: asked.side.direction(),
        ..sheet.clone()
    };
    let desk = find::Desk {
        snapshot,
        calendars,
        request: Request {
            ladder: Vec::new(),
            flows: false,
            ..request.clone()
        },
        asked,
        points: corners::points(&asked.spreads),
        memo: find::Memo::default(),
    };
    desk.quote(&sheet)
}
