//! Applications, and what they may call.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;

/// A calling system.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `esb_application`")]
pub struct ApplicationRow {
    pub code: String,
    pub name: String,
    pub description: String,
    /// Login of who answers for it.
    pub owner: String,
    pub revision: i64,
    pub created_by: String,
    pub created_at: i64,
}

/// What an application may call.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `esb_subscription`")]
pub struct SubscriptionRow {
    pub id: String,
    pub application: String,
    pub interface: String,
    /// Major number of the versions it is for.
    pub major: i64,
    pub environment: String,
    /// JSON: purpose, operations, quota, window, fields, clearance.
    pub document: String,
    /// Last day, `yyyy-mm-dd`.
    pub until_on: String,
    pub state: String,
    /// Account id.
    pub requested_by: String,
    /// Login.
    pub requested_login: String,
    /// Account id of who agreed for the provider.
    pub provider_approval: Option<String>,
    pub revision: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

statements! {
    INSERT_APPLICATION = "INSERT INTO esb_application (code, name, description, owner, revision,
        created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    FIND_APPLICATION = "SELECT * FROM esb_application WHERE code = $1";
    LIST_APPLICATIONS = "SELECT * FROM esb_application WHERE code > $1 ORDER BY code LIMIT $2";
    INSERT_SUBSCRIPTION = "INSERT INTO esb_subscription (id, application, interface, major,
        environment, document, until_on, state, requested_by, requested_login, provider_approval,
        revision, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    UPDATE_SUBSCRIPTION = "UPDATE esb_subscription SET state = $2, until_on = $3,
        provider_approval = $4, revision = $5, updated_at = $6 WHERE id = $1 AND revision = $7";
    FIND_SUBSCRIPTION = "SELECT * FROM esb_subscription WHERE id = $1";
    LIST_SUBSCRIPTIONS = "SELECT * FROM esb_subscription
        WHERE (CAST($1 AS TEXT) IS NULL OR interface = $1)
        AND (CAST($2 AS TEXT) IS NULL OR application = $2)
        AND (CAST($3 AS TEXT) IS NULL OR state = $3) AND id > $4 ORDER BY id LIMIT $5";
}

/// Which subscriptions.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// To this interface.
    pub interface: Option<String>,
    /// Of this application.
    pub application: Option<String>,
    /// In this state.
    pub state: Option<String>,
}

/// Adds an application.
///
/// # Errors
/// [`StoreError::Unique`] when the code is taken.
pub async fn insert_application(tx: &mut Tx<'_>, row: &ApplicationRow) -> Result<(), StoreError> {
    let values = params![
        &row.code,
        &row.name,
        &row.description,
        &row.owner,
        row.revision,
        &row.created_by,
        row.created_at
    ];
    tx.execute(INSERT_APPLICATION, values).await.map(drop)
}

/// An application.
///
/// # Errors
/// Store errors.
pub async fn application(
    reader: &mut impl Reader,
    code: &str,
) -> Result<Option<ApplicationRow>, StoreError> {
    reader.optional(FIND_APPLICATION, params![code]).await
}

/// Applications after a code, in order.
///
/// # Errors
/// Store errors.
pub async fn applications(
    reader: &mut impl Reader,
    after: &str,
    limit: i64,
) -> Result<Vec<ApplicationRow>, StoreError> {
    reader.all(LIST_APPLICATIONS, params![after, limit]).await
}

/// Adds a subscription.
///
/// # Errors
/// Store errors.
pub async fn insert(tx: &mut Tx<'_>, row: &SubscriptionRow) -> Result<(), StoreError> {
    let values = params![
        &row.id,
        &row.application,
        &row.interface,
        row.major,
        &row.environment,
        &row.document,
        &row.until_on,
        &row.state,
        &row.requested_by,
        &row.requested_login,
        row.provider_approval.clone(),
        row.revision,
        row.created_at,
        row.updated_at
    ];
    tx.execute(INSERT_SUBSCRIPTION, values).await.map(drop)
}

/// Writes what may change; whether the revision still was `seen`.
///
/// # Errors
/// Store errors.
pub async fn update(tx: &mut Tx<'_>, row: &SubscriptionRow, seen: i64) -> Result<bool, StoreError> {
    let values = params![
        &row.id,
        &row.state,
        &row.until_on,
        row.provider_approval.clone(),
        row.revision,
        row.updated_at,
        seen
    ];
    Ok(tx.execute(UPDATE_SUBSCRIPTION, values).await? == 1)
}

/// A subscription.
///
/// # Errors
/// Store errors.
pub async fn find(
    reader: &mut impl Reader,
    id: &str,
) -> Result<Option<SubscriptionRow>, StoreError> {
    reader.optional(FIND_SUBSCRIPTION, params![id]).await
}

/// Subscriptions after one, in the order they were asked for.
///
/// # Errors
/// Store errors.
pub async fn list(
    reader: &mut impl Reader,
    wanted: &Wanted,
    after: &str,
    limit: i64,
) -> Result<Vec<SubscriptionRow>, StoreError> {
    let values = params![
        wanted.interface.clone(),
        wanted.application.clone(),
        wanted.state.clone(),
        after,
        limit
    ];
    reader.all(LIST_SUBSCRIPTIONS, values).await
}
