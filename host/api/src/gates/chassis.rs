//! Chassis: fields (facts §2.5).

use super::{Attribute, Kind, Write, row, shown, unsortable};

/// What a list shows of each chassis unless it is told otherwise.
pub(crate) const SUMMARY: &[&str] = &["uuid", "description"];

/// All fields of a chassis.
pub(crate) const FIELDS: &[Attribute] = &[
    row("uuid", 1, Write::Create, Kind::Uuid),
    shown("created_at", 1),
    shown("updated_at", 1),
    row("description", 1, Write::Always, Kind::Text(255)),
    row("extra", 1, Write::Always, Kind::Object),
    unsortable("links", 1),
    unsortable("nodes", 1),
];
