//! A surface of implied volatility on one contract's variance clock.

use super::smile::{Point, Smile};
use crate::curve::Curve;

/// Least volatility to which a shift may lower a surface.
pub const LEAST_VOL: f64 = 1e-4;
/// Shortest time at which a surface is looked at, years: 30 seconds.
const SHORTEST: f64 = 1e-6;

/// A smile and its tenor.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    /// Variance clock since the valuation moment, years, above 0.
    pub time: f64,
    /// Total variance to that time.
    pub smile: Smile,
}

/// A shift of implied volatility, which moves an implied volatility to `T` by the share of `(0, T]`
/// that lies in the window. Windows that cut up all time add up to the parallel shift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// Added to the volatility.
    pub vol: f64,
    /// Added per unit of forward log-moneyness.
    pub skew: f64,
    /// Window begins, years from the valuation moment on the variance clock.
    pub from: f64,
    /// Window ends; infinite for the last one.
    pub to: f64,
}

impl Shift {
    /// Share of `(0, time]` in the window, and its derivative in time.
    fn share(&self, time: f64) -> (f64, f64) {
        let overlap = (time.min(self.to) - self.from.max(0.0)).max(0.0);
        let running = time > self.from && time < self.to;
        let growth = if running { 1.0 } else { 0.0 };
        (overlap / time, (growth - overlap / time) / time)
    }
}

/// Smiles by tenor. Total variance is linear in time along `k` between tenors; before the first and
/// after the last the volatility of the nearest smile is held.
#[derive(Debug, Clone, PartialEq)]
pub struct Smiles {
    slices: Vec<Slice>,
    shifts: Vec<Shift>,
}

/// Total variance at one point of a surface with what Dupire's formula needs of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Local {
    /// Total variance and its derivatives in `k`.
    pub along: Point,
    /// Its derivative in time at constant `k`.
    pub in_time: f64,
}

impl Smiles {
    /// Of slices with strictly increasing times.
    ///
    /// # Panics
    /// When there is no slice.
    #[must_use]
    pub fn new(slices: Vec<Slice>) -> Self {
        assert!(!slices.is_empty(), "at least one slice");
        Self {
            slices,
            shifts: Vec::new(),
        }
    }

    /// The slices as quoted, before shifts.
    #[must_use]
    pub fn slices(&self) -> &[Slice] {
        &self.slices
    }

    /// Total variance as quoted, at `k` and just after `time`, which is above 0.
    fn quoted(&self, k: f64, time: f64) -> Local {
        let after = self.slices.partition_point(|slice| slice.time <= time);
        let Some((before, next)) = after
            .checked_sub(1)
            .and_then(|at| Some((&self.slices[at], self.slices.get(after)?)))
        else {
            let nearest = &self.slices[after.min(self.slices.len() - 1)];
            let at = nearest.smile.at(k);
            let in_time = at.value / nearest.time;
            return Local {
                along: at.times(time / nearest.time),
                in_time,
            };
        };
        let (low, high) = (before.smile.at(k), next.smile.at(k));
        let width = next.time - before.time;
        Local {
            along: low.towards(high, (time - before.time) / width),
            in_time: (high.value - low.value) / width,
        }
    }

    fn local(&self, k: f64, time: f64) -> Local {
        let quoted = self.quoted(k, time);
        if self.shifts.is_empty() {
            return quoted;
        }
        let (mut shift, mut skew, mut in_time) = (0.0, 0.0, 0.0);
        for one in &self.shifts {
            let (share, growth) = one.share(time);
            shift += (one.vol + one.skew * k) * share;
            skew += one.skew * share;
            in_time += (one.vol + one.skew * k) * growth;
        }
        shifted(quoted, time, (shift, skew, in_time))
    }
}

