-- Running numbers of events.
CREATE TABLE esb_counter (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO esb_counter (name, value) VALUES ('event', 0);

-- Systems that offer or call interfaces.
CREATE TABLE esb_system (
    code TEXT PRIMARY KEY,
    name_en TEXT NOT NULL,
    name_zh TEXT NOT NULL,
    description TEXT NOT NULL,
    owner TEXT NOT NULL,
    criticality TEXT NOT NULL,
    hours TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Interfaces by service and scene code; what lists show of their versions stands beside them.
CREATE TABLE esb_interface (
    code TEXT PRIMARY KEY,
    system TEXT NOT NULL REFERENCES esb_system (code),
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    taxonomy TEXT NOT NULL,
    pattern TEXT NOT NULL,
    protocol TEXT NOT NULL,
    latest TEXT NOT NULL,
    state TEXT NOT NULL,
    published TEXT,
    search TEXT NOT NULL,
    traits TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX esb_interface_system ON esb_interface (system, code);
CREATE INDEX esb_interface_taxonomy ON esb_interface (taxonomy, code);

-- Definitions by the hash of their files: read once, whoever brings them.
CREATE TABLE esb_definition (
    hash TEXT PRIMARY KEY,
    format TEXT NOT NULL,
    title TEXT NOT NULL,
    version TEXT NOT NULL,
    root TEXT NOT NULL,
    files BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    operations BIGINT NOT NULL,
    schemas BIGINT NOT NULL,
    losses BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    warnings BIGINT NOT NULL,
    infos BIGINT NOT NULL,
    missing_examples BIGINT NOT NULL,
    highest_level BIGINT NOT NULL,
    search TEXT NOT NULL,
    traits TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE esb_definition_file (
    hash TEXT NOT NULL REFERENCES esb_definition (hash),
    path TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (hash, path)
);
CREATE TABLE esb_operation (
    hash TEXT NOT NULL REFERENCES esb_definition (hash),
    no BIGINT NOT NULL,
    operation_id TEXT,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    summary TEXT NOT NULL,
    tags TEXT NOT NULL,
    deprecated BIGINT NOT NULL,
    search TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (hash, no)
);
CREATE TABLE esb_schema (
    hash TEXT NOT NULL REFERENCES esb_definition (hash),
    no BIGINT NOT NULL,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (hash, no),
    UNIQUE (hash, name)
);
-- What the rules say (`finding`) and what the import left in the document only (`loss`).
CREATE TABLE esb_finding (
    hash TEXT NOT NULL REFERENCES esb_definition (hash),
    kind TEXT NOT NULL,
    no BIGINT NOT NULL,
    rule TEXT NOT NULL,
    severity TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (hash, kind, no)
);

-- Versions and where they stand.
CREATE TABLE esb_version (
    id TEXT PRIMARY KEY,
    interface TEXT NOT NULL REFERENCES esb_interface (code),
    major BIGINT NOT NULL,
    minor BIGINT NOT NULL,
    patch BIGINT NOT NULL,
    state TEXT NOT NULL,
    suspended BIGINT NOT NULL,
    definition TEXT REFERENCES esb_definition (hash),
    pinned TEXT,
    compat TEXT,
    compat_base TEXT,
    sla TEXT,
    similar_answers TEXT NOT NULL,
    authors TEXT NOT NULL,
    submitted_by TEXT,
    submitted_at BIGINT,
    security_agreed_by TEXT,
    successor TEXT,
    sunset_on TEXT,
    revision BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (interface, major, minor, patch)
);
CREATE INDEX esb_version_state ON esb_version (state, submitted_at, id);

-- Guards waived by name.
CREATE TABLE esb_waiver (
    version_id TEXT NOT NULL REFERENCES esb_version (id),
    guard TEXT NOT NULL,
    reason TEXT NOT NULL,
    until_on TEXT NOT NULL,
    waived_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (version_id, guard)
);

-- What happened, in order: who, when, why.
CREATE TABLE esb_event (
    no BIGINT PRIMARY KEY,
    interface TEXT NOT NULL,
    version_id TEXT,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    document TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX esb_event_interface ON esb_event (interface, no);
