//! Sums over dates: enhanced Asian, range accrual, accumulator without stop, geometric Asian.

use rialto_otc_contract::plan::{Action, Moment};
use rialto_otc_contract::shape::{Edges, Range, Side, Zone};

use super::jet::Jet;
use super::terminal::{Moments, exchange};
use super::world::{Law, World};
use crate::engine::PriceError;

/// Schedule of the fixings of a mean.
pub(crate) const FIXINGS: &str = "fixings";
/// Schedule of the days of an accrual.
pub(crate) const DAYS: &str = "days";

/// An option on a mean.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MeanOption<'s> {
    pub(crate) units: f64,
    pub(crate) w: Side,
    /// Fixed strike; floating when absent.
    pub(crate) strike: Option<f64>,
    /// Weights of all rows.
    pub(crate) weights: &'s [f64],
}

fn model(reason: String) -> PriceError {
    PriceError::Model(reason)
}

impl World<'_> {
    fn instant(&self, index: usize) -> &Moment {
        &self.plan.instants[index].at
    }

    /// What past rows left in a variable; rows that are all ahead need none.
    fn past(&self, var: &str, past: usize, neutral: f64) -> Result<f64, PriceError> {
        match (self.remembered(var), past) {
            (Some(value), _) => Ok(value),
            (None, 0) => Ok(neutral),
            (None, _) => Err(model(format!(
                "{past} rows are past and variable `{var}` is not there"
            ))),
        }
    }
}

/// Rows ahead of a schedule that had `all` rows, and how many are past.
fn ahead(
    world: &World<'_>,
    schedule: &str,
    all: usize,
) -> Result<(Vec<(u32, usize)>, usize), PriceError> {
    let rows = world.rows(schedule);
    let Some(past) = all.checked_sub(rows.len()) else {
        return Err(model(format!(
            "schedule `{schedule}` has {} rows ahead, the contract {all} in all",
            rows.len()
        )));
    };
    Ok((rows, past))
}

/// `units × max(w (mean of cut fixings − strike), 0)` whose outer maximum is idle: a strip of
/// Europeans. Undiscounted.
pub(crate) fn enhanced_asian(
    world: &World<'_>,
    (units, w): (f64, Side),
    strike: f64,
    level: f64,
    fixings: usize,
) -> Result<Jet, PriceError> {
    let (rows, past) = ahead(world, FIXINGS, fixings)?;
    let mut sum = Jet::from(world.past("fixings_sum", past, 0.0)?);
    for (_, index) in rows {
        // max(S, L) = L + call, min(S, L) = L − put
        let option = world.law(0, world.instant(index))?.option(w, level);
        sum = sum + option * w.w() + level;
    }
    Ok((sum * (1.0 / fixings as f64) - strike) * (w.w() * units))
}

/// Days inside times amount over days. Undiscounted.
pub(crate) fn range_accrual(
    world: &World<'_>,
    amount: f64,
    range: &Range<f64>,
    all: usize,
) -> Result<Jet, PriceError> {
    let (rows, past) = ahead(world, DAYS, all)?;
    let mut days = Jet::from(world.past("days_in", past, 0.0)?);
    for (_, index) in rows {
        days = days
            + world
                .law(0, world.instant(index))?
                .within(range)
                .probability;
    }
    Ok(days * (amount / all as f64))
}

/// Zones of an accumulator.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Zones<'s> {
    pub(crate) w: Side,
    pub(crate) strike: f64,
    pub(crate) zones: &'s [Zone<f64>],
}

impl Zones<'_> {
    /// Sums `of(zone, moments of the fixing within it)` over the zones.
    fn over(&self, law: Law, mut of: impl FnMut(&Zone<f64>, Moments) -> Jet) -> Jet {
        let mut sum = Jet::default();
        // The edge up to which earlier zones have taken everything.
        let mut taken: Option<f64> = None;
        for zone in self.zones {
            let (lo, hi, edges) = match self.w {
                Side::Call => (taken, zone.bound, Edges::Lower),
                Side::Put => (zone.bound, taken, Edges::Upper),
            };
            let empty = matches!((lo, hi), (Some(lo), Some(hi)) if lo >= hi);
            if !empty {
                sum = sum + of(zone, law.between(lo, hi, edges));
                taken = zone.bound;
            }
            if zone.bound.is_none() {
                break;
            }
        }
        sum
    }

    /// Worth of one day per unit of quantity, settled on its own fixing.
    fn day(&self, law: Law) -> Jet {
        self.over(law, |zone, inside| {
            let unit = (inside.price - inside.probability * self.strike) * self.w.w();
            unit * zone.units + inside.probability * zone.cash
        })
    }
}

