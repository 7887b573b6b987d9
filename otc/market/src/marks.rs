//! What the dynamics of a name were read from: kept in the model, so that a bump moves the marks and
//! the dynamics are read again.

use crate::curve::Curve;
use crate::dupire::{self, Floor, GridSpec};
use crate::model::{Dividend, Dynamics};
use crate::vol::Surface;

/// Spot and carry under a forward price.
#[derive(Debug, Clone, PartialEq)]
pub struct Forward {
    /// Spot price.
    pub spot: f64,
    /// Discount curve of the underlying's currency, rate clock.
    pub discount: Curve,
    /// Dividend yield, borrow or futures-implied carry, rate clock.
    pub carry: Curve,
    /// Discrete dividends by ex-date.
    pub dividends: Vec<Dividend>,
}

impl Forward {
    /// `ln F` at a time on the rate clock, discrete dividends up to then taken off: proportional
    /// ones from what is left, cash ones with what they would have earned. NaN when dividends leave
    /// nothing.
    #[must_use]
    pub fn log_at(&self, time: f64) -> f64 {
        let growth =
            |from: f64, to: f64| self.discount.integral(from, to) - self.carry.integral(from, to);
        if self.dividends.is_empty() {
            return self.spot.ln() + growth(0.0, time);
        }
        let (mut price, mut from) = (self.spot, 0.0);
        for dividend in self
            .dividends
            .iter()
            .filter(|dividend| dividend.rate <= time)
        {
            price *= growth(from, dividend.rate).exp();
            price = price * (1.0 - dividend.proportional) - dividend.cash;
            from = dividend.rate;
        }
        price.ln() + growth(from, time)
    }
}

/// How the two clocks of a contract run against each other from the valuation moment on: linear
/// between the moments the contract and its market know.
#[derive(Debug, Clone, PartialEq)]
pub struct ClockMap {
    variance: Vec<f64>,
    rate: Vec<f64>,
}

impl ClockMap {
    /// From moments `(variance, rate)`; those not after the valuation moment are left out, and of
    /// moments with the same variance time the last counts.
    #[must_use]
    pub fn new(moments: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut moments: Vec<(f64, f64)> = moments
            .into_iter()
            .filter(|(variance, rate)| *variance > 0.0 && *rate > 0.0)
            .collect();
        moments.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let (mut variance, mut rate) = (vec![0.0_f64], vec![0.0_f64]);
        for (v, r) in moments {
            let last = variance.len() - 1;
            if last > 0 && v - variance[last] < 1e-12 {
                rate[last] = rate[last].max(r);
            } else if r > rate[last] {
                variance.push(v);
                rate.push(r);
            }
        }
        Self { variance, rate }
    }

    /// Clocks that agree.
    #[must_use]
    pub fn same() -> Self {
        Self {
            variance: vec![0.0],
            rate: vec![0.0],
        }
    }

    /// Rate time at a variance time.
    #[must_use]
    pub fn rate_at(&self, variance: f64) -> f64 {
        map(&self.variance, &self.rate, variance)
    }

    /// Variance time at a rate time.
    #[must_use]
    pub fn variance_at(&self, rate: f64) -> f64 {
        map(&self.rate, &self.variance, rate)
    }

    /// Known rate times after 0.
    #[must_use]
    pub fn rates(&self) -> &[f64] {
        &self.rate[1..]
    }
}

/// Linear between points, after the last by the overall slope.
fn map(from: &[f64], to: &[f64], x: f64) -> f64 {
    let n = from.len();
    if n == 1 {
        return x;
    }
    let right = from.partition_point(|knot| *knot < x);
    if right == n {
        return to[n - 1] + (x - from[n - 1]) * to[n - 1] / from[n - 1];
    }
    let right = right.max(1);
    let share = (x - from[right - 1]) / (from[right] - from[right - 1]);
    to[right - 1] + (to[right] - to[right - 1]) * share
}

/// How dynamics are read from a surface.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// Geometric Brownian motion with the volatility of the forward as it stood when the surface
    /// was marked.
    AtmForward,
    /// Geometric Brownian motion with the volatility of one strike to each tenor and, exactly, to
    /// the horizon.
    AtStrike {
        /// Price.
        strike: f64,
        /// End of the contract on the variance clock.
        horizon: f64,
    },
    /// Dupire's local volatility.
    LocalVol(GridSpec),
}

