//! The interface over the real router, on SQLite and PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod book;
mod coverage;
mod crash;
mod fixings;
mod life;
mod market;
mod size;
mod world;
