//! Job logs: append-only files with an index of where each line starts.
//!
//! `<id>.log` holds the bytes as the runner sent them (masked, ANSI kept); `<id>.idx` holds, for
//! every line but the first, the offset of its first byte as eight little-endian bytes. The log is
//! the truth: an index that a crash left short is completed from it.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rialto_delivery_store::ids::JobId;
use sha2::{Digest as _, Sha256};

use crate::DeliveryError;
use crate::error::blocking;

/// The folder of logs. Cheap to clone.
#[derive(Clone)]
pub struct Logs {
    root: PathBuf,
    open: Arc<Mutex<HashMap<JobId, Arc<Mutex<OpenLog>>>>>,
}

/// A log that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEnd {
    /// Bytes.
    pub bytes: u64,
    /// SHA-256, hex.
    pub sha256: String,
}

struct OpenLog {
    log: File,
    index: File,
    size: u64,
}

/// A log opened for reading, with a consistent length.
pub(crate) struct LogReader {
    log: File,
    size: u64,
    /// Starts of lines 1, 2, …; line 0 starts at 0.
    starts: Vec<u64>,
}

impl Logs {
    pub(crate) fn open(root: PathBuf) -> Result<Self, DeliveryError> {
        std::fs::create_dir_all(&root).map_err(DeliveryError::file(&root))?;
        Ok(Self {
            root,
            open: Arc::default(),
        })
    }

    fn paths(&self, job: &JobId) -> (PathBuf, PathBuf) {
        // The last characters of an id are random, the first are time.
        let folder = self.root.join(&job.as_str()[34..]);
        (
            folder.join(format!("{job}.log")),
            folder.join(format!("{job}.idx")),
        )
    }

    fn handle(&self, job: &JobId) -> Result<Arc<Mutex<OpenLog>>, DeliveryError> {
        let mut open = lock(&self.open);
        if let Some(handle) = open.get(job) {
            return Ok(handle.clone());
        }
        let (log, index) = self.paths(job);
        let handle = Arc::new(Mutex::new(OpenLog::open(&log, &index)?));
        open.insert(job.clone(), handle.clone());
        Ok(handle)
    }

    /// Adds a piece that starts at `from`. What is stored already is skipped, so a piece may be
    /// sent again. The size afterwards.
    ///
    /// # Errors
    /// [`DeliveryError::LogOffset`] when the piece leaves a gap; [`DeliveryError::TooLarge`].
    pub async fn append(
        &self,
        job: &JobId,
        from: u64,
        bytes: Vec<u8>,
        limit: u64,
    ) -> Result<u64, DeliveryError> {
        let handle = self.handle(job)?;
        blocking(move || {
            let mut log = lock(&handle);
            if from > log.size {
                return Err(DeliveryError::LogOffset { accepted: log.size });
            }
            let known = usize::try_from(log.size - from).unwrap_or(usize::MAX);
            let fresh = bytes.get(known..).unwrap_or_default();
            if log.size + fresh.len() as u64 > limit {
                return Err(DeliveryError::TooLarge {
                    what: "the job log".into(),
                    limit,
                });
            }
            log.append(fresh)?;
            Ok(log.size)
        })
        .await
    }

    /// Adds at the end; the size afterwards.
    ///
    /// # Errors
    /// Disk trouble.
    pub async fn append_at_end(&self, job: &JobId, bytes: Vec<u8>) -> Result<u64, DeliveryError> {
        let handle = self.handle(job)?;
        blocking(move || {
            let mut log = lock(&handle);
            log.append(&bytes)?;
            Ok(log.size)
        })
        .await
    }

    /// Bytes of a log that is being written, if it is.
    #[must_use]
    pub fn live_size(&self, job: &JobId) -> Option<u64> {
        let handle = lock(&self.open).get(job).cloned()?;
        let size = lock(&handle).size;
        Some(size)
    }

