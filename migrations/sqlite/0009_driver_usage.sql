-- What each version of a driver package used since it was installed, of all conductors together. Differs from the PostgreSQL
-- file of the same number only in collation.

CREATE TABLE driver_usage (
    package TEXT NOT NULL,
    version TEXT NOT NULL,
    calls BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    cpu_us BIGINT NOT NULL,
    -- In bytes, the most of any conductor.
    peak_memory BIGINT NOT NULL,
    host_calls BIGINT NOT NULL,
    throttled_us BIGINT NOT NULL,
    log_lines_dropped BIGINT NOT NULL,
    -- When something was last added.
    counted_at BIGINT NOT NULL,
    PRIMARY KEY (package, version),
    FOREIGN KEY (package, version) REFERENCES driver_versions (package, version) ON DELETE CASCADE
);

-- What broke, by what happened.
CREATE TABLE driver_usage_faults (
    package TEXT NOT NULL,
    version TEXT NOT NULL,
    kind TEXT NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (package, version, kind),
    FOREIGN KEY (package, version) REFERENCES driver_usage (package, version) ON DELETE CASCADE
);
