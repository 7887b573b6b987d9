//! Heston's model (Heston 1993): vanillas and digitals by one integral, and calibration to vanillas.

pub mod calibrate;
mod complex;
mod integral;
#[cfg(test)]
mod tests;

use rialto_otc_contract::plan::{Moment, Plan};
use rialto_otc_contract::shape::{Shape, Side};
use rialto_otc_market::model::{Dynamics, Heston, Model};

use self::integral::covered;
use crate::closed::finite;
use crate::closed::world::World;
use crate::engine::{
    Ask, Engine, ErrorEstimate, ErrorKind, Fit, Greeking, Greeks, LadderPoint, PriceError, Priced,
};
use crate::notes;
use crate::reason::Reason;

/// Name and version of the engine.
pub const ID: &str = "heston/1";

/// Heston vanillas by Lewis's integral.
#[derive(Debug, Clone, Copy, Default)]
pub struct HestonVanilla;

/// What is asked of the model at one spot.
#[derive(Debug, Clone, Copy)]
struct At {
    heston: Heston,
    spot: f64,
    /// Years of diffusion, and of rates.
    time: f64,
    years: f64,
    /// `∫r`, `∫q` (with proportional dividends) to the end.
    rates: f64,
    carry: f64,
    /// `∫r` from the end to the payment, and its years.
    lag: (f64, f64),
}

/// Value with derivatives.
#[derive(Debug, Clone, Copy, Default)]
struct Value {
    value: f64,
    delta: f64,
    gamma: f64,
    rho: f64,
    rho_q: f64,
    error: f64,
}

impl Value {
    fn plus(self, other: Self, k: f64) -> Self {
        Self {
            value: self.value + k * other.value,
            delta: self.delta + k * other.delta,
            gamma: self.gamma + k * other.gamma,
            rho: self.rho + k * other.rho,
            rho_q: self.rho_q + k * other.rho_q,
            error: self.error + k.abs() * other.error,
        }
    }
}

impl At {
    /// `S_T` and cash 1, paid at the end.
    fn asset(&self) -> Value {
        let kept = (-self.carry).exp();
        Value {
            value: self.spot * kept,
            delta: kept,
            rho_q: -self.years * self.spot * kept,
            ..Value::default()
        }
    }

    fn cash(&self) -> Value {
        let value = (-self.rates).exp();
        Value {
            value,
            rho: -self.years * value,
            ..Value::default()
        }
    }

    /// `min(S_T, K)` and cash 1 if `S_T ≥ K`, paid at the end.
    fn capped(&self, strike: f64) -> Result<(Value, Value), PriceError> {
        let k = (self.spot / strike).ln() + self.rates - self.carry;
        let failed = PriceError::Number {
            stage: "the integral of Heston's transform",
            value: f64::NAN,
        };
        let j = covered(&self.heston, self.time, k).ok_or(failed)?;
        let df = (-self.rates).exp();
        let (paid, years) = (strike * df, self.years);
        let least = Value {
            value: paid * j.value,
            delta: paid * j.first / self.spot,
            gamma: paid * (j.second - j.first) / (self.spot * self.spot),
            rho: paid * years * (j.first - j.value),
            rho_q: -paid * years * j.first,
            error: paid * j.error,
        };
        // d min(S, K)/dK = 1{S > K}: J − J'
        let digital = Value {
            value: df * (j.value - j.first),
            delta: df * (j.first - j.second) / self.spot,
            gamma: df * (2.0 * j.second - j.third - j.first) / (self.spot * self.spot),
            rho: df * years * (2.0 * j.first - j.second - j.value),
            rho_q: -df * years * (j.first - j.second),
            error: df * j.error * 10.0,
        };
        Ok((least, digital))
    }

    fn shape(&self, shape: &Shape<f64>) -> Result<Value, PriceError> {
        let none = Value::default();
        Ok(match shape {
            Shape::Sum(parts) => {
                let mut sum = none;
                for part in parts {
                    sum = sum.plus(self.shape(part)?, 1.0);
                }
                sum
            }
            Shape::Cash { amount } => none.plus(self.cash(), *amount),
            Shape::Forward { units, strike } => none
                .plus(self.asset(), *units)
                .plus(self.cash(), -units * strike),
            Shape::European(option) if option.strike <= 0.0 => match option.w {
                Side::Call => none
                    .plus(self.asset(), option.units)
                    .plus(self.cash(), -option.units * option.strike),
                Side::Put => none,
            },
            Shape::European(option) => {
                let (least, _) = self.capped(option.strike)?;
                match option.w {
                    Side::Call => none
                        .plus(self.asset(), option.units)
                        .plus(least, -option.units),
                    Side::Put => none
                        .plus(self.cash(), option.units * option.strike)
                        .plus(least, -option.units),
                }
            }
            Shape::DigitalCash { amount, w, strike } if *strike > 0.0 => {
                let (_, above) = self.capped(*strike)?;
                match w {
                    Side::Call => none.plus(above, *amount),
                    Side::Put => none.plus(self.cash(), *amount).plus(above, -amount),
                }
            }
            _ => {
                return Err(PriceError::Refused {
                    engine: ID,
                    reason: Reason::new(
                        "it is not a vanilla or a cash digital",
                        "不是香草期权或现金数字期权",
                    ),
                });
            }
        })
    }

