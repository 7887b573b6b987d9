//! Scenarios: one contract at many spots and volatilities.

use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_market::bump::{Bump, Move, Stickiness, Which, Window};
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_pricing::desk::desk;
use rialto_otc_pricing::valuation::{Prepared, Request, prepare};

use crate::contract::calendars;
use crate::fault::{Fault, Kind};
use crate::measures::Valued;

/// A move of the whole market.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scenario {
    /// Of every spot, as a share of itself: 0.01 is +1 %.
    pub spot: f64,
    /// Of every volatility, per 1.00: 0.01 is one point.
    pub vol: f64,
}

/// A contract made ready once for all its scenarios.
pub struct Ready<'a> {
    sheet: &'a TermSheet,
    snapshot: &'a Snapshot,
    prepared: Prepared,
}

impl<'a> Ready<'a> {
    /// Compiles it against the market.
    pub fn new(
        sheet: &'a TermSheet,
        snapshot: &'a Snapshot,
        request: &Request,
    ) -> Result<Self, Fault> {
        let (as_of, config) = (request.as_of, &request.config);
        let prepared = prepare(sheet, snapshot, calendars(), as_of, config)
            .map_err(|findings| Fault::findings(Kind::Terms, findings))?;
        Ok(Self {
            sheet,
            snapshot,
            prepared,
        })
    }

    /// Its value in one scenario.
    pub fn value(&self, scenario: Scenario, request: &Request) -> Result<Valued, Fault> {
        let bumps = [
            (scenario.spot != 0.0).then_some(Bump::Spot {
                of: Which::All,
                by: Move::Relative(scenario.spot),
                sticky: Stickiness::Strike,
            }),
            (scenario.vol != 0.0).then_some(Bump::Vol {
                of: Which::All,
                by: scenario.vol,
                window: Window::PARALLEL,
            }),
        ];
        let mut prepared = self.prepared.clone();
        for bump in bumps.into_iter().flatten() {
            prepared.model = prepared.model.bumped(&bump).map_err(|error| {
                let text = error.to_string();
                let en = text
                    .split_once(": ")
                    .map_or(text.as_str(), |(_, rest)| rest);
                Fault::new(Kind::Market, "E-BUMP", en, "该情景无法应用于此市场。")
            })?;
        }
        let mut valuation = prepared
            .value(request)
            .map_err(|error| Fault::price(&error))?;
        valuation.trade_id.clone_from(&self.sheet.trade_id);
        let desk = desk(self.sheet, self.snapshot, &valuation.greeks, None);
        Ok(Valued { valuation, desk })
    }
}
