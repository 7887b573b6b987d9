//! What can go wrong with the log.

use rialto_platform_store::StoreError;

use crate::canonical::CanonicalError;
use crate::merkle::MissingLeaf;

/// An error of the evidence log. An append that fails must fail the change it describes.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The fact cannot be written as canonical JSON.
    #[error("the `{kind}` record cannot be written: {source}")]
    Canonical {
        /// Type of the record, or `head`.
        kind: String,
        /// Why.
        source: CanonicalError,
    },
    /// The fact is too large for a record.
    #[error(
        "the `{kind}` record has {size} bytes, over {limit}; keep the content as a blob and refer to its digest"
    )]
    TooLarge {
        /// Type of the record.
        kind: String,
        /// Its canonical size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// The stored log is damaged.
    #[error("the evidence log is damaged: {0}; nothing was appended")]
    Damaged(String),
    /// The log was signed by another key.
    #[error(
        "the evidence log is signed by key {known}, and this server holds key {held}; give it the log's key (a lost key needs a new log)"
    )]
    WrongKey {
        /// Id of the log's key.
        known: String,
        /// Id of the key given.
        held: String,
    },
    /// A proof cannot be made.
    #[error("cannot prove a record: {0}")]
    Proof(#[from] MissingLeaf),
    /// The export is larger than a bundle may be, or asks for what does not exist.
    #[error("cannot export: {0}")]
    Export(String),
    /// Writing the bundle failed.
    #[error("cannot write the bundle: {0}")]
    Write(#[from] std::io::Error),
}
