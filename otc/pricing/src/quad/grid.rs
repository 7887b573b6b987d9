//! Panels of Gauss-Legendre nodes on the log-spot, cut wherever a rule jumps or bends.
//!
//! Next to a cut panels are as narrow as a step's kernel. Further away the value is smooth on the
//! scale of the way to the cut, and panels grow with it: there the value is interpolated, and the
//! kernel integrated on sub-panels as narrow as it is.

use std::sync::OnceLock;

use rialto_otc_numerics::interpolate::Barycentric;
use rialto_otc_numerics::quadrature::{Rule, gauss_legendre};

use crate::engine::PriceError;

/// Standard deviations beyond which a step's kernel is cut.
pub(crate) const REACH: f64 = 6.5;

/// Width of a panel in units of its distance from the nearest cut. What a jump leaves after so many
/// steps that it is seen at a distance `d` with a weight above 1e-9 is smooth on a scale of `d/6`, of
/// which four fit on a panel of eight nodes.
const GROWTH: f64 = 0.7;

/// Widest panel, in units of the narrow ones.
const WIDEST: usize = 32;

/// Most nodes on a panel, whatever is asked for.
pub(crate) const MOST_ORDER: usize = 32;

/// Nodes and weights on consecutive panels.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    /// Log-spots, increasing.
    pub(crate) nodes: Vec<f64>,
    /// Weights of the nodes for integration over the log-spot; 0 on wide panels, whose integrals
    /// with a kernel are taken on sub-panels.
    pub(crate) weights: Vec<f64>,
    /// Ends of the panels: cell boundaries are among them.
    edges: Vec<f64>,
    /// First node of each panel, and one past the last.
    firsts: Vec<usize>,
    /// For each panel how its kernel is integrated, when it is a wide one.
    fines: Vec<Option<&'static Fine>>,
}

/// Sub-panels of a wide panel, which stands for `[0, 1]`.
#[derive(Debug)]
pub(crate) struct Fine {
    /// How many sub-panels.
    pub(crate) parts: usize,
    /// Nodes on each.
    pub(crate) order: usize,
    /// Nodes of all.
    pub(crate) nodes: Vec<f64>,
    /// Their weights, which sum to 1.
    pub(crate) weights: Vec<f64>,
    /// For each node, what each of the panel's values counts in the value interpolated there.
    pub(crate) shares: Vec<f64>,
}

/// A wide panel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wide {
    pub(crate) lo: f64,
    pub(crate) width: f64,
    /// Its first node.
    pub(crate) first: usize,
    pub(crate) fine: &'static Fine,
}

/// How panels lie between two cuts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Panels {
    /// All narrow: every node has its weight.
    Narrow,
    /// Growing away from the cuts up to this width, on the scale of which all but the jumps at the
    /// cuts is smooth.
    Graded(f64),
}

