//! Sobol points in up to 2,048 dimensions and their Owen scrambling.
//!
//! Direction numbers: Joe and Kuo 2008 (file `data/joe-kuo-d6-2048.txt` with its licence). Points come
//! in natural order of the index, one dimension at a time, so that a block of 1,024 paths is a run of
//! memory. Any `2^m` consecutive points from a multiple of `2^m` on are the same set as in Gray-code
//! order. Scrambling is nested and uniform (Owen 1995) by hashing (Laine and Karras 2011; Burley 2020):
//! a digit is flipped as a function of the digits above it and of a seed for each dimension and
//! replicate, so every net stays a net, each point is uniform on (0, 1), and replicates are independent.

use crate::error::{Error, Result};
use crate::philox::{derive_seed, mix64};

/// Dimensions in the table.
pub const MAX_DIMENSIONS: usize = 2048;
/// Binary digits of a point before scrambling; the sequence repeats after `2^32` points.
pub const DIGITS: usize = 32;

const TABLE: &str = include_str!("../data/joe-kuo-d6-2048.txt");

/// Direction numbers of the first dimensions of the sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sobol {
    /// For each dimension `v_1 ... v_32`, the first binary digit in the highest bit.
    directions: Vec<[u32; DIGITS]>,
}

impl Sobol {
    /// Sequence in `dimensions` dimensions.
    ///
    /// # Errors
    /// More than [`MAX_DIMENSIONS`], or none.
    pub fn new(dimensions: usize) -> Result<Self> {
        if dimensions == 0 || dimensions > MAX_DIMENSIONS {
            return Err(Error::Range {
                what: "Sobol dimensions",
                value: dimensions as f64,
                rule: "1 to 2048 dimensions have direction numbers",
            });
        }
        let mut first = [0; DIGITS];
        for (k, v) in first.iter_mut().enumerate() {
            *v = 1 << (DIGITS - 1 - k);
        }
        let mut directions = Vec::with_capacity(dimensions);
        directions.push(first);
        let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
        directions.extend(rows.take(dimensions - 1).map(parse_row));
        Ok(Self { directions })
    }

    /// Number of dimensions.
    pub fn dimensions(&self) -> usize {
        self.directions.len()
    }

    /// The 32 binary digits of one coordinate; `None` beyond the last dimension.
    pub fn digits(&self, dimension: usize, index: u32) -> Option<u32> {
        self.directions.get(dimension).map(|v| digits_at(v, index))
    }

    /// Digits of consecutive points from `first` on, in one dimension (the index wraps at `2^32`).
    ///
    /// # Errors
    /// A dimension beyond the last.
    #[inline(always)]
    pub fn fill_digits(&self, dimension: usize, first: u32, out: &mut [u32]) -> Result<()> {
        let v = self.directions.get(dimension).ok_or(Error::Range {
            what: "Sobol dimension",
            value: dimension as f64,
            rule: "counts from 0 and is below the number of dimensions",
        })?;
        let (mut index, mut rest) = (first, out);
        while !rest.is_empty() {
            // The largest aligned run of 2^m points: each doubling copies the run with one digit set.
            let room = usize::BITS - 1 - rest.len().leading_zeros();
            let log2 = index.trailing_zeros().min(room).min(31);
            let (run, tail) = rest.split_at_mut(1 << log2);
            run[0] = digits_at(v, index);
            for (k, direction) in v.iter().enumerate().take(log2 as usize) {
                let (low, high) = run.split_at_mut(1 << k);
                for (h, l) in high.iter_mut().zip(low.iter()) {
                    *h = l ^ direction;
                }
            }
            index = index.wrapping_add(1 << log2);
            rest = tail;
        }
        Ok(())
    }

    /// Unscrambled coordinates in `[0, 1)`: the first point is the origin.
    ///
    /// # Errors
    /// A dimension beyond the last.
    pub fn fill(&self, dimension: usize, first: u32, out: &mut [f64]) -> Result<()> {
        self.fill_mapped(dimension, first, out, |x| {
            f64::from(x) * (1.0 / 4_294_967_296.0)
        })
    }

    /// Scrambled uniforms in `(0, 1)`: the centres of the `2^32` cells, so normals stay within 6.4
    /// deviations.
    ///
    /// A point depends on `(seed, replicate, dimension, index)` alone.
    ///
    /// # Errors
    /// A dimension beyond the last.
    #[inline(always)]
    pub fn fill_scrambled(
        &self,
        scramble: Scramble,
        dimension: usize,
        first: u32,
        out: &mut [f64],
    ) -> Result<()> {
        let hash = scramble.dimension(dimension);
        self.fill_mapped(dimension, first, out, |x| hash.uniform(x))
    }

