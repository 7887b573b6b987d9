//! Gauss-Legendre and Gauss-Lobatto rules, and rules composed over panels.

use crate::error::{Error, Result, check_increasing};

/// Nodes (increasing) and weights on `[-1, 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Nodes in increasing order, exactly symmetric about zero.
    pub nodes: Vec<f64>,
    /// Weights, all positive, summing to 2.
    pub weights: Vec<f64>,
}

impl Rule {
    /// Integral of `f` over `[a, b]` by this rule.
    pub fn integrate(&self, a: f64, b: f64, mut f: impl FnMut(f64) -> f64) -> f64 {
        let (half, middle) = (0.5 * (b - a), 0.5 * (a + b));
        let sum: f64 = self
            .nodes
            .iter()
            .zip(&self.weights)
            .map(|(x, w)| w * f(middle + half * x))
            .sum();
        half * sum
    }
}

/// Largest number of nodes of the rules here.
const MAX_ORDER: usize = 1024;

/// `P_n(x)` and `P_{n-1}(x)` for `n >= 1`.
///
/// The three-term recurrence in differences of neighbours, with `1 - x` as its datum (Reinsch's form):
/// near the end, where the plain form loses `n^2` roundings, this one loses few.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    if x < 0.0 {
        let (p, before) = legendre(n, -x);
        return if n.is_multiple_of(2) {
            (p, -before)
        } else {
            (-p, before)
        };
    }
    let from_end = 1.0 - x;
    let (mut p, mut difference) = (x, -from_end);
    for k in 1..n {
        let k = k as f64;
        difference = (k * difference - (2.0 * k + 1.0) * from_end * p) / (k + 1.0);
        p += difference;
    }
    (p, p - difference)
}

fn check_order(n: usize, least: usize) -> Result<()> {
    if n < least || n > MAX_ORDER {
        let rule = "at least 1 node (2 for Lobatto) and at most 1024";
        return Err(Error::Range {
            what: "quadrature order",
            value: n as f64,
            rule,
        });
    }
    Ok(())
}

/// Gauss-Legendre rule with `n` nodes, exact for polynomials of degree `2n - 1`.
///
/// Newton's iteration on the Legendre recurrence from Tricomi's asymptotic roots; nodes and weights to
/// 1e-15 absolute up to order 128, weights to 1e-13 of themselves.
///
/// # Errors
/// `n` is zero or beyond 1024.
pub fn gauss_legendre(n: usize) -> Result<Rule> {
    check_order(n, 1)?;
    let (mut nodes, mut weights) = (vec![0.0; n], vec![0.0; n]);
    let real = n as f64;
    for i in 0..n / 2 {
        let theta = std::f64::consts::PI * (i as f64 + 0.75) / (real + 0.5);
        let mut x = (1.0 - (real - 1.0) / (8.0 * real * real * real)) * theta.cos();
        let mut slope = 1.0;
        for _ in 0..8 {
            let (p, before) = legendre(n, x);
            slope = real * (before - x * p) / ((1.0 - x) * (1.0 + x));
            let step = p / slope;
            x -= step;
            if step.abs() < 1e-16 {
                break;
            }
        }
        // The slope belongs to the last x but one; take it where the root now is.
        let (p, before) = legendre(n, x);
        let one_less = (1.0 - x) * (1.0 + x);
        let at_root = real * (before - x * p) / one_less;
        if at_root.is_finite() {
            slope = at_root;
        }
        let weight = 2.0 / (one_less * slope * slope);
        // Rounding x to a double moved the weight by 2 x dx / (1 - x^2), relatively; undo it.
        let weight = weight * (1.0 + 2.0 * x * (p / slope) / one_less);
        (nodes[i], nodes[n - 1 - i]) = (-x, x);
        (weights[i], weights[n - 1 - i]) = (weight, weight);
    }
    if n % 2 == 1 {
        let (_, before) = legendre(n, 0.0);
        weights[n / 2] = if n == 1 {
            2.0
        } else {
            2.0 / (real * before).powi(2)
        };
    }
    Ok(Rule { nodes, weights })
}

