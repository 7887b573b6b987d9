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
    EXPIRED = "SELECT DISTINCT a.sha256 FROM job_artifact a
        WHERE a.kind = 'archive' AND a.expires_at > $1 AND a.expires_at <= $2
        AND NOT EXISTS (SELECT 1 FROM job_artifact b WHERE b.sha256 = a.sha256
            AND (b.expires_at IS NULL OR b.expires_at > $2))
        AND NOT EXISTS (SELECT 1 FROM release r, job_artifact c WHERE c.sha256 = a.sha256
            AND (r.digest = c.sha256 OR r.pipeline_id = c.pipeline_id))
        ORDER BY a.sha256";
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

/// Digests of archives that expired after `from` and not after `until` (microseconds) and that
/// nothing needs any more: no file that has not expired, no release, no pipeline of a release.
///
/// # Errors
/// Store errors.
pub async fn expired(
    reader: &mut impl Reader,
    from: i64,
    until: i64,
) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(String,)> = reader.all(EXPIRED, params![from, until]).await?;
    Ok(rows.into_iter().map(|(sha256,)| sha256).collect())
}
