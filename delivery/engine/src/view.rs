//! What the HTTP interface shows, in its own shapes.

use jiff::Timestamp;
use rialto_delivery_run::state::Status;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::incident::{Alarm, CandidateCommit};
use crate::log_view::LogMatch;
use crate::words::Text;

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Listed<T> {
    /// Items.
    pub items: Vec<T>,
    /// Where the next page starts; opaque.
    pub next: Option<String>,
}

/// A person in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PersonView {
    /// Name.
    pub name: String,
    /// E-mail.
    pub email: String,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the words of the HTTP contract")]
pub struct ProjectView {
    pub id: String,
    pub path: String,
    pub name: String,
    pub namespace: String,
    pub description: String,
    pub default_branch: String,
    pub clone_url: String,
    pub light: LightView,
    pub last_pipeline: Option<PipelineSummary>,
    pub created_at: String,
}

/// Light of the default branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LightView {
    /// `green`, `red` or `none`.
    pub state: &'static str,
    /// Since when.
    pub since: Option<String>,
    /// The open incident.
    pub incident_id: Option<String>,
}

/// A mistake in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ConfigErrorView {
    /// Path in the repository.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
    /// What is wrong and what to do.
    pub message: String,
    /// The message in both languages; where the Chinese has only its kind, the code says so.
    pub text: Text,
}

/// A pipeline in a list.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the words of the HTTP contract")]
pub struct PipelineSummary {
    pub id: String,
    pub no: i64,
    pub project_id: String,
    pub project_path: String,
    #[serde(rename = "ref")]
    pub ref_name: String,
    pub sha: String,
    pub short_sha: String,
    pub title: String,
    pub author: PersonView,
    pub source: String,
    #[schema(value_type = String)]
    pub status: Status,
    pub warnings: bool,
    pub config_errors: Vec<ConfigErrorView>,
    pub created_at: String,
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
    pub duration_ms: Option<i64>,
    pub queued_ms: Option<i64>,
    pub trigger_user: Option<String>,
}

/// A pipeline with its jobs.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PipelineView {
    /// As in a list.
    #[serde(flatten)]
    pub summary: PipelineSummary,
    /// Stages in order.
    pub stages: Vec<StageView>,
    /// Newest verdict.
    pub verdict: Option<VerdictLink>,
    /// Incident it opened, prolonged or closed.
    pub incident_id: Option<String>,
    /// Release made from it.
    pub release_id: Option<String>,
}

/// A verdict in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct VerdictLink {
    /// Id.
    pub id: String,
    /// `passed`, `failed` or `error`.
    pub result: String,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct StageView {
    /// Name.
    pub name: String,
    /// Status.
    #[schema(value_type = String)]
    pub status: Status,
    /// Jobs, earlier attempts included.
    pub jobs: Vec<JobView>,
}

/// A stored file of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the words of the HTTP contract")]
pub struct ArtifactView {
    pub kind: String,
    pub name: String,
    pub size: i64,
    pub sha256: String,
    pub expires_at: Option<String>,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the words of the HTTP contract")]
pub struct JobView {
    pub id: String,
    pub name: String,
    pub stage: String,
    #[schema(value_type = String)]
    pub status: Status,
    pub when: String,
    pub allow_failure: bool,
    pub needs: Option<Vec<String>>,
    pub failure_reason: Option<String>,
    pub failure_message: Option<String>,
    /// The message in both languages.
    pub failure_text: Option<Text>,
    /// Why it waits, where no runner that is connected can take it.
    pub waiting_reason: Option<String>,
    /// The same in both languages.
    pub waiting_text: Option<Text>,
    pub exit_code: Option<i64>,
    pub attempt: i64,
    pub superseded: bool,
    pub created_at: String,
    pub queued_at: Option<String>,
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
    pub duration_ms: Option<i64>,
    pub coverage_percent: Option<String>,
    pub environment: Option<String>,
    pub deployment_id: Option<String>,
    pub playable: bool,
    pub retryable: bool,
    pub cancelable: bool,
    pub log_bytes: u64,
    pub artifacts: Vec<ArtifactView>,
    pub runner: Option<String>,
    pub pipeline_id: String,
    pub project_id: String,
}

/// A job with its pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct JobDetail {
    /// As in a pipeline.
    #[serde(flatten)]
    pub job: JobView,
    /// Its pipeline.
    pub pipeline: PipelineSummary,
    /// The line that says why it failed.
    pub failing_line: Option<LogMatch>,
}

/// Tests of a pipeline.
#[derive(Debug, Clone, Default, PartialEq, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the words of the HTTP contract")]
pub struct TestReportView {
    pub total: u64,
    pub passed: u64,
    pub failed: u64,
    pub errored: u64,
    pub skipped: u64,
    pub flaky: u64,
    pub duration_ms: u64,
    pub files: Vec<ReportFileView>,
    pub suites: Vec<SuiteView>,
}

/// A report file and how its reading ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the words of the HTTP contract")]
pub struct ReportFileView {
    pub job_name: String,
    pub name: String,
    /// `parsed`, `partial` or `refused`.
    pub outcome: String,
    pub reason: Option<String>,
    /// The reason in both languages.
    pub text: Option<Text>,
    pub line: Option<i64>,
    pub count_mismatch: bool,
}

