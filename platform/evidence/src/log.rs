//! The log in the store: append in the caller's transaction, heads, queries.

use std::time::Duration;

use jiff::Timestamp;
use rialto_platform_store::{Db, Migration, MigrationSet, StoreError, Tx, now, params};

use crate::error::EvidenceError;
use crate::hash::Hash;
use crate::head::{SignedHead, TreeHead};
use crate::key::{PublicKey, SigningKey};
use crate::merkle::Frontier;
use crate::record::{MAX_RECORD_BYTES, NewRecord, RECORD_VERSION, Record, hash_of_bytes};

/// A head is signed whenever the log's size is a multiple of this.
const HEAD_EVERY: u64 = 1_000;
/// Types after which a head is signed at once: what people will point to later.
const HEAD_AFTER: &[&str] = &["approval", "deployment", "rollback"];
/// Most records of one answer.
const MAX_PAGE: u32 = 1_000;

/// The log's tables.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    system: "evidence",
    migrations: &[Migration {
        version: 1,
        name: "evidence log",
        sql: include_str!("sql/evidence.sql"),
        sqlite: None,
        postgres: None,
    }],
};

rialto_platform_store::statements! {
    pub(crate) START_LOG = "INSERT INTO evidence_log (id, log, size, last_hash, frontier, epoch)
        VALUES (1, $1, 0, $2, '', 0) ON CONFLICT (id) DO NOTHING";
    pub(crate) NEXT_EPOCH =
        "UPDATE evidence_log SET epoch = epoch + 1 WHERE id = 1 RETURNING log, epoch";
    pub(crate) KEYS = "SELECT key_id, public_key FROM evidence_key ORDER BY added_at, key_id";
    pub(crate) ADD_KEY =
        "INSERT INTO evidence_key (key_id, public_key, added_at) VALUES ($1, $2, $3)";
    /// Takes the row's lock, so that appends of concurrent transactions follow each other.
    pub(crate) LOCK_LOG = "UPDATE evidence_log SET size = size WHERE id = 1
        RETURNING log, size, last_hash, frontier, epoch";
    pub(crate) READ_LOG =
        "SELECT log, size, last_hash, frontier, epoch FROM evidence_log WHERE id = 1";
    pub(crate) ADVANCE_LOG =
        "UPDATE evidence_log SET size = $1, last_hash = $2, frontier = $3 WHERE id = 1";
    pub(crate) INSERT_RECORD =
        "INSERT INTO evidence_record (seq, type, subject, hash, record) VALUES ($1, $2, $3, $4, $5)";
    pub(crate) INSERT_CHUNK = "INSERT INTO evidence_chunk (number, root) VALUES ($1, $2)";
    pub(crate) INSERT_HEAD =
        "INSERT INTO evidence_head (size, head) VALUES ($1, $2) ON CONFLICT (size) DO NOTHING";
    pub(crate) NEWEST_HEAD = "SELECT head FROM evidence_head ORDER BY size DESC LIMIT 1";
    pub(crate) HEAD_OF_SIZE = "SELECT head FROM evidence_head WHERE size = $1";
    pub(crate) HEADS_FROM = "SELECT size, head FROM evidence_head WHERE size >= $1 ORDER BY size LIMIT $2";
    pub(crate) NEWEST_HEAD_SIZES = "SELECT size FROM evidence_head ORDER BY size DESC LIMIT $1";
    pub(crate) ROWS_FROM = "SELECT seq, type, subject, hash, record FROM evidence_record
        WHERE seq >= $1 ORDER BY seq LIMIT $2";
    pub(crate) HASHES_FROM = "SELECT seq, hash FROM evidence_record
        WHERE seq >= $1 AND seq < $2 ORDER BY seq";
    pub(crate) CHUNK_ROOTS = "SELECT root FROM evidence_chunk WHERE number < $1 ORDER BY number";
    pub(crate) RECORDS_UP = "SELECT record FROM evidence_record
        WHERE seq >= $1 ORDER BY seq LIMIT $2";
    pub(crate) RECORDS_DOWN = "SELECT record FROM evidence_record
        WHERE seq < $1 ORDER BY seq DESC LIMIT $2";
    pub(crate) RECORDS_UP_OF_TYPE = "SELECT record FROM evidence_record
        WHERE seq >= $1 AND type = $3 ORDER BY seq LIMIT $2";
    pub(crate) RECORDS_DOWN_OF_TYPE = "SELECT record FROM evidence_record
        WHERE seq < $1 AND type = $3 ORDER BY seq DESC LIMIT $2";
    pub(crate) RECORDS_UP_ABOUT = "SELECT record FROM evidence_record
        WHERE seq >= $1 AND subject = $3 ORDER BY seq LIMIT $2";
    pub(crate) RECORDS_DOWN_ABOUT = "SELECT record FROM evidence_record
        WHERE seq < $1 AND subject = $3 ORDER BY seq DESC LIMIT $2";
    pub(crate) RECORDS_UP_OF_TYPE_ABOUT = "SELECT record FROM evidence_record
        WHERE seq >= $1 AND type = $3 AND subject = $4 ORDER BY seq LIMIT $2";
    pub(crate) RECORDS_DOWN_OF_TYPE_ABOUT = "SELECT record FROM evidence_record
        WHERE seq < $1 AND type = $3 AND subject = $4 ORDER BY seq DESC LIMIT $2";
}

