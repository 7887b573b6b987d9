//! Random paths of a model along a plan's dates.

use rialto_otc_contract::interpret::{Hit, beyond};
use rialto_otc_contract::plan::{Moment, Plan};
use rialto_otc_contract::program::Comparison;
use rialto_otc_market::model::{Dividend, Dynamics, Heston, Model};
use rialto_otc_numerics::linalg::{Matrix, cholesky};
use rialto_otc_numerics::normal::inverse_cdf;
use rialto_otc_numerics::philox::{Philox, open_unit};

use crate::engine::PriceError;
use crate::pde::drop;

/// Longest step of a scheme, years on the variance clock.
const STEP: f64 = 1.0 / 500.0;

/// Longest step in geometric Brownian motion with barriers: over a session drift and variance keep
/// their proportion, which the bridge takes for given.
const SESSION: f64 = 1.0 / 240.0;

/// ψ at which Andersen's scheme changes its law.
const CRITICAL: f64 = 1.5;

/// A short move of all names.
#[derive(Debug)]
struct Move {
    /// Variance clock at its beginning, years from now, and its length.
    begin: f64,
    length: f64,
    /// Rate clock at its ends, years from now.
    rate: [f64; 2],
    /// Per name `∫ (r − q)`, and variance in geometric Brownian motion.
    carry: Vec<f64>,
    variance: Vec<f64>,
    /// Dividends at its end, by name.
    drops: Vec<(usize, Dividend)>,
}

/// All moves, grouped by the date they lead to.
#[derive(Debug)]
pub(super) struct Paths<'a> {
    plan: &'a Plan<f64>,
    model: &'a Model,
    moves: Vec<Vec<Move>>,
    root: Matrix,
}

impl<'a> Paths<'a> {
    /// Cuts the time to each date at dividends and into steps short enough.
    ///
    /// # Errors
    /// [`PriceError::Model`] for a date before the valuation, or correlations or spots that cannot be.
    pub(super) fn new(plan: &'a Plan<f64>, model: &'a Model) -> Result<Self, PriceError> {
        let count = model.names.len();
        let root = Matrix::from_rows(count, count, model.correlation.clone())
            .and_then(|matrix| cholesky(&matrix, 1e-12))
            .map_err(|error| PriceError::Model(format!("correlations: {error}")))?;
        if let Some(name) = model
            .names
            .iter()
            .find(|name| !(name.spot.is_finite() && name.spot > 0.0))
        {
            return Err(PriceError::Model(format!(
                "spot {} of {} is not above 0",
                name.spot, name.code
            )));
        }
        let mut paths = Self {
            plan,
            model,
            moves: Vec::new(),
            root,
        };
        let (mut variance, mut rate) = (0.0, 0.0);
        for (index, instant) in plan.instants.iter().enumerate() {
            let to = (
                instant.at.variance - model.as_of.variance,
                instant.at.rate - model.as_of.rate,
            );
            if to.0 < variance - 1e-9 || to.1 < rate - 1e-9 {
                return Err(PriceError::Model(format!(
                    "date {} of the plan lies before the valuation or the date before it",
                    index + 1
                )));
            }
            let to = (to.0.max(variance), to.1.max(rate));
            let moves = paths.span((variance, rate), to);
            paths.moves.push(moves);
            (variance, rate) = to;
        }
        Ok(paths)
    }

    /// Whether a scheme with a bias is used.
    pub(super) fn is_stepped(&self) -> bool {
        let mut names = self.model.names.iter();
        names.any(|name| !matches!(name.dynamics, Dynamics::Gbm { .. }))
    }

    pub(super) fn steps(&self) -> usize {
        self.moves.iter().map(Vec::len).sum()
    }

    fn longest(&self) -> f64 {
        if self.is_stepped() {
            STEP
        } else if self.plan.monitors.is_empty() {
            f64::INFINITY
        } else {
            SESSION
        }
    }

