//! The interpreter column by column: what a plan's rules do, for a whole block of paths at once.
//!
//! For plans that the program over log-spots ([`super::program`]) is not for: those that add up what
//! they saw, and those on several underlyings. Every path gets the arithmetic of the interpreter in
//! its order; conditions become masks, so that no path branches.

use pulp::{Simd, WithSimd};
use rialto_otc_contract::plan::{Action, Cond, Expr, Plan, Rule};
use rialto_otc_contract::program::{Comparison, VarKind};
use rialto_otc_numerics::exponential::exp;

use super::walk::{Payments, Tally};
use crate::engine::PriceError;

/// Logarithm of the largest ratio of a fixing to the spot now that is looked at.
const FARTHEST: f64 = 690.0;

/// Where a number comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Arg {
    Const(f64),
    Column(usize),
}

/// What two numbers are made into.
#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
}

/// A mask by number; the paths that are alive are mask 0. `None` holds for all paths.
type Mask = Option<usize>;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Op {
    /// `to = from`.
    Move {
        to: usize,
        from: Arg,
    },
    /// `to = how(to, by)`.
    Fold {
        how: How,
        to: usize,
        by: Arg,
    },
    /// `to = mask ? yes : no`.
    Choose {
        to: usize,
        mask: usize,
        yes: Arg,
        no: Arg,
    },
    Compare {
        to: usize,
        how: Comparison,
        args: [Arg; 2],
    },
    /// A mask that is the same for all.
    All {
        to: usize,
        holds: bool,
    },
    And {
        to: usize,
        by: usize,
    },
    Or {
        to: usize,
        by: usize,
    },
    Not {
        to: usize,
    },
    Pay {
        amount: Arg,
        factor: f64,
        slot: usize,
        mask: Mask,
    },
    /// Remembers, within what the kind of a variable allows.
    Keep {
        var: usize,
        kind: VarKind,
        from: Arg,
        mask: Mask,
    },
    Stop {
        mask: usize,
    },
}

/// A plan as operations on columns: the fixings first, then the variables, then what is in between.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Columns {
    instants: Vec<Vec<Op>>,
    names: usize,
    vars: Vec<f64>,
    columns: usize,
    masks: usize,
    /// Whether some rule may end the contract early.
    stops: bool,
}

struct Compiler<'a> {
    plan: &'a Plan<f64>,
    payments: &'a Payments,
    ops: Vec<Op>,
    stops: bool,
    /// Columns and masks in use, and most of them at once.
    used: [usize; 2],
    most: [usize; 2],
}

impl Columns {
    /// Compiles; `None` for what the interpreter must walk: barriers watched between the dates, and
    /// divisions by what may be 0.
    pub(super) fn new(plan: &Plan<f64>, payments: &Payments) -> Option<Self> {
        if !plan.monitors.is_empty() || plan.underlyings.is_empty() {
            return None;
        }
        let rules = || plan.instants.iter().flat_map(|instant| &instant.rules);
        let stop = |rule: &Rule<f64>| rule.actions.contains(&Action::Stop);
        let stops = rules().any(stop);
        let fixed = [plan.underlyings.len() + plan.vars.len(), 1];
        let mut compiler = Compiler {
            plan,
            payments,
            ops: Vec::new(),
            stops,
            used: fixed,
            most: fixed,
        };
        let mut instants = Vec::with_capacity(plan.instants.len());
        for (number, instant) in plan.instants.iter().enumerate() {
            for (index, rule) in instant.rules.iter().enumerate() {
                compiler.used = fixed;
                compiler.rule((number, index), rule)?;
            }
            instants.push(std::mem::take(&mut compiler.ops));
        }
        Some(Self {
            instants,
            names: plan.underlyings.len(),
            vars: plan.vars.iter().map(|var| var.value).collect(),
            columns: compiler.most[0],
            masks: compiler.most[1],
            stops,
        })
    }
}

