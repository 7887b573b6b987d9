//! The extension module `rialto_otc._rialto_otc`: what the Python package `rialto_otc` stands on.
//!
//! It keeps no state: calendars are compiled in, every moment comes with its market, and threads are
//! a pool of the call they were asked for in. What takes time runs without the interpreter's lock.

mod batch;
mod columns;
mod contract;
mod describe;
mod fault;
mod json;
mod market;
mod measures;
mod node;
mod options;
mod rows;
mod scenario;
mod state;
mod table;
mod threads;

use pyo3::prelude::*;

/// The Rust half of `rialto_otc`.
#[pymodule]
#[pyo3(name = "_rialto_otc")]
mod extension {
    #[pymodule_export]
    use super::batch::{price_table, read_sheets};
    #[pymodule_export]
    use super::columns::black_scholes;
    #[pymodule_export]
    use super::contract::Sheet;
    #[pymodule_export]
    use super::describe::{engines, measures, products, schema};
    #[pymodule_export]
    use super::market::Snapshot;
    #[pymodule_export]
    use super::table::Table;
}
