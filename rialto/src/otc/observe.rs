//! `rialto otc observe` and `replay`: contracts walked on fixings.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use rialto_otc_contract::compile::{Compiled, compile_with};
use rialto_otc_contract::formula::Booking;
use rialto_otc_contract::interpret::{Event, Memory, Seen, step};
use rialto_otc_contract::plan::Moment;
use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_time::{Calendars, Date};
use rust_decimal::Decimal;
use serde::Serialize;

use super::fault::Fault;
use super::fixings::{Fixings, fixings};
use super::flows::moment;
use super::input::{Entry, read, sheets};
use super::table::{money, render};
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

/// What became of a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// Observations are still to come.
    Live,
    /// Ended before its last date.
    EndedEarly,
    /// Lived to its last date.
    Expired,
}

/// What is printed for one contract.
#[derive(Debug, Serialize)]
struct Walked {
    trade_id: String,
    currency: String,
    status: Status,
    /// Observations made and still to come.
    observed: usize,
    to_come: usize,
    /// Moment of the last observation made.
    last: Option<String>,
    state: BTreeMap<String, Decimal>,
    events: Vec<Told>,
    flows: Vec<Flow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

/// An event.
#[derive(Debug, Serialize)]
struct Told {
    at: String,
    /// `set`, `hit` or `end`.
    kind: &'static str,
    /// Variable, or what ended.
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Decimal>,
}

/// A flow to the holder.
#[derive(Debug, Serialize)]
struct Flow {
    leg: String,
    /// Rounded as the contract says.
    amount: Decimal,
    observed: String,
    pay: String,
    /// Row of its schedule, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<u32>,
    /// The formula with its numbers.
    trace: String,
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
        if sheet.state.is_some() {
            let en = "The sheet holds a state, and the walk begins at the start. Remove \"state\".";
            let zh = "条款含有 state，而回放从起始日开始，请删去 state。";
            return Err(Fault::refused("E-OBSERVE-STATE", en, zh));
        }
        let initials = sheet
            .open_initials()
            .into_iter()
            .filter_map(|(code, _, date)| {
                let value = fixings.on(code, date?)?;
                Some((code.to_owned(), value))
            });
        let compiled = compile_with(sheet, Calendars::builtin(), &initials.collect())
            .map_err(|findings| origin.fault(&findings))?;
        Walk {
            sheet,
            compiled: &compiled,
            fixings,
            until: self.until,
        }
        .run()
    }
}

/// A contract on its way.
struct Walk<'w> {
    sheet: &'w TermSheet,
    compiled: &'w Compiled,
    fixings: &'w Fixings,
    until: Option<Date>,
}