impl Compiler<'_> {
    fn take(&mut self, kind: usize) -> usize {
        self.used[kind] += 1;
        self.most[kind] = self.most[kind].max(self.used[kind]);
        self.used[kind] - 1
    }

    fn rule(&mut self, (instant, number): (usize, usize), rule: &Rule<f64>) -> Option<()> {
        let mask = match &rule.condition {
            None | Some(Cond::Always(true)) => self.stops.then_some(0),
            Some(condition) => {
                let mask = self.condition(condition)?;
                if self.stops {
                    self.ops.push(Op::And { to: mask, by: 0 });
                }
                Some(mask)
            }
        };
        for (index, action) in rule.actions.iter().enumerate() {
            match action {
                Action::Pay { amount, .. } => {
                    let (factor, slot) = self.payments.of_rule(instant, number, index);
                    let amount = self.value(amount)?;
                    self.ops.push(Op::Pay {
                        amount,
                        factor,
                        slot,
                        mask,
                    });
                }
                Action::Set { var, value } => self.set(*var, value, mask)?,
                Action::Stop => {
                    self.ops.push(Op::Stop { mask: mask? });
                    return Some(());
                }
            }
        }
        Some(())
    }

    fn set(&mut self, var: usize, value: &Expr<f64>, mask: Mask) -> Option<()> {
        let kind = self.plan.vars.get(var)?.kind;
        let column = self.plan.underlyings.len() + var;
        // What is added to a sum on every path is added in place.
        if let (Expr::Add(terms), VarKind::Sum, None) = (value, kind, mask)
            && let Some((Expr::Var(first), rest)) = terms.split_first()
            && *first == var
        {
            let rest: Option<Vec<Arg>> = rest.iter().map(|term| self.value(term)).collect();
            let rest = rest?;
            if !rest.contains(&Arg::Column(column)) {
                let fold = |by: Arg| Op::Fold {
                    how: How::Add,
                    to: column,
                    by,
                };
                self.ops.extend(rest.into_iter().map(fold));
                return Some(());
            }
        }
        let from = self.value(value)?;
        self.ops.push(Op::Keep {
            var: column,
            kind,
            from,
            mask,
        });
        Some(())
    }

    fn fixing(&self, name: usize) -> Option<Arg> {
        (name < self.plan.underlyings.len()).then_some(Arg::Column(name))
    }

    fn var(&self, var: usize) -> Option<Arg> {
        let names = self.plan.underlyings.len();
        (var < self.plan.vars.len()).then_some(Arg::Column(names + var))
    }

    fn value(&mut self, expr: &Expr<f64>) -> Option<Arg> {
        match expr {
            Expr::Const(value) => Some(Arg::Const(*value)),
            Expr::Spot(name) => self.fixing(*name),
            Expr::Var(var) => self.var(*var),
            Expr::Worst => self.performances(How::Min),
            Expr::Best => self.performances(How::Max),
            Expr::Basket => {
                let sum = self.start(Arg::Const(0.0));
                for name in 0..self.plan.underlyings.len() {
                    let weight = self.plan.underlyings[name].weight;
                    let part = self.performance(name)?;
                    self.fold(How::Mul, part, Arg::Const(weight));
                    self.fold(How::Add, sum, Arg::Column(part));
                }
                Some(Arg::Column(sum))
            }
            Expr::Add(terms) => self.reduce(How::Add, terms),
            Expr::Sub(terms) if terms.len() == 1 => {
                let by = self.value(&terms[0])?;
                let to = self.start(Arg::Const(0.0));
                self.fold(How::Sub, to, by);
                Some(Arg::Column(to))
            }
            Expr::Sub(terms) => self.reduce(How::Sub, terms),
            Expr::Mul(terms) => self.reduce(How::Mul, terms),
            Expr::Div(terms) => self.reduce(How::Div, terms),
            Expr::Min(terms) => self.reduce(How::Min, terms),
            Expr::Max(terms) => self.reduce(How::Max, terms),
            Expr::If(condition, yes, no) => {
                let mask = self.condition(condition)?;
                let (yes, no) = (self.value(yes)?, self.value(no)?);
                let to = self.take(0);
                self.ops.push(Op::Choose { to, mask, yes, no });
                Some(Arg::Column(to))
            }
        }
    }

    fn start(&mut self, from: Arg) -> usize {
        let to = self.take(0);
        self.ops.push(Op::Move { to, from });
        to
    }

    fn fold(&mut self, how: How, to: usize, by: Arg) {
        self.ops.push(Op::Fold { how, to, by });
    }

    fn reduce(&mut self, how: How, terms: &[Expr<f64>]) -> Option<Arg> {
        let (first, rest) = terms.split_first()?;
        let first = self.value(first)?;
        let to = self.start(first);
        for term in rest {
            let by = self.value(term)?;
            let divides = matches!(by, Arg::Const(value) if value != 0.0);
            if how == How::Div && !divides {
                return None;
            }
            self.fold(how, to, by);
        }
        Some(Arg::Column(to))
    }

    fn performance(&mut self, name: usize) -> Option<usize> {
        let initial = self.plan.underlyings.get(name)?.initial;
        let to = self.start(Arg::Column(name));
        self.fold(How::Div, to, Arg::Const(initial));
        (initial != 0.0).then_some(to)
    }

    fn performances(&mut self, how: How) -> Option<Arg> {
        let best = self.performance(0)?;
        for name in 1..self.plan.underlyings.len() {
            let next = self.performance(name)?;
            self.fold(how, best, Arg::Column(next));
        }
        Some(Arg::Column(best))
    }

    fn condition(&mut self, condition: &Cond<f64>) -> Option<usize> {
        let (parts, op): (_, fn(usize, usize) -> Op) = match condition {
            Cond::Always(holds) => {
                let to = self.take(1);
                self.ops.push(Op::All { to, holds: *holds });
                return Some(to);
            }
            Cond::Compare(how, left, right) => {
                let args = [self.value(left)?, self.value(right)?];
                let to = self.take(1);
                self.ops.push(Op::Compare {
                    to,
                    how: *how,
                    args,
                });
                return Some(to);
            }
            Cond::Flag(var) => {
                // A flag is 0 or 1.
                let args = [self.var(*var)?, Arg::Const(0.0)];
                let to = self.take(1);
                let how = Comparison::Above;
                self.ops.push(Op::Compare { to, how, args });
                return Some(to);
            }
            Cond::Not(inner) => {
                let to = self.condition(inner)?;
                self.ops.push(Op::Not { to });
                return Some(to);
            }
            Cond::And(parts) => (parts, |to, by| Op::And { to, by }),
            Cond::Or(parts) => (parts, |to, by| Op::Or { to, by }),
        };
        let to = self.take(1);
        let holds = matches!(condition, Cond::And(_));
        self.ops.push(Op::All { to, holds });
        for part in parts {
            let by = self.condition(part)?;
            self.ops.push(op(to, by));
        }
        Some(to)
    }
}

