//! Arithmetic Asian by the density of the log of a recursion (Carverhill and Clewlow 1990; centring
//! and direct weights after Benhamou 2002).
//!
//! The mean of the fixings ahead is `S_1 (w_1 + e^{R_2} (w_2 + e^{R_3} (…)))`: from the last fixing
//! back, the log of the bracket gets one independent normal return at a time, so its density is a
//! chain of convolutions. On an even grid their trapezoidal sums converge like the theta function,
//! faster than any power. The first return is not put on the grid: given the bracket the payoff is a
//! vanilla on `S_1`, which makes delta and gamma exact. A floating strike is the same recursion in
//! time's order, in units of the last price.

use rialto_otc_contract::plan::{Action, Expr, Plan};
use rialto_otc_contract::shape::{Mean, Shape, Side};
use rialto_otc_market::model::{Dynamics, Model, Name};

use crate::closed::finite;
use crate::closed::jet::Jet;
use crate::closed::world::{Law, World};
use crate::engine::{
    Ask, Engine, ErrorEstimate, ErrorKind, Fit, Greeking, Greeks, LadderPoint, PriceError, Priced,
};
use crate::notes;
use crate::reason::Reason;

/// Name and version of the engine.
pub const ID: &str = "logrec/1";

/// Grid steps per deviation of a return: the fine grid, and one that tells the error.
const STEPS: [f64; 2] = [2.2, 1.6];

/// Deviations of a return that are looked at.
const REACH: f64 = 8.5;

/// Weights below this leave nothing of a value.
const TINY: f64 = 1e-20;

/// Variance of a return below which it is none.
const NONE: f64 = 1e-16;

/// Most grid points at one fixing.
const MOST: f64 = 400_000.0;

/// Arithmetic Asian by log recursion.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogRecursion;

/// The option in numbers.
#[derive(Debug, Clone)]
struct Terms {
    units: f64,
    w: Side,
    strike: Option<f64>,
    /// Sum of weights times fixings that are past.
    known: f64,
    /// Fixings ahead: weight, variance and growth of the price since the one before (or now).
    ahead: Vec<Step>,
    /// Return from the last fixing to the end.
    tail: (f64, f64),
    discount: f64,
    spot: f64,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    weight: f64,
    variance: f64,
    growth: f64,
}

/// A distribution as points with probabilities.
#[derive(Debug, Clone)]
struct Cloud {
    values: Vec<f64>,
    weights: Vec<f64>,
}

impl Cloud {
    /// Law of `x + R` for `x` in the cloud and `R` normal, on an even grid.
    fn spread(&self, mean: f64, variance: f64, step: f64) -> Result<Self, PriceError> {
        let deviation = variance.sqrt();
        let (mut lo, mut hi) = (f64::INFINITY, f64::NEG_INFINITY);
        for x in &self.values {
            lo = lo.min(*x);
            hi = hi.max(*x);
        }
        let (lo, hi) = (lo + mean - REACH * deviation, hi + mean + REACH * deviation);
        let count = ((hi - lo) / step).ceil() + 1.0;
        if !(count.is_finite() && count <= MOST) {
            return Err(PriceError::Refused {
                engine: ID,
                reason: Reason::new(
                    format!("it would take {count} points, at most {MOST} are used"),
                    format!("需要 {count} 个点，最多使用 {MOST} 个"),
                ),
            });
        }
        let count = count as usize;
        let mut density = vec![0.0; count];
        let reach = (REACH * deviation / step).ceil() as isize;
        let ratio = step / deviation;
        let scale = step / deviation * 0.398_942_280_401_432_7;
        for (x, weight) in self.values.iter().zip(&self.weights) {
            let centre = (x + mean - lo) / step;
            let first = (centre.round() as isize - reach).max(0);
            let last = (centre.round() as isize + reach).min(count as isize - 1);
            for i in first..=last {
                let z = (i as f64 - centre) * ratio;
                density[i as usize] += weight * scale * (-0.5 * z * z).exp();
            }
        }
        let mut cloud = Self {
            values: Vec::with_capacity(count),
            weights: Vec::with_capacity(count),
        };
        for (i, weight) in density.into_iter().enumerate() {
            if weight > TINY {
                cloud.values.push(lo + step * i as f64);
                cloud.weights.push(weight);
            }
        }
        Ok(cloud)
    }

