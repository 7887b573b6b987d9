//! Expressions of a one-underlying plan as functions of the spot.

use rialto_otc_contract::plan::{Cond, Expr, Rule};
use rialto_otc_contract::program::Comparison;

/// Affine variables an engine carries at most.
pub(crate) const MAX_AFFINE: usize = 4;

/// A number `c[0] + Σ c[1+j]·a_j`, linear in the affine variables `a`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Linear {
    pub(crate) c: [f64; 1 + MAX_AFFINE],
}

impl Linear {
    pub(crate) fn constant(value: f64) -> Self {
        let mut c = [0.0; 1 + MAX_AFFINE];
        c[0] = value;
        Self { c }
    }

    /// The affine variable of this number itself.
    #[cfg(test)]
    pub(crate) fn variable(number: usize) -> Self {
        let mut linear = Self::constant(0.0);
        linear.c[1 + number] = 1.0;
        linear
    }

    fn map(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        let mut c = self.c;
        for (mine, theirs) in c.iter_mut().zip(other.c) {
            *mine = f(*mine, theirs);
        }
        Self { c }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        self.map(other, |a, b| a + b)
    }

    pub(crate) fn scaled(self, by: f64) -> Self {
        Self {
            c: self.c.map(|part| part * by),
        }
    }

    fn is_constant(self) -> bool {
        self.c[1..].iter().all(|part| *part == 0.0)
    }
}

/// What expressions are evaluated with: the spot, and each variable as a number or as an affine one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point<'a> {
    /// Spot, price units.
    pub(crate) spot: f64,
    /// Initial fixing and basket weight of the underlying.
    pub(crate) initial: f64,
    pub(crate) weight: f64,
    /// Values of the variables; those of affine ones are not looked at.
    pub(crate) vars: &'a [f64],
    /// For each variable, its number among the affine ones.
    pub(crate) affine: &'a [Option<usize>],
    /// What each affine variable holds now, in terms of what it held when the date began.
    pub(crate) held: &'a [Linear],
}

impl Point<'_> {
    /// The expression's value; `None` when affine variables are multiplied, compared or divided by,
    /// which the plan's classification excludes.
    pub(crate) fn linear(&self, expr: &Expr<f64>) -> Option<Linear> {
        let fold = |terms: &[Expr<f64>], f: fn(f64, f64) -> f64| {
            let mut terms = terms.iter();
            let first = self.linear(terms.next()?)?;
            terms.try_fold(first, |sum, term| Some(sum.map(self.linear(term)?, f)))
        };
        match expr {
            Expr::Const(value) => Some(Linear::constant(*value)),
            Expr::Spot(_) => Some(Linear::constant(self.spot)),
            Expr::Worst | Expr::Best => Some(Linear::constant(self.spot / self.initial)),
            Expr::Basket => Some(Linear::constant(self.weight * self.spot / self.initial)),
            Expr::Var(index) => Some(match self.affine[*index] {
                Some(number) => self.held[number],
                None => Linear::constant(self.vars[*index]),
            }),
            Expr::Add(terms) => fold(terms, |a, b| a + b),
            Expr::Sub(terms) if terms.len() == 1 => Some(self.linear(&terms[0])?.scaled(-1.0)),
            Expr::Sub(terms) => fold(terms, |a, b| a - b),
            Expr::Mul(terms) => {
                let mut terms = terms.iter();
                let first = self.linear(terms.next()?)?;
                terms.try_fold(first, |product, term| {
                    let term = self.linear(term)?;
                    if term.is_constant() {
                        Some(product.scaled(term.c[0]))
                    } else if product.is_constant() {
                        Some(term.scaled(product.c[0]))
                    } else {
                        None
                    }
                })
            }
            Expr::Div(terms) => {
                let mut terms = terms.iter();
                let first = self.linear(terms.next()?)?;
                terms.try_fold(first, |quotient, term| {
                    let term = self.linear(term)?;
                    term.is_constant().then(|| quotient.scaled(1.0 / term.c[0]))
                })
            }
            Expr::Min(terms) => self.extreme(terms, |a, b| a < b),
            Expr::Max(terms) => self.extreme(terms, |a, b| a > b),
            Expr::If(condition, yes, no) => {
                self.linear(if self.holds(condition)? { yes } else { no })
            }
        }
    }

    fn extreme(&self, terms: &[Expr<f64>], better: fn(f64, f64) -> bool) -> Option<Linear> {
        let mut best: Option<Linear> = None;
        for term in terms {
            let term = self.linear(term)?;
            if !term.is_constant() && terms.len() > 1 {
                return None;
            }
            if best.is_none_or(|best| better(term.c[0], best.c[0])) {
                best = Some(term);
            }
        }
        best
    }

    /// The expression as a plain number; `None` when it depends on an affine variable.
    pub(crate) fn number(&self, expr: &Expr<f64>) -> Option<f64> {
        let linear = self.linear(expr)?;
        linear.is_constant().then_some(linear.c[0])
    }

    /// Whether the condition holds.
    pub(crate) fn holds(&self, condition: &Cond<f64>) -> Option<bool> {
        Some(match condition {
            Cond::Always(known) => *known,
            Cond::Compare(comparison, left, right) => {
                let (left, right) = (self.number(left)?, self.number(right)?);
                match comparison {
                    Comparison::AtLeast => left >= right,
                    Comparison::Above => left > right,
                    Comparison::AtMost => left <= right,
                    Comparison::Below => left < right,
                }
            }
            Cond::And(all) => {
                for one in all {
                    if !self.holds(one)? {
                        return Some(false);
                    }
                }
                true
            }
            Cond::Or(any) => {
                for one in any {
                    if self.holds(one)? {
                        return Some(true);
                    }
                }
                false
            }
            Cond::Not(one) => !self.holds(one)?,
            Cond::Flag(index) => self.vars[*index] != 0.0,
        })
    }
}

