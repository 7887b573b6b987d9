//! One backward solve on one grid.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use rialto_otc_contract::program::Comparison;

use super::forms::{Forms, Parts};
use super::grid::{Grid, SAME};
use super::march::{Keyed, Lanes};
use super::timeline::{Event, NONE, NOW, Span, Time};
use crate::backward::dates::Outcome;
use crate::backward::expr::{Linear, MAX_AFFINE, Point};
use crate::engine::PriceError;

/// Value, first and second derivative by the log-spot.
pub(super) type Jet = [f64; 3];

/// Nodes across each side of a close look at one spot.
const EYE_REACH: f64 = 7.0;

/// Nodes per standard deviation in a close look on the coarsest grid.
const EYE_NODES: f64 = 2.0;

/// Nodes on each side of such a look at most.
const MOST_SIDE: f64 = 4_000.0;

/// How a problem is laid out; levels halve the steps of space and time.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// First node.
    pub(super) lo: f64,
    /// Distance of nodes of the coarsest grid.
    pub(super) step: f64,
    /// Cells of the coarsest grid.
    pub(super) cells: usize,
    /// Barriers that must be nodes.
    pub(super) barriers: Vec<f64>,
    /// Variance to which one node belongs: the first time step after a date.
    pub(super) cell_variance: f64,
    /// Variance to the last date.
    pub(super) variance: f64,
    /// Whether the span up to the first date is looked at from close by.
    pub(super) eye: bool,
}

/// A plan in a market, ready to be solved on any level.
#[derive(Debug)]
pub(super) struct Problem<'a> {
    pub(super) forms: Forms<'a>,
    pub(super) layout: Layout,
    /// Log-spots at which the value is wanted.
    pub(super) logs: Vec<f64>,
    /// States, those first that others lead to by hits.
    pub(super) order: Vec<usize>,
}

/// Value functions on a grid: for each state and component, values at the nodes.
#[derive(Debug, Clone)]
pub(super) struct Front {
    pub(super) arrays: Vec<Vec<f64>>,
}

/// The live range of a state: where no barrier counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Live {
    pub(super) lo: f64,
    pub(super) hi: f64,
}

impl Live {
    const ALL: Self = Self {
        lo: f64::NEG_INFINITY,
        hi: f64::INFINITY,
    };

    pub(super) fn holds(&self, log: f64) -> bool {
        log > self.lo + SAME && log < self.hi - SAME
    }
}

