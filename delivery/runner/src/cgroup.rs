//! A control group of its own for a job, where this process may make one (cgroup v2, delegated or
//! as root): no process of the job can leave it, and all of them are killed in one step, however
//! fast they fork. Memory and process limits are set where the controllers are enabled.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::watchdog::Bounds;

/// How long the kernel may take to empty a killed group before its directory is left behind.
const REMOVE_PATIENCE: Duration = Duration::from_secs(2);

/// A job's control group; killed and removed when dropped.
#[derive(Debug)]
pub(crate) struct JobCgroup {
    path: PathBuf,
    controllers: Vec<&'static str>,
}

impl JobCgroup {
    /// Makes the group below this process's own one. `None` where that is not possible.
    pub(crate) fn create(name: &str, bounds: Bounds) -> Option<Self> {
        Self::create_below(&own_group()?, name, bounds)
    }

    fn create_below(parent: &Path, name: &str, bounds: Bounds) -> Option<Self> {
        let path = parent.join(format!("rialto-job-{name}"));
        fs::create_dir(&path).ok()?;
        let mut group = Self {
            path,
            controllers: Vec::new(),
        };
        if !group.path.join("cgroup.kill").exists() {
            return None;
        }
        // Refused by the kernel while the parent has processes itself; limits then stay with the
        // watchdog.
        for controller in ["+memory", "+pids"] {
            let _ = fs::write(parent.join("cgroup.subtree_control"), controller);
        }
        if group.set("memory.max", &bounds.memory_bytes.to_string()) {
            group.set("memory.swap.max", "0");
            group.set("memory.oom.group", "1");
            group.controllers.push("cgroup_memory");
        }
        if group.set("pids.max", &bounds.processes.to_string()) {
            group.controllers.push("cgroup_pids");
        }
        Some(group)
    }

    /// Ends and removes a group whose supervisor is gone.
    pub(crate) fn remove_left(name: &str) {
        if let Some(parent) = own_group() {
            let path = parent.join(format!("rialto-job-{name}"));
            if path.exists() {
                drop(Self {
                    path,
                    controllers: Vec::new(),
                });
            }
        }
    }

    fn set(&self, file: &str, value: &str) -> bool {
        let path = self.path.join(file);
        path.exists() && fs::write(path, value).is_ok()
    }

    /// Which limits the kernel itself enforces.
    pub(crate) fn controllers(&self) -> &[&'static str] {
        &self.controllers
    }

    /// Moves a process, and with it all it will start, into the group.
    pub(crate) fn add(&self, pid: i32) {
        self.set("cgroup.procs", &pid.to_string());
    }

    /// Processes in the group.
    pub(crate) fn members(&self) -> Vec<i32> {
        let text = fs::read_to_string(self.path.join("cgroup.procs")).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Kills every process of the group at once.
    pub(crate) fn kill(&self) {
        self.set("cgroup.kill", "1");
    }

    /// The limit the kernel has enforced, in words.
    pub(crate) fn breach(&self) -> Option<String> {
        let count = |file: &str, key: &str| -> u64 {
            let text = fs::read_to_string(self.path.join(file)).unwrap_or_default();
            text.lines()
                .find_map(|line| line.strip_prefix(key)?.trim().parse().ok())
                .unwrap_or(0)
        };
        let limit = |file: &str| fs::read_to_string(self.path.join(file)).unwrap_or_default();
        if count("memory.events", "oom_kill ") > 0 {
            return Some(format!(
                "out of memory, the limit is {} bytes",
                limit("memory.max").trim()
            ));
        }
        if count("pids.events", "max ") > 0 {
            return Some(format!(
                "too many processes, the limit is {}",
                limit("pids.max").trim()
            ));
        }
        None
    }
}

impl Drop for JobCgroup {
    fn drop(&mut self) {
        self.kill();
        let deadline = Instant::now() + REMOVE_PATIENCE;
        while fs::remove_dir(&self.path).is_err() && self.path.exists() {
            if Instant::now() > deadline {
                tracing::warn!(path = %self.path.display(), "a job's control group stays");
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
        let group = JobCgroup {
            path,
            controllers: Vec::new(),
        };
        assert_eq!(
            group.breach().unwrap(),
            "out of memory, the limit is 1000 bytes"
        );
        fs::write(dir.path().join("memory.events"), "oom_kill 0\n").unwrap();
        assert_eq!(group.breach(), None);
        std::mem::forget(group);
    }
}
