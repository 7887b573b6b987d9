//! The interpreter on pseudo-random paths: slow, and right as plainly as can be. The reference of
//! all other engines (specification, section 18).
//!
//! Geometric Brownian motion moves exactly from date to date; local volatility by Euler's scheme in
//! the logarithm and Heston by Andersen's quadratic-exponential scheme in short steps. Barriers
//! watched continuously are hit with the probability of the Brownian bridge, at a time drawn from
//! its law.

mod path;

use rialto_otc_contract::interpret::{Flow, Memory, Recorder, Seen, step};
use rialto_otc_contract::plan::Plan;
use rialto_otc_market::model::{Dynamics, Model};

use self::path::{Paths, Walker};
use crate::engine::{Ask, Engine, ErrorEstimate, ErrorKind, Fit, Greeks, PriceError, Priced};
use crate::notes;
use crate::reason::Reason;

/// Name and version of the engine.
pub const ID: &str = "naive/1";

/// Paths when none are asked for.
const PATHS: u64 = 1 << 16;

/// Plain Monte Carlo over the interpreter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Naive;

impl Engine for Naive {
    fn id(&self) -> &'static str {
        ID
    }

    fn fit(&self, plan: &Plan<f64>, model: &Model, ask: &Ask) -> Fit {
        if let Some(reason) = refuse(plan, model) {
            return Fit::No(reason);
        }
        let paths = ask.paths.unwrap_or(PATHS) as f64;
        let steps = match Paths::new(plan, model) {
            Ok(paths) => paths.steps(),
            Err(error) => return Fit::No(error.into()),
        };
        Fit::Good {
            // A payoff between a tenth and all of the notional.
            error: 0.3 * plan.notional.abs() / paths.sqrt(),
            cost: paths * steps as f64 * 200.0 * model.names.len() as f64,
        }
    }

    fn price(&self, plan: &Plan<f64>, model: &Model, ask: &Ask) -> Result<Priced, PriceError> {
        if let Some(reason) = refuse(plan, model) {
            return Err(PriceError::Refused { engine: ID, reason });
        }
        ask.bounded(ID)?;
        let paths = Paths::new(plan, model)?;
        let count = ask.paths.unwrap_or(PATHS).max(2);
        let mut moments = Moments::default();
        let mut memory = Memory::new(plan);
        let mut walker = Walker::new(&paths, ask.seed);
        for path in 0..count {
            moments.add(one(plan, model, &mut walker, &mut memory, path)?);
        }
        let (value, error) = (moments.mean, moments.error());
        if !value.is_finite() || !error.is_finite() {
            return Err(PriceError::Number {
                stage: "the mean over paths",
                value,
            });
        }
        let mut notes = Vec::new();
        if paths.is_stepped() {
            notes.push(notes::short_steps());
        }
        Ok(Priced {
            value,
            greeks: Greeks::default(),
            ladder: Vec::new(),
            flows: Vec::new(),
            error: ErrorEstimate {
                abs: error,
                kind: ErrorKind::StdError,
            },
            notes,
        })
    }
}

fn refuse(plan: &Plan<f64>, model: &Model) -> Option<Reason> {
    if plan.exercise.is_some() {
        return Some(Reason::new(
            "the holder may exercise early",
            "持有人可提前行权",
        ));
    }
    if plan.underlyings.len() != model.names.len() {
        return Some(Reason::new(
            "the model has other underlyings than the plan",
            "模型的标的与合约不同",
        ));
    }
    if plan.instants.is_empty() {
        return Some(Reason::new("nothing is ahead", "没有剩余观察"));
    }
    let broken = model.names.iter().find_map(|name| match &name.dynamics {
        Dynamics::Heston(heston) => heston.check().err()?.into_iter().next(),
        _ => None,
    });
    broken.as_ref().map(Reason::from)
}

/// Discounted payments of one path.
struct Sum<'a> {
    model: &'a Model,
    value: f64,
}

impl Recorder<'_, f64> for Sum<'_> {
    fn flow(&mut self, flow: Flow<'_, f64>) {
        let paid = flow.at.rate - self.model.as_of.rate;
        self.value += flow.amount * (-self.model.discount.integral_to(paid)).exp();
    }
}

fn one(
    plan: &Plan<f64>,
    model: &Model,
    walker: &mut Walker<'_>,
    memory: &mut Memory<f64>,
    path: u64,
) -> Result<f64, PriceError> {
    memory.reset(plan);
    walker.begin(path);
    let mut sum = Sum { model, value: 0.0 };
    for instant in 0..plan.instants.len() {
        if !memory.alive {
            break;
        }
        walker.to(instant, &memory.hit)?;
        let seen = Seen {
            fixings: &walker.fixings,
            hits: (!plan.monitors.is_empty()).then_some(&walker.hits[..]),
            exercise: false,
        };
        step(plan, instant, seen, memory, &mut sum)
            .map_err(|error| PriceError::Model(format!("path {path}: {error}")))?;
    }
    Ok(sum.value)
}

/// Mean and squares, number after number (Welford 1962).
#[derive(Debug, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let off = value - self.mean;
        self.mean += off / self.count;
        self.squares += off * (value - self.mean);
    }

    /// Standard error of the mean.
    fn error(&self) -> f64 {
        (self.squares / (self.count - 1.0) / self.count).sqrt()
    }
}

#[cfg(test)]
mod tests;