/// Gauss-Lobatto rule with `n >= 2` nodes, both ends among them, exact to degree `2n - 3`.
///
/// # Errors
/// `n` is below 2 or beyond 1024.
pub fn gauss_lobatto(n: usize) -> Result<Rule> {
    check_order(n, 2)?;
    let degree = n - 1;
    let real = degree as f64;
    let end = 2.0 / (real * n as f64);
    let (mut nodes, mut weights) = (vec![0.0; n], vec![end; n]);
    (nodes[0], nodes[n - 1]) = (-1.0, 1.0);
    for i in 1..n {
        if 2 * i > degree {
            break;
        }
        let mut x = (std::f64::consts::PI * i as f64 / real).cos();
        for _ in 0..50 {
            // roots of (1 - x^2) P'_m = m (P_{m-1} - x P_m), whose derivative is -m (m+1) P_m
            let (p, before) = legendre(degree, x);
            let step = (before - x * p) / ((real + 1.0) * p);
            x += step;
            if step.abs() < 1e-16 {
                break;
            }
        }
        if 2 * i == degree {
            x = 0.0;
        }
        let (p, _) = legendre(degree, x);
        (nodes[i], nodes[degree - i]) = (-x, x);
        let weight = end / (p * p);
        (weights[i], weights[degree - i]) = (weight, weight);
    }
    Ok(Rule { nodes, weights })
}

/// Nodes and weights of one rule repeated over consecutive panels.
#[derive(Debug, Clone, PartialEq)]
pub struct Panels {
    /// Edges of the panels, strictly increasing.
    pub edges: Vec<f64>,
    /// Nodes of all panels in increasing order.
    pub nodes: Vec<f64>,
    /// Weights of the nodes, in units of the abscissa.
    pub weights: Vec<f64>,
    /// Nodes in each panel.
    pub order: usize,
}

impl Panels {
    /// The rule mapped into every interval between neighbouring edges.
    ///
    /// # Errors
    /// Fewer than two edges, edges that are not finite or do not increase.
    pub fn new(edges: &[f64], rule: &Rule) -> Result<Self> {
        if edges.len() < 2 {
            return Err(Error::Length {
                what: "edges",
                expected: 2,
                found: edges.len(),
            });
        }
        check_increasing("edges", edges)?;
        let order = rule.nodes.len();
        let count = (edges.len() - 1) * order;
        let (mut nodes, mut weights) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for pair in edges.windows(2) {
            let (half, middle) = (0.5 * (pair[1] - pair[0]), 0.5 * (pair[0] + pair[1]));
            nodes.extend(rule.nodes.iter().map(|x| middle + half * x));
            weights.extend(rule.weights.iter().map(|w| half * w));
        }
        Ok(Self {
            edges: edges.to_vec(),
            nodes,
            weights,
            order,
        })
    }

    /// Edges from `lo` to `hi` through every cut inside, no panel wider than `width`; the panels
    /// between two cuts are equally wide.
    ///
    /// Cuts outside `(lo, hi)` are left out, cuts closer than `1e-12 (hi - lo)` to an edge merge with it.
    ///
    /// # Errors
    /// `hi <= lo`, a width that is not positive, numbers that are not finite, or more than 1e6 panels.
    pub fn edges_through(lo: f64, hi: f64, cuts: &[f64], width: f64) -> Result<Vec<f64>> {
        check_increasing("ends of the panels", &[lo, hi])?;
        crate::error::check_finite("cuts", cuts)?;
        if width.is_nan() || width <= 0.0 || (hi - lo) / width > 1e6 {
            let rule = "the width of a panel is positive and cuts the interval into at most 1e6";
            return Err(Error::Range {
                what: "panel width",
                value: width,
                rule,
            });
        }
        let near = 1e-12 * (hi - lo);
        let mut inner: Vec<f64> = cuts
            .iter()
            .copied()
            .filter(|c| *c > lo + near && *c < hi - near)
            .collect();
        inner.sort_by(f64::total_cmp);
        inner.dedup_by(|b, a| *b - *a <= near);
        inner.push(hi);
        let mut edges = vec![lo];
        let mut from = lo;
        for to in inner {
            let count = ((to - from) / width * (1.0 - 1e-12)).ceil().max(1.0);
            let mut k = 1.0;
            while k < count {
                edges.push(from + (to - from) * (k / count));
                k += 1.0;
            }
            edges.push(to);
            from = to;
        }
        Ok(edges)
    }

