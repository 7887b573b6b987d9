//! The processes of a job: found through `/proc`, stopped to the last one.

use std::collections::{HashMap, HashSet};
use std::io::Read as _;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::cgroup::JobCgroup;
use crate::watchdog::Bounds;

/// A process, told apart from a later one with the same number by its start time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProcessId {
    /// Process number.
    pub pid: i32,
    /// Start time in clock ticks since boot.
    pub start: u64,
}

/// What `/proc/PID/stat` says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Which one.
    pub id: ProcessId,
    /// Parent's number.
    pub parent: i32,
    /// Process group.
    pub group: i32,
    /// Session.
    pub session: i32,
    /// State letter, e.g. `b'Z'` for one that ended and waits to be reaped.
    pub state: u8,
    /// Resident pages.
    pub resident_pages: u64,
}

impl Process {
    /// Whether it can still run.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !matches!(self.state, b'Z' | b'X')
    }
}

/// Start time of a process, in clock ticks since boot; `None` when there is none of that number
/// or it has ended.
#[must_use]
pub fn start_time(pid: i32) -> Option<u64> {
    read_stat(pid).filter(Process::is_alive).map(|p| p.id.start)
}

/// The parent of a process; `None` when there is no process of that number.
pub(crate) fn parent(pid: i32) -> Option<i32> {
    read_stat(pid).map(|p| p.parent)
}

fn read_stat(pid: i32) -> Option<Process> {
    // One read is enough: the kernel writes the whole line at once, and it is short.
    let mut buffer = [0_u8; 1024];
    let mut file = std::fs::File::open(format!("/proc/{pid}/stat")).ok()?;
    let count = file.read(&mut buffer).ok()?;
    parse_stat(pid, &String::from_utf8_lossy(&buffer[..count]))
}

/// Reads the fields of `/proc/PID/stat`; the name in brackets may hold spaces and brackets.
fn parse_stat(pid: i32, text: &str) -> Option<Process> {
    let rest = text.get(text.rfind(')')? + 2..)?;
    let mut fields = rest.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    let start = fields.nth(15)?.parse().ok()?;
    let resident_pages = fields.nth(1)?.parse().ok()?;
    Some(Process {
        id: ProcessId { pid, start },
        parent,
        group,
        session,
        state,
        resident_pages,
    })
}

/// Every process of the machine that this one may see.
#[must_use]
pub fn snapshot() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|e| e.file_name().to_str().and_then(|n| n.parse().ok()))
        .filter_map(read_stat)
        .collect()
}

/// Children of this process; `None` where the kernel does not list them.
fn own_children() -> Option<Vec<i32>> {
    let mut children = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").ok()?.flatten() {
        match std::fs::read_to_string(task.path().join("children")) {
            Ok(list) => children.extend(
                list.split_whitespace()
                    .filter_map(|n| n.parse::<i32>().ok()),
            ),
            // A thread that has just ended handed its children on.
            Err(_) if !task.path().exists() => {}
            Err(_) => return None,
        }
    }
    Some(children)
}

/// Makes this process the new parent of orphaned descendants, so that none can slip away by a
/// double fork.
#[must_use]
pub fn become_subreaper() -> bool {
    nix::sys::prctl::set_child_subreaper(true).is_ok()
}

/// The process tree of a job: everything that descends from its shells, wherever it moved.
#[derive(Debug)]
pub struct JobTree {
    /// Leaders of the shells' sessions and process groups.
    roots: Vec<i32>,
    /// `NAME=value` every process of the job starts with in its environment.
    mark: Vec<u8>,
    /// Whether every child of this process belongs to the job.
    exclusive: bool,
    known: HashSet<ProcessId>,
    own: i32,
    own_session: i32,
    cgroup: Option<JobCgroup>,
    /// A child of this process that serves the job without belonging to it.
    servant: Option<i32>,
}

impl JobTree {
    /// A tree with no process yet. With `exclusive` this process serves this job only, and all
    /// its children belong to it.
    #[must_use]
    pub fn new(mark: &str, exclusive: bool) -> Self {
        let own = i32::try_from(std::process::id()).unwrap_or(i32::MAX);
        Self {
            roots: Vec::new(),
            mark: mark.into(),
            exclusive,
            known: HashSet::new(),
            own,
            own_session: nix::unistd::getsid(None).map_or(0, Pid::as_raw),
            cgroup: None,
            servant: None,
        }
    }