    #[inline(always)]
    fn fill_mapped(
        &self,
        dimension: usize,
        first: u32,
        out: &mut [f64],
        map: impl Fn(u32) -> f64,
    ) -> Result<()> {
        const BLOCK: usize = 1024;
        let mut digits = [0u32; BLOCK];
        let mut index = first;
        for block in out.chunks_mut(BLOCK) {
            let digits = &mut digits[..block.len()];
            self.fill_digits(dimension, index, digits)?;
            for (o, &x) in block.iter_mut().zip(digits.iter()) {
                *o = map(x);
            }
            index = index.wrapping_add(BLOCK as u32);
        }
        Ok(())
    }
}

fn digits_at(v: &[u32; DIGITS], index: u32) -> u32 {
    v.iter()
        .enumerate()
        .fold(0, |x, (k, d)| if index >> k & 1 == 1 { x ^ d } else { x })
}

/// Direction numbers of one line `d s a m_1 ... m_s` by the recurrence of its primitive polynomial
/// (Bratley and Fox 1988, eq. 2). The table is part of the program and a test walks all of it.
fn parse_row(line: &str) -> [u32; DIGITS] {
    let mut numbers = line.split(' ').skip(1).map_while(|n| n.parse::<u32>().ok());
    let degree = numbers.next().unwrap_or(1) as usize;
    let inner = numbers.next().unwrap_or(0);
    let mut v = [0u32; DIGITS];
    for (k, m) in numbers.take(degree).enumerate() {
        v[k] = m << (DIGITS - 1 - k);
    }
    for k in degree..DIGITS {
        v[k] = v[k - degree] ^ (v[k - degree] >> degree);
        for i in 1..degree {
            if inner >> (degree - 1 - i) & 1 == 1 {
                v[k] ^= v[k - i];
            }
        }
    }
    v
}

/// One of the independent scrambles of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scramble {
    seed: u64,
}

impl Scramble {
    /// Scramble number `replicate` of the run with this seed.
    pub fn new(seed: u64, replicate: u32) -> Self {
        Self {
            seed: derive_seed(seed, &[0x0053_4F42_4F4C, u64::from(replicate)]),
        }
    }

    fn dimension(self, dimension: usize) -> NestedHash {
        let a = derive_seed(self.seed, &[dimension as u64]);
        let b = mix64(a ^ 0x6A09_E667_F3BC_C909);
        NestedHash {
            a: [a as u32, (a >> 32) as u32 | 1],
            b: [b as u32, (b >> 32) as u32 | 1],
        }
    }

    /// Scrambled uniforms in `(0, 1)` for digits of one dimension in any order, as
    /// [`Sobol::fill_scrambled`] gives them. Inlined, for callers compiled for wider vectors.
    #[inline(always)]
    pub fn uniforms(self, dimension: usize, digits: &[u32], out: &mut [f64]) {
        let hash = self.dimension(dimension);
        for (o, &x) in out.iter_mut().zip(digits) {
            *o = hash.uniform(x);
        }
    }

    /// The 32 scrambled digits for 32 digits of a coordinate.
    pub fn digits(self, dimension: usize, digits: u32) -> u32 {
        self.dimension(dimension).scramble(digits)
    }
}

/// Hash in which a digit depends on itself and the digits above it only.
#[derive(Debug, Clone, Copy)]
struct NestedHash {
    a: [u32; 2],
    b: [u32; 2],
}

impl NestedHash {
    /// In reversed order of digits, additions, multiplications by odd numbers and `x ^= x * even` carry
    /// upwards only. Two rounds with 128 bits of seed; the even constants are those of Burley 2020.
    #[inline(always)]
    fn scramble(self, digits: u32) -> u32 {
        let mut x = digits.reverse_bits();
        x = x.wrapping_add(self.a[0]);
        x ^= x.wrapping_mul(0x6C50_B47C);
        x = x.wrapping_mul(self.a[1]);
        x ^= x.wrapping_mul(0xB82F_1E52);
        x = x.wrapping_add(self.b[0]);
        x ^= x.wrapping_mul(0xC7AF_E638);
        x = x.wrapping_mul(self.b[1]);
        x ^= x.wrapping_mul(0x8D22_F6E6);
        x.reverse_bits()
    }

    #[inline(always)]
    fn uniform(self, digits: u32) -> f64 {
        (f64::from(self.scramble(digits)) + 0.5) * (1.0 / 4_294_967_296.0)
    }
}

#[cfg(test)]
mod tests;
