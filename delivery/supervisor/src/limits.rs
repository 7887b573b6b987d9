//! What a service may use, and the processes it is: counted, and ended to the last one.
//!
//! Where this process may make control groups with these controllers (cgroup v2), the kernel keeps
//! the limits. Everywhere else the service is looked at several times a second: then a limit may be
//! passed for a moment, and what empties its environment, leaves its folder and its session and
//! forks twice between two looks is not counted.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rialto_delivery_cage::cgroup::{Breach, Cgroup};
use rialto_delivery_cage::process::{Process, ProcessId, memory_above, read_stat, snapshot};
use rialto_delivery_run::size::Size;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::SupervisorError;
use crate::process::is_of_slot;
use crate::record::{Identity, RunSpec};

/// How often a service is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// All processes of the machine are looked at so often, while few new ones appear.
const SCAN_EVERY: Duration = Duration::from_secs(1);
/// So many new processes since the last look at all of them call for another one at once.
const MANY_NEW: u64 = 64;
/// How long killed processes may take to disappear.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// What one service may use, with all processes it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceLimits {
    /// Resident memory, bytes; pages that its processes share count once.
    pub memory_bytes: u64,
    /// Processes at the same time. A control group counts threads, too.
    pub processes: u32,
}

impl Default for ServiceLimits {
    fn default() -> Self {
        Self {
            memory_bytes: 2 << 30,
            processes: 1024,
        }
    }
}

impl ServiceLimits {
    /// The limits of a service that asks for these; what it does not ask for is the house's.
    ///
    /// # Errors
    /// [`SupervisorError::Limit`] when it asks for more than the house gives.
    pub(crate) fn lowered(self, run: &RunSpec) -> Result<Self, SupervisorError> {
        let within = |key, asked: Option<u64>, allowed: u64| match asked {
            Some(asked) if asked > allowed => Err(SupervisorError::Limit {
                key,
                asked,
                allowed,
            }),
            asked => Ok(asked.unwrap_or(allowed)),
        };
        let processes = run.processes.map(u64::from);
        let processes = within("processes", processes, self.processes.into())?;
        Ok(Self {
            memory_bytes: within("memory", run.memory_bytes, self.memory_bytes)?,
            // Not above the house's, which fits.
            processes: u32::try_from(processes).unwrap_or(self.processes),
        })
    }
}

/// The processes of a running service.
#[derive(Debug, Clone)]
pub(crate) struct ServiceTree(Arc<Mutex<Tree>>);

#[derive(Debug)]
struct Tree {
    leader: i32,
    folder: PathBuf,
    limits: ServiceLimits,
    members: HashSet<ProcessId>,
    /// Looked at already: of somebody else.
    strangers: HashSet<ProcessId>,
    scanned: Option<(Instant, u64)>,
    cgroup: Option<Cgroup>,
    verdict: Option<String>,
}

impl ServiceTree {
    /// The tree of a service that was just started; it is put into a control group if this process
    /// may make one.
    pub(crate) fn of_new(identity: &Identity, folder: &Path, limits: ServiceLimits) -> Self {
        let name = group_name(folder);
        if let Some(left) = Cgroup::find(&name) {
            left.remove();
        }
        let cgroup = Cgroup::create(&name, limits.memory_bytes, limits.processes);
        if let Some(cgroup) = &cgroup {
            cgroup.add(identity.pid);
        }
        Self::over(identity, folder, limits, cgroup)
    }

    /// The tree of a service that was started by an earlier process of the server.
    pub(crate) fn of_adopted(identity: &Identity, folder: &Path, limits: ServiceLimits) -> Self {
        Self::over(identity, folder, limits, Cgroup::find(&group_name(folder)))
    }

    fn over(
        identity: &Identity,
        folder: &Path,
        limits: ServiceLimits,
        cgroup: Option<Cgroup>,
    ) -> Self {
        Self(Arc::new(Mutex::new(Tree {
            leader: identity.pid,
            folder: folder.to_owned(),
            limits,
            members: HashSet::new(),
            strangers: HashSet::new(),
            scanned: None,
            cgroup,
            verdict: None,
        })))
    }

    /// Returns when a limit is broken and all processes of the service are ended for it: what it
    /// used, in words.
    pub(crate) async fn broken(&self) -> String {
        loop {
            if let Some(how) = self.with(Tree::enforce).await {
                return how;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The limit for which the service was ended, by this process or the kernel, in words.
    pub(crate) async fn verdict(&self) -> Option<String> {
        self.with(|tree| tree.verdict.clone().or_else(|| tree.kernel_breach()))
            .await
    }

    /// Removes the service's control group and what is left in it.
    pub(crate) async fn close(&self) {
        self.with(|tree| {
            if let Some(cgroup) = tree.cgroup.take() {
                cgroup.remove();
            }
        })
        .await;
    }

    /// Works on the tree on a thread that may block.
    async fn with<T: Default + Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tree) -> T + Send + 'static,
    ) -> T {
        let tree = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || {
            work(&mut tree.lock().unwrap_or_else(PoisonError::into_inner))
        });
        // Fails only when the runtime ends.
        done.await.unwrap_or_default()
    }
}

