//! Engines against each other.

mod batch;
mod ended;
mod engines;
mod flows;
mod world;