/// Where a record stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordId {
    /// Position, from 0.
    pub seq: u64,
    /// The record's hash.
    pub hash: Hash,
}

/// Which records to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordQuery {
    /// Oldest first from this position on; absent: newest first.
    pub from_seq: Option<u64>,
    /// Newest first, only records before this position (to page on); not with `from_seq`.
    pub before_seq: Option<u64>,
    /// Of this type only.
    pub kind: Option<String>,
    /// About this subject only.
    pub subject: Option<String>,
    /// How many at most: 1 to 1,000; 0 means 50.
    pub limit: u32,
}

/// The evidence log of a database; cheap to clone.
#[derive(Debug, Clone)]
pub struct EvidenceLog {
    key: SigningKey,
    log: String,
    epoch: u64,
}

/// The log's row.
pub(crate) struct LogState {
    pub log: String,
    pub frontier: Frontier,
    pub last_hash: Hash,
}

pub(crate) type LogRow = (String, i64, String, String, i64);

impl EvidenceLog {
    /// Opens the log (and starts it on the first opening), signing with `key` from now on.
    ///
    /// # Errors
    /// [`EvidenceError::WrongKey`] when the log was signed by another key.
    pub async fn open(db: &Db, key: SigningKey) -> Result<Self, EvidenceError> {
        let mut tx = db.begin().await?;
        let zero = Hash::ZERO.to_string();
        tx.execute(START_LOG, params![fresh_log_id(), zero]).await?;
        let (log, epoch): (String, i64) = tx.fetch_one(NEXT_EPOCH, params![]).await?;
        let held = key.public().id().to_string();
        let keys: Vec<(String, String)> = tx.fetch_all(KEYS, params![]).await?;
        match keys.last() {
            None => {
                let pem = key.public().to_pem().map_err(EvidenceError::Damaged)?;
                tx.execute(ADD_KEY, params![&held, pem, now()]).await?;
            }
            Some((known, _)) if *known == held => {}
            Some((known, _)) => {
                return Err(EvidenceError::WrongKey {
                    known: known.clone(),
                    held,
                });
            }
        }
        tx.commit().await?;
        Ok(Self {
            key,
            log,
            epoch: unsigned(epoch)?,
        })
    }