    /// Integral of `f` over all panels.
    pub fn integrate(&self, mut f: impl FnMut(f64) -> f64) -> f64 {
        self.nodes
            .iter()
            .zip(&self.weights)
            .map(|(&x, w)| w * f(x))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Largest error over `integral of P_k` for `k` up to `degree`: 2 for `k = 0`, else 0.
    fn worst(rule: &Rule, degree: usize) -> f64 {
        (0..=degree)
            .map(|k| {
                let want = if k == 0 { 2.0 } else { 0.0 };
                let value = |x: f64| if k == 0 { 1.0 } else { legendre(k, x).0 };
                (rule.integrate(-1.0, 1.0, value) - want).abs()
            })
            .fold(0.0, f64::max)
    }

    #[test]
    fn legendre_rules_are_exact_to_degree_2n_less_1_and_no_further() {
        for n in 1..=128 {
            let rule = gauss_legendre(n).unwrap();
            let error = worst(&rule, 2 * n - 1);
            assert!(error < 3e-15, "order {n}: {error:e}");
            if n < 20 {
                let square = |x: f64| legendre(n, x).0.powi(2);
                assert!(
                    rule.integrate(-1.0, 1.0, square).abs() < 1e-25,
                    "P_n vanishes at nodes"
                );
            }
        }
    }

    #[test]
    fn lobatto_rules_are_exact_to_degree_2n_less_3() {
        for n in 2..=64 {
            let rule = gauss_lobatto(n).unwrap();
            let error = worst(&rule, 2 * n - 3);
            assert!(error < 5e-15, "order {n}: {error:e}");
            assert_eq!((rule.nodes[0], rule.nodes[n - 1]), (-1.0, 1.0));
        }
    }

    #[test]
    fn panels_integrate_a_kink_exactly_when_it_is_an_edge() {
        let rule = gauss_legendre(4).unwrap();
        let edges = Panels::edges_through(-1.0, 2.0, &[0.3, 5.0, 0.3], 0.5).unwrap();
        assert!(edges.contains(&0.3) && edges.windows(2).all(|w| w[1] - w[0] <= 0.5 + 1e-12));
        let panels = Panels::new(&edges, &rule).unwrap();
        let value = panels.integrate(|x| (x - 0.3f64).max(0.0).powi(3));
        assert!((value - 1.7f64.powi(4) / 4.0).abs() < 1e-14);
    }

    #[test]
    fn bad_orders_and_edges_are_refused() {
        assert!(gauss_legendre(0).is_err() && gauss_legendre(1025).is_err());
        assert!(gauss_lobatto(1).is_err());
        let rule = gauss_legendre(2).unwrap();
        assert!(Panels::new(&[0.0], &rule).is_err() && Panels::new(&[1.0, 0.0], &rule).is_err());
        assert!(Panels::edges_through(0.0, 1.0, &[], 0.0).is_err());
        assert!(Panels::edges_through(0.0, 1.0, &[], 1e-9).is_err());
        assert!(Panels::edges_through(0.0, 1.0, &[f64::NAN], 0.1).is_err());
    }
}
