//! Ports: fields and filters (facts §2.3).

use super::{Attribute, Filter, Kind, Write, filter, row, shown, unsortable};

/// A port may be created by the name of its node since this version.
pub(crate) const NODE_IDENT_SINCE: u16 = 94;
/// `local_link_connection` may say `network_type` since this version.
pub(crate) const NETWORK_TYPE_SINCE: u16 = 64;
/// `local_link_connection` may name a VTEP from this version …
pub(crate) const VTEP_SINCE: u16 = 90;
/// … until before this one.
pub(crate) const VTEP_UNTIL: u16 = 105;

/// What a list shows of each port unless it is told otherwise.
pub(crate) const SUMMARY: &[&str] = &["uuid", "address"];

/// All fields of a port.
pub(crate) const FIELDS: &[Attribute] = &[
    row("uuid", 1, Write::Create, Kind::Uuid),
    shown("created_at", 1),
    shown("updated_at", 1),
    unsortable("links", 1),
    row("address", 1, Write::Always, Kind::Mac),
    row("node_uuid", 1, Write::Always, Kind::RequiredText(36)),
    row("extra", 1, Write::Always, Kind::Object),
    unsortable("internal_info", 18),
    row("pxe_enabled", 19, Write::Always, Kind::Flag),
    row("local_link_connection", 19, Write::Always, Kind::LocalLink),
    Attribute {
        sortable: false,
        ..row("portgroup_uuid", 24, Write::Always, Kind::Uuid)
    },
    row("physical_network", 34, Write::Always, Kind::FilledText(64)),
    row("is_smartnic", 53, Write::Always, Kind::Flag),
    row("name", 88, Write::Always, Kind::Text(255)),
    row("description", 97, Write::Always, Kind::Text(255)),
    row("vendor", 100, Write::Always, Kind::Text(32)),
    row("category", 101, Write::Always, Kind::Text(80)),
    row(
        "available_for_dynamic_portgroup",
        111,
        Write::Always,
        Kind::Flag,
    ),
];

/// Filters of the list. The last two came with 97 and 99, but Ironic takes them from all clients.
pub(crate) const FILTERS: &[Filter] = &[
    filter("node", 1),
    filter("node_uuid", 1),
    filter("address", 1),
    filter("portgroup", 24),
    filter("shard", 82),
    filter("description_contains", 1),
    filter("conductor_groups", 1),
];

/// Filters of lists below a node or a port group.
pub(crate) const NESTED_FILTERS: &[Filter] = &[filter("address", 1)];
