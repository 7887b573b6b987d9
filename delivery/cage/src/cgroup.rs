//! A control group of its own for a job or a service, where this process may make one (cgroup v2, delegated or
//! as root): no process in it can leave it, and all of them are killed in one step, however
//! fast they fork. Memory and process limits are set where the controllers are enabled.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rialto_delivery_run::size::Size;

/// How long the kernel may take to empty a killed group before its directory is left behind.
const REMOVE_PATIENCE: Duration = Duration::from_secs(2);

/// A control group; it stays until [`Cgroup::remove`].
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
    controllers: Vec<&'static str>,
}

/// A limit the kernel enforced on a control group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// Killed for its memory; the limit, bytes.
    Memory(u64),
    /// Kept from starting another process or thread; the limit.
    Processes(u64),
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(limit) => write!(f, "out of memory, the limit is {}", Size(*limit)),
            Self::Processes(limit) => write!(f, "too many processes, the limit is {limit}"),
        }
    }
}

impl Cgroup {
    /// Makes the group below this process's own one. `None` where that is not possible.
    #[must_use]
    pub fn create(name: &str, memory_bytes: u64, processes: u32) -> Option<Self> {
        Self::create_below(&own_group()?, name, memory_bytes, processes)
    }

    fn create_below(parent: &Path, name: &str, memory_bytes: u64, processes: u32) -> Option<Self> {
        let path = parent.join(name);
        fs::create_dir(&path).ok()?;
        let mut group = Self {
            path,
            controllers: Vec::new(),
        };
        if !group.path.join("cgroup.kill").exists() {
            group.remove();
            return None;
        }
        // Refused by the kernel while the parent has processes itself; limits then stay with
        // whoever watches.
        for controller in ["+memory", "+pids"] {
            let _ = fs::write(parent.join("cgroup.subtree_control"), controller);
        }
        if group.set("memory.max", &memory_bytes.to_string()) {
            group.set("memory.swap.max", "0");
            group.set("memory.oom.group", "1");
            group.controllers.push("cgroup_memory");
        }
        if group.set("pids.max", &processes.to_string()) {
            group.controllers.push("cgroup_pids");
        }
        Some(group)
    }

    /// The group of this name, made earlier.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        let path = own_group()?.join(name);
        path.exists().then(|| Self {
            path,
            controllers: Vec::new(),
        })
    }

    fn set(&self, file: &str, value: &str) -> bool {
        let path = self.path.join(file);
        path.exists() && fs::write(path, value).is_ok()
    }

    /// Which limits the kernel itself enforces.
    #[must_use]
    pub fn controllers(&self) -> &[&'static str] {
        &self.controllers
    }

    /// Moves a process, and with it all it will start, into the group.
    pub fn add(&self, pid: i32) {
        self.set("cgroup.procs", &pid.to_string());
    }

    /// Processes in the group.
    #[must_use]
    pub fn members(&self) -> Vec<i32> {
        let text = fs::read_to_string(self.path.join("cgroup.procs")).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Kills every process of the group at once.
    pub fn kill(&self) {
        self.set("cgroup.kill", "1");
    }

    /// The limit the kernel has enforced.
    #[must_use]
    pub fn breach(&self) -> Option<Breach> {
        let count = |file: &str, key: &str| -> u64 {
            let text = fs::read_to_string(self.path.join(file)).unwrap_or_default();
            text.lines()
                .find_map(|line| line.strip_prefix(key)?.trim().parse().ok())
                .unwrap_or(0)
        };
        let limit = |file: &str| -> u64 {
            let text = fs::read_to_string(self.path.join(file)).unwrap_or_default();
            text.trim().parse().unwrap_or(u64::MAX)
        };
        if count("memory.events", "oom_kill ") > 0 {
            return Some(Breach::Memory(limit("memory.max")));
        }
        if count("pids.events", "max ") > 0 {
            return Some(Breach::Processes(limit("pids.max")));
        }
        None
    }

    /// Kills what is in it and removes it. One that the kernel does not empty in time
    /// is left behind.
    pub fn remove(&self) {
        self.kill();
        let deadline = Instant::now() + REMOVE_PATIENCE;
        while fs::remove_dir(&self.path).is_err() && self.path.exists() {
            if Instant::now() > deadline {
                tracing::warn!(path = %self.path.display(), "a control group stays");
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Directory of this process's own group in the unified hierarchy.
fn own_group() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    group_directory(&mounts, &groups)
}

fn group_directory(mounts: &str, groups: &str) -> Option<PathBuf> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        if !right.starts_with("cgroup2 ") {
            return None;
        }
        let fields: Vec<&str> = left.split(' ').collect();
        let (root, mount) = (fields.get(3)?, fields.get(4)?);
        let below = group
            .strip_prefix(root.trim_end_matches('/'))
            .unwrap_or(group);
        Some(Path::new(mount).join(below.trim_start_matches('/')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_group_is_found_under_any_mount() {
        let mounts = "25 30 0:23 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
                      26 25 0:24 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
        let groups = "12:pids:/x\n0::/system.slice/rialto.service\n";
        assert_eq!(
            group_directory(mounts, groups).unwrap(),
            Path::new("/sys/fs/cgroup/unified/system.slice/rialto.service")
        );
        let inner = "26 25 0:24 /docker/1 /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
        assert_eq!(
            group_directory(inner, "0::/docker/1/a\n").unwrap(),
            Path::new("/sys/fs/cgroup/a")
        );
        assert_eq!(group_directory("", groups), None);
    }

    #[test]
    fn limits_the_kernel_enforced_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_path_buf();
        fs::write(path.join("memory.events"), "low 0\noom 1\noom_kill 1\n").unwrap();
        fs::write(path.join("memory.max"), "1000\n").unwrap();
        let group = Cgroup {
            path,
            controllers: Vec::new(),
        };
        assert_eq!(
            group.breach().unwrap().to_string(),
            "out of memory, the limit is 1000 bytes"
        );
        fs::write(dir.path().join("memory.events"), "oom_kill 0\n").unwrap();
        assert_eq!(group.breach(), None);
    }
}
