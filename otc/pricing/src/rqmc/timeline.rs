//! The steps a path is made of: a plan's dates, dividends and barrier windows on a model's clocks,
//! with finer steps in between where the dynamics are not known exactly.

use rialto_otc_contract::plan::{Moment, Plan};
use rialto_otc_contract::program::Comparison;
use rialto_otc_market::model::{Curve, Dynamics, Model};
use rialto_otc_numerics::linalg::{Matrix, cholesky};

use crate::engine::PriceError;
use crate::reason::Reason;

/// Two moments closer than this on the rate clock are one, years.
const SAME: f64 = 1e-12;

/// Longest step of a local volatility, years of the variance clock.
const LOCAL_STEP: f64 = 1.0 / 128.0;

/// Longest step of Heston's variance, years of the variance clock.
const HESTON_STEP: f64 = 1.0 / 64.0;

/// Steps of a path at most.
const MOST_STEPS: usize = 16_384;

/// Two barriers on one name lie at least this many deviations of a step apart, so that a step
/// between two dates never crosses both (the chance is below `exp(−2 · 6²)`).
const APART: f64 = 6.0;

/// What the spot loses on an ex-date.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Jump {
    /// Underlying.
    pub(super) name: usize,
    /// Share that is left.
    pub(super) keep: f64,
    /// Price units taken off afterwards.
    pub(super) cash: f64,
}

/// A step and what stands at its end.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    /// Years from the valuation to the end of the step on the variance clock.
    pub(super) variance: f64,
    /// The same on the rate clock.
    pub(super) rate: f64,
    /// Length on the variance clock.
    pub(super) length: f64,
    /// Date at the end, by index into the plan's instants.
    pub(super) instant: Option<usize>,
    /// For each name `∫(r − q)` over the step.
    pub(super) carry: Vec<f64>,
    /// For each name the variance of its log-return where it is known (GBM), else the length.
    pub(super) spread: Vec<f64>,
    /// Which of [`Timeline::roots`].
    pub(super) root: usize,
    /// Dividends at the end, before anything is observed.
    pub(super) jumps: Vec<Jump>,
}

/// All steps of a path.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Timeline {
    /// Steps in order of time.
    pub(super) steps: Vec<Step>,
    /// Lower triangular roots of the correlations of a step's returns, row by row.
    pub(super) roots: Vec<Vec<f64>>,
    /// Whether finer steps would change the law of the paths.
    pub(super) discretised: bool,
}

/// A point of time that must be the end of a step.
#[derive(Debug, Clone, Copy)]
struct Stop {
    rate: f64,
    variance: f64,
    instant: Option<usize>,
}

impl Timeline {
    /// Steps for a plan in a model; those of approximate dynamics are `coarser` times as long.
    ///
    /// # Errors
    /// [`PriceError::Model`] for what cannot be simulated: dates before the valuation, falling
    /// variance, correlations without a root; [`PriceError::Refused`] for too many steps.
    pub(super) fn new(plan: &Plan<f64>, model: &Model, coarser: f64) -> Result<Self, PriceError> {
        let stops = stops(plan, model)?;
        let mut timeline = Self {
            steps: Vec::new(),
            roots: Vec::new(),
            discretised: model
                .names
                .iter()
                .any(|name| !matches!(name.dynamics, Dynamics::Gbm { .. })),
        };
        let (mut rate, mut variance) = (0.0, 0.0);
        for stop in stops {
            let pieces = pieces(plan, model, (variance, stop.variance), coarser);
            if timeline.steps.len() as f64 + pieces > MOST_STEPS as f64 {
                return Err(PriceError::Refused {
                    engine: super::ID,
                    reason: Reason::new(
                        format!("a path of more than {MOST_STEPS} steps would be needed"),
                        format!("路径须多于 {MOST_STEPS} 步"),
                    ),
                });
            }
            let pieces = pieces as usize;
            for piece in 1..=pieces {
                let (from_rate, from_variance) = match timeline.steps.last() {
                    Some(step) => (step.rate, step.variance),
                    None => (0.0, 0.0),
                };
                let last = piece == pieces;
                let share = piece as f64 / pieces as f64;
                let to_rate = if last {
                    stop.rate
                } else {
                    rate + (stop.rate - rate) * share
                };
                let to_variance = if last {
                    stop.variance
                } else {
                    variance + (stop.variance - variance) * share
                };
                let instant = stop.instant.filter(|_| last);
                timeline.push(
                    model,
                    (from_rate, to_rate),
                    (from_variance, to_variance),
                    instant,
                )?;
            }
            (rate, variance) = (stop.rate, stop.variance);
        }
        timeline.dividends(model);
        Ok(timeline)
    }

