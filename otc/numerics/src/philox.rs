//! Philox4x32-10, a counter-based generator: a draw is a function of its address, not of history.
//!
//! Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3". The key holds the
//! seed, the counter the address (path block, step, stream), so any thread may compute any draw.

use crate::normal::inverse_cdf_in_place;

const MULTIPLIER: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
/// Golden ratio and `sqrt 3 - 1`, added to the key after each round.
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
/// `2^-52`.
const STEP_52: f64 = 1.0 / (1u64 << 52) as f64;

/// The ten rounds of Philox4x32-10 on one counter.
pub fn philox4x32(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let (mut c, mut k) = (counter, key);
    for _ in 0..10 {
        let p0 = u64::from(MULTIPLIER[0]) * u64::from(c[0]);
        let p1 = u64::from(MULTIPLIER[1]) * u64::from(c[2]);
        c = [
            (p1 >> 32) as u32 ^ c[1] ^ k[0],
            p1 as u32,
            (p0 >> 32) as u32 ^ c[3] ^ k[1],
            p0 as u32,
        ];
        k = [k[0].wrapping_add(WEYL[0]), k[1].wrapping_add(WEYL[1])];
    }
    c
}

/// A bijective mixer of 64 bits (Stafford's variant 13, as in SplitMix64).
pub(crate) fn mix64(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A seed for a part of a run: the run's seed and names such as trade id or replicate, in order.
///
/// Not cryptographic; equal inputs give equal seeds on every machine, different ones almost surely
/// differ.
pub fn derive_seed(seed: u64, parts: &[u64]) -> u64 {
    parts.iter().fold(
        mix64(seed.wrapping_add(0x9E37_79B9_7F4A_7C15)),
        |h, part| {
            mix64(
                h.wrapping_mul(0xD134_2543_DE82_EF95)
                    .wrapping_add(mix64(part ^ 0x2545_F491_4F6C_DD1D)),
            )
        },
    )
}

/// 64 random bits to a uniform in the open interval (0, 1): multiples of `2^-52` plus `2^-53`.
///
/// Symmetric about one half and never 0 or 1, so the inverse normal is finite.
pub fn open_unit(bits: u64) -> f64 {
    ((bits >> 12) as f64 + 0.5) * STEP_52
}

/// Generator of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Philox {
    key: [u32; 2],
}

impl Philox {
    /// Generator with the seed as its key.
    pub const fn new(seed: u64) -> Self {
        Self {
            key: [seed as u32, (seed >> 32) as u32],
        }
    }

    /// The 128 random bits at an address.
    pub fn bits(&self, block: u64, step: u32, stream: u32) -> [u32; 4] {
        philox4x32([block as u32, (block >> 32) as u32, step, stream], self.key)
    }

    /// Two uniforms in (0, 1) for the path pair `block`, i.e. paths `2 block` and `2 block + 1`.
    pub fn uniforms(&self, block: u64, step: u32, stream: u32) -> [f64; 2] {
        let [a, b, c, d] = self.bits(block, step, stream);
        [
            open_unit(u64::from(a) << 32 | u64::from(b)),
            open_unit(u64::from(c) << 32 | u64::from(d)),
        ]
    }

    /// Uniforms of the consecutive paths from `first_path` on, at one step of one stream.
    ///
    /// A path's number does not depend on where the slice begins.
    pub fn fill_uniforms(&self, first_path: u64, step: u32, stream: u32, out: &mut [f64]) {
        // an odd first path is the second half of its pair
        let (odd, rest) = out.split_at_mut(out.len().min((first_path % 2) as usize));
        let mut block = first_path / 2;
        if let [half] = odd {
            *half = self.uniforms(block, step, stream)[1];
            block = block.wrapping_add(1);
        }
        for pair in rest.chunks_mut(2) {
            let u = self.uniforms(block, step, stream);
            pair.copy_from_slice(&u[..pair.len()]);
            block = block.wrapping_add(1);
        }
    }

    /// Standard normals by the inverse distribution function of [`Philox::fill_uniforms`].
    pub fn fill_normals(&self, first_path: u64, step: u32, stream: u32, out: &mut [f64]) {
        self.fill_uniforms(first_path, step, stream, out);
        inverse_cdf_in_place(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers_of_the_authors() {
        // kat_vectors of Random123: philox4x32 10
        assert_eq!(
            philox4x32([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox4x32([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox4x32(
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn a_path_keeps_its_numbers_however_paths_are_cut() {
        let g = Philox::new(0x0123_4567_89ab_cdef);
        let mut all = [0.0; 101];
        g.fill_normals(7, 3, 1, &mut all);
        for cut in [0, 1, 2, 50, 100] {
            let mut parts = [0.0; 101];
            let (a, b) = parts.split_at_mut(cut);
            g.fill_normals(7, 3, 1, a);
            g.fill_normals(7 + cut as u64, 3, 1, b);
            assert_eq!(all, parts);
        }
        let mut other = [0.0; 101];
        g.fill_normals(7, 3, 2, &mut other);
        assert_ne!(all, other, "streams differ");
    }

    #[test]
    fn uniforms_stay_inside_and_are_symmetric() {
        assert_eq!(open_unit(0), 0.5 * STEP_52);
        assert_eq!(open_unit(u64::MAX), 1.0 - 0.5 * STEP_52);
        assert!(open_unit(u64::MAX) < 1.0);
    }

    #[test]
    fn normals_have_the_moments_of_the_law() {
        let mut z = vec![0.0; 1 << 18];
        Philox::new(42).fill_normals(0, 0, 0, &mut z);
        let n = z.len() as f64;
        let moment = |k: i32| z.iter().map(|x| x.powi(k)).sum::<f64>() / n;
        // four standard deviations of each sample moment: variances 1, 2, 15, 96
        for (k, want, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
            let m = moment(k);
            assert!(
                (m - want).abs() < 4.0 * f64::sqrt(variance / n),
                "moment {k}: {m}"
            );
        }
    }

    #[test]
    fn derived_seeds_depend_on_every_part_and_their_order() {
        let seeds = [
            derive_seed(1, &[]),
            derive_seed(2, &[]),
            derive_seed(1, &[0]),
            derive_seed(1, &[1, 2]),
            derive_seed(1, &[2, 1]),
        ];
        for (i, a) in seeds.iter().enumerate() {
            assert!(seeds[i + 1..].iter().all(|b| a != b));
        }
    }
}
