//! Interpolation of a table: linear, monotone cubic, natural cubic spline, barycentric polynomial.
//!
//! The rule beyond the data is part of the interpolant, never a default in silence.

mod barycentric;

pub use barycentric::Barycentric;

use crate::error::{Error, Result, check_finite, check_increasing, check_length};
use crate::tridiagonal::Tridiagonal;

/// What holds outside the first and last abscissa.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extrapolation {
    /// The value at the nearer end; slope zero.
    Flat,
    /// The tangent at the nearer end.
    Linear,
    /// An error.
    Refuse,
}

/// Piecewise cubic through points: linear, monotone and spline interpolation in one form.
#[derive(Debug, Clone, PartialEq)]
pub struct PiecewiseCubic {
    x: Vec<f64>,
    y: Vec<f64>,
    /// Slope at the left and right end of each piece (they differ for the linear one only).
    slopes: Vec<[f64; 2]>,
    outside: Extrapolation,
}

/// Value with first and second derivative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jet {
    /// The value.
    pub value: f64,
    /// First derivative.
    pub first: f64,
    /// Second derivative, of the piece to the right at an abscissa of the table.
    pub second: f64,
}

impl PiecewiseCubic {
    /// Straight lines between the points.
    ///
    /// # Errors
    /// Fewer than two points, abscissae that do not increase, numbers that are not finite.
    pub fn linear(x: &[f64], y: &[f64], outside: Extrapolation) -> Result<Self> {
        let slopes = secants(x, y)?.into_iter().map(|s| [s, s]).collect();
        Ok(Self {
            x: x.to_vec(),
            y: y.to_vec(),
            slopes,
            outside,
        })
    }

    /// Hermite cubic that is monotone wherever the data are (Fritsch and Carlson 1980): parabolic
    /// slopes limited to three times the smaller secant (de Boor and Swartz 1977; Hyman 1983).
    ///
    /// # Errors
    /// As [`PiecewiseCubic::linear`].
    pub fn monotone(x: &[f64], y: &[f64], outside: Extrapolation) -> Result<Self> {
        let secants = secants(x, y)?;
        let n = x.len();
        let mut nodal = vec![0.0; n];
        for i in 1..n - 1 {
            let (left, right) = (secants[i - 1], secants[i]);
            let (hl, hr) = (x[i] - x[i - 1], x[i + 1] - x[i]);
            let parabola = (hr * left + hl * right) / (hl + hr);
            nodal[i] = limited(parabola, left, right);
        }
        nodal[0] = end_slope(
            x[1] - x[0],
            x.get(2).map(|x2| x2 - x[1]),
            secants[0],
            secants.get(1),
        );
        nodal[n - 1] = end_slope(
            x[n - 1] - x[n - 2],
            n.checked_sub(3).map(|k| x[n - 2] - x[k]),
            secants[n - 2],
            n.checked_sub(3).map(|k| &secants[k]),
        );
        Ok(Self::hermite(x, y, &nodal, outside))
    }

    /// Natural cubic spline: twice continuously differentiable, second derivative zero at both ends.
    ///
    /// # Errors
    /// As [`PiecewiseCubic::linear`].
    pub fn natural(x: &[f64], y: &[f64], outside: Extrapolation) -> Result<Self> {
        let secants = secants(x, y)?;
        let n = x.len();
        let mut system = Tridiagonal::<1>::zeros(n);
        let mut slopes = vec![[0.0]; n];
        (system.diagonal[0], system.upper[0], slopes[0]) = ([2.0], [1.0], [3.0 * secants[0]]);
        for i in 1..n - 1 {
            let (left, right) = (1.0 / (x[i] - x[i - 1]), 1.0 / (x[i + 1] - x[i]));
            (system.lower[i], system.upper[i]) = ([left], [right]);
            system.diagonal[i] = [2.0 * (left + right)];
            slopes[i] = [3.0 * (secants[i - 1] * left + secants[i] * right)];
        }
        (system.diagonal[n - 1], system.lower[n - 1]) = ([2.0], [1.0]);
        slopes[n - 1] = [3.0 * secants[n - 2]];
        system.factor()?.solve(&mut slopes)?;
        let nodal: Vec<f64> = slopes.into_iter().map(|[s]| s).collect();
        Ok(Self::hermite(x, y, &nodal, outside))
    }

