//! What the process sees of the machine's file systems, where it may mount.
//!
//! Folders that all programs of a machine write to are replaced by the process's own: what it
//! writes there is measured with the rest, goes with it, and nobody else sees it. Everything that
//! it may not write is read-only: Landlock has no rule about modes, owners and times, which the
//! owner of a file could change otherwise, and root is the owner of most.

use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rustix::thread::{CapabilitySet, capabilities};

use super::Reach;

/// Temporary files, those that outlive a restart, and files that are memory.
const SHARED: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// What was arranged.
#[derive(Debug, Default)]
pub(crate) struct Mounts {
    /// How many folders that all programs write to were replaced.
    pub(crate) private: usize,
    /// Whether everything else that may not be written is read-only.
    pub(crate) read_only: bool,
}

/// Arranges it for the calling thread and all it will start. A process that may not mount changes
/// nothing: it cannot write to the shared folders then.
pub(crate) fn arrange(reach: &Reach) -> Mounts {
    let may_mount =
        capabilities(None).is_ok_and(|own| own.effective.contains(CapabilitySet::SYS_ADMIN));
    if !may_mount || unshare(CloneFlags::CLONE_NEWNS).is_err() {
        return Mounts::default();
    }
    // Without this the machine itself would see the mounts.
    let apart = MsFlags::MS_SLAVE | MsFlags::MS_REC;
    if mount(None::<&str>, "/", None::<&str>, apart, None::<&str>).is_err() {
        return Mounts::default();
    }
    let replaced = replace(reach);
    let read_only = protect(reach, &replaced).is_ok();
    Mounts {
        private: replaced.len(),
        read_only,
    }
}

/// Mounts the process's temporary folder over the shared ones; gives those replaced. Those in which
/// it has a folder of its own, or that an operator opened, stay as they are.
fn replace(reach: &Reach) -> Vec<PathBuf> {
    let Some(temporary) = &reach.temporary else {
        return Vec::new();
    };
    let mut targets = targets(reach);
    targets.retain(|target| {
        let bind = MsFlags::MS_BIND;
        mount(Some(temporary), target, None::<&str>, bind, None::<&str>).is_ok()
    });
    targets
}

/// The real paths of the shared folders that can be replaced.
fn targets(reach: &Reach) -> Vec<PathBuf> {
    let own = reach.writable.iter().chain(&reach.readable);
    let kept = real(own.chain(&reach.pipes).chain(&reach.named));
    let mut targets: Vec<PathBuf> = real(SHARED.map(PathBuf::from).iter())
        .into_iter()
        .filter(|path| path.is_dir() && !kept.iter().any(|inner| inner.starts_with(path)))
        .collect();
    targets.sort();
    targets.dedup();
    targets
}

fn real<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> Vec<PathBuf> {
    paths.filter_map(|path| path.canonicalize().ok()).collect()
}

