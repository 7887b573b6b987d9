//! Refs as last seen, and pushes.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;
use crate::ids::{ProjectId, PushEventId};

/// A ref as last taken into the database.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct GitRefRow {
    /// Project.
    #[sqlx(try_from = "String")]
    pub project_id: ProjectId,
    /// Full name.
    pub name: String,
    /// Object.
    pub sha: String,
    /// Microseconds.
    pub updated_at: i64,
}

/// One ref moved by one push.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `push_event`")]
pub struct PushEventRow {
    #[sqlx(try_from = "String")]
    pub id: PushEventId,
    #[sqlx(try_from = "String")]
    pub project_id: ProjectId,
    pub push_id: String,
    pub ref_name: String,
    pub old_sha: String,
    pub new_sha: String,
    pub pusher_id: String,
    pub pusher_login: String,
    pub pusher_name: String,
    pub pusher_email: String,
    /// JSON array of push options.
    pub options: String,
    pub pushed_at: i64,
    /// When its pipeline was made, or it was found to need none.
    pub handled_at: Option<i64>,
}

statements! {
    LIST_REFS = "SELECT * FROM git_ref WHERE project_id = $1 ORDER BY name";
    FIND_REF = "SELECT * FROM git_ref WHERE project_id = $1 AND name = $2";
    PUT_REF = "INSERT INTO git_ref (project_id, name, sha, updated_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (project_id, name) DO UPDATE SET sha = excluded.sha,
        updated_at = excluded.updated_at";
    DELETE_REF = "DELETE FROM git_ref WHERE project_id = $1 AND name = $2";
    INSERT_PUSH_EVENT = "INSERT INTO push_event (id, project_id, push_id, ref_name, old_sha,
        new_sha, pusher_id, pusher_login, pusher_name, pusher_email, options, pushed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (project_id, push_id, ref_name) DO NOTHING";
    LIST_UNHANDLED = "SELECT * FROM push_event WHERE handled_at IS NULL
        ORDER BY pushed_at, id LIMIT 100";
    SET_HANDLED = "UPDATE push_event SET handled_at = $2 WHERE id = $1 AND handled_at IS NULL";
    FIND_PUSH_EVENT = "SELECT * FROM push_event WHERE id = $1";
    EARLIEST_UNFINISHED = "SELECT min(e.pushed_at) FROM push_event e
        JOIN pipeline p ON p.push_event_id = e.id
        WHERE e.project_id = $1 AND e.ref_name = $2 AND e.pushed_at > $3 AND e.pushed_at < $4
        AND p.status NOT IN ('success', 'failed', 'skipped')";
    PUSHES_OF_PROJECT = "SELECT * FROM push_event WHERE project_id = $1 ORDER BY pushed_at, id";
    NEWEST_PUSH_OF_SHA = "SELECT * FROM push_event WHERE project_id = $1 AND new_sha = $2
        ORDER BY pushed_at DESC LIMIT 1";
}

/// Refs of a project as last seen.
///
/// # Errors
/// Store errors.
pub async fn refs(
    reader: &mut impl Reader,
    project: &ProjectId,
) -> Result<Vec<GitRefRow>, StoreError> {
    reader.all(LIST_REFS, params![project]).await
}

/// A ref as last seen.
///
/// # Errors
/// Store errors.
pub async fn find_ref(
    reader: &mut impl Reader,
    project: &ProjectId,
    name: &str,
) -> Result<Option<GitRefRow>, StoreError> {
    reader.optional(FIND_REF, params![project, name]).await
}

/// Moves a ref; `None` removes it.
///
/// # Errors
/// Store errors.
pub async fn set_ref(
    tx: &mut Tx<'_>,
    project: &ProjectId,
    name: &str,
    sha: Option<&str>,
    at: i64,
) -> Result<(), StoreError> {
    match sha {
        Some(sha) => tx
            .execute(PUT_REF, params![project, name, sha, at])
            .await
            .map(drop),
        None => tx
            .execute(DELETE_REF, params![project, name])
            .await
            .map(drop),
    }
}

/// Adds a push event; false when this push of this ref is known already.
///
/// # Errors
/// Store errors.
pub async fn insert(tx: &mut Tx<'_>, row: &PushEventRow) -> Result<bool, StoreError> {
    let values = params![
        &row.id,
        &row.project_id,
        &row.push_id,
        &row.ref_name,
        &row.old_sha,
        &row.new_sha,
        &row.pusher_id,
        &row.pusher_login,
        &row.pusher_name,
        &row.pusher_email,
        &row.options,
        row.pushed_at
    ];
    Ok(tx.execute(INSERT_PUSH_EVENT, values).await? > 0)
}

/// A push event.
///
/// # Errors
/// Store errors.
pub async fn find(
    reader: &mut impl Reader,
    id: &PushEventId,
) -> Result<Option<PushEventRow>, StoreError> {
    reader.optional(FIND_PUSH_EVENT, params![id]).await
}

/// Push events whose pipeline is still to be made, oldest first, at most 100.
///
/// # Errors
/// Store errors.
pub async fn unhandled(reader: &mut impl Reader) -> Result<Vec<PushEventRow>, StoreError> {
    reader.all(LIST_UNHANDLED, params![]).await
}

/// Notes that a push event is done with; false when it was already.
///
/// # Errors
/// Store errors.
pub async fn set_handled(tx: &mut Tx<'_>, id: &PushEventId, at: i64) -> Result<bool, StoreError> {
    Ok(tx.execute(SET_HANDLED, params![id, at]).await? > 0)
}

/// The earliest push of a ref between two times whose pipeline never came to success or failure.
///
/// # Errors
/// Store errors.
pub async fn earliest_unfinished(
    reader: &mut impl Reader,
    project: &ProjectId,
    ref_name: &str,
    after: i64,
    before: i64,
) -> Result<Option<i64>, StoreError> {
    let values = params![project, ref_name, after, before];
    let row: Option<(Option<i64>,)> = reader.optional(EARLIEST_UNFINISHED, values).await?;
    Ok(row.and_then(|(at,)| at))
}

/// Every push event of a project, oldest first.
///
/// # Errors
/// Store errors.
pub async fn of_project(
    reader: &mut impl Reader,
    project: &ProjectId,
) -> Result<Vec<PushEventRow>, StoreError> {
    reader.all(PUSHES_OF_PROJECT, params![project]).await
}

/// The newest push that brought a commit to a ref's head.
///
/// # Errors
/// Store errors.
pub async fn newest_of_sha(
    reader: &mut impl Reader,
    project: &ProjectId,
    sha: &str,
) -> Result<Option<PushEventRow>, StoreError> {
    reader
        .optional(NEWEST_PUSH_OF_SHA, params![project, sha])
        .await
}
