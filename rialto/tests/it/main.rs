//! The binary from outside: its commands, its exit codes, and a whole house from start to stop.
#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

mod commands;
mod house;
mod otc;
mod support;
