//! Quadrature rules and adaptive integration.

mod adaptive;
mod exponential;
mod gauss;

pub use adaptive::{Tolerance, gauss_kronrod, gauss_kronrod_pieces};
pub use exponential::{Interval, tanh_sinh};
pub use gauss::{Panels, Rule, gauss_legendre, gauss_lobatto};

/// Value of an integral with what is known about its error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Integral {
    /// The value.
    pub value: f64,
    /// Estimate of the absolute error, meant to be too large rather than too small.
    pub error: f64,
    /// Evaluations of the integrand.
    pub evaluations: usize,
}
