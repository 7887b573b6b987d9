//! The folder that holds everything a server keeps on disk: one server at a time, its owner only.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{major, minor};
use nix::unistd::Pid;

/// How long a server that led before may take to let go of the folder.
const TAKE_OVER: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// An opened data folder; the lock is held while it lives.
#[derive(Debug)]
pub struct DataFolder {
    root: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Makes the folder when it is absent and takes its lock.
    pub fn open(path: &Path) -> Result<Self> {
        let (root, lock_path, lock) = Self::prepare(path)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root, _lock: lock }),
            Err(TryLockError::WouldBlock) => bail!(
                "{} is in use by another server; stop that one, or give this one a folder of its \
                 own with --data",
                path.display()
            ),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", lock_path.display()))
            }
        }
    }

    /// The same for a server that leads now. The process `before` led until then: when it still holds
    /// the lock it was stopped or hangs, must not go on, and is killed. Nobody else is.
    pub fn take_over(path: &Path, before: Option<Pid>) -> Result<Self> {
        let (root, lock_path, lock) = Self::prepare(path)?;
        let started = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { root, _lock: lock }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    return Err(error)
                        .with_context(|| format!("cannot lock {}", lock_path.display()));
                }
            }
            let holder = lock_holder(&lock)?;
            if let Some(pid) = holder.filter(|pid| Some(*pid) == before) {
                tracing::warn!(%pid, "ending the server that led before: it still holds the data folder");
                // It may have ended since.
                let _ = kill(pid, Signal::SIGKILL);
            }
            if started.elapsed() > TAKE_OVER {
                bail!(
                    "{} is still held by another server ({}); end that one, or give this one a \
                     folder of its own with --data",
                    path.display(),
                    holder.map_or("on another machine".to_owned(), |pid| format!(
                        "process {pid}"
                    ))
                );
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// The folder with its parts, and the file of its lock.
    fn prepare(path: &Path) -> Result<(PathBuf, PathBuf, File)> {
        let shown = path.display();
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder
            .create(path)
            .with_context(|| format!("cannot make the data folder {shown}"))?;
        let root = path
            .canonicalize()
            .with_context(|| format!("cannot open {shown}"))?;
        builder
            .create(root.join("secrets"))
            .with_context(|| format!("cannot make {shown}/secrets"))?;
        let lock_path = root.join("server.lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .with_context(|| format!("cannot open {}", lock_path.display()))?;
        Ok((root, lock_path, lock))
    }

    /// A path inside the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The text of a secret, when it was kept.
    pub fn secret(&self, name: &str) -> Result<Option<String>> {
        let path = self.path("secrets").join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Keeps a secret, readable by its owner alone.
    pub fn keep_secret(&self, name: &str, text: &str) -> Result<()> {
        self.write_private(&format!("secrets/{name}"), text)
    }

    /// Writes a file that only its owner may read; it is there whole or not at all.
    pub fn write_private(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path(name);
        write_private(&path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// 32 random bytes under a name, made on first use and kept.
    pub fn random_key(&self, name: &str) -> Result<[u8; 32]> {
        if let Some(text) = self.secret(name)? {
            return parse_hex(&text).with_context(|| {
                format!(
                    "{}/secrets/{name} is damaged: expected 64 hex digits",
                    self.root.display()
                )
            });
        }
        let mut bytes = [0; 32];
        File::open("/dev/urandom")
            .and_then(|mut source| source.read_exact(&mut bytes))
            .context("cannot read /dev/urandom")?;
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.keep_secret(name, &text)?;
        Ok(bytes)
    }
}

/// The process of this machine that holds the lock of a file (proc_locks(5)).
fn lock_holder(file: &File) -> Result<Option<Pid>> {
    let status = file.metadata()?;
    let (device, inode) = (status.dev(), status.ino());
    let place = format!("{:02x}:{:02x}:{inode}", major(device), minor(device));
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    let held = locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        // `1: FLOCK ADVISORY WRITE 4711 fe:00:1234 0 EOF`; one that waits has `->` before its kind.
        (words.get(1) == Some(&"FLOCK") && words.get(5) == Some(&place.as_str()))
            .then(|| words.get(4)?.parse().ok())
            .flatten()
    });
    // 0 and below stand for processes of other name spaces.
    Ok(held.filter(|pid| *pid > 1).map(Pid::from_raw))
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_second_server_on_the_same_folder_is_refused() {
        let place = tempfile::tempdir().expect("a folder");
        let first = DataFolder::open(&place.path().join("data")).expect("opens");
        let error = DataFolder::open(&place.path().join("data")).expect_err("taken");
        assert!(
            error.to_string().contains("in use by another server"),
            "{error}"
        );
        drop(first);
        DataFolder::open(&place.path().join("data")).expect("free again");
    }

    #[test]
    fn who_holds_the_lock_is_told() {
        let place = tempfile::tempdir().expect("a folder");
        let (_, path, _) = DataFolder::prepare(place.path()).expect("prepared");
        let file = File::open(&path).expect("there");
        assert_eq!(lock_holder(&file).expect("told"), None);
        let _held = DataFolder::open(place.path()).expect("opens");
        assert_eq!(lock_holder(&file).expect("told"), Some(Pid::this()));
    }

    #[test]
    fn a_key_is_made_once_and_kept_for_its_owner() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = DataFolder::open(place.path()).expect("opens");
        let key = folder.random_key("web.key").expect("made");
        assert_eq!(folder.random_key("web.key").expect("kept"), key);
        let path = folder.path("secrets/web.key");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(&path, "nonsense").expect("written");
        let error = folder.random_key("web.key").expect_err("damaged");
        assert!(format!("{error:#}").contains("is damaged"), "{error:#}");
    }
}
