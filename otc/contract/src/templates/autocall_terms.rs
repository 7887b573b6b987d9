//! Reading of what the autocallables share.

use rust_decimal::Decimal;

use super::autocall::{Base, Basis, KI, KnockIn, Loss, Principal, Upside, usual};
use super::parts::{comparison, maybe, or, ordered};
use super::{Context, NamedSchedule, Usual};
use crate::document::Node;
use crate::program::Comparison;
use crate::reader::Field;
use crate::shape::Side;

/// Most touches that a Paris knock-in counts (discrete states of a plan are at most 64).
pub const MAX_TOUCHES: u32 = 60;

/// `principal: {margin, included, no_recourse}`; without it, all of the notional, included.
pub fn principal(field: Option<Field<'_>>) -> Option<Principal> {
    let whole = Principal {
        margin: Decimal::ONE,
        included: true,
        no_recourse: false,
    };
    let Some(field) = field else {
        return Some(whole);
    };
    let mut fields = field.fields()?;
    let margin = fields.optional("margin");
    let margin_field = margin.clone();
    let margin = or(margin, Decimal::ONE, Field::ratio_from_zero);
    let included = or(fields.optional("included"), true, Field::boolean);
    let no_recourse = or(fields.optional("no_recourse"), false, Field::boolean);
    fields.finish();
    let principal = Principal {
        margin: margin?,
        included: included?,
        no_recourse: no_recourse?,
    };
    if principal.margin > Decimal::ONE {
        margin_field.as_ref().unwrap_or(&field).error(
            "E-TERM-MARGIN",
            "The margin level is above 100 %. It is the part of the notional that the holder paid \
             in: give 100 % or less.",
            "保证金比例超过 100 %，应不高于 100 %。",
        );
        return None;
    }
    if principal.no_recourse && !principal.included {
        field.error(
            "E-TERM-PRINCIPAL",
            "\"no_recourse\" floors what is paid back of the principal, and with \"included\": \
             false no principal is paid. Include it, or drop \"no_recourse\".",
            "不追保以本金计入现金流为前提；included 为 false 时不能使用 no_recourse。",
        );
        return None;
    }
    Some(principal)
}

/// Tells when `no_recourse` is written where nothing can be lost: it would have no effect.
pub fn recourse_matters(principal: &Principal, field: Option<&Field<'_>>) -> Option<()> {
    let (true, Some(field)) = (principal.no_recourse, field) else {
        return Some(());
    };
    field.error(
        "E-TERM-PRINCIPAL",
        "Nothing of the principal can be lost here, so \"no_recourse\" has no effect. Drop it.",
        "此处本金不会亏损，no_recourse 不起作用，请去掉。",
    );
    None
}

/// A knock-in with its observation dates.
#[derive(Debug)]
pub struct ReadKnockIn<'a> {
    /// The rule.
    pub ki: KnockIn,
    /// Schedule `ki`.
    pub schedule: NamedSchedule,
    /// Where the level stands.
    pub level: Field<'a>,
}

/// `ki: {schedule, level, count, compare}`; `default` is the schedule when none is given.
pub fn knock_in<'a>(
    field: &Field<'a>,
    context: &Context<'_>,
    default: Option<&Node>,
    bear: bool,
) -> Option<ReadKnockIn<'a>> {
    let mut fields = field.fields()?;
    let schedule = schedule_or(KI, fields.optional("schedule"), context, field, default);
    let level_field = fields.required("level");
    let level = level_field
        .as_ref()
        .and_then(|level| context.level(level, 0));
    let count = or(fields.optional("count"), 1, |count| {
        count.whole(1, MAX_TOUCHES)
    });
    let op = comparison(fields.optional("compare"), usual(bear, Comparison::AtMost));
    fields.finish();
    let ki = KnockIn {
        level: level?,
        compare: op?,
        count: count?,
    };
    Some(ReadKnockIn {
        ki,
        schedule: schedule?,
        level: level_field?,
    })
}

