//! Compilation: a program over resolved schedules becomes a plan of instants.

use rialto_otc_time::{Date, TIME_TOLERANCE};
use rust_decimal::Decimal;

use crate::bounds::can_be_zero;
use crate::classify::{Parts, classify, remembered_only};
use crate::fold::{self, Factor, Fault, Fraction};
use crate::number::binary;
use crate::plan::{
    Action, Carry, Cond, Exercise, Expr, Instant, Moment, Monitor, Plan, Rule, Underlying, Var,
};
use crate::program::{self, Comparison, On, PayAt, Program, VarKind, phase};
use crate::schedule::Row;
use crate::shape::Shape;
use crate::templates::NamedSchedule;
use crate::value;

/// Most rules of all instants together.
pub const MAX_STEPS: usize = 1_000_000;

/// All that compilation needs.
pub(crate) struct Input<'a> {
    pub(crate) program: &'a Program,
    pub(crate) schedules: &'a [NamedSchedule],
    pub(crate) underlyings: &'a [Underlying<Decimal>],
    pub(crate) notional: Decimal,
    pub(crate) currency: &'a str,
    pub(crate) level_decimals: u32,
    pub(crate) start: Moment,
    pub(crate) end: Row,
    /// Moment of a date; `None` where the contract has no dates or its calendars end.
    pub(crate) moment: &'a dyn Fn(Date) -> Option<Moment>,
    pub(crate) shape: Option<Shape<Decimal>>,
}

/// Why a program does not compile, and which rule is at fault.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trouble {
    /// Index of the rule; `None` for the terminal actions, the exercise or the whole.
    pub(crate) rule: Option<usize>,
    pub(crate) kind: Kind,
}

/// Kinds of trouble.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Fault(Fault),
    /// A word that belongs to a row stands where there is none.
    NoRow(&'static str),
    /// A name that is not declared.
    Unknown(String),
    /// A continuous rule that is no barrier on one underlying.
    NotBarrier,
    /// Payment before its observation.
    EarlyPayment(Moment),
    /// A date outside the calendars, or in a contract without dates.
    NoDate(Date),
    /// Rows beyond the end of the contract.
    BeyondEnd(String),
    /// More rules than are compiled.
    TooLarge(usize),
}

/// Where each rule of a plan comes from.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Origins {
    /// For each instant, for each of its rules: index of the program's rule; `None` for terminal.
    pub(crate) instants: Vec<Vec<Option<usize>>>,
    /// For each monitor: index of the program's rule.
    pub(crate) monitors: Vec<usize>,
}

/// Where an expression stands.
#[derive(Clone, Copy)]
pub(crate) enum Site<'a> {
    Row {
        schedule: &'a NamedSchedule,
        index: usize,
    },
    Terminal,
    Continuous,
    Exercise,
}

pub(crate) struct Lower<'a> {
    pub(crate) input: &'a Input<'a>,
    kinds: Vec<VarKind>,
    weights: Vec<f64>,
}

type Lowered<T> = Result<T, Kind>;

impl From<Fault> for Kind {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Compiles; all rules are tried, so that every trouble is told.
pub(crate) fn lower(input: &Input<'_>) -> Result<(Plan<Decimal>, Origins), Vec<Trouble>> {
    let lower = Lower {
        input,
        kinds: input.program.vars.iter().map(|var| var.kind).collect(),
        weights: input.underlyings.iter().map(|u| binary(u.weight)).collect(),
    };
    let mut troubles = Vec::new();
    let mut slots = Slots::default();
    for (rule, written) in input.program.rules.iter().enumerate() {
        if let Err(kind) = lower.rule(rule, written, &mut slots) {
            troubles.push(Trouble {
                rule: Some(rule),
                kind,
            });
        }
    }
    let terminal = lower.terminal(&mut slots);
    let exercise = lower.exercise(&mut slots);
    troubles.extend(terminal.err().map(|kind| Trouble { rule: None, kind }));
    let exercise = match exercise {
        Ok(exercise) => exercise,
        Err(kind) => {
            troubles.push(Trouble { rule: None, kind });
            None
        }
    };
    if !troubles.is_empty() {
        return Err(troubles);
    }
    Ok(lower.plan(slots, exercise))
}

/// Rules on their way to instants.
#[derive(Default)]
struct Slots {
    rules: Vec<Slot>,
    /// Moments that must be instants although no rule runs on them (exercise).
    marks: Vec<(Moment, Moment)>,
    monitors: Vec<(usize, Monitor<Decimal>)>,
}

struct Slot {
    at: Moment,
    origin: Option<usize>,
    rule: Rule<Decimal>,
}

/// Order of two moments of one contract.
pub(crate) fn order(a: &Moment, b: &Moment) -> std::cmp::Ordering {
    match (a.date, b.date) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ if (a.rate - b.rate).abs() <= TIME_TOLERANCE => std::cmp::Ordering::Equal,
        _ => a.rate.total_cmp(&b.rate),
    }
}

