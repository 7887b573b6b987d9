//! The state column.

use rialto_delivery_run::state::Status;

/// A [`Status`] as it stands in a table; an unknown word is a decode error, not a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredStatus(pub Status);

impl std::ops::Deref for StoredStatus {
    type Target = Status;

    fn deref(&self) -> &Status {
        &self.0
    }
}

impl From<Status> for StoredStatus {
    fn from(status: Status) -> Self {
        Self(status)
    }
}

/// A word that is no status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a status")]
pub struct UnknownStatus(String);

impl TryFrom<String> for StoredStatus {
    type Error = UnknownStatus;

    fn try_from(word: String) -> Result<Self, UnknownStatus> {
        Status::parse(&word).map(Self).ok_or(UnknownStatus(word))
    }
}