    /// The cloud after one normal return; the grid also resolves the next return.
    fn moved(mut self, mean: f64, own: f64, next: f64, fineness: f64) -> Result<Self, PriceError> {
        if own < NONE {
            self.values.iter_mut().for_each(|x| *x += mean);
            return Ok(self);
        }
        let scale = if next < NONE { own } else { own.min(next) };
        self.spread(mean, own, scale.sqrt() / fineness)
    }

    /// `ln(weight + e^x)` at each point.
    fn joined(mut self, weight: f64) -> Self {
        for x in &mut self.values {
            *x = if *x > 0.0 {
                *x + (weight * (-*x).exp()).ln_1p()
            } else {
                (weight + x.exp()).ln()
            };
        }
        self
    }
}

/// Refuses a price that is not lognormal at every date.
fn lognormal(name: &Name) -> Result<(), Reason> {
    if !matches!(name.dynamics, Dynamics::Gbm { .. }) {
        return Err(Reason::new(
            "the model is not geometric Brownian motion",
            "模型不是几何布朗运动",
        ));
    }
    if name.dividends.iter().any(|one| one.cash != 0.0) {
        return Err(Reason::new(
            "a cash dividend moves the spot by an amount",
            "现金分红使现价变动一个金额",
        ));
    }
    Ok(())
}

impl Terms {
    fn read(world: &World<'_>) -> Result<Self, Reason> {
        let plan = world.plan;
        let Some(Shape::Asian {
            units,
            w,
            strike,
            mean: Mean::Arithmetic,
            weights,
        }) = &plan.shape
        else {
            return Err(Reason::new(
                "it is not an option on an arithmetic mean",
                "不是算术平均期权",
            ));
        };
        if plan.underlyings.len() != 1 || world.model.names.len() != 1 {
            return Err(Reason::one_underlying(plan.underlyings.len()));
        }
        lognormal(&world.model.names[0])?;
        let rows = world.rows("fixings");
        let Some(past) = weights.len().checked_sub(rows.len()) else {
            return Err(Reason::new(
                "the contract has fewer weights than fixings ahead",
                "合约的权重少于尚未观察的次数",
            ));
        };
        let Some(end) = world.end() else {
            return Err(Reason::new("no date is left", "没有剩余日期"));
        };
        let known = known(world, weights, &rows, past)?;
        if weights.iter().any(|weight| *weight < 0.0) {
            return Err(Reason::new(
                "a weight of the mean is below 0",
                "平均的权重为负",
            ));
        }
        let spot = world.spot(0)?.v;
        let (mut before, mut forward) = (0.0, spot);
        let mut ahead = Vec::with_capacity(rows.len());
        for ((_, index), weight) in rows.iter().zip(&weights[past..]) {
            let law = world.law(0, &plan.instants[*index].at)?;
            ahead.push(Step {
                weight: *weight,
                variance: (law.variance.v - before).max(0.0),
                growth: (law.forward.v / forward).ln(),
            });
            (before, forward) = (law.variance.v, law.forward.v);
        }
        let last = world.law(0, end)?;
        let payment = world.end_payment()?;
        Ok(Self {
            units: *units,
            w: *w,
            strike: *strike,
            known,
            ahead,
            tail: (
                (last.variance.v - before).max(0.0),
                (last.forward.v / forward).ln(),
            ),
            discount: world.discount(&payment)?.v,
            spot,
        })
    }

    /// Law of the bracket behind `S_1`, as a cloud of its logs.
    fn bracket(&self, fineness: f64) -> Result<Cloud, PriceError> {
        let n = self.ahead.len();
        let mut cloud = Cloud {
            values: vec![self.ahead[n - 1].weight.max(1e-300).ln()],
            weights: vec![1.0],
        };
        for k in (1..n).rev() {
            let step = self.ahead[k];
            let mean = step.growth - 0.5 * step.variance;
            let next = self.ahead[k - 1].variance;
            cloud = cloud.moved(mean, step.variance, next, fineness)?;
            cloud = cloud.joined(self.ahead[k - 1].weight);
        }
        Ok(cloud)
    }

    /// Value, delta and gamma per unit at a spot.
    fn at(&self, spot: f64, cloud: &Cloud) -> Jet {
        let Some(strike) = self.strike else {
            return Jet::default();
        };
        let first = self.ahead[0];
        let law = Law {
            forward: Jet::spot(spot) * first.growth.exp(),
            variance: Jet::from(first.variance),
        };
        let left = strike - self.known;
        let mut sum = Jet::default();
        for (log, weight) in cloud.values.iter().zip(&cloud.weights) {
            let bracket = log.exp();
            sum = sum + law.option(self.w, left / bracket) * (weight * bracket);
        }
        sum * self.discount
    }

