//! Copies of the working copy: made ahead of the jobs that need them, and cleared away behind them,
//! so that neither stands between two jobs of a chain.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::workspace::Workspace;
use crate::executor::CancelToken;
use crate::executor::sources::remove_any;

/// A copy is made ahead only while it is cheap to throw away.
const AHEAD_BYTES: u64 = 32 * 1024 * 1024;
const AHEAD_FILES: usize = 2_000;
/// Copies that may wait to be cleared away; more, and jobs wait for the disk.
const BEHIND: usize = 8;

/// Hands out copies and takes them back. Shared by the threads of a run.
#[derive(Debug)]
pub(super) struct Copies {
    workspace: Arc<Workspace>,
    builds: PathBuf,
    /// Stops the making of copies.
    cancel: CancelToken,
    /// Bytes of the largest copy so far; `u64::MAX` before the first.
    bytes: AtomicU64,
    ahead: Mutex<Option<Ahead>>,
    behind: Mutex<Option<Behind>>,
}

#[derive(Debug)]
struct Ahead {
    ready: Receiver<PathBuf>,
    maker: JoinHandle<()>,
}

#[derive(Debug)]
struct Behind {
    done: SyncSender<PathBuf>,
    clearer: JoinHandle<()>,
}

impl Copies {
    /// Copies of `workspace` in the directory `builds`.
    pub(super) fn new(workspace: Workspace, builds: &Path, cancel: &CancelToken) -> Self {
        Self {
            workspace: Arc::new(workspace),
            builds: builds.to_path_buf(),
            cancel: cancel.clone(),
            bytes: AtomicU64::new(u64::MAX),
            ahead: Mutex::new(None),
            behind: Mutex::new(None),
        }
    }

    /// Puts a copy at `target`, which must not exist.
    pub(super) fn take(&self, target: &Path) -> io::Result<()> {
        let ready = self
            .ahead
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .and_then(|ahead| ahead.ready.try_recv().ok());
        if let Some(ready) = ready {
            return std::fs::rename(ready, target);
        }
        let bytes = self.workspace.copy_to(target, &self.cancel)?;
        self.bytes.store(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Makes copies ahead from now on, while further jobs are to come. Without effect before the
    /// size of a copy is known, and for large ones.
    pub(super) fn make_ahead(&self) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let cheap = self.bytes.load(Ordering::Relaxed) <= AHEAD_BYTES
            && self.workspace.len() <= AHEAD_FILES;
        if ahead.is_some() || !cheap {
            return;
        }
        // Without room: the maker holds one copy and waits until it is taken.
        let (sender, ready) = mpsc::sync_channel(0);
        let (workspace, builds) = (Arc::clone(&self.workspace), self.builds.clone());
        let cancel = self.cancel.clone();
        let maker = std::thread::Builder::new()
            .name("copy-ahead".into())
            .spawn(move || {
                for number in 0_u64.. {
                    let path = builds.join(format!("ahead-{number}"));
                    let made = workspace.copy_to(&path, &cancel);
                    // What cannot be made here fails in the job that makes its own, and is told.
                    if made.is_err() || sender.send(path.clone()).is_err() {
                        let _ = remove_any(&path);
                        return;
                    }
                }
            });
        // Without the thread every job makes its own copy.
        *ahead = maker.ok().map(|maker| Ahead { ready, maker });
    }

    /// Makes no more copies ahead; one that nobody took goes away.
    pub(super) fn no_more_ahead(&self) {
        let ahead = self
            .ahead
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(Ahead { ready, maker }) = ahead {
            drop(ready);
            let _ = maker.join();
        }
    }

    /// Clears a copy away, soon.
    pub(super) fn give_back(&self, path: PathBuf) {
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        if behind.is_none() {
            let (done, paths) = mpsc::sync_channel::<PathBuf>(BEHIND);
            let clearer = std::thread::Builder::new()
                .name("copy-clear".into())
                .spawn(move || {
                    for path in paths {
                        let _ = remove_any(&path);
                    }
                });
            *behind = clearer.ok().map(|clearer| Behind { done, clearer });
        }
        let done = behind.as_ref().map(|behind| behind.done.clone());
        drop(behind);
        let left = match done {
            Some(done) => done.send(path).err().map(|refused| refused.0),
            None => Some(path),
        };
        if let Some(path) = left {
            let _ = remove_any(&path);
        }
    }

    /// Waits until everything is cleared away.
    pub(super) fn finish(&self) {
        self.no_more_ahead();
        let behind = self
            .behind
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(Behind { done, clearer }) = behind {
            drop(done);
            let _ = clearer.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn copies_made_ahead_are_whole_and_none_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let (root, builds) = (dir.path().join("root"), dir.path().join("builds"));
        fs::create_dir_all(&root).unwrap();
        fs::create_dir_all(&builds).unwrap();
        fs::write(root.join("a"), "content").unwrap();
        let workspace = Workspace::new(&root, &["a".to_owned()], None);
        let copies = Copies::new(workspace, &builds, &CancelToken::default());
        for number in 0..20 {
            let target = builds.join(format!("{number}-job"));
            copies.take(&target).unwrap();
            assert_eq!(fs::read_to_string(target.join("a")).unwrap(), "content");
            copies.make_ahead();
            copies.give_back(target);
        }
        copies.finish();
        assert_eq!(fs::read_dir(&builds).unwrap().count(), 0);
    }
}
