//! Greeks in the units of a desk, with the sign of the house's book (specification, section 8.6).

use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_market::snapshot::{CarryQuotes, FutureQuote, Snapshot};
use rust_decimal::prelude::ToPrimitive as _;
use serde::Serialize;

use crate::engine::Greeks;

/// Currency units for each point of the index futures of CFFEX, by the prefix of their codes.
const MULTIPLIERS: [(&str, f64); 4] = [("IF", 300.0), ("IH", 300.0), ("IC", 200.0), ("IM", 200.0)];

/// Greeks of the house's position.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeskGreeks {
    /// +1 when the house holds the contract, −1 when it sold it: already in every number.
    pub sign: i8,
    /// One entry for each underlying.
    pub underlyings: Vec<NameGreeks>,
    /// Currency for +1 bp of the zero curve.
    pub rho_1bp: Option<f64>,
    /// Change to the next session, currency units.
    pub theta_1d: Option<f64>,
}

/// Greeks towards one underlying.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NameGreeks {
    /// Code.
    pub code: String,
    /// `delta S`, currency units.
    pub cash_delta: Option<f64>,
    /// `delta S / 100`: currency for +1 % of the spot.
    pub delta_1pct: Option<f64>,
    /// `gamma S² / 100`: change of the cash delta for +1 % of the spot.
    pub gamma_1pct: Option<f64>,
    /// `vega / 100`: currency for +1 volatility point.
    pub vega_1pt: Option<f64>,
    /// `rho_q / 10⁴`: currency for +1 bp of the carry.
    pub rho_q_1bp: Option<f64>,
    /// Futures that the cash delta amounts to, where one with a multiplier is quoted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lots: Option<Lots>,
}

/// A hedge in futures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lots {
    /// Code of the future: the first that is quoted.
    pub future: String,
    /// Currency units for each point.
    pub multiplier: f64,
    /// `cash_delta / (F × multiplier)`; short when negative.
    pub lots: f64,
}

/// The Greeks of a contract in desk units.
#[must_use]
pub fn desk(
    sheet: &TermSheet,
    snapshot: &Snapshot,
    greeks: &Greeks,
    multiplier: Option<f64>,
) -> DeskGreeks {
    let house = sheet.direction.house_sign();
    let sign = f64::from(house);
    let names = sheet.underlyings.iter().enumerate().map(|(n, underlying)| {
        let quotes = snapshot.underlying(&underlying.code);
        let spot = quotes.and_then(|quotes| quotes.spot.to_f64());
        let of = |list: &[f64], factor: f64| list.get(n).map(|value| sign * value * factor);
        let with_spot = |list: &[f64], factor: &dyn Fn(f64) -> f64| of(list, factor(spot?));
        let cash_delta = with_spot(&greeks.delta, &|spot| spot);
        let quoted = quotes.and_then(|quotes| match &quotes.q.as_ref()?.quoted {
            CarryQuotes::Futures(futures) => futures.first(),
            CarryQuotes::Rates(_) => None,
        });
        NameGreeks {
            code: underlying.code.clone(),
            cash_delta,
            delta_1pct: with_spot(&greeks.delta, &|spot| spot / 100.0),
            gamma_1pct: with_spot(&greeks.gamma, &|spot| spot * spot / 100.0),
            vega_1pt: of(&greeks.vega, 0.01),
            rho_q_1bp: of(&greeks.rho_q, 1e-4),
            lots: quoted.and_then(|future| lots(future, cash_delta?, multiplier)),
        }
    });
    DeskGreeks {
        sign: house,
        underlyings: names.collect(),
        rho_1bp: greeks.rho.map(|rho| sign * rho * 1e-4),
        theta_1d: greeks.theta_1d.map(|theta| sign * theta),
    }
}

fn lots(future: &FutureQuote, cash_delta: f64, told: Option<f64>) -> Option<Lots> {
    let known = MULTIPLIERS
        .iter()
        .find(|(prefix, _)| future.code.starts_with(prefix))
        .map(|(_, multiplier)| *multiplier);
    let multiplier = told.or(known)?;
    let lots = cash_delta / (future.price.to_f64()? * multiplier);
    lots.is_finite().then(|| Lots {
        future: future.code.clone(),
        multiplier,
        lots,
    })
}
