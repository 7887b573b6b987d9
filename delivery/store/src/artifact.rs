//! Files that jobs left behind.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;
use crate::ids::{ArtifactId, JobId, PipelineId};

/// A stored file of a job.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `job_artifact`")]
pub struct ArtifactRow {
    #[sqlx(try_from = "String")]
    pub id: ArtifactId,
    #[sqlx(try_from = "String")]
    pub job_id: JobId,
    #[sqlx(try_from = "String")]
    pub pipeline_id: PipelineId,
    /// `archive`, `junit`, `cobertura`, `lcov` or `dotenv`.
    pub kind: String,
    pub name: String,
    pub size: i64,
    /// Key in the content-addressed store.
    pub sha256: String,
    pub expires_at: Option<i64>,
    pub created_at: i64,
}

statements! {
    PUT_ARTIFACT = "INSERT INTO job_artifact
        (id, job_id, pipeline_id, kind, name, size, sha256, expires_at, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (job_id, kind, name) DO UPDATE SET size = excluded.size,
        sha256 = excluded.sha256, expires_at = excluded.expires_at,
        created_at = excluded.created_at";
    LIST_OF_JOB = "SELECT * FROM job_artifact WHERE job_id = $1 ORDER BY kind, name";
    LIST_OF_PIPELINE = "SELECT * FROM job_artifact WHERE pipeline_id = $1 ORDER BY job_id, kind, name";
    FIND_OF_JOB = "SELECT * FROM job_artifact WHERE job_id = $1 AND kind = $2 ORDER BY name LIMIT 1";
}

/// Adds a file, or replaces the one of the same kind and name.
///
/// # Errors
/// Store errors.
pub async fn put(tx: &mut Tx<'_>, row: &ArtifactRow) -> Result<(), StoreError> {
    let values = params![
        &row.id,
        &row.job_id,
        &row.pipeline_id,
        &row.kind,
        &row.name,
        row.size,
        &row.sha256,
        row.expires_at,
        row.created_at
    ];
    tx.execute(PUT_ARTIFACT, values).await.map(drop)
}

/// Files of a job.
///
/// # Errors
/// Store errors.
pub async fn of_job(reader: &mut impl Reader, job: &JobId) -> Result<Vec<ArtifactRow>, StoreError> {
    reader.all(LIST_OF_JOB, params![job]).await
}

/// Files of all jobs of a pipeline.
///
/// # Errors
/// Store errors.
pub async fn of_pipeline(
    reader: &mut impl Reader,
    pipeline: &PipelineId,
) -> Result<Vec<ArtifactRow>, StoreError> {
    reader.all(LIST_OF_PIPELINE, params![pipeline]).await
}

/// The first file of a kind.
///
/// # Errors
/// Store errors.
pub async fn find(
    reader: &mut impl Reader,
    job: &JobId,
    kind: &str,
) -> Result<Option<ArtifactRow>, StoreError> {
    reader.optional(FIND_OF_JOB, params![job, kind]).await
}