impl Lower<'_> {
    fn rule(&self, origin: usize, written: &program::Rule, slots: &mut Slots) -> Lowered<()> {
        let name = match &written.on {
            On::Continuous => {
                let monitor = self.monitor(written)?;
                slots
                    .monitors
                    .extend(monitor.map(|monitor| (origin, monitor)));
                return Ok(());
            }
            On::Schedule(name) => name,
        };
        let schedule = self.schedule(name)?;
        if slots.rules.len() + schedule.len() > MAX_STEPS {
            return Err(Kind::TooLarge(slots.rules.len() + schedule.len()));
        }
        slots.rules.reserve(schedule.len());
        for (index, row) in schedule.rows.iter().enumerate() {
            if order(&row.at, &self.input.end.at).is_gt() {
                return Err(Kind::BeyondEnd(name.clone()));
            }
            let site = Site::Row { schedule, index };
            let condition = written.condition.as_ref();
            let condition = match condition.map(|cond| self.cond(cond, site)).transpose()? {
                Some(Cond::Always(false)) => continue,
                Some(Cond::Always(true)) | None => None,
                open => open,
            };
            let rule = Rule {
                phase: written.phase,
                row: u32::try_from(index + 1).unwrap_or(u32::MAX),
                schedule: name.clone(),
                condition,
                actions: self.actions(&written.actions, site, row)?,
            };
            slots.rules.push(Slot {
                at: row.at,
                origin: Some(origin),
                rule,
            });
        }
        Ok(())
    }

    fn schedule(&self, name: &str) -> Lowered<&NamedSchedule> {
        let found = self
            .input
            .schedules
            .iter()
            .find(|schedule| schedule.name == name);
        found.ok_or_else(|| Kind::Unknown(name.to_owned()))
    }

    fn terminal(&self, slots: &mut Slots) -> Lowered<()> {
        let end = self.input.end;
        let actions = self.actions(&self.input.program.terminal, Site::Terminal, &end)?;
        let rule = Rule {
            phase: phase::TERMINAL,
            row: 0,
            schedule: String::new(),
            condition: None,
            actions,
        };
        slots.rules.push(Slot {
            at: end.at,
            origin: None,
            rule,
        });
        Ok(())
    }

    fn exercise(&self, slots: &mut Slots) -> Lowered<Option<Exercise<Decimal>>> {
        let Some(written) = &self.input.program.exercise else {
            return Ok(None);
        };
        let payoff = self.expr(&written.payoff, Site::Exercise)?;
        if let On::Schedule(name) = &written.on {
            let rows = &self.schedule(name)?.rows;
            if rows
                .iter()
                .any(|row| order(&row.at, &self.input.end.at).is_gt())
            {
                return Err(Kind::BeyondEnd(name.clone()));
            }
            slots.marks.extend(rows.iter().map(|row| (row.at, row.pay)));
        }
        Ok(Some(Exercise {
            instants: Vec::new(),
            pay: Vec::new(),
            payoff,
        }))
    }

    fn plan(
        &self,
        mut slots: Slots,
        exercise: Option<Exercise<Decimal>>,
    ) -> (Plan<Decimal>, Origins) {
        // Stable: rules of one date and phase keep the order of the list. Terminal rules are last.
        slots.rules.sort_by(|a, b| {
            order(&a.at, &b.at)
                .then(a.rule.phase.cmp(&b.rule.phase))
                .then(
                    a.origin
                        .unwrap_or(usize::MAX)
                        .cmp(&b.origin.unwrap_or(usize::MAX)),
                )
        });
        let mut moments: Vec<Moment> = slots.rules.iter().map(|slot| slot.at).collect();
        moments.extend(slots.marks.iter().map(|(at, _)| *at));
        moments.sort_by(order);
        moments.dedup_by(|a, b| order(a, b).is_eq());
        let mut instants: Vec<Instant<Decimal>> = moments
            .into_iter()
            .map(|at| Instant {
                at,
                rules: Vec::new(),
            })
            .collect();
        let mut origins = Origins {
            instants: vec![Vec::new(); instants.len()],
            monitors: Vec::new(),
        };
        let find = |instants: &[Instant<Decimal>], at: &Moment| {
            instants.partition_point(|instant| order(&instant.at, at).is_lt())
        };
        for slot in slots.rules {
            let index = find(&instants, &slot.at);
            if let (Some(instant), Some(origin)) =
                (instants.get_mut(index), origins.instants.get_mut(index))
            {
                // Most instants have one rule, and a year has hundreds of instants.
                if instant.rules.is_empty() {
                    instant.rules.reserve_exact(1);
                    origin.reserve_exact(1);
                }
                instant.rules.push(slot.rule);
                origin.push(slot.origin);
            }
        }
        let exercise = exercise.map(|exercise| Exercise {
            instants: slots
                .marks
                .iter()
                .map(|(at, _)| find(&instants, at))
                .collect(),
            pay: slots.marks.iter().map(|(_, pay)| *pay).collect(),
            ..exercise
        });
        let (from, monitors) = slots.monitors.into_iter().unzip();
        origins.monitors = from;
        (self.assemble(instants, monitors, exercise), origins)
    }

    fn assemble(
        &self,
        instants: Vec<Instant<Decimal>>,
        monitors: Vec<Monitor<Decimal>>,
        exercise: Option<Exercise<Decimal>>,
    ) -> Plan<Decimal> {
        let declared = self.input.program.vars.iter();
        let mut vars: Vec<Var<Decimal>> = declared
            .map(|var| Var {
                name: var.name.clone(),
                kind: var.kind,
                value: var.init,
                carry: Carry::Path,
            })
            .collect();
        let parts = Parts {
            underlyings: self.input.underlyings.len(),
            instants: &instants,
            monitors: &monitors,
            exercise: exercise.as_ref(),
        };
        let class = classify(&mut vars, &parts);
        Plan {
            currency: self.input.currency.to_owned(),
            notional: self.input.notional,
            underlyings: self.input.underlyings.to_vec(),
            vars,
            instants,
            monitors,
            exercise,
            class,
            shape: self.input.shape.clone(),
        }
    }

    fn monitor(&self, written: &program::Rule) -> Lowered<Option<Monitor<Decimal>>> {
        let site = Site::Continuous;
        let Some(condition) = &written.condition else {
            return Err(Kind::NotBarrier);
        };
        let terms = match self.cond(condition, site)? {
            Cond::Always(false) => return Ok(None),
            Cond::And(terms) => terms,
            single => vec![single],
        };
        let (rest, barrier): (Vec<_>, Vec<_>) = terms.into_iter().partition(remembered_only);
        let [Cond::Compare(comparison, left, right)] = &barrier[..] else {
            return Err(Kind::NotBarrier);
        };
        let (underlying, level, side) = match (&**left, &**right) {
            (Expr::Spot(index), Expr::Const(level)) => (*index, *level, *comparison),
            (Expr::Const(level), Expr::Spot(index)) => (*index, *level, mirrored(*comparison)),
            _ => return Err(Kind::NotBarrier),
        };
        if !matches!(side, Comparison::AtLeast | Comparison::AtMost) {
            return Err(Kind::NotBarrier);
        }
        let unless = match fold::junction(rest, true) {
            Cond::Always(true) => None,
            all => Some(fold::negation(all)),
        };
        let at_hit = |action: &program::Action| {
            matches!(
                action,
                program::Action::Pay {
                    at: PayAt::Observation,
                    ..
                }
            )
        };
        let later = |action: &program::Action| {
            matches!(
                action,
                program::Action::Pay {
                    at: PayAt::End | PayAt::Date(_),
                    ..
                }
            )
        };
        let pay_at_hit = written.actions.iter().any(at_hit);
        if pay_at_hit && written.actions.iter().any(later) {
            return Err(Kind::NotBarrier);
        }
        let actions = self.actions(&written.actions, site, &self.input.end)?;
        let (from, to) = (self.input.start, self.input.end.at);
        Ok(Some(Monitor {
            from,
            to,
            underlying,
            side,
            level,
            unless,
            actions,
            pay_at_hit,
        }))
    }

    fn actions(
        &self,
        written: &[program::Action],
        site: Site<'_>,
        row: &Row,
    ) -> Lowered<Vec<Action<Decimal>>> {
        written
            .iter()
            .map(|action| match action {
                program::Action::Stop => Ok(Action::Stop),
                program::Action::Set { var, value } => Ok(Action::Set {
                    var: self.var(var)?,
                    value: self.expr(value, site)?,
                }),
                program::Action::Pay { amount, at, leg } => {
                    let at = self.pay_moment(at, row)?;
                    Ok(Action::Pay {
                        amount: self.expr(amount, site)?,
                        at,
                        leg: leg.clone(),
                    })
                }
            })
            .collect()
    }

    fn pay_moment(&self, at: &PayAt, row: &Row) -> Lowered<Moment> {
        let moment = match at {
            PayAt::Observation => row.pay,
            PayAt::End => self.input.end.pay,
            PayAt::Date(date) => (self.input.moment)(*date).ok_or(Kind::NoDate(*date))?,
        };
        if order(&moment, &row.at).is_lt() {
            return Err(Kind::EarlyPayment(row.at));
        }
        Ok(moment)
    }

    pub(crate) fn var(&self, name: &str) -> Lowered<usize> {
        let found = self
            .input
            .program
            .vars
            .iter()
            .position(|var| var.name == name);
        found.ok_or_else(|| Kind::Unknown(name.to_owned()))
    }

    pub(crate) fn underlying(&self, code: &str) -> Lowered<usize> {
        let found = self.input.underlyings.iter().position(|u| u.code == code);
        found.ok_or_else(|| Kind::Unknown(code.to_owned()))
    }

    /// The value of an expression that is a single known number where it stands.
    pub(crate) fn known(&self, expr: &program::Expr, site: Site<'_>) -> Lowered<Option<Fraction>> {
        let whole = |value: Decimal| Ok(Some((value, Decimal::ONE)));
        let initial = |index: usize| {
            let found = self.input.underlyings.get(index).map(|u| u.initial);
            found.ok_or_else(|| Kind::Unknown("S0".to_owned()))
        };
        match expr {
            program::Expr::Const(value) => whole(*value),
            program::Expr::Level(fraction) => {
                let price = value::Level::OfInitial(*fraction);
                let price = price.price(initial(0)?, self.input.level_decimals);
                whole(price.ok_or(Fault::Overflow)?)
            }
            program::Expr::Notional => whole(self.input.notional),
            program::Expr::Initial => whole(initial(0)?),
            program::Expr::InitialOf(code) => whole(initial(self.underlying(code)?)?),
            program::Expr::Time => match site {
                Site::Row { schedule, index } => {
                    let row = schedule.rows.get(index).ok_or(Kind::NoRow("t"))?;
                    Ok(Some(row.accrued.fraction()))
                }
                Site::Terminal => Ok(Some(self.input.end.accrued.fraction())),
                Site::Continuous | Site::Exercise => Err(Kind::NoRow("t")),
            },
            program::Expr::TimeStep
            | program::Expr::RowNumber
            | program::Expr::RowsLeft
            | program::Expr::Row(_) => row_value(expr, site).map(Some),
            _ => Ok(None),
        }
    }

    pub(crate) fn expr(&self, expr: &program::Expr, site: Site<'_>) -> Lowered<Expr<Decimal>> {
        use program::Expr as P;
        if let Some(fraction) = self.known(expr, site)? {
            return Ok(fold::product(vec![Factor::Known(fraction)])?);
        }
        let each = |terms: &[P]| -> Lowered<Vec<Expr<Decimal>>> {
            terms.iter().map(|term| self.expr(term, site)).collect()
        };
        Ok(match expr {
            P::Spot => Expr::Spot(0),
            P::SpotOf(code) => Expr::Spot(self.underlying(code)?),
            P::Worst => Expr::Worst,
            P::Best => Expr::Best,
            P::Basket => Expr::Basket,
            P::Var(name) => Expr::Var(self.var(name)?),
            P::Add(terms) => fold::sum(each(terms)?)?,
            P::Sub(terms) => fold::difference(each(terms)?)?,
            P::Mul(terms) => {
                let mut factors = Vec::new();
                self.factors(terms, site, &mut factors)?;
                fold::product(factors)?
            }
            P::Div(terms) => self.quotient(each(terms)?)?,
            P::Min(terms) => fold::extreme(each(terms)?, true),
            P::Max(terms) => fold::extreme(each(terms)?, false),
            P::If(cond, yes, no) => {
                let cond = self.cond(cond, site)?;
                match cond {
                    Cond::Always(true) => self.expr(yes, site)?,
                    Cond::Always(false) => self.expr(no, site)?,
                    open => fold::choice(open, self.expr(yes, site)?, self.expr(no, site)?),
                }
            }
            // Known leaves were answered above.
            _ => return Err(Kind::NoRow("row")),
        })
    }

    fn factors(
        &self,
        terms: &[program::Expr],
        site: Site<'_>,
        into: &mut Vec<Factor>,
    ) -> Lowered<()> {
        for term in terms {
            if let program::Expr::Mul(inner) = term {
                self.factors(inner, site, into)?;
                continue;
            }
            into.push(match self.known(term, site)? {
                Some(fraction) => Factor::Known(fraction),
                None => match self.expr(term, site)? {
                    Expr::Const(value) => Factor::Known((value, Decimal::ONE)),
                    open => Factor::Open(open),
                },
            });
        }
        Ok(())
    }

    fn quotient(&self, terms: Vec<Expr<Decimal>>) -> Lowered<Expr<Decimal>> {
        let zero = |term: &Expr<Decimal>| can_be_zero(term, &self.kinds, &self.weights);
        if terms.iter().skip(1).any(zero) {
            return Err(Fault::Division.into());
        }
        Ok(fold::quotient(terms)?)
    }

    pub(crate) fn cond(&self, cond: &program::Cond, site: Site<'_>) -> Lowered<Cond<Decimal>> {
        let each = |terms: &[program::Cond]| -> Lowered<Vec<Cond<Decimal>>> {
            terms.iter().map(|term| self.cond(term, site)).collect()
        };
        Ok(match cond {
            program::Cond::Compare(comparison, left, right) => {
                fold::compare(*comparison, self.expr(left, site)?, self.expr(right, site)?)
            }
            program::Cond::And(terms) => fold::junction(each(terms)?, true),
            program::Cond::Or(terms) => fold::junction(each(terms)?, false),
            program::Cond::Not(inner) => fold::negation(self.cond(inner, site)?),
            program::Cond::Flag(name) => Cond::Flag(self.var(name)?),
        })
    }
}

