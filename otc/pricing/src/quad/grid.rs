//! Panels of Gauss-Legendre nodes on the log-spot, cut wherever a rule jumps or bends, and the
//! Gaussian step between two dates on them.

use rialto_otc_numerics::exponential::exp;
use rialto_otc_numerics::quadrature::{Rule, gauss_legendre};

use crate::engine::PriceError;

/// Standard deviations beyond which a step's kernel is cut.
pub(crate) const REACH: f64 = 6.5;

/// Source values are padded to whole blocks of this many, so that the inner loop has no tail.
const LANES: usize = 8;

/// Nodes and weights on consecutive panels.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    /// Log-spots, increasing.
    pub(crate) nodes: Vec<f64>,
    /// Weights of the nodes for integration over the log-spot.
    pub(crate) weights: Vec<f64>,
    /// Ends of the panels: cell boundaries are among them.
    edges: Vec<f64>,
    /// First node of each panel, and one past the last.
    firsts: Vec<usize>,
}

impl Grid {
    /// Panels from `lo` to `hi` through every cut inside, none wider than `width`, with `order`
    /// nodes on a full panel and fewer on narrow ones.
    pub(crate) fn new(
        lo: f64,
        hi: f64,
        cuts: &[f64],
        width: f64,
        order: usize,
    ) -> Result<Self, PriceError> {
        let mut inner: Vec<f64> = cuts
            .iter()
            .copied()
            .filter(|cut| *cut > lo && *cut < hi)
            .collect();
        inner.push(hi);
        inner.sort_by(f64::total_cmp);
        inner.dedup();
        let mut grid = Self {
            nodes: Vec::new(),
            weights: Vec::new(),
            edges: vec![lo],
            firsts: vec![0],
        };
        let mut rules: Vec<Option<Rule>> = vec![None; order + 1];
        let mut from = lo;
        for to in inner {
            let panels = ((to - from) / width).ceil().max(1.0) as usize;
            let step = (to - from) / panels as f64;
            let count = nodes_for(step / width, order);
            if rules[count].is_none() {
                let rule =
                    gauss_legendre(count).map_err(|error| PriceError::Model(error.to_string()))?;
                rules[count] = Some(rule);
            }
            let Some(rule) = &rules[count] else { continue };
            for panel in 0..panels {
                let a = from + step * panel as f64;
                let (half, middle) = (0.5 * step, a + 0.5 * step);
                grid.nodes
                    .extend(rule.nodes.iter().map(|x| middle + half * x));
                grid.weights.extend(rule.weights.iter().map(|w| half * w));
                grid.edges
                    .push(if panel + 1 == panels { to } else { a + step });
                grid.firsts.push(grid.nodes.len());
            }
            from = to;
        }
        Ok(grid)
    }

    /// Nodes of the panels inside `[lo, hi]`, both being cell boundaries or outside the grid.
    pub(crate) fn range(&self, lo: f64, hi: f64) -> std::ops::Range<usize> {
        let panel = |log: f64| {
            let slack = 1e-11 * (1.0 + log.abs());
            self.edges.partition_point(|edge| *edge < log - slack)
        };
        let (first, last) = (panel(lo), panel(hi));
        let last = last.min(self.firsts.len() - 1);
        self.firsts[first.min(last)]..self.firsts[last]
    }

    /// Nodes from the first at or above `lo` to the last at or below `hi`.
    pub(crate) fn window(&self, lo: f64, hi: f64) -> std::ops::Range<usize> {
        let first = self.nodes.partition_point(|node| *node < lo);
        let last = self.nodes.partition_point(|node| *node <= hi);
        first..last.max(first)
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }
}

/// Nodes on a panel whose width is `share` of a full one. On a narrow panel the kernel is nearly a
/// polynomial of low degree.
fn nodes_for(share: f64, order: usize) -> usize {
    if share > 0.6 {
        order
    } else if share > 0.3 {
        order.saturating_sub(2).max(3)
    } else if share > 0.1 {
        (order / 2 + 1).max(3)
    } else {
        (order / 4 + 2).max(3)
    }
}

/// The driftless Gaussian step of one variance between two grids: banded rows of
/// `w_k φ((y_k − x_j)/√V)/√V`, made when first needed.
///
/// A drift `m` needs no kernel of its own: `φ(d − m) = φ(d) · e^{dm/V} · e^{−m²/2V}` and
/// `e^{dm/V}` splits into a factor of the source and one of the target.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// First source node of each row.
    starts: Vec<usize>,
    /// Where each row lies in `coefficients`; empty until it is made.
    rows: Vec<std::ops::Range<usize>>,
    coefficients: Vec<f64>,
    /// How far from its target a row reaches.
    reach: f64,
    scale: f64,
    exponent: f64,
    arch: pulp::Arch,
}