/// Total variance after its volatility moved by `shift`, whose derivatives in `k` and time are known.
fn shifted(quoted: Local, time: f64, (shift, skew, in_time): (f64, f64, f64)) -> Local {
    let w = quoted.along;
    let vol = (w.value / time).max(0.0).sqrt().max(LEAST_VOL);
    let slope = w.first / (2.0 * vol * time);
    let bend = (w.second / (2.0 * time) - slope * slope) / vol;
    let growth = (quoted.in_time - vol * vol) / (2.0 * vol * time);
    let moved = vol + shift;
    if moved <= LEAST_VOL {
        let variance = LEAST_VOL * LEAST_VOL;
        let along = Point {
            value: variance * time,
            first: 0.0,
            second: 0.0,
        };
        return Local {
            along,
            in_time: variance,
        };
    }
    let moved_slope = slope + skew;
    Local {
        along: Point {
            value: moved * moved * time,
            first: 2.0 * moved * moved_slope * time,
            second: 2.0 * time * (moved_slope * moved_slope + moved * bend),
        },
        in_time: moved * moved + 2.0 * moved * time * (growth + in_time),
    }
}

/// Implied volatility of one underlying on a contract's variance clock.
#[derive(Debug, Clone, PartialEq)]
pub enum Surface {
    /// The same at every strike: variance rate σ²(t).
    Term(Curve),
    /// With smiles.
    Smiles(Smiles),
}

impl Surface {
    /// One volatility for all strikes and times.
    #[must_use]
    pub fn flat(vol: f64) -> Self {
        Self::Term(Curve::flat(vol * vol))
    }

    /// Total variance at `k` and `time`, with derivatives; times below 30 seconds count as that.
    #[must_use]
    pub fn local(&self, k: f64, time: f64) -> Local {
        let time = time.max(SHORTEST);
        match self {
            Self::Smiles(smiles) => smiles.local(k, time),
            Self::Term(variance) => {
                let value = variance.integral_to(time);
                let along = Point {
                    value,
                    first: 0.0,
                    second: 0.0,
                };
                Local {
                    along,
                    in_time: variance.rate_after(time),
                }
            }
        }
    }

    /// Total variance at `k` from now to `time`.
    #[must_use]
    pub fn variance(&self, k: f64, time: f64) -> f64 {
        if time <= 0.0 {
            0.0
        } else {
            self.local(k, time).along.value.max(0.0) * (time / time.max(SHORTEST))
        }
    }

    /// Implied volatility at `k` to `time`; that of 30 seconds for shorter times.
    #[must_use]
    pub fn vol(&self, k: f64, time: f64) -> f64 {
        let time = time.max(SHORTEST);
        (self.variance(k, time) / time).sqrt()
    }

    /// Times at which variance changes its rate: slices, pieces and ends of shifts.
    #[must_use]
    pub fn knots(&self) -> Vec<f64> {
        let mut knots: Vec<f64> = match self {
            Self::Term(variance) => variance.knots().to_vec(),
            Self::Smiles(smiles) => {
                let ends = smiles
                    .shifts
                    .iter()
                    .flat_map(|shift| [shift.from, shift.to]);
                let ends = ends.filter(|end| *end > 0.0 && end.is_finite());
                smiles
                    .slices
                    .iter()
                    .map(|slice| slice.time)
                    .chain(ends)
                    .collect()
            }
        };
        knots.sort_by(f64::total_cmp);
        knots.dedup();
        knots
    }

    /// The surface after a shift. A surface without smiles moves its volatility at each moment of
    /// the window; a skew gives it smiles first.
    #[must_use]
    pub fn shifted(&self, shift: Shift) -> Self {
        match self {
            Self::Term(variance) if shift.skew == 0.0 => {
                Self::Term(shifted_vols(variance, shift.vol, shift.from, shift.to))
            }
            Self::Term(variance) => {
                let times = match variance.knots() {
                    [] => &[1.0],
                    knots => knots,
                };
                let slices = times.iter().map(|time| Slice {
                    time: *time,
                    smile: Smile::Flat(variance.integral_to(*time)),
                });
                Self::Smiles(Smiles::new(slices.collect())).shifted(shift)
            }
            Self::Smiles(smiles) => {
                let mut smiles = smiles.clone();
                smiles.shifts.push(shift);
                Self::Smiles(smiles)
            }
        }
    }
}

