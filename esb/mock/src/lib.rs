//! Values made from schemas (specification, section 9): the same for the same seed, within bounds,
//! patterns, formats and branches, and never of a real person.
//!
//! And what a mock answers with them: a value is checked against its schema before it is sent.

mod answer;
mod call;
mod generate;
mod labels;
mod prefer;
mod samples;
mod seed;
mod text;

pub use answer::{Answer, Asked, From, Mock, MockError};
pub use call::{Call, call};
pub use generate::{Direction, Unsatisfiable, generate};
pub use samples::{Language, sample};
pub use seed::Seed;

#[cfg(test)]
mod tests;
