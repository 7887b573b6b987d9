//! What an engine sees of the market: integrals between moments of a contract, from the moment of
//! valuation on.
//!
//! A snapshot holds quotes by tenor and date; a [`Model`] holds them on the clocks of one contract,
//! so that an engine never meets a calendar. All times here are years since the valuation moment:
//! on the rate clock for discounting and carry, on the variance clock for diffusion.

use std::sync::Arc;

pub use crate::curve::Curve;
use crate::marks::Marks;

/// The market for one contract at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The moment of valuation on the contract's clocks, years since the contract's start.
    pub as_of: Origin,
    /// Discount curve of the contract's currency.
    pub discount: Curve,
    /// Underlyings, in the plan's order.
    pub names: Vec<Name>,
    /// Correlations of the log-returns, row by row (`n × n`).
    pub correlation: Vec<f64>,
}

impl Model {
    /// One name without dividends in a Black-Scholes market of constant rates, from the contract's
    /// start on. `rate`, `carry` and `vol` per year.
    #[must_use]
    pub fn black_scholes(code: &str, spot: f64, rate: f64, carry: f64, vol: f64) -> Self {
        let dynamics = Dynamics::Gbm {
            variance: Curve::flat(vol * vol),
        };
        Self {
            as_of: Origin {
                variance: 0.0,
                rate: 0.0,
            },
            discount: Curve::flat(rate),
            names: vec![Name::new(code, spot, Curve::flat(carry), dynamics)],
            correlation: vec![1.0],
        }
    }

    /// Correlation of the log-returns of two names, by index.
    #[must_use]
    pub fn correlation_of(&self, a: usize, b: usize) -> f64 {
        self.correlation[a * self.names.len() + b]
    }
}

/// Where the model's times begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Origin {
    /// Variance clock, years since the contract's start.
    pub variance: f64,
    /// Rate clock, years since the contract's start.
    pub rate: f64,
}

/// One underlying.
#[derive(Debug, Clone, PartialEq)]
pub struct Name {
    /// Exchange and code.
    pub code: String,
    /// Spot price.
    pub spot: f64,
    /// Dividend yield, borrow fee or futures-implied carry `q`.
    pub carry: Curve,
    /// Discrete dividends after the valuation moment, by ex-date.
    pub dividends: Vec<Dividend>,
    /// How it moves.
    pub dynamics: Dynamics,
    /// What the dynamics were read from. Bumps of the surface and of what lies under a quanto drift
    /// need it; `None` in models made by hand.
    pub marks: Option<Arc<Marks>>,
}

impl Name {
    /// A name without dividends, made by hand.
    #[must_use]
    pub fn new(code: impl Into<String>, spot: f64, carry: Curve, dynamics: Dynamics) -> Self {
        Self {
            code: code.into(),
            spot,
            carry,
            dividends: Vec::new(),
            dynamics,
            marks: None,
        }
    }

    /// Forward price at `time` on the rate clock before discrete dividends:
    /// `S exp(∫ (r − q))`, with `discount` the contract's curve.
    #[must_use]
    pub fn forward(&self, discount: &Curve, time: f64) -> f64 {
        self.spot * (discount.integral_to(time) - self.carry.integral_to(time)).exp()
    }
}

/// A discrete dividend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dividend {
    /// Ex-date on the variance clock.
    pub variance: f64,
    /// Ex-date on the rate clock.
    pub rate: f64,
    /// Price units.
    pub cash: f64,
    /// Share of the spot.
    pub proportional: f64,
}

/// How an underlying moves under the pricing measure.
#[derive(Debug, Clone, PartialEq)]
pub enum Dynamics {
    /// Geometric Brownian motion; the curve's rate is σ², its time the variance clock.
    Gbm {
        /// Variance rate σ²(t).
        variance: Curve,
    },
    /// `dS/S = … + σ(t, S) dW`.
    LocalVol(LocalVol),
    /// Heston 1993.
    Heston(Heston),
}

/// Local volatility on a grid: σ at `(time, ln(S / reference))`, bilinear, flat outside.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalVol {
    /// Price in whose logarithm the grid is laid.
    pub reference: f64,
    /// Times on the variance clock, increasing.
    pub times: Vec<f64>,
    /// Log-prices relative to the reference, increasing.
    pub logs: Vec<f64>,
    /// Volatilities, one row of `logs.len()` for each time.
    pub vols: Vec<f64>,
    /// Or a bounded CEV formula, which then stands instead of the grid.
    pub cev: Option<Cev>,
}

