//! Systems.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;

/// A system.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `esb_system`")]
pub struct SystemRow {
    pub code: String,
    pub name_en: String,
    pub name_zh: String,
    pub description: String,
    /// Login of who answers for it.
    pub owner: String,
    pub criticality: String,
    pub hours: String,
    pub revision: i64,
    pub created_by: String,
    pub created_at: i64,
    pub updated_at: i64,
}

statements! {
    INSERT_SYSTEM = "INSERT INTO esb_system (code, name_en, name_zh, description, owner,
        criticality, hours, revision, created_by, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    UPDATE_SYSTEM = "UPDATE esb_system SET name_en = $2, name_zh = $3, description = $4,
        owner = $5, criticality = $6, hours = $7, revision = $8, updated_at = $9
        WHERE code = $1 AND revision = $8 - 1";
    FIND_SYSTEM = "SELECT * FROM esb_system WHERE code = $1";
    LIST_SYSTEMS = "SELECT * FROM esb_system WHERE code > $1 ORDER BY code LIMIT $2";
}

/// Adds a system.
///
/// # Errors
/// [`StoreError::Unique`] when the code is taken.
pub async fn insert(tx: &mut Tx<'_>, row: &SystemRow) -> Result<(), StoreError> {
    let values = params![
        &row.code,
        &row.name_en,
        &row.name_zh,
        &row.description,
        &row.owner,
        &row.criticality,
        &row.hours,
        row.revision,
        &row.created_by,
        row.created_at,
        row.updated_at
    ];
    tx.execute(INSERT_SYSTEM, values).await.map(drop)
}

/// Writes what may change, its revision one higher; whether it still was the one before.
///
/// # Errors
/// Store errors.
pub async fn update(tx: &mut Tx<'_>, row: &SystemRow) -> Result<bool, StoreError> {
    let values = params![
        &row.code,
        &row.name_en,
        &row.name_zh,
        &row.description,
        &row.owner,
        &row.criticality,
        &row.hours,
        row.revision,
        row.updated_at
    ];
    Ok(tx.execute(UPDATE_SYSTEM, values).await? == 1)
}

/// A system.
///
/// # Errors
/// Store errors.
pub async fn find(reader: &mut impl Reader, code: &str) -> Result<Option<SystemRow>, StoreError> {
    reader.optional(FIND_SYSTEM, params![code]).await
}

/// Systems after a code, in order.
///
/// # Errors
/// Store errors.
pub async fn list(
    reader: &mut impl Reader,
    after: &str,
    limit: i64,
) -> Result<Vec<SystemRow>, StoreError> {
    reader.all(LIST_SYSTEMS, params![after, limit]).await
}
