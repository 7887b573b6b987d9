//! Deployments, their steps and approvals.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;
use crate::ids::{ApprovalId, DeploymentId, EnvironmentId, JobId, ProjectId, ReleaseId};

/// A deployment.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `deployment`")]
pub struct DeploymentRow {
    #[sqlx(try_from = "String")]
    pub id: DeploymentId,
    pub no: i64,
    #[sqlx(try_from = "String")]
    pub project_id: ProjectId,
    pub project_path: String,
    #[sqlx(try_from = "String")]
    pub environment_id: EnvironmentId,
    pub environment_name: String,
    /// `deploy`, `rollback` or `automatic_rollback`.
    pub kind: String,
    #[sqlx(try_from = "String")]
    pub release_id: ReleaseId,
    pub previous_release_id: Option<String>,
    /// Deployment that this one undoes.
    pub rolls_back_id: Option<String>,
    /// Word of `rialto_delivery_release::DeploymentState`.
    pub state: String,
    /// JSON array of sentences.
    pub reasons: String,
    /// Why a person asked for it.
    pub reason_given: String,
    pub requested_by_id: Option<String>,
    pub requested_by_name: Option<String>,
    pub requested_by_email: Option<String>,
    /// JSON array of `{name, email}`.
    pub authors: String,
    pub required_approvals: i64,
    pub approval_expires_at: Option<i64>,
    pub candidate_slot: Option<String>,
    pub previous_slot: Option<String>,
    pub job_id: Option<String>,
    pub pipeline_id: Option<String>,
    pub verdict_id: Option<String>,
    pub created_at: i64,
    pub started_at: Option<i64>,
    pub switched_at: Option<i64>,
    pub finished_at: Option<i64>,
    pub rollback_ms: Option<i64>,
    pub version: i64,
}

/// A line of a deployment's journal.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `deployment_step`")]
pub struct StepRow {
    #[sqlx(try_from = "String")]
    pub deployment_id: DeploymentId,
    /// From 1.
    pub seq: i64,
    pub step: String,
    /// `started`, `ok` or `failed`.
    pub outcome: String,
    pub detail: String,
    pub at: i64,
    pub duration_ms: Option<i64>,
}

/// A person's decision on a deployment.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `approval`")]
pub struct ApprovalRow {
    #[sqlx(try_from = "String")]
    pub id: ApprovalId,
    #[sqlx(try_from = "String")]
    pub deployment_id: DeploymentId,
    pub user_id: String,
    pub user_name: String,
    pub user_email: String,
    /// JSON array.
    pub roles: String,
    /// `approved` or `rejected`.
    pub decision: String,
    pub comment: String,
    /// Of what was decided upon: digest, environment, definition.
    pub subject_sha256: String,
    pub at: i64,
}

statements! {
    INSERT_DEPLOYMENT = "INSERT INTO deployment (id, no, project_id, project_path, environment_id,
        environment_name, kind, release_id, previous_release_id, rolls_back_id, state, reasons,
        reason_given, requested_by_id, requested_by_name, requested_by_email, authors,
        required_approvals, approval_expires_at, candidate_slot, previous_slot, job_id,
        pipeline_id, verdict_id, created_at, started_at, switched_at, finished_at, rollback_ms,
        version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
        $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30)";
    UPDATE_DEPLOYMENT = "UPDATE deployment SET state = $2, reasons = $3, previous_release_id = $4,
        required_approvals = $5, approval_expires_at = $6, candidate_slot = $7, previous_slot = $8,
        verdict_id = $9, started_at = $10, switched_at = $11, finished_at = $12, rollback_ms = $13,
        authors = $14, version = version + 1 WHERE id = $1 RETURNING version";
    FIND_DEPLOYMENT = "SELECT * FROM deployment WHERE id = $1";
    FIND_BY_JOB = "SELECT * FROM deployment WHERE job_id = $1";
    LIST_DEPLOYMENTS = "SELECT * FROM deployment
        WHERE (CAST($1 AS TEXT) IS NULL OR project_id = $1)
        AND (CAST($2 AS TEXT) IS NULL OR environment_id = $2)
        AND (created_at, id) < ($3, $4) ORDER BY created_at DESC, id DESC LIMIT $5";
    LIST_UNFINISHED = "SELECT * FROM deployment WHERE state IN ('requested', 'checking',
        'awaiting_approval', 'queued', 'preparing', 'switching', 'baking', 'rolling_back')
        ORDER BY created_at, id";
    LIST_OF_RELEASE = "SELECT * FROM deployment WHERE release_id = $1 ORDER BY created_at, id";
    SUCCEEDED_WITH_DIGEST = "SELECT d.* FROM deployment d JOIN release r ON r.id = d.release_id
        WHERE d.project_id = $1 AND d.environment_name = $2 AND r.digest = $3
        AND d.state = 'succeeded' AND d.kind = 'deploy'
        ORDER BY d.created_at DESC, d.id DESC LIMIT 1";
    INSERT_STEP = "INSERT INTO deployment_step
        (deployment_id, seq, step, outcome, detail, at, duration_ms)
        SELECT $1, coalesce(max(seq), 0) + 1, $2, $3, $4, $5, $6
        FROM deployment_step WHERE deployment_id = $1";
    LIST_STEPS = "SELECT * FROM deployment_step WHERE deployment_id = $1 ORDER BY seq";
    INSERT_APPROVAL = "INSERT INTO approval (id, deployment_id, user_id, user_name, user_email,
        roles, decision, comment, subject_sha256, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    LIST_APPROVALS = "SELECT * FROM approval WHERE deployment_id = $1 ORDER BY at, id";
}

