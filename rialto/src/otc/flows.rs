//! `rialto otc cashflows`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use rialto_otc_contract::plan::{Action, Plan};
use rialto_otc_pricing::engine::{ErrorEstimate, ExpectedFlow, Greeking};
use rialto_otc_pricing::valuation::{Request, prepare};
use rialto_otc_time::Calendars;
use rust_decimal::Decimal;
use serde::Serialize;

use super::fault::Fault;
use super::input::{Entry, Market, market, sheets};
use super::table::{money, render};
use super::{Answer, Contracts, Lang, Pricing, stop, tell};

/// Options of `rialto otc cashflows`.
#[derive(Debug, Args)]
pub struct CashflowsArgs {
    #[command(flatten)]
    contracts: Contracts,
    #[command(flatten)]
    pricing: Pricing,
}

/// What `rialto otc cashflows` prints for one contract.
#[derive(Debug, Serialize)]
struct Flows {
    trade_id: String,
    currency: String,
    /// Holder's present value.
    value: f64,
    /// Flows decided and unpaid.
    determined: Vec<Determined>,
    /// Flows expected.
    projected: Vec<Projected>,
    /// Sum of the contributions of projected flows; the open part of the value within the error.
    projected_value: Option<f64>,
    error_estimate: ErrorEstimate,
    engine: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

/// A flow that is decided and unpaid.
#[derive(Debug, Serialize)]
struct Determined {
    leg: String,
    /// Currency units to the holder.
    amount: Decimal,
    /// Date, or years in numeric contracts.
    pay: String,
}

/// A flow that is expected.
#[derive(Debug, Serialize)]
struct Projected {
    leg: String,
    /// When it is decided.
    observed: String,
    /// When it is paid, where that is known beforehand.
    pay: Option<String>,
    probability: f64,
    /// Expected amount given that it is paid.
    amount: f64,
    /// Discounted and weighted.
    contribution: f64,
}

/// A date, or years.
pub(super) fn moment(at: &rialto_otc_contract::plan::Moment) -> String {
    match at.date {
        Some(date) => date.to_string(),
        None => at.rate.to_string(),
    }
}

impl CashflowsArgs {
    pub(super) fn execute(&self) -> Result<ExitCode> {
        let telling = self.contracts.telling;
        let read = sheets(&self.contracts.terms)
            .and_then(|entries| Ok((entries, market(&self.pricing.market)?)));
        let (entries, market) = match read {
            Ok(read) => read,
            Err(fault) => return stop(&fault, telling),
        };
        let answers: Vec<Answer<Flows>> = entries
            .list
            .iter()
            .map(|entry| Answer::new(entry.trade_id.as_ref(), self.flows(entry, &market)))
            .collect();
        tell(&answers, entries.many, telling, table)
    }

    fn flows(&self, entry: &Entry, market: &Market) -> Result<Flows, Fault> {
        let origin = entry.origin(Some(market));
        let sheet = entry
            .sheet
            .as_ref()
            .map_err(|findings| origin.fault(findings))?;
        let request = Request {
            flows: true,
            ..self.pricing.request(Greeking::None)
        };
        let calendars = Calendars::builtin();
        let prepared = prepare(
            sheet,
            &market.snapshot,
            calendars,
            request.as_of,
            &request.config,
        )
        .map_err(|findings| origin.fault(&findings))?;
        let valuation = prepared
            .value(&request)
            .map_err(|error| origin.value(&error.into()))?;
        let mut notes = valuation.notes;
        let given = !valuation.flows.is_empty() || valuation.value_open == 0.0;
        if !given {
            notes.push(format!(
                "{} gives no projected flows for this contract; name an engine that does",
                valuation.engine
            ));
        }
        let determined = prepared.compiled.pending.iter().map(|flow| Determined {
            leg: flow.leg.clone(),
            amount: flow.amount,
            pay: moment(&flow.at),
        });
        let contributions = valuation.flows.iter().map(|flow| flow.contribution);
        Ok(Flows {
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
}

fn projected(plan: &Plan<f64>, flow: &ExpectedFlow) -> Projected {
    let instant = plan.instants.get(flow.instant);
    let actions = instant
        .iter()
        .flat_map(|instant| &instant.rules)
        .flat_map(|rule| &rule.actions);
    let mut pays: Vec<String> = actions
        .filter_map(|action| match action {
            Action::Pay { at, leg, .. } if *leg == flow.leg => Some(moment(at)),
            _ => None,
        })
        .collect();
    pays.dedup();
    Projected {
        leg: flow.leg.clone(),
        observed: instant.map_or_else(String::new, |instant| moment(&instant.at)),
        pay: if pays.len() == 1 { pays.pop() } else { None },
        probability: flow.probability,
        amount: flow.amount,
        contribution: flow.contribution,
    }
}

fn table(answers: &[&Flows], lang: Lang) -> String {
    let mut text = String::new();
    for answer in answers {
        let value = money(answer.value);
        let word = lang.pick("value", "价值");
        text += &format!(
            "{} ({}, {}): {word} {value}\n",
            answer.trade_id, answer.currency, answer.engine
        );
        let head = [
            ("leg", "现金流"),
            ("observed", "观察"),
            ("paid", "付款"),
            ("probability", "概率"),
            ("amount", "金额"),
            ("contribution", "贡献"),
        ];
        let mut rows = vec![
            head.iter()
                .map(|(en, zh)| lang.pick(en, zh).to_owned())
                .collect::<Vec<String>>(),
        ];
        for flow in &answer.determined {
            let amount = money(rialto_otc_contract::number::binary(flow.amount));
            let sure = lang.pick("determined", "已确定").to_owned();
            rows.push(vec![
                flow.leg.clone(),
                String::new(),
                flow.pay.clone(),
                sure,
                amount,
                String::new(),
            ]);
        }
        for flow in &answer.projected {
            rows.push(vec![
                flow.leg.clone(),
                flow.observed.clone(),
                flow.pay.clone().unwrap_or_default(),
                format!("{:.4}%", 100.0 * flow.probability),
                money(flow.amount),
                money(flow.contribution),
            ]);
        }
        if rows.len() > 1 {
            text += &render(&rows);
        }
        for note in &answer.notes {
            text += &format!("{}: {note}\n", lang.pick("note", "提示"));
        }
    }
    text
}
