-- The first schema. Differs from the PostgreSQL file of the same number only in row numbers and bytes.
-- Booleans are INTEGER (0, 1), JSON is TEXT, times are BIGINT microseconds since 1970-01-01T00:00:00Z.
-- Absent objects are '{}', never NULL, so that the columns of one row can be read in one piece.

CREATE TABLE nodes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT UNIQUE,
    driver TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    provision_state TEXT NOT NULL,
    target_provision_state TEXT,
    provision_updated_at BIGINT,
    power_state TEXT,
    target_power_state TEXT,
    last_error TEXT,
    maintenance INTEGER NOT NULL DEFAULT 0,
    maintenance_reason TEXT,
    fault TEXT,
    health TEXT,
    boot_mode TEXT,
    secure_boot INTEGER,
    -- Who may change the node; the fence grows with every acquisition.
    reservation TEXT,
    fence BIGINT NOT NULL DEFAULT 0,
    conductor_affinity TEXT,
    conductor_group TEXT NOT NULL DEFAULT '',
    driver_info TEXT NOT NULL DEFAULT '{}',
    driver_internal_info TEXT NOT NULL DEFAULT '{}',
    properties TEXT NOT NULL DEFAULT '{}',
    extra TEXT NOT NULL DEFAULT '{}',
    instance_info TEXT NOT NULL DEFAULT '{}',
    instance_uuid TEXT UNIQUE,
    instance_name TEXT,
    network_data TEXT NOT NULL DEFAULT '{}',
    raid_config TEXT NOT NULL DEFAULT '{}',
    target_raid_config TEXT NOT NULL DEFAULT '{}',
    clean_step TEXT NOT NULL DEFAULT '{}',
    deploy_step TEXT NOT NULL DEFAULT '{}',
    service_step TEXT NOT NULL DEFAULT '{}',
    automated_clean INTEGER,
    console_enabled INTEGER NOT NULL DEFAULT 0,
    disable_power_off INTEGER NOT NULL DEFAULT 0,
    protected INTEGER NOT NULL DEFAULT 0,
    protected_reason TEXT,
    retired INTEGER NOT NULL DEFAULT 0,
    retired_reason TEXT,
    inspection_started_at BIGINT,
    inspection_finished_at BIGINT,
    agent_heartbeat_at BIGINT,
    chassis_uuid TEXT,
    allocation_uuid TEXT,
    parent_node TEXT,
    resource_class TEXT,
    description TEXT,
    owner TEXT,
    lessee TEXT,
    shard TEXT,
    bios_interface TEXT,
    boot_interface TEXT,
    console_interface TEXT,
    deploy_interface TEXT,
    firmware_interface TEXT,
    inspect_interface TEXT,
    management_interface TEXT,
    network_interface TEXT,
    power_interface TEXT,
    raid_interface TEXT,
    rescue_interface TEXT,
    storage_interface TEXT,
    vendor_interface TEXT
);
CREATE INDEX nodes_driver_index ON nodes (driver);
CREATE INDEX nodes_provision_state_index ON nodes (provision_state);
-- What most nodes don't have is not in its index: less to write, and a list of nodes without it takes a better way.
CREATE INDEX nodes_reservation_index ON nodes (reservation) WHERE reservation IS NOT NULL;
CREATE INDEX nodes_conductor_group_index ON nodes (conductor_group);
CREATE INDEX nodes_resource_class_index ON nodes (resource_class) WHERE resource_class IS NOT NULL;
CREATE INDEX nodes_owner_index ON nodes (owner) WHERE owner IS NOT NULL;
CREATE INDEX nodes_lessee_index ON nodes (lessee) WHERE lessee IS NOT NULL;
CREATE INDEX nodes_shard_index ON nodes (shard) WHERE shard IS NOT NULL;
CREATE INDEX nodes_parent_node_index ON nodes (parent_node) WHERE parent_node IS NOT NULL;

CREATE TABLE node_traits (
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    trait TEXT NOT NULL,
    PRIMARY KEY (node_id, trait)
);
CREATE INDEX node_traits_trait_index ON node_traits (trait);

CREATE TABLE ports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT UNIQUE,
    address TEXT NOT NULL UNIQUE,
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    portgroup_uuid TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    extra TEXT NOT NULL DEFAULT '{}',
    internal_info TEXT NOT NULL DEFAULT '{}',
    local_link_connection TEXT NOT NULL DEFAULT '{}',
    pxe_enabled INTEGER NOT NULL DEFAULT 1,
    physical_network TEXT,
    is_smartnic INTEGER NOT NULL DEFAULT 0,
    description TEXT,
    vendor TEXT,
    category TEXT,
    available_for_dynamic_portgroup INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX ports_node_id_index ON ports (node_id);
CREATE INDEX ports_portgroup_uuid_index ON ports (portgroup_uuid);

CREATE TABLE node_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    severity TEXT NOT NULL,
    event_type TEXT NOT NULL,
    event TEXT NOT NULL,
    conductor TEXT,
    "user" TEXT,
    project TEXT,
    state TEXT,
    target_provision_state TEXT,
    duration_seconds BIGINT
);
CREATE INDEX node_history_node_id_index ON node_history (node_id, created_at);

CREATE TABLE conductors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hostname TEXT NOT NULL UNIQUE,
    conductor_group TEXT NOT NULL DEFAULT '',
    drivers TEXT NOT NULL DEFAULT '[]',
    online INTEGER NOT NULL DEFAULT 1,
    incarnation TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE conductor_hardware_interfaces (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conductor_id BIGINT NOT NULL REFERENCES conductors (id) ON DELETE CASCADE,
    hardware_type TEXT NOT NULL,
    interface_type TEXT NOT NULL,
    interface_name TEXT NOT NULL,
    "default" INTEGER NOT NULL DEFAULT 0,
    UNIQUE (conductor_id, hardware_type, interface_type, interface_name)
);

-- The journal: what a node's work in progress has come to. A row goes when the work ends, so that
-- the table holds exactly what must be carried on, and its key says that a node has one at most.
CREATE TABLE operations (
    node_id BIGINT NOT NULL PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE,
    uuid TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    args TEXT NOT NULL,
    phase TEXT NOT NULL,
    steps TEXT NOT NULL,
    step_index BIGINT NOT NULL,
    step_started INTEGER NOT NULL,
    cursor_json TEXT,
    wait_json TEXT,
    package_digest TEXT,
    deadline BIGINT,
    request_id TEXT NOT NULL,
    resumes BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX operations_package_digest_index ON operations (package_digest);

CREATE TABLE driver_blobs (
    digest TEXT NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('staged', 'installed')),
    created_at BIGINT NOT NULL,
    -- Last, so that the columns before it can be read without it.
    data BLOB NOT NULL
);

CREATE TABLE driver_packages (
    name TEXT NOT NULL PRIMARY KEY,
    version TEXT NOT NULL,
    digest TEXT NOT NULL REFERENCES driver_blobs (digest),
    size BIGINT NOT NULL,
    vendor TEXT NOT NULL,
    granted TEXT NOT NULL DEFAULT '[]',
    hardware_types TEXT NOT NULL DEFAULT '[]',
    source TEXT NOT NULL,
    file TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX driver_packages_digest_index ON driver_packages (digest);

-- What a driver package keeps of a node.
CREATE TABLE driver_notes (
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    package TEXT NOT NULL,
    note_key TEXT NOT NULL,
    note_value TEXT NOT NULL,
    PRIMARY KEY (node_id, package, note_key)
);
