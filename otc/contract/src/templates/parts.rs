//! Building blocks that products share: reading of common fields, sizes, monitoring, checks.

use rust_decimal::Decimal;

use super::words::{compare, div, mul, n, on};
use super::{Built, Context, NamedSchedule};
use crate::envelope::Size;
use crate::program::{Action, Comparison, Cond, Expr, On, Program, Rule};
use crate::reader::{Field, Fields};
use crate::shape::{Barrier, Edges, Paid, Shape, Side, Vanilla};

/// What `read` makes of a field, or `default` when the field is absent. `None` after a finding.
pub fn or<'a, T>(
    field: Option<Field<'a>>,
    default: T,
    read: impl FnOnce(&Field<'a>) -> Option<T>,
) -> Option<T> {
    match field {
        Some(field) => read(&field),
        None => Some(default),
    }
}

/// What `read` makes of a field that may be absent: the outer `None` after a finding.
pub fn maybe<'a, T>(
    field: Option<&Field<'a>>,
    read: impl FnOnce(&Field<'a>) -> Option<T>,
) -> Option<Option<T>> {
    match field {
        Some(field) => read(field).map(Some),
        None => Some(None),
    }
}

/// `type`: call or put.
pub fn side(fields: &mut Fields<'_>) -> Option<Side> {
    read_side(&fields.required("type")?)
}

/// Call or put, as a field writes it.
pub fn read_side(field: &Field<'_>) -> Option<Side> {
    Some(match field.choice(&["call", "put"])? {
        "call" => Side::Call,
        _ => Side::Put,
    })
}

/// `side`: up or down.
pub fn barrier_side(fields: &mut Fields<'_>) -> Option<Barrier> {
    Some(match fields.required("side")?.choice(&["up", "down"])? {
        "up" => Barrier::Up,
        _ => Barrier::Down,
    })
}

/// `hit` or `end`.
pub fn paid(field: Option<Field<'_>>, default: Paid) -> Option<Paid> {
    or(field, default, |field| {
        Some(match field.choice(&["hit", "end"])? {
            "hit" => Paid::Hit,
            _ => Paid::End,
        })
    })
}

/// A comparison that overrides the usual one.
pub fn comparison(field: Option<Field<'_>>, default: Comparison) -> Option<Comparison> {
    or(field, default, |field| {
        Some(match field.choice(&[">=", ">", "<=", "<"])? {
            ">=" => Comparison::AtLeast,
            ">" => Comparison::Above,
            "<=" => Comparison::AtMost,
            _ => Comparison::Below,
        })
    })
}

/// Which edges belong to an interval, as `"[)"` writes it.
pub fn edges(field: Option<Field<'_>>, default: Edges) -> Option<Edges> {
    or(field, default, |field| {
        Some(match field.choice(&["[)", "[]", "(]", "()"])? {
            "[)" => Edges::Lower,
            "[]" => Edges::Both,
            "(]" => Edges::Upper,
            _ => Edges::Neither,
        })
    })
}

/// The fixing lies in the interval.
pub fn inside(edges: Edges, lower: Option<Decimal>, upper: Option<Decimal>) -> Cond {
    let above = match edges {
        Edges::Lower | Edges::Both => Comparison::AtLeast,
        Edges::Upper | Edges::Neither => Comparison::Above,
    };
    let below = match edges {
        Edges::Lower | Edges::Neither => Comparison::Below,
        Edges::Both | Edges::Upper => Comparison::AtMost,
    };
    let mut conds: Vec<Cond> = Vec::new();
    conds.extend(lower.map(|level| compare(above, Expr::Spot, n(level))));
    conds.extend(upper.map(|level| compare(below, Expr::Spot, n(level))));
    if conds.len() == 1 {
        conds.remove(0)
    } else {
        Cond::And(conds)
    }
}

/// A hit of a barrier: at or above it (up), at or below it (down).
pub fn hit(side: Barrier, level: Decimal) -> Cond {
    let op = match side {
        Barrier::Up => Comparison::AtLeast,
        Barrier::Down => Comparison::AtMost,
    };
    compare(op, Expr::Spot, n(level))
}

/// Name of the schedule on which barriers are watched.
pub const WATCH: &str = "monitoring";

/// When a barrier is watched.
#[derive(Debug, Clone, PartialEq)]
pub enum Watch {
    /// At every instant.
    Continuous,
    /// On the rows of schedule [`WATCH`].
    Dates(NamedSchedule),
}

impl Watch {
    /// Reads `monitoring`: `continuous`, `daily`, `end`, or a schedule.
    pub fn read(fields: &mut Fields<'_>, context: &Context<'_>) -> Option<Self> {
        let field = fields.required("monitoring")?;
        if field.node().scalar() == Some("continuous") {
            return Some(Self::Continuous);
        }
        context.schedule(WATCH, &field).map(Self::Dates)
    }

    /// A rule looked at when the barrier is.
    pub fn rule(&self, phase: u8, condition: Cond, actions: Vec<Action>) -> Rule {
        match self {
            Self::Continuous => Rule {
                on: On::Continuous,
                phase,
                condition: Some(condition),
                actions,
            },
            Self::Dates(schedule) => on(&schedule.name, phase, Some(condition), actions),
        }
    }

    /// Its schedule, when it is on dates.
    pub fn schedules(self) -> Vec<NamedSchedule> {
        match self {
            Self::Continuous => Vec::new(),
            Self::Dates(schedule) => vec![schedule],
        }
    }

    /// Whether at every instant: only then a barrier has a closed form.
    pub fn continuous(&self) -> bool {
        matches!(self, Self::Continuous)
    }
}

