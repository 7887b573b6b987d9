//! The Gaussian step between two dates on panels.

use rialto_otc_numerics::exponential::exp;

use super::grid::{Grid, MOST_ORDER, REACH, Wide};

/// Targets that share one window of sources. Eight are two or one vectors of any machine and, as a
/// rule, the nodes of one panel.
const LANES: usize = 8;

/// Columns of a block as a rule: what memory is set aside for.
const ROOM: usize = 48;

/// The driftless Gaussian step of one variance between two grids: banded rows of
/// `w_k φ((y_k − x_j)/√V)/√V`, made when first needed, eight rows side by side.
///
/// A drift `m` needs no kernel of its own: `φ(d − m) = φ(d) · e^{dm/V} · e^{−m²/2V}` and
/// `e^{dm/V}` splits into a factor of the source and one of the target.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// For each eight rows the first source node.
    starts: Vec<usize>,
    /// Where each eight lie in `columns`; empty until they are made.
    blocks: Vec<std::ops::Range<usize>>,
    columns: Vec<[f64; LANES]>,
    /// How far from its target a row reaches.
    reach: f64,
    scale: f64,
    exponent: f64,
    density: Vec<f64>,
    wide: Vec<Wide>,
    arch: pulp::Arch,
}

impl Kernel {
    /// The kernel of a variance for drifts up to `drift`, to `targets` targets.
    pub(crate) fn new(targets: usize, variance: f64, drift: f64) -> Self {
        let deviation = variance.sqrt();
        let blocks = targets.div_ceil(LANES);
        Self {
            starts: vec![0; blocks],
            blocks: vec![0..0; blocks],
            columns: Vec::new(),
            reach: REACH * deviation + drift,
            scale: 1.0 / (deviation * (2.0 * std::f64::consts::PI).sqrt()),
            exponent: -0.5 / variance,
            density: Vec::new(),
            wide: Vec::new(),
            arch: pulp::Arch::new(),
        }
    }

    /// Targets that see something of the source nodes from `lo` to `hi`.
    pub(crate) fn seen(&self, targets: &Grid, lo: f64, hi: f64) -> std::ops::Range<usize> {
        targets.window(lo - self.reach, hi + self.reach)
    }

    fn make(&mut self, source: &Grid, targets: &Grid, block: usize) {
        let rows = &targets.nodes[block * LANES..targets.len().min((block + 1) * LANES)];
        let (first, last) = (rows[0], rows[rows.len() - 1]);
        let ends = (first - self.reach, last + self.reach);
        let window = source.sources(ends, &mut self.wide);
        let begin = self.columns.len();
        if begin == 0 {
            self.columns.reserve(self.blocks.len() * ROOM);
        }
        // A block that sees nothing holds one column of zeros: it is made all the same.
        self.columns
            .resize(begin + window.len().max(1), [0.0; LANES]);
        self.starts[block] = window.start.min(source.len() - 1);
        self.blocks[block] = begin..self.columns.len();
        let columns = &mut self.columns[begin..];
        // Rows and nodes both rise: a row's nodes begin and end at or after those of the row before.
        let (mut from, mut to) = (window.start, window.start);
        for (row, at) in rows.iter().enumerate() {
            let reach = (at - self.reach, at + self.reach);
            while from < window.end && source.nodes[from] < reach.0 {
                from += 1;
            }
            to = to.max(from);
            while to < window.end && source.nodes[to] <= reach.1 {
                to += 1;
            }
            self.arch.dispatch(Make {
                at: *at,
                scale: self.scale,
                exponent: self.exponent,
                nodes: &source.nodes[from..to],
                weights: &source.weights[from..to],
                density: &mut self.density,
            });
            let mine = columns[from - window.start..].iter_mut();
            for (column, density) in mine.zip(&self.density) {
                column[row] = *density;
            }
            let seen = |panel: &&Wide| panel.lo < reach.1 && panel.lo + panel.width > reach.0;
            for panel in self.wide.iter().filter(seen) {
                let columns = &mut columns[panel.first - window.start..];
                let mut sums = [0.0; MOST_ORDER];
                self.arch.dispatch(MakeWide {
                    at: *at,
                    scale: self.scale,
                    exponent: self.exponent,
                    panel,
                    reach,
                    density: &mut self.density,
                    sums: &mut sums,
                });
                for (column, sum) in columns.iter_mut().zip(&sums[..panel.fine.order]) {
                    column[row] = *sum;
                }
            }
        }
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
        if targets.is_empty() {
            return;
        }
        let blocks = targets.start / LANES..targets.end.div_ceil(LANES);
        for block in blocks.clone() {
            if self.blocks[block].is_empty() {
                self.make(from, to, block);
            }
        }
        self.arch.dispatch(Apply {
            kernel: self,
            blocks,
            values,
            targets,
            factors,
            out,
        });
    }
}

