//! Environments and their two slots.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;
use crate::ids::{EnvironmentId, ProjectId};

/// An environment.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `environment`")]
pub struct EnvironmentRow {
    #[sqlx(try_from = "String")]
    pub id: EnvironmentId,
    #[sqlx(try_from = "String")]
    pub project_id: ProjectId,
    pub project_path: String,
    pub name: String,
    pub tier: String,
    pub protected: bool,
    /// Carried out by the controller (declared in `.rialto/release.toml`).
    pub managed: bool,
    pub url: Option<String>,
    /// Public address `host:port`, kept once chosen.
    pub listen: Option<String>,
    /// `idle`, `deploying`, `serving` or `rollback_failed`.
    pub state: String,
    /// `blue`, `green` or `violet`.
    pub active_slot: Option<String>,
    pub active_release_id: Option<String>,
    pub standby_release_id: Option<String>,
    pub last_deployment_id: Option<String>,
    /// Deployment that holds the lock.
    pub lock_deployment_id: Option<String>,
    /// Version of the router's service when last confirmed.
    pub router_version: Option<i64>,
    pub created_at: i64,
    pub version: i64,
}

/// One of the three slots.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `slot`")]
pub struct SlotRow {
    #[sqlx(try_from = "String")]
    pub environment_id: EnvironmentId,
    /// `blue`, `green` or `violet`.
    pub name: String,
    /// `active`, `standby`, `candidate`, `reserve` (stood by before the version that is being
    /// watched took the traffic) or `idle`.
    pub role: String,
    /// `starting`, `healthy`, `unhealthy` or `stopped`.
    pub health: String,
    pub release_id: Option<String>,
    pub version_label: Option<String>,
    pub digest: Option<String>,
    /// Where the archive is unpacked.
    pub folder: Option<String>,
    /// Private address `host:port`.
    pub address: Option<String>,
    /// What the supervisor needs to find the process again, JSON.
    pub supervisor: Option<String>,
    pub pid: Option<i64>,
    pub started_at: Option<i64>,
    pub last_probe_at: Option<i64>,
    pub version: i64,
}

statements! {
    INSERT_ENVIRONMENT = "INSERT INTO environment (id, project_id, project_path, name, tier,
        protected, managed, url, listen, state, active_slot, active_release_id, standby_release_id,
        last_deployment_id, lock_deployment_id, router_version, created_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
        ON CONFLICT (project_id, name) DO NOTHING";
    UPDATE_ENVIRONMENT = "UPDATE environment SET tier = $2, protected = $3, managed = $4, url = $5,
        listen = $6, state = $7, active_slot = $8, active_release_id = $9, standby_release_id = $10,
        last_deployment_id = $11, router_version = $12, version = version + 1
        WHERE id = $1 RETURNING version";
    TAKE_LOCK = "UPDATE environment SET lock_deployment_id = $2, version = version + 1
        WHERE id = $1 AND (lock_deployment_id IS NULL OR lock_deployment_id = $2)";
    RELEASE_LOCK = "UPDATE environment SET lock_deployment_id = NULL, version = version + 1
        WHERE id = $1 AND lock_deployment_id = $2";
    FIND_ENVIRONMENT = "SELECT * FROM environment WHERE id = $1";
    FIND_BY_NAME = "SELECT * FROM environment WHERE project_id = $1 AND name = $2";
    LIST_ENVIRONMENTS = "SELECT * FROM environment
        WHERE (CAST($1 AS TEXT) IS NULL OR project_id = $1) ORDER BY project_path, created_at, id";
    PUT_SLOT = "INSERT INTO slot (environment_id, name, role, health, release_id, version_label,
        digest, folder, address, supervisor, pid, started_at, last_probe_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        ON CONFLICT (environment_id, name) DO UPDATE SET role = excluded.role,
        health = excluded.health, release_id = excluded.release_id,
        version_label = excluded.version_label, digest = excluded.digest, folder = excluded.folder,
        address = excluded.address, supervisor = excluded.supervisor, pid = excluded.pid,
        started_at = excluded.started_at, last_probe_at = excluded.last_probe_at,
        version = slot.version + 1";
    LIST_SLOTS = "SELECT * FROM slot WHERE environment_id = $1 ORDER BY name";
}

