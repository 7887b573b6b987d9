//! A block of simulated paths through the interpreter: any plan, one path after another.

use rialto_otc_contract::interpret::{Flow, Hit, Memory, Recorder, Seen, Source, step};
use rialto_otc_contract::plan::{Action, Plan};
use rialto_otc_market::model::Model;

use super::paths::Buffers;
use crate::engine::PriceError;

/// What flows are kept under: the date on which they are decided and their name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) instant: usize,
    pub(super) leg: String,
}

/// Discount factors and flow slots of every payment of a plan.
#[derive(Debug)]
pub(super) struct Payments {
    /// `[instant][rule][action]`: discount factor and slot; 0 where nothing is paid.
    rules: Vec<Vec<Vec<(f64, usize)>>>,
    /// `[monitor][action]`: discount factor of payments at a written moment.
    monitors: Vec<Vec<f64>>,
    /// `[monitor][action][instant]`: slot.
    monitor_slots: Vec<Vec<Vec<usize>>>,
    /// All slots.
    pub(super) slots: Vec<Slot>,
}

impl Payments {
    pub(super) fn new(plan: &Plan<f64>, model: &Model) -> Self {
        let mut slots: Vec<Slot> = Vec::new();
        let factor = |action: &Action<f64>| match action {
            Action::Pay { at, .. } => model.discount.factor(at.rate - model.as_of.rate),
            _ => 0.0,
        };
        let mut rules = Vec::with_capacity(plan.instants.len());
        for (number, instant) in plan.instants.iter().enumerate() {
            let begin = slots.len();
            let row = |rule: &rialto_otc_contract::plan::Rule<f64>, slots: &mut Vec<Slot>| {
                rule.actions
                    .iter()
                    .map(|action| (factor(action), slot_of(slots, begin, number, action)))
                    .collect()
            };
            rules.push(
                instant
                    .rules
                    .iter()
                    .map(|rule| row(rule, &mut slots))
                    .collect(),
            );
        }
        let mut monitors = Vec::new();
        let mut monitor_slots = Vec::new();
        for monitor in &plan.monitors {
            monitors.push(monitor.actions.iter().map(factor).collect());
            monitor_slots.push(
                monitor
                    .actions
                    .iter()
                    .map(|action| {
                        (0..plan.instants.len())
                            .map(|number| slot_of(&mut slots, 0, number, action))
                            .collect()
                    })
                    .collect(),
            );
        }
        Self {
            rules,
            monitors,
            monitor_slots,
            slots,
        }
    }

    /// Discount factor and slot of a payment of a rule.
    pub(super) fn of_rule(&self, instant: usize, rule: usize, action: usize) -> (f64, usize) {
        self.rules[instant][rule][action]
    }
}

/// Slot of a payment on a date, among those from `begin` on; made when it is not there.
fn slot_of(slots: &mut Vec<Slot>, begin: usize, instant: usize, action: &Action<f64>) -> usize {
    let Action::Pay { leg, .. } = action else {
        return 0;
    };
    let known = slots[begin..]
        .iter()
        .position(|slot| slot.instant == instant && slot.leg == *leg);
    known.map_or_else(
        || {
            slots.push(Slot {
                instant,
                leg: leg.clone(),
            });
            slots.len() - 1
        },
        |at| begin + at,
    )
}

/// What was paid in one slot.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Paid {
    /// Paths on which something other than 0 was paid.
    pub(super) paths: f64,
    /// Sum of amounts.
    pub(super) amount: f64,
    /// Sum of discounted amounts.
    pub(super) discounted: f64,
}

impl Paid {
    pub(super) fn add(&mut self, other: &Self) {
        self.paths += other.paths;
        self.amount += other.amount;
        self.discounted += other.discounted;
    }
}

/// Payments by slot, each path counted once in a slot.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) paid: Vec<Paid>,
    last: Vec<usize>,
}

