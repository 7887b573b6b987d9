//! What can go wrong with leases.

use rialto_platform_store::StoreError;

/// Why a lease cannot be asked for.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The database refused or could not be reached.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// PostgreSQL refused or could not be reached.
    #[error("the lease's connection to PostgreSQL: {0}")]
    Postgres(#[from] sqlx::Error),
    /// Sessions do not stay with one connection.
    #[error(
        "the database is reached through a pooler that gives each statement another session: an \
         advisory lock means nothing there. Give the address of PostgreSQL itself"
    )]
    Pooler,
    /// The lock file cannot be used.
    #[error("the lock file {path}: {message}")]
    File {
        /// Its path.
        path: String,
        /// What the system says.
        message: String,
    },
    /// The settings cannot work.
    #[error("{0}")]
    Settings(String),
}
