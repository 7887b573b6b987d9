//! Runs a job: process groups, limits, logs, artifacts, caches.
//!
//! * [`executor`] runs one job in this process, blocking, on plain threads.
//! * [`supervisor`] runs one job in a process of its own and spools it to disk.
//! * [`local`] runs a whole pipeline from a working copy, without a server.
//! * [`agent`] takes jobs from a server and carries what is spooled back to it.

pub mod agent;
pub mod archive;
pub mod cache;
pub mod cage;
pub mod collect;
pub mod download;
pub mod executor;
pub mod isolation;
pub mod local;
mod lock;
pub mod log;
pub mod mask;
mod process;
mod room;
mod session;
mod shell;
mod siblings;
pub mod supervisor;
pub mod tree;
mod watchdog;
