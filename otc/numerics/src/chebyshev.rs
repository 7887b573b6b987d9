//! Chebyshev points of the second kind: interpolation, series and differentiation.

use std::f64::consts::PI;

use crate::error::{Error, Result, check_increasing, check_length};

/// Chebyshev points `cos(j pi / n)` mapped to an interval, in increasing order, ends included.
#[derive(Debug, Clone, PartialEq)]
pub struct ChebyshevGrid {
    lo: f64,
    hi: f64,
    nodes: Vec<f64>,
}

impl ChebyshevGrid {
    /// Grid of degree `degree` (that is `degree + 1` points) on `[lo, hi]`.
    ///
    /// # Errors
    /// Degree zero or beyond 4096, an interval that is empty or not finite.
    pub fn new(degree: usize, lo: f64, hi: f64) -> Result<Self> {
        check_increasing("ends of the interval", &[lo, hi])?;
        if degree == 0 || degree > 4096 {
            let rule = "the degree is at least 1 and at most 4096";
            return Err(Error::Range {
                what: "Chebyshev degree",
                value: degree as f64,
                rule,
            });
        }
        let (half, middle) = (0.5 * (hi - lo), 0.5 * (lo + hi));
        let mut nodes: Vec<f64> = (0..=degree)
            .map(|j| {
                // sine form: exactly symmetric about the middle
                let t = 2.0 * j as f64 - degree as f64;
                middle + half * (PI * t / (2.0 * degree as f64)).sin()
            })
            .collect();
        (nodes[0], nodes[degree]) = (lo, hi);
        Ok(Self { lo, hi, nodes })
    }

    /// The points, increasing.
    pub fn nodes(&self) -> &[f64] {
        &self.nodes
    }

    /// Barycentric weight of point `j` up to a common factor (Salzer 1972).
    fn weight(&self, j: usize) -> f64 {
        let sign = if j.is_multiple_of(2) { 1.0 } else { -1.0 };
        if j == 0 || j + 1 == self.nodes.len() {
            0.5 * sign
        } else {
            sign
        }
    }

    /// Value at `x` of the polynomial through `values` at the nodes (Berrut and Trefethen 2004, eq. 5.4).
    ///
    /// Stable inside the interval; outside it is the polynomial's own, rapidly growing value.
    ///
    /// # Errors
    /// A number of values other than the number of nodes.
    pub fn interpolate(&self, values: &[f64], x: f64) -> Result<f64> {
        check_length("values", values.len(), self.nodes.len())?;
        let (mut above, mut below) = (0.0, 0.0);
        for (j, (node, value)) in self.nodes.iter().zip(values).enumerate() {
            let distance = x - node;
            if distance == 0.0 {
                return Ok(*value);
            }
            let w = self.weight(j) / distance;
            above += w * value;
            below += w;
        }
        Ok(above / below)
    }

    /// Series with the same values at the nodes (discrete cosine transform of type I).
    ///
    /// # Errors
    /// A number of values other than the number of nodes.
    pub fn series(&self, values: &[f64]) -> Result<ChebyshevSeries> {
        check_length("values", values.len(), self.nodes.len())?;
        let n = values.len() - 1;
        let scale = 2.0 / n as f64;
        let coefficients = (0..=n)
            .map(|k| {
                let sum: f64 = values
                    .iter()
                    .rev()
                    .enumerate()
                    .map(|(j, v)| {
                        // the angle modulo a full turn keeps the cosine's argument small
                        let turn = (j * k) % (2 * n);
                        let c = (PI * turn as f64 / n as f64).cos();
                        if j == 0 || j == n { 0.5 * v * c } else { v * c }
                    })
                    .sum();
                if k == 0 || k == n {
                    0.5 * scale * sum
                } else {
                    scale * sum
                }
            })
            .collect();
        Ok(ChebyshevSeries {
            lo: self.lo,
            hi: self.hi,
            coefficients,
        })
    }

    /// Derivatives at the nodes of the polynomial through `values` (differentiation matrix with the
    /// negative-sum diagonal, Baltensperger and Trummer 2003).
    ///
    /// # Errors
    /// A number of values other than the number of nodes.
    pub fn differentiate(&self, values: &[f64]) -> Result<Vec<f64>> {
        check_length("values", values.len(), self.nodes.len())?;
        Ok((0..self.nodes.len())
            .map(|i| {
                (0..self.nodes.len())
                    .filter(|&j| j != i)
                    .map(|j| {
                        let ratio = self.weight(j) / self.weight(i);
                        // D_ii = -sum of the others, folded into differences of values
                        ratio * (values[j] - values[i]) / (self.nodes[i] - self.nodes[j])
                    })
                    .sum()
            })
            .collect())
    }
}

