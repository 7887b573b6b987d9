-- Running numbers that people read: trades, quotes, approvals.
CREATE TABLE otc_counter (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO otc_counter (name, value) VALUES ('trade', 0);
INSERT INTO otc_counter (name, value) VALUES ('quote', 0);
INSERT INTO otc_counter (name, value) VALUES ('approval', 0);

-- Markets, named by the hash of their content.
CREATE TABLE otc_snapshot (
    id TEXT PRIMARY KEY,
    as_of TEXT NOT NULL,
    as_of_date TEXT NOT NULL,
    names TEXT NOT NULL,
    content TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX otc_snapshot_newest ON otc_snapshot (created_at, id);

-- Quotes; those never accepted are kept too.
CREATE TABLE otc_quote (
    id TEXT PRIMARY KEY,
    no BIGINT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    product TEXT NOT NULL,
    counterparty TEXT NOT NULL,
    underlying TEXT NOT NULL,
    snapshot_id TEXT NOT NULL REFERENCES otc_snapshot (id),
    document TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    valid_until BIGINT NOT NULL,
    trade_id TEXT,
    reason TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- What a list of trades shows, kept in the transaction of each event.
CREATE TABLE otc_trade (
    trade_id TEXT PRIMARY KEY,
    no BIGINT NOT NULL UNIQUE,
    product TEXT NOT NULL,
    title_en TEXT NOT NULL,
    title_zh TEXT NOT NULL,
    underlying TEXT NOT NULL,
    counterparty TEXT NOT NULL,
    direction TEXT NOT NULL,
    notional TEXT NOT NULL,
    notional_cents BIGINT NOT NULL,
    currency TEXT NOT NULL,
    start_date TEXT NOT NULL,
    end_date TEXT NOT NULL,
    status TEXT NOT NULL,
    flags TEXT NOT NULL,
    version BIGINT NOT NULL,
    contract_version BIGINT NOT NULL,
    next_date TEXT NOT NULL,
    observed_to TEXT NOT NULL,
    outcome TEXT NOT NULL,
    search TEXT NOT NULL,
    quote_id TEXT,
    open_approval TEXT,
    pv TEXT,
    pv_as_of TEXT,
    seq BIGINT NOT NULL,
    head TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX otc_trade_status ON otc_trade (status, no);
CREATE INDEX otc_trade_end ON otc_trade (end_date, no);
CREATE INDEX otc_trade_start ON otc_trade (start_date, no);
CREATE INDEX otc_trade_next ON otc_trade (next_date, no);
CREATE INDEX otc_trade_updated ON otc_trade (updated_at, no);
CREATE INDEX otc_trade_notional ON otc_trade (notional_cents, no);
CREATE INDEX otc_trade_counterparty ON otc_trade (counterparty, no);
CREATE INDEX otc_trade_underlying ON otc_trade (underlying, no);
CREATE INDEX otc_trade_product ON otc_trade (product, no);

-- Which prices a trade looks at.
CREATE TABLE otc_trade_name (
    code TEXT NOT NULL,
    rule TEXT NOT NULL,
    trade_id TEXT NOT NULL REFERENCES otc_trade (trade_id),
    PRIMARY KEY (code, rule, trade_id)
);
CREATE INDEX otc_trade_name_trade ON otc_trade_name (trade_id);

-- The ledger: one hash chain for each trade; never changed, never removed.
CREATE TABLE otc_event (
    trade_id TEXT NOT NULL REFERENCES otc_trade (trade_id),
    seq BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    effective TEXT NOT NULL,
    known_at BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (trade_id, seq),
    UNIQUE (trade_id, event_id)
);

-- Flows and postings as the newest event left them.
CREATE TABLE otc_flow (
    trade_id TEXT NOT NULL REFERENCES otc_trade (trade_id),
    flow_id TEXT NOT NULL,
    trade_no BIGINT NOT NULL,
    counterparty TEXT NOT NULL,
    status TEXT NOT NULL,
    pay_date TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (trade_id, flow_id)
);
CREATE INDEX otc_flow_date ON otc_flow (pay_date, trade_no, flow_id);

CREATE TABLE otc_posting (
    trade_id TEXT NOT NULL REFERENCES otc_trade (trade_id),
    id BIGINT NOT NULL,
    effective TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (trade_id, id)
);

-- Dates still to come on which a trade does something.
CREATE TABLE otc_date (
    trade_id TEXT NOT NULL REFERENCES otc_trade (trade_id),
    date TEXT NOT NULL,
    kind TEXT NOT NULL,
    n BIGINT NOT NULL,
    trade_no BIGINT NOT NULL,
    code TEXT NOT NULL,
    level TEXT,
    side TEXT,
    probability TEXT,
    PRIMARY KEY (trade_id, date, kind, n)
);
CREATE INDEX otc_date_date ON otc_date (date, trade_no, kind, n);

-- Published prices of the house; an older version of one stays.
CREATE TABLE otc_fixing (
    code TEXT NOT NULL,
    rule TEXT NOT NULL,
    date TEXT NOT NULL,
    version BIGINT NOT NULL,
    value TEXT NOT NULL,
    source TEXT NOT NULL,
    current BOOLEAN NOT NULL,
    maker TEXT NOT NULL,
    checker TEXT,
    entered_at BIGINT NOT NULL,
    PRIMARY KEY (code, rule, date, version)
);
CREATE INDEX otc_fixing_current ON otc_fixing (date, code, rule, current);

-- What waits for a second person, and what became of it.
CREATE TABLE otc_approval (
    id TEXT PRIMARY KEY,
    no BIGINT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    trade_id TEXT REFERENCES otc_trade (trade_id),
    event_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    document TEXT NOT NULL,
    state TEXT NOT NULL,
    maker TEXT NOT NULL,
    checker TEXT,
    comment TEXT NOT NULL,
    result TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    decided_at BIGINT
);
CREATE INDEX otc_approval_state ON otc_approval (state, no);
CREATE INDEX otc_approval_event ON otc_approval (trade_id, event_id);
