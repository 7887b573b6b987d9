//! Standard normal law: density, distribution function, its inverse, and the bivariate law.
//!
//! All functions are total: a finite argument never gives NaN. Tails keep *relative* accuracy down to
//! the smallest normal number, because barrier and digital prices multiply and divide them.

mod bivariate;
mod erfc;
mod inverse;
mod lanes;

pub use bivariate::bivariate_cdf;
pub use erfc::{cdf, erfc, erfcx, pdf};
pub use inverse::{inverse_cdf, inverse_cdf_in_place};
pub use lanes::cdf_and_pdf;
