//! What the autocallables (自动敲入敲出) share: note form, knock-out, knock-in and loss.

use rust_decimal::Decimal;

use super::words::{
    compare, div, either, flag, max, min, mul, n, on, option, pay, pay_end, paying, row, set, sub,
    unset, var,
};
use crate::program::{Action, Comparison, Cond, Expr, PayAt, Rule, Var, VarKind, phase};
use crate::shape::Side;

/// Name of the schedule of knock-out observations, and of the column of their levels.
pub const KO: &str = "ko";
/// Name of the schedule of knock-in observations.
pub const KI: &str = "ki";
/// Flag set by a knock-in.
pub const KNOCKED_IN: &str = "ki";
/// Count of touches of the knock-in level (Paris form).
pub const TOUCHES: &str = "touches";
/// Column of knock-out levels, price units.
pub const LEVEL: &str = "level";
/// Column of coupon rates.
pub const COUPON: &str = "coupon";

/// Note form: what of the notional is paid back (保证金, 不追保).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Margin level `m`: part of the notional that the holder paid in.
    pub margin: Decimal,
    /// Whether `m N` is among the contract's flows.
    pub included: bool,
    /// Whether the terminal amount is floored at zero (no further margin is called).
    pub no_recourse: bool,
}

impl Principal {
    /// `m N`, or 0 when the principal is not among the flows.
    pub fn amount(&self) -> Expr {
        match self.included {
            true => mul([n(self.margin), Expr::Notional]),
            false => n(0),
        }
    }

    /// Redemption at the end: `m N`, less `loss` once knocked in, floored at 0 without recourse.
    pub fn redemption(&self, loss: Option<(Cond, Expr)>) -> Vec<Action> {
        let Some((cond, loss)) = loss else {
            return paying([pay_end("principal", self.amount())]);
        };
        let kept = sub(self.amount(), loss);
        let kept = if self.no_recourse {
            max(kept, n(0))
        } else {
            kept
        };
        paying([pay_end("redemption", either(cond, kept, self.amount()))])
    }
}

/// A knock-in (敲入): once, or after a number of touches (巴黎).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnockIn {
    /// Level, price units.
    pub level: Decimal,
    /// How the fixing is compared with the level.
    pub compare: Comparison,
    /// Touches that knock in; a flag when one is enough.
    pub count: u32,
}

impl KnockIn {
    /// What is remembered.
    pub fn var(&self) -> Var {
        if self.count == 1 {
            return unset(KNOCKED_IN);
        }
        let kind = VarKind::Count { max: self.count };
        Var {
            name: TOUCHES.to_owned(),
            kind,
            init: Decimal::ZERO,
        }
    }

    /// The observation, on every row of schedule `ki`.
    pub fn rule(&self) -> Rule {
        let hit = compare(self.compare, Expr::Spot, n(self.level));
        let action = if self.count == 1 {
            set(KNOCKED_IN, n(1))
        } else {
            set(TOUCHES, super::words::add([var(TOUCHES), n(1)]))
        };
        on(KI, phase::KNOCK_IN, Some(hit), vec![action])
    }

    /// Whether it has happened.
    pub fn happened(&self) -> Cond {
        if self.count == 1 {
            flag(KNOCKED_IN)
        } else {
            compare(Comparison::AtLeast, var(TOUCHES), n(self.count))
        }
    }
}

/// Loss after a knock-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Put for the bull form (the holder lost a put), call for the bear form.
    pub w: Side,
    /// Participation in the loss.
    pub part: Decimal,
    /// Strike at which the loss begins: `K_hi`, or `K_str` of the bear form.
    pub strike: Decimal,
    /// Level beyond which it grows no more: `K_lo` (0: none), or `K_cap` of the bear form.
    pub limit: Option<Decimal>,
    /// Price by which the loss is divided.
    pub base: Base,
}

/// Price by which a loss is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// Initial fixing.
    Initial,
    /// The strike at which the loss begins.
    Strike,
}

impl Loss {
    /// `N part max(K_hi − max(S, K_lo), 0) / base`, currency units above zero; for the bear form
    /// `N part max(min(S, K_cap) − K_str, 0) / base`.
    pub fn amount(&self) -> Expr {
        let limited = match (self.w, self.limit) {
            (_, None) => Expr::Spot,
            (Side::Put, Some(limit)) => max(Expr::Spot, n(limit)),
            (Side::Call, Some(limit)) => min(Expr::Spot, n(limit)),
        };
        let points = option(self.w, limited, n(self.strike));
        let base = match self.base {
            Base::Initial => Expr::Initial,
            Base::Strike => n(self.strike),
        };
        div(mul([Expr::Notional, n(self.part), points]), base)
    }
}

/// How a coupon rate becomes an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Times the coupon clock (年化).
    Annual,
    /// As it stands (绝对).
    Absolute,
}

impl Basis {
    /// `N rate` or `N rate t`.
    pub fn amount(self, rate: Expr, time: Expr) -> Expr {
        match self {
            Self::Annual => mul([Expr::Notional, rate, time]),
            Self::Absolute => mul([Expr::Notional, rate]),
        }
    }
}

/// Participation at the knock-out (看涨): `N part max(w (S − strike), 0) / S0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upside {
    /// Call for the bull form, put for the bear form.
    pub w: Side,
    /// Participation.
    pub part: Decimal,
    /// Strike, price units.
    pub strike: Decimal,
}

impl Upside {
    /// Currency units.
    pub fn amount(&self) -> Expr {
        let points = option(self.w, Expr::Spot, n(self.strike));
        div(mul([Expr::Notional, n(self.part), points]), Expr::Initial)
    }
}

/// Knock-out on every row of `schedule` on which `condition` holds: pays `flows`, then stops.
pub fn knock_out(schedule: &str, condition: Cond, flows: Vec<(&str, Expr)>) -> Rule {
    let pays = flows
        .into_iter()
        .map(|(leg, amount)| pay(leg, amount, PayAt::Observation));
    let mut actions = paying(pays);
    actions.push(Action::Stop);
    on(schedule, phase::KNOCK_OUT, Some(condition), actions)
}

/// The fixing compared with the row's level.
pub fn at_level(op: Comparison, column: &str) -> Cond {
    compare(op, Expr::Spot, row(column))
}

/// The usual comparison of the bull form; the bear form turns every inequality round.
pub fn usual(bear: bool, bull: Comparison) -> Comparison {
    match (bear, bull) {
        (false, op) => op,
        (true, Comparison::AtLeast) => Comparison::AtMost,
        (true, Comparison::Above) => Comparison::Below,
        (true, Comparison::AtMost) => Comparison::AtLeast,
        (true, Comparison::Below) => Comparison::Above,
    }
}
