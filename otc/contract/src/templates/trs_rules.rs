//! Rules of `trs`: both legs on every reset date, listed dividends on theirs.

use super::trs::{DIVIDENDS, Dividends, Drawn, FRACTION, Financing, Leg, RESETS};
use super::words::{add, div, mul, n, on, pay, paying, row, set, sub, var};
use super::{Context, NamedSchedule};
use crate::document::Node;
use crate::program::{Expr, PayAt, Rule, Var, VarKind, phase};
use crate::reader::Field;
use rust_decimal::Decimal;

fn units_var(at: usize) -> String {
    format!("units{}", at + 1)
}

fn last_var(at: usize) -> String {
    format!("last{}", at + 1)
}

fn remembered(name: String, init: Decimal) -> Var {
    Var {
        name,
        kind: VarKind::Sum,
        init,
    }
}

/// Units held now: as signed, or since the last reset.
fn held(leg: &Leg, at: usize, constant_shares: bool) -> Expr {
    if constant_shares {
        n(leg.units)
    } else {
        var(&units_var(at))
    }
}

/// Both legs on every reset date, then what the next period starts from.
pub fn reset_rule(legs: &[Leg], financing: &Financing, constant_shares: bool) -> (Vec<Var>, Rule) {
    let mut vars = Vec::new();
    let mut equity = Vec::new();
    let mut before = Vec::new();
    let mut next = Vec::new();
    for (at, leg) in legs.iter().enumerate() {
        let spot = || Expr::SpotOf(leg.code.clone());
        if constant_shares {
            let last = last_var(at);
            equity.push(mul([n(leg.units), sub(spot(), var(&last))]));
            before.push(mul([n(leg.units), var(&last)]));
            next.push(set(&last, spot()));
            vars.push(remembered(last, leg.initial));
        } else {
            let units = units_var(at);
            equity.push(sub(mul([var(&units), spot()]), n(leg.notional)));
            before.push(n(leg.notional));
            next.push(set(&units, div(n(leg.notional), spot())));
            vars.push(remembered(units, leg.units));
        }
    }
    let drawn = match financing.drawn {
        Drawn::Notional => Expr::Notional,
        Drawn::Market => add(before),
        Drawn::Share(share) => mul([Expr::Notional, n(share)]),
    };
    let time = match financing.fractions {
        Some(_) => row(FRACTION),
        None => Expr::TimeStep,
    };
    let cost = mul([drawn, n(financing.rate), time]);
    let mut actions = paying([
        pay("equity", add(equity), PayAt::Observation),
        pay("financing", sub(n(0), cost), PayAt::Observation),
    ]);
    actions.extend(next);
    (vars, on(RESETS, phase::ACCRUAL, None, actions))
}

/// Listed dividends, on their dates; before a reset of the same date.
pub fn dividend_rule(
    terms: &Field<'_>,
    context: &Context<'_>,
    legs: &[Leg],
    dividends: &Dividends,
    constant_shares: bool,
) -> Option<(NamedSchedule, Rule)> {
    let dates = dividends.keys().map(|date| Node::text(date.to_string()));
    let node = Node::map([("dates", Node::list(dates))]);
    let pointer = crate::reader::join(terms.pointer(), "dividends");
    let field = Field::new(&node, &pointer, terms.sink());
    let mut schedule = context.schedule(DIVIDENDS, &field)?;
    if schedule.len() != dividends.len() {
        field.error(
            "E-TERM-DIVIDENDS",
            "A dividend lies outside the life of the contract. List those after the start up to \
             the end.",
            "有股息日不在合约存续期内，请仅列出起始日之后至到期日的股息。",
        );
        return None;
    }
    let mut passed = Vec::new();
    for (at, leg) in legs.iter().enumerate() {
        let on_date = |list: &Vec<(usize, Decimal)>| {
            list.iter()
                .filter(|(of, _)| *of == at)
                .map(|(_, amount)| *amount)
                .sum::<Decimal>()
        };
        let amounts: Vec<Decimal> = dividends.values().map(on_date).collect();
        if amounts.iter().all(Decimal::is_zero) {
            continue;
        }
        let column = format!("dividend{}", at + 1);
        passed.push(mul([held(leg, at, constant_shares), row(&column)]));
        schedule = schedule.with_column(&column, amounts);
    }
    let action = pay("dividend", add(passed), PayAt::Observation);
    Some((schedule, on(DIVIDENDS, phase::COUPON, None, vec![action])))
}