/// A contract that pays in another currency than the underlying's at a fixed exchange rate: under
/// the measure of the payment currency the drift is `r_f − q − ρ σ_S σ_X`, with `X` the price of the
/// underlying's currency (Reiner 1992).
#[derive(Debug, Clone, PartialEq)]
pub struct Quanto {
    /// Correlation of the underlying and the exchange rate.
    pub correlation: f64,
    /// Variance rate of the exchange rate, variance clock.
    pub fx_variance: Curve,
}

/// The marks of one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Marks {
    /// Implied volatility over `ln(K/F)`, with `F` from [`Marks::reference`].
    pub surface: Surface,
    /// Spot and carry under which the surface was marked.
    pub reference: Forward,
    /// Spot and carry now; differs from the reference after bumps that hold volatility by strike.
    pub now: Forward,
    /// How the dynamics are read.
    pub reading: Reading,
    /// Variance against rate clock.
    pub clock: ClockMap,
    /// Exchange-rate correction of the drift.
    pub quanto: Option<Quanto>,
}

impl Marks {
    /// Dynamics read from the marks, and where local volatility had to be floored or capped.
    #[must_use]
    pub fn dynamics(&self) -> (Dynamics, Vec<Floor>) {
        match self.reading {
            Reading::AtmForward => (
                Dynamics::Gbm {
                    variance: self.variance(|_| 0.0, None),
                },
                Vec::new(),
            ),
            Reading::AtStrike { strike, horizon } => {
                let k = |time| strike.ln() - self.reference.log_at(self.clock.rate_at(time));
                (
                    Dynamics::Gbm {
                        variance: self.variance(k, Some(horizon)),
                    },
                    Vec::new(),
                )
            }
            Reading::LocalVol(spec) => {
                let (grid, floors) = dupire::grid(self, spec);
                (Dynamics::LocalVol(grid), floors)
            }
        }
    }

    /// The same marks, with a coarser table where local volatility is read from them; `None` where it
    /// is not.
    #[must_use]
    pub fn coarser(&self) -> Option<Self> {
        let Reading::LocalVol(spec) = self.reading else {
            return None;
        };
        let reading = Reading::LocalVol(spec.coarser());
        Some(Self {
            reading,
            ..self.clone()
        })
    }

    /// Variance curve read along `k(time)`; never decreasing, even where the surface is.
    fn variance(&self, k: impl Fn(f64) -> f64, horizon: Option<f64>) -> Curve {
        if let Surface::Term(variance) = &self.surface {
            return variance.clone();
        }
        let mut times = self.surface.knots();
        times.extend(horizon.filter(|time| *time > 0.0));
        times.sort_by(f64::total_cmp);
        times.dedup();
        let mut sum = 0.0_f64;
        let knots: Vec<(f64, f64)> = times
            .into_iter()
            .map(|time| {
                sum = sum.max(self.surface.variance(k(time), time));
                (time, sum)
            })
            .collect();
        let (time, total) = knots[knots.len() - 1];
        Curve::from_integrals(&knots).with_last(total / time)
    }