    /// Leaves a child of this process out of the tree, though not what it starts.
    pub(crate) fn leave_out(&mut self, pid: i32) {
        self.servant = Some(pid);
    }

    /// Takes up every process that carries the job's mark, whoever its parent is: what a killed
    /// supervisor left behind.
    pub fn adopt_marked(&mut self) {
        let found: Vec<ProcessId> = snapshot()
            .into_iter()
            .map(|p| p.id)
            .filter(|id| self.carries_mark(id.pid))
            .collect();
        self.known.extend(found);
    }

    /// Keeps the job in a control group, if this process may make one. Only for a process that
    /// serves one job: moving processes between groups takes the kernel milliseconds.
    pub(crate) fn confine(&mut self, name: &str, bounds: Bounds) -> Option<&JobCgroup> {
        if self.exclusive && self.cgroup.is_none() {
            self.cgroup = JobCgroup::create(name, bounds);
        }
        self.cgroup.as_ref()
    }

    /// A limit the kernel enforced on the job's control group.
    pub(crate) fn kernel_breach(&self) -> Option<String> {
        self.cgroup.as_ref().and_then(JobCgroup::breach)
    }

    /// Adds a shell that leads its own session or process group.
    pub fn add_root(&mut self, pid: i32) {
        if let Some(cgroup) = &self.cgroup {
            cgroup.add(pid);
        }
        self.roots.push(pid);
    }

    /// The shell has been reaped: its number may be used again by a stranger.
    pub fn remove_root(&mut self, pid: i32) {
        self.roots.retain(|r| *r != pid);
    }

    /// Whether it is certain, without a look at every process of the machine, that none is left.
    ///
    /// Orphans come to this process, so one that serves several jobs need only look at its own
    /// children once the shells have ended. A process that serves one job is asked to be thorough
    /// instead: a tree that forks and dies without end may hide from a list of children, though not
    /// from its control group.
    fn certainly_gone(&self) -> bool {
        !self.exclusive
            && self.cgroup.is_none()
            && self.roots.iter().all(|root| start_time(*root).is_none())
            && !self
                .known
                .iter()
                .any(|id| start_time(id.pid) == Some(id.start))
            && own_children().is_some_and(|children| {
                !children
                    .into_iter()
                    .any(|pid| self.servant != Some(pid) && self.is_own(pid))
            })
    }

    /// Whether a child of this process, other than a shell that ended, is of the job: it runs, or
    /// waits to be reaped.
    fn is_own(&self, pid: i32) -> bool {
        read_stat(pid).is_some_and(|child| {
            let led = |root: &i32| child.session == *root || child.group == *root;
            let orphan = !self.roots.contains(&pid) && self.roots.iter().any(led);
            orphan || (child.is_alive() && self.carries_mark(pid))
        })
    }

    /// All processes of the job alive now.
    pub fn alive(&mut self) -> Vec<Process> {
        if self.certainly_gone() {
            self.known.clear();
            return Vec::new();
        }
        let all = snapshot();
        let mut children: HashMap<i32, Vec<usize>> = HashMap::new();
        for (index, process) in all.iter().enumerate() {
            children.entry(process.parent).or_default().push(index);
        }
        let confined: HashSet<i32> = self.cgroup.iter().flat_map(JobCgroup::members).collect();
        let mut queue: Vec<usize> = (0..all.len())
            .filter(|&index| confined.contains(&all[index].id.pid) || self.is_seed(&all[index]))
            .collect();
        let mut seen: HashSet<usize> = queue.iter().copied().collect();
        while let Some(index) = queue.pop() {
            for &child in children.get(&all[index].id.pid).into_iter().flatten() {
                if seen.insert(child) {
                    queue.push(child);
                }
            }
        }
        let members: Vec<Process> = seen.into_iter().map(|index| all[index]).collect();
        self.known = members.iter().map(|p| p.id).collect();
        for process in members
            .iter()
            .filter(|p| !p.is_alive() && p.parent == self.own)
        {
            // A shell is reaped by whoever waits for its exit status.
            if !self.roots.contains(&process.id.pid) {
                let _ = waitpid(Pid::from_raw(process.id.pid), Some(WaitPidFlag::WNOHANG));
            }
        }
        members.into_iter().filter(Process::is_alive).collect()
    }

