//! Local volatility from implied: Dupire's formula in total variance (Gatheral, "The Volatility
//! Surface", 2006, eq. 1.10),
//! `σ² = ∂w/∂T / (1 − k w'/w + (−1/4 − 1/w + k²/w²) w'²/4 + w''/2)`
//! with `k = ln(K/F_T)`. The denominator is Durrleman's `g`: where it is not above 0, butterflies
//! have negative prices and there is no local volatility; the grid holds a floor there and says so.

use crate::marks::Marks;
use crate::model::LocalVol;
use crate::vol::surface::Local;
use crate::vol::{Point, Surface};

/// Distance kept from a moment at which variance changes its rate, years: the grid has a row on
/// each side.
const SIDE: f64 = 1e-6;
/// Widest step between rows, years.
const ROW_STEP: f64 = 0.05;
/// Steepness of the grid's concentration about the spot.
const CONCENTRATION: f64 = 3.0;

/// Size and bounds of a local-volatility grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GridSpec {
    /// Last moment on the variance clock, years; above 0.
    pub horizon: f64,
    /// Points in log-price, odd.
    pub points: usize,
    /// Widest step between rows, years; above 0.
    pub row_step: f64,
    /// Half-width in deviations of the log-price at the horizon.
    pub deviations: f64,
    /// Least local volatility.
    pub lo: f64,
    /// Largest local volatility.
    pub hi: f64,
}

impl GridSpec {
    /// To `horizon`: 201 points over ±6 deviations, rows 0.05 years apart, volatilities from 1 % to
    /// 300 %.
    #[must_use]
    pub const fn to(horizon: f64) -> Self {
        Self {
            horizon,
            points: 201,
            row_step: ROW_STEP,
            deviations: 6.0,
            lo: 0.01,
            hi: 3.0,
        }
    }

    /// The same with half the points and rows: what it makes of a value differs from the true one by
    /// more, which tells how far off this grid is.
    #[must_use]
    pub const fn coarser(self) -> Self {
        Self {
            points: self.points / 2 + 1,
            row_step: 2.0 * self.row_step,
            ..self
        }
    }
}

/// A point of the grid at which the formula had no answer within the bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Floor {
    /// Variance clock, years.
    pub time: f64,
    /// Forward log-moneyness.
    pub k: f64,
    /// Durrleman's `g` there.
    pub g: f64,
    /// Local variance the formula gave; meaningless when `g` is not above 0.
    pub variance: f64,
}

/// Durrleman's `g` of a smile at `k`: the density of the log-price is `g` times a positive number.
#[must_use]
pub fn durrleman(along: Point, k: f64) -> f64 {
    let (w, first, second) = (along.value, along.first, along.second);
    if first == 0.0 {
        // Also where there is no variance at all.
        return 1.0 + 0.5 * second;
    }
    let bracket = 1.0 - k * first / (2.0 * w);
    bracket * bracket - 0.25 * first * first * (1.0 / w + 0.25) + 0.5 * second
}

/// Local variance at `k` where the formula has one: variance growing in time, `g` above 0.
#[must_use]
pub fn variance(local: Local, k: f64) -> Option<f64> {
    let g = durrleman(local.along, k);
    let variance = local.in_time / g;
    (g > 0.0 && local.in_time >= 0.0 && variance.is_finite()).then_some(variance)
}

/// The grid of a name's marks, with the points that were floored or capped. The reference price of
/// the grid is the spot of now.
#[must_use]
pub fn grid(marks: &Marks, spec: GridSpec) -> (LocalVol, Vec<Floor>) {
    let rows = rows(&marks.surface, spec);
    let logs = logs(marks, spec);
    let (mut vols, mut floors) = (Vec::with_capacity(rows.len() * logs.len()), Vec::new());
    let log_spot = marks.now.spot.ln();
    // Without a smile the local volatility is the forward one, which needs no bounds.
    let (lo, hi) = match marks.surface {
        Surface::Term(_) => (0.0, f64::INFINITY),
        Surface::Smiles(_) => (spec.lo, spec.hi),
    };
    let offset = |time: f64| {
        let rate = marks.clock.rate_at(time);
        marks.now.log_at(rate) - marks.reference.log_at(rate)
    };
    for (_, look) in &rows {
        let forward = marks.now.log_at(marks.clock.rate_at(*look)) - log_spot;
        // Sticky strikes: w now at k is w marked at k + offset(T), which moves with T.
        let (moved, drift) = (offset(*look), (offset(look + SIDE) - offset(*look)) / SIDE);
        for log in &logs {
            let k = log - forward;
            let mut local = marks.surface.local(k + moved, *look);
            local.in_time += local.along.first * drift;
            let found = variance(local, k);
            let bounded = found.map_or(lo, |v| v.sqrt().clamp(lo, hi));
            if found.is_none_or(|v| v.sqrt() < lo || v.sqrt() > hi) {
                let g = durrleman(local.along, k);
                floors.push(Floor {
                    time: *look,
                    k,
                    g,
                    variance: local.in_time / g,
                });
            }
            vols.push(bounded);
        }
    }
    let times = rows.iter().map(|(time, _)| *time).collect();
    (
        LocalVol {
            reference: marks.now.spot,
            times,
            logs,
            vols,
            cev: None,
        },
        floors,
    )
}

