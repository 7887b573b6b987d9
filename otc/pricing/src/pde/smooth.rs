//! Jumps and kinks between the nodes of a uniform grid.
//!
//! Values sampled from a function that jumps carry an error that depends on where in its cell the
//! jump lies, and extrapolation over grids then fails. Smoothed with a kernel that keeps cubics
//! (Kreiss, Thomée, Widlund 1970, "Smoothing of initial data", order 4) they do not. Only nodes next
//! to a jump change, by what is told here.

/// Nodes farther than this many steps from a jump keep their values.
pub(super) const REACH: f64 = 3.0;

/// Nodes used to look at a function between nodes.
pub(super) const STENCIL: usize = 6;

/// `(φ * y₊ᵏ/k!)(u) − u₊ᵏ/k!` for k = 0 to 3, where `φ = 4/3 B₄ − 1/6 (B₄(· − 1) + B₄(· + 1))` and
/// `B₄` is the cubic B-spline.
pub(super) fn excess(u: f64) -> [f64; 4] {
    if u.abs() >= REACH {
        return [0.0; 4];
    }
    let (middle, left, right) = (spline(u), spline(u - 1.0), spline(u + 1.0));
    let mut power = f64::from(u8::from(u >= 0.0));
    std::array::from_fn(|k| {
        if k > 0 {
            power *= u / k as f64;
        }
        4.0 / 3.0 * middle[k] - (left[k] + right[k]) / 6.0 - power
    })
}

/// `B₄ * y₊ᵏ/k!` at `u` for k = 0 to 3.
fn spline(u: f64) -> [f64; 4] {
    const BINOMIAL: [f64; 5] = [1.0, -4.0, 6.0, -4.0, 1.0];
    const FACTORIAL: [f64; 4] = [24.0, 120.0, 720.0, 5040.0];
    let mut sums = [0.0; 4];
    for (j, sign) in BINOMIAL.iter().enumerate() {
        let y = (u + 2.0 - j as f64).max(0.0);
        let mut power = y * y * y;
        for sum in &mut sums {
            power *= y;
            *sum += sign * power;
        }
    }
    std::array::from_fn(|k| sums[k] / FACTORIAL[k])
}

/// Weights of the values at `nodes` for the value and the first three derivatives at `at`
/// (Fornberg 1988, "Generation of finite difference formulas on arbitrarily spaced grids").
pub(super) fn weights(at: f64, nodes: &[f64]) -> [[f64; STENCIL]; 4] {
    let mut all = [[0.0; STENCIL]; 4];
    let mut before = 1.0;
    let mut offset = nodes[0] - at;
    all[0][0] = 1.0;
    for i in 1..nodes.len().min(STENCIL) {
        let most = i.min(3);
        let mut product = 1.0;
        let last = offset;
        offset = nodes[i] - at;
        for j in 0..i {
            let distance = nodes[i] - nodes[j];
            product *= distance;
            if j + 1 == i {
                for k in (1..=most).rev() {
                    all[k][i] =
                        before * (k as f64 * all[k - 1][i - 1] - last * all[k][i - 1]) / product;
                }
                all[0][i] = -before * last * all[0][i - 1] / product;
            }
            for k in (1..=most).rev() {
                all[k][j] = (offset * all[k][j] - k as f64 * all[k - 1][j]) / distance;
            }
            all[0][j] = offset * all[0][j] / distance;
        }
        before = product;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_keeps_what_is_far_and_the_area() {
        for k in 0..4 {
            assert!(excess(2.999_999)[k].abs() < 1e-12);
            assert!(excess(-2.999_999)[k].abs() < 1e-12);
        }
        // Σ M₀(i + θ) over the nodes is the length of the half line, whatever θ.
        let area = |shift: f64| -> f64 {
            (-5..=5)
                .map(|i| f64::from(i) + shift)
                .map(|u| excess(u)[0] + f64::from(u8::from(u >= 0.0)))
                .sum()
        };
        for shift in [0.0, 0.25, 0.5, 0.9] {
            assert!((area(shift) - (5.5 + shift)).abs() < 1e-12, "{shift}");
        }
    }

    #[test]
    fn weights_are_exact_for_quintics() {
        let nodes = [0.0, 1.0, 2.1, 3.0, 4.0, 5.0];
        let at = 2.4_f64;
        let weights = weights(at, &nodes);
        let want = [
            at.powi(5),
            5.0 * at.powi(4),
            20.0 * at.powi(3),
            60.0 * at.powi(2),
        ];
        for (row, want) in weights.iter().zip(want) {
            let found: f64 = row.iter().zip(nodes).map(|(w, x)| w * x.powi(5)).sum();
            assert!((found - want).abs() < 1e-9, "{found} {want}");
        }
    }
}