/// Variance rates after the volatility of `from < t <= to` moved by `shift`; never below 0.
#[must_use]
pub fn shifted_vols(variance: &Curve, shift: f64, from: f64, to: f64) -> Curve {
    variance.mapped(&[from, to], |a, _, rate| {
        if a >= from.max(0.0) && a < to {
            (rate.max(0.0).sqrt() + shift).max(0.0).powi(2)
        } else {
            rate
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::smiles as surface;

    fn parallel(vol: f64, from: f64, to: f64) -> Shift {
        Shift {
            vol,
            skew: 0.0,
            from,
            to,
        }
    }

    #[test]
    fn variance_is_linear_in_time_between_tenors_and_volatility_flat_outside() {
        let surface = surface();
        let (w1, w2) = (surface.variance(0.1, 0.5), surface.variance(0.1, 2.0));
        assert!((surface.variance(0.1, 1.25) - 0.5 * (w1 + w2)).abs() < 1e-15);
        assert!((surface.vol(0.1, 0.01) - surface.vol(0.1, 0.5)).abs() < 1e-14);
        assert!((surface.vol(0.1, 9.0) - surface.vol(0.1, 2.0)).abs() < 1e-14);
    }

    #[test]
    fn derivatives_hold_with_and_without_shifts() {
        let skewed = surface()
            .shifted(Shift {
                vol: 0.01,
                skew: -0.05,
                from: 0.25,
                to: 1.0,
            })
            .shifted(parallel(-0.02, 0.0, f64::INFINITY));
        let h = 1e-4;
        for surface in [surface(), skewed] {
            for (k, t) in [(-0.4, 0.3), (0.0, 0.8), (0.25, 1.6), (0.1, 3.0)] {
                let at = surface.local(k, t);
                let of = |k, t| surface.local(k, t).along;
                let first = (of(k + h, t).value - of(k - h, t).value) / (2.0 * h);
                let second = (of(k + h, t).first - of(k - h, t).first) / (2.0 * h);
                let in_time = (of(k, t + h).value - of(k, t - h).value) / (2.0 * h);
                assert!((at.along.first - first).abs() < 1e-7, "{k} {t}");
                assert!((at.along.second - second).abs() < 1e-6, "{k} {t}");
                assert!((at.in_time - in_time).abs() < 1e-7, "{k} {t}");
            }
        }
    }

    #[test]
    fn windows_that_cut_up_time_add_up_to_the_parallel_shift() {
        let parallel_shift = surface().shifted(parallel(0.01, 0.0, f64::INFINITY));
        let pieces = [(0.0, 0.25), (0.25, 1.0), (1.0, f64::INFINITY)];
        let mut cut = surface();
        for (from, to) in pieces {
            cut = cut.shifted(parallel(0.01, from, to));
        }
        for (k, t) in [(-0.3, 0.1), (0.0, 0.6), (0.2, 1.7), (0.1, 4.0)] {
            assert!((cut.vol(k, t) - parallel_shift.vol(k, t)).abs() < 1e-14);
            assert!((cut.vol(k, t) - surface().vol(k, t) - 0.01).abs() < 1e-13);
        }
    }

    #[test]
    fn a_skew_turns_a_flat_surface_about_the_forward() {
        let turned = Surface::flat(0.2).shifted(Shift {
            vol: 0.0,
            skew: -0.1,
            from: 0.0,
            to: f64::INFINITY,
        });
        assert!((turned.vol(0.0, 0.7) - 0.2).abs() < 1e-14);
        assert!((turned.vol(-0.5, 0.7) - 0.25).abs() < 1e-14);
    }

    #[test]
    fn a_shift_never_makes_a_volatility_negative() {
        let sunk = surface().shifted(parallel(-5.0, 0.0, f64::INFINITY));
        assert!((sunk.vol(0.0, 1.0) - LEAST_VOL).abs() < 1e-12);
        assert!(
            (Surface::flat(0.2)
                .shifted(parallel(-5.0, 0.0, f64::INFINITY))
                .vol(0.0, 1.0))
            .abs()
                < 1e-12
        );
    }
}
