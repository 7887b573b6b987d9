//! OTC contracts: term sheets, templates, the rule program and its plan.
//!
//! `TermSheet → Program → Plan`. The plan is what engines price and what the book walks.

pub mod plan;
pub mod program;
pub mod shape;