    /// Ends a log: it is durable and its digest known. A log that never began is empty.
    ///
    /// # Errors
    /// Disk trouble.
    pub async fn finish(&self, job: &JobId) -> Result<LogEnd, DeliveryError> {
        let handle = self.handle(job)?;
        let (path, _) = self.paths(job);
        let end = blocking(move || {
            let log = lock(&handle);
            log.log.sync_all().map_err(DeliveryError::file(&path))?;
            let mut hash = Sha256::new();
            let mut file = File::open(&path).map_err(DeliveryError::file(&path))?;
            let mut buffer = vec![0_u8; 64 << 10];
            loop {
                let count = file.read(&mut buffer).map_err(DeliveryError::file(&path))?;
                if count == 0 {
                    break;
                }
                hash.update(&buffer[..count]);
            }
            Ok(LogEnd {
                bytes: log.size,
                sha256: hex::encode(hash.finalize()),
            })
        })
        .await?;
        lock(&self.open).remove(job);
        Ok(end)
    }

    /// Opens a log for reading; an absent one is empty. Blocking.
    pub(crate) fn reader(&self, job: &JobId) -> Result<Option<LogReader>, DeliveryError> {
        let (log, index) = self.paths(job);
        if !log.is_file() {
            return Ok(None);
        }
        // Through the handle when it is open: its index is complete. Otherwise completed here.
        let handle = self.handle(job)?;
        let guard = lock(&handle);
        let size = guard.size;
        let starts = read_index(&index)?;
        let file = File::open(&log).map_err(DeliveryError::file(&log))?;
        drop(guard);
        self.close_idle(job);
        Ok(Some(LogReader {
            log: file,
            size,
            starts,
        }))
    }

    /// Forgets a handle that nobody writes to: readers of old logs must not pile up open files.
    fn close_idle(&self, job: &JobId) {
        let mut open = lock(&self.open);
        let crowded = open.len() > 64;
        // Two: the map's own and this thread's caller, which has just dropped its guard.
        if crowded
            && open
                .get(job)
                .is_some_and(|handle| Arc::strong_count(handle) <= 2)
        {
            open.remove(job);
        }
    }
}

impl OpenLog {
    fn open(log_path: &Path, index_path: &Path) -> Result<Self, DeliveryError> {
        if let Some(folder) = log_path.parent() {
            std::fs::create_dir_all(folder).map_err(DeliveryError::file(folder))?;
        }
        let create = |path: &Path| {
            let mut options = OpenOptions::new();
            options.read(true).append(true).create(true);
            options.open(path).map_err(DeliveryError::file(path))
        };
        let mut log = create(log_path)?;
        let index = create(index_path)?;
        let size = log
            .seek(SeekFrom::End(0))
            .map_err(DeliveryError::file(log_path))?;
        let mut opened = Self {
            log,
            index,
            size: 0,
        };
        opened.complete_index(size, index_path)?;
        opened.size = size;
        Ok(opened)
    }

    /// Drops index entries beyond the log and adds those a crash left out.
    fn complete_index(&mut self, size: u64, index_path: &Path) -> Result<(), DeliveryError> {
        let mut starts = read_index(index_path)?;
        while starts.last().is_some_and(|last| *last > size) {
            starts.pop();
        }
        let kept = starts.len() as u64 * 8;
        self.index
            .set_len(kept)
            .map_err(DeliveryError::file(index_path))?;
        let mut at = starts.last().copied().unwrap_or(0);
        let mut buffer = vec![0_u8; 64 << 10];
        while at < size {
            let count = self
                .log
                .read_at(&mut buffer, at)
                .map_err(DeliveryError::file(index_path))?;
            if count == 0 {
                break;
            }
            let entries = line_starts(at, &buffer[..count]);
            self.index
                .write_all(&entries)
                .map_err(DeliveryError::file(index_path))?;
            at += count as u64;
        }
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), DeliveryError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let failed = |source| DeliveryError::File {
            path: "job log".into(),
            source,
        };
        if let Err(error) = self.log.write_all(bytes) {
            // A full disk may have taken a part: what is not acknowledged is not there.
            let _ = self.log.set_len(self.size);
            return Err(failed(error));
        }
        self.index
            .write_all(&line_starts(self.size, bytes))
            .map_err(failed)?;
        self.size += bytes.len() as u64;
        Ok(())
    }
}

/// Index entries for the line ends in `bytes`, which begin at offset `at`.
fn line_starts(at: u64, bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .flat_map(|(index, _)| (at + index as u64 + 1).to_le_bytes())
        .collect()
}

fn read_index(path: &Path) -> Result<Vec<u64>, DeliveryError> {
    let bytes = std::fs::read(path).map_err(DeliveryError::file(path))?;
    Ok(bytes
        .as_chunks::<8>()
        .0
        .iter()
        .map(|entry| u64::from_le_bytes(*entry))
        .collect())
}

