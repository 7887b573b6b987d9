//! Facts read from report files; the facts themselves are blobs in the content-addressed store.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;
use crate::ids::{JobId, PipelineId, ReportFileId};

/// A report file and what its reader said.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `report_file`")]
pub struct ReportFileRow {
    #[sqlx(try_from = "String")]
    pub id: ReportFileId,
    #[sqlx(try_from = "String")]
    pub pipeline_id: PipelineId,
    #[sqlx(try_from = "String")]
    pub job_id: JobId,
    pub job_name: String,
    /// `junit`, `cobertura` or `lcov`.
    pub kind: String,
    pub name: String,
    /// Of the file as uploaded.
    pub sha256: String,
    /// Reader and version.
    pub reader: String,
    /// `parsed`, `partial` or `refused`.
    pub outcome: String,
    pub reason: Option<String>,
    pub line: Option<i64>,
    pub count_mismatch: bool,
    /// Key of the facts (JSON) in the content-addressed store; `None` when refused.
    pub facts_sha256: Option<String>,
    pub total: i64,
    pub passed: i64,
    pub failed: i64,
    pub errored: i64,
    pub skipped: i64,
    pub flaky: i64,
    pub duration_ms: i64,
    pub covered: i64,
    pub coverable: i64,
    pub created_at: i64,
}

statements! {
    PUT_REPORT = "INSERT INTO report_file (id, pipeline_id, job_id, job_name, kind, name, sha256,
        reader, outcome, reason, line, count_mismatch, facts_sha256, total, passed, failed, errored,
        skipped, flaky, duration_ms, covered, coverable, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
        $19, $20, $21, $22, $23)
        ON CONFLICT (job_id, kind, name) DO NOTHING";
    LIST_OF_PIPELINE = "SELECT r.* FROM report_file r JOIN job j ON j.id = r.job_id
        WHERE r.pipeline_id = $1 AND j.superseded = FALSE ORDER BY j.plan_index, r.kind, r.name";
}

/// Adds a report; an earlier one of the same job, kind and name stays.
///
/// # Errors
/// Store errors.
pub async fn put(tx: &mut Tx<'_>, row: &ReportFileRow) -> Result<(), StoreError> {
    let values = params![
        &row.id,
        &row.pipeline_id,
        &row.job_id,
        &row.job_name,
        &row.kind,
        &row.name,
        &row.sha256,
        &row.reader,
        &row.outcome,
        row.reason.clone(),
        row.line,
        row.count_mismatch,
        row.facts_sha256.clone(),
        row.total,
        row.passed,
        row.failed,
        row.errored,
        row.skipped,
        row.flaky,
        row.duration_ms,
        row.covered,
        row.coverable,
        row.created_at
    ];
    tx.execute(PUT_REPORT, values).await.map(drop)
}

/// Reports of the current attempts of a pipeline, in plan order.
///
/// # Errors
/// Store errors.
pub async fn of_pipeline(
    reader: &mut impl Reader,
    pipeline: &PipelineId,
) -> Result<Vec<ReportFileRow>, StoreError> {
    reader.all(LIST_OF_PIPELINE, params![pipeline]).await
}
