//! The fold: decisions and fixings in the order of effective date, phase and number, walked through
//! the contract by its interpreter. Points to come back to are kept, so that a late fixing is folded
//! from its date, not from the start.

use std::sync::Arc;

use rialto_otc_contract::compile::Compiled;
use rialto_otc_contract::formula::Booking;
use rialto_otc_contract::interpret::{
    self, Event as Told, Hit, Memory, Seen, WalkError, exercise_at, step, strike_between,
};
use rialto_otc_contract::plan::Plan;
use rialto_otc_contract::value::round;
use rialto_otc_time::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::canon::Hash;
use crate::context::Context;
use crate::deal::{Act, Cash, Control, Deal, Load, Loaded, size_of};
use crate::event::{Effective, OBSERVED};
use crate::payload::{self, Fact};
use crate::refusal::Refusal;
use crate::state::Outcome;

/// Instants between two points to come back to.
const STRIDE: usize = 32;

/// The interpreter's memory, as snapshots hold it.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Memory<Decimal>")]
struct MemoryForm {
    vars: Vec<Decimal>,
    hit: Vec<bool>,
    alive: bool,
}

/// A point in a walk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// Version of the contract, by index.
    pub(crate) version: usize,
    /// Whether that version's plan was entered.
    entered: bool,
    /// Names of what is remembered.
    names: Vec<String>,
    /// Next instant of its plan.
    instant: usize,
    /// Next decision.
    pub(crate) control: usize,
    #[serde(with = "MemoryForm")]
    pub(crate) memory: Memory<Decimal>,
    /// Size left and size at inception, once it changed.
    pub(crate) size: Option<(Decimal, Decimal)>,
    /// Running hash of everything walked.
    pub(crate) hash: Hash,
    facts: usize,
    flows: usize,
    /// Last date observed.
    pub(crate) last: Option<Date>,
}

impl Cursor {
    /// What the contract remembers, by name.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&str, Decimal)> {
        let values = self.memory.vars.iter().copied();
        self.names.iter().map(String::as_str).zip(values)
    }
}

/// A flow that the walk determines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WalkFlow {
    pub(crate) leg: String,
    pub(crate) row: u32,
    pub(crate) n: u32,
    pub(crate) holder: Decimal,
    pub(crate) observed: Date,
    pub(crate) pay_date: Date,
    pub(crate) trace: String,
}

/// How far a contract was walked and what came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Walk {
    pub(crate) cursor: Cursor,
    back: Vec<Cursor>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) flows: Vec<WalkFlow>,
    pub(crate) outcome: Option<(Outcome, Date)>,
    /// First date whose fixings are missing.
    pub(crate) waiting: Option<Date>,
}

impl Default for Walk {
    fn default() -> Self {
        let memory = Memory {
            vars: Vec::new(),
            hit: Vec::new(),
            alive: true,
        };
        let cursor = Cursor {
            version: 0,
            entered: false,
            names: Vec::new(),
            instant: 0,
            control: 0,
            memory,
            size: None,
            hash: Hash::ZERO,
            facts: 0,
            flows: 0,
            last: None,
        };
        Self {
            back: vec![cursor.clone()],
            cursor,
            facts: Vec::new(),
            flows: Vec::new(),
            outcome: None,
            waiting: None,
        }
    }
}

/// What a walk takes back.
#[derive(Debug, Default)]
pub(crate) struct Undone {
    pub(crate) facts: Vec<Fact>,
    pub(crate) flows: usize,
    pub(crate) outcome: Option<(Outcome, Date)>,
}

/// What the next round of a walk does.
enum Next {
    Decide,
    Observe { exercise: bool },
}

fn told(error: impl std::fmt::Display, date: Date) -> Refusal {
    let en = format!("The contract cannot be walked on {date}: {error}.");
    Refusal::new(
        "E-BOOK-WALK",
        "",
        en,
        format!("{date} 的观察无法推导：{error}。"),
    )
}

