//! The plan: what a pipeline file says for one event, fully resolved.
//!
//! A [`Plan`] holds only the jobs this pipeline would contain, in pipeline order (stage order,
//! then file order), with every template, default, rule and variable already applied. It is plain
//! data: stored with the pipeline, read by the state machine (`rialto-delivery-run`) and handed
//! job by job to a runner.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// A resolved pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// `workflow:name`, variables expanded.
    pub name: Option<String>,
    /// Stages that hold at least one job, in order; `.pre` first and `.post` last where used.
    pub stages: Vec<String>,
    /// Jobs in pipeline order.
    pub jobs: Vec<PlannedJob>,
    /// `workflow:auto_cancel:on_new_commit`.
    pub on_new_commit: OnNewCommit,
    /// `workflow:auto_cancel:on_job_failure: all` cancels the rest at the first failure.
    pub cancel_on_job_failure: bool,
}

/// What a newer pipeline on the same ref does to this one (`workflow:auto_cancel:on_new_commit`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum OnNewCommit {
    /// Cancel only while no `interruptible: false` job has started.
    #[default]
    Conservative,
    /// Cancel the interruptible jobs only.
    Interruptible,
    /// Never.
    None,
}

/// A job of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedJob {
    /// Unique name in the pipeline, e.g. `test 2/3` or `build: [linux, x64]`.
    pub name: String,
    /// The name before `parallel` expanded it; equal to `name` for other jobs.
    pub base_name: String,
    /// Stage; one of [`Plan::stages`].
    pub stage: String,
    /// When it may start.
    pub when: When,
    /// Delay after it becomes startable, in seconds (`when: delayed` only).
    pub start_in_s: Option<u64>,
    /// Whether failure stops the pipeline.
    pub allow_failure: AllowFailure,
    /// `None`: waits for all earlier stages. `Some`, even empty: a DAG job.
    pub needs: Option<Vec<Need>>,
    /// Jobs whose artifacts it takes; `None`: those of `needs`, or of all earlier stages.
    pub dependencies: Option<Vec<String>>,
    /// Script parts, flattened.
    pub before_script: Vec<String>,
    /// The script proper; never empty for a job a runner executes.
    pub script: Vec<String>,
    /// Runs afterwards in a fresh shell and cannot change the result.
    pub after_script: Vec<String>,
    /// Global and job variables after `inherit`, `workflow:rules` and `rules` had their say, in
    /// written order, not yet expanded.
    pub variables: IndexMap<String, VariableValue>,
    /// Container image asked for; a shell runner warns and ignores it.
    pub image: Option<String>,
    /// Service containers asked for; a shell runner refuses them.
    pub services: Vec<String>,
    /// Files to keep.
    pub artifacts: Option<Artifacts>,
    /// Caches, at most four.
    pub cache: Vec<Cache>,
    /// Automatic retries.
    pub retry: Retry,
    /// Job timeout in seconds, if the file sets one.
    pub timeout_s: Option<u64>,
    /// Runner tags, all of which a runner must carry.
    pub tags: Vec<String>,
    /// May be cancelled when superseded.
    pub interruptible: bool,
    /// Mutual exclusion within the project, variables expanded.
    pub resource_group: Option<String>,
    /// Deployment target, name and URL with variables expanded.
    pub environment: Option<Environment>,
    /// Regular expression that finds coverage in the log, without its slashes.
    pub coverage: Option<String>,
    /// `CI_NODE_INDEX` (1-based) and `CI_NODE_TOTAL` for parallel jobs.
    pub node: Option<(u32, u32)>,
    /// Where the job is defined.
    pub origin: Position,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub struct Position {
    /// Path in the repository, e.g. `.gitlab-ci.yml`.
    pub file: String,
    /// 1-based.
    pub line: u32,
    /// 1-based, in characters.
    pub column: u32,
}

/// A variable as written, with its expansion switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariableValue {
    /// Text value.
    pub value: String,
    /// `expand: false` keeps `$X` inside it as it is.
    pub expand: bool,
}

