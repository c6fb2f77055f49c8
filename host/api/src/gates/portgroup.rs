//! Port groups: fields and filters (facts §2.4).

use super::{Attribute, Filter, Kind, Write, filter, row, shown, unsortable};

/// Port groups have a physical network since this version.
pub(crate) const NETWORK_SINCE: u16 = 102;

/// What a list shows of each port group unless it is told otherwise.
pub(crate) const SUMMARY: &[&str] = &["uuid", "address", "name"];

/// All fields of a port group.
pub(crate) const FIELDS: &[Attribute] = &[
    row("uuid", 23, Write::Create, Kind::Uuid),
    shown("created_at", 23),
    shown("updated_at", 23),
    row("address", 23, Write::Always, Kind::MacOrNull),
    row("extra", 23, Write::Always, Kind::Object),
    unsortable("internal_info", 23),
    row("mode", 26, Write::Always, Kind::Text(255)),
    row("name", 23, Write::Always, Kind::Name),
    row("properties", 26, Write::Always, Kind::Object),
    row("standalone_ports_supported", 23, Write::Always, Kind::Flag),
    row("node_uuid", 23, Write::Always, Kind::RequiredText(36)),
    row(
        "physical_network",
        NETWORK_SINCE,
        Write::Always,
        Kind::Text(64),
    ),
    row("category", 103, Write::Always, Kind::Text(80)),
    shown("dynamic_portgroup", 111),
    unsortable("links", 23),
    unsortable("ports", 23),
];

/// Filters of the list. `conductor_groups` came with 99, but Ironic takes it from all clients.
pub(crate) const FILTERS: &[Filter] = &[
    filter("node", 23),
    filter("address", 23),
    filter("conductor_groups", 23),
    filter("shard", 106),
];