    /// Value per unit with a floating strike: in units of the last price the mean so far moves by
    /// `Y ← w + Y e^{−R}`, with returns in the price's own measure; given `Y` before the last return
    /// the payoff is a vanilla on `Y e^{−R}`.
    fn floating(&self, fineness: f64) -> Result<f64, PriceError> {
        let mut steps = self.ahead.clone();
        if self.tail.0 >= NONE || self.tail.1 != 0.0 {
            steps.push(Step {
                weight: 0.0,
                variance: self.tail.0,
                growth: self.tail.1,
            });
        }
        let Some(last) = steps.pop() else {
            return Ok(0.0);
        };
        let begun = self.known > 0.0;
        let mut cloud = begun.then(|| Cloud {
            values: vec![(self.known / self.spot).ln()],
            weights: vec![1.0],
        });
        let mut forward = self.spot * last.growth.exp();
        for (index, step) in steps.iter().enumerate() {
            forward *= step.growth.exp();
            let next = steps
                .get(index + 1)
                .map_or(last.variance, |step| step.variance);
            cloud = Some(match cloud {
                None => Cloud {
                    values: vec![step.weight.max(1e-300).ln()],
                    weights: vec![1.0],
                },
                Some(cloud) => {
                    let mean = -step.growth - 0.5 * step.variance;
                    let moved = cloud.moved(mean, step.variance, next, fineness)?;
                    moved.joined(step.weight)
                }
            });
        }
        let (side, strike) = match self.w {
            Side::Call => (Side::Put, 1.0 - last.weight),
            Side::Put => (Side::Call, 1.0 - last.weight),
        };
        let Some(cloud) = cloud else {
            return Ok((self.w.w() * strike).max(0.0) * forward * self.discount);
        };
        let mut sum = 0.0;
        for (log, weight) in cloud.values.iter().zip(&cloud.weights) {
            let law = Law {
                forward: Jet::from((log - last.growth).exp()),
                variance: Jet::from(last.variance),
            };
            sum += weight * law.option(side, strike).v;
        }
        Ok(sum * forward * self.discount)
    }

    /// Value with its spot Greeks per unit; the Greeks are absent for a floating strike whose mean
    /// has begun, where they are differences of the engine.
    fn value(&self, fineness: f64) -> Result<(Jet, bool), PriceError> {
        if self.strike.is_some() {
            return Ok((self.at(self.spot, &self.bracket(fineness)?), true));
        }
        let value = self.floating(fineness)?;
        let jet = Jet {
            s: value / self.spot,
            ..Jet::from(value)
        };
        Ok((jet, self.known == 0.0))
    }
}

/// Weighted sum of the fixings that are past. Variable `fixings_sum` has the weights as they were
/// written, the shape has them as shares; a row ahead tells how they compare.
fn known(
    world: &World<'_>,
    weights: &[f64],
    rows: &[(u32, usize)],
    past: usize,
) -> Result<f64, Reason> {
    let sum = match (world.remembered("fixings_sum"), past) {
        (_, 0) => return Ok(0.0),
        (Some(sum), _) => sum,
        (None, _) => {
            return Err(Reason::new(
                "past fixings are not in variable `fixings_sum`",
                "变量 `fixings_sum` 中没有过去的定盘价",
            ));
        }
    };
    for ((_, index), share) in rows.iter().zip(&weights[past..]) {
        let rules = &world.plan.instants[*index].rules;
        let actions = rules.iter().flat_map(|rule| &rule.actions);
        let written = actions.filter_map(|action| match action {
            Action::Set { var, value } if named(world, *var) => written(value, *var),
            _ => None,
        });
        if let Some(written) = written.into_iter().next().filter(|_| *share > 0.0) {
            return Ok(sum * share / written);
        }
    }
    if raw_sum(weights) {
        Ok(sum / weights.len() as f64)
    } else {
        Err(Reason::new(
            "no row ahead tells the scale of the weights in `fixings_sum`",
            "剩余日程无法确定 `fixings_sum` 中权重的尺度",
        ))
    }
}

fn named(world: &World<'_>, var: usize) -> bool {
    let var = world.plan.vars.get(var);
    var.is_some_and(|var| var.name == "fixings_sum")
}

