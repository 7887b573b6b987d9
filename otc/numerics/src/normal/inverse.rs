//! Inverse normal distribution function (Wichura 1988, algorithm AS 241, PPND16).

#![expect(
    clippy::excessive_precision,
    reason = "constants keep the digits they were published with"
)]

use crate::exponential::ln;

const CENTRE_NUM: [f64; 8] = [
    3.387_132_872_796_366_608_0,
    1.331_416_678_917_843_774_5e2,
    1.971_590_950_306_551_442_7e3,
    1.373_169_376_550_946_112_5e4,
    4.592_195_393_154_987_145_7e4,
    6.726_577_092_700_870_085_3e4,
    3.343_057_558_358_812_810_5e4,
    2.509_080_928_730_122_672_7e3,
];
const CENTRE_DEN: [f64; 8] = [
    1.0,
    4.231_333_070_160_091_125_2e1,
    6.871_870_074_920_579_083_0e2,
    5.394_196_021_424_751_107_7e3,
    2.121_379_430_158_659_586_7e4,
    3.930_789_580_009_271_061_0e4,
    2.872_908_573_572_194_267_4e4,
    5.226_495_278_852_854_561_0e3,
];
const MIDDLE_NUM: [f64; 8] = [
    1.423_437_110_749_683_577_34,
    4.630_337_846_156_545_295_90,
    5.769_497_221_460_691_405_50,
    3.647_848_324_763_204_605_04,
    1.270_458_252_452_368_382_58,
    2.417_807_251_774_506_117_70e-1,
    2.272_384_498_926_918_458_33e-2,
    7.745_450_142_783_414_076_40e-4,
];
const MIDDLE_DEN: [f64; 8] = [
    1.0,
    2.053_191_626_637_758_821_87,
    1.676_384_830_183_803_849_40,
    6.897_673_349_851_000_045_50e-1,
    1.481_039_764_274_800_745_90e-1,
    1.519_866_656_361_645_719_66e-2,
    5.475_938_084_995_344_946_00e-4,
    1.050_750_071_644_416_843_24e-9,
];
const TAIL_NUM: [f64; 8] = [
    6.657_904_643_501_103_777_20,
    5.463_784_911_164_114_369_90,
    1.784_826_539_917_291_335_80,
    2.965_605_718_285_048_912_30e-1,
    2.653_218_952_657_612_309_30e-2,
    1.242_660_947_388_078_438_60e-3,
    2.711_555_568_743_487_578_15e-5,
    2.010_334_399_292_288_132_65e-7,
];
const TAIL_DEN: [f64; 8] = [
    1.0,
    5.998_322_065_558_879_376_90e-1,
    1.369_298_809_227_358_053_10e-1,
    1.487_536_129_085_061_485_25e-2,
    7.868_691_311_456_132_591_00e-4,
    1.846_318_317_510_054_681_80e-5,
    1.421_511_758_316_445_888_70e-7,
    2.044_263_103_389_939_785_64e-15,
];

/// Polynomial with coefficients from the constant term upwards.
#[inline(always)]
fn horner(c: &[f64; 8], x: f64) -> f64 {
    ((((((c[7] * x + c[6]) * x + c[5]) * x + c[4]) * x + c[3]) * x + c[2]) * x + c[1]) * x + c[0]
}

/// Half width around one half where the central approximation holds.
const CENTRE_HALF_WIDTH: f64 = 0.425;

#[inline(always)]
fn centre(q: f64) -> f64 {
    // 0.425^2 - q^2
    let r = 0.180_625 - q * q;
    q * horner(&CENTRE_NUM, r) / horner(&CENTRE_DEN, r)
}

/// Distance from the centre for the tail probability `p < 0.075`.
fn tail(p: f64) -> f64 {
    let ln = if p < f64::MIN_POSITIVE { p.ln() } else { ln(p) };
    let r = (-ln).sqrt();
    if r <= 5.0 {
        middle_tail(r)
    } else {
        let r = r - 5.0;
        horner(&TAIL_NUM, r) / horner(&TAIL_DEN, r)
    }
}

/// The tail for probabilities down to 1.4e-11, `r = sqrt(-ln p) <= 5`.
#[inline(always)]
fn middle_tail(r: f64) -> f64 {
    let r = r - 1.6;
    horner(&MIDDLE_NUM, r) / horner(&MIDDLE_DEN, r)
}

