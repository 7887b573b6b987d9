//! Making a bundle from the stored log.

use rialto_platform_store::{Db, now, params};

use crate::bundle::{Bundle, BundleBlob, BundleRecord, ConsistencyProof};
use crate::error::EvidenceError;
use crate::log::{
    CHUNK_ROOTS, EvidenceLog, HASHES_FROM, NEWEST_HEAD_SIZES, RECORDS_UP_ABOUT, read_record,
    signed, unsigned,
};
use crate::merkle::{CHUNK, Tree};
use crate::record::hash_of_bytes;

/// Most records of a bundle.
pub const MAX_BUNDLE_RECORDS: usize = 100_000;
/// Consistency proofs are given from this many of the newest signed heads.
const HEADS_PROVED: i64 = 64;
const PAGE: i64 = 1_000;

/// What a bundle shall hold.
#[derive(Debug, Default)]
pub struct ExportRequest {
    /// What the bundle is about, e.g. `release:<id>`; shown by the verifier.
    pub about: String,
    /// Records about any of these subjects go in.
    pub subjects: Vec<String>,
    /// Contents that the records refer to by digest.
    pub blobs: Vec<BundleBlob>,
    /// Sizes of heads that an auditor holds, to be proved consistent with the bundle's head (the
    /// newest signed heads are always proved).
    pub earlier_sizes: Vec<u64>,
}

impl EvidenceLog {
    /// Collects the records about the subjects of `request`, with proofs against a head of the
    /// log as it is now. [`Bundle::write`] writes it out.
    ///
    /// # Errors
    /// [`EvidenceError::Export`] when there is no such record, or more than a bundle may hold.
    pub async fn export(&self, db: &Db, request: ExportRequest) -> Result<Bundle, EvidenceError> {
        let head = self.head(db).await?;
        let size = head.head.size;
        let mut records = self.collect(db, &request.subjects, size).await?;
        records.sort_by_key(|record| record.seq);
        records.dedup_by_key(|record| record.seq);
        if records.is_empty() {
            let about = request.subjects.join(", ");
            return Err(EvidenceError::Export(format!("no record is about {about}")));
        }
        let mut sizes = self
            .sizes_to_prove(db, &request.earlier_sizes, size)
            .await?;
        sizes.sort_unstable();
        sizes.dedup();
        let mut tree = self.tree(db, size, &records, &sizes).await?;
        for record in &mut records {
            record.path = tree.inclusion(record.seq)?;
        }
        let mut consistency = Vec::new();
        for from in sizes {
            consistency.push(ConsistencyProof {
                from,
                path: tree.consistency(from)?,
            });
        }
        Ok(Bundle {
            about: request.about,
            created_at: now(),
            head,
            records,
            consistency,
            blobs: request.blobs,
            key: self.key().clone(),
        })
    }

    async fn collect(
        &self,
        db: &Db,
        subjects: &[String],
        size: u64,
    ) -> Result<Vec<BundleRecord>, EvidenceError> {
        let mut records = Vec::new();
        for subject in subjects {
            let mut from = 0;
            loop {
                let page: Vec<(String,)> = db
                    .fetch_all(RECORDS_UP_ABOUT, params![from, PAGE, subject])
                    .await?;
                let full = page.len() == usize::try_from(PAGE).unwrap_or(usize::MAX);
                for (text,) in page {
                    let seq = read_record(&text)?.seq;
                    from = signed(seq)? + 1;
                    if seq < size {
                        let hash = hash_of_bytes(text.as_bytes());
                        records.push(BundleRecord {
                            seq,
                            hash,
                            text,
                            path: Vec::new(),
                        });
                    }
                }
                if records.len() > MAX_BUNDLE_RECORDS {
                    return Err(EvidenceError::Export(format!(
                        "over {MAX_BUNDLE_RECORDS} records; ask for fewer subjects"
                    )));
                }
                if !full {
                    break;
                }
            }
        }
        Ok(records)
    }

    async fn sizes_to_prove(
        &self,
        db: &Db,
        asked: &[u64],
        size: u64,
    ) -> Result<Vec<u64>, EvidenceError> {
        if let Some(beyond) = asked.iter().find(|earlier| **earlier > size) {
            return Err(EvidenceError::Export(format!(
                "a head of {beyond} records is newer than the log, which has {size}"
            )));
        }
        let rows: Vec<(i64,)> = db
            .fetch_all(NEWEST_HEAD_SIZES, params![HEADS_PROVED])
            .await?;
        let mut sizes = asked.to_vec();
        for (stored,) in rows {
            sizes.push(unsigned(stored)?);
        }
        sizes.retain(|earlier| (1..=size).contains(earlier));
        Ok(sizes)
    }

    /// The tree with the leaves that the proofs need.
    async fn tree(
        &self,
        db: &Db,
        size: u64,
        records: &[BundleRecord],
        sizes: &[u64],
    ) -> Result<Tree, EvidenceError> {
        let roots: Vec<(String,)> = db
            .fetch_all(CHUNK_ROOTS, params![signed(size / CHUNK)?])
            .await?;
        let roots = roots
            .iter()
            .map(|(root,)| root.parse())
            .collect::<Result<Vec<_>, _>>();
        let roots = roots.map_err(|error| EvidenceError::Damaged(format!("a chunk: {error}")))?;
        let mut tree = Tree::new(size, roots);
        let leaves = records.iter().map(|record| record.seq);
        let leaves = leaves.chain(sizes.iter().map(|earlier| earlier - 1));
        let mut starts: Vec<u64> = leaves.flat_map(|leaf| tree.chunks_needed(leaf)).collect();
        starts.sort_unstable();
        starts.dedup();
        for start in starts {
            let end = (start + CHUNK).min(size);
            let rows: Vec<(i64, String)> = db
                .fetch_all(HASHES_FROM, params![signed(start)?, signed(end)?])
                .await?;
            for (seq, hash) in rows {
                let hash = hash.parse().map_err(|error| {
                    EvidenceError::Damaged(format!("the hash of record {seq}: {error}"))
                })?;
                tree.insert_leaf(unsigned(seq)?, hash);
            }
        }
        Ok(tree)
    }
}
