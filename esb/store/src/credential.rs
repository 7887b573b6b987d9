//! How applications prove who they are.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;

/// A credential.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `esb_credential`")]
pub struct CredentialRow {
    pub id: String,
    pub application: String,
    pub environment: String,
    /// `api_key` or `hmac`.
    pub kind: String,
    pub state: String,
    /// JSON: what a snapshot holds of it, a digest or a sealed secret; none before it is fetched.
    pub material: Option<String>,
    /// Login of who may fetch the secret.
    pub deliver_to: String,
    pub expires_at: i64,
    /// Id of the one it comes after.
    pub replaces: Option<String>,
    /// Days it goes on working once its successor's secret is fetched.
    pub overlap_days: Option<i64>,
    pub overlap_ends_at: Option<i64>,
    pub delivered_at: Option<i64>,
    /// Login.
    pub created_by: String,
    pub revision: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

statements! {
    INSERT_CREDENTIAL = "INSERT INTO esb_credential (id, application, environment, kind, state,
        material, deliver_to, expires_at, replaces, overlap_days, overlap_ends_at, delivered_at,
        created_by, revision, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    UPDATE_CREDENTIAL = "UPDATE esb_credential SET state = $2, material = $3, overlap_days = $4,
        overlap_ends_at = $5, delivered_at = $6, revision = $7, updated_at = $8
        WHERE id = $1 AND revision = $9";
    FIND_CREDENTIAL = "SELECT * FROM esb_credential WHERE id = $1";
    SUCCESSOR_OF = "SELECT * FROM esb_credential WHERE replaces = $1 ORDER BY id DESC LIMIT 1";
    LIST_CREDENTIALS = "SELECT * FROM esb_credential
        WHERE (CAST($1 AS TEXT) IS NULL OR application = $1)
        AND (CAST($2 AS TEXT) IS NULL OR environment = $2) AND id > $3 ORDER BY id LIMIT $4";
}

/// Adds a credential.
///
/// # Errors
/// Store errors.
pub async fn insert(tx: &mut Tx<'_>, row: &CredentialRow) -> Result<(), StoreError> {
    let values = params![
        &row.id,
        &row.application,
        &row.environment,
        &row.kind,
        &row.state,
        row.material.clone(),
        &row.deliver_to,
        row.expires_at,
        row.replaces.clone(),
        row.overlap_days,
        row.overlap_ends_at,
        row.delivered_at,
        &row.created_by,
        row.revision,
        row.created_at,
        row.updated_at
    ];
    tx.execute(INSERT_CREDENTIAL, values).await.map(drop)
}

/// Writes what may change; whether the revision still was `seen`.
///
/// # Errors
/// Store errors.
pub async fn update(tx: &mut Tx<'_>, row: &CredentialRow, seen: i64) -> Result<bool, StoreError> {
    let values = params![
        &row.id,
        &row.state,
        row.material.clone(),
        row.overlap_days,
        row.overlap_ends_at,
        row.delivered_at,
        row.revision,
        row.updated_at,
        seen
    ];
    Ok(tx.execute(UPDATE_CREDENTIAL, values).await? == 1)
}

/// A credential.
///
/// # Errors
/// Store errors.
pub async fn find(reader: &mut impl Reader, id: &str) -> Result<Option<CredentialRow>, StoreError> {
    reader.optional(FIND_CREDENTIAL, params![id]).await
}

/// The newest one that comes after a credential.
///
/// # Errors
/// Store errors.
pub async fn successor(
    reader: &mut impl Reader,
    id: &str,
) -> Result<Option<CredentialRow>, StoreError> {
    reader.optional(SUCCESSOR_OF, params![id]).await
}

/// Credentials after one, in the order they were made; of an application, of an environment.
///
/// # Errors
/// Store errors.
pub async fn list(
    reader: &mut impl Reader,
    (application, environment): (Option<&str>, Option<&str>),
    after: &str,
    limit: i64,
) -> Result<Vec<CredentialRow>, StoreError> {
    let values = params![
        application.map(str::to_owned),
        environment.map(str::to_owned),
        after,
        limit
    ];
    reader.all(LIST_CREDENTIALS, values).await
}
