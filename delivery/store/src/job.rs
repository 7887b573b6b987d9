//! Jobs: one row per attempt.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::ids::{JobId, PipelineId, ProjectId};
use crate::{Reader, StoredStatus};

/// An attempt of a job.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `job`")]
pub struct JobRow {
    #[sqlx(try_from = "String")]
    pub id: JobId,
    #[sqlx(try_from = "String")]
    pub pipeline_id: PipelineId,
    #[sqlx(try_from = "String")]
    pub project_id: ProjectId,
    /// Position in the plan.
    pub plan_index: i64,
    /// From 1.
    pub attempt: i64,
    /// A later attempt exists.
    pub superseded: bool,
    pub name: String,
    pub stage: String,
    #[sqlx(try_from = "String")]
    pub status: StoredStatus,
    pub when_word: String,
    pub allow_failure: bool,
    /// JSON array of names, or NULL for stage order.
    pub needs: Option<String>,
    pub played: bool,
    pub awaits_approval: bool,
    /// Carried out by the deployment controller.
    pub managed: bool,
    pub failure_reason: Option<String>,
    pub failure_message: Option<String>,
    pub exit_code: Option<i64>,
    /// JSON array.
    pub tags: String,
    /// Smaller is sooner.
    pub queue_class: i64,
    pub resource_group: Option<String>,
    pub environment: Option<String>,
    pub environment_action: Option<String>,
    pub deployment_id: Option<String>,
    pub timeout_s: i64,
    /// When a scheduled job starts.
    pub run_at: Option<i64>,
    pub created_at: i64,
    pub queued_at: Option<i64>,
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
    pub runner_id: Option<String>,
    pub runner_name: Option<String>,
    pub lease: Option<String>,
    pub lease_renewed_at: Option<i64>,
    /// Decimal text.
    pub coverage: Option<String>,
    pub log_bytes: i64,
    pub log_sha256: Option<String>,
    /// JSON `{line, offset, text}`.
    pub failing_line: Option<String>,
    pub isolation: String,
    pub notes: String,
    /// JSON array of variables.
    pub dotenv: String,
    /// JSON of who played or retried it.
    pub played_by: Option<String>,
    pub version: i64,
}

/// A job waiting for a runner, with what its place in the queue depends on.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct QueuedJob {
    /// Job.
    #[sqlx(try_from = "String")]
    pub id: JobId,
    /// Pipeline.
    #[sqlx(try_from = "String")]
    pub pipeline_id: PipelineId,
    /// Project.
    #[sqlx(try_from = "String")]
    pub project_id: ProjectId,
    /// JSON array.
    pub tags: String,
    /// Smaller is sooner.
    pub queue_class: i64,
    /// Since when it waits.
    pub queued_at: i64,
    /// Jobs of its project that run now.
    pub running: i64,
}

