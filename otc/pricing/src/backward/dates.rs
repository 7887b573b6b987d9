//! What the rules of a date do, by range of the spot and state of the memory.

use std::rc::Rc;

use rialto_otc_contract::plan::{Action, Carry, Instant, Monitor, Plan, Rule};
use rialto_otc_contract::program::{VarKind, phase};

use super::expr::{Linear, MAX_AFFINE, Point, kinks, sees_spot};
use crate::engine::PriceError;
use crate::reason::Reason;

/// Values of all variables; those of affine ones stay 0.
pub(crate) type Memory = Vec<f64>;

/// The reachable values of the discrete variables and what becomes of them on every date.
#[derive(Debug)]
pub(crate) struct Dates {
    /// Reachable states; the first is the state now.
    pub(crate) states: Vec<Memory>,
    /// For each variable, its number among the affine ones.
    pub(crate) affine: Vec<Option<usize>>,
    /// Affine variables' indices in the plan.
    pub(crate) affine_vars: Vec<usize>,
    /// For each instant, for each state, what happens by spot. Dates with equal rules share.
    pub(crate) table: Vec<Rc<Vec<Vec<Cell>>>>,
    /// For each barrier watched continuously.
    pub(crate) strikes: Vec<Strike>,
}

/// What hitting a barrier does.
#[derive(Debug)]
pub(crate) struct Strike {
    /// The barrier's actions as one rule, which outcomes count in.
    pub(crate) rules: Vec<Rule<f64>>,
    /// For each state; `None` where a hit counts for nothing. Amounts are looked at on the level.
    pub(crate) outcomes: Vec<Option<Outcome>>,
}

/// A range of spots in which a date's rules take the same course.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cell {
    /// From this spot
    pub(crate) lo: f64,
    /// to this one.
    pub(crate) hi: f64,
    /// What happens there.
    pub(crate) outcome: Outcome,
}

/// What a date does to a contract in one state and range of spots.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    /// Payments and updates of affine variables in order: rule and action, and the memory then.
    pub(crate) actions: Vec<(usize, usize, Memory)>,
    /// State afterwards; `None` when the contract has ended.
    pub(crate) next: Option<usize>,
}

/// Course of one date: the actions that matter and the memory afterwards.
struct Course {
    actions: Vec<(usize, usize, Memory)>,
    memory: Option<Memory>,
}

/// Spots between which kinks are looked for, relative to the initial fixing.
pub(crate) const FAR: f64 = 1e6;

/// How much further what happens at these ends goes on: a spot of 1e18 initial fixings.
const FARTHER: f64 = 1e12;

/// Distinct dates, back from the last, among which one with the same rules is looked for.
const LOOKED_BACK: usize = 4;

/// Most states carried.
const MOST_STATES: usize = 64;

/// Why nothing is known of what a plan does at a spot, if it is so.
pub(crate) fn beyond(plan: &Plan<f64>, logs: &[f64]) -> Option<Reason> {
    let initial = plan.underlyings.first()?.initial;
    let most = (FAR * FARTHER).ln();
    let far = logs
        .iter()
        .find(|log| (**log - initial.ln()).abs() > most)?;
    let (far, most) = (far.exp(), FAR * FARTHER);
    Some(Reason::new(
        format!(
            "the spot {far:e} lies beyond {most:e} times the initial fixing {initial}, or below as small a part"
        ),
        format!("现价 {far:e} 超出初始价 {initial} 的 {most:e} 倍，或低于同样小的比例"),
    ))
}