    fn span(&self, from: (f64, f64), to: (f64, f64)) -> Vec<Move> {
        let mut stops: Vec<(f64, Vec<(usize, Dividend)>)> = Vec::new();
        for (name, all) in self.model.names.iter().enumerate() {
            for dividend in &all.dividends {
                // Those of the date itself come before it.
                if dividend.rate > from.1 + 1e-9 && dividend.rate <= to.1 + 1e-9 {
                    stops.push((dividend.rate.min(to.1), vec![(name, *dividend)]));
                }
            }
        }
        stops.push((to.1, Vec::new()));
        for monitor in &self.plan.monitors {
            for end in [&monitor.from, &monitor.to] {
                let end = end.rate - self.model.as_of.rate;
                if end > from.1 && end < to.1 {
                    stops.push((end, Vec::new()));
                }
            }
        }
        stops.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut moves = Vec::new();
        let mut now = from;
        for (rate, drops) in stops {
            let share = if to.1 > from.1 {
                (rate - from.1) / (to.1 - from.1)
            } else {
                1.0
            };
            let stop = (from.0 + share * (to.0 - from.0), rate);
            let parts = ((stop.0 - now.0) / self.longest()).ceil().max(1.0) as u32;
            for part in 0..parts {
                let at = |part: u32| {
                    let share = f64::from(part) / f64::from(parts);
                    (
                        now.0 + share * (stop.0 - now.0),
                        now.1 + share * (stop.1 - now.1),
                    )
                };
                moves.push(self.single(at(part), at(part + 1)));
            }
            if let Some(last) = moves.last_mut() {
                last.drops = drops;
            }
            now = stop;
        }
        moves
    }

    fn single(&self, from: (f64, f64), to: (f64, f64)) -> Move {
        let rate = self.model.discount.integral(from.1, to.1);
        let names = self.model.names.iter();
        let variance = |dynamics: &Dynamics| match dynamics {
            Dynamics::Gbm { variance } => variance.integral(from.0, to.0).max(0.0),
            _ => 0.0,
        };
        Move {
            begin: from.0,
            length: to.0 - from.0,
            rate: [from.1, to.1],
            carry: names
                .clone()
                .map(|name| rate - name.carry.integral(from.1, to.1))
                .collect(),
            variance: names.map(|name| variance(&name.dynamics)).collect(),
            drops: Vec::new(),
        }
    }
}

/// One path after another.
#[derive(Debug)]
pub(super) struct Walker<'a> {
    paths: &'a Paths<'a>,
    philox: Philox,
    path: u64,
    step: u32,
    logs: Vec<f64>,
    /// Heston's variances.
    variances: Vec<f64>,
    /// Fixings at the date reached.
    pub(super) fixings: Vec<f64>,
    /// Barriers hit on the way to it.
    pub(super) hits: Vec<Hit>,
}

/// Streams of random numbers: per name one for the spot and one for the variance, per barrier two.
const VARIANCE: u32 = 1 << 10;
const BARRIER: u32 = 1 << 20;

impl<'a> Walker<'a> {
    pub(super) fn new(paths: &'a Paths<'a>, seed: u64) -> Self {
        let count = paths.model.names.len();
        Self {
            paths,
            philox: Philox::new(seed),
            path: 0,
            step: 0,
            logs: vec![0.0; count],
            variances: vec![0.0; count],
            fixings: vec![0.0; count],
            hits: Vec::new(),
        }
    }

    pub(super) fn begin(&mut self, path: u64) {
        self.path = path;
        self.step = 0;
        for (index, name) in self.paths.model.names.iter().enumerate() {
            self.logs[index] = name.spot.ln();
            self.variances[index] = match &name.dynamics {
                Dynamics::Heston(heston) => heston.v0,
                _ => 0.0,
            };
        }
    }

    /// Two uniforms of this path, step and stream.
    fn uniforms(&self, stream: u32) -> [f64; 2] {
        let [a, b, c, d] = self.philox.bits(self.path, self.step, stream);
        [
            open_unit(u64::from(a) << 32 | u64::from(b)),
            open_unit(u64::from(c) << 32 | u64::from(d)),
        ]
    }

