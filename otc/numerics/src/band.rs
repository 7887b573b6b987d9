//! Banded dense kernel `y = K x`, the inner loop of the quadrature engine.
//!
//! Rows come in blocks of eight that share one window of columns, and a block is stored column by
//! column: every column is eight multiply-adds on neighbouring numbers, which any vector unit runs
//! without shuffles, and no row ends in a horizontal sum. Blocks of eight fit the panels of the
//! quadrature, whose nodes see nearly the same window. Sums run in the fixed order of the columns, so
//! results do not depend on the width of the vector unit (nothing is fused).

use crate::error::{Error, Result, check_finite, check_length};

/// Rows in a block.
pub const BLOCK: usize = 8;

#[derive(Debug, Clone, PartialEq)]
struct Block {
    /// First column of the window.
    start: usize,
    /// First entry of the block in the data, in columns of eight.
    offset: usize,
    /// Columns in the window.
    width: usize,
}

/// Banded matrix with a window of columns for every row.
#[derive(Debug, Clone, PartialEq)]
pub struct BandKernel {
    rows: usize,
    columns: usize,
    blocks: Vec<Block>,
    data: Vec<[f64; BLOCK]>,
    taps: usize,
}

impl BandKernel {
    /// Kernel of `rows` by `columns`: row `i` is zero outside `window(i)`, `[first, end)`, and
    /// `entry(i, j)` inside.
    ///
    /// # Errors
    /// A window that is reversed or reaches beyond the columns, an entry that is not finite.
    pub fn new(
        rows: usize,
        columns: usize,
        window: impl Fn(usize) -> (usize, usize),
        entry: impl Fn(usize, usize) -> f64,
    ) -> Result<Self> {
        let mut blocks = Vec::with_capacity(rows.div_ceil(BLOCK));
        let mut data = Vec::new();
        let mut taps = 0;
        for first in (0..rows).step_by(BLOCK) {
            let windows: Vec<(usize, usize)> =
                (first..rows.min(first + BLOCK)).map(&window).collect();
            for &(from, to) in &windows {
                if from > to || to > columns {
                    let rule = "a window begins before its end and ends within the columns";
                    return Err(Error::Range {
                        what: "end of a row's window",
                        value: to as f64,
                        rule,
                    });
                }
                taps += to - from;
            }
            let filled = || windows.iter().filter(|w| w.0 < w.1);
            let start = filled().map(|w| w.0).min().unwrap_or(0);
            let end = filled().map(|w| w.1).max().unwrap_or(start);
            blocks.push(Block {
                start,
                offset: data.len(),
                width: end - start,
            });
            for j in start..end {
                let mut column = [0.0; BLOCK];
                for (k, &(from, to)) in windows.iter().enumerate() {
                    if from <= j && j < to {
                        column[k] = entry(first + k, j);
                    }
                }
                check_finite("kernel column", &column)?;
                data.push(column);
            }
        }
        Ok(Self {
            rows,
            columns,
            blocks,
            data,
            taps,
        })
    }

    /// Number of rows, the length of `y`.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns, the length of `x`.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Entries inside the windows: multiply-adds that count.
    pub fn taps(&self) -> usize {
        self.taps
    }

    /// Multiply-adds carried out by one application, padding of blocks included.
    pub fn work(&self) -> usize {
        self.data.len() * BLOCK
    }

    /// `y = K x`.
    ///
    /// # Errors
    /// Lengths other than [`BandKernel::columns`] and [`BandKernel::rows`].
    pub fn apply(&self, x: &[f64], y: &mut [f64]) -> Result<()> {
        self.apply_many(x.as_chunks::<1>().0, y.as_chunks_mut::<1>().0)
    }

    /// `Y = K X` for `M` vectors at once, `x[j]` holding entry `j` of each.
    ///
    /// A vector's result has the same bits as from [`BandKernel::apply`].
    ///
    /// # Errors
    /// As [`BandKernel::apply`].
    pub fn apply_many<const M: usize>(&self, x: &[[f64; M]], y: &mut [[f64; M]]) -> Result<()> {
        check_length("x", x.len(), self.columns)?;
        check_length("y", y.len(), self.rows)?;
        for (block, out) in self.blocks.iter().zip(y.chunks_mut(BLOCK)) {
            let entries = &self.data[block.offset..][..block.width];
            let x = &x[block.start..][..block.width];
            // vector after vector: the block stays in the first cache, the sums in registers
            for lane in 0..M {
                let sums = one_block(entries, x, lane);
                for (row, sum) in out.iter_mut().zip(sums) {
                    row[lane] = sum;
                }
            }
        }
        Ok(())
    }
}