impl Tree {
    /// Ends the service if it breaks a limit.
    fn enforce(&mut self) -> Option<String> {
        let how = self.breach()?;
        // Told before the first process is killed: its end may be seen before the last one's.
        self.verdict = Some(how.clone());
        self.kill_all();
        Some(how)
    }

    fn breach(&mut self) -> Option<String> {
        if let Some(how) = self.kernel_breach() {
            return Some(how);
        }
        let alive = self.alive(false);
        let limit = self.limits.processes;
        if alive.len() > limit as usize {
            return Some(format!(
                "was ended with all it started: {} processes at once, the limit is {limit}",
                alive.len()
            ));
        }
        let limit = self.limits.memory_bytes;
        let memory = memory_above(limit, &alive)?;
        Some(format!(
            "was ended with all it started: {} of memory, the limit is {}",
            Size(memory),
            Size(limit)
        ))
    }

    fn kernel_breach(&self) -> Option<String> {
        match self.cgroup.as_ref()?.breach()? {
            Breach::Memory(limit) => Some(format!(
                "was ended with all it started: out of memory, the limit is {}",
                Size(limit)
            )),
            Breach::Processes(limit) => Some(format!(
                "was ended with all it started: too many processes and threads, the limit is {limit}"
            )),
        }
    }

    /// The service's processes alive now. While few processes appear on the machine, only those
    /// known already are asked, but for once a second.
    fn alive(&mut self, all: bool) -> Vec<Process> {
        let newest = newest_pid();
        let calm = self.scanned.is_some_and(|(at, then)| {
            let quiet = newest.is_some_and(|newest| newest.abs_diff(then) < MANY_NEW);
            newest == Some(then) || quiet && at.elapsed() < SCAN_EVERY
        });
        if all || !calm {
            self.scanned = newest.map(|newest| (Instant::now(), newest));
            return self.scan();
        }
        let known = self.members.iter();
        known
            .filter_map(|id| read_stat(id.pid).filter(|now| now.id == *id && now.is_alive()))
            .collect()
    }

    fn scan(&mut self) -> Vec<Process> {
        let everybody = snapshot();
        let confined: HashSet<i32> = self.cgroup.iter().flat_map(Cgroup::members).collect();
        let mut found: HashSet<i32> = HashSet::new();
        for process in &everybody {
            let pid = process.id.pid;
            let of_session = process.session == self.leader || process.group == self.leader;
            if pid == self.leader
                || of_session
                || confined.contains(&pid)
                || self.members.contains(&process.id)
            {
                found.insert(pid);
            }
        }
        // Children may stand before their parents.
        loop {
            let before = found.len();
            for process in &everybody {
                if found.contains(&process.parent) {
                    found.insert(process.id.pid);
                }
            }
            if found.len() == before {
                break;
            }
        }
        let mut strangers = HashSet::new();
        for process in &everybody {
            if found.contains(&process.id.pid) {
                continue;
            }
            if !self.strangers.contains(&process.id) && is_of_slot(process.id.pid, &self.folder) {
                found.insert(process.id.pid);
            } else {
                strangers.insert(process.id);
            }
        }
        self.strangers = strangers;
        let mine = everybody.into_iter();
        let mine: Vec<Process> = mine
            .filter(|p| found.contains(&p.id.pid) && p.is_alive())
            .collect();
        self.members = mine.iter().map(|p| p.id).collect();
        mine
    }

    /// Ends every process of the service. One that forks faster than it is found must lose: groups
    /// are killed in one step by the kernel, and single processes are stopped before they are
    /// killed, so that none can hand its children to an unknown parent.
    fn kill_all(&mut self) {
        let own_session = nix::unistd::getsid(None).map_or(0, Pid::as_raw);
        let deadline = Instant::now() + KILL_PATIENCE;
        let mut stopped: HashSet<ProcessId> = HashSet::new();
        loop {
            if let Some(cgroup) = &self.cgroup {
                cgroup.kill();
            }
            let alive = self.alive(true);
            if alive.is_empty() {
                return;
            }
            let groups: HashSet<i32> = alive
                .iter()
                // A group of the server's own session may hold strangers.
                .filter(|p| p.session != own_session && p.group > 1)
                .map(|p| p.group)
                .collect();
            for group in groups {
                let _ = kill(Pid::from_raw(-group), Signal::SIGKILL);
            }
            let fresh = alive.iter().filter(|p| !stopped.contains(&p.id)).count();
            let late = Instant::now() > deadline;
            let signal = if fresh == 0 || late {
                Signal::SIGKILL
            } else {
                Signal::SIGSTOP
            };
            for process in &alive {
                let _ = kill(Pid::from_raw(process.id.pid), signal);
            }
            stopped.extend(alive.iter().map(|p| p.id));
            if late {
                tracing::error!(folder = %self.folder.display(), left = alive.len(),
                    "processes of a service that broke a limit could not be ended");
                return;
            }
        }
    }
}

/// Number of the process or thread that was started last on this machine.
fn newest_pid() -> Option<u64> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split_ascii_whitespace().last()?.parse().ok()
}

fn group_name(folder: &Path) -> String {
    let digest = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    format!("rialto-service-{}", hex::encode(&digest[..8]))
}
