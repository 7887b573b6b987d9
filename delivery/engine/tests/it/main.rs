//! Delivery from push to verdict, on both engines, with a runner that speaks the engine's own
//! functions.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crash;
mod deployments;
mod expiry;
mod http;
mod incidents;
mod jobs;
mod managed;
mod pipelines;
mod reports;
mod runner;
mod world;
