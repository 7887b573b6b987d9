//! One SQL text on SQLite and PostgreSQL: pools, transactions, migrations, outbox.
//!
//! Statements are static text with `$n` binds that both engines understand; [`testing`] prepares
//! and explains each of them on both. Ids are TEXT, times BIGINT microseconds UTC, JSON documents
//! TEXT; integer columns are BIGINT (PostgreSQL does not decode INTEGER as `i64`).
//!
//! **Write transactions are serial on both engines**: SQLite by its one writer connection and
//! `BEGIN IMMEDIATE`, PostgreSQL by an advisory lock held until the transaction ends. What a
//! transaction reads is therefore still true when it writes, whichever engine runs it.
//!
//! **SQLite durability**: WAL with `synchronous = FULL` on the writer, because evidence and
//! ledgers live in the same file: what was committed survives a power cut.
//!
//! **PostgreSQL collation**: the database itself must be of collation `C` (or `C.UTF-8`), which
//! orders text by bytes as SQLite does; [`Db::open`] refuses another one and says how to make it.

mod clock;
mod db;
mod error;
mod event;
mod gate;
mod migrate;
mod params;
mod postgres;
mod reader;
mod sqlite;
mod statements;
#[cfg(feature = "testing")]
pub mod testing;
mod tx;

pub use clock::{from_micros, new_id, now, to_micros};
pub use db::{Db, Engine, Row};
pub use error::StoreError;
pub use event::{Event, EventWindow, STATEMENTS};
pub use gate::{Token, WriteGate};
pub use migrate::{AppliedMigration, Migration, MigrationSet};
pub use params::Params;
pub use reader::Reader;
pub use rialto_kernel::value::{Bind, Value};
pub use tx::Tx;
