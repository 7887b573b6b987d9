//! Linear and vanilla products on one underlying: `forward`, `european`, `american`, `combo`,
//! `enhanced_index`.
//!
//! Units are the quantity, or notional over initial fixing; `w` is +1 for a call and −1 for a put.
//!
//! Terms:
//!
//! | term | value | default |
//! |---|---|---|
//! | `strike` | level (not `combo`, `enhanced_index`) | |
//! | `type` | `call`, `put` (`european`, `american`) | |
//! | `part` | participation, any sign (`european`, `american`, `combo`) | 100 % |
//! | `exercise_dates` | schedule (`american`) | at any time |
//! | `legs` | `[{type, strike, part}]` (`combo`) | |
//! | `form`, `strikes` | a named form and its levels, rising (`combo`) | |
//! | `enhancement` | ratio a year (`enhanced_index`) | |
//! | `principal` | `{margin, included, no_recourse}` (`enhanced_index`) | 100 %, true, false |

use rust_decimal::Decimal;

use super::parts::{
    at_end, maybe, notional_only, or, plain, read_side, scaled, side, single, units, vanilla,
    whole_time_number,
};
use super::words::{add, div, mul, n, option, pay_end, sub};
use super::{Built, Context};
use crate::program::{Exercise, Expr, On, Program};
use crate::reader::Field;
use crate::shape::{Shape, Side};

/// `forward` (远期): `units × (S_T − K)`.
pub fn forward(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    let one = single(terms, context);
    let mut fields = terms.fields()?;
    let strike = fields.required("strike").and_then(|k| context.level(&k, 0));
    fields.finish();
    one?;
    let strike = strike?;
    let amount = scaled(context, Decimal::ONE, sub(Expr::Spot, n(strike)));
    let shape = units(context).map(|units| Shape::Forward { units, strike });
    Some(plain(at_end(vec![pay_end("settlement", amount)]), shape))
}

/// Terms of a single option.
struct Single {
    w: Side,
    strike: Decimal,
    part: Decimal,
}

fn read_option(fields: &mut crate::reader::Fields<'_>, context: &Context<'_>) -> Option<Single> {
    let w = side(fields);
    let strike = fields.required("strike").and_then(|k| context.level(&k, 0));
    let part = or(fields.optional("part"), Decimal::ONE, Field::multiple);
    Some(Single {
        w: w?,
        strike: strike?,
        part: part?,
    })
}

impl Single {
    fn payoff(&self, context: &Context<'_>) -> Expr {
        scaled(
            context,
            self.part,
            option(self.w, Expr::Spot, n(self.strike)),
        )
    }
}

/// `european` (欧式): `units × part × max(w (S_T − K), 0)`.
pub fn european(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    let one = single(terms, context);
    let mut fields = terms.fields()?;
    let option = read_option(&mut fields, context);
    fields.finish();
    one?;
    let option = option?;
    let shape = vanilla(context, option.part, option.w, option.strike).map(Shape::European);
    Some(plain(
        at_end(vec![pay_end("payoff", option.payoff(context))]),
        shape,
    ))
}

/// `american` (美式): the European payoff at any time from now to the end; with `exercise_dates` on
/// these dates and the end only (百慕大).
pub fn american(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    let one = single(terms, context);
    let mut fields = terms.fields()?;
    let option = read_option(&mut fields, context);
    let dates = fields.optional("exercise_dates");
    let dates = maybe(dates.as_ref(), |dates| context.schedule("exercise", dates));
    fields.finish();
    one?;
    let (option, dates) = (option?, dates?);
    let payoff = option.payoff(context);
    let on = match &dates {
        None => On::Continuous,
        Some(schedule) => On::Schedule(schedule.name.clone()),
    };
    let shape = match dates {
        None => vanilla(context, option.part, option.w, option.strike).map(Shape::American),
        Some(_) => None,
    };
    let program = Program {
        exercise: Some(Exercise {
            on,
            payoff: payoff.clone(),
        }),
        ..at_end(vec![pay_end("payoff", payoff)])
    };
    Some(Built {
        program,
        schedules: dates.into_iter().collect(),
        shape,
    })
}

/// Names of the forms of [`combo`].
pub const COMBOS: [&str; 8] = [
    "call_spread",
    "put_spread",
    "straddle",
    "strangle",
    "collar",
    "risk_reversal",
    "butterfly",
    "condor",
];

/// `combo` (组合): a signed list of vanillas, `legs: [{type, strike, part}]`, or a named form with
/// its strikes from low to high: `call_spread` +C1 −C2, `put_spread` +P2 −P1, `straddle` +P1 +C1,
/// `strangle` +P1 +C2, `collar` +P1 −C2, `risk_reversal` −P1 +C2, `butterfly`
/// +C1 −2C2 +C3, `condor` +C1 −C2 −C3 +C4; `part` multiplies the whole form.
pub fn combo(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    let one = single(terms, context);
    let mut fields = terms.fields()?;
    let legs = fields.optional("legs");
    let form = fields.optional("form");
    let strikes = fields.optional("strikes");
    let part = or(fields.optional("part"), Decimal::ONE, Field::multiple);
    fields.finish();
    let legs = match (&legs, &form) {
        (Some(legs), None) => read_legs(legs, context),
        (None, Some(form)) => read_form(form, strikes.as_ref(), context),
        _ => {
            terms.error(
                "E-TERM-COMBO",
                "Give either \"legs\", or \"form\" with \"strikes\".",
                "请给出 legs，或给出 form 与 strikes。",
            );
            None
        }
    };
    if let (None, Some(stray)) = (&form, &strikes) {
        stray.error(
            "E-TERM-COMBO",
            "\"strikes\" belongs to \"form\"; each leg has its own strike. Drop it.",
            "strikes 仅与 form 同用，legs 各有行权价，请去掉。",
        );
        return None;
    }
    one?;
    let (legs, part) = (legs?, part?);
    let payoff = legs
        .iter()
        .map(|leg| mul([n(leg.part), option(leg.w, Expr::Spot, n(leg.strike))]));
    let amount = scaled(context, part, add(payoff));
    let parts = legs.iter().map(|leg| {
        vanilla(context, leg.part.checked_mul(part)?, leg.w, leg.strike).map(Shape::European)
    });
    let shape = parts.collect::<Option<Vec<_>>>().map(Shape::Sum);
    Some(plain(at_end(vec![pay_end("payoff", amount)]), shape))
}

