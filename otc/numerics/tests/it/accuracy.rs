//! The special functions against values of many digits.

use crate::oracle::{BIVARIATE, ERFC, INVERSE, LEGENDRE, NORMAL};
use rialto_otc_numerics::normal::{bivariate_cdf, cdf, erfc, erfcx, inverse_cdf, pdf};
use rialto_otc_numerics::quadrature::gauss_legendre;

fn relative(got: f64, want: f64) -> f64 {
    if want == 0.0 {
        got.abs()
    } else {
        ((got - want) / want).abs()
    }
}

/// Prints every value that misses before it fails, so that a slip in one constant shows its range.
fn all_within(bound: f64, cases: impl Iterator<Item = (String, f64, f64)>) {
    let misses: Vec<String> = cases
        .filter(|(_, got, want)| relative(*got, *want) > bound)
        .map(|(name, got, want)| {
            format!("{name}: {got:e}, not {want:e}: {:e}", relative(got, want))
        })
        .collect();
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

#[test]
fn the_distribution_function_has_relative_accuracy_in_both_tails() {
    all_within(
        8e-16,
        NORMAL
            .iter()
            .map(|&(x, c, _)| (format!("cdf({x})"), cdf(x), c)),
    );
    all_within(
        8e-16,
        NORMAL
            .iter()
            .map(|&(x, _, p)| (format!("pdf({x})"), pdf(x), p)),
    );
}

#[test]
fn the_complementary_error_function_and_its_scaled_form() {
    all_within(
        8e-16,
        ERFC.iter()
            .map(|&(x, e, _)| (format!("erfc({x})"), erfc(x), e)),
    );
    all_within(
        8e-16,
        ERFC.iter()
            .map(|&(x, _, s)| (format!("erfcx({x})"), erfcx(x), s)),
    );
}

#[test]
fn the_inverse_distribution_function_from_1e_308_to_the_upper_tail() {
    all_within(
        8e-16,
        INVERSE
            .iter()
            .filter(|(p, _)| *p <= 0.5)
            .map(|&(p, x)| (format!("inverse_cdf({p:e})"), inverse_cdf(p), x)),
    );
    // above one half 1 - p is exact, so only the approximation itself errs
    all_within(
        2e-15,
        INVERSE
            .iter()
            .filter(|(p, _)| *p > 0.5)
            .map(|&(p, x)| (format!("inverse_cdf({p:e})"), inverse_cdf(p), x)),
    );
}

#[test]
fn the_bivariate_distribution_function_to_1e_15_absolute() {
    for (x, y, rho, want) in BIVARIATE {
        let got = bivariate_cdf(x, y, rho);
        assert!(
            (got - want).abs() < 1e-15,
            "({x}, {y}, {rho}): {got:e}, not {want:e}"
        );
    }
}

#[test]
fn legendre_nodes_and_weights_to_1e_15() {
    for (n, i, node, weight) in LEGENDRE {
        let rule = gauss_legendre(n).unwrap();
        let at = n - 1 - i;
        let (dx, dw) = (rule.nodes[at] - node, rule.weights[at] - weight);
        assert!(dx.abs() <= 1e-15, "node {i} of {n} is off by {dx:e}");
        assert!(dw.abs() <= 1e-15, "weight {i} of {n} is off by {dw:e}");
        assert!(
            dw.abs() <= 1e-13 * weight,
            "weight {i} of {n} is off by {:e}",
            dw / weight
        );
    }
}
