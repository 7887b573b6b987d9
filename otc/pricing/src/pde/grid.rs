//! Nodes on the log-spot and looking between them.

use std::ops::Range;

use super::smooth::{STENCIL, weights};

/// Logarithms of spots closer than this are one.
pub(super) const SAME: f64 = 1e-10;

/// Nodes of even distance, but for those moved onto a barrier.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    /// Log-spots, increasing.
    pub(super) nodes: Vec<f64>,
    /// Their distance.
    pub(super) step: f64,
}

/// The nodes around a point and their weights for the value and three derivatives there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stencil {
    pub(super) first: usize,
    pub(super) weights: [[f64; STENCIL]; 4],
}

impl Stencil {
    /// Value and derivatives by the log-spot of what has these values at the nodes.
    pub(super) fn jet(&self, values: &[f64]) -> [f64; 4] {
        let values = &values[self.first..];
        self.weights.map(|row| {
            let terms = row.iter().zip(values);
            terms.map(|(weight, value)| weight * value).sum()
        })
    }

    /// The value alone.
    pub(super) fn value(&self, values: &[f64]) -> f64 {
        let terms = self.weights[0].iter().zip(&values[self.first..]);
        terms.map(|(weight, value)| weight * value).sum()
    }
}

impl Grid {
    /// Nodes from `lo` on, the nearest ones moved onto `fixed`.
    pub(super) fn new(lo: f64, step: f64, count: usize, fixed: &[f64]) -> Self {
        let mut grid = Self {
            nodes: (0..count).map(|i| lo + step * i as f64).collect(),
            step,
        };
        for log in fixed {
            if let Some(node) = grid.nearest(*log) {
                grid.nodes[node] = *log;
            }
        }
        grid
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The node nearest to a log-spot within the grid.
    fn nearest(&self, log: f64) -> Option<usize> {
        let place = ((log - self.nodes[0]) / self.step).round();
        (place >= 0.0 && place < self.len() as f64).then_some(place as usize)
    }

    /// The node at a log-spot, if there is one.
    pub(super) fn node_at(&self, log: f64) -> Option<usize> {
        let node = self.nearest(log)?;
        ((self.nodes[node] - log).abs() <= SAME).then_some(node)
    }

    /// Six nodes around a log-spot among those of a range; all of the grid when it is too short.
    pub(super) fn stencil(&self, log: f64, within: &Range<usize>) -> Stencil {
        let within = if within.len() < STENCIL {
            0..self.len()
        } else {
            within.clone()
        };
        let right = self.nodes.partition_point(|node| *node < log);
        let last = (within.end).saturating_sub(STENCIL);
        let first = right.saturating_sub(STENCIL / 2).clamp(within.start, last);
        Stencil {
            first,
            weights: weights(log, &self.nodes[first..first + STENCIL]),
        }
    }
}
