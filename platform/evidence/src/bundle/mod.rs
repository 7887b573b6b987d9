//! The evidence bundle: records with proofs, contents and the key, for checking without a server.
//!
//! A zstd-compressed ustar archive, in this order:
//!
//! | entry | content |
//! | --- | --- |
//! | `public_key.pem` | the key that signed it |
//! | `manifest.sig` | Ed25519 over `rialto evidence bundle v1`, a line end, and `manifest.json` |
//! | `manifest.json` | canonical JSON: what it is about, signed head, index of records, consistency proofs, blobs |
//! | `records.jsonl` | one canonical JSON line per record: `{"path": […], "record": {…}}` |
//! | `blobs/<sha256>` | contents that records refer to |

mod meaning;
mod verify;
mod write;

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::hash::Hash;
use crate::head::SignedHead;
use crate::key::SigningKey;

pub use verify::{Outcome, VerifyError, VerifyOptions, VerifyReport, verify_bundle};

/// First line of what is signed for a bundle's manifest.
pub const BUNDLE_DOMAIN: &str = "rialto evidence bundle v1";

pub(crate) const FORMAT: &str = "rialto-evidence-bundle";
pub(crate) const VERSION: u32 = 1;
pub(crate) const KEY_ENTRY: &str = "public_key.pem";
pub(crate) const SIGNATURE_ENTRY: &str = "manifest.sig";
pub(crate) const MANIFEST_ENTRY: &str = "manifest.json";
pub(crate) const RECORDS_ENTRY: &str = "records.jsonl";
pub(crate) const BLOB_FOLDER: &str = "blobs/";

/// A bundle ready to be written; made by [`EvidenceLog::export`](crate::EvidenceLog::export).
#[derive(Debug)]
pub struct Bundle {
    pub(crate) about: String,
    pub(crate) created_at: Timestamp,
    pub(crate) head: SignedHead,
    pub(crate) records: Vec<BundleRecord>,
    pub(crate) consistency: Vec<ConsistencyProof>,
    pub(crate) blobs: Vec<BundleBlob>,
    pub(crate) key: SigningKey,
}

/// A record with its inclusion path.
#[derive(Debug, Clone)]
pub(crate) struct BundleRecord {
    pub seq: u64,
    pub hash: Hash,
    pub text: String,
    pub path: Vec<Hash>,
}

/// Content that records refer to by its digest.
#[derive(Debug)]
pub struct BundleBlob {
    /// Name for people, e.g. `verdict.json`.
    pub name: String,
    /// Its SHA-256, as in the record's reference.
    pub sha256: Hash,
    /// Where it is.
    pub content: BlobContent,
}

/// Where a blob's content is.
#[derive(Debug)]
pub enum BlobContent {
    /// In memory.
    Bytes(Vec<u8>),
    /// In a file.
    File(PathBuf),
}

/// Shows that the log of the first `from` records is the beginning of the bundle's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsistencyProof {
    pub from: u64,
    pub path: Vec<Hash>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub format: String,
    pub version: u32,
    pub about: String,
    pub created_at: Timestamp,
    pub head: SignedHead,
    pub index: Vec<IndexEntry>,
    pub consistency: Vec<ConsistencyProof>,
    pub blobs: Vec<BlobEntry>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IndexEntry {
    pub seq: u64,
    pub hash: Hash,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BlobEntry {
    pub sha256: Hash,
    pub name: String,
    pub size: u64,
}

/// The line of a record in `records.jsonl`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordLine {
    pub path: Vec<Hash>,
    pub record: serde_json::Value,
}
