//! Folding: what is known at compilation becomes one number.
//!
//! Products keep numerator and denominator of their constants apart and divide once, so that
//! `N × c × 154/365` is rounded once, at the last digit a decimal has.

use rust_decimal::Decimal;

use crate::plan::{Cond, Expr};
use crate::program::Comparison;

/// Why an expression has no value whatever the fixings are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A number left the range of decimals (about 7.9e28).
    #[error("a number leaves the range of decimals")]
    Overflow,
    /// Division by something that is, or can be, zero.
    #[error("the divisor is or can be zero")]
    Division,
}

type Folded = Result<Expr<Decimal>, Fault>;

/// A constant as a fraction.
pub(crate) type Fraction = (Decimal, Decimal);

fn constant(expr: &Expr<Decimal>) -> Option<Decimal> {
    match expr {
        Expr::Const(value) => Some(*value),
        _ => None,
    }
}

fn value((above, below): Fraction) -> Result<Decimal, Fault> {
    if below == Decimal::ONE {
        return Ok(above.normalize());
    }
    if below.is_zero() {
        return Err(Fault::Division);
    }
    Ok(above.checked_div(below).ok_or(Fault::Overflow)?.normalize())
}

/// One term of a product: a known fraction or something unknown.
pub(crate) enum Factor {
    Known(Fraction),
    Open(Expr<Decimal>),
}

/// Product of factors.
pub(crate) fn product(factors: Vec<Factor>) -> Folded {
    let mut known: Fraction = (Decimal::ONE, Decimal::ONE);
    let mut open = Vec::new();
    for factor in factors {
        match factor {
            Factor::Known((above, below)) => {
                known.0 = known.0.checked_mul(above).ok_or(Fault::Overflow)?;
                known.1 = known.1.checked_mul(below).ok_or(Fault::Overflow)?;
            }
            Factor::Open(Expr::Mul(inner)) => open.extend(inner),
            Factor::Open(expr) => open.push(expr),
        }
    }
    let known = value(known)?;
    if open.is_empty() || known.is_zero() {
        return Ok(Expr::Const(known));
    }
    if known != Decimal::ONE {
        open.insert(0, Expr::Const(known));
    }
    Ok(match open.pop() {
        Some(single) if open.is_empty() => single,
        Some(last) => {
            open.push(last);
            Expr::Mul(open)
        }
        None => Expr::Const(known),
    })
}

/// Sum of terms.
pub(crate) fn sum(terms: Vec<Expr<Decimal>>) -> Folded {
    let mut known = Decimal::ZERO;
    let mut open = Vec::new();
    for term in terms {
        match term {
            Expr::Const(value) => known = known.checked_add(value).ok_or(Fault::Overflow)?,
            Expr::Add(inner) => open.extend(inner),
            other => open.push(other),
        }
    }
    if !known.is_zero() || open.is_empty() {
        open.push(Expr::Const(known.normalize()));
    }
    Ok(single_or(open, Expr::Add))
}

fn single_or(
    mut terms: Vec<Expr<Decimal>>,
    many: fn(Vec<Expr<Decimal>>) -> Expr<Decimal>,
) -> Expr<Decimal> {
    match terms.pop() {
        Some(single) if terms.is_empty() => single,
        Some(last) => {
            terms.push(last);
            many(terms)
        }
        None => Expr::Const(Decimal::ZERO),
    }
}

/// First less the others; the negative of a single term.
pub(crate) fn difference(terms: Vec<Expr<Decimal>>) -> Folded {
    let values: Option<Vec<Decimal>> = terms.iter().map(constant).collect();
    if let Some(values) = values {
        let mut values = values.into_iter();
        let Some(first) = values.next() else {
            return Ok(Expr::Const(Decimal::ZERO));
        };
        let mut rest = values.peekable();
        if rest.peek().is_none() {
            return Ok(Expr::Const(-first));
        }
        let total = rest
            .try_fold(first, Decimal::checked_sub)
            .ok_or(Fault::Overflow)?;
        return Ok(Expr::Const(total.normalize()));
    }
    let zero = Expr::Const(Decimal::ZERO);
    if terms.len() > 1 && terms[1..].iter().all(|term| *term == zero) {
        return Ok(single_or(terms.into_iter().take(1).collect(), Expr::Sub));
    }
    Ok(Expr::Sub(terms))
}

/// First divided by the others.
pub(crate) fn quotient(terms: Vec<Expr<Decimal>>) -> Folded {
    let zero = Expr::Const(Decimal::ZERO);
    if terms.iter().skip(1).any(|term| *term == zero) {
        return Err(Fault::Division);
    }
    let one = Expr::Const(Decimal::ONE);
    let mut terms: Vec<_> = terms
        .into_iter()
        .enumerate()
        .filter(|(n, t)| *n == 0 || *t != one)
        .map(|(_, t)| t)
        .collect();
    let values: Option<Vec<Decimal>> = terms.iter().map(constant).collect();
    if let Some(values) = values {
        let total = values.into_iter().reduce_checked(Decimal::checked_div);
        return Ok(Expr::Const(total.ok_or(Fault::Overflow)?.normalize()));
    }
    if terms.first() == Some(&zero) {
        return Ok(zero);
    }
    if terms.len() == 1 {
        return Ok(terms.remove(0));
    }
    Ok(Expr::Div(terms))
}

