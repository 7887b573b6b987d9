//! The geometric mean of `n` fixings in a language without roots.
//!
//! `A = S0 Π r_i^{1/n}` with `r_i = S_i/S0`. Each row takes the `n`-th root of its `r` by Halley's
//! iteration `x ← x ((n − 1) x^n + (n + 1) r) / ((n + 1) x^n + (n − 1) r)` from `x = 1`, whose error
//! in `ln r` goes from `L` to `L − 2 tanh(L/2)` for large `n` (near the root to `L³/12`): eight steps
//! reach the last digit of a decimal for fixings from a thousandth to a thousand times the initial
//! one. Source: Halley 1694; Gander, On Halley's iteration method, 1985.

use super::words::{add, div, max, mul, n, on, pay_end, set, var};
use crate::program::{Action, Expr, Program, Rule, Var, VarKind, phase};
use rust_decimal::Decimal;

/// Variable: product of `(S_i/S0)^{1/n}` so far, 1 at the start.
pub const PRODUCT: &str = "product";
/// Variable: the root so far, `x`.
const ROOT: &str = "root";
/// Variable: `x^n`.
const POWER: &str = "power";
/// Halley steps for each root.
const STEPS: usize = 8;
/// Steps in one rule, which keeps a rule below 32 actions.
const STEPS_IN_RULE: usize = 2;

/// The mean, price units.
pub fn average() -> Expr {
    mul([Expr::Initial, var(PRODUCT)])
}

/// Multiplies the product by the root of every fixing of schedule `fixings`, pays at the end.
pub fn program(rows: u32, payoff: Expr) -> Program {
    let remembered = |name: &str, init: Decimal| Var {
        name: name.to_owned(),
        kind: VarKind::Sum,
        init,
    };
    let vars = vec![
        remembered(PRODUCT, Decimal::ONE),
        remembered(ROOT, Decimal::ONE),
        remembered(POWER, Decimal::ONE),
    ];
    let rule = |actions| -> Rule { on(super::asian::FIXINGS, phase::FIXING, None, actions) };
    let mut rules = vec![rule(vec![set(ROOT, n(1))])];
    for _ in 0..STEPS / STEPS_IN_RULE {
        let steps = (0..STEPS_IN_RULE).flat_map(|_| halley(rows));
        rules.push(rule(steps.collect()));
    }
    rules.push(rule(vec![set(PRODUCT, mul([var(PRODUCT), var(ROOT)]))]));
    Program {
        vars,
        rules,
        terminal: vec![pay_end("payoff", payoff)],
        exercise: None,
    }
}

/// One step: `x^n` by squaring, then the quotient.
fn halley(rows: u32) -> Vec<Action> {
    let ratio = || div(Expr::Spot, Expr::Initial);
    if rows <= 1 {
        return vec![set(ROOT, ratio())];
    }
    let mut actions = vec![set(POWER, var(ROOT))];
    // From the second binary digit of n on: square, and multiply by x where the digit is 1.
    for digit in (0..rows.ilog2()).rev() {
        let square = [var(POWER), var(POWER)];
        let next = match rows >> digit & 1 {
            1 => mul(square.into_iter().chain([var(ROOT)])),
            _ => mul(square),
        };
        actions.push(set(POWER, next));
    }
    // The power is never below zero; the words do not know it, and a divisor must not be zero.
    let power = || max(var(POWER), n(0));
    let (less, more) = (n(rows - 1), n(Decimal::from(rows) + Decimal::ONE));
    let above = add([mul([less.clone(), power()]), mul([more.clone(), ratio()])]);
    let below = add([mul([more, power()]), mul([less, ratio()])]);
    actions.push(set(ROOT, mul([var(ROOT), div(above, below)])));
    actions
}
