//! A plan's dates on a model's clocks: variance, drift and discounting between them.

use rialto_otc_contract::plan::{Action, Plan};
use rialto_otc_market::model::{Dynamics, Model, Name};

use crate::engine::PriceError;
use crate::reason::Reason;

/// Times and integrals of the dates ahead.
#[derive(Debug)]
pub(crate) struct Steps {
    /// Log-spot now.
    pub(crate) log_spot: f64,
    /// For each date: variance from now, and drift of the log-spot from now.
    pub(crate) variance: Vec<f64>,
    /// Mean of the log-spot's move from now to each date.
    pub(crate) drift: Vec<f64>,
    /// Discount factor from each date to now.
    pub(crate) discount: Vec<f64>,
    /// Payments made later than their date, by date, rule and action, in this order: the factor from
    /// the payment back to the date.
    late: Vec<((usize, usize, usize), f64)>,
}

/// Why a plan is refused by engines that walk its dates in geometric Brownian motion.
pub(crate) fn refuse(plan: &Plan<f64>, model: &Model) -> Option<Reason> {
    if plan.underlyings.len() != 1 || model.names.len() != 1 {
        return Some(Reason::one_underlying(plan.underlyings.len()));
    }
    if !plan.monitors.is_empty() {
        return Some(Reason::new(
            "a barrier is watched continuously",
            "障碍为连续观察",
        ));
    }
    if plan.exercise.is_some() {
        return Some(Reason::new(
            "the holder may exercise early",
            "持有人可提前行权",
        ));
    }
    let name = &model.names[0];
    if !matches!(name.dynamics, Dynamics::Gbm { .. }) {
        return Some(Reason::new(
            "the model is not geometric Brownian motion",
            "模型不是几何布朗运动",
        ));
    }
    if name.dividends.iter().any(|dividend| dividend.cash != 0.0) {
        return Some(Reason::new(
            "a cash dividend moves the spot by an amount",
            "现金分红使现价变动一个金额",
        ));
    }
    None
}

impl Steps {
    /// Reads the model along the plan's dates.
    ///
    /// # Errors
    /// [`PriceError::Model`] when a date does not lie after the valuation, or spot or variance are
    /// impossible.
    pub(crate) fn new(plan: &Plan<f64>, model: &Model) -> Result<Self, PriceError> {
        let name = &model.names[0];
        let Dynamics::Gbm { variance } = &name.dynamics else {
            return Err(PriceError::Model("not geometric Brownian motion".into()));
        };
        if !(name.spot.is_finite() && name.spot > 0.0) {
            return Err(PriceError::Model(format!(
                "spot {} is not above 0",
                name.spot
            )));
        }
        let origin = model.as_of;
        let mut steps = Self {
            log_spot: name.spot.ln(),
            variance: Vec::new(),
            drift: Vec::new(),
            discount: Vec::new(),
            late: late(plan, model),
        };
        let mut before = 0.0;
        for (index, instant) in plan.instants.iter().enumerate() {
            let elapsed = instant.at.variance - origin.variance;
            let years = instant.at.rate - origin.rate;
            if elapsed < -1e-10 || years < -1e-10 {
                return Err(PriceError::Model(format!(
                    "date {} of the plan lies before the valuation",
                    index + 1
                )));
            }
            let total = variance.integral_to(elapsed.max(0.0));
            if !total.is_finite() || total < before - 1e-15 {
                return Err(PriceError::Model(format!(
                    "the variance to date {} is {total}: it must not fall",
                    index + 1
                )));
            }
            before = total;
            let years = years.max(0.0);
            let carry = model.discount.integral_to(years) - name.carry.integral_to(years);
            steps.variance.push(total);
            steps
                .drift
                .push(carry - 0.5 * total + dividends(name, years));
            steps
                .discount
                .push((-model.discount.integral_to(years)).exp());
        }
        Ok(steps)
    }

    /// Discount factor from the payment of an action back to its date.
    pub(crate) fn payment(&self, instant: usize, rule: usize, action: usize) -> f64 {
        let found = self
            .late
            .binary_search_by_key(&(instant, rule, action), |(key, _)| *key);
        found.map_or(1.0, |index| self.late[index].1)
    }
}

fn late(plan: &Plan<f64>, model: &Model) -> Vec<((usize, usize, usize), f64)> {
    let now = model.as_of.rate;
    let mut late = Vec::new();
    for (n, instant) in plan.instants.iter().enumerate() {
        for (rule, rules) in instant.rules.iter().enumerate() {
            for (action, pays) in rules.actions.iter().enumerate() {
                if let Action::Pay { at, .. } = pays
                    && at.rate != instant.at.rate
                {
                    let (from, to) = (instant.at.rate - now, at.rate - now);
                    let factor = (-model.discount.integral(from, to)).exp();
                    late.push(((n, rule, action), factor));
                }
            }
        }
    }
    late
}

/// Logarithm of what proportional dividends up to a time leave of the spot.
fn dividends(name: &Name, years: f64) -> f64 {
    name.dividends
        .iter()
        .filter(|dividend| dividend.rate > 0.0 && dividend.rate <= years)
        .map(|dividend| (1.0 - dividend.proportional).ln())
        .sum()
}
