//! The tables of the OTC desk: rows and statements.
//!
//! Every function takes a transaction for writing and a [`Reader`] (a transaction or the database)
//! for reading. Rows mirror their tables; JSON columns are text. The SQL of every statement is
//! listed in [`statements`] and tried on both engines.

pub mod approval;
pub mod date;
pub mod event;
pub mod fixing;
pub mod flow;
pub mod quote;
pub mod snapshot;
pub mod span;
pub mod trade;

pub use rialto_platform_store::Reader;

use rialto_platform_store::{Migration, MigrationSet, StoreError, Tx, params};

/// The schema of the desk.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    system: "otc",
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
            name: "reasons and spans",
            sql: include_str!("../migrations/0002_reasons_and_spans.sql"),
            sqlite: None,
            postgres: None,
        },
    ],
};

mod counter {
    rialto_platform_store::statements! {
        pub(crate) NEXT_NUMBERS =
            "UPDATE otc_counter SET value = value + $2 WHERE name = $1 RETURNING value";
    }
}

/// Takes the next `count` numbers of a kind (`trade`, `quote`, `approval`); the first of them.
///
/// # Errors
/// Store errors.
pub async fn numbers(tx: &mut Tx<'_>, name: &str, count: i64) -> Result<i64, StoreError> {
    let (last,): (i64,) = tx
        .fetch_one(counter::NEXT_NUMBERS, params![name, count])
        .await?;
    Ok(last - count + 1)
}

/// Every statement of this crate by name.
#[must_use]
pub fn statements() -> Vec<(&'static str, &'static str)> {
    let mut all = [
        counter::STATEMENTS,
        approval::STATEMENTS,
        date::STATEMENTS,
        event::STATEMENTS,
        fixing::STATEMENTS,
        flow::STATEMENTS,
        quote::STATEMENTS,
        snapshot::STATEMENTS,
        span::STATEMENTS,
        trade::STATEMENTS,
    ]
    .concat();
    all.extend(trade::PAGES.iter().map(|page| (page.name, page.sql)));
    all.push(("INSERT_EVENTS", event::insert_many()));
    all
}