/// Whether an expression looks at the spot.
pub(crate) fn sees_spot(expr: &Expr<f64>) -> bool {
    match expr {
        Expr::Const(_) | Expr::Var(_) => false,
        Expr::Spot(_) | Expr::Worst | Expr::Best | Expr::Basket => true,
        Expr::Add(terms)
        | Expr::Sub(terms)
        | Expr::Mul(terms)
        | Expr::Div(terms)
        | Expr::Min(terms)
        | Expr::Max(terms) => terms.iter().any(sees_spot),
        Expr::If(condition, yes, no) => {
            condition_sees_spot(condition) || sees_spot(yes) || sees_spot(no)
        }
    }
}

fn condition_sees_spot(condition: &Cond<f64>) -> bool {
    match condition {
        Cond::Always(_) | Cond::Flag(_) => false,
        Cond::Compare(_, left, right) => sees_spot(left) || sees_spot(right),
        Cond::And(parts) | Cond::Or(parts) => parts.iter().any(condition_sees_spot),
        Cond::Not(part) => condition_sees_spot(part),
    }
}

/// Spots inside `(lo, hi)` at which a date's rules have a jump or a kink, for the given values of
/// the discrete variables; unsorted, with repetitions.
pub(crate) fn kinks(rules: &[Rule<f64>], at: Point<'_>, lo: f64, hi: f64) -> Vec<f64> {
    let mut found = Vec::new();
    let search = Search { at, lo, hi };
    for rule in rules {
        if let Some(condition) = &rule.condition {
            search.condition(condition, &mut found);
        }
        for action in &rule.actions {
            match action {
                rialto_otc_contract::plan::Action::Pay { amount: value, .. }
                | rialto_otc_contract::plan::Action::Set { value, .. } => {
                    search.expr(value, &mut found);
                }
                rialto_otc_contract::plan::Action::Stop => {}
            }
        }
    }
    found
}

/// Looks for kinks between two spots.
pub(crate) struct Search<'a> {
    pub(crate) at: Point<'a>,
    pub(crate) lo: f64,
    pub(crate) hi: f64,
}

