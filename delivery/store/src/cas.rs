//! The content-addressed store: files named by the SHA-256 of what they hold.
//!
//! A file is written beside, synced, and renamed to `<first two hex digits>/<digest>`, so it is
//! whole or absent; writing the same content twice is harmless. Calls block: use them on a thread
//! that may wait.

use std::fs::File;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use rialto_delivery_run::size::Size;
use sha2::{Digest as _, Sha256};

/// The store's folder.
#[derive(Debug, Clone)]
pub struct Cas {
    root: PathBuf,
    /// Held while content is found to be there already, or removed.
    presence: Arc<Mutex<()>>,
}

/// Why content could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum CasError {
    /// The content is not what the sender said.
    #[error("the content has SHA-256 {actual}, not {expected}; send the file again")]
    Digest {
        /// As announced.
        expected: String,
        /// As received.
        actual: String,
    },
    /// Not 64 lower-case hex digits.
    #[error("`{0}` is not a SHA-256 in lower-case hexadecimal")]
    NotADigest(String),
    /// No such content.
    #[error("no content with SHA-256 {0} is stored")]
    Absent(String),
    /// Larger than the caller accepts.
    #[error("the content is larger than the {} allowed", Size(*limit))]
    TooLarge {
        /// Limit, bytes.
        limit: u64,
    },
    /// Disk trouble.
    #[error("{}: {source}", path.display())]
    File {
        /// Path.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
}

fn file_error(path: &Path) -> impl FnOnce(std::io::Error) -> CasError {
    let path = path.to_owned();
    move |source| CasError::File { path, source }
}

impl Cas {
    /// Opens a store, making its folders.
    ///
    /// # Errors
    /// Disk trouble.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, CasError> {
        let root = root.into();
        let incoming = root.join("incoming");
        std::fs::create_dir_all(&incoming).map_err(file_error(&incoming))?;
        // What a crash left half-written belongs to nobody.
        for entry in std::fs::read_dir(&incoming)
            .map_err(file_error(&incoming))?
            .flatten()
        {
            let _ = std::fs::remove_file(entry.path());
        }
        Ok(Self {
            root,
            presence: Arc::default(),
        })
    }

    /// Path of a digest, whether or not it is stored.
    ///
    /// # Errors
    /// [`CasError::NotADigest`].
    pub fn path(&self, sha256: &str) -> Result<PathBuf, CasError> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if sha256.len() != 64 || !sha256.bytes().all(hex) {
            return Err(CasError::NotADigest(sha256.chars().take(80).collect()));
        }
        Ok(self.root.join(&sha256[..2]).join(sha256))
    }

    /// Begins to store content of at most `limit` bytes.
    ///
    /// # Errors
    /// Disk trouble.
    pub fn writer(&self, limit: u64) -> Result<CasWriter, CasError> {
        let incoming = self.root.join("incoming");
        let file = tempfile::NamedTempFile::new_in(&incoming).map_err(file_error(&incoming))?;
        Ok(CasWriter {
            cas: self.clone(),
            file,
            hash: Sha256::new(),
            size: 0,
            limit,
        })
    }

    /// Stores bytes and returns their digest.
    ///
    /// # Errors
    /// Disk trouble.
    pub fn put(&self, bytes: &[u8]) -> Result<String, CasError> {
        let mut writer = self.writer(bytes.len() as u64)?;
        writer.write(bytes)?;
        Ok(writer.finish(None)?.0)
    }

    /// Whether content is stored.
    ///
    /// # Errors
    /// [`CasError::NotADigest`].
    pub fn contains(&self, sha256: &str) -> Result<bool, CasError> {
        Ok(self.path(sha256)?.is_file())
    }

    /// Removes content that was last stored before `before`; says whether it was there and was.
    ///
    /// # Errors
    /// [`CasError::NotADigest`], disk trouble.
    pub fn remove(&self, sha256: &str, before: SystemTime) -> Result<bool, CasError> {
        let path = self.path(sha256)?;
        let _presence = self.presence();
        let stored = std::fs::metadata(&path).and_then(|meta| meta.modified());
        match stored {
            Ok(stored) if stored < before => {}
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(file_error(&path)(error)),
        }
        std::fs::remove_file(&path).map_err(file_error(&path))?;
        Ok(true)
    }

    fn presence(&self) -> MutexGuard<'_, ()> {
        self.presence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens stored content.
    ///
    /// # Errors
    /// [`CasError::Absent`].
    pub fn file(&self, sha256: &str) -> Result<File, CasError> {
        let path = self.path(sha256)?;
        File::open(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => CasError::Absent(sha256.to_owned()),
            _ => file_error(&path)(e),
        })
    }

    /// Reads stored content of at most `limit` bytes.
    ///
    /// # Errors
    /// [`CasError::Absent`], [`CasError::TooLarge`].
    pub fn read(&self, sha256: &str, limit: u64) -> Result<Vec<u8>, CasError> {
        let file = self.file(sha256)?;
        let mut bytes = Vec::new();
        let path = self.path(sha256)?;
        file.take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(file_error(&path))?;
        if bytes.len() as u64 > limit {
            return Err(CasError::TooLarge { limit });
        }
        Ok(bytes)
    }
}

