//! The market as closed forms see it: forwards, variances and discount factors at the contract's
//! moments, each with its derivatives by the parameters of one underlying.

use rialto_otc_contract::plan::{Action, Moment, Plan};
use rialto_otc_contract::program::phase;
use rialto_otc_market::model::{Curve, Dynamics, Model, Name};

use super::jet::Jet;
use crate::engine::PriceError;
use crate::reason::Reason;

/// Total variance below which a moment is certain.
pub(crate) const CERTAIN: f64 = 1e-24;

/// Times compared on one clock, years.
const SAME: f64 = 1e-10;

/// A contract in a market, differentiated by one underlying's parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct World<'a> {
    pub(crate) plan: &'a Plan<f64>,
    pub(crate) model: &'a Model,
    /// Underlying by whose spot, volatility and q is differentiated.
    pub(crate) seed: usize,
    /// Another spot of that underlying.
    pub(crate) spot: Option<f64>,
}

/// Lognormal law of a price at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Law {
    pub(crate) forward: Jet,
    pub(crate) variance: Jet,
}

impl<'a> World<'a> {
    pub(crate) fn new(plan: &'a Plan<f64>, model: &'a Model) -> Self {
        Self {
            plan,
            model,
            seed: 0,
            spot: None,
        }
    }

    pub(crate) fn name(&self, name: usize) -> Result<&'a Name, PriceError> {
        self.model
            .names
            .get(name)
            .ok_or_else(|| PriceError::Model(format!("the model has no underlying {}", name + 1)))
    }

    pub(crate) fn spot(&self, name: usize) -> Result<Jet, PriceError> {
        let own = self.name(name)?.spot;
        let seeded = name == self.seed;
        let spot = if seeded {
            self.spot.unwrap_or(own)
        } else {
            own
        };
        if !(spot.is_finite() && spot > 0.0) {
            return Err(PriceError::Model(format!("spot {spot} is not above 0")));
        }
        Ok(if seeded {
            Jet::spot(spot)
        } else {
            Jet::constant(spot)
        })
    }

    /// Years from now on the variance and the rate clock.
    pub(crate) fn elapsed(&self, at: &Moment) -> Result<(f64, f64), PriceError> {
        let variance = at.variance - self.model.as_of.variance;
        let rate = at.rate - self.model.as_of.rate;
        if variance >= -SAME && rate >= -SAME {
            Ok((variance.max(0.0), rate.max(0.0)))
        } else {
            Err(PriceError::Model(format!(
                "a date of the plan ({} years on the rate clock) lies before the valuation",
                at.rate
            )))
        }
    }

    /// `∫ r` to a moment.
    pub(crate) fn rates(&self, at: &Moment) -> Result<Jet, PriceError> {
        let (_, years) = self.elapsed(at)?;
        Ok(Jet {
            r: years,
            ..Jet::constant(self.model.discount.integral_to(years))
        })
    }

    /// Discount factor of a payment.
    pub(crate) fn discount(&self, at: &Moment) -> Result<Jet, PriceError> {
        Ok((-self.rates(at)?).exp())
    }

    /// `∫ (r − q)` of a name to a moment.
    pub(crate) fn growth(&self, name: usize, at: &Moment) -> Result<Jet, PriceError> {
        let (_, years) = self.elapsed(at)?;
        let carry = &self.name(name)?.carry;
        let seeded = f64::from(u8::from(name == self.seed));
        let carried = Jet {
            q: seeded * years,
            ..Jet::constant(carry.integral_to(years))
        };
        Ok(self.rates(at)? - carried)
    }

    /// Forward price, discrete dividends included: a share of the price is taken off exactly, cash
    /// lowers the forward by what it has grown to (escrowed spot).
    pub(crate) fn forward(&self, name: usize, at: &Moment) -> Result<Jet, PriceError> {
        let (_, years) = self.elapsed(at)?;
        let own = self.name(name)?;
        let mut forward = self.spot(name)? * self.growth(name, at)?.exp();
        for dividend in &own.dividends {
            if dividend.rate <= 0.0 || dividend.rate > years {
                continue;
            }
            forward = forward * (1.0 - dividend.proportional);
            if dividend.cash != 0.0 {
                let ex = Moment {
                    rate: dividend.rate + self.model.as_of.rate,
                    ..*at
                };
                let grown = self.growth(name, at)? - self.growth(name, &ex)?;
                forward = forward - grown.exp() * dividend.cash;
            }
        }
        if forward.v.is_finite() && forward.v > 0.0 {
            Ok(forward)
        } else {
            Err(PriceError::Number {
                stage: "a forward price",
                value: forward.v,
            })
        }
    }

    /// `∫ σ²` of a name to a moment.
    pub(crate) fn variance(&self, name: usize, at: &Moment) -> Result<Jet, PriceError> {
        let (time, _) = self.elapsed(at)?;
        let curve = gbm(self.name(name)?)?;
        let total = curve.integral_to(time);
        if !(total.is_finite() && total >= -1e-15) {
            return Err(PriceError::Model(format!(
                "the variance to a date is {total}: it must not be below 0"
            )));
        }
        let vol = if name == self.seed {
            2.0 * products(curve, None, time)
        } else {
            0.0
        };
        Ok(Jet {
            vol,
            ..Jet::constant(total.max(0.0))
        })
    }

    pub(crate) fn law(&self, name: usize, at: &Moment) -> Result<Law, PriceError> {
        Ok(Law {
            forward: self.forward(name, at)?,
            variance: self.variance(name, at)?,
        })
    }

    /// Covariance of the log-prices of two names at a moment.
    pub(crate) fn covariance(&self, a: usize, b: usize, at: &Moment) -> Result<Jet, PriceError> {
        let (time, _) = self.elapsed(at)?;
        let (one, two) = (gbm(self.name(a)?)?, gbm(self.name(b)?)?);
        let rho = self.model.correlation_of(a, b);
        let mut vol = 0.0;
        if a == self.seed {
            vol += rho * products(two, None, time);
        }
        if b == self.seed {
            vol += rho * products(one, None, time);
        }
        Ok(Jet {
            vol,
            ..Jet::constant(rho * products(one, Some(two), time))
        })
    }

    /// The last date.
    pub(crate) fn end(&self) -> Option<&'a Moment> {
        self.plan.instants.last().map(|instant| &instant.at)
    }

    /// When the money of the end moves.
    pub(crate) fn end_payment(&self) -> Result<Moment, Reason> {
        let Some(last) = self.plan.instants.last() else {
            return Err(Reason::new("no date is left", "没有剩余日期"));
        };
        let terminal = last
            .rules
            .iter()
            .filter(|rule| rule.phase == phase::TERMINAL)
            .flat_map(|rule| &rule.actions);
        let monitored = self
            .plan
            .monitors
            .iter()
            .filter(|monitor| !monitor.pay_at_hit)
            .flat_map(|monitor| &monitor.actions);
        let mut paid: Option<Moment> = None;
        for action in terminal.chain(monitored) {
            let Action::Pay { at, .. } = action else {
                continue;
            };
            match paid {
                Some(other) if (other.rate - at.rate).abs() > SAME => {
                    return Err(Reason::new(
                        "the amounts of the end are paid on different dates",
                        "到期金额在不同日期支付",
                    ));
                }
                _ => paid = Some(*at),
            }
        }
        Ok(paid.unwrap_or(last.at))
    }

    /// Value of a remembered number; `None` when the plan does not have it.
    pub(crate) fn remembered(&self, name: &str) -> Option<f64> {
        let var = self.plan.vars.iter().find(|var| var.name == name)?;
        Some(var.value)
    }

    /// Dates ahead with a rule of a schedule: the rule's row and the date's index.
    pub(crate) fn rows(&self, schedule: &str) -> Vec<(u32, usize)> {
        let mut rows = Vec::new();
        for (index, instant) in self.plan.instants.iter().enumerate() {
            let rule = instant.rules.iter().find(|rule| rule.schedule == schedule);
            if let Some(rule) = rule {
                rows.push((rule.row, index));
            }
        }
        rows
    }
}