/// Adds an environment; false when the project has one of this name.
///
/// # Errors
/// Store errors.
pub async fn insert(tx: &mut Tx<'_>, row: &EnvironmentRow) -> Result<bool, StoreError> {
    let values = params![
        &row.id,
        &row.project_id,
        &row.project_path,
        &row.name,
        &row.tier,
        row.protected,
        row.managed,
        row.url.clone(),
        row.listen.clone(),
        &row.state,
        row.active_slot.clone(),
        row.active_release_id.clone(),
        row.standby_release_id.clone(),
        row.last_deployment_id.clone(),
        row.lock_deployment_id.clone(),
        row.router_version,
        row.created_at,
        row.version
    ];
    Ok(tx.execute(INSERT_ENVIRONMENT, values).await? > 0)
}

/// Writes what may change, the lock excepted; the new version.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn update(tx: &mut Tx<'_>, row: &EnvironmentRow) -> Result<i64, StoreError> {
    let values = params![
        &row.id,
        &row.tier,
        row.protected,
        row.managed,
        row.url.clone(),
        row.listen.clone(),
        &row.state,
        row.active_slot.clone(),
        row.active_release_id.clone(),
        row.standby_release_id.clone(),
        row.last_deployment_id.clone(),
        row.router_version
    ];
    let (version,): (i64,) = tx.fetch_one(UPDATE_ENVIRONMENT, values).await?;
    Ok(version)
}

/// Takes the environment's lock for a deployment; false when another holds it. Taking it again is
/// harmless.
///
/// # Errors
/// Store errors.
pub async fn take_lock(
    tx: &mut Tx<'_>,
    id: &EnvironmentId,
    deployment: &str,
) -> Result<bool, StoreError> {
    Ok(tx.execute(TAKE_LOCK, params![id, deployment]).await? > 0)
}

/// Gives the lock back; false when this deployment did not hold it.
///
/// # Errors
/// Store errors.
pub async fn release_lock(
    tx: &mut Tx<'_>,
    id: &EnvironmentId,
    deployment: &str,
) -> Result<bool, StoreError> {
    Ok(tx.execute(RELEASE_LOCK, params![id, deployment]).await? > 0)
}

/// An environment.
///
/// # Errors
/// Store errors.
pub async fn find(
    reader: &mut impl Reader,
    id: &EnvironmentId,
) -> Result<Option<EnvironmentRow>, StoreError> {
    reader.optional(FIND_ENVIRONMENT, params![id]).await
}

/// An environment by name.
///
/// # Errors
/// Store errors.
pub async fn find_by_name(
    reader: &mut impl Reader,
    project: &ProjectId,
    name: &str,
) -> Result<Option<EnvironmentRow>, StoreError> {
    reader.optional(FIND_BY_NAME, params![project, name]).await
}

/// Environments of a project, or of all.
///
/// # Errors
/// Store errors.
pub async fn list(
    reader: &mut impl Reader,
    project: Option<&ProjectId>,
) -> Result<Vec<EnvironmentRow>, StoreError> {
    reader
        .all(
            LIST_ENVIRONMENTS,
            params![project.map(|p| p.as_str().to_owned())],
        )
        .await
}

/// Adds or replaces a slot.
///
/// # Errors
/// Store errors.
pub async fn put_slot(tx: &mut Tx<'_>, row: &SlotRow) -> Result<(), StoreError> {
    let values = params![
        &row.environment_id,
        &row.name,
        &row.role,
        &row.health,
        row.release_id.clone(),
        row.version_label.clone(),
        row.digest.clone(),
        row.folder.clone(),
        row.address.clone(),
        row.supervisor.clone(),
        row.pid,
        row.started_at,
        row.last_probe_at,
        row.version
    ];
    tx.execute(PUT_SLOT, values).await.map(drop)
}

/// Slots of an environment: `blue` before `green`.
///
/// # Errors
/// Store errors.
pub async fn slots(
    reader: &mut impl Reader,
    id: &EnvironmentId,
) -> Result<Vec<SlotRow>, StoreError> {
    reader.all(LIST_SLOTS, params![id]).await
}