impl Dates {
    /// Reads the plan's rules.
    ///
    /// # Errors
    /// A reason why the plan cannot be carried by states and affine variables.
    pub(crate) fn read(plan: &Plan<f64>) -> Result<Self, Reason> {
        let mut affine = Vec::new();
        let mut affine_vars = Vec::new();
        for (index, var) in plan.vars.iter().enumerate() {
            affine.push(match var.carry {
                Carry::Discrete => None,
                Carry::Affine => {
                    affine_vars.push(index);
                    Some(affine_vars.len() - 1)
                }
                Carry::Path => {
                    return Err(Reason::new(
                        format!("variable `{}` depends on the whole path", var.name),
                        format!("变量 `{}` 取决于整条路径", var.name),
                    ));
                }
            });
        }
        if affine_vars.len() > MAX_AFFINE {
            return Err(Reason::new(
                format!(
                    "{} linear variables, at most {MAX_AFFINE} are carried",
                    affine_vars.len()
                ),
                format!(
                    "有 {} 个线性变量，最多携带 {MAX_AFFINE} 个",
                    affine_vars.len()
                ),
            ));
        }
        // A barrier counts once: behind the variables a state holds which ones were hit.
        let start = plan
            .vars
            .iter()
            .zip(&affine)
            .map(|(var, number)| if number.is_some() { 0.0 } else { var.value })
            .chain(plan.monitors.iter().map(|_| 0.0))
            .collect();
        let mut dates = Self {
            states: vec![start],
            affine,
            affine_vars,
            table: Vec::new(),
            strikes: Vec::new(),
        };
        dates.fill(plan)?;
        Ok(dates)
    }

    /// Walks the dates until no new state appears; states found late are then looked at on the
    /// earlier dates too, which costs little and keeps one table.
    fn fill(&mut self, plan: &Plan<f64>) -> Result<(), Reason> {
        loop {
            self.table.clear();
            let mut distinct: Vec<usize> = Vec::new();
            for (index, instant) in plan.instants.iter().enumerate() {
                let known = distinct
                    .iter()
                    .rev()
                    .take(LOOKED_BACK)
                    .find(|known| same_rules(&plan.instants[**known].rules, &instant.rules));
                let row = match known {
                    Some(known) => Rc::clone(&self.table[*known]),
                    None => {
                        distinct.push(index);
                        Rc::new(self.row(plan, instant)?)
                    }
                };
                self.table.push(row);
            }
            self.strikes.clear();
            for (number, monitor) in plan.monitors.iter().enumerate() {
                let strike = self.strike(plan, number, monitor)?;
                self.strikes.push(strike);
            }
            let all = self.states.len();
            let mut rows = self.table.iter().map(|row| row.len());
            let mut strikes = self.strikes.iter().map(|strike| strike.outcomes.len());
            if rows.all(|states| states == all) && strikes.all(|states| states == all) {
                return Ok(());
            }
        }
    }

    fn strike(
        &mut self,
        plan: &Plan<f64>,
        number: usize,
        monitor: &Monitor<f64>,
    ) -> Result<Strike, Reason> {
        let mark = plan.vars.len() + number;
        let rules = vec![Rule {
            phase: phase::FIXING,
            row: 0,
            schedule: String::new(),
            condition: None,
            actions: monitor.actions.clone(),
        }];
        let mut outcomes = Vec::new();
        let mut state = 0;
        while state < self.states.len() {
            let mut memory = self.states[state].clone();
            state += 1;
            let idle = match &monitor.unless {
                None => false,
                Some(unless) => self
                    .point(plan, monitor.level, &memory)
                    .holds(unless)
                    .ok_or_else(|| {
                        Reason::new(
                            "a barrier's condition is not linear in what it remembers",
                            "障碍的条件对所记忆的量不是线性的",
                        )
                    })?,
            };
            if idle || memory[mark] != 0.0 {
                outcomes.push(None);
                continue;
            }
            memory[mark] = 1.0;
            let course = self.course(plan, &rules, monitor.level, &memory)?;
            let next = match course.memory {
                None => None,
                Some(memory) => Some(self.state(memory)?),
            };
            outcomes.push(Some(Outcome {
                actions: course.actions,
                next,
            }));
        }
        Ok(Strike { rules, outcomes })
    }

    fn row(&mut self, plan: &Plan<f64>, instant: &Instant<f64>) -> Result<Vec<Vec<Cell>>, Reason> {
        let mut row = Vec::new();
        let mut state = 0;
        while state < self.states.len() {
            let memory = self.states[state].clone();
            row.push(self.cells(plan, instant, &memory)?);
            state += 1;
        }
        Ok(row)
    }

