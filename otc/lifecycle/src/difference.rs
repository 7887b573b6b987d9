//! What differs between two states of a trade, in words: before and after a correction, or at two
//! times of knowledge.

use std::collections::BTreeSet;

use rialto_otc_contract::formula::grouped;
use rialto_otc_contract::names::{leg_en, leg_zh, trace_zh};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;

use crate::flow::{Flow, FlowKind};
use crate::state::{Outcome, Status, TradeState};

/// Fields of a sheet that are told one by one.
const FIELDS: usize = 20;
/// Characters of a field's value that are told.
const LONGEST: usize = 80;

/// Language of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What, as a pointer into [`TradeState`].
    pub at: String,
    /// In English.
    pub en: String,
    /// In Simplified Chinese.
    pub zh: String,
}

/// What differs between two states.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// One by one.
    pub lines: Vec<Line>,
    /// Change of net cash in the house's favour, currency units.
    pub net_cash: Decimal,
}

impl Difference {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// As text, one line for each.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        let lines = self.lines.iter().map(|line| match language {
            Language::En => line.en.as_str(),
            Language::Zh => line.zh.as_str(),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn push(&mut self, at: impl Into<String>, en: String, zh: String) {
        let at = at.into();
        self.lines.push(Line { at, en, zh });
    }
}

fn status(state: &TradeState) -> (&'static str, &'static str) {
    state
        .status
        .map_or(("not booked", "未入账"), |status: Status| {
            (status.en(), status.zh())
        })
}

fn ending(outcome: Option<(Outcome, rialto_otc_time::Date)>) -> (String, String) {
    match outcome {
        None => ("still alive".to_owned(), "存续".to_owned()),
        Some((outcome, on)) => {
            let (en, zh) = (outcome.status().en(), outcome.status().zh());
            (format!("{en} on {on}"), format!("{on} {zh}"))
        }
    }
}

fn money(amount: Decimal, decimals: u32) -> String {
    let sign = if amount.is_sign_negative() && !amount.is_zero() {
        "-"
    } else {
        ""
    };
    let mut rounded = amount.abs().round_dp(decimals);
    rounded.rescale(decimals);
    let text = rounded.to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole
        .parse::<Decimal>()
        .map(grouped)
        .unwrap_or_else(|_| whole.to_owned());
    let point = if part.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{part}")
}

fn told(flow: &Flow) -> (String, String) {
    let (en, zh) = flow.status.texts();
    let amount = money(flow.house(), 2);
    let (why, warum) = match flow.kind {
        FlowKind::Contract => ("", ""),
        FlowKind::Adjustment => ("adjustment of ", "调整 "),
        FlowKind::Reversal => ("reversal of ", "冲回 "),
    };
    let Flow {
        leg,
        currency,
        pay_date,
        trace,
        ..
    } = flow;
    let (leg, zweig, formel) = (leg_en(leg), leg_zh(leg), trace_zh(trace));
    (
        format!("{why}{leg} {currency} {amount} on {pay_date} ({en}) = {trace}"),
        format!("{warum}{zweig} {currency} {amount}，{pay_date} 支付（{zh}）= {formel}"),
    )
}

/// What differs between two states of a trade. Amounts are in the house's favour.
#[must_use]
pub fn difference(before: &TradeState, after: &TradeState) -> Difference {
    let mut found = Difference {
        net_cash: after.net_cash() - before.net_cash(),
        ..Difference::default()
    };
    let ((was, war), (is, ist)) = (status(before), status(after));
    if was != is {
        let zh = format!("状态：{war} → {ist}");
        found.push("/status", format!("Status: {was} -> {is}"), zh);
    }
    if before.outcome != after.outcome {
        let ((was, war), (is, ist)) = (ending(before.outcome), ending(after.outcome));
        let zh = format!("终止：{war} → {ist}");
        found.push("/outcome", format!("End: {was} -> {is}"), zh);
    }
    numbers(before, after, &mut found);
    flows(before, after, &mut found);
    if !found.net_cash.is_zero() {
        let (was, is) = (money(before.net_cash(), 2), money(after.net_cash(), 2));
        let change = money(found.net_cash, 2);
        let en = format!("Net cash of the house: {was} -> {is} (change {change})");
        let zh = format!("我方净现金流：{was} → {is}（变动 {change}）");
        found.push("/flows", en, zh);
    }
    for review in after
        .reviews
        .iter()
        .filter(|review| !before.reviews.contains(review))
    {
        let (en, zh) = review.why.texts();
        let id = review.id;
        found.push(
            "/reviews",
            format!("Review {id} is open: {en}"),
            format!("复核事项 {id}：{zh}"),
        );
    }
    found
}

