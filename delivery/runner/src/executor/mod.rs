//! Runs one job: the shell contract of specification §6, in blocking code on plain threads.
//!
//! ```no_run
//! # use rialto_delivery_runner::executor::{run_job, CancelToken, ExecutorConfig};
//! # use rialto_delivery_runner::log::FileSink;
//! # fn f(assignment: &rialto_delivery_run::assignment::Assignment) -> std::io::Result<()> {
//! let config = ExecutorConfig::new("/var/lib/rialto/builds".into(), "/tmp/out".into());
//! let log = FileSink::create("/tmp/out/log".as_ref())?;
//! let outcome = run_job(assignment, &config, Box::new(log), &CancelToken::default());
//! # Ok(()) }
//! ```

pub mod dotenv;
pub mod duration;
pub mod environment;
mod isolate;
mod job;
mod keep;
mod reach;
pub mod script;
pub mod sources;
mod steps;

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rialto_delivery_run::assignment::{Assignment, JobOutcome, Source};
use rialto_delivery_run::state::FailureReason;

use crate::cache::CacheStore;
use crate::isolation::Isolation;
use crate::log::LogSink;
pub(crate) use job::overwrite;

pub use crate::shell::{CancelToken, RunAs};
pub use crate::siblings::Siblings;
pub(crate) use job::own_mark;

/// Name of the script being run.
const SCRIPT: &str = "script.sh";
/// Largest artifact archive when the assignment sets no limit: 100 MiB.
pub const DEFAULT_ARTIFACT_BYTES: u64 = 100 * 1024 * 1024;

/// `PATH` of a job when the configuration says nothing.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A step that failed, with the reason of the job's failure and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StepError {
    /// The reason the job fails with.
    pub reason: FailureReason,
    /// What, where, what to do.
    pub message: String,
}

impl StepError {
    pub(crate) fn system(message: impl Into<String>) -> Self {
        Self {
            reason: FailureReason::RunnerSystemFailure,
            message: message.into(),
        }
    }
}

/// Fetches artifact archives that are not on this machine.
pub trait FetchArtifact: Send + Sync {
    /// Downloads `url` with the lease of the asking job into the file `target`.
    ///
    /// # Errors
    /// With a sentence; the download is tried again.
    fn fetch(&self, url: &str, lease: &str, target: &Path) -> Result<(), String>;
}

/// Refuses every URL: all archives are on this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalArtifacts;

impl FetchArtifact for LocalArtifacts {
    fn fetch(&self, url: &str, _: &str, _: &Path) -> Result<(), String> {
        Err(format!(
            "{url}: this runner has no way to download artifacts"
        ))
    }
}

/// How jobs are run on this machine.
#[derive(Clone)]
pub struct ExecutorConfig {
    /// Root of the working trees: `<builds>/<slot>/<project path>`.
    pub builds_dir: PathBuf,
    /// Where the archive and reports of the job are left.
    pub output_dir: PathBuf,
    /// Cache store; without one, caches are skipped with a line in the log.
    pub cache: Option<CacheStore>,
    /// Number of the slot; a slot runs one job at a time.
    pub slot: u32,
    /// `PATH` of the job.
    pub path: String,
    /// Variables handed down from the caller below all others. Empty on a server's runner;
    /// `rialto ci run` hands down the user's `HOME`, so that local tools find their settings.
    pub inherited: Vec<(String, String)>,
    /// Time between SIGTERM and SIGKILL.
    pub grace: Duration,
    /// How often limits and wishes to stop are looked at; 50 to 100 ms are sensible.
    pub poll_every: Duration,
    /// Pause between the three tries of infrastructure steps, and between two looks whether a
    /// server that could not be reached is back.
    pub retry_pause: Duration,
    /// Unprivileged user for everything the job runs; needs a runner with the right to switch.
    pub run_as: Option<RunAs>,
    /// This process serves one job only: every orphan it is handed belongs to the job.
    pub exclusive: bool,
    /// Value of the variable by which the job's processes are known; unique on this machine.
    /// `None` makes one up.
    pub mark: Option<String>,
    /// What jobs must not reach; `None`: a job reaches whatever its user does. Needs `exclusive`.
    pub isolation: Option<Isolation>,
    /// For artifact archives behind URLs.
    pub fetch: Arc<dyn FetchArtifact>,
    /// The job's private folder, laid out and empty, which stays; `None`: one is made and removed.
    pub scratch: Option<PathBuf>,
    /// The jobs whose processes are all this one's children; `None`: there may be other children.
    pub siblings: Option<Arc<Siblings>>,
}

