//! Nodes: fields, filters and what else depends on the version (facts §2.1).

use super::{Attribute, Filter, Kind, Write, filter, row, shown, unsortable};

/// Node names came with this version; before, a name is never found.
pub(crate) const NAMES_SINCE: u16 = 5;
/// A node may lose its chassis since this version.
pub(crate) const UNSET_CHASSIS_SINCE: u16 = 25;
/// New nodes begin in `enroll` since this version, before in `available`.
pub(crate) const ENROLL_SINCE: u16 = 11;
/// `reset_interfaces` came with this version.
pub(crate) const RESET_INTERFACES_SINCE: u16 = 45;
/// Before this version `available` is shown as null.
pub(crate) const AVAILABLE_SINCE: u16 = 2;
/// Before this version `inspect wait` is shown as `inspecting`; since it, a node that is being inspected can't be updated.
pub(crate) const INSPECT_WAIT_SINCE: u16 = 39;

/// Nodes have traits since this version.
pub(crate) const TRAITS_SINCE: u16 = 37;

/// What a list shows of each node unless it is told otherwise.
pub(crate) const SUMMARY: &[&str] = &[
    "instance_uuid",
    "maintenance",
    "power_state",
    "provision_state",
    "uuid",
    "name",
];

const fn interface(name: &'static str, since: u16) -> Attribute {
    row(name, since, Write::Always, Kind::Text(255))
}

/// All fields of a node.
pub(crate) const FIELDS: &[Attribute] = &[
    row("uuid", 1, Write::Create, Kind::Uuid),
    Attribute {
        sortable: false,
        ..row("chassis_uuid", 1, Write::Always, Kind::Uuid)
    },
    shown("created_at", 1),
    shown("updated_at", 1),
    row("console_enabled", 1, Write::Create, Kind::Flag),
    row("driver", 1, Write::Always, Kind::RequiredText(255)),
    row("driver_info", 1, Write::Always, Kind::Object),
    row("extra", 1, Write::Always, Kind::Object),
    row("instance_info", 1, Write::Always, Kind::Object),
    row("instance_uuid", 1, Write::Always, Kind::Uuid),
    shown("last_error", 1),
    unsortable("links", 1),
    unsortable("ports", 1),
    row("maintenance", 1, Write::Always, Kind::Flag),
    shown("maintenance_reason", 1),
    shown("power_state", 1),
    shown("target_power_state", 1),
    row("properties", 1, Write::Always, Kind::Properties),
    shown("provision_state", 1),
    shown("target_provision_state", 1),
    shown("provision_updated_at", 1),
    shown("reservation", 1),
    unsortable("driver_internal_info", 3),
    row("name", NAMES_SINCE, Write::Always, Kind::NodeName),
    shown("inspection_started_at", 6),
    shown("inspection_finished_at", 6),
    unsortable("clean_step", 7),
    unsortable("raid_config", 12),
    unsortable("target_raid_config", 12),
    unsortable("states", 14),
    interface("network_interface", 20),
    row("resource_class", 21, Write::Always, Kind::Text(80)),
    unsortable("portgroups", 24),
    interface("boot_interface", 31),
    interface("console_interface", 31),
    interface("deploy_interface", 31),
    interface("inspect_interface", 31),
    interface("management_interface", 31),
    interface("power_interface", 31),
    interface("raid_interface", 31),
    interface("vendor_interface", 31),
    unsortable("volume", 32),
    interface("storage_interface", 33),
    unsortable("traits", TRAITS_SINCE),
    interface("rescue_interface", 38),
    interface("bios_interface", 40),
    shown("fault", 42),
    unsortable("deploy_step", 44),
    row("conductor_group", 46, Write::Always, Kind::Group),
    row("automated_clean", 47, Write::Always, Kind::Flag),
    row("protected", 48, Write::Patch, Kind::Flag),
    row("protected_reason", 48, Write::Patch, Kind::Text(4096)),
    unsortable("conductor", 49),
    row("owner", 50, Write::Always, Kind::Text(255)),
    row("description", 51, Write::Always, Kind::Text(4096)),
    unsortable("allocation_uuid", 52),
    row("retired", 61, Write::Always, Kind::Flag),
    row("retired_reason", 61, Write::Always, Kind::Text(4096)),
    row("lessee", 65, Write::Always, Kind::Text(255)),
    row("network_data", 66, Write::Always, Kind::NetworkData),
    row(
        "boot_mode",
        75,
        Write::Create,
        Kind::OneOf(&["uefi", "bios"]),
    ),
    row("secure_boot", 75, Write::Create, Kind::Flag),
    row("shard", 82, Write::Always, Kind::Text(255)),
    row("parent_node", 83, Write::Always, Kind::Text(36)),
    interface("firmware_interface", 86),
    unsortable("service_step", 87),
    row("disable_power_off", 95, Write::Always, Kind::Flag),
    row("instance_name", 104, Write::Always, Kind::FilledText(255)),
    shown("health", 109),
];

/// Filters of the list.
pub(crate) const FILTERS: &[Filter] = &[
    filter("instance_uuid", 1),
    filter("chassis_uuid", 1),
    filter("associated", 1),
    filter("maintenance", 1),
    filter("provision_state", 9),
    filter("driver", 16),
    filter("resource_class", 21),
    filter("fault", 42),
    filter("conductor_group", 46),
    filter("conductor", 49),
    filter("owner", 50),
    filter("description_contains", 1),
    filter("retired", 1),
    filter("lessee", 65),
    filter("project", 1),
    filter("shard", 82),
    filter("sharded", 82),
    filter("parent_node", 83),
    filter("include_children", 83),
    filter("instance_name", 104),
];

/// Fields of `GET …/states`.
pub(crate) const STATES: &[Attribute] = &[
    shown("console_enabled", 1),
    shown("last_error", 1),
    shown("power_state", 1),
    shown("provision_state", 1),
    shown("target_power_state", 1),
    shown("target_provision_state", 1),
    shown("provision_updated_at", 1),
    shown("raid_config", 12),
    shown("target_raid_config", 12),
    shown("boot_mode", 75),
    shown("secure_boot", 75),
];

/// Fields of a record of history; the list shows only the first five.
pub(crate) const HISTORY: &[Attribute] = &[
    shown("uuid", 78),
    shown("created_at", 78),
    shown("severity", 78),
    unsortable("event", 78),
    unsortable("links", 78),
    shown("event_type", 78),
    shown("conductor", 78),
    shown("user", 78),
    shown("project", 113),
    shown("state", 115),
    shown("target_provision_state", 115),
    shown("duration_seconds", 115),
];
