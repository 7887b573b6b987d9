//! Findings, states, flows and events as people are shown them.

use rialto_otc_contract::finding::{Finding, Findings, Severity};
use rialto_otc_contract::names::{leg_en, leg_zh, trace_zh};
use rialto_otc_lifecycle::difference::{Difference, Language};
use rialto_otc_lifecycle::payload::{Change, Payload, Seen};
use rialto_otc_lifecycle::{Entry, Event, Flow, Netted, TradeState};
use rust_decimal::Decimal;

use crate::ledger::word;
use crate::view::{
    EventView, FindingView, FlowView, LinkView, NettedView, PostingView, ReviewView, StateView,
    Words,
};

/// A decimal without idle zeros.
pub fn number(value: Decimal) -> String {
    value.normalize().to_string()
}

/// Money: at least two decimals.
pub fn money(value: Decimal) -> String {
    let mut value = value.normalize();
    if value.scale() < 2 {
        value.rescale(2);
    }
    value.to_string()
}

pub fn finding(finding: &Finding) -> FindingView {
    let place = |n: u32| (n > 0).then_some(n);
    FindingView {
        code: finding.code.to_owned(),
        severity: match finding.severity {
            Severity::Error => "error",
            Severity::Notice => "notice",
        }
        .to_owned(),
        pointer: finding.pointer.clone(),
        line: place(finding.line),
        column: place(finding.column),
        seen: finding.value.clone(),
        text: Words::new(&*finding.en, &*finding.zh),
    }
}

/// Findings one by one.
#[must_use]
pub fn findings(all: &Findings) -> Vec<FindingView> {
    all.iter().map(finding).collect()
}

pub fn difference(found: &Difference) -> Option<Words> {
    (!found.is_empty()).then(|| Words {
        en: found.text(Language::En),
        zh: found.text(Language::Zh),
    })
}

pub fn flow(flow: &Flow) -> FlowView {
    FlowView {
        id: flow.flow_id.clone(),
        trade_id: flow.trade_id.clone(),
        trade_no: None,
        counterparty: None,
        leg: flow.leg.clone(),
        leg_text: Words::new(leg_en(&flow.leg), leg_zh(&flow.leg)),
        kind: word(&flow.kind),
        amount: money(flow.amount),
        house: money(flow.house()),
        currency: flow.currency.clone(),
        payer: word(&flow.payer),
        payee: word(&flow.payee),
        observed: flow.observed.to_string(),
        pay_date: flow.pay_date.to_string(),
        status: word(&flow.status),
        trace: flow.trace.clone(),
        trace_text: Words::new(&*flow.trace, trace_zh(&flow.trace)),
        netting_set: flow.netting_set.clone(),
        reverses: flow.reverses.clone(),
    }
}

pub fn netted(set: &Netted) -> NettedView {
    NettedView {
        netting_set: set.netting_set.clone(),
        currency: set.currency.clone(),
        pay_date: set.pay_date.to_string(),
        net: money(set.net),
        receives: money(set.receives),
        pays: money(set.pays),
        flows: set.flows.clone(),
    }
}

pub fn posting(entry: &Entry) -> PostingView {
    PostingView {
        id: entry.id,
        debit: entry.debit.text().to_owned(),
        credit: entry.credit.text().to_owned(),
        amount: money(entry.amount),
        currency: entry.currency.clone(),
        effective: entry.effective.to_string(),
        known_at: entry.known_at,
        purpose: word(&entry.purpose),
        cause: entry.cause,
        flow_id: entry.flow_id.clone(),
        reverses: entry.reverses,
    }
}

pub fn state(state: &TradeState) -> StateView {
    let reviews = state.reviews.iter().map(|review| {
        let (en, zh) = review.why.texts();
        ReviewView {
            id: review.id,
            why: word(&review.why),
            text: Words::new(en, zh),
        }
    });
    let values = state.values.iter();
    let balances = state.balances.iter();
    StateView {
        status: state.status.map(|status| word(&status)),
        version: state.version,
        contract_version: state.contract_version as u64,
        contract_hash: state.contract_hash.map(|hash| hash.to_string()),
        size: state.size.map(|(left, all)| [number(left), number(all)]),
        observed_to: state.observed_to.map(|date| date.to_string()),
        waiting_for: state.waiting_for.map(|date| date.to_string()),
        values: values
            .map(|(name, value)| (name.clone(), number(*value)))
            .collect(),
        ki_date: state.ki_date.map(|date| date.to_string()),
        outcome: state.outcome.map(|(outcome, _)| word(&outcome)),
        outcome_date: state.outcome.map(|(_, on)| on.to_string()),
        reviews: reviews.collect(),
        link: state.link.as_ref().map(|link| LinkView {
            kind: word(&link.kind),
            trade_id: link.trade_id.clone(),
        }),
        replacement: state.replacement.clone(),
        balances: balances
            .map(|(account, sum)| (account.clone(), money(*sum)))
            .collect(),
        net_cash: money(state.net_cash()),
        flows: state.flows.iter().map(flow).collect(),
    }
}