    fn hermite(x: &[f64], y: &[f64], nodal: &[f64], outside: Extrapolation) -> Self {
        let slopes = nodal.windows(2).map(|w| [w[0], w[1]]).collect();
        Self {
            x: x.to_vec(),
            y: y.to_vec(),
            slopes,
            outside,
        }
    }

    /// Abscissae of the table.
    pub fn abscissae(&self) -> &[f64] {
        &self.x
    }

    /// Value at `x`.
    ///
    /// # Errors
    /// As [`PiecewiseCubic::jet`].
    pub fn value(&self, x: f64) -> Result<f64> {
        self.jet(x).map(|j| j.value)
    }

    /// Value and derivatives at `x`.
    ///
    /// # Errors
    /// `x` is NaN, or outside the data under [`Extrapolation::Refuse`].
    pub fn jet(&self, x: f64) -> Result<Jet> {
        if x.is_nan() {
            return Err(Error::NotFinite {
                what: "abscissa",
                index: 0,
                value: x,
            });
        }
        let n = self.x.len();
        let (lo, hi) = (self.x[0], self.x[n - 1]);
        if x < lo || x > hi {
            let (end, y, slope) = if x < lo {
                (lo, self.y[0], self.slopes[0][0])
            } else {
                (hi, self.y[n - 1], self.slopes[n - 2][1])
            };
            return match self.outside {
                Extrapolation::Refuse => Err(Error::Outside { x, lo, hi }),
                Extrapolation::Flat => Ok(Jet {
                    value: y,
                    first: 0.0,
                    second: 0.0,
                }),
                Extrapolation::Linear => Ok(Jet {
                    value: y + slope * (x - end),
                    first: slope,
                    second: 0.0,
                }),
            };
        }
        let piece = self.x[1..n - 1].partition_point(|&k| k <= x);
        Ok(self.inside(piece, x))
    }

    fn inside(&self, i: usize, x: f64) -> Jet {
        let h = self.x[i + 1] - self.x[i];
        if x == self.x[i + 1] {
            let [d0, d1] = self.slopes[i];
            let secant = (self.y[i + 1] - self.y[i]) / h;
            let second = (2.0 * d0 + 4.0 * d1 - 6.0 * secant) / h;
            return Jet {
                value: self.y[i + 1],
                first: d1,
                second,
            };
        }
        let t = x - self.x[i];
        let [d0, d1] = self.slopes[i];
        let secant = (self.y[i + 1] - self.y[i]) / h;
        // y + d0 t + c t^2 + e t^3
        let c = (3.0 * secant - 2.0 * d0 - d1) / h;
        let e = (d0 + d1 - 2.0 * secant) / (h * h);
        Jet {
            value: self.y[i] + t * (d0 + t * (c + t * e)),
            first: d0 + t * (2.0 * c + 3.0 * t * e),
            second: 2.0 * c + 6.0 * t * e,
        }
    }
}

fn secants(x: &[f64], y: &[f64]) -> Result<Vec<f64>> {
    if x.len() < 2 {
        return Err(Error::Length {
            what: "abscissae",
            expected: 2,
            found: x.len(),
        });
    }
    check_length("ordinates", y.len(), x.len())?;
    check_increasing("abscissae", x)?;
    check_finite("ordinates", y)?;
    Ok(x.windows(2)
        .zip(y.windows(2))
        .map(|(x, y)| (y[1] - y[0]) / (x[1] - x[0]))
        .collect())
}

/// Zero at a local extreme, else within three times the smaller secant.
fn limited(slope: f64, left: f64, right: f64) -> f64 {
    if left * right <= 0.0 {
        return 0.0;
    }
    let bound = 3.0 * left.abs().min(right.abs());
    slope.clamp(-bound, bound)
}

