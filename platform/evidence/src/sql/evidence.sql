CREATE TABLE evidence_log (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    log TEXT NOT NULL,
    size BIGINT NOT NULL,
    last_hash TEXT NOT NULL,
    frontier TEXT NOT NULL,
    epoch BIGINT NOT NULL
);

CREATE TABLE evidence_key (
    key_id TEXT NOT NULL PRIMARY KEY,
    public_key TEXT NOT NULL,
    added_at BIGINT NOT NULL
);

CREATE TABLE evidence_record (
    seq BIGINT NOT NULL PRIMARY KEY,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    hash TEXT NOT NULL,
    record TEXT NOT NULL
);

CREATE INDEX evidence_record_by_type ON evidence_record (type, seq);
CREATE INDEX evidence_record_by_subject ON evidence_record (subject, seq);

CREATE TABLE evidence_chunk (
    number BIGINT NOT NULL PRIMARY KEY,
    root TEXT NOT NULL
);

CREATE TABLE evidence_head (
    size BIGINT NOT NULL PRIMARY KEY,
    head TEXT NOT NULL
);
