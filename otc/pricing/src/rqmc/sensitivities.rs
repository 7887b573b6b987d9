//! Greeks and ladders from the same points at moved markets, with the noise each has.
//!
//! Every scramble gives its own Greek, so their spread is the Greek's standard error. Steps are wider
//! than those of grid engines: across a jump of the payoff a difference over `h` has noise that grows
//! as `h^(−1/2)` for a first and `h^(−3/2)` for a second derivative, while the bias of fourth-order
//! differences falls as `h⁴`.

use rialto_otc_contract::note::Note;
use rialto_otc_contract::plan::Plan;
use rialto_otc_market::bump::{Bump, BumpError, Move, Stickiness, Which, Window};
use rialto_otc_market::model::{Dynamics, Model};
use rialto_otc_numerics::statistics;

use super::run::Job;
use super::wants_spot;
use crate::engine::{Ask, Greeking, LadderPoint, PriceError, Priced};
use crate::greeks::{SIDES, first, second};
use crate::notes;
use crate::reason::Reason;

/// Widest relative step of the spot.
const SPOT_STEP: f64 = 1e-2;

/// Step of the spot in deviations of the log-spot at the end, where that is less.
const SPOT_DEVIATIONS: f64 = 0.1;

/// Step of the volatility, per 1.00.
const VOL_STEP: f64 = 5e-3;

/// Step of r and q, per 1.00.
const RATE_STEP: f64 = 5e-3;

/// Fills the Greeks and the ladder that are asked for, from `paths` points a scramble.
///
/// # Errors
/// [`PriceError`] at a moved market.
pub(super) fn fill(
    plan: &Plan<f64>,
    model: &Model,
    ask: &Ask,
    (paths, means): (u32, &[f64]),
    priced: &mut Priced,
) -> Result<(), PriceError> {
    let mut work = Work {
        plan,
        seed: ask.seed,
        paths,
        noise: Vec::new(),
    };
    if wants_spot(ask) {
        for name in 0..model.names.len() {
            let [delta, gamma] = work.spot(model, name, means)?;
            priced.greeks.delta.push(work.told("delta", &delta)?);
            priced.greeks.gamma.push(work.told("gamma", &gamma)?);
        }
    }
    if ask.greeks == Greeking::All {
        for name in 0..model.names.len() {
            let of = Which::Index(name);
            let window = Window::PARALLEL;
            let vol = |by: f64| Bump::Vol {
                of: of.clone(),
                by,
                window,
            };
            if let Some(vega) = work.first(model, VOL_STEP, vol, ("vega", &mut priced.notes))? {
                priced.greeks.vega.push(vega);
            }
            let carry = |by: f64| Bump::Carry {
                of: of.clone(),
                by,
                window,
            };
            if let Some(rho_q) =
                work.first(model, RATE_STEP, carry, ("rho_q", &mut priced.notes))?
            {
                priced.greeks.rho_q.push(rho_q);
            }
        }
        let rate = |by: f64| Bump::Rate {
            by,
            window: Window::PARALLEL,
        };
        priced.greeks.rho = work.first(model, RATE_STEP, rate, ("rho", &mut priced.notes))?;
    }
    if !work.noise.is_empty() {
        priced.notes.push(notes::noise(&work.noise));
    }
    ladder(plan, model, ask, paths, priced)
}

