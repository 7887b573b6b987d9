//! Integration tests of release definitions and the deployment state machine.

mod definitions;
mod machine;
mod recovery;
