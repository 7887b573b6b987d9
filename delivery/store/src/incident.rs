//! Red-light incidents.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;
use crate::ids::{IncidentId, PipelineId, ProjectId};

/// An incident.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `incident`")]
pub struct IncidentRow {
    #[sqlx(try_from = "String")]
    pub id: IncidentId,
    pub no: i64,
    #[sqlx(try_from = "String")]
    pub project_id: ProjectId,
    pub project_path: String,
    pub branch: String,
    /// `open` or `closed`.
    pub state: String,
    pub close_kind: Option<String>,
    pub pushed_at: i64,
    pub red_at: i64,
    pub green_at: Option<i64>,
    pub last_green_sha: Option<String>,
    /// Commit of the newest failing pipeline.
    pub failing_sha: String,
    #[sqlx(try_from = "String")]
    pub failing_pipeline_id: PipelineId,
    pub closing_pipeline_id: Option<String>,
    /// JSON array of names.
    pub failed_jobs: String,
    /// Who pushed the breakage; its author where nobody's account did.
    pub owner_name: Option<String>,
    pub owner_email: Option<String>,
    /// Account that pushed it.
    pub owner_login: Option<String>,
    pub cause_class: String,
    /// Per cent.
    pub cause_confidence: i64,
    /// JSON array of candidate commits.
    pub commits: String,
    /// JSON array of `{at, level}`.
    pub alarms: String,
    pub version: i64,
    /// JSON array: who broke what, each with its times; empty for incidents from before it was kept.
    pub causes: String,
}

statements! {
    INSERT_INCIDENT = "INSERT INTO incident (id, no, project_id, project_path, branch, state,
        close_kind, pushed_at, red_at, green_at, last_green_sha, failing_sha, failing_pipeline_id,
        closing_pipeline_id, failed_jobs, owner_name, owner_email, cause_class, cause_confidence,
        commits, alarms, version, owner_login, causes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
        $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)";
    UPDATE_INCIDENT = "UPDATE incident SET state = $2, close_kind = $3, green_at = $4,
        failing_sha = $5, failing_pipeline_id = $6, closing_pipeline_id = $7, failed_jobs = $8,
        owner_name = $9, owner_email = $10, commits = $11, alarms = $12, owner_login = $13,
        cause_class = $14, cause_confidence = $15, causes = $16, version = version + 1
        WHERE id = $1 RETURNING version";
    FIND_INCIDENT = "SELECT * FROM incident WHERE id = $1";
    FIND_OPEN = "SELECT * FROM incident WHERE project_id = $1 AND branch = $2 AND state = 'open'";
    LIST_OPEN = "SELECT * FROM incident WHERE state = 'open' ORDER BY red_at, id";
    LIST_INCIDENTS = "SELECT * FROM incident
        WHERE (CAST($1 AS TEXT) IS NULL OR project_id = $1)
        AND (CAST($2 AS TEXT) IS NULL OR state = $2)
        AND (red_at, id) < ($3, $4) ORDER BY red_at DESC, id DESC LIMIT $5";
}

/// Adds an incident.
///
/// # Errors
/// [`StoreError::Unique`] when the branch has an open one.
pub async fn insert(tx: &mut Tx<'_>, row: &IncidentRow) -> Result<(), StoreError> {
    let values = params![
        &row.id,
        row.no,
        &row.project_id,
        &row.project_path,
        &row.branch,
        &row.state,
        row.close_kind.clone(),
        row.pushed_at,
        row.red_at,
        row.green_at,
        row.last_green_sha.clone(),
        &row.failing_sha,
        &row.failing_pipeline_id,
        row.closing_pipeline_id.clone(),
        &row.failed_jobs,
        row.owner_name.clone(),
        row.owner_email.clone(),
        &row.cause_class,
        row.cause_confidence,
        &row.commits,
        &row.alarms,
        row.version,
        row.owner_login.clone(),
        &row.causes
    ];
    tx.execute(INSERT_INCIDENT, values).await.map(drop)
}

/// Writes what may change; the new version.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn update(tx: &mut Tx<'_>, row: &IncidentRow) -> Result<i64, StoreError> {
    let values = params![
        &row.id,
        &row.state,
        row.close_kind.clone(),
        row.green_at,
        &row.failing_sha,
        &row.failing_pipeline_id,
        row.closing_pipeline_id.clone(),
        &row.failed_jobs,
        row.owner_name.clone(),
        row.owner_email.clone(),
        &row.commits,
        &row.alarms,
        row.owner_login.clone(),
        &row.cause_class,
        row.cause_confidence,
        &row.causes
    ];
    let (version,): (i64,) = tx.fetch_one(UPDATE_INCIDENT, values).await?;
    Ok(version)
}

/// An incident.
///
/// # Errors
/// Store errors.
pub async fn find(
    reader: &mut impl Reader,
    id: &IncidentId,
) -> Result<Option<IncidentRow>, StoreError> {
    reader.optional(FIND_INCIDENT, params![id]).await
}

/// The open incident of a branch.
///
/// # Errors
/// Store errors.
pub async fn find_open(
    reader: &mut impl Reader,
    project: &ProjectId,
    branch: &str,
) -> Result<Option<IncidentRow>, StoreError> {
    reader.optional(FIND_OPEN, params![project, branch]).await
}

/// All open incidents.
///
/// # Errors
/// Store errors.
pub async fn open(reader: &mut impl Reader) -> Result<Vec<IncidentRow>, StoreError> {
    reader.all(LIST_OPEN, params![]).await
}

/// Incidents, newest first, older than `before`.
///
/// # Errors
/// Store errors.
pub async fn list(
    reader: &mut impl Reader,
    project: Option<&ProjectId>,
    state: Option<&str>,
    before: Option<(i64, String)>,
    limit: i64,
) -> Result<Vec<IncidentRow>, StoreError> {
    let (at, id) = before.unwrap_or((i64::MAX, String::new()));
    let project = project.map(|p| p.as_str().to_owned());
    let values = params![project, state.map(str::to_owned), at, id, limit];
    reader.all(LIST_INCIDENTS, values).await
}
