//! The runner's agent: takes jobs from the server, gives each to a supervisor process of its own
//! and follows them. It may be stopped or killed at any moment; the next one takes up every job
//! where it is.

pub mod client;
mod follow;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::future::Future;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rialto_delivery_cage::own_program;
use rialto_delivery_run::assignment::Assignment;
use rialto_delivery_run::state::FailureReason;
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;

use crate::cache::DEFAULT_STORE_BYTES;
use crate::executor::{DEFAULT_PATH, RunAs};
use crate::isolation::Isolation;
use crate::lock::FileLock;
use crate::supervisor::{self, SuperviseError, SupervisorSettings};
use client::RunnerClient;
use follow::{Backoff, Follower};

/// How a runner works.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// Server, e.g. `http://127.0.0.1:8080`.
    pub server: String,
    /// Runner token.
    pub token: String,
    /// Name shown to people.
    pub name: String,
    /// Tags; a job goes to a runner that carries all of its tags.
    pub tags: Vec<String>,
    /// Jobs at once.
    pub slots: u32,
    /// Directory for spools, working trees and caches; one agent at a time uses it.
    pub work_dir: PathBuf,
    /// Program and first arguments of the supervisor; the spool directory is appended.
    pub supervisor: Vec<OsString>,
    /// `PATH` of jobs.
    pub path: String,
    /// Variables of the runner's machine that jobs get below all others, e.g. where its compiler
    /// tool chains are.
    pub inherited: Vec<(String, String)>,
    /// Unprivileged user for jobs.
    pub run_as: Option<RunAs>,
    /// What jobs must not reach; the work directory is hidden from them in any case.
    pub isolation: Isolation,
    /// Bytes the cache store may hold.
    pub cache_bytes: u64,
    /// Time between SIGTERM and SIGKILL.
    pub grace: Duration,
    /// Seconds a request for a job waits at the server, at most 30.
    pub wait_s: u64,
    /// Time between two renewals of a lease, each of which waits at the server for the wish to
    /// cancel.
    pub renew_every: Duration,
}

impl AgentConfig {
    /// Usual settings: two slots, this very program's `job-supervisor` as supervisor, jobs kept
    /// from the work directory.
    ///
    /// # Errors
    /// When this program cannot be started again: `/proc` is not there.
    pub fn new(server: &str, token: &str, work_dir: &Path) -> io::Result<Self> {
        Ok(Self {
            server: server.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
            name: "runner".to_owned(),
            tags: Vec::new(),
            slots: 2,
            work_dir: work_dir.to_path_buf(),
            supervisor: vec![own_program()?, "job-supervisor".into()],
            path: DEFAULT_PATH.to_owned(),
            inherited: Vec::new(),
            run_as: None,
            isolation: Isolation::new(vec![work_dir.to_path_buf()])?,
            cache_bytes: DEFAULT_STORE_BYTES,
            grace: Duration::from_secs(10),
            wait_s: 30,
            renew_every: Duration::from_secs(10),
        })
    }
}