/// The density of a step to one target at the nodes of narrow panels, times their weights. A type of
/// its own, because a closure is not always made part of the code for the vector unit.
struct Make<'a> {
    at: f64,
    scale: f64,
    exponent: f64,
    nodes: &'a [f64],
    weights: &'a [f64],
    density: &'a mut Vec<f64>,
}

impl pulp::WithSimd for Make<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _simd: S) {
        self.density.clear();
        self.density.resize(self.nodes.len(), 0.0);
        let sources = self.nodes.iter().zip(self.weights);
        for (density, (node, weight)) in self.density.iter_mut().zip(sources) {
            let distance = node - self.at;
            *density = self.scale * weight * exp(self.exponent * distance * distance);
        }
    }
}

/// The same on the sub-panels of a wide panel, shared out to the nodes that interpolate there.
struct MakeWide<'a> {
    at: f64,
    scale: f64,
    exponent: f64,
    panel: &'a Wide,
    reach: (f64, f64),
    density: &'a mut Vec<f64>,
    sums: &'a mut [f64; MOST_ORDER],
}

impl pulp::WithSimd for MakeWide<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _simd: S) {
        let (panel, fine) = (self.panel, self.panel.fine);
        let part = |log: f64| (log - panel.lo) / panel.width * fine.parts as f64;
        let first = (part(self.reach.0).floor().max(0.0) as usize).min(fine.parts);
        let last = (part(self.reach.1).ceil().max(0.0) as usize).min(fine.parts);
        let range = first * fine.order..last.max(first) * fine.order;
        let (nodes, weights) = (&fine.nodes[range.clone()], &fine.weights[range.clone()]);
        self.density.clear();
        self.density.resize(nodes.len(), 0.0);
        let (scale, offset) = (self.scale * panel.width, panel.lo - self.at);
        for (density, (node, weight)) in self.density.iter_mut().zip(nodes.iter().zip(weights)) {
            let distance = offset + panel.width * node;
            *density = scale * weight * exp(self.exponent * distance * distance);
        }
        let sums = &mut self.sums[..fine.order];
        let shares = fine.shares[range.start * fine.order..].chunks_exact(fine.order);
        for (density, shares) in self.density.iter().zip(shares) {
            for (sum, share) in sums.iter_mut().zip(shares) {
                *sum += share * density;
            }
        }
    }
}

/// Products of the columns of some eights with the values.
struct Apply<'a> {
    kernel: &'a Kernel,
    blocks: std::ops::Range<usize>,
    values: &'a [f64],
    targets: std::ops::Range<usize>,
    factors: &'a [f64],
    out: &'a mut [f64],
}

impl pulp::WithSimd for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, simd: S) {
        for block in self.blocks {
            let columns = &self.kernel.columns[self.kernel.blocks[block].clone()];
            let values = &self.values[self.kernel.starts[block]..][..columns.len()];
            let mut sums = [0.0; LANES];
            product(simd, columns, values, &mut sums);
            let base = block * LANES;
            for row in self.targets.start.max(base)..self.targets.end.min(base + LANES) {
                self.out[row] = self.factors[row] * sums[row - base];
            }
        }
    }
}

