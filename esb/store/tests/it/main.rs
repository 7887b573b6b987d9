//! The tables on both engines.

mod statements;
