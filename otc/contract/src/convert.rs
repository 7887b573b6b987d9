//! A plan on the ledger's decimals as a plan on binary numbers.

use rust_decimal::Decimal;

use crate::number::binary;
use crate::plan::{Action, Cond, Exercise, Expr, Instant, Monitor, Plan, Rule, Underlying, Var};

impl Plan<Decimal> {
    /// The same plan for engines: every number rounded to the nearest `f64`. The shape is kept when
    /// it converts.
    #[must_use]
    pub fn to_f64(&self) -> Plan<f64> {
        Plan {
            currency: self.currency.clone(),
            notional: binary(self.notional),
            underlyings: self.underlyings.iter().map(underlying).collect(),
            vars: self.vars.iter().map(var).collect(),
            instants: self.instants.iter().map(instant).collect(),
            monitors: self.monitors.iter().map(monitor).collect(),
            exercise: self.exercise.as_ref().map(exercise),
            class: self.class.clone(),
            shape: self.shape.as_ref().map(|shape| shape.map(&binary_ref)),
        }
    }
}

fn binary_ref(value: &Decimal) -> f64 {
    binary(*value)
}

fn underlying(from: &Underlying<Decimal>) -> Underlying<f64> {
    Underlying {
        code: from.code.clone(),
        weight: binary(from.weight),
        initial: binary(from.initial),
    }
}

fn var(from: &Var<Decimal>) -> Var<f64> {
    let Var {
        name,
        kind,
        value,
        carry,
    } = from;
    Var {
        name: name.clone(),
        kind: *kind,
        value: binary(*value),
        carry: *carry,
    }
}

fn instant(from: &Instant<Decimal>) -> Instant<f64> {
    Instant {
        at: from.at,
        rules: from.rules.iter().map(rule).collect(),
    }
}

fn rule(from: &Rule<Decimal>) -> Rule<f64> {
    Rule {
        phase: from.phase,
        row: from.row,
        schedule: from.schedule.clone(),
        condition: from.condition.as_ref().map(cond),
        actions: from.actions.iter().map(action).collect(),
    }
}

fn action(from: &Action<Decimal>) -> Action<f64> {
    match from {
        Action::Pay { amount, at, leg } => Action::Pay {
            amount: expr(amount),
            at: *at,
            leg: leg.clone(),
        },
        Action::Set { var, value } => Action::Set {
            var: *var,
            value: expr(value),
        },
        Action::Stop => Action::Stop,
    }
}

fn monitor(from: &Monitor<Decimal>) -> Monitor<f64> {
    Monitor {
        from: from.from,
        to: from.to,
        underlying: from.underlying,
        side: from.side,
        level: binary(from.level),
        unless: from.unless.as_ref().map(cond),
        actions: from.actions.iter().map(action).collect(),
        pay_at_hit: from.pay_at_hit,
    }
}

fn exercise(from: &Exercise<Decimal>) -> Exercise<f64> {
    Exercise {
        instants: from.instants.clone(),
        pay: from.pay.clone(),
        payoff: expr(&from.payoff),
    }
}

fn exprs(from: &[Expr<Decimal>]) -> Vec<Expr<f64>> {
    from.iter().map(expr).collect()
}

fn expr(from: &Expr<Decimal>) -> Expr<f64> {
    match from {
        Expr::Const(value) => Expr::Const(binary(*value)),
        Expr::Spot(index) => Expr::Spot(*index),
        Expr::Worst => Expr::Worst,
        Expr::Best => Expr::Best,
        Expr::Basket => Expr::Basket,
        Expr::Var(index) => Expr::Var(*index),
        Expr::Add(terms) => Expr::Add(exprs(terms)),
        Expr::Sub(terms) => Expr::Sub(exprs(terms)),
        Expr::Mul(terms) => Expr::Mul(exprs(terms)),
        Expr::Div(terms) => Expr::Div(exprs(terms)),
        Expr::Min(terms) => Expr::Min(exprs(terms)),
        Expr::Max(terms) => Expr::Max(exprs(terms)),
        Expr::If(test, yes, no) => Expr::If(
            Box::new(cond(test)),
            Box::new(expr(yes)),
            Box::new(expr(no)),
        ),
    }
}

fn cond(from: &Cond<Decimal>) -> Cond<f64> {
    match from {
        Cond::Always(known) => Cond::Always(*known),
        Cond::Compare(comparison, left, right) => {
            Cond::Compare(*comparison, Box::new(expr(left)), Box::new(expr(right)))
        }
        Cond::And(terms) => Cond::And(terms.iter().map(cond).collect()),
        Cond::Or(terms) => Cond::Or(terms.iter().map(cond).collect()),
        Cond::Not(inner) => Cond::Not(Box::new(cond(inner))),
        Cond::Flag(index) => Cond::Flag(*index),
    }
}
