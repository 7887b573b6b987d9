//! Releases: what was built once and is deployed by digest.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;
use crate::ids::{JobId, PipelineId, ProjectId, ReleaseId};

/// A release.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `release`")]
pub struct ReleaseRow {
    #[sqlx(try_from = "String")]
    pub id: ReleaseId,
    pub no: i64,
    #[sqlx(try_from = "String")]
    pub project_id: ProjectId,
    pub project_path: String,
    pub version_label: String,
    /// SHA-256 of the artifact archive; its key in the content-addressed store.
    pub digest: String,
    pub sha: String,
    pub ref_name: String,
    #[sqlx(try_from = "String")]
    pub pipeline_id: PipelineId,
    /// Job that built it.
    #[sqlx(try_from = "String")]
    pub job_id: JobId,
    pub artifact_name: String,
    pub artifact_size: i64,
    /// `.rialto/release.toml` as it was read at the commit.
    pub definition: String,
    /// JSON array of `{name, email}`: authors and committers since the last release.
    pub authors: String,
    pub verdict_id: Option<String>,
    pub created_at: i64,
    pub version: i64,
}

statements! {
    INSERT_RELEASE = "INSERT INTO release (id, no, project_id, project_path, version_label, digest,
        sha, ref_name, pipeline_id, job_id, artifact_name, artifact_size, definition, authors,
        verdict_id, created_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    FIND_RELEASE = "SELECT * FROM release WHERE id = $1";
    FIND_OF_PIPELINE = "SELECT * FROM release WHERE pipeline_id = $1 AND digest = $2";
    SET_VERDICT = "UPDATE release SET verdict_id = $2, version = version + 1
        WHERE id = $1 RETURNING version";
    LIST_RELEASES = "SELECT * FROM release
        WHERE (CAST($1 AS TEXT) IS NULL OR project_id = $1)
        AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4";
    NEWEST_BEFORE = "SELECT * FROM release WHERE project_id = $1 AND no < $2
        ORDER BY no DESC LIMIT 1";
}

/// Adds a release.
///
/// # Errors
/// [`StoreError::Unique`] when the pipeline has one of this digest.
pub async fn insert(tx: &mut Tx<'_>, row: &ReleaseRow) -> Result<(), StoreError> {
    let values = params![
        &row.id,
        row.no,
        &row.project_id,
        &row.project_path,
        &row.version_label,
        &row.digest,
        &row.sha,
        &row.ref_name,
        &row.pipeline_id,
        &row.job_id,
        &row.artifact_name,
        row.artifact_size,
        &row.definition,
        &row.authors,
        row.verdict_id.clone(),
        row.created_at,
        row.version
    ];
    tx.execute(INSERT_RELEASE, values).await.map(drop)
}

/// A release.
///
/// # Errors
/// Store errors.
pub async fn find(
    reader: &mut impl Reader,
    id: &ReleaseId,
) -> Result<Option<ReleaseRow>, StoreError> {
    reader.optional(FIND_RELEASE, params![id]).await
}

/// The release of a pipeline with this digest.
///
/// # Errors
/// Store errors.
pub async fn find_of_pipeline(
    reader: &mut impl Reader,
    pipeline: &PipelineId,
    digest: &str,
) -> Result<Option<ReleaseRow>, StoreError> {
    reader
        .optional(FIND_OF_PIPELINE, params![pipeline, digest])
        .await
}

/// Notes the verdict on a release; the new version.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn set_verdict(
    tx: &mut Tx<'_>,
    id: &ReleaseId,
    verdict: &str,
) -> Result<i64, StoreError> {
    let (version,): (i64,) = tx.fetch_one(SET_VERDICT, params![id, verdict]).await?;
    Ok(version)
}

/// Releases, newest first.
///
/// # Errors
/// Store errors.
pub async fn list(
    reader: &mut impl Reader,
    project: Option<&ProjectId>,
    before: Option<(i64, String)>,
    limit: i64,
) -> Result<Vec<ReleaseRow>, StoreError> {
    let (at, id) = before.unwrap_or((i64::MAX, String::new()));
    let project = project.map(|p| p.as_str().to_owned());
    reader
        .all(LIST_RELEASES, params![project, at, id, limit])
        .await
}

/// The release before number `no`.
///
/// # Errors
/// Store errors.
pub async fn before(
    reader: &mut impl Reader,
    project: &ProjectId,
    no: i64,
) -> Result<Option<ReleaseRow>, StoreError> {
    reader.optional(NEWEST_BEFORE, params![project, no]).await
}