pub fn event(event: &Event) -> EventView {
    EventView {
        seq: event.seq,
        event_id: event.event_id.clone(),
        kind: event.kind.text().to_owned(),
        derived: event.kind.is_derived(),
        effective: event.effective_at.date.to_string(),
        phase: event.effective_at.phase,
        known_at: event.known_at,
        source: event.source.clone(),
        cause: event.cause.clone(),
        supersedes: event.supersedes.clone(),
        maker: event.maker.clone(),
        checker: event.checker.clone(),
        payload: serde_json::to_value(&event.payload).unwrap_or_default(),
        words: payload(&event.payload),
        hash: event.hash.to_string(),
        prev_hash: event.prev_hash.to_string(),
    }
}

/// What stands for the limit check of a submission.
pub const NO_LIMITS: &str = "limits are not checked by this system yet";

fn limits_zh(said: &str) -> &str {
    if said == NO_LIMITS {
        "本系统暂不检查限额"
    } else {
        said
    }
}

/// What an event says, in a line.
#[expect(
    clippy::too_many_lines,
    reason = "one arm for each kind of event; parts of it would say less"
)]
pub fn payload(payload: &Payload) -> Words {
    let (en, zh) = match payload {
        Payload::Book(book) => match &book.quote {
            Some(quote) => (
                format!("Booked from quote {quote}"),
                format!("由报价 {quote} 入账"),
            ),
            None => ("Booked".to_owned(), "入账".to_owned()),
        },
        Payload::Submit(submit) => (
            format!("Put before the checker; limits: {}", submit.limit_check),
            format!("提交复核；限额：{}", limits_zh(&submit.limit_check)),
        ),
        Payload::Approve(_) => ("Approved".to_owned(), "复核通过".to_owned()),
        Payload::Reject(reject) => (
            format!("Rejected: {}", reject.reason),
            format!("复核退回：{}", reject.reason),
        ),
        Payload::Confirm(confirm) => (
            format!("Confirmed with the counterparty: {}", confirm.reference),
            format!("与对手方确认：{}", confirm.reference),
        ),
        Payload::Fixing(fixing) => (
            format!("{} {} {}", fixing.code, fixing.rule, number(fixing.value)),
            format!("{} {} {}", fixing.code, fixing.rule, number(fixing.value)),
        ),
        Payload::FixingCorrected(fixing) => (
            format!(
                "{} of {} corrected to {}{}",
                fixing.code,
                fixing.date,
                number(fixing.value),
                why(": ", &fixing.reason)
            ),
            format!(
                "{} {} 定盘价更正为 {}{}",
                fixing.code,
                fixing.date,
                number(fixing.value),
                why("：", &fixing.reason)
            ),
        ),
        Payload::BarrierHit(hit) => (
            format!("{} seen at {}", hit.code, number(hit.price)),
            format!("{} 盘中触及 {}", hit.code, number(hit.price)),
        ),
        Payload::Exercise(_) => ("Exercised".to_owned(), "行权".to_owned()),
        Payload::Abandon(abandon) => (
            format!("Right given up: {}", abandon.reason),
            format!("放弃行权：{}", abandon.reason),
        ),
        Payload::Amend(amend) => (
            format!("Amended: {}", amend.reason),
            format!("修订：{}", amend.reason),
        ),
        Payload::Extend(amend) => (
            format!("Extended: {}", amend.reason),
            format!("展期：{}", amend.reason),
        ),
        Payload::TerminatePartial(part) => (
            format!(
                "{} ended early, paid {}",
                number(part.size),
                money(part.unwind)
            ),
            format!(
                "部分平仓 {}，平仓价 {}",
                number(part.size),
                money(part.unwind)
            ),
        ),
        Payload::NotionalIncrease(part) => (
            format!("Increased by {}", number(part.size)),
            format!("追加规模 {}", number(part.size)),
        ),
        Payload::Terminate(end) => (
            format!("Ended early, paid {}", money(end.unwind)),
            format!("提前终止，平仓价 {}", money(end.unwind)),
        ),
        Payload::Novate(novate) => (
            format!("Novated to trade {}", novate.replacement),
            format!("更替为交易 {}", novate.replacement),
        ),
        Payload::Cancel(cancel) => (
            format!("Cancelled: {}", cancel.reason),
            format!("撤销：{}", cancel.reason),
        ),
        Payload::Instructed(flows) => (
            format!("{} given to the bank", count(flows.flows.len())),
            format!("发出付款指令 {} 笔", flows.flows.len()),
        ),
        Payload::Settled(flows) => (
            format!("{} paid {}", count(flows.flows.len()), flows.note),
            format!("结算 {} 笔 {}", flows.flows.len(), flows.note),
        ),
        Payload::Failed(flows) => (
            format!(
                "{} came back unpaid: {}",
                count(flows.flows.len()),
                flows.note
            ),
            format!("结算失败 {} 笔：{}", flows.flows.len(), flows.note),
        ),
        Payload::Revaluation(mark) => (
            format!("Valued at {}", money(mark.pv_open)),
            format!("估值 {}", money(mark.pv_open)),
        ),
        Payload::ReviewClosed(closed) => (
            format!("Review {} closed: {}", closed.review, closed.note),
            format!("复核事项 {} 完成：{}", closed.review, closed.note),
        ),
        derived => {
            return derived
                .derived()
                .map(|d| change(&d.change))
                .unwrap_or_default();
        }
    };
    Words {
        en: en.trim().to_owned(),
        zh: zh.trim().to_owned(),
    }
}

