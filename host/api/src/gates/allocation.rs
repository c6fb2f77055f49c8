//! Allocations: fields and filters (facts §2.8).

use super::{Attribute, Filter, Kind, Write, filter, row, shown, unsortable};

/// An allocation can be changed since this version; before, PATCH is answered 405.
pub(crate) const PATCH_SINCE: u16 = 57;
/// An allocation can be made for a node that is in use already.
pub(crate) const BACKFILL_SINCE: u16 = 58;
/// A node of the allocation's name is taken before others.
pub(crate) const NAMESAKE_SINCE: u16 = 79;

/// All fields of an allocation.
pub(crate) const FIELDS: &[Attribute] = &[
    row("uuid", 52, Write::Create, Kind::Uuid),
    row("name", 52, Write::Always, Kind::Name),
    unsortable("node_uuid", 52),
    shown("state", 52),
    shown("last_error", 52),
    row("resource_class", 52, Write::Create, Kind::FilledText(80)),
    row("traits", 52, Write::Create, Kind::TextList),
    row("candidate_nodes", 52, Write::Create, Kind::TextList),
    row("extra", 52, Write::Always, Kind::Object),
    row("owner", 60, Write::Create, Kind::Text(255)),
    shown("created_at", 52),
    shown("updated_at", 52),
    unsortable("links", 52),
];

/// Filters of the list.
pub(crate) const FILTERS: &[Filter] = &[
    filter("node", 52),
    filter("resource_class", 52),
    filter("state", 52),
    filter("owner", 60),
];
