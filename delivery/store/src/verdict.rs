//! Gate verdicts: written once, never changed.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;
use crate::ids::{PipelineId, ProjectId, VerdictId};

/// A verdict.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `verdict`")]
pub struct VerdictRow {
    #[sqlx(try_from = "String")]
    pub id: VerdictId,
    #[sqlx(try_from = "String")]
    pub project_id: ProjectId,
    #[sqlx(try_from = "String")]
    pub pipeline_id: PipelineId,
    /// Digest of the artifact that was judged, when one was.
    pub artifact_digest: Option<String>,
    /// `merge`, `main`, `promote` or `deploy`.
    pub event: String,
    /// `passed`, `failed` or `error`.
    pub overall: String,
    /// The whole record as JSON.
    pub record: String,
    pub evidence_seq: i64,
    pub created_at: i64,
}

statements! {
    INSERT_VERDICT = "INSERT INTO verdict (id, project_id, pipeline_id, artifact_digest, event,
        overall, record, evidence_seq, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    FIND_VERDICT = "SELECT * FROM verdict WHERE id = $1";
    NEWEST_OF_PIPELINE = "SELECT * FROM verdict WHERE pipeline_id = $1
        ORDER BY created_at DESC, id DESC LIMIT 1";
    NEWEST_OF_DIGEST = "SELECT * FROM verdict WHERE project_id = $1 AND artifact_digest = $2
        ORDER BY created_at DESC, id DESC LIMIT 1";
}

/// Adds a verdict.
///
/// # Errors
/// Store errors.
pub async fn insert(tx: &mut Tx<'_>, row: &VerdictRow) -> Result<(), StoreError> {
    let values = params![
        &row.id,
        &row.project_id,
        &row.pipeline_id,
        row.artifact_digest.clone(),
        &row.event,
        &row.overall,
        &row.record,
        row.evidence_seq,
        row.created_at
    ];
    tx.execute(INSERT_VERDICT, values).await.map(drop)
}

/// A verdict.
///
/// # Errors
/// Store errors.
pub async fn find(
    reader: &mut impl Reader,
    id: &VerdictId,
) -> Result<Option<VerdictRow>, StoreError> {
    reader.optional(FIND_VERDICT, params![id]).await
}

/// The newest verdict of a pipeline.
///
/// # Errors
/// Store errors.
pub async fn newest_of_pipeline(
    reader: &mut impl Reader,
    pipeline: &PipelineId,
) -> Result<Option<VerdictRow>, StoreError> {
    reader.optional(NEWEST_OF_PIPELINE, params![pipeline]).await
}

/// The newest verdict on exactly this digest.
///
/// # Errors
/// Store errors.
pub async fn newest_of_digest(
    reader: &mut impl Reader,
    project: &ProjectId,
    digest: &str,
) -> Result<Option<VerdictRow>, StoreError> {
    reader
        .optional(NEWEST_OF_DIGEST, params![project, digest])
        .await
}
