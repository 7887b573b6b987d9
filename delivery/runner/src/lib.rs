//! Runs a job: process groups, limits, logs, artifacts, caches.
//!
//! * [`executor`] runs one job in this process, blocking, on plain threads.

pub mod archive;
pub mod cache;
pub mod collect;
pub mod executor;
pub mod log;
pub mod mask;
mod shell;
pub mod tree;
mod watchdog;
