//! Copies of the working copy: made ahead of the jobs that need them, and cleared away behind them,
//! so that neither stands between two jobs of a chain. One that a job has left exactly as it was is
//! the next one's.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::SystemTime;

use super::snapshot::{Snapshot, dates_every_write, has_fine_clock};
use super::workspace::Workspace;
use crate::executor::sources::remove_any;
use crate::executor::{CancelToken, JobDirectories};

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
    /// Places that are as if no job had been there.
    untouched: Mutex<Vec<Place>>,
    /// Whether change times are fine; `None` where a file may change without one.
    clock: OnceLock<Option<bool>>,
    /// Names of what waits to be cleared away.
    cleared: AtomicU64,
}

/// Where a job works: its copy, and a private folder beside it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) project: PathBuf,
    pub(super) scratch: PathBuf,
    /// Before the job; `None` when it could not be seen.
    snapshot: Option<Snapshot>,
    begun: SystemTime,
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
            untouched: Mutex::default(),
            clock: OnceLock::new(),
            cleared: AtomicU64::new(0),
        }
    }

    /// A place for a job whose copy is to be at `project`, which must not exist unless the place
    /// was given back.
    pub(super) fn take(&self, project: &Path) -> io::Result<Place> {
        let mut untouched = self
            .untouched
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = untouched.iter().position(|place| place.project == project);
        let known = known.map(|index| untouched.swap_remove(index));
        drop(untouched);
        if let Some(place) = known {
            return Ok(Place {
                begun: SystemTime::now(),
                ..place
            });
        }
        self.copy(project)?;
        let mut scratch = project.as_os_str().to_owned();
        scratch.push(".tmp");
        let scratch = PathBuf::from(scratch);
        let script = JobDirectories::lay_out(&scratch)?;
        let clock = *self
            .clock
            .get_or_init(|| dates_every_write(&self.builds).then(|| has_fine_clock(&self.builds)));
        let roots = vec![scratch.clone(), project.to_path_buf()];
        let snapshot = clock.and_then(|fine| Snapshot::of(roots, script, fine).ok());
        Ok(Place {
            project: project.to_path_buf(),
            scratch,
            snapshot,
            begun: SystemTime::now(),
        })
    }

    /// Puts a copy at `target`.
    fn copy(&self, target: &Path) -> io::Result<()> {
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

    /// Takes a place back: for the next job, when this one has changed nothing there and
    /// (`deserted`) left no process that still could; else it is cleared away.
    pub(super) fn give_back(&self, place: Place, deserted: bool) {
        let untouched = |snapshot: &Snapshot| snapshot.holds(place.begun);
        if deserted && place.snapshot.as_ref().is_some_and(untouched) {
            let mut all = self
                .untouched
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            all.push(place);
            return;
        }
        for path in [place.project, place.scratch] {
            let number = self.cleared.fetch_add(1, Ordering::Relaxed);
            let aside = self.builds.join(format!("behind-{number}"));
            // Where it cannot be moved, its place is free only once it is gone.
            match std::fs::rename(&path, &aside) {
                Ok(()) => self.clear(aside),
                Err(_) => drop(remove_any(&path)),
            }
        }
    }

    /// Clears a tree away, soon.
    fn clear(&self, path: PathBuf) {
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
        let untouched = {
            let mut all = self
                .untouched
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *all)
        };
        for place in untouched {
            self.clear(place.project);
            self.clear(place.scratch);
        }
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
            let place = copies.take(&target).unwrap();
            assert_eq!(fs::read_to_string(target.join("a")).unwrap(), "content");
            copies.make_ahead();
            copies.give_back(place, number % 2 == 0);
        }
        copies.finish();
        assert_eq!(fs::read_dir(&builds).unwrap().count(), 0);
    }

    #[test]
    fn a_place_is_used_again_only_when_nothing_happened_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let (root, builds) = (dir.path().join("root"), dir.path().join("builds"));
        fs::create_dir_all(&root).unwrap();
        fs::create_dir_all(&builds).unwrap();
        fs::write(root.join("a"), "content").unwrap();
        let fine = dates_every_write(&builds) && has_fine_clock(&builds);
        let workspace = Workspace::new(&root, &["a".to_owned()], None);
        let copies = Copies::new(workspace, &builds, &CancelToken::default());
        let target = builds.join("0");
        let mark = |place: &Place| {
            use std::os::unix::fs::MetadataExt as _;
            fs::metadata(place.project.join("a")).unwrap().ino()
        };
        let first = copies.take(&target).unwrap();
        let one = mark(&first);
        // Its number is not given away again while this one is there.
        fs::hard_link(target.join("a"), builds.join("keep")).unwrap();
        copies.give_back(first, true);
        let second = copies.take(&target).unwrap();
        let two = mark(&second);
        assert_ne!(one, two, "a link to a file is a change");
        copies.give_back(second, true);
        let third = copies.take(&target).unwrap();
        assert_eq!(
            fine,
            mark(&third) == two,
            "untouched, if the clock can tell"
        );
        fs::write(third.scratch.join("tmp/secret"), "of this job").unwrap();
        copies.give_back(third, true);
        let fourth = copies.take(&target).unwrap();
        assert_eq!(fs::read_dir(fourth.scratch.join("tmp")).unwrap().count(), 0);
        fs::write(target.join("a"), "changed").unwrap();
        copies.give_back(fourth, true);
        let fifth = copies.take(&target).unwrap();
        assert_eq!(fs::read_to_string(target.join("a")).unwrap(), "content");
        fs::hard_link(target.join("a"), builds.join("kept")).unwrap();
        let five = mark(&fifth);
        copies.give_back(fifth, false);
        assert_ne!(
            mark(&copies.take(&target).unwrap()),
            five,
            "somebody may still be there"
        );
    }

    #[test]
    fn where_a_write_may_leave_no_trace_no_place_is_used_again() {
        let Ok(dir) = tempfile::tempdir_in("/dev/shm") else {
            return; // No tmpfs here: which file systems are trusted is tested beside the snapshot.
        };
        let (root, builds) = (dir.path().join("root"), dir.path().join("builds"));
        fs::create_dir_all(&root).unwrap();
        fs::create_dir_all(&builds).unwrap();
        fs::write(root.join("a"), "content").unwrap();
        let workspace = Workspace::new(&root, &["a".to_owned()], None);
        let copies = Copies::new(workspace, &builds, &CancelToken::default());
        let place = copies.take(&builds.join("0")).unwrap();
        assert!(place.snapshot.is_none());
        copies.give_back(place, true);
        assert!(!builds.join("0").exists(), "it waits for the next job");
        copies.finish();
    }
}
