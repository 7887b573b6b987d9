//! What can go wrong, told apart by what the caller can do about it.

use jiff::SignedDuration;
use rialto_platform_evidence::EvidenceError;
use rialto_platform_store::StoreError;

use crate::Denied;

/// An error of identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The permission is missing.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A field is not acceptable.
    #[error("{field}: {message}")]
    Invalid {
        /// Name of the field.
        field: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
    /// The login name is taken.
    #[error("the login `{login}` is taken; choose another")]
    LoginTaken {
        /// The login asked for.
        login: String,
    },
    /// No such user, token or link for this actor.
    #[error("no {what} `{id}`")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// What was given.
        id: String,
    },
    /// The action would leave the house without an administrator.
    #[error("this would leave the house without an administrator; name another one first")]
    LastAdministrator,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The evidence log failed.
    #[error("evidence log: {0}")]
    Evidence(#[from] EvidenceError),
    /// The password could not be hashed.
    #[error("the password could not be hashed: {0}")]
    Hashing(String),
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Wrong login, password or link; which one is not told.
    #[error("the login or the password is wrong")]
    Wrong,
    /// The one-time link is unknown, used or expired.
    #[error("this link is unknown, was used already, or has expired; ask for a new one")]
    Link,
    /// Too many failures.
    #[error("too many failed attempts; wait {} s", retry_after.as_secs().max(1))]
    Wait {
        /// How long to wait.
        retry_after: SignedDuration,
    },
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] IdentityError),
}

impl From<StoreError> for SignInError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<EvidenceError> for SignInError {
    fn from(error: EvidenceError) -> Self {
        Self::Failed(error.into())
    }
}
