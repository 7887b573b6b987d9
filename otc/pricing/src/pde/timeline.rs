//! What happens between now and a plan's last date, in order, and what lies between.

use rialto_otc_contract::plan::{Moment, Plan};
use rialto_otc_market::model::{Dividend, Dynamics, Model};

use crate::engine::PriceError;

/// Variance below which no time passes.
pub(super) const NONE: f64 = 1e-14;

/// Times closer than this are one, years.
const SAME: f64 = 1e-9;

/// A point of time from now, years.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Time {
    /// Variance clock.
    pub(super) variance: f64,
    /// Rate clock.
    pub(super) rate: f64,
}

impl Time {
    /// The point a share of the way to another.
    pub(super) fn towards(self, to: Self, share: f64) -> Self {
        Self {
            variance: self.variance + share * (to.variance - self.variance),
            rate: self.rate + share * (to.rate - self.rate),
        }
    }
}

/// The moment of valuation.
pub(super) const NOW: Time = Time {
    variance: 0.0,
    rate: 0.0,
};

/// A point of time at which something happens: dividends first, then a date of the plan.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) at: Time,
    pub(super) drops: Vec<Dividend>,
    pub(super) instant: Option<usize>,
}

/// Everything ahead, in order, and the clock's integrals.
#[derive(Debug)]
pub(super) struct Timeline<'a> {
    pub(super) model: &'a Model,
    pub(super) events: Vec<Event>,
}

/// Drift, discounting and diffusion of an underlying over a span of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    /// `∫ (r − q)`.
    pub(super) carry: f64,
    /// `∫ r`.
    pub(super) rate: f64,
    /// `∫ σ²` in geometric Brownian motion; the variance clock's time in local volatility.
    pub(super) variance: f64,
}

/// Spot after a dividend. A dividend never takes more than 99.9 % of the spot.
pub(crate) fn drop(spot: f64, dividend: &Dividend) -> f64 {
    (spot * (1.0 - dividend.proportional) - dividend.cash).max(1e-3 * spot)
}

/// Spot before a dividend.
pub(super) fn undrop(spot: f64, dividend: &Dividend) -> f64 {
    (spot + dividend.cash) / (1.0 - dividend.proportional).max(1e-3)
}

/// A moment of the plan as a time from now.
pub(super) fn time(model: &Model, moment: &Moment) -> Time {
    Time {
        variance: moment.variance - model.as_of.variance,
        rate: moment.rate - model.as_of.rate,
    }
}

impl<'a> Timeline<'a> {
    /// Lays the plan's dates, dividends and ends of barriers on one line.
    ///
    /// # Errors
    /// [`PriceError::Model`] when a date lies before the valuation.
    pub(super) fn new(plan: &Plan<f64>, model: &'a Model) -> Result<Self, PriceError> {
        let mut events: Vec<Event> = Vec::new();
        let mut before = NOW;
        for (index, instant) in plan.instants.iter().enumerate() {
            let at = time(model, &instant.at);
            if !(at.rate >= before.rate - SAME && at.variance >= before.variance - SAME) {
                return Err(PriceError::Model(format!(
                    "date {} of the plan lies before the valuation or the date before it",
                    index + 1
                )));
            }
            before = Time {
                variance: at.variance.max(before.variance),
                rate: at.rate.max(before.rate),
            };
            events.push(Event {
                at: before,
                drops: Vec::new(),
                instant: Some(index),
            });
        }
        let mut line = Self { model, events };
        let last = before;
        for dividend in &model.names[0].dividends {
            if dividend.rate > 0.0 && dividend.rate <= last.rate + SAME {
                line.event(dividend.rate).drops.push(*dividend);
            }
        }
        for monitor in &plan.monitors {
            for end in [&monitor.from, &monitor.to] {
                let end = time(model, end);
                if end.rate > SAME && end.rate < last.rate {
                    line.event(end.rate);
                }
            }
        }
        Ok(line)
    }

    /// The event at a time on the rate clock, made if there is none.
    fn event(&mut self, rate: f64) -> &mut Event {
        let index = self
            .events
            .partition_point(|event| event.at.rate < rate - SAME);
        let there = self
            .events
            .get(index)
            .is_some_and(|event| (event.at.rate - rate).abs() <= SAME);
        if !there {
            let before = self.before(index);
            let after = self.events.get(index).map_or(before, |event| event.at);
            let share = (rate - before.rate) / (after.rate - before.rate).max(SAME);
            let at = before.towards(after, share.clamp(0.0, 1.0));
            let event = Event {
                at,
                drops: Vec::new(),
                instant: None,
            };
            self.events.insert(index, event);
        }
        &mut self.events[index]
    }

    /// Integrals between two times.
    pub(super) fn span(&self, from: Time, to: Time) -> Span {
        let name = &self.model.names[0];
        let rate = self.model.discount.integral(from.rate, to.rate);
        let variance = match &name.dynamics {
            Dynamics::Gbm { variance } => variance.integral(from.variance, to.variance),
            _ => to.variance - from.variance,
        };
        Span {
            carry: rate - name.carry.integral(from.rate, to.rate),
            rate,
            variance: variance.max(0.0),
        }
    }

    /// The time at a share of the variance between two: its rate clock as the marks know it, for a
    /// local volatility was read where the forward is then.
    pub(super) fn between(&self, from: Time, to: Time, share: f64) -> Time {
        let mut at = from.towards(to, share);
        if let Some(marks) = &self.model.names[0].marks
            && share > 1e-9
            && share < 1.0 - 1e-9
        {
            at.rate = marks.clock.rate_at(at.variance).clamp(from.rate, to.rate);
        }
        at
    }

    /// Discount factor between two times on the rate clock.
    pub(super) fn discount(&self, from: f64, to: f64) -> f64 {
        (-self.model.discount.integral(from, to)).exp()
    }

    /// Time at which the span before an event begins: the event before it, or now.
    pub(super) fn before(&self, event: usize) -> Time {
        event
            .checked_sub(1)
            .map_or(NOW, |before| self.events[before].at)
    }
}
