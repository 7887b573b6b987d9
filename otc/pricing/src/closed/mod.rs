//! Closed forms on integrated r, q and variance (specification, section 8.1), exactly
//! differentiated.
//!
//! The engine reads the contract's named shape, not its rules: forward, vanilla, digital, interval,
//! touches, single and double barriers, geometric and enhanced Asian, range accrual, accumulator
//! without stop, exchange, and sums of them. Without a shape, rules that ask nothing and pay sums of
//! products of prices (total return swaps) are priced as such. What depends on one date, or on
//! several one by one, takes any term structure; levels watched at every instant need r, q and the
//! volatility to be the same up to the end.

mod barrier;
mod images;
pub(crate) mod jet;
mod linear;
pub mod many;
mod strips;
pub(crate) mod terminal;
#[cfg(test)]
mod tests;
pub(crate) mod world;

use rialto_otc_contract::note::Note;
use rialto_otc_contract::plan::{Moment, Plan};
use rialto_otc_contract::shape::{Mean, Shape, Side};
use rialto_otc_market::model::{Dynamics, Model};

use self::barrier::{KNOCKED_IN, Watched};
use self::jet::Jet;
use self::linear::Linear;
use self::strips::{MeanOption, Zones};
use self::world::World;
use crate::engine::{
    Ask, Engine, ErrorEstimate, ErrorKind, Fit, Greeking, Greeks, LadderPoint, PriceError, Priced,
};
use crate::notes;
use crate::reason::Reason;

/// Name and version of the engine.
pub const ID: &str = "closed/1";

/// Closed forms.
#[derive(Debug, Clone, Copy, Default)]
pub struct Closed;

/// What the engine prices: a shape, or rules that are linear.
enum Form<'p> {
    Shape(&'p Shape<f64>, Moment),
    Linear(Linear),
    /// Nothing is left to be decided.
    Over,
}

impl Engine for Closed {
    fn id(&self) -> &'static str {
        ID
    }

    fn fit(&self, plan: &Plan<f64>, model: &Model, _ask: &Ask) -> Fit {
        let world = World::new(plan, model);
        match form(&world) {
            Err(reason) => Fit::No(reason),
            Ok(_) if !escrowed(&world) => Fit::Exact {
                cost: 1e3 * (1 + plan.instants.len().min(1_000)) as f64,
            },
            Ok(form) => {
                let value = value(&form, &world);
                match value {
                    Ok(value) => Fit::Good {
                        error: escrow_error(&world, value),
                        cost: 2e3,
                    },
                    Err(error) => Fit::No(error.into()),
                }
            }
        }
    }

    fn price(&self, plan: &Plan<f64>, model: &Model, ask: &Ask) -> Result<Priced, PriceError> {
        let world = World::new(plan, model);
        let form = form(&world).map_err(|reason| PriceError::Refused { engine: ID, reason })?;
        let own = value(&form, &world)?;
        finite("a closed form", own.v)?;
        let mut error = 1e-14 * (own.v.abs() + plan.notional.abs());
        let mut notes = noted(&world, ask);
        if escrowed(&world) {
            error += escrow_error(&world, own);
            notes.push(notes::escrowed());
        }
        if matches!(form, Form::Shape(shape, _) if watched(shape)) {
            notes.extend(clock_note(&world));
        }
        Ok(Priced {
            value: own.v,
            greeks: greeks(&form, world, own, ask.greeks)?,
            ladder: ladder(&form, world, ask)?,
            flows: Vec::new(),
            error: ErrorEstimate {
                abs: error,
                kind: ErrorKind::Exact,
            },
            notes,
        })
    }
}

/// A number, or the stage at which it was lost.
pub(crate) fn finite(stage: &'static str, value: f64) -> Result<f64, PriceError> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(PriceError::Number { stage, value })
    }
}

