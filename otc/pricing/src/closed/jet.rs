//! A number with its derivatives by spot (first and second), volatility, r and q.
//!
//! Closed forms are written once and differentiated exactly (forward mode, Griewank and Walther
//! 2008, chapter 3). Normal probabilities times exponentials are one function, so that products of a
//! huge and a tiny factor, which image terms of barriers are full of, neither overflow nor lose
//! digits.

use std::ops::{Add, Div, Mul, Neg, Sub};

use rialto_otc_numerics::normal;

/// Value and derivatives.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Jet {
    /// Value.
    pub(crate) v: f64,
    /// By spot.
    pub(crate) s: f64,
    /// By spot, twice.
    pub(crate) ss: f64,
    /// By volatility, parallel.
    pub(crate) vol: f64,
    /// By r, parallel.
    pub(crate) r: f64,
    /// By q, parallel.
    pub(crate) q: f64,
}

impl Jet {
    pub(crate) fn constant(v: f64) -> Self {
        Self {
            v,
            ..Self::default()
        }
    }

    /// The spot itself.
    pub(crate) fn spot(v: f64) -> Self {
        Self {
            v,
            s: 1.0,
            ..Self::default()
        }
    }

    /// `f(self)` from the function's value and first two derivatives.
    pub(crate) fn chain(self, f: f64, first: f64, second: f64) -> Self {
        Self {
            v: f,
            s: first * self.s,
            ss: first * self.ss + second * self.s * self.s,
            vol: first * self.vol,
            r: first * self.r,
            q: first * self.q,
        }
    }

    pub(crate) fn exp(self) -> Self {
        let e = self.v.exp();
        self.chain(e, e, e)
    }

    pub(crate) fn ln(self) -> Self {
        let x = 1.0 / self.v;
        self.chain(self.v.ln(), x, -x * x)
    }

    pub(crate) fn sqrt(self) -> Self {
        let root = self.v.sqrt();
        self.chain(root, 0.5 / root, -0.25 / (root * self.v))
    }

    pub(crate) fn recip(self) -> Self {
        let x = 1.0 / self.v;
        self.chain(x, -x * x, 2.0 * x * x * x)
    }

    pub(crate) fn sin(self) -> Self {
        let (s, c) = self.v.sin_cos();
        self.chain(s, c, -s)
    }

    pub(crate) fn abs(self) -> Self {
        if self.v < 0.0 { -self } else { self }
    }

    /// Every part finite.
    pub(crate) fn is_finite(self) -> bool {
        [self.v, self.s, self.ss, self.vol, self.r, self.q]
            .iter()
            .all(|x| x.is_finite())
    }
}

/// `e^a N(b)` and `e^a n(b)` with no intermediate overflow.
fn scaled(a: f64, b: f64) -> (f64, f64) {
    let density = (a - 0.5 * b * b).exp() * 0.398_942_280_401_432_7;
    let cumulative = if b < -1.0 {
        // N(b) = e^(-b²/2) erfcx(-b/√2) / 2
        (a - 0.5 * b * b).exp() * 0.5 * normal::erfcx(-b * std::f64::consts::FRAC_1_SQRT_2)
    } else {
        a.exp() * normal::cdf(b)
    };
    (cumulative, density)
}

/// `e^a N(b)`.
pub(crate) fn exp_cdf(a: Jet, b: Jet) -> Jet {
    let (g, d) = scaled(a.v, b.v);
    let mix = |a1: f64, b1: f64| {
        // A product with an underflowed factor is zero even if the other one is huge.
        (if g == 0.0 { 0.0 } else { g * a1 }) + (if d == 0.0 { 0.0 } else { d * b1 })
    };
    let second = mix(a.s * a.s, 0.0) + mix(0.0, 2.0 * a.s * b.s) - mix(0.0, b.v * b.s * b.s);
    Jet {
        v: g,
        s: mix(a.s, b.s),
        ss: mix(a.ss, b.ss) + second,
        vol: mix(a.vol, b.vol),
        r: mix(a.r, b.r),
        q: mix(a.q, b.q),
    }
}

