//! The state machine from outside.

mod properties;
mod stories;
mod world;
