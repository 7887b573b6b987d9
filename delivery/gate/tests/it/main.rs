//! Integration tests of the quality gate.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod builder;
mod judging;
mod replaying;
mod rule_sets;
mod samples;
mod waiving;