/// `when` of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// All predecessors succeeded.
    #[default]
    OnSuccess,
    /// A predecessor failed.
    OnFailure,
    /// Whatever the predecessors did.
    Always,
    /// A person plays it.
    Manual,
    /// A timer plays it.
    Delayed,
}

/// `allow_failure` of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum AllowFailure {
    /// Failure fails the pipeline; a manual job blocks it.
    #[default]
    No,
    /// Failure is a warning; a manual job does not block.
    Yes,
    /// Failure is a warning for these exit codes only.
    ExitCodes(Vec<i32>),
}

/// One entry of `needs`, names already expanded for `parallel`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// Name of a job in this plan.
    pub job: String,
    /// Take its artifacts.
    pub artifacts: bool,
}

/// Files a job leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Artifacts {
    /// Archive name, variables not expanded; `artifacts` when absent.
    pub name: Option<String>,
    /// Globs to keep.
    pub paths: Vec<String>,
    /// Globs to leave out.
    pub exclude: Vec<String>,
    /// Keep files git does not track.
    pub untracked: bool,
    /// When to keep them.
    pub when: ArtifactsWhen,
    /// Seconds to keep; `None` = the server's default, `Some(0)` = for ever (`never`).
    pub expire_in_s: Option<u64>,
    /// Link title on the merge request.
    pub expose_as: Option<String>,
    /// Reports by kind.
    pub reports: Reports,
}

/// `artifacts:when`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactsWhen {
    /// After success.
    #[default]
    OnSuccess,
    /// After failure.
    OnFailure,
    /// After both.
    Always,
}

/// `artifacts:reports` the platform reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Reports {
    /// JUnit XML globs.
    pub junit: Vec<String>,
    /// Coverage file with its format.
    pub coverage: Option<CoverageReport>,
    /// Variables for later jobs.
    pub dotenv: Vec<String>,
}

/// `artifacts:reports:coverage_report`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageReport {
    /// `cobertura` or `lcov` (ours).
    pub format: String,
    /// Path or glob.
    pub path: String,
}

/// A cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cache {
    /// Key source.
    pub key: CacheKey,
    /// Globs.
    pub paths: Vec<String>,
    /// Include untracked files.
    pub untracked: bool,
    /// Share between protected and other refs.
    pub unprotect: bool,
    /// Direction.
    pub policy: CachePolicy,
    /// When to save.
    pub when: ArtifactsWhen,
    /// Keys tried when the first misses.
    pub fallback_keys: Vec<String>,
}

/// `cache:key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheKey {
    /// Literal text with variables, `default` when absent.
    Text(String),
    /// Hash of files, with an optional prefix.
    Files {
        /// At most two paths or globs.
        files: Vec<String>,
        /// Put before the hash, variables not expanded.
        prefix: Option<String>,
        /// `files_commits`: hash of the last commits that touched the files.
        by_commits: bool,
    },
}

/// `cache:policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum CachePolicy {
    /// Restore and save.
    #[default]
    PullPush,
    /// Restore only.
    Pull,
    /// Save only.
    Push,
}

/// `retry`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Retry {
    /// 0 to 2.
    pub max: u8,
    /// Failure reasons that retry; empty with no `exit_codes` = all.
    pub when: Vec<String>,
    /// Exit codes that retry.
    pub exit_codes: Vec<i32>,
}

/// `environment`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Name, e.g. `production`.
    pub name: String,
    /// Address of the deployed service.
    pub url: Option<String>,
    /// What the job does to it.
    pub action: EnvironmentAction,
    /// Job that stops it.
    pub on_stop: Option<String>,
    /// Tier as written; derived from the name when absent.
    pub deployment_tier: Option<String>,
    /// Seconds until it is stopped by itself.
    pub auto_stop_in_s: Option<u64>,
}

/// `environment:action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentAction {
    /// Makes a deployment.
    #[default]
    Start,
    /// Prepares only.
    Prepare,
    /// Ends the deployment.
    Stop,
    /// Checks only.
    Verify,
    /// Uses it.
    Access,
}
