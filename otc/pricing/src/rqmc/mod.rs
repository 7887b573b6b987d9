//! Randomised quasi Monte Carlo (specification, section 8.5): any plan without early exercise, any
//! number of underlyings.
//!
//! Sobol points with 16 independent Owen scrambles, a Brownian bridge over the dates, the paths
//! doubled until the standard error over the scrambles is within the tolerance. A barrier watched
//! continuously is hit with the exact law of the bridge between two steps, given their ends.

mod columns;
mod draws;
mod fast;
mod paths;
mod program;
mod run;
mod sensitivities;
#[cfg(test)]
mod tests;
mod timeline;
mod walk;

use rialto_otc_contract::note::Note;
use rialto_otc_contract::plan::Plan;
use rialto_otc_market::model::{Dynamics, Model};
use rialto_otc_numerics::statistics;

use self::run::{Job, REPLICATES, Totals};
use crate::engine::{
    Ask, Engine, ErrorEstimate, ErrorKind, ExpectedFlow, Fit, Greeking, Greeks, PriceError, Priced,
};
use crate::notes;
use crate::reason::Reason;

/// Name and version of the engine.
pub const ID: &str = "rqmc/1";

/// Points of each replicate at first.
const FIRST_PATHS: u32 = 1 << 10;

/// Work of one price when the paths are not fixed, path-steps.
const BUDGET: f64 = 2.5e8;

/// Paths in all that are always affordable, and at most.
const PATHS: [u64; 2] = [1 << 16, 1 << 23];

/// A standard error from 16 replicates, widened so that three of it miss as seldom as three of a
/// known deviation do: Student's t of 15 degrees has 3.6 where the normal law has 3.
const SMALL_SAMPLE: f64 = 1.2;

/// Randomised quasi Monte Carlo.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rqmc;

impl Engine for Rqmc {
    fn id(&self) -> &'static str {
        ID
    }

    fn fit(&self, plan: &Plan<f64>, model: &Model, ask: &Ask) -> Fit {
        if let Some(reason) = refuse(plan, model) {
            return Fit::No(reason);
        }
        let steps = (plan.instants.len() * model.names.len()).max(1) as f64;
        let most = ask.paths.unwrap_or_else(|| affordable(steps)) as f64;
        // As observed on snowballs, whose jumps leave a quasi-random point little more than a constant
        // factor: a third of the error of plain sampling.
        let share = 0.05 * plan.notional.abs();
        let error = |paths: f64| share / paths.sqrt();
        let needed = (share / ask.tolerance.max(f64::MIN_POSITIVE))
            .powi(2)
            .max(f64::from(FIRST_PATHS * REPLICATES))
            .min(most.max(1.0));
        Fit::Good {
            error: error(most),
            // About 30 operations a path-step: coordinate, normal, bridge, rules.
            cost: 30.0 * steps * needed,
        }
    }

    fn price(&self, plan: &Plan<f64>, model: &Model, ask: &Ask) -> Result<Priced, PriceError> {
        ask.bounded(ID)?;
        if let Some(reason) = refuse(plan, model) {
            return Err(PriceError::Refused { engine: ID, reason });
        }
        if plan.instants.is_empty() {
            return Ok(nothing(ask));
        }
        let job = Job::new(plan, model, (ask.seed, ask.flows, 1.0))?;
        let mut notes = noted(&job);
        let totals = simulate(&job, ask)?;
        let means = totals.means();
        let estimate = statistics::estimate(&means).map_err(|_| PriceError::Number {
            stage: "the mean of the replicates",
            value: f64::NAN,
        })?;
        let mut abs = SMALL_SAMPLE * estimate.std_error + 1e-14 * plan.notional.abs();
        let paths = u64::from(totals.paths) * u64::from(REPLICATES);
        notes.push(notes::paths(paths, REPLICATES, totals.plain_error()));
        if job.simulation.timeline.discretised && !job.simulation.draws.is_certain() {
            let bias = halving(&job, plan, model, ask, &totals)?;
            notes.push(notes::steps(bias));
            abs += bias.abs();
        }
        let flows = if ask.flows {
            expected(&job, &totals)
        } else {
            Vec::new()
        };
        let mut priced = Priced {
            value: estimate.mean,
            greeks: Greeks::default(),
            ladder: Vec::new(),
            flows,
            error: ErrorEstimate {
                abs,
                kind: ErrorKind::StdError,
            },
            notes,
        };
        sensitivities::fill(plan, model, ask, (totals.paths, &means), &mut priced)?;
        Ok(priced)
    }
}