/// A schedule as written, or as `default` says, or daily.
pub fn schedule_or(
    name: &str,
    written: Option<Field<'_>>,
    context: &Context<'_>,
    parent: &Field<'_>,
    default: Option<&Node>,
) -> Option<NamedSchedule> {
    match (written, default) {
        (None, Some(node)) => {
            let pointer = crate::reader::join(parent.pointer(), "schedule");
            let field = Field::new(node, &pointer, parent.sink());
            context.schedule(name, &field)
        }
        (written, _) => context.schedule_or(name, written.as_ref(), parent, Usual::Daily),
    }
}

/// `loss: {part, k_hi, k_lo, base}`, for the bear form `{part, k_str, k_cap, base}`.
pub fn loss(field: Option<&Field<'_>>, context: &Context<'_>, bear: bool) -> Option<Loss> {
    let initial = context.initial(0)?;
    let w = if bear { Side::Call } else { Side::Put };
    let plain = Loss {
        w,
        part: Decimal::ONE,
        strike: initial,
        limit: None,
        base: Base::Initial,
    };
    let Some(field) = field else {
        return Some(plain);
    };
    let (strike_name, limit_name, base_name) = match bear {
        true => ("k_str", "k_cap", "k_str"),
        false => ("k_hi", "k_lo", "k_hi"),
    };
    let mut fields = field.fields()?;
    let part = or(fields.optional("part"), Decimal::ONE, non_negative_multiple);
    let strike = or(fields.optional(strike_name), initial, |k| {
        context.level(k, 0)
    });
    let limit_field = fields.optional(limit_name);
    let limit = maybe(limit_field.as_ref(), |k| context.level_from_zero(k, 0));
    let base = or(fields.optional("base"), Base::Initial, |base| {
        Some(match base.choice(&["initial", base_name])? {
            "initial" => Base::Initial,
            _ => Base::Strike,
        })
    });
    fields.finish();
    let (strike, limit) = (strike?, limit?.filter(|limit| !limit.is_zero()));
    if let Some(limit) = limit {
        let (low, high) = match bear {
            true => ((strike_name, strike), (limit_name, limit)),
            false => ((limit_name, limit), (strike_name, strike)),
        };
        ordered(limit_field.as_ref(), low, high, true)?;
    }
    Some(Loss {
        w,
        part: part?,
        strike,
        limit,
        base: base?,
    })
}

/// A participation: not below zero.
pub fn non_negative_multiple(field: &Field<'_>) -> Option<Decimal> {
    let value = field.multiple()?;
    if value >= Decimal::ZERO {
        return Some(value);
    }
    field.error(
        "E-TERM-PART",
        "A participation is not below zero. The direction says who is long.",
        "参与率不得为负，买卖方向由 direction 表示。",
    );
    None
}

/// `basis` of a coupon: `annual` or `absolute`.
pub fn basis(field: Option<Field<'_>>, default: Basis) -> Option<Basis> {
    or(field, default, |field| {
        Some(match field.choice(&["annual", "absolute"])? {
            "annual" => Basis::Annual,
            _ => Basis::Absolute,
        })
    })
}

/// Coupon rates by row: `rate` (a vector) or `tiers: [{"to": row, "rate"}, …, {"rate"}]`.
pub fn rates(
    rate: Option<&Field<'_>>,
    tiers: Option<&Field<'_>>,
    parent: &Field<'_>,
    rows: usize,
) -> Option<Vec<Decimal>> {
    match (rate, tiers) {
        (Some(rate), None) => rate.ratios(rows),
        (None, Some(tiers)) => read_tiers(tiers, rows),
        _ => {
            parent.error(
                "E-TERM-COUPON",
                "Give either \"rate\" or \"tiers\" here.",
                "rate 与 tiers 必须且只能给出一个。",
            );
            None
        }
    }
}

