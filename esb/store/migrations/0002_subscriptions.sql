-- Calling systems.
CREATE TABLE esb_application (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    owner TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- What an application may call, how much of it, and until when.
CREATE TABLE esb_subscription (
    id TEXT PRIMARY KEY,
    application TEXT NOT NULL REFERENCES esb_application (code),
    interface TEXT NOT NULL REFERENCES esb_interface (code),
    major BIGINT NOT NULL,
    environment TEXT NOT NULL,
    document TEXT NOT NULL,
    until_on TEXT NOT NULL,
    state TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    requested_login TEXT NOT NULL,
    provider_approval TEXT,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX esb_subscription_interface ON esb_subscription (interface, id);
CREATE INDEX esb_subscription_application ON esb_subscription (application, id);
