//! The interpreter: walks a plan over fixings. The same function books real fixings in decimals and
//! prices simulated ones in `f64`, so that booking and pricing cannot drift apart.
//!
//! Order at one instant: barriers watched continuously since the instant before, then the holder's
//! exercise, then the rules by phase. After `stop` nothing runs any more. The holder exercises before
//! the rules of the instant, so an exercised contract pays nothing else of that date.

use rialto_otc_time::Date;

use crate::fold::holds;
use crate::number::Number;
use crate::plan::{Action, Cond, Expr, Moment, Monitor, Plan};
use crate::program::{Comparison, VarKind};

/// What a contract remembers while it is walked.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory<X> {
    /// Values of [`Plan::vars`].
    pub vars: Vec<X>,
    /// Which of [`Plan::monitors`] were hit.
    pub hit: Vec<bool>,
    /// Whether the contract has not ended.
    pub alive: bool,
}

impl<X: Number> Memory<X> {
    /// Memory at the point where the plan begins.
    #[must_use]
    pub fn new(plan: &Plan<X>) -> Self {
        Self {
            vars: plan.vars.iter().map(|var| var.value).collect(),
            hit: vec![false; plan.monitors.len()],
            alive: true,
        }
    }

    /// Back to that point, without allocation.
    pub fn reset(&mut self, plan: &Plan<X>) {
        for (value, var) in self.vars.iter_mut().zip(&plan.vars) {
            *value = var.value;
        }
        self.hit.fill(false);
        self.alive = true;
    }
}

/// Where in a plan something comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// A rule of an instant: indices of the instant, its rule and the rule's action.
    Rule {
        /// Index in [`Plan::instants`].
        instant: usize,
        /// Index in its rules.
        rule: usize,
        /// Index in the rule's actions.
        action: usize,
    },
    /// A barrier watched continuously.
    Monitor {
        /// Index in [`Plan::monitors`].
        monitor: usize,
        /// Index in its actions.
        action: usize,
    },
    /// The holder's exercise at an instant.
    Exercise {
        /// Index in [`Plan::instants`].
        instant: usize,
    },
}

/// A payment to the holder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flow<'p, X> {
    /// Currency units, not rounded; negative when the holder pays.
    pub amount: X,
    /// When it was determined.
    pub observed: Moment,
    /// When the money moves.
    pub at: Moment,
    /// Name of the flow.
    pub leg: &'p str,
    /// Row of its schedule, from 1; 0 otherwise.
    pub row: u32,
    /// Which action pays.
    pub source: Source,
}

/// Something other than a payment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event<X> {
    /// A variable took another value (a knock-in sets `ki` to 1).
    Set {
        /// When.
        at: Moment,
        /// Index in [`Plan::vars`].
        var: usize,
        /// Value before.
        from: X,
        /// Value after.
        to: X,
        /// Which action.
        source: Source,
    },
    /// A continuous barrier was hit.
    Hit {
        /// When.
        at: Moment,
        /// Index in [`Plan::monitors`].
        monitor: usize,
    },
    /// The contract ended early (a knock-out) or its terminal payoff ran.
    End {
        /// When.
        at: Moment,
        /// Whether before the last rules.
        early: bool,
        /// Which action; `None` when it lived to the end.
        source: Option<Source>,
    },
}

/// Where flows and events go.
pub trait Recorder<'p, X> {
    /// A payment.
    fn flow(&mut self, flow: Flow<'p, X>);
    /// What a payment was computed from; told just before it. Ignored unless overridden.
    fn paying(&mut self, _source: Source, _world: World<'_, X>) {}
    /// An event; ignored unless overridden.
    fn event(&mut self, _event: Event<X>) {}
}

/// Keeps everything.
#[derive(Debug, Clone, PartialEq)]
pub struct Record<'p, X> {
    /// Payments, in the order in which they were determined.
    pub flows: Vec<Flow<'p, X>>,
    /// Events, in order.
    pub events: Vec<Event<X>>,
}

impl<X> Default for Record<'_, X> {
    fn default() -> Self {
        Self {
            flows: Vec::new(),
            events: Vec::new(),
        }
    }
}

impl<'p, X> Recorder<'p, X> for Record<'p, X> {
    fn flow(&mut self, flow: Flow<'p, X>) {
        self.flows.push(flow);
    }

    fn event(&mut self, event: Event<X>) {
        self.events.push(event);
    }
}

