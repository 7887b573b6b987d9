//! `sharkfin` (鲨鱼鳍) and `double_sharkfin` (双鲨): options that end with a rebate when a level is hit.
//!
//! Option form, `w` = +1 an up-and-out call, −1 a down-and-out put: unhit
//! `units × part × max(w (S_T − K), 0)`; hit, the rebate. Note form: unhit
//! `N (m + floor + part max(w (S_T − K), 0)/S0)`, hit `N (m + rebate)`. `floor` and `rebate` are
//! absolute, or annualised times the coupon clock up to the date they are paid for.
//!
//! Double: unhit `units × (part_c max(S_T − K_c, 0) + part_p max(K_p − S_T, 0))`; the first hit of
//! the upper level pays one rebate, of the lower the other, and ends both.
//!
//! Terms:
//!
//! | term | value | default |
//! |---|---|---|
//! | `type` | `call`, `put` (`sharkfin`) | |
//! | `strike`, `barrier` | levels (`sharkfin`) | |
//! | `form` | `option`, `note` (`sharkfin`) | `option` |
//! | `part` | participation (`sharkfin`) | 100 % |
//! | `floor`, `floor_basis` | note form; `absolute`, `annual` | 0, `absolute` |
//! | `principal` | note form: `{margin, included}` | 100 %, true |
//! | `rebate`, `rebate_basis` | cash; `absolute`, `annual` (`sharkfin`) | 0, `absolute` |
//! | `call`, `put` | `{strike, part}` (double) | part 100 % |
//! | `lower`, `upper` | levels (double) | |
//! | `rebate_up`, `rebate_down` | cash (double) | 0 |
//! | `rebate_at` | `hit`, `end` | `end` |
//! | `monitoring` | `continuous`, `daily`, `end`, a schedule | |

use rust_decimal::Decimal;

use super::autocall::{Basis, Principal};
use super::autocall_terms::{basis, principal, recourse_matters};
use super::parts::{
    Watch, cash, cash_amount, cash_number, hit, maybe, notional_only, or, ordered, paid, scaled,
    side, single, vanilla, whole_time, whole_time_number,
};
use super::words::{add, n, option, pay, pay_end, paying};
use super::{Built, Context};
use crate::program::{Action, Expr, PayAt, Program, phase};
use crate::reader::Field;
use crate::shape::{Barrier, Knock, Paid, Shape, Side, Vanilla};

/// Cash that may be annualised: a ratio of the notional, or a price amount.
#[derive(Debug, Clone, Copy)]
struct Cash {
    value: Decimal,
    basis: Basis,
}

struct Terms {
    w: Side,
    strike: Decimal,
    level: Decimal,
    part: Decimal,
    note: Option<Principal>,
    floor: Cash,
    rebate: Cash,
    paid: Paid,
    watch: Watch,
}

impl Cash {
    fn amount(self, context: &Context<'_>, time: Expr) -> Expr {
        let time = match self.basis {
            Basis::Annual => time,
            Basis::Absolute => n(1),
        };
        super::words::mul([cash_amount(context, self.value), time])
    }

    fn number(self, context: &Context<'_>) -> Option<Decimal> {
        let whole = cash_number(context, self.value)?;
        match self.basis {
            Basis::Annual => whole.checked_mul(whole_time_number(context)?),
            Basis::Absolute => Some(whole),
        }
    }
}

/// Reads `sharkfin` and builds the contract.
pub fn build(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    let one = single(terms, context);
    let read = read(terms, context);
    one?;
    let terms = read?;
    let shape = shape(&terms, context).filter(|_| terms.watch.continuous());
    let program = program(&terms, context)?;
    Some(Built {
        program,
        schedules: terms.watch.schedules(),
        shape,
    })
}

