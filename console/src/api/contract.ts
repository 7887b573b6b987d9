import type { BothTexts } from "./problem";

/**
 * Shapes of the HTTP answers as the pages use them: the only seam between the console and the API.
 * `contract.check.ts` holds them against the types generated from the server's documents. Enums are
 * open: a word this console does not know yet is shown as it is.
 */
export type Open<T extends string> = T | (string & {});

export interface List<T> {
  items: T[];
  next_page_token: string | null;
}

export interface UiConfig {
  modules: { name: string; base: string }[];
  brand: string;
  locale: string;
  version: string;
}

export interface User {
  /** Whether they may sign in. */
  active?: boolean;
  id: string;
  login: string;
  name: string;
  email: string;
  roles: string[];
  locale: string | null;
}

export interface SessionAnswer {
  user: User;
  /** Null for callers without a browser session. */
  csrf_token: string | null;
}

export interface Token {
  id: string;
  name: string;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
}

export interface IssuedToken extends Token {
  /** Shown once; the server keeps only its hash. */
  token: string;
}

export interface EvidenceHead {
  log: string;
  size: number;
  root: string;
  last_hash: string;
  time: string;
  key_id: string;
  signature: string;
}

export interface EvidenceRecord {
  seq: number;
  time: string;
  epoch: number;
  actor: { id: string; kind: string; name: string | null };
  type: string;
  subject: string;
  body: unknown;
  refs: { kind: string; id: string; sha256: string | null }[];
  prev: string;
  hash: string;
}

export interface EvidenceCheck {
  ok: boolean;
  size: number;
  first_bad_seq: number | null;
  message: string;
}

export type JobStatus = Open<
  | "created"
  | "waiting_for_resource"
  | "preparing"
  | "pending"
  | "running"
  | "canceling"
  | "success"
  | "failed"
  | "canceled"
  | "skipped"
  | "manual"
  | "scheduled"
>;

/**
 * A text of the server in both languages, with what it is made of. It stands beside the plain
 * field it translates; an older server sends that one only.
 */
export interface Said extends BothTexts {
  code: string;
  params: Record<string, string>;
}

export interface Person {
  name: string;
  email: string;
}

export interface UserRef {
  id: string;
  name: string;
}

export interface ConfigError {
  file: string;
  line: number;
  column: number;
  message: string;
  /** In both languages; the Chinese may name the kind of mistake alone. */
  text?: Said | null;
}

export interface PipelineSummary {
  id: string;
  no: number;
  project_id: string;
  project_path: string;
  ref: string;
  sha: string;
  short_sha: string;
  title: string;
  author: Person;
  source: string;
  status: JobStatus;
  warnings: boolean;
  config_errors: ConfigError[];
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  duration_ms: number | null;
  queued_ms: number | null;
  trigger_user: string | null;
}

export interface Artifact {
  kind: string;
  name: string;
  size: number;
  sha256: string;
  expires_at: string | null;
}

export interface Job {
  id: string;
  name: string;
  stage: string;
  status: JobStatus;
  when: string;
  allow_failure: boolean;
  needs: string[] | null;
  failure_reason: string | null;
  failure_message: string | null;
  failure_text?: Said | null;
  waiting_reason?: string | null;
  waiting_text?: Said | null;
  exit_code: number | null;
  attempt: number;
  superseded: boolean;
  created_at: string;
  queued_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  duration_ms: number | null;
  coverage_percent: string | number | null;
  environment: string | null;
  deployment_id: string | null;
  playable: boolean;
  retryable: boolean;
  cancelable: boolean;
  log_bytes: number;
  artifacts: Artifact[];
  runner: string | null;
  pipeline_id: string;
  project_id: string;
}

export interface FailingLine {
  line: number;
  offset: number;
  text: string;
}

export interface JobDetail extends Job {
  pipeline: PipelineSummary;
  failing_line: FailingLine | null;
}

export interface Stage {
  name: string;
  status: JobStatus;
  jobs: Job[];
}

export interface Pipeline extends PipelineSummary {
  stages: Stage[];
  verdict: { id: string; result: string } | null;
  incident_id: string | null;
  release_id: string | null;
}

