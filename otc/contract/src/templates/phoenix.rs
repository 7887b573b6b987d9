//! `phoenix` (凤凰): coupons on every date on which the fixing is at or above the coupon level, and
//! a knock-out that only pays back the principal.
//!
//! * Coupon on row `k`: `N c` (per period) or `N c Δt` (annualised) if `S_k ≥ C`; with memory (记忆)
//!   also everything missed before; what is unpaid at the end lapses.
//! * Knock-out from row `ko.from`, `S_k ≥ H_k`: `m N`, after that date's coupon.
//! * End: `m N`, or once knocked in `m N − N part max(K_hi − max(S_T, K_lo), 0)/base`.
//!
//! Presets: `dcn` (knock-in at the end only), `fcn` (固定票息: coupons unconditional; with
//! `guaranteed: g` only the first `g` are).
//!
//! Missed coupons are remembered in variable `missed`: how many, when every row pays the same
//! amount; otherwise in `missed_amount`, as a ratio of the notional. Both enter payments linearly.
//!
//! Terms:
//!
//! | term | value | default |
//! |---|---|---|
//! | `coupon.schedule` | coupon dates | monthly |
//! | `coupon.rate` | vector of ratios | |
//! | `coupon.basis` | `per_period`, `annual` (times `Δt`) | `per_period` |
//! | `coupon.level` | vector of levels; `0%` pays always | required; `fcn` none |
//! | `coupon.memory` | missed coupons are paid later | false |
//! | `coupon.guaranteed` | first rows that pay always | 0 |
//! | `coupon.compare`, `ko.compare` | `>=`, `>`, `<=`, `<` | `>=` |
//! | `ko.levels` | vector of levels | |
//! | `ko.from` | first row that may knock out | 1 |
//! | `ko.schedule` | own dates | coupon dates |
//! | `ki` | `{schedule, level, count, compare}` | never; `daily`, 1, `<=` |
//! | `loss` | `{part, k_hi, k_lo, base: initial or k_hi}` | 100 %, `S0`, none, `initial` |
//! | `principal` | `{margin, included, no_recourse}` | 100 %, true, false |

use rust_decimal::Decimal;

use super::autocall::{KnockIn, LEVEL, Loss, Principal, at_level, knock_out};
use super::words::{add, compare, mul, n, not, on, pay, row, set, sum, var};
use crate::program::{Comparison, Cond, Expr, PayAt, Program, Rule, phase};

/// Name of the schedule of coupon dates (and of knock-out dates, unless these are their own).
pub const COUPONS: &str = "coupon";
/// Column of coupon rates.
pub const RATE: &str = "rate";
/// Column of coupon levels.
pub const COUPON_LEVEL: &str = "coupon_level";

/// Terms of a phoenix, read and resolved; levels in price units.
#[derive(Debug, Clone, PartialEq)]
pub struct Phoenix {
    /// When a coupon is paid.
    pub due: Due,
    /// What one coupon is.
    pub coupon: Coupon,
    /// Whether missed coupons are paid later.
    pub memory: bool,
    /// How fixings are compared with the knock-out levels.
    pub ko: Comparison,
    /// Schedule of the knock-out (column `level`).
    pub ko_schedule: String,
    /// First row of that schedule on which it may happen.
    pub ko_from: u32,
    /// Knock-in and loss, unless the principal is safe.
    pub ki: Option<(KnockIn, Loss)>,
    /// Note form.
    pub principal: Principal,
}

/// When a coupon is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// On every date.
    Always,
    /// When the fixing compares so with the row's coupon level, and always on the first
    /// `guaranteed` rows.
    At {
        /// The comparison.
        compare: Comparison,
        /// Rows that pay whatever the fixing.
        guaranteed: u32,
    },
}

/// What one coupon is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coupon {
    /// `N c` with the same `c` on every row.
    Flat(Decimal),
    /// `N c_k`, column `rate`.
    PerPeriod,
    /// `N c_k Δt_k`, column `rate`.
    Annual,
}

impl Coupon {
    /// As a ratio of the notional.
    fn ratio(self) -> Expr {
        match self {
            Self::Flat(rate) => n(rate),
            Self::PerPeriod => row(RATE),
            Self::Annual => mul([row(RATE), Expr::TimeStep]),
        }
    }

    /// Variable that remembers what was missed.
    fn memory(self) -> &'static str {
        match self {
            Self::Flat(_) => "missed",
            Self::PerPeriod | Self::Annual => "missed_amount",
        }
    }

    /// What a missed row adds to it.
    fn missed(self) -> Expr {
        match self {
            Self::Flat(_) => n(1),
            coupon => coupon.ratio(),
        }
    }

    /// Currency units of this coupon with everything missed.
    fn with_missed(self) -> Expr {
        match self {
            Self::Flat(rate) => mul([Expr::Notional, n(rate), add([n(1), var(self.memory())])]),
            coupon => mul([Expr::Notional, add([coupon.ratio(), var(self.memory())])]),
        }
    }
}

/// The rules.
#[must_use]
pub fn program(terms: &Phoenix) -> Program {
    let mut vars = Vec::new();
    let mut rules = Vec::new();
    coupons(terms, &mut vars, &mut rules);
    let mut out = at_level(terms.ko, LEVEL);
    if terms.ko_from > 1 {
        let open = compare(Comparison::AtLeast, Expr::RowNumber, n(terms.ko_from));
        out = Cond::And(vec![open, out]);
    }
    rules.push(knock_out(
        &terms.ko_schedule,
        out,
        vec![("principal", terms.principal.amount())],
    ));
    let mut loss = None;
    if let Some((ki, lost)) = &terms.ki {
        vars.push(ki.var());
        rules.push(ki.rule());
        loss = Some((ki.happened(), lost.amount()));
    }
    Program {
        vars,
        rules,
        terminal: terms.principal.redemption(loss),
        exercise: None,
    }
}

fn coupons(terms: &Phoenix, vars: &mut Vec<crate::program::Var>, rules: &mut Vec<Rule>) {
    let amount = mul([Expr::Notional, terms.coupon.ratio()]);
    let (compare_with, guaranteed) = match terms.due {
        Due::Always => {
            let action = pay("coupon", amount, PayAt::Observation);
            rules.push(on(COUPONS, phase::COUPON, None, vec![action]));
            return;
        }
        Due::At {
            compare,
            guaranteed,
        } => (compare, guaranteed),
    };
    let mut due = at_level(compare_with, COUPON_LEVEL);
    if guaranteed > 0 {
        let first = compare(Comparison::AtMost, Expr::RowNumber, n(guaranteed));
        due = Cond::Or(vec![first, due]);
    }
    if !terms.memory {
        let action = pay("coupon", amount, PayAt::Observation);
        rules.push(on(COUPONS, phase::COUPON, Some(due), vec![action]));
        return;
    }
    let memory = terms.coupon.memory();
    vars.push(sum(memory));
    let paid = vec![
        pay("coupon", terms.coupon.with_missed(), PayAt::Observation),
        set(memory, n(0)),
    ];
    let missed = vec![set(memory, add([var(memory), terms.coupon.missed()]))];
    rules.push(on(COUPONS, phase::COUPON, Some(due.clone()), paid));
    rules.push(on(COUPONS, phase::COUPON, Some(not(due)), missed));
}
