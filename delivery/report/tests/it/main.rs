//! Integration tests of the report readers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cobertura;
mod diff;
mod hostile;
mod junit;
mod lcov;
mod moved;
mod new_code;
mod totals;
mod writers;
