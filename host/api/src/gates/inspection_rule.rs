//! Inspection rules: fields (facts §2.15).

use ironbark_model::inspection_rule::PHASES;

use super::{Attribute, Kind, Write, row, shown, unsortable};

/// All of it came with this version.
pub(crate) const SINCE: u16 = 96;

/// What a list shows of each rule unless it is told otherwise.
pub(crate) const SUMMARY: &[&str] = &["uuid", "priority", "phase", "description"];

/// All fields of a rule.
pub(crate) const FIELDS: &[Attribute] = &[
    row("uuid", SINCE, Write::Create, Kind::Uuid),
    shown("created_at", SINCE),
    shown("updated_at", SINCE),
    row("description", SINCE, Write::Always, Kind::Text(255)),
    row("priority", SINCE, Write::Always, Kind::Priority),
    row("phase", SINCE, Write::Always, Kind::OneOf(PHASES)),
    row("sensitive", SINCE, Write::Always, Kind::Flag),
    row("conditions", SINCE, Write::Always, Kind::Objects),
    row("actions", SINCE, Write::Always, Kind::Objects),
    unsortable("links", SINCE),
];
