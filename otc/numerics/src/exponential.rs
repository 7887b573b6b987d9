//! An exponential and a logarithm that compilers turn into vector code: no branches, no table, no
//! call.

/// `ln 2` in two parts, the first with trailing zeros so that `n · HIGH` is exact for small `n`
/// (Cody and Waite, Software Manual for the Elementary Functions, 1980, chapter 6).
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// Adding it rounds to a whole number, whose bits then stand at the low end.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// `e^x` for `|x| ≤ 700`, to 1e-15 relative; what lies beyond is taken as the nearest of these
/// ends, which is 1e-304 or 1e304. NaN stays NaN.
///
/// `x = n ln 2 + r` with `|r| ≤ ln 2 / 2`, then the Taylor series of `e^r` to degree 13, whose rest
/// is below 5e-18.
#[inline(always)]
#[must_use]
pub fn exp(x: f64) -> f64 {
    let x = x.clamp(-700.0, 700.0);
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let mut sum = 1.0 / 6_227_020_800.0;
    sum = sum * r + 1.0 / 479_001_600.0;
    sum = sum * r + 1.0 / 39_916_800.0;
    sum = sum * r + 1.0 / 3_628_800.0;
    sum = sum * r + 1.0 / 362_880.0;
    sum = sum * r + 1.0 / 40_320.0;
    sum = sum * r + 1.0 / 5_040.0;
    sum = sum * r + 1.0 / 720.0;
    sum = sum * r + 1.0 / 120.0;
    sum = sum * r + 1.0 / 24.0;
    sum = sum * r + 1.0 / 6.0;
    sum = sum * r + 0.5;
    sum = sum * r + 1.0;
    sum = sum * r + 1.0;
    // The exponent's field grows by n: the low bits of `shifted` are n, and the shift drops the rest.
    f64::from_bits(sum.to_bits().wrapping_add(shifted.to_bits() << 52))
}

/// `1/(2k + 1)` for the series of the logarithm, from `k = 10` down to `k = 1`.
const ODD: [f64; 10] = [
    1.0 / 21.0,
    1.0 / 19.0,
    1.0 / 17.0,
    1.0 / 15.0,
    1.0 / 13.0,
    1.0 / 11.0,
    1.0 / 9.0,
    1.0 / 7.0,
    1.0 / 5.0,
    1.0 / 3.0,
];
/// Bits of `sqrt(1/2)` and of 1, the exponent's field, and `2^52` as the base of whole numbers.
const ROOT_HALF: u64 = 0x3FE6_A09E_667F_3BCD;
const ONE: u64 = 0x3FF0_0000_0000_0000;
const EXPONENT: u64 = 0xFFF0_0000_0000_0000;
const WHOLE: u64 = 0x4330_0000_0000_0000;

/// Natural logarithm of a positive normal number, to 3e-16 relative (away from 1, where it is as good
/// absolutely), without branch, table or call: `p = 2^k m` with `m` about 1, then
/// `ln m = 2 (s + s^3/3 + ...)` with `s = (m - 1)/(m + 1)`, `|s| < 0.172`.
///
/// Other arguments give some number; who calls checks.
#[inline(always)]
#[must_use]
pub fn ln(p: f64) -> f64 {
    let bits = p.to_bits();
    let biased = bits.wrapping_sub(ROOT_HALF).wrapping_add(ONE);
    let k = f64::from_bits(biased >> 52 | WHOLE) - (4_503_599_627_370_496.0 + 1023.0);
    let m = f64::from_bits(bits.wrapping_sub(biased & EXPONENT).wrapping_add(ONE));
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let mut sum = 1.0 / 23.0;
    for odd in ODD {
        sum = sum * z + odd;
    }
    // ln 2 in two parts: k times the first is exact.
    let low = k * LN2_LOW + 2.0 * s * (z * sum);
    k * LN2_HIGH + (2.0 * s + low)
}

#[cfg(test)]
mod tests {
    use super::{exp, ln};

    #[test]
    fn it_is_the_exponential() {
        let mut worst = 0.0_f64;
        for step in -70_000..=70_000 {
            let x = f64::from(step) * 0.01 + 1e-4 * f64::from(step % 7);
            if x.abs() < 700.0 {
                worst = worst.max((exp(x) / x.exp() - 1.0).abs());
            }
        }
        assert!(worst < 1e-15, "{worst:e}");
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f64::NAN).is_nan());
        assert!(exp(-1e9) > 0.0 && exp(-1e9) < 1e-303);
        assert!(exp(1e9).is_finite());
    }

    #[test]
    fn it_is_the_logarithm() {
        for step in 1..=200_000 {
            let x = f64::from(step) * 1e-4;
            for x in [x, 1e-300 * x, 1e300 * x, 1.0 + 1e-9 * x] {
                let (got, want) = (ln(x), x.ln());
                assert!(
                    (got - want).abs() <= 4e-16 * want.abs().max(1e-1),
                    "{x}: {got} {want}"
                );
            }
        }
        assert_eq!(ln(1.0), 0.0);
    }
}
