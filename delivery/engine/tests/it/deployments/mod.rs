//! The deployment controller over a real router, real processes and constant load.

mod approvals;
mod house;
mod recovery;
mod relay;
mod releases;
mod rollbacks;
mod service;
mod standby;
