//! Shapes pay what the rules pay: on random closes, hit and unhit.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rust_decimal::Decimal;

use rialto_otc_contract::TermSheet;
use rialto_otc_contract::compile::{Compiled, Initials, compile_with};
use rialto_otc_contract::interpret::{Hit, Memory, Record, Seen, walk};
use rialto_otc_contract::program::Comparison;
use rialto_otc_contract::shape::{Barrier, Edges, Knock, Mean, Range, Shape, Side, Vanilla};
use rialto_otc_time::Calendars;

/// What happened: the last closes, all closes of the only schedule, the barrier hit first.
struct World {
    last: Vec<Decimal>,
    rows: Vec<Decimal>,
    first_hit: Option<Barrier>,
}

fn option(vanilla: &Vanilla<Decimal>, price: Decimal) -> Decimal {
    vanilla.units * positive(vanilla.w, price - vanilla.strike)
}

fn positive(w: Side, value: Decimal) -> Decimal {
    match w {
        Side::Call => value.max(Decimal::ZERO),
        Side::Put => (-value).max(Decimal::ZERO),
    }
}

fn holds(range: &Range<Decimal>, price: Decimal) -> bool {
    let (low_in, high_in) = match range.edges {
        Edges::Lower => (true, false),
        Edges::Both => (true, true),
        Edges::Upper => (false, true),
        Edges::Neither => (false, false),
    };
    range
        .lower
        .is_none_or(|low| price > low || low_in && price == low)
        && range
            .upper
            .is_none_or(|high| price < high || high_in && price == high)
}

fn reaches(w: Side, price: Decimal, strike: Decimal) -> bool {
    match w {
        Side::Call => price >= strike,
        Side::Put => price <= strike,
    }
}

/// What a shape pays in all.
fn worth(shape: &Shape<Decimal>, world: &World) -> Decimal {
    let last = world.last[0];
    let paid = |amount: &Decimal, when: bool| if when { *amount } else { Decimal::ZERO };
    match shape {
        Shape::Cash { amount } => *amount,
        Shape::Forward { units, strike } => units * (last - strike),
        Shape::European(vanilla) | Shape::American(vanilla) => option(vanilla, last),
        Shape::DigitalCash { amount, w, strike } => paid(amount, reaches(*w, last, *strike)),
        Shape::DigitalAsset { units, w, strike } => {
            paid(&(units * last), reaches(*w, last, *strike))
        }
        Shape::Interval {
            inside,
            outside,
            range,
        } => {
            if holds(range, last) {
                *inside
            } else {
                *outside
            }
        }
        Shape::Touch { amount, side, .. } => paid(amount, world.first_hit == Some(*side)),
        Shape::NoTouch { amount, side, .. } => paid(amount, world.first_hit != Some(*side)),
        Shape::DoubleTouch { amount, .. } => paid(amount, world.first_hit.is_some()),
        Shape::DoubleNoTouch { amount, .. } => paid(amount, world.first_hit.is_none()),
        Shape::Barrier {
            option: inner,
            side,
            knock,
            rebate,
            ..
        } => {
            let hit = world.first_hit == Some(*side);
            if hit == (*knock == Knock::In) {
                option(inner, last)
            } else {
                *rebate
            }
        }
        Shape::DoubleBarrier {
            call,
            put,
            rebate_lower,
            rebate_upper,
            ..
        } => match world.first_hit {
            Some(Barrier::Up) => *rebate_upper,
            Some(Barrier::Down) => *rebate_lower,
            None => call
                .iter()
                .chain(put)
                .map(|vanilla| option(vanilla, last))
                .sum(),
        },
        Shape::Sum(parts) => parts.iter().map(|part| worth(part, world)).sum(),
        other => worth_of_many(other, world),
    }
}

/// Averages and accruals: what depends on every close.
fn worth_of_many(shape: &Shape<Decimal>, world: &World) -> Decimal {
    let days = |holds: &dyn Fn(Decimal) -> bool| {
        Decimal::from(world.rows.iter().filter(|price| holds(**price)).count())
    };
    match shape {
        Shape::Asian {
            units,
            w,
            strike,
            mean,
            weights,
        } => {
            let mean = average(*mean, weights, &world.rows);
            units
                * positive(
                    *w,
                    strike.map_or(world.last[0] - mean, |strike| mean - strike),
                )
        }
        Shape::EnhancedAsian {
            units,
            w,
            strike,
            level,
            fixings,
        } => {
            let strip = world.rows.iter().map(|price| positive(*w, price - level));
            let rest = if *w == Side::Call {
                level - strike
            } else {
                strike - level
            };
            units * (strip.sum::<Decimal>() / Decimal::from(*fixings) + rest)
        }
        Shape::RangeAccrual {
            amount,
            range,
            rows,
            principal,
        } => amount * days(&|price| holds(range, price)) / Decimal::from(*rows) + principal,
        Shape::Accumulator {
            quantity,
            w,
            strike,
            zones,
            daily,
        } => {
            let day = |price: &Decimal| {
                let zone = zones.iter().find(|zone| match (zone.bound, w) {
                    (None, _) => true,
                    (Some(bound), Side::Call) => *price < bound,
                    (Some(bound), Side::Put) => *price > bound,
                });
                let zone = zone.expect("the last zone holds everything");
                let settled = if *daily { *price } else { world.last[0] };
                let unit = if *w == Side::Call {
                    settled - strike
                } else {
                    strike - settled
                };
                quantity * (zone.units * unit + zone.cash)
            };
            world.rows.iter().map(day).sum()
        }
        other => worth_of_several(other, &world.last),
    }
}

