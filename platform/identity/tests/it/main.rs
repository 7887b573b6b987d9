//! Identity on both database engines.

mod sessions;
mod signing_in;
mod tokens;
mod users;
mod world;
