//! Black's formula and its inversion, in the normalised form of Jäckel ("By Implication", 2006, and
//! "Let's Be Rational", 2015): with `x = ln(F/K)` and `s = σ√T`,
//! `b(x, s) = (undiscounted call) / √(FK) = e^(x/2) Φ(x/s + s/2) − e^(−x/2) Φ(x/s − s/2)`.
//!
//! Out-of-the-money prices are inverted through `1/√(−ln b)`, nearly linear in `s`, large ones
//! through the logarithm of what is missing to the upper bound. The iteration is Newton's, kept
//! inside a bracket; prices down to the smallest normal number give a volatility to about 1e-14.

use std::f64::consts::{PI, SQRT_2};

use rialto_otc_numerics::normal::{cdf, erfcx};

/// Most iterations; a handful suffices, bisection inside the bracket needs the rest.
const ITERATIONS: usize = 200;

/// Why a price has no implied volatility.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ImpliedError {
    /// Forward, strike or price is no positive finite number (the price may be 0).
    #[error("E-VOL-INPUT: {what} is {value}; it must be finite and above 0")]
    Input {
        /// Which.
        what: &'static str,
        /// Value given.
        value: f64,
    },
    /// Below what the option is worth without any volatility.
    #[error("E-VOL-INTRINSIC: price {price} is below the intrinsic value {intrinsic}")]
    BelowIntrinsic {
        /// Price given.
        price: f64,
        /// Least price.
        intrinsic: f64,
    },
    /// At or above what the option is worth with unlimited volatility.
    #[error("E-VOL-BOUND: price {price} is not below {bound}, its bound for any volatility")]
    AboveBound {
        /// Price given.
        price: f64,
        /// Least price that no volatility reaches.
        bound: f64,
    },
}

/// Undiscounted price of a European option; `total_vol` is `σ√T`.
#[must_use]
pub fn black(forward: f64, strike: f64, total_vol: f64, call: bool) -> f64 {
    let sign = if call { 1.0 } else { -1.0 };
    let intrinsic = (sign * (forward - strike)).max(0.0);
    if total_vol <= 0.0 {
        return intrinsic;
    }
    let x = -(forward / strike).ln().abs();
    intrinsic + normalised(x, total_vol).exp() * forward.sqrt() * strike.sqrt()
}

/// Derivative of [`black`] in the total volatility.
#[must_use]
pub fn black_vega(forward: f64, strike: f64, total_vol: f64) -> f64 {
    if total_vol <= 0.0 {
        return if forward == strike {
            forward / (2.0 * PI).sqrt()
        } else {
            0.0
        };
    }
    let (h, t) = ((forward / strike).ln() / total_vol, 0.5 * total_vol);
    (forward * strike).sqrt() * (-0.5 * (h * h + t * t)).exp() / (2.0 * PI).sqrt()
}

/// Logarithm of the normalised price of the out-of-the-money option, `x <= 0 < s`.
fn normalised(x: f64, s: f64) -> f64 {
    let (h, t) = (x / s, 0.5 * s);
    let (y, d) = (-h / SQRT_2, t / SQRT_2);
    if d < 0.03 && y < 5.0 {
        return -0.5 * (h * h + t * t) + narrow_bend(y, d).ln();
    }
    if h + t > 0.0 {
        let price = (0.5 * x).exp() * cdf(h + t) - (-0.5 * x).exp() * cdf(h - t);
        return price.ln();
    }
    let bend = erfcx(y - d) - erfcx(y + d);
    -0.5 * (h * h + t * t) + (0.5 * bend).ln()
}

/// `(erfcx(y − d) − erfcx(y + d))/2` by Taylor's series, where the difference would cancel.
/// Derivatives follow `f' = 2yf − 2/√π`, `f⁽ⁿ⁺¹⁾ = 2yf⁽ⁿ⁾ + 2nf⁽ⁿ⁻¹⁾`; the rest is below `d⁸`.
fn narrow_bend(y: f64, d: f64) -> f64 {
    let (mut before, mut at) = (erfcx(y), 2.0 * y * erfcx(y) - 2.0 / PI.sqrt());
    let (mut sum, mut power) = (0.0, d);
    for n in 1..=7 {
        if n % 2 == 1 {
            sum -= power * at;
        }
        power *= d / f64::from(n + 1);
        (before, at) = (at, 2.0 * y * at + 2.0 * f64::from(n) * before);
    }
    sum
}