/// A continuous barrier seen to be hit between two instants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Index in [`Plan::monitors`].
    pub monitor: usize,
    /// When.
    pub at: Moment,
    /// When the money of a payment at the hit moves (`at` where there is no lag).
    pub pay: Moment,
}

/// What is known at one instant.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'s, X> {
    /// Fixing of each underlying, price units.
    pub fixings: &'s [X],
    /// Hits since the instant before, in order of time. `None`: nobody watched, and barriers are
    /// compared with the fixing of the instant alone.
    pub hits: Option<&'s [Hit]>,
    /// Whether the holder exercises here.
    pub exercise: bool,
}

impl<'s, X> Seen<'s, X> {
    /// Fixings alone.
    #[must_use]
    pub fn fixings(fixings: &'s [X]) -> Self {
        Self {
            fixings,
            hits: None,
            exercise: false,
        }
    }
}

/// Why a walk stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    /// There is no such instant in the plan.
    #[error("the plan has no instant {0}")]
    Instant(usize),
    /// A fixing is missing, or is not above zero and finite.
    #[error(
        "the fixing of underlying {underlying} at instant {instant} is missing or not above zero"
    )]
    Fixing {
        /// Index of the instant.
        instant: usize,
        /// Index of the underlying.
        underlying: usize,
    },
    /// An amount left the range of its number.
    #[error("an expression at instant {instant} overflows or divides by zero")]
    Arithmetic {
        /// Index of the instant.
        instant: usize,
    },
    /// The holder exercises where there is no right to.
    #[error("the contract cannot be exercised at instant {instant}")]
    Exercise {
        /// Index of the instant.
        instant: usize,
    },
    /// There is no right to exercise at any time, or the contract has ended.
    #[error("the contract gives no right to exercise at any time, or it has ended")]
    NoRight,
    /// A hit of a barrier that the plan does not watch.
    #[error("the plan watches no barrier {0}")]
    Monitor(usize),
}

/// Walks one instant. Does nothing when the contract has ended. Allocates nothing.
///
/// # Errors
/// See [`WalkError`]; `memory` may have changed in part then.
pub fn step<'p, X: Number>(
    plan: &'p Plan<X>,
    instant: usize,
    seen: Seen<'_, X>,
    memory: &mut Memory<X>,
    out: &mut impl Recorder<'p, X>,
) -> Result<(), WalkError> {
    let Some(now) = plan.instants.get(instant) else {
        return Err(WalkError::Instant(instant));
    };
    if !memory.alive {
        return Ok(());
    }
    sound(plan, instant, seen.fixings)?;
    watch(plan, instant, &seen, memory, out)?;
    if seen.exercise && memory.alive {
        exercise(plan, instant, &seen, memory, out)?;
    }
    for (index, rule) in now.rules.iter().enumerate() {
        if !memory.alive {
            return Ok(());
        }
        let world = World {
            plan,
            fixings: seen.fixings,
            vars: &memory.vars,
        };
        let runs = match &rule.condition {
            None => Some(true),
            Some(cond) => world.cond(cond),
        };
        match runs {
            Some(true) => {}
            Some(false) => continue,
            None => return Err(WalkError::Arithmetic { instant }),
        }
        let run = Run {
            instant,
            observed: now.at,
            pay_at: None,
            row: rule.row,
        };
        let source = |action| Source::Rule {
            instant,
            rule: index,
            action,
        };
        act(plan, &rule.actions, run, source, seen.fixings, memory, out)?;
    }
    if memory.alive && instant + 1 == plan.instants.len() {
        memory.alive = false;
        out.event(Event::End {
            at: now.at,
            early: false,
            source: None,
        });
    }
    Ok(())
}

/// Whether every underlying has a fixing above zero.
fn sound<X: Number>(plan: &Plan<X>, instant: usize, fixings: &[X]) -> Result<(), WalkError> {
    for underlying in 0..plan.underlyings.len() {
        if fixings
            .get(underlying)
            .is_none_or(|fixing| *fixing <= X::ZERO || is_odd(*fixing))
        {
            return Err(WalkError::Fixing {
                instant,
                underlying,
            });
        }
    }
    Ok(())
}

/// Not finite: only binary numbers can be.
fn is_odd<X: Number>(value: X) -> bool {
    value.minus(value).is_none_or(|zero| zero != X::ZERO)
}