export interface Project {
  id: string;
  path: string;
  name: string;
  namespace: string;
  description: string;
  default_branch: string;
  clone_url: string;
  light: {
    state: Open<"green" | "red" | "none">;
    since: string | null;
    incident_id: string | null;
  };
  last_pipeline: PipelineSummary | null;
  created_at: string;
}

export interface Variable {
  key: string;
  value: string | null;
  masked: boolean;
  protected: boolean;
  file: boolean;
  environment_scope: string;
}

export interface GateRule {
  id: string;
  measure: string;
  scope: string;
  op: string;
  bound: string | number;
  on_missing?: string;
  min_sample?: number | null;
  small_change?: { min_new_lines: number; action: string } | null;
  effect?: string;
  waivable?: boolean;
  applies_to?: unknown;
  [extra: string]: unknown;
}

export interface GateRules {
  rule_set_id: string;
  version: number;
  rules: GateRule[];
}

export interface LogLine {
  no: number;
  offset: number;
  text: string;
}

export interface LogLines {
  total_lines: number;
  total_bytes: number;
  complete: boolean;
  from: number;
  lines: LogLine[];
}

export interface LogSection {
  name: string;
  header: string;
  start_line: number;
  end_line: number | null;
  started_at: string | null;
  duration_ms: number | null;
  collapsed: boolean;
}

export interface LogMatches {
  total: number;
  matches: { line: number; offset: number; text: string }[];
}

export interface TestCase {
  name: string;
  classname: string | null;
  file: string | null;
  status: Open<"passed" | "failed" | "errored" | "skipped">;
  flaky: boolean;
  duration_ms: number | null;
  message: string | null;
  output: string | null;
}

export interface TestSuite {
  name: string;
  job_name: string;
  total: number;
  passed: number;
  failed: number;
  skipped: number;
  duration_ms: number | null;
  cases: TestCase[];
}

export interface TestReport {
  total: number;
  passed: number;
  failed: number;
  errored: number;
  skipped: number;
  flaky: number;
  duration_ms: number | null;
  files: {
    job_name: string;
    name: string;
    outcome: Open<"parsed" | "partial" | "refused">;
    reason: string | null;
    text?: Said | null;
    line: number | null;
    count_mismatch: boolean;
  }[];
  suites: TestSuite[];
}

export interface Ratio {
  covered: number;
  total: number;
  percent: string | null;
}

export interface CoverageFile {
  path: string;
  covered: number;
  total: number;
  percent: string | null;
  new_covered: number;
  new_total: number;
  uncovered_new_lines: number[];
}

export interface CoverageReport {
  overall: Ratio;
  existing: Ratio;
  new_lines: Ratio;
  base_sha: string | null;
  base_choice: string;
  files: CoverageFile[];
  unmapped: string[];
  refused: {
    name: string;
    outcome?: Open<"partial" | "refused" | "contradictory">;
    line?: number | null;
    reason: string;
    text?: Said | null;
  }[];
}

export interface VerdictRule {
  id: string;
  measure: string;
  scope: string;
  op: string;
  bound: string | number;
  numerator: string | number | null;
  denominator: string | number | null;
  value: string | number | null;
  result: Open<"pass" | "fail" | "not_applicable" | "missing" | "skipped_small" | "waived">;
  effect: Open<"block" | "warn">;
  detail: string | null;
  text?: Said | null;
  offenders: { file: string; line: number | null; note: string | null; text?: Said | null }[];
}

export interface Verdict {
  id: string;
  project_id: string;
  pipeline_id: string;
  sha: string;
  artifact_digest: string | null;
  event: string;
  rule_set: { id: string; version: number; sha256: string };
  base_sha: string | null;
  base_choice: string | null;
  inputs: {
    kind: string;
    job: string;
    name: string;
    digest: string;
    reader: string;
    outcome: string;
    reason: string | null;
    text?: Said | null;
  }[];
  rules: VerdictRule[];
  overall: Open<"passed" | "failed" | "error">;
  /** Why the verdict is an error. */
  error: string | null;
  error_text?: Said | null;
  evaluator: string;
  created_at: string;
  evidence_seq: number | null;
}

