//! Cash flows of a contract: those determined and unpaid, and those expected with their
//! probabilities (specification, section 11).

use rialto_otc_contract::note::Note;
use rialto_otc_contract::plan::{Action, Plan};
use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_time::Calendars;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::engine::{ErrorEstimate, ExpectedFlow, Greeking};
use crate::notes;
use crate::valuation::{Request, ValueError, prepare};

/// Cash flows of one contract, to its holder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cashflows {
    /// Trade.
    pub trade_id: String,
    /// Currency, ISO 4217.
    pub currency: String,
    /// Holder's present value.
    pub value: f64,
    /// Flows decided and unpaid.
    pub determined: Vec<Determined>,
    /// Flows expected.
    pub projected: Vec<Projected>,
    /// Sum of the contributions of projected flows; the open part of the value within the error.
    /// Absent when the engine gives no flows.
    pub projected_value: Option<f64>,
    /// How far off the value may be.
    pub error_estimate: ErrorEstimate,
    /// Engine.
    pub engine: &'static str,
    /// Approximations and notices in force.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

/// A flow that is decided and unpaid.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Determined {
    /// Name of the flow.
    pub leg: String,
    /// Currency units to the holder.
    pub amount: Decimal,
    /// Date, or years in numeric contracts.
    pub pay: String,
}

/// A flow that is expected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Projected {
    /// Name of the flow.
    pub leg: String,
    /// When it is decided.
    pub observed: String,
    /// When it is paid, where that is known beforehand.
    pub pay: Option<String>,
    /// Probability, under the pricing measure, that it is paid.
    pub probability: f64,
    /// Expected amount given that it is paid.
    pub amount: f64,
    /// Discounted and weighted.
    pub contribution: f64,
}

/// The cash flows of a contract in a market.
///
/// # Errors
/// [`ValueError`].
pub fn cashflows(
    sheet: &TermSheet,
    snapshot: &Snapshot,
    calendars: &Calendars,
    request: &Request,
) -> Result<Cashflows, ValueError> {
    let request = Request {
        flows: true,
        greeks: Greeking::None,
        ladder: Vec::new(),
        ..request.clone()
    };
    let config = &request.config;
    let prepared = prepare(sheet, snapshot, calendars, request.as_of, config)?;
    let valuation = prepared.value(&request)?;
    let mut notes = valuation.notes;
    let given = !valuation.flows.is_empty() || valuation.value_open == 0.0;
    if !given {
        notes.push(notes::no_projection(valuation.engine));
    }
    let determined = prepared.compiled.pending.iter().map(|flow| Determined {
        leg: flow.leg.clone(),
        amount: flow.amount,
        pay: flow.at.label(),
    });
    let contributions = valuation.flows.iter().map(|flow| flow.contribution);
    Ok(Cashflows {
        trade_id: sheet.trade_id.clone(),
        currency: valuation.currency,
        value: valuation.value,
        determined: determined.collect(),
        projected_value: given.then(|| contributions.fold(0.0, |sum, value| sum + value)),
        projected: valuation
            .flows
            .iter()
            .map(|flow| projected(&prepared.plan, flow))
            .collect(),
        error_estimate: valuation.error_estimate,
        engine: valuation.engine,
        notes,
    })
}

fn projected(plan: &Plan<f64>, flow: &ExpectedFlow) -> Projected {
    let instant = plan.instants.get(flow.instant);
    let actions = instant
        .iter()
        .flat_map(|instant| &instant.rules)
        .flat_map(|rule| &rule.actions);
    let mut pays: Vec<String> = actions
        .filter_map(|action| match action {
            Action::Pay { at, leg, .. } if *leg == flow.leg => Some(at.label()),
            _ => None,
        })
        .collect();
    pays.dedup();
    Projected {
        leg: flow.leg.clone(),
        observed: instant.map_or_else(String::new, |instant| instant.at.label()),
        pay: if pays.len() == 1 { pays.pop() } else { None },
        probability: flow.probability,
        amount: flow.amount,
        contribution: flow.contribution,
    }
}
