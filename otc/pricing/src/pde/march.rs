//! Steps between two dates.

use std::rc::Rc;

use rialto_otc_market::model::Dynamics;
use rialto_otc_numerics::pde::{Boundary, Coefficients, Operator, Scheme, Stepper};
use rialto_otc_numerics::tridiagonal::{Factored, Tridiagonal};

use super::grid::Grid;
use super::solve::{Cache, Front, Layout, Live, Problem, rounded};
use super::timeline::{NONE, Span, Time, Timeline};
use crate::engine::PriceError;

/// Arrays stepped side by side.
const LANES: usize = 4;

/// A step is at most this share of the time since the data's last jump.
const GROWTH: f64 = 0.2;

/// Least number of steps over all of a plan's life on the coarsest grid.
const FEWEST: f64 = 20.0;

/// `1 − 1/√2`, for which the two-stage method is of order 2 and L-stable (Alexander 1977).
const GAMMA: f64 = 1.0 - std::f64::consts::FRAC_1_SQRT_2;

/// Rounds of policy iteration at most; each moves the exercise region's ends by many nodes.
const ROUNDS: usize = 200;

/// Shares of a span of time, from its end backwards: short steps after the jump of a date.
fn shares(layout: &Layout, cell: f64, variance: f64, level: u32) -> Vec<f64> {
    let parts = 1_usize << level;
    let mut steps = Vec::new();
    let mut elapsed = 0.0;
    while variance > NONE && variance - elapsed > 1e-12 * variance {
        let rest = variance - elapsed;
        let longest = layout.variance / FEWEST;
        let mut step = cell.max(GROWTH * elapsed).min(longest);
        if rest <= 1.5 * step {
            step = rest;
        }
        steps.push(step / variance);
        elapsed += step;
    }
    if steps.is_empty() {
        steps.push(1.0);
    }
    let cut = |share: &f64| vec![share / parts as f64; parts];
    steps.iter().flat_map(cut).collect()
}

/// Coefficients at the nodes for a step as a whole (its length is 1).
fn coefficients<const K: usize>(
    problem: &Problem<'_>,
    nodes: &[f64],
    span: Span,
    middle: Time,
) -> Vec<Coefficients<K>> {
    let name = &problem.forms.line.model.names[0];
    let at = |diffusion: f64| Coefficients {
        diffusion: [diffusion; K],
        drift: [span.carry - diffusion; K],
        rate: [span.rate; K],
    };
    match &name.dynamics {
        Dynamics::LocalVol(vol) => nodes
            .iter()
            .map(|log| {
                let vol = vol.at(middle.variance, log.exp());
                at(0.5 * vol * vol * span.variance)
            })
            .collect(),
        _ => vec![at(0.5 * span.variance); nodes.len()],
    }
}

fn is_local(line: &Timeline<'_>) -> bool {
    matches!(line.model.names[0].dynamics, Dynamics::LocalVol(_))
}

/// What operators of a step depend on, up to rounding.
fn key(problem: &Problem<'_>, span: Span, middle: Time) -> [u64; 4] {
    let name = &problem.forms.line.model.names[0];
    let time = match &name.dynamics {
        Dynamics::LocalVol(vol) if vol.cev.is_none() => middle.variance.to_bits(),
        _ => 0,
    };
    [
        rounded(span.carry),
        rounded(span.rate),
        rounded(span.variance),
        time,
    ]
}

fn failed(error: &rialto_otc_numerics::Error) -> PriceError {
    PriceError::Model(format!("a step in time failed: {error}"))
}

/// Operators kept at most.
const KEPT: usize = 256;

/// Steps without barriers or exercise, several arrays side by side.
pub(super) struct Lanes<'a> {
    problem: &'a Problem<'a>,
    grid: &'a Grid,
    steppers: Cache<[u64; 4], Stepper<LANES>>,
}