    fn cells(
        &mut self,
        plan: &Plan<f64>,
        instant: &Instant<f64>,
        memory: &Memory,
    ) -> Result<Vec<Cell>, Reason> {
        let initial = plan.underlyings[0].initial;
        let (lo, hi) = (initial / FAR, initial * FAR);
        let mut cuts = vec![lo, hi];
        // Rules of the date may change what later rules look at: cut again with what they leave.
        let mut looked = vec![memory.clone()];
        let mut next = 0;
        while next < looked.len() {
            let seen = looked[next].clone();
            cuts.extend(kinks(
                &instant.rules,
                self.point(plan, initial, &seen),
                lo,
                hi,
            ));
            tidy_cuts(&mut cuts);
            for pair in cuts.windows(2) {
                let course =
                    self.course(plan, &instant.rules, (pair[0] * pair[1]).sqrt(), memory)?;
                for (_, _, passed) in &course.actions {
                    if !looked.contains(passed) {
                        looked.push(passed.clone());
                    }
                }
                if let Some(left) = course.memory
                    && !looked.contains(&left)
                {
                    looked.push(left);
                }
            }
            next += 1;
        }
        let mut cells: Vec<Cell> = Vec::new();
        for pair in cuts.windows(2) {
            let course = self.course(plan, &instant.rules, (pair[0] * pair[1]).sqrt(), memory)?;
            let next = match course.memory {
                None => None,
                Some(memory) => Some(self.state(memory)?),
            };
            let outcome = Outcome {
                actions: course.actions,
                next,
            };
            match cells.last_mut() {
                Some(last) if last.outcome == outcome && outcome.actions.is_empty() => {
                    last.hi = pair[1];
                }
                _ => cells.push(Cell {
                    lo: pair[0],
                    hi: pair[1],
                    outcome,
                }),
            }
        }
        self.stretch(plan, instant, memory, &mut cells)?;
        Ok(cells)
    }

    /// Lets the outermost cells go on to spots that no contract is written for but a market may
    /// hold. What is decided there must be what is decided at their inner ends.
    fn stretch(
        &self,
        plan: &Plan<f64>,
        instant: &Instant<f64>,
        memory: &Memory,
        cells: &mut [Cell],
    ) -> Result<(), Reason> {
        let same = |cell: &Cell, spot: f64| -> Result<bool, Reason> {
            let course = self.course(plan, &instant.rules, spot, memory)?;
            let next = course.memory.as_deref();
            let known = cell.outcome.next.map(|state| &*self.states[state]);
            Ok(course.actions == cell.outcome.actions && next == known)
        };
        let beyond = || {
            Reason::new(
                format!("a level lies beyond {FAR:e} times the initial fixing"),
                format!("水平超出初始价的 {FAR:e} 倍"),
            )
        };
        if let Some(first) = cells.first_mut() {
            first.lo /= FARTHER;
            if !same(first, first.lo)? {
                return Err(beyond());
            }
        }
        if let Some(last) = cells.last_mut() {
            last.hi *= FARTHER;
            if !same(last, last.hi)? {
                return Err(beyond());
            }
        }
        Ok(())
    }

    fn state(&mut self, memory: Memory) -> Result<usize, Reason> {
        if let Some(known) = self.states.iter().position(|state| *state == memory) {
            return Ok(known);
        }
        if self.states.len() == MOST_STATES {
            return Err(Reason::new(
                format!("more than {MOST_STATES} states of the memory"),
                format!("记忆状态超过 {MOST_STATES} 个"),
            ));
        }
        self.states.push(memory);
        Ok(self.states.len() - 1)
    }

    fn point<'a>(&'a self, plan: &Plan<f64>, spot: f64, memory: &'a [f64]) -> Point<'a> {
        Point {
            spot,
            initial: plan.underlyings[0].initial,
            weight: plan.underlyings[0].weight,
            vars: memory,
            affine: &self.affine,
            held: &UNIT,
        }
    }

