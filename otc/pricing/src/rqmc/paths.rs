//! Simulated log-spots of a block of paths, step by step, and the barriers hit between the steps.
//!
//! Geometric Brownian motion is exact between steps. Local volatility takes the volatility at the
//! beginning of a step in space and in its middle in time (Euler in the logarithm). Heston is the
//! quadratic-exponential scheme with martingale correction (Andersen 2008, sections 3.2 and 4).

use rialto_otc_contract::interpret::Hit;
use rialto_otc_contract::plan::{Moment, Plan};
use rialto_otc_market::model::{Dynamics, Heston, LocalVol, Model};
use rialto_otc_numerics::normal;

use super::draws::{Draws, Replicate};
use super::program::Program;
use super::timeline::{Step, Timeline, is_up};
use super::walk::Payments;
use crate::engine::PriceError;

/// Spot that is left, as a share, when a cash dividend would take it all.
const LEAST: f64 = 1e-6;

/// Barriers watched on one side of one name.
#[derive(Debug, Clone)]
struct Side {
    name: usize,
    up: bool,
    /// Monitor, log-level, window of steps, whether it can count only once.
    watched: Vec<Watched>,
    /// First and past-last step on which any is watched.
    steps: (usize, usize),
    /// First of its uniforms.
    uniform: usize,
}

#[derive(Debug, Clone, Copy)]
struct Watched {
    monitor: usize,
    log: f64,
    from: usize,
    to: usize,
    once: bool,
}

/// All that is needed to simulate.
#[derive(Debug)]
pub(super) struct Simulation<'a> {
    pub(super) plan: &'a Plan<f64>,
    pub(super) model: &'a Model,
    pub(super) timeline: Timeline,
    pub(super) draws: Draws,
    sides: Vec<Side>,
    locals: Vec<Option<LocalRows>>,
    coupons: Vec<(f64, f64)>,
    /// The plan compiled, where it can be.
    pub(super) program: Option<Program>,
}

/// Buffers of one thread.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    normals: Vec<f64>,
    scratch: [Vec<f64>; 2],
    uniforms: Vec<f64>,
    start: Vec<f64>,
    now: Vec<f64>,
    spread: Vec<f64>,
    variances: Vec<f64>,
    correlated: Vec<f64>,
    /// Logarithms of the fixings over the spot now, `[instant][name][lane]`: a spot that has not moved
    /// is the spot to the last bit.
    pub(super) logs: Vec<f64>,
    /// Hits of each lane with the step they lie in.
    pub(super) hits: Vec<Vec<(usize, Hit)>>,
}

/// A local volatility with its times looked up once for each step.
#[derive(Debug)]
struct LocalRows {
    /// Log of the price the grid is laid around over the spot now.
    reference: f64,
    logs: Vec<f64>,
    /// A row for each step; empty for a formula.
    rows: Vec<f64>,
}

impl LocalRows {
    fn new(local: &LocalVol, spot: f64, steps: &[Step]) -> Self {
        let reference = (local.reference / spot).ln();
        let rows = match local.cev {
            Some(_) => Vec::new(),
            None => steps
                .iter()
                .flat_map(|step| {
                    let middle = step.variance - 0.5 * step.length;
                    local
                        .logs
                        .iter()
                        .map(move |log| local.at(middle, local.reference * log.exp()))
                })
                .collect(),
        };
        Self {
            reference,
            logs: local.logs.clone(),
            rows,
        }
    }

    fn at(&self, local: &LocalVol, step: usize, log: f64) -> f64 {
        let x = log - self.reference;
        if let Some(cev) = local.cev {
            return (cev.a * (cev.b * x).exp()).max(cev.lo).min(cev.hi);
        }
        let row = &self.rows[step * self.logs.len()..][..self.logs.len()];
        let after = self.logs.partition_point(|knot| *knot <= x);
        if after == 0 {
            return row[0];
        }
        if after == self.logs.len() {
            return row[after - 1];
        }
        let share = (x - self.logs[after - 1]) / (self.logs[after] - self.logs[after - 1]);
        row[after - 1] + (row[after] - row[after - 1]) * share
    }
}

