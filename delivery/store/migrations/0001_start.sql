-- Projects and their settings.
CREATE TABLE project (
    id TEXT PRIMARY KEY,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    default_branch TEXT NOT NULL,
    timeout_s BIGINT NOT NULL,
    last_pipeline_no BIGINT NOT NULL,
    last_incident_no BIGINT NOT NULL,
    last_release_no BIGINT NOT NULL,
    last_deployment_no BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE protected_branch (
    project_id TEXT NOT NULL REFERENCES project (id),
    pattern TEXT NOT NULL,
    push_roles TEXT NOT NULL,
    allow_force BOOLEAN NOT NULL,
    allow_delete BOOLEAN NOT NULL,
    PRIMARY KEY (project_id, pattern)
);

CREATE TABLE project_variable (
    project_id TEXT NOT NULL REFERENCES project (id),
    key TEXT NOT NULL,
    environment_scope TEXT NOT NULL,
    value TEXT NOT NULL,
    masked BOOLEAN NOT NULL,
    protected BOOLEAN NOT NULL,
    file BOOLEAN NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, key, environment_scope)
);

CREATE TABLE gate_rule_set (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES project (id),
    version BIGINT NOT NULL,
    rules TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (project_id, version)
);

-- Git: refs as last seen, and what moved them.
CREATE TABLE git_ref (
    project_id TEXT NOT NULL REFERENCES project (id),
    name TEXT NOT NULL,
    sha TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, name)
);

CREATE TABLE push_event (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES project (id),
    push_id TEXT NOT NULL,
    ref_name TEXT NOT NULL,
    old_sha TEXT NOT NULL,
    new_sha TEXT NOT NULL,
    pusher_id TEXT NOT NULL,
    pusher_login TEXT NOT NULL,
    pusher_name TEXT NOT NULL,
    pusher_email TEXT NOT NULL,
    options TEXT NOT NULL,
    pushed_at BIGINT NOT NULL,
    handled_at BIGINT,
    UNIQUE (project_id, push_id, ref_name)
);
CREATE INDEX push_event_unhandled ON push_event (pushed_at) WHERE handled_at IS NULL;
CREATE INDEX push_event_by_ref ON push_event (project_id, ref_name, pushed_at);
CREATE INDEX push_event_by_sha ON push_event (project_id, new_sha);

-- Pipelines.
CREATE TABLE pipeline (
    id TEXT PRIMARY KEY,
    no BIGINT NOT NULL,
    project_id TEXT NOT NULL REFERENCES project (id),
    project_path TEXT NOT NULL,
    ref_name TEXT NOT NULL,
    is_tag BOOLEAN NOT NULL,
    protected_ref BOOLEAN NOT NULL,
    sha TEXT NOT NULL,
    before_sha TEXT NOT NULL,
    title TEXT NOT NULL,
    author_name TEXT NOT NULL,
    author_email TEXT NOT NULL,
    source TEXT NOT NULL,
    status TEXT NOT NULL,
    has_warnings BOOLEAN NOT NULL,
    config_errors TEXT NOT NULL,
    push_event_id TEXT UNIQUE REFERENCES push_event (id),
    trigger_user_id TEXT,
    trigger_user_name TEXT,
    pushed_at BIGINT,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    duration_ms BIGINT,
    queued_ms BIGINT,
    verdict_id TEXT,
    incident_id TEXT,
    release_id TEXT,
    unsettled BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    UNIQUE (project_id, no)
);
CREATE INDEX pipeline_unsettled ON pipeline (created_at) WHERE unsettled;
CREATE INDEX pipeline_newest ON pipeline (created_at, id);
CREATE INDEX pipeline_by_project ON pipeline (project_id, created_at, id);
CREATE INDEX pipeline_by_ref ON pipeline (project_id, ref_name, created_at, id);
CREATE INDEX pipeline_by_status ON pipeline (status, created_at, id);
CREATE INDEX pipeline_by_sha ON pipeline (project_id, sha);

-- The plan is large and read only by the scheduler.
CREATE TABLE pipeline_plan (
    pipeline_id TEXT PRIMARY KEY REFERENCES pipeline (id),
    plan TEXT NOT NULL,
    managed TEXT NOT NULL,
    predefined TEXT NOT NULL,
    variables TEXT NOT NULL,
    release_definition TEXT
);

