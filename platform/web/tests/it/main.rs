//! The conventions of the suite, through the whole site on both engines.

#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

mod access;
mod documents;
mod draining;
mod expiry;
mod idempotency;
mod live;
mod metrics;
mod pages;
mod platform;
mod problems;
mod world;
