//! The queue's table and its statements.

use jiff::Timestamp;
use rialto_platform_store::{
    Db, Migration, MigrationSet, StoreError, Tx, from_micros, new_id, now, params,
};
use serde_json::Value;

use crate::BackgroundJobId;

/// Topic of the event that wakes workers; its id is the job's.
pub const TOPIC: &str = "background-jobs";

/// The queue's tables.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    system: "jobs",
    migrations: &[Migration {
        version: 1,
        name: "background jobs",
        sql: include_str!("sql/jobs.sql"),
        sqlite: None,
        postgres: None,
    }],
};

rialto_platform_store::statements! {
    pub(crate) ENQUEUE = "INSERT INTO background_job (id, kind, job_key, payload, status, attempt,
            run_at, lease, lease_until, last_error, created_at, finished_at)
        VALUES ($1, $2, $3, $4, 'queued', 0, $5, '', 0, NULL, $6, NULL)
        ON CONFLICT (kind, job_key) DO NOTHING";
    pub(crate) FIND_BY_KEY = "SELECT id FROM background_job WHERE kind = $1 AND job_key = $2";
    pub(crate) NEXT_DUE = "SELECT min(CASE WHEN status = 'queued' THEN run_at ELSE lease_until END)
        FROM background_job WHERE kind = $1 AND status IN ('queued', 'running')";
    pub(crate) CLAIM = "UPDATE background_job
        SET status = 'running', attempt = attempt + 1, lease = $1, lease_until = $2
        WHERE id = (
            SELECT id FROM background_job
            WHERE kind = $3 AND attempt < $5
              AND ((status = 'queued' AND run_at <= $4) OR (status = 'running' AND lease_until <= $4))
            ORDER BY run_at, id LIMIT 1)
        RETURNING id, job_key, payload, attempt";
    /// A job whose worker vanished in its last attempt.
    pub(crate) BURY_ABANDONED = "UPDATE background_job
        SET status = 'dead', lease = '', finished_at = $2, last_error =
            coalesce(last_error || '; ', '') || 'the worker vanished in the last attempt'
        WHERE kind = $1 AND status = 'running' AND lease_until <= $2 AND attempt >= $3";
    /// A job that was given more attempts by an earlier policy than it has now.
    pub(crate) BURY_SPENT = "UPDATE background_job
        SET status = 'dead', lease = '', finished_at = $2
        WHERE kind = $1 AND status = 'queued' AND run_at <= $2 AND attempt >= $3";
    pub(crate) RENEW = "UPDATE background_job SET lease_until = $1
        WHERE id = $2 AND lease = $3 AND status = 'running'";
    pub(crate) COMPLETE = "UPDATE background_job
        SET status = 'done', lease = '', lease_until = 0, finished_at = $1
        WHERE id = $2 AND lease = $3 AND status = 'running'";
    pub(crate) POSTPONE = "UPDATE background_job
        SET status = 'queued', lease = '', lease_until = 0, run_at = $1, last_error = $2
        WHERE id = $3 AND lease = $4 AND status = 'running'";
    pub(crate) BURY = "UPDATE background_job
        SET status = 'dead', lease = '', lease_until = 0, finished_at = $1, last_error = $2
        WHERE id = $3 AND lease = $4 AND status = 'running'";
    pub(crate) FIND = "SELECT id, kind, job_key, payload, status, attempt, run_at, last_error,
            created_at, finished_at
        FROM background_job WHERE id = $1";
    pub(crate) LIST = "SELECT id, kind, job_key, payload, status, attempt, run_at, last_error,
            created_at, finished_at
        FROM background_job WHERE status = $1 ORDER BY run_at, id LIMIT $2";
    pub(crate) RETRY_DEAD = "UPDATE background_job
        SET status = 'queued', attempt = 0, run_at = $1, finished_at = NULL
        WHERE id = $2 AND status = 'dead'";
    pub(crate) PRUNE_DONE =
        "DELETE FROM background_job WHERE status = 'done' AND finished_at < $1";
}

/// Whether a job was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enqueued {
    /// It was added.
    New(BackgroundJobId),
    /// A job of this kind and key exists already; nothing was changed.
    Existing(BackgroundJobId),
}

