//! One job in its own process and session, spooled to a directory, so that the server and the
//! runner's agent may die at any moment while the job goes on.
//!
//! | file | written by | content |
//! |---|---|---|
//! | `assignment.json` | agent | the job |
//! | `settings.json` | agent | [`SupervisorSettings`]; removed as soon as it is read |
//! | `lock` | supervisor | held while it lives; a free lock means it is gone |
//! | `pid` | supervisor | [`SupervisorId`] |
//! | `log` | supervisor | masked log, synced at the end |
//! | `cancel` | agent | its presence asks the job to stop |
//! | `outcome.json` | supervisor | the end, synced and renamed into place |
//! | `files/` | supervisor | artifact archive and reports |

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rialto_delivery_run::assignment::{Assignment, JobOutcome, JobResult};
use rialto_delivery_run::state::FailureReason;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::cache::{CacheStore, DEFAULT_STORE_BYTES};
use crate::download::HttpArtifacts;
use crate::executor::{CancelToken, DEFAULT_PATH, ExecutorConfig, RunAs, run_job};
use crate::isolation::Isolation;
use crate::lock::FileLock;
use crate::log::FileSink;
use crate::tree::{self, JobTree};

/// How often the wish to cancel is looked for.
const CANCEL_POLL: Duration = Duration::from_millis(50);

/// What the agent tells a supervisor beside the assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupervisorSettings {
    /// Root of the working trees.
    pub builds_dir: PathBuf,
    /// Cache store; `None` = no caches.
    pub cache_dir: Option<PathBuf>,
    /// Bytes the cache store may hold.
    pub cache_bytes: u64,
    /// Slot number.
    pub slot: u32,
    /// `PATH` of the job.
    pub path: String,
    /// Variables of the runner's machine, below all others.
    #[serde(default)]
    pub inherited: Vec<(String, String)>,
    /// Time between SIGTERM and SIGKILL, milliseconds.
    pub grace_ms: u64,
    /// Unprivileged user for the job.
    pub run_as: Option<RunAs>,
    /// What the job must not reach.
    #[serde(default)]
    pub isolation: Option<Isolation>,
    /// Base address of the server; its artifacts are fetched with the token.
    pub server: String,
    /// The runner's token.
    pub token: String,
}

impl SupervisorSettings {
    /// Usual settings below a work directory, without a server.
    #[must_use]
    pub fn new(work_dir: &Path) -> Self {
        Self {
            builds_dir: work_dir.join("builds"),
            cache_dir: Some(work_dir.join("cache")),
            cache_bytes: DEFAULT_STORE_BYTES,
            slot: 0,
            path: DEFAULT_PATH.to_owned(),
            inherited: Vec::new(),
            grace_ms: 10_000,
            run_as: None,
            isolation: None,
            server: String::new(),
            token: String::new(),
        }
    }
}

/// Which process supervises a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupervisorId {
    /// Process number.
    pub pid: i32,
    /// Start time in clock ticks since boot.
    pub start: u64,
}

impl SupervisorId {
    fn own() -> Self {
        let pid = i32::try_from(std::process::id()).unwrap_or(i32::MAX);
        Self {
            pid,
            start: tree::start_time(pid).unwrap_or_default(),
        }
    }

    /// What every process of its job carries in the environment.
    fn mark(self) -> String {
        format!("{}-{}", self.pid, self.start)
    }
}

/// Why a supervisor could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum SuperviseError {
    /// Another supervisor has the directory.
    #[error("{0}: another supervisor runs this job")]
    Taken(PathBuf),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path}: {source}")]
    Content {
        /// Which.
        path: PathBuf,
        /// Cause.
        source: serde_json::Error,
    },
}

/// Runs the job spooled in `dir` to its end; the body of `rialto job-supervisor DIR`.
///
/// A directory that has an outcome already is left as it is: a job whose script may have begun is
/// never run a second time.
///
/// # Errors
/// When the directory is taken, incomplete, or the outcome cannot be written.
pub fn supervise(dir: &Path) -> Result<(), SuperviseError> {
    // Fails only for the leader of a process group, which has a session to itself or shares one
    // with the terminal that started it by hand.
    let _ = nix::unistd::setsid();
    let Some(_lock) = take_lock(dir)? else {
        return Err(SuperviseError::Taken(dir.to_path_buf()));
    };
    if dir.join("outcome.json").exists() || dir.join("pid").exists() {
        return Ok(());
    }
    let assignment: Assignment = read_json(&dir.join("assignment.json"))?;
    let settings_file = dir.join("settings.json");
    let settings: SupervisorSettings = read_json(&settings_file)?;
    fs::remove_file(&settings_file).map_err(file_error(&settings_file))?;
    let id = SupervisorId::own();
    write_json(&dir.join("pid"), &id)?;

    let log_file = dir.join("log");
    let sink = FileSink::create(&log_file).map_err(file_error(&log_file))?;
    let cancel = CancelToken::default();
    watch_for_cancel(dir.to_owned(), cancel.clone());
    let config = executor_config(dir, settings, id);
    let outcome = run_job(&assignment, &config, Box::new(sink), &cancel);
    write_json(&dir.join("outcome.json"), &outcome)
}