    /// Goes on to a date. `done` tells which barriers need no watching any more.
    pub(super) fn to(&mut self, instant: usize, done: &[bool]) -> Result<(), PriceError> {
        self.hits.clear();
        let paths = self.paths;
        for leg in &paths.moves[instant] {
            let before = self.logs.clone();
            let spread = self.advance(leg);
            self.watch(instant, leg, &before, &spread, done);
            for (name, dividend) in &leg.drops {
                self.logs[*name] = drop(self.logs[*name].exp(), dividend).ln();
            }
            if !leg.drops.is_empty() {
                // A dividend may carry the spot past a barrier.
                let level = vec![0.0; spread.len()];
                let here = self.logs.clone();
                self.watch(instant, leg, &here, &level, done);
            }
            self.step += 1;
        }
        for (fixing, log) in self.fixings.iter_mut().zip(&self.logs) {
            *fixing = log.exp();
            if !(fixing.is_finite() && *fixing > 0.0) {
                return Err(PriceError::Number {
                    stage: "a simulated fixing",
                    value: *fixing,
                });
            }
        }
        self.hits.sort_by(|a, b| a.at.rate.total_cmp(&b.at.rate));
        Ok(())
    }

    /// Moves every name; returns the variance each had on the way.
    fn advance(&mut self, leg: &Move) -> Vec<f64> {
        let count = self.logs.len();
        let free: Vec<f64> = (0..count)
            .map(|name| inverse_cdf(self.uniforms(name as u32)[0]))
            .collect();
        let mut spread = Vec::with_capacity(count);
        for name in 0..count {
            let row = self.paths.root.row(name);
            let normal: f64 = row.iter().zip(&free).map(|(a, b)| a * b).sum();
            let carry = leg.carry[name];
            let variance = match &self.paths.model.names[name].dynamics {
                Dynamics::Gbm { .. } => leg.variance[name],
                Dynamics::LocalVol(vol) => {
                    let spot = self.logs[name].exp();
                    vol.at(leg.begin + 0.5 * leg.length, spot).powi(2) * leg.length
                }
                Dynamics::Heston(heston) => {
                    let [uniform, _] = self.uniforms(VARIANCE + name as u32);
                    let v = self.variances[name];
                    let (next, by, spread_now) =
                        quadratic_exponential(heston, v, leg.length, uniform, normal);
                    self.variances[name] = next;
                    self.logs[name] += carry + by;
                    spread.push(spread_now);
                    continue;
                }
            };
            self.logs[name] += carry - 0.5 * variance + variance.sqrt() * normal;
            spread.push(variance);
        }
        spread
    }

    fn watch(&mut self, instant: usize, leg: &Move, before: &[f64], spread: &[f64], done: &[bool]) {
        let plan = self.paths.plan;
        let origin = self.paths.model.as_of.rate;
        for (number, monitor) in plan.monitors.iter().enumerate() {
            let [from, to] = leg.rate.map(|rate| rate + origin);
            let watched = from >= monitor.from.rate - 1e-9 && to <= monitor.to.rate + 1e-9;
            let known = done[number] || self.hits.iter().any(|hit| hit.monitor == number);
            if !watched || known {
                continue;
            }
            let name = monitor.underlying;
            let level = monitor.level.ln();
            let side = match monitor.side {
                Comparison::AtLeast | Comparison::Above => 1.0,
                Comparison::AtMost | Comparison::Below => -1.0,
            };
            // Distances to the barrier, above 0 while it is not passed.
            let start = side * (level - before[name]);
            let end = side * (level - self.logs[name]);
            let variance = spread[name];
            let [uniform, _] = self.uniforms(BARRIER + 2 * number as u32);
            let share = if beyond(monitor, before[name].exp()) || start <= 0.0 {
                Some(0.0)
            } else if variance <= 0.0 {
                (end <= 0.0).then_some(1.0)
            } else if end <= 0.0 || uniform < (-2.0 * start * end / variance).exp() {
                Some(self.first_passage(number, start, end.abs(), variance))
            } else {
                None
            };
            if let Some(share) = share {
                let at = Moment {
                    date: None,
                    rate: from + share * (to - from),
                    ..plan.instants[instant].at
                };
                self.hits.push(Hit {
                    monitor: number,
                    at,
                    pay: at,
                });
            }
        }
    }