impl Enqueued {
    /// The job's id.
    #[must_use]
    pub fn id(&self) -> &BackgroundJobId {
        let (Self::New(id) | Self::Existing(id)) = self;
        id
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobStatus {
    /// Waits for its time.
    Queued,
    /// A worker holds its lease.
    Running,
    /// Finished; kept for a week so that its key stays taken.
    Done,
    /// Failed in its last attempt; kept with its error.
    Dead,
}

impl JobStatus {
    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }

    fn from_word(word: &str) -> Result<Self, StoreError> {
        [Self::Queued, Self::Running, Self::Done, Self::Dead]
            .into_iter()
            .find(|status| status.as_str() == word)
            .ok_or_else(|| StoreError::Decode {
                message: format!("`{word}` is no job status"),
            })
    }
}

/// A stored job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    /// Its id.
    pub id: BackgroundJobId,
    /// Its kind, which names the handler.
    pub kind: String,
    /// Unique within the kind.
    pub key: String,
    /// What the handler is given.
    pub payload: Value,
    /// Where it stands.
    pub status: JobStatus,
    /// Attempts begun.
    pub attempt: u32,
    /// Earliest time of the next attempt.
    pub run_at: Timestamp,
    /// Error of the last failed attempt.
    pub last_error: Option<String>,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When it was done or died.
    pub finished_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct JobRow {
    #[sqlx(try_from = "String")]
    id: BackgroundJobId,
    kind: String,
    job_key: String,
    payload: String,
    status: String,
    attempt: i64,
    run_at: i64,
    last_error: Option<String>,
    created_at: i64,
    finished_at: Option<i64>,
}

impl TryFrom<JobRow> for JobRecord {
    type Error = StoreError;

    fn try_from(row: JobRow) -> Result<Self, StoreError> {
        Ok(Self {
            payload: read_payload(&row.id, &row.payload)?,
            id: row.id,
            kind: row.kind,
            key: row.job_key,
            status: JobStatus::from_word(&row.status)?,
            attempt: u32::try_from(row.attempt).unwrap_or(u32::MAX),
            run_at: from_micros(row.run_at)?,
            last_error: row.last_error,
            created_at: from_micros(row.created_at)?,
            finished_at: row.finished_at.map(from_micros).transpose()?,
        })
    }
}

pub(crate) fn read_payload(id: &BackgroundJobId, text: &str) -> Result<Value, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Decode {
        message: format!("payload of background job {id}: {error}"),
    })
}

pub(crate) async fn enqueue(
    tx: &mut Tx<'_>,
    kind: &str,
    key: &str,
    payload: &Value,
    run_at: Timestamp,
) -> Result<Enqueued, StoreError> {
    let id: BackgroundJobId = new_id();
    let values = params![&id, kind, key, payload, run_at, now()];
    if tx.execute(ENQUEUE, values).await? == 0 {
        let (existing,): (String,) = tx.fetch_one(FIND_BY_KEY, params![kind, key]).await?;
        let existing = BackgroundJobId::try_from(existing).map_err(|error| StoreError::Decode {
            message: error.to_string(),
        })?;
        return Ok(Enqueued::Existing(existing));
    }
    tx.publish(TOPIC, id.as_str(), 1, &["status"], Value::Null)
        .await;
    Ok(Enqueued::New(id))
}

/// A job by its id.
///
/// # Errors
/// Any [`StoreError`] but `NotFound`.
pub async fn find_job(db: &Db, id: &BackgroundJobId) -> Result<Option<JobRecord>, StoreError> {
    let row: Option<JobRow> = db.fetch_optional(FIND, params![id]).await?;
    row.map(JobRecord::try_from).transpose()
}

/// Up to `limit` jobs of a status, earliest due first.
///
/// # Errors
/// Any [`StoreError`] but `NotFound`.
pub async fn list_jobs(
    db: &Db,
    status: JobStatus,
    limit: u32,
) -> Result<Vec<JobRecord>, StoreError> {
    let rows: Vec<JobRow> = db.fetch_all(LIST, params![status.as_str(), limit]).await?;
    rows.into_iter().map(JobRecord::try_from).collect()
}

/// Gives a dead job its attempts back; false when it is not dead.
///
/// # Errors
/// Any [`StoreError`] but `NotFound`.
pub async fn retry_dead_job(tx: &mut Tx<'_>, id: &BackgroundJobId) -> Result<bool, StoreError> {
    let revived = tx.execute(RETRY_DEAD, params![now(), id]).await? > 0;
    if revived {
        tx.publish(TOPIC, id.as_str(), 2, &["status"], Value::Null)
            .await;
    }
    Ok(revived)
}
