//! Typed ids, money, trading calendars and errors shared by every system.
//!
//! This crate is pure: it reads no clock, file, environment or randomness. Time and random bytes
//! are passed in, so every result is a function of its arguments.

pub mod calendar;
pub mod errors;
pub mod ids;
pub mod money;
pub mod value;

pub use calendar::{Calendar, CalendarError};
pub use errors::Located;
pub use ids::{Id, ParseIdError};
pub use money::{Currency, Money, MoneyError, Rounding};
