//! The language from outside.

mod errors;
mod keywords;
mod limits;
mod properties;
mod psych;
mod reference;
mod rules;
mod scalars;
mod structure;
mod support;
mod table;