/// A reason behind its sign; nothing when none was given.
fn why(sign: &str, reason: &str) -> String {
    match reason.trim() {
        "" => String::new(),
        reason => format!("{sign}{reason}"),
    }
}

fn count(flows: usize) -> String {
    match flows {
        1 => "1 flow".to_owned(),
        n => format!("{n} flows"),
    }
}

fn change(change: &Change) -> Words {
    match change {
        Change::Observed(fact) => seen(&fact.what),
        Change::Withdrawn(fact) => {
            let Words { en, zh } = seen(&fact.what);
            Words::new(
                format!("No longer so on {}: {en}", fact.on),
                format!("{} 不再成立：{zh}", fact.on),
            )
        }
        Change::Determined(flow) => {
            let (amount, on) = (money(flow.house()), flow.pay_date);
            Words::new(
                format!(
                    "{} {} {amount} on {on} = {}",
                    leg_en(&flow.leg),
                    flow.currency,
                    flow.trace
                ),
                format!(
                    "{} {} {amount}，{on} 支付 = {}",
                    leg_zh(&flow.leg),
                    flow.currency,
                    trace_zh(&flow.trace)
                ),
            )
        }
        Change::Reversed { flow_id } => Words::new(
            format!("Flow {flow_id} taken back"),
            format!("现金流 {flow_id} 冲回"),
        ),
        Change::Status { from, to } => Words::new(
            format!("{} -> {}", from.en(), to.en()),
            format!("{} → {}", from.zh(), to.zh()),
        ),
        Change::Review(review) => {
            let (en, zh) = review.why.texts();
            Words::new(
                format!("Review {}: {en}", review.id),
                format!("复核事项 {}：{zh}", review.id),
            )
        }
    }
}

fn seen(seen: &Seen) -> Words {
    match seen {
        Seen::Set { var, to, .. } if var == "ki" && !to.is_zero() => {
            Words::new("Knocked in", "敲入")
        }
        Seen::Set { var, from, to } => Words::new(
            format!("{var}: {} -> {}", number(*from), number(*to)),
            format!("{var}：{} → {}", number(*from), number(*to)),
        ),
        Seen::Hit(n) => Words::new(
            format!("Barrier {} hit", n + 1),
            format!("第 {} 道障碍触发", n + 1),
        ),
        Seen::Ended(outcome) => {
            let status = outcome.status();
            Words::new(status.en(), status.zh())
        }
    }
}