    /// Id of the log.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.log
    }

    /// The public key that checks this log's heads.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.key.public()
    }

    pub(crate) fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Appends a record in the caller's transaction: it commits, or does not, with the fact it
    /// describes. Every thousandth record, and each approval, deployment and rollback, is followed
    /// by a signed head.
    ///
    /// # Errors
    /// Any [`EvidenceError`]; the caller must then give up its transaction.
    pub async fn append(&self, tx: &mut Tx<'_>, new: NewRecord) -> Result<RecordId, EvidenceError> {
        let mut state = lock(tx).await?;
        let kind = new.kind;
        let record = Record {
            v: RECORD_VERSION,
            log: state.log.clone(),
            seq: state.frontier.size(),
            time: Timestamp::now(),
            epoch: self.epoch,
            actor: new.actor,
            kind: kind.to_owned(),
            subject: new.subject,
            body: new.body,
            refs: new.refs,
            prev: state.last_hash,
        };
        let text = record
            .to_canonical()
            .map_err(|source| EvidenceError::Canonical {
                kind: kind.to_owned(),
                source,
            })?;
        if text.len() > MAX_RECORD_BYTES {
            let (size, limit) = (text.len(), MAX_RECORD_BYTES);
            return Err(EvidenceError::TooLarge {
                kind: kind.to_owned(),
                size,
                limit,
            });
        }
        let hash = hash_of_bytes(text.as_bytes());
        let (seq, hash_text) = (signed(record.seq)?, hash.to_string());
        tx.execute(
            INSERT_RECORD,
            params![seq, kind, &record.subject, &hash_text, text],
        )
        .await?;
        if let Some(root) = state.frontier.append(hash) {
            let number = seq / signed(crate::merkle::CHUNK)?;
            tx.execute(INSERT_CHUNK, params![number, root.to_string()])
                .await?;
        }
        state.last_hash = hash;
        let peaks = encode_peaks(state.frontier.peaks());
        tx.execute(ADVANCE_LOG, params![seq + 1, hash_text, peaks])
            .await?;
        if (record.seq + 1).is_multiple_of(HEAD_EVERY) || HEAD_AFTER.contains(&kind) {
            self.write_head(tx, &state).await?;
        }
        Ok(RecordId {
            seq: record.seq,
            hash,
        })
    }

    /// Signs the log's state in the caller's transaction.
    ///
    /// # Errors
    /// Any [`EvidenceError`].
    pub async fn sign_head(&self, tx: &mut Tx<'_>) -> Result<SignedHead, EvidenceError> {
        let state = lock(tx).await?;
        self.write_head(tx, &state).await
    }

    /// The signed head of everything committed; signed now when the newest one is older.
    ///
    /// # Errors
    /// Any [`EvidenceError`].
    pub async fn head(&self, db: &Db) -> Result<SignedHead, EvidenceError> {
        let row: LogRow = db.fetch_one(READ_LOG, params![]).await?;
        let newest: Option<(String,)> = db.fetch_optional(NEWEST_HEAD, params![]).await?;
        if let Some((text,)) = newest {
            let head = read_head(&text)?;
            if signed(head.head.size)? == row.1 {
                return Ok(head);
            }
        }
        let mut tx = db.begin().await?;
        let head = self.sign_head(&mut tx).await?;
        tx.commit().await?;
        Ok(head)
    }

    /// Signs a head every `every` while there is something new to sign; runs until dropped.
    pub async fn keep_signed(&self, db: &Db, every: Duration) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.head(db).await {
                tracing::warn!(%error, "cannot sign the evidence log's head; trying again");
            }
        }
    }

    /// Records, newest first unless `from_seq` is given.
    ///
    /// # Errors
    /// Any [`EvidenceError`]; `Damaged` when a stored record is not one.
    pub async fn records(
        &self,
        db: &Db,
        query: &RecordQuery,
    ) -> Result<Vec<Record>, EvidenceError> {
        let upwards = query.from_seq.is_some();
        // No record stands beyond the last position there can be.
        let start = query.from_seq.or(query.before_seq);
        let start = start.map_or(i64::MAX, |seq| i64::try_from(seq).unwrap_or(i64::MAX));
        let limit = i64::from(if query.limit == 0 {
            50
        } else {
            query.limit.min(MAX_PAGE)
        });
        let (sql, values) = match (&query.kind, &query.subject, upwards) {
            (None, None, true) => (RECORDS_UP, params![start, limit]),
            (None, None, false) => (RECORDS_DOWN, params![start, limit]),
            (Some(kind), None, true) => (RECORDS_UP_OF_TYPE, params![start, limit, kind]),
            (Some(kind), None, false) => (RECORDS_DOWN_OF_TYPE, params![start, limit, kind]),
            (None, Some(about), true) => (RECORDS_UP_ABOUT, params![start, limit, about]),
            (None, Some(about), false) => (RECORDS_DOWN_ABOUT, params![start, limit, about]),
            (Some(kind), Some(about), true) => {
                (RECORDS_UP_OF_TYPE_ABOUT, params![start, limit, kind, about])
            }
            (Some(kind), Some(about), false) => (
                RECORDS_DOWN_OF_TYPE_ABOUT,
                params![start, limit, kind, about],
            ),
        };
        let rows: Vec<(String,)> = db.fetch_all(sql, values).await?;
        rows.iter().map(|(text,)| read_record(text)).collect()
    }

    async fn write_head(
        &self,
        tx: &mut Tx<'_>,
        state: &LogState,
    ) -> Result<SignedHead, EvidenceError> {
        let size = signed(state.frontier.size())?;
        let existing: Option<(String,)> = tx.fetch_optional(HEAD_OF_SIZE, params![size]).await?;
        if let Some((text,)) = existing {
            return read_head(&text);
        }
        let head = TreeHead {
            log: state.log.clone(),
            size: state.frontier.size(),
            root: state.frontier.root(),
            last_hash: state.last_hash,
            time: now(),
            epoch: self.epoch,
            key_id: self.key.public().id(),
        };
        let signed_head = head
            .sign(&self.key)
            .map_err(|source| EvidenceError::Canonical {
                kind: "head".into(),
                source,
            })?;
        let text = serde_json::to_string(&signed_head)
            .map_err(|error| EvidenceError::Damaged(error.to_string()))?;
        tx.execute(INSERT_HEAD, params![size, text]).await?;
        Ok(signed_head)
    }
}