    fn push(
        &mut self,
        model: &Model,
        (from_rate, rate): (f64, f64),
        (from, to): (f64, f64),
        instant: Option<usize>,
    ) -> Result<(), PriceError> {
        let mut carry = Vec::new();
        let mut spread = Vec::new();
        for name in &model.names {
            carry.push(
                model.discount.integral(from_rate, rate) - name.carry.integral(from_rate, rate),
            );
            let variance = match &name.dynamics {
                Dynamics::Gbm { variance } => variance.integral(from, to),
                Dynamics::LocalVol(_) | Dynamics::Heston(_) => to - from,
            };
            if !(variance.is_finite() && variance > -1e-13) {
                return Err(PriceError::Model(format!(
                    "the variance of `{}` between {from} and {to} years is {variance}: it must not \
                     be below 0",
                    name.code
                )));
            }
            spread.push(variance.max(0.0));
        }
        if let Some(odd) = carry.iter().find(|carry| !carry.is_finite()) {
            return Err(PriceError::Model(format!("a rate less carry of {odd}")));
        }
        let root = self.root(model, (from, to), &spread)?;
        self.steps.push(Step {
            variance: to,
            rate,
            length: to - from,
            instant,
            carry,
            spread,
            root,
            jumps: Vec::new(),
        });
        Ok(())
    }

    /// Root of the correlation of the returns of one step. With volatilities that change within the
    /// step it is `ρ ∫σ_i σ_j / √(∫σ_i² ∫σ_j²)`.
    fn root(
        &mut self,
        model: &Model,
        (from, to): (f64, f64),
        spread: &[f64],
    ) -> Result<usize, PriceError> {
        let n = model.names.len();
        let mut entries = vec![0.0; n * n];
        for i in 0..n {
            entries[i * n + i] = 1.0;
            for j in 0..i {
                let rho = 0.5 * (model.correlation_of(i, j) + model.correlation_of(j, i));
                let common = match (&model.names[i].dynamics, &model.names[j].dynamics) {
                    (Dynamics::Gbm { variance: a }, Dynamics::Gbm { variance: b })
                        if spread[i] > 0.0 && spread[j] > 0.0 =>
                    {
                        shared(a, b, from, to) / (spread[i] * spread[j]).sqrt()
                    }
                    _ => 1.0,
                };
                entries[i * n + j] = rho * common.min(1.0);
                entries[j * n + i] = entries[i * n + j];
            }
        }
        let bad = |error| PriceError::Model(format!("the correlations have no root: {error}"));
        let matrix = Matrix::from_rows(n, n, entries).map_err(bad)?;
        let root = cholesky(&matrix, 1e-10).map_err(bad)?.as_slice().to_vec();
        if let Some(known) = self.roots.iter().position(|known| *known == root) {
            return Ok(known);
        }
        self.roots.push(root);
        Ok(self.roots.len() - 1)
    }

    /// Puts each dividend at the end of the first step that reaches its ex-date.
    fn dividends(&mut self, model: &Model) {
        for (name, underlying) in model.names.iter().enumerate() {
            for dividend in &underlying.dividends {
                if dividend.rate <= 0.0 {
                    continue;
                }
                let at = self
                    .steps
                    .iter_mut()
                    .find(|step| step.rate >= dividend.rate - SAME);
                if let Some(step) = at {
                    step.jumps.push(Jump {
                        name,
                        keep: 1.0 - dividend.proportional,
                        cash: dividend.cash,
                    });
                }
            }
        }
    }

    /// Whether a cash dividend falls within the steps.
    pub(super) fn has_cash(&self) -> bool {
        self.steps
            .iter()
            .flat_map(|step| &step.jumps)
            .any(|jump| jump.cash != 0.0)
    }

    /// Clock of the bridge: the mean over the names of what each step spreads, summed up.
    pub(super) fn bridge_clock(&self) -> Vec<f64> {
        let mut sum = 0.0;
        self.steps
            .iter()
            .map(|step| {
                sum += step.spread.iter().sum::<f64>() / step.spread.len().max(1) as f64;
                sum
            })
            .collect()
    }
}

/// `∫ σ_a σ_b` over an interval on which both are piecewise constant.
fn shared(a: &Curve, b: &Curve, from: f64, to: f64) -> f64 {
    let mut cuts: Vec<f64> = a
        .knots()
        .iter()
        .chain(b.knots())
        .copied()
        .filter(|knot| *knot > from && *knot < to)
        .chain([from, to])
        .collect();
    cuts.sort_by(f64::total_cmp);
    cuts.windows(2)
        .map(|pair| {
            let product = a.integral(pair[0], pair[1]) * b.integral(pair[0], pair[1]);
            product.max(0.0).sqrt()
        })
        .sum()
}