fn read_tiers(field: &Field<'_>, rows: usize) -> Option<Vec<Decimal>> {
    let items = field.list()?;
    let last = items.len().checked_sub(1)?;
    let mut rates = Vec::with_capacity(rows);
    let mut sound = true;
    for (position, item) in items.iter().enumerate() {
        let Some(mut fields) = item.fields() else {
            sound = false;
            continue;
        };
        let rate = fields.required("rate").and_then(|rate| rate.ratio());
        let to = if position == last {
            or(fields.optional("to"), rows, |to| {
                whole_row(to, rates.len(), rows)
            })
        } else {
            fields
                .required("to")
                .and_then(|to| whole_row(&to, rates.len(), rows))
        };
        fields.finish();
        match (rate, to) {
            (Some(rate), Some(to)) => rates.resize(to, rate),
            _ => sound = false,
        }
    }
    if sound && rates.len() != rows {
        field.error(
            "E-TERM-TIERS",
            format!("The tiers end at row {}, the schedule has {rows} rows. Let the last tier run to the end.", rates.len()),
            format!("分段止于第 {} 行，而日程有 {rows} 行，请使最后一段延续到末行。", rates.len()),
        );
        return None;
    }
    sound.then_some(rates)
}

fn whole_row(field: &Field<'_>, before: usize, rows: usize) -> Option<usize> {
    let low = u32::try_from(before + 1).unwrap_or(u32::MAX);
    let high = u32::try_from(rows).unwrap_or(u32::MAX).max(low);
    field
        .whole(low, high)
        .map(|row| row as usize)
        .filter(|row| *row <= rows)
}

/// Participation at the knock-out: `participation`, `call` (default the initial fixing).
pub fn upside(
    part: Option<Field<'_>>,
    strike: Option<Field<'_>>,
    context: &Context<'_>,
    bear: bool,
) -> Option<Option<Upside>> {
    let w = if bear { Side::Put } else { Side::Call };
    let stray = part.is_none().then(|| strike.clone()).flatten();
    let part = or(part, Decimal::ZERO, |part| non_negative_multiple(part));
    let strike = or(strike, context.initial(0)?, |strike| {
        context.level(strike, 0)
    });
    if let Some(field) = stray {
        field.error(
            "E-TERM-PARTICIPATION",
            "A strike without \"participation\" has no effect. Give both or neither.",
            "给出 call 时须同时给出 participation。",
        );
        return None;
    }
    let (part, strike) = (part?, strike?);
    Some((!part.is_zero()).then_some(Upside { w, part, strike }))
}

/// Tells unless the knock-in level lies beyond every knock-out level; on the last row it may be the
/// same when `last_excepted` (parachute).
pub fn clear(
    ki: Decimal,
    field: &Field<'_>,
    levels: &[Decimal],
    bear: bool,
    last_excepted: bool,
) -> Option<()> {
    let last = levels.len().saturating_sub(1);
    let wrong = levels.iter().enumerate().find(|(row, level)| {
        let clear = if bear { ki > **level } else { ki < **level };
        !(clear || last_excepted && *row == last && ki == **level)
    });
    let Some((row, level)) = wrong else {
        return Some(());
    };
    let row = row + 1;
    let (en, zh) = match bear {
        false => (
            "below every knock-out level (parachute: last date excepted)",
            "敲入水平须低于全部敲出水平（降落伞的最后一个观察日除外）",
        ),
        true => (
            "above every knock-out level of a bear contract",
            "看跌结构的敲入水平须高于全部敲出水平",
        ),
    };
    field.error(
        "E-TERM-KI-LEVEL",
        format!(
            "The knock-in level {ki} meets the knock-out level {level} of row {row}. A knock-in \
             level lies {en}. Move one of them."
        ),
        format!("敲入水平 {ki} 与第 {row} 行的敲出水平 {level} 冲突。{zh}。"),
    );
    None
}
