//! Heston's parameters from vanillas: least squares in implied volatility, by way of prices over
//! Black's vega (Cont and Ben Hamida 2005 on the weights).

use rialto_otc_market::model::Heston;
use rialto_otc_numerics::minimise::{FitOptions, levenberg_marquardt};

use super::integral::covered;
use crate::closed::terminal::black;
use crate::engine::PriceError;

/// A quoted vanilla: what a calibration looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quote {
    /// Years on the variance clock, above 0.
    pub time: f64,
    /// Strike over forward, above 0.
    pub moneyness: f64,
    /// Implied volatility per year, above 0.
    pub vol: f64,
    /// Weight of its squared error, not below 0.
    pub weight: f64,
}

/// What a calibration found.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Parameters.
    pub heston: Heston,
    /// Error of each quote, to first order in implied volatility (model less market).
    pub errors: Vec<f64>,
    /// Root of the weighted mean of squared errors.
    pub rms: f64,
    /// Steps of the search.
    pub iterations: usize,
}

/// Ranges searched: v0, κ, θ, ξ, ρ.
const BOUNDS: [(f64, f64); 5] = [
    (1e-5, 4.0),
    (1e-2, 20.0),
    (1e-5, 4.0),
    (1e-2, 5.0),
    (-0.999, 0.999),
];

/// Fits the five parameters to quotes, from a start within their ranges.
///
/// # Errors
/// [`PriceError::Model`] when a quote or the start is impossible, there are fewer than five quotes
/// of weight, or the search does not converge.
pub fn calibrate(quotes: &[Quote], start: Heston) -> Result<Calibration, PriceError> {
    let mut counted = 0;
    for (index, quote) in quotes.iter().enumerate() {
        let numbers = [quote.time, quote.moneyness, quote.vol];
        let sound = numbers.iter().all(|x| x.is_finite() && *x > 0.0);
        if !(sound && quote.weight.is_finite() && quote.weight >= 0.0) {
            return Err(PriceError::Model(format!(
                "quote {} is impossible: time, moneyness and volatility are above 0, the weight \
                 not below: {quote:?}",
                index + 1
            )));
        }
        counted += usize::from(quote.weight > 0.0);
    }
    if counted < 5 {
        return Err(PriceError::Model(format!(
            "{counted} quotes with a weight, five parameters need at least five"
        )));
    }
    let pack = [start.v0, start.kappa, start.theta, start.xi, start.rho];
    let within = pack
        .iter()
        .zip(BOUNDS)
        .all(|(x, (lo, hi))| *x >= lo && *x <= hi);
    if !within {
        return Err(PriceError::Model(format!(
            "the start {start:?} lies outside the ranges searched {BOUNDS:?}"
        )));
    }
    let roots: Vec<f64> = quotes.iter().map(|quote| quote.weight.sqrt()).collect();
    let options = FitOptions {
        cost: 1e-12,
        step: 1e-9,
        gradient: 1e-11,
        ..FitOptions::default()
    };
    let fit = levenberg_marquardt(&pack, &BOUNDS, quotes.len(), options, |x, out| {
        let heston = unpack(x);
        for ((out, quote), root) in out.iter_mut().zip(quotes).zip(&roots) {
            *out = root * error(&heston, quote);
        }
    });
    let fit = fit.map_err(|error| PriceError::Model(format!("the calibration: {error}")))?;
    let heston = unpack(&fit.x);
    let errors: Vec<f64> = quotes.iter().map(|quote| error(&heston, quote)).collect();
    let total: f64 = quotes.iter().map(|quote| quote.weight).sum();
    let square: f64 = errors
        .iter()
        .zip(quotes)
        .map(|(error, quote)| quote.weight * error * error)
        .sum();
    Ok(Calibration {
        heston,
        errors,
        rms: (square / total).sqrt(),
        iterations: fit.iterations,
    })
}

fn unpack(x: &[f64]) -> Heston {
    Heston {
        v0: x[0],
        kappa: x[1],
        theta: x[2],
        xi: x[3],
        rho: x[4],
    }
}

/// Price error over Black's vega; NaN, which the search steps back from, where there is no price.
fn error(heston: &Heston, quote: &Quote) -> f64 {
    let k = -quote.moneyness.ln();
    let deviation = quote.vol * quote.time.sqrt();
    let [market, first, second, _] = black(k, deviation);
    let Some(model) = covered(heston, quote.time, k) else {
        return f64::NAN;
    };
    // d/dσ√T of E min(S/K, 1) is σ√T (J'' − J')
    let vega = (deviation * (second - first)).abs() * quote.time.sqrt();
    // A quote far out has no vega to speak of; its error is then that of its price.
    (market - model.value) / vega.max(1e-4)
}