impl Search<'_> {
    fn condition(&self, condition: &Cond<f64>, found: &mut Vec<f64>) {
        match condition {
            Cond::Always(_) | Cond::Flag(_) => {}
            Cond::Compare(_, left, right) => {
                self.expr(left, found);
                self.expr(right, found);
                self.crossings(left, right, found);
            }
            Cond::And(parts) | Cond::Or(parts) => {
                parts.iter().for_each(|part| self.condition(part, found));
            }
            Cond::Not(part) => self.condition(part, found),
        }
    }

    pub(crate) fn expr(&self, expr: &Expr<f64>, found: &mut Vec<f64>) {
        match expr {
            Expr::Const(_)
            | Expr::Spot(_)
            | Expr::Worst
            | Expr::Best
            | Expr::Basket
            | Expr::Var(_) => {}
            Expr::Add(terms) | Expr::Sub(terms) | Expr::Mul(terms) | Expr::Div(terms) => {
                terms.iter().for_each(|term| self.expr(term, found));
            }
            Expr::Min(terms) | Expr::Max(terms) => {
                terms.iter().for_each(|term| self.expr(term, found));
                for (index, left) in terms.iter().enumerate() {
                    for right in &terms[index + 1..] {
                        self.crossings(left, right, found);
                    }
                }
            }
            Expr::If(condition, yes, no) => {
                self.condition(condition, found);
                self.expr(yes, found);
                self.expr(no, found);
            }
        }
    }

    /// Where two expressions are equal: exactly when both are linear between the kinks found so
    /// far, by bisection of sign changes otherwise.
    fn crossings(&self, left: &Expr<f64>, right: &Expr<f64>, found: &mut Vec<f64>) {
        let mut cuts: Vec<f64> = found
            .iter()
            .copied()
            .filter(|cut| *cut > self.lo && *cut < self.hi)
            .collect();
        cuts.extend([self.lo, self.hi]);
        cuts.sort_by(f64::total_cmp);
        cuts.dedup();
        let difference = |spot: f64| {
            let at = Point { spot, ..self.at };
            Some(at.number(left)? - at.number(right)?)
        };
        for pair in cuts.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            let inner = b - a;
            let probes = [a + 0.25 * inner, a + 0.5 * inner, a + 0.75 * inner];
            let [Some(f1), Some(f2), Some(f3)] = probes.map(difference) else {
                continue;
            };
            let scale = f1.abs().max(f2.abs()).max(f3.abs());
            if (f1 - 2.0 * f2 + f3).abs() <= 1e-11 * scale {
                if f3 != f1 {
                    let root = probes[0] - f1 * (probes[2] - probes[0]) / (f3 - f1);
                    if root > a && root < b {
                        found.push(root);
                    }
                }
            } else {
                bisect_sign_changes(a, b, &difference, found);
            }
        }
    }
}

/// Sign changes of a curved function, looked for on a grid of 128 and bisected.
fn bisect_sign_changes(a: f64, b: f64, f: &impl Fn(f64) -> Option<f64>, found: &mut Vec<f64>) {
    const CELLS: u32 = 128;
    let at = |cell: u32| a + (b - a) * (f64::from(cell) + 1e-9) / (f64::from(CELLS) + 2e-9);
    for cell in 0..CELLS {
        let (mut left, mut right) = (at(cell), at(cell + 1));
        let (Some(f_left), Some(f_right)) = (f(left), f(right)) else {
            return;
        };
        if (f_left > 0.0) == (f_right > 0.0) {
            continue;
        }
        for _ in 0..64 {
            let middle = 0.5 * (left + right);
            match f(middle) {
                Some(value) if (value > 0.0) == (f_left > 0.0) => left = middle,
                _ => right = middle,
            }
        }
        found.push(0.5 * (left + right));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(spot: f64) -> Point<'static> {
        Point {
            spot,
            initial: 100.0,
            weight: 1.0,
            vars: &[],
            affine: &[],
            held: &[],
        }
    }

    #[test]
    fn a_call_spread_has_two_kinks() {
        let call = |strike: f64| {
            Expr::Max(vec![
                Expr::Sub(vec![Expr::Spot(0), Expr::Const(strike)]),
                Expr::Const(0.0),
            ])
        };
        let spread = Expr::Sub(vec![call(90.0), call(110.0)]);
        let search = Search {
            at: point(100.0),
            lo: 1.0,
            hi: 1000.0,
        };
        let mut found = Vec::new();
        search.expr(&spread, &mut found);
        found.sort_by(f64::total_cmp);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!((found[0] - 90.0).abs() < 1e-9 && (found[1] - 110.0).abs() < 1e-9);
        assert_eq!(point(105.0).number(&spread), Some(15.0));
    }

    #[test]
    fn a_curved_condition_is_cut_where_it_changes_sign() {
        let square = Expr::Mul(vec![Expr::Spot(0), Expr::Spot(0)]);
        let condition = Expr::Max(vec![square, Expr::Const(8100.0)]);
        let search = Search {
            at: point(100.0),
            lo: 1.0,
            hi: 1000.0,
        };
        let mut found = Vec::new();
        search.expr(&condition, &mut found);
        assert_eq!(found.len(), 1);
        assert!((found[0] - 90.0).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn affine_variables_come_out_as_coefficients() {
        let at = Point {
            vars: &[0.0, 7.0],
            affine: &[Some(0), None],
            held: &[Linear::variable(0)],
            ..point(50.0)
        };
        let expr = Expr::Mul(vec![
            Expr::Var(0),
            Expr::Sub(vec![Expr::Spot(0), Expr::Var(1)]),
        ]);
        let linear = at.linear(&expr).expect("linear");
        assert_eq!((linear.c[0], linear.c[1]), (0.0, 43.0));
        assert!(
            at.linear(&Expr::Mul(vec![Expr::Var(0), Expr::Var(0)]))
                .is_none()
        );
    }
}