async fn lock(tx: &mut Tx<'_>) -> Result<LogState, EvidenceError> {
    let row: Option<LogRow> = tx.fetch_optional(LOCK_LOG, params![]).await?;
    LogState::from_row(row.ok_or_else(|| EvidenceError::Damaged("its row is missing".into()))?)
}

impl LogState {
    pub(crate) fn from_row(
        (log, size, last_hash, frontier, _): LogRow,
    ) -> Result<Self, EvidenceError> {
        let frontier = decode_peaks(&frontier)
            .and_then(|peaks| Frontier::from_parts(unsigned(size).ok()?, peaks))
            .ok_or_else(|| EvidenceError::Damaged("its frontier does not fit its size".into()))?;
        let last_hash = last_hash
            .parse()
            .map_err(|error| EvidenceError::Damaged(format!("its last hash: {error}")))?;
        Ok(Self {
            log,
            frontier,
            last_hash,
        })
    }
}

pub(crate) fn read_record(text: &str) -> Result<Record, EvidenceError> {
    Record::from_canonical(text.as_bytes())
        .map_err(|error| EvidenceError::Damaged(format!("a stored record: {error}")))
}

pub(crate) fn read_head(text: &str) -> Result<SignedHead, EvidenceError> {
    serde_json::from_str(text)
        .map_err(|error| EvidenceError::Damaged(format!("a stored head: {error}")))
}

fn encode_peaks(peaks: &[Hash]) -> String {
    peaks
        .iter()
        .map(Hash::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

fn decode_peaks(text: &str) -> Option<Vec<Hash>> {
    text.split_whitespace()
        .map(|peak| peak.parse().ok())
        .collect()
}

pub(crate) fn signed(number: u64) -> Result<i64, EvidenceError> {
    i64::try_from(number).map_err(|_| EvidenceError::Damaged(format!("{number} is no position")))
}

pub(crate) fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Decode {
        message: format!("{number} is negative"),
    })
}

fn fresh_log_id() -> String {
    rialto_kernel::define_id!(
        /// Id of an evidence log.
        LogId
    );
    rialto_platform_store::new_id::<LogId>().to_string()
}
