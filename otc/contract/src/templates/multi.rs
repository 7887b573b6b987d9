//! Products on several underlyings at one date: `exchange`, `spread`, `basket`, `worst_of`,
//! `best_of`.
//!
//! `P_i` is the price in quantity form (amounts are payoff times quantity) and the performance
//! `S_i/S_i0` in notional form (payoff times notional); `measure` may say so and must then agree.
//!
//! * `exchange` (交换): `max(P_1 − P_2, 0)`; `spread` (价差): `max(w (P_1 − P_2 − K), 0)`;
//! * `basket` (篮子): `max(w (Σ a_i P_i − K), 0)` with the weights of the underlyings;
//! * `worst_of`, `best_of` (最差, 最优): `max(w (min | max of P_i − K), 0)`.
//!
//! Terms:
//!
//! | term | value | default |
//! |---|---|---|
//! | `type` | `call`, `put` (not `exchange`) | |
//! | `strike` | price, or ratio of performances (not `exchange`) | |
//! | `measure` | `price` (quantity form), `performance` (notional form) | by size |
//! | `part` | participation | 100 % |

use rust_decimal::Decimal;

use super::parts::{at_end, count, or, plain, side};
use super::words::{add, mul, n, option, pay_end, sub};
use super::{Built, Context};
use crate::envelope::Size;
use crate::program::Expr;
use crate::reader::{Field, Fields};
use crate::shape::{Shape, Side};

/// Most underlyings of a basket.
pub const MOST: usize = 50;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Price,
    Performance,
}

impl Measure {
    /// By the contract's size; `measure` must agree.
    fn read(fields: &mut Fields<'_>, context: &Context<'_>) -> Option<Self> {
        let (own, name) = match context.size {
            Size::Notional(_) => (Self::Performance, "performance"),
            Size::Quantity(_) => (Self::Price, "price"),
        };
        let Some(field) = fields.optional("measure") else {
            return Some(own);
        };
        if field.choice(&["price", "performance"])? == name {
            return Some(own);
        }
        field.error(
            "E-TERM-MEASURE",
            "Contracts by notional compare performances, contracts by quantity compare prices. \
             Change the size or drop \"measure\".",
            "以名义本金计的合约比较涨跌幅，以数量计的比较价格；请更改规模或去掉 measure。",
        );
        None
    }

    /// A strike: a ratio of performances or a price, of any sign.
    fn strike(self, field: &Field<'_>) -> Option<Decimal> {
        match self {
            Self::Price => field.decimal(),
            Self::Performance => field.multiple(),
        }
    }

    /// `P_i`.
    fn of(self, context: &Context<'_>, at: usize) -> Expr {
        let code = context
            .underlyings
            .get(at)
            .map_or(String::new(), |u| u.code.clone());
        match self {
            Self::Price => Expr::SpotOf(code),
            Self::Performance => Expr::Div(vec![Expr::SpotOf(code.clone()), Expr::InitialOf(code)]),
        }
    }

    /// Price factor of `P_i`: 1, or one over the initial fixing.
    fn factor(self, context: &Context<'_>, at: usize) -> Option<Decimal> {
        match self {
            Self::Price => Some(Decimal::ONE),
            Self::Performance => Decimal::ONE.checked_div(context.initial(at)?),
        }
    }
}

/// Currency units of a payoff in the contract's measure.
fn amount(context: &Context<'_>, part: Decimal, payoff: Expr) -> Expr {
    match context.size {
        Size::Notional(_) => mul([Expr::Notional, n(part), payoff]),
        Size::Quantity(quantity) => mul([n(quantity), n(part), payoff]),
    }
}

fn size(context: &Context<'_>, part: Decimal) -> Option<Decimal> {
    let (Size::Notional(size) | Size::Quantity(size)) = context.size;
    size.checked_mul(part)
}

/// Reads `exchange` and builds the contract.
pub fn exchange(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    let two = count(terms, context, 2..=2);
    let mut fields = terms.fields()?;
    let measure = Measure::read(&mut fields, context);
    let part = or(fields.optional("part"), Decimal::ONE, Field::multiple);
    fields.finish();
    two?;
    let (measure, part) = (measure?, part?);
    let payoff = option(Side::Call, measure.of(context, 0), measure.of(context, 1));
    let shape = exchange_shape(context, measure, part);
    Some(plain(
        at_end(vec![pay_end("payoff", amount(context, part, payoff))]),
        shape,
    ))
}

