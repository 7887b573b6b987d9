//! Figures of a trade for plots: what it pays at its end, and its path against the barriers.

use std::collections::BTreeMap;

use rialto_otc_contract::compile::Compiled;
use rialto_otc_contract::interpret::{Memory, Record, Seen, step};
use rialto_otc_contract::plan::Plan;
use rialto_otc_lifecycle::{Status, TradeLog, TradeState};
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_pricing::engine::Greeking;
use rialto_otc_pricing::valuation::Request;
use rialto_otc_store::fixing;
use rialto_otc_time::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use crate::dates::{self, Look, looks};
use crate::mark::worth;
use crate::view::{BarrierView, LevelView, PathView, PayoffView, PointView};
use crate::{Desk, DeskError, blocking, termsheet};

/// Points of a plot.
const POINTS: u32 = 121;
/// The axis goes from and to these shares of the initial price, further when a level is outside.
const RANGE: (f64, f64) = (0.4, 1.6);

/// The contract of a trade at the size that is left; initial fixings that are not known stand at the last price.
fn contract(desk: &Desk, log: &TradeLog, spot: Option<Decimal>) -> Result<Compiled, DeskError> {
    let sheet = log.trade().sized_sheet();
    let sheet = sheet.ok_or_else(|| DeskError::not_found("trade", log.trade().id()))?;
    let mut known = dates::initials(log);
    for (code, _, _) in sheet.open_initials() {
        if let Some(spot) = spot {
            known.entry(code.to_owned()).or_insert(spot);
        }
    }
    Ok(termsheet::compiled(desk, &sheet, &known)?)
}

fn axis(plan: &Plan<f64>, levels: &[LevelView]) -> Vec<f64> {
    let initial = plan.underlyings.first().map_or(1.0, |u| u.initial);
    let (mut low, mut high) = (RANGE.0 * initial, RANGE.1 * initial);
    for level in levels {
        low = low.min(level.level * 0.9);
        high = high.max(level.level * 1.1);
    }
    let low = low.max(initial * 0.01);
    let step = (high - low) / f64::from(POINTS - 1);
    (0..POINTS).map(|n| low + step * f64::from(n)).collect()
}

/// What is paid to the holder on the last date at each price, remembering `vars`.
fn payoff(plan: &Plan<f64>, axis: &[f64], vars: &[f64]) -> Option<Vec<f64>> {
    let last = plan.instants.len().checked_sub(1)?;
    let first = plan.underlyings.first()?.initial;
    axis.iter()
        .map(|price| {
            let share = price / first;
            let spots: Vec<f64> = plan.underlyings.iter().map(|u| u.initial * share).collect();
            let mut memory = Memory::new(plan);
            memory.vars = vars.to_vec();
            let mut record = Record::default();
            step(plan, last, Seen::fixings(&spots), &mut memory, &mut record).ok()?;
            Some(record.flows.iter().map(|flow| flow.amount).sum())
        })
        .collect()
}

/// What the contract remembers now, in the order of the plan.
fn memory(plan: &Plan<f64>, state: &TradeState) -> Vec<f64> {
    let value = |var: &rialto_otc_contract::plan::Var<f64>| {
        let told = state.values.get(&var.name);
        told.and_then(|value| value.to_f64()).unwrap_or(var.value)
    };
    plan.vars.iter().map(value).collect()
}

/// The next level of each kind, and the initial price.
fn levels(compiled: &Compiled, seen: Option<Date>) -> Vec<LevelView> {
    let code = compiled.plan.underlyings.first().map(|u| u.code.clone());
    let mut found: BTreeMap<&str, f64> = BTreeMap::new();
    for look in looks(&compiled.plan) {
        let ahead = seen.is_none_or(|seen| look.date > seen);
        let Some(level) = look.level.and_then(|level| level.to_f64()) else {
            continue;
        };
        if ahead && Some(&look.code) == code.as_ref() {
            found.entry(look.kind).or_insert(level);
        }
    }
    for monitor in &compiled.plan.monitors {
        if let (0, Some(level)) = (monitor.underlying, monitor.level.to_f64()) {
            found.entry("barrier").or_insert(level);
        }
    }
    let mut all: Vec<LevelView> = found
        .into_iter()
        .map(|(kind, level)| LevelView {
            kind: kind.to_owned(),
            level,
        })
        .collect();
    let initial = compiled.plan.underlyings.first().map(|u| u.initial);
    all.extend(
        initial
            .and_then(|initial| initial.to_f64())
            .map(|level| LevelView {
                kind: "initial".to_owned(),
                level,
            }),
    );
    all
}

/// A contract that is over has no payoff to draw: what it still pays is determined.
fn is_over(log: &TradeLog) -> bool {
    let state = log.state();
    state.outcome.is_some() || state.status == Some(Status::Cancelled)
}

fn value_now(desk: &Desk, log: &TradeLog, market: &Snapshot, axis: &[f64]) -> Option<Vec<f64>> {
    let request = Request {
        greeks: Greeking::Spot,
        ladder: axis.to_vec(),
        ..Request::default()
    };
    let (_, found) = worth(desk, log, market, &request).ok()?;
    let values: Vec<f64> = found.ladder.iter().map(|point| point.value).collect();
    (values.len() == axis.len()).then_some(values)
}

