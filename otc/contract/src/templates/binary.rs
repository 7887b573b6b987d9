//! Binary products on one underlying: `digital`, `binary_convex`, `binary_concave`, and the touches
//! `one_touch`, `no_touch`, `double_touch`, `double_no_touch`.
//!
//! Cash is a ratio of the notional, or a price amount times the quantity. A touch is `S ≥ H` (up) or
//! `S ≤ L` (down), so a no-touch survives only strictly inside.
//!
//! Terms:
//!
//! | term | value | default |
//! |---|---|---|
//! | `type`, `strike` | `digital` | |
//! | `payout` | `cash`, `asset` (`digital`) | `cash` |
//! | `cash` | ratio of the notional, or price amount; not for an asset | |
//! | `lower`, `upper` | levels (binaries and double touches) | |
//! | `edges` | `[]`, `[)`, `(]`, `()` (binaries) | `[]` |
//! | `otherwise` | cash when the interval fails (binaries) | 0 |
//! | `side`, `barrier` | `up`, `down`; level (single touches) | |
//! | `monitoring` | `continuous`, `daily`, `end`, a schedule (touches) | |
//! | `pay_at` | `hit`, `end` (`one_touch`, `double_touch`) | `hit` |

use rust_decimal::Decimal;

use super::parts::{
    Watch, at_end, barrier_side, cash, cash_amount, cash_number, edges, hit, inside, ordered, paid,
    plain, scaled, side, single, units,
};
use super::words::{compare, either, n, pay, pay_end, paying};
use super::{Built, Context};
use crate::program::{Action, Comparison, Expr, PayAt, Program, phase};
use crate::reader::{Field, Fields};
use crate::shape::{Barrier, Edges, Paid, Range, Shape, Side};

/// `digital` (二元): cash, or the asset, at the end when `w (S_T − K) ≥ 0`.
pub fn digital(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    let one = single(terms, context);
    let mut fields = terms.fields()?;
    let w = side(&mut fields);
    let strike = fields.required("strike").and_then(|k| context.level(&k, 0));
    let payout = super::parts::or(fields.optional("payout"), "cash", |payout| {
        payout.choice(&["cash", "asset"])
    });
    let amount_field = fields.optional("cash");
    fields.finish();
    let amount = match (payout?, &amount_field) {
        ("cash", None) => {
            terms.error(
                "E-FIELD-MISSING",
                "The field \"cash\" is missing: what a digital pays.",
                "缺少字段 cash：二元期权的支付金额。",
            );
            None
        }
        ("cash", Some(field)) => cash(context, field).map(Some),
        (_, None) => Some(None),
        (_, Some(field)) => {
            field.error(
                "E-TERM-CASH",
                "An asset digital pays the asset. Drop \"cash\", or choose payout \"cash\".",
                "资产型二元期权支付标的，请去掉 cash 或改为 payout: cash。",
            );
            None
        }
    };
    one?;
    let (w, strike) = (w?, strike?);
    let op = match w {
        Side::Call => Comparison::AtLeast,
        Side::Put => Comparison::AtMost,
    };
    let (pays, shape) = match amount? {
        Some(amount) => (
            cash_amount(context, amount),
            cash_number(context, amount).map(|amount| Shape::DigitalCash { amount, w, strike }),
        ),
        None => (
            scaled(context, Decimal::ONE, Expr::Spot),
            units(context).map(|units| Shape::DigitalAsset { units, w, strike }),
        ),
    };
    let amount = either(compare(op, Expr::Spot, n(strike)), pays, n(0));
    Some(plain(at_end(vec![pay_end("payoff", amount)]), shape))
}

/// `binary_convex` (凸式二元): cash at the end when `K1 ≤ S_T ≤ K2`, `otherwise` else.
pub fn convex(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    interval(terms, context, true)
}

/// `binary_concave` (凹式二元): cash at the end unless `K1 ≤ S_T ≤ K2`, `otherwise` else.
pub fn concave(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    interval(terms, context, false)
}

fn interval(terms: &Field<'_>, context: &Context<'_>, convex: bool) -> Option<Built> {
    let one = single(terms, context);
    let mut fields = terms.fields()?;
    let levels = range(&mut fields, context, true);
    let amount = fields
        .required("cash")
        .and_then(|field| cash(context, &field));
    let other = fields.optional("otherwise");
    let other = super::parts::or(other, Decimal::ZERO, |field| cash(context, field));
    let edges = edges(fields.optional("edges"), Edges::Both);
    fields.finish();
    one?;
    let ((lower, upper), amount, other, edges) = (levels?, amount?, other?, edges?);
    let (within, without) = if convex {
        (amount, other)
    } else {
        (other, amount)
    };
    let cond = inside(edges, Some(lower), Some(upper));
    let pays = either(
        cond,
        cash_amount(context, within),
        cash_amount(context, without),
    );
    let shape = match (cash_number(context, within), cash_number(context, without)) {
        (Some(inside), Some(outside)) => {
            let range = Range {
                lower: Some(lower),
                upper: Some(upper),
                edges,
            };
            Some(Shape::Interval {
                inside,
                outside,
                range,
            })
        }
        _ => None,
    };
    Some(plain(at_end(vec![pay_end("payoff", pays)]), shape))
}