impl<'a> Simulation<'a> {
    /// Prepares; steps of approximate dynamics are `coarser` times as long as usual.
    ///
    /// # Errors
    /// See [`Timeline::new`] and [`Draws::new`].
    pub(super) fn new(
        plan: &'a Plan<f64>,
        model: &'a Model,
        payments: &Payments,
        coarser: f64,
    ) -> Result<Self, PriceError> {
        let timeline = Timeline::new(plan, model, coarser)?;
        let program = Program::new(plan, &timeline, payments, model.names[0].spot);
        let (sides, uniforms) = sides(plan, model, &timeline);
        let heston = matches!(model.names[0].dynamics, Dynamics::Heston(_));
        let factors = model.names.len() + usize::from(heston);
        let keys = program.as_ref().map(|program| &program.keys[..]);
        let draws = Draws::new(&timeline.bridge_clock(), (factors, uniforms), keys)?;
        let locals = model
            .names
            .iter()
            .map(|name| match &name.dynamics {
                Dynamics::LocalVol(local) => {
                    Some(LocalRows::new(local, name.spot, &timeline.steps))
                }
                _ => None,
            })
            .collect();
        let coupons = plan
            .instants
            .iter()
            .map(|instant| (instant.at.rate, instant.at.coupon))
            .collect();
        Ok(Self {
            plan,
            model,
            timeline,
            draws,
            sides,
            locals,
            coupons,
            program,
        })
    }

    /// Mean of the log-move from now to each date, when a single motion of known variance leads there
    /// and each step ends at a date.
    pub(super) fn drifts(&self) -> Option<Vec<f64>> {
        let steps = &self.timeline.steps;
        let plain = self.model.names.len() == 1
            && steps.len() == self.plan.instants.len()
            && self.draws.is_one_motion()
            && !self.timeline.discretised
            && !self.timeline.has_cash();
        plain.then(|| {
            let mut drift = 0.0;
            let to_date = |step: &Step| {
                drift += step.carry[0] - 0.5 * step.spread[0];
                for jump in &step.jumps {
                    drift += jump.keep.max(LEAST).ln();
                }
                drift
            };
            steps.iter().map(to_date).collect()
        })
    }

    /// Whether some barrier is watched on more than one name: crossings are then simulated as
    /// independent given the ends of each step.
    pub(super) fn watches_several_names(&self) -> bool {
        self.sides
            .iter()
            .any(|side| side.name != self.sides[0].name)
    }

    /// Simulates the paths `first .. first + lanes` of a replicate into `buffers`.
    ///
    /// # Errors
    /// [`PriceError`] of the draws.
    pub(super) fn block(
        &self,
        from: Replicate,
        first: u32,
        lanes: usize,
        buffers: &mut Buffers,
    ) -> Result<(), PriceError> {
        let names = self.model.names.len();
        let Buffers {
            normals, scratch, ..
        } = buffers;
        self.draws.normals(from, first, lanes, normals, scratch)?;
        buffers
            .logs
            .resize(self.plan.instants.len() * names * lanes, 0.0);
        buffers.now.clear();
        buffers.now.resize(names * lanes, 0.0);
        buffers.spread.resize(names * lanes, 0.0);
        buffers.correlated.resize(lanes, 0.0);
        buffers.variances.clear();
        if let Dynamics::Heston(heston) = &self.model.names[0].dynamics {
            buffers.variances.resize(lanes, heston.v0);
        }
        buffers.hits.resize(lanes, Vec::new());
        for hits in &mut buffers.hits {
            hits.clear();
        }
        for index in 0..self.timeline.steps.len() {
            self.step(index, lanes, buffers);
            self.watch(index, (from, first, lanes), buffers);
            self.finish(index, lanes, buffers);
        }
        Ok(())
    }