fn ladder(
    plan: &Plan<f64>,
    model: &Model,
    ask: &Ask,
    paths: u32,
    priced: &mut Priced,
) -> Result<(), PriceError> {
    if ask.ladder.is_empty() {
        return Ok(());
    }
    if model.names.len() != 1 {
        return Err(PriceError::Refused {
            engine: super::ID,
            reason: Reason::new("a ladder needs one underlying", "阶梯估值只适用于单一标的"),
        });
    }
    let work = Work {
        plan,
        seed: ask.seed,
        paths,
        noise: Vec::new(),
    };
    for spot in &ask.ladder {
        let moved = moved(model, &spot_by(0, spot - model.names[0].spot))
            .map_err(|error| PriceError::Model(error.to_string()))?;
        let means = work.means(&moved)?;
        let [delta, gamma] = work.spot(&moved, 0, &means)?;
        priced.ladder.push(LadderPoint {
            spot: *spot,
            value: mean(&means),
            delta: mean(&delta),
            gamma: mean(&gamma),
        });
    }
    Ok(())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn moved(model: &Model, bump: &Bump) -> Result<Model, BumpError> {
    model.bumped(bump)
}

struct Work<'a> {
    plan: &'a Plan<f64>,
    seed: u64,
    paths: u32,
    noise: Vec<String>,
}

impl Work<'_> {
    /// Value of each scramble in another market.
    fn means(&self, model: &Model) -> Result<Vec<f64>, PriceError> {
        let job = Job::new(self.plan, model, (self.seed, false, 1.0))?;
        let mut totals = job.start();
        job.extend(&mut totals, self.paths)?;
        Ok(totals.means())
    }

    fn told(&mut self, name: &str, each: &[f64]) -> Result<f64, PriceError> {
        let estimate = statistics::estimate(each).map_err(|_| PriceError::Number {
            stage: "a Greek",
            value: f64::NAN,
        })?;
        self.noise
            .push(format!("{name} {:.1e}", estimate.std_error));
        Ok(estimate.mean)
    }

    /// A first derivative, unless the model cannot be moved so, which is noted.
    fn first(
        &mut self,
        model: &Model,
        step: f64,
        bump: impl Fn(f64) -> Bump,
        (name, notes): (&str, &mut Vec<Note>),
    ) -> Result<Option<f64>, PriceError> {
        let mut sides = Vec::new();
        for times in SIDES {
            match moved(model, &bump(times * step)) {
                Ok(model) => sides.push(self.means(&model)?),
                Err(error) => {
                    notes.push(notes::missing(name, notes::of_bump(&error)));
                    return Ok(None);
                }
            }
        }
        let each: Vec<f64> = (0..sides[0].len())
            .map(|at| {
                let four = [0, 1, 2, 3].map(|side: usize| sides[side][at]);
                first(four, step)
            })
            .collect();
        self.told(name, &each).map(Some)
    }

    /// Delta and gamma of each scramble.
    fn spot(&self, model: &Model, name: usize, means: &[f64]) -> Result<[Vec<f64>; 2], PriceError> {
        let spot = model.names[name].spot;
        let step = spot * self.spot_step(model, name);
        let mut sides = Vec::new();
        for times in SIDES {
            let model = moved(model, &spot_by(name, times * step))
                .map_err(|error| PriceError::Model(error.to_string()))?;
            sides.push(self.means(&model)?);
        }
        let mut greeks = [Vec::new(), Vec::new()];
        for (at, value) in means.iter().enumerate() {
            let four = [0, 1, 2, 3].map(|side: usize| sides[side][at]);
            greeks[0].push(first(four, step));
            greeks[1].push(second(four, *value, step));
        }
        Ok(greeks)
    }

    /// Relative step of the spot.
    fn spot_step(&self, model: &Model, name: usize) -> f64 {
        let years = self
            .plan
            .instants
            .last()
            .map_or(0.0, |end| (end.at.variance - model.as_of.variance).max(0.0));
        let name = &model.names[name];
        let variance = match &name.dynamics {
            Dynamics::Gbm { variance } => variance.integral_to(years),
            Dynamics::LocalVol(local) => local.at(0.0, name.spot).powi(2) * years,
            Dynamics::Heston(heston) => heston.expected_variance(years),
        };
        (SPOT_DEVIATIONS * variance.max(0.0).sqrt()).clamp(1e-4, SPOT_STEP)
    }
}

fn spot_by(name: usize, by: f64) -> Bump {
    Bump::Spot {
        of: Which::Index(name),
        by: Move::Absolute(by),
        sticky: Stickiness::Strike,
    }
}
