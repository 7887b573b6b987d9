//! Each story starts a house of its own and walks a path its users walk.

mod crash;
mod house;
mod load;
mod local;
mod push;
mod refusals;