impl Kernel {
    /// The kernel of a variance for drifts up to `drift`, to `targets` targets.
    pub(crate) fn new(targets: usize, variance: f64, drift: f64) -> Self {
        let deviation = variance.sqrt();
        Self {
            starts: vec![0; targets],
            rows: vec![0..0; targets],
            coefficients: Vec::new(),
            reach: REACH * deviation + drift,
            scale: 1.0 / (deviation * (2.0 * std::f64::consts::PI).sqrt()),
            exponent: -0.5 / variance,
            arch: pulp::Arch::new(),
        }
    }

    /// Length a source slice must have for a grid of `nodes` nodes: rows read whole blocks.
    pub(crate) fn padded(nodes: usize) -> usize {
        nodes + LANES
    }

    /// Targets that see something of the source nodes from `lo` to `hi`.
    pub(crate) fn seen(&self, targets: &Grid, lo: f64, hi: f64) -> std::ops::Range<usize> {
        targets.window(lo - self.reach, hi + self.reach)
    }

    fn make(&mut self, source: &Grid, row: usize, x: f64) {
        let window = source.window(x - self.reach, x + self.reach);
        let begin = self.coefficients.len();
        let end = (begin + window.len()).next_multiple_of(LANES);
        self.coefficients.resize(end, 0.0);
        self.starts[row] = window.start;
        self.rows[row] = begin..end;
        let nodes = &source.nodes[window.clone()];
        let weights = &source.weights[window];
        let (scale, exponent) = (self.scale, self.exponent);
        let out = &mut self.coefficients[begin..];
        self.arch.dispatch(
            #[inline(always)]
            || {
                for ((out, y), weight) in out.iter_mut().zip(nodes).zip(weights) {
                    let distance = y - x;
                    *out = scale * weight * exp(exponent * distance * distance);
                }
            },
        );
    }

    /// Rows of `targets`, each times its entry of `factors`, into `out` (indexed like the target
    /// grid).
    pub(crate) fn apply(
        &mut self,
        (from, values): (&Grid, &[f64]),
        (to, targets): (&Grid, std::ops::Range<usize>),
        factors: &[f64],
        out: &mut [f64],
    ) {
        for row in targets.clone() {
            if self.rows[row].is_empty() {
                self.make(from, row, to.nodes[row]);
            }
        }
        self.arch.dispatch(
            #[inline(always)]
            || {
                for row in targets {
                    let coefficients = &self.coefficients[self.rows[row].clone()];
                    let start = self.starts[row];
                    let values = &values[start..start + coefficients.len()];
                    out[row] = factors[row] * dot(coefficients, values);
                }
            },
        );
    }
}

/// `e^{rate (x − centre)}` for each node.
pub(crate) fn tilts(nodes: &[f64], rate: f64, centre: f64) -> Vec<f64> {
    let mut tilts = vec![0.0; nodes.len()];
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            for (tilt, node) in tilts.iter_mut().zip(nodes) {
                *tilt = exp(rate * (node - centre));
            }
        },
    );
    tilts
}

/// Scalar product in a fixed order: eight running sums, then pairs of them. Nothing is fused, so
/// the bits are the same on every vector unit.
#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_one_is_one_in_the_middle() {
        let grid = Grid::new(-1.0, 1.0, &[0.0137], 0.04, 8).expect("a grid");
        let mut kernel = Kernel::new(grid.len(), 1e-4, 0.0);
        let ones = vec![1.0; Kernel::padded(grid.len())];
        let mut out = vec![0.0; grid.len()];
        kernel.apply((&grid, &ones), (&grid, 0..grid.len()), &ones, &mut out);
        for (node, value) in grid.nodes.iter().zip(&out) {
            if node.abs() < 0.9 {
                assert!((value - 1.0).abs() < 1e-7, "{node}: {value}");
            }
        }
    }

    #[test]
    fn ranges_follow_the_cuts() {
        let grid = Grid::new(-1.0, 1.0, &[-0.3, 0.2], 0.1, 8).expect("a grid");
        let range = grid.range(-0.3, 0.2);
        assert!(
            grid.nodes[range.clone()]
                .iter()
                .all(|x| *x > -0.3 && *x < 0.2)
        );
        assert!(range.start > 0 && grid.nodes[range.start - 1] < -0.3);
        assert!(grid.nodes[range.end] > 0.2);
        assert_eq!(grid.range(-9.0, 9.0), 0..grid.len());
        assert_eq!(grid.range(-9.0, -5.0), 0..0);
        assert_eq!(grid.range(5.0, 9.0).len(), 0);
    }
}
