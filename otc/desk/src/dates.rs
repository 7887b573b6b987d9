//! Dates on which a contract does something, out of its plan.

use std::collections::BTreeMap;

use rialto_otc_contract::compile::{Compiled, Initials};
use rialto_otc_contract::plan::{Action, Cond, Expr, Plan, Rule};
use rialto_otc_contract::program::Comparison;
use rialto_otc_lifecycle::{Context, Status, TradeLog};
use rialto_otc_store::date::DateRow;
use rialto_otc_store::span::SpanRow;
use rialto_otc_store::trade::TradeRow;
use rialto_otc_time::Date;
use rust_decimal::Decimal;

/// A schedule with more dates than this is looked at day by day: it is one row, not one for each date.
const MOST_LISTED: usize = 64;

/// What is looked at on a date.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// When.
    pub date: Date,
    /// `knock_out`, `knock_in`, `coupon`, `observation` or `expiry`.
    pub kind: &'static str,
    /// Underlying; empty when it is about several.
    pub code: String,
    /// Price, or performance when it is about several underlyings.
    pub level: Option<Decimal>,
    /// `at_least` or `at_most`.
    pub side: Option<&'static str>,
    /// Index of the instant in the plan.
    pub instant: usize,
    /// Schedule it comes from.
    pub schedule: String,
}

/// A comparison of a price with a number inside a condition: underlying, side, level.
fn compared(cond: &Cond<Decimal>, plan: &Plan<Decimal>) -> Option<(String, Comparison, Decimal)> {
    match cond {
        Cond::Compare(comparison, left, right) => {
            let code = |expr: &Expr<Decimal>| match expr {
                Expr::Spot(n) => plan.underlyings.get(*n).map(|u| u.code.clone()),
                Expr::Worst | Expr::Best | Expr::Basket => Some(String::new()),
                _ => None,
            };
            match (code(left), code(right), &**left, &**right) {
                (Some(code), None, _, Expr::Const(level)) => Some((code, *comparison, *level)),
                (None, Some(code), Expr::Const(level), _) => {
                    Some((code, turned(*comparison), *level))
                }
                _ => None,
            }
        }
        Cond::And(all) | Cond::Or(all) => all.iter().find_map(|cond| compared(cond, plan)),
        _ => None,
    }
}

fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::AtLeast => Comparison::AtMost,
        Comparison::Above => Comparison::Below,
        Comparison::AtMost => Comparison::AtLeast,
        Comparison::Below => Comparison::Above,
    }
}

/// The side of a barrier in words.
pub const fn side(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::AtLeast | Comparison::Above => "at_least",
        Comparison::AtMost | Comparison::Below => "at_most",
    }
}

fn kind(rule: &Rule<Decimal>, plan: &Plan<Decimal>, last: bool) -> &'static str {
    let stops = rule
        .actions
        .iter()
        .any(|action| matches!(action, Action::Stop));
    let knocks_in = rule.actions.iter().any(|action| match action {
        Action::Set { var, .. } => plan.vars.get(*var).is_some_and(|var| var.name == "ki"),
        _ => false,
    });
    let coupon = rule.actions.iter().any(|action| match action {
        Action::Pay { leg, .. } => leg.contains("coupon"),
        _ => false,
    });
    match (stops, knocks_in, coupon) {
        (true, ..) if !last || rule.condition.is_some() => "knock_out",
        (_, true, _) => "knock_in",
        (_, _, true) => "coupon",
        _ if last && rule.schedule.is_empty() => "expiry",
        _ => "observation",
    }
}

/// Everything that is looked at, in the order of the contract's life.
#[must_use]
pub fn looks(plan: &Plan<Decimal>) -> Vec<Look> {
    let mut all = Vec::new();
    let last = plan.instants.len().saturating_sub(1);
    for (n, instant) in plan.instants.iter().enumerate() {
        let Some(date) = instant.at.date else {
            continue;
        };
        for rule in &instant.rules {
            let found = rule
                .condition
                .as_ref()
                .and_then(|cond| compared(cond, plan));
            let (code, side, level) = match found {
                Some((code, comparison, level)) => (code, Some(side(comparison)), Some(level)),
                None => (String::new(), None, None),
            };
            let look = Look {
                date,
                kind: kind(rule, plan, n == last),
                code,
                level: level.map(|level| level.normalize()),
                side,
                instant: n,
                schedule: rule.schedule.clone(),
            };
            let again = |other: &Look| {
                (other.date, other.kind, &other.code, other.level)
                    == (look.date, look.kind, &look.code, look.level)
            };
            if !all
                .iter()
                .rev()
                .take_while(|l: &&Look| l.date == date)
                .any(again)
            {
                all.push(look);
            }
        }
        let told = |look: &&Look| look.date == date && look.kind == "expiry";
        if n == last && !all.iter().rev().take(16).any(|look| told(&look)) {
            all.push(Look {
                date,
                kind: "expiry",
                code: String::new(),
                level: None,
                side: None,
                instant: n,
                schedule: String::new(),
            });
        }
    }
    all
}

