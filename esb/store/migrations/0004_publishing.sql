-- Where requests to a version go, in an environment.
CREATE TABLE esb_binding (
    version_id TEXT NOT NULL REFERENCES esb_version (id),
    environment TEXT NOT NULL,
    document TEXT NOT NULL,
    answered BIGINT NOT NULL,
    tried_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (version_id, environment)
);

-- What was published, as it was signed; never changed.
CREATE TABLE esb_snapshot (
    environment TEXT NOT NULL,
    version BIGINT NOT NULL,
    digest TEXT NOT NULL,
    signed TEXT NOT NULL,
    counts TEXT NOT NULL,
    author TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (environment, version)
);

-- Which snapshot is to be in force in an environment.
CREATE TABLE esb_activation (
    environment TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    version BIGINT NOT NULL,
    activated_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    activated_at BIGINT NOT NULL
);

-- What each gateway said last.
CREATE TABLE esb_node (
    environment TEXT NOT NULL,
    node TEXT NOT NULL,
    address TEXT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    digest TEXT NOT NULL,
    reason TEXT NOT NULL,
    told_at BIGINT NOT NULL,
    PRIMARY KEY (environment, node)
);
