//! Engines against each other.

mod engines;
mod world;
