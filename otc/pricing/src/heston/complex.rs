//! Complex numbers, as far as a characteristic function needs them.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// `re + i im`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Complex {
    pub(crate) re: f64,
    pub(crate) im: f64,
}

impl Complex {
    pub(crate) fn new(re: f64, im: f64) -> Self {
        Self { re, im }
    }

    pub(crate) fn norm(self) -> f64 {
        self.re.hypot(self.im)
    }

    pub(crate) fn exp(self) -> Self {
        let (sin, cos) = self.im.sin_cos();
        let size = self.re.exp();
        Self::new(size * cos, size * sin)
    }

    /// Principal logarithm.
    pub(crate) fn ln(self) -> Self {
        Self::new(self.norm().ln(), self.im.atan2(self.re))
    }

    /// Root with a real part not below 0.
    pub(crate) fn sqrt(self) -> Self {
        let size = self.norm();
        let re = (0.5 * (size + self.re.abs())).sqrt();
        if re == 0.0 {
            return Self::new(0.0, 0.0);
        }
        let im = 0.5 * self.im / re;
        if self.re >= 0.0 {
            Self::new(re, im)
        } else {
            let sign = if self.im < 0.0 { -1.0 } else { 1.0 };
            Self::new(im.abs(), sign * re)
        }
    }
}

impl Add for Complex {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        Self::new(self.re + o.re, self.im + o.im)
    }
}

impl Sub for Complex {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        Self::new(self.re - o.re, self.im - o.im)
    }
}

impl Neg for Complex {
    type Output = Self;
    fn neg(self) -> Self {
        Self::new(-self.re, -self.im)
    }
}

impl Mul for Complex {
    type Output = Self;
    fn mul(self, o: Self) -> Self {
        Self::new(
            self.re * o.re - self.im * o.im,
            self.re * o.im + self.im * o.re,
        )
    }
}

impl Mul<f64> for Complex {
    type Output = Self;
    fn mul(self, k: f64) -> Self {
        Self::new(self.re * k, self.im * k)
    }
}

impl Div for Complex {
    type Output = Self;
    fn div(self, o: Self) -> Self {
        let size = 1.0 / (o.re * o.re + o.im * o.im);
        self * Self::new(o.re * size, -o.im * size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_and_logs_invert() {
        for (re, im) in [
            (3.0, 4.0),
            (-3.0, 4.0),
            (-3.0, -4.0),
            (0.0, -2.0),
            (-1.0, 0.0),
        ] {
            let z = Complex::new(re, im);
            assert!((z.sqrt() * z.sqrt() - z).norm() < 1e-14);
            assert!(z.sqrt().re >= 0.0);
            assert!((z.ln().exp() - z).norm() < 1e-14);
            assert!((z / z - Complex::new(1.0, 0.0)).norm() < 1e-15);
        }
    }
}