/// Adds a deployment.
///
/// # Errors
/// [`StoreError::Unique`] when the job has one already.
pub async fn insert(tx: &mut Tx<'_>, row: &DeploymentRow) -> Result<(), StoreError> {
    let values = params![
        &row.id,
        row.no,
        &row.project_id,
        &row.project_path,
        &row.environment_id,
        &row.environment_name,
        &row.kind,
        &row.release_id,
        row.previous_release_id.clone(),
        row.rolls_back_id.clone(),
        &row.state,
        &row.reasons,
        &row.reason_given,
        row.requested_by_id.clone(),
        row.requested_by_name.clone(),
        row.requested_by_email.clone(),
        &row.authors,
        row.required_approvals,
        row.approval_expires_at,
        row.candidate_slot.clone(),
        row.previous_slot.clone(),
        row.job_id.clone(),
        row.pipeline_id.clone(),
        row.verdict_id.clone(),
        row.created_at,
        row.started_at,
        row.switched_at,
        row.finished_at,
        row.rollback_ms,
        row.version
    ];
    tx.execute(INSERT_DEPLOYMENT, values).await.map(drop)
}

/// Writes what may change; the new version.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn update(tx: &mut Tx<'_>, row: &DeploymentRow) -> Result<i64, StoreError> {
    let values = params![
        &row.id,
        &row.state,
        &row.reasons,
        row.previous_release_id.clone(),
        row.required_approvals,
        row.approval_expires_at,
        row.candidate_slot.clone(),
        row.previous_slot.clone(),
        row.verdict_id.clone(),
        row.started_at,
        row.switched_at,
        row.finished_at,
        row.rollback_ms,
        &row.authors
    ];
    let (version,): (i64,) = tx.fetch_one(UPDATE_DEPLOYMENT, values).await?;
    Ok(version)
}

/// A deployment.
///
/// # Errors
/// Store errors.
pub async fn find(
    reader: &mut impl Reader,
    id: &DeploymentId,
) -> Result<Option<DeploymentRow>, StoreError> {
    reader.optional(FIND_DEPLOYMENT, params![id]).await
}

/// The deployment that a job stands for.
///
/// # Errors
/// Store errors.
pub async fn find_by_job(
    reader: &mut impl Reader,
    job: &JobId,
) -> Result<Option<DeploymentRow>, StoreError> {
    reader.optional(FIND_BY_JOB, params![job]).await
}

/// Deployments, newest first.
///
/// # Errors
/// Store errors.
pub async fn list(
    reader: &mut impl Reader,
    project: Option<&ProjectId>,
    environment: Option<&EnvironmentId>,
    before: Option<(i64, String)>,
    limit: i64,
) -> Result<Vec<DeploymentRow>, StoreError> {
    let (at, id) = before.unwrap_or((i64::MAX, String::new()));
    let project = project.map(|p| p.as_str().to_owned());
    let environment = environment.map(|e| e.as_str().to_owned());
    reader
        .all(
            LIST_DEPLOYMENTS,
            params![project, environment, at, id, limit],
        )
        .await
}

/// Deployments that have not ended, oldest first: what a controller resumes after a restart.
///
/// # Errors
/// Store errors.
pub async fn unfinished(reader: &mut impl Reader) -> Result<Vec<DeploymentRow>, StoreError> {
    reader.all(LIST_UNFINISHED, params![]).await
}

/// Deployments of a release, oldest first.
///
/// # Errors
/// Store errors.
pub async fn of_release(
    reader: &mut impl Reader,
    release: &ReleaseId,
) -> Result<Vec<DeploymentRow>, StoreError> {
    reader.all(LIST_OF_RELEASE, params![release]).await
}

/// The newest successful deployment of exactly this digest into the named environment.
///
/// # Errors
/// Store errors.
pub async fn succeeded_with_digest(
    reader: &mut impl Reader,
    project: &ProjectId,
    environment: &str,
    digest: &str,
) -> Result<Option<DeploymentRow>, StoreError> {
    reader
        .optional(SUCCEEDED_WITH_DIGEST, params![project, environment, digest])
        .await
}

/// Adds a line to the journal; `seq` of the row is ignored, the next one is taken.
///
/// # Errors
/// Store errors.
pub async fn add_step(tx: &mut Tx<'_>, row: &StepRow) -> Result<(), StoreError> {
    let values = params![
        &row.deployment_id,
        &row.step,
        &row.outcome,
        &row.detail,
        row.at,
        row.duration_ms
    ];
    tx.execute(INSERT_STEP, values).await.map(drop)
}

/// The journal in order.
///
/// # Errors
/// Store errors.
pub async fn steps(
    reader: &mut impl Reader,
    id: &DeploymentId,
) -> Result<Vec<StepRow>, StoreError> {
    reader.all(LIST_STEPS, params![id]).await
}

/// Adds a decision.
///
/// # Errors
/// [`StoreError::Unique`] when this person has decided already.
pub async fn add_approval(tx: &mut Tx<'_>, row: &ApprovalRow) -> Result<(), StoreError> {
    let values = params![
        &row.id,
        &row.deployment_id,
        &row.user_id,
        &row.user_name,
        &row.user_email,
        &row.roles,
        &row.decision,
        &row.comment,
        &row.subject_sha256,
        row.at
    ];
    tx.execute(INSERT_APPROVAL, values).await.map(drop)
}

/// Decisions on a deployment, oldest first.
///
/// # Errors
/// Store errors.
pub async fn approvals(
    reader: &mut impl Reader,
    id: &DeploymentId,
) -> Result<Vec<ApprovalRow>, StoreError> {
    reader.all(LIST_APPROVALS, params![id]).await
}
