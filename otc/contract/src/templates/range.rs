//! `range_accrual` (区间累计): a coupon in proportion to the days on which the fixing lies in a range.
//!
//! `N c t_T × days_in / days` at the end (absolute: without `t_T`), with `t_T` the coupon clock from
//! start to end. A day counts by `edges`: `"[)"` (default) `L ≤ S < U`, `"[]"`, `"(]"`, `"()"`; one
//! side may be open. No principal unless `principal` is given.
//!
//! Terms:
//!
//! | term | value | default |
//! |---|---|---|
//! | `schedule` | days | `daily` |
//! | `lower`, `upper` | levels, at least one | open |
//! | `edges` | `[)`, `[]`, `(]`, `()` | `[)` |
//! | `rate` | ratio | |
//! | `basis` | `annual`, `absolute` | `annual` |
//! | `principal` | `{margin, included, no_recourse}` | none |

use rust_decimal::Decimal;

use super::autocall::{Basis, Principal};
use super::autocall_terms::{basis, principal, recourse_matters};
use super::parts::{edges, inside, maybe, notional_only, ordered, single, whole_time_number};
use super::words::{add, div, mul, n, on, pay_end, paying, set, sum, var};
use super::{Built, Context, Usual};
use crate::program::{Expr, Program, phase};
use crate::reader::Field;
use crate::shape::{Edges, Range, Shape};

/// Name of the schedule of days.
pub const DAYS: &str = "days";
/// Variable with the days inside so far.
pub const DAYS_IN: &str = "days_in";

/// Reads the terms and builds the contract.
pub fn build(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    let (sized, one) = (notional_only(terms, context), single(terms, context));
    let mut fields = terms.fields()?;
    let schedule = fields.optional("schedule");
    let schedule = context.schedule_or(DAYS, schedule.as_ref(), terms, Usual::Daily);
    let (lower_field, upper_field) = (fields.optional("lower"), fields.optional("upper"));
    let lower = maybe(lower_field.as_ref(), |level| context.level(level, 0));
    let upper = maybe(upper_field.as_ref(), |level| context.level(level, 0));
    let rate = fields.required("rate").and_then(|rate| rate.ratio());
    let basis = basis(fields.optional("basis"), Basis::Annual);
    let edges = edges(fields.optional("edges"), Edges::Lower);
    let note = fields.optional("principal");
    let note = maybe(note.as_ref(), |field| {
        let read = principal(Some(field.clone()))?;
        recourse_matters(&read, Some(field)).map(|()| read)
    });
    fields.finish();
    sized?;
    one?;
    let (schedule, lower, upper) = (schedule?, lower?, upper?);
    match (lower, upper) {
        (None, None) => {
            terms.error(
                "E-TERM-RANGE",
                "The range has no edge. Give \"lower\", \"upper\" or both.",
                "区间没有边界，请给出 lower、upper 或两者。",
            );
            return None;
        }
        (Some(low), Some(high)) => {
            ordered(upper_field.as_ref(), ("lower", low), ("upper", high), false)?;
        }
        _ => {}
    }
    let (rate, basis, edges, note) = (rate?, basis?, edges?, note?);
    let range = Range {
        lower,
        upper,
        edges,
    };
    let shape = shape(
        context,
        (rate, basis),
        &range,
        schedule.len(),
        note.as_ref(),
    );
    let program = program((rate, basis), &range, schedule.len(), note.as_ref());
    Some(Built {
        program,
        schedules: vec![schedule],
        shape,
    })
}

fn program(
    (rate, basis): (Decimal, Basis),
    range: &Range<Decimal>,
    rows: usize,
    note: Option<&Principal>,
) -> Program {
    let time = match basis {
        Basis::Annual => Expr::Time,
        Basis::Absolute => n(1),
    };
    let days = n(Decimal::from(rows));
    let coupon = div(mul([Expr::Notional, n(rate), time, var(DAYS_IN)]), days);
    let count = vec![set(DAYS_IN, add([var(DAYS_IN), n(1)]))];
    let cond = inside(range.edges, range.lower, range.upper);
    let mut terminal = note.map_or(Vec::new(), |note| note.redemption(None));
    terminal.extend(paying([pay_end("coupon", coupon)]));
    Program {
        vars: vec![sum(DAYS_IN)],
        rules: vec![on(DAYS, phase::ACCRUAL, Some(cond), count)],
        terminal,
        exercise: None,
    }
}

fn shape(
    context: &Context<'_>,
    (rate, basis): (Decimal, Basis),
    range: &Range<Decimal>,
    rows: usize,
    note: Option<&Principal>,
) -> Option<Shape<Decimal>> {
    let notional = context.notional()?;
    let whole = notional.checked_mul(rate)?;
    let amount = match basis {
        Basis::Annual => whole.checked_mul(whole_time_number(context)?)?,
        Basis::Absolute => whole,
    };
    let principal = match note {
        Some(note) if note.included => notional.checked_mul(note.margin)?,
        _ => Decimal::ZERO,
    };
    Some(Shape::RangeAccrual {
        amount,
        range: range.clone(),
        rows,
        principal,
    })
}