    /// Diffuses every name over one step.
    fn step(&self, index: usize, lanes: usize, buffers: &mut Buffers) {
        let step = &self.timeline.steps[index];
        let names = self.model.names.len();
        let steps = self.timeline.steps.len();
        if !self.sides.is_empty() {
            buffers.start.clone_from(&buffers.now);
        }
        let row = |factor: usize| (factor * steps + index) * lanes;
        let root = &self.timeline.roots[step.root];
        for name in 0..names {
            let z = &mut buffers.correlated[..lanes];
            z.fill(0.0);
            for factor in 0..=name {
                let weight = root[name * names + factor];
                if weight != 0.0 {
                    let normals = &buffers.normals[row(factor)..][..lanes];
                    for (z, normal) in z.iter_mut().zip(normals) {
                        *z += weight * normal;
                    }
                }
            }
            let now = &mut buffers.now[name * lanes..][..lanes];
            let spread = &mut buffers.spread[name * lanes..][..lanes];
            let (carry, length) = (step.carry[name], step.length);
            match &self.model.names[name].dynamics {
                Dynamics::Gbm { .. } => {
                    let variance = step.spread[name];
                    let (drift, deviation) = (carry - 0.5 * variance, variance.sqrt());
                    spread.fill(variance);
                    for (x, z) in now.iter_mut().zip(z.iter()) {
                        *x += drift + deviation * z;
                    }
                }
                Dynamics::LocalVol(local) => {
                    let Some(rows) = &self.locals[name] else {
                        continue;
                    };
                    for ((x, z), spread) in now.iter_mut().zip(z.iter()).zip(spread.iter_mut()) {
                        let vol = rows.at(local, index, *x);
                        *spread = vol * vol * length;
                        *x += carry - 0.5 * *spread + spread.sqrt() * z;
                    }
                }
                Dynamics::Heston(heston) => {
                    let scheme = Qe::new(heston, length);
                    let others = &buffers.normals[row(1)..][..lanes];
                    for lane in 0..lanes {
                        let before = buffers.variances[lane];
                        let (after, move_) = scheme.step(before, others[lane], z[lane]);
                        buffers.variances[lane] = after;
                        spread[lane] = 0.5 * (before + after) * length;
                        now[lane] += carry + move_;
                    }
                }
            }
        }
    }

    /// Dividends at the end of a step, and the fixings of a date.
    fn finish(&self, index: usize, lanes: usize, buffers: &mut Buffers) {
        let step = &self.timeline.steps[index];
        for jump in &step.jumps {
            let now = &mut buffers.now[jump.name * lanes..][..lanes];
            let keep = jump.keep.max(LEAST).ln();
            let cash = jump.cash / self.model.names[jump.name].spot;
            for x in now {
                *x += keep;
                if cash != 0.0 {
                    let left = x.exp();
                    *x = (left - cash).max(LEAST * left).ln();
                }
            }
        }
        if let Some(instant) = step.instant {
            let size = self.model.names.len() * lanes;
            buffers.logs[instant * size..][..size].copy_from_slice(&buffers.now);
        }
        if step.jumps.is_empty() {
            return;
        }
        for side in &self.sides {
            if !step.jumps.iter().any(|jump| jump.name == side.name) {
                continue;
            }
            for lane in 0..lanes {
                let x = buffers.now[side.name * lanes + lane];
                for watched in side.active(index) {
                    if side.beyond(x, watched.log) {
                        let hit = self.hit(watched.monitor, index, 1.0);
                        record(&mut buffers.hits[lane], index, watched, hit);
                    }
                }
            }
        }
    }

