//! Structure-aware fuzzing of what reads text from outside: term sheets, market snapshots, events.
//!
//! Inputs are bred from the example documents: values, names and whole branches are changed,
//! exchanged and removed, then written as JSON or YAML, and now and then the bytes are damaged too.
//! What leads to findings never seen together before joins the breeding stock. A reader must answer
//! with findings or with a document that says the same when it is written and read again; it must
//! not panic and not take long. `RIALTO_FUZZ_SECONDS=600 cargo test -p rialto-otc-fuzz` hunts for
//! ten minutes a reader; an ordinary test run takes one second of it.

pub mod dice;
pub mod hunt;
pub mod mutate;
pub mod targets;
pub mod tree;