/// Rows of the grid, each with the moment at which the surface is looked at for it.
fn rows(surface: &Surface, spec: GridSpec) -> Vec<(f64, f64)> {
    let horizon = spec.horizon;
    let mut ends: Vec<f64> = surface
        .knots()
        .into_iter()
        .filter(|knot| *knot > 2.0 * SIDE && *knot < horizon - SIDE)
        .collect();
    ends.push(horizon);
    let mut rows = Vec::new();
    let mut from = 0.0;
    for to in ends {
        let start = if from == 0.0 {
            (0.0, SIDE)
        } else {
            (from + SIDE, from + SIDE)
        };
        rows.push(start);
        let steps = ((to - from) / spec.row_step).ceil().clamp(2.0, 40.0);
        let mut step = 1.0;
        while step < steps {
            let time = from + (to - from) * step / steps;
            rows.push((time, time));
            step += 1.0;
        }
        rows.push((to, to - 0.5 * SIDE));
        from = to;
    }
    rows.dedup_by(|later, earlier| later.0 <= earlier.0);
    rows
}

/// Log-prices about the spot, denser near it.
fn logs(marks: &Marks, spec: GridSpec) -> Vec<f64> {
    let forward = marks.now.log_at(marks.clock.rate_at(spec.horizon)) - marks.now.spot.ln();
    let deviation = marks.surface.variance(0.0, spec.horizon).sqrt();
    let half = (spec.deviations * deviation + forward.abs()).clamp(0.2, 5.0);
    let middle = (spec.points.max(3) / 2) as f64;
    (0..=2 * (spec.points.max(3) / 2))
        .map(|i| {
            let u = (i as f64 - middle) / middle;
            half * (CONCENTRATION * u).sinh() / CONCENTRATION.sinh()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::Curve;
    use crate::marks::{ClockMap, Forward, Reading};
    use crate::testing::smiles;
    use crate::vol::implied::black;
    use crate::vol::{Shift, Slice, Smile, Smiles, Svi};

    fn marks(surface: Surface) -> Marks {
        let now = Forward {
            spot: 100.0,
            discount: Curve::flat(0.02),
            carry: Curve::flat(0.07),
            dividends: Vec::new(),
        };
        let reading = Reading::LocalVol(GridSpec::to(1.5));
        let clock = ClockMap::same();
        Marks {
            surface,
            reference: now.clone(),
            now,
            reading,
            clock,
            quanto: None,
        }
    }

    #[test]
    fn local_volatility_of_a_flat_surface_is_flat() {
        let (grid, floors) = grid(&marks(Surface::flat(0.24)), GridSpec::to(2.0));
        assert!(floors.is_empty());
        assert!(grid.vols.iter().all(|vol| (vol - 0.24).abs() < 1e-12));
    }

    #[test]
    fn no_volatility_is_no_local_volatility() {
        let (grid, floors) = grid(&marks(Surface::flat(0.0)), GridSpec::to(1.0));
        assert!(floors.is_empty());
        assert!(grid.vols.iter().all(|vol| *vol == 0.0));
    }

    #[test]
    fn local_volatility_without_a_smile_is_the_forward_volatility() {
        let surface = Surface::Term(Curve::pieces(&[(0.5, 0.04), (1.0, 0.09)]));
        let (grid, floors) = grid(&marks(surface), GridSpec::to(1.0));
        assert!(floors.is_empty());
        for (time, vol) in [
            (0.0, 0.2),
            (0.3, 0.2),
            (0.499, 0.2),
            (0.51, 0.3),
            (1.0, 0.3),
        ] {
            assert!(
                (grid.at(time, 90.0) - vol).abs() < 1e-9,
                "{time}: {}",
                grid.at(time, 90.0)
            );
        }
    }

    /// Dupire's own form, `σ² = 2 ∂c/∂T / (x² ∂²c/∂x²)` with `c` the undiscounted call on `F = 1`
    /// struck at `x`, by differences of Black prices.
    #[test]
    fn the_formula_is_that_of_call_prices() {
        let surface = smiles();
        let call = |x: f64, t: f64| black(1.0, x, surface.variance(x.ln(), t).sqrt(), true);
        for t in [0.2, 0.9, 1.6] {
            for x in [0.7_f64, 0.9, 1.0, 1.15, 1.4] {
                let (h, dt) = (2e-3 * x, 1e-4);
                let in_time = (call(x, t + dt) - call(x, t - dt)) / (2.0 * dt);
                let bend = (-call(x + 2.0 * h, t) + 16.0 * call(x + h, t) - 30.0 * call(x, t)
                    + 16.0 * call(x - h, t)
                    - call(x - 2.0 * h, t))
                    / (12.0 * h * h);
                let expected = 2.0 * in_time / (x * x * bend);
                let found = variance(surface.local(x.ln(), t), x.ln()).expect("there is one");
                assert!(
                    (found / expected - 1.0).abs() < 1e-5,
                    "{t} {x}: {found} {expected}"
                );
            }
        }
    }

    #[test]
    fn a_grid_holds_the_formula_at_its_rows_and_nearly_between() {
        let marks = marks(smiles());
        let (grid, floors) = grid(&marks, GridSpec::to(1.5));
        assert!(floors.is_empty());
        for (time, price) in [
            (0.25, 80.0),
            (0.25, 100.0),
            (0.8, 65.0),
            (1.2, 120.0),
            (1.45, 97.0),
        ] {
            let k = f64::ln(price / 100.0) + 0.05 * time;
            let exact = variance(marks.surface.local(k, time), k)
                .expect("there is one")
                .sqrt();
            assert!(
                (grid.at(time, price) - exact).abs() < 2e-4,
                "{time} {price}"
            );
        }
    }

    #[test]
    fn holding_strikes_moves_the_surface_against_the_forward() {
        let mut moved = marks(smiles());
        moved.now.spot = 90.0;
        moved.now.carry = Curve::flat(0.06);
        let (grid, _) = grid(&moved, GridSpec::to(1.5));
        // The same strikes through a reference that moved along: differs by the shift alone.
        let (time, price): (f64, f64) = (1.0, 84.0);
        let k = (price / 90.0).ln() - (0.02 - 0.06) * time;
        let old = (price / 100.0).ln() - (0.02 - 0.07) * time;
        let mut local = moved.surface.local(old, time);
        local.in_time += local.along.first * 0.01;
        let exact = variance(local, k).expect("there is one").sqrt();
        assert!((grid.at(time, price) - exact).abs() < 2e-4);
    }

    #[test]
    fn where_butterflies_are_negative_there_is_a_floor_and_it_is_told() {
        // Vogt's parameters, known to fail (Gatheral and Jacquier 2014, example 3.1).
        let vogt = Svi {
            a: -0.0410,
            b: 0.1331,
            rho: 0.3060,
            m: 0.3586,
            s: 0.4153,
        };
        let surface = Surface::Smiles(Smiles::new(vec![Slice {
            time: 1.0,
            smile: Smile::Svi(vogt),
        }]));
        let (grid, floors) = grid(&marks(surface), GridSpec::to(1.0));
        let floored = floors.iter().filter(|floor| floor.g <= 0.0).count();
        assert!(floored > 0);
        assert!(grid.vols.iter().all(|vol| (0.01..=3.0).contains(vol)));
    }

    #[test]
    fn a_shifted_flat_surface_has_the_shifted_local_volatility() {
        let shift = Shift {
            vol: 0.01,
            skew: 0.0,
            from: 0.0,
            to: f64::INFINITY,
        };
        let (grid, _) = grid(
            &marks(Surface::flat(0.24).shifted(shift)),
            GridSpec::to(1.0),
        );
        assert!(grid.vols.iter().all(|vol| (vol - 0.25).abs() < 1e-12));
    }
}
