//! What a runner is handed and what it reports back: the contract between server and runner, and
//! between `rialto ci run` and the executor. Plain data, carried as JSON.

use rialto_delivery_pipeline::plan::{Artifacts, Cache};
use serde::{Deserialize, Serialize};

use crate::state::FailureReason;

/// Everything a runner needs to run one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// Job id, opaque.
    pub job_id: String,
    /// Lease token; every report carries it, and an older one is refused.
    pub lease: String,
    /// Job name for people.
    pub job_name: String,
    /// Stage name.
    pub stage: String,
    /// Project path, e.g. `sample/quote-service`.
    pub project_path: String,
    /// Where the working tree comes from.
    pub source: Source,
    /// Script parts as in the plan.
    pub before_script: Vec<String>,
    /// Script.
    pub script: Vec<String>,
    /// After-script.
    pub after_script: Vec<String>,
    /// All variables for the job in rising precedence, values fully expanded by the server.
    pub variables: Vec<JobVariable>,
    /// Artifact archives to unpack first, in download order.
    pub dependencies: Vec<ArtifactSource>,
    /// What to keep afterwards.
    pub artifacts: Option<Artifacts>,
    /// Caches; key text still holds variables.
    pub cache: Vec<Cache>,
    /// Whether the ref is protected (separate cache name-space).
    pub protected_ref: bool,
    /// Whole-job timeout, seconds.
    pub timeout_s: u64,
    /// Limits to enforce.
    pub limits: Limits,
    /// `image` asked for; the shell executor prints a warning and goes on.
    pub image: Option<String>,
    /// Service containers asked for; the shell executor refuses a job that has any.
    #[serde(default)]
    pub services: Vec<String>,
}

/// Where the working tree comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Source {
    /// Fetch from a repository and check out `sha` detached.
    Git {
        /// URL with credentials inside (job token); masked in the log.
        url: String,
        /// Full commit id.
        sha: String,
        /// Ref to fetch, e.g. `refs/heads/main`.
        git_ref: String,
    },
    /// Run in this directory as it is (`rialto ci run`).
    WorkingCopy {
        /// Absolute path.
        path: String,
    },
}

/// A variable of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobVariable {
    /// Name.
    pub key: String,
    /// Value.
    pub value: String,
    /// Replace it by `[MASKED]` in the log.
    #[serde(default)]
    pub masked: bool,
    /// Write the value to a file and set the variable to its path.
    #[serde(default)]
    pub file: bool,
}

/// An artifact archive of another job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactSource {
    /// Job that made it.
    pub job_name: String,
    /// Zip archive: an `http(s)://` URL (fetched with the lease token) or an absolute path.
    pub location: String,
    /// SHA-256 of the archive, hex.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// Resource limits of a job; `None` = not limited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Limits {
    /// Resident memory of all its processes, bytes.
    pub memory_bytes: Option<u64>,
    /// Processes alive at once.
    pub processes: Option<u32>,
    /// Bytes the working tree may grow to.
    pub disk_bytes: Option<u64>,
    /// Log bytes kept; the rest is dropped with one notice. Default 16 MiB.
    pub log_bytes: Option<u64>,
    /// Largest artifact archive. Default 100 MiB.
    pub artifact_bytes: Option<u64>,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobOutcome {
    /// Success or not.
    pub result: JobResult,
    /// Exit status of the script; 128 + n for death by signal n.
    pub exit_code: Option<i32>,
    /// Masked log bytes written in all.
    pub log_bytes: u64,
    /// Coverage found in the log, as written (e.g. `87.5`); filled by the server or `ci run`.
    pub coverage: Option<String>,
    /// Files to hand over: archive and reports.
    pub files: Vec<OutcomeFile>,
    /// dotenv variables for later jobs.
    pub dotenv: Vec<JobVariable>,
    /// What isolation and limits were really in force, e.g. `process_group`, `subreaper`, `rlimit`.
    pub isolation: Vec<String>,
    /// Facts a gate may ask for, e.g. `image_ignored`.
    pub notes: Vec<String>,
}

/// End state of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum JobResult {
    /// Exit 0, artifacts stored.
    Success,
    /// Failed.
    Failed {
        /// Why.
        reason: FailureReason,
        /// A sentence for people: what, where, what to do.
        message: String,
    },
    /// Cancelled, process tree gone.
    Canceled,
}

/// A file a job leaves for the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeFile {
    /// `archive`, `junit`, `cobertura`, `lcov` or `dotenv`.
    pub kind: String,
    /// File name for people, e.g. `artifacts.zip` or `target/junit.xml`.
    pub name: String,
    /// Where the runner keeps it, absolute path.
    pub path: String,
    /// SHA-256, hex.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}
