//! `accumulator` (累购) and `decumulator` (累沽): every day the fixing's zone says how many units the
//! holder buys (sells) at the strike.
//!
//! Standard zones: `S < K`: `leverage` units; `K ≤ S < H`: one; `S ≥ H`: none. The decumulator
//! mirrors them: `S > K`, `H < S ≤ K`, `S ≤ H`. A unit settles `w (S − K)`, `w` = +1 buying, −1
//! selling; daily on the day's fixing, or at the end on the last one. Zones may carry fixed cash
//! (固定赔付, 增强) beside or instead of units.
//!
//! At the barrier: `skip` (标准) the day is lost; `stop` (熔断) the contract ends, nothing accrues that
//! day, `rebate × quantity × days left` (today included) is paid, and units accrued for the end
//! settle at once, or at the end with `settle_on_ko: end`; `none` there is no barrier.
//! `last_day` (末日加倍) pays extra units on the last day.
//!
//! Terms:
//!
//! | term | value | default |
//! |---|---|---|
//! | `schedule` | days of observation | `daily` |
//! | `strike` | level at which a unit is bought (sold) | |
//! | `barrier` | level; none with `ko: none`, or with `zones` and `ko: skip` | |
//! | `leverage` | units beyond the strike; not with `zones` | 1 |
//! | `ko` | `skip`, `stop`, `none` | |
//! | `settlement` | `daily`, `end` | |
//! | `rebate` | price units for each unit and day left (`stop` only) | 0 |
//! | `settle_on_ko` | `ko`, `end` (`stop` with `settlement: end` only) | `ko` |
//! | `accumulate_on_ko_day` | phase 35 moves before 30 (`stop` only) | false |
//! | `zones` | `[{below (above) level, units, cash}, …, {units, cash}]` | standard |
//! | `last_day` | `{if: "S<K", extra: day or all_accrued, factor}` | none |

use rust_decimal::Decimal;

use super::words::{
    add, both, compare, either, flag, mul, n, not, on, pay, pay_end, paying, set, signed, sum,
    unset, var,
};
use crate::program::{Action, Comparison, Cond, Expr, PayAt, Program, Rule, phase};
use crate::shape::{Shape, Side, Zone};

/// Name of the schedule of days.
pub const DAYS: &str = "days";
/// Variable: units accrued so far, in multiples of the day's quantity.
pub const UNITS: &str = "accrued_units";
/// Variable: cash accrued so far, price units.
pub const CASH: &str = "accrued_cash";
/// Flag: knocked out, units still to settle at the end.
pub const KNOCKED_OUT: &str = "ko";
/// Phase of the accrual when a day of knock-out still accrues.
pub const ACCRUAL_FIRST: u8 = 25;

/// Terms, read and resolved; levels and cash in price units.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// Call for the accumulator, put for the decumulator.
    pub w: Side,
    /// Contract units a day.
    pub quantity: Decimal,
    /// Price at which units are bought or sold.
    pub strike: Decimal,
    /// Zones in the order in which they are tried.
    pub zones: Vec<Zone<Decimal>>,
    /// Whether units settle on their day's fixing.
    pub daily: bool,
    /// The barrier that ends the contract.
    pub stop: Option<Stop>,
    /// Extra units of the last day.
    pub last_day: Option<LastDay>,
}

/// The barrier that ends the contract (熔断).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stop {
    /// Level.
    pub level: Decimal,
    /// Price units for each unit of quantity and day left.
    pub rebate: Decimal,
    /// Units accrued so far settle at the end, not at the knock-out.
    pub settle_at_end: bool,
    /// The day of the knock-out still accrues.
    pub accrues: bool,
}

/// Extra of the last day (末日加倍): `factor` times the day's units, or all accrued ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LastDay {
    /// Comparison of the last fixing
    pub compare: Comparison,
    /// with this level.
    pub level: Decimal,
    /// All accrued units instead of the day's.
    pub all: bool,
    /// Multiple.
    pub factor: Decimal,
}

impl Terms {
    /// What the zone of the fixing says.
    fn by_zone(&self, of: impl Fn(&Zone<Decimal>) -> Expr) -> Expr {
        let op = match self.w {
            Side::Call => Comparison::Below,
            Side::Put => Comparison::Above,
        };
        let mut zones = self.zones.iter().rev();
        let last = zones.next().map_or(n(0), &of);
        zones.fold(last, |rest, zone| match zone.bound {
            Some(bound) => either(compare(op, Expr::Spot, n(bound)), of(zone), rest),
            None => of(zone),
        })
    }

