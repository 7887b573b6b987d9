//! Caches: a directory of archives, keyed by project, name-space and key (specification §8).
//!
//! A cache is best effort: it never fails a job. An archive carries its own digest in its name, is
//! published by one rename, and counts as a miss when it is damaged.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use crate::archive::{self, PackError, Packing, UnpackError};

/// Bytes a cache store may hold when the configuration says nothing: 10 GiB.
pub const DEFAULT_STORE_BYTES: u64 = 10 * 1024 * 1024 * 1024;

/// A directory of caches shared by the jobs of one machine.
#[derive(Debug, Clone)]
pub struct CacheStore {
    root: PathBuf,
    max_bytes: u64,
}

/// Identity of a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheId<'a> {
    /// Project path; caches are never shared across projects.
    pub project: &'a str,
    /// Protected refs have their own name-space.
    pub protected: bool,
    /// Key, variables expanded.
    pub key: &'a str,
}

/// What became of a wish to restore.
#[derive(Debug, PartialEq, Eq)]
pub enum Restored {
    /// Unpacked.
    Hit,
    /// Nothing under this key.
    Miss,
    /// Damaged, removed, and the reason.
    Corrupt(String),
}

/// Checks a key: it must not hold `/` nor be dots only.
///
/// # Errors
/// With a sentence when it may not be used.
pub fn check_key(key: &str) -> Result<(), String> {
    if key.is_empty() || key.bytes().all(|b| b == b'.') {
        return Err(format!("cache key {key:?} is empty or of dots only"));
    }
    if key.contains('/') || key.to_ascii_lowercase().contains("%2f") {
        return Err(format!("cache key {key:?} holds a `/`"));
    }
    Ok(())
}

impl CacheStore {
    /// A store in this directory (made when needed) of at most `max_bytes`.
    #[must_use]
    pub fn new(root: PathBuf, max_bytes: u64) -> Self {
        Self { root, max_bytes }
    }

    fn place(&self, id: &CacheId<'_>) -> (PathBuf, String) {
        let short = |text: &str| hex::encode(&Sha256::digest(text.as_bytes())[..16]);
        let space = if id.protected { "protected" } else { "open" };
        (self.root.join(short(id.project)).join(space), short(id.key))
    }

    fn archives(directory: &Path, prefix: &str) -> Vec<(PathBuf, SystemTime)> {
        let Ok(entries) = fs::read_dir(directory) else {
            return Vec::new();
        };
        let mut all: Vec<_> = entries
            .flatten()
            .filter(|e| {
                e.file_name()
                    .to_str()
                    .is_some_and(|n| n.starts_with(prefix) && n.ends_with(".zip"))
            })
            .filter_map(|e| Some((e.path(), e.metadata().ok()?.modified().ok()?)))
            .collect();
        all.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
        all
    }

