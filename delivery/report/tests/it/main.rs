//! Integration tests of the report readers.

mod cobertura;
mod diff;
mod hostile;
mod junit;
mod lcov;
mod moved;
mod new_code;
mod writers;
