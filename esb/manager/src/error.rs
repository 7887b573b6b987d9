//! What can go wrong, told apart by what the caller can do about it.

use rialto_esb_catalogue::Refusal;
use rialto_platform_evidence::EvidenceError;
use rialto_platform_identity::Denied;
use rialto_platform_store::StoreError;

use crate::view::{FindingView, UnmetView, Words};

/// An error of the interface platform.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
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
    /// The definition cannot be taken; all that is wrong with it, with places.
    #[error("{}", .words.en)]
    Definition {
        /// What is wrong as a whole.
        words: Words,
        /// Each fault with its place.
        findings: Vec<FindingView>,
    },
    /// The state does not allow it now.
    #[error("{}", .words.en)]
    Conflict {
        /// Stable word for programs.
        code: &'static str,
        /// Why, and what would be possible.
        words: Words,
    },
    /// Guards that are not met.
    #[error("{0}")]
    Refused(Refusal),
    /// What the platform itself asks for and is not met.
    #[error("{}", .0.iter().map(|one| one.text.en.as_str()).collect::<Vec<_>>().join(" "))]
    NotMet(Vec<UnmetView>),
    /// A change was made to an older revision than the one there is.
    #[error("the {what} is at revision {revision} by now; read it again")]
    Stale {
        /// What.
        what: &'static str,
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

impl PlatformError {
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

    pub(crate) fn json(what: &'static str) -> impl FnOnce(serde_json::Error) -> Self {
        move |error| Self::Internal(format!("{what}: {error}"))
    }
}

impl From<Refusal> for PlatformError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