/// Runs continuous barriers: those told, or those the fixing itself is beyond.
fn watch<'p, X: Number>(
    plan: &'p Plan<X>,
    instant: usize,
    seen: &Seen<'_, X>,
    memory: &mut Memory<X>,
    out: &mut impl Recorder<'p, X>,
) -> Result<(), WalkError> {
    if plan.monitors.is_empty() {
        return Ok(());
    }
    let at = plan
        .instants
        .get(instant)
        .ok_or(WalkError::Instant(instant))?
        .at;
    if let Some(hits) = seen.hits {
        for hit in hits {
            strike(plan, instant, *hit, seen.fixings, memory, out)?;
        }
        return Ok(());
    }
    for (index, monitor) in plan.monitors.iter().enumerate() {
        let inside = at.rate > monitor.from.rate && at.rate <= monitor.to.rate + 1e-12;
        let fixing = seen.fixings.get(monitor.underlying).copied();
        if inside && fixing.is_some_and(|fixing| beyond(monitor, fixing)) {
            strike(
                plan,
                instant,
                Hit {
                    monitor: index,
                    at,
                    pay: at,
                },
                seen.fixings,
                memory,
                out,
            )?;
        }
    }
    Ok(())
}

/// Whether a price is at a barrier or beyond.
#[must_use]
pub fn beyond<X: PartialOrd + Copy>(monitor: &Monitor<X>, price: X) -> bool {
    match monitor.side {
        Comparison::AtLeast | Comparison::Above => price >= monitor.level,
        Comparison::AtMost | Comparison::Below => price <= monitor.level,
    }
}

/// The first date after `after` and up to `upto` on which one of these prices is at a barrier or
/// beyond, inside the time in which it is watched; the prices come oldest first.
#[must_use]
pub fn first_hit<X: PartialOrd + Copy>(
    monitor: &Monitor<X>,
    (after, upto): (Option<Date>, Date),
    prices: impl IntoIterator<Item = (Date, X)>,
) -> Option<Date> {
    let after = after.max(monitor.from.date);
    let watched = |on: Date| {
        on <= upto
            && after.is_none_or(|after| on > after)
            && monitor.to.date.is_none_or(|to| on <= to)
    };
    prices
        .into_iter()
        .find(|(on, price)| watched(*on) && beyond(monitor, *price))
        .map(|(on, _)| on)
}

/// Runs the hit of a barrier between two instants, on a date whose fixing is not asked for: what
/// follows a hit is due then, not when the contract is next observed. `instant` is the next one.
///
/// # Errors
/// [`WalkError::Arithmetic`] when what follows reads a fixing: it has to wait for [`step`]. `memory`
/// may have changed in part then.
pub fn strike_between<'p, X: Number>(
    plan: &'p Plan<X>,
    instant: usize,
    hit: Hit,
    memory: &mut Memory<X>,
    out: &mut impl Recorder<'p, X>,
) -> Result<(), WalkError> {
    strike(plan, instant, hit, &[], memory, out)
}

fn strike<'p, X: Number>(
    plan: &'p Plan<X>,
    instant: usize,
    hit: Hit,
    fixings: &[X],
    memory: &mut Memory<X>,
    out: &mut impl Recorder<'p, X>,
) -> Result<(), WalkError> {
    let (Some(monitor), Some(done)) = (
        plan.monitors.get(hit.monitor),
        memory.hit.get_mut(hit.monitor),
    ) else {
        return Err(WalkError::Monitor(hit.monitor));
    };
    if *done || !memory.alive {
        return Ok(());
    }
    let world = World {
        plan,
        fixings,
        vars: &memory.vars,
    };
    match monitor
        .unless
        .as_ref()
        .map_or(Some(false), |cond| world.cond(cond))
    {
        Some(false) => {}
        Some(true) => return Ok(()),
        None => return Err(WalkError::Arithmetic { instant }),
    }
    *done = true;
    out.event(Event::Hit {
        at: hit.at,
        monitor: hit.monitor,
    });
    let pay_at = monitor.pay_at_hit.then_some(hit.pay);
    let run = Run {
        instant,
        observed: hit.at,
        pay_at,
        row: 0,
    };
    let source = |action| Source::Monitor {
        monitor: hit.monitor,
        action,
    };
    act(plan, &monitor.actions, run, source, fixings, memory, out)
}

fn exercise<'p, X: Number>(
    plan: &'p Plan<X>,
    instant: usize,
    seen: &Seen<'_, X>,
    memory: &mut Memory<X>,
    out: &mut impl Recorder<'p, X>,
) -> Result<(), WalkError> {
    let refuse = Err(WalkError::Exercise { instant });
    let (Some(right), Some(now)) = (&plan.exercise, plan.instants.get(instant)) else {
        return refuse;
    };
    let pay = match right.instants.iter().position(|index| *index == instant) {
        Some(index) => right.pay.get(index).copied().unwrap_or(now.at),
        None if right.instants.is_empty() => now.at,
        None => return refuse,
    };
    use_right(plan, instant, (now.at, pay), seen.fixings, memory, out)
}