/// A program without memory that pays at the end.
pub fn at_end(actions: Vec<Action>) -> Program {
    Program {
        vars: Vec::new(),
        rules: Vec::new(),
        terminal: actions,
        exercise: None,
    }
}

/// A contract without schedules.
pub fn plain(program: Program, shape: Option<Shape<Decimal>>) -> Built {
    Built {
        program,
        schedules: Vec::new(),
        shape,
    }
}

/// Units of the first underlying: quantity, or notional over initial fixing.
pub fn units(context: &Context<'_>) -> Option<Decimal> {
    match context.size {
        Size::Notional(notional) => notional.checked_div(context.initial(0)?),
        Size::Quantity(quantity) => Some(quantity),
    }
}

/// Currency units of a payoff in price terms of the first underlying, times `part`.
pub fn scaled(context: &Context<'_>, part: Decimal, payoff: Expr) -> Expr {
    match context.size {
        Size::Notional(_) => div(mul([Expr::Notional, n(part), payoff]), Expr::Initial),
        Size::Quantity(quantity) => mul([n(quantity), n(part), payoff]),
    }
}

/// Cash as terms write it: a ratio of the notional, or a price amount in quantity form.
pub fn cash(context: &Context<'_>, field: &Field<'_>) -> Option<Decimal> {
    match context.size {
        Size::Notional(_) => field.ratio(),
        Size::Quantity(_) => field.decimal(),
    }
}

/// Currency units of cash read by [`cash`].
pub fn cash_amount(context: &Context<'_>, cash: Decimal) -> Expr {
    match context.size {
        Size::Notional(_) => mul([Expr::Notional, n(cash)]),
        Size::Quantity(quantity) => mul([n(quantity), n(cash)]),
    }
}

/// The same as a number.
pub fn cash_number(context: &Context<'_>, cash: Decimal) -> Option<Decimal> {
    let (Size::Notional(scale) | Size::Quantity(scale)) = context.size;
    scale.checked_mul(cash)
}

/// A vanilla of the contract's size, for shapes.
pub fn vanilla(
    context: &Context<'_>,
    part: Decimal,
    w: Side,
    strike: Decimal,
) -> Option<Vanilla<Decimal>> {
    Some(Vanilla {
        units: units(context)?.checked_mul(part)?,
        w,
        strike,
    })
}

/// Tells unless the contract has one underlying.
pub fn single(terms: &Field<'_>, context: &Context<'_>) -> Option<()> {
    count(terms, context, 1..=1)
}

/// Tells unless the number of underlyings is one of these.
pub fn count(
    terms: &Field<'_>,
    context: &Context<'_>,
    wanted: std::ops::RangeInclusive<usize>,
) -> Option<()> {
    let seen = context.underlyings.len();
    if wanted.contains(&seen) {
        return Some(());
    }
    let (low, high) = (*wanted.start(), *wanted.end());
    let (en, zh) = match (low, high) {
        (1, 1) => ("exactly one underlying".to_owned(), "仅一个标的".to_owned()),
        (a, b) if a == b => (format!("exactly {a} underlyings"), format!("{a} 个标的")),
        (a, _) => (
            format!("at least {a} underlyings"),
            format!("至少 {a} 个标的"),
        ),
    };
    terms.error(
        "E-TERM-UNDERLYINGS",
        format!("The contract has {seen} underlyings; this product has {en}."),
        format!("合约有 {seen} 个标的，本产品须有{zh}。"),
    );
    None
}

/// Tells unless the contract is sized by notional.
pub fn notional_only(terms: &Field<'_>, context: &Context<'_>) -> Option<()> {
    if matches!(context.size, Size::Notional(_)) {
        return Some(());
    }
    terms.error(
        "E-TERM-SIZE",
        "The contract is sized by quantity; this product is sized by notional. Give \"notional\".",
        "合约以数量计，本产品须以名义本金计，请给出 notional。",
    );
    None
}

/// Tells unless the contract is sized by quantity.
pub fn quantity_only(terms: &Field<'_>, context: &Context<'_>) -> Option<Decimal> {
    if let Size::Quantity(quantity) = context.size {
        return Some(quantity);
    }
    terms.error(
        "E-TERM-SIZE",
        "The contract is sized by notional; this product is sized by quantity. Give \"quantity\".",
        "合约以名义本金计，本产品须以数量计，请给出 quantity。",
    );
    None
}

/// Tells unless `low < high` (or `≤` when `equal`); the finding stands at `field`.
pub fn ordered(
    field: Option<&Field<'_>>,
    (low_name, low): (&str, Decimal),
    (high_name, high): (&str, Decimal),
    equal: bool,
) -> Option<()> {
    if low < high || (equal && low == high) {
        return Some(());
    }
    if let Some(field) = field {
        let (than, than_zh) = match equal {
            true => ("not above", "不得高于"),
            false => ("below", "须低于"),
        };
        field.error(
            "E-TERM-ORDER",
            format!("{low_name} ({low}) must be {than} {high_name} ({high}). Correct one of them."),
            format!("{low_name}（{low}）{than_zh} {high_name}（{high}），请更正。"),
        );
    }
    None
}

/// Coupon clock from accrual start to the contract's end, as numerator over denominator.
pub fn whole_time(context: &Context<'_>) -> Option<Expr> {
    let end = context.end()?;
    let (above, below) = end.accrued.fraction();
    Some(div(n(above), n(below)))
}

/// The same as a number.
pub fn whole_time_number(context: &Context<'_>) -> Option<Decimal> {
    let end = context.end()?;
    let (above, below) = end.accrued.fraction();
    above.checked_div(below)
}