/// `lower` and `upper`, in order.
fn range(
    fields: &mut Fields<'_>,
    context: &Context<'_>,
    equal: bool,
) -> Option<(Decimal, Decimal)> {
    let lower = fields.required("lower");
    let upper = fields.required("upper");
    let low = lower.as_ref().and_then(|level| context.level(level, 0));
    let high = upper.as_ref().and_then(|level| context.level(level, 0));
    let (low, high) = (low?, high?);
    ordered(upper.as_ref(), ("lower", low), ("upper", high), equal)?;
    Some((low, high))
}

/// `one_touch` (触碰): cash once `S` touches the level, paid at the hit or at the end.
pub fn one_touch(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    single_touch(terms, context, true)
}

/// `no_touch` (不触碰): cash at the end unless `S` touches the level before.
pub fn no_touch(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    single_touch(terms, context, false)
}

fn single_touch(terms: &Field<'_>, context: &Context<'_>, touch: bool) -> Option<Built> {
    let one = single(terms, context);
    let mut fields = terms.fields()?;
    let side = barrier_side(&mut fields);
    let level = fields
        .required("barrier")
        .and_then(|level| context.level(&level, 0));
    let amount = fields
        .required("cash")
        .and_then(|field| cash(context, &field));
    let when = if touch {
        paid(fields.optional("pay_at"), Paid::Hit)
    } else {
        Some(Paid::End)
    };
    let watch = Watch::read(&mut fields, context);
    fields.finish();
    one?;
    let (side, level, cash, paid, watch) = (side?, level?, amount?, when?, watch?);
    let shape = cash_number(context, cash)
        .filter(|_| watch.continuous())
        .map(|amount| match touch {
            true => Shape::Touch {
                amount,
                side,
                level,
                paid,
            },
            false => Shape::NoTouch {
                amount,
                side,
                level,
            },
        });
    let program = touching(
        context,
        &watch,
        &[(side, level)],
        cash,
        touch.then_some(paid),
    );
    Some(Built {
        program,
        schedules: watch.schedules(),
        shape,
    })
}

/// `double_touch` (双触碰): cash once either level is touched, paid at the hit or at the end.
pub fn double_touch(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    two_touch(terms, context, true)
}

/// `double_no_touch` (双不触碰): cash at the end unless one of the levels is touched before.
pub fn double_no_touch(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    two_touch(terms, context, false)
}

fn two_touch(terms: &Field<'_>, context: &Context<'_>, touch: bool) -> Option<Built> {
    let one = single(terms, context);
    let mut fields = terms.fields()?;
    let levels = range(&mut fields, context, false);
    let amount = fields
        .required("cash")
        .and_then(|field| cash(context, &field));
    let when = if touch {
        paid(fields.optional("pay_at"), Paid::Hit)
    } else {
        Some(Paid::End)
    };
    let watch = Watch::read(&mut fields, context);
    fields.finish();
    one?;
    let ((lower, upper), cash, paid, watch) = (levels?, amount?, when?, watch?);
    let shape = cash_number(context, cash)
        .filter(|_| watch.continuous())
        .map(|amount| match touch {
            true => Shape::DoubleTouch {
                amount,
                lower,
                upper,
                paid,
            },
            false => Shape::DoubleNoTouch {
                amount,
                lower,
                upper,
            },
        });
    let levels = [(Barrier::Down, lower), (Barrier::Up, upper)];
    let program = touching(context, &watch, &levels, cash, touch.then_some(paid));
    Some(Built {
        program,
        schedules: watch.schedules(),
        shape,
    })
}

/// Ends at the first touch of any level; pays then (`touch`), or at the end when never touched.
fn touching(
    context: &Context<'_>,
    watch: &Watch,
    levels: &[(Barrier, Decimal)],
    cash: Decimal,
    touch: Option<Paid>,
) -> Program {
    let amount = cash_amount(context, cash);
    let at_touch = match touch {
        Some(Paid::Hit) => vec![pay("payoff", amount.clone(), PayAt::Observation)],
        Some(Paid::End) => vec![pay_end("payoff", amount.clone())],
        None => Vec::new(),
    };
    let mut actions = paying(at_touch);
    actions.push(Action::Stop);
    let rules = levels
        .iter()
        .map(|(side, level)| watch.rule(phase::KNOCK_OUT, hit(*side, *level), actions.clone()));
    let terminal = match touch {
        Some(_) => Vec::new(),
        None => paying([pay_end("payoff", amount)]),
    };
    Program {
        vars: Vec::new(),
        rules: rules.collect(),
        terminal,
        exercise: None,
    }
}
