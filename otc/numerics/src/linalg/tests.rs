use super::*;

fn matrix(n: usize, data: &[f64]) -> Matrix {
    Matrix::from_rows(n, n, data.to_vec()).unwrap()
}

fn distance(a: &Matrix, b: &Matrix) -> f64 {
    a.as_slice()
        .iter()
        .zip(b.as_slice())
        .map(|(a, b)| (a - b).powi(2))
        .sum::<f64>()
        .sqrt()
}

#[test]
fn cholesky_of_a_known_matrix() {
    let a = matrix(
        3,
        &[4.0, 12.0, -16.0, 12.0, 37.0, -43.0, -16.0, -43.0, 98.0],
    );
    let l = cholesky(&a, 0.0).unwrap();
    assert_eq!(l.as_slice(), [2.0, 0.0, 0.0, 6.0, 1.0, 0.0, -8.0, 5.0, 3.0]);
}

#[test]
fn perfect_correlation_is_semidefinite_and_allowed() {
    let a = matrix(3, &[1.0, 1.0, 0.5, 1.0, 1.0, 0.5, 0.5, 0.5, 1.0]);
    let l = cholesky(&a, 1e-12).unwrap();
    assert_eq!(l[(1, 1)], 0.0);
    assert!(distance(&l.multiply(&l.transpose()).unwrap(), &a) < 1e-15);
}

#[test]
fn a_negative_direction_is_refused() {
    let a = matrix(2, &[1.0, 1.1, 1.1, 1.0]);
    assert!(matches!(
        cholesky(&a, 1e-12),
        Err(Error::NotPositiveSemidefinite { row: 1, .. })
    ));
    let hidden = matrix(2, &[0.0, 0.5, 0.5, 1.0]);
    assert!(matches!(
        cholesky(&hidden, 1e-12),
        Err(Error::NotPositiveSemidefinite { .. })
    ));
    let crooked = matrix(2, &[1.0, 0.1, 0.2, 1.0]);
    assert!(matches!(
        cholesky(&crooked, 1e-12),
        Err(Error::NotSymmetric { .. })
    ));
    assert!(Matrix::from_rows(1, 1, vec![f64::NAN]).is_err());
}

#[test]
fn lu_solves_what_needs_pivoting() {
    let a = matrix(3, &[0.0, 2.0, 1.0, 1.0, -1.0, 0.0, 3.0, 0.0, -2.0]);
    let x = solve(&a, &[7.0, -1.0, -3.0]).unwrap();
    for (a, b) in x.iter().zip([1.0, 2.0, 3.0]) {
        assert!((a - b).abs() < 1e-15);
    }
    let singular = matrix(2, &[1.0, 2.0, 2.0, 4.0]);
    assert!(matches!(
        solve(&singular, &[1.0, 1.0]),
        Err(Error::Singular { row: 1, .. })
    ));
}

#[test]
fn eigenvalues_of_the_second_difference_are_known() {
    let n = 12;
    let mut a = Matrix::zeros(n, n);
    for i in 0..n {
        a[(i, i)] = 2.0;
        if i > 0 {
            (a[(i, i - 1)], a[(i - 1, i)]) = (-1.0, -1.0);
        }
    }
    let e = symmetric_eigen(&a).unwrap();
    for (k, value) in e.values.iter().enumerate() {
        let angle = std::f64::consts::PI * (k + 1) as f64 / (n + 1) as f64;
        assert!((value - (2.0 - 2.0 * angle.cos())).abs() < 1e-14);
    }
    let v = &e.vectors;
    assert!(distance(&v.transpose().multiply(v).unwrap(), &Matrix::identity(n)) < 1e-13);
}

#[test]
fn the_nearest_correlation_matrix_of_highams_example() {
    // Higham 2002, section 4: [[1,1,0],[1,1,1],[0,1,1]] -> 0.7607, 0.1573, distance 0.5278
    let a = matrix(3, &[1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0]);
    let near = nearest_correlation(&a, 0.0).unwrap();
    assert!((near.matrix[(0, 1)] - 0.760_7).abs() < 5e-5, "{near:?}");
    assert!((near.matrix[(0, 2)] - 0.157_3).abs() < 5e-5);
    assert!((near.distance - 0.527_8).abs() < 1e-4);
    assert!(symmetric_eigen(&near.matrix).unwrap().values[0] > -1e-12);
    assert!(cholesky(&near.matrix, 1e-10).is_ok());
}

#[test]
fn a_floor_makes_the_nearest_matrix_definite() {
    let a = matrix(3, &[1.0, 0.9, 0.7, 0.9, 1.0, -0.9, 0.7, -0.9, 1.0]);
    let near = nearest_correlation(&a, 1e-6).unwrap();
    assert!(symmetric_eigen(&near.matrix).unwrap().values[0] > 0.9e-6);
    assert!(cholesky(&near.matrix, 0.0).is_ok());
    assert!(nearest_correlation(&a, 1.0).is_err());
}

#[test]
fn a_correlation_matrix_is_left_alone() {
    let a = matrix(2, &[1.0, -0.3, -0.3, 1.0]);
    let near = nearest_correlation(&a, 0.0).unwrap();
    assert_eq!((near.matrix, near.distance, near.iterations), (a, 0.0, 0));
}