/// One vector through one block. Two accumulators hide the latency of the additions; the order is fixed.
#[inline]
fn one_block<const M: usize>(
    entries: &[[f64; BLOCK]],
    x: &[[f64; M]],
    lane: usize,
) -> [f64; BLOCK] {
    let (mut even, mut odd) = ([0.0; BLOCK], [0.0; BLOCK]);
    let (pairs, xs) = (entries.chunks_exact(2), x.chunks_exact(2));
    let rest = pairs.remainder().first().zip(xs.remainder().first());
    for (column, x) in pairs.zip(xs) {
        let (first, second) = (x[0][lane], x[1][lane]);
        for k in 0..BLOCK {
            even[k] += column[0][k] * first;
        }
        for k in 0..BLOCK {
            odd[k] += column[1][k] * second;
        }
    }
    if let Some((column, x)) = rest {
        for k in 0..BLOCK {
            even[k] += column[k] * x[lane];
        }
    }
    std::array::from_fn(|k| even[k] + odd[k])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(i: usize, columns: usize) -> (usize, usize) {
        let start = (i * 3 / 2).saturating_sub(5).min(columns);
        (start, (start + i % 11).min(columns))
    }

    fn entry(i: usize, j: usize) -> f64 {
        ((i * 31 + j * 17) as f64).sin()
    }

    #[test]
    fn the_band_is_the_dense_product_for_all_sizes() {
        for (rows, columns) in [(0, 0), (1, 1), (7, 3), (8, 20), (9, 9), (40, 61), (61, 40)] {
            let kernel = BandKernel::new(rows, columns, |i| window(i, columns), entry).unwrap();
            let x: Vec<f64> = (0..columns).map(|j| (j as f64 * 0.7).cos()).collect();
            let mut y = vec![f64::NAN; rows];
            kernel.apply(&x, &mut y).unwrap();
            for (i, y) in y.iter().enumerate() {
                let (from, to) = window(i, columns);
                let want: f64 = (from..to).map(|j| entry(i, j) * x[j]).sum();
                assert!(
                    (y - want).abs() < 1e-14,
                    "{rows}x{columns} row {i}: {y} {want}"
                );
            }
        }
    }

    #[test]
    fn vectors_together_have_the_bits_of_vectors_alone() {
        let kernel = BandKernel::new(50, 80, |i| window(i, 80), entry).unwrap();
        let x: Vec<[f64; 3]> = (0..80)
            .map(|j| std::array::from_fn(|m| (j as f64 * (m + 1) as f64).sin()))
            .collect();
        let mut y = vec![[0.0; 3]; 50];
        kernel.apply_many(&x, &mut y).unwrap();
        for m in 0..3 {
            let single: Vec<f64> = x.iter().map(|x| x[m]).collect();
            let mut want = vec![0.0; 50];
            kernel.apply(&single, &mut want).unwrap();
            assert!(
                y.iter()
                    .zip(&want)
                    .all(|(a, b)| a[m].to_bits() == b.to_bits())
            );
        }
    }

    #[test]
    fn windows_and_lengths_are_checked() {
        assert!(BandKernel::new(2, 3, |_| (0, 4), entry).is_err());
        assert!(BandKernel::new(2, 3, |_| (2, 1), entry).is_err());
        assert!(BandKernel::new(1, 1, |_| (0, 1), |_, _| f64::NAN).is_err());
        let kernel = BandKernel::new(2, 3, |_| (0, 3), entry).unwrap();
        assert!(kernel.apply(&[0.0; 2], &mut [0.0; 2]).is_err());
        assert!(kernel.apply(&[0.0; 3], &mut [0.0; 3]).is_err());
        assert_eq!((kernel.taps(), kernel.work()), (6, 24));
    }
}