    /// When a bridge that hits does so first, as a share of the step: `τ/(1 − τ)` is inverse
    /// Gaussian with mean `a/b` and shape `a²/V`, where `a` and `b` are the distances of its ends
    /// from the barrier (substitute in the densities of first passage and of the rest of the way);
    /// drawn by Michael, Schucany and Haas 1976.
    fn first_passage(&self, number: usize, a: f64, b: f64, variance: f64) -> f64 {
        let [u1, u2] = self.uniforms(BARRIER + 2 * number as u32 + 1);
        let shape = a * a / variance;
        let mean = a / b.max(1e-12 * a);
        let y = inverse_cdf(u1).powi(2);
        let half = mean * y / (2.0 * shape);
        // The smaller root, written so that nothing cancels.
        let x = mean / (1.0 + half + (half * (half + 2.0)).sqrt());
        let ratio = if u2 <= mean / (mean + x) {
            x
        } else {
            mean * mean / x
        };
        if ratio.is_finite() {
            ratio / (1.0 + ratio)
        } else {
            1.0
        }
    }
}

/// Andersen 2008, "Simple and efficient simulation of the Heston stochastic volatility model":
/// quadratic-exponential variance, central discretisation of the log-spot, martingale correction.
/// Returns the next variance, the move of the log-spot without carry, and its variance.
fn quadratic_exponential(
    heston: &Heston,
    v: f64,
    dt: f64,
    uniform: f64,
    normal: f64,
) -> (f64, f64, f64) {
    let Heston {
        kappa,
        theta,
        xi,
        rho,
        ..
    } = *heston;
    let decay = (-kappa * dt).exp();
    let mean = theta + (v - theta) * decay;
    if xi < 1e-6 || mean <= 1e-16 {
        let spread = 0.5 * (v + mean) * dt;
        return (
            mean.max(0.0),
            -0.5 * spread + spread.sqrt() * normal,
            spread,
        );
    }
    let one = 1.0 - decay;
    let square = v * xi * xi * decay * one / kappa + 0.5 * theta * xi * xi * one * one / kappa;
    let psi = square / (mean * mean);
    let drift = 0.5 * dt * (kappa * rho / xi - 0.5);
    let (k1, k2) = (drift - rho / xi, drift + rho / xi);
    let k3 = 0.5 * dt * (1.0 - rho * rho);
    let a_star = k2 + 0.5 * k3;
    let (next, log_mean) = if psi <= CRITICAL {
        let inverse = 2.0 / psi;
        let b2 = inverse - 1.0 + inverse.sqrt() * (inverse - 1.0).sqrt();
        let a = mean / (1.0 + b2);
        let next = a * (b2.sqrt() + inverse_cdf(uniform)).powi(2);
        let rest = 1.0 - 2.0 * a_star * a;
        let log_mean = (rest > 0.0).then(|| a_star * b2 * a / rest - 0.5 * rest.ln());
        (next, log_mean)
    } else {
        let p = (psi - 1.0) / (psi + 1.0);
        let beta = (1.0 - p) / mean;
        let next = if uniform <= p {
            0.0
        } else {
            ((1.0 - p) / (1.0 - uniform)).ln() / beta
        };
        let log_mean = (a_star < beta).then(|| (p + beta * (1.0 - p) / (beta - a_star)).ln());
        (next, log_mean)
    };
    let spread = k3 * (v + next);
    // Without the correction (its expectation does not exist) the plain scheme's constant.
    let k0 = log_mean.map_or(-rho * kappa * theta * dt / xi, |mean| {
        -mean - (k1 + 0.5 * k3) * v
    });
    let by = k0 + k1 * v + k2 * next + spread.sqrt() * normal;
    (next, by, 0.5 * (v + next) * dt)
}