/// Why an agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartAgentError {
    /// Another agent works there.
    #[error("{0} is used by another runner; give this one a work directory of its own")]
    Taken(PathBuf),
    /// The work directory cannot be used.
    #[error("{path}: {source}")]
    WorkDir {
        /// Which.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// No HTTP client.
    #[error("the HTTP client cannot be made: {0}")]
    Http(#[from] reqwest::Error),
}

/// The name of a work directory, made when the first agent takes it.
fn instance_of(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(name) if !name.trim().is_empty() => return Ok(name.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let name = hex::encode(bytes);
    let new = path.with_extension("new");
    fs::write(&new, &name)?;
    fs::rename(&new, path)?;
    Ok(name)
}

/// A job or none, and how long to wait after the next failure.
type Requested = (Option<Box<Assignment>>, Backoff);

/// A runner's agent; see the module.
#[derive(Debug)]
pub struct Agent {
    config: AgentConfig,
    client: RunnerClient,
    jobs_dir: PathBuf,
    /// Name of the work directory, as long as it lives.
    instance: String,
    /// Held while this agent lives.
    _lock: FileLock,
}

impl Agent {
    /// Takes the work directory.
    ///
    /// # Errors
    /// When it is used by another agent or cannot be written.
    pub fn new(config: AgentConfig) -> Result<Self, StartAgentError> {
        let jobs_dir = config.work_dir.join("jobs");
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |source| StartAgentError::WorkDir { path, source }
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&jobs_dir)
            .map_err(failed(&jobs_dir))?;
        let lock_path = config.work_dir.join("agent.lock");
        let lock = FileLock::take(&lock_path)
            .map_err(failed(&lock_path))?
            .ok_or_else(|| StartAgentError::Taken(config.work_dir.clone()))?;
        let client = RunnerClient::new(&config.server, &config.token)?;
        let instance_path = config.work_dir.join("instance");
        let instance = instance_of(&instance_path).map_err(failed(&instance_path))?;
        Ok(Self {
            config,
            client,
            jobs_dir,
            instance,
            _lock: lock,
        })
    }

    /// Works until `shutdown` is ready. Jobs under way go on in their supervisors; the next agent
    /// takes them up.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let mut free: BTreeSet<u32> = (0..self.config.slots).collect();
        let mut followers: JoinSet<(u32, String)> = JoinSet::new();
        let mut held: BTreeSet<String> = BTreeSet::new();
        for (dir, assignment, slot) in self.spooled() {
            free.remove(&slot);
            held.insert(assignment.job_id.clone());
            tracing::info!(job = %assignment.job_id, "job taken up again");
            followers.spawn(self.follow(dir, assignment, slot, true));
        }
        tokio::pin!(shutdown);
        let mut backoff = Backoff::new();
        // A request for a job is never dropped half-way: its answer may be a job.
        let mut request: Option<tokio::task::JoinHandle<Requested>> = None;
        loop {
            if request.is_none() && !free.is_empty() {
                request = Some(tokio::spawn(self.request(&held, backoff.clone())));
            }
            tokio::select! {
                () = &mut shutdown => break,
                Some(ended) = followers.join_next() => {
                    if let Ok((slot, job)) = ended {
                        held.remove(&job);
                        if slot < self.config.slots {
                            free.insert(slot);
                        }
                    }
                }
                answer = async { request.as_mut().expect("guarded by the condition").await },
                    if request.is_some() =>
                {
                    request = None;
                    let (assignment, next) = answer.unwrap_or((None, Backoff::new()));
                    backoff = next;
                    let slot = free.first().copied();
                    if let (Some(assignment), Some(slot)) = (assignment, slot)
                        && let Some(dir) = self.start(&assignment, slot)
                    {
                        free.remove(&slot);
                        held.insert(assignment.job_id.clone());
                        followers.spawn(self.follow(dir, *assignment, slot, false));
                    }
                }
            }
        }
        if let Some(request) = request {
            request.abort();
        }
        followers.shutdown().await;
    }

    /// Asks for one job; after a failure it pauses before it returns.
    fn request(
        &self,
        held: &BTreeSet<String>,
        mut backoff: Backoff,
    ) -> impl Future<Output = Requested> + Send + 'static {
        let (client, config) = (self.client.clone(), self.config.clone());
        let (instance, held) = (
            self.instance.clone(),
            held.iter().cloned().collect::<Vec<_>>(),
        );
        async move {
            match client
                .request(
                    &config.name,
                    &config.tags,
                    config.wait_s.min(30),
                    &instance,
                    &held,
                )
                .await
            {
                Ok(assignment) => (assignment.map(Box::new), Backoff::new()),
                Err(error) => {
                    tracing::warn!(server = %config.server, %error, "no answer to the wish for a job");
                    backoff.pause().await;
                    (None, backoff)
                }
            }
        }
    }

    /// Jobs left by a former agent.
    fn spooled(&self) -> Vec<(PathBuf, Assignment, u32)> {
        let Ok(entries) = fs::read_dir(&self.jobs_dir) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for dir in entries.flatten().map(|e| e.path()) {
            match supervisor::read_json::<Assignment>(&dir.join("assignment.json")) {
                Ok(assignment) => {
                    let slot = fs::read_to_string(dir.join("slot"))
                        .ok()
                        .and_then(|s| s.parse().ok())
                        .unwrap_or(u32::MAX);
                    found.push((dir, assignment, slot));
                }
                Err(error) => {
                    // Its agent died before the job was handed to a supervisor: never started. The
                    // server hears with the next request that it is not held, and queues it again.
                    tracing::warn!(dir = %dir.display(), %error, "an unfinished spool is removed");
                    let _ = fs::remove_dir_all(&dir);
                }
            }
        }
        found
    }

    fn follow(
        &self,
        dir: PathBuf,
        assignment: Assignment,
        slot: u32,
        adopted: bool,
    ) -> impl Future<Output = (u32, String)> + Send + 'static {
        let client = self.client.clone();
        let renew_every = self.config.renew_every;
        let job = assignment.job_id.clone();
        async move {
            Follower {
                client: &client,
                dir,
                assignment,
                renew_every,
                adopted,
            }
            .run()
            .await;
            (slot, job)
        }
    }

    /// Spools the job and starts its supervisor; `None` when this very lease is followed already.
    /// A job that cannot be started has its outcome spooled at once.
    fn start(&self, assignment: &Assignment, slot: u32) -> Option<PathBuf> {
        let lease = hex::encode(&Sha256::digest(assignment.lease.as_bytes())[..6]);
        let name: String = assignment
            .job_id
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '-' {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        let dir = self.jobs_dir.join(format!("{name}-{lease}"));
        if dir.exists() {
            tracing::warn!(job = %assignment.job_id, "given a second time under the same lease");
            return None;
        }
        if let Err(error) = self
            .spool(&dir, assignment, slot)
            .and_then(|()| self.spawn(&dir))
        {
            tracing::error!(job = %assignment.job_id, %error, "the job cannot be started");
            let message = format!("the runner cannot start the job: {error}");
            let outcome =
                supervisor::failed_outcome(FailureReason::RunnerSystemFailure, message, 0);
            let _ = supervisor::write_json(&dir.join("outcome.json"), &outcome);
        }
        Some(dir)
    }

    /// What jobs get from this machine, and the runner's tags as GitLab writes them: a JSON list.
    fn inherited(&self) -> Vec<(String, String)> {
        let tags = serde_json::json!(self.config.tags).to_string();
        let mut all = self.config.inherited.clone();
        all.push(("CI_RUNNER_TAGS".to_owned(), tags));
        all
    }

    fn spool(&self, dir: &Path, assignment: &Assignment, slot: u32) -> Result<(), SuperviseError> {
        let file = |source| SuperviseError::File {
            path: dir.to_path_buf(),
            source,
        };
        fs::DirBuilder::new()
            .mode(0o700)
            .create(dir)
            .map_err(file)?;
        fs::write(dir.join("slot"), slot.to_string()).map_err(file)?;
        let config = &self.config;
        let mut isolation = config.isolation.clone();
        isolation.hidden.push(config.work_dir.clone());
        let settings = SupervisorSettings {
            builds_dir: config.work_dir.join("builds"),
            cache_dir: Some(config.work_dir.join("cache")),
            cache_bytes: config.cache_bytes,
            slot,
            path: config.path.clone(),
            inherited: self.inherited(),
            grace_ms: u64::try_from(config.grace.as_millis()).unwrap_or(u64::MAX),
            run_as: config.run_as,
            isolation: Some(isolation),
            server: config.server.clone(),
            token: config.token.clone(),
        };
        supervisor::write_json(&dir.join("settings.json"), &settings)?;
        supervisor::write_json(&dir.join("assignment.json"), assignment)
    }

    fn spawn(&self, dir: &Path) -> Result<(), SuperviseError> {
        let file = |source| SuperviseError::File {
            path: dir.join("supervisor.err"),
            source,
        };
        let errors = File::create(dir.join("supervisor.err")).map_err(file)?;
        let (program, arguments) =
            self.config
                .supervisor
                .split_first()
                .ok_or_else(|| SuperviseError::File {
                    path: dir.to_path_buf(),
                    source: io::Error::other("no supervisor program is configured"),
                })?;
        let spawned = tokio::process::Command::new(program)
            .args(arguments)
            .arg(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .kill_on_drop(false)
            .spawn();
        let mut child = spawned.map_err(|source| SuperviseError::File {
            path: PathBuf::from(program),
            source,
        })?;
        // Reaps it; its result is read from the spool.
        tokio::spawn(async move { child.wait().await });
        Ok(())
    }
}