fn exchange_shape(
    context: &Context<'_>,
    measure: Measure,
    part: Decimal,
) -> Option<Shape<Decimal>> {
    Some(Shape::Exchange {
        units: size(context, part)?,
        first: measure.factor(context, 0)?,
        second: measure.factor(context, 1)?,
    })
}

/// Terms of an option on one number made of all underlyings.
struct Terms {
    w: Side,
    strike: Decimal,
    part: Decimal,
    measure: Measure,
}

fn read(terms: &Field<'_>, context: &Context<'_>, strike_from_zero: bool) -> Option<Terms> {
    let mut fields = terms.fields()?;
    let w = side(&mut fields);
    let measure = Measure::read(&mut fields, context);
    let strike_field = fields.required("strike");
    let strike = match (measure, &strike_field) {
        (Some(measure), Some(field)) => measure.strike(field),
        _ => None,
    };
    let part = or(fields.optional("part"), Decimal::ONE, Field::multiple);
    fields.finish();
    if let (true, Some(strike), Some(field)) = (strike_from_zero, strike, &strike_field)
        && strike < Decimal::ZERO
    {
        field.error(
            "E-TERM-STRIKE",
            "The strike is below zero, which prices never are.",
            "行权价不得为负。",
        );
        return None;
    }
    Some(Terms {
        w: w?,
        strike: strike?,
        part: part?,
        measure: measure?,
    })
}

fn option_on(terms: &Terms, value: Expr, context: &Context<'_>) -> Vec<crate::program::Action> {
    let payoff = option(terms.w, value, n(terms.strike));
    vec![pay_end("payoff", amount(context, terms.part, payoff))]
}

/// Reads `spread` and builds the contract.
pub fn spread(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    let two = count(terms, context, 2..=2);
    let read = read(terms, context, false);
    two?;
    let terms = read?;
    let value = sub(terms.measure.of(context, 0), terms.measure.of(context, 1));
    let signs = [Decimal::ONE, Decimal::NEGATIVE_ONE];
    let shape = basket_shape(context, &terms, &signs);
    Some(plain(at_end(option_on(&terms, value, context)), shape))
}

/// Reads `basket` and builds the contract.
pub fn basket(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    let many = count(terms, context, 2..=MOST);
    let read = read(terms, context, false);
    many?;
    let terms = read?;
    let weights: Vec<Decimal> = context.underlyings.iter().map(|u| u.weight).collect();
    let value = match terms.measure {
        Measure::Performance => Expr::Basket,
        Measure::Price => {
            let parts = weights.iter().enumerate();
            add(parts.map(|(at, weight)| mul([n(*weight), terms.measure.of(context, at)])))
        }
    };
    let shape = basket_shape(context, &terms, &weights);
    Some(plain(at_end(option_on(&terms, value, context)), shape))
}

fn basket_shape(
    context: &Context<'_>,
    terms: &Terms,
    weights: &[Decimal],
) -> Option<Shape<Decimal>> {
    let factors = weights
        .iter()
        .enumerate()
        .map(|(at, weight)| terms.measure.factor(context, at)?.checked_mul(*weight));
    Some(Shape::Basket {
        units: size(context, terms.part)?,
        w: terms.w,
        factors: factors.collect::<Option<_>>()?,
        strike: terms.strike,
    })
}

/// Reads `worst_of` and builds the contract.
pub fn worst_of(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    extreme(terms, context, true)
}

/// Reads `best_of` and builds the contract.
pub fn best_of(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    extreme(terms, context, false)
}

fn extreme(terms: &Field<'_>, context: &Context<'_>, worst: bool) -> Option<Built> {
    let many = count(terms, context, 2..=MOST);
    let read = read(terms, context, true);
    many?;
    let terms = read?;
    let rows = 0..context.underlyings.len();
    let value = match (terms.measure, worst) {
        (Measure::Performance, true) => Expr::Worst,
        (Measure::Performance, false) => Expr::Best,
        (Measure::Price, true) => Expr::Min(
            rows.clone()
                .map(|at| terms.measure.of(context, at))
                .collect(),
        ),
        (Measure::Price, false) => Expr::Max(
            rows.clone()
                .map(|at| terms.measure.of(context, at))
                .collect(),
        ),
    };
    let factors = rows
        .map(|at| terms.measure.factor(context, at))
        .collect::<Option<Vec<_>>>();
    let shape = match (size(context, terms.part), factors) {
        (Some(units), Some(factors)) => Some(Shape::Extreme {
            units,
            w: terms.w,
            worst,
            factors,
            strike: terms.strike,
        }),
        _ => None,
    };
    Some(plain(at_end(option_on(&terms, value, context)), shape))
}