    fn is_seed(&self, process: &Process) -> bool {
        if self.servant == Some(process.id.pid) {
            return false;
        }
        if self
            .roots
            .iter()
            .any(|&r| process.id.pid == r || process.session == r || process.group == r)
            || self.known.contains(&process.id)
        {
            return true;
        }
        // An orphan handed to us: ours for certain, or recognised by its environment.
        process.parent == self.own && (self.exclusive || self.carries_mark(process.id.pid))
    }

    fn carries_mark(&self, pid: i32) -> bool {
        std::fs::read(format!("/proc/{pid}/environ"))
            .is_ok_and(|text| text.split(|b| *b == 0).any(|entry| entry == self.mark))
    }

    /// Sends a signal to the process groups of the job's shells.
    pub fn signal_groups(&self, signal: Signal) {
        for &root in &self.roots {
            let _ = kill(Pid::from_raw(-root), signal);
        }
    }

    /// Ends every process of the job and returns how many could not be ended within `patience`
    /// (0 unless one hangs in the kernel).
    ///
    /// A process that forks faster than it is found must lose: the control group and each process
    /// group are killed in one step by the kernel, and single processes are stopped before they
    /// are killed, so that none can hand its children to an unknown parent.
    ///
    /// On a machine that is busy with forking, one look at all processes takes long: what is known
    /// is killed before the first one, and the patience begins after it.
    pub fn kill_all(&mut self, patience: Duration) -> usize {
        if let Some(cgroup) = &self.cgroup {
            cgroup.kill();
        }
        self.kill_groups(&[]);
        let mut deadline = None;
        let mut stopped: HashSet<ProcessId> = HashSet::new();
        let mut looks = 0_u32;
        loop {
            let alive = self.alive();
            if alive.is_empty() {
                return 0;
            }
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + patience);
            if let Some(cgroup) = &self.cgroup {
                cgroup.kill();
            }
            self.kill_groups(&alive);
            let fresh: Vec<&Process> = alive.iter().filter(|p| !stopped.contains(&p.id)).collect();
            let late = looks > 1 && Instant::now() > deadline;
            looks += 1;
            if fresh.is_empty() || late || self.exclusive {
                // Orphans of an exclusive tree come to this process and cannot get lost.
                for process in &alive {
                    let _ = kill(Pid::from_raw(process.id.pid), Signal::SIGKILL);
                }
                if late {
                    return alive.len();
                }
                std::thread::sleep(Duration::from_millis(1));
            } else {
                for process in &fresh {
                    let _ = kill(Pid::from_raw(process.id.pid), Signal::SIGSTOP);
                }
                stopped.extend(fresh.iter().map(|p| p.id));
            }
        }
    }

    /// Kills whole process groups: the kernel lets no member fork once that has begun.
    fn kill_groups(&self, alive: &[Process]) {
        let groups: HashSet<i32> = alive
            .iter()
            // A group of the caller's own session may hold strangers.
            .filter(|p| p.session != self.own_session && p.group > 1)
            .map(|p| p.group)
            .chain(self.roots.iter().copied())
            .collect();
        for group in groups {
            let _ = kill(Pid::from_raw(-group), Signal::SIGKILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_confuse_the_reader() {
        let text = "42 (a) b) S 7 8 9 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 2000000 321 18";
        let process = parse_stat(42, text).unwrap();
        assert_eq!(
            process.id,
            ProcessId {
                pid: 42,
                start: 12345
            }
        );
        assert_eq!((process.parent, process.group, process.session), (7, 8, 9));
        assert_eq!(process.resident_pages, 321);
    }

    #[test]
    fn this_process_is_found_with_its_start_time() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(start_time(own).is_some());
        assert!(snapshot().iter().any(|p| p.id.pid == own));
    }
}