impl Tally {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            paid: vec![Paid::default(); slots],
            last: vec![usize::MAX; slots],
        }
    }

    /// Counts a payment of a path, told apart by `lane`.
    pub(super) fn add(&mut self, slot: usize, lane: usize, amount: f64, discounted: f64) {
        let paid = &mut self.paid[slot];
        if amount != 0.0 && self.last[slot] != lane {
            self.last[slot] = lane;
            paid.paths += 1.0;
        }
        paid.amount += amount;
        paid.discounted += discounted;
    }
}

/// Adds up one path.
struct Purse<'a> {
    model: &'a Model,
    payments: &'a Payments,
    plan: &'a Plan<f64>,
    value: f64,
    lane: usize,
    instant: usize,
    tally: Option<&'a mut Tally>,
}

impl<'p> Recorder<'p, f64> for Purse<'_> {
    fn flow(&mut self, flow: Flow<'p, f64>) {
        let (factor, slot) = match flow.source {
            Source::Rule {
                instant,
                rule,
                action,
            } => self.payments.of_rule(instant, rule, action),
            Source::Monitor { monitor, action } => {
                let factor = if self.plan.monitors[monitor].pay_at_hit {
                    let years = flow.at.rate - self.model.as_of.rate;
                    self.model.discount.factor(years)
                } else {
                    self.payments.monitors[monitor][action]
                };
                let slots = &self.payments.monitor_slots[monitor][action];
                (factor, slots[self.instant])
            }
            // Plans with early exercise are refused before any path is walked.
            Source::Exercise { .. } => return,
        };
        let discounted = factor * flow.amount;
        self.value += discounted;
        if let Some(tally) = &mut self.tally {
            tally.add(slot, self.lane, flow.amount, discounted);
        }
    }
}

/// Memory and lists that walking needs, kept between blocks.
#[derive(Debug)]
pub(super) struct Walker {
    memory: Memory<f64>,
    fixings: Vec<f64>,
    hits: Vec<Hit>,
}

impl Walker {
    pub(super) fn new(plan: &Plan<f64>) -> Self {
        Self {
            memory: Memory::new(plan),
            fixings: vec![0.0; plan.underlyings.len()],
            hits: Vec::new(),
        }
    }

    /// Discounted payments of each path of a block, into `values`.
    ///
    /// # Errors
    /// [`PriceError::Number`] when a path gives no number.
    pub(super) fn block(
        &mut self,
        (plan, model, payments): (&Plan<f64>, &Model, &Payments),
        buffers: &Buffers,
        ends: &[usize],
        values: &mut [f64],
        mut tally: Option<&mut Tally>,
    ) -> Result<(), PriceError> {
        let lanes = values.len();
        let names = plan.underlyings.len();
        for (lane, value) in values.iter_mut().enumerate() {
            self.memory.reset(plan);
            let mut told = 0;
            let mut purse = Purse {
                model,
                payments,
                plan,
                value: 0.0,
                lane,
                instant: 0,
                tally: tally.as_deref_mut(),
            };
            for (instant, end) in ends.iter().enumerate() {
                for (name, fixing) in self.fixings.iter_mut().enumerate() {
                    let log = buffers.logs[(instant * names + name) * lanes + lane];
                    *fixing = model.names[name].spot * log.exp();
                }
                let mut seen = Seen::fixings(&self.fixings);
                if !plan.monitors.is_empty() {
                    self.hits.clear();
                    let hits = &buffers.hits[lane];
                    while let Some((_, hit)) = hits.get(told).filter(|(step, _)| step <= end) {
                        self.hits.push(*hit);
                        told += 1;
                    }
                    seen.hits = Some(&self.hits);
                }
                purse.instant = instant;
                step(plan, instant, seen, &mut self.memory, &mut purse).map_err(|_| {
                    PriceError::Number {
                        stage: "a simulated path",
                        value: f64::NAN,
                    }
                })?;
                if !self.memory.alive {
                    break;
                }
            }
            *value = purse.value;
        }
        Ok(())
    }
}
