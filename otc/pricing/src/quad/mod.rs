//! Banded Gauss-Legendre quadrature, the work-horse (specification, section 8.3).
//!
//! Between two dates the log-return of geometric Brownian motion is exactly Gaussian, so the dates
//! are the only steps. Panels are cut at every level, strike and kink in force: no integrand has a
//! jump inside a panel, and the error falls with the order, not with the number of nodes.

mod grid;
mod kernel;
mod parallel;
mod solve;
#[cfg(test)]
mod tests;

use rialto_otc_contract::note::Note;
use rialto_otc_contract::plan::Plan;
use rialto_otc_market::model::Model;

use self::solve::{Point, Solver};
use crate::backward::chain::chains;
use crate::backward::dates::{Dates, beyond};
use crate::backward::steps::{Steps, refuse};
use crate::engine::{
    Ask, Engine, ErrorEstimate, ErrorKind, Fit, Greeking, Greeks, LadderPoint, PriceError, Priced,
};
use crate::notes;

/// Name and version of the engine.
pub const ID: &str = "quad1d/1";

/// Nodes on a full panel: 8 leave an error below 1e-8 a step, which many dates average out.
const ORDER: usize = 8;

/// By how many fewer the second solve has, whose difference is the error told: it is that of the
/// coarser one, so far too large rather than too small.
const FEWER: usize = 2;

/// Nodes when the dates are few, so that better costs next to nothing.
const FINE_ORDER: usize = 14;

/// Nodes at most, however small the tolerance.
const MOST_ORDER: usize = 20;

/// How far delta and gamma of two orders may lie apart, of the larger of the Greek and its natural
/// scale. The finer ones are far closer.
const CLOSE: f64 = 1e-3;

/// Dates that are few.
const FEW: usize = 8;

/// Quadrature for one underlying in geometric Brownian motion with discrete dates.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quadrature;

impl Engine for Quadrature {
    fn id(&self) -> &'static str {
        ID
    }

    fn fit(&self, plan: &Plan<f64>, model: &Model, _ask: &Ask) -> Fit {
        if let Some(reason) = refuse(plan, model) {
            return Fit::No(reason);
        }
        if let Err(reason) = Dates::read(plan) {
            return Fit::No(reason);
        }
        let states = plan.class.discrete_states.max(1) as f64;
        let layers = states * (1 + plan.class.affine) as f64;
        Fit::Good {
            error: 1e-9 * plan.notional.abs(),
            // About 300 nodes and 30 coefficients a row for each layer and date.
            cost: plan.instants.len() as f64 * layers * 9_000.0,
        }
    }

    fn price(&self, plan: &Plan<f64>, model: &Model, ask: &Ask) -> Result<Priced, PriceError> {
        let refused = |reason| PriceError::Refused { engine: ID, reason };
        if let Some(reason) = refuse(plan, model) {
            return Err(refused(reason));
        }
        let dates = Dates::read(plan).map_err(refused)?;
        let steps = Steps::new(plan, model)?;
        let mut logs = vec![steps.log_spot];
        logs.extend(ask.ladder.iter().map(|spot| spot.ln()));
        if let Some(reason) = beyond(plan, &logs) {
            return Err(refused(reason));
        }
        let parts = chains(plan, &dates);
        let solve = |order: usize, logs: &[f64]| {
            let solver = Solver {
                plan,
                steps: &steps,
                frame: &steps,
                dates: &dates,
                order,
            };
            solver.sum(&parts, logs)
        };
        let Orders {
            order,
            coarse,
            fine,
            floor,
            notes,
        } = refined(plan, ask, &logs, solve)?;
        let [value, delta, gamma] = fine[0];
        let mut greeks = Greeks::default();
        if ask.greeks != Greeking::None {
            greeks.delta = vec![delta];
            greeks.gamma = vec![gamma];
        }
        if ask.greeks == Greeking::All {
            let base = parallel::Base {
                plan,
                model,
                dates: &dates,
                parts: &parts,
                steps: &steps,
                order,
                value,
            };
            base.fill(&mut greeks)?;
        }
        Ok(Priced {
            value,
            greeks,
            ladder: ladder(ask, &fine[1..]),
            flows: Vec::new(),
            error: ErrorEstimate {
                abs: match ask.draft {
                    true => f64::INFINITY,
                    false => (value - coarse).abs() + floor,
                },
                kind: ErrorKind::TwoGrid,
            },
            notes,
        })
    }
}

