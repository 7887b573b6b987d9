//! Pricing engines of OTC contracts behind one trait.
//!
//! Every engine prices the same [`Plan`](rialto_otc_contract::plan::Plan); which one is used is
//! either asked for by name or chosen, and the choice says why.

pub mod american;
mod backward;
pub mod batch;
pub mod cashflows;
pub mod closed;
pub mod desk;
pub mod engine;
mod flows;
pub mod forward;
mod greeks;
pub mod heston;
pub mod naive;
mod notes;
pub mod pde;
pub mod quad;
pub mod quote;
pub mod reason;
pub mod rqmc;
pub mod select;
pub mod solve;
#[cfg(test)]
mod testing;
pub mod two;
pub mod valuation;
