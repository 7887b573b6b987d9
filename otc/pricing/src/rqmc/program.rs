//! A plan on one underlying as a program over log-spots: for each date and state of the memory, the
//! ranges of the log-spot and what happens in each.

use rialto_otc_contract::plan::{Action, Expr, Plan};

use super::timeline::Timeline;
use super::walk::Payments;
use crate::backward::dates::{Cell, Dates, Outcome};
use crate::backward::expr::{MAX_AFFINE, Point};

/// `Σ_j a_j (c[j][0] + c[j][1] S)` with `a_0 = 1` and `a_1 …` the affine variables.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Form {
    pub(super) c: [[f64; 2]; 1 + MAX_AFFINE],
}

impl Form {
    fn constant(value: f64) -> Self {
        let mut c = [[0.0; 2]; 1 + MAX_AFFINE];
        c[0][0] = value;
        Self { c }
    }

    fn map(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        let mut c = self.c;
        for (mine, theirs) in c.iter_mut().flatten().zip(other.c.iter().flatten()) {
            *mine = f(*mine, *theirs);
        }
        Self { c }
    }

    fn scaled(self, by: f64) -> Self {
        self.map(self, |a, _| a * by)
    }

    /// Whether it depends on nothing.
    fn number(&self) -> Option<f64> {
        let rest = self.c.iter().flatten().skip(1).all(|part| *part == 0.0);
        rest.then_some(self.c[0][0])
    }

    pub(super) fn uses_spot(&self) -> bool {
        self.c.iter().any(|part| part[1] != 0.0)
    }

    pub(super) fn uses_affine(&self) -> bool {
        self.c[1..].iter().flatten().any(|part| *part != 0.0)
    }

    /// Product, where it is again of this form.
    fn times(self, other: Self) -> Option<Self> {
        match (self.number(), other.number()) {
            (Some(number), _) => Some(other.scaled(number)),
            (_, Some(number)) => Some(self.scaled(number)),
            _ if !self.uses_affine() && !other.uses_spot() => Some(other.by_spot(self)),
            _ if !other.uses_affine() && !self.uses_spot() => Some(self.by_spot(other)),
            _ => None,
        }
    }

    /// A form without spot times one without variables.
    fn by_spot(self, other: Self) -> Self {
        Self {
            c: self.c.map(|[c, _]| [c * other.c[0][0], c * other.c[0][1]]),
        }
    }
}

/// What is done in a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Op {
    /// Pays, with the discount factor and the slot of the flow.
    Pay {
        form: Form,
        factor: f64,
        slot: usize,
    },
    /// Sets an affine variable.
    Set { affine: usize, form: Form },
}

/// A range of the log-spot, from the one before up to `hi`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Arm {
    pub(super) hi: f64,
    /// State afterwards; `None` when the contract has ended.
    pub(super) next: Option<usize>,
    pub(super) ops: Vec<Op>,
    pub(super) uses_spot: bool,
}

/// An arm of a contract that remembers nothing: discounted payments `c + s S`, and 1 if it goes on or
/// 0 if it ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Plain {
    pub(super) hi: f64,
    pub(super) c: f64,
    pub(super) s: f64,
    pub(super) keep: f64,
}

/// What a date does whatever the state, in a range of the log-spot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Common {
    /// Ends the contract with the same payments.
    Stop,
    /// Pays the same and goes on.
    Go,
    /// Depends on the state.
    Split,
}

/// One date.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Date {
    /// Mean of the log-move from now, without the motion.
    pub(super) drift: f64,
    /// For each state.
    pub(super) arms: Vec<Vec<Arm>>,
    /// For each state the widest range in which nothing happens.
    pub(super) idle: Vec<(f64, f64)>,
    /// Ranges by upper end.
    pub(super) common: Vec<(f64, Common)>,
    /// The arms without memory, when every date of the plan has such.
    pub(super) plain: Vec<Plain>,
}

/// A plan as a program.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Program {
    pub(super) dates: Vec<Date>,
    /// Dates that pay or end, or change affine variables; the last one is among them.
    pub(super) keys: Vec<usize>,
    /// Values of the affine variables now.
    pub(super) affine: Vec<f64>,
    /// States.
    pub(super) states: usize,
}

