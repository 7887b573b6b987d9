//! Engines against each other.

mod engines;
mod flows;
mod world;
