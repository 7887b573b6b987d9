//! Pipelines and their plans.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::ids::{PipelineId, ProjectId, PushEventId};
use crate::{Reader, StoredStatus};

/// A pipeline.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `pipeline`")]
pub struct PipelineRow {
    #[sqlx(try_from = "String")]
    pub id: PipelineId,
    pub no: i64,
    #[sqlx(try_from = "String")]
    pub project_id: ProjectId,
    pub project_path: String,
    /// Short name, e.g. `main`.
    pub ref_name: String,
    pub is_tag: bool,
    pub protected_ref: bool,
    pub sha: String,
    pub before_sha: String,
    /// Commit title.
    pub title: String,
    pub author_name: String,
    pub author_email: String,
    /// `CI_PIPELINE_SOURCE`.
    pub source: String,
    #[sqlx(try_from = "String")]
    pub status: StoredStatus,
    pub has_warnings: bool,
    /// JSON array of `{file, line, column, message}`.
    pub config_errors: String,
    pub push_event_id: Option<String>,
    pub trigger_user_id: Option<String>,
    pub trigger_user_name: Option<String>,
    pub pushed_at: Option<i64>,
    pub created_at: i64,
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
    pub duration_ms: Option<i64>,
    pub queued_ms: Option<i64>,
    pub verdict_id: Option<String>,
    pub incident_id: Option<String>,
    pub release_id: Option<String>,
    /// Came to rest, and verdict and light are still to be looked at.
    pub unsettled: bool,
    pub version: i64,
}

/// What the scheduler needs beside the row.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PlanRow {
    /// Pipeline.
    #[sqlx(try_from = "String")]
    pub pipeline_id: PipelineId,
    /// JSON of `rialto_delivery_pipeline::plan::Plan`.
    pub plan: String,
    /// JSON array of the names of jobs that the deployment controller carries out.
    pub managed: String,
    /// JSON object of the variables predefined at creation.
    pub predefined: String,
    /// JSON array of pipeline variables given by whoever started it.
    pub variables: String,
    /// `.rialto/release.toml` at the commit, as it was read.
    pub release_definition: Option<String>,
}

/// Selects pipelines for a list; `None` = any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PipelineFilter {
    /// Of this project.
    pub project: Option<ProjectId>,
    /// On this branch or tag.
    pub ref_name: Option<String>,
    /// In this state.
    pub status: Option<String>,
    /// Older than this `(created_at, id)`.
    pub before: Option<(i64, String)>,
}

