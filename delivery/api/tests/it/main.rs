//! The interface of delivery through the whole site, on both engines.
#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

mod access;
mod git;
mod projects;
mod runner;
mod world;
