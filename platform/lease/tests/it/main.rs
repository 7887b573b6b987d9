//! Leases on real databases.

mod basics;
mod pooler;
mod processes;
mod world;
mod zombies;