/// One-sided parabolic slope at an end, limited to keep the end piece monotone.
fn end_slope(h: f64, next_h: Option<f64>, secant: f64, next: Option<&f64>) -> f64 {
    let (Some(next_h), Some(next)) = (next_h, next) else {
        return secant;
    };
    let parabola = ((2.0 * h + next_h) * secant - h * next) / (h + next_h);
    if parabola * secant <= 0.0 {
        0.0
    } else {
        limited(parabola, secant, secant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: [f64; 5] = [0.0, 0.5, 1.0, 2.0, 4.0];

    #[test]
    fn every_interpolant_passes_through_its_points() {
        let y = [1.0, 3.0, 2.0, 2.0, 5.0];
        for p in [
            PiecewiseCubic::linear(&X, &y, Extrapolation::Refuse).unwrap(),
            PiecewiseCubic::monotone(&X, &y, Extrapolation::Refuse).unwrap(),
            PiecewiseCubic::natural(&X, &y, Extrapolation::Refuse).unwrap(),
        ] {
            for (x, y) in X.iter().zip(y) {
                assert_eq!(p.value(*x).unwrap(), y);
            }
        }
    }

    #[test]
    fn natural_spline_agrees_with_scipy() {
        // CubicSpline([0,.5,1,2,4], [1,3,2,2,5], bc_type='natural')([.25, 1.7, 3.3])
        let y = [1.0, 3.0, 2.0, 2.0, 5.0];
        let p = PiecewiseCubic::natural(&X, &y, Extrapolation::Refuse).unwrap();
        for (x, want) in [(0.25, 2.309375), (1.7, 1.65455), (3.3, 3.8885749999999994)] {
            assert!((p.value(x).unwrap() - want).abs() < 1e-14, "{x}");
        }
        let (first, last) = (p.jet(0.0).unwrap(), p.jet(4.0).unwrap());
        assert!(first.second.abs() < 1e-14 && last.second.abs() < 1e-14);
        for x in [0.5, 1.0, 2.0] {
            let (a, b) = (p.jet(x - 1e-9).unwrap(), p.jet(x).unwrap());
            assert!((a.second - b.second).abs() < 1e-6 && (a.first - b.first).abs() < 1e-6);
        }
    }

    #[test]
    fn monotone_data_give_a_monotone_curve_without_overshoot() {
        let y = [0.0, 0.0, 1.0, 1.0, 100.0];
        let p = PiecewiseCubic::monotone(&X, &y, Extrapolation::Refuse).unwrap();
        let mut before = 0.0;
        for i in 0..=4000 {
            let j = p.jet(f64::from(i) / 1000.0).unwrap();
            assert!(j.value >= before - 1e-12 && j.first >= -1e-9, "at {i}");
            before = j.value;
        }
        assert_eq!(p.value(0.25).unwrap(), 0.0);
        assert_eq!(p.value(1.5).unwrap(), 1.0);
    }

    #[test]
    fn the_rule_outside_is_what_was_chosen() {
        let y = [1.0, 3.0, 2.0, 2.0, 5.0];
        let p = |e| PiecewiseCubic::linear(&X, &y, e).unwrap();
        assert_eq!(p(Extrapolation::Flat).value(9.0).unwrap(), 5.0);
        assert_eq!(p(Extrapolation::Flat).value(-9.0).unwrap(), 1.0);
        assert_eq!(p(Extrapolation::Linear).value(5.0).unwrap(), 6.5);
        assert_eq!(p(Extrapolation::Linear).value(-1.0).unwrap(), -3.0);
        assert!(matches!(
            p(Extrapolation::Refuse).value(4.1),
            Err(Error::Outside { .. })
        ));
        assert!(p(Extrapolation::Flat).value(f64::NAN).is_err());
    }

    #[test]
    fn two_points_are_a_line_in_every_form() {
        let (x, y) = ([1.0, 3.0], [2.0, 8.0]);
        for p in [
            PiecewiseCubic::linear(&x, &y, Extrapolation::Linear).unwrap(),
            PiecewiseCubic::monotone(&x, &y, Extrapolation::Linear).unwrap(),
            PiecewiseCubic::natural(&x, &y, Extrapolation::Linear).unwrap(),
        ] {
            for (at, want) in [(1.5, 3.5), (0.0, -1.0), (4.0, 11.0)] {
                assert!((p.value(at).unwrap() - want).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn bad_tables_are_refused() {
        let e = Extrapolation::Flat;
        assert!(PiecewiseCubic::linear(&[1.0], &[1.0], e).is_err());
        assert!(PiecewiseCubic::natural(&[1.0, 1.0], &[1.0, 2.0], e).is_err());
        assert!(PiecewiseCubic::monotone(&[1.0, 2.0], &[1.0], e).is_err());
        assert!(PiecewiseCubic::linear(&[1.0, 2.0], &[1.0, f64::NAN], e).is_err());
    }
}
