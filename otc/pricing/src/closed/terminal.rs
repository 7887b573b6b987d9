//! Payoffs of one date: forward, vanilla, digital, interval, exchange.

use rialto_otc_contract::shape::{Edges, Range, Side, Vanilla};

use super::jet::{Jet, exp_band};
use super::world::{CERTAIN, Law};

/// Probability of an interval and expectation of the price within it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moments {
    pub(crate) probability: Jet,
    pub(crate) price: Jet,
}

impl Law {
    /// Moments of the price between two levels, an absent one being 0 or infinite. Edges matter only
    /// when the price is certain.
    pub(crate) fn between(&self, lo: Option<f64>, hi: Option<f64>, edges: Edges) -> Moments {
        let none = Moments {
            probability: Jet::default(),
            price: Jet::default(),
        };
        let lo = lo.filter(|lo| *lo > 0.0);
        if hi.is_some_and(|hi| hi <= 0.0 || lo.is_some_and(|lo| lo > hi)) {
            return none;
        }
        if self.variance.v < CERTAIN {
            let price = self.forward.v;
            let (from, to) = match edges {
                Edges::Lower => (true, false),
                Edges::Both => (true, true),
                Edges::Upper => (false, true),
                Edges::Neither => (false, false),
            };
            let above = lo.is_none_or(|lo| price > lo || (from && price == lo));
            let below = hi.is_none_or(|hi| price < hi || (to && price == hi));
            return if above && below {
                Moments {
                    probability: Jet::constant(1.0),
                    price: self.forward,
                }
            } else {
                none
            };
        }
        let deviation = self.variance.sqrt();
        let log = self.forward.ln();
        let half = deviation * 0.5;
        let score = |level: f64| (-(log - level.ln())) / deviation;
        let (lo, hi) = (lo.map(score), hi.map(score));
        let zero = Jet::default();
        Moments {
            probability: exp_band(zero, lo.map(|x| x + half), hi.map(|x| x + half)),
            price: self.forward * exp_band(zero, lo.map(|x| x - half), hi.map(|x| x - half)),
        }
    }

    /// Moments of the side on which an option is in the money, strike included.
    pub(crate) fn beyond(&self, w: Side, strike: f64) -> Moments {
        match w {
            Side::Call => self.between(Some(strike), None, Edges::Both),
            Side::Put => self.between(None, Some(strike), Edges::Both),
        }
    }

    /// `E max(w (S − strike), 0)` (Black 1976).
    pub(crate) fn option(&self, w: Side, strike: f64) -> Jet {
        let inside = self.beyond(w, strike);
        (inside.price - inside.probability * strike) * w.w()
    }

    /// Undiscounted value of a vanilla.
    pub(crate) fn vanilla(&self, option: &Vanilla<f64>) -> Jet {
        self.option(option.w, option.strike) * option.units
    }

    pub(crate) fn within(&self, range: &Range<f64>) -> Moments {
        self.between(range.lower, range.upper, range.edges)
    }
}

/// `E max(a S_1 − b S_2, 0)` for `a, b > 0` (Margrabe 1978): Black's formula in units of the second.
pub(crate) fn exchange(first: Law, second: Law, covariance: Jet, a: f64, b: f64) -> Jet {
    let variance = first.variance + second.variance - covariance * 2.0;
    let (give, take) = (second.forward * b, first.forward * a);
    let law = Law {
        forward: take / give,
        // Rounding may leave a perfectly correlated pair just below zero.
        variance: if variance.v > 0.0 {
            variance
        } else {
            Jet::default()
        },
    };
    give * law.option(Side::Call, 1.0)
}

/// `E min(S/K, 1)` of a lognormal `S` with forward `F`, as a function of `k = ln F/K` with its first
/// three derivatives; `deviation` is the total volatility, above 0. A call is `F/K` less this, times
/// `K`.
pub(crate) fn black(k: f64, deviation: f64) -> [f64; 4] {
    use rialto_otc_numerics::normal::{cdf, pdf};
    let plus = k / deviation + 0.5 * deviation;
    let minus = plus - deviation;
    let asset = k.exp() * cdf(-plus);
    // e^k n(d₊) = n(d₋)
    let density = pdf(minus) / deviation;
    let third = asset - density + minus * density / deviation;
    [asset + cdf(minus), asset, asset - density, third]
}