    /// Barriers hit within a step: the extreme of the bridge between its ends is sampled from its
    /// exact law given the ends, `(x + y ± √((y − x)² − 2 V ln U))/2`, and its time from the law of
    /// the first passage of a bridge.
    fn watch(
        &self,
        index: usize,
        (from, first, lanes): (Replicate, u32, usize),
        buffers: &mut Buffers,
    ) {
        for side in &self.sides {
            if side.active(index).next().is_none() {
                continue;
            }
            let number = side.uniform + (index - side.steps.0);
            buffers.uniforms.resize(lanes, 0.0);
            self.draws
                .uniform(from, number, first, &mut buffers.uniforms);
            let sign = if side.up { 1.0 } else { -1.0 };
            for lane in 0..lanes {
                let at = side.name * lanes + lane;
                let (x, y) = (sign * buffers.start[at], sign * buffers.now[at]);
                let variance = buffers.spread[at];
                let root = (y - x) * (y - x) - 2.0 * variance * buffers.uniforms[lane].ln();
                let extreme = 0.5 * (x + y + root.sqrt());
                let mut earliest: f64 = 0.0;
                for watched in side.active(index) {
                    let level = sign * watched.log;
                    if extreme < level && x < level && y < level {
                        continue;
                    }
                    let path = first + lane as u32;
                    let stream = 2 + watched.monitor as u32;
                    let share = match x >= level {
                        true => 0.0,
                        false => passage(level - x, (y - level).abs(), variance, || {
                            from.uniforms(path, index, stream)
                        }),
                    };
                    // A further barrier is not passed before a nearer one.
                    earliest = earliest.max(share);
                    let hit = self.hit(watched.monitor, index, earliest);
                    record(&mut buffers.hits[lane], index, watched, hit);
                }
            }
        }
        if self.sides.len() > 1 {
            let order = |a: &(usize, Hit), b: &(usize, Hit)| a.1.at.rate.total_cmp(&b.1.at.rate);
            buffers.hits.iter_mut().for_each(|hits| hits.sort_by(order));
        }
    }

    fn hit(&self, monitor: usize, index: usize, share: f64) -> Hit {
        let step = &self.timeline.steps[index];
        let (from_rate, from_variance) = match index.checked_sub(1) {
            Some(before) => {
                let before = &self.timeline.steps[before];
                (before.rate, before.variance)
            }
            None => (0.0, 0.0),
        };
        let rate = self.model.as_of.rate + from_rate + share * (step.rate - from_rate);
        let variance = from_variance + share * (step.variance - from_variance);
        let at = Moment {
            date: None,
            variance: self.model.as_of.variance + variance,
            rate,
            coupon: self.coupon(rate),
        };
        Hit {
            monitor,
            at,
            pay: at,
        }
    }

    /// Coupon clock at a time of the rate clock, straight between dates.
    fn coupon(&self, rate: f64) -> f64 {
        let after = self.coupons.partition_point(|(at, _)| *at < rate);
        let (Some(right), Some(left)) = (self.coupons.get(after), after.checked_sub(1)) else {
            let nearest = after.min(self.coupons.len().saturating_sub(1));
            return self.coupons.get(nearest).map_or(rate, |at| at.1);
        };
        let left = self.coupons[left];
        left.1 + (right.1 - left.1) * (rate - left.0) / (right.0 - left.0)
    }
}

impl Side {
    /// Barriers watched on a step, nearest first.
    fn active(&self, index: usize) -> impl Iterator<Item = &Watched> {
        self.watched
            .iter()
            .filter(move |watched| watched.from <= index && index < watched.to)
    }

    fn beyond(&self, x: f64, log: f64) -> bool {
        if self.up { x >= log } else { x <= log }
    }
}

fn record(hits: &mut Vec<(usize, Hit)>, index: usize, watched: &Watched, hit: Hit) {
    if watched.once
        && hits
            .iter()
            .any(|(_, known)| known.monitor == watched.monitor)
    {
        return;
    }
    hits.push((index, hit));
}