/// Those that are worth a line of their own in a calendar, and those of schedules that are looked at
/// day by day, by schedule and kind.
type Long = BTreeMap<(String, &'static str), Vec<Look>>;

fn listed(all: Vec<Look>) -> (Vec<Look>, Long) {
    let mut sizes: BTreeMap<(String, &'static str), usize> = BTreeMap::new();
    for look in &all {
        *sizes.entry((look.schedule.clone(), look.kind)).or_default() += 1;
    }
    let (mut short, mut long) = (Vec::new(), Long::new());
    for look in all.into_iter().filter(|look| look.kind != "observation") {
        let key = (look.schedule.clone(), look.kind);
        match sizes.get(&key) {
            Some(size) if *size > MOST_LISTED => long.entry(key).or_default().push(look),
            _ => short.push(look),
        }
    }
    (short, long)
}

/// What lies ahead of a trade as it is kept.
#[derive(Debug, Default)]
pub struct Ahead {
    /// Dates one by one.
    pub dates: Vec<DateRow>,
    /// Schedules that are looked at day by day.
    pub spans: Vec<SpanRow>,
}

/// A long schedule as one row; its level only when it is the same on all dates.
fn span(row: &TradeRow, n: i64, looks: &[Look]) -> Option<SpanRow> {
    let (first, last) = (looks.first()?, looks.last()?);
    let mut dates: Vec<Date> = looks.iter().map(|look| look.date).collect();
    dates.dedup();
    let level = looks.iter().all(|look| look.level == first.level);
    let same = looks.iter().all(|look| look.code == first.code);
    Some(SpanRow {
        trade_id: row.trade_id.clone(),
        kind: first.kind.to_owned(),
        n,
        trade_no: row.no,
        first: first.date.to_string(),
        last: last.date.to_string(),
        days: crate::span::write(&dates),
        code: if same {
            first.code.clone()
        } else {
            String::new()
        },
        level: first.level.filter(|_| level).map(|level| level.to_string()),
        side: first.side.map(str::to_owned),
    })
}

/// Whether the dates to come may have changed.
pub fn changed(before: &TradeRow, now: &TradeRow, fresh: bool) -> bool {
    fresh
        || before.status != now.status
        || before.contract_version != now.contract_version
        || before.flags != now.flags
        || (before.observed_to.is_empty() != now.observed_to.is_empty())
}

/// Initial fixings that a trade knows.
pub fn initials(log: &TradeLog) -> Initials {
    let trade = log.trade();
    let Some(sheet) = trade.sheet() else {
        return Initials::new();
    };
    let open = sheet.open_initials();
    let known = trade.fixings().filter(|(code, rule, date, _)| {
        open.iter()
            .any(|(c, r, d)| c == code && r == rule && *d == Some(*date))
    });
    known
        .map(|(code, _, _, value)| (code.to_owned(), value))
        .collect()
}

/// The plan of a trade; `None` while an initial fixing is not known.
pub fn plan(log: &TradeLog, context: &mut Context<'_>) -> Option<std::sync::Arc<Compiled>> {
    let sheet = log.trade().sheet()?;
    let known = initials(log);
    if sheet.open_initials().len() > known.len() {
        return None;
    }
    // A sheet in the book compiled when it was booked.
    context.compiled(&sheet, &known).ok()
}

/// The dates to come of a trade as they are kept.
pub fn rows(row: &TradeRow, log: &TradeLog, context: &mut Context<'_>) -> Ahead {
    let state = log.state();
    let alive = matches!(
        state.status,
        Some(Status::Draft | Status::PendingApproval | Status::PendingConfirm | Status::Live)
    );
    if !alive {
        return Ahead::default();
    }
    let Some(compiled) = plan(log, context) else {
        return Ahead {
            dates: waiting(row),
            spans: Vec::new(),
        };
    };
    let knocked_in = state.values.get("ki").is_some_and(|ki| !ki.is_zero());
    let seen = state.observed_to;
    let (short, long) = listed(looks(&compiled.plan));
    let to_come = |kind: &str| !(knocked_in && kind == "knock_in");
    let long = long.into_values().zip(1..);
    let spans = long.filter_map(|(looks, n)| span(row, n, &looks));
    let spans = spans.filter(|span| to_come(&span.kind)).collect();
    let looks = short
        .into_iter()
        .filter(|look| seen.is_none_or(|seen| look.date > seen))
        .filter(|look| to_come(look.kind));
    let mut count: BTreeMap<(Date, &str), i64> = BTreeMap::new();
    let dates = looks
        .map(|look| {
            let n = count.entry((look.date, look.kind)).or_default();
            *n += 1;
            DateRow {
                trade_id: row.trade_id.clone(),
                date: look.date.to_string(),
                kind: look.kind.to_owned(),
                n: *n,
                trade_no: row.no,
                code: look.code,
                level: look.level.map(|level| level.to_string()),
                side: look.side.map(str::to_owned),
                probability: None,
            }
        })
        .collect();
    Ahead { dates, spans }
}

/// While the initial fixing is not known only the end is certain.
fn waiting(row: &TradeRow) -> Vec<DateRow> {
    if row.end_date.is_empty() {
        return Vec::new();
    }
    vec![DateRow {
        trade_id: row.trade_id.clone(),
        date: row.end_date.clone(),
        kind: "expiry".to_owned(),
        n: 1,
        trade_no: row.no,
        code: String::new(),
        level: None,
        side: None,
        probability: None,
    }]
}
