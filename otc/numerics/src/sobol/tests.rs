use super::*;

/// python -c "from scipy.stats import qmc; p = qmc.Sobol(2048, scramble=False, bits=32).random(1024);
/// print([[hex(int(p[i, d] * 2**32)) for d in (0,1,2,3,4,10,100,251,1000,2047)] for i in (1,2,3,5,37,500,1023)])"
const SCIPY_DIMENSIONS: [usize; 10] = [0, 1, 2, 3, 4, 10, 100, 251, 1000, 2047];
#[rustfmt::skip]
const SCIPY: [(u32, [u32; 10]); 7] = [
    (1, [0x8000_0000; 10]),
    (2, [0xC000_0000, 0x4000_0000, 0x4000_0000, 0x4000_0000, 0xC000_0000, 0xC000_0000, 0x4000_0000, 0xC000_0000, 0x4000_0000, 0xC000_0000]),
    (3, [0x4000_0000, 0xC000_0000, 0xC000_0000, 0xC000_0000, 0x4000_0000, 0x4000_0000, 0xC000_0000, 0x4000_0000, 0xC000_0000, 0x4000_0000]),
    (5, [0xE000_0000, 0xE000_0000, 0x2000_0000, 0x6000_0000, 0xE000_0000, 0x6000_0000, 0x2000_0000, 0xA000_0000, 0x6000_0000, 0xA000_0000]),
    (37, [0xEC00_0000, 0xA400_0000, 0x9400_0000, 0xEC00_0000, 0xC400_0000, 0x0400_0000, 0x5C00_0000, 0x6400_0000, 0xA400_0000, 0xF400_0000]),
    (500, [0x7080_0000, 0x1080_0000, 0x5880_0000, 0x6880_0000, 0x8A80_0000, 0xA780_0000, 0x9980_0000, 0x8080_0000, 0x3480_0000, 0x6280_0000]),
    (1023, [0x0040_0000, 0xC0C0_0000, 0x9CC0_0000, 0x2540_0000, 0x2FC0_0000, 0xADC0_0000, 0x3CC0_0000, 0xF3C0_0000, 0x28C0_0000, 0x3DC0_0000]),
];

fn scrambled(sobol: &Sobol, scramble: Scramble, dimension: usize, n: usize) -> Vec<f64> {
    let mut out = vec![0.0; n];
    sobol
        .fill_scrambled(scramble, dimension, 0, &mut out)
        .unwrap();
    out
}

/// Whether `2^m` points put one point into each of the `2^m` boxes of every shape `2^-a x 2^-(m-a)`.
fn is_net_with_t(x: &[f64], y: &[f64], t: u32) -> bool {
    let m = x.len().trailing_zeros();
    (0..=m - t).all(|a| {
        let (columns, rows) = (1usize << a, 1usize << (m - t - a));
        let mut counts = vec![0u32; columns * rows];
        for (x, y) in x.iter().zip(y) {
            counts[(x * columns as f64) as usize * rows + (y * rows as f64) as usize] += 1;
        }
        counts.iter().all(|&c| c == 1 << t)
    })
}

#[test]
fn points_are_those_of_the_reference_sequence() {
    let sobol = Sobol::new(2048).unwrap();
    for (i, row) in SCIPY {
        let gray = i ^ (i >> 1);
        for (&d, want) in SCIPY_DIMENSIONS.iter().zip(row) {
            assert_eq!(sobol.digits(d, gray), Some(want), "point {i} dimension {d}");
        }
    }
    assert_eq!(sobol.digits(2048, 1), None);
}

#[test]
fn every_row_of_the_table_is_whole() {
    let rows: Vec<Vec<u32>> = TABLE
        .lines()
        .filter(|l| !l.starts_with('#'))
        .map(|l| l.split(' ').map(|n| n.parse().unwrap()).collect())
        .collect();
    assert_eq!(rows.len(), MAX_DIMENSIONS - 1);
    for (k, row) in rows.iter().enumerate() {
        let (d, s, a) = (row[0] as usize, row[1] as usize, row[2]);
        assert_eq!((d, row.len()), (k + 2, 3 + s), "row {k}");
        assert!(a < 1 << (s - 1), "inner coefficients of dimension {d}");
        for (i, m) in row[3..].iter().enumerate() {
            assert!(
                m % 2 == 1 && *m < 2 << i,
                "m_{} of dimension {d} is {m}",
                i + 1
            );
        }
    }
}

#[test]
fn in_every_dimension_each_dyadic_interval_gets_its_point_scrambled_or_not() {
    let sobol = Sobol::new(MAX_DIMENSIONS).unwrap();
    let n = 256;
    for d in 0..MAX_DIMENSIONS {
        let mut plain = vec![0.0; n];
        sobol.fill(d, 512, &mut plain).unwrap();
        let mixed = scrambled(&sobol, Scramble::new(7, 3), d, n);
        for points in [plain, mixed] {
            let mut seen = vec![false; n];
            points
                .iter()
                .for_each(|u| seen[(u * n as f64) as usize] = true);
            assert!(seen.iter().all(|s| *s), "dimension {d}");
        }
    }
}