/// Inverse of the standard normal distribution function.
///
/// Relative error below 1e-15 for every normal number `p` up to one half, tails included (measured
/// 7e-16 against 40-digit values); a Newton step with [`cdf`](super::cdf), whose own error is as large,
/// would not improve on it. Near one
/// the result is as good as `1 - p` is known: for an upper tail `t` use `-inverse_cdf(t)`. `p <= 0`
/// gives minus infinity, `p >= 1` infinity; NaN only for NaN.
pub fn inverse_cdf(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= CENTRE_HALF_WIDTH {
        return centre(q);
    }
    if p.is_nan() {
        return p;
    }
    if p <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if p >= 1.0 {
        return f64::INFINITY;
    }
    if q < 0.0 { -tail(p) } else { tail(1.0 - p) }
}

/// Replaces uniforms by normals, the same bits as [`inverse_cdf`] on each.
///
/// The central branch runs over whole blocks and the 15 % in the tails are gathered first, so that both
/// vectorise and no branch is guessed wrong. Inlined, so that a caller compiled for wider vectors gets
/// them; no operation is contracted, so the bits are the same for any width.
#[inline(always)]
pub fn inverse_cdf_in_place(uniforms: &mut [f64]) {
    const BLOCK: usize = 64;
    let mut middle = [0.0; BLOCK];
    let mut outer = [0usize; BLOCK];
    let mut roots = [0.0; BLOCK];
    let mut tails = [0.0; BLOCK];
    for block in uniforms.chunks_mut(BLOCK) {
        for (m, u) in middle.iter_mut().zip(block.iter()) {
            *m = centre(*u - 0.5);
        }
        let mut count = 0;
        for (i, u) in block.iter().enumerate() {
            let q = *u - 0.5;
            outer[count] = i;
            count += usize::from(q.is_nan() | (q.abs() > CENTRE_HALF_WIDTH));
        }
        let outer = &outer[..count];
        for (r, &i) in roots.iter_mut().zip(outer) {
            let u = block[i];
            *r = if u < 0.5 { u } else { 1.0 - u };
        }
        for r in &mut roots[..count] {
            *r = (-ln(*r)).sqrt();
        }
        let mut rare = false;
        for (t, &r) in tails.iter_mut().zip(&roots[..count]) {
            *t = middle_tail(r);
            rare |= r.is_nan() | (r > 5.0);
        }
        for (&t, &i) in tails.iter().zip(outer) {
            middle[i] = if block[i] < 0.5 { -t } else { t };
        }
        if rare {
            for (&r, &i) in roots.iter().zip(outer) {
                if r.is_nan() || r > 5.0 {
                    middle[i] = inverse_cdf(block[i]);
                }
            }
        }
        block.copy_from_slice(&middle[..block.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_centre() {
        assert_eq!(inverse_cdf(0.5), 0.0);
        assert_eq!(
            (inverse_cdf(0.0), inverse_cdf(1.0)),
            (f64::NEG_INFINITY, f64::INFINITY)
        );
        assert_eq!(
            (inverse_cdf(-3.0), inverse_cdf(7.0)),
            (f64::NEG_INFINITY, f64::INFINITY)
        );
        assert!(inverse_cdf(f64::NAN).is_nan());
        assert!(inverse_cdf(f64::MIN_POSITIVE * f64::EPSILON).is_finite());
        assert!(inverse_cdf(1.0 - f64::EPSILON / 2.0).is_finite());
    }

    #[test]
    fn the_logarithm_is_one() {
        let mut worst = 0.0_f64;
        for i in 1..200_000 {
            let p = 0.5 * (f64::from(i) / 200_000.0).powi(9);
            if p >= f64::MIN_POSITIVE {
                worst = worst.max((ln(p) / p.ln() - 1.0).abs());
            }
        }
        assert!(worst < 4e-16, "{worst:e}");
    }

    #[test]
    fn a_block_has_the_bits_of_single_calls() {
        let mut u: Vec<f64> = (1..1000).map(|i| f64::from(i) / 1000.0).collect();
        u.extend([
            1e-300,
            1e-20,
            1.0 - 1e-16,
            0.0,
            1.0,
            -2.0,
            3.0,
            0.075,
            0.925,
        ]);
        let single: Vec<u64> = u.iter().map(|&p| inverse_cdf(p).to_bits()).collect();
        inverse_cdf_in_place(&mut u);
        assert_eq!(single, u.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
    }
}
