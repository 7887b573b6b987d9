//! How engines can carry what a contract remembers (specification, section 5, "Compilation").
//!
//! Discrete: flags and bounded counts, while the product of their sizes stays within
//! [`MAX_STATES`]. Affine: a sum that enters payments linearly and conditions never; then
//! `V(S, x) = V(S, 0) + x · A(S)`. Path: anything else.

use rust_decimal::Decimal;

use crate::bounds::{cond_mentions, mentions};
use crate::plan::{Action, Carry, Class, Cond, Exercise, Expr, Instant, Monitor, Var};
use crate::program::VarKind;

/// Most discrete states that are carried one by one.
pub const MAX_STATES: u64 = 64;

/// The parts of a plan that decide.
pub(crate) struct Parts<'a> {
    pub(crate) underlyings: usize,
    pub(crate) instants: &'a [Instant<Decimal>],
    pub(crate) monitors: &'a [Monitor<Decimal>],
    pub(crate) exercise: Option<&'a Exercise<Decimal>>,
}

/// Sets how each variable is carried and tells the class of the plan.
pub(crate) fn classify(vars: &mut [Var<Decimal>], parts: &Parts<'_>) -> Class {
    let sizes: Vec<u64> = vars
        .iter()
        .map(|var| match var.kind {
            VarKind::Flag => 2,
            VarKind::Count { max } => u64::from(max) + 1,
            VarKind::Sum => 1,
        })
        .collect();
    let mut order: Vec<usize> = (0..vars.len()).filter(|n| sizes[*n] > 1).collect();
    order.sort_by_key(|n| sizes[*n]);
    let mut states = 1_u64;
    for index in order {
        let product = states.saturating_mul(sizes[index]);
        let fits = product <= MAX_STATES;
        vars[index].carry = if fits { Carry::Discrete } else { Carry::Path };
        states = if fits { product } else { states };
    }
    let mut affine: Vec<usize> = (0..vars.len())
        .filter(|n| vars[*n].kind == VarKind::Sum)
        .collect();
    affine.retain(|index| !conditional(*index, parts));
    while let Some(at) = affine
        .iter()
        .position(|index| !linear(*index, &affine, parts))
    {
        affine.remove(at);
    }
    for (index, var) in vars.iter_mut().enumerate() {
        if var.kind == VarKind::Sum {
            let carried = affine.contains(&index);
            var.carry = if carried { Carry::Affine } else { Carry::Path };
        }
    }
    Class {
        underlyings: parts.underlyings,
        discrete_states: states,
        affine: affine.len(),
        path: vars.iter().filter(|var| var.carry == Carry::Path).count(),
        continuous: !parts.monitors.is_empty(),
        exercise: parts.exercise.is_some(),
    }
}

fn actions<'a>(parts: &Parts<'a>) -> impl Iterator<Item = &'a Action<Decimal>> {
    let dated = parts.instants.iter().flat_map(|instant| &instant.rules);
    let dated = dated.flat_map(|rule| &rule.actions);
    dated.chain(parts.monitors.iter().flat_map(|monitor| &monitor.actions))
}

/// Whether a condition or the choice to exercise depends on a variable.
fn conditional(index: usize, parts: &Parts<'_>) -> bool {
    let rules = parts.instants.iter().flat_map(|instant| &instant.rules);
    let mut conditions = rules.filter_map(|rule| rule.condition.as_ref()).chain(
        parts
            .monitors
            .iter()
            .filter_map(|monitor| monitor.unless.as_ref()),
    );
    conditions.any(|cond| cond_mentions(cond, index))
        || parts
            .exercise
            .is_some_and(|exercise| mentions(&exercise.payoff, index))
        || (parts.exercise.is_some() && actions(parts).any(|a| action_mentions(a, index)))
}

fn action_mentions(action: &Action<Decimal>, index: usize) -> bool {
    match action {
        Action::Pay { amount, .. } => mentions(amount, index),
        Action::Set { var, value } => *var == index || mentions(value, index),
        Action::Stop => false,
    }
}

/// Whether every payment and every affine variable is of first degree in the affine variables, and
/// nothing else depends on `index`.
fn linear(index: usize, affine: &[usize], parts: &Parts<'_>) -> bool {
    actions(parts).all(|action| match action {
        Action::Pay { amount, .. } => !mentions(amount, index) || degree(amount, affine) <= 1,
        Action::Set { var, value } => {
            !mentions(value, index) || (affine.contains(var) && degree(value, affine) <= 1)
        }
        Action::Stop => true,
    })
}

/// Degree of an expression in the affine variables; 2 stands for anything that is not linear.
fn degree(expr: &Expr<Decimal>, affine: &[usize]) -> u8 {
    let highest = |terms: &[Expr<Decimal>]| {
        terms
            .iter()
            .map(|term| degree(term, affine))
            .max()
            .unwrap_or(0)
    };
    match expr {
        Expr::Var(index) => u8::from(affine.contains(index)),
        Expr::Const(_) | Expr::Spot(_) | Expr::Worst | Expr::Best | Expr::Basket => 0,
        Expr::Add(terms) | Expr::Sub(terms) => highest(terms),
        Expr::Mul(terms) => terms
            .iter()
            .map(|t| degree(t, affine))
            .fold(0, |a, b| (a + b).min(2)),
        Expr::Div(terms) => {
            let above = terms.first().map_or(0, |term| degree(term, affine));
            if highest(terms.get(1..).unwrap_or_default()) == 0 {
                above
            } else {
                2
            }
        }
        Expr::Min(terms) | Expr::Max(terms) => 2 * highest(terms).min(1),
        Expr::If(cond, yes, no) => {
            let free = affine.iter().all(|index| !cond_mentions(cond, *index));
            let branches = degree(yes, affine).max(degree(no, affine));
            if free { branches } else { 2 }
        }
    }
}

/// Why a variable is not carried as its kind suggests, for explanations.
#[must_use]
pub fn reason(var: &Var<Decimal>) -> Option<&'static str> {
    match (var.kind, var.carry) {
        (VarKind::Sum, Carry::Path) => Some("it enters a condition or a payment not linearly"),
        (VarKind::Count { .. } | VarKind::Flag, Carry::Path) => {
            Some("flags and counts together have more than 64 states")
        }
        _ => None,
    }
}

/// Whether a condition speaks of nothing but variables.
pub(crate) fn remembered_only(cond: &Cond<Decimal>) -> bool {
    match cond {
        Cond::Always(_) | Cond::Flag(_) => true,
        Cond::Compare(_, left, right) => {
            let known = |e: &Expr<Decimal>| matches!(e, Expr::Const(_) | Expr::Var(_));
            known(left) && known(right)
        }
        Cond::And(terms) | Cond::Or(terms) => terms.iter().all(remembered_only),
        Cond::Not(inner) => remembered_only(inner),
    }
}
