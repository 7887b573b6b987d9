//! Opening a SQLite file: one writer connection, a pool of readers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::StoreError;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const WRITER_TIMEOUT: Duration = Duration::from_secs(30);
const READERS: u32 = 4;
/// Prepared statements kept per connection: more than the suite has.
const STATEMENTS_KEPT: usize = 1_000;

/// Writer and readers of the file in `url` (`sqlite:///absolute/path.db`).
pub(crate) async fn open(url: &str) -> Result<(SqlitePool, SqlitePool), StoreError> {
    let path = path_of(url)?;
    create_private(&path)?;
    let common = SqliteConnectOptions::new()
        .filename(&path)
        .journal_mode(SqliteJournalMode::Wal)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENTS_KEPT)
        .pragma("trusted_schema", "OFF")
        .pragma("journal_size_limit", "67108864");
    let failed = |error| StoreError::of_text(error, "open");
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(WRITER_TIMEOUT)
        .connect_with(common.clone().synchronous(SqliteSynchronous::Full))
        .await
        .map_err(failed)?;
    let readers = common
        .synchronous(SqliteSynchronous::Normal)
        .pragma("query_only", "ON");
    let read = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(WRITER_TIMEOUT)
        .connect_with(readers)
        .await
        .map_err(failed)?;
    Ok((write, read))
}

fn path_of(url: &str) -> Result<PathBuf, StoreError> {
    let refuse = |why: &str| StoreError::Url {
        message: format!("{why}; expected sqlite:///absolute/path/to/file.db"),
    };
    let text = url
        .strip_prefix("sqlite://")
        .ok_or_else(|| refuse("not a file URL"))?;
    if text.contains(['?', '#', '%']) {
        return Err(refuse(
            "a SQLite path takes no parameters, fragments or escapes",
        ));
    }
    let path = PathBuf::from(text);
    if !path.is_absolute() || path.file_name().is_none() {
        return Err(refuse(&format!(
            "`{text}` is not an absolute path of a file"
        )));
    }
    Ok(path)
}

/// Creates the file readable by its owner alone (the write-ahead log inherits its mode).
fn create_private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let opened = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path);
    opened.map(drop).map_err(|error| StoreError::Connection {
        message: format!("cannot open {}: {error}", path.display()),
    })
}