/// The variance curve of geometric Brownian motion.
pub(crate) fn gbm(name: &Name) -> Result<&Curve, PriceError> {
    match &name.dynamics {
        Dynamics::Gbm { variance } => Ok(variance),
        _ => Err(PriceError::Model(format!(
            "{} does not move as geometric Brownian motion",
            name.code
        ))),
    }
}

/// Whether a curve's rate is the same all the way to a time.
pub(crate) fn is_flat(curve: &Curve, until: f64) -> bool {
    let first = curve.rate_after(0.0);
    curve
        .knots()
        .iter()
        .filter(|knot| **knot < until)
        .all(|knot| (curve.rate_after(*knot) - first).abs() <= 1e-12 * (1.0 + first.abs()))
}

/// `∫ σ_a` or `∫ σ_a σ_b` to a time, from curves of σ².
fn products(a: &Curve, b: Option<&Curve>, until: f64) -> f64 {
    let mut edges: Vec<f64> = a.knots().to_vec();
    edges.extend(b.map_or(&[][..], Curve::knots));
    edges.retain(|edge| *edge > 0.0 && *edge < until);
    edges.push(until);
    edges.sort_by(f64::total_cmp);
    let (mut from, mut sum) = (0.0, 0.0);
    for to in edges {
        let vol = |curve: &Curve| curve.rate_after(from).max(0.0).sqrt();
        sum += vol(a) * b.map_or(1.0, vol) * (to - from);
        from = to;
    }
    sum
}
