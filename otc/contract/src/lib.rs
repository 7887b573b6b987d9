//! OTC contracts: term sheets, templates, the rule program and its plan.
//!
//! `TermSheet → Program → Plan`. The plan is what engines price and what the book walks.

mod bounds;
pub mod classify;
pub mod compile;
mod compiled;
mod convert;
pub mod document;
pub mod envelope;
pub mod explain;
pub mod finding;
pub mod fixings;
pub mod fold;
pub mod formula;
pub mod interpret;
mod lower;
pub mod names;
pub mod note;
pub mod number;
pub mod observe;
pub mod plan;
pub mod principal;
pub mod program;
pub mod reader;
mod remaining;
mod rest;
pub mod schedule;
pub mod shape;
pub mod sheet;
mod standing_in;
pub mod syntax;
pub mod templates;
mod trouble;
mod validate;
pub mod value;
mod written;

pub use compile::{Compiled, compile, compile_with};
pub use finding::{Finding, Findings};
pub use sheet::TermSheet;

/// The published JSON Schema (draft 2020-12) of term sheets. It names every field of the envelope
/// and of every template's terms; what a field may hold is told by the readers' findings.
pub const SCHEMA_JSON: &str = include_str!("../schema/termsheet.schema.json");
