-- What is set for a service; its ephemeral instances live in memory.
CREATE TABLE esb_center_service (
    namespace TEXT NOT NULL,
    grp TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Of a million.
    threshold BIGINT NOT NULL,
    PRIMARY KEY (namespace, grp, name)
);

-- Persistent instances.
CREATE TABLE esb_center_instance (
    namespace TEXT NOT NULL,
    grp TEXT NOT NULL,
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    port BIGINT NOT NULL,
    cluster TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (namespace, grp, name, address, port, cluster)
);

-- Configuration items as they are.
CREATE TABLE esb_config (
    namespace TEXT NOT NULL,
    grp TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    secret BOOLEAN NOT NULL,
    -- Sealed when secret.
    content TEXT NOT NULL,
    -- Who gets the other content first, and that content; both or none.
    grey TEXT,
    grey_content TEXT,
    revision BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (namespace, grp, id)
);

-- What was done to items, also to those that are gone.
CREATE TABLE esb_config_history (
    namespace TEXT NOT NULL,
    grp TEXT NOT NULL,
    id TEXT NOT NULL,
    revision BIGINT NOT NULL,
    event TEXT NOT NULL,
    kind TEXT NOT NULL,
    secret BOOLEAN NOT NULL,
    content TEXT NOT NULL,
    grey TEXT,
    grey_content TEXT,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (namespace, grp, id, revision)
);
