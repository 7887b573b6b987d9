//! Runs a whole pipeline on this machine, from a working copy, without a server: the same plan,
//! the same state machine and the same executor as the server's.
//!
//! Every job runs in a copy of the working copy of its own (files git tracks and new ones it does
//! not ignore, uncommitted changes included), below `.rialto/ci/builds`. So jobs do not disturb
//! each other or the person's files, files flow from job to job only as artifacts, and the result
//! does not depend on how many run at once. With [`LocalOptions::here`] jobs run one after another
//! in the working copy itself.
//!
//! Jobs inherit the caller's `PATH` and what [`LocalOptions::inherited`] names; everything else of
//! the environment comes from the pipeline. Limits of memory, processes and disk are not set.

mod assign;
mod copies;
mod output;
mod schedule;
mod select;
mod snapshot;
mod workspace;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rialto_delivery_pipeline::plan::Plan;
use rialto_delivery_run::assignment::JobOutcome;
use rialto_delivery_run::state::Status;

use crate::executor::{CancelToken, own_mark};
use crate::lock::FileLock;
use crate::tree::end_run;
pub use output::plain;
pub use select::SelectJobsError;

/// How a local run works.
#[derive(Debug, Clone)]
pub struct LocalOptions {
    /// The working copy.
    pub root: PathBuf,
    /// Paths of its files, relative; what each job's copy is made of.
    pub files: Vec<String>,
    /// Jobs at once; at least 1.
    pub concurrency: usize,
    /// Run in the working copy itself, one job after another.
    pub here: bool,
    /// Run only these jobs (names, or names before `parallel`); empty = all.
    pub only: Vec<String>,
    /// Run what the jobs of `only` need as well.
    pub with_needs: bool,
    /// Manual jobs to play.
    pub play: Vec<String>,
    /// Predefined variables known before the pipeline; the file overrides them.
    pub predefined: Vec<(String, String)>,
    /// Pipeline variables; they override the file.
    pub variables: Vec<(String, String)>,
    /// `PATH` of jobs.
    pub path: String,
    /// Variables of the caller handed to every job, below all others.
    pub inherited: Vec<(String, String)>,
    /// This process does nothing but this run: at its end every child left over, even one that
    /// hid from its job, is ended.
    pub exclusive: bool,
    /// Stops the run.
    pub cancel: CancelToken,
    /// Time between SIGTERM and SIGKILL.
    pub grace: Duration,
}

/// Hears of a run as it goes. Calls come from several threads, one at a time.
pub trait Reporter: Send {
    /// A job begins an attempt.
    fn started(&mut self, job: &str);
    /// A job waits for a timer.
    fn delayed(&mut self, job: &str, delay: Duration);
    /// A line of a job's script, without its line end; `partial` when the line goes on.
    fn line(&mut self, job: &str, text: &str, partial: bool);
    /// A job's attempt ended.
    fn ended(&mut self, report: &JobReport, will_retry: bool);
    /// Something about the run itself.
    fn notice(&mut self, text: &str);
}

/// How one job went.
#[derive(Debug, Clone, PartialEq)]
pub struct JobReport {
    /// Name.
    pub name: String,
    /// Stage.
    pub stage: String,
    /// Last status.
    pub status: Status,
    /// Failure is a warning only.
    pub failure_allowed: bool,
    /// Attempts made.
    pub attempt: u32,
    /// Wall time of the last attempt; `None` when it never ran.
    pub duration: Option<Duration>,
    /// The executor's outcome of the last attempt.
    pub outcome: Option<JobOutcome>,
    /// Full log of the last attempt.
    pub log: Option<PathBuf>,
    /// Directory with the artifacts, unpacked, when there are any.
    pub artifacts: Option<PathBuf>,
}

/// How the pipeline went.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalSummary {
    /// Status of the whole.
    pub status: Status,
    /// Something that was allowed to fail failed.
    pub warnings: bool,
    /// Jobs in pipeline order.
    pub jobs: Vec<JobReport>,
    /// Wall time.
    pub duration: Duration,
    /// It was stopped.
    pub canceled: bool,
}

