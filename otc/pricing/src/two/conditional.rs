//! Two underlyings, one date: given the first price the second is lognormal, so that what is left is
//! one integral over the log of the first, smooth between the kinks of the payoff, which are edges
//! of its panels (specification, section 8.1).
//!
//! The integral runs over the price itself, not over its normal score: kinks stay where they are
//! when spot or volatility move, so the Greeks of the rule are the rule of the Greeks.

use rialto_otc_contract::plan::Plan;
use rialto_otc_contract::shape::{Shape, Side};
use rialto_otc_market::model::{Dynamics, Model};
use rialto_otc_numerics::quadrature::{Panels, gauss_legendre};

use crate::closed::finite;
use crate::closed::jet::Jet;
use crate::closed::world::{CERTAIN, Law, World};
use crate::engine::{
    Ask, Engine, ErrorEstimate, ErrorKind, Fit, Greeking, Greeks, PriceError, Priced,
};
use crate::notes;
use crate::reason::Reason;

/// Name and version of the engine.
pub const ID: &str = "conditional2/1";

/// Nodes on a panel, and of the coarser rule that tells the error.
const ORDERS: [usize; 2] = [20, 14];

/// Deviations of the first price that are looked at.
const REACH: f64 = 9.0;

/// Least variance of the second price given the first; a perfect correlation is taken to be this far
/// from it, which moves the value by about as little.
const LEAST: f64 = 1e-10;

/// Conditional quadrature for two underlyings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conditional;

/// What is paid, given both prices; `a > 0`, `b` not 0.
#[derive(Debug, Clone, Copy)]
enum Payoff {
    /// `max(w (a x + b y − strike), 0)`; `a` of either sign.
    Sum {
        w: Side,
        a: f64,
        b: f64,
        strike: f64,
    },
    /// `max(w (extreme of a x and b y − strike), 0)`.
    Extreme {
        w: Side,
        worst: bool,
        a: f64,
        b: f64,
        strike: f64,
    },
}

impl Payoff {
    fn read(shape: &Shape<f64>) -> Result<(f64, Self), Reason> {
        let pair = |factors: &[f64]| match factors {
            [a, b] => Ok((*a, *b)),
            _ => Err(Reason::two_underlyings(factors.len())),
        };
        let (units, payoff) = match shape {
            Shape::Exchange {
                units,
                first,
                second,
            } => (
                *units,
                Self::Sum {
                    w: Side::Call,
                    a: *first,
                    b: -*second,
                    strike: 0.0,
                },
            ),
            Shape::Basket {
                units,
                w,
                factors,
                strike,
            } => {
                let (a, b) = pair(factors)?;
                let (w, strike) = (*w, *strike);
                (*units, Self::Sum { w, a, b, strike })
            }
            Shape::Extreme {
                units,
                w,
                worst,
                factors,
                strike,
            } => {
                let (a, b) = pair(factors)?;
                if !(a > 0.0 && b > 0.0) {
                    return Err(Reason::new(
                        "the factors of a worst-of or best-of are not above 0",
                        "最差或最好表现的系数不大于 0",
                    ));
                }
                let payoff = Self::Extreme {
                    w: *w,
                    worst: *worst,
                    a,
                    b,
                    strike: *strike,
                };
                (*units, payoff)
            }
            _ => {
                return Err(Reason::new(
                    "it is not an option on two prices at one date",
                    "不是同一日期上两个价格的期权",
                ));
            }
        };
        if let Self::Sum { b: 0.0, .. } = payoff {
            return Err(Reason::new(
                "the second price has no weight",
                "第二个价格没有权重",
            ));
        }
        Ok((units, payoff))
    }

    /// Expectation given the first price.
    fn given(&self, x: f64, y: Law) -> Jet {
        match *self {
            Self::Sum { w, a, b, strike } => {
                let side = if (b > 0.0) == (w == Side::Call) {
                    Side::Call
                } else {
                    Side::Put
                };
                y.option(side, (strike - a * x) / b) * b.abs()
            }
            Self::Extreme {
                w,
                worst,
                a,
                b,
                strike,
            } => {
                let cap = a * x;
                let option = |w, strike: f64| y.option(w, strike / b) * b;
                let above = cap >= strike;
                match (w, worst, above) {
                    (Side::Call, true, false) | (Side::Put, false, true) => Jet::default(),
                    (Side::Call, true, true) => {
                        option(Side::Call, strike) - option(Side::Call, cap)
                    }
                    (Side::Call, false, true) => option(Side::Call, cap) + (cap - strike),
                    (Side::Call, false, false) => option(Side::Call, strike),
                    (Side::Put, true, true) => option(Side::Put, strike),
                    (Side::Put, true, false) => option(Side::Put, cap) + (strike - cap),
                    (Side::Put, false, false) => option(Side::Put, strike) - option(Side::Put, cap),
                }
            }
        }
    }