/// A suite.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the words of the HTTP contract")]
pub struct SuiteView {
    pub name: String,
    pub job_name: String,
    pub total: u64,
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
    pub duration_ms: u64,
    pub cases: Vec<CaseView>,
}

/// A test case.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the words of the HTTP contract")]
pub struct CaseView {
    pub name: String,
    pub classname: String,
    pub file: Option<String>,
    /// `passed`, `failed`, `errored` or `skipped`.
    pub status: &'static str,
    pub flaky: bool,
    pub duration_ms: Option<u64>,
    pub message: Option<String>,
    pub output: Option<String>,
}

/// A part of a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RatioView {
    /// Part.
    pub covered: u64,
    /// Whole.
    pub total: u64,
    /// Rounded down to two places.
    pub percent: Option<String>,
}

/// Coverage of a pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the words of the HTTP contract")]
pub struct CoverageReportView {
    pub overall: RatioView,
    pub existing: RatioView,
    pub new_lines: RatioView,
    pub base_sha: Option<String>,
    pub base_choice: String,
    pub files: Vec<FileCoverageView>,
    pub unmapped: Vec<String>,
    pub refused: Vec<RefusedView>,
}

/// Coverage of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the words of the HTTP contract")]
pub struct FileCoverageView {
    pub path: String,
    pub covered: u64,
    pub total: u64,
    pub percent: Option<String>,
    pub new_covered: u64,
    pub new_total: u64,
    pub uncovered_new_lines: Vec<u32>,
}

/// A report that could not be taken whole, or that contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RefusedView {
    /// File.
    pub name: String,
    /// `partial`, `refused` or `contradictory`.
    pub outcome: String,
    /// Line of the fault, from 1.
    pub line: Option<i64>,
    /// Why.
    pub reason: String,
    /// The same in both languages.
    pub text: Text,
}

/// A pipeline in an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PipelineLink {
    /// Id.
    pub id: String,
    /// Number.
    pub no: i64,
    /// Commit.
    pub sha: String,
}

/// A failed job in an incident.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct FailedJobView {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Why.
    pub failure_reason: Option<String>,
    /// Why, in words.
    pub failure_message: Option<String>,
    /// The message in both languages.
    pub failure_text: Option<Text>,
    /// The line that says why.
    pub failing_line: Option<LogMatch>,
}

/// Who broke what on a branch whose light is red, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CauseView {
    /// Jobs it broke; none: the configuration.
    pub jobs: Vec<String>,
    /// Who pushed it; null: the platform failed, which nobody pushed.
    pub owner: Option<PersonView>,
    /// Login of that account; null where no account pushed it.
    pub owner_login: Option<String>,
    /// Author of the commit, as the commit says.
    pub author: Option<PersonView>,
    /// Class.
    pub cause_class: String,
    /// Commit it was seen at first.
    pub sha: String,
    /// RFC 3339.
    pub pushed_at: String,
    /// RFC 3339: since when it is broken.
    pub red_at: String,
    /// RFC 3339: when the last of its jobs had passed again; null while it is broken.
    pub repaired_at: Option<String>,
    /// Commits that may have done it, newest first.
    pub commits: Vec<CandidateCommit>,
}

/// A red-light incident. Owner, author, class, commits and times are those of the first cause;
/// `causes` tells which of them are still broken.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the words of the HTTP contract")]
pub struct IncidentView {
    pub id: String,
    pub no: i64,
    pub project_id: String,
    pub project_path: String,
    pub branch: String,
    pub state: String,
    pub close_kind: Option<String>,
    pub pushed_at: String,
    pub red_at: String,
    pub green_at: Option<String>,
    pub detection_ms: i64,
    /// From red to green; null while open.
    pub repair_ms: Option<i64>,
    pub total_ms: Option<i64>,
    /// From red to green in working hours; null while open.
    pub repair_working_ms: Option<i64>,
    /// How long it has been red by now; null once closed.
    pub open_ms: Option<i64>,
    /// The same in working hours.
    pub open_working_ms: Option<i64>,
    /// Who broke it: the account that pushed the breakage.
    pub owner: Option<PersonView>,
    /// Login of that account; null where no account pushed it.
    pub owner_login: Option<String>,
    /// Author of the failing commit, as the commit says.
    pub author: Option<PersonView>,
    pub cause_class: String,
    pub cause_confidence: i64,
    pub failing_pipeline: PipelineLink,
    pub failing_jobs: Vec<FailedJobView>,
    pub commits: Vec<CandidateCommit>,
    /// Who broke what since when, the first one first; later ones broke something more.
    pub causes: Vec<CauseView>,
    pub closing_pipeline: Option<PipelineLink>,
    pub alarms: Vec<Alarm>,
}

/// A verdict: the record as it was given.
pub type VerdictView = Value;

/// RFC 3339 in UTC of a stored time.
#[must_use]
pub fn time_text(micros: i64) -> String {
    Timestamp::from_microsecond(micros).map_or_else(|_| String::new(), |at| at.to_string())
}