/// Pays what the right gives at these fixings and ends the contract.
fn use_right<'p, X: Number>(
    plan: &'p Plan<X>,
    instant: usize,
    (observed, pay): (Moment, Moment),
    fixings: &[X],
    memory: &mut Memory<X>,
    out: &mut impl Recorder<'p, X>,
) -> Result<(), WalkError> {
    let world = World {
        plan,
        fixings,
        vars: &memory.vars,
    };
    let payoff = plan.exercise.as_ref().map(|right| &right.payoff);
    let amount = payoff.and_then(|payoff| world.expr(payoff));
    let amount = amount.ok_or(WalkError::Arithmetic { instant })?;
    let source = Source::Exercise { instant };
    out.paying(source, world);
    out.flow(Flow {
        amount,
        observed,
        at: pay,
        leg: "exercise",
        row: 0,
        source,
    });
    memory.alive = false;
    out.event(Event::End {
        at: observed,
        early: true,
        source: Some(source),
    });
    Ok(())
}

/// Exercises a right that holds at any time, between instants: `observed` and `pay` are told by who
/// books it.
///
/// # Errors
/// [`WalkError::NoRight`] when there is no such right or the contract has ended,
/// [`WalkError::Fixing`], [`WalkError::Arithmetic`].
pub fn exercise_at<'p, X: Number>(
    plan: &'p Plan<X>,
    (observed, pay): (Moment, Moment),
    fixings: &[X],
    memory: &mut Memory<X>,
    out: &mut impl Recorder<'p, X>,
) -> Result<(), WalkError> {
    let right = plan
        .exercise
        .as_ref()
        .filter(|right| right.instants.is_empty());
    if right.is_none() || !memory.alive {
        return Err(WalkError::NoRight);
    }
    let instant = plan
        .instants
        .partition_point(|instant| instant.at.rate < observed.rate);
    sound(plan, instant, fixings)?;
    use_right(plan, instant, (observed, pay), fixings, memory, out)
}

/// Where actions run.
#[derive(Clone, Copy)]
struct Run {
    instant: usize,
    observed: Moment,
    pay_at: Option<Moment>,
    row: u32,
}

fn act<'p, X: Number>(
    plan: &'p Plan<X>,
    actions: &'p [Action<X>],
    run: Run,
    source: impl Fn(usize) -> Source,
    fixings: &[X],
    memory: &mut Memory<X>,
    out: &mut impl Recorder<'p, X>,
) -> Result<(), WalkError> {
    let fault = WalkError::Arithmetic {
        instant: run.instant,
    };
    let Run { observed, row, .. } = run;
    for (index, action) in actions.iter().enumerate() {
        let world = World {
            plan,
            fixings,
            vars: &memory.vars,
        };
        match action {
            Action::Pay { amount, at, leg } => {
                let amount = world.expr(amount).ok_or(fault)?;
                out.paying(source(index), world);
                let at = run.pay_at.unwrap_or(*at);
                out.flow(Flow {
                    amount,
                    observed,
                    at,
                    leg,
                    row,
                    source: source(index),
                });
            }
            Action::Set { var, value } => {
                let value = world.expr(value).ok_or(fault)?;
                let (Some(kind), Some(slot)) = (
                    plan.vars.get(*var).map(|var| var.kind),
                    memory.vars.get_mut(*var),
                ) else {
                    continue;
                };
                let to = kept(kind, value);
                let from = std::mem::replace(slot, to);
                if from != to {
                    let source = source(index);
                    out.event(Event::Set {
                        at: observed,
                        var: *var,
                        from,
                        to,
                        source,
                    });
                }
            }
            Action::Stop => {
                memory.alive = false;
                let source = Some(source(index));
                out.event(Event::End {
                    at: observed,
                    early: true,
                    source,
                });
                return Ok(());
            }
        }
    }
    Ok(())
}

/// A value as its variable keeps it: flags are 0 or 1, counts stay within their range.
fn kept<X: Number>(kind: VarKind, value: X) -> X {
    let (low, high) = match kind {
        VarKind::Sum => return value,
        VarKind::Flag => (X::ZERO, X::ONE),
        VarKind::Count { max } => (X::ZERO, X::count(max)),
    };
    if kind == VarKind::Flag && value != X::ZERO {
        return high;
    }
    if value < low {
        low
    } else if value > high {
        high
    } else {
        value
    }
}

