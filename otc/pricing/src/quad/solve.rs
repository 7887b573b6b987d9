//! Backward induction of a chain over its dates.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use rialto_otc_contract::plan::Plan;

use super::grid::{Grid, Panels, REACH};
use super::kernel::{Kernel, tilts};
use crate::backward::chain::{Chain, Piece};
use crate::backward::dates::{Dates, UNIT};
use crate::backward::expr::{Linear, MAX_AFFINE};
use crate::backward::steps::Steps;
use crate::engine::PriceError;
use crate::reason::Reason;

/// Panels are this many standard deviations of the shortest step wide.
const PANEL: f64 = 4.0;

/// More nodes on a panel of the first date: delta and gamma differentiate the step to it.
const EYE: usize = 4;

/// Values below this share of the notional are taken for zero at the ends of a layer.
const TINY: f64 = 1e-12;

/// Largest exponent met when a drift is split into factors of source and target.
const MOST_EXPONENT: f64 = 600.0;

/// Nodes on one grid at most.
const MOST_NODES: usize = 200_000;

/// Variance below which two dates are one.
const SAME: f64 = 1e-14;

/// Value, first and second derivative by spot at one spot.
pub(crate) type Point = [f64; 3];

/// What a chain is solved with.
pub(crate) struct Solver<'a> {
    pub(crate) plan: &'a Plan<f64>,
    pub(crate) steps: &'a Steps,
    /// The market whose grid is used: another one only for differences between two markets, which
    /// must not see the grid move.
    pub(crate) frame: &'a Steps,
    pub(crate) dates: &'a Dates,
    /// Nodes on a full panel.
    pub(crate) order: usize,
}

/// Value functions on a grid: one array for each layer and component, zero outside its ranges.
type Layers = Vec<Vec<f64>>;

/// What a date pays and the affine variables after it.
type Paid = (Linear, [Linear; MAX_AFFINE]);

/// For each layer, the nodes of each of its pieces on one date.
type Ranges = Rc<Vec<Vec<Range<usize>>>>;

/// Moves between two dates of a chain.
#[derive(Debug, Clone, Copy)]
struct Move {
    variance: f64,
    drift: f64,
    discount: f64,
}

