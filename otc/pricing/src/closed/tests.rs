//! Closed forms against constants of other programs, against the quadrature engine and limits.
//!
//! Reference numbers: QuantLib 1.44 in Python, one line each, with `process(S, r, q, v)` a
//! `BlackScholesMertonProcess` of flat curves on `Actual365Fixed`, or mpmath with 30 digits.

mod facts;
mod properties;
mod strips;

use rialto_otc_contract::plan::Plan;
use rialto_otc_contract::shape::{Barrier, Knock, Paid, Shape, Side, Vanilla};
use rialto_otc_market::model::Model;

use super::*;
use crate::testing::{at, flat, plan};

fn call(strike: f64) -> Vanilla<f64> {
    Vanilla {
        units: 1.0,
        w: Side::Call,
        strike,
    }
}

fn put(strike: f64) -> Vanilla<f64> {
    Vanilla {
        units: 1.0,
        w: Side::Put,
        strike,
    }
}

/// A contract whose only date is its end, with a shape.
fn shaped_plan(shape: Shape<f64>, time: f64) -> Plan<f64> {
    let instant = rialto_otc_contract::plan::Instant {
        at: at(time),
        rules: Vec::new(),
    };
    let mut plan = plan(100.0, 100.0, vec![instant]);
    plan.shape = Some(shape);
    plan
}

fn everything() -> Ask {
    Ask {
        greeks: Greeking::All,
        ..crate::testing::ask()
    }
}

fn value_of(shape: Shape<f64>, time: f64, model: &Model) -> f64 {
    priced(shape, time, model).value
}

fn priced(shape: Shape<f64>, time: f64, model: &Model) -> Priced {
    Closed
        .price(&shaped_plan(shape, time), model, &everything())
        .expect("a price")
}

fn close(a: f64, b: f64, relative: f64) {
    assert!(
        (a - b).abs() <= relative * b.abs().max(1e-3),
        "{a} is not {b}"
    );
}

fn single(
    option: Vanilla<f64>,
    side: Barrier,
    knock: Knock,
    level: f64,
    rebate: f64,
) -> Shape<f64> {
    let paid = match knock {
        Knock::In => Paid::End,
        Knock::Out => Paid::Hit,
    };
    Shape::Barrier {
        option,
        side,
        knock,
        level,
        rebate,
        paid,
    }
}
