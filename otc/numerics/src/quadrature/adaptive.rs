//! Globally adaptive Gauss-Kronrod quadrature with 7 and 15 points (Piessens et al. 1983, QAG).

#![expect(
    clippy::excessive_precision,
    reason = "constants keep the digits they were published with"
)]

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::Integral;
use crate::error::{Error, Result, check_increasing};
use crate::sum::Neumaier;

/// When an integral is good enough, and when to give up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Absolute error allowed.
    pub absolute: f64,
    /// Error allowed relative to the value; the larger of both holds.
    pub relative: f64,
    /// Evaluations of the integrand before giving up.
    pub max_evaluations: usize,
}

impl Default for Tolerance {
    /// 1e-14 absolute or 1e-13 relative within 20,000 evaluations.
    fn default() -> Self {
        Self {
            absolute: 1e-14,
            relative: 1e-13,
            max_evaluations: 20_000,
        }
    }
}

impl Tolerance {
    /// The error allowed for a value.
    pub(super) fn of(&self, value: f64) -> f64 {
        self.absolute.max(self.relative * value.abs())
    }
}

/// Kronrod nodes from the end to the centre; every second one is a Gauss node.
const NODES: [f64; 8] = [
    0.991_455_371_120_812_6,
    0.949_107_912_342_758_5,
    0.864_864_423_359_769_1,
    0.741_531_185_599_394_4,
    0.586_087_235_467_691_1,
    0.405_845_151_377_397_17,
    0.207_784_955_007_898_47,
    0.0,
];
const KRONROD: [f64; 8] = [
    0.022_935_322_010_529_225,
    0.063_092_092_629_978_55,
    0.104_790_010_322_250_18,
    0.140_653_259_715_525_92,
    0.169_004_726_639_267_9,
    0.190_350_578_064_785_4,
    0.204_432_940_075_298_9,
    0.209_482_141_084_727_82,
];
const GAUSS: [f64; 4] = [
    0.129_484_966_168_869_7,
    0.279_705_391_489_276_7,
    0.381_830_050_505_118_93,
    0.417_959_183_673_469_4,
];

struct Piece {
    a: f64,
    b: f64,
    value: f64,
    error: f64,
}