/// What was paid on one date, when flows are counted.
#[derive(Debug)]
struct Payment {
    slot: usize,
    factor: f64,
    amounts: Vec<f64>,
    mask: Option<Vec<u64>>,
}

/// Columns and masks of one thread.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    columns: Vec<Vec<f64>>,
    masks: Vec<Vec<u64>>,
    paid: Vec<Payment>,
}

/// Where the logarithms of the fixings over the spots now come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paths<'a> {
    /// Rows `[instant][name][lane]`.
    pub(super) logs: &'a [f64],
    /// What is added to each row; empty for nothing.
    pub(super) drifts: &'a [f64],
    /// Spots now.
    pub(super) spots: &'a [f64],
}

impl Columns {
    /// Discounted payments of each path of a block, into `values`; lanes are counted from `from`.
    ///
    /// # Errors
    /// [`PriceError::Number`] when a path leads beyond all numbers.
    pub(super) fn block(
        &self,
        paths: Paths<'_>,
        sheet: &mut Sheet,
        values: &mut [f64],
        from: usize,
        mut tally: Option<&mut Tally>,
    ) -> Result<(), PriceError> {
        let lanes = values.len();
        let arch = pulp::Arch::new();
        values.fill(0.0);
        sheet.columns.resize(self.columns, Vec::new());
        sheet.masks.resize(self.masks, Vec::new());
        sheet.columns.iter_mut().for_each(|c| c.resize(lanes, 0.0));
        sheet.masks.iter_mut().for_each(|m| m.resize(lanes, 0));
        for (column, value) in sheet.columns[self.names..].iter_mut().zip(&self.vars) {
            column.fill(*value);
        }
        sheet.masks[0].fill(u64::MAX);
        for (instant, ops) in self.instants.iter().enumerate() {
            for (name, spot) in paths.spots.iter().enumerate() {
                let row = instant * self.names + name;
                let odd = arch.dispatch(Fixings {
                    logs: &paths.logs[row * lanes..][..lanes],
                    drift: paths.drifts.get(row).copied().unwrap_or(0.0),
                    spot: *spot,
                    out: &mut sheet.columns[name],
                });
                if odd {
                    return Err(PriceError::Number {
                        stage: "a simulated path",
                        value: f64::NAN,
                    });
                }
            }
            arch.dispatch(Run {
                ops,
                columns: &mut sheet.columns,
                masks: &mut sheet.masks,
                paid: tally.is_some().then_some(&mut sheet.paid),
                values,
            });
            if let Some(tally) = &mut tally {
                count(tally, &sheet.paid, lanes, from);
                sheet.paid.clear();
            }
            if self.stops && sheet.masks[0].iter().all(|alive| *alive == 0) {
                break;
            }
        }
        Ok(())
    }
}

