//! Engines against each other.

mod batch;
mod engines;
mod flows;
mod world;