impl Walk {
    /// Goes back to before a point of the contract's life (`place`: where a new decision stands).
    /// Returns what that takes back; nothing when the walk has not come that far.
    pub(crate) fn rewind(&mut self, to: Effective, place: Option<usize>) -> Option<Undone> {
        let ahead = |cursor: &Cursor| {
            place.is_none_or(|place| cursor.control <= place)
                && cursor
                    .last
                    .is_none_or(|last| Effective::new(last, OBSERVED) < to)
        };
        if self.outcome.is_none() && ahead(&self.cursor) {
            return None;
        }
        while self.back.len() > 1 && !self.back.last().is_some_and(ahead) {
            self.back.pop();
        }
        Some(self.restore())
    }

    /// Goes back to the start.
    pub(crate) fn restart(&mut self) -> Undone {
        self.back.truncate(1);
        self.restore()
    }

    fn restore(&mut self) -> Undone {
        if let Some(point) = self.back.last() {
            self.cursor = point.clone();
        }
        let flows = self.cursor.flows;
        self.flows.truncate(flows);
        Undone {
            facts: self
                .facts
                .split_off(self.cursor.facts.min(self.facts.len())),
            flows,
            outcome: self.outcome.take(),
        }
    }

    /// Walks as far as fixings are known.
    pub(crate) fn advance(
        &mut self,
        deal: &mut Deal,
        context: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        self.waiting = None;
        let mut fixings = Vec::new();
        while self.outcome.is_none() {
            let loaded = match deal.load(self.cursor.version, context)? {
                Load::Ready(loaded) => loaded,
                Load::Waiting(date) => {
                    self.waiting = Some(date);
                    return Ok(());
                }
            };
            self.enter(&loaded, deal);
            let version = self.cursor.version;
            while self.outcome.is_none() && self.cursor.version == version {
                if !self.round(&loaded, deal, context, &mut fixings)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Enters the plan of a version: what is remembered is kept by name.
    fn enter(&mut self, loaded: &Arc<Loaded>, deal: &Deal) {
        if self.cursor.entered {
            return;
        }
        let Some(version) = deal.versions.get(self.cursor.version) else {
            return;
        };
        let plan = &loaded.compiled.plan;
        let mut memory = Memory::new(plan);
        for (name, value) in self.cursor.named() {
            if let Some(at) = plan.vars.iter().position(|var| var.name == name) {
                memory.vars[at] = value;
            }
        }
        for (hit, was) in memory.hit.iter_mut().zip(&self.cursor.memory.hit) {
            *hit = *was;
        }
        let given = loaded.sheet.state.iter().flat_map(|state| &state.values);
        for (name, value) in given {
            if let Some(at) = plan.vars.iter().position(|var| var.name == *name) {
                memory.vars[at] = *value;
            }
        }
        let from = version
            .from
            .or_else(|| self.cursor.last.map(|last| Effective::new(last, OBSERVED)));
        self.cursor.instant = plan.instants.partition_point(|instant| {
            let at = instant.at.date.map(|date| Effective::new(date, OBSERVED));
            matches!((at, from), (Some(at), Some(from)) if at <= from)
        });
        self.cursor.names = plan.vars.iter().map(|var| var.name.clone()).collect();
        self.cursor.memory = memory;
        self.cursor.entered = true;
        self.cursor.hash = self.cursor.hash.and(&[&version.hash.0]);
    }

    /// One decision or one instant. False when a fixing is missing.
    fn round(
        &mut self,
        loaded: &Loaded,
        deal: &Deal,
        context: &Context<'_>,
        fixings: &mut Vec<Decimal>,
    ) -> Result<bool, Refusal> {
        let plan = &loaded.compiled.plan;
        let Some(date) = plan
            .instants
            .get(self.cursor.instant)
            .and_then(|i| i.at.date)
        else {
            // No observation is left: the contract is over, whatever was decided for later.
            let last = self.cursor.last.unwrap_or(Date::MIN);
            self.end(Outcome::Expired, last);
            return Ok(true);
        };
        let control = deal.controls.get(self.cursor.control);
        let decided = control.is_some_and(|control| control.at < Effective::new(date, OBSERVED));
        let until = match control {
            Some(control) if decided => control.at,
            _ => Effective::new(date, OBSERVED),
        };
        if self.strike(loaded, deal, context, until)? {
            return Ok(true);
        }
        match next(plan, self.cursor.instant, date, control) {
            Next::Decide => match control {
                Some(control) => self.decide(control, loaded, deal, context, fixings),
                None => Ok(false),
            },
            Next::Observe { exercise } => {
                if !gather(deal, loaded, date, fixings) {
                    self.waiting = Some(date);
                    return Ok(false);
                }
                self.observe(loaded, deal, context, (date, fixings), exercise)?;
                Ok(true)
            }
        }
    }

    /// Runs the first hits of barriers between the last date observed and `until`, whatever the next
    /// instant still waits for. False when there are none, or when what follows them reads a fixing.
    fn strike(
        &mut self,
        loaded: &Loaded,
        deal: &Deal,
        context: &Context<'_>,
        until: Effective,
    ) -> Result<bool, Refusal> {
        let compiled = &*loaded.compiled;
        let span = (self.cursor.last, until.date);
        let watched = (0..compiled.plan.monitors.len())
            .filter(|index| self.cursor.memory.hit.get(*index) == Some(&false));
        let found: Vec<(Date, usize)> = watched
            .filter_map(|index| Some((first_hit(compiled, deal, index, span)?, index)))
            .filter(|(on, _)| Effective::new(*on, OBSERVED) < until)
            .collect();
        let Some(date) = found.iter().map(|(on, _)| *on).min() else {
            return Ok(false);
        };
        let moments = compiled.moments(date, context.calendars);
        let (at, pay) = moments.map_err(|findings| told_of(&findings, date))?;
        let mut memory = self.cursor.memory.clone();
        let mut booking = Booking::new(compiled);
        for (_, monitor) in found.into_iter().filter(|(on, _)| *on == date) {
            let hit = Hit { monitor, at, pay };
            let instant = self.cursor.instant;
            match strike_between(&compiled.plan, instant, hit, &mut memory, &mut booking) {
                Ok(()) => {}
                Err(WalkError::Arithmetic { .. }) => return Ok(false),
                Err(error) => return Err(told(error, date)),
            }
        }
        self.keep();
        self.cursor.memory = memory;
        self.stamp(deal, loaded, date, 3);
        self.cursor.last = Some(date);
        self.take(compiled, booking, loaded, date, false)?;
        Ok(true)
    }

    fn observe(
        &mut self,
        loaded: &Loaded,
        deal: &Deal,
        context: &Context<'_>,
        (date, fixings): (Date, &[Decimal]),
        exercise: bool,
    ) -> Result<(), Refusal> {
        if self.cursor.instant.is_multiple_of(STRIDE) {
            self.keep();
        }
        let compiled = &*loaded.compiled;
        let hits = hits(compiled, deal, context, (self.cursor.last, date))?;
        let seen = Seen {
            fixings,
            hits: (!compiled.plan.monitors.is_empty()).then_some(&hits[..]),
            exercise,
        };
        let mut booking = Booking::new(compiled);
        step(
            &compiled.plan,
            self.cursor.instant,
            seen,
            &mut self.cursor.memory,
            &mut booking,
        )
        .map_err(|error| told(error, date))?;
        self.stamp(deal, loaded, date, u64::from(exercise));
        if exercise {
            self.cursor.control += 1;
        }
        self.cursor.last = Some(date);
        self.cursor.instant += 1;
        self.take(compiled, booking, loaded, date, exercise)
    }

    /// Adds what was read to the running hash.
    fn stamp(&mut self, deal: &Deal, loaded: &Loaded, date: Date, more: u64) {
        let mut hash = self
            .cursor
            .hash
            .and(&[&date.days().to_le_bytes(), &more.to_le_bytes()]);
        for slot in &loaded.slots {
            if let Some(fixed) = deal.fixings.get(&(date, *slot)) {
                let value = fixed.value.normalize().serialize();
                hash = hash.and(&[&fixed.seq.to_le_bytes(), &value]);
            }
        }
        self.cursor.hash = hash;
    }

    /// Keeps what the interpreter told.
    fn take(
        &mut self,
        compiled: &Compiled,
        booking: Booking<'_>,
        loaded: &Loaded,
        date: Date,
        exercise: bool,
    ) -> Result<(), Refusal> {
        for flow in booking.flows {
            let holder = match self.cursor.size {
                None => flow.amount,
                Some((left, whole)) => {
                    let scaled = flow
                        .exact
                        .checked_mul(left)
                        .and_then(|x| x.checked_div(whole));
                    let scaled = scaled.ok_or_else(|| told("an amount overflows", date))?;
                    round(scaled, compiled.rounding.amount)
                }
            };
            let trace = match self.cursor.size {
                None => flow.trace,
                Some((left, whole)) => {
                    let (left, whole) = (left.normalize(), whole.normalize());
                    format!("({}) x {left}/{whole}", flow.trace)
                }
            };
            let cash = Cash {
                leg: flow.leg,
                holder,
                pay_date: flow.at.date.unwrap_or(date),
                trace,
            };
            self.pay(cash, flow.observed.date.unwrap_or(date), flow.row);
        }
        for event in booking.events {
            match event {
                Told::Set {
                    at, var, from, to, ..
                } => {
                    let on = at.date.unwrap_or(date);
                    let var = loaded.compiled.plan.vars.get(var);
                    let var = var.map(|var| var.name.clone()).unwrap_or_default();
                    let what = payload::Seen::Set { from, to, var };
                    self.facts.push(Fact { on, what });
                }
                Told::Hit { at, monitor } => {
                    let on = at.date.unwrap_or(date);
                    let what = payload::Seen::Hit(monitor);
                    self.facts.push(Fact { on, what });
                }
                Told::End { at, early, .. } => {
                    let outcome = match (early, exercise) {
                        (true, true) => Outcome::Exercised,
                        (true, false) => Outcome::KnockedOut,
                        (false, _) => Outcome::Expired,
                    };
                    self.end(outcome, at.date.unwrap_or(date));
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, outcome: Outcome, on: Date) {
        self.outcome = Some((outcome, on));
        if matches!(outcome, Outcome::KnockedOut | Outcome::Expired) {
            let what = payload::Seen::Ended(outcome);
            self.facts.push(Fact { on, what });
        }
    }

    fn pay(&mut self, cash: Cash, observed: Date, row: u32) {
        let same =
            self.flows.iter().rev().filter(|flow| {
                flow.observed == observed && flow.leg == cash.leg && flow.row == row
            });
        let n = u32::try_from(same.count())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        self.flows.push(WalkFlow {
            leg: cash.leg,
            row,
            n,
            holder: cash.holder,
            observed,
            pay_date: cash.pay_date,
            trace: cash.trace,
        });
    }

    /// Runs a decision. False when a fixing it needs is missing.
    fn decide(
        &mut self,
        control: &Control,
        loaded: &Loaded,
        deal: &Deal,
        context: &Context<'_>,
        fixings: &mut Vec<Decimal>,
    ) -> Result<bool, Refusal> {
        let date = control.at.date;
        match &control.act {
            Act::Version(index) => {
                self.cursor.version = *index;
                self.cursor.entered = false;
            }
            Act::Resize(change, cash) => {
                let whole = size_of(&loaded.sheet);
                let (left, whole) = self.cursor.size.unwrap_or((whole, whole));
                let left = left
                    .checked_add(*change)
                    .filter(|left| *left > Decimal::ZERO);
                let left = left.ok_or_else(|| told("more ends than there is", date))?;
                self.cursor.size = (left != whole).then_some((left, whole));
                self.pay_all(cash, date);
            }
            Act::End(outcome, cash) => {
                self.pay_all(cash, date);
                self.end(*outcome, date);
            }
            Act::Exercise => {
                if !gather(deal, loaded, date, fixings) {
                    self.waiting = Some(date);
                    return Ok(false);
                }
                let compiled = &*loaded.compiled;
                let moments = compiled.moments(date, context.calendars);
                let moments = moments.map_err(|findings| told(findings, date))?;
                let mut booking = Booking::new(compiled);
                let memory = &mut self.cursor.memory;
                exercise_at(&compiled.plan, moments, fixings, memory, &mut booking)
                    .map_err(|error| told(error, date))?;
                self.stamp(deal, loaded, date, 2);
                self.take(compiled, booking, loaded, date, true)?;
            }
        }
        self.cursor.control += 1;
        self.cursor.hash = self.cursor.hash.and(&[&control.seq.to_le_bytes()]);
        Ok(true)
    }

    fn pay_all(&mut self, cash: &[Cash], date: Date) {
        for cash in cash.iter().filter(|cash| !cash.holder.is_zero()) {
            self.pay(cash.clone(), date, 0);
        }
    }

    fn keep(&mut self) {
        let (facts, flows) = (self.facts.len(), self.flows.len());
        let point = Cursor {
            facts,
            flows,
            ..self.cursor.clone()
        };
        self.back.push(point);
    }
}

/// What comes first: the next decision or the next instant.
fn next(plan: &Plan<Decimal>, instant: usize, date: Date, control: Option<&Control>) -> Next {
    let Some(control) = control else {
        return Next::Observe { exercise: false };
    };
    if matches!(control.act, Act::Exercise) && control.at.date == date {
        let right = plan.exercise.as_ref();
        if right.is_some_and(|right| right.instants.contains(&instant)) {
            return Next::Observe { exercise: true };
        }
    }
    if control.at < Effective::new(date, OBSERVED) {
        return Next::Decide;
    }
    Next::Observe { exercise: false }
}

/// Collects the fixings of a date; false when one is missing.
fn gather(deal: &Deal, loaded: &Loaded, date: Date, into: &mut Vec<Decimal>) -> bool {
    into.clear();
    for slot in &loaded.slots {
        match deal.fixings.get(&(date, *slot)) {
            Some(fixed) => into.push(fixed.value),
            None => return false,
        }
    }
    true
}

/// The first date after `after` and up to `upto` on which a barrier was hit: told, or by a published price of its
/// underlying at the barrier or beyond (a mean beyond it had a price beyond it).
fn first_hit(
    compiled: &Compiled,
    deal: &Deal,
    index: usize,
    (after, upto): (Option<Date>, Date),
) -> Option<Date> {
    let monitor = compiled.plan.monitors.get(index)?;
    let underlying = compiled.plan.underlyings.get(monitor.underlying)?;
    let code = underlying.code.as_str();
    let told = deal.hits.iter().filter(|hit| hit.code == code);
    let told = told.map(|hit| (hit.date, hit.price));
    let told = interpret::first_hit(monitor, (after, upto), told);
    let start = after.max(monitor.from.date).unwrap_or(Date::MIN);
    let known = (start <= upto).then(|| deal.fixings.range((start, 0)..=(upto, u16::MAX)));
    let known = known.into_iter().flatten().filter(|((_, slot), _)| {
        let slot = deal.slots.get(usize::from(*slot));
        slot.is_some_and(|(fixed, _)| fixed == code)
    });
    let known = known.map(|((on, _), fixed)| (*on, fixed.value));
    let fixed = interpret::first_hit(monitor, (after, upto), known);
    told.into_iter().chain(fixed).min()
}

/// Barriers hit after `from` and up to `date`.
fn hits(
    compiled: &Compiled,
    deal: &Deal,
    context: &Context<'_>,
    (from, date): (Option<Date>, Date),
) -> Result<Vec<Hit>, Refusal> {
    let mut all = Vec::new();
    for monitor in 0..compiled.plan.monitors.len() {
        let first = first_hit(compiled, deal, monitor, (from, date));
        if let Some(on) = first {
            let moments = compiled.moments(on, context.calendars);
            let (at, pay) = moments.map_err(|findings| told_of(&findings, on))?;
            all.push(Hit { monitor, at, pay });
        }
    }
    all.sort_by(|a, b| a.at.rate.total_cmp(&b.at.rate));
    Ok(all)
}

fn told_of(findings: &rialto_otc_contract::Findings, date: Date) -> Refusal {
    told(findings, date)
}
