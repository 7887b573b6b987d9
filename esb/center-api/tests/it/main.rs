//! The interface over the real router, on SQLite and PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod house;
mod nacos;
mod world;
