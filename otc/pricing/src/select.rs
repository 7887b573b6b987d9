//! Which engine prices a plan: the one asked for, or the cheapest that is good enough. Either way the
//! answer says why.

use rialto_otc_contract::plan::Plan;
use rialto_otc_market::model::Model;
use serde::Serialize;

use crate::engine::{
    Ask, Engine, ErrorEstimate, ErrorKind, Fit, Greeking, Greeks, LadderPoint, PriceError, Priced,
};
use crate::notes;
use crate::reason::Reason;
use crate::{flows, greeks};

/// All engines; among equals the earlier wins (specification, section 8.1).
static ENGINES: &[&dyn Engine] = &[
    &crate::closed::Closed,
    &crate::forward::Forward,
    &crate::quad::Quadrature,
    &crate::american::American,
    &crate::two::Conditional,
    &crate::two::LogRecursion,
    &crate::heston::HestonVanilla,
    &crate::pde::FiniteDifferences,
    &crate::rqmc::Rqmc,
    &crate::naive::Naive,
];

/// What stands where an engine would, when a contract has nothing left to be observed.
pub const DETERMINED: &str = "determined/1";

/// Names of all engines, in order of preference.
pub fn names() -> impl Iterator<Item = &'static str> {
    ENGINES.iter().map(|engine| engine.id())
}

/// What became of one engine in a selection.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// Engine.
    pub engine: &'static str,
    /// Whether it was used.
    pub chosen: bool,
    /// Why, or why not.
    pub reason: Reason,
}

/// A value with the engine that found it.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// Engine.
    pub engine: &'static str,
    /// Every engine looked at.
    pub why: Vec<Candidate>,
    /// What it found.
    pub priced: Priced,
}

/// Prices with the named engine, or with the cheapest whose predicted error is within
/// `ask.tolerance` (the one with the smallest predicted error when none is).
///
/// A name may leave out the version: `quad1d` is the newest `quad1d/…`.
///
/// A plan without instants has no flows left to decide: its open value is 0 whatever engine is named,
/// and [`DETERMINED`] stands for the engine.
///
/// # Errors
/// [`PriceError`]; a named engine is never replaced by another.
pub fn price(
    plan: &Plan<f64>,
    model: &Model,
    ask: &Ask,
    engine: Option<&str>,
) -> Result<Chosen, PriceError> {
    let engine = engine.filter(|name| *name != "auto");
    if plan.instants.is_empty() {
        return ended(model, ask, engine);
    }
    match engine {
        Some(name) => {
            let engine = named(name)?;
            let priced = run(engine, plan, model, ask)?;
            Ok(Chosen {
                engine: engine.id(),
                why: vec![Candidate {
                    engine: engine.id(),
                    chosen: true,
                    reason: Reason::new("asked for by name", "按名称指定"),
                }],
                priced,
            })
        }
        None => automatic(plan, model, ask),
    }
}

/// Nothing is left to be priced: zeros, exactly.
fn ended(model: &Model, ask: &Ask, engine: Option<&str>) -> Result<Chosen, PriceError> {
    let mut why = vec![Candidate {
        engine: DETERMINED,
        chosen: true,
        reason: Reason::new(
            "determined flows discounted: nothing is left to be observed",
            "已确定现金流贴现：没有剩余观察",
        ),
    }];
    if let Some(name) = engine.filter(|name| *name != DETERMINED) {
        why.push(Candidate {
            engine: named(name)?.id(),
            chosen: false,
            reason: Reason::new(
                "asked for by name, but nothing is left to be priced",
                "按名称指定，但没有可定价的内容",
            ),
        });
    }
    let zeros = |wanted: bool| vec![0.0; if wanted { model.names.len() } else { 0 }];
    let (any, all) = (ask.greeks != Greeking::None, ask.greeks == Greeking::All);
    let ladder = ask.ladder.iter().map(|spot| LadderPoint {
        spot: *spot,
        value: 0.0,
        delta: 0.0,
        gamma: 0.0,
    });
    Ok(Chosen {
        engine: DETERMINED,
        why,
        priced: Priced {
            value: 0.0,
            greeks: Greeks {
                delta: zeros(any),
                gamma: zeros(any),
                vega: zeros(all),
                rho: all.then_some(0.0),
                rho_q: zeros(all),
                theta_1d: None,
            },
            ladder: ladder.collect(),
            flows: Vec::new(),
            error: ErrorEstimate {
                abs: 0.0,
                kind: ErrorKind::Exact,
            },
            notes: Vec::new(),
        },
    })
}

