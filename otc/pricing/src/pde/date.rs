//! What a date does to the value functions: rules, exercise, barriers and dividends.

use std::rc::Rc;

use rialto_otc_contract::plan::Exercise;
use rialto_otc_market::model::Dividend;

use super::grid::{Grid, SAME};
use super::smooth::{REACH, STENCIL, excess, weights};
use super::solve::{Front, Problem, segment};
use super::timeline::{Event, drop, time, undrop};
use crate::engine::PriceError;

/// Nodes of the target and where they lie on the source.
struct View<'a> {
    target: &'a Grid,
    drops: &'a [Dividend],
    /// Log-spots after the event's dividends, by node.
    images: Vec<f64>,
    spots: Vec<f64>,
    /// Values after the date there, by array.
    after: Vec<Vec<f64>>,
}

impl Problem<'_> {
    /// Values before an event on `target` from those after it on `source`. `smooth` tells whether
    /// jumps are smoothed for the grid that follows.
    pub(super) fn event(
        &self,
        event: &Event,
        source: &Rc<Grid>,
        front: Front,
        target: &Rc<Grid>,
        smooth: bool,
    ) -> Result<Front, PriceError> {
        let view = self.view(event, source, front, target);
        let mut out = Front {
            arrays: view.after.clone(),
        };
        if let Some(instant) = event.instant {
            self.rules(instant, &view, smooth, &mut out)?;
            self.exercise(instant, event, &view, smooth, &mut out)?;
        }
        if !self.forms.plan.monitors.is_empty() {
            self.barriers(event, &view, &mut out)?;
        }
        Ok(out)
    }

    fn view<'a>(
        &self,
        event: &'a Event,
        source: &Rc<Grid>,
        front: Front,
        target: &'a Rc<Grid>,
    ) -> View<'a> {
        let moved = |log: f64| {
            if event.drops.is_empty() {
                return log;
            }
            let spot = event.drops.iter().fold(log.exp(), drop);
            spot.ln()
        };
        let images: Vec<f64> = target.nodes.iter().map(|log| moved(*log)).collect();
        let spots = images.iter().map(|log| log.exp()).collect();
        if event.drops.is_empty() && Rc::ptr_eq(source, target) {
            return View {
                target,
                drops: &event.drops,
                images,
                spots,
                after: front.arrays,
            };
        }
        let components = self.components();
        let (first, last) = (source.nodes[0], source.nodes[source.len() - 1]);
        let mut after = Vec::with_capacity(front.arrays.len());
        for state in 0..self.forms.dates.states.len() {
            let live = self.live(state, event.at.rate, true);
            let stencils: Vec<_> = images
                .iter()
                .map(|log| {
                    // Off the grid values go on level, which is far from all that matters.
                    let log = log.clamp(first, last);
                    source.stencil(log, &segment(source, live, log))
                })
                .collect();
            for part in 0..components {
                let array = &front.arrays[state * components + part];
                after.push(
                    stencils
                        .iter()
                        .map(|stencil| stencil.value(array))
                        .collect(),
                );
            }
        }
        View {
            target,
            drops: &event.drops,
            images,
            spots,
            after,
        }
    }

    fn rules(
        &self,
        instant: usize,
        view: &View<'_>,
        smooth: bool,
        out: &mut Front,
    ) -> Result<(), PriceError> {
        let components = self.components();
        let row = &self.forms.rows[instant];
        for (state, forms) in row.iter().enumerate() {
            let mut from = 0;
            for form in forms {
                let to = from + view.images[from..].partition_point(|log| *log < form.hi);
                for node in from..to {
                    let next = form.next.unwrap_or(0) * components;
                    let parts = self
                        .forms
                        .value(form, view.spots[node], |part| view.after[next + part][node])?;
                    for (part, value) in parts.iter().enumerate().take(components) {
                        out.arrays[state * components + part][node] = *value;
                    }
                }
                from = to;
            }
            if smooth {
                for cut in 1..forms.len() {
                    self.smooth_cut(instant, state, cut, view, out)?;
                }
            }
        }
        Ok(())
    }

    /// Smooths the jump between two neighbouring forms of a state.
    fn smooth_cut(
        &self,
        instant: usize,
        state: usize,
        cut: usize,
        view: &View<'_>,
        out: &mut Front,
    ) -> Result<(), PriceError> {
        let forms = &self.forms.rows[instant][state];
        let (left, right) = (&forms[cut - 1], &forms[cut]);
        let rate = time(self.forms.line.model, &self.forms.plan.instants[instant].at).rate;
        let live = self.live(state, rate, false);
        if (left.hi - live.lo).abs() < SAME || (left.hi - live.hi).abs() < SAME {
            // The barrier itself: its values are given, and the live side goes on as it is.
            return Ok(());
        }
        let Some(place) = Self::place(view, left.hi) else {
            return Ok(());
        };
        let nodes = window(view.target, place);
        let components = self.components();
        let mut jumps = [[0.0; STENCIL]; 5];
        let side = |form: &super::forms::Form<'_>, node: usize| {
            let next = form.next.unwrap_or(0) * components;
            self.forms
                .value(form, view.spots[node], |part| view.after[next + part][node])
        };
        for (slot, node) in nodes.clone().enumerate() {
            let (a, b) = (side(left, node)?, side(right, node)?);
            for (jump, (a, b)) in jumps.iter_mut().zip(a.iter().zip(b)) {
                jump[slot] = b - a;
            }
        }
        let weights = weights(place, &view.target.nodes[nodes]);
        for (part, jumps) in jumps.iter().enumerate().take(components) {
            let jump = weights.map(|row| dot(&row, jumps));
            spread(
                view.target,
                place,
                jump,
                &mut out.arrays[state * components + part],
            );
        }
        Ok(())
    }

    /// Log-spot before the event's dividends of one after them, if it lies on the target.
    fn place(view: &View<'_>, log: f64) -> Option<f64> {
        let nodes = &view.target.nodes;
        let place = if view.drops.is_empty() {
            log
        } else {
            view.drops.iter().rev().fold(log.exp(), undrop).ln()
        };
        (place > nodes[0] && place < nodes[nodes.len() - 1]).then_some(place)
    }

    fn exercise(
        &self,
        instant: usize,
        event: &Event,
        view: &View<'_>,
        smooth: bool,
        out: &mut Front,
    ) -> Result<(), PriceError> {
        let Some(Exercise { instants, pay, .. }) = &self.forms.plan.exercise else {
            return Ok(());
        };
        let factor = match instants.iter().position(|index| *index == instant) {
            Some(index) => pay.get(index).map_or(1.0, |pay| {
                let paid = time(self.forms.line.model, pay).rate;
                self.forms.line.discount(event.at.rate, paid)
            }),
            None if instants.is_empty() => 1.0,
            None => return Ok(()),
        };
        let components = self.components();
        for state in 0..self.forms.dates.states.len() {
            let values = &mut out.arrays[state * components];
            let mut gain = Vec::with_capacity(values.len());
            for (spot, value) in view.spots.iter().zip(values.iter()) {
                gain.push(factor * self.payoff(state, *spot)? - value);
            }
            for (value, gain) in values.iter_mut().zip(&gain) {
                *value += gain.max(0.0);
            }
            // After the last date's payment a right at any time adds nothing: there both are equal.
            if smooth && !instants.is_empty() {
                smooth_kinks(view.target, &gain, values);
            }
        }
        Ok(())
    }

    fn barriers(&self, event: &Event, view: &View<'_>, out: &mut Front) -> Result<(), PriceError> {
        let components = self.components();
        for state in &self.order {
            for (node, log) in view.images.iter().enumerate() {
                let read = |array: usize| out.arrays[array][node];
                let parts = self.hit(*state, *log, event.at, false, read)?;
                let Some(parts) = parts else { continue };
                for (part, value) in parts.iter().enumerate().take(components) {
                    out.arrays[state * components + part][node] = *value;
                }
            }
        }
        Ok(())
    }
}

