//! The envelope of a term sheet: everything around the terms of the product.

use rust_decimal::Decimal;

/// How large the contract is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Currency units; payoffs are per unit return.
    Notional(Decimal),
    /// Units of the underlying; payoffs are in price terms.
    Quantity(Decimal),
}

/// Decimals of amounts and levels, rounded half-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounding {
    /// Decimals of amounts (default 2).
    pub amount: u32,
    /// Decimals of levels (default 4).
    pub level: u32,
}