impl Model {
    /// The same market with coarser tables of local volatility, to tell how far off the tables of
    /// this one are; `None` where there are none.
    #[must_use]
    pub fn coarser(&self) -> Option<Self> {
        let mut coarser = self.clone();
        let mut any = false;
        for name in &mut coarser.names {
            // A table that is quoted is exact.
            if matches!(&name.dynamics, Dynamics::LocalVol(_))
                && let Some(marks) = name.marks.as_ref().and_then(|marks| marks.coarser())
            {
                name.dynamics = marks.dynamics().0;
                any = true;
            }
        }
        any.then_some(coarser)
    }
}

impl LocalVol {
    /// Volatility at `time` on the variance clock and at a price.
    ///
    /// # Panics
    /// Never for a grid whose rows fit its times; prices and the reference are above 0.
    #[must_use]
    pub fn at(&self, time: f64, price: f64) -> f64 {
        if let Some(cev) = self.cev {
            return cev.at(price / self.reference);
        }
        let (row, down) = bracket(&self.times, time);
        let (column, along) = bracket(&self.logs, (price / self.reference).ln());
        let width = self.logs.len();
        let across = |row: usize| {
            let vols = &self.vols[row * width..(row + 1) * width];
            let next = (column + 1).min(width - 1);
            vols[column] + (vols[next] - vols[column]) * along
        };
        let first = across(row);
        first + (across((row + 1).min(self.times.len() - 1)) - first) * down
    }
}

/// The cell of `x` in increasing knots and the share of the way through it, held at both ends.
fn bracket(knots: &[f64], x: f64) -> (usize, f64) {
    let after = knots.partition_point(|knot| *knot <= x);
    if after == 0 {
        return (0, 0.0);
    }
    if after == knots.len() {
        return (after - 1, 0.0);
    }
    (
        after - 1,
        (x - knots[after - 1]) / (knots[after] - knots[after - 1]),
    )
}

impl Cev {
    /// Volatility at a price that is `ratio` times the reference.
    #[must_use]
    pub fn at(&self, ratio: f64) -> f64 {
        (self.a * ratio.powf(self.b)).max(self.lo).min(self.hi)
    }
}

/// Bounded constant elasticity of variance: `σ(S) = clamp(a (S/S_ref)^b, lo, hi)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cev {
    /// Volatility at the reference price.
    pub a: f64,
    /// Elasticity.
    pub b: f64,
    /// Smallest volatility.
    pub lo: f64,
    /// Largest volatility.
    pub hi: f64,
}

/// Heston's stochastic variance on the variance clock: `dv = κ(θ − v)dt + ξ√v dZ`, `d⟨W,Z⟩ = ρ dt`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heston {
    /// Variance now.
    pub v0: f64,
    /// Speed of reversion.
    pub kappa: f64,
    /// Long-run variance.
    pub theta: f64,
    /// Volatility of variance.
    pub xi: f64,
    /// Correlation of price and variance.
    pub rho: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_volatility_grid_is_bilinear_and_flat_outside() {
        let grid = LocalVol {
            reference: 100.0,
            times: vec![0.5, 1.5],
            logs: vec![-0.1, 0.1],
            vols: vec![0.30, 0.20, 0.28, 0.18],
            cev: None,
        };
        assert!((grid.at(1.0, 100.0) - 0.24).abs() < 1e-15);
        assert!((grid.at(0.0, 1.0) - 0.30).abs() < 1e-15);
        assert!((grid.at(9.0, 900.0) - 0.18).abs() < 1e-15);
    }

    #[test]
    fn a_cev_volatility_stays_within_its_bounds() {
        let cev = Cev {
            a: 0.2,
            b: -1.0,
            lo: 0.1,
            hi: 0.5,
        };
        assert!((cev.at(1.0) - 0.2).abs() < 1e-15);
        assert!((cev.at(0.01) - 0.5).abs() < 1e-15);
        assert!((cev.at(100.0) - 0.1).abs() < 1e-15);
    }

    #[test]
    fn the_forward_grows_with_r_less_q() {
        let model = Model::black_scholes("A", 100.0, 0.03, 0.01, 0.2);
        let forward = model.names[0].forward(&model.discount, 2.0);
        assert!((forward - 100.0 * 0.04_f64.exp()).abs() < 1e-12);
    }
}