fn noted(world: &World<'_>, ask: &Ask) -> Vec<Note> {
    let mut notes = Vec::new();
    if ask.greeks == Greeking::All && !world.plan.instants.is_empty() {
        notes.push(notes::no_session());
    }
    if ask.flows {
        notes.push(notes::no_flows());
    }
    notes
}

/// Hits are timed on one clock; say so when there are two.
fn clock_note(world: &World<'_>) -> Option<Note> {
    let (time, years) = world.elapsed(world.end()?).ok()?;
    ((time - years).abs() > 1e-9).then(notes::one_clock)
}

fn greeks(
    form: &Form<'_>,
    world: World<'_>,
    own: Jet,
    wanted: Greeking,
) -> Result<Greeks, PriceError> {
    let mut greeks = Greeks::default();
    if wanted == Greeking::None {
        return Ok(greeks);
    }
    for seed in 0..world.model.names.len() {
        let jet = if seed == 0 {
            own
        } else {
            value(form, &World { seed, ..world })?
        };
        if !jet.is_finite() {
            return Err(PriceError::Number {
                stage: "a Greek of a closed form",
                value: f64::NAN,
            });
        }
        greeks.delta.push(jet.s);
        greeks.gamma.push(jet.ss);
        if wanted == Greeking::All {
            greeks.vega.push(jet.vol);
            greeks.rho_q.push(jet.q);
            greeks.rho = Some(jet.r);
        }
    }
    Ok(greeks)
}

fn ladder(form: &Form<'_>, world: World<'_>, ask: &Ask) -> Result<Vec<LadderPoint>, PriceError> {
    if !ask.ladder.is_empty() && world.model.names.len() != 1 {
        return Err(PriceError::Refused {
            engine: ID,
            reason: Reason::new("a ladder is for one underlying", "阶梯估值只适用于单一标的"),
        });
    }
    let mut points = Vec::with_capacity(ask.ladder.len());
    for spot in &ask.ladder {
        let spot = *spot;
        let jet = value(
            form,
            &World {
                spot: Some(spot),
                ..world
            },
        )?;
        points.push(LadderPoint {
            spot,
            value: finite("a closed form on the ladder", jet.v)?,
            delta: finite("delta on the ladder", jet.s)?,
            gamma: finite("gamma on the ladder", jet.ss)?,
        });
    }
    Ok(points)
}

/// Whether cash dividends before the end lower the forward.
fn escrowed(world: &World<'_>) -> bool {
    let Some(Ok((_, years))) = world.end().map(|end| world.elapsed(end)) else {
        return false;
    };
    let ahead = |name: &rialto_otc_market::model::Name| {
        name.dividends
            .iter()
            .any(|one| one.cash != 0.0 && one.rate > 0.0 && one.rate <= years)
    };
    world.model.names.iter().any(ahead)
}

/// What the escrowed spot may be off: the share of cash moves the volatility by its half.
fn escrow_error(world: &World<'_>, value: Jet) -> f64 {
    let mut share = 0.0;
    for name in &world.model.names {
        let cash: f64 = name.dividends.iter().map(|one| one.cash.abs()).sum();
        share += cash / name.spot;
    }
    let vol = world.end().map_or(0.0, |end| {
        let (time, _) = world.elapsed(end).unwrap_or((0.0, 0.0));
        let variance = world.variance(0, end).map_or(0.0, |variance| variance.v);
        if time > 0.0 {
            (variance / time).sqrt()
        } else {
            0.0
        }
    });
    0.5 * share * vol * value.vol.abs()
}

