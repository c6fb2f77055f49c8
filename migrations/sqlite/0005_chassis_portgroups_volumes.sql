-- Chassis, port groups and volumes. Differs from the PostgreSQL file of the same number only in row numbers.

CREATE TABLE chassis (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    description TEXT,
    extra TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX nodes_chassis_uuid_index ON nodes (chassis_uuid) WHERE chassis_uuid IS NOT NULL;

CREATE TABLE portgroups (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT UNIQUE,
    address TEXT UNIQUE,
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    extra TEXT NOT NULL DEFAULT '{}',
    internal_info TEXT NOT NULL DEFAULT '{}',
    standalone_ports_supported INTEGER NOT NULL DEFAULT 1,
    mode TEXT NOT NULL,
    properties TEXT NOT NULL DEFAULT '{}',
    physical_network TEXT,
    category TEXT,
    dynamic_portgroup INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX portgroups_node_id_index ON portgroups (node_id);

CREATE TABLE volume_connectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    type TEXT NOT NULL,
    connector_id TEXT NOT NULL,
    extra TEXT NOT NULL DEFAULT '{}',
    UNIQUE (type, connector_id)
);
CREATE INDEX volume_connectors_node_id_index ON volume_connectors (node_id);

CREATE TABLE volume_targets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    volume_type TEXT NOT NULL,
    properties TEXT NOT NULL DEFAULT '{}',
    boot_index BIGINT NOT NULL,
    volume_id TEXT NOT NULL,
    extra TEXT NOT NULL DEFAULT '{}',
    UNIQUE (node_id, boot_index)
);
