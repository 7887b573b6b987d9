//! OTC contracts: term sheets, templates, the rule program and its plan.
//!
//! `TermSheet → Program → Plan`. The plan is what engines price and what the book walks.

pub mod document;
pub mod envelope;
pub mod finding;
pub mod plan;
pub mod program;
pub mod reader;
pub mod schedule;
pub mod shape;
pub mod templates;
pub mod value;