/// Values of the words that belong to a row.
fn row_value(expr: &program::Expr, site: Site<'_>) -> Lowered<Fraction> {
    let word = match expr {
        program::Expr::TimeStep => "dt",
        program::Expr::RowNumber => "k",
        program::Expr::RowsLeft => "left",
        _ => "row",
    };
    let Site::Row { schedule, index } = site else {
        return Err(Kind::NoRow(word));
    };
    let whole = |value: Decimal| (value, Decimal::ONE);
    match expr {
        program::Expr::TimeStep => {
            let now = schedule.rows.get(index).ok_or(Kind::NoRow(word))?;
            let now = now.accrued.fraction();
            match index
                .checked_sub(1)
                .and_then(|before| schedule.rows.get(before))
            {
                Some(row) => Ok(less(now, row.accrued.fraction()).ok_or(Fault::Overflow)?),
                None => Ok(now),
            }
        }
        program::Expr::RowNumber => Ok(whole(Decimal::from(index + 1))),
        program::Expr::RowsLeft => Ok(whole(Decimal::from(schedule.len() - index))),
        program::Expr::Row(column) => {
            let entry = schedule
                .columns
                .get(column)
                .and_then(|entries| entries.get(index));
            entry
                .copied()
                .map(whole)
                .ok_or_else(|| Kind::Unknown(column.clone()))
        }
        _ => Err(Kind::NoRow(word)),
    }
}

/// Difference of two fractions.
fn less(a: Fraction, b: Fraction) -> Option<Fraction> {
    if a.1 == b.1 {
        return Some((a.0.checked_sub(b.0)?, a.1));
    }
    let above = a.0.checked_mul(b.1)?.checked_sub(b.0.checked_mul(a.1)?)?;
    Some((above, a.1.checked_mul(b.1)?))
}

fn mirrored(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::AtLeast => Comparison::AtMost,
        Comparison::Above => Comparison::Below,
        Comparison::AtMost => Comparison::AtLeast,
        Comparison::Below => Comparison::Above,
    }
}

/// For looking at one expression again (formulas).
pub(crate) fn looking<'a>(input: &'a Input<'a>) -> Lower<'a> {
    Lower {
        input,
        kinds: Vec::new(),
        weights: Vec::new(),
    }
}
