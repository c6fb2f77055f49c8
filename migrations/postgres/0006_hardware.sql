-- What is known of a node's hardware. Differs from the SQLite file of the same number only in collation.

CREATE TABLE bios_settings (
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C",
    attribute_type TEXT COLLATE "C",
    allowable_values TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    lower_bound BIGINT,
    upper_bound BIGINT,
    min_length BIGINT,
    max_length BIGINT,
    read_only INTEGER,
    reset_required INTEGER,
    "unique" INTEGER,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    PRIMARY KEY (node_id, name)
);

CREATE TABLE firmware_information (
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    component TEXT COLLATE "C" NOT NULL,
    initial_version TEXT COLLATE "C" NOT NULL,
    current_version TEXT COLLATE "C",
    last_version_flashed TEXT COLLATE "C",
    vendor TEXT COLLATE "C",
    model TEXT COLLATE "C",
    serial_number TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    PRIMARY KEY (node_id, component)
);

-- What the last inspection found.
CREATE TABLE node_inventory (
    node_id BIGINT NOT NULL PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE,
    inventory_data TEXT COLLATE "C" NOT NULL,
    plugin_data TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);
