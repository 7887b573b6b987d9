//! Short forms of the program's words, so that templates read like their formulas.
//!
//! They leave out what changes nothing (a factor 1, a term 0), so that the program explained in
//! words carries no noise.

use rust_decimal::Decimal;

use crate::program::{Action, Comparison, Cond, Expr, On, PayAt, Rule, Var, VarKind};
use crate::shape::Side;

/// A number.
pub fn n(value: impl Into<Decimal>) -> Expr {
    Expr::Const(value.into())
}

/// A variable.
pub fn var(name: &str) -> Expr {
    Expr::Var(name.to_owned())
}

/// This row's entry in a column.
pub fn row(column: &str) -> Expr {
    Expr::Row(column.to_owned())
}

fn is(expr: &Expr, value: Decimal) -> bool {
    matches!(expr, Expr::Const(x) if *x == value)
}

/// Sum, without zeros.
pub fn add(terms: impl IntoIterator<Item = Expr>) -> Expr {
    let mut terms: Vec<Expr> = terms
        .into_iter()
        .filter(|term| !is(term, Decimal::ZERO))
        .collect();
    match terms.len() {
        0 => Expr::Const(Decimal::ZERO),
        1 => terms.remove(0),
        _ => Expr::Add(terms),
    }
}

/// Difference.
pub fn sub(a: Expr, b: Expr) -> Expr {
    match (is(&a, Decimal::ZERO), is(&b, Decimal::ZERO)) {
        (_, true) => a,
        (true, false) => Expr::Sub(vec![b]),
        (false, false) => Expr::Sub(vec![a, b]),
    }
}

/// Product, without ones; zero when a factor is.
pub fn mul(factors: impl IntoIterator<Item = Expr>) -> Expr {
    let mut factors: Vec<Expr> = factors
        .into_iter()
        .filter(|factor| !is(factor, Decimal::ONE))
        .collect();
    if factors.iter().any(|factor| is(factor, Decimal::ZERO)) {
        return Expr::Const(Decimal::ZERO);
    }
    match factors.len() {
        0 => Expr::Const(Decimal::ONE),
        1 => factors.remove(0),
        _ => Expr::Mul(factors),
    }
}

/// Quotient.
pub fn div(a: Expr, b: Expr) -> Expr {
    if is(&b, Decimal::ONE) {
        a
    } else {
        Expr::Div(vec![a, b])
    }
}

/// The smaller.
pub fn min(a: Expr, b: Expr) -> Expr {
    Expr::Min(vec![a, b])
}

/// The larger.
pub fn max(a: Expr, b: Expr) -> Expr {
    Expr::Max(vec![a, b])
}

/// `max(w (a − b), 0)`.
pub fn option(w: Side, a: Expr, b: Expr) -> Expr {
    max(signed(w, a, b), n(0))
}

/// `w (a − b)`.
pub fn signed(w: Side, a: Expr, b: Expr) -> Expr {
    match w {
        Side::Call => sub(a, b),
        Side::Put => sub(b, a),
    }
}

/// One of two, by a condition.
pub fn either(cond: Cond, yes: Expr, no: Expr) -> Expr {
    if yes == no {
        yes
    } else {
        Expr::If(Box::new(cond), Box::new(yes), Box::new(no))
    }
}

/// A comparison.
pub fn compare(op: Comparison, a: Expr, b: Expr) -> Cond {
    Cond::Compare(op, Box::new(a), Box::new(b))
}

/// Both hold.
pub fn both(a: Cond, b: Cond) -> Cond {
    Cond::And(vec![a, b])
}

/// A flag is set.
pub fn flag(name: &str) -> Cond {
    Cond::Flag(name.to_owned())
}

/// Does not hold.
pub fn not(cond: Cond) -> Cond {
    Cond::Not(Box::new(cond))
}

/// A payment.
pub fn pay(leg: &str, amount: Expr, at: PayAt) -> Action {
    Action::Pay {
        amount,
        at,
        leg: leg.to_owned(),
    }
}

/// A payment at the contract's end.
pub fn pay_end(leg: &str, amount: Expr) -> Action {
    pay(leg, amount, PayAt::End)
}

/// Remembers a value.
pub fn set(name: &str, value: Expr) -> Action {
    Action::Set {
        var: name.to_owned(),
        value,
    }
}

/// A rule on every row of a schedule.
pub fn on(schedule: &str, phase: u8, condition: Option<Cond>, actions: Vec<Action>) -> Rule {
    Rule {
        on: On::Schedule(schedule.to_owned()),
        phase,
        condition,
        actions,
    }
}

/// A remembered sum from 0.
pub fn sum(name: &str) -> Var {
    Var {
        name: name.to_owned(),
        kind: VarKind::Sum,
        init: Decimal::ZERO,
    }
}

/// A remembered flag, not set.
pub fn unset(name: &str) -> Var {
    Var {
        name: name.to_owned(),
        kind: VarKind::Flag,
        init: Decimal::ZERO,
    }
}

/// Leaves out actions that pay nothing.
pub fn paying(actions: impl IntoIterator<Item = Action>) -> Vec<Action> {
    let pays = |action: &Action| !matches!(action, Action::Pay { amount, .. } if is(amount, Decimal::ZERO));
    actions.into_iter().filter(pays).collect()
}