CREATE TABLE job (
    id TEXT PRIMARY KEY,
    pipeline_id TEXT NOT NULL REFERENCES pipeline (id),
    project_id TEXT NOT NULL REFERENCES project (id),
    plan_index BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    superseded BOOLEAN NOT NULL,
    name TEXT NOT NULL,
    stage TEXT NOT NULL,
    status TEXT NOT NULL,
    when_word TEXT NOT NULL,
    allow_failure BOOLEAN NOT NULL,
    needs TEXT,
    played BOOLEAN NOT NULL,
    awaits_approval BOOLEAN NOT NULL,
    managed BOOLEAN NOT NULL,
    failure_reason TEXT,
    failure_message TEXT,
    exit_code BIGINT,
    tags TEXT NOT NULL,
    queue_class BIGINT NOT NULL,
    resource_group TEXT,
    environment TEXT,
    environment_action TEXT,
    deployment_id TEXT,
    timeout_s BIGINT NOT NULL,
    run_at BIGINT,
    created_at BIGINT NOT NULL,
    queued_at BIGINT,
    started_at BIGINT,
    finished_at BIGINT,
    runner_id TEXT,
    runner_name TEXT,
    lease TEXT,
    lease_renewed_at BIGINT,
    coverage TEXT,
    log_bytes BIGINT NOT NULL,
    log_sha256 TEXT,
    failing_line TEXT,
    isolation TEXT NOT NULL,
    notes TEXT NOT NULL,
    dotenv TEXT NOT NULL,
    played_by TEXT,
    version BIGINT NOT NULL,
    UNIQUE (pipeline_id, plan_index, attempt)
);
CREATE INDEX job_queue ON job (status, queue_class, queued_at);
CREATE INDEX job_by_lease ON job (lease) WHERE lease IS NOT NULL;
CREATE INDEX job_by_project_status ON job (project_id, status);
CREATE INDEX job_by_group ON job (project_id, resource_group, status);