/// `sum of c_k T_k` on an interval.
#[derive(Debug, Clone, PartialEq)]
pub struct ChebyshevSeries {
    lo: f64,
    hi: f64,
    coefficients: Vec<f64>,
}

impl ChebyshevSeries {
    /// Coefficients from `T_0` upwards; their decay tells how well the function is resolved.
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// Value at `x` by Clenshaw's recurrence (backward stable on the interval).
    pub fn value(&self, x: f64) -> f64 {
        let t = (2.0 * x - self.lo - self.hi) / (self.hi - self.lo);
        let (mut b1, mut b2) = (0.0, 0.0);
        for &c in self.coefficients[1..].iter().rev() {
            (b1, b2) = (2.0 * t * b1 - b2 + c, b1);
        }
        t * b1 - b2 + self.coefficients[0]
    }

    /// Series of the derivative, one degree lower.
    pub fn derivative(&self) -> Self {
        let n = self.coefficients.len();
        let scale = 2.0 / (self.hi - self.lo);
        let mut d = vec![0.0; n.max(2)];
        // c'_{k-1} = c'_{k+1} + 2 k c_k
        for k in (1..n).rev() {
            let above = if k + 1 < n { d[k + 1] } else { 0.0 };
            d[k - 1] = above + 2.0 * k as f64 * self.coefficients[k];
        }
        d[0] *= 0.5;
        d.truncate((n - 1).max(1));
        d.iter_mut().for_each(|c| *c *= scale);
        Self {
            lo: self.lo,
            hi: self.hi,
            coefficients: d,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(grid: &ChebyshevGrid, f: impl Fn(f64) -> f64) -> Vec<f64> {
        grid.nodes().iter().map(|&x| f(x)).collect()
    }

    #[test]
    fn a_smooth_function_is_resolved_to_rounding() {
        let grid = ChebyshevGrid::new(24, -0.5, 2.0).unwrap();
        let values = samples(&grid, f64::exp);
        let series = grid.series(&values).unwrap();
        let (first, second) = (series.derivative(), series.derivative().derivative());
        for i in 0..=50 {
            let x = -0.5 + 0.05 * f64::from(i);
            let e = x.exp();
            assert!(
                (grid.interpolate(&values, x).unwrap() - e).abs() < 1e-14,
                "barycentric at {x}"
            );
            assert!((series.value(x) - e).abs() < 2e-14, "series at {x}");
            assert!((first.value(x) - e).abs() < 2e-12, "derivative at {x}");
            assert!(
                (second.value(x) - e).abs() < 1e-9,
                "second derivative at {x}"
            );
        }
        let slopes = grid.differentiate(&values).unwrap();
        for (x, d) in grid.nodes().iter().zip(slopes) {
            assert!((d - x.exp()).abs() < 2e-12);
        }
        assert!(series.coefficients().last().unwrap().abs() < 1e-15);
    }

    #[test]
    fn a_polynomial_of_the_degree_is_exact_even_for_two_points() {
        let grid = ChebyshevGrid::new(1, 3.0, 7.0).unwrap();
        let values = samples(&grid, |x| 2.0 * x - 1.0);
        assert!((grid.interpolate(&values, 4.0).unwrap() - 7.0).abs() < 1e-14);
        let series = grid.series(&values).unwrap();
        assert!((series.value(6.5) - 12.0).abs() < 1e-14);
        assert!((series.derivative().value(5.0) - 2.0).abs() < 1e-15);
        assert_eq!(series.derivative().derivative().value(5.0), 0.0);
    }

    #[test]
    fn bad_grids_are_refused() {
        assert!(ChebyshevGrid::new(0, 0.0, 1.0).is_err());
        assert!(ChebyshevGrid::new(4, 1.0, 1.0).is_err());
        assert!(ChebyshevGrid::new(4, 0.0, f64::INFINITY).is_err());
        let grid = ChebyshevGrid::new(4, 0.0, 1.0).unwrap();
        assert!(grid.interpolate(&[1.0], 0.5).is_err() && grid.series(&[]).is_err());
    }
}
