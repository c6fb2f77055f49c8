//! Drivers and conductors (facts §2.6, §2.7), and the links of `GET /v1` (facts §1.3).

use super::{Attribute, Filter, filter, shown, unsortable};

/// Drivers say their `type` since this version.
pub(crate) const DRIVER_TYPE_SINCE: u16 = 30;
/// Links to a driver's properties since this version.
pub(crate) const DRIVER_PROPERTIES_LINK_SINCE: u16 = 14;
/// `fields=` for drivers since this version.
pub(crate) const DRIVER_FIELDS_SINCE: u16 = 77;

/// Filters of the list of drivers.
pub(crate) const DRIVER_FILTERS: &[Filter] = &[
    filter("type", DRIVER_TYPE_SINCE),
    filter("detail", DRIVER_TYPE_SINCE),
    filter("fields", DRIVER_FIELDS_SINCE),
];

/// All fields of a conductor.
pub(crate) const CONDUCTOR: &[Attribute] = &[
    shown("hostname", 49),
    shown("conductor_group", 49),
    unsortable("alive", 49),
    unsortable("drivers", 49),
    shown("created_at", 49),
    shown("updated_at", 49),
    unsortable("links", 49),
];

/// What a list shows of each conductor unless it is told otherwise.
pub(crate) const CONDUCTOR_SUMMARY: &[&str] = &["hostname", "conductor_group", "alive"];

/// Resources that `GET /v1` links to, since which version.
pub(crate) const ROOT_LINKS: &[(&str, u16)] = &[
    ("chassis", 1),
    ("nodes", 1),
    ("ports", 1),
    ("drivers", 1),
    ("portgroups", 23),
    ("volume", 32),
    ("lookup", 22),
    ("heartbeat", 22),
    ("conductors", 49),
    ("allocations", 52),
    ("events", 54),
    ("deploy_templates", 55),
    ("shards", 82),
    ("continue_inspection", 84),
    ("runbooks", 92),
    ("inspection_rules", 96),
];
