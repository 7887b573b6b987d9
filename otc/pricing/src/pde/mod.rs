//! Finite differences for one underlying (specification, section 8.4).
//!
//! Three-point differences on an even grid of the log-spot and a two-stage, L-stable method in time,
//! both of second order; three grids with halved steps are extrapolated, which takes the leading
//! error out and tells what is left. Jumps between nodes are smoothed to fourth order, so that their
//! place in a cell does not spoil the extrapolation; barriers watched continuously are nodes.

mod date;
mod forms;
mod grid;
mod layout;
mod march;
mod smooth;
mod solve;
#[cfg(test)]
mod tests;
mod timeline;

pub(crate) use self::timeline::drop;

use rialto_otc_contract::plan::Plan;
use rialto_otc_market::model::{Dynamics, Model};

use self::forms::Forms;
use self::layout::lay_out;
use self::solve::{Jet, Problem};
use self::timeline::{NONE, Timeline};
use crate::backward::dates::{Dates, beyond};
use crate::engine::{
    Ask, Engine, ErrorEstimate, ErrorKind, Fit, Greeking, Greeks, LadderPoint, PriceError, Priced,
};
use crate::reason::Reason;

/// Name and version of the engine.
pub const ID: &str = "pde1d/1";

/// Halvings of the finest grid at first, and at most when the error is too large.
const LEVELS: (u32, u32) = (2, 4);

/// Node-steps beyond which a grid is not refined.
const MOST_WORK: f64 = 6e7;

/// Finite differences for one underlying in geometric Brownian motion or local volatility.
#[derive(Debug, Clone, Copy, Default)]
pub struct FiniteDifferences;

impl Engine for FiniteDifferences {
    fn id(&self) -> &'static str {
        ID
    }

    fn fit(&self, plan: &Plan<f64>, model: &Model, ask: &Ask) -> Fit {
        let work = || -> Result<f64, Reason> {
            if let Some(reason) = refuse(plan, model) {
                return Err(reason);
            }
            let dates = Dates::read(plan)?;
            let line = Timeline::new(plan, model)?;
            let layout = lay_out(plan, &line, &logs(model, ask))?;
            Ok(work(&dates, &line, layout.cells, LEVELS.0) * dates.states.len() as f64)
        };
        match work() {
            Err(reason) => Fit::No(reason),
            Ok(work) => Fit::Good {
                error: predicted(plan),
                // Two stages of some ten operations, and the coarser grids.
                cost: 30.0 * work,
            },
        }
    }

    fn price(&self, plan: &Plan<f64>, model: &Model, ask: &Ask) -> Result<Priced, PriceError> {
        with_problem(plan, model, ask, |problem| {
            let mut grids = Vec::new();
            for level in 0..=LEVELS.0 {
                grids.push(problem.solve(level)?);
            }
            let mut best = extrapolated(&grids);
            for level in LEVELS.0 + 1..=LEVELS.1 {
                let forms = &problem.forms;
                let work = work(forms.dates, forms.line, problem.layout.cells, level);
                if best.error <= ask.tolerance || work > MOST_WORK {
                    break;
                }
                grids.push(problem.solve(level)?);
                best = extrapolated(&grids);
            }
            answer(plan, ask, &problem.logs, &best)
        })
    }
}