/// What the normalised price lacks to its bound `e^(x/2)`: a sum of positive terms.
fn lacking(x: f64, s: f64) -> f64 {
    let (h, t) = (x / s, 0.5 * s);
    (0.5 * x).exp() * cdf(-h - t) + (-0.5 * x).exp() * cdf(h - t)
}

/// Logarithm of the derivative of the normalised price in `s`.
fn log_slope(x: f64, s: f64) -> f64 {
    let (h, t) = (x / s, 0.5 * s);
    -0.5 * (h * h + t * t) - 0.5 * (2.0 * PI).ln()
}

/// Total volatility `σ√T` of an undiscounted price; 0 when the price is the intrinsic value.
///
/// # Errors
/// [`ImpliedError`] when there is none.
pub fn total_vol(forward: f64, strike: f64, price: f64, call: bool) -> Result<f64, ImpliedError> {
    for (what, value) in [("forward", forward), ("strike", strike)] {
        if !(value.is_finite() && value > 0.0) {
            return Err(ImpliedError::Input { what, value });
        }
    }
    if !(price.is_finite() && price >= 0.0) {
        return Err(ImpliedError::Input {
            what: "price",
            value: price,
        });
    }
    let sign = if call { 1.0 } else { -1.0 };
    let intrinsic = (sign * (forward - strike)).max(0.0);
    let bound = if call { forward } else { strike };
    if price < intrinsic {
        return Err(ImpliedError::BelowIntrinsic { price, intrinsic });
    }
    if price >= bound {
        return Err(ImpliedError::AboveBound { price, bound });
    }
    if price == intrinsic {
        return Ok(0.0);
    }
    let x = -(forward / strike).ln().abs();
    let root = forward.sqrt() * strike.sqrt();
    let beta = (price - intrinsic) / root;
    let missing = (bound - price) / root;
    Ok(if x == 0.0 {
        at_the_money(beta, missing)
    } else {
        solve(x, beta, missing)
    })
}

/// Implied volatility per year; see [`total_vol`]. `time` is above 0.
///
/// # Errors
/// [`ImpliedError`] when there is none.
pub fn vol(
    forward: f64,
    strike: f64,
    price: f64,
    call: bool,
    time: f64,
) -> Result<f64, ImpliedError> {
    if !(time.is_finite() && time > 0.0) {
        return Err(ImpliedError::Input {
            what: "time",
            value: time,
        });
    }
    Ok(total_vol(forward, strike, price, call)? / time.sqrt())
}

/// `b(0, s) = erf(s/√8)`: by the series of the inverse error function for small prices.
fn at_the_money(beta: f64, missing: f64) -> f64 {
    if beta < 1e-3 {
        let z = beta * beta * PI;
        return beta * (2.0 * PI).sqrt() * (1.0 + z / 12.0 + 7.0 * z * z / 480.0);
    }
    solve(0.0, beta, missing)
}

fn solve(x: f64, beta: f64, missing: f64) -> f64 {
    // The price is convex below the inflection √(2|x|) and concave above.
    let inflection = (2.0 * x.abs()).sqrt().max(1e-3);
    let low_side = x < 0.0 && beta.ln() < normalised(x, inflection);
    if low_side {
        let log_beta = beta.ln();
        let target = (-log_beta).powf(-0.5);
        let start = (-x / (-2.0 * log_beta).sqrt()).min(inflection);
        return newton((0.0, inflection), start, |s| {
            let log = normalised(x, s);
            let slope = 0.5 * (-log).powf(-1.5) * (log_slope(x, s) - log).exp();
            ((-log).powf(-0.5) - target, slope)
        });
    }
    let mut high = 2.0 * inflection.max(0.5);
    while lacking(x, high) > missing && high < 100.0 {
        high *= 2.0;
    }
    let target = missing.ln();
    newton((0.0, high), inflection.max(0.5).min(high), |s| {
        let rest = lacking(x, s);
        (target - rest.ln(), log_slope(x, s).exp() / rest)
    })
}

