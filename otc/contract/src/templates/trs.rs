//! `trs` (收益互换): the holder receives the equity leg and pays financing, period by period.
//!
//! On reset date `k`: `Σ units_i (S_ik − S_i,k−1)`, with units fixed (`constant_shares`) or reset to
//! `N_i/S_ik` (`constant_notional`), less `drawn × (rate + spread) × yf`; `drawn` is `N`
//! (`notional`), `Σ units_i S_i,k−1` (`market`) or `N (1 − initial margin)` (`net_of_margin`). Short
//! legs have negative units, and the legs of one date net. Listed dividends are passed on their
//! dates, `units_i × pass × amount`.
//!
//! Compiled is what fixings drive. Margin calls, the daily trade file and dividends that are not
//! listed are the book's: a notice names each, because the plan does not hold them.
//!
//! Terms:
//!
//! | term | value | default |
//! |---|---|---|
//! | `reset` | schedule that ends with the contract | |
//! | `units` | `constant_shares`, `constant_notional` | |
//! | `return` | `price`, `total` | `price` |
//! | `dividend_pass` | ratio (`total`) | 100 % |
//! | `dividends` | `[{code, date, amount}]` (`total`) | none |
//! | `financing.rate`, `financing.spread` | ratios a year | spread 0 |
//! | `financing.base` | `notional`, `market`, `net_of_margin` | `notional` |
//! | `financing.yf` | `coupon`, `act365`, `act360`, a list | `coupon` |
//! | `margin` | `{initial, maintenance}` | none |
//! | `basket_changes` | `none`, `trade_file` | `none` |

use std::collections::BTreeMap;

use rialto_otc_time::Date;
use rust_decimal::Decimal;

use super::parts::{count, maybe, notional_only, or};
use super::trs_rules::{dividend_rule, reset_rule};
use super::{Built, Context, NamedSchedule};
use crate::plan::Underlying;
use crate::program::Program;
use crate::reader::{Field, Fields};
use crate::schedule::Term;
use crate::shape::Shape;

/// Name of the schedule of reset dates.
pub const RESETS: &str = "resets";
/// Name of the schedule of listed dividends.
pub const DIVIDENDS: &str = "dividends";
/// Column of listed year fractions.
pub const FRACTION: &str = "yf";

/// What the financing is paid on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawn {
    /// The notional.
    Notional,
    /// What the units were worth at the last reset.
    Market,
    /// Part of the notional that is financed.
    Share(Decimal),
}

/// One underlying: its code, its units at the start, its initial fixing.
pub struct Leg {
    /// Exchange and code.
    pub code: String,
    /// Units at the start.
    pub units: Decimal,
    /// Initial fixing.
    pub initial: Decimal,
    /// Currency units to which it is reset (`constant_notional`).
    pub notional: Decimal,
}

/// The leg that the holder pays.
pub struct Financing {
    /// What it is paid on.
    pub drawn: Drawn,
    /// Rate and spread together, a year.
    pub rate: Decimal,
    /// Year fractions by period; the coupon clock when absent.
    pub fractions: Option<Vec<Decimal>>,
}

/// A cash dividend: underlying, price units, already times the part passed on.
pub type Dividends = BTreeMap<Date, Vec<(usize, Decimal)>>;

/// Reads the terms and builds the contract.
pub fn build(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    let sized = notional_only(terms, context);
    let some = count(terms, context, 1..=super::multi::MOST);
    let mut fields = terms.fields()?;
    let reset = fields.required("reset");
    let resets = reset.as_ref().and_then(|field| {
        let resets = context.schedule(RESETS, field)?;
        ends_with(field, &resets, context).map(|()| resets)
    });
    let constant_shares = fields.required("units").and_then(|units| {
        Some(units.choice(&["constant_shares", "constant_notional"])? == "constant_shares")
    });
    let dividends = read_dividends(&mut fields, context);
    let margin = fields.optional("margin");
    let initial_margin = maybe(margin.as_ref(), read_margin);
    let financing = fields.required("financing");
    let changes = fields.optional("basket_changes");
    let change = maybe(changes.as_ref(), |field| {
        field.choice(&["none", "trade_file"])
    });
    fields.finish();
    let financing = match (&financing, &resets, initial_margin) {
        (Some(field), Some(resets), Some(margin)) => read_financing(field, resets, margin, context),
        _ => None,
    };
    if let (Some(field), Some(Some("trade_file"))) = (&changes, change) {
        notice(
            field,
            "Changes of the basket by trade file are not in the plan yet: it values the basket as \
             it stands in this sheet.",
            "计划暂不包含按交易文件调整篮子；估值以本条款所列篮子为准。",
        );
    }
    sized?;
    some?;
    change?;
    let (resets, shares, financing, dividends) =
        (resets?, constant_shares?, financing?, dividends?);
    let legs = legs(terms, context)?;
    let mut schedules = Vec::new();
    let mut rules = Vec::new();
    if !dividends.is_empty() {
        let (schedule, rule) = dividend_rule(terms, context, &legs, &dividends, shares)?;
        schedules.push(schedule);
        rules.push(rule);
    }
    let (vars, reset_rule) = reset_rule(&legs, &financing, shares);
    rules.push(reset_rule);
    schedules.insert(
        0,
        match &financing.fractions {
            Some(fractions) => resets.with_column(FRACTION, fractions.clone()),
            None => resets,
        },
    );
    let shape: Option<Shape<Decimal>> = None;
    Some(Built {
        program: Program {
            vars,
            rules,
            terminal: Vec::new(),
            exercise: None,
        },
        schedules,
        shape,
    })
}

