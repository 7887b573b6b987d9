-- Why a price took the place of another.
ALTER TABLE otc_fixing ADD COLUMN reason TEXT NOT NULL DEFAULT '';

-- Schedules that are looked at day by day, one row for each: from the first date to the last.
CREATE TABLE otc_span (
    trade_id TEXT NOT NULL REFERENCES otc_trade (trade_id),
    kind TEXT NOT NULL,
    n BIGINT NOT NULL,
    trade_no BIGINT NOT NULL,
    first TEXT NOT NULL,
    last TEXT NOT NULL,
    -- Dates of the schedule, one bit for each day from the first date on, in hexadecimal digits.
    days TEXT NOT NULL,
    code TEXT NOT NULL,
    level TEXT,
    side TEXT,
    PRIMARY KEY (trade_id, kind, n)
);
CREATE INDEX otc_span_last ON otc_span (last, trade_no, kind, n);
