//! Where the nodes lie.

use rialto_otc_contract::plan::Plan;
use rialto_otc_market::model::Dynamics;

use super::ID;
use super::solve::Layout;
use super::timeline::{NONE, NOW, Timeline};
use crate::engine::PriceError;
use crate::reason::Reason;

/// Standard deviations of the log-spot at the last date between now and an end of the grid.
const REACH: f64 = 6.5;

/// Nodes per standard deviation of a span between dates, on the coarsest grid.
const PER_SPAN: f64 = 1.0;

/// Nodes per standard deviation at the last date, on the coarsest grid.
const PER_LIFE: f64 = 12.0;

/// The same with barriers watched continuously or exercise at any time.
const PER_LIFE_WATCHED: f64 = 20.0;

/// Nodes between two barriers on the coarsest grid.
const BETWEEN: f64 = 16.0;

/// Cells of the coarsest grid at most.
const MOST_CELLS: f64 = 4_000.0;

/// Lays a grid for a plan seen from some log-spots.
///
/// # Errors
/// [`PriceError::Model`] for a spot or variance that cannot be.
pub(super) fn lay_out(
    plan: &Plan<f64>,
    line: &Timeline<'_>,
    logs: &[f64],
) -> Result<Layout, PriceError> {
    if let Some(log) = logs.iter().find(|log| !log.is_finite()) {
        return Err(PriceError::Model(format!(
            "spot {} is not above 0",
            log.exp()
        )));
    }
    let end = line.events[line.events.len() - 1].at;
    let life = line.span(NOW, end);
    let (low, high) = vols(line, logs);
    if !(life.variance.is_finite() && low > 0.0 && high.is_finite()) {
        return Err(PriceError::Model(format!(
            "the variance to the last date is {}",
            life.variance
        )));
    }
    let watched = !plan.monitors.is_empty()
        || plan
            .exercise
            .as_ref()
            .is_some_and(|right| right.instants.is_empty());
    let (shortest, first) = spans(line);
    // A first span longer than the others is no finer than the grid.
    let eye = !watched && line.events.len() > 1 && first < 1.5 * shortest;
    let deviation = low * life.variance.sqrt();
    let per_life = if watched { PER_LIFE_WATCHED } else { PER_LIFE };
    let mut step = deviation / per_life;
    if !watched {
        step = step.min(low * shortest.sqrt() / PER_SPAN);
    }
    let (mut lo, mut hi) = ends(line, logs, high);
    if (hi - lo) / step > MOST_CELLS {
        step = (hi - lo) / MOST_CELLS;
    }
    let barriers = barriers(plan, lo, hi);
    let mut anchor = logs[0];
    if let Some(first) = barriers.first() {
        anchor = *first;
        if let Some(last) = barriers.last().filter(|last| **last > first + 1e-9) {
            let cells = ((last - first) / step).ceil().max(BETWEEN);
            step = (last - first) / cells;
        }
    }
    // Whole cells from the anchor to both ends.
    lo = anchor - ((anchor - lo) / step).ceil().max(4.0) * step;
    hi = anchor + ((hi - anchor) / step).ceil().max(4.0) * step;
    let cells = ((hi - lo) / step).round();
    if !(cells.is_finite() && cells < 4.0 * MOST_CELLS) {
        return Err(PriceError::Refused {
            engine: ID,
            reason: Reason::new(
                format!("it would take {cells:.0} nodes"),
                format!("需要 {cells:.0} 个节点"),
            ),
        });
    }
    Ok(Layout {
        lo,
        step,
        cells: cells as usize,
        barriers,
        cell_variance: (step / low).powi(2),
        variance: life.variance,
        eye,
    })
}

/// Ends of the grid: the reach around all spots wanted, along the forward and its dividends.
fn ends(line: &Timeline<'_>, logs: &[f64], high: f64) -> (f64, f64) {
    let lowest = logs.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (mut lo, mut hi) = (lowest, highest);
    let (mut down, mut up) = (lowest, highest);
    let mut before = NOW;
    for event in &line.events {
        let carry = line.span(before, event.at).carry;
        before = event.at;
        let fall = |log: f64| {
            let spot = event.drops.iter().fold(log.exp(), super::timeline::drop);
            spot.ln()
        };
        down = fall(down + carry);
        up = fall(up + carry);
        let variance = line.span(NOW, event.at).variance;
        let reach = REACH * high * variance.sqrt();
        lo = lo.min(down - reach - 0.5 * high * high * variance);
        hi = hi.max(up + reach);
    }
    (lo, hi)
}

/// Smallest and largest volatility met (1 in geometric Brownian motion, whose spans hold variance).
fn vols(line: &Timeline<'_>, logs: &[f64]) -> (f64, f64) {
    let Dynamics::LocalVol(vol) = &line.model.names[0].dynamics else {
        return (1.0, 1.0);
    };
    let end = line.events[line.events.len() - 1].at.variance;
    let mut all = (f64::INFINITY, 0.0_f64);
    for log in logs {
        let centre = vol.at(0.0, log.exp()) * end.sqrt();
        for place in -4..=4 {
            for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
                let spot = (log + 0.75 * f64::from(place) * centre).exp();
                let at = vol.at(share * end, spot);
                all = (all.0.min(at), all.1.max(at));
            }
        }
    }
    // A corner of the surface must not set the grid.
    (all.0.max(0.4 * all.1), all.1)
}

/// Variance of the shortest span between events but the first, and of the first; spans without
/// variance do not count.
fn spans(line: &Timeline<'_>) -> (f64, f64) {
    let variance = |index: usize| {
        let before = line.before(index);
        line.span(before, line.events[index].at).variance
    };
    let first = variance(0);
    let mut others: Vec<f64> = (1..line.events.len())
        .map(variance)
        .filter(|variance| *variance > NONE)
        .collect();
    others.sort_by(f64::total_cmp);
    // Much shorter than most: not worth a grid of its own.
    let usual = others.get(others.len() / 2).copied();
    let shortest = others
        .iter()
        .copied()
        .find(|variance| usual.is_some_and(|usual| *variance > 0.2 * usual));
    (shortest.unwrap_or(first), first)
}

/// Logarithms of all barriers between two ends.
fn barriers(plan: &Plan<f64>, lo: f64, hi: f64) -> Vec<f64> {
    let mut all: Vec<f64> = plan
        .monitors
        .iter()
        .map(|monitor| monitor.level.ln())
        .filter(|log| *log > lo && *log < hi)
        .collect();
    all.sort_by(f64::total_cmp);
    all.dedup_by(|b, a| (*b - *a).abs() < 1e-12);
    all
}
