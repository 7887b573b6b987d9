//! Calibration of raw SVI to quotes of one tenor.
//!
//! Starts from the quasi-explicit search of Zeliade ("Quasi-Explicit Calibration of Gatheral's SVI
//! model", 2009): for given `m` and `s` the smile is linear in three parameters. Levenberg-Marquardt
//! then moves all five, in coordinates in which total variance cannot be negative and no wing
//! steeper than 2. Butterflies are checked on the result by [`super::arbitrage::smile`].

use rialto_otc_numerics::linalg::{Matrix, solve};
use rialto_otc_numerics::minimise::{FitOptions, levenberg_marquardt};

use super::smile::Svi;

/// Starts from which the search runs.
const STARTS: usize = 4;
/// Largest `|ρ|`.
const MOST_TURNED: f64 = 0.999;
/// Widest bend and narrowest.
const WIDTHS: (f64, f64) = (1e-3, 5.0);

/// One quote of a smile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quote {
    /// Forward log-moneyness.
    pub k: f64,
    /// Total variance σ²T.
    pub variance: f64,
    /// Weight of its deviation in total variance; 1 over the width of the quote, for instance.
    pub weight: f64,
}

/// A calibrated smile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fitted {
    /// Parameters.
    pub svi: Svi,
    /// Root of the mean squared deviation in total variance, unweighted.
    pub rms: f64,
    /// Largest deviation in total variance and the `k` of its quote.
    pub worst: (f64, f64),
}

/// Why no smile was fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FitError {
    /// Too few quotes, or at the same strike.
    #[error("E-FIT-QUOTES: {0} quotes at different strikes; five parameters need five")]
    Few(usize),
    /// A quote that is no number or not above 0.
    #[error(
        "E-FIT-QUOTE: the quote at k = {k} has variance {variance} and weight {weight}; both are above 0"
    )]
    Quote {
        /// Forward log-moneyness.
        k: f64,
        /// Total variance.
        variance: f64,
        /// Weight.
        weight: f64,
    },
    /// The search failed from every start.
    #[error("E-FIT-SEARCH: {0}")]
    Search(String),
}

/// Fits raw SVI to quotes in any order.
///
/// # Errors
/// [`FitError`].
pub fn svi(quotes: &[Quote]) -> Result<Fitted, FitError> {
    for Quote {
        k,
        variance,
        weight,
    } in quotes
    {
        let sound = k.is_finite() && variance.is_finite() && weight.is_finite();
        if !(sound && *variance > 0.0 && *weight > 0.0) {
            let (k, variance, weight) = (*k, *variance, *weight);
            return Err(FitError::Quote {
                k,
                variance,
                weight,
            });
        }
    }
    let mut strikes: Vec<f64> = quotes.iter().map(|quote| quote.k).collect();
    strikes.sort_by(f64::total_cmp);
    strikes.dedup();
    if strikes.len() < 5 {
        return Err(FitError::Few(strikes.len()));
    }
    let space = Space::of(&strikes, quotes);
    let mut best: Option<(f64, Svi)> = None;
    let mut failure = "no start is feasible".to_owned();
    for start in starts(&strikes, quotes, &space) {
        match search(&start, quotes, &space) {
            Ok((cost, svi)) if best.is_none_or(|(least, _)| cost < least) => {
                best = Some((cost, svi))
            }
            Ok(_) => {}
            Err(text) => failure = text,
        }
    }
    let (_, svi) = best.ok_or(FitError::Search(failure))?;
    let (mut sum, mut worst) = (0.0, (0.0_f64, 0.0));
    for quote in quotes {
        let off = svi.at(quote.k).value - quote.variance;
        sum += off * off;
        if off.abs() > worst.0 {
            worst = (off.abs(), quote.k);
        }
    }
    Ok(Fitted {
        svi,
        rms: (sum / quotes.len() as f64).sqrt(),
        worst,
    })
}

/// Coordinates `(least variance, b(1 + |ρ|), ρ, m, ln s)` and their bounds.
struct Space {
    bounds: [(f64, f64); 5],
}

impl Space {
    fn of(strikes: &[f64], quotes: &[Quote]) -> Self {
        let top = quotes
            .iter()
            .fold(0.0_f64, |top, quote| top.max(quote.variance));
        let (low, high) = (strikes[0], strikes[strikes.len() - 1]);
        let width = high - low;
        let bounds = [
            (0.0, 2.0 * top),
            (0.0, 2.0),
            (-MOST_TURNED, MOST_TURNED),
            (low - width, high + width),
            (WIDTHS.0.ln(), WIDTHS.1.ln()),
        ];
        Self { bounds }
    }

    fn svi(x: &[f64]) -> Svi {
        let (least, wing, rho, m, s) = (x[0], x[1], x[2], x[3], x[4].exp());
        let b = wing / (1.0 + rho.abs());
        Svi {
            a: least - b * s * (1.0 - rho * rho).sqrt(),
            b,
            rho,
            m,
            s,
        }
    }

    fn point(&self, svi: &Svi) -> [f64; 5] {
        let x = [
            svi.least(),
            svi.b * (1.0 + svi.rho.abs()),
            svi.rho,
            svi.m,
            svi.s.ln(),
        ];
        let mut held = x;
        for (value, (low, high)) in held.iter_mut().zip(self.bounds) {
            *value = value.clamp(low, high);
        }
        held
    }
}

fn cost(svi: &Svi, quotes: &[Quote]) -> f64 {
    quotes
        .iter()
        .map(|quote| (quote.weight * (svi.at(quote.k).value - quote.variance)).powi(2))
        .sum()
}

