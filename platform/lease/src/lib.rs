//! Which of several servers on one database leads.
//!
//! A lease is a row of the database that its holder renews; whoever finds it expired takes it and
//! raises its epoch. There is no consensus algorithm here: the database is the judge, by its own
//! clock. Three things keep a leader that was stopped, cut off or frozen from doing harm:
//!
//! - It **fences itself**: at [`LeaseSettings::trust`] of the lease's time, counted on a clock that
//!   also runs while the machine sleeps, from before the last confirmed renewal was sent,
//!   [`Lease::token`] answers nothing any more.
//! - Its **writes carry the token**: [`Lease::guard`] makes every write transaction of a database
//!   handle share-lock the fence row with the token it leads by; of another token none commits.
//! - Effects outside the database carry the [`Token`] too, and their receivers refuse older ones.
//!
//! On PostgreSQL the leader also holds a session advisory lock on its connection. A standby that
//! gets the lock knows that the leader's session has ended, and need not wait for the expiry: a
//! crash is taken over within tens of milliseconds. On SQLite, which has one server, the lock of a
//! file beside the database takes the row's place and each start raises the epoch.

mod clock;
pub mod drill;
mod error;
mod lease;
mod postgres;
mod sqlite;

pub use error::LeaseError;
pub use lease::{Leadership, Lease, LeaseSettings, LeaseView};
pub use rialto_platform_store::Token;

use rialto_platform_store::{Migration, MigrationSet};

/// The tables of leases.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    system: "lease",
    migrations: &[
        Migration {
            version: 1,
            name: "start",
            sql: "",
            sqlite: Some(include_str!("sql/sqlite.sql")),
            postgres: Some(include_str!("sql/postgres.sql")),
        },
        Migration {
            version: 2,
            name: "drills",
            sql: include_str!("sql/drills.sql"),
            sqlite: None,
            postgres: None,
        },
    ],
};
