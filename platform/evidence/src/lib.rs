//! The hash-chained, signed evidence log and its offline verifier.
//!
//! A [`Record`] is canonical JSON (RFC 8785); its hash covers the hash of the record before it, is
//! its leaf in a Merkle tree (RFC 9162), and the tree's head is signed with Ed25519. A record is
//! appended in the transaction of the fact it describes, so there is no fact without its record.
//!
//! [`verify_bundle`] checks an export without a server. What it cannot see, and says so: whether
//! the newest records were cut off, unless the verifier brings a head signed later.

pub mod bundle;
pub mod canonical;
mod check;
mod error;
mod export;
pub mod hash;
mod head;
mod key;
mod log;
pub mod merkle;
mod record;

pub use bundle::{
    BlobContent, Bundle, BundleBlob, Outcome, VerifyError, VerifyOptions, VerifyReport,
    verify_bundle,
};
pub use check::CheckReport;
pub use error::EvidenceError;
pub use export::ExportRequest;
pub use hash::Hash;
pub use head::{HEAD_DOMAIN, SignedHead, TreeHead};
pub use key::{PublicKey, SigningKey};
pub use log::{EvidenceLog, MIGRATIONS, RecordId, RecordQuery, STATEMENTS};
pub use record::{Actor, MAX_RECORD_BYTES, NewRecord, Record, RecordError, Ref, hash_of_bytes};