/// Why a plan is refused.
fn refuse(plan: &Plan<f64>, model: &Model) -> Option<Reason> {
    if plan.exercise.is_some() {
        return Some(Reason::new(
            "the holder may exercise early",
            "持有人可提前行权",
        ));
    }
    if plan.underlyings.is_empty() || plan.underlyings.len() != model.names.len() {
        return Some(Reason::new(
            format!(
                "{} underlyings in the plan, {} in the model",
                plan.underlyings.len(),
                model.names.len()
            ),
            format!(
                "合约有 {} 个标的，模型有 {} 个",
                plan.underlyings.len(),
                model.names.len()
            ),
        ));
    }
    if model.correlation.len() != model.names.len() * model.names.len() {
        return Some(Reason::new(
            "the correlation matrix has another size than the model",
            "相关系数矩阵与模型大小不符",
        ));
    }
    if let Some(name) = model
        .names
        .iter()
        .find(|name| !(name.spot.is_finite() && name.spot > 0.0))
    {
        return Some(Reason::new(
            format!("the spot of `{}` is {}, not above 0", name.code, name.spot),
            format!("`{}` 的现价为 {}，不大于 0", name.code, name.spot),
        ));
    }
    for name in &model.names {
        if let Dynamics::Heston(heston) = &name.dynamics {
            if model.names.len() > 1 {
                return Some(Reason::new(
                    "Heston's model is simulated for one underlying only: how several variances \
                     hang together is not quoted",
                    "Heston 模型只模拟单一标的：多个方差之间的关系没有报价",
                ));
            }
            if let Err(broken) = heston.check() {
                return Some(Reason::all(broken.iter().map(Reason::from)));
            }
        }
    }
    None
}

/// Paths in all that the budget of work allows, a power of two.
fn affordable(steps: f64) -> u64 {
    let wanted = (BUDGET / steps).max(1.0) as u64;
    let power = 1_u64 << (63 - wanted.leading_zeros());
    power.clamp(PATHS[0], PATHS[1])
}

fn simulate(job: &Job<'_>, ask: &Ask) -> Result<Totals, PriceError> {
    let mut totals = job.start();
    if job.simulation.draws.is_certain() {
        job.extend(&mut totals, 1)?;
        return Ok(totals);
    }
    if let Some(paths) = ask.paths {
        let each = paths.div_ceil(u64::from(REPLICATES)).next_power_of_two();
        let each = u32::try_from(each.clamp(2, 1 << 28)).unwrap_or(1 << 28);
        job.extend(&mut totals, each)?;
        return Ok(totals);
    }
    let steps = job.simulation.timeline.steps.len() * job.simulation.model.names.len();
    let most = affordable(steps as f64) / u64::from(REPLICATES);
    loop {
        let next = (2 * totals.paths).max(FIRST_PATHS);
        job.extend(&mut totals, next)?;
        let met = statistics::estimate(&totals.means())
            .is_ok_and(|estimate| SMALL_SAMPLE * estimate.std_error <= ask.tolerance);
        if met || u64::from(next) * 2 > most {
            return Ok(totals);
        }
    }
}

/// What steps twice as long change, on a share of the paths.
fn halving(
    job: &Job<'_>,
    plan: &Plan<f64>,
    model: &Model,
    ask: &Ask,
    totals: &Totals,
) -> Result<f64, PriceError> {
    let paths = totals.paths.min(FIRST_PATHS * 4);
    let coarse = Job::new(plan, model, (ask.seed, false, 2.0))?;
    let mean = |job: &Job<'_>| -> Result<f64, PriceError> {
        let mut totals = job.start();
        job.extend(&mut totals, paths)?;
        Ok(totals.means().iter().sum::<f64>() / f64::from(REPLICATES))
    };
    Ok(mean(&coarse)? - mean(job)?)
}

fn noted(job: &Job<'_>) -> Vec<Note> {
    let mut notes = Vec::new();
    let beyond = job.simulation.draws.beyond();
    if beyond > 0 {
        notes.push(notes::beyond(beyond));
    }
    if job.simulation.watches_several_names() {
        notes.push(notes::independent_hits());
    }
    if job.simulation.timeline.has_cash() {
        notes.push(notes::dividend_floor());
    }
    notes
}

/// Value of a plan without dates.
fn nothing(ask: &Ask) -> Priced {
    Priced {
        value: 0.0,
        greeks: Greeks::default(),
        ladder: ask
            .ladder
            .iter()
            .map(|spot| crate::engine::LadderPoint {
                spot: *spot,
                value: 0.0,
                delta: 0.0,
                gamma: 0.0,
            })
            .collect(),
        flows: Vec::new(),
        error: ErrorEstimate {
            abs: 0.0,
            kind: ErrorKind::Exact,
        },
        notes: Vec::new(),
    }
}

/// Expected flows over all replicates.
fn expected(job: &Job<'_>, totals: &Totals) -> Vec<ExpectedFlow> {
    let all = f64::from(totals.paths) * f64::from(REPLICATES);
    let mut flows: Vec<ExpectedFlow> = Vec::new();
    for (at, slot) in job.payments.slots.iter().enumerate() {
        let mut sum = walk::Paid::default();
        for paid in totals.sums.iter().filter_map(|sums| sums.paid.get(at)) {
            sum.add(paid);
        }
        if sum.paths > 0.0 {
            flows.push(ExpectedFlow {
                instant: slot.instant,
                leg: slot.leg.clone(),
                probability: sum.paths / all,
                amount: sum.amount / sum.paths,
                contribution: sum.discounted / all,
            });
        }
    }
    flows.sort_by_key(|flow| flow.instant);
    flows
}

/// Whether spot Greeks are wanted.
fn wants_spot(ask: &Ask) -> bool {
    ask.greeks != Greeking::None
}
