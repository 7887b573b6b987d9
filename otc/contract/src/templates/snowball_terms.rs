//! Reading of the terms of `snowball`.

use rust_decimal::Decimal;

use super::autocall::{Basis, COUPON, KO, KnockIn, LEVEL, Loss, usual};
use super::autocall_terms::{
    ReadKnockIn, basis, clear, knock_in, loss, principal, rates, recourse_matters, schedule_or,
    upside,
};
use super::parts::{comparison, maybe, notional_only, or, single};
use super::presets::{Preset, check_presence};
use super::snowball::{Snowball, program};
use super::{Built, Context, NamedSchedule};
use crate::program::Comparison;
use crate::reader::Field;

/// What was read, with the fields that presets point at.
#[derive(Debug)]
pub struct Read<'a> {
    /// Terms, without the knock-out schedule.
    pub terms: Snowball,
    /// Schedule `ko`.
    pub ko: NamedSchedule,
    /// Level by row of schedule `ko`.
    pub levels: Vec<Decimal>,
    /// Coupon rate by row of schedule `ko`.
    pub coupons: Vec<Decimal>,
    /// Schedule `ki`.
    pub ki: Option<NamedSchedule>,
    /// Whether the bear form.
    pub bear: bool,
    /// Where things stand.
    pub at: Places<'a>,
}

/// Fields that findings point at.
#[derive(Debug)]
pub struct Places<'a> {
    /// All terms.
    pub terms: Field<'a>,
    /// `ko/levels`.
    pub levels: Field<'a>,
    /// `coupon`.
    pub coupon: Field<'a>,
    /// `coupon/basis`.
    pub basis: Option<Field<'a>>,
    /// `bonus`.
    pub bonus: Option<Field<'a>>,
    /// `ki`.
    pub ki: Option<Field<'a>>,
    /// `ki/level`.
    pub ki_level: Option<Field<'a>>,
    /// `loss`.
    pub loss: Option<Field<'a>>,
    /// `principal`.
    pub principal: Option<Field<'a>>,
}

/// Reads the terms and builds the contract.
pub fn build(terms: &Field<'_>, preset: Option<&str>, context: &Context<'_>) -> Option<Built> {
    let preset = match preset {
        Some(name) => Some(Preset::named(name)?),
        None => None,
    };
    let sized = notional_only(terms, context);
    let one = single(terms, context);
    let read = read(terms, preset, context);
    sized?;
    one?;
    let mut read = read?;
    if let Some(preset) = preset {
        preset.apply(&mut read, context)?;
    }
    if let (Some((ki, _)), Some(field)) = (&read.terms.ki, &read.at.ki_level) {
        let parachute = preset == Some(Preset::Parachute);
        clear(ki.level, field, &read.levels, read.bear, parachute)?;
    }
    let Read {
        terms,
        ko,
        levels,
        coupons,
        ki,
        ..
    } = read;
    let program = program(&terms);
    let mut schedules = vec![ko.with_column(LEVEL, levels).with_column(COUPON, coupons)];
    schedules.extend(ki);
    Some(Built {
        program,
        schedules,
        shape: None,
    })
}

fn read<'a>(terms: &Field<'a>, preset: Option<Preset>, context: &Context<'_>) -> Option<Read<'a>> {
    let mut fields = terms.fields()?;
    let bear = or(
        fields.optional("side"),
        preset == Some(Preset::Bear),
        |side| Some(side.choice(&["bull", "bear"])? == "bear"),
    );
    let ko = fields.required("ko");
    let coupon = fields.required("coupon");
    let bonus = fields.optional("bonus");
    let ki = fields.optional("ki");
    let loss_field = fields.optional("loss");
    let principal_field = fields.optional("principal");
    fields.finish();
    let bear = bear?;
    let present = check_presence(
        preset,
        terms,
        ki.as_ref(),
        loss_field.as_ref(),
        bonus.as_ref(),
    );
    let ko = ko.and_then(|field| read_ko(&field, preset, bear, context));
    let rows = ko.as_ref().map(|ko| ko.schedule.len());
    let coupon = coupon.and_then(|field| read_coupon(&field, preset, rows));
    let bonus_rate = maybe(bonus.as_ref(), Field::ratio);
    let default = preset.and_then(Preset::ki_schedule);
    let knocked = maybe(ki.as_ref(), |field| {
        knock_in(field, context, default.as_ref(), bear)
    });
    let loss = loss(loss_field.as_ref(), context, bear);
    let principal = principal(principal_field.clone());
    present?;
    if let (None, Some(principal)) = (&ki, &principal) {
        recourse_matters(principal, principal_field.as_ref())?;
    }
    if coupon.is_none() {
        levels_meet(ko.as_ref(), knocked.as_ref(), preset, bear)?;
    }
    let (ko, coupon, knocked, principal) = (ko?, coupon?, knocked?, principal?);
    let bonus_rate = bonus_rate?.or(coupon.rates.last().copied())?;
    let (ki_level, ki_rule, ki_schedule) = knocked_in(knocked, loss?);
    let terms_read = Snowball {
        ko: ko.compare,
        upside: ko.upside,
        basis: coupon.basis,
        bonus: bonus_rate,
        ki: ki_rule,
        principal,
    };
    let at = Places {
        terms: terms.clone(),
        levels: ko.levels_field,
        coupon: coupon.field,
        basis: coupon.basis_field,
        bonus,
        ki,
        ki_level,
        loss: loss_field,
        principal: principal_field,
    };
    Some(Read {
        terms: terms_read,
        ko: ko.schedule,
        levels: ko.levels,
        coupons: coupon.rates,
        ki: ki_schedule,
        bear,
        at,
    })
}