/// Counts a date's payments path by path.
fn count(tally: &mut Tally, paid: &[Payment], lanes: usize, from: usize) {
    for lane in 0..lanes {
        for payment in paid {
            if payment.mask.as_ref().is_none_or(|mask| mask[lane] != 0) {
                let amount = payment.amounts[lane];
                tally.add(payment.slot, from + lane, amount, payment.factor * amount);
            }
        }
    }
}

/// Fixings from their logarithms; whether some is none.
struct Fixings<'a> {
    logs: &'a [f64],
    drift: f64,
    spot: f64,
    out: &'a mut [f64],
}

impl WithSimd for Fixings<'_> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> bool {
        let mut near = 0_u64;
        for (out, log) in self.out.iter_mut().zip(self.logs) {
            let x = log + self.drift;
            near += u64::from(x.abs() < FARTHEST);
            *out = self.spot * exp(x);
        }
        near != self.logs.len() as u64
    }
}

/// The operations of one date.
struct Run<'a> {
    ops: &'a [Op],
    columns: &'a mut [Vec<f64>],
    masks: &'a mut [Vec<u64>],
    paid: Option<&'a mut Vec<Payment>>,
    values: &'a mut [f64],
}

/// `yes` where all bits of the mask are set, `no` where none is.
#[inline(always)]
fn chosen(mask: u64, yes: f64, no: f64) -> f64 {
    f64::from_bits(mask & yes.to_bits() | !mask & no.to_bits())
}

#[inline(always)]
fn each(out: &mut [f64], columns: &[Vec<f64>], by: Arg, f: impl Fn(f64, f64) -> f64) {
    match by {
        Arg::Const(by) => out.iter_mut().for_each(|out| *out = f(*out, by)),
        Arg::Column(by) => {
            for (out, by) in out.iter_mut().zip(&columns[by]) {
                *out = f(*out, *by);
            }
        }
    }
}

#[inline(always)]
fn each_masked(
    (out, mask): (&mut [f64], &[u64]),
    columns: &[Vec<f64>],
    by: Arg,
    f: impl Fn(u64, f64, f64) -> f64,
) {
    match by {
        Arg::Const(by) => {
            for (out, mask) in out.iter_mut().zip(mask) {
                *out = f(*mask, *out, by);
            }
        }
        Arg::Column(by) => {
            for ((out, by), mask) in out.iter_mut().zip(&columns[by]).zip(mask) {
                *out = f(*mask, *out, *by);
            }
        }
    }
}

#[inline(always)]
fn fold(how: How, out: &mut [f64], columns: &[Vec<f64>], by: Arg) {
    match how {
        How::Add => each(out, columns, by, |a, b| a + b),
        How::Sub => each(out, columns, by, |a, b| a - b),
        How::Mul => each(out, columns, by, |a, b| a * b),
        How::Div => each(out, columns, by, |a, b| a / b),
        How::Min => each(out, columns, by, |a, b| if b < a { b } else { a }),
        How::Max => each(out, columns, by, |a, b| if b > a { b } else { a }),
    }
}

#[inline(always)]
fn compare(out: &mut [u64], columns: &[Vec<f64>], args: [Arg; 2], f: impl Fn(f64, f64) -> bool) {
    let mask = |holds: bool| u64::from(holds).wrapping_neg();
    match args {
        [Arg::Const(a), Arg::Const(b)] => out.fill(mask(f(a, b))),
        [Arg::Column(a), Arg::Const(b)] => {
            for (out, a) in out.iter_mut().zip(&columns[a]) {
                *out = mask(f(*a, b));
            }
        }
        [Arg::Const(a), Arg::Column(b)] => {
            for (out, b) in out.iter_mut().zip(&columns[b]) {
                *out = mask(f(a, *b));
            }
        }
        [Arg::Column(a), Arg::Column(b)] => {
            for ((out, a), b) in out.iter_mut().zip(&columns[a]).zip(&columns[b]) {
                *out = mask(f(*a, *b));
            }
        }
    }
}

