//! Columns against the interpreter, on every product sheet.

use std::path::Path;

use rialto_otc_contract::TermSheet;
use rialto_otc_contract::compile::compile_with;
use rialto_otc_contract::plan::{Action, Expr, Plan};
use rialto_otc_market::model::{Curve, Dynamics, LocalVol, Model, Name, Origin};
use rialto_otc_time::Calendars;

use super::super::run::Job;
use super::super::walk::Payments;
use super::Columns;

/// Every product sheet that leaves nothing to the market, as a plan.
fn products() -> Vec<(String, Plan<f64>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contract/tests/sheets/products");
    let mut plans = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the product sheets") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        let text = std::fs::read_to_string(&path).expect("a sheet");
        let sheet = TermSheet::from_text(&text).unwrap_or_else(|findings| panic!("{findings}"));
        let compiled = compile_with(&sheet, Calendars::builtin(), &[].into());
        let compiled = compiled.unwrap_or_else(|findings| panic!("{name}: {findings}"));
        plans.push((name.into_owned(), compiled.plan.to_f64()));
    }
    plans
}

fn model(plan: &Plan<f64>, dynamics: impl Fn(f64) -> Dynamics) -> Model {
    let names = plan.underlyings.iter().enumerate().map(|(index, one)| {
        let vol = 0.25 + 0.05 * index as f64;
        let spot = one.initial * (1.0 - 0.03 * index as f64);
        Name::new(one.code.clone(), spot, Curve::flat(0.03), dynamics(vol))
    });
    let names: Vec<Name> = names.collect();
    let count = names.len();
    let correlation = (0..count * count).map(|at| match at / count == at % count {
        true => 1.0,
        false => 0.4,
    });
    Model {
        as_of: Origin {
            variance: 0.0,
            rate: 0.0,
        },
        discount: Curve::flat(0.02),
        correlation: correlation.collect(),
        names,
    }
}

fn gbm(vol: f64) -> Dynamics {
    Dynamics::Gbm {
        variance: Curve::flat(vol * vol),
    }
}

/// Values and flows of both ways; whether there were columns at all.
fn same(name: &str, plan: &Plan<f64>, model: &Model) -> bool {
    let mut job = Job::new(plan, model, (3, true, 1.0)).expect("a job");
    // What is compiled further is compared elsewhere; here it goes through its columns too.
    job.simulation.program = None;
    job.columns = Columns::new(plan, &job.payments);
    if job.columns.is_none() {
        return false;
    }
    let paths = 300;
    let (fast, mut totals) = (job.first_values(paths), job.start());
    job.extend(&mut totals, 64).expect("totals");
    job.interpret = true;
    let (slow, mut walked) = (job.first_values(paths), job.start());
    job.extend(&mut walked, 64).expect("totals");
    for (lane, (fast, slow)) in fast.iter().zip(&slow).enumerate() {
        let off = (fast - slow).abs();
        assert!(off <= 1e-11 * plan.notional, "{name} {lane}: {fast} {slow}");
    }
    for (fast, slow) in totals.sums.iter().zip(&walked.sums) {
        assert_eq!(fast.paid.len(), slow.paid.len(), "{name}");
        for (fast, slow) in fast.paid.iter().zip(&slow.paid) {
            assert_eq!(fast.paths, slow.paths, "{name}");
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-10 * plan.notional;
            assert!(near(fast.amount, slow.amount), "{name}");
            assert!(near(fast.discounted, slow.discounted), "{name}");
        }
    }
    true
}

#[test]
fn every_product_pays_column_by_column_what_the_interpreter_pays() {
    let mut compared = Vec::new();
    for (name, plan) in products() {
        if plan.exercise.is_none() && same(&name, &plan, &model(&plan, gbm)) {
            compared.push(name);
        }
    }
    assert!(compared.len() >= 40, "{compared:?}");
    let sums = [
        "asian",
        "asian-floating",
        "basket",
        "worst_of",
        "snowball-paris",
    ];
    for name in sums {
        assert!(compared.iter().any(|known| known == name), "{name}");
    }
}

#[test]
fn columns_hold_for_paths_in_short_steps_too() {
    let local = |vol: f64| {
        Dynamics::LocalVol(LocalVol {
            reference: 6000.0,
            times: vec![1.0],
            logs: vec![-0.5, 0.5],
            vols: vec![vol + 0.05, vol - 0.05],
            cev: None,
        })
    };
    let asian = products()
        .into_iter()
        .find(|(name, _)| name == "enhanced_asian");
    let (name, plan) = asian.expect("the sheet");
    assert!(same(&name, &plan, &model(&plan, local)));
}

#[test]
fn what_may_divide_by_zero_or_is_hit_between_dates_is_left_to_the_interpreter() {
    let find = |wanted: &str| {
        let (_, plan) = products()
            .into_iter()
            .find(|(name, _)| name == wanted)
            .expect("the sheet");
        plan
    };
    let columns = |plan: &Plan<f64>| Columns::new(plan, &Payments::new(plan, &model(plan, gbm)));
    let watched = find("no_touch-continuous");
    assert!(!watched.monitors.is_empty());
    assert_eq!(columns(&watched), None);
    let mut divides = find("european");
    assert!(columns(&divides).is_some());
    let rules = divides.instants.iter_mut().flat_map(|at| &mut at.rules);
    for action in rules.flat_map(|rule| &mut rule.actions) {
        if let Action::Pay { amount, .. } = action {
            *amount = Expr::Div(vec![amount.clone(), Expr::Spot(0)]);
        }
    }
    assert_eq!(columns(&divides), None);
}