fn notice(field: &Field<'_>, en: &str, zh: &str) {
    field
        .sink()
        .notice("N-TERM-NOT-YET", &field.place(), en, zh);
}

/// The last reset is the end: no part of the contract's life is left without a leg.
fn ends_with(field: &Field<'_>, resets: &NamedSchedule, context: &Context<'_>) -> Option<()> {
    let end = context.end()?;
    if resets.rows.last().map(|row| row.at) == Some(end.at) {
        return Some(());
    }
    field.error(
        "E-TERM-RESET",
        "The last reset date is not the end of the contract, so the last days would have no leg. \
         Let the schedule end there.",
        "最后一个重置日不是到期日，末段将没有收益腿；请使日程止于到期日。",
    );
    None
}

/// `margin: {initial, maintenance}`: the initial margin. Calls on it are the book's.
fn read_margin(field: &Field<'_>) -> Option<Decimal> {
    let mut fields = field.fields()?;
    let initial = fields
        .required("initial")
        .and_then(|margin| margin.ratio_from_zero());
    let maintenance = fields.optional("maintenance");
    let least = maybe(maintenance.as_ref(), Field::ratio_from_zero);
    fields.finish();
    let (initial, least) = (initial?, least?);
    let place = maintenance.as_ref().unwrap_or(field);
    if initial > Decimal::ONE || least.is_some_and(|least| least > initial) {
        place.error(
            "E-TERM-MARGIN",
            "The initial margin is at most 100 %, the maintenance margin at most the initial one.",
            "初始保证金不超过 100 %，维持保证金不超过初始保证金。",
        );
        return None;
    }
    notice(
        field,
        "Margin calls are not in the plan yet: it values the legs only.",
        "计划暂不包含追保，仅对收益腿与融资腿估值。",
    );
    Some(initial)
}

/// `financing: {base, rate, spread, yf}`.
fn read_financing(
    field: &Field<'_>,
    resets: &NamedSchedule,
    margin: Option<Decimal>,
    context: &Context<'_>,
) -> Option<Financing> {
    let mut fields = field.fields()?;
    let base_field = fields.optional("base");
    let base = or(base_field.clone(), "notional", |base| {
        base.choice(&["notional", "market", "net_of_margin"])
    });
    let rate = fields.required("rate").and_then(|rate| rate.ratio());
    let spread = or(fields.optional("spread"), Decimal::ZERO, Field::ratio);
    let yf = fields.optional("yf");
    let fractions = maybe(yf.as_ref(), |yf| read_fractions(yf, resets, context));
    fields.finish();
    let drawn = match (base?, margin) {
        ("notional", _) => Drawn::Notional,
        ("market", _) => Drawn::Market,
        (_, Some(margin)) => Drawn::Share(Decimal::ONE.checked_sub(margin)?),
        (_, None) => {
            base_field.as_ref().unwrap_or(field).error(
                "E-TERM-MARGIN",
                "\"net_of_margin\" needs \"margin\" with its \"initial\" part.",
                "net_of_margin 须给出 margin.initial。",
            );
            return None;
        }
    };
    Some(Financing {
        drawn,
        rate: rate?.checked_add(spread?)?,
        fractions: fractions?.flatten(),
    })
}

