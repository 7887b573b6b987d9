//! Levels of a plan: where the spot is compared with a price.

use rialto_otc_contract::plan::{Action, Cond, Expr, Plan};
use rialto_otc_contract::program::phase;

/// A level and what it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Level {
    pub(crate) price: f64,
    pub(crate) what: &'static str,
}

/// The levels of the first underlying, the first and the last of each kind, in order of price.
pub(crate) fn of(plan: &Plan<f64>) -> Vec<Level> {
    let mut found: Vec<Level> = Vec::new();
    for monitor in plan
        .monitors
        .iter()
        .filter(|monitor| monitor.underlying == 0)
    {
        found.push(Level {
            price: monitor.level,
            what: "barrier",
        });
    }
    for rule in plan.instants.iter().flat_map(|instant| &instant.rules) {
        let ends = rule
            .actions
            .iter()
            .any(|action| matches!(action, Action::Stop));
        let what = match rule.phase {
            phase::COUPON => "coupon",
            phase::KNOCK_OUT if ends => "knock-out",
            phase::KNOCK_IN => "knock-in",
            _ => continue,
        };
        let Some(condition) = &rule.condition else {
            continue;
        };
        let mut prices = Vec::new();
        compared(condition, plan.underlyings[0].initial, &mut prices);
        found.extend(prices.into_iter().map(|price| Level { price, what }));
    }
    let mut kept: Vec<Level> = Vec::new();
    for what in ["barrier", "coupon", "knock-out", "knock-in"] {
        let mut of_kind = found.iter().filter(|level| level.what == what);
        kept.extend(of_kind.next().cloned());
        kept.extend(of_kind.next_back().cloned());
    }
    kept.retain(|level| level.price.is_finite() && level.price > 0.0);
    kept.sort_by(|a, b| a.price.total_cmp(&b.price));
    kept.dedup_by(|b, a| (a.price / b.price - 1.0).abs() < 1e-9 && a.what == b.what);
    kept
}

fn compared(condition: &Cond<f64>, initial: f64, into: &mut Vec<f64>) {
    match condition {
        Cond::Compare(_, left, right) => match (&**left, &**right) {
            (Expr::Spot(0), Expr::Const(level)) | (Expr::Const(level), Expr::Spot(0)) => {
                into.push(*level);
            }
            (Expr::Worst | Expr::Best, Expr::Const(level)) => into.push(*level * initial),
            _ => {}
        },
        Cond::And(parts) | Cond::Or(parts) => {
            parts.iter().for_each(|part| compared(part, initial, into));
        }
        Cond::Not(part) => compared(part, initial, into),
        Cond::Always(_) | Cond::Flag(_) => {}
    }
}