    fn course(
        &self,
        plan: &Plan<f64>,
        rules: &[Rule<f64>],
        spot: f64,
        memory: &Memory,
    ) -> Result<Course, Reason> {
        let mut memory = memory.clone();
        let mut actions = Vec::new();
        let nonlinear = || {
            Reason::new(
                "a condition or amount is not linear in what it remembers",
                "条件或金额对所记忆的量不是线性的",
            )
        };
        for (number, rule) in rules.iter().enumerate() {
            if let Some(condition) = &rule.condition
                && !self
                    .point(plan, spot, &memory)
                    .holds(condition)
                    .ok_or_else(nonlinear)?
            {
                continue;
            }
            for (index, action) in rule.actions.iter().enumerate() {
                match action {
                    Action::Pay { .. } => actions.push((number, index, memory.clone())),
                    Action::Set { var, .. } if self.affine[*var].is_some() => {
                        actions.push((number, index, memory.clone()));
                    }
                    Action::Set { var, value } => {
                        let value = self
                            .point(plan, spot, &memory)
                            .number(value)
                            .ok_or_else(nonlinear)?;
                        memory[*var] = bounded(plan.vars[*var].kind, value);
                    }
                    Action::Stop => {
                        return Ok(Course {
                            actions,
                            memory: None,
                        });
                    }
                }
            }
        }
        Ok(Course {
            actions,
            memory: Some(memory),
        })
    }
}

/// The affine variables as they stand when a date begins.
pub(crate) const UNIT: [Linear; MAX_AFFINE] = {
    let mut unit = [Linear {
        c: [0.0; 1 + MAX_AFFINE],
    }; MAX_AFFINE];
    let mut number = 0;
    while number < MAX_AFFINE {
        unit[number].c[1 + number] = 1.0;
        number += 1;
    }
    unit
};

/// A variable's value within what its kind allows.
fn bounded(kind: VarKind, value: f64) -> f64 {
    match kind {
        VarKind::Flag => f64::from(u8::from(value != 0.0)),
        VarKind::Count { max } => value.round().clamp(0.0, f64::from(max)),
        VarKind::Sum => value,
    }
}

fn tidy_cuts(cuts: &mut Vec<f64>) {
    cuts.sort_by(f64::total_cmp);
    cuts.dedup_by(|b, a| (*b - *a).abs() <= 1e-12 * a.abs());
}

/// Whether two dates have the same rules, whatever row they are of.
fn same_rules(a: &[Rule<f64>], b: &[Rule<f64>]) -> bool {
    let same_action = |a: &Action<f64>, b: &Action<f64>| match (a, b) {
        (Action::Pay { amount: a, .. }, Action::Pay { amount: b, .. }) => a == b,
        (a, b) => a == b,
    };
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            a.condition == b.condition
                && a.actions.len() == b.actions.len()
                && a.actions
                    .iter()
                    .zip(&b.actions)
                    .all(|(a, b)| same_action(a, b))
        })
}

impl Outcome {
    /// Whether nothing in it looks at the spot.
    pub(crate) fn is_flat(&self, rules: &[Rule<f64>]) -> bool {
        self.actions
            .iter()
            .all(|(rule, action, _)| match &rules[*rule].actions[*action] {
                Action::Pay { amount: value, .. } | Action::Set { value, .. } => !sees_spot(value),
                Action::Stop => true,
            })
    }

    /// Payments of the date and the affine variables after it, at one spot; `discount` gives the
    /// factor from the payment of a rule's action back to the date.
    pub(crate) fn at(
        &self,
        plan: &Plan<f64>,
        rules: &[Rule<f64>],
        affine: &[Option<usize>],
        spot: f64,
        discount: &dyn Fn(usize, usize) -> f64,
    ) -> Result<(Linear, [Linear; MAX_AFFINE]), PriceError> {
        let mut held = UNIT;
        let mut paid = Linear::constant(0.0);
        for (rule, index, memory) in &self.actions {
            let point = Point {
                spot,
                initial: plan.underlyings[0].initial,
                weight: plan.underlyings[0].weight,
                vars: memory,
                affine,
                held: &held,
            };
            let undefined = PriceError::Number {
                stage: "an amount",
                value: f64::NAN,
            };
            match &rules[*rule].actions[*index] {
                Action::Pay { amount, .. } => {
                    let amount = point.linear(amount).ok_or(undefined)?;
                    paid = paid.plus(amount.scaled(discount(*rule, *index)));
                }
                Action::Set { var, value } => {
                    let value = point.linear(value).ok_or(undefined)?;
                    if let Some(number) = affine[*var] {
                        held[number] = value;
                    }
                }
                Action::Stop => {}
            }
        }
        Ok((paid, held))
    }
}