#[test]
fn first_two_dimensions_are_a_zero_net_and_stay_one_under_scrambling() {
    let sobol = Sobol::new(8).unwrap();
    for n in [16, 256, 4096] {
        let mut plain = [vec![0.0; n], vec![0.0; n]];
        sobol.fill(0, 0, &mut plain[0]).unwrap();
        sobol.fill(1, 0, &mut plain[1]).unwrap();
        assert!(is_net_with_t(&plain[0], &plain[1], 0));
        for replicate in 0..8 {
            let s = Scramble::new(99, replicate);
            let (x, y) = (scrambled(&sobol, s, 0, n), scrambled(&sobol, s, 1, n));
            assert!(is_net_with_t(&x, &y, 0), "replicate {replicate}");
        }
    }
    // all pairs of the first eight dimensions have t <= 5, the worth of the numbers of Joe and Kuo
    for a in 0..8 {
        for b in 0..a {
            let s = Scramble::new(5, 0);
            let (x, y) = (scrambled(&sobol, s, a, 4096), scrambled(&sobol, s, b, 4096));
            assert!(is_net_with_t(&x, &y, 5), "dimensions {a} and {b}");
            assert!(x != y);
        }
    }
}

#[test]
fn blocks_do_not_depend_on_where_they_begin() {
    let sobol = Sobol::new(20).unwrap();
    let s = Scramble::new(1, 2);
    let all = scrambled(&sobol, s, 19, 3000);
    for first in [1, 7, 1024, 1025, 2999] {
        let mut part = vec![0.0; 3000 - first];
        sobol
            .fill_scrambled(s, 19, first as u32, &mut part)
            .unwrap();
        assert_eq!(part, all[first..]);
    }
    let mut digits = [0; 4];
    sobol.fill_digits(3, u32::MAX - 1, &mut digits).unwrap();
    let want = [u32::MAX - 1, u32::MAX, 0, 1].map(|i| sobol.digits(3, i).unwrap());
    assert_eq!(digits, want);
}

#[test]
fn scrambling_flips_a_digit_by_the_digits_above_it_only() {
    for replicate in 0..50 {
        let s = Scramble::new(3, replicate);
        for (x, shared) in [
            (0x1234_5678u32, 5),
            (0xFFFF_0000, 17),
            (0, 31),
            (0xABCD_EF01, 1),
        ] {
            let top = u32::MAX << (32 - shared);
            let other = x ^ (1 << (31 - shared));
            let (p, q) = (s.digits(4, x), s.digits(4, other));
            assert_eq!(p & top, q & top, "the shared prefix stays shared");
            assert_ne!(
                p >> (31 - shared) & 1,
                q >> (31 - shared) & 1,
                "digits stay distinct"
            );
        }
    }
}

/// Over many replicates every digit of a fixed point is a fair coin, given the digits above it, and the
/// digits below the point where two points part are independent.
#[test]
fn digits_are_fair_and_independent_over_replicates() {
    let n = 20_000u32;
    let bound = 5.0 * (f64::from(n) / 4.0).sqrt();
    let fair = |ones: u32| (f64::from(ones) - f64::from(n) / 2.0).abs() < bound;
    let (x, y) = (0x0000_0001u32, 0x8000_0000u32);
    let mut ones = [0u32; 32];
    let mut agree = [0u32; 31];
    for r in 0..n {
        let s = Scramble::new(11, r);
        let (p, q) = (s.digits(0, x), s.digits(0, y));
        for (k, c) in ones.iter_mut().enumerate() {
            *c += p >> k & 1;
        }
        for (k, a) in agree.iter_mut().enumerate() {
            *a += !(p ^ q) >> k & 1;
        }
    }
    assert!(ones.iter().all(|&c| fair(c)), "ones {ones:?}");
    assert!(agree.iter().all(|&c| fair(c)), "agreements {agree:?}");
}

#[test]
fn scrambled_means_are_unbiased_and_converge_faster_than_plain_sampling() {
    let sobol = Sobol::new(6).unwrap();
    let integral = |n: usize, replicate: u32| {
        let mut product = vec![1.0; n];
        for d in 0..6 {
            let u = scrambled(&sobol, Scramble::new(2024, replicate), d, n);
            for (p, u) in product.iter_mut().zip(u) {
                *p *= 1.0 + 0.5 * (u - 0.5);
            }
        }
        crate::sum::pairwise(&product) / n as f64
    };
    let spread = |n: usize| {
        let values: Vec<f64> = (0..64).map(|r| integral(n, r)).collect();
        crate::statistics::estimate(&values).unwrap()
    };
    let (coarse, fine) = (spread(64), spread(4096));
    for e in [coarse, fine] {
        assert!((e.mean - 1.0).abs() < 4.0 * e.std_error, "{e:?}");
    }
    // 64 times the points: plain sampling gains 8, a smooth integrand under full scrambling up to 512
    assert!(
        coarse.std_error / fine.std_error > 64.0,
        "{coarse:?} {fine:?}"
    );
}

#[test]
fn too_many_dimensions_are_refused() {
    assert!(matches!(Sobol::new(2049), Err(Error::Range { .. })));
    assert!(matches!(Sobol::new(0), Err(Error::Range { .. })));
    let sobol = Sobol::new(2).unwrap();
    assert!(sobol.fill(2, 0, &mut [0.0]).is_err());
}