/// Reads the plan, or says why it is not one for closed forms.
fn form<'p>(world: &World<'p>) -> Result<Form<'p>, Reason> {
    let plan = world.plan;
    if plan.instants.is_empty() {
        return Ok(Form::Over);
    }
    if plan.underlyings.len() != world.model.names.len() {
        return Err(Reason::new(
            format!(
                "{} underlyings in the contract, {} in the model",
                plan.underlyings.len(),
                world.model.names.len()
            ),
            format!(
                "合约有 {} 个标的，模型有 {} 个",
                plan.underlyings.len(),
                world.model.names.len()
            ),
        ));
    }
    if plan.exercise.is_some() {
        return Err(Reason::new(
            "the holder may exercise early",
            "持有人可提前行权",
        ));
    }
    let Some(shape) = &plan.shape else {
        let linear = Linear::read(world)?;
        if linear.needs_law() {
            lognormal(world)?;
            if escrowed(world) {
                return Err(Reason::new(
                    "cash dividends lie between the dates of a product of prices",
                    "价格乘积的日期之间有现金分红",
                ));
            }
        }
        return Ok(Form::Linear(linear));
    };
    refuse(shape, world)?;
    let payment = world.end_payment()?;
    Ok(Form::Shape(shape, payment))
}

fn lognormal(world: &World<'_>) -> Result<(), Reason> {
    for name in &world.model.names {
        if !matches!(name.dynamics, Dynamics::Gbm { .. }) {
            return Err(Reason::new(
                "the model is not geometric Brownian motion",
                "模型不是几何布朗运动",
            ));
        }
    }
    Ok(())
}

/// Whether a shape is watched at every instant.
fn watched(shape: &Shape<f64>) -> bool {
    match shape {
        Shape::Touch { .. }
        | Shape::NoTouch { .. }
        | Shape::DoubleTouch { .. }
        | Shape::DoubleNoTouch { .. }
        | Shape::Barrier { .. }
        | Shape::DoubleBarrier { .. } => true,
        Shape::Sum(parts) => parts.iter().any(watched),
        _ => false,
    }
}

fn refuse(shape: &Shape<f64>, world: &World<'_>) -> Result<(), Reason> {
    let names = world.plan.underlyings.len();
    let needed = match shape {
        Shape::Exchange { .. } => 2,
        Shape::Cash { .. } => names,
        _ => 1,
    };
    if let Shape::Sum(parts) = shape {
        return parts.iter().try_for_each(|part| refuse(part, world));
    }
    if needed != names {
        return Err(Reason::new(
            format!("{names} underlyings, {needed} needed"),
            format!("有 {names} 个标的，须为 {needed} 个"),
        ));
    }
    if !matches!(shape, Shape::Cash { .. } | Shape::Forward { .. }) {
        lognormal(world)?;
    }
    let levels = match shape {
        Shape::Touch { level, .. }
        | Shape::NoTouch { level, .. }
        | Shape::Barrier { level, .. } => Some((*level, f64::INFINITY)),
        Shape::DoubleTouch { lower, upper, .. }
        | Shape::DoubleNoTouch { lower, upper, .. }
        | Shape::DoubleBarrier { lower, upper, .. } => Some((*lower, *upper)),
        _ => None,
    };
    if let Some((lower, upper)) = levels {
        if !(lower > 0.0 && lower < upper && lower.is_finite()) {
            return Err(Reason::new(
                format!("levels {lower} and {upper} are not above 0 and in order"),
                format!("水平 {lower} 与 {upper} 须大于 0 且依次递增"),
            ));
        }
        return barrier::refuse(world);
    }
    no_form(shape, world)
}

