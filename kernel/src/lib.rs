//! Typed ids, money, trading calendars and errors shared by every system.
//!
//! This crate is pure: it reads no clock, file, environment or randomness. Time and random bytes
//! are passed in, so every result is a function of its arguments.

pub mod errors;
pub mod ids;
pub mod value;

pub use errors::Located;
pub use ids::{Id, ParseIdError};
