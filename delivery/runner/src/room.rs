//! Room on the disk that jobs write to, which others need as well.

use std::path::Path;

use rialto_delivery_run::size::Size;

/// Most that is kept free for the server, its database and other jobs.
const MOST_KEPT: u64 = 512 * 1024 * 1024;
/// The part of a disk that is kept free, unless that is more than [`MOST_KEPT`].
const PART_KEPT: u64 = 20;
/// A smaller disk is somebody's own for one purpose: it may be filled.
const SMALL_DISK: u64 = 64 * 1024 * 1024;

/// A disk's size and what is free of it, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) free: u64,
    total: u64,
}

impl Room {
    /// Of the disk that holds a folder; `None` when it cannot be told.
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        let disk = nix::sys::statvfs::statvfs(folder).ok()?;
        Some(Self {
            free: disk.blocks_available() * disk.fragment_size(),
            total: disk.blocks() * disk.fragment_size(),
        })
    }

    fn kept(self) -> u64 {
        match self.total {
            0..SMALL_DISK => 0,
            total => MOST_KEPT.min(total / PART_KEPT),
        }
    }

    /// Less is free than is kept for others.
    pub(crate) fn is_short(self) -> bool {
        self.free < self.kept()
    }

    /// What to say when that is so.
    pub(crate) fn shortage(self, folder: &Path) -> Option<String> {
        self.is_short().then(|| {
            format!(
                "only {} are free on the disk of {}, and {} are kept for the server and \
                 other jobs",
                Size(self.free),
                folder.display(),
                Size(self.kept())
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_part_of_a_disk_is_kept_and_a_small_one_is_not() {
        let kept = |total| Room { free: 0, total }.kept();
        assert_eq!(kept(63 * MIB), 0);
        assert_eq!(kept(100 * MIB), 5 * MIB);
        assert_eq!(kept(1_000_000 * MIB), MOST_KEPT);
    }

    #[test]
    fn a_shortage_names_the_disk_and_both_sizes() {
        let room = Room {
            free: 4 * MIB,
            total: 100 * MIB,
        };
        let told = room.shortage(Path::new("/builds")).expect("short");
        assert_eq!(
            told,
            "only 4 MiB are free on the disk of /builds, and 5 MiB are kept for the \
             server and other jobs"
        );
        let enough = Room {
            free: 5 * MIB,
            ..room
        };
        assert_eq!(enough.shortage(Path::new("/builds")), None);
    }
}