/// Eight sums over the columns in a fixed order: four running sums each, then pairs of them. Nothing
/// is fused and rows stay apart, so the bits are the same on every vector unit.
#[inline(always)]
fn product<S: pulp::Simd>(
    simd: S,
    columns: &[[f64; LANES]],
    values: &[f64],
    out: &mut [f64; LANES],
) {
    let (fours, rest) = columns.as_chunks::<4>();
    let (values_of_fours, values_of_rest) = values.as_chunks::<4>();
    for (part, out) in S::as_mut_simd_f64s(out).0.iter_mut().enumerate() {
        let add = |sum: S::f64s, column: &[f64; LANES], value: f64| {
            let column = S::as_simd_f64s(column).0[part];
            simd.add_f64s(sum, simd.mul_f64s(column, simd.splat_f64s(value)))
        };
        let mut sums = [simd.splat_f64s(0.0); 4];
        for (columns, values) in fours.iter().zip(values_of_fours) {
            sums = [
                add(sums[0], &columns[0], values[0]),
                add(sums[1], &columns[1], values[1]),
                add(sums[2], &columns[2], values[2]),
                add(sums[3], &columns[3], values[3]),
            ];
        }
        for (number, (column, value)) in rest.iter().zip(values_of_rest).enumerate() {
            sums[number] = add(sums[number], column, *value);
        }
        *out = simd.add_f64s(
            simd.add_f64s(sums[0], sums[2]),
            simd.add_f64s(sums[1], sums[3]),
        );
    }
}

/// `e^{rate (x − centre)}` for each node.
pub(crate) fn tilts(nodes: &[f64], rate: f64, centre: f64) -> Vec<f64> {
    let mut tilts = vec![0.0; nodes.len()];
    pulp::Arch::new().dispatch(Tilts {
        nodes,
        rate,
        centre,
        out: &mut tilts,
    });
    tilts
}

struct Tilts<'a> {
    nodes: &'a [f64],
    rate: f64,
    centre: f64,
    out: &'a mut [f64],
}

impl pulp::WithSimd for Tilts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _simd: S) {
        for (tilt, node) in self.out.iter_mut().zip(self.nodes) {
            *tilt = exp(self.rate * (node - self.centre));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::grid::Panels;
    use super::*;

    /// What a step makes of a smooth function, against what it must be.
    fn off(panels: Panels) -> f64 {
        let grid = Grid::new((-1.0, 1.0), &[0.0137], 0.04, 8, panels).expect("a grid");
        let mut kernel = Kernel::new(grid.len(), 1e-4, 0.0);
        // e^{x} after a step of variance V is e^{x + V/2}.
        let values: Vec<f64> = grid.nodes.iter().map(|x| x.exp()).collect();
        let ones = vec![1.0; grid.len()];
        let mut out = vec![0.0; grid.len()];
        kernel.apply((&grid, &values), (&grid, 0..grid.len()), &ones, &mut out);
        let errors = grid.nodes.iter().zip(&out).map(|(node, value)| {
            let inside = node.abs() < 0.9;
            if inside {
                (value / (node + 0.5e-4).exp() - 1.0).abs()
            } else {
                0.0
            }
        });
        errors.fold(0.0, f64::max)
    }

    #[test]
    fn a_step_of_a_smooth_function_is_exact_on_narrow_and_on_wide_panels() {
        assert!(off(Panels::Narrow) < 1e-7, "{:e}", off(Panels::Narrow));
        assert!(
            off(Panels::Graded(1.0)) < 1e-7,
            "{:e}",
            off(Panels::Graded(1.0))
        );
    }

    #[test]
    fn rows_asked_for_alone_are_those_asked_for_together() {
        let grid = Grid::new((-1.0, 1.0), &[0.1], 0.04, 7, Panels::Graded(1.0)).expect("a grid");
        let values: Vec<f64> = grid.nodes.iter().map(|x| x.sin()).collect();
        let ones = vec![1.0; grid.len()];
        let mut all = vec![0.0; grid.len()];
        Kernel::new(grid.len(), 1e-4, 0.0).apply(
            (&grid, &values),
            (&grid, 0..grid.len()),
            &ones,
            &mut all,
        );
        for row in 0..grid.len() {
            let mut out = vec![0.0; grid.len()];
            let mut kernel = Kernel::new(grid.len(), 1e-4, 0.0);
            kernel.apply((&grid, &values), (&grid, row..row + 1), &ones, &mut out);
            assert_eq!(out[row].to_bits(), all[row].to_bits(), "row {row}");
            assert!(
                out.iter()
                    .enumerate()
                    .all(|(other, value)| other == row || *value == 0.0)
            );
        }
    }
}
