//! Implied volatility: smiles, surfaces, their checks, inversion and calibration.
//!
//! `w` is total variance `σ²T`, `k` forward log-moneyness `ln(K/F_T)`. `T` is the variance clock of
//! the contract that looks at the surface.

pub mod arbitrage;

pub mod fit;
pub mod implied;
pub mod smile;
pub mod spline;
pub mod surface;

pub use arbitrage::{Breach, Rule};
pub use smile::{Point, Smile, Ssvi, Svi};
pub use surface::{Shift, Slice, Smiles, Surface};
