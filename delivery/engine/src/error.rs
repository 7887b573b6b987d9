//! What can go wrong, told apart by what the caller can do about it.

use rialto_delivery_git::GitError;
use rialto_delivery_run::size::Size;
use rialto_delivery_store::CasError;
use rialto_platform_evidence::EvidenceError;
use rialto_platform_identity::Denied;
use rialto_platform_store::StoreError;

/// An error of the delivery services.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// A change was made to an older version than the one there is.
    #[error("{what} is at version {version} by now, not {expected}; read it again")]
    StaleVersion {
        /// What.
        what: &'static str,
        /// Version the change was made to.
        expected: u64,
        /// Version there is.
        version: u64,
    },
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
    /// The state does not allow it now.
    #[error("{reason}")]
    Refused {
        /// Why, and what would be possible.
        reason: String,
    },
    /// A value of the request is wrong.
    #[error("{pointer}: {message}")]
    Invalid {
        /// JSON pointer of the value.
        pointer: String,
        /// Stable word for programs.
        code: &'static str,
        /// What is wrong and what would be right.
        message: String,
    },
    /// Several values are wrong: JSON pointer, stable word, message.
    #[error("{}", .0.iter().map(|(at, _, why)| format!("{at}: {why}")).collect::<Vec<_>>().join("; "))]
    InvalidMany(Vec<(String, String, String)>),
    /// The lease is not (or no longer) this job's.
    #[error("the lease does not belong to job {job} any more; stop working on it")]
    StaleLease {
        /// Job id.
        job: String,
    },
    /// A piece of a log does not continue what is stored.
    #[error("the log has {accepted} bytes; send it from there on")]
    LogOffset {
        /// Bytes stored.
        accepted: u64,
    },
    /// More than is accepted.
    #[error("{what} is larger than the {} allowed", Size(*limit))]
    TooLarge {
        /// What.
        what: String,
        /// Limit, bytes.
        limit: u64,
    },
    /// The server is stopping.
    #[error("the server is stopping; try again in a moment")]
    Stopping,
    /// Database trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The fact could not be recorded, so it did not happen.
    #[error("the evidence log could not be written, so nothing was changed: {0}")]
    Evidence(#[from] EvidenceError),
    /// Identity trouble.
    #[error(transparent)]
    Identity(#[from] rialto_platform_identity::IdentityError),
    /// Git trouble.
    #[error(transparent)]
    Git(#[from] GitError),
    /// Content store trouble.
    #[error(transparent)]
    Content(#[from] CasError),
    /// Disk trouble.
    #[error("{path}: {source}")]
    File {
        /// Path.
        path: String,
        /// Cause.
        source: std::io::Error,
    },
    /// Something of ours is not as it must be.
    #[error("internal: {0}")]
    Internal(String),
}

impl DeliveryError {
    pub(crate) fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound {
            what,
            id: id.to_string(),
        }
    }

    pub(crate) fn refused(reason: impl Into<String>) -> Self {
        Self::Refused {
            reason: reason.into(),
        }
    }

    pub(crate) fn stale(what: &'static str, expected: u64, version: u64) -> Self {
        Self::StaleVersion {
            what,
            expected,
            version,
        }
    }

    pub(crate) fn invalid(
        pointer: impl Into<String>,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self::Invalid {
            pointer: pointer.into(),
            code,
            message: message.into(),
        }
    }

    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::File { path, source }
    }

    pub(crate) fn json(what: &str) -> impl FnOnce(serde_json::Error) -> Self {
        let what = what.to_owned();
        move |e| Self::Internal(format!("{what}: {e}"))
    }
}

/// Runs blocking work on a thread that may wait.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DeliveryError> + Send + 'static,
) -> Result<T, DeliveryError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| DeliveryError::Internal(format!("a worker thread ended early: {e}")))?
}
