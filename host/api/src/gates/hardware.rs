//! What is below a node about its hardware (facts §2.1).

use super::{Attribute, shown, unsortable};

/// `port_uuid` and `portgroup_uuid` have a meaning for VIFs since this version.
pub(crate) const VIF_PORT_SINCE: u16 = 67;
/// What the registry says of BIOS settings, `fields=` and `detail=` came with this version.
pub(crate) const BIOS_REGISTRY_SINCE: u16 = 74;
/// What is attached can be listed since this version.
pub(crate) const VIRTUAL_MEDIA_LIST_SINCE: u16 = 93;

/// What every answer about a BIOS setting or a firmware component has, whatever `fields=` asks for.
pub(crate) const ALWAYS: &[&str] = &["created_at", "updated_at", "links"];

/// Fields of a BIOS setting.
pub(crate) const BIOS: &[Attribute] = &[
    shown("name", 40),
    shown("value", 40),
    shown("created_at", 40),
    shown("updated_at", 40),
    unsortable("links", 40),
    shown("attribute_type", BIOS_REGISTRY_SINCE),
    unsortable("allowable_values", BIOS_REGISTRY_SINCE),
    shown("lower_bound", BIOS_REGISTRY_SINCE),
    shown("max_length", BIOS_REGISTRY_SINCE),
    shown("min_length", BIOS_REGISTRY_SINCE),
    shown("read_only", BIOS_REGISTRY_SINCE),
    shown("reset_required", BIOS_REGISTRY_SINCE),
    shown("unique", BIOS_REGISTRY_SINCE),
    shown("upper_bound", BIOS_REGISTRY_SINCE),
];

/// What a list of BIOS settings shows unless it is told otherwise.
pub(crate) const BIOS_SUMMARY: &[&str] = &["name", "value"];

/// Fields of a firmware component.
pub(crate) const FIRMWARE: &[Attribute] = &[
    shown("component", 86),
    shown("initial_version", 86),
    shown("current_version", 86),
    shown("last_version_flashed", 86),
    shown("created_at", 86),
    shown("updated_at", 86),
    shown("vendor", 114),
    shown("model", 114),
    shown("serial_number", 114),
];