impl Solver<'_> {
    fn components(&self) -> usize {
        1 + self.dates.affine_vars.len()
    }

    fn between(&self, from: Option<usize>, to: usize) -> Move {
        Self::move_of(self.steps, from, to)
    }

    fn move_of(steps: &Steps, from: Option<usize>, to: usize) -> Move {
        let (variance, drift, discount) = from.map_or((0.0, 0.0, 1.0), |from| {
            (
                steps.variance[from],
                steps.drift[from],
                steps.discount[from],
            )
        });
        Move {
            variance: rounded(steps.variance[to] - variance),
            drift: rounded(steps.drift[to] - drift),
            discount: rounded(steps.discount[to] / discount),
        }
    }

    /// The value at each log-spot now, with derivatives by the spot: the sum over the chains.
    pub(crate) fn sum(&self, parts: &[Chain<'_>], logs: &[f64]) -> Result<Vec<Point>, PriceError> {
        let mut sum = vec![[0.0; 3]; logs.len()];
        for chain in parts {
            for (sum, point) in sum.iter_mut().zip(self.at(chain, logs)?) {
                for (sum, part) in sum.iter_mut().zip(point) {
                    *sum += part;
                }
            }
        }
        Ok(sum)
    }

    /// The chain's share of the value at each log-spot now, with derivatives by the spot.
    pub(crate) fn at(&self, chain: &Chain<'_>, logs: &[f64]) -> Result<Vec<Point>, PriceError> {
        let Some(first) = chain.active.first() else {
            return Ok(vec![[0.0; 3]; logs.len()]);
        };
        let now = self.between(None, *first);
        let eye = self.eye(chain, logs)?;
        let mut values = self.back_to_first(chain, logs, &eye)?;
        let ranges = ranges(&eye, &chain.pieces[0]);
        self.date(chain, 0, &eye.nodes, &ranges, &(0..eye.len()), &mut values)?;
        logs.iter()
            .map(|log| self.look(chain, &eye, &values, now, *log))
            .collect()
    }

    /// Nodes at the first date, fine enough for the step from now to it.
    fn eye(&self, chain: &Chain<'_>, logs: &[f64]) -> Result<Grid, PriceError> {
        let now = Self::move_of(self.frame, None, chain.active[0]);
        let (lowest, highest) = ends(logs);
        let reach = REACH * now.variance.sqrt();
        if now.variance < SAME {
            return Err(PriceError::Refused {
                engine: super::ID,
                reason: Reason::new(
                    "the first date has no variance before it",
                    "第一个日期之前没有方差",
                ),
            });
        }
        let cuts = cuts(&chain.pieces[..1]);
        let (lo, hi) = (lowest + now.drift - reach, highest + now.drift + reach);
        let mut width = PANEL * now.variance.sqrt();
        if let Some(next) = chain.active.get(1) {
            // What lies ahead is smooth on the scale of the next step only.
            let next = Self::move_of(self.frame, Some(chain.active[0]), *next);
            let next = next.variance.sqrt();
            width = width.min(PANEL * next);
        }
        let finer = self.order + EYE;
        self.checked_grid((lo, hi), &cuts, width, (finer, Panels::Narrow))
    }

    fn checked_grid(
        &self,
        (lo, hi): (f64, f64),
        cuts: &[f64],
        width: f64,
        (order, panels): (usize, Panels),
    ) -> Result<Grid, PriceError> {
        let nodes = ((hi - lo) / width + cuts.len() as f64) * order as f64;
        if !nodes.is_finite() || nodes > MOST_NODES as f64 {
            return Err(PriceError::Refused {
                engine: super::ID,
                reason: Reason::new(
                    format!("it would take {nodes:.0} nodes, at most {MOST_NODES} are used"),
                    format!("需要 {nodes:.0} 个节点，最多使用 {MOST_NODES} 个"),
                ),
            });
        }
        Grid::new((lo, hi), cuts, width, order, panels)
    }

    /// Values just after the first date, at the nodes of the eye.
    fn back_to_first(
        &self,
        chain: &Chain<'_>,
        logs: &[f64],
        eye: &Grid,
    ) -> Result<Layers, PriceError> {
        let layers = chain.pieces[0].len() * self.components();
        let count = chain.active.len();
        if count == 1 {
            return Ok(vec![vec![0.0; eye.len()]; layers]);
        }
        let moves = |steps: &Steps| -> Vec<Move> {
            let pairs = chain.active.windows(2);
            pairs
                .map(|pair| Self::move_of(steps, Some(pair[0]), pair[1]))
                .collect()
        };
        let grid = self.master(chain, logs, &moves(self.frame))?;
        let moves = moves(self.steps);
        let mut kernels = Kernels::new(&grid, &moves)?;
        let by_date = ranges_by_date(&grid, &chain.pieces);
        let mut values = vec![vec![0.0; grid.len()]; layers];
        let mut next = values.clone();
        let mut needed = Vec::new();
        let mut cone = self.cone(&grid, logs, chain.active[count - 1]);
        for index in (1..count).rev() {
            self.date(
                chain,
                index,
                &grid.nodes,
                &by_date[index],
                &cone,
                &mut values,
            )?;
            let step = moves[index - 1];
            let scale = self.plan.notional.abs();
            if index == 1 {
                let all = vec![vec![0..eye.len()]; layers];
                kernels.step(step, &mut values, eye, &all, scale, &mut next);
            } else {
                cone = self.cone(&grid, logs, chain.active[index - 1]);
                let (pieces, ranges) = (&chain.pieces[index - 1], &by_date[index - 1]);
                self.needed(pieces, ranges, &cone, &mut needed);
                kernels.step(step, &mut values, &grid, &needed, scale, &mut next);
            }
            std::mem::swap(&mut values, &mut next);
        }
        Ok(values)
    }

    /// The grid of all dates but the first.
    fn master(&self, chain: &Chain<'_>, logs: &[f64], moves: &[Move]) -> Result<Grid, PriceError> {
        let (lowest, highest) = ends(logs);
        let (mut lo, mut hi) = (f64::INFINITY, f64::NEG_INFINITY);
        for instant in &chain.active[1..] {
            let reach = REACH * self.frame.variance[*instant].sqrt();
            lo = lo.min(lowest + self.frame.drift[*instant] - reach);
            hi = hi.max(highest + self.frame.drift[*instant] + reach);
        }
        // Where every date leaves nothing, nodes would only ever hold zeros.
        let (first, last) = held(&chain.pieces[1..]);
        let (lo, hi) = (lo.max(first), hi.min(last).max(lo.max(first) + 1e-9));
        let shortest = moves
            .iter()
            .map(|step| step.variance)
            .fold(f64::INFINITY, f64::min);
        if shortest < SAME {
            return Err(PriceError::Refused {
                engine: super::ID,
                reason: Reason::new(
                    "two dates have no variance between them",
                    "两个日期之间没有方差",
                ),
            });
        }
        let cuts = cuts(&chain.pieces[1..]);
        // Values grow like the spot, and are interpolated times the factors of the drift.
        let widest = 1.0 / (1.0 + steepest(moves));
        self.checked_grid(
            (lo, hi),
            &cuts,
            PANEL * shortest.sqrt(),
            (self.order, Panels::Graded(widest)),
        )
    }

    /// Nodes that can matter on a date, seen from now: whole panels.
    fn cone(&self, grid: &Grid, logs: &[f64], instant: usize) -> Range<usize> {
        let (lowest, highest) = ends(logs);
        let reach = REACH * self.frame.variance[instant].sqrt();
        let drift = self.frame.drift[instant];
        grid.cover(lowest + drift - reach, highest + drift + reach)
    }

    /// For each array, the nodes at which a date goes on with it.
    fn needed(
        &self,
        layers: &[Vec<Piece<'_>>],
        ranges: &[Vec<Range<usize>>],
        cone: &Range<usize>,
        needed: &mut Vec<Vec<Range<usize>>>,
    ) {
        let components = self.components();
        needed.resize(layers.len() * components, Vec::new());
        needed.iter_mut().for_each(Vec::clear);
        for (piece, range) in layers.iter().flatten().zip(ranges.iter().flatten()) {
            if let Some(from) = piece.from {
                let range = meet(range, cone);
                if !range.is_empty() {
                    for part in 0..components {
                        needed[from * components + part].push(range.clone());
                    }
                }
            }
        }
    }

    /// Turns values just after a date into those just before it.
    fn date(
        &self,
        chain: &Chain<'_>,
        index: usize,
        nodes: &[f64],
        ranges: &[Vec<Range<usize>>],
        window: &Range<usize>,
        values: &mut Layers,
    ) -> Result<(), PriceError> {
        let components = self.components();
        let instant = chain.active[index];
        let pieces = &chain.pieces[index];
        let crossing = pieces.iter().enumerate().any(|(layer, pieces)| {
            pieces
                .iter()
                .any(|piece| piece.from.is_some_and(|from| from != layer))
        });
        // A layer that goes on as another one needs that one as it was.
        let kept = crossing.then(|| values.clone());
        for (layer, (pieces, ranges)) in pieces.iter().zip(ranges).enumerate() {
            for (piece, range) in pieces.iter().zip(ranges) {
                let range = meet(range, window);
                if range.is_empty() {
                    continue;
                }
                if piece.plus.is_some() || piece.minus.is_some() {
                    let rules = &self.plan.instants[instant].rules;
                    let flat = [piece.plus, piece.minus]
                        .into_iter()
                        .flatten()
                        .all(|outcome| outcome.is_flat(rules));
                    // What does not look at the spot is found once, anywhere.
                    let once = match flat {
                        true => Some(self.paid(piece, instant, nodes[range.start].exp())?),
                        false => None,
                    };
                    for node in range {
                        let after = kept.as_ref().unwrap_or(values);
                        let paid = match once {
                            Some(paid) => paid,
                            None => self.paid(piece, instant, nodes[node].exp())?,
                        };
                        let sum = self.outcome(piece, paid, node, after);
                        for (part, value) in sum.iter().enumerate().take(components) {
                            values[layer * components + part][node] = *value;
                        }
                    }
                    continue;
                }
                for part in 0..components {
                    let array = &mut values[layer * components + part][range.clone()];
                    match (piece.from, &kept) {
                        (None, _) => array.fill(0.0),
                        (Some(from), Some(kept)) if from != layer => {
                            array.copy_from_slice(&kept[from * components + part][range.clone()]);
                        }
                        _ => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// What a piece pays at a spot, and the affine variables after it.
    fn paid(&self, piece: &Piece<'_>, instant: usize, spot: f64) -> Result<Paid, PriceError> {
        let rules = &self.plan.instants[instant].rules;
        let discount = |rule, action| self.steps.payment(instant, rule, action);
        let affine = &self.dates.affine;
        let mut sum = Linear::constant(0.0);
        let mut held = UNIT;
        if let Some(outcome) = piece.plus {
            (sum, held) = outcome.at(self.plan, rules, affine, spot, &discount)?;
        }
        if let Some(outcome) = piece.minus {
            let (paid, _) = outcome.at(self.plan, rules, affine, spot, &discount)?;
            sum = sum.plus(paid.scaled(-1.0));
        }
        Ok((sum, held))
    }

    /// One node of a piece that pays or updates: the new constant and coefficients.
    fn outcome(
        &self,
        piece: &Piece<'_>,
        (mut sum, held): Paid,
        node: usize,
        after: &Layers,
    ) -> [f64; 1 + MAX_AFFINE] {
        if let Some(from) = piece.from {
            let components = self.components();
            sum.c[0] += after[from * components][node];
            for (number, held) in held.iter().enumerate().take(components - 1) {
                let coefficient = after[from * components + 1 + number][node];
                sum = sum.plus(held.scaled(coefficient));
            }
        }
        sum.c
    }

    /// The value at one log-spot now and its derivatives, by differentiating the first kernel.
    fn look(
        &self,
        chain: &Chain<'_>,
        eye: &Grid,
        ahead: &Layers,
        now: Move,
        log: f64,
    ) -> Result<Point, PriceError> {
        let components = self.components();
        let deviation = now.variance.sqrt();
        let scale = now.discount / (deviation * (2.0 * std::f64::consts::PI).sqrt());
        let mut sums = [0.0; 3];
        for (node, y) in eye.nodes.iter().enumerate() {
            let z = (y - log - now.drift) / deviation;
            if z.abs() > REACH {
                continue;
            }
            let mut value = 0.0;
            for layer in &chain.wanted {
                value += ahead[layer * components][node];
                for (number, var) in self.dates.affine_vars.iter().enumerate() {
                    value +=
                        ahead[layer * components + 1 + number][node] * self.plan.vars[*var].value;
                }
            }
            let weighted = scale * eye.weights[node] * (-0.5 * z * z).exp() * value;
            sums[0] += weighted;
            sums[1] += weighted * z / deviation;
            sums[2] += weighted * (z * z - 1.0) / now.variance;
        }
        let spot = log.exp();
        let point = [sums[0], sums[1] / spot, (sums[2] - sums[1]) / (spot * spot)];
        match point.iter().find(|value| !value.is_finite()) {
            Some(value) => Err(PriceError::Number {
                stage: "backward induction",
                value: *value,
            }),
            None => Ok(point),
        }
    }
}

/// Kernels by variance and factors by drift, made once each.
struct Kernels<'a> {
    grid: &'a Grid,
    by_variance: BTreeMap<u64, Kernel>,
    /// For a rate and a discount: factors of the source, and of the target.
    factors: BTreeMap<(u64, u64), (Vec<f64>, Vec<f64>)>,
    drift: f64,
    centre: f64,
    scratch: Vec<f64>,
}

impl<'a> Kernels<'a> {
    fn new(grid: &'a Grid, moves: &[Move]) -> Result<Self, PriceError> {
        let (lo, hi) = ends(&grid.nodes);
        let centre = 0.5 * (lo + hi);
        if steepest(moves) * (hi - centre) > MOST_EXPONENT {
            return Err(PriceError::Refused {
                engine: super::ID,
                reason: Reason::new(
                    "the drift is too large for the variance",
                    "漂移相对方差过大",
                ),
            });
        }
        Ok(Self {
            grid,
            by_variance: BTreeMap::new(),
            factors: BTreeMap::new(),
            drift: moves
                .iter()
                .map(|step| step.drift.abs())
                .fold(0.0, f64::max),
            centre,
            scratch: vec![0.0; grid.len()],
        })
    }

    /// One step back from the grid to the needed nodes of `target`; `values` are used up.
    fn step(
        &mut self,
        step: Move,
        values: &mut Layers,
        target: &Grid,
        needed: &[Vec<Range<usize>>],
        scale: f64,
        out: &mut Layers,
    ) {
        let rate = step.drift / step.variance;
        let damp = step.discount * (-0.5 * rate * step.drift).exp();
        let (grid, centre) = (self.grid, self.centre);
        let damped = |tilts: &[f64]| tilts.iter().map(|tilt| damp / tilt).collect::<Vec<f64>>();
        let (sources, targets) = self
            .factors
            .entry((rate.to_bits(), damp.to_bits()))
            .or_insert_with(|| {
                let sources = tilts(&grid.nodes, rate, centre);
                let targets = damped(&sources);
                (sources, targets)
            });
        let (mut own_kernel, own_targets);
        let (kernel, targets) = if std::ptr::eq(target, grid) {
            let kernel = self
                .by_variance
                .entry(step.variance.to_bits())
                .or_insert_with(|| Kernel::new(grid.len(), step.variance, self.drift));
            (kernel, &*targets)
        } else {
            own_kernel = Kernel::new(target.len(), step.variance, self.drift);
            own_targets = damped(&tilts(&target.nodes, rate, centre));
            (&mut own_kernel, &own_targets)
        };
        for ((array, out), ranges) in values.iter_mut().zip(out.iter_mut()).zip(needed) {
            out.clear();
            out.resize(target.len(), 0.0);
            let live = live(array, TINY * scale);
            if live.is_empty() {
                continue;
            }
            let seen = kernel.seen(target, grid.nodes[live.start], grid.nodes[live.end - 1]);
            self.scratch.fill(0.0);
            let parts = array[live.clone()].iter().zip(&sources[live.clone()]);
            for (scratch, (value, factor)) in self.scratch[live].iter_mut().zip(parts) {
                *scratch = value * factor;
            }
            for range in ranges {
                let rows = meet(range, &seen);
                kernel.apply((grid, &self.scratch), (target, rows), targets, out);
            }
        }
    }
}

/// Largest rate at which the factors of a drift grow with the log-spot.
fn steepest(moves: &[Move]) -> f64 {
    let rates = moves.iter().map(|step| (step.drift / step.variance).abs());
    rates.fold(0.0, f64::max)
}

/// From where to where some date leaves something, in log-spots.
fn held(pieces: &[Rc<Vec<Vec<Piece<'_>>>>]) -> (f64, f64) {
    let mut ends = (f64::INFINITY, f64::NEG_INFINITY);
    for (index, layers) in pieces.iter().enumerate() {
        if index > 0 && Rc::ptr_eq(layers, &pieces[index - 1]) {
            continue;
        }
        for piece in layers.iter().flatten() {
            if piece.from.is_some() || piece.plus.is_some() || piece.minus.is_some() {
                ends = (ends.0.min(piece.lo), ends.1.max(piece.hi));
            }
        }
    }
    ends
}

/// Nodes of each piece of a date.
fn ranges(grid: &Grid, layers: &[Vec<Piece<'_>>]) -> Vec<Vec<Range<usize>>> {
    let of = |pieces: &Vec<Piece<'_>>| pieces.iter().map(|p| grid.range(p.lo, p.hi)).collect();
    layers.iter().map(of).collect()
}

/// The same for every date, shared where the pieces are.
fn ranges_by_date(grid: &Grid, pieces: &[Rc<Vec<Vec<Piece<'_>>>>]) -> Vec<Ranges> {
    let mut by_date: Vec<Ranges> = Vec::with_capacity(pieces.len());
    for (index, layers) in pieces.iter().enumerate() {
        let same = index > 0 && Rc::ptr_eq(layers, &pieces[index - 1]);
        by_date.push(if same {
            Rc::clone(&by_date[index - 1])
        } else {
            Rc::new(ranges(grid, layers))
        });
    }
    by_date
}

/// The part of an array outside of which it is as good as zero.
fn live(array: &[f64], tiny: f64) -> Range<usize> {
    let first = array.iter().position(|value| value.abs() > tiny);
    let last = array.iter().rposition(|value| value.abs() > tiny);
    match (first, last) {
        (Some(first), Some(last)) => first..last + 1,
        _ => 0..0,
    }
}

fn cuts(pieces: &[Rc<Vec<Vec<Piece<'_>>>>]) -> Vec<f64> {
    let mut cuts: Vec<f64> = pieces
        .iter()
        .enumerate()
        .filter(|(index, layers)| *index == 0 || !Rc::ptr_eq(layers, &pieces[index - 1]))
        .flat_map(|(_, layers)| layers.iter().flatten())
        .flat_map(|piece| [piece.lo, piece.hi])
        .collect();
    cuts.sort_by(f64::total_cmp);
    cuts.dedup_by(|b, a| (*b - *a).abs() < 1e-12);
    cuts
}

fn ends(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), value| {
            (lo.min(*value), hi.max(*value))
        })
}

fn meet(a: &Range<usize>, b: &Range<usize>) -> Range<usize> {
    let start = a.start.max(b.start);
    start..a.end.min(b.end).max(start)
}

/// Drops the last 18 bits, so that equal steps are equal though they are differences of sums.
fn rounded(value: f64) -> f64 {
    f64::from_bits((value.to_bits() + (1 << 17)) & !((1 << 18) - 1))
}