impl LogReader {
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Lines, the last one also when its end is missing.
    pub(crate) fn line_count(&self) -> u64 {
        let starts = self.starts.len() as u64;
        match (self.size, self.starts.last()) {
            (0, _) => 0,
            (size, Some(last)) if *last == size => starts,
            _ => starts + 1,
        }
    }

    /// First byte of a line.
    pub(crate) fn start_of(&self, line: u64) -> u64 {
        let index = usize::try_from(line).unwrap_or(usize::MAX);
        if index == 0 {
            0
        } else {
            self.starts.get(index - 1).copied().unwrap_or(self.size)
        }
    }

    /// A line without its end, at most `limit` bytes of it.
    pub(crate) fn line(&self, line: u64, limit: u64) -> std::io::Result<String> {
        let start = self.start_of(line);
        let end = self.start_of(line + 1).min(start + limit);
        let mut text = String::from_utf8_lossy(&self.bytes(start, end - start)?).into_owned();
        if text.ends_with('\n') {
            text.pop();
        }
        Ok(text)
    }

    /// Bytes of a range, cut at the end of the log.
    pub(crate) fn bytes(&self, start: u64, length: u64) -> std::io::Result<Vec<u8>> {
        let start = start.min(self.size);
        let length = length.min(self.size - start);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        self.log.read_exact_at(&mut bytes, start)?;
        Ok(bytes)
    }

    /// The whole text, bad bytes replaced.
    pub(crate) fn text(&self) -> std::io::Result<String> {
        Ok(String::from_utf8_lossy(&self.bytes(0, self.size)?).into_owned())
    }
}

/// Locks; a thread that panicked while holding the lock left the value whole, because every change
/// under it is a single step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> JobId {
        rialto_platform_store::new_id()
    }

    #[tokio::test]
    async fn a_piece_sent_twice_is_stored_once_and_a_gap_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let logs = Logs::open(folder.path().to_owned()).unwrap();
        let job = job();
        assert_eq!(
            logs.append(&job, 0, b"one\ntw".to_vec(), 100)
                .await
                .unwrap(),
            6
        );
        assert_eq!(
            logs.append(&job, 0, b"one\ntw".to_vec(), 100)
                .await
                .unwrap(),
            6
        );
        assert_eq!(
            logs.append(&job, 4, b"two\n".to_vec(), 100).await.unwrap(),
            8
        );
        let gap = logs.append(&job, 20, b"x".to_vec(), 100).await.unwrap_err();
        assert!(
            matches!(gap, DeliveryError::LogOffset { accepted: 8 }),
            "{gap}"
        );
        let large = logs.append(&job, 8, vec![b'x'; 93], 100).await.unwrap_err();
        assert!(matches!(large, DeliveryError::TooLarge { .. }), "{large}");
        let reader = logs.reader(&job).unwrap().unwrap();
        assert_eq!(reader.line_count(), 2);
        assert_eq!(reader.line(1, 100).unwrap(), "two");
        assert_eq!(reader.text().unwrap(), "one\ntwo\n");
        let end = logs.finish(&job).await.unwrap();
        assert_eq!(end.sha256, hex::encode(Sha256::digest(b"one\ntwo\n")));
    }

    #[tokio::test]
    async fn an_index_that_a_crash_left_short_is_completed() {
        let folder = tempfile::tempdir().unwrap();
        let job = job();
        let logs = Logs::open(folder.path().to_owned()).unwrap();
        logs.append(&job, 0, b"a\nb\nc\nd".to_vec(), 100)
            .await
            .unwrap();
        let (_, index) = logs.paths(&job);
        drop(logs);
        for keep in [0_u64, 3, 8, 16] {
            OpenOptions::new()
                .write(true)
                .open(&index)
                .unwrap()
                .set_len(keep)
                .unwrap();
            let logs = Logs::open(folder.path().to_owned()).unwrap();
            let reader = logs.reader(&job).unwrap().unwrap();
            assert_eq!(reader.line_count(), 4, "kept {keep}");
            let lines: Vec<String> = (0..4).map(|n| reader.line(n, 9).unwrap()).collect();
            assert_eq!(lines, ["a", "b", "c", "d"], "kept {keep}");
        }
    }
}