fn numbers(before: &TradeState, after: &TradeState, found: &mut Difference) {
    let names: BTreeSet<&String> = before.values.keys().chain(after.values.keys()).collect();
    for name in names {
        let (was, is) = (before.values.get(name), after.values.get(name));
        if was != is {
            let shown = |value: Option<&Decimal>| value.map_or("-".to_owned(), |v| grouped(*v));
            let (was, is) = (shown(was), shown(is));
            let at = format!("/values/{name}");
            found.push(
                at,
                format!("{name}: {was} -> {is}"),
                format!("{name}：{was} → {is}"),
            );
        }
    }
    let rows = [
        (
            "/observed_to",
            "Observed to",
            "已观察至",
            before.observed_to,
            after.observed_to,
        ),
        (
            "/waiting_for",
            "Waiting for fixings of",
            "等待定盘价",
            before.waiting_for,
            after.waiting_for,
        ),
        (
            "/ki_date",
            "Knocked in on",
            "敲入日",
            before.ki_date,
            after.ki_date,
        ),
    ];
    for (at, en, zh, was, is) in rows {
        if was != is {
            let shown = |date: Option<rialto_otc_time::Date>| {
                date.map_or("-".to_owned(), |date| date.to_string())
            };
            let (was, is) = (shown(was), shown(is));
            found.push(
                at,
                format!("{en}: {was} -> {is}"),
                format!("{zh}：{was} → {is}"),
            );
        }
    }
    terms(before, after, found);
}

fn terms(before: &TradeState, after: &TradeState, found: &mut Difference) {
    if before.size != after.size {
        let shown = |state: &TradeState| {
            state.size.map_or("-".to_owned(), |(left, whole)| {
                format!("{}/{}", grouped(left), grouped(whole))
            })
        };
        let (was, is) = (shown(before), shown(after));
        found.push(
            "/size",
            format!("Size left: {was} -> {is}"),
            format!("存续规模：{was} → {is}"),
        );
    }
    if before.contract_hash != after.contract_hash {
        let (was, is) = (before.contract_version, after.contract_version);
        let en = format!("Terms: version {was} -> {is}");
        found.push(
            "/contract_version",
            en,
            format!("条款：第 {was} 版 → 第 {is} 版"),
        );
        fields(before, after, found);
    }
}

/// Fields of the sheet that differ, by their pointers.
fn fields(before: &TradeState, after: &TradeState, found: &mut Difference) {
    let (Some(was), Some(is)) = (&before.sheet, &after.sheet) else {
        return;
    };
    let mut all = Vec::new();
    changed("", Some(&was.0), Some(&is.0), &mut all);
    // The version is told above.
    all.retain(|(at, ..)| at != "/version");
    let shown = |value: Option<&Value>| match value {
        None => "-".to_owned(),
        Some(Value::String(text)) => short(text.clone()),
        Some(value) => short(value.to_string()),
    };
    for (at, was, is) in all.iter().take(FIELDS) {
        let (was, is) = (shown(*was), shown(*is));
        found.push(
            format!("/sheet{at}"),
            format!("{at}: {was} -> {is}"),
            format!("{at}：{was} → {is}"),
        );
    }
    if let Some(more) = all.len().checked_sub(FIELDS).filter(|more| *more > 0) {
        found.push(
            "/sheet",
            format!("{more} more fields of the terms changed"),
            format!("条款另有 {more} 个字段变更"),
        );
    }
}

/// A text that fits a line.
fn short(text: String) -> String {
    if text.chars().count() <= LONGEST {
        return text;
    }
    let start: String = text.chars().take(LONGEST - 1).collect();
    format!("{start}…")
}

type Field<'v> = (String, Option<&'v Value>, Option<&'v Value>);

/// Pointers, old and new values of what differs; what came or went as a whole is one.
fn changed<'v>(at: &str, was: Option<&'v Value>, is: Option<&'v Value>, all: &mut Vec<Field<'v>>) {
    match (was, is) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                let at = format!("{at}/{escaped}");
                changed(&at, old.get(name), new.get(name), all);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            for n in 0..old.len().max(new.len()) {
                changed(&format!("{at}/{n}"), old.get(n), new.get(n), all);
            }
        }
        _ if was != is => all.push((at.to_owned(), was, is)),
        _ => {}
    }
}

fn flows(before: &TradeState, after: &TradeState, found: &mut Difference) {
    let find = |state: &TradeState, id: &str| {
        state
            .flows
            .iter()
            .find(|flow| flow.flow_id == id && flow.counts())
            .cloned()
    };
    let ids = before
        .flows
        .iter()
        .chain(&after.flows)
        .map(|flow| flow.flow_id.as_str());
    let mut seen = BTreeSet::new();
    for id in ids.filter(|id| seen.insert(id.to_owned())) {
        let at = format!("/flows/{id}");
        match (find(before, id), find(after, id)) {
            (Some(was), None) => {
                let (en, zh) = told(&was);
                found.push(at, format!("- {en}"), format!("- {zh}"));
            }
            (None, Some(is)) => {
                let (en, zh) = told(&is);
                found.push(at, format!("+ {en}"), format!("+ {zh}"));
            }
            (Some(was), Some(is)) if was != is => {
                let ((was, war), (is, ist)) = (told(&was), told(&is));
                found.push(at, format!("~ {was} -> {is}"), format!("~ {war} → {ist}"));
            }
            _ => {}
        }
    }
}
