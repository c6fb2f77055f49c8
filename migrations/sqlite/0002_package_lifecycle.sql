-- Several versions of a driver package, one of them active; what packages were granted; canaries; who may sign; who did
-- what. Differs from the PostgreSQL file of the same number only in row numbers and collation.

-- Every version that is installed. `driver_packages` says which one is active.
CREATE TABLE driver_versions (
    package TEXT NOT NULL,
    version TEXT NOT NULL,
    digest TEXT NOT NULL REFERENCES driver_blobs (digest),
    size BIGINT NOT NULL,
    vendor TEXT NOT NULL,
    asked TEXT NOT NULL DEFAULT '[]',
    hardware_types TEXT NOT NULL DEFAULT '[]',
    state_schema TEXT NOT NULL DEFAULT '',
    source TEXT NOT NULL,
    file TEXT,
    publisher TEXT,
    state TEXT NOT NULL CHECK (state IN ('installed', 'awaiting approval', 'disabled', 'quarantined')),
    reason TEXT,
    stopped INTEGER NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    activated_at BIGINT,
    PRIMARY KEY (package, version)
);
CREATE INDEX driver_versions_digest_index ON driver_versions (digest);

-- What an operator granted to a package, whatever its version: a version gets what it asks for and has here.
CREATE TABLE driver_grants (
    package TEXT NOT NULL PRIMARY KEY,
    granted TEXT NOT NULL DEFAULT '[]'
);

-- A version that some nodes use instead of the active one.
CREATE TABLE driver_canaries (
    package TEXT NOT NULL PRIMARY KEY,
    version TEXT NOT NULL,
    digest TEXT NOT NULL REFERENCES driver_blobs (digest),
    scope TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Whose signatures count.
CREATE TABLE publishers (
    name TEXT NOT NULL PRIMARY KEY,
    public_key TEXT NOT NULL,
    packages TEXT NOT NULL DEFAULT '[]',
    expires_at BIGINT,
    created_at BIGINT NOT NULL
);

-- Who did what with packages. Outlives the packages.
CREATE TABLE driver_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at BIGINT NOT NULL,
    package TEXT NOT NULL,
    version TEXT,
    digest TEXT,
    action TEXT NOT NULL,
    actor TEXT NOT NULL,
    request_id TEXT,
    detail TEXT
);
CREATE INDEX driver_history_package_index ON driver_history (package, id);

-- Active packages that a conductor can't load, and why.
CREATE TABLE conductor_package_failures (
    conductor_id BIGINT NOT NULL REFERENCES conductors (id) ON DELETE CASCADE,
    package TEXT NOT NULL,
    version TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (conductor_id, package, version)
);

-- One row: whoever changes packages updates it first, so that changes come one after another.
CREATE TABLE driver_changes (
    number BIGINT NOT NULL
);
INSERT INTO driver_changes (number) VALUES (0);

-- What was active before there were versions. What it asked for and its state schema are not known here; conductors fill
-- them in when they load it.
INSERT INTO driver_versions
    (package, version, digest, size, vendor, asked, hardware_types, source, file, state, created_at, activated_at)
    SELECT name, version, digest, size, vendor, granted, hardware_types, source, file, 'installed', created_at, created_at
    FROM driver_packages;
INSERT INTO driver_grants (package, granted) SELECT name, granted FROM driver_packages;
