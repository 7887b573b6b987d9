//! `rialto otc observe` and `replay`: contracts walked on fixings.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use rialto_otc_contract::fixings::Fixings;
use rialto_otc_contract::names::{leg_zh, trace_zh};
use rialto_otc_contract::observe::{ObserveError, Status, Walked, observe};
use rialto_otc_time::{Calendars, Date};
use rust_decimal::Decimal;
use serde::Serialize;

use super::fault::Fault;
use super::fixings::fixings;
use super::input::{Entry, read, sheets};
use super::table::{money, notes, render};
use super::{Answer, Contracts, Lang, Output, json, print, report, stop, tell};

/// Options of `rialto otc observe` and `replay`.
#[derive(Debug, Args)]
pub struct ObserveArgs {
    #[command(flatten)]
    contracts: Contracts,
    /// Fixings: CSV with the heading `date,code,value`, a JSON list of such objects, or
    /// `{"CODE": {"DATE": "VALUE"}}`; years in place of dates for numeric contracts.
    #[arg(long, value_name = "FILE")]
    fixings: PathBuf,
    /// Observe up to this date: a fixing missing up to it is an error. Up to the last fixing of the
    /// contract's underlyings when not given.
    #[arg(long, value_name = "DATE")]
    until: Option<Date>,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Every trade.
    Trades,
    /// Every trade and a summary.
    Summary,
}

impl ObserveArgs {
    pub(super) fn execute(&self, form: Form) -> Result<ExitCode> {
        let telling = self.contracts.telling;
        let files = sheets(&self.contracts.terms)
            .and_then(|entries| Ok((entries, fixings(&read(&self.fixings)?)?)));
        let (entries, fixings) = match files {
            Ok(files) => files,
            Err(fault) => return stop(&fault, telling),
        };
        let answers: Vec<Answer<Walked>> = entries
            .list
            .iter()
            .map(|entry| Answer::new(entry.trade_id.as_ref(), self.walk(entry, &fixings)))
            .collect();
        match form {
            Form::Trades => tell(&answers, entries.many, telling, trades),
            Form::Summary => summed(&answers, telling),
        }
    }

    fn walk(&self, entry: &Entry, fixings: &Fixings) -> Result<Walked, Fault> {
        let origin = entry.origin(None);
        let sheet = entry
            .sheet
            .as_ref()
            .map_err(|findings| origin.fault(findings))?;
        observe(sheet, fixings, self.until, Calendars::builtin()).map_err(|error| match error {
            ObserveError::Findings(findings) => origin.fault(&findings),
            ObserveError::Refused { code, en, zh } => Fault::refused(code, en, zh),
        })
    }
}

fn status(status: Status, lang: Lang) -> &'static str {
    match status {
        Status::Live => lang.pick("live", "存续"),
        Status::EndedEarly => lang.pick("ended early", "提前终止"),
        Status::Expired => lang.pick("expired", "到期"),
    }
}

/// An event's kind and what it is about.
fn happened(kind: &str, what: &str, lang: Lang) -> (String, String) {
    let (Lang::Zh, true) = (lang, kind != "set") else {
        let kind = match kind {
            "set" => lang.pick("set", "记录"),
            other => other,
        };
        return (kind.to_owned(), what.to_owned());
    };
    let kind = match kind {
        "hit" => "触及",
        _ => "终止",
    };
    let what = match what {
        "early" => "提前".to_owned(),
        "last date" => "到期".to_owned(),
        other => other.replace("barrier ", "障碍 "),
    };
    (kind.to_owned(), what)
}

