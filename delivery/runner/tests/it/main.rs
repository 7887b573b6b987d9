//! The runner from outside: real bash, real git, real processes.

#![expect(
    clippy::unwrap_used,
    reason = "a test's world that cannot be built is a failed test"
)]

mod agent;
mod artifacts;
mod control;
mod isolation;
mod limits;
mod local;
mod log;
mod peer;
mod script;
mod sources;
mod supervisor;
mod world;