/// The plan's barriers by name and side, with the number of uniforms they need.
fn sides(plan: &Plan<f64>, model: &Model, timeline: &Timeline) -> (Vec<Side>, usize) {
    let mut sides: Vec<Side> = Vec::new();
    for (monitor, barrier) in plan.monitors.iter().enumerate() {
        let (from, to) = (
            barrier.from.rate - model.as_of.rate,
            barrier.to.rate - model.as_of.rate,
        );
        let position = |time: f64| {
            timeline
                .steps
                .partition_point(|step| step.rate <= time + 1e-10)
        };
        let (from, to) = (position(from.max(0.0)), position(to));
        // Steps of no length at the moment of valuation itself are not watched.
        if from >= to {
            continue;
        }
        let watched = Watched {
            monitor,
            log: (barrier.level.max(f64::MIN_POSITIVE) / model.names[barrier.underlying].spot).ln(),
            from,
            to,
            once: barrier.unless.is_none(),
        };
        let (name, up) = (barrier.underlying, is_up(barrier.side));
        match sides
            .iter_mut()
            .find(|side| side.name == name && side.up == up)
        {
            Some(side) => {
                side.watched.push(watched);
                side.steps = (side.steps.0.min(from), side.steps.1.max(to));
            }
            None => sides.push(Side {
                name,
                up,
                watched: vec![watched],
                steps: (from, to),
                uniform: 0,
            }),
        }
    }
    let mut uniforms = 0;
    for side in &mut sides {
        side.uniform = uniforms;
        uniforms += side.steps.1 - side.steps.0;
        let up = side.up;
        side.watched.sort_by(|a, b| {
            let order = a.log.total_cmp(&b.log);
            if up { order } else { order.reverse() }
        });
    }
    (sides, uniforms)
}

/// Share of a step at which a bridge that passes a level does so first: with `a` the distance to the
/// level before and `c` after, `τ/(T − τ)` has the inverse Gaussian law of mean `a/c` and shape
/// `a²/V`, sampled by Michael, Schucany and Haas 1976.
fn passage(a: f64, c: f64, variance: f64, uniforms: impl FnOnce() -> [f64; 2]) -> f64 {
    if variance <= 0.0 {
        return 1.0;
    }
    let [first, second] = uniforms();
    let (mean, shape) = (a / c.max(1e-300), a * a / variance);
    let z = normal::inverse_cdf(first);
    let y = z * z;
    // The smaller root, written without cancellation: μ / (1 + t + √(t² + 2 t)), t = μ y/(2 λ).
    let t = mean * y / (2.0 * shape);
    let inverse = 1.0 + t + (t * (t + 2.0)).sqrt();
    // second ≤ μ/(μ + root) = inverse/(inverse + 1) keeps the smaller root, else μ²/root.
    let ratio = match second * (inverse + 1.0) <= inverse {
        true => mean / inverse,
        false => mean * inverse,
    };
    if ratio.is_finite() {
        ratio / (1.0 + ratio)
    } else {
        1.0
    }
}

/// Constants of one step of the quadratic-exponential scheme.
struct Qe {
    decay: f64,
    theta: f64,
    c1: f64,
    c2: f64,
    k0: f64,
    k1: f64,
    k2: f64,
    k3: f64,
    /// `K2 + K4/2`: what multiplies the new variance in the martingale correction.
    tilt: f64,
    length: f64,
}

impl Qe {
    fn new(heston: &Heston, length: f64) -> Self {
        let Heston {
            kappa,
            theta,
            xi,
            rho,
            ..
        } = *heston;
        let decay = (-kappa * length).exp();
        // ρ/ξ times what the variance gains beyond its drift; without volatility of variance, none.
        let (slope, flat) = if xi > 0.0 {
            (rho / xi, rho * kappa / xi)
        } else {
            (0.0, 0.0)
        };
        let half = 0.5 * length;
        let common = half * (flat - 0.5);
        let k3 = half * if xi > 0.0 { 1.0 - rho * rho } else { 1.0 };
        Self {
            decay,
            theta,
            c1: xi * xi * decay * (1.0 - decay) / kappa,
            c2: theta * xi * xi * (1.0 - decay) * (1.0 - decay) / (2.0 * kappa),
            k0: -flat * theta * length,
            k1: common - slope,
            k2: common + slope,
            k3,
            tilt: common + slope + 0.5 * k3,
            length,
        }
    }

