//! Folders that all programs of a machine write to, replaced by the job's own where the runner may
//! mount: what a job writes there is measured with the rest, goes with the job, and nobody else
//! sees it.

use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rustix::thread::{CapabilitySet, capabilities};

use super::Reach;

/// Temporary files, those that outlive a restart, and files that are memory.
const SHARED: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// Mounts the job's temporary folder over the shared ones, for the calling thread and all it will
/// start; gives their number. Those in which the job has a folder of its own, or that an operator
/// opened to jobs, stay as they are. A runner that may not mount replaces none: its jobs cannot
/// write there.
pub(super) fn replace(reach: &Reach) -> usize {
    let Some(temporary) = &reach.temporary else {
        return 0;
    };
    let may_mount =
        capabilities(None).is_ok_and(|own| own.effective.contains(CapabilitySet::SYS_ADMIN));
    let targets = targets(reach);
    if !may_mount || targets.is_empty() || unshare(CloneFlags::CLONE_NEWNS).is_err() {
        return 0;
    }
    // Without this the machine itself would see the mounts.
    let apart = MsFlags::MS_SLAVE | MsFlags::MS_REC;
    if mount(None::<&str>, "/", None::<&str>, apart, None::<&str>).is_err() {
        return 0;
    }
    let mounted = |target: &&PathBuf| {
        let bind = MsFlags::MS_BIND;
        mount(Some(temporary), *target, None::<&str>, bind, None::<&str>).is_ok()
    };
    targets.iter().filter(mounted).count()
}

/// The real paths of the shared folders that can be replaced.
fn targets(reach: &Reach) -> Vec<PathBuf> {
    let own = reach.writable.iter().chain(&reach.readable);
    let kept: Vec<PathBuf> = own
        .chain(&reach.pipes)
        .chain(&reach.named)
        .filter_map(|path| path.canonicalize().ok())
        .collect();
    let mut targets: Vec<PathBuf> = SHARED
        .iter()
        .filter_map(|path| Path::new(path).canonicalize().ok())
        .filter(|path| path.is_dir() && !kept.iter().any(|inner| inner.starts_with(path)))
        .collect();
    targets.sort();
    targets.dedup();
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_the_job_needs_is_not_covered() {
        let reach = Reach {
            writable: vec!["/var/tmp".into()],
            named: vec!["/dev/shm".into()],
            ..Reach::default()
        };
        let kept = targets(&reach);
        assert!(!kept.contains(&"/var/tmp".into()), "{kept:?}");
        assert!(!kept.contains(&"/dev/shm".into()), "{kept:?}");
        let all = targets(&Reach::default());
        assert!(all.contains(&Path::new("/tmp").canonicalize().unwrap()));
    }
}
