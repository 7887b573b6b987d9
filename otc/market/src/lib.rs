//! Market data of OTC pricing: curves, volatility, snapshots and what engines see of them.
//!
//! `text → Snapshot → Model`: a [`snapshot::Snapshot`] holds quotes by tenor and date as they were
//! written, with a content id; [`view`] turns them to the clocks of one contract; [`bump`] moves
//! either.

pub mod build;
pub mod bump;
pub mod correlation;
pub mod curve;
pub mod dupire;
pub mod heston;
pub mod marks;
pub mod model;
mod promote;
pub mod snapshot;
#[cfg(test)]
mod testing;
pub mod view;
pub mod vol;