impl<'a> Lanes<'a> {
    pub(super) fn new(problem: &'a Problem<'a>, grid: &'a Grid) -> Self {
        Self {
            problem,
            grid,
            steppers: Cache::new(),
        }
    }

    fn stepper(&mut self, span: Span, middle: Time) -> Result<Rc<Stepper<LANES>>, PriceError> {
        let key = key(self.problem, span, middle);
        if let Some(known) = self.steppers.get(&key) {
            return Ok(Rc::clone(known));
        }
        let nodes = &self.grid.nodes;
        let coefficients = coefficients::<LANES>(self.problem, nodes, span, middle);
        let ends = Boundary::LinearInSpot;
        let made = Operator::new(nodes, &coefficients, ends, ends)
            .and_then(|operator| Stepper::new(&operator, Scheme::Sdirk2, 1.0))
            .map_err(|error| failed(&error))?;
        let made = Rc::new(made);
        if self.steppers.len() >= KEPT {
            self.steppers.clear();
        }
        self.steppers.insert(key, Rc::clone(&made));
        Ok(made)
    }

    /// From `to` back to `from`; the first step is `cell` of variance long.
    pub(super) fn run(
        &mut self,
        front: &mut Front,
        from: Time,
        to: Time,
        level: u32,
        cell: f64,
    ) -> Result<(), PriceError> {
        let line = self.problem.forms.line;
        let whole = line.span(from, to);
        let shares = shares(&self.problem.layout, cell, whole.variance, level);
        let mut steppers = Vec::with_capacity(shares.len());
        let mut passed = 0.0;
        // Of a diffusion that is the same everywhere only the whole drift counts; a local one also
        // asks where the forward is on the way.
        let local = is_local(line);
        for share in &shares {
            let span = if local {
                let ends = [passed, passed + share];
                let [late, early] = ends.map(|share| line.between(from, to, 1.0 - share));
                line.span(early, late)
            } else {
                Span {
                    carry: whole.carry * share,
                    rate: whole.rate * share,
                    variance: whole.variance * share,
                }
            };
            let middle = to.towards(from, passed + 0.5 * share);
            steppers.push(self.stepper(span, middle)?);
            passed += share;
        }
        for arrays in front.arrays.chunks_mut(LANES) {
            if arrays.iter().all(|array| array.iter().all(|v| *v == 0.0)) {
                continue;
            }
            let mut lanes = vec![[0.0; LANES]; self.grid.len()];
            for (lane, array) in arrays.iter().enumerate() {
                for (row, value) in lanes.iter_mut().zip(array) {
                    row[lane] = *value;
                }
            }
            for stepper in &steppers {
                stepper
                    .run(&mut lanes, 0.0, 1)
                    .map_err(|error| failed(&error))?;
            }
            for (lane, array) in arrays.iter_mut().enumerate() {
                for (row, value) in lanes.iter().zip(array) {
                    *value = row[lane];
                }
            }
        }
        Ok(())
    }
}

/// The implicit matrix of one step on the nodes where a state lives.
struct Implicit {
    matrix: Tridiagonal<1>,
    factored: Factored<1>,
    /// Live nodes with their ends; an end that is a barrier keeps the value given.
    first: usize,
    last: usize,
}

/// Steps with barriers or exercise, array after array.
pub(super) struct Keyed<'a> {
    problem: &'a Problem<'a>,
    grid: &'a Grid,
    implicit: Cache<([u64; 4], usize, usize), Implicit>,
    /// Payoff of exercise at any time, by state and node.
    payoffs: Vec<Vec<f64>>,
}

/// One stage of a step.
#[derive(Clone, Copy)]
struct Stage {
    span: Span,
    middle: Time,
    /// Time at its end, to which the boundary values belong.
    at: Time,
}

impl<'a> Keyed<'a> {
    pub(super) fn new(problem: &'a Problem<'a>, grid: &'a Grid) -> Self {
        Self {
            problem,
            grid,
            implicit: Cache::new(),
            payoffs: Vec::new(),
        }
    }

