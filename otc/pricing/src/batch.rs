//! Many contracts on all cores. Each value depends on its own contract, market and seed only and
//! has its own place in the answer, so any number of threads gives the same bits.

use rayon::prelude::*;
use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_time::Calendars;

use crate::valuation::{Request, Valuation, ValueError, value};

/// Values every sheet; one that cannot be valued fails alone.
#[must_use]
pub fn values(
    sheets: &[TermSheet],
    snapshot: &Snapshot,
    calendars: &Calendars,
    request: &Request,
) -> Vec<Result<Valuation, ValueError>> {
    sheets
        .par_iter()
        .map(|sheet| value(sheet, snapshot, calendars, request))
        .collect()
}
