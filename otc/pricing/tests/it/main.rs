//! Engines against each other.

mod autocalls;
mod batch;
mod ended;
mod engines;
mod flows;
mod smile;
mod world;
