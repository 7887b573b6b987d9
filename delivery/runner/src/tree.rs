//! The processes of a job: found through `/proc`, stopped to the last one.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use rialto_delivery_cage::cgroup::Cgroup;
pub use rialto_delivery_cage::process::{Process, ProcessId, snapshot, start_time};
pub(crate) use rialto_delivery_cage::process::{parent, read_stat};

use crate::executor::environment::MARK_VARIABLE;
use crate::siblings::{Membership, Siblings};
use crate::watchdog::Bounds;

/// How often, and how long each time, the jobs of a killed process are ended.
const ROUNDS: u32 = 10;
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether a process started with such an entry in its environment.
fn has_entry(pid: i32, is_it: impl Fn(&[u8]) -> bool) -> bool {
    std::fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|text| text.split(|b| *b == 0).any(is_it))
}

/// Children of this process; `None` where the kernel does not list them.
pub(crate) fn own_children() -> Option<Vec<i32>> {
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

/// A job's control group; killed and removed when dropped.
#[derive(Debug)]
struct JobCgroup(Cgroup);

impl std::ops::Deref for JobCgroup {
    type Target = Cgroup;

    fn deref(&self) -> &Cgroup {
        &self.0
    }
}

impl Drop for JobCgroup {
    fn drop(&mut self) {
        self.0.remove();
    }
}

fn group_name(mark: &str) -> String {
    format!("rialto-job-{mark}")
}

/// Ends and removes the control group of a job whose supervisor is gone.
pub(crate) fn remove_left_group(mark: &str) {
    if let Some(left) = Cgroup::find(&group_name(mark)) {
        left.remove();
    }
}

/// Ends every job of a process that ran them and is gone, known by the mark all its jobs' marks begin
/// with.
pub(crate) fn end_run(mark: &str) {
    let Some((pid, start)) = mark.split_once('-') else {
        return;
    };
    let (Ok(pid), Ok(start)) = (pid.parse::<i32>(), start.parse::<u64>()) else {
        return;
    };
    if start_time(pid) == Some(start) {
        return;
    }
    let prefix = format!("{MARK_VARIABLE}={pid}-{start}-");
    // No job's mark is the bare prefix: of the tree is only what is found here.
    let mut tree = JobTree::new(&prefix, false);
    for _ in 0..ROUNDS {
        if !tree.adopt(|entry| entry.starts_with(prefix.as_bytes())) {
            return;
        }
        tree.kill_all(PATIENCE);
    }
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
    membership: Option<Membership>,
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
            membership: None,
        }
    }

    /// Makes every orphan that comes to this process one of the job, unless it is of a sibling.
    pub(crate) fn join(&mut self, siblings: &Arc<Siblings>, folders: Vec<PathBuf>) {
        self.membership = Membership::new(siblings, &self.mark, folders);
    }

    fn tell_roots(&self) {
        if let Some(membership) = &self.membership {
            membership.set_roots(&self.roots);
        }
    }

    /// Leaves a child of this process out of the tree, though not what it starts.
    pub(crate) fn leave_out(&mut self, pid: i32) {
        self.servant = Some(pid);
    }

    /// Takes up every process that carries the job's mark, whoever its parent is: what a killed
    /// supervisor left behind.
    pub fn adopt_marked(&mut self) {
        let mark = self.mark.clone();
        self.adopt(|entry| entry == mark);
    }

    /// Takes up every living process with such an entry in its environment; whether there is one.
    fn adopt(&mut self, is_mark: impl Fn(&[u8]) -> bool) -> bool {
        let found = snapshot().into_iter().filter(Process::is_alive);
        let found: Vec<ProcessId> = found
            .map(|p| p.id)
            .filter(|id| has_entry(id.pid, &is_mark))
            .collect();
        self.known.extend(&found);
        !found.is_empty()
    }

    /// Keeps the job in a control group, if this process may make one. Only for a process that
    /// serves one job: moving processes between groups takes the kernel milliseconds.
    pub(crate) fn confine(&mut self, name: &str, bounds: Bounds) -> Option<&Cgroup> {
        if self.exclusive && self.cgroup.is_none() {
            let (memory, processes) = (bounds.memory_bytes, bounds.processes);
            let made = Cgroup::create(&group_name(name), memory, processes);
            self.cgroup = made.map(JobCgroup);
        }
        self.cgroup.as_deref()
    }

    /// A limit the kernel enforced on the job's control group.
    pub(crate) fn kernel_breach(&self) -> Option<String> {
        self.cgroup.as_ref()?.breach().map(|b| b.to_string())
    }

    /// Adds a shell that leads its own session or process group.
    pub fn add_root(&mut self, pid: i32) {
        if let Some(cgroup) = &self.cgroup {
            cgroup.add(pid);
        }
        self.roots.push(pid);
        self.tell_roots();
    }

    /// The shell has been reaped: its number may be used again by a stranger.
    pub fn remove_root(&mut self, pid: i32) {
        self.roots.retain(|r| *r != pid);
        self.tell_roots();
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
            orphan || (child.is_alive() && self.is_left_behind(&child))
        })
    }

    /// All processes of the job alive now.
    pub fn alive(&mut self) -> Vec<Process> {
        if self.certainly_gone() {
            self.reap_known();
            return Vec::new();
        }
        let all = snapshot();
        let mut children: HashMap<i32, Vec<usize>> = HashMap::new();
        for (index, process) in all.iter().enumerate() {
            children.entry(process.parent).or_default().push(index);
        }
        let confined: HashSet<i32> = self
            .cgroup
            .iter()
            .flat_map(|group| group.members())
            .collect();
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

    /// Reaps what ended as this process's own child, and forgets the rest.
    fn reap_known(&mut self) {
        for id in std::mem::take(&mut self.known) {
            // A shell is reaped by whoever waits for its exit status.
            let ended = !self.roots.contains(&id.pid)
                && read_stat(id.pid).is_some_and(|p| p.id == id && p.parent == self.own);
            if ended {
                let _ = waitpid(Pid::from_raw(id.pid), Some(WaitPidFlag::WNOHANG));
            }
        }
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
        process.parent == self.own && (self.exclusive || self.is_left_behind(process))
    }

    /// Whether a child of this process that is in no session of the job is of the job.
    fn is_left_behind(&self, process: &Process) -> bool {
        let pid = process.id.pid;
        match &self.membership {
            Some(membership) if membership.is_root_of_another(pid) => false,
            Some(membership) => {
                self.carries_mark(pid)
                    || process.is_alive() && !self.roots.contains(&pid) && membership.left(process)
            }
            None => self.carries_mark(pid),
        }
    }

    fn carries_mark(&self, pid: i32) -> bool {
        has_entry(pid, |entry| entry == self.mark)
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
