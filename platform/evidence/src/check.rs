//! The check of the whole log inside the server: every record, link, root and signature.

use std::collections::BTreeMap;

use rialto_platform_store::{Db, params};
use serde::Serialize;

use crate::error::EvidenceError;
use crate::hash::Hash;
use crate::key::PublicKey;
use crate::log::{
    CHUNK_ROOTS, EvidenceLog, HEADS_FROM, KEYS, LogRow, LogState, READ_LOG, ROWS_FROM, read_head,
    signed, unsigned,
};
use crate::merkle::Frontier;
use crate::record::{Record, hash_of_bytes};

const PAGE: i64 = 1_000;

/// What a check of the log found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Whether everything is as it was written.
    pub ok: bool,
    /// Records of the log, as its row says.
    pub size: u64,
    /// First record that is not as it was written, when one can be named.
    pub first_bad_seq: Option<u64>,
    /// What was checked, or what is wrong.
    pub message: String,
}

/// A finding: the record, when one can be named, and why.
type Finding = (Option<u64>, String);

struct Walk {
    log: String,
    frontier: Frontier,
    chunks: Vec<Hash>,
    prev: Hash,
    heads: BTreeMap<u64, String>,
    keys: BTreeMap<String, PublicKey>,
}

impl EvidenceLog {
    /// Reads the whole log as it is now and checks form, order, links, tree and signatures.
    /// Appends may go on meanwhile.
    ///
    /// # Errors
    /// [`EvidenceError::Store`] when it cannot be read; what is wrong in it is in the report.
    pub async fn check(&self, db: &Db) -> Result<CheckReport, EvidenceError> {
        let row: LogRow = db.fetch_one(READ_LOG, params![]).await?;
        let size = unsigned(row.1)?;
        let report = |finding: Result<usize, Finding>| match finding {
            Ok(heads) => CheckReport {
                ok: true,
                size,
                first_bad_seq: None,
                message: format!("{size} records and {heads} signed heads are intact"),
            },
            Err((first_bad_seq, message)) => CheckReport {
                ok: false,
                size,
                first_bad_seq,
                message,
            },
        };
        let state = match LogState::from_row(row) {
            Ok(state) => state,
            Err(error) => return Ok(report(Err((None, error.to_string())))),
        };
        let mut walk = match self.start_walk(db, &state, size).await? {
            Ok(walk) => walk,
            Err(finding) => return Ok(report(Err(finding))),
        };
        let heads = walk.heads.len();
        let finding = match walk_records(db, &mut walk, size).await? {
            Ok(()) => finish(db, &walk, &state).await?,
            Err(finding) => Err(finding),
        };
        Ok(report(finding.map(|()| heads)))
    }

    async fn start_walk(
        &self,
        db: &Db,
        state: &LogState,
        size: u64,
    ) -> Result<Result<Walk, Finding>, EvidenceError> {
        let mut keys = BTreeMap::new();
        for (id, pem) in db.fetch_all::<(String, String)>(KEYS, params![]).await? {
            match PublicKey::from_pem(&pem) {
                Ok(key) if key.id().to_string() == id => keys.insert(id, key),
                _ => {
                    return Ok(Err((
                        None,
                        format!("the stored public key {id} was altered"),
                    )));
                }
            };
        }
        if !keys.contains_key(&self.public_key().id().to_string()) {
            return Ok(Err((
                None,
                "the log's own public key is missing from its table".into(),
            )));
        }
        let mut heads = BTreeMap::new();
        let mut from = 0;
        loop {
            let page: Vec<(i64, String)> = db.fetch_all(HEADS_FROM, params![from, PAGE]).await?;
            let Some((last, _)) = page.last() else { break };
            from = last + 1;
            for (head_size, text) in page {
                // A head of a size beyond the one read above was signed since.
                if unsigned(head_size)? <= size {
                    heads.insert(unsigned(head_size)?, text);
                }
            }
        }
        Ok(Ok(Walk {
            log: state.log.clone(),
            frontier: Frontier::default(),
            chunks: Vec::new(),
            prev: Hash::ZERO,
            heads,
            keys,
        }))
    }
}

async fn walk_records(
    db: &Db,
    walk: &mut Walk,
    size: u64,
) -> Result<Result<(), Finding>, EvidenceError> {
    if let Err(why) = check_head(walk) {
        return Ok(Err((None, why)));
    }
    while walk.frontier.size() < size {
        let next = walk.frontier.size();
        let rows: Vec<(i64, String, String, String, String)> = db
            .fetch_all(ROWS_FROM, params![signed(next)?, PAGE])
            .await?;
        if rows.is_empty() {
            return Ok(Err((Some(next), format!("record {next} is missing"))));
        }
        for row in rows {
            let seq = walk.frontier.size();
            if seq == size {
                break;
            }
            if let Err(why) = check_row(walk, seq, row) {
                return Ok(Err((Some(seq), format!("record {seq}: {why}"))));
            }
            if let Err(why) = check_head(walk) {
                return Ok(Err((Some(seq), why)));
            }
        }
    }
    Ok(Ok(()))
}

fn check_row(
    walk: &mut Walk,
    seq: u64,
    (stored_seq, kind, subject, hash_text, text): (i64, String, String, String, String),
) -> Result<(), String> {
    if u64::try_from(stored_seq) != Ok(seq) {
        return Err("it is missing".into());
    }
    let record = Record::from_canonical(text.as_bytes()).map_err(|error| error.to_string())?;
    let hash = hash_of_bytes(text.as_bytes());
    if record.seq != seq {
        return Err(format!("its text says {}", record.seq));
    }
    if record.log != walk.log {
        return Err("it belongs to another log".into());
    }
    if record.prev != walk.prev {
        return Err("it does not follow the record before it: one of the two was altered".into());
    }
    if hash.to_string() != hash_text {
        return Err("its text was altered (the hash differs)".into());
    }
    if record.kind != kind || record.subject != subject {
        return Err("its type or subject column was altered".into());
    }
    walk.chunks.extend(walk.frontier.append(hash));
    walk.prev = hash;
    Ok(())
}

/// Checks the head signed at the size reached, when there is one.
fn check_head(walk: &Walk) -> Result<(), String> {
    let size = walk.frontier.size();
    let Some(text) = walk.heads.get(&size) else {
        return Ok(());
    };
    let head = read_head(text).map_err(|error| error.to_string())?;
    let key = walk.keys.get(&head.head.key_id.to_string());
    if !key.is_some_and(|key| head.verifies(key)) || head.head.size != size {
        return Err(format!(
            "the head signed at {size} records was altered: its signature fails"
        ));
    }
    if head.head.root != walk.frontier.root() || head.head.last_hash != walk.prev {
        return Err(format!(
            "the records differ from those under the head signed at {size} records"
        ));
    }
    Ok(())
}

async fn finish(
    db: &Db,
    walk: &Walk,
    state: &LogState,
) -> Result<Result<(), Finding>, EvidenceError> {
    if state.frontier != walk.frontier || state.last_hash != walk.prev {
        let last = walk.frontier.size().checked_sub(1);
        return Ok(Err((last, "the log's row differs from its records".into())));
    }
    let count = signed(walk.frontier.size() / crate::merkle::CHUNK)?;
    let stored: Vec<(String,)> = db.fetch_all(CHUNK_ROOTS, params![count]).await?;
    let same = stored
        .iter()
        .map(|(root,)| root.clone())
        .eq(walk.chunks.iter().map(Hash::to_string));
    Ok(if same {
        Ok(())
    } else {
        Err((None, "a stored subtree root was altered".into()))
    })
}
