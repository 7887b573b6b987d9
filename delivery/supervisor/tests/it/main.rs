//! Integration tests of the supervisor over real processes.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its world fails"
)]

mod archives;
mod isolation;
mod limits;
mod processes;
mod service;
mod world;
