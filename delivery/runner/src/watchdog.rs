//! Watches what a job uses and names the limit it breaks.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rialto_delivery_cage::process::memory_above;
use rialto_delivery_run::assignment::Limits;
use rialto_delivery_run::size::Size;

use crate::room::Room;
use crate::tree::Process;

/// Memory allowed when the assignment sets no limit: 4 GiB.
pub const DEFAULT_MEMORY_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Processes allowed when the assignment sets no limit.
pub const DEFAULT_PROCESSES: u32 = 512;
/// Size of the working tree allowed when the assignment sets no limit: 5 GiB.
pub const DEFAULT_DISK_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// A tree is first measured after this time, so that a short job never pays for it.
const FIRST_DISK_LOOK: Duration = Duration::from_millis(250);

/// Limits in force for one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Resident memory of all its processes, bytes.
    pub memory_bytes: u64,
    /// Processes alive at once.
    pub processes: u32,
    /// Bytes its working tree may hold; with `u64::MAX` the disk may also be filled.
    pub disk_bytes: u64,
}

impl From<&Limits> for Bounds {
    fn from(limits: &Limits) -> Self {
        Self {
            memory_bytes: limits.memory_bytes.unwrap_or(DEFAULT_MEMORY_BYTES),
            processes: limits.processes.unwrap_or(DEFAULT_PROCESSES),
            disk_bytes: limits.disk_bytes.unwrap_or(DEFAULT_DISK_BYTES),
        }
    }
}

/// Compares a job's use with its bounds.
#[derive(Debug)]
pub struct Watchdog {
    bounds: Bounds,
    directories: Vec<PathBuf>,
    /// Started at the first look, so that a short job never pays for it.
    disk: OnceLock<DiskWatch>,
}

impl Watchdog {
    /// Will watch these directories' total size in the background from the first
    /// [`Watchdog::breach`] on, and memory and processes whenever it is asked. Dropping it ends the
    /// background work.
    #[must_use]
    pub fn new(bounds: Bounds, directories: Vec<PathBuf>) -> Self {
        Self {
            bounds,
            directories,
            disk: OnceLock::new(),
        }
    }

    /// The limit these processes break, in words; `None` while all is well.
    #[must_use]
    pub fn breach(&self, alive: &[Process]) -> Option<String> {
        if alive.len() > self.bounds.processes as usize {
            return Some(format!(
                "{} processes at once, the limit is {}",
                alive.len(),
                self.bounds.processes
            ));
        }
        let limit = self.bounds.memory_bytes;
        if let Some(memory) = memory_above(limit, alive) {
            return Some(format!(
                "{} of memory, the limit is {}",
                Size(memory),
                Size(limit)
            ));
        }
        // Somebody's own limit of nothing means their own disk, too.
        if self.bounds.disk_bytes != u64::MAX
            && let Some(folder) = self.directories.first()
            && let Some(shortage) = Room::of(folder).and_then(|room| room.shortage(folder))
        {
            return Some(shortage);
        }
        self.disk
            .get_or_init(|| DiskWatch::start(self.bounds.disk_bytes, self.directories.clone()))
            .breach()
    }
}

#[derive(Debug)]
struct DiskWatch {
    limit: u64,
    used: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    wake: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl DiskWatch {
    fn start(limit: u64, directories: Vec<PathBuf>) -> Self {
        let used = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let (wake, woken) = mpsc::channel::<()>();
        let (used_there, stop_there) = (Arc::clone(&used), Arc::clone(&stop));
        if limit == u64::MAX {
            return Self {
                limit,
                used,
                stop,
                wake: None,
                thread: None,
            };
        }
        let thread = std::thread::Builder::new()
            .name("disk-watch".into())
            .spawn(move || {
                let mut pause = FIRST_DISK_LOOK;
                while woken.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                    let begin = Instant::now();
                    let total = directories
                        .iter()
                        .filter_map(|d| tree_bytes(d, limit, &stop_there))
                        .sum::<u64>();
                    used_there.store(total, Ordering::Relaxed);
                    // A big tree is looked at less often: at most a tenth of the time goes into it.
                    pause = FIRST_DISK_LOOK.max(begin.elapsed() * 10);
                }
            });
        Self {
            limit,
            used,
            stop,
            wake: Some(wake),
            thread: thread.ok(),
        }
    }

    fn breach(&self) -> Option<String> {
        let used = self.used.load(Ordering::Relaxed);
        (used > self.limit).then(|| {
            format!(
                "{} on disk in the working tree, the limit is {}",
                Size(used),
                Size(self.limit)
            )
        })
    }
}

impl Drop for DiskWatch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Bytes on disk below a directory, links not followed; stops counting above `enough`.
/// `None` when told to stop.
fn tree_bytes(root: &Path, enough: u64, stop: &AtomicBool) -> Option<u64> {
    let mut total = 0;
    let mut queue = vec![root.to_path_buf()];
    while let Some(directory) = queue.pop() {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        let Ok(entries) = std::fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries.flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_dir() {
                queue.push(entry.path());
            }
            // A file with several names counts once for the tree as a whole.
            total += meta.blocks() * 512
                / meta
                    .nlink()
                    .max(1)
                    .min(if meta.is_dir() { 1 } else { u64::MAX });
        }
        if total > enough {
            break;
        }
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{ProcessId, snapshot};

    #[test]
    fn too_many_processes_are_named() {
        let bounds = Bounds {
            processes: 1,
            ..Bounds::from(&Limits::default())
        };
        let watchdog = Watchdog::new(bounds, Vec::new());
        let one = snapshot()[0];
        let other = Process {
            id: ProcessId { pid: -1, start: 0 },
            ..one
        };
        assert_eq!(watchdog.breach(&[one]), None);
        let text = watchdog.breach(&[one, other]).unwrap();
        assert_eq!(text, "2 processes at once, the limit is 1");
    }

    #[test]
    fn the_size_of_a_tree_is_what_its_files_occupy() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        std::fs::write(dir.path().join("a/b"), vec![1_u8; 100_000]).unwrap();
        let bytes = tree_bytes(dir.path(), u64::MAX, &AtomicBool::new(false)).unwrap();
        assert!((100_000..200_000).contains(&bytes), "{bytes}");
    }
}
