//! Replicates, blocks and their sums: what makes the result the same for any number of threads.
//!
//! A block is a fixed run of points of one replicate; blocks are computed in any order and added up
//! in theirs.

use rayon::prelude::*;
use rialto_otc_contract::plan::Plan;
use rialto_otc_market::model::Model;
use rialto_otc_numerics::sum::pairwise;

use super::columns::{Columns, Paths, Sheet};
use super::draws::Replicate;
use super::fast::{Fast, Lists};
use super::paths::{Buffers, Simulation};
use super::walk::{Paid, Payments, Tally, Walker};
use crate::engine::PriceError;

/// Independent scrambles; their spread is the error.
pub(super) const REPLICATES: u32 = 16;

/// Paths of a block.
pub(super) const LANES: usize = 1024;

/// Paths of which a whole motion is made at once: some hundred kilobytes.
const NEAR: usize = 256;

/// Everything that is simulated for one plan in one model.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) simulation: Simulation<'a>,
    pub(super) payments: Payments,
    /// Step at whose end each date stands.
    ends: Vec<usize>,
    /// The interpreter column by column, for what is not compiled further.
    pub(super) columns: Option<Columns>,
    /// Spots now.
    spots: Vec<f64>,
    /// Mean of the log-move of each step from now, where one motion is all that moves.
    drifts: Option<Vec<f64>>,
    seed: u64,
    /// Whether flows are counted.
    flows: bool,
    /// Whether the interpreter walks even what is compiled.
    pub(super) interpret: bool,
}

/// Sums over some paths.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Sums {
    pub(super) value: f64,
    pub(super) squares: f64,
    pub(super) paid: Vec<Paid>,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.value += other.value;
        self.squares += other.squares;
        if self.paid.is_empty() {
            self.paid.clone_from(&other.paid);
        } else {
            for (paid, more) in self.paid.iter_mut().zip(&other.paid) {
                paid.add(more);
            }
        }
    }
}

/// Sums of each replicate over its first `paths` points.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Totals {
    pub(super) paths: u32,
    pub(super) sums: Vec<Sums>,
}

impl Totals {
    /// Mean of each replicate.
    pub(super) fn means(&self) -> Vec<f64> {
        self.sums
            .iter()
            .map(|sums| sums.value / f64::from(self.paths))
            .collect()
    }

    /// Standard error of as many independent pseudo-random paths.
    pub(super) fn plain_error(&self) -> f64 {
        let n = f64::from(self.paths) * self.sums.len() as f64;
        let mean = self.sums.iter().map(|sums| sums.value).sum::<f64>() / n;
        let square = self.sums.iter().map(|sums| sums.squares).sum::<f64>() / n;
        ((square - mean * mean).max(0.0) / n).sqrt()
    }
}

/// Adds neighbours, then neighbours of these, whatever computed them.
fn in_pairs(mut sums: Vec<Sums>) -> Sums {
    while sums.len() > 1 {
        sums = sums
            .chunks(2)
            .map(|pair| {
                let mut sum = pair[0].clone();
                if let Some(other) = pair.get(1) {
                    sum.add(other);
                }
                sum
            })
            .collect();
    }
    sums.pop().unwrap_or_default()
}

impl<'a> Job<'a> {
    pub(super) fn new(
        plan: &'a Plan<f64>,
        model: &'a Model,
        (seed, flows, coarser): (u64, bool, f64),
    ) -> Result<Self, PriceError> {
        let payments = Payments::new(plan, model);
        let simulation = Simulation::new(plan, model, &payments, coarser)?;
        let ends = simulation
            .timeline
            .steps
            .iter()
            .enumerate()
            .filter_map(|(index, step)| step.instant.map(|_| index))
            .collect();
        let columns = match simulation.program {
            Some(_) => None,
            None => Columns::new(plan, &payments),
        };
        let drifts = columns.as_ref().and_then(|_| simulation.drifts());
        Ok(Self {
            simulation,
            payments,
            ends,
            columns,
            spots: model.names.iter().map(|name| name.spot).collect(),
            drifts,
            seed,
            flows,
            interpret: false,
        })
    }