impl std::fmt::Debug for ExecutorConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExecutorConfig")
            .field("builds_dir", &self.builds_dir)
            .field("output_dir", &self.output_dir)
            .field("slot", &self.slot)
            .field("run_as", &self.run_as)
            .finish_non_exhaustive()
    }
}

impl ExecutorConfig {
    /// Usual settings: slot 0, no cache store, 10 s grace, artifacts on this machine only.
    #[must_use]
    pub fn new(builds_dir: PathBuf, output_dir: PathBuf) -> Self {
        Self {
            builds_dir,
            output_dir,
            cache: None,
            slot: 0,
            path: DEFAULT_PATH.to_owned(),
            inherited: Vec::new(),
            grace: Duration::from_secs(10),
            poll_every: Duration::from_millis(50),
            retry_pause: Duration::from_secs(1),
            run_as: None,
            exclusive: false,
            mark: None,
            isolation: None,
            fetch: Arc::new(LocalArtifacts),
            scratch: None,
            siblings: None,
        }
    }
}

/// Directories of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobDirectories {
    /// Working tree, `CI_PROJECT_DIR`.
    pub project: PathBuf,
    /// Private directory beside it, removed afterwards.
    pub scratch: PathBuf,
    /// `HOME`.
    pub home: PathBuf,
    /// `TMPDIR`.
    pub temporary: PathBuf,
    /// File variables.
    pub variables: PathBuf,
    /// The script being run; an isolated job cannot write there.
    pub script: PathBuf,
    /// Pipes between an isolated job and its supervisor.
    pub pipes: PathBuf,
}

impl JobDirectories {
    fn new(assignment: &Assignment, config: &ExecutorConfig) -> Result<Self, StepError> {
        let inside = |text: &str| {
            let path = Path::new(text);
            let plain = !text.is_empty()
                && path.components().all(|c| matches!(c, Component::Normal(_)))
                && !text.contains('\0');
            plain.then(|| path.to_path_buf()).ok_or_else(|| {
                StepError::system(format!("{text:?} cannot be used as a directory name"))
            })
        };
        let (project, scratch) = match &assignment.source {
            Source::Git { .. } => {
                let path = inside(&assignment.project_path)?;
                let project = config.builds_dir.join(config.slot.to_string()).join(path);
                let mut scratch = project.clone().into_os_string();
                scratch.push(".tmp");
                (project, PathBuf::from(scratch))
            }
            Source::WorkingCopy { path } => {
                let name = inside(&format!("{}.tmp", assignment.job_id.replace('/', "_")))?;
                (PathBuf::from(path), config.builds_dir.join(name))
            }
        };
        let scratch = config.scratch.clone().unwrap_or(scratch);
        Ok(Self::below(project, scratch))
    }

    fn below(project: PathBuf, scratch: PathBuf) -> Self {
        Self {
            home: scratch.join("home"),
            temporary: scratch.join("tmp"),
            variables: scratch.join("variables"),
            script: scratch.join("script"),
            pipes: scratch.join("pipes"),
            project,
            scratch,
        }
    }

    /// Makes the private folder of a job, for [`ExecutorConfig::scratch`]; gives the file its script
    /// will be written to.
    pub(crate) fn lay_out(scratch: &Path) -> std::io::Result<PathBuf> {
        let directories = Self::below(PathBuf::new(), scratch.to_path_buf());
        sources::empty_directory(scratch)?;
        directories.make()?;
        let script = directories.script.join(SCRIPT);
        std::fs::File::create_new(&script)?;
        Ok(script)
    }

    /// Makes the folders in the private one.
    fn make(&self) -> std::io::Result<()> {
        for path in [
            &self.home,
            &self.temporary,
            &self.variables,
            &self.script,
            &self.pipes,
        ] {
            std::fs::create_dir_all(path)?;
        }
        Ok(())
    }
}

/// Runs a job to its end and tells how it ended. Never panics on what the assignment or the job
/// says: whatever goes wrong is the outcome.
///
/// Makes this process a subreaper, so that orphans of the job come to it.
#[must_use]
pub fn run_job(
    assignment: &Assignment,
    config: &ExecutorConfig,
    sink: Box<dyn LogSink>,
    cancel: &CancelToken,
) -> JobOutcome {
    job::Job::new(assignment, config, sink, cancel).run()
}
