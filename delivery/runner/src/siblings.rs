//! The jobs of one process that serves nothing else: every orphan that comes to it is of one of
//! them. Which one, its environment, session or working folder tell; where all of that was given
//! up, its age: a job that had not begun when it was born has nothing to do with it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::tree::{Process, own_children};

/// Jobs under way.
#[derive(Debug, Default)]
pub struct Siblings(Mutex<Vec<Sibling>>);

#[derive(Debug)]
struct Sibling {
    mark: Vec<u8>,
    roots: Vec<i32>,
    folders: Vec<PathBuf>,
    /// Clock ticks since boot when it began, as in a process's start time.
    since: u64,
}

/// A job's place among its siblings, until it is dropped.
#[derive(Debug)]
pub(crate) struct Membership {
    siblings: Arc<Siblings>,
    mark: Vec<u8>,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.siblings.lock().retain(|job| job.mark != self.mark);
    }
}

impl Siblings {
    fn lock(&self) -> MutexGuard<'_, Vec<Sibling>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this process has no child but the shells of jobs under way: what has ended has left
    /// nothing behind.
    pub(crate) fn nothing_is_left(&self) -> bool {
        let children = own_children();
        let jobs = self.lock();
        children.is_some_and(|children| {
            children
                .iter()
                .all(|pid| jobs.iter().any(|job| job.roots.contains(pid)))
        })
    }
}

impl Membership {
    /// Joins with the job's mark and folders. `None` where the time cannot be told.
    pub(crate) fn new(
        siblings: &Arc<Siblings>,
        mark: &[u8],
        folders: Vec<PathBuf>,
    ) -> Option<Self> {
        siblings.lock().push(Sibling {
            mark: mark.to_vec(),
            roots: Vec::new(),
            folders,
            since: ticks_now()?,
        });
        Some(Self {
            siblings: Arc::clone(siblings),
            mark: mark.to_vec(),
        })
    }

    pub(crate) fn set_roots(&self, roots: &[i32]) {
        for job in self.siblings.lock().iter_mut() {
            if job.mark == self.mark {
                job.roots = roots.to_vec();
            }
        }
    }

    /// Whether a process is the shell of another job.
    pub(crate) fn is_root_of_another(&self, pid: i32) -> bool {
        let jobs = self.siblings.lock();
        let mut others = jobs.iter().filter(|job| job.mark != self.mark);
        others.any(|job| job.roots.contains(&pid))
    }

    /// Whether a living child of this process, which does not bear the job's mark, was left behind
    /// by the job, or by one that has ended.
    pub(crate) fn left(&self, process: &Process) -> bool {
        let pid = process.id.pid;
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let folder = std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
        let jobs = self.siblings.lock();
        let (own, others): (Vec<_>, Vec<_>) = jobs.iter().partition(|job| job.mark == self.mark);
        let works_for = |job: &&Sibling| job.folders.iter().any(|f| folder.starts_with(f));
        let of_another = others.iter().any(|job| {
            let led = |root: &i32| [process.id.pid, process.session, process.group].contains(root);
            job.roots.iter().any(led) || environment.split(|b| *b == 0).any(|e| e == job.mark)
        });
        if of_another || others.iter().any(works_for) {
            return false;
        }
        own.iter().any(works_for) || others.iter().all(|job| job.since > process.id.start)
    }
}

/// Clock ticks since boot: hundredths of a second on every Linux.
fn ticks_now() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let (seconds, rest) = text.split_whitespace().next()?.split_once('.')?;
    Some(seconds.parse::<u64>().ok()? * 100 + rest.parse::<u64>().ok()?)
}
