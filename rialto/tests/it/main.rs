//! The binary from outside: its commands, its exit codes, and a whole house from start to stop.
#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

mod ci;
mod commands;
mod esb;
mod esb_center;
mod esb_gateway;
mod esb_mock;
mod esb_publish;
mod gate;
mod house;
mod otc;
mod support;