    /// From `to` back to `from`.
    pub(super) fn run(
        &mut self,
        front: &mut Front,
        from: Time,
        to: Time,
        level: u32,
    ) -> Result<(), PriceError> {
        if self.problem.american() && self.payoffs.is_empty() {
            for state in 0..self.problem.forms.dates.states.len() {
                let all = self.grid.nodes.iter();
                let all = all.map(|log| self.problem.payoff(state, log.exp()));
                self.payoffs.push(all.collect::<Result<_, _>>()?);
            }
        }
        let line = self.problem.forms.line;
        let whole = line.span(from, to);
        let layout = &self.problem.layout;
        let local = is_local(line);
        let mut passed = 0.0;
        for share in shares(layout, layout.cell_variance, whole.variance, level) {
            let ends = [passed, passed + share];
            let [late, early] = ends.map(|share| match local {
                true => line.between(from, to, 1.0 - share),
                false => to.towards(from, share),
            });
            passed += share;
            let middle = late.towards(early, 0.5);
            let span = line.span(early, late);
            let mut stage = front.clone();
            let first = Stage {
                span,
                middle,
                at: late.towards(early, GAMMA),
            };
            self.stage(&mut stage, first)?;
            let factor = (1.0 - GAMMA) / GAMMA;
            for (values, ahead) in front.arrays.iter_mut().zip(&stage.arrays) {
                for (value, ahead) in values.iter_mut().zip(ahead) {
                    *value += factor * (ahead - *value);
                }
            }
            let second = Stage {
                span,
                middle,
                at: early,
            };
            self.stage(front, second)?;
        }
        Ok(())
    }

    /// Solves one implicit stage in place, state after state.
    fn stage(&mut self, front: &mut Front, stage: Stage) -> Result<(), PriceError> {
        let components = self.problem.components();
        for index in 0..self.problem.order.len() {
            let state = self.problem.order[index];
            let live = self.problem.live(state, stage.at.rate, true);
            self.fill(front, state, stage.at, live)?;
            let (first, last) = self.ends(live);
            if last < first + 2 {
                continue;
            }
            let implicit = self.implicit(stage, first, last, live)?;
            for part in 0..components {
                let array = &mut front.arrays[state * components + part];
                let range = implicit.first..=implicit.last;
                let mut rows: Vec<[f64; 1]> = array[range].iter().map(|value| [*value]).collect();
                if part == 0 && !self.payoffs.is_empty() {
                    self.complementary(&implicit, state, &mut rows)?;
                } else {
                    implicit
                        .factored
                        .solve(&mut rows)
                        .map_err(|error| failed(&error))?;
                }
                for (value, row) in array[implicit.first..].iter_mut().zip(&rows) {
                    *value = row[0];
                }
            }
        }
        Ok(())
    }

    /// Values where barriers were passed, the barriers included.
    fn fill(
        &self,
        front: &mut Front,
        state: usize,
        at: Time,
        live: Live,
    ) -> Result<(), PriceError> {
        if live.lo == f64::NEG_INFINITY && live.hi == f64::INFINITY {
            return Ok(());
        }
        let components = self.problem.components();
        for (node, log) in self.grid.nodes.iter().enumerate() {
            if live.holds(*log) {
                continue;
            }
            let read = |array: usize| front.arrays[array][node];
            let Some(parts) = self.problem.hit(state, *log, at, true, read)? else {
                continue;
            };
            for (part, value) in parts.iter().enumerate().take(components) {
                front.arrays[state * components + part][node] = *value;
            }
        }
        Ok(())
    }

