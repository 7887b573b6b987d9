//! Leases on real databases.

mod basics;
mod drills;
mod pooler;
mod processes;
mod world;
mod zombies;
