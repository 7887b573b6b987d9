//! A compiled contract, and where a valuation stands on its clocks.

use rialto_otc_time::{AsOf, Calendars, Clocks, Date, DayPhase, Exchange, NightEnd, PaymentRule};
use rust_decimal::Decimal;

use crate::envelope::{Rounding, State};
use crate::finding::{Findings, Place, Sink};
use crate::lower::Origins;
use crate::plan::{Moment, Plan};
use crate::program::Program;
use crate::schedule::{Row, Term, years};
use crate::templates::NamedSchedule;

/// A compiled contract: the plan and what the ledger, the screens and the reports need beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Compiled {
    /// The plan, on decimals.
    pub plan: Plan<Decimal>,
    /// The program it comes from.
    pub program: Program,
    /// Its schedules, resolved, with their columns.
    pub schedules: Vec<NamedSchedule>,
    /// Decimals of amounts and levels.
    pub rounding: Rounding,
    /// The clocks in force.
    pub clocks: Clocks,
    /// From when to when.
    pub term: Term,
    /// Exchange of the first underlying; `None` in numeric contracts.
    pub exchange: Option<Exchange>,
    /// When money moves; `None` in numeric contracts: at once.
    pub payment: Option<PaymentRule>,
    /// The row of the end.
    pub end: Row,
    /// The state the sheet gives.
    pub state: Option<State>,
    /// Flows determined before the as-of and not yet paid (after [`Compiled::remaining`]).
    pub pending: Vec<PendingFlow>,
    /// Notices: what a reader should know.
    pub notices: Findings,
    pub(crate) origins: Origins,
}

/// A determined flow that is still to be paid.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingFlow {
    /// Name of the flow.
    pub leg: String,
    /// Currency units to the holder.
    pub amount: Decimal,
    /// When it is paid.
    pub at: Moment,
}

impl Compiled {
    /// A date on the contract's three clocks, and the payment it determines by the contract's lag:
    /// for what happens between instants (a barrier hit, an exercise).
    ///
    /// # Errors
    /// `E-ASOF-KIND` in numeric contracts, `E-CAL-…` outside the calendars.
    pub fn moments(&self, date: Date, calendars: &Calendars) -> Result<(Moment, Moment), Findings> {
        let at = self.now(&AsOf::post_close(date), calendars)?;
        let pay = match &self.payment {
            None => date,
            Some(rule) => rule.date(date, calendars).map_err(|error| {
                let sink = Sink::default();
                let place = Place::default();
                sink.error(
                    error.code(),
                    &place,
                    format!("{error}."),
                    "日历未覆盖付款日。",
                );
                sink.into_findings()
            })?,
        };
        Ok((at, self.now(&AsOf::post_close(pay), calendars)?))
    }

    /// Where a valuation stands on the contract's three clocks.
    ///
    /// # Errors
    /// `E-ASOF-…`, `E-CAL-…` when the as-of is of the other kind or outside the calendars.
    pub fn now(&self, as_of: &AsOf, calendars: &Calendars) -> Result<Moment, Findings> {
        let told = |code: &'static str, en: String| {
            let sink = Sink::default();
            let at = Place {
                pointer: "/as_of".to_owned(),
                ..Place::default()
            };
            sink.error(
                code,
                &at,
                en,
                "估值时点与合约的日期类型不符，或超出日历覆盖范围。",
            );
            sink.into_findings()
        };
        match (self.term, *as_of) {
            (Term::Numeric { .. }, AsOf::Numeric(time)) => Ok(years(time)),
            (Term::Dated { start, .. }, AsOf::Dated { date, phase }) => {
                let clock = |clock: &rialto_otc_time::Clock| {
                    let answer = clock.year_fraction(start, date, calendars);
                    answer.map_err(|error| told(error.code(), format!("{error}.")))
                };
                let mut variance = clock(&self.clocks.variance)?;
                if let (true, Some(exchange)) = (phase != DayPhase::PostClose, self.exchange) {
                    // The part of today's session still ahead is not past yet.
                    let night = NightEnd::of(exchange);
                    let left = as_of.variance_time(
                        date,
                        &self.clocks.variance,
                        exchange,
                        night,
                        calendars,
                    );
                    variance -= left.map_err(|error| told(error.code(), format!("{error}.")))?;
                }
                let (rate, coupon) = (clock(&self.clocks.rate)?, clock(&self.clocks.coupon)?);
                Ok(Moment {
                    date: Some(date),
                    variance,
                    rate,
                    coupon,
                })
            }
            (Term::Numeric { .. }, AsOf::Dated { .. }) => {
                let en = "The contract runs in years from its start; give the as-of as a number.";
                Err(told("E-ASOF-KIND", en.to_owned()))
            }
            (Term::Dated { .. }, AsOf::Numeric(_)) => {
                let en = "The contract runs on dates; give the as-of as a date and a phase.";
                Err(told("E-ASOF-KIND", en.to_owned()))
            }
        }
    }
}
