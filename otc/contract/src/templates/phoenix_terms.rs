//! Reading of the terms of `phoenix` and its presets.

use rust_decimal::Decimal;

use super::autocall::{KO, LEVEL, usual};
use super::autocall_terms::{clear, knock_in, loss, principal, recourse_matters};
use super::parts::{comparison, maybe, notional_only, or, single};
use super::phoenix::{COUPON_LEVEL, COUPONS, Coupon, Due, Phoenix, RATE, program};
use super::{Built, Context, NamedSchedule, Usual};
use crate::document::Node;
use crate::program::Comparison;
use crate::reader::Field;

/// Names of the presets.
pub const PRESETS: [&str; 2] = ["dcn", "fcn"];

struct Coupons<'a> {
    schedule: NamedSchedule,
    coupon: Coupon,
    due: Due,
    levels: Option<(Field<'a>, Vec<Decimal>)>,
    memory: bool,
}

struct KnockOut {
    own: Option<NamedSchedule>,
    levels: Vec<Decimal>,
    compare: Comparison,
    from: u32,
}

/// Reads the terms and builds the contract.
pub fn build(terms: &Field<'_>, preset: Option<&str>, context: &Context<'_>) -> Option<Built> {
    let (sized, one) = (notional_only(terms, context), single(terms, context));
    let mut fields = terms.fields()?;
    let coupon = fields.required("coupon");
    let ko = fields.required("ko");
    let ki_field = fields.optional("ki");
    let loss_field = fields.optional("loss");
    let principal_field = fields.optional("principal");
    fields.finish();
    let coupon = coupon.and_then(|field| read_coupon(&field, preset, context));
    let ko = match &coupon {
        Some(coupon) => ko.and_then(|field| read_ko(&field, &coupon.schedule, context)),
        None => None,
    };
    let end = Node::text("end");
    let default = (preset == Some("dcn")).then_some(&end);
    let ki = maybe(ki_field.as_ref(), |field| {
        knock_in(field, context, default, false)
    });
    let loss = loss(loss_field.as_ref(), context, false);
    let principal = principal(principal_field.clone());
    stray_loss(ki_field.as_ref(), loss_field.as_ref())?;
    if let (None, Some(principal)) = (&ki_field, &principal) {
        recourse_matters(principal, principal_field.as_ref())?;
    }
    if let (Some(ko), Some(Some(ki))) = (&ko, &ki) {
        // Told also when something else is wrong.
        clear(ki.ki.level, &ki.level, &ko.levels, false, false)?;
    }
    sized?;
    one?;
    let (coupon, ko, ki, loss, principal) = (coupon?, ko?, ki?, loss?, principal?);
    if preset == Some("dcn") {
        knocks_in_at_end(
            terms,
            ki.as_ref().map(|ki| (&ki.level, &ki.schedule)),
            context,
        )?;
    }
    coupon_below(&coupon, &ko)?;
    let (ki, ki_schedule) = ki.map(|ki| ((ki.ki, loss), ki.schedule)).unzip();
    let phoenix = Phoenix {
        due: coupon.due,
        coupon: coupon.coupon,
        memory: coupon.memory,
        ko: ko.compare,
        ko_schedule: if ko.own.is_some() { KO } else { COUPONS }.to_owned(),
        ko_from: ko.from,
        ki,
        principal,
    };
    let mut dates = coupon.schedule;
    if let Some((_, levels)) = coupon.levels {
        dates = dates.with_column(COUPON_LEVEL, levels);
    }
    let schedules = match ko.own {
        Some(own) => vec![dates, own.with_column(LEVEL, ko.levels)],
        None => vec![dates.with_column(LEVEL, ko.levels)],
    };
    let schedules = schedules.into_iter().chain(ki_schedule).collect();
    Some(Built {
        program: program(&phoenix),
        schedules,
        shape: None,
    })
}

/// `coupon: {schedule, rate, basis, level, memory, guaranteed, compare}`.
fn read_coupon<'a>(
    field: &Field<'a>,
    preset: Option<&str>,
    context: &Context<'_>,
) -> Option<Coupons<'a>> {
    let mut fields = field.fields()?;
    let schedule = fields.optional("schedule");
    let schedule = context.schedule_or(COUPONS, schedule.as_ref(), field, Usual::Monthly);
    let rate = fields.required("rate");
    let annual = or(fields.optional("basis"), false, |basis| {
        Some(basis.choice(&["per_period", "annual"])? == "annual")
    });
    let level = fields.optional("level");
    let memory_field = fields.optional("memory");
    let memory = or(memory_field.clone(), false, Field::boolean);
    let guaranteed = fields.optional("guaranteed");
    let compare = comparison(
        fields.optional("compare"),
        usual(false, Comparison::AtLeast),
    );
    fields.finish();
    let schedule = schedule?;
    let rows = schedule.len();
    let rates = rate.and_then(|rate| rate.ratios(rows));
    let due = read_due(
        field,
        preset,
        level.as_ref(),
        guaranteed.as_ref(),
        compare?,
        rows,
    );
    let levels = match (&level, &due) {
        (Some(level), Some(Due::At { .. })) => {
            let prices = context.levels(level, rows, 0);
            prices.map(|prices| Some((level.clone(), prices)))
        }
        _ => Some(None),
    };
    let (rates, annual, memory, due) = (rates?, annual?, memory?, due?);
    if memory && due == Due::Always {
        memory_field.as_ref().unwrap_or(field).error(
            "E-TERM-MEMORY",
            "Coupons that are always paid are never missed. Drop \"memory\" or give \"level\".",
            "无条件票息不会被跳过，请去掉 memory 或给出 level。",
        );
        return None;
    }
    let flat = rates.windows(2).all(|pair| pair[0] == pair[1]);
    let coupon = match (annual, flat, rates.first()) {
        (false, true, Some(rate)) => Coupon::Flat(*rate),
        (false, ..) => Coupon::PerPeriod,
        (true, ..) => Coupon::Annual,
    };
    let schedule = match coupon {
        Coupon::Flat(_) => schedule,
        Coupon::PerPeriod | Coupon::Annual => schedule.with_column(RATE, rates),
    };
    Some(Coupons {
        schedule,
        coupon,
        due,
        levels: levels?,
        memory,
    })
}