/// Left fold that stops at the first operation without an answer.
trait ReduceChecked: Iterator + Sized {
    fn reduce_checked(
        mut self,
        f: impl Fn(Self::Item, Self::Item) -> Option<Self::Item>,
    ) -> Option<Self::Item> {
        let first = self.next()?;
        self.try_fold(first, f)
    }
}

impl<I: Iterator> ReduceChecked for I {}

/// Smallest (or largest) of terms.
pub(crate) fn extreme(terms: Vec<Expr<Decimal>>, smallest: bool) -> Expr<Decimal> {
    let mut known: Option<Decimal> = None;
    let mut open = Vec::new();
    for term in terms {
        match term {
            Expr::Const(value) => {
                known = Some(match known {
                    None => value,
                    Some(best) if smallest => best.min(value),
                    Some(best) => best.max(value),
                });
            }
            other => open.push(other),
        }
    }
    open.extend(known.map(Expr::Const));
    single_or(open, if smallest { Expr::Min } else { Expr::Max })
}

/// One of two.
pub(crate) fn choice(cond: Cond<Decimal>, yes: Expr<Decimal>, no: Expr<Decimal>) -> Expr<Decimal> {
    match cond {
        Cond::Always(true) => yes,
        Cond::Always(false) => no,
        _ if yes == no => yes,
        _ => Expr::If(Box::new(cond), Box::new(yes), Box::new(no)),
    }
}

/// Whether a comparison holds.
#[must_use]
pub fn holds<X: PartialOrd>(comparison: Comparison, left: X, right: X) -> bool {
    match comparison {
        Comparison::AtLeast => left >= right,
        Comparison::Above => left > right,
        Comparison::AtMost => left <= right,
        Comparison::Below => left < right,
    }
}

/// Comparison of two numbers.
pub(crate) fn compare(
    comparison: Comparison,
    left: Expr<Decimal>,
    right: Expr<Decimal>,
) -> Cond<Decimal> {
    match (&left, &right) {
        (Expr::Const(a), Expr::Const(b)) => Cond::Always(holds(comparison, *a, *b)),
        _ => Cond::Compare(comparison, Box::new(left), Box::new(right)),
    }
}

/// All (or any) of conditions.
pub(crate) fn junction(terms: Vec<Cond<Decimal>>, all: bool) -> Cond<Decimal> {
    let mut open = Vec::new();
    for term in terms {
        match term {
            Cond::Always(known) if known == all => {}
            Cond::Always(known) => return Cond::Always(known),
            Cond::And(inner) if all => open.extend(inner),
            Cond::Or(inner) if !all => open.extend(inner),
            other => open.push(other),
        }
    }
    match open.pop() {
        None => Cond::Always(all),
        Some(single) if open.is_empty() => single,
        Some(last) => {
            open.push(last);
            if all { Cond::And(open) } else { Cond::Or(open) }
        }
    }
}

/// The opposite.
pub(crate) fn negation(cond: Cond<Decimal>) -> Cond<Decimal> {
    match cond {
        Cond::Always(known) => Cond::Always(!known),
        Cond::Not(inner) => *inner,
        other => Cond::Not(Box::new(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        text.parse().expect("a number")
    }

    #[test]
    fn a_third_of_three_halves_of_a_cent_is_exactly_half_a_cent() {
        let third = Factor::Known((d("30"), d("90")));
        let cents = Factor::Known((d("0.015"), d("1")));
        assert_eq!(product(vec![cents, third]), Ok(Expr::Const(d("0.005"))));
    }

    #[test]
    fn what_is_unknown_stays_and_what_is_known_becomes_one_number() {
        let spot = || Expr::Spot(0);
        let factors = vec![
            Factor::Known((d("2"), d("1"))),
            Factor::Open(spot()),
            Factor::Known((d("3"), d("1"))),
        ];
        let six = Expr::Mul(vec![Expr::Const(d("6")), spot()]);
        assert_eq!(product(factors), Ok(six));
        let none = vec![Factor::Known((d("0"), d("1"))), Factor::Open(spot())];
        assert_eq!(product(none), Ok(Expr::Const(d("0"))));
        assert_eq!(
            quotient(vec![spot(), Expr::Const(d("0"))]),
            Err(Fault::Division)
        );
        assert_eq!(
            difference(vec![Expr::Const(d("3"))]),
            Ok(Expr::Const(d("-3")))
        );
        let ten = "10000000000000000000000000000";
        let large = || Factor::Known((d(ten), d("1")));
        assert_eq!(product(vec![large(), large()]), Err(Fault::Overflow));
    }

    #[test]
    fn conditions_known_at_compilation_disappear() {
        let flag = || Cond::Flag(0);
        assert_eq!(junction(vec![Cond::Always(true), flag()], true), flag());
        assert_eq!(
            junction(vec![Cond::Always(true), flag()], false),
            Cond::Always(true)
        );
        assert_eq!(negation(negation(flag())), flag());
    }
}