impl Program {
    /// Compiles; `None` for what is not of this form, which the interpreter then walks.
    pub(super) fn new(
        plan: &Plan<f64>,
        timeline: &Timeline,
        payments: &Payments,
        spot: f64,
    ) -> Option<Self> {
        let apart = timeline.steps.len() == plan.instants.len()
            && timeline.steps.iter().all(|step| step.spread[0] > 0.0);
        if plan.underlyings.len() != 1
            || !plan.monitors.is_empty()
            || timeline.discretised
            || timeline.has_cash()
            || !apart
        {
            return None;
        }
        let read = Dates::read(plan).ok()?;
        let reader = Reader {
            plan,
            payments,
            read: &read,
            log: spot.ln(),
        };
        let mut dates = Vec::with_capacity(plan.instants.len());
        let mut drift = 0.0;
        for (number, step) in timeline.steps.iter().enumerate() {
            drift += step.carry[0] - 0.5 * step.spread[0];
            drift += step
                .jumps
                .iter()
                .map(|jump| jump.keep.max(f64::MIN_POSITIVE).ln())
                .sum::<f64>();
            dates.push(reader.date(number, drift)?);
        }
        let last = dates.len().checked_sub(1)?;
        let light = |date: &Date| {
            let mut arms = date.arms.iter().flatten();
            arms.all(|arm| arm.ops.is_empty() && arm.next.is_some())
        };
        let keys = (0..dates.len())
            .filter(|number| *number == last || !light(&dates[*number]))
            .collect();
        Some(Self {
            dates,
            keys,
            affine: read
                .affine_vars
                .iter()
                .map(|var| plan.vars[*var].value)
                .collect(),
            states: read.states.len(),
        })
    }
}

struct Reader<'a> {
    plan: &'a Plan<f64>,
    payments: &'a Payments,
    read: &'a Dates,
    log: f64,
}

impl Reader<'_> {
    fn date(&self, number: usize, drift: f64) -> Option<Date> {
        let mut arms = Vec::new();
        let mut idle = Vec::new();
        for (state, cells) in self.read.table[number].iter().enumerate() {
            let row = self.row(number, cells)?;
            idle.push(widest(&row, state));
            arms.push(row);
        }
        let common = common(&arms);
        let plain = match (&arms[..], self.read.affine_vars.is_empty()) {
            ([only], true) => only.iter().map(plain).collect(),
            _ => Vec::new(),
        };
        Some(Date {
            plain,
            drift,
            arms,
            idle,
            common,
        })
    }

    fn row(&self, number: usize, cells: &[Cell]) -> Option<Vec<Arm>> {
        let mut arms = Vec::with_capacity(cells.len());
        for cell in cells {
            let middle = (cell.lo * cell.hi).sqrt();
            let ops = self.ops(number, &cell.outcome, middle)?;
            let uses_spot = ops.iter().any(|op| match op {
                Op::Pay { form, .. } | Op::Set { form, .. } => form.uses_spot(),
            });
            arms.push(Arm {
                hi: cell.hi.ln() - self.log,
                next: cell.outcome.next,
                ops,
                uses_spot,
            });
        }
        arms.last_mut()?.hi = f64::INFINITY;
        Some(arms)
    }

    fn ops(&self, number: usize, outcome: &Outcome, spot: f64) -> Option<Vec<Op>> {
        let mut ops = Vec::new();
        for (rule, index, memory) in &outcome.actions {
            let world = World {
                plan: self.plan,
                read: self.read,
                memory,
                spot,
            };
            match &self.plan.instants[number].rules[*rule].actions[*index] {
                Action::Pay { amount, .. } => {
                    let (factor, slot) = self.payments.of_rule(number, *rule, *index);
                    ops.push(Op::Pay {
                        form: world.form(amount)?,
                        factor,
                        slot,
                    });
                }
                Action::Set { var, value } => ops.push(Op::Set {
                    affine: self.read.affine[*var]?,
                    form: world.form(value)?,
                }),
                Action::Stop => {}
            }
        }
        Some(ops)
    }
}

/// What an amount is read with: the memory, and a spot inside the range, in which no choice of the
/// amount changes.
struct World<'a> {
    plan: &'a Plan<f64>,
    read: &'a Dates,
    memory: &'a [f64],
    spot: f64,
}