impl Problem<'_> {
    pub(super) fn components(&self) -> usize {
        self.forms.components()
    }

    /// Whether steps must look at barriers or exercise.
    pub(super) fn constrained(&self) -> bool {
        let plan = self.forms.plan;
        !plan.monitors.is_empty() || self.american()
    }

    pub(super) fn american(&self) -> bool {
        let right = &self.forms.plan.exercise;
        right
            .as_ref()
            .is_some_and(|right| right.instants.is_empty())
    }

    /// Values and derivatives at the spots wanted, with steps halved `level` times.
    pub(super) fn solve(&self, level: u32) -> Result<Vec<Jet>, PriceError> {
        let layout = &self.layout;
        let fine = 1_usize << level;
        let grid = Rc::new(Grid::new(
            layout.lo,
            layout.step / fine as f64,
            layout.cells * fine + 1,
            &layout.barriers,
        ));
        let line = self.forms.line;
        let arrays = self.forms.dates.states.len() * self.components();
        let mut front = Front {
            arrays: vec![vec![0.0; grid.len()]; arrays],
        };
        let mut lanes = Lanes::new(self, &grid);
        let mut keyed = Keyed::new(self, &grid);
        for (index, event) in line.events.iter().enumerate().rev() {
            let before = line.before(index);
            if index == 0 && layout.eye {
                return self.close(&grid, &front, event, level);
            }
            front = self.event(event, &grid, front, &grid, true)?;
            let span = line.span(before, event.at);
            if span.variance < NONE && !self.constrained() {
                self.shift(&grid, &mut front, span);
            } else if self.constrained() {
                keyed.run(&mut front, before, event.at, level)?;
            } else {
                lanes.run(&mut front, before, event.at, level, layout.cell_variance)?;
            }
        }
        let live = self.live(0, 0.0, true);
        let all = self.logs.iter().map(|log| {
            let jet = self.look(&grid, &front, *log, live);
            self.exercised_now(jet, *log)
        });
        all.collect()
    }

    /// The larger of a value and of exercise now.
    fn exercised_now(&self, jet: Jet, log: f64) -> Result<Jet, PriceError> {
        if !self.american() {
            return Ok(jet);
        }
        let payoff = self.payoff(0, log.exp())?;
        if payoff <= jet[0] {
            return Ok(jet);
        }
        // Derivatives of the payoff itself.
        let by = 1e-4;
        let (up, down) = (
            self.payoff(0, (log + by).exp())?,
            self.payoff(0, (log - by).exp())?,
        );
        Ok([
            payoff,
            (up - down) / (2.0 * by),
            (up - 2.0 * payoff + down) / (by * by),
        ])
    }

    /// The span up to the first date from close by, spot after spot.
    fn close(
        &self,
        grid: &Rc<Grid>,
        front: &Front,
        event: &Event,
        level: u32,
    ) -> Result<Vec<Jet>, PriceError> {
        let line = self.forms.line;
        let now = NOW;
        let span = line.span(now, event.at);
        let mut found = Vec::new();
        for log in &self.logs {
            let none = span.variance < NONE;
            let scale = self.deviation(span, *log);
            let mut step = if none {
                1e-5
            } else {
                scale / EYE_NODES / f64::from(1_u32 << level)
            };
            let mut side = 4;
            if !none {
                // With next to no variance the way along the forward would take any number of nodes.
                let reach = EYE_REACH * scale + span.carry.abs();
                step = step.max(reach / MOST_SIDE);
                side = ((reach / step).ceil() as usize).max(side);
            }
            let lo = log - side as f64 * step;
            let eye = Rc::new(Grid::new(lo, step, 2 * side + 1, &[]));
            let mut near = self.event(event, grid, front.clone(), &eye, !none)?;
            if none {
                self.shift(&eye, &mut near, span);
            } else {
                let cell = span.variance / 8.0;
                Lanes::new(self, &eye).run(&mut near, now, event.at, level, cell)?;
            }
            found.push(self.look(&eye, &near, *log, Live::ALL));
        }
        Ok(found)
    }

    /// Standard deviation of a span at a log-spot.
    pub(super) fn deviation(&self, span: Span, log: f64) -> f64 {
        let name = &self.forms.line.model.names[0];
        match &name.dynamics {
            rialto_otc_market::model::Dynamics::LocalVol(vol) => {
                vol.at(0.0, log.exp()) * span.variance.sqrt()
            }
            _ => span.variance.sqrt(),
        }
    }

    /// A span without diffusion: the value moves along the forward.
    fn shift(&self, grid: &Grid, front: &mut Front, span: Span) {
        let factor = (-span.rate).exp();
        for array in &mut front.arrays {
            if span.carry.abs() > 1e-13 {
                let read = |node: &f64| {
                    let at = node + span.carry;
                    grid.stencil(at, &(0..grid.len())).value(array)
                };
                *array = grid.nodes.iter().map(read).collect();
            }
            array.iter_mut().for_each(|value| *value *= factor);
        }
    }

    fn look(&self, grid: &Grid, front: &Front, log: f64, live: Live) -> Jet {
        let stencil = grid.stencil(log, &segment(grid, live, log));
        let components = self.components();
        let mut sum = [0.0; 3];
        for part in 0..components {
            let weight = match part {
                0 => 1.0,
                part => {
                    let var = self.forms.dates.affine_vars[part - 1];
                    self.forms.plan.vars[var].value
                }
            };
            let jet = stencil.jet(&front.arrays[part]);
            for (sum, value) in sum.iter_mut().zip(jet) {
                *sum += weight * value;
            }
        }
        sum
    }

    /// Where no barrier counts for a state just after a time; `at` is included when `now` is false.
    pub(super) fn live(&self, state: usize, rate: f64, after: bool) -> Live {
        let mut live = Live::ALL;
        for (number, _) in self.strikes(state, rate, after) {
            let monitor = &self.forms.plan.monitors[number];
            let log = monitor.level.ln();
            if is_up(monitor.side) {
                live.hi = live.hi.min(log);
            } else {
                live.lo = live.lo.max(log);
            }
        }
        live
    }

    /// Barriers that count for a state: just after a time, or at it.
    fn strikes(
        &self,
        state: usize,
        rate: f64,
        after: bool,
    ) -> impl Iterator<Item = (usize, &Outcome)> {
        let model = self.forms.line.model;
        let strikes = self.forms.dates.strikes.iter().enumerate();
        strikes.filter_map(move |(number, strike)| {
            let monitor = &self.forms.plan.monitors[number];
            let from = super::timeline::time(model, &monitor.from).rate;
            let to = super::timeline::time(model, &monitor.to).rate;
            let watched = if after {
                rate >= from - 1e-9 && rate < to - 1e-9
            } else {
                rate > from + 1e-9 && rate <= to + 1e-9
            };
            let outcome = strike.outcomes[state].as_ref()?;
            watched.then_some((number, outcome))
        })
    }

    /// The value of a state where a barrier is passed at a spot, from the states it leads to;
    /// `None` where none is.
    pub(super) fn hit(
        &self,
        state: usize,
        log: f64,
        now: Time,
        after: bool,
        read: impl Fn(usize) -> f64,
    ) -> Result<Option<Parts>, PriceError> {
        for (number, outcome) in self.strikes(state, now.rate, after) {
            let monitor = &self.forms.plan.monitors[number];
            let level = monitor.level.ln();
            let passed = if is_up(monitor.side) {
                log >= level - SAME
            } else {
                log <= level + SAME
            };
            if passed {
                let next = outcome.next.unwrap_or(0) * self.components();
                let parts = self
                    .forms
                    .struck(number, outcome, now, |part| read(next + part))?;
                return Ok(Some(parts));
            }
        }
        Ok(None)
    }

    /// What the holder gets by exercise in a state at a spot.
    pub(super) fn payoff(&self, state: usize, spot: f64) -> Result<f64, PriceError> {
        let plan = self.forms.plan;
        let undefined = PriceError::Number {
            stage: "the payoff of exercise",
            value: f64::NAN,
        };
        let Some(right) = &plan.exercise else {
            return Err(undefined);
        };
        let point = Point {
            spot,
            initial: plan.underlyings[0].initial,
            weight: plan.underlyings[0].weight,
            vars: &self.forms.dates.states[state],
            affine: &self.forms.dates.affine,
            held: &[Linear::constant(0.0); MAX_AFFINE],
        };
        point.number(&right.payoff).ok_or(undefined)
    }
}

pub(super) fn is_up(side: Comparison) -> bool {
    matches!(side, Comparison::AtLeast | Comparison::Above)
}

/// Nodes on the same side of the barriers as a log-spot, the barriers included.
pub(super) fn segment(grid: &Grid, live: Live, log: f64) -> Range<usize> {
    let at_least = |log: f64| grid.nodes.partition_point(|node| *node < log - SAME);
    let at_most = |log: f64| grid.nodes.partition_point(|node| *node <= log + SAME);
    if log <= live.lo + SAME {
        0..at_most(live.lo)
    } else if log >= live.hi - SAME {
        at_least(live.hi)..grid.len()
    } else {
        at_least(live.lo)..at_most(live.hi)
    }
}

/// Rounds off the last 18 bits, so that equal spans are equal though they are differences of sums.
pub(super) fn rounded(value: f64) -> u64 {
    (value.to_bits().wrapping_add(1 << 17)) & !((1 << 18) - 1)
}

/// Operators by what they depend on.
pub(super) type Cache<K, V> = HashMap<K, Rc<V>>;