statements! {
    INSERT_JOB = "INSERT INTO job (id, pipeline_id, project_id, plan_index, attempt, superseded,
        name, stage, status, when_word, allow_failure, needs, played, awaits_approval, managed,
        tags, queue_class, resource_group, environment, environment_action, timeout_s, run_at,
        created_at, queued_at, log_bytes, isolation, notes, dotenv, played_by, version)
        VALUES ($1, $2, $3, $4, $5, FALSE, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
        $18, $19, $20, $21, $22, $23, 0, '[]', '[]', '[]', $24, 1)";
    FIND_JOB = "SELECT * FROM job WHERE id = $1";
    FIND_BY_LEASE = "SELECT * FROM job WHERE lease = $1 AND status IN ('running', 'canceling')";
    LIST_OF_PIPELINE = "SELECT * FROM job WHERE pipeline_id = $1 ORDER BY plan_index, attempt";
    LIST_CURRENT = "SELECT * FROM job WHERE pipeline_id = $1 AND superseded = FALSE
        ORDER BY plan_index";
    UPDATE_JOB = "UPDATE job SET superseded = $2, status = $3, played = $4, awaits_approval = $5,
        failure_reason = $6, failure_message = $7, exit_code = $8, deployment_id = $9, run_at = $10,
        queued_at = $11, started_at = $12, finished_at = $13, runner_id = $14, runner_name = $15,
        lease = $16, lease_renewed_at = $17, coverage = $18, log_bytes = $19, log_sha256 = $20,
        failing_line = $21, isolation = $22, notes = $23, dotenv = $24, played_by = $25,
        queue_class = $26, version = version + 1 WHERE id = $1 RETURNING version";
    RENEW_LEASE = "UPDATE job SET lease_renewed_at = $3 WHERE id = $1 AND lease = $2
        AND status IN ('running', 'canceling')";
    LOG_PROGRESS = "UPDATE job SET log_bytes = $2, lease_renewed_at = $3
        WHERE id = $1 AND status IN ('running', 'canceling')";
    LIST_QUEUE = "SELECT j.id, j.pipeline_id, j.project_id, j.tags, j.queue_class,
        coalesce(j.queued_at, j.created_at) AS queued_at,
        (SELECT count(*) FROM job r WHERE r.project_id = j.project_id
            AND r.status IN ('running', 'canceling')) AS running
        FROM job j WHERE j.status = 'pending' AND j.superseded = FALSE AND j.managed = FALSE
        ORDER BY j.queue_class, j.queued_at LIMIT $1";
    LIST_BY_STATUS = "SELECT * FROM job WHERE status = $1 AND superseded = FALSE
        ORDER BY created_at, id";
    LIST_LOST = "SELECT * FROM job WHERE status IN ('running', 'canceling') AND managed = FALSE
        AND lease_renewed_at < $1";
    LIST_LEASED = "SELECT * FROM job WHERE status IN ('running', 'canceling') AND managed = FALSE
        AND runner_id = $1";
    COUNT_UNDER_WAY = "SELECT status, count(*) FROM job WHERE status IN ('pending', 'running',
        'canceling', 'scheduled', 'waiting_for_resource') AND superseded = FALSE GROUP BY status";
    LIST_DUE = "SELECT * FROM job WHERE status = 'scheduled' AND run_at <= $1";
    NEXT_DUE = "SELECT min(run_at) FROM job WHERE status = 'scheduled'";
    LIST_WAITING_FOR_GROUP = "SELECT * FROM job WHERE status = 'waiting_for_resource'
        AND managed = FALSE AND resource_group IS NOT NULL ORDER BY queued_at, id";
    HOLDER_OF_GROUP = "SELECT * FROM job WHERE project_id = $1 AND resource_group = $2
        AND status IN ('pending', 'running', 'canceling', 'preparing') AND id <> $3 LIMIT 1";
    STUCK = "SELECT * FROM job WHERE status = 'pending' AND superseded = FALSE
        AND managed = FALSE AND queued_at < $1";
}

/// Adds an attempt.
///
/// # Errors
/// [`StoreError::Unique`] when the attempt exists.
pub async fn insert(tx: &mut Tx<'_>, row: &JobRow) -> Result<(), StoreError> {
    let values = params![
        &row.id,
        &row.pipeline_id,
        &row.project_id,
        row.plan_index,
        row.attempt,
        &row.name,
        &row.stage,
        row.status.as_str(),
        &row.when_word,
        row.allow_failure,
        row.needs.clone(),
        row.played,
        row.awaits_approval,
        row.managed,
        &row.tags,
        row.queue_class,
        row.resource_group.clone(),
        row.environment.clone(),
        row.environment_action.clone(),
        row.timeout_s,
        row.run_at,
        row.created_at,
        row.queued_at,
        row.played_by.clone()
    ];
    tx.execute(INSERT_JOB, values).await.map(drop)
}

/// A job.
///
/// # Errors
/// Store errors.
pub async fn find(reader: &mut impl Reader, id: &JobId) -> Result<Option<JobRow>, StoreError> {
    reader.optional(FIND_JOB, params![id]).await
}

/// The job at work under a lease.
///
/// # Errors
/// Store errors.
pub async fn find_by_lease(
    reader: &mut impl Reader,
    lease: &str,
) -> Result<Option<JobRow>, StoreError> {
    reader.optional(FIND_BY_LEASE, params![lease]).await
}

/// Every attempt of every job of a pipeline, in plan order.
///
/// # Errors
/// Store errors.
pub async fn of_pipeline(
    reader: &mut impl Reader,
    pipeline: &PipelineId,
) -> Result<Vec<JobRow>, StoreError> {
    reader.all(LIST_OF_PIPELINE, params![pipeline]).await
}

/// The newest attempt of every job of a pipeline, in plan order.
///
/// # Errors
/// Store errors.
pub async fn current(
    reader: &mut impl Reader,
    pipeline: &PipelineId,
) -> Result<Vec<JobRow>, StoreError> {
    reader.all(LIST_CURRENT, params![pipeline]).await
}

