//! Markets by the hash of their content.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;

/// A market.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `otc_snapshot`")]
pub struct SnapshotRow {
    pub id: String,
    /// JSON of the moment.
    pub as_of: String,
    /// Its date; empty for numeric markets.
    pub as_of_date: String,
    /// JSON array of underlyings.
    pub names: String,
    /// Canonical JSON.
    pub content: String,
    pub created_by: String,
    pub created_at: i64,
}

statements! {
    INSERT_SNAPSHOT = "INSERT INTO otc_snapshot (id, as_of, as_of_date, names, content, created_by,
        created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING";
    FIND_SNAPSHOT = "SELECT * FROM otc_snapshot WHERE id = $1";
    LIST_SNAPSHOTS = "SELECT * FROM otc_snapshot WHERE (created_at, id) < ($1, $2)
        ORDER BY created_at DESC, id DESC LIMIT $3";
}

/// Adds a market; whether it was not there yet.
///
/// # Errors
/// Store errors.
pub async fn insert(tx: &mut Tx<'_>, row: &SnapshotRow) -> Result<bool, StoreError> {
    let values = params![
        &row.id,
        &row.as_of,
        &row.as_of_date,
        &row.names,
        &row.content,
        &row.created_by,
        row.created_at
    ];
    Ok(tx.execute(INSERT_SNAPSHOT, values).await? > 0)
}

/// A market.
///
/// # Errors
/// Store errors.
pub async fn find(reader: &mut impl Reader, id: &str) -> Result<Option<SnapshotRow>, StoreError> {
    reader.optional(FIND_SNAPSHOT, params![id]).await
}

/// Markets, newest first, older than `before` (time and id).
///
/// # Errors
/// Store errors.
pub async fn list(
    reader: &mut impl Reader,
    before: Option<(i64, String)>,
    limit: i64,
) -> Result<Vec<SnapshotRow>, StoreError> {
    let (at, id) = before.unwrap_or((i64::MAX, String::new()));
    reader.all(LIST_SNAPSHOTS, params![at, id, limit]).await
}