/// What expressions can see.
#[derive(Debug, Clone, Copy)]
pub struct World<'w, X> {
    /// The plan.
    pub plan: &'w Plan<X>,
    /// Fixing of each underlying.
    pub fixings: &'w [X],
    /// Values of the variables.
    pub vars: &'w [X],
}

impl<X: Number> World<'_, X> {
    /// Value of an expression; `None` on overflow, division by zero or a fixing that is not there.
    #[must_use]
    pub fn expr(&self, expr: &Expr<X>) -> Option<X> {
        match expr {
            Expr::Const(value) => Some(*value),
            Expr::Spot(index) => self.fixings.get(*index).copied(),
            Expr::Worst => self.extreme_performance(|best, next| next < best),
            Expr::Best => self.extreme_performance(|best, next| next > best),
            Expr::Basket => self.basket(),
            Expr::Var(index) => self.vars.get(*index).copied(),
            Expr::Add(terms) => self.reduce(terms, X::plus),
            Expr::Sub(terms) => match &terms[..] {
                [single] => X::ZERO.minus(self.expr(single)?),
                _ => self.reduce(terms, X::minus),
            },
            Expr::Mul(terms) => self.reduce(terms, X::times),
            Expr::Div(terms) => self.reduce(terms, X::over),
            Expr::Min(terms) => self.reduce(terms, |a, b| Some(if b < a { b } else { a })),
            Expr::Max(terms) => self.reduce(terms, |a, b| Some(if b > a { b } else { a })),
            Expr::If(cond, yes, no) => {
                if self.cond(cond)? {
                    self.expr(yes)
                } else {
                    self.expr(no)
                }
            }
        }
    }

    /// Whether a condition holds; `None` as for [`World::expr`].
    #[must_use]
    pub fn cond(&self, cond: &Cond<X>) -> Option<bool> {
        match cond {
            Cond::Always(known) => Some(*known),
            Cond::Compare(comparison, left, right) => {
                Some(holds(*comparison, self.expr(left)?, self.expr(right)?))
            }
            Cond::And(terms) => {
                for term in terms {
                    if !self.cond(term)? {
                        return Some(false);
                    }
                }
                Some(true)
            }
            Cond::Or(terms) => {
                for term in terms {
                    if self.cond(term)? {
                        return Some(true);
                    }
                }
                Some(false)
            }
            Cond::Not(inner) => Some(!self.cond(inner)?),
            Cond::Flag(index) => self.vars.get(*index).map(|value| *value != X::ZERO),
        }
    }

    fn reduce(&self, terms: &[Expr<X>], f: impl Fn(X, X) -> Option<X>) -> Option<X> {
        let (first, rest) = terms.split_first()?;
        let mut total = self.expr(first)?;
        for term in rest {
            total = f(total, self.expr(term)?)?;
        }
        Some(total)
    }

    fn performance(&self, index: usize) -> Option<X> {
        let initial = self.plan.underlyings.get(index)?.initial;
        self.fixings.get(index)?.over(initial)
    }

    fn extreme_performance(&self, better: impl Fn(X, X) -> bool) -> Option<X> {
        let mut best = self.performance(0)?;
        for index in 1..self.plan.underlyings.len() {
            let next = self.performance(index)?;
            if better(best, next) {
                best = next;
            }
        }
        Some(best)
    }

    fn basket(&self) -> Option<X> {
        let mut total = X::ZERO;
        for (index, underlying) in self.plan.underlyings.iter().enumerate() {
            total = total.plus(self.performance(index)?.times(underlying.weight)?)?;
        }
        Some(total)
    }
}

/// Walks a whole plan from `memory` on: `seen(n)` tells what is known at instant `n`, or `None`
/// where it is not known yet, which ends the walk. Returns how many instants were walked.
///
/// # Errors
/// See [`WalkError`].
pub fn walk<'p, 's, X: Number + 's>(
    plan: &'p Plan<X>,
    memory: &mut Memory<X>,
    mut seen: impl FnMut(usize) -> Option<Seen<'s, X>>,
    out: &mut impl Recorder<'p, X>,
) -> Result<usize, WalkError> {
    for instant in 0..plan.instants.len() {
        if !memory.alive {
            return Ok(instant);
        }
        let Some(seen) = seen(instant) else {
            return Ok(instant);
        };
        step(plan, instant, seen, memory, out)?;
    }
    Ok(plan.instants.len())
}
