//! The tables of delivery: rows, statements and the content-addressed store.
//!
//! Every function takes a transaction for writing and a [`Reader`] (a transaction or the database)
//! for reading. Rows mirror their tables; JSON columns are text, read by the accessor beside the
//! row. The SQL of every statement is listed in [`statements`] and tried on both engines.

pub mod artifact;
pub mod cas;
pub mod deployment;
pub mod environment;
pub mod ids;
pub mod incident;
pub mod job;
pub mod json;
pub mod pipeline;
pub mod project;
pub mod push;
pub mod release;
pub mod report;
pub mod runner;
mod status;
pub mod verdict;

pub use cas::{Cas, CasError, CasWriter};
pub use rialto_platform_store::Reader;
pub use status::StoredStatus;

use rialto_platform_store::{Migration, MigrationSet};

/// The schema of delivery.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    system: "delivery",
    migrations: &[
        Migration {
            version: 1,
            name: "start",
            sql: include_str!("../migrations/0001_start.sql"),
            sqlite: None,
            postgres: None,
        },
        Migration {
            version: 2,
            name: "incident_owner",
            sql: include_str!("../migrations/0002_incident_owner.sql"),
            sqlite: None,
            postgres: None,
        },
        Migration {
            version: 3,
            name: "incident_causes",
            sql: include_str!("../migrations/0003_incident_causes.sql"),
            sqlite: None,
            postgres: None,
        },
    ],
};

/// Every statement of this crate by name.
#[must_use]
pub fn statements() -> Vec<(&'static str, &'static str)> {
    [
        artifact::STATEMENTS,
        deployment::STATEMENTS,
        environment::STATEMENTS,
        incident::STATEMENTS,
        job::STATEMENTS,
        pipeline::STATEMENTS,
        project::STATEMENTS,
        push::STATEMENTS,
        release::STATEMENTS,
        report::STATEMENTS,
        runner::STATEMENTS,
        verdict::STATEMENTS,
    ]
    .concat()
}