    fn unit(&self) -> Expr {
        signed(self.w, Expr::Spot, n(self.strike))
    }

    fn has_cash(&self) -> bool {
        self.zones.iter().any(|zone| !zone.cash.is_zero())
    }

    fn remembers_units(&self) -> bool {
        !self.daily || self.last_day.is_some_and(|last| last.all)
    }

    /// Accrued units and cash at this date's fixing, currency units.
    fn settlement(&self) -> Expr {
        let cash = if self.has_cash() { var(CASH) } else { n(0) };
        mul([
            n(self.quantity),
            add([mul([var(UNITS), self.unit()]), cash]),
        ])
    }

    fn accrual(&self) -> Rule {
        let mut actions = Vec::new();
        if self.daily {
            let worth = self.by_zone(|zone| add([mul([n(zone.units), self.unit()]), n(zone.cash)]));
            actions.push(pay(
                "accrual",
                mul([n(self.quantity), worth]),
                PayAt::Observation,
            ));
        }
        if self.remembers_units() {
            let units = self.by_zone(|zone| n(zone.units));
            actions.push(set(UNITS, add([var(UNITS), units])));
        }
        if !self.daily && self.has_cash() {
            let cash = self.by_zone(|zone| n(zone.cash));
            actions.push(set(CASH, add([var(CASH), cash])));
        }
        let early = self.stop.is_some_and(|stop| stop.accrues);
        let phase = if early { ACCRUAL_FIRST } else { phase::ACCRUAL };
        let alive = self.settles_later().then(|| not(flag(KNOCKED_OUT)));
        on(DAYS, phase, alive, paying(actions))
    }

    fn settles_later(&self) -> bool {
        self.stop.is_some_and(|stop| stop.settle_at_end)
    }

    fn knock_out(&self, stop: Stop) -> Rule {
        let op = match self.w {
            Side::Call => Comparison::AtLeast,
            Side::Put => Comparison::AtMost,
        };
        let hit = compare(op, Expr::Spot, n(stop.level));
        let rebate = mul([n(self.quantity), n(stop.rebate), Expr::RowsLeft]);
        let mut actions = vec![pay("rebate", rebate, PayAt::Observation)];
        let hit = if stop.settle_at_end {
            actions.push(set(KNOCKED_OUT, n(1)));
            both(not(flag(KNOCKED_OUT)), hit)
        } else {
            if !self.daily {
                actions.push(pay("settlement", self.settlement(), PayAt::Observation));
            }
            actions.push(Action::Stop);
            hit
        };
        on(DAYS, phase::KNOCK_OUT, Some(hit), paying(actions))
    }

    fn last(&self, last: LastDay) -> Action {
        let units = match last.all {
            true => var(UNITS),
            false => self.by_zone(|zone| n(zone.units)),
        };
        let extra = mul([n(self.quantity), n(last.factor), units, self.unit()]);
        let mut cond = compare(last.compare, Expr::Spot, n(last.level));
        if self.settles_later() {
            cond = Cond::And(vec![not(flag(KNOCKED_OUT)), cond]);
        }
        pay_end("last_day", either(cond, extra, n(0)))
    }
}

/// The rules.
#[must_use]
pub fn program(terms: &Terms) -> Program {
    let mut vars = Vec::new();
    if terms.remembers_units() {
        vars.push(sum(UNITS));
    }
    if !terms.daily && terms.has_cash() {
        vars.push(sum(CASH));
    }
    if terms.settles_later() {
        vars.push(unset(KNOCKED_OUT));
    }
    let mut rules = vec![terms.accrual()];
    rules.extend(terms.stop.map(|stop| terms.knock_out(stop)));
    let mut terminal = Vec::new();
    if !terms.daily {
        terminal.push(pay_end("settlement", terms.settlement()));
    }
    terminal.extend(terms.last_day.map(|last| terms.last(last)));
    Program {
        vars,
        rules,
        terminal: paying(terminal),
        exercise: None,
    }
}

/// The contract as a strip of digitals and vanillas, when no day depends on another.
#[must_use]
pub fn shape(terms: &Terms) -> Option<Shape<Decimal>> {
    if terms.stop.is_some() || terms.last_day.is_some() {
        return None;
    }
    Some(Shape::Accumulator {
        quantity: terms.quantity,
        w: terms.w,
        strike: terms.strike,
        zones: terms.zones.clone(),
        daily: terms.daily,
    })
}
