//! What a tree looked like, to tell whether a job has changed anything in it.
//!
//! Every change of a file, folder or link gives it a new change time, which no ordinary program
//! can set. Two changes within one tick of a coarse clock share it; file systems that were just
//! asked for the time of a file give its next change a finer one, where the kernel can. Which of
//! both is the case is tried out; with coarse times a tree must have been older than that before
//! the job began.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::sys::statfs::{BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, FsType, XFS_SUPER_MAGIC};

/// No kernel's coarse clock ticks more slowly.
const TICK: Duration = Duration::from_millis(20);
/// How often the clock is tried out.
const TRIES: u32 = 3;

/// All that can be seen of one entry without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    place: (u64, u64),
    mode: u32,
    owner: (u32, u32),
    links: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        Self {
            place: (meta.dev(), meta.ino()),
            mode: meta.mode(),
            owner: (meta.uid(), meta.gid()),
            links: meta.nlink(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }

    /// Without what changes when it is written to.
    fn whatever_is_in_it(self) -> Self {
        Self {
            size: 0,
            modified: (0, 0),
            changed: (0, 0),
            ..self
        }
    }
}

/// Some trees, entry by entry.
#[derive(Debug)]
pub(super) struct Snapshot {
    roots: Vec<PathBuf>,
    /// Its content may change.
    except: PathBuf,
    entries: HashMap<PathBuf, Stamp>,
    taken: SystemTime,
    fine_clock: bool,
}

impl Snapshot {
    /// Of these folders and all below them. The content of the file `except` may change.
    pub(super) fn of(roots: Vec<PathBuf>, except: PathBuf, fine_clock: bool) -> io::Result<Self> {
        let mut snapshot = Self {
            roots,
            except,
            entries: HashMap::new(),
            taken: SystemTime::UNIX_EPOCH,
            fine_clock,
        };
        let mut entries = HashMap::new();
        snapshot.walk(&mut |path, stamp| entries.insert(path, stamp).is_none())?;
        snapshot.entries = entries;
        snapshot.taken = SystemTime::now();
        Ok(snapshot)
    }

    /// Whether everything is as it was, seen by a job that began at `since`.
    pub(super) fn holds(&self, since: SystemTime) -> bool {
        let age = since.duration_since(self.taken).unwrap_or_default();
        if !self.fine_clock && age < TICK {
            return false;
        }
        let mut seen = 0;
        let same = self.walk(&mut |path, stamp| {
            seen += 1;
            self.entries.get(&path) == Some(&stamp)
        });
        matches!(same, Ok(true)) && seen == self.entries.len()
    }