/// Mounts everything read-only that is neither the process's own nor named.
fn protect(reach: &Reach, replaced: &[PathBuf]) -> io::Result<()> {
    let areas = Areas::of(reach, replaced);
    let bind = MsFlags::MS_BIND | MsFlags::MS_REC;
    for path in areas.borders() {
        mount(Some(path), path, None::<&str>, bind, None::<&str>)?;
    }
    for (point, flags) in mount_points()? {
        if areas.is_open(&point) {
            continue;
        }
        let flags = flags | MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        match mount(None::<&str>, &point, None::<&str>, flags, None::<&str>) {
            Ok(()) => {}
            // Covered by what was mounted over the folder it is in.
            Err(Errno::ENOENT | Errno::EINVAL | Errno::ENOTDIR)
                if replaced.iter().any(|over| point.starts_with(over)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Which paths stay open to writing, and which inside of these do not.
struct Areas {
    open: Vec<PathBuf>,
    closed: Vec<PathBuf>,
    replaced: Vec<PathBuf>,
}

impl Areas {
    fn of(reach: &Reach, replaced: &[PathBuf]) -> Self {
        let hidden = real(reach.hidden.iter());
        let mut open = real(reach.named.iter());
        open.retain(|path| !hidden.iter().any(|outer| path.starts_with(outer)));
        open.extend(real(reach.writable.iter()));
        Self {
            open,
            closed: hidden,
            replaced: replaced.to_vec(),
        }
    }

    /// The paths at which that changes, outer ones first; replaced folders are mounts already.
    fn borders(&self) -> Vec<&PathBuf> {
        let inner = |path: &&PathBuf| self.open.iter().any(|open| path.starts_with(open));
        let mut borders: Vec<&PathBuf> = self.open.iter().collect();
        borders.extend(self.closed.iter().filter(inner));
        borders.sort();
        borders.dedup();
        borders
    }

    /// Whether what is mounted there may be written: the innermost border counts.
    fn is_open(&self, point: &Path) -> bool {
        let depth = |paths: &[PathBuf]| {
            let around = paths.iter().filter(|path| point.starts_with(path));
            around.map(|path| path.components().count()).max()
        };
        let open = depth(&self.open).max(depth(&self.replaced));
        open.is_some() && open >= depth(&self.closed)
    }
}

/// Where something is mounted, and the flags that must stay as they are.
fn mount_points() -> io::Result<Vec<(PathBuf, MsFlags)>> {
    let text = std::fs::read("/proc/self/mountinfo")?;
    let lines = text.split(|byte| *byte == b'\n');
    Ok(lines.filter_map(mount_point).collect())
}

fn mount_point(line: &[u8]) -> Option<(PathBuf, MsFlags)> {
    use std::os::unix::ffi::OsStringExt as _;
    let mut fields = line.split(|byte| *byte == b' ').skip(4);
    let point = std::ffi::OsString::from_vec(unescaped(fields.next()?));
    let mut flags = MsFlags::empty();
    for option in fields.next()?.split(|byte| *byte == b',') {
        flags |= match option {
            b"nosuid" => MsFlags::MS_NOSUID,
            b"nodev" => MsFlags::MS_NODEV,
            b"noexec" => MsFlags::MS_NOEXEC,
            b"noatime" => MsFlags::MS_NOATIME,
            b"nodiratime" => MsFlags::MS_NODIRATIME,
            b"relatime" => MsFlags::MS_RELATIME,
            _ => MsFlags::empty(),
        };
    }
    Some((point.into(), flags))
}

/// Blanks, line ends and backslashes are written as three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let octal = (byte == b'\\').then(|| after.get(..3)).flatten();
        let value = octal
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(value.unwrap_or(byte));
        rest = if value.is_some() { &after[3..] } else { after };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_the_process_needs_is_not_covered() {
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

    #[test]
    fn the_innermost_border_says_what_is_read_only() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        for path in ["named/data/build", "named/other", "data/named"] {
            std::fs::create_dir_all(root.join(path)).unwrap();
        }
        let at = |path: &str| root.join(path);
        let reach = Reach {
            hidden: vec![at("named/data"), at("data")],
            named: vec![at("named"), at("data/named")],
            writable: vec![at("named/data/build")],
            ..Reach::default()
        };
        let areas = Areas::of(&reach, &["/var/tmp".into()]);
        let borders = [at("named"), at("named/data"), at("named/data/build")];
        assert_eq!(areas.borders(), borders.iter().collect::<Vec<_>>());
        for (path, open) in [
            ("named/other", true),
            ("named/data", false),
            ("named/data/build/deep", true),
            ("data/named", false),
            ("", false),
        ] {
            assert_eq!(areas.is_open(&at(path)), open, "{path}");
        }
        assert!(areas.is_open(Path::new("/var/tmp")));
        assert!(!areas.is_open(Path::new("/")));
    }

    #[test]
    fn flags_and_odd_names_of_mounts_are_kept() {
        let line = br"36 27 0:30 / /mnt/a\040b rw,nosuid,relatime shared:1 - ext4 /dev/vda rw";
        let (point, flags) = mount_point(line).unwrap();
        assert_eq!(point, Path::new("/mnt/a b"));
        assert_eq!(flags, MsFlags::MS_NOSUID | MsFlags::MS_RELATIME);
        assert!(mount_point(b"").is_none());
    }
}