/// Moments at which a step must end, in order of time.
fn stops(plan: &Plan<f64>, model: &Model) -> Result<Vec<Stop>, PriceError> {
    let origin = model.as_of;
    let mut stops = Vec::new();
    for (index, instant) in plan.instants.iter().enumerate() {
        let (rate, variance) = (
            instant.at.rate - origin.rate,
            instant.at.variance - origin.variance,
        );
        if !(rate >= -1e-10 && variance >= -1e-10 && rate.is_finite() && variance.is_finite()) {
            return Err(PriceError::Model(format!(
                "date {} of the plan lies before the valuation",
                index + 1
            )));
        }
        stops.push(Stop {
            rate: rate.max(0.0),
            variance: variance.max(0.0),
            instant: Some(index),
        });
    }
    let Some(end) = stops.last().copied() else {
        return Ok(stops);
    };
    let inside = |rate: f64| rate > SAME && rate < end.rate - SAME;
    let place = |moment: Moment| (moment.rate - origin.rate, moment.variance - origin.variance);
    let mut extra: Vec<(f64, f64)> = Vec::new();
    for monitor in &plan.monitors {
        extra.extend([place(monitor.from), place(monitor.to)]);
    }
    // Between dates a proportional dividend matters only to who looks between dates.
    let everywhere = !plan.monitors.is_empty()
        || model
            .names
            .iter()
            .any(|name| !matches!(name.dynamics, Dynamics::Gbm { .. }));
    for name in &model.names {
        let cash = name.dividends.iter().any(|dividend| dividend.cash != 0.0);
        if cash || everywhere {
            extra.extend(
                name.dividends
                    .iter()
                    .map(|dividend| (dividend.rate, dividend.variance)),
            );
        }
    }
    for (rate, variance) in extra.into_iter().filter(|(rate, _)| inside(*rate)) {
        if !stops.iter().any(|stop| (stop.rate - rate).abs() <= SAME) {
            stops.push(Stop {
                rate,
                variance: variance.clamp(0.0, end.variance),
                instant: None,
            });
        }
    }
    stops.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    for at in 1..stops.len() {
        if stops[at].variance < stops[at - 1].variance {
            stops[at].variance = stops[at - 1].variance;
        }
    }
    Ok(stops)
}

/// Steps an interval of the variance clock is cut into.
fn pieces(plan: &Plan<f64>, model: &Model, (from, to): (f64, f64), coarser: f64) -> f64 {
    let mut pieces: f64 = 1.0;
    for (index, name) in model.names.iter().enumerate() {
        let longest = match &name.dynamics {
            Dynamics::Gbm { .. } => f64::INFINITY,
            Dynamics::LocalVol(_) => LOCAL_STEP * coarser,
            Dynamics::Heston(_) => HESTON_STEP * coarser,
        };
        pieces = pieces.max(((to - from) / longest - 1e-9).ceil());
        if let Some(width) = corridor(plan, index) {
            let variance = match &name.dynamics {
                Dynamics::Gbm { variance } => variance.integral(from, to),
                Dynamics::LocalVol(local) => {
                    let most = match local.cev {
                        Some(cev) => cev.hi,
                        None => local.vols.iter().copied().fold(0.0, f64::max),
                    };
                    most * most * (to - from)
                }
                Dynamics::Heston(heston) => heston.v0.max(heston.theta) * 2.0 * (to - from),
            };
            pieces = pieces.max((variance * (APART / width).powi(2)).ceil());
        }
    }
    pieces
}

/// Log-distance of the nearest pair of an upper and a lower barrier on one name, when it has both.
fn corridor(plan: &Plan<f64>, name: usize) -> Option<f64> {
    let on = plan
        .monitors
        .iter()
        .filter(|monitor| monitor.underlying == name);
    let (up, down): (Vec<_>, Vec<_>) = on.partition(|monitor| is_up(monitor.side));
    let lowest = up
        .iter()
        .map(|monitor| monitor.level)
        .fold(f64::INFINITY, f64::min);
    let highest = down.iter().map(|monitor| monitor.level).fold(0.0, f64::max);
    (lowest.is_finite() && highest > 0.0).then(|| (lowest / highest).ln().abs().max(1e-3))
}

/// Whether a barrier is hit from below.
pub(super) fn is_up(side: Comparison) -> bool {
    matches!(side, Comparison::AtLeast | Comparison::Above)
}
