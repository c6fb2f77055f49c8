//! Volume connectors and targets: fields and filters (facts §2.11).

use super::{Attribute, Filter, Kind, Write, filter, row, shown, unsortable};

/// `?detail=` is as old as volumes, and older than that of other lists.
pub(crate) const DETAIL_SINCE: u16 = 32;

/// What a list shows of each connector unless it is told otherwise.
pub(crate) const CONNECTOR_SUMMARY: &[&str] = &["uuid", "node_uuid", "type", "connector_id"];

/// What a list shows of each target unless it is told otherwise.
pub(crate) const TARGET_SUMMARY: &[&str] = &[
    "uuid",
    "node_uuid",
    "volume_type",
    "boot_index",
    "volume_id",
];

/// All fields of a connector.
pub(crate) const CONNECTOR: &[Attribute] = &[
    row("uuid", 32, Write::Create, Kind::Uuid),
    shown("created_at", 32),
    shown("updated_at", 32),
    row("connector_id", 32, Write::Always, Kind::RequiredText(255)),
    row("extra", 32, Write::Always, Kind::Object),
    row("type", 32, Write::Always, Kind::RequiredText(32)),
    row("node_uuid", 32, Write::Always, Kind::RequiredText(36)),
    unsortable("links", 32),
];

/// All fields of a target.
pub(crate) const TARGET: &[Attribute] = &[
    row("uuid", 32, Write::Create, Kind::Uuid),
    shown("created_at", 32),
    shown("updated_at", 32),
    row("boot_index", 32, Write::Always, Kind::Integer),
    row("extra", 32, Write::Always, Kind::Object),
    row("properties", 32, Write::Always, Kind::Object),
    row("volume_id", 32, Write::Always, Kind::RequiredText(36)),
    row("volume_type", 32, Write::Always, Kind::RequiredText(64)),
    row("node_uuid", 32, Write::Always, Kind::RequiredText(36)),
    unsortable("links", 32),
];

/// Filters of both lists.
pub(crate) const FILTERS: &[Filter] = &[filter("node", 32)];