/// Makes everything ready to be solved on any level.
fn with_problem<T>(
    plan: &Plan<f64>,
    model: &Model,
    ask: &Ask,
    then: impl FnOnce(&Problem<'_>) -> Result<T, PriceError>,
) -> Result<T, PriceError> {
    let refused = |reason| PriceError::Refused { engine: ID, reason };
    if let Some(reason) = refuse(plan, model) {
        return Err(refused(reason));
    }
    let dates = Dates::read(plan).map_err(refused)?;
    let line = Timeline::new(plan, model)?;
    let logs = logs(model, ask);
    if let Some(reason) = beyond(plan, &logs) {
        return Err(refused(reason));
    }
    let layout = lay_out(plan, &line, &logs)?;
    let ends = (
        layout.lo - 1.0,
        layout.lo + layout.step * layout.cells as f64 + 1.0,
    );
    let forms = Forms::new(plan, &dates, &line, ends)?;
    let mut order: Vec<usize> = (0..dates.states.len()).collect();
    // Hits only add up, so a state with more of them never leads to one with fewer.
    order.sort_by_key(|state| {
        let marks = &dates.states[*state][plan.vars.len()..];
        std::cmp::Reverse(marks.iter().filter(|mark| **mark != 0.0).count())
    });
    let problem = Problem {
        forms,
        layout,
        logs,
        order,
    };
    check(&problem)?;
    then(&problem)
}

/// Node-steps of one value function on a level.
fn work(dates: &Dates, line: &Timeline<'_>, cells: usize, level: u32) -> f64 {
    let fine = f64::from(1_u32 << level);
    // About as many steps as dates, or those that grow from one jump.
    let steps = line.events.len() as f64 + 25.0;
    let arrays = (dates.states.len() * (1 + dates.affine_vars.len())) as f64;
    cells as f64 * fine * steps * fine * (arrays / 4.0).max(1.0)
}

/// The error to be expected, from the tests of this engine against closed forms and quadrature.
fn predicted(plan: &Plan<f64>) -> f64 {
    let share = if plan.exercise.is_some() { 2e-6 } else { 1e-6 };
    share * plan.notional.abs()
}

fn logs(model: &Model, ask: &Ask) -> Vec<f64> {
    let ladder = ask.ladder.iter().map(|spot| spot.ln());
    std::iter::once(model.names[0].spot.ln())
        .chain(ladder)
        .collect()
}

/// Why a plan or a model is not for finite differences.
fn refuse(plan: &Plan<f64>, model: &Model) -> Option<Reason> {
    if plan.underlyings.len() != 1 || model.names.len() != 1 {
        return Some(Reason::one_underlying(plan.underlyings.len()));
    }
    let name = &model.names[0];
    if matches!(name.dynamics, Dynamics::Heston(_)) {
        return Some(Reason::new("the variance is random", "方差是随机的"));
    }
    let Some(last) = plan.instants.last() else {
        return Some(Reason::new("nothing is ahead", "没有剩余观察"));
    };
    let end = timeline::time(model, &last.at);
    let variance = match &name.dynamics {
        Dynamics::Gbm { variance } => variance.integral_to(end.variance.max(0.0)),
        _ => end.variance,
    };
    if variance.is_nan() || variance <= NONE {
        return Some(Reason::new(
            "nothing moves before the last date: walk the forward path",
            "最后日期之前没有波动，应沿远期路径推算",
        ));
    }
    if plan.exercise.is_some() && plan.class.affine > 0 {
        return Some(Reason::new(
            "early exercise of a contract with linear variables",
            "带线性变量的合约可提前行权",
        ));
    }
    None
}

/// What can only be told of a problem as a whole.
fn check(problem: &Problem<'_>) -> Result<(), PriceError> {
    let plan = problem.forms.plan;
    for strike in &problem.forms.dates.strikes {
        for outcome in strike.outcomes.iter().flatten() {
            let affine = &problem.forms.dates.affine;
            let one = |_: usize, _: usize| 1.0;
            let at = |spot: f64| outcome.at(plan, &strike.rules, affine, spot, &one);
            let initial = plan.underlyings[0].initial;
            if at(initial)? != at(1.25 * initial)? {
                return Err(PriceError::Refused {
                    engine: ID,
                    reason: Reason::new(
                        "what is paid at a hit depends on the price",
                        "触及时的支付取决于价格",
                    ),
                });
            }
        }
    }
    Ok(())
}

/// Values, by spot, and the error of the first.
struct Best {
    jets: Vec<Jet>,
    error: f64,
}

/// Richardson's extrapolation of the last two grids; the error from that of the two before.
fn extrapolated(grids: &[Vec<Jet>]) -> Best {
    let pair = |index: usize| -> Vec<Jet> {
        let (coarse, fine) = (&grids[index - 1], &grids[index]);
        let both = coarse.iter().zip(fine);
        both.map(|(coarse, fine)| std::array::from_fn(|k| (4.0 * fine[k] - coarse[k]) / 3.0))
            .collect()
    };
    let last = grids.len() - 1;
    let (before, jets) = (pair(last - 1), pair(last));
    let moved = (jets[0][0] - before[0][0]).abs();
    let taken = (jets[0][0] - grids[last][0][0]).abs();
    // Were the rest still of second order, a third of the last move would be left; where volatility is
    // low and dates are many the next move was seen to be larger than the last, so all of it is told.
    // And what was extrapolated is not trusted to more than a twentieth.
    Best {
        error: moved.max(taken / 20.0),
        jets,
    }
}

fn answer(plan: &Plan<f64>, ask: &Ask, logs: &[f64], best: &Best) -> Result<Priced, PriceError> {
    for value in best.jets.iter().flatten() {
        if !value.is_finite() {
            return Err(PriceError::Number {
                stage: "finite differences",
                value: *value,
            });
        }
    }
    let point = |log: f64, [value, first, second]: Jet| {
        let spot = log.exp();
        [value, first / spot, (second - first) / (spot * spot)]
    };
    let [value, delta, gamma] = point(logs[0], best.jets[0]);
    let mut greeks = Greeks::default();
    if ask.greeks != Greeking::None {
        greeks.delta = vec![delta];
        greeks.gamma = vec![gamma];
    }
    let ladder = ask.ladder.iter().zip(&best.jets[1..]).map(|(spot, jet)| {
        let [value, delta, gamma] = point(spot.ln(), *jet);
        LadderPoint {
            spot: *spot,
            value,
            delta,
            gamma,
        }
    });
    Ok(Priced {
        value,
        greeks,
        ladder: ladder.collect(),
        flows: Vec::new(),
        error: ErrorEstimate {
            abs: best.error + 1e-12 * (value.abs() + plan.notional.abs()),
            kind: ErrorKind::Richardson,
        },
        notes: Vec::new(),
    })
}
