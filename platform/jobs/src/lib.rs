//! Durable background jobs on the store.
//!
//! A job is enqueued in the transaction of the fact that asks for it, claimed under a lease, and
//! run at least once: a worker that dies is replaced when its lease ends. A handler that finishes
//! its job inside its own transaction ([`JobContext::complete_in`]) takes effect exactly once.
//! Failures are repeated after growing pauses; after the last attempt the job is dead and keeps
//! its error until somebody looks.

mod policy;
mod queue;
mod worker;

pub use policy::Policy;
pub use queue::{
    Enqueued, JobRecord, JobStatus, MIGRATIONS, STATEMENTS, TOPIC, find_job, list_jobs,
    retry_dead_job,
};
pub use worker::{JobContext, JobError, Jobs, StaleLease};

rialto_kernel::define_id!(
    /// Id of a background job.
    BackgroundJobId
);
