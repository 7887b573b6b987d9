//! `barrier` (障碍期权): a call or put that begins (in) or ends (out) when the underlying hits a level
//! from below (up) or above (down): eight kinds, with a rebate.
//!
//! Out: `units × part × max(w (S_T − K), 0)` unless hit; hit, the rebate at the hit or at the end.
//! In: the same payoff if hit; never hit, the rebate at the end. A hit is `S ≥ U` or `S ≤ L`,
//! watched continuously, daily, or on a schedule. In + out = vanilla when there is no rebate.
//!
//! Terms:
//!
//! | term | value | default |
//! |---|---|---|
//! | `type` | `call`, `put` | |
//! | `side`, `knock` | `up`, `down`; `in`, `out` | |
//! | `strike`, `barrier` | levels | |
//! | `monitoring` | `continuous`, `daily`, `end`, a schedule | |
//! | `part` | participation | 100 % |
//! | `rebate` | ratio of the notional, or price amount | 0 |
//! | `rebate_at` | `hit`, `end`; a knock-in's `end` only | out `hit`, in `end` |

use rust_decimal::Decimal;

use super::parts::{
    Watch, barrier_side, cash, cash_amount, cash_number, hit, or, paid, scaled, side, single,
    vanilla,
};
use super::words::{either, flag, n, option, pay, pay_end, paying, set, unset};
use super::{Built, Context};
use crate::program::{Action, Expr, PayAt, Program, phase};
use crate::reader::Field;
use crate::shape::{Barrier, Knock, Paid, Shape, Side};

/// Flag of a knock-in.
pub const KNOCKED_IN: &str = "ki";

/// Terms, read and resolved; levels in price units.
#[derive(Debug, Clone)]
pub struct Terms {
    w: Side,
    strike: Decimal,
    part: Decimal,
    side: Barrier,
    knock: Knock,
    level: Decimal,
    rebate: Decimal,
    paid: Paid,
    watch: Watch,
}

/// Reads the terms and builds the contract.
pub fn build(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    let one = single(terms, context);
    let read = read(terms, context);
    one?;
    let terms = read?;
    let shape = shape(&terms, context).filter(|_| terms.watch.continuous());
    let program = program(&terms, context);
    Some(Built {
        program,
        schedules: terms.watch.schedules(),
        shape,
    })
}

fn read(terms: &Field<'_>, context: &Context<'_>) -> Option<Terms> {
    let mut fields = terms.fields()?;
    let w = side(&mut fields);
    let up = barrier_side(&mut fields);
    let knock = fields.required("knock").and_then(|knock| {
        Some(match knock.choice(&["in", "out"])? {
            "in" => Knock::In,
            _ => Knock::Out,
        })
    });
    let strike = fields.required("strike").and_then(|k| context.level(&k, 0));
    let level = fields
        .required("barrier")
        .and_then(|level| context.level(&level, 0));
    let part = or(fields.optional("part"), Decimal::ONE, Field::multiple);
    let rebate = or(fields.optional("rebate"), Decimal::ZERO, |field| {
        cash(context, field)
    });
    let when = fields.optional("rebate_at");
    let paid = paid(
        when.clone(),
        if knock == Some(Knock::In) {
            Paid::End
        } else {
            Paid::Hit
        },
    );
    let watch = Watch::read(&mut fields, context);
    fields.finish();
    if let (Some(field), Some(Knock::In), Some(Paid::Hit)) = (&when, knock, paid) {
        field.error(
            "E-TERM-REBATE",
            "A knock-in pays its rebate when it was never hit, which is known at the end only. \
             Write \"end\" or leave it out.",
            "敲入期权的补偿仅在从未敲入时于到期支付，请写 end 或省略。",
        );
        return None;
    }
    Some(Terms {
        w: w?,
        strike: strike?,
        part: part?,
        side: up?,
        knock: knock?,
        level: level?,
        rebate: rebate?,
        paid: paid?,
        watch: watch?,
    })
}

fn program(terms: &Terms, context: &Context<'_>) -> Program {
    let payoff = scaled(
        context,
        terms.part,
        option(terms.w, Expr::Spot, n(terms.strike)),
    );
    let rebate = cash_amount(context, terms.rebate);
    let cond = hit(terms.side, terms.level);
    match terms.knock {
        Knock::Out => {
            let at = match terms.paid {
                Paid::Hit => PayAt::Observation,
                Paid::End => PayAt::End,
            };
            let mut actions = paying([pay("rebate", rebate, at)]);
            actions.push(Action::Stop);
            Program {
                vars: Vec::new(),
                rules: vec![terms.watch.rule(phase::KNOCK_OUT, cond, actions)],
                terminal: vec![pay_end("payoff", payoff)],
                exercise: None,
            }
        }
        Knock::In => Program {
            vars: vec![unset(KNOCKED_IN)],
            rules: vec![
                terms
                    .watch
                    .rule(phase::KNOCK_IN, cond, vec![set(KNOCKED_IN, n(1))]),
            ],
            terminal: paying([
                pay_end("payoff", either(flag(KNOCKED_IN), payoff, n(0))),
                pay_end("rebate", either(flag(KNOCKED_IN), n(0), rebate)),
            ]),
            exercise: None,
        },
    }
}

fn shape(terms: &Terms, context: &Context<'_>) -> Option<Shape<Decimal>> {
    Some(Shape::Barrier {
        option: vanilla(context, terms.part, terms.w, terms.strike)?,
        side: terms.side,
        knock: terms.knock,
        level: terms.level,
        rebate: cash_number(context, terms.rebate)?,
        paid: terms.paid,
    })
}
