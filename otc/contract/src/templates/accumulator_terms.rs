//! Reading of the terms of `accumulator` and `decumulator`.

use rust_decimal::Decimal;

use super::accumulator::{DAYS, LastDay, Stop, Terms, program, shape};
use super::autocall_terms::non_negative_multiple;
use super::parts::{maybe, or, ordered, quantity_only, single};
use super::{Built, Context, Usual};
use crate::program::Comparison;
use crate::reader::Field;
use crate::shape::{Side, Zone};

/// Reads `accumulator`.
pub fn buying(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    build(terms, context, Side::Call)
}

/// Reads `decumulator`.
pub fn selling(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    build(terms, context, Side::Put)
}

/// What the fixing does at the barrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ko {
    Skip,
    Stop,
    None,
}

fn build(terms: &Field<'_>, context: &Context<'_>, w: Side) -> Option<Built> {
    let (quantity, one) = (quantity_only(terms, context), single(terms, context));
    let mut fields = terms.fields()?;
    let schedule = fields.optional("schedule");
    let schedule = context.schedule_or(DAYS, schedule.as_ref(), terms, Usual::Daily);
    let strike = fields.required("strike").and_then(|k| context.level(&k, 0));
    let barrier_field = fields.optional("barrier");
    let barrier = maybe(barrier_field.as_ref(), |level| context.level(level, 0));
    let ko = fields.required("ko").and_then(|ko| {
        Some(match ko.choice(&["skip", "stop", "none"])? {
            "skip" => Ko::Skip,
            "stop" => Ko::Stop,
            _ => Ko::None,
        })
    });
    let zones = ZoneFields {
        leverage: fields.optional("leverage"),
        zones: fields.optional("zones"),
    };
    let daily = fields
        .required("settlement")
        .and_then(|settlement| Some(settlement.choice(&["daily", "end"])? == "daily"));
    let stops = StopFields {
        rebate: fields.optional("rebate"),
        settle: fields.optional("settle_on_ko"),
        accrues: fields.optional("accumulate_on_ko_day"),
    };
    let last_field = fields.optional("last_day");
    fields.finish();
    let (strike, barrier, ko, daily) = (strike?, barrier?, ko?, daily?);
    let at = BarrierAt {
        terms,
        field: barrier_field.as_ref(),
        level: barrier,
        zones: zones.zones.is_some(),
    };
    let checked = at.check(ko, w, strike);
    let stop = stops.read(ko, barrier, daily);
    let last_day = maybe(last_field.as_ref(), |field| {
        read_last_day(field, strike, barrier)
    });
    let standard = barrier.filter(|_| ko != Ko::None);
    let zones = zones.read(w, strike, standard, context);
    one?;
    checked?;
    let terms = Terms {
        w,
        quantity: quantity?,
        strike,
        zones: zones?,
        daily,
        stop: stop?,
        last_day: last_day?,
    };
    let shape = shape(&terms);
    Some(Built {
        program: program(&terms),
        schedules: vec![schedule?],
        shape,
    })
}

/// Fields that say what accrues.
struct ZoneFields<'a> {
    leverage: Option<Field<'a>>,
    zones: Option<Field<'a>>,
}

impl ZoneFields<'_> {
    /// The zones as written, or the standard ones.
    fn read(
        &self,
        w: Side,
        strike: Decimal,
        barrier: Option<Decimal>,
        context: &Context<'_>,
    ) -> Option<Vec<Zone<Decimal>>> {
        let leverage = or(self.leverage.clone(), Decimal::ONE, non_negative_multiple);
        let Some(zones) = &self.zones else {
            return Some(standard(strike, leverage?, barrier));
        };
        if let Some(field) = &self.leverage {
            field.error(
                "E-TERM-ZONES",
                "The zones say how many units accrue. Drop \"leverage\" or \"zones\".",
                "zones 已规定累计份数，请去掉 leverage 或 zones。",
            );
            return None;
        }
        read_zones(zones, w, context)
    }
}

/// `leverage` units short of the strike, one up to the barrier, none beyond.
fn standard(strike: Decimal, leverage: Decimal, barrier: Option<Decimal>) -> Vec<Zone<Decimal>> {
    let zone = |bound, units| Zone {
        bound,
        units,
        cash: Decimal::ZERO,
    };
    let mut zones = vec![zone(Some(strike), leverage)];
    match barrier {
        Some(barrier) => {
            zones.push(zone(Some(barrier), Decimal::ONE));
            zones.push(zone(None, Decimal::ZERO));
        }
        None => zones.push(zone(None, Decimal::ONE)),
    }
    zones
}

