//! `snowball` (雪球): a note that pays a coupon for the time until it is knocked out, a bonus when it
//! never is, and loses like a short put once knocked in.
//!
//! With `a_k = c_k t_k` (annualised, simple, from the start on the coupon clock) or `a_k = c_k`:
//!
//! 1. knock-out at row `k`, `S_k ≥ H_k`: `m N + N a_k + N part_out max(S_k − K_call, 0)/S0`, the
//!    contract ends;
//! 2. alive at the end, never knocked in: `m N + N a_B` with the bonus (红利票息) rate `c_B`;
//! 3. alive at the end, knocked in: `m N − N part max(K_hi − max(S_T, K_lo), 0)/base`.
//!
//! Knock-in when `S ≤ B` on a knock-in date (daily by default). Knock-out is looked at before
//! knock-in, also on the last date. The bear form (看跌) flips every inequality and loses
//! `part max(min(S_T, K_cap) − K_str, 0)/base`. Coupons are on `N`, never on `m N`.
//!
//! Sources: specification, section 6; the payoff is the market's standard one, as in 中国证券业协会
//! descriptions of 雪球 structures.
//!
//! Terms:
//!
//! | term | value | default |
//! |---|---|---|
//! | `side` | `bull`, `bear` | `bull`; preset `bear` |
//! | `ko.schedule` | knock-out dates | monthly after 3 months; `paris` weekly |
//! | `ko.levels` | vector of levels | |
//! | `ko.participation`, `ko.call` | `part_out`, `K_call` | 0, `S0` |
//! | `ko.compare` | `>=`, `>`, `<=`, `<` | `>=`; bear `<=` |
//! | `coupon.rate` or `coupon.tiers` | vector of ratios; `[{to: row, rate}, …, {rate}]` | |
//! | `coupon.basis` | `annual`, `absolute` (bonus alike) | `annual`; `trigger` absolute |
//! | `bonus` | ratio `c_B` | the last coupon rate |
//! | `ki` | `{schedule, level, count, compare}` | never; `daily` (`paris` monthly, `european_ki` the end), 1, `<=` |
//! | `loss` | `{part, k_hi, k_lo, base: initial or k_hi}` | 100 %, `S0`, none, `initial` |
//! | `loss`, bear | `{part, k_str, k_cap, base: initial or k_str}` | the same |
//! | `principal` | `{margin, included, no_recourse}` | 100 %, true, false |

use rust_decimal::Decimal;

use super::autocall::{
    Basis, COUPON, KO, KnockIn, LEVEL, Loss, Principal, Upside, at_level, knock_out,
};
use super::words::{either, n, pay_end, paying, row};
use crate::program::{Comparison, Expr, Program};

/// Terms of a snowball, read and resolved; levels in price units.
#[derive(Debug, Clone, PartialEq)]
pub struct Snowball {
    /// How fixings are compared with the knock-out levels (column `level` of schedule `ko`).
    pub ko: Comparison,
    /// Participation at the knock-out.
    pub upside: Option<Upside>,
    /// Basis of coupons (column `coupon` of schedule `ko`) and bonus.
    pub basis: Basis,
    /// Bonus rate `c_B`.
    pub bonus: Decimal,
    /// Knock-in and the loss after it, unless the principal is safe.
    pub ki: Option<(KnockIn, Loss)>,
    /// Note form.
    pub principal: Principal,
}

/// The rules.
#[must_use]
pub fn program(terms: &Snowball) -> Program {
    let mut flows = vec![
        ("principal", terms.principal.amount()),
        ("coupon", terms.basis.amount(row(COUPON), Expr::Time)),
    ];
    flows.extend(
        terms
            .upside
            .as_ref()
            .map(|upside| ("participation", upside.amount())),
    );
    let mut rules = vec![knock_out(KO, at_level(terms.ko, LEVEL), flows)];
    let mut vars = Vec::new();
    let bonus = terms.basis.amount(n(terms.bonus), Expr::Time);
    let mut terminal = Vec::new();
    match &terms.ki {
        None => {
            terminal.extend(terms.principal.redemption(None));
            terminal.extend(paying([pay_end("bonus", bonus)]));
        }
        Some((ki, loss)) => {
            vars.push(ki.var());
            rules.push(ki.rule());
            let bonus = either(ki.happened(), n(0), bonus);
            terminal.extend(
                terms
                    .principal
                    .redemption(Some((ki.happened(), loss.amount()))),
            );
            terminal.extend(paying([pay_end("bonus", bonus)]));
        }
    }
    Program {
        vars,
        rules,
        terminal,
        exercise: None,
    }
}