/// A number within what the kind of a variable allows.
#[inline(always)]
fn kept(kind: VarKind, value: f64) -> f64 {
    match kind {
        VarKind::Sum => value,
        VarKind::Flag => {
            if value != 0.0 {
                1.0
            } else {
                0.0
            }
        }
        VarKind::Count { max } => value.max(0.0).min(f64::from(max)),
    }
}

impl Run<'_> {
    #[inline(always)]
    fn masks_of(&mut self, to: usize, by: usize, f: impl Fn(u64, u64) -> u64) {
        let mut out = std::mem::take(&mut self.masks[to]);
        for (out, by) in out.iter_mut().zip(&self.masks[by]) {
            *out = f(*out, *by);
        }
        self.masks[to] = out;
    }

    #[inline(always)]
    fn logic(&mut self, op: Op) {
        match op {
            Op::Compare { to, how, args } => {
                let out = &mut self.masks[to];
                match how {
                    Comparison::AtLeast => compare(out, self.columns, args, |a, b| a >= b),
                    Comparison::Above => compare(out, self.columns, args, |a, b| a > b),
                    Comparison::AtMost => compare(out, self.columns, args, |a, b| a <= b),
                    Comparison::Below => compare(out, self.columns, args, |a, b| a < b),
                }
            }
            Op::All { to, holds } => self.masks[to].fill(u64::from(holds).wrapping_neg()),
            Op::And { to, by } => self.masks_of(to, by, |a, b| a & b),
            Op::Or { to, by } => self.masks_of(to, by, |a, b| a | b),
            Op::Not { to } => self.masks[to].iter_mut().for_each(|mask| *mask = !*mask),
            Op::Stop { mask: 0 } => self.masks[0].fill(0),
            Op::Stop { mask } => self.masks_of(0, mask, |alive, stops| alive & !stops),
            Op::Move { .. }
            | Op::Fold { .. }
            | Op::Choose { .. }
            | Op::Pay { .. }
            | Op::Keep { .. } => {}
        }
    }

    #[inline(always)]
    fn pay(&mut self, (amount, mask): (Arg, Mask), factor: f64, slot: usize) {
        match mask {
            None => each(self.values, self.columns, amount, |value, paid| {
                value + factor * paid
            }),
            Some(mask) => {
                let parts = (&mut *self.values, &self.masks[mask][..]);
                each_masked(parts, self.columns, amount, |mask, value, paid| {
                    value + chosen(mask, factor * paid, 0.0)
                });
            }
        }
        if let Some(paid) = &mut self.paid {
            let amounts = match amount {
                Arg::Const(value) => vec![value; self.values.len()],
                Arg::Column(column) => self.columns[column].clone(),
            };
            paid.push(Payment {
                slot,
                factor,
                amounts,
                mask: mask.map(|mask| self.masks[mask].clone()),
            });
        }
    }
}

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _simd: S) {
        for op in self.ops {
            // What is written to is taken out: no operation reads the column it writes but through it.
            match *op {
                Op::Move { to, from } => {
                    let mut out = std::mem::take(&mut self.columns[to]);
                    each(&mut out, self.columns, from, |_, from| from);
                    self.columns[to] = out;
                }
                Op::Fold { how, to, by } => {
                    let mut out = std::mem::take(&mut self.columns[to]);
                    fold(how, &mut out, self.columns, by);
                    self.columns[to] = out;
                }
                Op::Choose { to, mask, yes, no } => {
                    let mut out = std::mem::take(&mut self.columns[to]);
                    each(&mut out, self.columns, no, |_, no| no);
                    let parts = (&mut out[..], &self.masks[mask][..]);
                    each_masked(parts, self.columns, yes, |mask, no, yes| {
                        chosen(mask, yes, no)
                    });
                    self.columns[to] = out;
                }
                Op::Keep {
                    var,
                    kind,
                    from,
                    mask,
                } => {
                    let mut out = std::mem::take(&mut self.columns[var]);
                    match mask {
                        None => each(&mut out, self.columns, from, |_, from| kept(kind, from)),
                        Some(mask) => {
                            let parts = (&mut out[..], &self.masks[mask][..]);
                            each_masked(parts, self.columns, from, |mask, was, from| {
                                chosen(mask, kept(kind, from), was)
                            });
                        }
                    }
                    self.columns[var] = out;
                }
                Op::Pay {
                    amount,
                    factor,
                    slot,
                    mask,
                } => self.pay((amount, mask), factor, slot),
                other => self.logic(other),
            }
        }
    }
}

#[cfg(test)]
mod tests;