    /// Unpacks the cache into `project_dir`.
    ///
    /// # Errors
    /// When unpacking stops half-way for a reason that is not the archive's, e.g. a full disk.
    pub fn restore(
        &self,
        id: &CacheId<'_>,
        project_dir: &Path,
        max_bytes: u64,
    ) -> Result<Restored, UnpackError> {
        let (directory, prefix) = self.place(id);
        let Some((path, _)) = Self::archives(&directory, &prefix).into_iter().next() else {
            return Ok(Restored::Miss);
        };
        let digest = path
            .file_stem()
            .and_then(|s| s.to_str())
            .and_then(|s| s.split_once('-'))
            .map(|(_, digest)| digest.to_owned())
            .unwrap_or_default();
        match archive::unpack(&path, project_dir, Some(&digest), max_bytes) {
            Ok(_) => {
                if let Ok(file) = fs::File::options().append(true).open(&path) {
                    let _ = file.set_modified(SystemTime::now());
                }
                Ok(Restored::Hit)
            }
            Err(error @ (UnpackError::Digest { .. } | UnpackError::Zip(_))) => {
                let _ = fs::remove_file(&path);
                Ok(Restored::Corrupt(error.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    /// Packs the files and publishes them under the key, as long as it is to go on; the last
    /// complete save wins. Returns the archive's size.
    ///
    /// # Errors
    /// When the archive cannot be written or is larger than the whole store may be.
    pub fn save(
        &self,
        id: &CacheId<'_>,
        project_dir: &Path,
        files: &[PathBuf],
        go_on: &dyn Fn() -> bool,
    ) -> Result<u64, PackError> {
        let (directory, prefix) = self.place(id);
        fs::create_dir_all(&directory)?;
        let unique = format!("{}-{:?}", std::process::id(), std::thread::current().id());
        let temporary = directory.join(format!(".{prefix}-{}.tmp", unique.replace(['(', ')'], "")));
        let packing = Packing {
            limit: self.max_bytes,
            fast: true,
            go_on,
        };
        let packed = archive::pack(project_dir, files, &temporary, &packing)?;
        let target = directory.join(format!("{prefix}-{}.zip", packed.sha256));
        fs::rename(&temporary, &target)?;
        fs::File::options()
            .append(true)
            .open(&target)?
            .set_modified(SystemTime::now())?;
        for (old, _) in Self::archives(&directory, &prefix) {
            if old != target {
                let _ = fs::remove_file(old);
            }
        }
        self.evict()?;
        Ok(packed.size)
    }

    /// Removes the caches used longest ago until the store fits its bound.
    fn evict(&self) -> io::Result<()> {
        let mut all = Vec::new();
        let mut total = 0;
        for project in fs::read_dir(&self.root)?.flatten() {
            for space in ["protected", "open"] {
                for (path, time) in Self::archives(&project.path().join(space), "") {
                    let size = fs::metadata(&path).map_or(0, |m| m.len());
                    total += size;
                    all.push((time, path, size));
                }
            }
        }
        all.sort();
        for (_, path, size) in all {
            if total <= self.max_bytes {
                break;
            }
            fs::remove_file(path)?;
            total -= size;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct World {
        dir: tempfile::TempDir,
        store: CacheStore,
    }

    fn world(max_bytes: u64) -> World {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("work")).unwrap();
        let store = CacheStore::new(dir.path().join("store"), max_bytes);
        World { dir, store }
    }

    impl World {
        fn save(&self, key: &str, content: &[u8]) {
            let work = self.dir.path().join("work");
            fs::write(work.join("f"), content).unwrap();
            let files = ["f".into()];
            self.store.save(&id(key), &work, &files, &|| true).unwrap();
        }

        fn restore(&self, id: &CacheId<'_>) -> (Restored, Option<Vec<u8>>) {
            let into = tempfile::tempdir().unwrap();
            let restored = self.store.restore(id, into.path(), u64::MAX).unwrap();
            (restored, fs::read(into.path().join("f")).ok())
        }
    }

    fn id(key: &str) -> CacheId<'_> {
        CacheId {
            project: "a/b",
            protected: false,
            key,
        }
    }

    #[test]
    fn the_last_complete_save_wins() {
        let world = world(u64::MAX);
        world.save("k", b"one");
        world.save("k", b"two");
        assert_eq!(
            world.restore(&id("k")),
            (Restored::Hit, Some(b"two".to_vec()))
        );
        let (directory, prefix) = world.store.place(&id("k"));
        assert_eq!(CacheStore::archives(&directory, &prefix).len(), 1);
    }

    #[test]
    fn projects_and_protected_refs_do_not_share() {
        let world = world(u64::MAX);
        world.save("k", b"one");
        assert_eq!(
            world
                .restore(&CacheId {
                    project: "a/c",
                    ..id("k")
                })
                .0,
            Restored::Miss
        );
        assert_eq!(
            world
                .restore(&CacheId {
                    protected: true,
                    ..id("k")
                })
                .0,
            Restored::Miss
        );
    }

    #[test]
    fn a_damaged_cache_is_a_miss_and_goes_away() {
        let world = world(u64::MAX);
        world.save("k", b"one");
        let (directory, prefix) = world.store.place(&id("k"));
        let path = CacheStore::archives(&directory, &prefix).remove(0).0;
        let mut bytes = fs::read(&path).unwrap();
        bytes[10] ^= 0xff;
        fs::write(&path, bytes).unwrap();
        assert!(matches!(
            world.restore(&id("k")),
            (Restored::Corrupt(_), None)
        ));
        assert_eq!(world.restore(&id("k")).0, Restored::Miss);
    }

    #[test]
    fn the_cache_used_longest_ago_is_evicted_first() {
        let world = world(2_300);
        let noise = |seed: u64| -> Vec<u8> {
            let mut state = seed;
            std::iter::repeat_with(|| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()[3]
            })
            .take(900)
            .collect()
        };
        let used_ago = |key: &str, seconds: u64| {
            let (directory, prefix) = world.store.place(&id(key));
            let path = CacheStore::archives(&directory, &prefix).remove(0).0;
            let time = SystemTime::now() - std::time::Duration::from_secs(seconds);
            fs::File::options()
                .append(true)
                .open(path)
                .unwrap()
                .set_modified(time)
                .unwrap();
        };
        world.save("old", &noise(1));
        used_ago("old", 20);
        world.save("newer", &noise(2));
        used_ago("newer", 10);
        assert_eq!(world.restore(&id("old")).0, Restored::Hit);
        world.save("newest", &noise(3));
        assert_eq!(world.restore(&id("newer")).0, Restored::Miss);
        assert_eq!(world.restore(&id("old")).0, Restored::Hit);
        assert_eq!(world.restore(&id("newest")).0, Restored::Hit);
    }

    #[test]
    fn keys_with_a_slash_or_of_dots_are_refused() {
        assert!(check_key("main-x86").is_ok());
        for wrong in ["", "..", "a/b", "a%2Fb"] {
            assert!(check_key(wrong).is_err(), "{wrong}");
        }
    }
}