/// Why a run did not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunLocallyError {
    /// The wish for jobs cannot be met.
    #[error(transparent)]
    Select(#[from] SelectJobsError),
    /// Another run works in the same working copy.
    #[error("{0}: another run is at work in this folder; wait for it or stop it")]
    Busy(PathBuf),
    /// The directory `.rialto/ci` cannot be used.
    #[error("{path}: {source}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
}

/// Runs the plan, or the chosen jobs of it.
///
/// # Errors
/// When it cannot begin; whatever happens to jobs is in the summary.
pub fn run(
    plan: &Plan,
    options: &LocalOptions,
    reporter: Box<dyn Reporter>,
) -> Result<LocalSummary, RunLocallyError> {
    let selected = selected(plan, options)?;
    let directories = Directories::open(&options.root)?;
    Ok(schedule::Schedule::new((&selected, plan), options, &directories, reporter).run())
}

/// The plan reduced to the jobs that [`run`] would run.
///
/// # Errors
/// When a named job does not exist.
pub fn selected(plan: &Plan, options: &LocalOptions) -> Result<Plan, SelectJobsError> {
    select::select(plan, options)
}

/// `.rialto/ci` of a working copy, for one run at a time.
#[derive(Debug)]
struct Directories {
    builds: PathBuf,
    cache: PathBuf,
    logs: PathBuf,
    jobs: PathBuf,
    artifacts: PathBuf,
    /// Names the run at work; a run that was killed leaves it behind.
    run: PathBuf,
    /// Jobs work in places from this number on.
    first_place: usize,
    _lock: FileLock,
}

impl Drop for Directories {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.run);
    }
}

impl Directories {
    fn open(root: &Path) -> Result<Self, RunLocallyError> {
        let base = root.join(".rialto/ci");
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |source| RunLocallyError::Directory { path, source }
        };
        std::fs::create_dir_all(&base).map_err(failed(&base))?;
        // Keeps the folder out of every `git status` and of the copies themselves.
        let ignore = base.join(".gitignore");
        if !ignore.exists() {
            std::fs::write(&ignore, "*\n").map_err(failed(&ignore))?;
        }
        let path = base.join("lock");
        let lock = FileLock::take(&path)
            .map_err(failed(&path))?
            .ok_or_else(|| RunLocallyError::Busy(base.clone()))?;
        let run = base.join("run");
        let builds = base.join("builds");
        let mut first_place = 0;
        // What a killed run left behind: its jobs, which may still write, and its folders.
        if let Ok(mark) = std::fs::read_to_string(&run) {
            end_run(mark.trim());
            first_place = after_places(&builds);
        }
        std::fs::write(&run, own_mark()).map_err(failed(&run))?;
        let directories = Self {
            builds,
            cache: base.join("cache"),
            logs: base.join("logs"),
            jobs: base.join("jobs"),
            artifacts: base.join("artifacts"),
            run,
            first_place,
            _lock: lock,
        };
        if directories.builds.exists() {
            std::fs::remove_dir_all(&directories.builds).map_err(failed(&directories.builds))?;
        }
        for path in [
            &directories.builds,
            &directories.logs,
            &directories.jobs,
            &directories.artifacts,
        ] {
            std::fs::create_dir_all(path).map_err(failed(path))?;
        }
        Ok(directories)
    }
}

/// The first number above those of the places in this folder: one that hid from a killed run may
/// still know their paths.
fn after_places(builds: &Path) -> usize {
    let entries = std::fs::read_dir(builds).into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| {
        let name = entry.file_name();
        let name = name.to_str()?;
        name.strip_suffix(".tmp").unwrap_or(name).parse().ok()
    });
    numbers
        .max()
        .map_or(0, |last: usize| last.saturating_add(1))
}