    /// First and last node of a live range, barriers on the grid included.
    fn ends(&self, live: Live) -> (usize, usize) {
        let nodes = &self.grid.nodes;
        let first = self
            .grid
            .node_at(live.lo)
            .unwrap_or_else(|| nodes.partition_point(|node| *node <= live.lo));
        let last = self.grid.node_at(live.hi).unwrap_or_else(|| {
            nodes
                .partition_point(|node| *node < live.hi)
                .saturating_sub(1)
        });
        (first, last)
    }

    fn implicit(
        &mut self,
        stage: Stage,
        first: usize,
        last: usize,
        live: Live,
    ) -> Result<Rc<Implicit>, PriceError> {
        let key = (key(self.problem, stage.span, stage.middle), first, last);
        if let Some(known) = self.implicit.get(&key) {
            return Ok(Rc::clone(known));
        }
        let nodes = &self.grid.nodes[first..=last];
        let coefficients = coefficients::<1>(self.problem, nodes, stage.span, stage.middle);
        let end = |log: f64| match self.grid.node_at(log) {
            Some(_) => Boundary::Dirichlet,
            None => Boundary::LinearInSpot,
        };
        let operator = Operator::new(nodes, &coefficients, end(live.lo), end(live.hi))
            .map_err(|error| failed(&error))?;
        let matrix = operator.matrix().identity_minus(GAMMA);
        let factored = matrix.factor().map_err(|error| failed(&error))?;
        let made = Rc::new(Implicit {
            matrix,
            factored,
            first,
            last,
        });
        if self.implicit.len() >= KEPT {
            self.implicit.clear();
        }
        self.implicit.insert(key, Rc::clone(&made));
        Ok(made)
    }

    /// `M y ≥ b`, `y ≥ payoff`, one of them equal at every node, by policy iteration (Forsyth and
    /// Labahn 2007), which any payoff allows.
    fn complementary(
        &self,
        implicit: &Implicit,
        state: usize,
        rows: &mut [[f64; 1]],
    ) -> Result<(), PriceError> {
        let payoff = &self.payoffs[state][implicit.first..=implicit.last];
        let given = rows.to_owned();
        let mut held: Vec<bool> = given.iter().zip(payoff).map(|(v, p)| v[0] <= *p).collect();
        let mut product = given.clone();
        for _ in 0..ROUNDS {
            let mut matrix = implicit.matrix.clone();
            rows.copy_from_slice(&given);
            for (node, held) in held.iter().enumerate() {
                if *held {
                    matrix.lower[node] = [0.0];
                    matrix.upper[node] = [0.0];
                    matrix.diagonal[node] = [1.0];
                    rows[node] = [payoff[node]];
                }
            }
            matrix
                .factor()
                .and_then(|factored| factored.solve(rows))
                .and_then(|()| implicit.matrix.multiply(rows, &mut product))
                .map_err(|error| failed(&error))?;
            let mut same = true;
            for node in 0..rows.len() {
                let slack = product[node][0] - given[node][0];
                let over = rows[node][0] - payoff[node];
                let now = if held[node] { slack > 0.0 } else { over < 0.0 };
                same &= now == held[node];
                held[node] = now;
            }
            if same {
                return Ok(());
            }
        }
        Err(PriceError::Model(
            "the region of early exercise was not found".into(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_grow_from_a_jump_on_and_add_up() {
        let layout = Layout {
            lo: 0.0,
            step: 0.01,
            cells: 10,
            barriers: Vec::new(),
            cell_variance: 1e-4,
            variance: 0.04,
            eye: false,
        };
        let coarse = shares(&layout, 1e-4, 0.04, 0);
        assert!((coarse.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(coarse[0] * 0.04 < 1.01e-4 && coarse[coarse.len() - 1] > 5.0 * coarse[0]);
        assert_eq!(shares(&layout, 1e-4, 1e-4, 0), [1.0]);
        let fine = shares(&layout, 1e-4, 0.04, 2);
        assert_eq!(fine.len(), 4 * coarse.len());
        assert_eq!(shares(&layout, 1e-4, 0.0, 0), [1.0]);
    }
}