impl World<'_> {
    fn point(&self) -> Point<'_> {
        Point {
            spot: self.spot,
            initial: self.plan.underlyings[0].initial,
            weight: self.plan.underlyings[0].weight,
            vars: self.memory,
            affine: &self.read.affine,
            held: &crate::backward::dates::UNIT,
        }
    }

    fn form(&self, expr: &Expr<f64>) -> Option<Form> {
        let underlying = &self.plan.underlyings[0];
        let spot = |factor: f64| {
            let mut form = Form::constant(0.0);
            form.c[0][1] = factor;
            Some(form)
        };
        let fold = |terms: &[Expr<f64>], f: fn(f64, f64) -> f64| {
            let (first, rest) = terms.split_first()?;
            let first = self.form(first)?;
            rest.iter()
                .try_fold(first, |sum, term| Some(sum.map(self.form(term)?, f)))
        };
        match expr {
            Expr::Const(value) => Some(Form::constant(*value)),
            Expr::Spot(_) => spot(1.0),
            Expr::Worst | Expr::Best => spot(1.0 / underlying.initial),
            Expr::Basket => spot(underlying.weight / underlying.initial),
            Expr::Var(index) => match self.read.affine[*index] {
                Some(number) => {
                    let mut form = Form::constant(0.0);
                    form.c[1 + number][0] = 1.0;
                    Some(form)
                }
                None => Some(Form::constant(self.memory[*index])),
            },
            Expr::Add(terms) => fold(terms, |a, b| a + b),
            Expr::Sub(terms) if terms.len() == 1 => Some(self.form(&terms[0])?.scaled(-1.0)),
            Expr::Sub(terms) => fold(terms, |a, b| a - b),
            Expr::Mul(terms) => {
                let (first, rest) = terms.split_first()?;
                let first = self.form(first)?;
                rest.iter()
                    .try_fold(first, |product, term| product.times(self.form(term)?))
            }
            Expr::Div(terms) => {
                let (first, rest) = terms.split_first()?;
                let first = self.form(first)?;
                rest.iter().try_fold(first, |quotient, term| {
                    let by = self.form(term)?.number()?;
                    (by != 0.0).then(|| quotient.scaled(1.0 / by))
                })
            }
            Expr::Min(terms) => self.extreme(terms, |a, b| a < b),
            Expr::Max(terms) => self.extreme(terms, |a, b| a > b),
            Expr::If(condition, yes, no) => {
                let holds = self.point().holds(condition)?;
                self.form(if holds { yes } else { no })
            }
        }
    }

    /// The term that is the extreme at the spot inside the range, and so all over it.
    fn extreme(&self, terms: &[Expr<f64>], better: fn(f64, f64) -> bool) -> Option<Form> {
        let mut best: Option<(f64, Form)> = None;
        for term in terms {
            let form = self.form(term)?;
            if form.uses_affine() && terms.len() > 1 {
                return None;
            }
            let value = form.c[0][0] + form.c[0][1] * self.spot;
            if best.is_none_or(|(best, _)| better(value, best)) {
                best = Some((value, form));
            }
        }
        best.map(|(_, form)| form)
    }
}

fn plain(arm: &Arm) -> Plain {
    let mut plain = Plain {
        hi: arm.hi,
        c: 0.0,
        s: 0.0,
        keep: f64::from(u8::from(arm.next.is_some())),
    };
    for op in &arm.ops {
        if let Op::Pay { form, factor, .. } = op {
            plain.c += factor * form.c[0][0];
            plain.s += factor * form.c[0][1];
        }
    }
    plain
}

/// The widest range in which a state stays as it is.
fn widest(arms: &[Arm], state: usize) -> (f64, f64) {
    let mut best = (f64::INFINITY, f64::NEG_INFINITY);
    let mut lo = f64::NEG_INFINITY;
    for arm in arms {
        let idle = arm.next == Some(state) && arm.ops.is_empty();
        // Outer ranges have no end; the first of two is kept.
        if idle && (best.1 - best.0).max(0.0) < arm.hi - lo {
            best = (lo, arm.hi);
        }
        lo = arm.hi;
    }
    best
}

/// The arm a log-spot lies in.
pub(super) fn arm_of(arms: &[Arm], x: f64) -> &Arm {
    let last = arms.len() - 1;
    let mut at = 0;
    while at < last && x >= arms[at].hi {
        at += 1;
    }
    &arms[at]
}

fn common(states: &[Vec<Arm>]) -> Vec<(f64, Common)> {
    let mut ends: Vec<f64> = states.iter().flatten().map(|arm| arm.hi).collect();
    ends.sort_by(f64::total_cmp);
    ends.dedup();
    let mut zones: Vec<(f64, Common)> = Vec::new();
    for end in ends {
        // Just inside: an arm holds what lies below its end.
        let inside = end.next_down();
        let first = arm_of(&states[0], inside);
        let same = states.iter().all(|arms| {
            let arm = arm_of(arms, inside);
            arm.ops == first.ops && arm.next.is_none() == first.next.is_none()
        });
        let kind = match (same, first.next) {
            (false, _) => Common::Split,
            (true, None) => Common::Stop,
            (true, Some(_)) => Common::Go,
        };
        match zones.last_mut() {
            Some(last) if last.1 == kind => last.0 = end,
            _ => zones.push((end, kind)),
        }
    }
    zones
}