fn read(terms: &Field<'_>, context: &Context<'_>) -> Option<Terms> {
    let mut fields = terms.fields()?;
    let note = or(fields.optional("form"), false, |form| {
        Some(form.choice(&["option", "note"])? == "note")
    });
    let w = side(&mut fields);
    let strike = fields.required("strike").and_then(|k| context.level(&k, 0));
    let barrier = fields.required("barrier");
    let level = barrier.as_ref().and_then(|level| context.level(level, 0));
    let part = or(fields.optional("part"), Decimal::ONE, Field::multiple);
    let note_only: Vec<_> = ["floor", "floor_basis", "principal"]
        .into_iter()
        .map(|name| fields.optional(name))
        .collect();
    let floor = or(note_only[0].clone(), Decimal::ZERO, |field| {
        cash(context, field)
    });
    let floor_basis = basis(note_only[1].clone(), Basis::Absolute);
    let principal = principal(note_only[2].clone())
        .and_then(|read| recourse_matters(&read, note_only[2].as_ref()).map(|()| read));
    let rebate = or(fields.optional("rebate"), Decimal::ZERO, |field| {
        cash(context, field)
    });
    let basis_field = fields.optional("rebate_basis");
    let rebate_basis = basis(basis_field.clone(), Basis::Absolute);
    let paid = paid(fields.optional("rebate_at"), Paid::End);
    let watch = Watch::read(&mut fields, context);
    fields.finish();
    timed(basis_field.as_ref(), rebate_basis, paid, watch.as_ref())?;
    let note = note?;
    note_fields(note, terms, &note_only, context)?;
    let (w, strike, level, principal) = (w?, strike?, level?, principal?);
    let (low, high) = match w {
        Side::Call => (("strike", strike), ("barrier", level)),
        Side::Put => (("barrier", level), ("strike", strike)),
    };
    ordered(barrier.as_ref(), low, high, false)?;
    Some(Terms {
        w,
        strike,
        level,
        part: part?,
        note: note.then_some(principal),
        floor: Cash {
            value: floor?,
            basis: floor_basis?,
        },
        rebate: Cash {
            value: rebate?,
            basis: rebate_basis?,
        },
        paid: paid?,
        watch: watch?,
    })
}

/// An annualised rebate at the hit needs dates of hits.
fn timed(
    field: Option<&Field<'_>>,
    basis: Option<Basis>,
    paid: Option<Paid>,
    watch: Option<&Watch>,
) -> Option<()> {
    let (Some(field), Some(Basis::Annual), Some(Paid::Hit), Some(Watch::Continuous)) =
        (field, basis, paid, watch)
    else {
        return Some(());
    };
    field.error(
        "E-TERM-NOT-YET",
        "An annualised rebate paid at the hit of a continuously watched barrier is not done yet. \
         Pay it at the end, watch daily, or write \"absolute\".",
        "尚不支持连续观察下于触碰时支付的年化补偿；请改为到期支付、逐日观察或 absolute。",
    );
    None
}