fn read_legs(field: &Field<'_>, context: &Context<'_>) -> Option<Vec<Single>> {
    let items = field.list()?;
    if items.is_empty() || items.len() > 20 {
        field.error(
            "E-TERM-COMBO",
            "A combination has 1 to 20 legs.",
            "组合须有 1 至 20 条腿。",
        );
        return None;
    }
    let legs: Vec<Option<Single>> = items
        .iter()
        .map(|item| {
            let mut fields = item.fields()?;
            let w = fields.required("type").and_then(|w| read_side(&w));
            let strike = fields.required("strike").and_then(|k| context.level(&k, 0));
            let part = or(fields.optional("part"), Decimal::ONE, Field::multiple);
            fields.finish();
            Some(Single {
                w: w?,
                strike: strike?,
                part: part?,
            })
        })
        .collect();
    legs.into_iter().collect()
}

fn read_form(
    form: &Field<'_>,
    strikes: Option<&Field<'_>>,
    context: &Context<'_>,
) -> Option<Vec<Single>> {
    use Side::{Call, Put};
    let name = form.choice(&COMBOS)?;
    // (type, which strike, participation)
    let pattern: &[(Side, usize, i64)] = match name {
        "call_spread" => &[(Call, 0, 1), (Call, 1, -1)],
        "put_spread" => &[(Put, 1, 1), (Put, 0, -1)],
        "straddle" => &[(Put, 0, 1), (Call, 0, 1)],
        "strangle" => &[(Put, 0, 1), (Call, 1, 1)],
        "collar" => &[(Put, 0, 1), (Call, 1, -1)],
        "risk_reversal" => &[(Put, 0, -1), (Call, 1, 1)],
        "butterfly" => &[(Call, 0, 1), (Call, 1, -2), (Call, 2, 1)],
        _ => &[(Call, 0, 1), (Call, 1, -1), (Call, 2, -1), (Call, 3, 1)],
    };
    let wanted = pattern.iter().map(|(_, at, _)| at + 1).max().unwrap_or(0);
    let Some(field) = strikes else {
        form.error(
            "E-TERM-COMBO",
            format!("The form {name:?} needs \"strikes\", a list of {wanted}."),
            format!("形式 {name:?} 须给出 {wanted} 个 strikes。"),
        );
        return None;
    };
    let items = field.list()?;
    let prices: Vec<Option<Decimal>> = items.iter().map(|k| context.level(k, 0)).collect();
    let prices = prices.into_iter().collect::<Option<Vec<_>>>()?;
    if prices.len() != wanted || prices.windows(2).any(|pair| pair[0] >= pair[1]) {
        field.error(
            "E-TERM-COMBO",
            format!("The form {name:?} has {wanted} strikes, each above the one before."),
            format!("形式 {name:?} 须有 {wanted} 个逐个递增的行权价。"),
        );
        return None;
    }
    let legs = pattern.iter().map(|(w, at, part)| {
        let strike = prices.get(*at).copied()?;
        Some(Single {
            w: *w,
            strike,
            part: Decimal::from(*part),
        })
    });
    legs.collect()
}

/// `enhanced_index` (指数增强): `m N + N (S_T/S0 − 1 + e t_T)`, with `e` the enhancement a year on the
/// coupon clock.
pub fn enhanced_index(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    let (sized, one) = (notional_only(terms, context), single(terms, context));
    let mut fields = terms.fields()?;
    let rate = fields.required("enhancement").and_then(|rate| rate.ratio());
    let principal = super::autocall_terms::principal(fields.optional("principal"));
    fields.finish();
    sized?;
    one?;
    let (rate, principal) = (rate?, principal?);
    let index = div(
        mul([Expr::Notional, sub(Expr::Spot, Expr::Initial)]),
        Expr::Initial,
    );
    let extra = mul([Expr::Notional, n(rate), Expr::Time]);
    let kept = add([principal.amount(), index]);
    let shape = (!principal.no_recourse)
        .then(|| index_shape(context, rate, &principal))
        .flatten();
    let actions = if principal.no_recourse {
        vec![pay_end(
            "redemption",
            super::words::max(add([kept, extra]), n(0)),
        )]
    } else {
        super::words::paying([pay_end("redemption", kept), pay_end("enhancement", extra)])
    };
    Some(plain(at_end(actions), shape))
}

fn index_shape(
    context: &Context<'_>,
    rate: Decimal,
    principal: &super::autocall::Principal,
) -> Option<Shape<Decimal>> {
    let notional = context.notional()?;
    let margin = if principal.included {
        principal.margin
    } else {
        Decimal::ZERO
    };
    let ratio = margin.checked_add(rate.checked_mul(whole_time_number(context)?)?)?;
    Some(Shape::Sum(vec![
        Shape::Cash {
            amount: notional.checked_mul(ratio)?,
        },
        Shape::Forward {
            units: units(context)?,
            strike: context.initial(0)?,
        },
    ]))
}