/// When coupons are due: by `level`, and for `fcn` on every date or on the first `guaranteed`.
fn read_due(
    field: &Field<'_>,
    preset: Option<&str>,
    level: Option<&Field<'_>>,
    guaranteed: Option<&Field<'_>>,
    compare: Comparison,
    rows: usize,
) -> Option<Due> {
    let fcn = preset == Some("fcn");
    let most = u32::try_from(rows).unwrap_or(u32::MAX);
    let first = maybe(guaranteed, |first| first.whole(1, most))?;
    let zero = level.is_some_and(|level| {
        let text = level.node().scalar().unwrap_or_default();
        let number = crate::value::percentage(text).or_else(|| crate::value::decimal(text));
        number.is_some_and(|number| number.is_zero())
    });
    match (level.filter(|_| !zero), first) {
        (None, None) if fcn || zero => Some(Due::Always),
        (Some(_), first) if !fcn || first.is_some() => Some(Due::At {
            compare,
            guaranteed: first.unwrap_or(0),
        }),
        (Some(level), _) => {
            level.error(
                "E-TERM-PRESET",
                "Preset \"fcn\": coupons are unconditional. Drop \"level\", or give \
                 \"guaranteed\" when only the first ones are.",
                "预设“固定票息”（fcn）：票息无条件支付。请去掉 level，或以 guaranteed 给出无条件的期数。",
            );
            None
        }
        (None, _) => {
            field.error(
                "E-TERM-COUPON-LEVEL",
                "The coupon level \"level\" is missing. Only preset \"fcn\" without \
                 \"guaranteed\" pays whatever the fixing.",
                "缺少票息水平 level；仅 fcn 且无 guaranteed 时票息无条件支付。",
            );
            None
        }
    }
}

/// `ko: {from, levels, schedule, compare}`.
fn read_ko(field: &Field<'_>, coupons: &NamedSchedule, context: &Context<'_>) -> Option<KnockOut> {
    let mut fields = field.fields()?;
    let own = fields.optional("schedule");
    let own = maybe(own.as_ref(), |own| context.schedule(KO, own));
    let levels = fields.required("levels");
    let from = fields.optional("from");
    let compare = comparison(fields.optional("compare"), Comparison::AtLeast);
    fields.finish();
    let own = own?;
    let rows = own.as_ref().map_or(coupons.len(), NamedSchedule::len);
    let most = u32::try_from(rows).unwrap_or(u32::MAX).max(1);
    let from = or(from, 1, |from| from.whole(1, most));
    let levels = levels.and_then(|levels| context.levels(&levels, rows, 0));
    Some(KnockOut {
        own,
        levels: levels?,
        compare: compare?,
        from: from?,
    })
}

/// A coupon of a knock-out date is paid, so its level is not above the knock-out level.
fn coupon_below(coupon: &Coupons<'_>, ko: &KnockOut) -> Option<()> {
    let (Some((field, levels)), None) = (&coupon.levels, &ko.own) else {
        return Some(());
    };
    let mut rows = levels.iter().zip(&ko.levels).enumerate();
    let from = usize::try_from(ko.from).unwrap_or(usize::MAX);
    let Some((row, (c, h))) = rows.find(|(row, (c, h))| row + 1 >= from && c > h) else {
        return Some(());
    };
    let row = row + 1;
    field.error(
        "E-TERM-COUPON-LEVEL",
        format!(
            "The coupon level {c} of row {row} is above the knock-out level {h}: the coupon of a \
             knock-out would not be paid. Lower it."
        ),
        format!("第 {row} 行的票息水平 {c} 高于敲出水平 {h}，敲出当期票息将无法支付，请降低。"),
    );
    None
}

fn stray_loss(ki: Option<&Field<'_>>, loss: Option<&Field<'_>>) -> Option<()> {
    let (None, Some(field)) = (ki, loss) else {
        return Some(());
    };
    field.error(
        "E-TERM-LOSS",
        "A loss without a knock-in has no effect. Give \"ki\" or drop \"loss\".",
        "没有敲入时 loss 不起作用，请给出 ki 或去掉 loss。",
    );
    None
}

/// Preset `dcn`: there is a knock-in, looked at on the last date only.
fn knocks_in_at_end(
    terms: &Field<'_>,
    ki: Option<(&Field<'_>, &NamedSchedule)>,
    context: &Context<'_>,
) -> Option<()> {
    let end = context.end()?;
    let last = Some(end.at);
    let fits = ki.is_some_and(|(_, ki)| ki.len() == 1 && ki.rows.last().map(|row| row.at) == last);
    if fits {
        return Some(());
    }
    ki.map_or(terms, |(field, _)| field).error(
        "E-TERM-PRESET",
        "Preset \"dcn\": knock-in is looked at on the last date only. Give \"ki\" without a \
         schedule.",
        "预设“期末敲入”（dcn）：仅在到期日观察敲入，请给出不含 schedule 的 ki。",
    );
    None
}