/// Why a shape without levels that are watched has no closed form.
fn no_form(shape: &Shape<f64>, world: &World<'_>) -> Result<(), Reason> {
    match shape {
        Shape::American(_) => Err(Reason::new(
            "early exercise has no closed form",
            "提前行权没有闭式解",
        )),
        Shape::Basket { .. } | Shape::Extreme { .. } => Err(Reason::new(
            "an option on several prices has no closed form",
            "多个价格的期权没有闭式解",
        )),
        Shape::Asian {
            mean: Mean::Arithmetic,
            ..
        } => Err(Reason::new(
            "an arithmetic mean has no closed form",
            "算术平均没有闭式解",
        )),
        Shape::Asian { .. } | Shape::Accumulator { daily: false, .. } if escrowed(world) => {
            Err(Reason::new(
                "cash dividends lie between the fixings",
                "观察日之间有现金分红",
            ))
        }
        Shape::EnhancedAsian {
            w, strike, level, ..
        } if w.w() * (level - strike) < 0.0 => Err(Reason::new(
            "the outer maximum of the enhanced Asian is not idle: the level is on the wrong side of \
             the strike",
            "增强亚式的外层最大值并非无效：水平位于行权价的错误一侧",
        )),
        Shape::Exchange { first, second, .. } if !(*first > 0.0 && *second > 0.0) => {
            Err(Reason::new(
                "the factors of an exchange are not above 0",
                "交换期权的系数不大于 0",
            ))
        }
        Shape::Cash { .. }
        | Shape::Forward { .. }
        | Shape::European(_)
        | Shape::DigitalCash { .. }
        | Shape::DigitalAsset { .. }
        | Shape::Interval { .. }
        | Shape::Asian { .. }
        | Shape::EnhancedAsian { .. }
        | Shape::RangeAccrual { .. }
        | Shape::Accumulator { .. }
        | Shape::Exchange { .. } => Ok(()),
        _ => Err(Reason::new(
            "there is no closed form of this shape",
            "该形状没有闭式解",
        )),
    }
}

fn value(form: &Form<'_>, world: &World<'_>) -> Result<Jet, PriceError> {
    match form {
        Form::Shape(shape, payment) => shaped(shape, world, payment),
        Form::Linear(linear) => linear.value(world),
        Form::Over => Ok(Jet::default()),
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "one arm for each shape, so that none is forgotten"
)]
fn shaped(shape: &Shape<f64>, world: &World<'_>, payment: &Moment) -> Result<Jet, PriceError> {
    let Some(end) = world.end() else {
        return Ok(Jet::default());
    };
    let discount = world.discount(payment)?;
    let undiscounted = match shape {
        Shape::Sum(parts) => {
            let mut sum = Jet::default();
            for part in parts {
                sum = sum + shaped(part, world, payment)?;
            }
            return Ok(sum);
        }
        Shape::Cash { amount } => Jet::from(*amount),
        Shape::Forward { units, strike } => (world.forward(0, end)? - *strike) * *units,
        Shape::European(option) => world.law(0, end)?.vanilla(option),
        Shape::DigitalCash { amount, w, strike } => {
            world.law(0, end)?.beyond(*w, *strike).probability * *amount
        }
        Shape::DigitalAsset { units, w, strike } => {
            world.law(0, end)?.beyond(*w, *strike).price * *units
        }
        Shape::Interval {
            inside,
            outside,
            range,
        } => world.law(0, end)?.within(range).probability * (inside - outside) + *outside,
        Shape::Asian {
            units,
            w,
            strike,
            weights,
            ..
        } => strips::geometric(
            world,
            MeanOption {
                units: *units,
                w: *w,
                strike: *strike,
                weights,
            },
        )?,
        Shape::EnhancedAsian {
            units,
            w,
            strike,
            level,
            fixings,
        } => strips::enhanced_asian(world, (*units, *w), *strike, *level, *fixings)?,
        Shape::RangeAccrual {
            amount,
            range,
            rows,
            principal,
        } => strips::range_accrual(world, *amount, range, *rows)? + *principal,
        Shape::Accumulator {
            quantity,
            w,
            strike,
            zones,
            daily,
        } => {
            let zones = Zones {
                w: *w,
                strike: *strike,
                zones,
            };
            if *daily {
                return strips::accumulator_daily(world, *quantity, zones);
            }
            strips::accumulator_end(world, *quantity, zones)?
        }
        Shape::Exchange {
            units,
            first,
            second,
        } => {
            let covariance = world.covariance(0, 1, end)?;
            let (one, two) = (world.law(0, end)?, world.law(1, end)?);
            terminal::exchange(one, two, covariance, *first, *second) * *units
        }
        other => return watched_value(other, world, payment),
    };
    Ok(undiscounted * discount)
}

