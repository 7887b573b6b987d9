//! Runners as they last showed themselves.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;
use crate::ids::RunnerId;

/// A runner.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct RunnerRow {
    /// Id.
    #[sqlx(try_from = "String")]
    pub id: RunnerId,
    /// Unique name.
    pub name: String,
    /// JSON array.
    pub tags: String,
    /// Version of its program.
    pub version: String,
    /// JSON array.
    pub executors: String,
    /// Microseconds.
    pub created_at: i64,
    /// Microseconds.
    pub last_contact_at: i64,
}

statements! {
    PUT_RUNNER = "INSERT INTO runner
        (id, name, tags, version, executors, created_at, last_contact_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (name) DO UPDATE SET tags = excluded.tags, version = excluded.version,
        executors = excluded.executors, last_contact_at = excluded.last_contact_at
        RETURNING id, name, tags, version, executors, created_at, last_contact_at";
    LIST_RUNNERS = "SELECT * FROM runner ORDER BY name";
}

/// Adds a runner or notes its newest word; the row as stored.
///
/// # Errors
/// Store errors.
pub async fn put(tx: &mut Tx<'_>, row: &RunnerRow) -> Result<RunnerRow, StoreError> {
    let values = params![
        &row.id,
        &row.name,
        &row.tags,
        &row.version,
        &row.executors,
        row.created_at,
        row.last_contact_at
    ];
    tx.fetch_one(PUT_RUNNER, values).await
}

/// All runners.
///
/// # Errors
/// Store errors.
pub async fn list(reader: &mut impl Reader) -> Result<Vec<RunnerRow>, StoreError> {
    reader.all(LIST_RUNNERS, params![]).await
}