    /// New variance and the move of the log-spot before carry, from the normals of the variance and
    /// of the rest.
    fn step(&self, before: f64, of_variance: f64, z: f64) -> (f64, f64) {
        if self.length <= 0.0 {
            return (before, 0.0);
        }
        let mean = self.theta + (before - self.theta) * self.decay;
        let square = before * self.c1 + self.c2;
        let psi = if mean > 0.0 {
            square / (mean * mean)
        } else {
            0.0
        };
        let a = self.tilt;
        // The correction makes E[exp(move)] 1 whenever the expectation exists; else K0 stands.
        let plain = self.k0 + self.k1 * before;
        let (after, constant) = if mean <= 0.0 {
            (0.0, plain)
        } else if psi < 1e-14 {
            (mean, -(a * mean) - 0.5 * self.k3 * before)
        } else if psi <= 1.5 {
            let inverse = 2.0 / psi;
            let b2 = inverse - 1.0 + inverse.sqrt() * (inverse - 1.0).max(0.0).sqrt();
            let scale = mean / (1.0 + b2);
            let after = scale * (b2.sqrt() + of_variance).powi(2);
            let room = 1.0 - 2.0 * a * scale;
            let constant = if room > 0.0 {
                -a * b2 * scale / room + 0.5 * room.ln() - 0.5 * self.k3 * before
            } else {
                plain
            };
            (after, constant)
        } else {
            let p = (psi - 1.0) / (psi + 1.0);
            let beta = (1.0 - p) / mean;
            let upper = normal::cdf(-of_variance);
            let after = if upper >= 1.0 - p {
                0.0
            } else {
                ((1.0 - p) / upper.max(f64::MIN_POSITIVE)).ln() / beta
            };
            let constant = if beta > a {
                -(p + beta * (1.0 - p) / (beta - a)).ln() - 0.5 * self.k3 * before
            } else {
                plain
            };
            (after, constant)
        };
        let spread = (self.k3 * (before + after)).max(0.0).sqrt();
        // `constant` holds K0* + K1 v already.
        (after, constant + self.k2 * after + spread * z)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variance_scheme_keeps_the_forward_and_the_mean_of_the_variance() {
        for (v0, xi, rho) in [(0.04, 0.3, -0.7), (0.02, 1.0, 0.5), (0.09, 0.0, -0.5)] {
            let heston = Heston {
                v0,
                kappa: 1.5,
                theta: 0.04,
                xi,
                rho,
            };
            let scheme = Qe::new(&heston, 0.25);
            let n = 1500;
            let (mut growth, mut mean) = (0.0, 0.0);
            for i in 0..n {
                let zv = normal::inverse_cdf((f64::from(i) + 0.5) / f64::from(n));
                for j in 0..n {
                    let z = normal::inverse_cdf((f64::from(j) + 0.5) / f64::from(n));
                    let (after, move_) = scheme.step(v0, zv, z);
                    growth += move_.exp();
                    mean += after;
                }
            }
            let all = f64::from(n) * f64::from(n);
            let want = 0.04 + (v0 - 0.04) * (-1.5_f64 * 0.25).exp();
            assert!((growth / all - 1.0).abs() < 2e-4, "{xi} {}", growth / all);
            assert!(
                (mean / all / want - 1.0).abs() < 2e-3,
                "{xi} {}",
                mean / all
            );
        }
    }

    #[test]
    fn a_passage_has_the_law_of_the_bridge() {
        // P(first passage ≤ s | passage) of a bridge from 0 to y, level h, by simulation in small
        // steps would be coarse; the closed form is Φ-based (reflection): with T = V = 1,
        // P(τ ≤ s) = P(M_s ≥ h | y) integrates to the numbers below at s = 1/2 for y at the level.
        // For y = h the law of τ/(1 − τ) is a one-sided stable one: P(τ ≤ s) = 2 Φ(−h √((1−s)/s)).
        let (h, n) = (0.8, 20_000);
        let mut below = [0.0; 3];
        for i in 0..n {
            let first = (f64::from(i) + 0.5) / f64::from(n);
            let share = passage(h, 1e-12, 1.0, || [first, 0.3]);
            for (below, s) in below.iter_mut().zip([0.2, 0.5, 0.8]) {
                *below += f64::from(u8::from(share <= s)) / f64::from(n);
            }
        }
        for (found, s) in below.iter().zip([0.2_f64, 0.5, 0.8]) {
            let want = 2.0 * normal::cdf(-h * ((1.0 - s) / s).sqrt());
            assert!((found - want).abs() < 2e-3, "{s}: {found} {want}");
        }
    }
}