impl Walk<'_> {
    fn run(&self) -> Result<Walked, Fault> {
        let plan = &self.compiled.plan;
        let due = self.due();
        let mut memory = Memory::new(plan);
        let mut booking = Booking::new(self.compiled);
        let mut observed: usize = 0;
        for (index, instant) in plan.instants.iter().take(due).enumerate() {
            if !memory.alive {
                break;
            }
            let mut seen = Vec::new();
            for underlying in &plan.underlyings {
                let fixing = self.fixings.at(&underlying.code, &instant.at);
                seen.push(fixing.ok_or_else(|| missing(&underlying.code, &instant.at))?);
            }
            let walked = step(plan, index, Seen::fixings(&seen), &mut memory, &mut booking);
            walked.map_err(|error| {
                let at = moment(&instant.at);
                let en = format!("{error} ({at}).");
                Fault::refused(
                    "E-OBSERVE-WALK",
                    en,
                    format!("{at} 的观察无法执行：{error}。"),
                )
            })?;
            observed += 1;
        }
        Ok(self.outcome(&memory, &booking, observed))
    }

    fn outcome(&self, memory: &Memory<Decimal>, booking: &Booking<'_>, observed: usize) -> Walked {
        let plan = &self.compiled.plan;
        let early = booking
            .events
            .iter()
            .any(|event| matches!(event, Event::End { early: true, .. }));
        let status = match (memory.alive, early) {
            (true, _) => Status::Live,
            (false, true) => Status::EndedEarly,
            (false, false) => Status::Expired,
        };
        let last = observed
            .checked_sub(1)
            .and_then(|last| plan.instants.get(last));
        Walked {
            trade_id: self.sheet.trade_id.clone(),
            currency: plan.currency.clone(),
            status,
            observed,
            to_come: if memory.alive {
                plan.instants.len() - observed
            } else {
                0
            },
            last: last.map(|instant| moment(&instant.at)),
            state: plan
                .vars
                .iter()
                .zip(&memory.vars)
                .map(|(var, value)| (var.name.clone(), value.normalize()))
                .collect(),
            events: booking
                .events
                .iter()
                .map(|event| self.told(event))
                .collect(),
            flows: booking
                .flows
                .iter()
                .map(|flow| Flow {
                    leg: flow.leg.clone(),
                    amount: flow.amount,
                    observed: moment(&flow.observed),
                    pay: moment(&flow.at),
                    row: (flow.row > 0).then_some(flow.row),
                    trace: flow.trace.clone(),
                })
                .collect(),
            notes: self.notes(),
        }
    }

    /// How many observations are due: those up to the date asked for, or up to the last fixing of
    /// any underlying of the contract.
    fn due(&self) -> usize {
        let plan = &self.compiled.plan;
        let codes: Vec<&str> = plan.underlyings.iter().map(|u| u.code.as_str()).collect();
        let (date, years) = self.fixings.last(&codes);
        let last = self.until.or(date);
        plan.instants
            .partition_point(|instant| match instant.at.date {
                Some(date) => last.is_some_and(|last| date <= last),
                None => instant.at.rate <= years + rialto_otc_time::TIME_TOLERANCE,
            })
    }

    fn told(&self, event: &Event<Decimal>) -> Told {
        let plan = &self.compiled.plan;
        match event {
            Event::Set {
                at, var, from, to, ..
            } => Told {
                at: moment(at),
                kind: "set",
                what: plan
                    .vars
                    .get(*var)
                    .map_or_else(String::new, |var| var.name.clone()),
                from: Some(from.normalize()),
                to: Some(to.normalize()),
            },
            Event::Hit { at, monitor } => Told {
                at: moment(at),
                kind: "hit",
                what: plan
                    .monitors
                    .get(*monitor)
                    .map_or_else(String::new, |monitor| {
                        format!("barrier {}", monitor.level.normalize())
                    }),
                from: None,
                to: None,
            },
            Event::End { at, early, .. } => Told {
                at: moment(at),
                kind: "end",
                what: if *early { "early" } else { "last date" }.to_owned(),
                from: None,
                to: None,
            },
        }
    }

    fn notes(&self) -> Vec<String> {
        let plan = &self.compiled.plan;
        let mut notes = Vec::new();
        if !plan.monitors.is_empty() {
            notes.push(
                "barriers watched continuously are compared with these fixings alone".to_owned(),
            );
        }
        if plan.exercise.is_some() {
            notes.push("the holder's right to exercise is not used".to_owned());
        }
        notes
    }
}

fn missing(code: &str, at: &Moment) -> Fault {
    let at = moment(at);
    let en =
        format!("The fixing of {code} on {at} is missing. Add it, or stop before with --until.");
    let zh = format!("缺少 {code} 在 {at} 的定盘价，请补录，或以 --until 在此之前停止。");
    Fault::refused("E-FIXING-MISSING", en, zh)
}

fn status(status: Status, lang: Lang) -> &'static str {
    match status {
        Status::Live => lang.pick("live", "存续"),
        Status::EndedEarly => lang.pick("ended early", "提前终止"),
        Status::Expired => lang.pick("expired", "到期"),
    }
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
            text += &format!("  {} {} {}{change}\n", event.at, event.kind, event.what);
        }
        for flow in &answer.flows {
            let amount = money(rialto_otc_contract::number::binary(flow.amount));
            text += &format!(
                "  {} {} {amount} {} = {} ({} {})\n",
                flow.observed,
                flow.leg,
                answer.currency,
                flow.trace,
                lang.pick("paid", "付款"),
                flow.pay
            );
        }
        for note in &answer.notes {
            text += &format!("  {}: {note}\n", lang.pick("note", "提示"));
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