fn watched_value(
    shape: &Shape<f64>,
    world: &World<'_>,
    payment: &Moment,
) -> Result<Jet, PriceError> {
    let contract = match shape {
        Shape::Touch {
            amount,
            side,
            level,
            paid,
        } => Watched::touch(*amount, *side, *level, *paid),
        Shape::NoTouch {
            amount,
            side,
            level,
        } => Watched::no_touch(*amount, *side, *level),
        Shape::DoubleTouch {
            amount,
            lower,
            upper,
            paid,
        } => Watched::double_touch(*amount, (*lower, *upper), *paid),
        Shape::DoubleNoTouch {
            amount,
            lower,
            upper,
        } => Watched::double_no_touch(*amount, (*lower, *upper)),
        Shape::Barrier {
            option,
            side,
            knock,
            level,
            rebate,
            paid,
        } => {
            let begun = world.remembered(KNOCKED_IN).is_some_and(|flag| flag != 0.0);
            if begun && *knock == rialto_otc_contract::shape::Knock::In {
                let inner = Shape::European(option.clone());
                return shaped(&inner, world, payment);
            }
            Watched::barrier(option, (*side, *knock, *level), *rebate, *paid)
        }
        Shape::DoubleBarrier {
            call,
            put,
            lower,
            upper,
            rebate_lower,
            rebate_upper,
            paid,
        } => Watched::double(
            [call.as_ref(), put.as_ref()],
            (*lower, *upper),
            (*rebate_lower, *rebate_upper),
            *paid,
        ),
        _ => {
            return Err(PriceError::Refused {
                engine: ID,
                reason: Reason::new("there is no closed form of this shape", "该形状没有闭式解"),
            });
        }
    };
    contract.value(world, payment)
}

/// A European option with its Greeks at flat parameters, for large batches: no plan, no model, no
/// allocation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct European {
    /// Price, per unit.
    pub value: f64,
    /// dV/dS.
    pub delta: f64,
    /// d²V/dS².
    pub gamma: f64,
    /// dV/dσ per 1.00.
    pub vega: f64,
    /// dV/dr per 1.00.
    pub rho: f64,
    /// dV/dq per 1.00.
    pub rho_q: f64,
}

/// Black-Scholes-Merton with its Greeks. `time` in years on all clocks; without time or volatility
/// the intrinsic value of the forward, with one-sided Greeks.
#[must_use]
pub fn european(
    w: Side,
    spot: f64,
    strike: f64,
    time: f64,
    (r, q, vol): (f64, f64, f64),
) -> European {
    let w = w.w();
    let (df, dq) = ((-r * time).exp(), (-q * time).exp());
    let (discounted, kept) = (spot * dq, strike * df);
    let deviation = vol * time.sqrt();
    let (n1, n2, density) = if deviation > 1e-12 && strike > 0.0 {
        let d1 = (discounted / kept).ln() / deviation + 0.5 * deviation;
        (
            rialto_otc_numerics::normal::cdf(w * d1),
            rialto_otc_numerics::normal::cdf(w * (d1 - deviation)),
            rialto_otc_numerics::normal::pdf(d1),
        )
    } else {
        let inside = f64::from(u8::from(w * (discounted - kept) > 0.0));
        (inside, inside, 0.0)
    };
    let gamma = if density > 0.0 {
        dq * density / (spot * deviation)
    } else {
        0.0
    };
    European {
        value: w * (discounted * n1 - kept * n2),
        delta: w * dq * n1,
        gamma,
        vega: discounted * density * time.sqrt(),
        rho: w * kept * n2 * time,
        rho_q: -w * discounted * n1 * time,
    }
}