export interface IncidentCause {
  /** None: the configuration. */
  jobs: string[];
  /** None: the platform failed, which nobody pushed. */
  owner: Person | null;
  author?: Person | null;
  cause_class: string;
  sha: string;
  pushed_at: string;
  red_at: string;
  repaired_at: string | null;
  commits: Incident["commits"];
}

export interface Incident {
  id: string;
  no: number;
  project_id: string;
  project_path: string;
  branch: string;
  state: Open<"open" | "closed">;
  close_kind: Open<"repaired" | "closed_by_removal" | "flaky"> | null;
  pushed_at: string;
  red_at: string;
  green_at: string | null;
  detection_ms: number | null;
  repair_ms: number | null;
  total_ms: number | null;
  repair_working_ms: number | null;
  open_ms: number | null;
  open_working_ms: number | null;
  /** Who pushed what broke it. */
  owner: Person | null;
  /** Who wrote it, as the commit says. */
  author?: Person | null;
  cause_class: string | null;
  cause_confidence: number;
  failing_pipeline: { id: string; no: number; sha: string };
  failing_jobs: {
    id: string;
    name: string;
    failure_reason: string | null;
    failure_message?: string | null;
    failure_text?: Said | null;
    failing_line: FailingLine | null;
  }[];
  commits: {
    sha: string;
    title: string;
    author_name: string;
    author_email: string;
    authored_at: string;
  }[];
  /** Who broke what since when, the first one first. */
  causes: IncidentCause[];
  closing_pipeline: { id: string; no: number; sha: string } | null;
  alarms: { at: string; level: string | number }[];
}

export interface ReleaseRef {
  id: string;
  version: string;
  digest: string;
}

export interface Slot {
  name: Open<"blue" | "green" | "violet">;
  role: Open<"active" | "standby" | "candidate" | "reserve" | "idle">;
  health: Open<"starting" | "healthy" | "unhealthy" | "stopped">;
  release_id: string | null;
  version: string | null;
  digest: string | null;
  pid: number | null;
  address: string | null;
  started_at: string | null;
  last_probe_at: string | null;
}

export interface Environment {
  id: string;
  project_id: string;
  project_path: string;
  name: string;
  tier: string;
  protected: boolean;
  url: string | null;
  state: Open<"idle" | "deploying" | "serving" | "rollback_failed">;
  slots: Slot[];
  active_release: ReleaseRef | null;
  last_deployment_id: string | null;
  traffic: {
    requests: number;
    failed_requests: number;
    failed_attempts: number;
    rescued: number;
    retried: number;
  } | null;
  can_roll_back: boolean;
  why_not: string | null;
  why_not_text?: Said | null;
}

export interface Release {
  id: string;
  no: number;
  project_id: string;
  project_path: string;
  version: string;
  digest: string;
  sha: string;
  pipeline_id: string;
  artifact: { name: string; size: number };
  created_at: string;
  verdict: { id: string; result: string } | null;
  deployments: { id: string; environment: string; state: string }[];
}

export interface DeploymentStep {
  at: string;
  name: string;
  outcome: Open<"started" | "ok" | "failed">;
  detail: string | null;
  text?: Said | null;
  duration_ms: number | null;
}

export interface Deployment {
  id: string;
  no: number;
  project_id: string;
  project_path: string;
  environment: { id: string; name: string };
  kind: Open<"deploy" | "rollback" | "automatic_rollback">;
  release: ReleaseRef;
  previous_release: ReleaseRef | null;
  state: string;
  reasons: string[];
  reasons_text?: Said[];
  /** Why a person asked for it (roll back); empty for pipelines. */
  reason_given: string;
  requested_by: UserRef | null;
  authors: Person[];
  approvals: {
    user: UserRef;
    decision: Open<"approved" | "rejected">;
    comment: string | null;
    at: string;
  }[];
  required_approvals: number;
  may_approve: boolean;
  why_not_approve: string | null;
  why_not_approve_text?: Said | null;
  steps: DeploymentStep[];
  job_id: string | null;
  pipeline_id: string | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  switched_at: string | null;
  approval_expires_at: string | null;
  rollback_ms: number | null;
}

export interface LiveEvent {
  topic: string;
  id: string;
  version: number;
  changed: string[];
  log_bytes?: number;
}