/// The best smiles over a grid of `m` and `s`.
fn starts(strikes: &[f64], quotes: &[Quote], space: &Space) -> Vec<[f64; 5]> {
    let (low, high) = (strikes[0], strikes[strikes.len() - 1]);
    let mut found: Vec<(f64, [f64; 5])> = Vec::new();
    for i in 0..=8 {
        let m = low + (high - low) * f64::from(i) / 8.0;
        for s in [0.02, 0.05, 0.1, 0.2, 0.4, 0.8] {
            let Some(svi) = linear(m, s, quotes) else {
                continue;
            };
            let point = space.point(&svi);
            let cost = cost(&Space::svi(&point), quotes);
            if cost.is_finite() {
                found.push((cost, point));
            }
        }
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found
        .into_iter()
        .take(STARTS)
        .map(|(_, point)| point)
        .collect()
}

/// Least squares for given `m` and `s`: `w = a + d y + c √(y² + 1)` with `y = (k − m)/s`,
/// `c = b s`, `d = ρ b s`.
fn linear(m: f64, s: f64, quotes: &[Quote]) -> Option<Svi> {
    let mut normal = Matrix::zeros(3, 3);
    let mut right = [0.0; 3];
    for quote in quotes {
        let y = (quote.k - m) / s;
        let row = [1.0, y, y.hypot(1.0)];
        let weight = quote.weight * quote.weight;
        for i in 0..3 {
            right[i] += weight * row[i] * quote.variance;
            for j in 0..3 {
                normal[(i, j)] += weight * row[i] * row[j];
            }
        }
    }
    let found = solve(&normal, &right).ok()?;
    let c = found[2].max(1e-6);
    let rho = (found[1] / c).clamp(-MOST_TURNED, MOST_TURNED);
    Some(Svi {
        a: found[0],
        b: c / s,
        rho,
        m,
        s,
    })
}

fn search(start: &[f64; 5], quotes: &[Quote], space: &Space) -> Result<(f64, Svi), String> {
    let options = FitOptions {
        max_iterations: 500,
        ..FitOptions::default()
    };
    let scale = quotes
        .iter()
        .map(|quote| quote.weight * quote.variance)
        .sum::<f64>()
        / quotes.len() as f64;
    let fit = levenberg_marquardt(
        start,
        &space.bounds,
        quotes.len(),
        options,
        |x, residuals| {
            let svi = Space::svi(x);
            for (residual, quote) in residuals.iter_mut().zip(quotes) {
                *residual = quote.weight * (svi.at(quote.k).value - quote.variance) / scale;
            }
        },
    );
    let fit = fit.map_err(|error| error.to_string())?;
    let svi = Space::svi(&fit.x);
    Ok((cost(&svi, quotes), svi))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotes(ks: &[f64], variance: impl Fn(f64) -> f64) -> Vec<Quote> {
        ks.iter()
            .map(|k| Quote {
                k: *k,
                variance: variance(*k),
                weight: 1.0,
            })
            .collect()
    }

    const KS: [f64; 9] = [-0.5, -0.3, -0.2, -0.1, 0.0, 0.08, 0.15, 0.25, 0.4];

    #[test]
    fn parameters_come_back_from_their_own_smile() {
        for svi in [
            Svi {
                a: 0.009,
                b: 0.061,
                rho: -0.31,
                m: 0.02,
                s: 0.17,
            },
            Svi {
                a: 0.03,
                b: 0.118,
                rho: -0.75,
                m: -0.05,
                s: 0.28,
            },
            Svi {
                a: 0.001,
                b: 0.05,
                rho: 0.4,
                m: 0.1,
                s: 0.06,
            },
        ] {
            let fitted = super::svi(&quotes(&KS, |k| svi.at(k).value)).expect("fits");
            assert!(fitted.rms < 1e-9, "{fitted:?}");
            for (found, expected) in [
                (fitted.svi.a, svi.a),
                (fitted.svi.b, svi.b),
                (fitted.svi.rho, svi.rho),
                (fitted.svi.m, svi.m),
                (fitted.svi.s, svi.s),
            ] {
                assert!((found - expected).abs() < 1e-5, "{fitted:?} for {svi:?}");
            }
        }
    }

    #[test]
    fn a_bad_fit_is_as_good_as_the_least_one() {
        // Sum of squares from scipy.optimize.least_squares over 400 random starts, same bounds.
        let noisy = [
            0.0872, 0.0541, 0.0432, 0.0338, 0.0289, 0.0265, 0.0262, 0.0281, 0.0342,
        ];
        let quotes: Vec<Quote> = KS
            .iter()
            .zip(noisy)
            .map(|(k, variance)| Quote {
                k: *k,
                variance,
                weight: 1.0,
            })
            .collect();
        let fitted = svi(&quotes).expect("fits");
        let sum = fitted.rms * fitted.rms * 9.0;
        assert!((sum / SCIPY - 1.0).abs() < 1e-6, "{sum:e}");
    }

    const SCIPY: f64 = 6.141_099_744_101_413e-7;

    #[test]
    fn a_fit_has_no_negative_variance_and_no_steep_wing() {
        let steep = quotes(&KS, |k| 0.0001 + 5.0 * k.abs());
        let fitted = svi(&steep).expect("fits");
        assert!(fitted.svi.least() >= -1e-15);
        let (left, right) = fitted.svi.wings();
        assert!(left <= 2.0 + 1e-12 && right <= 2.0 + 1e-12);
        assert!(fitted.worst.0 > 0.1);
    }

    #[test]
    fn quotes_that_cannot_be_fitted_are_refused() {
        assert_eq!(svi(&quotes(&KS[..4], |_| 0.04)), Err(FitError::Few(4)));
        let mut nan = quotes(&KS, |_| 0.04);
        nan[2].variance = f64::NAN;
        assert!(matches!(svi(&nan), Err(FitError::Quote { .. })));
    }
}
