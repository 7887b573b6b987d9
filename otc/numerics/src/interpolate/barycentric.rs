//! Polynomial interpolation through arbitrary points in barycentric form (Berrut and Trefethen 2004).

use crate::error::{Error, Result, check_finite, check_increasing, check_length};

/// Polynomial through points; meant for well placed points (Chebyshev, Legendre), not for long equal
/// spacings.
#[derive(Debug, Clone, PartialEq)]
pub struct Barycentric {
    nodes: Vec<f64>,
    weights: Vec<f64>,
}

impl Barycentric {
    /// Interpolant at strictly increasing nodes.
    ///
    /// # Errors
    /// No nodes, nodes that do not increase or whose weights leave the range of `f64`.
    pub fn new(nodes: &[f64]) -> Result<Self> {
        check_increasing("nodes", nodes)?;
        let (Some(first), Some(last)) = (nodes.first(), nodes.last()) else {
            return Err(Error::Length {
                what: "nodes",
                expected: 1,
                found: 0,
            });
        };
        // Distances in units of the capacity, a quarter of the interval, keep the products in range.
        let scale = if nodes.len() > 1 {
            4.0 / (last - first)
        } else {
            1.0
        };
        let weights: Vec<f64> = nodes
            .iter()
            .enumerate()
            .map(|(j, x)| {
                let others = nodes.iter().enumerate().filter(|(k, _)| *k != j);
                1.0 / others.map(|(_, y)| (x - y) * scale).product::<f64>()
            })
            .collect();
        check_finite("barycentric weights", &weights)?;
        if let Some(i) = weights.iter().position(|w| *w == 0.0) {
            let rule = "nodes this many and this placed leave the range of f64";
            return Err(Error::Range {
                what: "barycentric weight",
                value: i as f64,
                rule,
            });
        }
        Ok(Self {
            nodes: nodes.to_vec(),
            weights,
        })
    }

    /// Value at `x` of the polynomial through `values`.
    ///
    /// # Errors
    /// A number of values other than the number of nodes.
    pub fn value(&self, values: &[f64], x: f64) -> Result<f64> {
        check_length("values", values.len(), self.nodes.len())?;
        let (mut above, mut below) = (0.0, 0.0);
        for ((node, weight), value) in self.nodes.iter().zip(&self.weights).zip(values) {
            let distance = x - node;
            if distance == 0.0 {
                return Ok(*value);
            }
            above += weight / distance * value;
            below += weight / distance;
        }
        Ok(above / below)
    }

    /// The weights with which values at the nodes make the value at `x`: they sum to one.
    pub fn row(&self, x: f64) -> Vec<f64> {
        if let Some(hit) = self.nodes.iter().position(|n| *n == x) {
            return (0..self.nodes.len())
                .map(|j| if j == hit { 1.0 } else { 0.0 })
                .collect();
        }
        let mut row: Vec<f64> = self
            .nodes
            .iter()
            .zip(&self.weights)
            .map(|(n, w)| w / (x - n))
            .collect();
        let below: f64 = row.iter().sum();
        row.iter_mut().for_each(|w| *w /= below);
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quadrature::gauss_legendre;

    #[test]
    fn polynomials_are_exact_and_rows_are_the_same_map() {
        let nodes = gauss_legendre(9).unwrap().nodes;
        let p = Barycentric::new(&nodes).unwrap();
        let f = |x: f64| x.powi(8) - 3.0 * x.powi(5) + x;
        let values: Vec<f64> = nodes.iter().map(|&x| f(x)).collect();
        for x in [-1.0, -0.33, 0.0, 0.5, nodes[2], 1.0] {
            assert!((p.value(&values, x).unwrap() - f(x)).abs() < 1e-14);
            let row = p.row(x);
            let by_row: f64 = row.iter().zip(&values).map(|(a, b)| a * b).sum();
            assert!((by_row - f(x)).abs() < 1e-13);
        }
    }

    #[test]
    fn weights_stay_in_range_for_hundreds_of_gauss_nodes_and_bad_nodes_are_refused() {
        assert!(Barycentric::new(&gauss_legendre(400).unwrap().nodes).is_ok());
        assert!(Barycentric::new(&[]).is_err());
        assert!(Barycentric::new(&[0.0, 0.0]).is_err());
        assert!(
            Barycentric::new(&[3.0])
                .unwrap()
                .value(&[2.0], 7.0)
                .unwrap()
                == 2.0
        );
    }
}
