//! What is drawn: payments, values and probabilities of one contract.

use anyhow::{Context as _, Result, anyhow};
use rialto_otc_contract::interpret::{Memory, Record, Seen, walk};
use rialto_otc_contract::plan::{Action, Plan};
use rialto_otc_contract::program::{VarKind, phase};
use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_contract::templates::catalog::Product;
use rialto_otc_market::bump::{Bump, Move, Stickiness, Which};
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_market::view::ModelConfig;
use rialto_otc_pricing::engine::Greeking;
use rialto_otc_pricing::select;
use rialto_otc_pricing::valuation::{Prepared, Request, prepare};
use rialto_otc_time::Calendars;

use crate::figure::{Bar, Curve, Picture};
use crate::levels;

/// Products that pay by the way the spot went: the way drawn is a straight one.
const BY_THE_WAY: [&str; 5] = [
    "asian",
    "enhanced_asian",
    "range_accrual",
    "accumulator",
    "decumulator",
];

/// Points of what is paid.
const FINE: usize = 241;
/// Points of what it is worth now.
const COARSE: usize = 49;
/// Paths of the probabilities.
const PATHS: u64 = 1 << 15;

/// The picture of one contract.
pub(crate) fn picture(product: &Product, sheet: &TermSheet, market: &Snapshot) -> Result<Picture> {
    let config = ModelConfig::default();
    let prepared = prepare(sheet, market, Calendars::builtin(), None, &config)
        .map_err(|findings| anyhow!("{findings}"))?;
    let plan = &prepared.plan;
    let initial = plan.underlyings[0].initial;
    let levels = levels::of(plan);
    let lowest = levels
        .iter()
        .map(|level| level.price / initial)
        .fold(0.75, f64::min);
    let highest = levels
        .iter()
        .map(|level| level.price / initial)
        .fold(1.25, f64::max);
    let (lo, hi) = ((lowest - 0.1).max(0.2), (highest + 0.1).min(2.0));
    let straight = BY_THE_WAY.contains(&product.name);
    let mut curves = vec![Curve::solid(
        if straight {
            "paid, on a straight way there"
        } else {
            "paid at the end"
        },
        along(lo, hi, FINE, |share| paid(plan, share, straight, false))?,
    )];
    if plan
        .vars
        .iter()
        .any(|var| matches!(var.kind, VarKind::Flag | VarKind::Count { .. }))
    {
        let after = along(lo, hi, FINE, |share| paid(plan, share, straight, true))?;
        if after != curves[0].points {
            curves.push(Curve::dashed("paid at the end, barrier hit before", after));
        }
    }
    curves.push(Curve::now(
        "worth now",
        along(lo, hi, COARSE, |share| worth(&prepared, share))?,
    ));
    let autocallable = ["snowball", "phoenix"].contains(&product.name);
    Ok(Picture {
        title: format!("{} ({})", product.name, product.zh),
        underlying: plan.underlyings[0].code.clone(),
        others: plan.underlyings.len() > 1,
        range: (lo, hi),
        curves,
        levels: levels
            .into_iter()
            .map(|level| (level.price / initial, level.what))
            .collect(),
        bars: if autocallable {
            knock_outs(&prepared)?
        } else {
            Vec::new()
        },
    })
}

/// A function of the spot as a share of the initial fixing.
fn along(
    lo: f64,
    hi: f64,
    count: usize,
    value: impl Fn(f64) -> Result<f64>,
) -> Result<Vec<(f64, f64)>> {
    (0..count)
        .map(|n| {
            let share = lo + (hi - lo) * n as f64 / (count - 1) as f64;
            Ok((share, value(share)?))
        })
        .collect()
}

/// Everything paid, as a share of the notional, when the first underlying ends at a share of its
/// initial fixing: on a straight way, or from the initial fixing in one step. Others stay.
fn paid(plan: &Plan<f64>, share: f64, straight: bool, hit: bool) -> Result<f64> {
    let last = plan
        .instants
        .len()
        .checked_sub(1)
        .context("nothing is observed")?;
    let end = plan.instants[last].at.rate;
    let fixings: Vec<Vec<f64>> = (0..=last)
        .map(|n| {
            let gone = match (straight, n == last) {
                (true, _) => plan.instants[n].at.rate / end,
                (false, true) => 1.0,
                (false, false) => 0.0,
            };
            let mut all: Vec<f64> = plan.underlyings.iter().map(|name| name.initial).collect();
            all[0] *= 1.0 + (share - 1.0) * gone;
            all
        })
        .collect();
    let mut memory = Memory::new(plan);
    if hit {
        for (value, var) in memory.vars.iter_mut().zip(&plan.vars) {
            match var.kind {
                VarKind::Flag => *value = 1.0,
                VarKind::Count { max } => *value = f64::from(max),
                VarKind::Sum => {}
            }
        }
    }
    let mut record = Record::default();
    walk(
        plan,
        &mut memory,
        |n| Some(Seen::fixings(&fixings[n])),
        &mut record,
    )?;
    let sum: f64 = record.flows.iter().map(|flow| flow.amount).sum();
    Ok(sum / plan.notional.abs())
}

/// Value now at another spot, as a share of the notional.
fn worth(prepared: &Prepared, share: f64) -> Result<f64> {
    let spot = share * prepared.plan.underlyings[0].initial;
    let bump = Bump::Spot {
        of: Which::Index(0),
        by: Move::Absolute(spot - prepared.model.names[0].spot),
        sticky: Stickiness::Strike,
    };
    let model = prepared
        .model
        .bumped(&bump)
        .map_err(|error| anyhow!("{error}"))?;
    let ask = prepared.ask(&Request {
        greeks: Greeking::None,
        tolerance: 1e-4,
        ..Request::default()
    });
    let chosen = select::price(&prepared.plan, &model, &ask, None)?;
    Ok(chosen.priced.value / prepared.plan.notional.abs())
}

/// Probability of a knock-out by date.
fn knock_outs(prepared: &Prepared) -> Result<Vec<Bar>> {
    let request = Request {
        greeks: Greeking::None,
        flows: true,
        paths: Some(PATHS),
        ..Request::default()
    };
    let plan = &prepared.plan;
    let chosen = select::price(plan, &prepared.model, &prepared.ask(&request), Some("rqmc"))?;
    let mut bars = Vec::new();
    for (index, instant) in plan.instants.iter().enumerate() {
        let ends = instant
            .rules
            .iter()
            .filter(|rule| rule.phase == phase::KNOCK_OUT);
        let legs: Vec<&str> = ends
            .flat_map(|rule| &rule.actions)
            .filter_map(|action| match action {
                Action::Pay { leg, .. } => Some(leg.as_str()),
                _ => None,
            })
            .collect();
        if legs.is_empty() {
            continue;
        }
        let flows = chosen
            .priced
            .flows
            .iter()
            .filter(|flow| flow.instant == index);
        let probability = flows
            .filter(|flow| legs.contains(&flow.leg.as_str()))
            .map(|flow| flow.probability)
            .fold(0.0, f64::max);
        bars.push(Bar {
            label: instant.at.label(),
            height: probability,
        });
    }
    Ok(bars)
}
