//! What engines that go backwards through a plan's dates share: its states, what each date does to
//! each of them by spot, and which value functions are carried.

pub(crate) mod chain;
pub(crate) mod dates;
pub(crate) mod expr;
pub(crate) mod steps;