impl Grid {
    /// Panels from `lo` to `hi` through every cut inside, none next to a cut wider than `width`, with
    /// `order` nodes on a full panel and fewer on narrower ones.
    pub(crate) fn new(
        (lo, hi): (f64, f64),
        cuts: &[f64],
        width: f64,
        order: usize,
        panels: Panels,
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
            fines: Vec::new(),
        };
        // The ends are cuts when something jumps there: a contract that is over beyond them.
        let is_cut = |end: f64| cuts.iter().any(|cut| (cut - end).abs() < 1e-12);
        let (first_is_cut, last_is_cut) = (is_cut(lo), is_cut(hi));
        let last = inner.len() - 1;
        let mut from = lo;
        for (index, to) in inner.into_iter().enumerate() {
            let units = (to - from) / width;
            let shares = match panels {
                Panels::Narrow => {
                    let count = units.ceil().max(1.0);
                    vec![units / count; count as usize]
                }
                Panels::Graded(widest) => {
                    let before = index > 0 || first_is_cut;
                    let after = index < last || last_is_cut;
                    graded(units, before, after, widest / width)
                }
            };
            let mut at = 0.0;
            for (number, share) in shares.iter().enumerate() {
                let left = from + width * at;
                at += share;
                let right = if number + 1 == shares.len() {
                    to
                } else {
                    from + width * at
                };
                grid.panel(left, right, *share, order)?;
            }
            from = to;
        }
        Ok(grid)
    }

    fn panel(&mut self, from: f64, to: f64, share: f64, order: usize) -> Result<(), PriceError> {
        let rule = rule(nodes_for(share, order))?;
        let (half, middle) = (0.5 * (to - from), 0.5 * (from + to));
        self.nodes
            .extend(rule.nodes.iter().map(|x| middle + half * x));
        let parts = (share - 1e-9).ceil().max(1.0) as usize;
        if parts > 1 {
            let fine = fine(parts.next_power_of_two().min(WIDEST), rule.nodes.len())?;
            self.weights.resize(self.nodes.len(), 0.0);
            self.fines.push(Some(fine));
        } else {
            self.weights.extend(rule.weights.iter().map(|w| half * w));
            self.fines.push(None);
        }
        self.edges.push(to);
        self.firsts.push(self.nodes.len());
        Ok(())
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

    /// Panels that `[lo, hi]` touches.
    fn touched(&self, lo: f64, hi: f64) -> std::ops::Range<usize> {
        let panels = self.fines.len();
        let first = self.edges[1..].partition_point(|edge| *edge <= lo);
        let last = self.edges[..panels].partition_point(|edge| *edge < hi);
        first..last.max(first)
    }

    /// Nodes of all panels that `[lo, hi]` touches: a wide panel is known whole or not at all.
    pub(crate) fn cover(&self, lo: f64, hi: f64) -> std::ops::Range<usize> {
        let panels = self.touched(lo, hi);
        self.firsts[panels.start]..self.firsts[panels.end]
    }

    /// Nodes that have a part in an integral over `[lo, hi]`; the wide panels among theirs go to
    /// `wide`.
    pub(crate) fn sources(
        &self,
        (lo, hi): (f64, f64),
        wide: &mut Vec<Wide>,
    ) -> std::ops::Range<usize> {
        let panels = self.touched(lo, hi);
        let mut nodes = self.window(lo, hi);
        wide.clear();
        for panel in panels {
            if let Some(fine) = self.fines[panel] {
                let (first, end) = (self.firsts[panel], self.firsts[panel + 1]);
                nodes = match nodes.is_empty() {
                    true => first..end,
                    false => nodes.start.min(first)..nodes.end.max(end),
                };
                wide.push(Wide {
                    lo: self.edges[panel],
                    width: self.edges[panel + 1] - self.edges[panel],
                    first,
                    fine,
                });
            }
        }
        nodes
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }
}

/// Widths of the panels of an interval, in units of the narrow ones: narrow at the ends that are
/// cuts, doubling inwards.
fn graded(units: f64, cut_before: bool, cut_after: bool, widest: f64) -> Vec<f64> {
    let widest = widest.min(WIDEST as f64);
    let allowed = |distance: f64, cut: bool| {
        let most = if cut {
            GROWTH * distance
        } else {
            f64::INFINITY
        };
        let mut width = 1.0;
        while 2.0 * width <= most.min(widest) {
            width *= 2.0;
        }
        width
    };
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let (mut from, mut to) = (0.0, units);
    loop {
        let (a, b) = (allowed(from, cut_before), allowed(units - to, cut_after));
        let (left, most) = (to - from, a.min(b));
        if left <= most {
            before.push(left);
        } else if left <= 2.0 * most {
            before.extend([0.5 * left, 0.5 * left]);
        } else if a <= b {
            before.push(a);
            from += a;
            continue;
        } else {
            after.push(b);
            to -= b;
            continue;
        }
        before.extend(after.into_iter().rev());
        return before;
    }
}

/// The rule of an order, made once.
fn rule(order: usize) -> Result<&'static Rule, PriceError> {
    static RULES: [OnceLock<Rule>; MOST_ORDER + 1] = [const { OnceLock::new() }; MOST_ORDER + 1];
    let slot = RULES
        .get(order)
        .ok_or_else(|| PriceError::Model(format!("{order} nodes on a panel")))?;
    if let Some(rule) = slot.get() {
        return Ok(rule);
    }
    let made = gauss_legendre(order).map_err(|error| PriceError::Model(error.to_string()))?;
    Ok(slot.get_or_init(|| made))
}