/// `zones: [{"below" | "above": level, "units", "cash"}, …, {"units", "cash"}]`.
fn read_zones(field: &Field<'_>, w: Side, context: &Context<'_>) -> Option<Vec<Zone<Decimal>>> {
    let name = match w {
        Side::Call => "below",
        Side::Put => "above",
    };
    let items = field.list()?;
    let zones: Vec<Option<Zone<Decimal>>> = items
        .iter()
        .enumerate()
        .map(|(at, item)| {
            let mut fields = item.fields()?;
            let bound = match at + 1 == items.len() {
                true => Some(None),
                false => fields
                    .required(name)
                    .and_then(|level| context.level(&level, 0))
                    .map(Some),
            };
            let units = or(
                fields.optional("units"),
                Decimal::ZERO,
                non_negative_multiple,
            );
            let cash = or(fields.optional("cash"), Decimal::ZERO, Field::decimal);
            fields.finish();
            Some(Zone {
                bound: bound?,
                units: units?,
                cash: cash?,
            })
        })
        .collect();
    let zones = zones.into_iter().collect::<Option<Vec<_>>>()?;
    let bounds: Vec<Decimal> = zones.iter().filter_map(|zone| zone.bound).collect();
    let sound = bounds.windows(2).all(|pair| match w {
        Side::Call => pair[0] < pair[1],
        Side::Put => pair[0] > pair[1],
    });
    if sound && !zones.is_empty() && zones.len() <= 20 {
        return Some(zones);
    }
    field.error(
        "E-TERM-ZONES",
        "Zones are 1 to 20, their bounds rise (decumulator: fall) from zone to zone, and the last \
         has none.",
        "zones 须为 1 至 20 段，边界逐段递增（累沽递减），最后一段不设边界。",
    );
    None
}

struct BarrierAt<'f, 'a> {
    terms: &'f Field<'a>,
    field: Option<&'f Field<'a>>,
    level: Option<Decimal>,
    zones: bool,
}

impl BarrierAt<'_, '_> {
    /// A barrier is there when it is needed, and on the far side of the strike.
    fn check(&self, ko: Ko, w: Side, strike: Decimal) -> Option<()> {
        let needed = match ko {
            Ko::Skip => !self.zones,
            Ko::Stop => true,
            Ko::None => false,
        };
        match (self.level, self.field) {
            (Some(level), Some(field)) if needed => {
                let (low, high) = match w {
                    Side::Call => (("strike", strike), ("barrier", level)),
                    Side::Put => (("barrier", level), ("strike", strike)),
                };
                ordered(Some(field), low, high, false)
            }
            (Some(_), Some(field)) => {
                field.error(
                    "E-TERM-BARRIER",
                    "There is no barrier here: \"ko\" is \"none\", or the zones say what accrues. \
                     Drop it.",
                    "此处不应有障碍价：ko 为 none，或由 zones 规定累计，请去掉。",
                );
                None
            }
            _ if needed => {
                self.terms.error(
                    "E-FIELD-MISSING",
                    "The field \"barrier\" is missing. Give it, or write \"ko\": \"none\".",
                    "缺少字段 barrier，请补充或写 ko: none。",
                );
                None
            }
            _ => Some(()),
        }
    }
}

/// Fields that only a contract with `ko: stop` has.
struct StopFields<'a> {
    rebate: Option<Field<'a>>,
    settle: Option<Field<'a>>,
    accrues: Option<Field<'a>>,
}

impl StopFields<'_> {
    fn read(self, ko: Ko, barrier: Option<Decimal>, daily: bool) -> Option<Option<Stop>> {
        if ko != Ko::Stop {
            let stray = self.rebate.or(self.settle).or(self.accrues);
            let Some(field) = stray else {
                return Some(None);
            };
            field.error(
                "E-TERM-KO",
                "Only a contract that ends at the barrier has this. Write \"ko\": \"stop\", or \
                 drop it.",
                "仅熔断型（ko: stop）有此字段，请改写 ko 或去掉。",
            );
            return None;
        }
        let settle = self.settle.clone();
        let rebate = or(self.rebate, Decimal::ZERO, Field::non_negative);
        let settle_at_end = or(self.settle, false, |field| {
            Some(field.choice(&["ko", "end"])? == "end")
        });
        let accrues = or(self.accrues, false, Field::boolean);
        if let (true, Some(true), Some(field)) = (daily, settle_at_end, &settle) {
            field.error(
                "E-TERM-SETTLEMENT",
                "Units that settle daily are all settled at the knock-out. Drop it, or write \
                 \"settlement\": \"end\".",
                "每日结算的份额在敲出时已结清，请去掉或写 settlement: end。",
            );
            return None;
        }
        Some(Some(Stop {
            level: barrier?,
            rebate: rebate?,
            settle_at_end: settle_at_end?,
            accrues: accrues?,
        }))
    }
}

/// `last_day: {"if": "S<K", "extra": "day" | "all_accrued", "factor"}`.
fn read_last_day(field: &Field<'_>, strike: Decimal, barrier: Option<Decimal>) -> Option<LastDay> {
    let mut fields = field.fields()?;
    let cond = fields.required("if").and_then(|cond| {
        let text = cond.choice(&["S<K", "S<=K", "S>K", "S>=K", "S<H", "S<=H", "S>H", "S>=H"])?;
        let (op, name) = text[1..].split_at(text.len() - 2);
        let compare = match op {
            "<" => Comparison::Below,
            "<=" => Comparison::AtMost,
            ">" => Comparison::Above,
            _ => Comparison::AtLeast,
        };
        let level = if name == "K" { Some(strike) } else { barrier };
        if level.is_none() {
            cond.error(
                "E-TERM-BARRIER",
                "The condition speaks of the barrier H, and there is none.",
                "条件引用了障碍价 H，但合约没有障碍价。",
            );
        }
        Some((compare, level?))
    });
    let all = or(fields.optional("extra"), false, |extra| {
        Some(extra.choice(&["day", "all_accrued"])? == "all_accrued")
    });
    let factor = fields
        .required("factor")
        .and_then(|factor| non_negative_multiple(&factor));
    fields.finish();
    let (compare, level) = cond?;
    Some(LastDay {
        compare,
        level,
        all: all?,
        factor: factor?,
    })
}