/// Where the level stands, the rule with its loss, and the schedule.
type KnockedIn<'a> = (
    Option<Field<'a>>,
    Option<(KnockIn, Loss)>,
    Option<NamedSchedule>,
);

/// Levels that cross are told also when the coupon is wrong.
fn levels_meet(
    ko: Option<&ReadKo<'_>>,
    knocked: Option<&Option<ReadKnockIn<'_>>>,
    preset: Option<Preset>,
    bear: bool,
) -> Option<()> {
    let (ko, knocked) = (ko?, knocked?.as_ref()?);
    let parachute = preset == Some(Preset::Parachute);
    let KnockIn { level, .. } = &knocked.ki;
    clear(*level, &knocked.level, &ko.levels, bear, parachute)
}

fn knocked_in(read: Option<ReadKnockIn<'_>>, loss: Loss) -> KnockedIn<'_> {
    match read {
        Some(ReadKnockIn {
            ki,
            schedule,
            level,
        }) => (Some(level), Some((ki, loss)), Some(schedule)),
        None => (None, None, None),
    }
}

struct ReadKo<'a> {
    schedule: NamedSchedule,
    levels: Vec<Decimal>,
    levels_field: Field<'a>,
    compare: Comparison,
    upside: Option<super::autocall::Upside>,
}

/// `ko: {schedule, levels, compare, participation, call}`.
fn read_ko<'a>(
    field: &Field<'a>,
    preset: Option<Preset>,
    bear: bool,
    context: &Context<'_>,
) -> Option<ReadKo<'a>> {
    let mut fields = field.fields()?;
    let default = Preset::ko_schedule(preset);
    let schedule = schedule_or(
        KO,
        fields.optional("schedule"),
        context,
        field,
        Some(&default),
    );
    let levels_field = fields.required("levels");
    let compare = comparison(fields.optional("compare"), usual(bear, Comparison::AtLeast));
    let part = fields.optional("participation");
    let upside = upside(part, fields.optional("call"), context, bear);
    fields.finish();
    let (schedule, levels_field) = (schedule?, levels_field?);
    let levels = context.levels(&levels_field, schedule.len(), 0);
    Some(ReadKo {
        schedule,
        levels: levels?,
        levels_field,
        compare: compare?,
        upside: upside?,
    })
}

struct ReadCoupon<'a> {
    field: Field<'a>,
    basis: Basis,
    basis_field: Option<Field<'a>>,
    rates: Vec<Decimal>,
}

/// `coupon: {rate | tiers, basis}`.
fn read_coupon<'a>(
    field: &Field<'a>,
    preset: Option<Preset>,
    rows: Option<usize>,
) -> Option<ReadCoupon<'a>> {
    let mut fields = field.fields()?;
    let rate = fields.optional("rate");
    let tiers = fields.optional("tiers");
    let basis_field = fields.optional("basis");
    fields.finish();
    let usual = match preset {
        Some(Preset::Trigger) => Basis::Absolute,
        _ => Basis::Annual,
    };
    let basis = basis(basis_field.clone(), usual);
    let rates = rates(rate.as_ref(), tiers.as_ref(), field, rows?);
    Some(ReadCoupon {
        field: field.clone(),
        basis: basis?,
        basis_field,
        rates: rates?,
    })
}
