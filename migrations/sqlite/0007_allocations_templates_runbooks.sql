-- Allocations, deploy templates, runbooks.
-- Differs from the PostgreSQL file of the same number in row numbers and in how a trigger is written.

CREATE TABLE allocations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT UNIQUE,
    node_id BIGINT UNIQUE REFERENCES nodes (id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    last_error TEXT,
    resource_class TEXT,
    traits TEXT NOT NULL DEFAULT '[]',
    candidate_nodes TEXT NOT NULL DEFAULT '[]',
    extra TEXT NOT NULL DEFAULT '{}',
    owner TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    prefers_name INTEGER NOT NULL DEFAULT 0,
    conductor TEXT
);
CREATE INDEX allocations_state_index ON allocations (state);

-- A node that is cut off from its allocation has none any more: whoever writes that need not think of it.
CREATE TRIGGER nodes_allocation_uuid_trigger
AFTER UPDATE OF allocation_uuid ON nodes
WHEN OLD.allocation_uuid IS NOT NULL AND NEW.allocation_uuid IS NULL
BEGIN
    DELETE FROM allocations WHERE uuid = OLD.allocation_uuid;
END;

CREATE TABLE deploy_templates (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    steps TEXT NOT NULL,
    extra TEXT NOT NULL DEFAULT '{}',
    created_at BIGINT NOT NULL,
    updated_at BIGINT
);

CREATE TABLE runbooks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    description TEXT,
    public INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    disable_ramdisk INTEGER NOT NULL DEFAULT 0,
    steps TEXT NOT NULL,
    traits TEXT NOT NULL DEFAULT '[]',
    extra TEXT NOT NULL DEFAULT '{}',
    created_at BIGINT NOT NULL,
    updated_at BIGINT
);