/// Content on its way into the store; dropped unfinished, it leaves nothing.
pub struct CasWriter {
    cas: Cas,
    file: tempfile::NamedTempFile,
    hash: Sha256,
    size: u64,
    limit: u64,
}

impl CasWriter {
    /// Adds bytes.
    ///
    /// # Errors
    /// [`CasError::TooLarge`], disk trouble.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), CasError> {
        self.size += bytes.len() as u64;
        if self.size > self.limit {
            return Err(CasError::TooLarge { limit: self.limit });
        }
        self.hash.update(bytes);
        let path = self.file.path().to_owned();
        self.file.write_all(bytes).map_err(file_error(&path))
    }

    /// Ends the content: its digest and size. It is durable when this returns.
    ///
    /// # Errors
    /// [`CasError::Digest`] when it is not the expected one.
    pub fn finish(self, expected: Option<&str>) -> Result<(String, u64), CasError> {
        let actual = hex::encode(self.hash.finalize());
        if let Some(expected) = expected
            && expected != actual
        {
            return Err(CasError::Digest {
                expected: expected.to_owned(),
                actual,
            });
        }
        let target = self.cas.path(&actual)?;
        let _presence = self.cas.presence();
        if target.is_file() {
            // Young again: whoever removes what is old must not take it from its new owner.
            File::options()
                .append(true)
                .open(&target)
                .and_then(|file| file.set_modified(SystemTime::now()))
                .map_err(file_error(&target))?;
            return Ok((actual, self.size));
        }
        let folder = target.parent().unwrap_or(&self.cas.root);
        std::fs::create_dir_all(folder).map_err(file_error(folder))?;
        self.file
            .as_file()
            .sync_all()
            .map_err(file_error(&target))?;
        let persisted = self.file.persist(&target);
        persisted.map_err(|e| file_error(&target)(e.error))?;
        let synced = File::open(folder).and_then(|f| f.sync_all());
        synced.map_err(file_error(folder))?;
        Ok((actual, self.size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_content_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let cas = Cas::open(folder.path()).unwrap();
        let digest = cas.put(b"hello").unwrap();
        let later = SystemTime::now() + std::time::Duration::from_secs(60);
        let earlier = later - std::time::Duration::from_secs(3600);
        assert!(!cas.remove(&digest, earlier).unwrap());
        assert!(cas.remove(&digest, later).unwrap());
        assert!(!cas.contains(&digest).unwrap());
        assert!(!cas.remove(&digest, later).unwrap());
    }

    #[test]
    fn content_stored_again_is_young_again() {
        let folder = tempfile::tempdir().unwrap();
        let cas = Cas::open(folder.path()).unwrap();
        let digest = cas.put(b"hello").unwrap();
        let old = File::options()
            .append(true)
            .open(cas.path(&digest).unwrap());
        let hour = std::time::Duration::from_secs(3600);
        old.unwrap()
            .set_modified(SystemTime::now() - 2 * hour)
            .unwrap();
        cas.put(b"hello").unwrap();
        assert!(!cas.remove(&digest, SystemTime::now() - hour).unwrap());
    }

    #[test]
    fn content_is_found_by_its_digest_and_only_whole() {
        let folder = tempfile::tempdir().unwrap();
        let cas = Cas::open(folder.path()).unwrap();
        let digest = cas.put(b"hello").unwrap();
        assert_eq!(
            digest,
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
        );
        assert_eq!(cas.read(&digest, 5).unwrap(), b"hello");
        assert!(matches!(
            cas.read(&digest, 4),
            Err(CasError::TooLarge { .. })
        ));
        assert_eq!(cas.put(b"hello").unwrap(), digest);
        let mut cut = cas.writer(100).unwrap();
        cut.write(b"hel").unwrap();
        let wrong = cut.finish(Some(&digest)).unwrap_err();
        assert!(matches!(wrong, CasError::Digest { .. }), "{wrong}");
        let mut large = cas.writer(3).unwrap();
        assert!(matches!(
            large.write(b"four"),
            Err(CasError::TooLarge { .. })
        ));
        drop(large);
        assert_eq!(
            std::fs::read_dir(folder.path().join("incoming"))
                .unwrap()
                .count(),
            0
        );
    }

    #[test]
    fn a_digest_is_never_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let cas = Cas::open(folder.path()).unwrap();
        for bad in [
            "",
            "../../etc/passwd",
            "ABC",
            &"g".repeat(64),
            &"A".repeat(64),
        ] {
            assert!(
                matches!(cas.path(bad), Err(CasError::NotADigest(_))),
                "{bad}"
            );
        }
        assert!(matches!(
            cas.file(&"a".repeat(64)),
            Err(CasError::Absent(_))
        ));
    }
}