/// Writes everything that may change about an attempt; the new version.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn update(tx: &mut Tx<'_>, row: &JobRow) -> Result<i64, StoreError> {
    let values = params![
        &row.id,
        row.superseded,
        row.status.as_str(),
        row.played,
        row.awaits_approval,
        row.failure_reason.clone(),
        row.failure_message.clone(),
        row.exit_code,
        row.deployment_id.clone(),
        row.run_at,
        row.queued_at,
        row.started_at,
        row.finished_at,
        row.runner_id.clone(),
        row.runner_name.clone(),
        row.lease.clone(),
        row.lease_renewed_at,
        row.coverage.clone(),
        row.log_bytes,
        row.log_sha256.clone(),
        row.failing_line.clone(),
        &row.isolation,
        &row.notes,
        &row.dotenv,
        row.played_by.clone(),
        row.queue_class
    ];
    let (version,): (i64,) = tx.fetch_one(UPDATE_JOB, values).await?;
    Ok(version)
}

/// Renews a lease; false when the lease is not the job's or the job has ended.
///
/// # Errors
/// Store errors.
pub async fn renew(tx: &mut Tx<'_>, id: &JobId, lease: &str, at: i64) -> Result<bool, StoreError> {
    Ok(tx.execute(RENEW_LEASE, params![id, lease, at]).await? > 0)
}

/// Notes how far a running job's log is, which is a sign of life too.
///
/// # Errors
/// Store errors.
pub async fn log_progress(
    tx: &mut Tx<'_>,
    id: &JobId,
    bytes: i64,
    at: i64,
) -> Result<bool, StoreError> {
    Ok(tx.execute(LOG_PROGRESS, params![id, bytes, at]).await? > 0)
}

/// Jobs waiting for a runner.
///
/// # Errors
/// Store errors.
pub async fn queue(reader: &mut impl Reader, limit: i64) -> Result<Vec<QueuedJob>, StoreError> {
    reader.all(LIST_QUEUE, params![limit]).await
}

/// Current attempts in a state.
///
/// # Errors
/// Store errors.
pub async fn by_status(
    reader: &mut impl Reader,
    status: rialto_delivery_run::state::Status,
) -> Result<Vec<JobRow>, StoreError> {
    reader.all(LIST_BY_STATUS, params![status.as_str()]).await
}

/// Jobs on a runner whose lease was last renewed before `at`.
///
/// # Errors
/// Store errors.
pub async fn lost(reader: &mut impl Reader, at: i64) -> Result<Vec<JobRow>, StoreError> {
    reader.all(LIST_LOST, params![at]).await
}

/// Jobs that a runner was given and has not reported the end of.
///
/// # Errors
/// Store errors.
pub async fn leased_to(
    reader: &mut impl Reader,
    runner_id: &str,
) -> Result<Vec<JobRow>, StoreError> {
    reader.all(LIST_LEASED, params![runner_id]).await
}

/// Scheduled jobs whose time has come.
///
/// # Errors
/// Store errors.
pub async fn due(reader: &mut impl Reader, at: i64) -> Result<Vec<JobRow>, StoreError> {
    reader.all(LIST_DUE, params![at]).await
}

/// How many jobs are in each state in which something is to happen yet.
///
/// # Errors
/// Store errors.
pub async fn count_under_way(reader: &mut impl Reader) -> Result<Vec<(String, i64)>, StoreError> {
    reader.all(COUNT_UNDER_WAY, params![]).await
}

/// When the next scheduled job starts.
///
/// # Errors
/// Store errors.
pub async fn next_due(reader: &mut impl Reader) -> Result<Option<i64>, StoreError> {
    let row: Option<(Option<i64>,)> = reader.optional(NEXT_DUE, params![]).await?;
    Ok(row.and_then(|(at,)| at))
}

/// Jobs that wait for the lock of their resource group, oldest first.
///
/// # Errors
/// Store errors.
pub async fn waiting_for_group(reader: &mut impl Reader) -> Result<Vec<JobRow>, StoreError> {
    reader.all(LIST_WAITING_FOR_GROUP, params![]).await
}

/// The job other than `except` that holds a resource group.
///
/// # Errors
/// Store errors.
pub async fn holder_of_group(
    reader: &mut impl Reader,
    project: &ProjectId,
    group: &str,
    except: &JobId,
) -> Result<Option<JobRow>, StoreError> {
    reader
        .optional(HOLDER_OF_GROUP, params![project, group, except])
        .await
}

/// Jobs that wait for a runner since before `at`.
///
/// # Errors
/// Store errors.
pub async fn stuck(reader: &mut impl Reader, at: i64) -> Result<Vec<JobRow>, StoreError> {
    reader.all(STUCK, params![at]).await
}
