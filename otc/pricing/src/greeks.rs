//! Greeks an engine did not give, by central differences of fourth order over its own prices
//! (specification, section 8.6).

use rialto_otc_contract::note::Note;
use rialto_otc_contract::plan::Plan;
use rialto_otc_market::bump::{Bump, Move, Stickiness, Which, Window};
use rialto_otc_market::model::Model;

use crate::engine::{Ask, Engine, Greeking, PriceError, Priced};
use crate::notes;

/// Relative step of the spot.
const SPOT_STEP: f64 = 2e-3;
/// Step of the volatility, per 1.00.
const VOL_STEP: f64 = 1e-3;
/// Step of r and q, per 1.00.
const RATE_STEP: f64 = 1e-3;

/// Where a central difference of fourth order looks, in steps.
pub(crate) const SIDES: [f64; 4] = [-2.0, -1.0, 1.0, 2.0];

/// First derivative from the values at [`SIDES`].
pub(crate) fn first([ll, l, h, hh]: [f64; 4], step: f64) -> f64 {
    (ll - 8.0 * l + 8.0 * h - hh) / (12.0 * step)
}

/// Second derivative from the values at [`SIDES`] and in the middle.
pub(crate) fn second([ll, l, h, hh]: [f64; 4], middle: f64, step: f64) -> f64 {
    (-ll + 16.0 * l - 30.0 * middle + 16.0 * h - hh) / (12.0 * step * step)
}

/// Fills what `ask` wants and `priced` lacks. What the model cannot be bumped by is noted, and its
/// Greek stays away.
///
/// # Errors
/// [`PriceError`] of the engine at a bumped market.
pub(crate) fn complete(
    engine: &dyn Engine,
    plan: &Plan<f64>,
    model: &Model,
    ask: &Ask,
    priced: &mut Priced,
) -> Result<(), PriceError> {
    if ask.greeks == Greeking::None || plan.instants.is_empty() {
        return Ok(());
    }
    let mut work = Differences {
        engine,
        plan,
        model,
        ask: Ask {
            greeks: Greeking::None,
            ladder: Vec::new(),
            flows: false,
            // The same paths everywhere: a difference of two samples would be noise.
            paths: ask.paths,
            ..ask.clone()
        },
        notes: Vec::new(),
    };
    let names = 0..model.names.len();
    if priced.greeks.delta.is_empty() {
        for name in names.clone() {
            let (delta, gamma) = work.spot(name, priced.value)?;
            priced.greeks.delta.push(delta);
            priced.greeks.gamma.push(gamma);
        }
    }
    if ask.greeks == Greeking::All {
        if priced.greeks.vega.is_empty() {
            for name in names.clone() {
                let bump = |by: f64| Bump::Vol {
                    of: Which::Index(name),
                    by,
                    window: Window::PARALLEL,
                };
                if let Some(vega) = work.first("vega", VOL_STEP, bump)? {
                    priced.greeks.vega.push(vega);
                }
            }
        }
        if priced.greeks.rho.is_none() {
            priced.greeks.rho = work.first("rho", RATE_STEP, |by| Bump::Rate {
                by,
                window: Window::PARALLEL,
            })?;
        }
        if priced.greeks.rho_q.is_empty() {
            for name in names {
                let bump = |by: f64| Bump::Carry {
                    of: Which::Index(name),
                    by,
                    window: Window::PARALLEL,
                };
                if let Some(rho_q) = work.first("rho_q", RATE_STEP, bump)? {
                    priced.greeks.rho_q.push(rho_q);
                }
            }
        }
    }
    priced.notes.append(&mut work.notes);
    Ok(())
}

struct Differences<'a> {
    engine: &'a dyn Engine,
    plan: &'a Plan<f64>,
    model: &'a Model,
    ask: Ask,
    notes: Vec<Note>,
}

impl Differences<'_> {
    /// `[V(−2h), V(−h), V(h), V(2h)]`, or nothing when the model cannot be moved so.
    fn four(
        &mut self,
        what: &str,
        step: f64,
        bump: impl Fn(f64) -> Bump,
    ) -> Result<Option<[f64; 4]>, PriceError> {
        let mut values = [0.0; 4];
        for (value, times) in values.iter_mut().zip(SIDES) {
            match self.model.bumped(&bump(times * step)) {
                Ok(model) => *value = self.engine.price(self.plan, &model, &self.ask)?.value,
                Err(error) => {
                    self.notes
                        .push(notes::missing(what, notes::of_bump(&error)));
                    return Ok(None);
                }
            }
        }
        Ok(Some(values))
    }

    fn first(
        &mut self,
        what: &str,
        step: f64,
        bump: impl Fn(f64) -> Bump,
    ) -> Result<Option<f64>, PriceError> {
        let four = self.four(what, step, bump)?;
        Ok(four.map(|four| first(four, step)))
    }

    fn spot(&mut self, name: usize, value: f64) -> Result<(f64, f64), PriceError> {
        let step = SPOT_STEP * self.model.names[name].spot;
        let bump = |by: f64| Bump::Spot {
            of: Which::Index(name),
            by: Move::Absolute(by),
            sticky: Stickiness::Strike,
        };
        let Some(four) = self.four("delta", step, bump)? else {
            return Err(PriceError::Model("the spot cannot be bumped".into()));
        };
        Ok((first(four, step), second(four, value, step)))
    }
}
