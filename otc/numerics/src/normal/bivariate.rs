//! Bivariate normal distribution function (Genz 2004, after Drezner and Wesolowsky 1990).

use std::f64::consts::TAU;

use super::cdf;

/// Positive Gauss-Legendre nodes with their weights: 6, 12 and 20 points.
const NODES_6: [(f64, f64); 3] = [
    (0.932_469_514_203_152, 0.171_324_492_379_170_36),
    (0.661_209_386_466_264_5, 0.360_761_573_048_138_6),
    (0.238_619_186_083_196_9, 0.467_913_934_572_691_04),
];
const NODES_12: [(f64, f64); 6] = [
    (0.981_560_634_246_719_2, 0.047_175_336_386_511_83),
    (0.904_117_256_370_474_9, 0.106_939_325_995_318_43),
    (0.769_902_674_194_304_7, 0.160_078_328_543_346_22),
    (0.587_317_954_286_617_5, 0.203_167_426_723_065_92),
    (0.367_831_498_998_180_2, 0.233_492_536_538_354_8),
    (0.125_233_408_511_468_9, 0.249_147_045_813_402_77),
];
const NODES_20: [(f64, f64); 10] = [
    (0.993_128_599_185_094_9, 0.017_614_007_139_152_118),
    (0.963_971_927_277_913_8, 0.040_601_429_800_386_94),
    (0.912_234_428_251_326, 0.062_672_048_334_109_07),
    (0.839_116_971_822_218_8, 0.083_276_741_576_704_75),
    (0.746_331_906_460_150_8, 0.101_930_119_817_240_43),
    (0.636_053_680_726_515, 0.118_194_531_961_518_41),
    (0.510_867_001_950_827_1, 0.131_688_638_449_176_64),
    (0.373_706_088_715_419_55, 0.142_096_109_318_382_04),
    (0.227_785_851_141_645_07, 0.149_172_986_472_603_74),
    (0.076_526_521_133_497_34, 0.152_753_387_130_725_84),
];

fn nodes(rho: f64) -> &'static [(f64, f64)] {
    match rho.abs() {
        r if r < 0.3 => &NODES_6,
        r if r < 0.75 => &NODES_12,
        _ => &NODES_20,
    }
}

/// `P(X <= x, Y <= y)` for standard normals with correlation `rho`.
///
/// Absolute error below 1e-15 (Genz 2004, "Numerical computation of rectangular bivariate and
/// trivariate normal and t probabilities", section 2). `rho` is clamped to `[-1, 1]`; NaN only for NaN.
pub fn bivariate_cdf(x: f64, y: f64, rho: f64) -> f64 {
    if x.is_nan() || y.is_nan() || rho.is_nan() {
        return f64::NAN;
    }
    // Beyond 40 deviations every probability is zero or one in f64; clamping keeps products finite.
    let (h, k) = (-x.clamp(-40.0, 40.0), -y.clamp(-40.0, 40.0));
    let rho = rho.clamp(-1.0, 1.0);
    let p = if rho == 0.0 {
        cdf(-h) * cdf(-k)
    } else if rho.abs() < 0.925 {
        by_angle(h, k, rho)
    } else {
        near_singular(h, k, rho)
    };
    p.clamp(0.0, 1.0)
}

/// Upper orthant probability by the integral over the angle `asin rho` (Genz 2004, eq. 3).
fn by_angle(h: f64, k: f64, rho: f64) -> f64 {
    let half_squares = 0.5 * (h * h + k * k);
    let half_angle = 0.5 * rho.asin();
    let mut sum = 0.0;
    for &(node, weight) in nodes(rho) {
        for u in [1.0 - node, 1.0 + node] {
            let s = (half_angle * u).sin();
            sum += weight * ((s * h * k - half_squares) / (1.0 - s * s)).exp();
        }
    }
    sum * half_angle / TAU + cdf(-h) * cdf(-k)
}

/// Upper orthant probability for `|rho| >= 0.925`: expansion around `|rho| = 1` plus the integral of
/// what it leaves (Genz 2004, eq. 6).
fn near_singular(h: f64, k: f64, rho: f64) -> f64 {
    let k = if rho < 0.0 { -k } else { k };
    let hk = h * k;
    let mut part = 0.0;
    if rho.abs() < 1.0 {
        let one_less = (1.0 - rho) * (1.0 + rho);
        let a = one_less.sqrt();
        let gap = (h - k).abs();
        let gap2 = gap * gap;
        let c = (4.0 - hk) / 8.0;
        let d = (12.0 - hk) / 80.0;
        let exponent = -0.5 * (gap2 / one_less + hk);
        if exponent > -100.0 {
            let series =
                1.0 - c * (gap2 - one_less) * (1.0 - d * gap2) / 3.0 + c * d * one_less * one_less;
            part = a * exponent.exp() * series;
        }
        if hk > -100.0 {
            let tail = TAU.sqrt() * cdf(-gap / a);
            part -= (-0.5 * hk).exp() * tail * gap * (1.0 - c * gap2 * (1.0 - d * gap2) / 3.0);
        }
        let half = 0.5 * a;
        let mut sum = 0.0;
        for &(node, weight) in &NODES_20 {
            for u in [1.0 - node, 1.0 + node] {
                let xs = (half * u) * (half * u);
                let exponent = -0.5 * (gap2 / xs + hk);
                if exponent > -100.0 {
                    let root = (1.0 - xs).sqrt();
                    let exact = (-0.5 * hk * xs / ((1.0 + root) * (1.0 + root))).exp() / root;
                    let series = 1.0 + c * xs * (1.0 + 5.0 * d * xs);
                    sum += weight * exponent.exp() * (series - exact);
                }
            }
        }
        part = (half * sum - part) / TAU;
    }
    if rho > 0.0 {
        return part + cdf(-h.max(k));
    }
    if h >= k {
        -part
    } else if h < 0.0 {
        cdf(k) - cdf(h) - part
    } else {
        cdf(-h) - cdf(-k) - part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quadrant_has_its_closed_form() {
        // P(X<0, Y<0) = 1/4 + asin(rho) / 2 pi
        for i in -100..=100 {
            let rho = f64::from(i) / 100.0;
            let want = 0.25 + rho.asin() / TAU;
            let got = bivariate_cdf(0.0, 0.0, rho);
            assert!((got - want).abs() < 5e-16, "rho {rho}: {got} {want}");
        }
    }

    #[test]
    fn infinite_and_huge_arguments_are_limits() {
        let inf = f64::INFINITY;
        assert_eq!(bivariate_cdf(inf, 0.3, 0.5), bivariate_cdf(1e300, 0.3, 0.5));
        assert!((bivariate_cdf(inf, 0.3, -0.99) - cdf(0.3)).abs() < 1e-15);
        assert_eq!(bivariate_cdf(-inf, 0.3, 0.99), 0.0);
        assert_eq!(bivariate_cdf(1.0, -0.5, 1.0), cdf(-0.5));
        assert!(bivariate_cdf(f64::NAN, 0.0, 0.0).is_nan());
    }
}
