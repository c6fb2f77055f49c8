//! Deploy templates and runbooks: fields (facts §2.9, §2.10).

use super::{Attribute, Filter, Kind, Write, filter, row, shown, unsortable};

/// Runbooks have traits of their own since this version; before, the name is the only one.
pub(crate) const RUNBOOK_TRAITS_SINCE: u16 = 112;

/// What a list shows of each deploy template, and each runbook, unless it is told otherwise.
pub(crate) const NAMED_SUMMARY: &[&str] = &["uuid", "name"];

/// All fields of a deploy template.
pub(crate) const DEPLOY_TEMPLATE: &[Attribute] = &[
    row("uuid", 55, Write::Create, Kind::Uuid),
    row("name", 55, Write::Always, Kind::Trait),
    row("steps", 55, Write::Always, Kind::DeploySteps),
    row("extra", 55, Write::Always, Kind::Object),
    shown("created_at", 55),
    shown("updated_at", 55),
    unsortable("links", 55),
];

/// All fields of a runbook.
pub(crate) const RUNBOOK: &[Attribute] = &[
    row("uuid", 92, Write::Create, Kind::Uuid),
    row("name", 92, Write::Always, Kind::RunbookName),
    row("description", 112, Write::Always, Kind::Text(255)),
    row("public", 92, Write::Always, Kind::Flag),
    row("owner", 92, Write::Always, Kind::Text(255)),
    row("disable_ramdisk", 92, Write::Always, Kind::Flag),
    row("steps", 92, Write::Always, Kind::RunbookSteps),
    unsortable("traits", 112),
    row("extra", 92, Write::Always, Kind::Object),
    shown("created_at", 92),
    shown("updated_at", 92),
    unsortable("links", 92),
];

/// What a list of runbooks can be narrowed to.
pub(crate) const RUNBOOK_FILTERS: &[Filter] = &[filter("project", 92)];
