//! Each story starts a house of its own and walks a path its users walk.

mod crash;
mod house;
mod isolation;
mod load;
mod local;
mod push;
mod refusals;
mod standby;