fn average(mean: Mean, weights: &[Decimal], rows: &[Decimal]) -> Decimal {
    let weighed = weights.iter().zip(rows);
    match mean {
        Mean::Arithmetic => weighed.map(|(w, price)| w * price).sum(),
        Mean::Geometric => {
            let log: f64 = weighed
                .map(|(w, price)| float(*w) * float(*price).ln())
                .sum();
            Decimal::from_f64_retain(log.exp()).expect("a price")
        }
    }
}

/// Several underlyings at the end.
fn worth_of_several(shape: &Shape<Decimal>, last: &[Decimal]) -> Decimal {
    let factored = |factors: &[Decimal]| -> Vec<Decimal> {
        factors
            .iter()
            .zip(last)
            .map(|(factor, price)| factor * price)
            .collect()
    };
    match shape {
        Shape::Exchange {
            units,
            first,
            second,
        } => units * (first * last[0] - second * last[1]).max(Decimal::ZERO),
        Shape::Basket {
            units,
            w,
            factors,
            strike,
        } => {
            let value: Decimal = factored(factors).into_iter().sum();
            units * positive(*w, value - strike)
        }
        Shape::Extreme {
            units,
            w,
            worst,
            factors,
            strike,
        } => {
            let values = factored(factors).into_iter();
            let value = if *worst { values.min() } else { values.max() };
            units * positive(*w, value.expect("one") - strike)
        }
        other => panic!("no oracle for {other:?}"),
    }
}

fn float(value: Decimal) -> f64 {
    value.to_string().parse().expect("a number")
}

/// Contracts of the sheets that have a shape.
fn shaped() -> BTreeMap<String, Compiled> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sheets/products");
    let files = std::fs::read_dir(folder).expect("the folder of sheets");
    let compiled = files.map(|file| {
        let path = file.expect("a file").path();
        let sheet = TermSheet::from_text(&std::fs::read_to_string(&path).expect("reads"));
        let sheet = sheet.expect("a sheet");
        let compiled = compile_with(&sheet, Calendars::builtin(), &Initials::new());
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        (name, compiled.expect("compiles"))
    });
    compiled
        .filter(|(_, compiled)| compiled.plan.shape.is_some())
        .collect()
}

/// Closes between 70 % and 130 % of the initial fixings, and which monitor is hit, if any.
fn closes(
    contract: &Compiled,
) -> impl Strategy<Value = (Vec<Vec<Decimal>>, Option<usize>)> + use<> {
    let initials: Vec<Decimal> = contract
        .plan
        .underlyings
        .iter()
        .map(|u| u.initial)
        .collect();
    let close = prop::collection::vec(7_000_i64..13_000, initials.len()).prop_map(move |bps| {
        let priced = bps.iter().zip(&initials);
        priced
            .map(|(bps, initial)| (Decimal::new(*bps, 4) * initial).round_dp(2))
            .collect()
    });
    let path = prop::collection::vec(close, contract.plan.instants.len());
    let monitors = contract.plan.monitors.len();
    (
        path,
        prop::option::of(0..monitors.max(1)).prop_map(move |hit| hit.filter(|m| *m < monitors)),
    )
}

#[test]
fn shapes_pay_what_the_rules_pay() {
    let shaped = shaped();
    assert!(shaped.len() >= 25, "{}", shaped.len());
    for (name, contract) in &shaped {
        let plan = &contract.plan;
        let shape = plan.shape.as_ref().expect("a shape");
        let mut runner = TestRunner::new(Config::with_cases(48));
        let outcome = runner.run(&closes(contract), |(path, hit)| {
            let hits: Vec<Hit> = hit
                .iter()
                .map(|monitor| Hit {
                    monitor: *monitor,
                    at: plan.instants[0].at,
                    pay: plan.instants[0].at,
                })
                .collect();
            let mut memory = Memory::new(plan);
            let mut record = Record::default();
            let seen = |n: usize| {
                let told = if n == 0 { &hits[..] } else { &[] };
                Some(Seen {
                    fixings: &path[n],
                    hits: Some(told),
                    exercise: false,
                })
            };
            walk(plan, &mut memory, seen, &mut record).expect("walks");
            let paid: Decimal = record.flows.iter().map(|flow| flow.amount).sum();
            let observed = plan.instants.iter().zip(&path);
            let rows = observed.filter(|(instant, _)| instant.rules.iter().any(|r| r.row > 0));
            let world = World {
                last: path.last().expect("an end").clone(),
                rows: rows.map(|(_, close)| close[0]).collect(),
                first_hit: hit.map(|monitor| match plan.monitors[monitor].side {
                    Comparison::AtLeast => Barrier::Up,
                    _ => Barrier::Down,
                }),
            };
            let wanted = worth(shape, &world);
            prop_assert!(
                (paid - wanted).abs() < Decimal::new(1, 6),
                "{paid} {wanted}"
            );
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{name}: {error}");
        }
    }
}