    /// First price at which the payoff has a kink whatever the second.
    fn kink(&self) -> Option<f64> {
        let (Self::Sum { a, strike, .. } | Self::Extreme { a, strike, .. }) = *self;
        Some(strike / a).filter(|x| x.is_finite() && *x > 0.0)
    }

    /// Second prices at which the payoff turns, given the first.
    fn turns(&self, x: f64) -> [f64; 2] {
        match *self {
            Self::Sum { a, b, strike, .. } => [(strike - a * x) / b, f64::NAN],
            Self::Extreme { a, b, strike, .. } => [a * x / b, strike / b],
        }
    }
}

/// The first price's law, and how the second hangs on it.
struct Pair {
    first: Law,
    second: Law,
    /// `cov / V_1`.
    slope: Jet,
    /// Variance of the second given the first.
    rest: Jet,
}

impl Pair {
    fn new(world: &World<'_>) -> Result<Option<Self>, PriceError> {
        let Some(end) = world.end() else {
            return Ok(None);
        };
        let (first, second) = (world.law(0, end)?, world.law(1, end)?);
        let covariance = world.covariance(0, 1, end)?;
        let (slope, rest) = if first.variance.v < CERTAIN {
            (Jet::default(), second.variance)
        } else {
            let slope = covariance / first.variance;
            (slope, second.variance - slope * covariance)
        };
        let rest = if rest.v < LEAST && first.variance.v >= CERTAIN {
            Jet::from(LEAST)
        } else {
            rest
        };
        Ok(Some(Self {
            first,
            second,
            slope,
            rest,
        }))
    }

    /// Mean log of the first price.
    fn centre(&self) -> Jet {
        self.first.forward.ln() - self.first.variance * 0.5
    }

    /// The second price given the log of the first.
    fn given(&self, log: f64) -> Law {
        let away = -(self.centre() - log);
        // E[y | x] = F₂ exp(slope · away − slope² V₁ / 2)
        let tilt = self.slope * away - self.slope * self.slope * self.first.variance * 0.5;
        Law {
            forward: self.second.forward * tilt.exp(),
            variance: self.rest,
        }
    }

    /// Edges of the panels: about one deviation wide, the kink, and fine ones about the logs at
    /// which the second price meets a turn of the payoff.
    fn edges(&self, payoff: &Payoff) -> Result<Vec<f64>, PriceError> {
        let deviation = self.first.variance.v.sqrt();
        let centre = self.centre().v;
        // Weighted by either price, the mass lies up to its covariance with the log higher.
        let lift = self
            .first
            .variance
            .v
            .max((self.slope.v * self.first.variance.v).abs());
        let (lo, hi) = (
            centre - REACH * deviation - lift,
            centre + REACH * deviation + lift,
        );
        let mut cuts: Vec<f64> = payoff.kink().into_iter().map(f64::ln).collect();
        let spread = self.rest.v.sqrt();
        if spread < 0.5 * deviation * (1.0 + self.slope.v.abs()) {
            for which in 0..2 {
                let gap = |log: f64| {
                    let turn = payoff.turns(log.exp())[which];
                    self.given(log).forward.v / turn - 1.0
                };
                let steps = 400;
                let at = |i: u32| lo + (hi - lo) * f64::from(i) / f64::from(steps);
                for i in 0..steps {
                    let (mut a, mut b) = (at(i), at(i + 1));
                    let (left, right) = (gap(a), gap(b));
                    let crossed = left.is_finite() && right.is_finite() && left * right <= 0.0;
                    if !crossed || left.abs().max(right.abs()) > 0.5 {
                        continue;
                    }
                    for _ in 0..60 {
                        let middle = 0.5 * (a + b);
                        if gap(middle) * left > 0.0 {
                            a = middle;
                        } else {
                            b = middle;
                        }
                    }
                    let root = 0.5 * (a + b);
                    let steep = (gap(root + 1e-6) - gap(root - 1e-6)).abs() / 2e-6;
                    let width = spread / steep.max(1e-3);
                    for k in [-9.0, -6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0, 9.0] {
                        cuts.push(root + k * width);
                    }
                }
            }
        }
        Panels::edges_through(lo, hi, &cuts, deviation)
            .map_err(|error| PriceError::Model(format!("panels over the first price: {error}")))
    }

