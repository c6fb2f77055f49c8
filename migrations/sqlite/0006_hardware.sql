-- What is known of a node's hardware. Differs from the PostgreSQL file of the same number only in collation.

CREATE TABLE bios_settings (
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT,
    attribute_type TEXT,
    allowable_values TEXT NOT NULL DEFAULT '[]',
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
    component TEXT NOT NULL,
    initial_version TEXT NOT NULL,
    current_version TEXT,
    last_version_flashed TEXT,
    vendor TEXT,
    model TEXT,
    serial_number TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    PRIMARY KEY (node_id, component)
);

-- What the last inspection found.
CREATE TABLE node_inventory (
    node_id BIGINT NOT NULL PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE,
    inventory_data TEXT NOT NULL,
    plugin_data TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