CREATE TABLE job_artifact (
    id TEXT PRIMARY KEY,
    job_id TEXT NOT NULL REFERENCES job (id),
    pipeline_id TEXT NOT NULL REFERENCES pipeline (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    UNIQUE (job_id, kind, name)
);
CREATE INDEX job_artifact_by_pipeline ON job_artifact (pipeline_id, kind);
CREATE INDEX job_artifact_by_digest ON job_artifact (sha256);

CREATE TABLE runner (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    tags TEXT NOT NULL,
    version TEXT NOT NULL,
    executors TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_contact_at BIGINT NOT NULL
);

-- Facts read from reports.
CREATE TABLE report_file (
    id TEXT PRIMARY KEY,
    pipeline_id TEXT NOT NULL REFERENCES pipeline (id),
    job_id TEXT NOT NULL REFERENCES job (id),
    job_name TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    reader TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT,
    line BIGINT,
    count_mismatch BOOLEAN NOT NULL,
    facts_sha256 TEXT,
    total BIGINT NOT NULL,
    passed BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    errored BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    flaky BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    covered BIGINT NOT NULL,
    coverable BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (job_id, kind, name)
);
CREATE INDEX report_file_by_pipeline ON report_file (pipeline_id, kind);

CREATE TABLE verdict (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES project (id),
    pipeline_id TEXT NOT NULL REFERENCES pipeline (id),
    artifact_digest TEXT,
    event TEXT NOT NULL,
    overall TEXT NOT NULL,
    record TEXT NOT NULL,
    evidence_seq BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX verdict_by_pipeline ON verdict (pipeline_id, created_at);
CREATE INDEX verdict_by_digest ON verdict (project_id, artifact_digest);

-- Red-light incidents.
CREATE TABLE incident (
    id TEXT PRIMARY KEY,
    no BIGINT NOT NULL,
    project_id TEXT NOT NULL REFERENCES project (id),
    project_path TEXT NOT NULL,
    branch TEXT NOT NULL,
    state TEXT NOT NULL,
    close_kind TEXT,
    pushed_at BIGINT NOT NULL,
    red_at BIGINT NOT NULL,
    green_at BIGINT,
    last_green_sha TEXT,
    failing_sha TEXT NOT NULL,
    failing_pipeline_id TEXT NOT NULL REFERENCES pipeline (id),
    closing_pipeline_id TEXT REFERENCES pipeline (id),
    failed_jobs TEXT NOT NULL,
    owner_name TEXT,
    owner_email TEXT,
    cause_class TEXT NOT NULL,
    cause_confidence BIGINT NOT NULL,
    commits TEXT NOT NULL,
    alarms TEXT NOT NULL,
    version BIGINT NOT NULL,
    UNIQUE (project_id, no)
);
CREATE UNIQUE INDEX incident_open_branch ON incident (project_id, branch) WHERE state = 'open';
CREATE INDEX incident_newest ON incident (red_at, id);

-- Releases and deployments.
CREATE TABLE release (
    id TEXT PRIMARY KEY,
    no BIGINT NOT NULL,
    project_id TEXT NOT NULL REFERENCES project (id),
    project_path TEXT NOT NULL,
    version_label TEXT NOT NULL,
    digest TEXT NOT NULL,
    sha TEXT NOT NULL,
    ref_name TEXT NOT NULL,
    pipeline_id TEXT NOT NULL REFERENCES pipeline (id),
    job_id TEXT NOT NULL REFERENCES job (id),
    artifact_name TEXT NOT NULL,
    artifact_size BIGINT NOT NULL,
    definition TEXT NOT NULL,
    authors TEXT NOT NULL,
    verdict_id TEXT,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    UNIQUE (project_id, no),
    UNIQUE (pipeline_id, digest)
);
CREATE INDEX release_newest ON release (project_id, created_at, id);
CREATE INDEX release_by_digest ON release (project_id, digest);

CREATE TABLE environment (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES project (id),
    project_path TEXT NOT NULL,
    name TEXT NOT NULL,
    tier TEXT NOT NULL,
    protected BOOLEAN NOT NULL,
    managed BOOLEAN NOT NULL,
    url TEXT,
    listen TEXT,
    state TEXT NOT NULL,
    active_slot TEXT,
    active_release_id TEXT REFERENCES release (id),
    standby_release_id TEXT REFERENCES release (id),
    last_deployment_id TEXT,
    lock_deployment_id TEXT,
    router_version BIGINT,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    UNIQUE (project_id, name)
);

CREATE TABLE slot (
    environment_id TEXT NOT NULL REFERENCES environment (id),
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    health TEXT NOT NULL,
    release_id TEXT REFERENCES release (id),
    version_label TEXT,
    digest TEXT,
    folder TEXT,
    address TEXT,
    supervisor TEXT,
    pid BIGINT,
    started_at BIGINT,
    last_probe_at BIGINT,
    version BIGINT NOT NULL,
    PRIMARY KEY (environment_id, name)
);

CREATE TABLE deployment (
    id TEXT PRIMARY KEY,
    no BIGINT NOT NULL,
    project_id TEXT NOT NULL REFERENCES project (id),
    project_path TEXT NOT NULL,
    environment_id TEXT NOT NULL REFERENCES environment (id),
    environment_name TEXT NOT NULL,
    kind TEXT NOT NULL,
    release_id TEXT NOT NULL REFERENCES release (id),
    previous_release_id TEXT REFERENCES release (id),
    rolls_back_id TEXT REFERENCES deployment (id),
    state TEXT NOT NULL,
    reasons TEXT NOT NULL,
    reason_given TEXT NOT NULL,
    requested_by_id TEXT,
    requested_by_name TEXT,
    requested_by_email TEXT,
    authors TEXT NOT NULL,
    required_approvals BIGINT NOT NULL,
    approval_expires_at BIGINT,
    candidate_slot TEXT,
    previous_slot TEXT,
    job_id TEXT UNIQUE REFERENCES job (id),
    pipeline_id TEXT REFERENCES pipeline (id),
    verdict_id TEXT REFERENCES verdict (id),
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    switched_at BIGINT,
    finished_at BIGINT,
    rollback_ms BIGINT,
    version BIGINT NOT NULL,
    UNIQUE (project_id, no)
);
CREATE INDEX deployment_newest ON deployment (project_id, created_at, id);
CREATE INDEX deployment_by_environment ON deployment (environment_id, created_at, id);
CREATE INDEX deployment_by_release ON deployment (release_id);
CREATE INDEX deployment_by_state ON deployment (state);

CREATE TABLE deployment_step (
    deployment_id TEXT NOT NULL REFERENCES deployment (id),
    seq BIGINT NOT NULL,
    step TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL,
    at BIGINT NOT NULL,
    duration_ms BIGINT,
    PRIMARY KEY (deployment_id, seq)
);

CREATE TABLE approval (
    id TEXT PRIMARY KEY,
    deployment_id TEXT NOT NULL REFERENCES deployment (id),
    user_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    user_email TEXT NOT NULL,
    roles TEXT NOT NULL,
    decision TEXT NOT NULL,
    comment TEXT NOT NULL,
    subject_sha256 TEXT NOT NULL,
    at BIGINT NOT NULL,
    UNIQUE (deployment_id, user_id)
);