fn executor_config(dir: &Path, settings: SupervisorSettings, id: SupervisorId) -> ExecutorConfig {
    let mut config = ExecutorConfig::new(settings.builds_dir, dir.join("files"));
    config.cache = settings
        .cache_dir
        .map(|d| CacheStore::new(d, settings.cache_bytes));
    config.slot = settings.slot;
    config.path = settings.path;
    config.inherited = settings.inherited;
    config.grace = Duration::from_millis(settings.grace_ms);
    config.run_as = settings.run_as;
    config.isolation = settings.isolation;
    config.exclusive = true;
    config.mark = Some(id.mark());
    config.fetch = Arc::new(HttpArtifacts::new(settings.server, settings.token));
    config
}

/// Cancels when the file `cancel` appears, on SIGTERM or SIGINT, and when the spool's folder is gone:
/// nobody would ever read what became of the job.
fn watch_for_cancel(spool: PathBuf, cancel: CancelToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let file = spool.join("cancel");
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
        else {
            return;
        };
        runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate()).ok();
            let mut interrupt = signal(SignalKind::interrupt()).ok();
            let wait = |source: &mut Option<tokio::signal::unix::Signal>| {
                source.take().map_or_else(
                    || Box::pin(std::future::pending()) as futures::future::BoxFuture<'static, ()>,
                    |mut s| {
                        Box::pin(async move {
                            s.recv().await;
                        })
                    },
                )
            };
            let (mut terminated, mut interrupted) = (wait(&mut terminate), wait(&mut interrupt));
            loop {
                tokio::select! {
                    () = &mut terminated => break,
                    () = &mut interrupted => break,
                    () = tokio::time::sleep(CANCEL_POLL) => {
                        if file.exists() || !spool.is_dir() {
                            break;
                        }
                    }
                }
            }
        });
        cancel.cancel();
    });
}

/// Takes the supervisor's lock; `None` when somebody holds it.
fn take_lock(dir: &Path) -> Result<Option<FileLock>, SuperviseError> {
    let path = dir.join("lock");
    FileLock::take(&path).map_err(file_error(&path))
}

/// The outcome of a spooled job, if it has ended.
///
/// A job whose supervisor is gone without an outcome gets one here: what is left of its process
/// tree is ended, and it failed as `runner_system_failure`. It is never run again. With
/// `just_started` a directory without a supervisor is given time instead.
///
/// # Errors
/// When the directory cannot be read or written.
pub fn outcome(dir: &Path, just_started: bool) -> Result<Option<JobOutcome>, SuperviseError> {
    let path = dir.join("outcome.json");
    if path.exists() {
        return read_json(&path).map(Some);
    }
    let id: Option<SupervisorId> = read_json(&dir.join("pid")).ok();
    if id.is_none() && just_started {
        return Ok(None);
    }
    let Some(_lock) = take_lock(dir)? else {
        return Ok(None);
    };
    if path.exists() {
        // It ended between the two looks.
        return read_json(&path).map(Some);
    }
    if let Some(id) = id {
        let mark = format!(
            "{}={}",
            crate::executor::environment::MARK_VARIABLE,
            id.mark()
        );
        let mut tree = JobTree::new(&mark, false);
        tree.adopt_marked();
        tree.kill_all(Duration::from_secs(5));
        tree::remove_left_group(&id.mark());
    }
    let outcome = lost_outcome(dir);
    write_json(&path, &outcome)?;
    Ok(Some(outcome))
}

fn lost_outcome(dir: &Path) -> JobOutcome {
    let said = fs::read_to_string(dir.join("supervisor.err")).unwrap_or_default();
    let said = said.trim().lines().last().unwrap_or_default();
    let why = if said.is_empty() {
        String::new()
    } else {
        format!(": {said}")
    };
    failed_outcome(
        FailureReason::RunnerSystemFailure,
        format!(
            "the process that ran the job ended without a result (killed, or the machine went \
             down){why}; the job is not run again by itself, retry it when that is safe"
        ),
        fs::metadata(dir.join("log")).map_or(0, |m| m.len()),
    )
}

/// An outcome of a job that failed outside the executor.
#[must_use]
pub fn failed_outcome(reason: FailureReason, message: String, log_bytes: u64) -> JobOutcome {
    JobOutcome {
        result: JobResult::Failed { reason, message },
        exit_code: None,
        log_bytes,
        coverage: None,
        files: Vec::new(),
        dotenv: Vec::new(),
        isolation: Vec::new(),
        notes: Vec::new(),
    }
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> SuperviseError {
    let path = path.to_path_buf();
    move |source| SuperviseError::File { path, source }
}

/// Reads a JSON file of the spool.
///
/// # Errors
/// When it is missing or not what it should be.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, SuperviseError> {
    let bytes = fs::read(path).map_err(file_error(path))?;
    serde_json::from_slice(&bytes).map_err(|source| SuperviseError::Content {
        path: path.to_path_buf(),
        source,
    })
}

/// Writes a JSON file of the spool: private, synced, and renamed into place.
///
/// # Errors
/// When it cannot be made durable.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), SuperviseError> {
    let bytes = serde_json::to_vec(value).map_err(|source| SuperviseError::Content {
        path: path.to_path_buf(),
        source,
    })?;
    let temporary = path.with_extension("tmp");
    let write = || -> io::Result<()> {
        let mut file = File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(&bytes)?;
        file.sync_data()?;
        fs::rename(&temporary, path)?;
        if let Some(parent) = path.parent() {
            File::open(parent)?.sync_all()?;
        }
        Ok(())
    };
    write().map_err(file_error(path))
}
