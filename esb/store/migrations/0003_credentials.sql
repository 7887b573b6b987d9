-- How applications prove who they are. A secret stands here as a digest or sealed, never in clear.
CREATE TABLE esb_credential (
    id TEXT PRIMARY KEY,
    application TEXT NOT NULL REFERENCES esb_application (code),
    environment TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    material TEXT,
    deliver_to TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    replaces TEXT REFERENCES esb_credential (id),
    overlap_days BIGINT,
    overlap_ends_at BIGINT,
    delivered_at BIGINT,
    created_by TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX esb_credential_application ON esb_credential (application, id);
CREATE INDEX esb_credential_replaces ON esb_credential (replaces);