    fn expected(&self, payoff: &Payoff, edges: &[f64], order: usize) -> Result<Jet, PriceError> {
        let failed = |error| PriceError::Model(format!("panels over the first price: {error}"));
        let rule = gauss_legendre(order).map_err(failed)?;
        let panels = Panels::new(edges, &rule).map_err(failed)?;
        let deviation = self.first.variance.sqrt();
        let centre = self.centre();
        let mut sum = Jet::default();
        for (log, weight) in panels.nodes.iter().zip(&panels.weights) {
            let score = -(centre - *log) / deviation;
            let density = (score * score * -0.5).exp() / deviation;
            let paid = payoff.given(log.exp(), self.given(*log));
            sum = sum + paid * density * (weight * 0.398_942_280_401_432_7);
        }
        Ok(sum)
    }

    /// Expected payoff, and by the coarser rule.
    fn value(&self, payoff: &Payoff) -> Result<(Jet, f64), PriceError> {
        if self.first.variance.v < CERTAIN {
            let sure = payoff.given(self.first.forward.v, self.second);
            return Ok((sure, sure.v));
        }
        let edges = self.edges(payoff)?;
        let fine = self.expected(payoff, &edges, ORDERS[0])?;
        Ok((fine, self.expected(payoff, &edges, ORDERS[1])?.v))
    }
}

fn read(world: &World<'_>) -> Result<(f64, Payoff), Reason> {
    let plan = world.plan;
    let Some(shape) = &plan.shape else {
        return Err(Reason::new(
            "it is not an option on two prices at one date",
            "不是同一日期上两个价格的期权",
        ));
    };
    let read = Payoff::read(shape)?;
    if plan.underlyings.len() != 2 || world.model.names.len() != 2 {
        return Err(Reason::two_underlyings(plan.underlyings.len()));
    }
    for name in &world.model.names {
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
    }
    if plan.instants.is_empty() {
        return Err(Reason::new("no date is left", "没有剩余日期"));
    }
    Ok(read)
}

impl Engine for Conditional {
    fn id(&self) -> &'static str {
        ID
    }

    fn fit(&self, plan: &Plan<f64>, model: &Model, _ask: &Ask) -> Fit {
        match read(&World::new(plan, model)) {
            Ok(_) => Fit::Good {
                error: 1e-10 * plan.notional.abs(),
                cost: 1e5,
            },
            Err(reason) => Fit::No(reason),
        }
    }

    fn price(&self, plan: &Plan<f64>, model: &Model, ask: &Ask) -> Result<Priced, PriceError> {
        let world = World::new(plan, model);
        let refused = |reason| PriceError::Refused { engine: ID, reason };
        let (units, payoff) = read(&world).map_err(refused)?;
        if !ask.ladder.is_empty() {
            return Err(refused(Reason::new(
                "a ladder is for one underlying",
                "阶梯估值只适用于单一标的",
            )));
        }
        let payment = world.end_payment().map_err(refused)?;
        let mut greeks = Greeks::default();
        let mut own = None;
        for seed in 0..2 {
            if seed > 0 && ask.greeks == Greeking::None {
                break;
            }
            let world = World { seed, ..world };
            let Some(pair) = Pair::new(&world)? else {
                return Err(refused(Reason::new("no date is left", "没有剩余日期")));
            };
            let scale = world.discount(&payment)? * units;
            let (fine, coarse) = pair.value(&payoff)?;
            let jet = fine * scale;
            if seed == 0 {
                let error = (fine.v - coarse).abs() * scale.v.abs();
                own = Some((finite("the conditional integral", jet.v)?, error));
            }
            if ask.greeks != Greeking::None {
                greeks.delta.push(finite("delta", jet.s)?);
                greeks.gamma.push(finite("gamma", jet.ss)?);
            }
            if ask.greeks == Greeking::All {
                greeks.vega.push(finite("vega", jet.vol)?);
                greeks.rho_q.push(finite("rho_q", jet.q)?);
                greeks.rho = Some(finite("rho", jet.r)?);
            }
        }
        let (value, error) = own.unwrap_or_default();
        let mut notes = Vec::new();
        if ask.greeks == Greeking::All {
            notes.push(notes::no_session());
        }
        if ask.flows {
            notes.push(notes::no_flows());
        }
        Ok(Priced {
            value,
            greeks,
            ladder: Vec::new(),
            flows: Vec::new(),
            error: ErrorEstimate {
                abs: error + 1e-12 * (value.abs() + plan.notional.abs()),
                kind: ErrorKind::TwoGrid,
            },
            notes,
        })
    }
}