/// Two solves of which the finer one is good enough, or as fine as there is.
struct Orders {
    /// Nodes on a full panel of the finer.
    order: usize,
    /// Value of the coarser.
    coarse: f64,
    /// Points of the finer.
    fine: Vec<Point>,
    /// What the cut tails of the kernels leave, whatever the order.
    floor: f64,
    notes: Vec<Note>,
}

/// Raises the order until the value is within the tolerance, and delta and gamma, when they are asked
/// for, are close enough.
fn refined(
    plan: &Plan<f64>,
    ask: &Ask,
    logs: &[f64],
    solve: impl Fn(usize, &[f64]) -> Result<Vec<Point>, PriceError>,
) -> Result<Orders, PriceError> {
    // Points whose Greeks are told; a ladder tells them too.
    let eyes = match ask.greeks {
        Greeking::None => 1,
        _ => logs.len(),
    };
    let mut order = if plan.instants.len() > FEW {
        ORDER
    } else {
        FINE_ORDER
    };
    if ask.draft {
        return Ok(Orders {
            order,
            coarse: f64::NAN,
            fine: solve(order, logs)?,
            floor: 0.0,
            notes: Vec::new(),
        });
    }
    let mut coarse = solve(order - FEWER, &logs[..eyes])?;
    let mut fine = solve(order, logs)?;
    let floor = 3e-9 * (plan.notional.abs() + fine[0][0].abs());
    let rough = |coarse: &[Point], fine: &[Point]| match ask.greeks {
        Greeking::None => 0.0,
        _ => roughness(plan.notional.abs(), logs, coarse, fine),
    };
    while order < MOST_ORDER
        && ((fine[0][0] - coarse[0][0]).abs() + floor > ask.tolerance
            || rough(&coarse, &fine) > CLOSE)
    {
        order += 4;
        coarse = fine;
        fine = solve(order, logs)?;
    }
    let left = rough(&coarse, &fine);
    Ok(Orders {
        order,
        coarse: coarse[0][0],
        fine,
        floor,
        notes: (left > CLOSE)
            .then(|| notes::rough(left))
            .into_iter()
            .collect(),
    })
}

/// How far the Greeks of two orders lie apart, of the larger of the Greek and its natural scale:
/// notional by spot, and by its square. They differentiate the first step's kernel and so see errors
/// far below those of the value when that step is short.
fn roughness(notional: f64, logs: &[f64], coarse: &[Point], fine: &[Point]) -> f64 {
    let apart = |((log, coarse), fine): ((&f64, &Point), &Point)| {
        let spot = log.exp();
        let share = |greek: usize, scale: f64| {
            let scale = scale.max(fine[greek].abs()).max(f64::MIN_POSITIVE);
            (fine[greek] - coarse[greek]).abs() / scale
        };
        share(1, notional / spot).max(share(2, notional / (spot * spot)))
    };
    let pairs = logs.iter().zip(coarse).zip(fine);
    pairs.map(apart).fold(0.0, f64::max)
}

/// The points of a ladder.
fn ladder(ask: &Ask, points: &[Point]) -> Vec<LadderPoint> {
    let point = |(spot, [value, delta, gamma]): (&f64, &Point)| LadderPoint {
        spot: *spot,
        value: *value,
        delta: *delta,
        gamma: *gamma,
    };
    ask.ladder.iter().zip(points).map(point).collect()
}
