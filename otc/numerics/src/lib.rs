//! Numbers under the pricing engines: normal law, quasi-random points, quadrature, solvers.
//!
//! Everything here is a pure function of its arguments in `f64`: no clock, no ambient randomness, no
//! threads, no fused multiply-add. Loops run in a fixed order, so the bits of a result depend neither
//! on the number of threads nor on how work is cut into blocks. Approximations state their source and
//! their measured accuracy; the tests hold them against values computed with 50 digits.

pub mod bridge;
pub mod chebyshev;
mod error;
pub mod exponential;
pub mod interpolate;
pub mod linalg;
pub mod minimise;
pub mod normal;
pub mod pde;
pub mod philox;
pub mod quadrature;
pub mod roots;
pub mod sobol;
pub mod statistics;
pub mod sum;
pub mod tridiagonal;

pub use error::{Error, Result};