/// `v` of `sum + v × S` or `sum + S`.
fn written(value: &Expr<f64>, var: usize) -> Option<f64> {
    let Expr::Add(items) = value else { return None };
    let added = match &items[..] {
        [Expr::Var(own), added] | [added, Expr::Var(own)] if *own == var => added,
        _ => return None,
    };
    match added {
        Expr::Spot(0) => Some(1.0),
        Expr::Mul(items) => match &items[..] {
            [Expr::Const(weight), Expr::Spot(0)] | [Expr::Spot(0), Expr::Const(weight)] => {
                Some(*weight)
            }
            _ => None,
        },
        _ => None,
    }
}

/// Equal weights, which are written as 1 each.
fn raw_sum(weights: &[f64]) -> bool {
    weights
        .windows(2)
        .all(|pair| (pair[0] - pair[1]).abs() < 1e-12)
}

fn refuse(terms: &Terms) -> Option<Reason> {
    if terms.ahead.is_empty() {
        return Some(Reason::new("no fixing is left", "没有剩余观察"));
    }
    None
}

impl Engine for LogRecursion {
    fn id(&self) -> &'static str {
        ID
    }

    fn fit(&self, plan: &Plan<f64>, model: &Model, _ask: &Ask) -> Fit {
        let read = Terms::read(&World::new(plan, model));
        match read.and_then(|terms| refuse(&terms).map_or(Ok(terms), Err)) {
            Ok(terms) => Fit::Good {
                error: 1e-9 * plan.notional.abs(),
                cost: 3e4 * terms.ahead.len() as f64,
            },
            Err(reason) => Fit::No(reason),
        }
    }

    fn price(&self, plan: &Plan<f64>, model: &Model, ask: &Ask) -> Result<Priced, PriceError> {
        let refused = |reason| PriceError::Refused { engine: ID, reason };
        let read = |model: &Model| Terms::read(&World::new(plan, model)).map_err(refused);
        let terms = read(model)?;
        if let Some(reason) = refuse(&terms) {
            return Err(refused(reason));
        }
        let (own, known) = terms.value(STEPS[0])?;
        let own = own * terms.units;
        let rough = terms.value(STEPS[1])?.0 * terms.units;
        finite("the log recursion", own.v)?;
        let mut greeks = Greeks::default();
        if ask.greeks != Greeking::None && known {
            greeks.delta = vec![finite("delta", own.s)?];
            greeks.gamma = vec![finite("gamma", own.ss)?];
        }
        let mut notes = Vec::new();
        if ask.greeks == Greeking::All {
            notes.push(notes::by_differences());
        }
        if ask.flows {
            notes.push(notes::no_flows());
        }
        let ladder = ladder(&terms, &ask.ladder).map_err(|error| match error {
            None => refused(Reason::new(
                "a ladder of a floating strike is not done",
                "浮动行权价不支持阶梯估值",
            )),
            Some(error) => error,
        })?;
        Ok(Priced {
            value: own.v,
            greeks,
            ladder,
            flows: Vec::new(),
            error: ErrorEstimate {
                abs: (own.v - rough.v).abs() + 1e-11 * (own.v.abs() + plan.notional.abs()),
                kind: ErrorKind::TwoGrid,
            },
            notes,
        })
    }
}

/// Values at other spots from the one distribution of the bracket; `None` for a floating strike.
fn ladder(terms: &Terms, spots: &[f64]) -> Result<Vec<LadderPoint>, Option<PriceError>> {
    if spots.is_empty() {
        return Ok(Vec::new());
    }
    if terms.strike.is_none() {
        return Err(None);
    }
    let cloud = terms.bracket(STEPS[0]).map_err(Some)?;
    let mut points = Vec::with_capacity(spots.len());
    for spot in spots {
        if !(spot.is_finite() && *spot > 0.0) {
            let error = PriceError::Model(format!("spot {spot} is not above 0"));
            return Err(Some(error));
        }
        let jet = terms.at(*spot, &cloud) * terms.units;
        let number = |stage, value| finite(stage, value).map_err(Some);
        points.push(LadderPoint {
            spot: *spot,
            value: number("the log recursion on the ladder", jet.v)?,
            delta: number("delta on the ladder", jet.s)?,
            gamma: number("gamma on the ladder", jet.ss)?,
        });
    }
    Ok(points)
}