statements! {
    INSERT_PIPELINE = "INSERT INTO pipeline (id, no, project_id, project_path, ref_name, is_tag,
        protected_ref, sha, before_sha, title, author_name, author_email, source, status,
        has_warnings, config_errors, push_event_id, trigger_user_id, trigger_user_name, pushed_at,
        created_at, started_at, finished_at, duration_ms, queued_ms, unsettled, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
        $19, $20, $21, $22, $23, $24, $25, $26, $27)";
    INSERT_PLAN = "INSERT INTO pipeline_plan
        (pipeline_id, plan, managed, predefined, variables, release_definition)
        VALUES ($1, $2, $3, $4, $5, $6)";
    FIND_PIPELINE = "SELECT * FROM pipeline WHERE id = $1";
    FIND_PIPELINE_BY_PUSH = "SELECT * FROM pipeline WHERE push_event_id = $1";
    FIND_PLAN = "SELECT * FROM pipeline_plan WHERE pipeline_id = $1";
    // One statement per shape of filter: each uses its own index.
    LIST_ALL = "SELECT * FROM pipeline WHERE (created_at, id) < ($1, $2)
        ORDER BY created_at DESC, id DESC LIMIT $3";
    LIST_BY_PROJECT = "SELECT * FROM pipeline WHERE project_id = $1 AND (created_at, id) < ($2, $3)
        ORDER BY created_at DESC, id DESC LIMIT $4";
    LIST_BY_REF = "SELECT * FROM pipeline WHERE project_id = $1 AND ref_name = $2
        AND (created_at, id) < ($3, $4) ORDER BY created_at DESC, id DESC LIMIT $5";
    LIST_BY_STATUS = "SELECT * FROM pipeline WHERE status = $1 AND (created_at, id) < ($2, $3)
        ORDER BY created_at DESC, id DESC LIMIT $4";
    LIST_BY_PROJECT_STATUS = "SELECT * FROM pipeline WHERE project_id = $1 AND status = $2
        AND (created_at, id) < ($3, $4) ORDER BY created_at DESC, id DESC LIMIT $5";
    LIST_BY_ANY = "SELECT * FROM pipeline
        WHERE (CAST($1 AS TEXT) IS NULL OR project_id = $1)
        AND (CAST($2 AS TEXT) IS NULL OR ref_name = $2)
        AND (CAST($3 AS TEXT) IS NULL OR status = $3)
        AND (created_at, id) < ($4, $5) ORDER BY created_at DESC, id DESC LIMIT $6";
    LIST_ACTIVE_ON_REF = "SELECT * FROM pipeline WHERE project_id = $1 AND ref_name = $2
        AND is_tag = $3 AND status IN ('created', 'waiting_for_resource', 'preparing', 'pending',
        'running', 'manual', 'scheduled') ORDER BY created_at, id";
    UPDATE_STATE = "UPDATE pipeline SET status = $2, has_warnings = $3, started_at = $4,
        finished_at = $5, duration_ms = $6, queued_ms = $7, unsettled = $8, version = version + 1
        WHERE id = $1 RETURNING version";
    LIST_UNSETTLED = "SELECT * FROM pipeline WHERE unsettled ORDER BY created_at, id LIMIT 100";
    SET_SETTLED = "UPDATE pipeline SET unsettled = FALSE WHERE id = $1 AND status = $2";
    SET_VERDICT = "UPDATE pipeline SET verdict_id = $2, version = version + 1
        WHERE id = $1 RETURNING version";
    SET_INCIDENT = "UPDATE pipeline SET incident_id = $2, version = version + 1
        WHERE id = $1 RETURNING version";
    SET_RELEASE = "UPDATE pipeline SET release_id = $2, version = version + 1
        WHERE id = $1 RETURNING version";
    NEWEST_GREEN = "SELECT * FROM pipeline WHERE project_id = $1 AND ref_name = $2
        AND is_tag = FALSE AND status = 'success' AND sha <> $3 AND created_at <= $4
        ORDER BY created_at DESC, id DESC LIMIT 1";
    NEWEST_ON_BRANCH = "SELECT * FROM pipeline WHERE project_id = $1 AND ref_name = $2
        AND is_tag = FALSE AND status <> 'skipped' ORDER BY created_at DESC, id DESC LIMIT 1";
    NEWER_EXISTS = "SELECT * FROM pipeline WHERE project_id = $1 AND ref_name = $2
        AND is_tag = FALSE AND status <> 'skipped' AND (created_at, id) > ($3, $4)
        ORDER BY created_at DESC, id DESC LIMIT 1";
}

/// Adds a pipeline.
///
/// # Errors
/// [`StoreError::Unique`] when the push event has its pipeline already.
pub async fn insert(tx: &mut Tx<'_>, row: &PipelineRow) -> Result<(), StoreError> {
    let values = params![
        &row.id,
        row.no,
        &row.project_id,
        &row.project_path,
        &row.ref_name,
        row.is_tag,
        row.protected_ref,
        &row.sha,
        &row.before_sha,
        &row.title,
        &row.author_name,
        &row.author_email,
        &row.source,
        row.status.as_str(),
        row.has_warnings,
        &row.config_errors,
        row.push_event_id.clone(),
        row.trigger_user_id.clone(),
        row.trigger_user_name.clone(),
        row.pushed_at,
        row.created_at,
        row.started_at,
        row.finished_at,
        row.duration_ms,
        row.queued_ms,
        row.unsettled,
        row.version
    ];
    tx.execute(INSERT_PIPELINE, values).await.map(drop)
}

/// Adds the plan of a pipeline.
///
/// # Errors
/// Store errors.
pub async fn insert_plan(tx: &mut Tx<'_>, row: &PlanRow) -> Result<(), StoreError> {
    let values = params![
        &row.pipeline_id,
        &row.plan,
        &row.managed,
        &row.predefined,
        &row.variables,
        row.release_definition.clone()
    ];
    tx.execute(INSERT_PLAN, values).await.map(drop)
}

/// A pipeline.
///
/// # Errors
/// Store errors.
pub async fn find(
    reader: &mut impl Reader,
    id: &PipelineId,
) -> Result<Option<PipelineRow>, StoreError> {
    reader.optional(FIND_PIPELINE, params![id]).await
}

/// The pipeline of a push event.
///
/// # Errors
/// Store errors.
pub async fn find_by_push(
    reader: &mut impl Reader,
    push: &PushEventId,
) -> Result<Option<PipelineRow>, StoreError> {
    reader.optional(FIND_PIPELINE_BY_PUSH, params![push]).await
}

/// The plan of a pipeline; `None` for one with configuration errors.
///
/// # Errors
/// Store errors.
pub async fn find_plan(
    reader: &mut impl Reader,
    id: &PipelineId,
) -> Result<Option<PlanRow>, StoreError> {
    reader.optional(FIND_PLAN, params![id]).await
}