/// Smooths the kinks of `max(gain, 0)`, which lie where the gain changes sign.
fn smooth_kinks(grid: &Grid, gain: &[f64], values: &mut [f64]) {
    for node in 1..gain.len() {
        if (gain[node - 1] > 0.0) == (gain[node] > 0.0) {
            continue;
        }
        let (x, y) = (grid.nodes[node - 1], grid.nodes[node]);
        let (mut lo, mut hi) = (x, y);
        let rises = gain[node] > 0.0;
        let at = |place: f64| {
            let nodes = window(grid, 0.5 * (x + y));
            let row = weights(place, &grid.nodes[nodes.clone()]);
            let local: Vec<f64> = gain[nodes].to_vec();
            row.map(|row| dot(&row, &local))
        };
        for _ in 0..40 {
            let middle = 0.5 * (lo + hi);
            if (at(middle)[0] > 0.0) == rises {
                hi = middle;
            } else {
                lo = middle;
            }
        }
        let place = 0.5 * (lo + hi);
        let mut jump = at(place);
        jump[0] = 0.0;
        if !rises {
            jump = jump.map(|part| -part);
        }
        spread(grid, place, jump, values);
    }
}

/// Adds what smoothing moves around a jump with these derivatives by the log-spot.
fn spread(grid: &Grid, place: f64, jump: [f64; 4], values: &mut [f64]) {
    let reach = REACH * grid.step;
    let first = grid.nodes.partition_point(|node| *node <= place - reach);
    let last = grid.nodes.partition_point(|node| *node < place + reach);
    for (value, node) in values[first..last].iter_mut().zip(&grid.nodes[first..last]) {
        let moved = excess((node - place) / grid.step);
        let mut scale = 1.0;
        for (jump, moved) in jump.iter().zip(moved) {
            *value += jump * scale * moved;
            scale *= grid.step;
        }
    }
}

/// The nodes around a place.
fn window(grid: &Grid, place: f64) -> std::ops::Range<usize> {
    let right = grid.nodes.partition_point(|node| *node < place);
    let first = right
        .saturating_sub(STENCIL / 2)
        .min(grid.len().saturating_sub(STENCIL));
    first..(first + STENCIL).min(grid.len())
}

fn dot(weights: &[f64; STENCIL], values: &[f64]) -> f64 {
    weights.iter().zip(values).map(|(w, v)| w * v).sum()
}

#[cfg(test)]
mod tests {
    use super::super::timeline::{drop, undrop};
    use rialto_otc_market::model::Dividend;

    #[test]
    fn a_spot_before_a_dividend_is_found_again() {
        let dividend = Dividend {
            variance: 0.1,
            rate: 0.1,
            cash: 1.7,
            proportional: 0.02,
        };
        assert!((undrop(drop(93.0, &dividend), &dividend) - 93.0).abs() < 1e-12);
    }
}