/// `e^a (N(hi) − N(lo))`, an absent end being infinite; computed in the nearer tail.
pub(crate) fn exp_band(a: Jet, lo: Option<Jet>, hi: Option<Jet>) -> Jet {
    match (lo, hi) {
        (None, None) => a.exp(),
        (None, Some(hi)) => exp_cdf(a, hi),
        (Some(lo), None) => exp_cdf(a, -lo),
        (Some(lo), Some(hi)) if lo.v > 0.0 => exp_cdf(a, -lo) - exp_cdf(a, -hi),
        (Some(lo), Some(hi)) => exp_cdf(a, hi) - exp_cdf(a, lo),
    }
}

impl From<f64> for Jet {
    fn from(v: f64) -> Self {
        Self::constant(v)
    }
}

impl Add for Jet {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        Self {
            v: self.v + o.v,
            s: self.s + o.s,
            ss: self.ss + o.ss,
            vol: self.vol + o.vol,
            r: self.r + o.r,
            q: self.q + o.q,
        }
    }
}

impl Neg for Jet {
    type Output = Self;
    fn neg(self) -> Self {
        self * -1.0
    }
}

impl Sub for Jet {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        self + -o
    }
}

impl Mul for Jet {
    type Output = Self;
    fn mul(self, o: Self) -> Self {
        Self {
            v: self.v * o.v,
            s: self.s * o.v + self.v * o.s,
            ss: self.ss * o.v + 2.0 * self.s * o.s + self.v * o.ss,
            vol: self.vol * o.v + self.v * o.vol,
            r: self.r * o.v + self.v * o.r,
            q: self.q * o.v + self.v * o.q,
        }
    }
}

impl Mul<f64> for Jet {
    type Output = Self;
    fn mul(self, k: f64) -> Self {
        Self {
            v: self.v * k,
            s: self.s * k,
            ss: self.ss * k,
            vol: self.vol * k,
            r: self.r * k,
            q: self.q * k,
        }
    }
}

impl Div for Jet {
    type Output = Self;
    #[expect(
        clippy::suspicious_arithmetic_impl,
        reason = "a quotient is the product with the reciprocal, whose derivatives are simple"
    )]
    fn div(self, o: Self) -> Self {
        self * o.recip()
    }
}

impl Add<f64> for Jet {
    type Output = Self;
    fn add(self, k: f64) -> Self {
        Self {
            v: self.v + k,
            ..self
        }
    }
}

impl Sub<f64> for Jet {
    type Output = Self;
    fn sub(self, k: f64) -> Self {
        self + -k
    }
}

impl std::iter::Sum for Jet {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), |sum, item| sum + item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_are_those_of_differences() {
        let f = |x: Jet| exp_cdf((x * 0.3).sin() - x.ln(), x.sqrt() - (x * 0.1).exp() - 2.0) / x;
        let at = |x: f64| f(Jet::spot(x));
        let (x, h) = (1.7, 1e-4);
        let (up, mid, down) = (at(x + h), at(x), at(x - h));
        assert!(((up.v - down.v) / (2.0 * h) - mid.s).abs() < 1e-8);
        assert!(((up.s - down.s) / (2.0 * h) - mid.ss).abs() < 1e-8);
    }

    #[test]
    fn huge_times_tiny_is_what_it_should_be() {
        let value = exp_cdf(Jet::constant(900.0), Jet::constant(-42.0)).v;
        let tail = 900.0 - 882.0 - (42.0 * (2.0 * std::f64::consts::PI).sqrt()).ln();
        // asymptotic series of Mills' ratio
        let z = 1.0 / (42.0_f64 * 42.0);
        let expected = tail.exp() * (1.0 - z + 3.0 * z * z - 15.0 * z * z * z);
        assert!((value / expected - 1.0).abs() < 1e-10);
        assert_eq!(exp_cdf(Jet::constant(0.0), Jet::constant(-60.0)).v, 0.0);
    }
}