/// Pipelines, newest first.
///
/// # Errors
/// Store errors.
pub async fn list(
    reader: &mut impl Reader,
    filter: &PipelineFilter,
    limit: i64,
) -> Result<Vec<PipelineRow>, StoreError> {
    let (at, id) = filter.before.clone().unwrap_or((i64::MAX, String::new()));
    let project = filter.project.as_ref();
    let (sql, values) = match (
        project,
        filter.ref_name.as_deref(),
        filter.status.as_deref(),
    ) {
        (None, None, None) => (LIST_ALL, params![at, id, limit]),
        (Some(project), None, None) => (LIST_BY_PROJECT, params![project, at, id, limit]),
        (Some(project), Some(name), None) => (LIST_BY_REF, params![project, name, at, id, limit]),
        (None, None, Some(status)) => (LIST_BY_STATUS, params![status, at, id, limit]),
        (Some(project), None, Some(status)) => (
            LIST_BY_PROJECT_STATUS,
            params![project, status, at, id, limit],
        ),
        (project, name, status) => {
            let project = project.map(|p| p.as_str().to_owned());
            let (name, status) = (name.map(str::to_owned), status.map(str::to_owned));
            (LIST_BY_ANY, params![project, name, status, at, id, limit])
        }
    };
    reader.all(sql, values).await
}

/// Pipelines of a ref that have not ended, oldest first.
///
/// # Errors
/// Store errors.
pub async fn active_on_ref(
    reader: &mut impl Reader,
    project: &ProjectId,
    ref_name: &str,
    is_tag: bool,
) -> Result<Vec<PipelineRow>, StoreError> {
    reader
        .all(LIST_ACTIVE_ON_REF, params![project, ref_name, is_tag])
        .await
}

/// Writes status and times of the row; the new version.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn update_state(tx: &mut Tx<'_>, row: &PipelineRow) -> Result<i64, StoreError> {
    let values = params![
        &row.id,
        row.status.as_str(),
        row.has_warnings,
        row.started_at,
        row.finished_at,
        row.duration_ms,
        row.queued_ms,
        row.unsettled
    ];
    let (version,): (i64,) = tx.fetch_one(UPDATE_STATE, values).await?;
    Ok(version)
}

/// Pipelines that came to rest and are still to be looked at, oldest first, at most 100.
///
/// # Errors
/// Store errors.
pub async fn unsettled(reader: &mut impl Reader) -> Result<Vec<PipelineRow>, StoreError> {
    reader.all(LIST_UNSETTLED, params![]).await
}

/// Notes that a pipeline in this state was looked at; false when its state changed meanwhile.
///
/// # Errors
/// Store errors.
pub async fn set_settled(tx: &mut Tx<'_>, row: &PipelineRow) -> Result<bool, StoreError> {
    Ok(tx
        .execute(SET_SETTLED, params![&row.id, row.status.as_str()])
        .await?
        > 0)
}

/// What may be linked to a pipeline after its creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Gate verdict.
    Verdict,
    /// Incident that it opened, prolonged or closed.
    Incident,
    /// Release made from it.
    Release,
}

/// Links another record; the new version.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn link(
    tx: &mut Tx<'_>,
    id: &PipelineId,
    link: Link,
    other: &str,
) -> Result<i64, StoreError> {
    let sql = match link {
        Link::Verdict => SET_VERDICT,
        Link::Incident => SET_INCIDENT,
        Link::Release => SET_RELEASE,
    };
    let (version,): (i64,) = tx.fetch_one(sql, params![id, other]).await?;
    Ok(version)
}

/// The newest successful pipeline of a branch that is not newer than `at`, of another commit than
/// `except_sha`.
///
/// # Errors
/// Store errors.
pub async fn newest_green(
    reader: &mut impl Reader,
    project: &ProjectId,
    branch: &str,
    except_sha: &str,
    at: i64,
) -> Result<Option<PipelineRow>, StoreError> {
    reader
        .optional(NEWEST_GREEN, params![project, branch, except_sha, at])
        .await
}

/// The newest pipeline of a branch that was not skipped.
///
/// # Errors
/// Store errors.
pub async fn newest_on_branch(
    reader: &mut impl Reader,
    project: &ProjectId,
    branch: &str,
) -> Result<Option<PipelineRow>, StoreError> {
    reader
        .optional(NEWEST_ON_BRANCH, params![project, branch])
        .await
}

/// The newest pipeline of a branch that came after this one, if any.
///
/// # Errors
/// Store errors.
pub async fn newer_on_branch(
    reader: &mut impl Reader,
    row: &PipelineRow,
) -> Result<Option<PipelineRow>, StoreError> {
    let values = params![&row.project_id, &row.ref_name, row.created_at, &row.id];
    reader.optional(NEWER_EXISTS, values).await
}
