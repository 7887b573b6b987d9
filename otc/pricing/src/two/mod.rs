//! Integrals along one dimension: options on two prices at one date, and arithmetic means.

mod conditional;
mod logrec;
#[cfg(test)]
mod tests;

pub use self::conditional::Conditional;
pub use self::logrec::LogRecursion;