/// The sub-panels of a panel of `order` nodes, made once.
fn fine(parts: usize, order: usize) -> Result<&'static Fine, PriceError> {
    const LOGS: usize = WIDEST.ilog2() as usize + 1;
    static FINES: [[OnceLock<Fine>; LOGS]; MOST_ORDER + 1] =
        [const { [const { OnceLock::new() }; LOGS] }; MOST_ORDER + 1];
    let slot = &FINES[order.min(MOST_ORDER)][(parts.ilog2() as usize).min(LOGS - 1)];
    if let Some(fine) = slot.get() {
        return Ok(fine);
    }
    let refused = |error: rialto_otc_numerics::Error| PriceError::Model(error.to_string());
    let rule = rule(order)?;
    let panel: Vec<f64> = rule.nodes.iter().map(|x| 0.5 + 0.5 * x).collect();
    let through = Barycentric::new(&panel).map_err(refused)?;
    let mut made = Fine {
        parts,
        order,
        nodes: Vec::new(),
        weights: Vec::new(),
        shares: Vec::new(),
    };
    let mut unit = vec![0.0; order];
    for part in 0..parts {
        for (node, weight) in panel.iter().zip(&rule.weights) {
            let at = (part as f64 + node) / parts as f64;
            made.nodes.push(at);
            made.weights.push(0.5 * weight / parts as f64);
            for which in 0..order {
                unit.fill(0.0);
                unit[which] = 1.0;
                made.shares.push(through.value(&unit, at).map_err(refused)?);
            }
        }
    }
    Ok(slot.get_or_init(|| made))
}

/// Nodes on a panel whose width is `share` of a narrow one. On a narrower panel the kernel is nearly
/// a polynomial of low degree.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_the_cuts() {
        for panels in [Panels::Narrow, Panels::Graded(1.0)] {
            let grid = Grid::new((-1.0, 1.0), &[-0.3, 0.2], 0.02, 8, panels).expect("a grid");
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
            assert_eq!(grid.cover(-9.0, 9.0), 0..grid.len());
            assert_eq!(grid.cover(-9.0, -5.0).len(), 0);
            assert!(grid.nodes.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }

    #[test]
    fn panels_grow_away_from_cuts_and_fill_the_interval() {
        for units in [0.3, 1.0, 1.7, 2.0, 3.1, 7.0, 20.0, 55.5, 300.0] {
            for (before, after) in [(true, true), (true, false), (false, true), (false, false)] {
                let widths = graded(units, before, after, 16.0);
                let sum: f64 = widths.iter().sum();
                assert!((sum - units).abs() < 1e-9, "{units}: {widths:?}");
                let mut at = 0.0_f64;
                for width in &widths {
                    let near = match (before, after) {
                        (true, true) => at.min(units - at - width),
                        (true, false) => at,
                        (false, true) => units - at - width,
                        (false, false) => f64::INFINITY,
                    };
                    assert!(
                        *width <= (GROWTH * near).max(1.0) + 1e-9,
                        "{units}: {widths:?}"
                    );
                    assert!(*width <= 16.0);
                    at += width;
                }
            }
        }
    }

    #[test]
    fn sub_panels_interpolate_what_a_polynomial_is() {
        let fine = fine(4, 8).expect("made");
        assert!((fine.weights.iter().sum::<f64>() - 1.0).abs() < 1e-14);
        let rule = rule(8).expect("made");
        let cube = |x: f64| 3.0 * x * x * x - x + 0.2;
        let values: Vec<f64> = rule.nodes.iter().map(|x| cube(0.5 + 0.5 * x)).collect();
        for (at, shares) in fine.nodes.iter().zip(fine.shares.chunks_exact(8)) {
            let value: f64 = shares.iter().zip(&values).map(|(s, v)| s * v).sum();
            assert!((value - cube(*at)).abs() < 1e-13, "{at}");
        }
    }
}