fn named(name: &str) -> Result<&'static dyn Engine, PriceError> {
    let known = |engine: &&&'static dyn Engine| {
        let id = engine.id();
        id == name || id.split_once('/').is_some_and(|(short, _)| short == name)
    };
    ENGINES
        .iter()
        .find(known)
        .copied()
        .ok_or_else(|| PriceError::Unknown {
            name: name.to_owned(),
            known: names().collect::<Vec<_>>().join(", "),
        })
}

fn run(
    engine: &dyn Engine,
    plan: &Plan<f64>,
    model: &Model,
    ask: &Ask,
) -> Result<Priced, PriceError> {
    let mut priced = engine.price(plan, model, ask)?;
    greeks::complete(engine, plan, model, ask, &mut priced)?;
    flows::complete(engine, plan, model, ask, &mut priced)?;
    finite(&priced)?;
    if priced.error.abs > ask.tolerance {
        let note = notes::tolerance(priced.error.abs, ask.tolerance);
        priced.notes.push(note);
    }
    Ok(priced)
}

fn finite(priced: &Priced) -> Result<(), PriceError> {
    let greeks = &priced.greeks;
    let lists = [&greeks.delta, &greeks.gamma, &greeks.vega, &greeks.rho_q];
    let numbers = std::iter::once(priced.value)
        .chain(lists.into_iter().flatten().copied())
        .chain(greeks.rho)
        .chain(priced.ladder.iter().map(|point| point.value));
    for value in numbers {
        if !value.is_finite() {
            return Err(PriceError::Number {
                stage: "the value or a Greek",
                value,
            });
        }
    }
    Ok(())
}

/// An engine that could price, with its predicted cost and error.
struct Able {
    engine: &'static dyn Engine,
    error: f64,
    cost: f64,
    at: usize,
}

fn automatic(plan: &Plan<f64>, model: &Model, ask: &Ask) -> Result<Chosen, PriceError> {
    let mut why = Vec::new();
    let mut able = Vec::new();
    for engine in ENGINES {
        let (reason, fit) = match engine.fit(plan, model, ask) {
            Fit::No(reason) => (reason, None),
            Fit::Exact { cost } => (
                Reason::new(
                    format!("exact, about {cost:.0e} operations"),
                    format!("精确，约 {cost:.0e} 次运算"),
                ),
                Some((0.0, cost)),
            ),
            Fit::Good { error, cost } => (
                Reason::new(
                    format!("predicted error {error:.1e}, about {cost:.0e} operations"),
                    format!("预计误差 {error:.1e}，约 {cost:.0e} 次运算"),
                ),
                Some((error, cost)),
            ),
        };
        if let Some((error, cost)) = fit {
            able.push(Able {
                engine: *engine,
                error,
                cost,
                at: why.len(),
            });
        }
        why.push(Candidate {
            engine: engine.id(),
            chosen: false,
            reason,
        });
    }
    // Good enough first, cheapest first among these; then by error. The sort is stable, so equals
    // stay in order of preference.
    able.sort_by(|a, b| {
        let (good_a, good_b) = (a.error <= ask.tolerance, b.error <= ask.tolerance);
        good_b.cmp(&good_a).then_with(|| {
            if good_a && good_b {
                a.cost.total_cmp(&b.cost)
            } else {
                a.error.total_cmp(&b.error)
            }
        })
    });
    for candidate in able {
        match run(candidate.engine, plan, model, ask) {
            Ok(priced) => {
                why[candidate.at].chosen = true;
                return Ok(Chosen {
                    engine: candidate.engine.id(),
                    why,
                    priced,
                });
            }
            Err(PriceError::Refused { reason, .. }) => why[candidate.at].reason = reason,
            Err(error) => return Err(error),
        }
    }
    let reasons = why.iter().map(|candidate| {
        let Candidate { engine, reason, .. } = candidate;
        Reason::new(
            format!("{engine}: {}", reason.en),
            format!("{engine}：{}", reason.zh),
        )
    });
    Err(PriceError::Refused {
        engine: "auto",
        reason: Reason::all(reasons),
    })
}