impl Desk {
    /// What a trade pays at its end, by price, and what it is worth now; no prices when it is over.
    ///
    /// # Errors
    /// [`DeskError::NotFound`]; [`DeskError::Conflict`] when no price decides what it pays.
    pub async fn payoff(
        &self,
        trade_id: &str,
        snapshot_id: Option<&str>,
    ) -> Result<PayoffView, DeskError> {
        let (row, log) = self.log(trade_id).await?;
        if is_over(&log) {
            return Ok(PayoffView::default());
        }
        let codes: Vec<&str> = row.underlying.split(',').collect();
        let market = match self.market_or_newest(snapshot_id, &codes).await {
            Ok(market) => Some(market),
            Err(DeskError::Conflict { .. }) => None,
            Err(error) => return Err(error),
        };
        let code = row
            .underlying
            .split(',')
            .next()
            .unwrap_or_default()
            .to_owned();
        let spot = market.as_ref().and_then(|market| market.underlying(&code));
        let spot = spot.map(|quotes| quotes.spot);
        let desk = self.clone();
        blocking(move || {
            let compiled = contract(&desk, &log, spot)?;
            let state = log.state();
            let levels = levels(&compiled, state.observed_to);
            let plan = compiled.plan.to_f64();
            let axis = axis(&plan, &levels);
            let now = memory(&plan, &state);
            let knock = plan.vars.iter().position(|var| var.name == "ki");
            let flagged = |to: f64| {
                let mut vars = now.clone();
                if let Some(var) = knock.and_then(|knock| vars.get_mut(knock)) {
                    *var = to;
                }
                payoff(&plan, &axis, &vars)
            };
            let knocked_in = knock.and_then(|_| flagged(1.0));
            let plain = flagged(0.0).ok_or_else(|| {
                DeskError::conflict(
                    "E-PAYOFF-NONE",
                    "The contract has no last date on which a price decides.",
                    "合约没有由价格决定的到期日。",
                )
            })?;
            let value_now = market.and_then(|market| value_now(&desk, &log, &market, &axis));
            Ok(PayoffView {
                payoff: plain,
                knocked_in,
                value_now,
                levels,
                axis,
            })
        })
        .await
    }

    /// The path of the first underlying so far, against the barriers.
    ///
    /// # Errors
    /// [`DeskError::NotFound`].
    pub async fn path(&self, trade_id: &str) -> Result<PathView, DeskError> {
        let (row, log) = self.log(trade_id).await?;
        let code = row
            .underlying
            .split(',')
            .next()
            .unwrap_or_default()
            .to_owned();
        let range = (row.start_date.as_str(), row.end_date.as_str());
        // Prices of the house: they go on when the trade has ended.
        let rows = fixing::of(&mut self.db(), &code, "close", range).await?;
        let desk = self.clone();
        blocking(move || {
            let mut points: BTreeMap<Date, Decimal> = BTreeMap::new();
            for row in rows {
                if let (Ok(date), Ok(value)) = (row.date.parse(), row.value.parse()) {
                    points.insert(date, value);
                }
            }
            for (of, _, date, value) in log.trade().fixings() {
                if of == code {
                    points.insert(date, value);
                }
            }
            let compiled = contract(&desk, &log, points.values().next().copied())?;
            let state = log.state();
            let seen = state.outcome.map(|(_, on)| on).or(state.observed_to);
            let looks = looks(&compiled.plan).into_iter();
            let looks = looks.filter(|look| look.code == code && look.level.is_some());
            let barriers = barriers(&ends(looks.collect()), &points, seen);
            let points = points.iter().filter_map(|(date, value)| {
                Some(PointView {
                    date: date.to_string(),
                    value: value.to_f64()?,
                })
            });
            Ok(PathView {
                points: points.collect(),
                underlying: code,
                barriers,
            })
        })
        .await
    }
}

/// A schedule with one level day after day is told by its first and last dates alone.
fn ends(all: Vec<Look>) -> Vec<Look> {
    let same = |a: &Look, b: &Look| a.kind == b.kind && a.schedule == b.schedule;
    let mut kept: Vec<Look> = Vec::new();
    for (n, look) in all.iter().enumerate() {
        let before = all
            .get(..n)
            .unwrap_or_default()
            .iter()
            .rev()
            .find(|l| same(l, look));
        let after = all
            .get(n + 1..)
            .unwrap_or_default()
            .iter()
            .find(|l| same(l, look));
        let inside = |other: Option<&Look>| {
            other.is_some_and(|other| {
                other.level == look.level && (other.date.days() - look.date.days()).abs() <= 12
            })
        };
        if !(inside(before) && inside(after)) {
            kept.push(look.clone());
        }
    }
    kept
}

fn barriers(
    looks: &[Look],
    points: &BTreeMap<Date, Decimal>,
    seen: Option<Date>,
) -> Vec<BarrierView> {
    let ahead = |look: &Look| seen.is_none_or(|seen| look.date > seen);
    let mut next: BTreeMap<&str, Date> = BTreeMap::new();
    for look in looks.iter().filter(|look| ahead(look)) {
        next.entry(look.kind).or_insert(look.date);
    }
    let views = looks.iter().filter_map(|look| {
        let level = look.level?;
        let beyond = points.get(&look.date).is_some_and(|price| match look.side {
            Some("at_most") => *price <= level,
            _ => *price >= level,
        });
        let status = match (ahead(look), next.get(look.kind)) {
            (false, _) => "past",
            (true, Some(date)) if *date == look.date => "next",
            _ => "future",
        };
        Some(BarrierView {
            date: look.date.to_string(),
            kind: look.kind.to_owned(),
            level: level.to_f64()?,
            status: status.to_owned(),
            hit: beyond && !ahead(look),
        })
    });
    views.collect()
}
