//! Repositories served and read through the real `git` program.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod exchange;
mod reading;
mod world;
