CREATE TABLE ha_lease (
    role TEXT PRIMARY KEY,
    holder TEXT,
    epoch BIGINT NOT NULL DEFAULT 0
)