/// `yf`: `coupon` (the coupon clock), `act365`, `act360`, or one year fraction for each period. The
/// inner `None` is the coupon clock.
fn read_fractions(
    field: &Field<'_>,
    resets: &NamedSchedule,
    context: &Context<'_>,
) -> Option<Option<Vec<Decimal>>> {
    let basis = match field.node().scalar() {
        None => return field.decimals(resets.len()).map(Some),
        Some("coupon") => return Some(None),
        Some("act365") => 365,
        Some("act360") => 360,
        Some(_) => {
            field.error(
                "E-TERM-YF",
                "Write \"coupon\", \"act365\", \"act360\" or a list with one year fraction for each \
                 reset.",
                "yf 应为 coupon、act365、act360，或逐期年化因子的列表。",
            );
            return None;
        }
    };
    let Term::Dated { start, .. } = context.resolver.term else {
        field.error(
            "E-TERM-YF",
            "A contract in years has no days to count. Write \"coupon\" or list the fractions.",
            "以年计的合约没有天数，请写 coupon 或逐期列出年化因子。",
        );
        return None;
    };
    let mut before = start.days();
    let fractions = resets.rows.iter().map(|row| {
        let now = row.at.date?.days();
        let days = Decimal::from(now - std::mem::replace(&mut before, now));
        days.checked_div(Decimal::from(basis))
    });
    fractions.collect::<Option<Vec<_>>>().map(Some)
}

/// Units of every leg: as the sheet gives them, or by weight from the notional.
fn legs(terms: &Field<'_>, context: &Context<'_>) -> Option<Vec<Leg>> {
    let notional = context.notional()?;
    let single = context.underlyings.len() == 1;
    let leg = |at: usize, underlying: &Underlying<Decimal>| {
        let given = context.units.get(at).copied().flatten();
        let weight = if single {
            Decimal::ONE
        } else {
            underlying.weight
        };
        let worth = match given {
            Some(units) => units.checked_mul(underlying.initial)?,
            None => notional.checked_mul(weight)?,
        };
        let units = match given {
            Some(units) => units,
            None => worth.checked_div(underlying.initial)?,
        };
        let code = underlying.code.clone();
        Some(Leg {
            code,
            units,
            initial: underlying.initial,
            notional: worth,
        })
    };
    let legs = context
        .underlyings
        .iter()
        .enumerate()
        .map(|(at, underlying)| leg(at, underlying));
    let legs: Option<Vec<Leg>> = legs.collect();
    if legs.is_none() {
        terms.error(
            "E-TERM-UNITS",
            "Units times price leave the range of numbers.",
            "份额与价格之积超出数值范围。",
        );
    }
    legs
}

/// `return`, `dividend_pass`, `dividends: [{code, date, amount}]`.
fn read_dividends(fields: &mut Fields<'_>, context: &Context<'_>) -> Option<Dividends> {
    let kind = fields.optional("return");
    let total = or(kind.clone(), false, |kind| {
        Some(kind.choice(&["price", "total"])? == "total")
    });
    let pass_field = fields.optional("dividend_pass");
    let pass = or(pass_field.clone(), Decimal::ONE, Field::ratio_from_zero);
    let list = fields.optional("dividends");
    let (total, pass) = (total?, pass?);
    if !total {
        let stray = pass_field.or(list);
        let Some(field) = stray else {
            return Some(Dividends::new());
        };
        field.error(
            "E-TERM-DIVIDENDS",
            "A price return passes no dividends. Write \"return\": \"total\", or drop this.",
            "价格收益不含股息，请写 return: total 或去掉该字段。",
        );
        return None;
    }
    let Some(list) = list else {
        if let Some(kind) = &kind {
            notice(
                kind,
                "Dividends that are not listed are not in the plan yet: it values the price \
                 return. List them under \"dividends\".",
                "计划暂不包含未列出的股息，仅按价格收益估值；请在 dividends 中列出。",
            );
        }
        return Some(Dividends::new());
    };
    let mut dividends = Dividends::new();
    let mut sound = true;
    for item in list.list()? {
        match read_dividend(&item, pass, context) {
            Some((date, at, amount)) => dividends.entry(date).or_default().push((at, amount)),
            None => sound = false,
        }
    }
    sound.then_some(dividends)
}

fn read_dividend(
    item: &Field<'_>,
    pass: Decimal,
    context: &Context<'_>,
) -> Option<(Date, usize, Decimal)> {
    let mut fields = item.fields()?;
    let code = fields.required("code");
    let date = fields.required("date").and_then(|date| date.date());
    let amount = fields
        .required("amount")
        .and_then(|amount| amount.positive());
    fields.finish();
    let code = code?;
    let text = code.label()?;
    let at = context
        .underlyings
        .iter()
        .position(|underlying| underlying.code == text);
    if at.is_none() {
        code.error(
            "E-TERM-DIVIDENDS",
            "No underlying has this code.",
            "没有此代码的标的。",
        );
    }
    Some((date?, at?, amount?.checked_mul(pass)?))
}
