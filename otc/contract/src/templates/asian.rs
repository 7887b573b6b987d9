//! `asian` (亚式) and `enhanced_asian` (增强亚式): options on the mean of listed fixings.
//!
//! With `A = Σ w_i S_i / Σ w_i` (weights default equal) or, geometric, `A = Π S_i^{w_i / Σ w}`:
//! fixed strike `max(w (A − K), 0)`, floating strike `max(w (S_T − A), 0)`. Enhanced: call
//! `max(mean(max(S_i, K_e)) − K, 0)`, put `max(K − mean(min(S_i, K_e)), 0)`; when `K_e ≥ K` for the
//! call (`≤` for the put) the outer maximum is idle and the price is a strip of Europeans.
//!
//! Inside the averaging period the known part is variable `fixings_sum`: the sum of weights times
//! fixings so far (for the enhanced form, of the fixings already cut at `K_e`), or `product` of a
//! geometric mean: that of `(S_i/S0)^{1/n}`.
//!
//! Terms:
//!
//! | term | value | default |
//! |---|---|---|
//! | `type` | `call`, `put` | |
//! | `schedule` | fixings | |
//! | `strike` | level (enhanced: required) | |
//! | `strike_type` | `fixed`, `floating` (`asian`) | `fixed` |
//! | `mean` | `arithmetic`, `geometric` (`asian`) | `arithmetic` |
//! | `weights` | a vector of numbers (`asian`, arithmetic) | equal |
//! | `level` | `K_e` (`enhanced_asian`) | `strike` |
//! | `part` | participation | 100 % |

use rust_decimal::Decimal;

use super::geometric;
use super::parts::{or, scaled, side, single, units};
use super::words::{add, div, max, min, mul, n, on, option, pay_end, row, set, sum, var};
use super::{Built, Context, NamedSchedule};
use crate::program::{Expr, Program, phase};
use crate::reader::Field;
use crate::shape::{Mean, Shape, Side};

/// Name of the schedule of fixings.
pub const FIXINGS: &str = "fixings";
/// Column of weights, when they differ.
pub const WEIGHT: &str = "weight";
/// Variable with the sum so far.
pub const SUM: &str = "fixings_sum";

/// Reads `asian` and builds the contract.
pub fn build(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    let one = single(terms, context);
    let mut fields = terms.fields()?;
    let w = side(&mut fields);
    let schedule = fields.required("schedule");
    let schedule = schedule.and_then(|field| context.schedule(FIXINGS, &field));
    let weights_field = fields.optional("weights");
    let weights = match &schedule {
        Some(schedule) => read_weights(weights_field.as_ref(), schedule.len()),
        None => None,
    };
    let mean = fields.optional("mean");
    let mean = or(mean, Mean::Arithmetic, read_mean);
    let strike = read_strike(&mut fields, context);
    let part = or(fields.optional("part"), Decimal::ONE, Field::multiple);
    fields.finish();
    one?;
    let (w, schedule, weights, mean) = (w?, schedule?, weights?, mean?);
    let (strike, part) = (strike?, part?);
    let total = weights
        .iter()
        .try_fold(Decimal::ZERO, |sum, w| sum.checked_add(*w))?;
    let equal = weights.windows(2).all(|pair| pair[0] == pair[1]);
    let payoff = |average: Expr| {
        let payoff = match strike {
            Some(strike) => option(w, average, n(strike)),
            None => option(w, Expr::Spot, average),
        };
        scaled(context, part, payoff)
    };
    let program = match mean {
        Mean::Arithmetic if equal => {
            let average = div(var(SUM), n(Decimal::from(schedule.len())));
            averaging(Expr::Spot, payoff(average))
        }
        Mean::Arithmetic => averaging(
            mul([row(WEIGHT), Expr::Spot]),
            payoff(div(var(SUM), n(total))),
        ),
        Mean::Geometric => {
            equal_weights(equal, weights_field.as_ref().unwrap_or(terms))?;
            let rows = u32::try_from(schedule.len()).ok()?;
            geometric::program(rows, payoff(geometric::average()))
        }
    };
    let schedule = if equal {
        schedule
    } else {
        schedule.with_column(WEIGHT, weights.clone())
    };
    let shares = weights.iter().map(|weight| weight.checked_div(total));
    let shape = match (units(context), shares.collect::<Option<Vec<_>>>()) {
        (Some(units), Some(weights)) => units.checked_mul(part).map(|units| Shape::Asian {
            units,
            w,
            strike,
            mean,
            weights,
        }),
        _ => None,
    };
    Some(Built {
        program,
        schedules: vec![schedule],
        shape,
    })
}