    /// Adds points to all replicates until each has `paths` of them.
    ///
    /// # Errors
    /// [`PriceError`] of a path.
    pub(super) fn extend(&self, totals: &mut Totals, paths: u32) -> Result<(), PriceError> {
        let more = paths - totals.paths;
        let lanes = LANES.min(more as usize);
        let blocks = more.div_ceil(LANES as u32);
        let sums: Vec<Sums> = (0..REPLICATES * blocks)
            .into_par_iter()
            .map_init(
                || self.thread(lanes),
                |thread, task| {
                    let from = Replicate::new(self.seed, task / blocks);
                    let first = totals.paths + (task % blocks) * LANES as u32;
                    self.block(from, first, thread)
                },
            )
            .collect::<Result<_, _>>()?;
        for (total, row) in totals.sums.iter_mut().zip(sums.chunks(blocks as usize)) {
            total.add(&in_pairs(row.to_vec()));
        }
        totals.paths = paths;
        Ok(())
    }

    /// Nothing simulated yet.
    pub(super) fn start(&self) -> Totals {
        Totals {
            paths: 0,
            sums: vec![Sums::default(); REPLICATES as usize],
        }
    }

    fn thread(&self, lanes: usize) -> Thread {
        Thread {
            buffers: Buffers::default(),
            walker: Walker::new(self.simulation.plan),
            motion: Default::default(),
            sheet: Sheet::default(),
            lists: Lists::default(),
            values: vec![0.0; lanes],
        }
    }

    fn block(&self, from: Replicate, first: u32, thread: &mut Thread) -> Result<Sums, PriceError> {
        let mut tally = self.flows.then(|| Tally::new(self.payments.slots.len()));
        self.values(from, first, thread, tally.as_mut())?;
        let values = &mut thread.values;
        let value = pairwise(values);
        if !value.is_finite() {
            return Err(PriceError::Number {
                stage: "the sum over simulated paths",
                value,
            });
        }
        values.iter_mut().for_each(|value| *value *= *value);
        Ok(Sums {
            value,
            squares: pairwise(values),
            paid: tally.map(|tally| tally.paid).unwrap_or_default(),
        })
    }

    /// Discounted payments of each path of a block.
    fn values(
        &self,
        from: Replicate,
        first: u32,
        thread: &mut Thread,
        tally: Option<&mut Tally>,
    ) -> Result<(), PriceError> {
        let columns = self.columns.as_ref().filter(|_| !self.interpret);
        if let Some(columns) = columns {
            return self.in_columns(columns, (from, first), thread, tally);
        }
        let Thread {
            buffers,
            walker,
            lists,
            values,
            ..
        } = thread;
        let Simulation { plan, model, .. } = self.simulation;
        let compiled = self.simulation.program.as_ref().filter(|_| !self.interpret);
        if let Some((program, (layout, sobol))) = compiled.zip(self.simulation.draws.two_levels()) {
            let fast = Fast {
                program,
                layout,
                sobol,
                spot: model.names[0].spot,
            };
            return fast.block((from, first), lists, values, tally);
        }
        self.simulation.block(from, first, values.len(), buffers)?;
        let world = (plan, model, &self.payments);
        walker.block(world, buffers, &self.ends, values, tally)
    }

    /// The same by columns; where one motion is all that moves, in pieces that stay near the processor.
    fn in_columns(
        &self,
        columns: &Columns,
        (from, first): (Replicate, u32),
        thread: &mut Thread,
        mut tally: Option<&mut Tally>,
    ) -> Result<(), PriceError> {
        let Thread {
            buffers,
            motion,
            sheet,
            values,
            ..
        } = thread;
        let Some(drifts) = &self.drifts else {
            self.simulation.block(from, first, values.len(), buffers)?;
            let paths = Paths {
                logs: &buffers.logs,
                drifts: &[],
                spots: &self.spots,
            };
            return columns.block(paths, sheet, values, 0, tally);
        };
        for (piece, values) in values.chunks_mut(NEAR).enumerate() {
            let at = piece * NEAR;
            let draws = &self.simulation.draws;
            let logs = draws.motion((from, first + at as u32, values.len()), motion)?;
            let paths = Paths {
                logs,
                drifts,
                spots: &self.spots,
            };
            columns.block(paths, sheet, values, at, tally.as_deref_mut())?;
        }
        Ok(())
    }

    /// Values of the first paths of a replicate, for comparing ways of walking them.
    #[cfg(test)]
    pub(super) fn first_values(&self, paths: usize) -> Vec<f64> {
        let mut thread = self.thread(paths);
        self.values(Replicate::new(self.seed, 0), 0, &mut thread, None)
            .expect("values");
        thread.values
    }
}

/// Memory of one thread.
#[derive(Debug)]
struct Thread {
    buffers: Buffers,
    walker: Walker,
    motion: [Vec<f64>; 2],
    sheet: Sheet,
    lists: Lists,
    values: Vec<f64>,
}