fn note_fields(
    note: bool,
    terms: &Field<'_>,
    fields: &[Option<Field<'_>>],
    context: &Context<'_>,
) -> Option<()> {
    if note {
        return notional_only(terms, context);
    }
    let stray = fields.iter().flatten().next();
    let Some(field) = stray else { return Some(()) };
    field.error(
        "E-TERM-FORM",
        "This belongs to the note form. Write \"form\": \"note\", or drop it.",
        "该字段仅用于票据形式，请写 form: note 或去掉。",
    );
    None
}

fn program(terms: &Terms, context: &Context<'_>) -> Option<Program> {
    let payoff = scaled(
        context,
        terms.part,
        option(terms.w, Expr::Spot, n(terms.strike)),
    );
    let (at, time) = match terms.paid {
        Paid::Hit => (PayAt::Observation, Expr::Time),
        Paid::End => (PayAt::End, whole_time(context)?),
    };
    let principal = terms.note.as_ref().map_or(n(0), Principal::amount);
    let mut actions = paying([
        pay("principal", principal.clone(), at.clone()),
        pay("rebate", terms.rebate.amount(context, time), at),
    ]);
    actions.push(Action::Stop);
    let side = match terms.w {
        Side::Call => Barrier::Up,
        Side::Put => Barrier::Down,
    };
    let rule = terms
        .watch
        .rule(phase::KNOCK_OUT, hit(side, terms.level), actions);
    let terminal = paying([
        pay_end("principal", principal),
        pay_end("floor", terms.floor.amount(context, Expr::Time)),
        pay_end("payoff", payoff),
    ]);
    Some(Program {
        vars: Vec::new(),
        rules: vec![rule],
        terminal,
        exercise: None,
    })
}

fn shape(terms: &Terms, context: &Context<'_>) -> Option<Shape<Decimal>> {
    let side = match terms.w {
        Side::Call => Barrier::Up,
        Side::Put => Barrier::Down,
    };
    let rebate = terms.rebate.number(context)?;
    if terms.paid == Paid::Hit && terms.rebate.basis == Basis::Annual {
        return None;
    }
    let option = |rebate: Decimal| {
        Some(Shape::Barrier {
            option: vanilla(context, terms.part, terms.w, terms.strike)?,
            side,
            knock: Knock::Out,
            level: terms.level,
            rebate,
            paid: terms.paid,
        })
    };
    let Some(note) = &terms.note else {
        return option(rebate);
    };
    let margin = match note.included {
        true => context.notional()?.checked_mul(note.margin)?,
        false => Decimal::ZERO,
    };
    let kept = margin.checked_add(terms.floor.number(context)?)?;
    let lost = margin.checked_add(rebate)?;
    Some(Shape::Sum(match terms.paid {
        Paid::End => vec![
            Shape::Cash { amount: kept },
            option(lost.checked_sub(kept)?)?,
        ],
        Paid::Hit => {
            vec![
                Shape::NoTouch {
                    amount: kept,
                    side,
                    level: terms.level,
                },
                option(lost)?,
            ]
        }
    }))
}

/// Terms of the double form.
struct Double {
    call: (Decimal, Decimal),
    put: (Decimal, Decimal),
    lower: Decimal,
    upper: Decimal,
    down: Decimal,
    up: Decimal,
    paid: Paid,
    watch: Watch,
}

/// Reads `double_sharkfin` and builds the contract.
pub fn double(terms: &Field<'_>, _: Option<&str>, context: &Context<'_>) -> Option<Built> {
    let one = single(terms, context);
    let read = read_double(terms, context);
    one?;
    let terms = read?;
    let shape = double_shape(&terms, context).filter(|_| terms.watch.continuous());
    let program = double_program(&terms, context);
    Some(Built {
        program,
        schedules: terms.watch.schedules(),
        shape,
    })
}

fn read_double(terms: &Field<'_>, context: &Context<'_>) -> Option<Double> {
    let mut fields = terms.fields()?;
    let call = fields
        .required("call")
        .and_then(|field| read_leg(&field, context));
    let put_field = fields.required("put");
    let put = put_field
        .as_ref()
        .and_then(|field| read_leg(field, context));
    let (lower_field, upper_field) = (fields.required("lower"), fields.required("upper"));
    let lower = lower_field
        .as_ref()
        .and_then(|level| context.level(level, 0));
    let upper = upper_field
        .as_ref()
        .and_then(|level| context.level(level, 0));
    let up = or(fields.optional("rebate_up"), Decimal::ZERO, |field| {
        cash(context, field)
    });
    let down = or(fields.optional("rebate_down"), Decimal::ZERO, |field| {
        cash(context, field)
    });
    let paid = paid(fields.optional("rebate_at"), Paid::End);
    let watch = Watch::read(&mut fields, context);
    fields.finish();
    let (call, put, lower, upper) = (call?, put?, lower?, upper?);
    let first = ordered(
        lower_field.as_ref(),
        ("lower", lower),
        ("put strike", put.0),
        false,
    );
    let second = ordered(
        put_field.as_ref(),
        ("put strike", put.0),
        ("call strike", call.0),
        true,
    );
    let third = ordered(
        upper_field.as_ref(),
        ("call strike", call.0),
        ("upper", upper),
        false,
    );
    first.and(second).and(third)?;
    Some(Double {
        call,
        put,
        lower,
        upper,
        down: down?,
        up: up?,
        paid: paid?,
        watch: watch?,
    })
}

fn double_program(terms: &Double, context: &Context<'_>) -> Program {
    let at = match terms.paid {
        Paid::Hit => PayAt::Observation,
        Paid::End => PayAt::End,
    };
    let rule = |side, level, rebate: Decimal| {
        let mut actions = paying([pay("rebate", cash_amount(context, rebate), at.clone())]);
        actions.push(Action::Stop);
        terms
            .watch
            .rule(phase::KNOCK_OUT, hit(side, level), actions)
    };
    let rules = vec![
        rule(Barrier::Up, terms.upper, terms.up),
        rule(Barrier::Down, terms.lower, terms.down),
    ];
    let wing = |w, (strike, part): (Decimal, Decimal)| {
        super::words::mul([n(part), option(w, Expr::Spot, n(strike))])
    };
    let payoff = add([wing(Side::Call, terms.call), wing(Side::Put, terms.put)]);
    let terminal = paying([pay_end("payoff", scaled(context, Decimal::ONE, payoff))]);
    Program {
        vars: Vec::new(),
        rules,
        terminal,
        exercise: None,
    }
}

/// Strike and participation of one wing.
fn read_leg(field: &Field<'_>, context: &Context<'_>) -> Option<(Decimal, Decimal)> {
    let mut fields = field.fields()?;
    let strike = fields.required("strike").and_then(|k| context.level(&k, 0));
    let part = maybe(fields.optional("part").as_ref(), Field::multiple);
    fields.finish();
    Some((strike?, part?.unwrap_or(Decimal::ONE)))
}

fn double_shape(terms: &Double, context: &Context<'_>) -> Option<Shape<Decimal>> {
    let wing = |(strike, part): (Decimal, Decimal), w| -> Option<Option<Vanilla<Decimal>>> {
        if part.is_zero() {
            Some(None)
        } else {
            vanilla(context, part, w, strike).map(Some)
        }
    };
    Some(Shape::DoubleBarrier {
        call: wing(terms.call, Side::Call)?,
        put: wing(terms.put, Side::Put)?,
        lower: terms.lower,
        upper: terms.upper,
        rebate_lower: cash_number(context, terms.down)?,
        rebate_upper: cash_number(context, terms.up)?,
        paid: terms.paid,
    })
}
