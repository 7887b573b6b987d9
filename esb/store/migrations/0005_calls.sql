-- Calls as gateways counted them: an edge, an hour and a start of a node each have one row, which is
-- written again as it grows.
CREATE TABLE esb_call (
    environment TEXT NOT NULL,
    interface TEXT NOT NULL,
    version TEXT NOT NULL,
    operation TEXT NOT NULL,
    application TEXT NOT NULL,
    variant TEXT NOT NULL,
    hour BIGINT NOT NULL,
    node TEXT NOT NULL,
    boot BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    succeeded BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    up_to_10_ms BIGINT NOT NULL,
    up_to_50_ms BIGINT NOT NULL,
    up_to_200_ms BIGINT NOT NULL,
    up_to_1_s BIGINT NOT NULL,
    up_to_5_s BIGINT NOT NULL,
    longer BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (environment, interface, version, operation, application, variant, hour, node, boot)
);
CREATE INDEX esb_call_hour ON esb_call (hour);

-- Fields that requests of a caller held.
CREATE TABLE esb_call_field (
    environment TEXT NOT NULL,
    interface TEXT NOT NULL,
    version TEXT NOT NULL,
    operation TEXT NOT NULL,
    application TEXT NOT NULL,
    field TEXT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (environment, interface, version, operation, application, field)
);

-- Since when no call of a node was missed.
CREATE TABLE esb_call_watch (
    environment TEXT NOT NULL,
    node TEXT NOT NULL,
    boot BIGINT NOT NULL,
    told_at BIGINT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (environment, node)
);
