//! Heston's parameters: what holds among them.

use crate::model::Heston;

/// Why parameters cannot be.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("E-HESTON-{name}: {name} is {value}; {rule}")]
pub struct HestonError {
    /// Parameter.
    pub name: &'static str,
    /// Value given.
    pub value: f64,
    /// Rule.
    pub rule: &'static str,
}

impl Heston {
    /// Checks the range of every parameter.
    ///
    /// # Errors
    /// [`HestonError`] naming each that is out of range.
    pub fn check(&self) -> Result<(), Vec<HestonError>> {
        let rules = [
            ("v0", self.v0, self.v0 >= 0.0, "a variance is not below 0"),
            (
                "kappa",
                self.kappa,
                self.kappa > 0.0,
                "the speed of reversion is above 0",
            ),
            (
                "theta",
                self.theta,
                self.theta >= 0.0,
                "a variance is not below 0",
            ),
            ("xi", self.xi, self.xi >= 0.0, "a volatility is not below 0"),
            (
                "rho",
                self.rho,
                self.rho.abs() <= 1.0,
                "a correlation lies between -1 and 1",
            ),
        ];
        let broken: Vec<HestonError> = rules
            .into_iter()
            .filter(|(_, value, holds, _)| !(value.is_finite() && *holds))
            .map(|(name, value, _, rule)| HestonError { name, value, rule })
            .collect();
        if broken.is_empty() {
            Ok(())
        } else {
            Err(broken)
        }
    }

    /// Feller's number `2κθ/ξ²`: at 1 and above the variance never reaches 0; below, path schemes
    /// need care there.
    #[must_use]
    pub fn feller(&self) -> f64 {
        2.0 * self.kappa * self.theta / (self.xi * self.xi)
    }

    /// Expected variance `∫ E[v]` from now to `time`:
    /// `θT + (v0 − θ)(1 − e^(−κT))/κ`.
    #[must_use]
    pub fn expected_variance(&self, time: f64) -> f64 {
        let decay = -(-self.kappa * time).exp_m1() / self.kappa;
        self.theta * time + (self.v0 - self.theta) * decay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HESTON: Heston = Heston {
        v0: 0.05,
        kappa: 1.5,
        theta: 0.04,
        xi: 0.6,
        rho: -0.7,
    };

    #[test]
    fn fellers_number_tells_whether_variance_reaches_zero() {
        assert!((HESTON.feller() - 1.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn expected_variance_is_the_integral_of_its_mean() {
        let (mut sum, n) = (0.0, 20_000);
        for i in 0..n {
            let t = (f64::from(i) + 0.5) * 2.0 / f64::from(n);
            sum += HESTON.theta + (HESTON.v0 - HESTON.theta) * (-HESTON.kappa * t).exp();
        }
        assert!((HESTON.expected_variance(2.0) - sum * 2.0 / f64::from(n)).abs() < 1e-9);
    }

    #[test]
    fn every_parameter_out_of_range_is_named() {
        let broken = Heston {
            v0: -0.1,
            kappa: 0.0,
            theta: f64::NAN,
            xi: 0.2,
            rho: -1.2,
        };
        let names: Vec<_> = broken
            .check()
            .expect_err("broken")
            .iter()
            .map(|e| e.name)
            .collect();
        assert_eq!(names, ["v0", "kappa", "theta", "rho"]);
        assert_eq!(HESTON.check(), Ok(()));
    }
}