fn equal_weights(equal: bool, field: &Field<'_>) -> Option<()> {
    if equal {
        return Some(());
    }
    field.error(
        "E-TERM-NOT-YET",
        "A geometric mean with unequal weights is not done yet: the rule program has no powers. \
         Drop \"weights\", or use \"arithmetic\".",
        "尚不支持权重不等的几何平均（规则程序没有幂运算），请去掉 weights 或使用 arithmetic。",
    );
    None
}

/// Adds `fixing` on every row, pays `payoff` at the end.
fn averaging(fixing: Expr, payoff: Expr) -> Program {
    let rule = on(
        FIXINGS,
        phase::FIXING,
        None,
        vec![set(SUM, add([var(SUM), fixing]))],
    );
    Program {
        vars: vec![sum(SUM)],
        rules: vec![rule],
        terminal: vec![pay_end("payoff", payoff)],
        exercise: None,
    }
}

fn read_mean(field: &Field<'_>) -> Option<Mean> {
    Some(match field.choice(&["arithmetic", "geometric"])? {
        "arithmetic" => Mean::Arithmetic,
        _ => Mean::Geometric,
    })
}

/// `strike` (fixed), or `strike_type: floating` without one; the outer `None` after a finding.
fn read_strike(
    fields: &mut crate::reader::Fields<'_>,
    context: &Context<'_>,
) -> Option<Option<Decimal>> {
    let floating = or(fields.optional("strike_type"), false, |kind| {
        Some(kind.choice(&["fixed", "floating"])? == "floating")
    });
    let strike = fields.optional("strike");
    match (floating?, strike) {
        (false, Some(strike)) => context.level(&strike, 0).map(Some),
        (true, None) => Some(None),
        (true, Some(strike)) => {
            strike.error(
                "E-TERM-STRIKE",
                "A floating strike is the mean itself. Drop \"strike\", or write \"fixed\".",
                "浮动行权价即均价，请去掉 strike 或写 strike_type: fixed。",
            );
            None
        }
        (false, None) => {
            fields.required("strike");
            None
        }
    }
}

/// Weights, one for each row and above zero in all; equal when absent.
fn read_weights(field: Option<&Field<'_>>, rows: usize) -> Option<Vec<Decimal>> {
    let Some(field) = field else {
        return Some(vec![Decimal::ONE; rows]);
    };
    let weights = field.decimals(rows)?;
    let sound =
        weights.iter().all(|w| *w >= Decimal::ZERO) && weights.iter().any(|w| *w > Decimal::ZERO);
    if sound {
        return Some(weights);
    }
    field.error(
        "E-TERM-WEIGHTS",
        "Weights of fixings are not below zero, and at least one is above.",
        "均价权重不得为负，且至少一个大于零。",
    );
    None
}

/// Reads `enhanced_asian` and builds the contract.
pub fn enhanced(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    let one = single(terms, context);
    let mut fields = terms.fields()?;
    let w = side(&mut fields);
    let schedule = fields.required("schedule");
    let schedule: Option<NamedSchedule> =
        schedule.and_then(|field| context.schedule(FIXINGS, &field));
    let strike = fields.required("strike").and_then(|k| context.level(&k, 0));
    let level = fields.optional("level");
    let level = match (&level, strike) {
        (Some(level), _) => context.level(level, 0),
        (None, strike) => strike,
    };
    let part = or(fields.optional("part"), Decimal::ONE, Field::multiple);
    fields.finish();
    one?;
    let (w, schedule, strike, level, part) = (w?, schedule?, strike?, level?, part?);
    let fixing = match w {
        Side::Call => max(Expr::Spot, n(level)),
        Side::Put => min(Expr::Spot, n(level)),
    };
    let average = div(var(SUM), n(Decimal::from(schedule.len())));
    let program = averaging(fixing, scaled(context, part, option(w, average, n(strike))));
    let idle = match w {
        Side::Call => level >= strike,
        Side::Put => level <= strike,
    };
    let fixings = schedule.len();
    let shape = units(context)
        .filter(|_| idle)
        .and_then(|units| units.checked_mul(part))
        .map(|units| Shape::EnhancedAsian {
            units,
            w,
            strike,
            level,
            fixings,
        });
    Some(Built {
        program,
        schedules: vec![schedule],
        shape,
    })
}
