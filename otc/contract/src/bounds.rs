//! Bounds of expressions, to refuse divisions by what can be zero.

use rust_decimal::Decimal;

use crate::number::binary;
use crate::plan::{Cond, Expr};
use crate::program::VarKind;

/// Smallest and largest value an expression can take, fixings being above zero.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bounds(f64, f64);

const ANY: Bounds = Bounds(f64::NEG_INFINITY, f64::INFINITY);
const POSITIVE: Bounds = Bounds(f64::MIN_POSITIVE, f64::INFINITY);

/// Whether an expression can be zero, as far as bounds tell.
pub(crate) fn can_be_zero(expr: &Expr<Decimal>, kinds: &[VarKind], weights: &[f64]) -> bool {
    let Bounds(low, high) = bounds(expr, kinds, weights);
    !(low > 0.0 || high < 0.0)
}

fn bounds(expr: &Expr<Decimal>, kinds: &[VarKind], weights: &[f64]) -> Bounds {
    let each = |terms: &[Expr<Decimal>]| -> Vec<Bounds> {
        terms
            .iter()
            .map(|term| bounds(term, kinds, weights))
            .collect()
    };
    match expr {
        Expr::Const(value) => Bounds(binary(*value), binary(*value)),
        Expr::Spot(_) | Expr::Worst | Expr::Best => POSITIVE,
        Expr::Basket if weights.iter().all(|w| *w > 0.0) => POSITIVE,
        Expr::Basket => ANY,
        Expr::Var(index) => match kinds.get(*index) {
            Some(VarKind::Flag) => Bounds(0.0, 1.0),
            Some(VarKind::Count { max }) => Bounds(0.0, f64::from(*max)),
            Some(VarKind::Sum) | None => ANY,
        },
        Expr::Add(terms) => each(terms).into_iter().fold(Bounds(0.0, 0.0), plus),
        Expr::Sub(terms) => {
            let mut terms = each(terms).into_iter();
            let first = terms.next().unwrap_or(ANY);
            let rest: Vec<Bounds> = terms.collect();
            match rest.is_empty() {
                true => negative(first),
                false => rest.into_iter().map(negative).fold(first, plus),
            }
        }
        Expr::Mul(terms) => each(terms).into_iter().fold(Bounds(1.0, 1.0), times),
        Expr::Div(terms) => {
            let mut terms = each(terms).into_iter();
            let first = terms.next().unwrap_or(ANY);
            terms.map(inverse).fold(first, times)
        }
        Expr::Min(terms) => fold(each(terms), |a, b| Bounds(a.0.min(b.0), a.1.min(b.1))),
        Expr::Max(terms) => fold(each(terms), |a, b| Bounds(a.0.max(b.0), a.1.max(b.1))),
        Expr::If(_, yes, no) => {
            let (a, b) = (bounds(yes, kinds, weights), bounds(no, kinds, weights));
            Bounds(a.0.min(b.0), a.1.max(b.1))
        }
    }
}

fn fold(terms: Vec<Bounds>, f: impl Fn(Bounds, Bounds) -> Bounds) -> Bounds {
    terms.into_iter().reduce(f).unwrap_or(ANY)
}

/// Not-a-number (infinity less infinity) means that anything is possible.
fn sane(bounds: Bounds) -> Bounds {
    if bounds.0.is_nan() || bounds.1.is_nan() {
        ANY
    } else {
        bounds
    }
}

fn plus(a: Bounds, b: Bounds) -> Bounds {
    sane(Bounds(a.0 + b.0, a.1 + b.1))
}

fn negative(a: Bounds) -> Bounds {
    Bounds(-a.1, -a.0)
}

fn times(a: Bounds, b: Bounds) -> Bounds {
    let ends = [a.0 * b.0, a.0 * b.1, a.1 * b.0, a.1 * b.1];
    if ends.iter().any(|end| end.is_nan()) {
        return ANY;
    }
    let low = ends.iter().copied().fold(f64::INFINITY, f64::min);
    Bounds(low, ends.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

fn inverse(a: Bounds) -> Bounds {
    if a.0 > 0.0 || a.1 < 0.0 {
        sane(Bounds(1.0 / a.1, 1.0 / a.0))
    } else {
        ANY
    }
}

/// Whether variable `index` occurs in an expression.
pub(crate) fn mentions(expr: &Expr<Decimal>, index: usize) -> bool {
    match expr {
        Expr::Var(found) => *found == index,
        Expr::Const(_) | Expr::Spot(_) | Expr::Worst | Expr::Best | Expr::Basket => false,
        Expr::Add(terms)
        | Expr::Sub(terms)
        | Expr::Mul(terms)
        | Expr::Div(terms)
        | Expr::Min(terms)
        | Expr::Max(terms) => terms.iter().any(|term| mentions(term, index)),
        Expr::If(cond, yes, no) => {
            cond_mentions(cond, index) || mentions(yes, index) || mentions(no, index)
        }
    }
}

/// Whether variable `index` occurs in a condition.
pub(crate) fn cond_mentions(cond: &Cond<Decimal>, index: usize) -> bool {
    match cond {
        Cond::Always(_) => false,
        Cond::Compare(_, left, right) => mentions(left, index) || mentions(right, index),
        Cond::And(terms) | Cond::Or(terms) => terms.iter().any(|term| cond_mentions(term, index)),
        Cond::Not(inner) => cond_mentions(inner, index),
        Cond::Flag(found) => *found == index,
    }
}
