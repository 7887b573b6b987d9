//! Contracts that have closed forms, named: what a closed-form engine reads instead of the rules.
//!
//! A template that compiles to one of these says so; the rules stay the definition, and tests hold
//! both to the same price.

/// A contract with a closed form (filled by the templates).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Shape<X> {
    /// `units × (S_T − K)` at the end.
    Forward {
        /// Units of the underlying; negative when the holder sold.
        units: X,
        /// Delivery price.
        strike: X,
    },
}
