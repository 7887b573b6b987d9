//! The interface over the real router, on SQLite and PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(
    clippy::too_many_lines,
    reason = "a story is told in one piece, in its order"
)]

mod access;
mod calls;
mod catalogue;
mod coverage;
mod credentials;
mod definitions;
mod life;
mod publishing;
mod subscriptions;
mod trying;
mod world;
