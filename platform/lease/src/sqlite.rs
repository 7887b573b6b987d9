//! SQLite has one server: the lock of a file beside the database, held for as long as it runs.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rialto_platform_store::{Db, StoreError, Token, params};
use tokio::sync::oneshot;

use crate::LeaseError;
use crate::lease::Shared;

const TAKE: &str = "INSERT INTO ha_lease (role, holder, epoch) VALUES ($1, $2, 1)
     ON CONFLICT (role) DO UPDATE SET holder = excluded.holder, epoch = ha_lease.epoch + 1
     RETURNING epoch";

/// The file whose lock stands for the lease.
pub(crate) fn lock_file(url: &str) -> Result<(PathBuf, File), LeaseError> {
    let path = url.strip_prefix("sqlite://").unwrap_or(url);
    let path = PathBuf::from(format!("{path}.lease"));
    let open = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    match open {
        Ok(file) => Ok((path, file)),
        Err(error) => Err(LeaseError::File {
            path: path.display().to_string(),
            message: error.to_string(),
        }),
    }
}

/// Waits for the lock, raises the epoch, and leads until it is stopped.
pub(crate) async fn keep(
    shared: Arc<Shared>,
    db: Db,
    (path, file): (PathBuf, File),
    mut stopped: oneshot::Receiver<()>,
) {
    loop {
        match file.try_lock() {
            Ok(()) => match take(&db, &shared).await {
                Ok(token) => {
                    // No other process can write while the lock is held, however long that is.
                    shared.lead(token, Duration::MAX);
                    let _ = stopped.await;
                    shared.stand_by(None);
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot write the lease; trying again");
                    let _ = file.unlock();
                }
            },
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => {
                tracing::warn!(path = %path.display(), %error, "cannot lock; trying again");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(shared.settings.retry) => {}
            _ = &mut stopped => return,
        }
    }
}

async fn take(db: &Db, shared: &Shared) -> Result<Token, StoreError> {
    let mut tx = db.begin_unguarded().await?;
    let taken = params![shared.role.as_str(), shared.me.as_str()];
    let (epoch,): (i64,) = tx.fetch_one(TAKE, taken).await?;
    tx.commit().await?;
    Ok(Token {
        role: shared.role.clone(),
        timeline: 0,
        epoch,
    })
}