    /// The carry an engine uses with the contract's discount curve: the carry itself, or for a
    /// quanto the one that gives the drift `r_f − q − ρ σ_S σ_X`. `σ_S` is read at the forward.
    #[must_use]
    pub fn carry(&self, discount: &Curve) -> Curve {
        let Some(quanto) = &self.quanto else {
            return self.now.carry.clone();
        };
        let plain = self
            .now
            .carry
            .plus(1.0, discount)
            .plus(-1.0, &self.now.discount);
        let variance = self.variance(|_| 0.0, None);
        let mut ends: Vec<f64> = variance.knots().to_vec();
        ends.extend_from_slice(quanto.fx_variance.knots());
        let mut ends: Vec<f64> = ends
            .into_iter()
            .map(|end| self.clock.rate_at(end))
            .collect();
        ends.extend_from_slice(self.clock.rates());
        ends.sort_by(f64::total_cmp);
        ends.dedup();
        let covariance = |from: f64| {
            let time = self.clock.variance_at(from);
            let (s, x) = (
                variance.rate_after(time),
                quanto.fx_variance.rate_after(time),
            );
            quanto.correlation * (s.max(0.0) * x.max(0.0)).sqrt()
        };
        let mut knots = Vec::with_capacity(ends.len());
        let (mut from, mut sum) = (0.0, 0.0);
        for to in ends {
            let (a, b) = (self.clock.variance_at(from), self.clock.variance_at(to));
            sum += covariance(from) * (b - a);
            knots.push((to, sum));
            from = to;
        }
        let correction = match knots.is_empty() {
            true => Curve::flat(covariance(0.0)),
            false => Curve::from_integrals(&knots),
        };
        plain.plus(1.0, &correction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(reading: Reading, quanto: Option<Quanto>) -> Marks {
        let surface = crate::testing::smiles();
        let now = Forward {
            spot: 100.0,
            discount: Curve::flat(0.02),
            carry: Curve::flat(0.05),
            dividends: Vec::new(),
        };
        let clock = ClockMap::same();
        Marks {
            surface,
            reference: now.clone(),
            now,
            reading,
            clock,
            quanto,
        }
    }

    #[test]
    fn clocks_are_mapped_both_ways_through_the_moments_known() {
        let map = ClockMap::new([(0.5, 0.6), (0.1, 0.1), (0.1, 0.12), (-1.0, 3.0), (1.0, 1.1)]);
        assert!((map.rate_at(0.1) - 0.12).abs() < 1e-15);
        assert!((map.rate_at(0.3) - 0.36).abs() < 1e-15);
        for time in [0.05, 0.3, 0.9, 2.0] {
            assert!((map.variance_at(map.rate_at(time)) - time).abs() < 1e-14);
        }
        assert!((ClockMap::same().rate_at(0.7) - 0.7).abs() < 1e-15);
    }

    #[test]
    fn a_volatility_read_at_a_strike_is_that_of_the_surface_at_the_horizon() {
        let horizon = 1.3;
        let marks = marks(
            Reading::AtStrike {
                strike: 80.0,
                horizon,
            },
            None,
        );
        let (Dynamics::Gbm { variance }, _) = marks.dynamics() else {
            panic!("a GBM")
        };
        let k = (80.0_f64 / 100.0).ln() + 0.03 * horizon;
        let expected = marks.surface.variance(k, horizon);
        assert!((variance.integral_to(horizon) - expected).abs() < 1e-15);
        assert!(variance.integral_to(horizon) > marks.surface.variance(0.0, horizon));
    }

    #[test]
    fn dividends_are_taken_off_the_forward_at_their_ex_dates() {
        let cash = Dividend {
            variance: 0.5,
            rate: 0.5,
            cash: 2.0,
            proportional: 0.0,
        };
        let share = Dividend {
            variance: 1.0,
            rate: 1.0,
            cash: 0.0,
            proportional: 0.03,
        };
        let mut forward = marks(Reading::AtmForward, None).now;
        forward.dividends = vec![cash, share];
        let growth = |years: f64| (-0.03 * years).exp();
        assert!((forward.log_at(0.4).exp() - 100.0 * growth(0.4)).abs() < 1e-12);
        let expected = (100.0 * growth(0.5) - 2.0) * growth(0.5) * 0.97 * growth(0.25);
        assert!((forward.log_at(1.25).exp() - expected).abs() < 1e-12);
    }

    #[test]
    fn a_quanto_drifts_by_the_covariance_with_the_exchange_rate() {
        let quanto = Quanto {
            correlation: -0.3,
            fx_variance: Curve::flat(0.0025),
        };
        let mut marks = marks(Reading::AtmForward, Some(quanto));
        marks.surface = Surface::flat(0.2);
        let discount = Curve::flat(0.03);
        let carry = marks.carry(&discount);
        // r_d − q' = r_f − q − ρ σ_S σ_X
        let drift = discount.integral_to(1.5) - carry.integral_to(1.5);
        let expected = (0.02 - 0.05 + 0.3 * 0.2 * 0.05) * 1.5;
        assert!((drift - expected).abs() < 1e-14, "{drift} {expected}");
    }
}