/// Root of an increasing function inside a bracket: Newton's step, or half the bracket when the
/// step leaves it or is not finite.
fn newton((mut low, mut high): (f64, f64), start: f64, f: impl Fn(f64) -> (f64, f64)) -> f64 {
    let mut s = start;
    let mut best = f64::INFINITY;
    for _ in 0..ITERATIONS {
        let (value, slope) = f(s);
        if value == 0.0 {
            return s;
        }
        if value > 0.0 {
            high = s
        } else {
            low = s
        }
        let step = value / slope;
        let next = s - step;
        let inside = next > low && next < high;
        let next = if inside { next } else { 0.5 * (low + high) };
        let change = (next - s).abs();
        // Converged, or moving by rounding only.
        if change <= 1e-15 * s || (change < 1e-10 * s && change >= best) {
            return next;
        }
        best = change;
        s = next;
    }
    s
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64, relative: f64) {
        assert!(
            (found / expected - 1.0).abs() < relative,
            "{found:e} against {expected:e}"
        );
    }

    /// Prices from mpmath with 60 digits: `(strike, σ√T, call, undiscounted price)`, forward 100.
    const MPMATH: [(f64, f64, bool, f64); 14] = [
        (100.0, 1e-09, true, 3.989422804014327e-08),
        (100.0, 0.2, true, 7.965567455405797),
        (100.0, 3.0, false, 86.63855974622838),
        (100.5, 0.01, true, 0.19867479153147505),
        (150.0, 0.05, true, 1.8672551913332252e-16),
        (150.0, 0.02, true, 1.3316709837567024e-92),
        (60.0, 0.03, false, 3.4786574562076634e-66),
        (1000.0, 0.5, true, 6.340089508125103e-05),
        (1.0, 0.2, false, 1.1057304796699184e-118),
        (130.0, 2.5, true, 75.9874010006439),
        (80.0, 5.0, false, 78.89007349505094),
        (99.99, 0.0004, false, 0.011453014477920383),
        (120.0, 0.2, false, 22.147298810578146),
        (80.0, 0.4, true, 26.39118352451443),
    ];

    #[test]
    fn prices_are_those_of_fifty_digits() {
        for (strike, total, call, price) in MPMATH {
            close(black(100.0, strike, total, call), price, 2e-12);
        }
    }

    #[test]
    fn volatilities_come_back_from_prices_of_fifty_digits() {
        for (strike, total, call, price) in MPMATH {
            let found = total_vol(100.0, strike, price, call).expect("has one");
            close(found, total, 1e-12);
        }
    }

    #[test]
    fn every_out_of_the_money_price_gives_its_volatility_back() {
        for i in 0..200 {
            let strike = 100.0 * (-3.0 + 6.0 * f64::from(i) / 199.0_f64).exp();
            for total in [0.005, 0.02, 0.1, 0.35, 1.0, 2.5] {
                let call = strike > 100.0;
                let price = black(100.0, strike, total, call);
                if price < 1e-290 {
                    continue;
                }
                close(
                    total_vol(100.0, strike, price, call).expect("has one"),
                    total,
                    1e-12,
                );
            }
        }
    }

    #[test]
    fn what_no_volatility_gives_is_refused() {
        assert_eq!(
            total_vol(100.0, 90.0, 9.0, true),
            Err(ImpliedError::BelowIntrinsic {
                price: 9.0,
                intrinsic: 10.0
            })
        );
        assert_eq!(
            total_vol(100.0, 90.0, 100.0, true),
            Err(ImpliedError::AboveBound {
                price: 100.0,
                bound: 100.0
            })
        );
        assert!(matches!(
            total_vol(100.0, f64::NAN, 1.0, true),
            Err(ImpliedError::Input { .. })
        ));
        assert!(matches!(
            total_vol(-1.0, 90.0, 1.0, true),
            Err(ImpliedError::Input { .. })
        ));
        assert!(matches!(
            vol(100.0, 90.0, 1.0, false, 0.0),
            Err(ImpliedError::Input { .. })
        ));
        assert_eq!(total_vol(100.0, 90.0, 10.0, true), Ok(0.0));
    }

    #[test]
    fn vega_is_the_slope_of_the_price() {
        for strike in [70.0, 100.0, 140.0] {
            let h = 1e-5;
            let slope = (black(100.0, strike, 0.3 + h, true) - black(100.0, strike, 0.3 - h, true))
                / (2.0 * h);
            close(black_vega(100.0, strike, 0.3), slope, 1e-8);
        }
    }
}
