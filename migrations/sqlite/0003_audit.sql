-- The audit. Differs from the PostgreSQL file of the same number only in row numbers.
-- Rows are written once. Each has a hash over its content and the hash of the row before it in its chain.

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chain TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    request_id TEXT,
    actor TEXT,
    node TEXT,
    package TEXT,
    digest TEXT,
    operation TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT,
    refers_to BIGINT,
    duration_us BIGINT,
    count BIGINT,
    first_at BIGINT,
    last_at BIGINT,
    hash TEXT NOT NULL,
    UNIQUE (chain, seq)
);
CREATE INDEX audit_at_index ON audit (at);
CREATE INDEX audit_node_index ON audit (node);
CREATE INDEX audit_request_index ON audit (request_id);

-- The newest row of each chain. Who adds rows changes this one first, which keeps others out until the rows are there.
CREATE TABLE audit_chains (
    chain TEXT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL
);

-- Many alike of the current hour: counted here, and one row of the audit once the hour is over.
CREATE TABLE audit_repeats (
    chain TEXT NOT NULL,
    hour BIGINT NOT NULL,
    kind TEXT NOT NULL,
    node TEXT NOT NULL,
    package TEXT NOT NULL,
    digest TEXT NOT NULL,
    operation TEXT NOT NULL,
    outcome TEXT NOT NULL,
    count BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (chain, hour, node, digest, kind, operation, outcome)
);