    /// Shows every entry, folders before what is in them, until told to stop: then false.
    fn walk(&self, see: &mut impl FnMut(PathBuf, Stamp) -> bool) -> io::Result<bool> {
        let mut queue = self.roots.clone();
        while let Some(path) = queue.pop() {
            let meta = fs::symlink_metadata(&path)?;
            let mut stamp = Stamp::of(&meta);
            if path == self.except {
                stamp = stamp.whatever_is_in_it();
            }
            if meta.is_dir() {
                for entry in fs::read_dir(&path)? {
                    queue.push(entry?.path());
                }
            }
            if !see(path, stamp) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether the file system of this folder is known to give a file another change time however it is
/// written to. On a tmpfs, or on what lies above one, a write through a memory map leaves none.
pub(super) fn dates_every_write(folder: &Path) -> bool {
    nix::sys::statfs::statfs(folder).is_ok_and(|found| is_dated(found.filesystem_type()))
}

fn is_dated(kind: FsType) -> bool {
    // The second, third and fourth ext share a number.
    [EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC].contains(&kind)
}

/// Whether a change right after a look at a file in this folder gives it another change time.
pub(super) fn has_fine_clock(folder: &Path) -> bool {
    let path = folder.join("clock");
    let tries = || -> io::Result<bool> {
        let file = File::create(&path)?;
        for _ in 0..TRIES {
            let before = Stamp::of(&file.metadata()?).changed;
            // The same mode again: only the change time is new.
            file.set_permissions(file.metadata()?.permissions())?;
            if Stamp::of(&file.metadata()?).changed == before {
                return Ok(false);
            }
        }
        Ok(true)
    };
    let fine = tries().unwrap_or(false);
    let _ = fs::remove_file(&path);
    fine
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    /// A tree that is old enough for any clock.
    fn world() -> (tempfile::TempDir, Snapshot, SystemTime) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("a"), "one").unwrap();
        fs::write(root.join("sub/b"), "two").unwrap();
        fs::write(root.join("script"), "").unwrap();
        symlink("a", root.join("link")).unwrap();
        let fine = has_fine_clock(dir.path());
        let snapshot = Snapshot::of(vec![root.clone()], root.join("script"), fine).unwrap();
        let since = snapshot.taken + TICK;
        if !fine {
            while SystemTime::now() < since {
                std::thread::yield_now();
            }
        }
        (dir, snapshot, since)
    }

    #[test]
    fn a_tree_that_was_only_read_is_as_it_was() {
        let (dir, snapshot, since) = world();
        assert_eq!(
            fs::read_to_string(dir.path().join("tree/a")).unwrap(),
            "one"
        );
        fs::write(dir.path().join("tree/script"), "of the next job").unwrap();
        assert!(snapshot.holds(since));
    }

    #[test]
    fn no_change_goes_unseen() {
        type Change = fn(&Path) -> io::Result<()>;
        let changes: [(&str, Change); 9] = [
            ("content of the same size", |t| {
                fs::write(t.join("a"), "eno")
            }),
            ("a file more", |t| fs::write(t.join("sub/c"), "")),
            ("a file less", |t| fs::remove_file(t.join("sub/b"))),
            ("come and gone", |t| {
                fs::write(t.join("sub/c"), "")?;
                fs::remove_file(t.join("sub/c"))
            }),
            ("another mode", |t| {
                fs::set_permissions(t.join("a"), fs::Permissions::from_mode(0o755))
            }),
            ("another link", |t| {
                fs::remove_file(t.join("link"))?;
                symlink("b", t.join("link"))
            }),
            ("a second name", |t| {
                fs::hard_link(t.join("a"), t.join("../a"))
            }),
            ("a script that is another file", |t| {
                fs::remove_file(t.join("script"))?;
                symlink("/etc/passwd", t.join("script"))
            }),
            ("old times put back", |t| {
                let times = fs::metadata(t.join("a"))?;
                fs::write(t.join("a"), "eno")?;
                let times = fs::FileTimes::new().set_modified(times.modified()?);
                File::options()
                    .write(true)
                    .open(t.join("a"))?
                    .set_times(times)
            }),
        ];
        for (what, change) in changes {
            let (dir, snapshot, since) = world();
            change(&dir.path().join("tree")).unwrap();
            assert!(!snapshot.holds(since), "{what} was not seen");
        }
    }

    #[test]
    fn only_file_systems_that_date_every_write_are_trusted() {
        use nix::sys::statfs::{OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC};
        for kind in [EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC] {
            assert!(is_dated(kind), "{kind:?}");
        }
        for kind in [TMPFS_MAGIC, OVERLAYFS_SUPER_MAGIC] {
            assert!(!is_dated(kind), "{kind:?}");
        }
        assert!(!dates_every_write(Path::new("/proc")));
        assert!(!dates_every_write(Path::new("/nowhere/at/all")));
    }

    #[test]
    fn with_a_coarse_clock_a_young_tree_is_not_trusted() {
        let (_dir, mut snapshot, since) = world();
        snapshot.fine_clock = false;
        assert!(!snapshot.holds(snapshot.taken));
        assert!(snapshot.holds(since));
    }
}
