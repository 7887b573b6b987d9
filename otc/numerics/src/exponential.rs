//! An exponential that compilers turn into vector code: no branches, no table, no call.

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

#[cfg(test)]
mod tests {
    use super::exp;

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
}
