//! Every product sheet through every engine that prices it.
//!
//! Two engines that share nothing but the plan agree within 0.1 bp of notional (specification,
//! section 18) and within three times what they say of their own errors; their Greeks within 1e-4
//! (gamma 2e-3, of which quadrature alone needs more than 1e-3) of the larger of the Greek and its
//! natural size.

use std::fmt::Write as _;

use rialto_otc_contract::plan::Plan;
use rialto_otc_market::model::{Dividend, Model};
use rialto_otc_pricing::closed::Closed;
use rialto_otc_pricing::engine::{Ask, Engine, Fit, PriceError, Priced};
use rialto_otc_pricing::naive::Naive;
use rialto_otc_pricing::pde::FiniteDifferences;
use rialto_otc_pricing::quad::Quadrature;

use crate::world::{Market, NEAR, ask, products};

/// Engines without simulation, the most exact first.
const EXACT: [&dyn Engine; 3] = [&Closed, &Quadrature, &FiniteDifferences];

/// What an engine says, if it prices such plans.
fn said(engine: &dyn Engine, plan: &Plan<f64>, model: &Model, ask: &Ask) -> Option<Priced> {
    if matches!(engine.fit(plan, model, ask), Fit::No(_)) {
        return None;
    }
    match engine.price(plan, model, ask) {
        Ok(priced) => Some(priced),
        // What it found out only on the way, such as a drift too large for its grid.
        Err(PriceError::Refused { .. }) => None,
        Err(error) => panic!("{}: {error}", engine.id()),
    }
}

/// What is wrong between two engines' answers; empty when nothing is.
fn differences(plan: &Plan<f64>, model: &Model, a: &Priced, b: &Priced) -> String {
    let mut text = String::new();
    let notional = plan.notional.abs();
    // 0.1 bp; contracts with leverage are worth several notionals.
    let tolerance = 1e-5 * notional.max(a.value.abs());
    let off = (a.value - b.value).abs();
    if off > tolerance {
        let _ = write!(text, "value {} and {}; ", a.value, b.value);
    }
    // Quadrature does not tell what it cuts off beyond 6.5 deviations and on narrow panels, some
    // 1e-9 of notional.
    if off > 3.0 * (a.error.abs + b.error.abs) + 5e-9 * notional {
        let told = (a.error.abs, b.error.abs);
        let _ = write!(text, "{off:e} apart, errors told {told:?}; ");
    }
    let spot = model.names[0].spot;
    let close = |a: f64, b: f64, share: f64, natural: f64| {
        (a - b).abs() <= share * a.abs().max(b.abs()).max(natural)
    };
    for (a, b) in a.greeks.delta.iter().zip(&b.greeks.delta) {
        if !close(*a, *b, 1e-4, notional / spot) {
            let _ = write!(text, "delta {a} and {b}; ");
        }
    }
    for (a, b) in a.greeks.gamma.iter().zip(&b.greeks.gamma) {
        if !close(*a, *b, 2e-3, notional / (spot * spot)) {
            let _ = write!(text, "gamma {a} and {b}; ");
        }
    }
    text
}

/// Compares engines two by two on every product; returns how many comparisons were made.
fn agree(market: Market, change: impl Fn(&mut Model)) -> usize {
    let mut wrong = String::new();
    let mut count = 0;
    for (name, plan) in products() {
        if plan.underlyings.len() != 1 {
            continue;
        }
        let mut model = market.model(&plan);
        change(&mut model);
        let ask = ask(&plan);
        let answers: Vec<(&str, Priced)> = EXACT
            .iter()
            .filter_map(|engine| Some((engine.id(), said(*engine, &plan, &model, &ask)?)))
            .collect();
        for (index, (a_id, a)) in answers.iter().enumerate() {
            for (b_id, b) in &answers[index + 1..] {
                count += 1;
                let text = differences(&plan, &model, a, b);
                if !text.is_empty() {
                    let _ = writeln!(wrong, "{name}, {a_id} and {b_id}: {text}");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{market:?}\n{wrong}");
    count
}

#[test]
fn engines_agree_on_every_product_near_its_levels() {
    let count = agree(NEAR, |_| {});
    assert!(count >= 45, "{count} comparisons");
}

#[test]
fn engines_agree_after_a_fall_with_a_negative_rate_and_a_deep_discount() {
    let fallen = Market {
        performance: 0.81,
        rate: -0.006,
        carry: 0.12,
        vol: 0.3,
    };
    let count = agree(fallen, |_| {});
    assert!(count >= 45, "{count} comparisons");
}

#[test]
fn engines_agree_after_a_rise_with_low_volatility_and_dividends() {
    let risen = Market {
        performance: 1.06,
        rate: 0.03,
        carry: 0.0,
        vol: 0.11,
    };
    let count = agree(risen, |model| {
        model.names[0].dividends.push(Dividend {
            variance: 20.0 / 244.0,
            rate: 30.0 / 365.0,
            cash: 0.0,
            proportional: 0.02,
        });
    });
    assert!(count >= 25, "{count} comparisons");
}

#[test]
fn simulation_agrees_with_the_most_exact_engine_on_every_product() {
    let mut wrong = String::new();
    let mut lone = Vec::new();
    for (name, plan) in products() {
        let model = NEAR.model(&plan);
        let ask = ask(&plan);
        let best = EXACT
            .iter()
            .find_map(|engine| said(*engine, &plan, &model, &ask));
        let simulated = said(&Naive, &plan, &model, &ask);
        match (best, simulated) {
            (Some(best), Some(simulated)) => {
                let z = (simulated.value - best.value) / simulated.error.abs.max(best.error.abs);
                if z.abs() >= 4.0 {
                    let _ = writeln!(wrong, "{name}: {simulated:?} z = {z}");
                }
            }
            (None, Some(_)) => lone.push(name),
            (Some(_), None) => assert!(plan.exercise.is_some(), "{name} is not simulated"),
            (None, None) => panic!("no engine prices {name}"),
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    // Engines of averages and of several underlyings are looked at in their own tests.
    assert_eq!(
        lone,
        [
            "asian-floating",
            "asian",
            "basket",
            "best_of",
            "spread",
            "worst_of"
        ]
    );
}
