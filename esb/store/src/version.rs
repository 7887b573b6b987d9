//! Versions of interfaces, and guards waived for them.

use rialto_platform_store::{Bind as _, Params, StoreError, Tx, params, statements};

use crate::Reader;

/// A version.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `esb_version`")]
pub struct VersionRow {
    pub id: String,
    pub interface: String,
    pub major: i64,
    pub minor: i64,
    pub patch: i64,
    pub state: String,
    pub suspended: i64,
    /// Hash of its definition.
    pub definition: Option<String>,
    /// Hash that was approved.
    pub pinned: Option<String>,
    /// `none`, `info`, `warning` or `error`.
    pub compat: Option<String>,
    /// Id of the version it was compared with.
    pub compat_base: Option<String>,
    /// JSON.
    pub sla: Option<String>,
    /// JSON: code of an interface to why another one is needed.
    pub similar_answers: String,
    /// JSON list of account ids.
    pub authors: String,
    pub submitted_by: Option<String>,
    pub submitted_at: Option<i64>,
    pub security_agreed_by: Option<String>,
    pub successor: Option<String>,
    pub sunset_on: Option<String>,
    pub revision: i64,
    pub created_by: String,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A waived guard.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `esb_waiver`")]
pub struct WaiverRow {
    pub version_id: String,
    pub guard: String,
    pub reason: String,
    /// Last day, `yyyy-mm-dd`.
    pub until_on: String,
    /// Login.
    pub waived_by: String,
    pub created_at: i64,
}

statements! {
    INSERT_VERSION = "INSERT INTO esb_version (id, interface, major, minor, patch, state, suspended,
        definition, pinned, compat, compat_base, sla, similar_answers, authors, submitted_by,
        submitted_at, security_agreed_by, successor, sunset_on, revision, created_by, created_at,
        updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
        $19, $20, $21, $22, $23)";
    UPDATE_VERSION = "UPDATE esb_version SET state = $2, suspended = $3, definition = $4,
        pinned = $5, compat = $6, compat_base = $7, sla = $8, similar_answers = $9, authors = $10,
        submitted_by = $11, submitted_at = $12, security_agreed_by = $13, successor = $14,
        sunset_on = $15, revision = $16, updated_at = $17 WHERE id = $1 AND revision = $18";
    FIND_VERSION = "SELECT * FROM esb_version WHERE id = $1";
    VERSIONS_OF = "SELECT * FROM esb_version WHERE interface = $1
        ORDER BY major DESC, minor DESC, patch DESC";
    VERSIONS_IN = "SELECT * FROM esb_version WHERE state = $1 AND (submitted_at, id) > ($2, $3)
        ORDER BY submitted_at, id LIMIT $4";
    PUT_WAIVER = "INSERT INTO esb_waiver (version_id, guard, reason, until_on, waived_by,
        created_at) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (version_id, guard) DO UPDATE SET reason = excluded.reason,
        until_on = excluded.until_on, waived_by = excluded.waived_by,
        created_at = excluded.created_at";
    WAIVERS_OF = "SELECT * FROM esb_waiver WHERE version_id = $1 ORDER BY guard";
}

/// Adds a version.
///
/// # Errors
/// [`StoreError::Unique`] when the interface has one of this number.
pub async fn insert(tx: &mut Tx<'_>, row: &VersionRow) -> Result<(), StoreError> {
    let values = vec![
        row.id.as_str().into_value(),
        row.interface.as_str().into_value(),
        row.major.into_value(),
        row.minor.into_value(),
        row.patch.into_value(),
        row.state.as_str().into_value(),
        row.suspended.into_value(),
        row.definition.clone().into_value(),
        row.pinned.clone().into_value(),
        row.compat.clone().into_value(),
        row.compat_base.clone().into_value(),
        row.sla.clone().into_value(),
        row.similar_answers.as_str().into_value(),
        row.authors.as_str().into_value(),
        row.submitted_by.clone().into_value(),
        row.submitted_at.into_value(),
        row.security_agreed_by.clone().into_value(),
        row.successor.clone().into_value(),
        row.sunset_on.clone().into_value(),
        row.revision.into_value(),
        row.created_by.as_str().into_value(),
        row.created_at.into_value(),
        row.updated_at.into_value(),
    ];
    tx.execute(INSERT_VERSION, Params::new(values))
        .await
        .map(drop)
}

/// Writes what may change; whether the revision still was `seen`.
///
/// # Errors
/// Store errors.
pub async fn update(tx: &mut Tx<'_>, row: &VersionRow, seen: i64) -> Result<bool, StoreError> {
    let values = vec![
        row.id.as_str().into_value(),
        row.state.as_str().into_value(),
        row.suspended.into_value(),
        row.definition.clone().into_value(),
        row.pinned.clone().into_value(),
        row.compat.clone().into_value(),
        row.compat_base.clone().into_value(),
        row.sla.clone().into_value(),
        row.similar_answers.as_str().into_value(),
        row.authors.as_str().into_value(),
        row.submitted_by.clone().into_value(),
        row.submitted_at.into_value(),
        row.security_agreed_by.clone().into_value(),
        row.successor.clone().into_value(),
        row.sunset_on.clone().into_value(),
        row.revision.into_value(),
        row.updated_at.into_value(),
        seen.into_value(),
    ];
    Ok(tx.execute(UPDATE_VERSION, Params::new(values)).await? == 1)
}

/// A version.
///
/// # Errors
/// Store errors.
pub async fn find(reader: &mut impl Reader, id: &str) -> Result<Option<VersionRow>, StoreError> {
    reader.optional(FIND_VERSION, params![id]).await
}

/// Versions of an interface, highest number first.
///
/// # Errors
/// Store errors.
pub async fn of_interface(
    reader: &mut impl Reader,
    interface: &str,
) -> Result<Vec<VersionRow>, StoreError> {
    reader.all(VERSIONS_OF, params![interface]).await
}

/// Versions in a state after one (time of submission and id), those that wait longest first.
///
/// # Errors
/// Store errors.
pub async fn in_state(
    reader: &mut impl Reader,
    state: &str,
    after: (i64, &str),
    limit: i64,
) -> Result<Vec<VersionRow>, StoreError> {
    reader
        .all(VERSIONS_IN, params![state, after.0, after.1, limit])
        .await
}

/// Waives a guard, or waives it anew.
///
/// # Errors
/// Store errors.
pub async fn put_waiver(tx: &mut Tx<'_>, row: &WaiverRow) -> Result<(), StoreError> {
    let values = params![
        &row.version_id,
        &row.guard,
        &row.reason,
        &row.until_on,
        &row.waived_by,
        row.created_at
    ];
    tx.execute(PUT_WAIVER, values).await.map(drop)
}

/// Guards waived for a version, past ones too.
///
/// # Errors
/// Store errors.
pub async fn waivers(
    reader: &mut impl Reader,
    version_id: &str,
) -> Result<Vec<WaiverRow>, StoreError> {
    reader.all(WAIVERS_OF, params![version_id]).await
}
