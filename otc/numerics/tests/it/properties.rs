//! Algebra that holds for all inputs.

use proptest::prelude::*;
use rialto_otc_numerics::Error;
use rialto_otc_numerics::bridge::BrownianBridge;
use rialto_otc_numerics::interpolate::{Extrapolation, PiecewiseCubic};
use rialto_otc_numerics::linalg::{Matrix, cholesky, nearest_correlation, solve, symmetric_eigen};
use rialto_otc_numerics::normal::{bivariate_cdf, cdf, erfc, erfcx, inverse_cdf, pdf};
use rialto_otc_numerics::philox::Philox;
use rialto_otc_numerics::quadrature::{Panels, gauss_legendre};
use rialto_otc_numerics::roots::{RootTolerance, brent, expand_bracket, newton};
use rialto_otc_numerics::sobol::{Scramble, Sobol};
use rialto_otc_numerics::sum::{Neumaier, pairwise};

/// Finite numbers of every size, zero and subnormals included.
fn finite() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("finite", |x| x.is_finite()),
        -40.0..40.0f64
    ]
}

proptest! {
    #[test]
    fn normal_functions_are_total(x in finite(), y in finite(), rho in finite()) {
        for v in [pdf(x), cdf(x), erfc(x), erfcx(x), inverse_cdf(x), bivariate_cdf(x, y, rho)] {
            prop_assert!(!v.is_nan(), "{x} {y} {rho}");
        }
        prop_assert!((0.0..=1.0).contains(&cdf(x)) && (0.0..=2.0).contains(&erfc(x)));
        prop_assert!((0.0..=1.0).contains(&bivariate_cdf(x, y, rho)));
    }

    #[test]
    fn the_tails_mirror_each_other(x in -38.0..38.0f64) {
        prop_assert!((cdf(x) + cdf(-x) - 1.0).abs() < 3e-16);
        prop_assert!((cdf(x) - 0.5 * erfc(-x / std::f64::consts::SQRT_2)).abs() < 4e-16);
        prop_assert_eq!(pdf(x), pdf(-x));
    }

    #[test]
    fn the_inverse_undoes_the_distribution_function(p in 1e-300..0.5f64, log_p in -690.0..-0.7f64) {
        for p in [p, log_p.exp()] {
            // an error of an ulp in x moves the probability by x^2 ulps
            let x = inverse_cdf(p);
            prop_assert!((cdf(x) - p).abs() <= (1.0 + x * x) * 1e-15 * p, "{} {}", p, x);
            prop_assert_eq!(inverse_cdf(1.0 - p), -inverse_cdf(1.0 - (1.0 - p)));
        }
    }

    #[test]
    fn the_distribution_function_never_falls(x in -38.0..8.0f64, step in 1e-6..1.0f64) {
        prop_assert!(cdf(x + step) >= cdf(x));
        prop_assert!(inverse_cdf(cdf(x + step)) >= inverse_cdf(cdf(x)) - 1e-15);
    }

    #[test]
    fn bivariate_identities(x in -6.0..6.0f64, y in -6.0..6.0f64, rho in -1.0..=1.0f64) {
        let p = bivariate_cdf(x, y, rho);
        prop_assert!((p - bivariate_cdf(y, x, rho)).abs() < 2e-15, "symmetric");
        let other = bivariate_cdf(x, -y, -rho);
        prop_assert!((p + other - cdf(x)).abs() < 2e-15, "Y or not Y: {} {}", p, other);
        prop_assert!(p <= cdf(x).min(cdf(y)) + 1e-15);
        prop_assert!(p >= cdf(x) + cdf(y) - 1.0 - 1e-15);
    }

    #[test]
    fn a_draw_depends_on_its_address_only(
        seed: u64, path in 0..u64::MAX - 100, step: u32, stream: u32, n in 1usize..40, at in 0usize..40
    ) {
        let at = at % n;
        let g = Philox::new(seed);
        let mut many = vec![0.0; n];
        g.fill_normals(path, step, stream, &mut many);
        let mut one = [0.0];
        g.fill_normals(path + at as u64, step, stream, &mut one);
        prop_assert_eq!(many[at].to_bits(), one[0].to_bits());
        prop_assert!(one[0].is_finite());
    }

    #[test]
    fn any_aligned_block_of_a_scrambled_dimension_is_a_net(
        seed: u64, replicate: u32, dimension in 0usize..300, block in 0u32..1 << 20, log2 in 0u32..11
    ) {
        let sobol = Sobol::new(300).unwrap();
        let n = 1usize << log2;
        let mut u = vec![0.0; n];
        let scramble = Scramble::new(seed, replicate);
        sobol.fill_scrambled(scramble, dimension, block << log2, &mut u).unwrap();
        let mut cells: Vec<usize> = u.iter().map(|u| (u * n as f64) as usize).collect();
        cells.sort_unstable();
        prop_assert!(cells.into_iter().eq(0..n));
        prop_assert!(u.iter().all(|u| *u > 0.0 && *u < 1.0));
    }

    #[test]
    fn a_bridge_is_an_orthogonal_change_of_the_normals(
        steps in prop::collection::vec(1e-4..2.0f64, 1..60), z in prop::collection::vec(-4.0..4.0f64, 60)
    ) {
        let times: Vec<f64> = steps.iter().scan(0.0, |t, h| { *t += h; Some(*t) }).collect();
        let n = times.len();
        let bridge = BrownianBridge::new(&times).unwrap();
        let mut order: Vec<usize> = bridge.order().collect();
        prop_assert_eq!(order[0], n - 1);
        order.sort_unstable();
        prop_assert!(order.into_iter().eq(0..n));
        let mut dw = vec![0.0; n];
        bridge.increments(&z[..n], &mut dw, 1).unwrap();
        // increments over their deviations have the length of the normals
        let before: f64 = z[..n].iter().map(|z| z * z).sum();
        let mut last = 0.0;
        let after: f64 = dw.iter().zip(&times).map(|(d, t)| { let v = d * d / (t - last); last = *t; v }).sum();
        prop_assert!((before - after).abs() <= 1e-9 * before.max(1e-6), "{} {}", before, after);
    }

    #[test]
    fn monotone_cubics_stay_between_neighbouring_values(
        gaps in prop::collection::vec(1e-3..10.0f64, 2..12), y in prop::collection::vec(-1e3..1e3f64, 12), t in 0.0..1.0f64
    ) {
        let x: Vec<f64> = gaps.iter().scan(0.0, |s, h| { *s += h; Some(*s) }).collect();
        let p = PiecewiseCubic::monotone(&x, &y[..x.len()], Extrapolation::Refuse).unwrap();
        for (x, y) in x.windows(2).zip(y.windows(2)) {
            let v = p.value(x[0] + t * (x[1] - x[0])).unwrap();
            let (lo, hi) = (y[0].min(y[1]), y[0].max(y[1]));
            prop_assert!(v >= lo - 1e-9 && v <= hi + 1e-9, "{} not in [{}, {}]", v, lo, hi);
        }
    }

    #[test]
    fn splines_reproduce_lines(a in -5.0..5.0f64, b in -5.0..5.0f64, x in -3.0..12.0f64) {
        let xs = [0.0, 1.0, 1.5, 4.0, 9.0];
        let ys = xs.map(|x| a + b * x);
        for p in [
            PiecewiseCubic::linear(&xs, &ys, Extrapolation::Linear).unwrap(),
            PiecewiseCubic::monotone(&xs, &ys, Extrapolation::Linear).unwrap(),
            PiecewiseCubic::natural(&xs, &ys, Extrapolation::Linear).unwrap(),
        ] {
            prop_assert!((p.value(x).unwrap() - (a + b * x)).abs() < 1e-12);
        }
    }

    #[test]
    fn both_root_finders_agree_inside_any_bracket(root in -50.0..50.0f64, wide in 0.1..100.0f64, steep in 0.01..5.0f64) {
        let f = |x: f64| (steep * (x - root)).sinh().clamp(-1e200, 1e200);
        let df = |x: f64| (f(x), steep * (steep * (x - root)).cosh());
        let b = expand_bracket((root + 0.3 * wide, root + wide), (-1e3, 1e3), 100, f).unwrap();
        let t = RootTolerance::default();
        prop_assert!((brent(b.lo, b.hi, t, f).unwrap().x - root).abs() < 1e-11);
        prop_assert!((newton(b.lo, b.hi, t, df).unwrap().x - root).abs() < 1e-11);
    }

    #[test]
    fn panels_through_cuts_cover_the_interval_once(
        cuts in prop::collection::vec(-3.0..3.0f64, 0..8), width in 0.05..4.0f64
    ) {
        let edges = Panels::edges_through(-2.0, 2.5, &cuts, width).unwrap();
        prop_assert_eq!((edges[0], *edges.last().unwrap()), (-2.0, 2.5));
        prop_assert!(edges.windows(2).all(|w| w[1] > w[0] && w[1] - w[0] <= width * (1.0 + 1e-9)));
        for c in cuts.iter().filter(|c| **c > -2.0 && **c < 2.5) {
            prop_assert!(edges.iter().any(|e| (e - c).abs() < 1e-11));
        }
        let panels = Panels::new(&edges, &gauss_legendre(6).unwrap()).unwrap();
        prop_assert!((panels.integrate(|x| x.powi(4)) - (2.5f64.powi(5) + 32.0) / 5.0).abs() < 1e-11);
    }

    #[test]
    fn compensated_and_pairwise_sums_agree(v in prop::collection::vec(-1e6..1e6f64, 0..500)) {
        let exact = v.iter().copied().collect::<Neumaier>().value();
        // 32 additions in a leaf and at most four levels above it
        let size: f64 = v.iter().map(|v| v.abs()).sum();
        prop_assert!((pairwise(&v) - exact).abs() <= 36.0 * f64::EPSILON / 2.0 * size);
    }

    #[test]
    fn factors_of_a_gram_matrix_rebuild_it(data in prop::collection::vec(-3.0..3.0f64, 25)) {
        let b = Matrix::from_rows(5, 5, data).unwrap();
        let mut a = b.multiply(&b.transpose()).unwrap();
        for i in 0..5 { a[(i, i)] += 0.1; }
        let near = |x: &Matrix, y: &Matrix| x.as_slice().iter().zip(y.as_slice()).all(|(p, q)| (p - q).abs() < 1e-11);
        let l = cholesky(&a, 1e-12).unwrap();
        prop_assert!(near(&l.multiply(&l.transpose()).unwrap(), &a));
        let e = symmetric_eigen(&a).unwrap();
        prop_assert!(e.values.windows(2).all(|w| w[0] <= w[1]) && e.values[0] > 0.09);
        let mut scaled = e.vectors.clone();
        for i in 0..5 { for j in 0..5 { scaled[(i, j)] *= e.values[j]; } }
        prop_assert!(near(&scaled.multiply(&e.vectors.transpose()).unwrap(), &a));
        let x = solve(&a, &[1.0, -2.0, 3.0, 0.5, 0.0]).unwrap();
        let back = a.apply(&x).unwrap();
        prop_assert!(back.iter().zip([1.0, -2.0, 3.0, 0.5, 0.0]).all(|(p, q)| (p - q).abs() < 1e-10));
    }

    #[test]
    fn the_repaired_correlation_is_one_and_no_farther_than_the_simple_repair(
        r in prop::collection::vec(-1.0..1.0f64, 6)
    ) {
        let mut a = Matrix::identity(4);
        let mut k = 0;
        for i in 0..4 { for j in 0..i { a[(i, j)] = r[k]; a[(j, i)] = r[k]; k += 1; } }
        let near = match nearest_correlation(&a, 1e-8) {
            Err(Error::NoConvergence { .. }) => return Err(TestCaseError::fail("no convergence")),
            other => other.unwrap(),
        };
        let least = symmetric_eigen(&near.matrix).unwrap().values[0];
        prop_assert!(least > 0.9e-8, "{}", least);
        for i in 0..4 { prop_assert_eq!(near.matrix[(i, i)], 1.0); }
        // shrinking towards the identity until definite is another way, and never nearer
        let lowest = symmetric_eigen(&a).unwrap().values[0];
        if lowest < 1e-8 {
            let s = (1.0 - 1e-8) / (1.0 - lowest);
            let off: f64 = r.iter().map(|r| 2.0 * (r * (1.0 - s)).powi(2)).sum::<f64>().sqrt();
            prop_assert!(near.distance <= off + 1e-6, "{} {}", near.distance, off);
        } else {
            prop_assert_eq!(near.distance, 0.0);
        }
    }
}
