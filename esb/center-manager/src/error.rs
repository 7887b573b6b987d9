//! What can go wrong, told apart by what the caller can do about it.

use rialto_esb_center::Words;
use rialto_platform_evidence::EvidenceError;
use rialto_platform_identity::Denied;
use rialto_platform_store::StoreError;

/// An error of the service center.
#[derive(Debug, thiserror::Error)]
pub enum CenterError {
    /// There is no such thing.
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// Kind of thing.
        what: &'static str,
        /// Id as asked for.
        id: String,
    },
    /// The actor may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A value of the request is wrong.
    #[error("{pointer}: {}", .words.en)]
    Invalid {
        /// JSON pointer of the value, or the name of a parameter.
        pointer: String,
        /// Stable word for programs.
        code: &'static str,
        /// What is wrong and what would be right.
        words: Words,
    },
    /// The state does not allow it now.
    #[error("{}", .words.en)]
    Conflict {
        /// Stable word for programs.
        code: &'static str,
        /// Why, and what would be possible.
        words: Words,
    },
    /// A change was made to an older revision than the one there is.
    #[error("the item is at revision {revision} by now; read it again")]
    Stale {
        /// Revision there is.
        revision: u64,
    },
    /// Database trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The fact could not be recorded, so it did not happen.
    #[error("the evidence log could not be written, so nothing was changed: {0}")]
    Evidence(#[from] EvidenceError),
    /// Something of ours is not as it must be.
    #[error("internal: {0}")]
    Internal(String),
}

impl CenterError {
    pub(crate) fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound {
            what,
            id: id.to_string(),
        }
    }

    pub(crate) fn invalid(
        pointer: impl Into<String>,
        code: &'static str,
        en: impl Into<String>,
        zh: impl Into<String>,
    ) -> Self {
        Self::Invalid {
            pointer: pointer.into(),
            code,
            words: Words::new(en, zh),
        }
    }

    pub(crate) fn conflict(
        code: &'static str,
        en: impl Into<String>,
        zh: impl Into<String>,
    ) -> Self {
        Self::Conflict {
            code,
            words: Words::new(en, zh),
        }
    }
}
