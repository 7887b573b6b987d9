//! `rialto otc cashflows`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use rialto_otc_pricing::cashflows::{Cashflows, cashflows};
use rialto_otc_pricing::engine::Greeking;
use rialto_otc_time::Calendars;

use super::fault::Fault;
use super::input::{Entry, Market, market, sheets};
use super::table::{money, notes, render};
use super::{Answer, Contracts, Lang, Pricing, stop, tell};

/// Options of `rialto otc cashflows`.
#[derive(Debug, Args)]
pub struct CashflowsArgs {
    #[command(flatten)]
    contracts: Contracts,
    #[command(flatten)]
    pricing: Pricing,
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
        let answers: Vec<Answer<Cashflows>> = entries
            .list
            .iter()
            .map(|entry| Answer::new(entry.trade_id.as_ref(), self.flows(entry, &market)))
            .collect();
        tell(&answers, entries.many, telling, table)
    }

    fn flows(&self, entry: &Entry, market: &Market) -> Result<Cashflows, Fault> {
        let origin = entry.origin(Some(market));
        let sheet = entry
            .sheet
            .as_ref()
            .map_err(|findings| origin.fault(findings))?;
        let request = self.pricing.request(Greeking::None);
        cashflows(sheet, &market.snapshot, Calendars::builtin(), &request)
            .map_err(|error| origin.value(&error))
    }
}

fn table(answers: &[&Cashflows], lang: Lang) -> String {
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
        text += &notes(&answer.notes, lang);
    }
    text
}
