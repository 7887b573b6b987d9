CREATE TABLE outbox_position (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch BIGINT NOT NULL,
    newest BIGINT NOT NULL
);

CREATE TABLE outbox_event (
    sequence BIGINT NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL,
    topic TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    changed TEXT NOT NULL,
    extra TEXT NOT NULL,
    at BIGINT NOT NULL
);
