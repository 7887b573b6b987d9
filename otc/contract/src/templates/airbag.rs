//! `airbag` (安全气囊): takes part in the rise; in the fall only once knocked in.
//!
//! Never knocked in: `units × part max(S' − K, 0)`; knocked in:
//! `units × (part_up max(S'' − K, 0) − part_down max(K − S'', 0))`, with `S'` and `S''` the last
//! fixing between `floor` and `cap`, and between `floor_ki` and `cap_ki`. Knock-in when
//! `S ≤ barrier`.
//!
//! With `part_up = part` and no caps this is that many calls less `part_down` down-and-in puts.
//!
//! Terms:
//!
//! | term | value | default |
//! |---|---|---|
//! | `strike`, `barrier` | levels, `barrier ≤ strike` | |
//! | `monitoring` | `continuous`, `daily`, `end`, a schedule | |
//! | `part` | participation, never knocked in | 100 % |
//! | `part_up`, `part_down` | participation, knocked in | `part`, 100 % |
//! | `cap`, `floor` | levels that bound the last fixing, never knocked in | none |
//! | `cap_ki`, `floor_ki` | the same, knocked in | none |

use rust_decimal::Decimal;

use super::autocall_terms::non_negative_multiple;
use super::parts::{Watch, hit, maybe, or, ordered, scaled, single, vanilla};
use super::words::{either, flag, max, min, mul, n, option, pay_end, set, sub, unset};
use super::{Built, Context};
use crate::program::{Expr, Program, phase};
use crate::reader::{Field, Fields};
use crate::shape::{Barrier, Knock, Paid, Shape, Side};

const KNOCKED_IN: &str = "ki";

/// Bounds on the last fixing.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bounds {
    cap: Option<Decimal>,
    floor: Option<Decimal>,
}

struct Terms {
    strike: Decimal,
    level: Decimal,
    part: Decimal,
    part_up: Decimal,
    part_down: Decimal,
    before: Bounds,
    after: Bounds,
    watch: Watch,
}

impl Bounds {
    fn apply(self) -> Expr {
        let capped = match self.cap {
            Some(cap) => min(Expr::Spot, n(cap)),
            None => Expr::Spot,
        };
        match self.floor {
            Some(floor) => max(capped, n(floor)),
            None => capped,
        }
    }

    fn none(self) -> bool {
        self.cap.is_none() && self.floor.is_none()
    }
}

/// Reads the terms and builds the contract.
pub fn build(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    let one = single(terms, context);
    let read = read(terms, context);
    one?;
    let terms = read?;
    let shape = shape(&terms, context)
        .filter(|_| terms.watch.continuous() && terms.before.none() && terms.after.none());
    let program = program(&terms, context);
    Some(Built {
        program,
        schedules: terms.watch.schedules(),
        shape,
    })
}

fn bounds(
    fields: &mut Fields<'_>,
    context: &Context<'_>,
    cap_name: &'static str,
    floor_name: &'static str,
) -> Option<Bounds> {
    let (cap_field, floor_field) = (fields.optional(cap_name), fields.optional(floor_name));
    let cap = maybe(cap_field.as_ref(), |level| context.level(level, 0));
    let floor = maybe(floor_field.as_ref(), |level| context.level(level, 0));
    let bounds = Bounds {
        cap: cap?,
        floor: floor?,
    };
    if let (Some(cap), Some(floor)) = (bounds.cap, bounds.floor) {
        ordered(
            floor_field.as_ref(),
            (floor_name, floor),
            (cap_name, cap),
            true,
        )?;
    }
    Some(bounds)
}

fn read(terms: &Field<'_>, context: &Context<'_>) -> Option<Terms> {
    let mut fields = terms.fields()?;
    let strike = fields.required("strike").and_then(|k| context.level(&k, 0));
    let barrier = fields.required("barrier");
    let level = barrier.as_ref().and_then(|level| context.level(level, 0));
    let part = or(fields.optional("part"), Decimal::ONE, non_negative_multiple);
    let up = fields.optional("part_up");
    let part_up = match part {
        Some(part) => or(up, part, non_negative_multiple),
        None => None,
    };
    let part_down = or(
        fields.optional("part_down"),
        Decimal::ONE,
        non_negative_multiple,
    );
    let before = bounds(&mut fields, context, "cap", "floor");
    let after = bounds(&mut fields, context, "cap_ki", "floor_ki");
    let watch = Watch::read(&mut fields, context);
    fields.finish();
    let (strike, level) = (strike?, level?);
    ordered(
        barrier.as_ref(),
        ("barrier", level),
        ("strike", strike),
        true,
    )?;
    Some(Terms {
        strike,
        level,
        part: part?,
        part_up: part_up?,
        part_down: part_down?,
        before: before?,
        after: after?,
        watch: watch?,
    })
}

fn program(terms: &Terms, context: &Context<'_>) -> Program {
    let strike = || n(terms.strike);
    let safe = scaled(
        context,
        terms.part,
        option(Side::Call, terms.before.apply(), strike()),
    );
    let rise = mul([
        n(terms.part_up),
        option(Side::Call, terms.after.apply(), strike()),
    ]);
    let fall = mul([
        n(terms.part_down),
        option(Side::Put, terms.after.apply(), strike()),
    ]);
    let open = scaled(context, Decimal::ONE, sub(rise, fall));
    let cond = hit(Barrier::Down, terms.level);
    Program {
        vars: vec![unset(KNOCKED_IN)],
        rules: vec![
            terms
                .watch
                .rule(phase::KNOCK_IN, cond, vec![set(KNOCKED_IN, n(1))]),
        ],
        terminal: vec![pay_end("payoff", either(flag(KNOCKED_IN), open, safe))],
        exercise: None,
    }
}

fn shape(terms: &Terms, context: &Context<'_>) -> Option<Shape<Decimal>> {
    let call = vanilla(context, terms.part, Side::Call, terms.strike)?;
    let mut parts = vec![Shape::European(call)];
    let lost_up = terms.part_up.checked_sub(terms.part)?;
    let lost_down = Decimal::ZERO.checked_sub(terms.part_down)?;
    for (part, w) in [(lost_up, Side::Call), (lost_down, Side::Put)] {
        if part.is_zero() {
            continue;
        }
        parts.push(Shape::Barrier {
            option: vanilla(context, part, w, terms.strike)?,
            side: Barrier::Down,
            knock: Knock::In,
            level: terms.level,
            rebate: Decimal::ZERO,
            paid: Paid::End,
        });
    }
    Some(Shape::Sum(parts))
}
