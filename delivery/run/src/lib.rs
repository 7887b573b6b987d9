//! The pipeline and job state machine (pure).

pub mod assignment;
pub mod state;
