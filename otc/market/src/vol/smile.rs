//! Total variance along forward log-moneyness at one tenor.

use super::spline::Spline;

/// A value and its first two derivatives in `k`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Value.
    pub value: f64,
    /// First derivative.
    pub first: f64,
    /// Second derivative.
    pub second: f64,
}

impl Point {
    /// `self + share × (other − self)`.
    #[must_use]
    pub fn towards(self, other: Self, share: f64) -> Self {
        Self {
            value: self.value + (other.value - self.value) * share,
            first: self.first + (other.first - self.first) * share,
            second: self.second + (other.second - self.second) * share,
        }
    }

    /// Multiplied by a number.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self {
            value: self.value * factor,
            first: self.first * factor,
            second: self.second * factor,
        }
    }
}

/// Raw SVI: `w(k) = a + b (ρ(k − m) + √((k − m)² + s²))` (Gatheral 2004).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Svi {
    /// Level.
    pub a: f64,
    /// Angle between the wings; not below 0.
    pub b: f64,
    /// Orientation, between −1 and 1.
    pub rho: f64,
    /// Shift of the smile.
    pub m: f64,
    /// Width of the bend; above 0.
    pub s: f64,
}

impl Svi {
    /// Total variance and its derivatives at `k`.
    #[must_use]
    pub fn at(&self, k: f64) -> Point {
        let x = k - self.m;
        let root = x.hypot(self.s);
        Point {
            value: self.a + self.b * (self.rho * x + root),
            first: self.b * (self.rho + x / root),
            second: self.b * (self.s / root) * (self.s / root) / root,
        }
    }

    /// Smallest total variance, `a + b s √(1 − ρ²)`.
    #[must_use]
    pub fn least(&self) -> f64 {
        self.a + self.b * self.s * (1.0 - self.rho * self.rho).max(0.0).sqrt()
    }

    /// Slopes of the left and the right wing, both not below 0: `b(1 − ρ)` and `b(1 + ρ)`.
    #[must_use]
    pub fn wings(&self) -> (f64, f64) {
        (self.b * (1.0 - self.rho), self.b * (1.0 + self.rho))
    }
}

/// SSVI with the power law `φ(θ) = η θ^(−γ)`:
/// `w(k, θ) = θ/2 (1 + ρφk + √((φk + ρ)² + 1 − ρ²))` (Gatheral and Jacquier 2014, eq. 4.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ssvi {
    /// Correlation of the smile, between −1 and 1.
    pub rho: f64,
    /// Scale of `φ`, above 0.
    pub eta: f64,
    /// Exponent of `φ`, from 0 to 1.
    pub gamma: f64,
}

impl Ssvi {
    /// `φ(θ)`.
    #[must_use]
    pub fn phi(&self, theta: f64) -> f64 {
        self.eta * theta.powf(-self.gamma)
    }

    /// The slice with at-the-money total variance `theta` as raw SVI, which it is.
    #[must_use]
    pub fn slice(&self, theta: f64) -> Svi {
        let phi = self.phi(theta);
        let complement = 1.0 - self.rho * self.rho;
        Svi {
            a: 0.5 * theta * complement,
            b: 0.5 * theta * phi,
            rho: self.rho,
            m: -self.rho / phi,
            s: complement.sqrt() / phi,
        }
    }
}

/// A smile at one tenor.
#[derive(Debug, Clone, PartialEq)]
pub enum Smile {
    /// The same total variance at every strike.
    Flat(f64),
    /// Raw SVI.
    Svi(Svi),
    /// Quotes by strike: natural cubic spline of `w` through `(k, w)`.
    Quotes(Spline),
}

impl Smile {
    /// Total variance and its derivatives at `k`.
    #[must_use]
    pub fn at(&self, k: f64) -> Point {
        match self {
            Self::Flat(value) => Point {
                value: *value,
                first: 0.0,
                second: 0.0,
            },
            Self::Svi(svi) => svi.at(k),
            Self::Quotes(spline) => spline.at(k),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SVI: Svi = Svi {
        a: 0.009,
        b: 0.061,
        rho: -0.31,
        m: 0.02,
        s: 0.17,
    };

    #[test]
    fn svi_derivatives_are_those_of_its_values() {
        for k in [-0.8, -0.2, 0.0, 0.02, 0.3, 1.1] {
            let h = 1e-4;
            let (low, mid, high) = (SVI.at(k - h), SVI.at(k), SVI.at(k + h));
            assert!(
                (mid.first - (high.value - low.value) / (2.0 * h)).abs() < 1e-8,
                "{k}"
            );
            assert!(
                (mid.second - (high.first - low.first) / (2.0 * h)).abs() < 1e-7,
                "{k}"
            );
        }
    }

    #[test]
    fn svi_has_its_least_variance_where_the_slope_is_zero() {
        let k = SVI.m - SVI.rho * SVI.s / (1.0 - SVI.rho * SVI.rho).sqrt();
        assert!(SVI.at(k).first.abs() < 1e-15);
        assert!((SVI.at(k).value - SVI.least()).abs() < 1e-15);
    }

    #[test]
    fn an_ssvi_slice_is_the_formula_and_theta_at_the_money() {
        let ssvi = Ssvi {
            rho: -0.4,
            eta: 1.1,
            gamma: 0.45,
        };
        let (theta, phi) = (0.06_f64, ssvi.phi(0.06));
        for k in [-1.0, -0.1, 0.0, 0.4] {
            let x = phi * k;
            let root = ((x + ssvi.rho).powi(2) + 1.0 - ssvi.rho * ssvi.rho).sqrt();
            let formula = 0.5 * theta * (1.0 + ssvi.rho * x + root);
            assert!(
                (ssvi.slice(theta).at(k).value - formula).abs() < 1e-15,
                "{k}"
            );
        }
        assert!((ssvi.slice(theta).at(0.0).value - theta).abs() < 1e-15);
    }
}