impl PartialEq for Piece {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Piece {}
impl PartialOrd for Piece {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Piece {
    fn cmp(&self, other: &Self) -> Ordering {
        self.error
            .total_cmp(&other.error)
            .then(other.a.total_cmp(&self.a))
    }
}

fn fifteen(a: f64, b: f64, f: &mut impl FnMut(f64) -> f64) -> Piece {
    let (half, middle) = (0.5 * (b - a), 0.5 * (a + b));
    let centre = f(middle);
    let mut values = [(centre, centre); 8];
    let (mut kronrod, mut gauss) = (KRONROD[7] * centre, GAUSS[3] * centre);
    let mut absolute = KRONROD[7] * centre.abs();
    for (i, pair) in values.iter_mut().enumerate().take(7) {
        *pair = (f(middle - half * NODES[i]), f(middle + half * NODES[i]));
        let sum = pair.0 + pair.1;
        kronrod += KRONROD[i] * sum;
        absolute += KRONROD[i] * (pair.0.abs() + pair.1.abs());
        if i % 2 == 1 {
            gauss += GAUSS[i / 2] * sum;
        }
    }
    let mean = 0.5 * kronrod;
    let variation: f64 = values
        .iter()
        .zip(&KRONROD)
        .take(7)
        .map(|(v, w)| w * ((v.0 - mean).abs() + (v.1 - mean).abs()))
        .sum::<f64>()
        + KRONROD[7] * (centre - mean).abs();
    // QUADPACK's scaling: the raw difference bounds the Gauss rule, the Kronrod rule is far better.
    let raw = (kronrod - gauss).abs();
    let scaled = if variation > 0.0 && raw > 0.0 {
        variation * (200.0 * raw / variation).powf(1.5).min(1.0)
    } else {
        raw
    };
    let error = half * scaled.max(2.0 * f64::EPSILON * absolute);
    Piece {
        a,
        b,
        value: half * kronrod,
        error,
    }
}

/// Integral of `f` over `[a, b]`.
///
/// # Errors
/// As [`gauss_kronrod_pieces`].
pub fn gauss_kronrod(
    a: f64,
    b: f64,
    tolerance: Tolerance,
    f: impl FnMut(f64) -> f64,
) -> Result<Integral> {
    gauss_kronrod_pieces(&[a, b], tolerance, f)
}

/// Integral of `f` from the first to the last edge, with kinks and jumps of `f` at edges between.
///
/// The piece with the largest error is halved until the sum of errors meets the tolerance, or until no
/// piece can be improved beyond rounding.
///
/// # Errors
/// Edges that are fewer than two, not finite or not increasing; an integrand that is NaN or infinite;
/// more evaluations than allowed.
pub fn gauss_kronrod_pieces(
    edges: &[f64],
    tolerance: Tolerance,
    mut f: impl FnMut(f64) -> f64,
) -> Result<Integral> {
    if edges.len() < 2 {
        return Err(Error::Length {
            what: "edges",
            expected: 2,
            found: edges.len(),
        });
    }
    check_increasing("edges", edges)?;
    let mut heap: BinaryHeap<Piece> = edges
        .windows(2)
        .map(|w| fifteen(w[0], w[1], &mut f))
        .collect();
    let mut evaluations = 15 * heap.len();
    let mut finished: Vec<Piece> = Vec::new();
    loop {
        let all = || heap.iter().chain(&finished);
        let value = all().map(|p| p.value).collect::<Neumaier>().value();
        let error = all().map(|p| p.error).collect::<Neumaier>().value();
        if !(value.is_finite() && error.is_finite()) {
            return Err(Error::NotFinite {
                what: "integrand",
                index: evaluations,
                value,
            });
        }
        if error <= tolerance.of(value) {
            return Ok(Integral {
                value,
                error,
                evaluations,
            });
        }
        let Some(worst) = heap.pop() else {
            let what = "Gauss-Kronrod quadrature";
            return Err(Error::NoConvergence {
                what,
                iterations: evaluations,
                residual: error,
            });
        };
        if evaluations + 30 > tolerance.max_evaluations {
            let what = "Gauss-Kronrod quadrature";
            return Err(Error::NoConvergence {
                what,
                iterations: evaluations,
                residual: error,
            });
        }
        let middle = 0.5 * (worst.a + worst.b);
        if middle <= worst.a || middle >= worst.b {
            finished.push(worst);
            continue;
        }
        let halves = [
            fifteen(worst.a, middle, &mut f),
            fifteen(middle, worst.b, &mut f),
        ];
        evaluations += 30;
        heap.extend(halves);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_points_are_exact_to_degree_22() {
        for k in 0..=22 {
            let p = fifteen(-1.0, 2.0, &mut |x: f64| x.powi(k));
            let want = (2f64.powi(k + 1) - (-1f64).powi(k + 1)) / f64::from(k + 1);
            assert!(
                (p.value - want).abs() <= 1e-14 * want.abs().max(1.0),
                "degree {k}"
            );
        }
        let gauss: f64 = 2.0 * GAUSS[..3].iter().sum::<f64>() + GAUSS[3];
        assert!((gauss - 2.0).abs() < 1e-15);
    }

    #[test]
    fn errors_bound_the_truth_for_smooth_kinked_and_singular_integrands() {
        type Case = (f64, f64, f64, fn(f64) -> f64);
        let cases: [Case; 4] = [
            (0.0, 1.0, std::f64::consts::E - 1.0, f64::exp),
            (0.0, 1.0, 2.0 / 3.0, f64::sqrt),
            (-1.0, 2.0, 2.26, |x| (x - 0.4).abs()),
            (0.0, 40.0, 1.0 - 40f64.cos(), f64::sin),
        ];
        for (a, b, want, f) in cases {
            let loose = Tolerance {
                absolute: 1e-9,
                relative: 0.0,
                max_evaluations: 20_000,
            };
            let got = gauss_kronrod(a, b, loose, f).unwrap();
            assert!(
                (got.value - want).abs() <= got.error.max(1e-15),
                "{got:?} {want}"
            );
        }
    }

    #[test]
    fn a_jump_at_an_edge_costs_nothing() {
        let step = |x: f64| if x < 0.3 { 1.0 } else { 5.0 };
        let got = gauss_kronrod_pieces(&[0.0, 0.3, 1.0], Tolerance::default(), step).unwrap();
        assert!((got.value - 3.8).abs() < 1e-14 && got.evaluations == 30);
    }

    #[test]
    fn no_convergence_and_nan_are_typed() {
        let few = Tolerance {
            max_evaluations: 100,
            ..Tolerance::default()
        };
        let spiky = |x: f64| (1e4 * x).sin().abs();
        assert!(matches!(
            gauss_kronrod(0.0, 1.0, few, spiky),
            Err(Error::NoConvergence { .. })
        ));
        assert!(matches!(
            gauss_kronrod(0.0, 1.0, few, |_| f64::NAN),
            Err(Error::NotFinite { .. })
        ));
        assert!(gauss_kronrod(1.0, 1.0, few, |x| x).is_err());
    }
}