    /// Paid later: discounted from the payment to the end.
    fn later(&self, value: Value) -> Value {
        let (rates, years) = self.lag;
        let later = Value::default().plus(value, (-rates).exp());
        Value {
            rho: later.rho - years * later.value,
            ..later
        }
    }
}

fn vanilla(shape: &Shape<f64>) -> bool {
    match shape {
        Shape::Sum(parts) => parts.iter().all(vanilla),
        Shape::Cash { .. } | Shape::Forward { .. } | Shape::European(_) => true,
        Shape::DigitalCash { strike, .. } => *strike > 0.0,
        _ => false,
    }
}

fn read<'p>(world: &World<'p>) -> Result<(&'p Shape<f64>, At), Reason> {
    let plan = world.plan;
    let Some(shape) = plan.shape.as_ref().filter(|shape| vanilla(shape)) else {
        return Err(Reason::new(
            "it is not a vanilla or a cash digital",
            "不是香草期权或现金数字期权",
        ));
    };
    if plan.underlyings.len() != 1 || world.model.names.len() != 1 {
        return Err(Reason::one_underlying(plan.underlyings.len()));
    }
    let name = &world.model.names[0];
    let Dynamics::Heston(heston) = name.dynamics else {
        return Err(Reason::new(
            "the model is not Heston's",
            "模型不是 Heston 模型",
        ));
    };
    if let Err(broken) = heston.check() {
        return Err(Reason::all(broken.iter().map(Reason::from)));
    }
    if name.dividends.iter().any(|one| one.cash != 0.0) {
        return Err(Reason::new(
            "a cash dividend moves the spot by an amount",
            "现金分红使现价变动一个金额",
        ));
    }
    let Some(end) = world.end() else {
        return Err(Reason::new("no date is left", "没有剩余日期"));
    };
    let payment: Moment = world.end_payment()?;
    let (time, years) = world.elapsed(end)?;
    let (_, paid) = world.elapsed(&payment)?;
    let spot = world.spot(0)?.v;
    let forward = world.forward(0, end)?.v;
    let discount = &world.model.discount;
    let rates = discount.integral_to(years);
    let at = At {
        heston,
        spot,
        time,
        years,
        rates,
        carry: rates - (forward / spot).ln(),
        lag: (discount.integral(years, paid), paid - years),
    };
    Ok((shape, at))
}

impl Engine for HestonVanilla {
    fn id(&self) -> &'static str {
        ID
    }

    fn fit(&self, plan: &Plan<f64>, model: &Model, _ask: &Ask) -> Fit {
        match read(&World::new(plan, model)) {
            Ok(_) => Fit::Good {
                error: 1e-10 * plan.notional.abs(),
                cost: 2e5,
            },
            Err(reason) => Fit::No(reason),
        }
    }

    fn price(&self, plan: &Plan<f64>, model: &Model, ask: &Ask) -> Result<Priced, PriceError> {
        let world = World::new(plan, model);
        let read = read(&world).map_err(|reason| PriceError::Refused { engine: ID, reason });
        let (shape, at) = read?;
        let value = |at: At| Ok::<_, PriceError>(at.later(at.shape(shape)?));
        let own = value(at)?;
        finite("Heston's integral", own.value)?;
        let mut notes = Vec::new();
        let mut greeks = Greeks::default();
        if ask.greeks != Greeking::None {
            greeks.delta = vec![finite("delta", own.delta)?];
            greeks.gamma = vec![finite("gamma", own.gamma)?];
        }
        if ask.greeks == Greeking::All {
            greeks.rho = Some(finite("rho", own.rho)?);
            greeks.rho_q = vec![finite("rho_q", own.rho_q)?];
            notes.push(notes::both_variances());
            let moved = |by: f64| -> Result<f64, PriceError> {
                let square = |v: f64| (v.sqrt() + by).max(0.0).powi(2);
                let heston = Heston {
                    v0: square(at.heston.v0),
                    theta: square(at.heston.theta),
                    ..at.heston
                };
                Ok(value(At { heston, ..at })?.value)
            };
            let h = 1e-3_f64
                .min(0.2 * at.heston.v0.min(at.heston.theta).sqrt())
                .max(1e-6);
            let near = moved(h)? - moved(-h)?;
            let far = moved(2.0 * h)? - moved(-2.0 * h)?;
            greeks.vega = vec![finite("vega", (8.0 * near - far) / (12.0 * h))?];
        }
        if ask.flows {
            notes.push(notes::no_flows());
        }
        let mut ladder = Vec::with_capacity(ask.ladder.len());
        for spot in &ask.ladder {
            if !(spot.is_finite() && *spot > 0.0) {
                return Err(PriceError::Model(format!("spot {spot} is not above 0")));
            }
            let one = value(At { spot: *spot, ..at })?;
            ladder.push(LadderPoint {
                spot: *spot,
                value: finite("Heston's integral on the ladder", one.value)?,
                delta: finite("delta on the ladder", one.delta)?,
                gamma: finite("gamma on the ladder", one.gamma)?,
            });
        }
        Ok(Priced {
            value: own.value,
            greeks,
            ladder,
            flows: Vec::new(),
            error: ErrorEstimate {
                abs: own.error + 1e-13 * (own.value.abs() + plan.notional.abs()),
                kind: ErrorKind::TwoGrid,
            },
            notes,
        })
    }
}