/// Accumulator settled day by day; discounted to each day's payment.
pub(crate) fn accumulator_daily(
    world: &World<'_>,
    quantity: f64,
    zones: Zones<'_>,
) -> Result<Jet, PriceError> {
    let mut sum = Jet::default();
    for (_, index) in world.rows(DAYS) {
        let instant = &world.plan.instants[index];
        let rules = instant.rules.iter().filter(|rule| rule.schedule == DAYS);
        let mut paid = instant.at;
        for action in rules.flat_map(|rule| &rule.actions) {
            if let Action::Pay { at, .. } = action {
                paid = *at;
            }
        }
        let law = world.law(0, &instant.at)?;
        sum = sum + zones.day(law) * world.discount(&paid)?;
    }
    Ok(sum * quantity)
}

/// Accumulator settled at the end on the last fixing. Undiscounted.
pub(crate) fn accumulator_end(
    world: &World<'_>,
    quantity: f64,
    zones: Zones<'_>,
) -> Result<Jet, PriceError> {
    let Some(end) = world.end() else {
        return Ok(Jet::default());
    };
    let last = world.forward(0, end)?;
    let (w, strike) = (zones.w.w(), zones.strike);
    let accrued = world.remembered("accrued_units").unwrap_or(0.0);
    let cash = world.remembered("accrued_cash").unwrap_or(0.0);
    let mut sum = (last - strike) * (w * accrued) + cash;
    for (_, index) in world.rows(DAYS) {
        let law = world.law(0, world.instant(index))?;
        // From the day on the price only grows, so its last value is expected in proportion.
        let growth = last / law.forward;
        sum = sum
            + zones.over(law, |zone, inside| {
                let unit = (inside.price * growth - inside.probability * strike) * w;
                unit * zone.units + inside.probability * zone.cash
            });
    }
    Ok(sum * quantity)
}

/// Geometric Asian (Kemna and Vorst 1990, with dates, weights and term structures): the mean is
/// lognormal. Variable `product` is the product of `(S_i/S_0)^{w_i}` over past rows. Undiscounted.
pub(crate) fn geometric(world: &World<'_>, option: MeanOption<'_>) -> Result<Jet, PriceError> {
    let all = option.weights.len();
    let (rows, past) = ahead(world, FIXINGS, all)?;
    let initial = world
        .plan
        .underlyings
        .first()
        .map_or(1.0, |one| one.initial);
    let gone: f64 = option.weights[..past].iter().sum();
    let product = world.past("product", past, 1.0)?;
    if past > 0 && !(product > 0.0 && initial > 0.0) {
        return Err(model(format!("the mean so far is {product}, not above 0")));
    }
    let start = if past > 0 {
        product.ln() + gone * initial.ln()
    } else {
        0.0
    };
    let (mut mean, mut variance, mut with_last) =
        (Jet::from(start), Jet::default(), Jet::default());
    let mut left: f64 = option.weights[past..].iter().sum();
    for ((_, index), weight) in rows.iter().zip(&option.weights[past..]) {
        let law = world.law(0, world.instant(*index))?;
        left -= weight;
        mean = mean + (law.forward.ln() - law.variance * 0.5) * *weight;
        // Var Σ w_i X_i = Σ w_i V_i (w_i + 2 Σ_{j>i} w_j)
        variance = variance + law.variance * (weight * (weight + 2.0 * left));
        with_last = with_last + law.variance * *weight;
    }
    let law = Law {
        forward: (mean + variance * 0.5).exp(),
        variance,
    };
    let value = match (option.strike, world.end()) {
        (Some(strike), _) => law.option(option.w, strike),
        (None, None) => Jet::default(),
        (None, Some(end)) => {
            let last = world.law(0, end)?;
            match option.w {
                Side::Call => exchange(last, law, with_last, 1.0, 1.0),
                Side::Put => exchange(law, last, with_last, 1.0, 1.0),
            }
        }
    };
    Ok(value * option.units)
}
