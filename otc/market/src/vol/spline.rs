//! Natural cubic spline of total variance through quotes by strike.

use super::smile::Point;

/// Steepest wing: beyond slope 2 of total variance a surface admits arbitrage (Lee 2004).
pub const STEEPEST: f64 = 2.0;

/// Natural cubic spline, extended by straight wings that never fall away from the quotes: a wing
/// that would fall outwards is flat, one steeper than 2 has slope 2.
#[derive(Debug, Clone, PartialEq)]
pub struct Spline {
    k: Vec<f64>,
    w: Vec<f64>,
    second: Vec<f64>,
}

impl Spline {
    /// Through points with strictly increasing `k`; one point gives a constant.
    ///
    /// # Panics
    /// When there is no point.
    #[must_use]
    pub fn new(points: &[(f64, f64)]) -> Self {
        assert!(!points.is_empty(), "at least one point");
        let (k, w): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
        let second = second_derivatives(&k, &w);
        Self { k, w, second }
    }

    /// First and last `k` of the quotes.
    #[must_use]
    pub fn range(&self) -> (f64, f64) {
        (self.k[0], self.k[self.k.len() - 1])
    }

    /// Value and derivatives at `x`.
    #[must_use]
    pub fn at(&self, x: f64) -> Point {
        let n = self.k.len();
        let (first, last) = self.range();
        if n == 1 {
            return Point {
                value: self.w[0],
                first: 0.0,
                second: 0.0,
            };
        }
        if x < first {
            let slope = self.inside(0, first).first.clamp(-STEEPEST, 0.0);
            return Point {
                value: self.w[0] + slope * (x - first),
                first: slope,
                second: 0.0,
            };
        }
        if x > last {
            let slope = self.inside(n - 2, last).first.clamp(0.0, STEEPEST);
            return Point {
                value: self.w[n - 1] + slope * (x - last),
                first: slope,
                second: 0.0,
            };
        }
        let cell = self.k.partition_point(|knot| *knot <= x).clamp(1, n - 1) - 1;
        self.inside(cell, x)
    }

    fn inside(&self, cell: usize, x: f64) -> Point {
        let h = self.k[cell + 1] - self.k[cell];
        let (left, right) = ((self.k[cell + 1] - x) / h, (x - self.k[cell]) / h);
        let (m0, m1) = (self.second[cell], self.second[cell + 1]);
        let (w0, w1) = (self.w[cell], self.w[cell + 1]);
        let bend = (left.powi(3) - left) * m0 + (right.powi(3) - right) * m1;
        let turn = (3.0 * right * right - 1.0) * m1 - (3.0 * left * left - 1.0) * m0;
        Point {
            value: left * w0 + right * w1 + bend * h * h / 6.0,
            first: (w1 - w0) / h + turn * h / 6.0,
            second: left * m0 + right * m1,
        }
    }
}

/// Second derivatives at the knots, zero at both ends (Thomas elimination; the system is
/// diagonally dominant, so no pivot vanishes).
fn second_derivatives(k: &[f64], w: &[f64]) -> Vec<f64> {
    let n = k.len();
    let mut second = vec![0.0; n];
    if n < 3 {
        return second;
    }
    let mut above = vec![0.0; n];
    for i in 1..n - 1 {
        let (h0, h1) = (k[i] - k[i - 1], k[i + 1] - k[i]);
        let rhs = 6.0 * ((w[i + 1] - w[i]) / h1 - (w[i] - w[i - 1]) / h0);
        let pivot = 2.0 * (h0 + h1) - h0 * above[i - 1];
        above[i] = h1 / pivot;
        second[i] = (rhs - h0 * second[i - 1]) / pivot;
    }
    for i in (1..n - 1).rev() {
        second[i] -= above[i] * second[i + 1];
    }
    second
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.interpolate.CubicSpline(k, w, bc_type="natural")` and its derivatives.
    #[test]
    fn values_and_derivatives_are_those_of_scipy() {
        let spline = Spline::new(&[(-0.3, 0.09), (-0.1, 0.05), (0.0, 0.04), (0.15, 0.045)]);
        for (x, value, first, second) in SCIPY {
            let at = spline.at(x);
            assert!((at.value - value).abs() < 1e-15, "{x}: {at:?}");
            assert!((at.first - first).abs() < 1e-14, "{x}: {at:?}");
            assert!((at.second - second).abs() < 1e-13, "{x}: {at:?}");
        }
    }

    const SCIPY: [(f64, f64, f64, f64); 3] = [
        (
            -0.22,
            0.0723006896551724,
            -0.21314942528735628,
            0.30344827586206874,
        ),
        (
            -0.03,
            0.04179310344827586,
            -0.07942528735632186,
            1.2413793103448278,
        ),
        (
            0.1,
            0.04172413793103449,
            0.05747126436781605,
            0.4827586206896548,
        ),
    ];

    #[test]
    fn wings_never_fall_outwards_and_are_at_most_of_slope_two() {
        let falling = Spline::new(&[(-0.1, 0.03), (0.0, 0.04), (0.1, 0.03)]);
        assert!((falling.at(-1.0).value - 0.03).abs() < 1e-15);
        assert!((falling.at(1.0).value - 0.03).abs() < 1e-15);
        let steep = Spline::new(&[(-0.1, 0.4), (0.0, 0.04), (0.1, 0.4)]);
        assert!((steep.at(1.1).first - 2.0).abs() < 1e-15);
        assert!((steep.at(-1.1).value - 2.4).abs() < 1e-12);
    }

    #[test]
    fn one_quote_is_a_constant_and_two_a_line() {
        assert!((Spline::new(&[(0.1, 0.04)]).at(3.0).value - 0.04).abs() < 1e-15);
        let line = Spline::new(&[(0.0, 0.04), (0.1, 0.05)]);
        assert!((line.at(0.05).value - 0.045).abs() < 1e-15);
    }
}
