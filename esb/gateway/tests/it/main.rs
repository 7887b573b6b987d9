//! Integration tests of the gateway over real sockets.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its world fails"
)]

mod admin;
mod bodies;
mod draining;
mod falling_back;
mod interfaces;
mod refusing;
mod retrying;
mod switching;
mod world;