fn trades(answers: &[&Walked], lang: Lang) -> String {
    let mut text = String::new();
    for answer in answers {
        let last = answer.last.as_deref().unwrap_or("-");
        text += &format!(
            "{}: {} ({} {}, {} {last})\n",
            answer.trade_id,
            status(answer.status, lang),
            answer.observed,
            lang.pick("observations", "次观察"),
            lang.pick("last", "最近")
        );
        for (name, value) in &answer.state {
            text += &format!("  {name} = {value}\n");
        }
        for event in &answer.events {
            let change = match (event.from, event.to) {
                (Some(from), Some(to)) => format!(" {from} -> {to}"),
                _ => String::new(),
            };
            let (kind, what) = happened(event.kind, &event.what, lang);
            text += &format!("  {} {kind} {what}{change}\n", event.at);
        }
        for flow in &answer.flows {
            let amount = money(rialto_otc_contract::number::binary(flow.amount));
            text += &format!(
                "  {} {} {amount} {} = {} ({} {})\n",
                flow.observed,
                lang.pick(&flow.leg, leg_zh(&flow.leg)),
                answer.currency,
                match lang {
                    Lang::En => flow.trace.clone(),
                    Lang::Zh => trace_zh(&flow.trace),
                },
                lang.pick("paid", "付款"),
                flow.pay
            );
        }
        for line in notes(&answer.notes, lang).lines() {
            text += &format!("  {line}\n");
        }
    }
    text
}

/// What became of all trades.
#[derive(Debug, Serialize)]
struct Summary {
    trades: usize,
    live: usize,
    ended_early: usize,
    expired: usize,
    failed: usize,
    observations: usize,
    events: usize,
    /// Sum of all flows to holders, by currency.
    flows: BTreeMap<String, Decimal>,
}

fn summed(answers: &[Answer<Walked>], telling: super::Telling) -> Result<ExitCode> {
    let done: Vec<&Walked> = answers
        .iter()
        .filter_map(|answer| match answer {
            Answer::Done(done) => Some(done),
            Answer::Failed { .. } => None,
        })
        .collect();
    let count = |status: Status| done.iter().filter(|walked| walked.status == status).count();
    let mut flows = BTreeMap::new();
    for walked in &done {
        for flow in &walked.flows {
            *flows
                .entry(walked.currency.clone())
                .or_insert(Decimal::ZERO) += flow.amount;
        }
    }
    let summary = Summary {
        trades: answers.len(),
        live: count(Status::Live),
        ended_early: count(Status::EndedEarly),
        expired: count(Status::Expired),
        failed: answers.len() - done.len(),
        observations: done.iter().map(|walked| walked.observed).sum(),
        events: done.iter().map(|walked| walked.events.len()).sum(),
        flows,
    };
    match telling.output {
        Output::Json => {
            #[derive(Serialize)]
            struct Replayed<'a> {
                summary: &'a Summary,
                trades: &'a [Answer<Walked>],
            }
            print(&json(&Replayed {
                summary: &summary,
                trades: answers,
            })?)?;
        }
        Output::Table => print(&summary_table(&done, &summary, telling.lang()))?,
    }
    for answer in answers {
        if let Answer::Failed { trade_id, error } = answer {
            report(error, trade_id.as_deref(), telling.lang());
        }
    }
    Ok(ExitCode::from(u8::from(summary.failed > 0)))
}

fn summary_table(done: &[&Walked], summary: &Summary, lang: Lang) -> String {
    let head = [
        ("trade", "交易"),
        ("status", "状态"),
        ("observations", "观察数"),
        ("last", "最近"),
        ("flows", "现金流"),
    ];
    let mut rows = vec![
        head.iter()
            .map(|(en, zh)| lang.pick(en, zh).to_owned())
            .collect::<Vec<String>>(),
    ];
    for walked in done {
        let sum = walked
            .flows
            .iter()
            .fold(Decimal::ZERO, |sum, flow| sum + flow.amount);
        rows.push(vec![
            walked.trade_id.clone(),
            status(walked.status, lang).to_owned(),
            walked.observed.to_string(),
            walked.last.clone().unwrap_or_default(),
            money(rialto_otc_contract::number::binary(sum)),
        ]);
    }
    let mut text = render(&rows);
    let Summary {
        trades,
        live,
        ended_early,
        expired,
        failed,
        ..
    } = summary;
    text += &match lang {
        Lang::En => format!(
            "{trades} trades: {live} live, {ended_early} ended early, {expired} expired, {failed} failed\n"
        ),
        Lang::Zh => format!(
            "{trades} 笔：存续 {live}，提前终止 {ended_early}，到期 {expired}，失败 {failed}\n"
        ),
    };
    for (currency, sum) in &summary.flows {
        let sum = money(rialto_otc_contract::number::binary(*sum));
        text += &format!(
            "{} {sum} {currency}\n",
            lang.pick("flows to holders", "对持有人现金流")
        );
    }
    text
}
