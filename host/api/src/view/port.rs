//! How a port looks (facts §2.3).

use ironbark_model::Port;

use super::links::Links;
use super::{Field, Selection, Shown};
use crate::error::ApiError;
use crate::gates::{self, port as gate};
use crate::versions::Version;

/// What a port's look depends on besides the port: what links begin with.
pub(crate) struct Scene {
    pub(crate) base: String,
}

/// A port's fields in an answer.
pub(crate) type PortSelection = Selection<Port, Scene>;

/// All fields that the version has.
pub(crate) fn everything(version: Version) -> PortSelection {
    Selection::new(FIELDS, gate::FIELDS, version, |_| true)
}

/// What a list shows unless it is told otherwise.
pub(crate) fn summary(version: Version) -> PortSelection {
    Selection::new(FIELDS, gate::FIELDS, version, |name| {
        name == "links" || gate::SUMMARY.contains(&name)
    })
}

/// What `fields=` chose, and the links.
pub(crate) fn chosen(wanted: &[String], version: Version) -> Result<PortSelection, ApiError> {
    let chosen = gates::chosen_fields(gate::FIELDS, wanted, version)?;
    Ok(Selection::new(FIELDS, gate::FIELDS, version, |name| {
        name == "links" || chosen.contains(&name)
    }))
}

const FIELDS: &[Field<Port, Scene>] = &[
    ("uuid", |p, _| Shown::Text(&p.uuid)),
    ("address", |p, _| Shown::Text(&p.address)),
    ("name", |p, _| Shown::text(p.name.as_deref())),
    ("node_uuid", |p, _| Shown::Text(&p.node_uuid)),
    ("created_at", |p, _| Shown::time(p.created_at)),
    ("updated_at", |p, _| Shown::time(p.updated_at)),
    ("available_for_dynamic_portgroup", |p, _| {
        Shown::Flag(p.available_for_dynamic_portgroup)
    }),
    ("category", |p, _| Shown::text(p.category.as_deref())),
    ("description", |p, _| Shown::text(p.description.as_deref())),
    ("extra", |p, _| Shown::Object(&p.extra)),
    ("internal_info", |p, _| Shown::Object(&p.internal_info)),
    ("is_smartnic", |p, _| Shown::Flag(p.is_smartnic)),
    ("local_link_connection", |p, _| {
        Shown::Object(&p.local_link_connection)
    }),
    ("physical_network", |p, _| {
        Shown::text(p.physical_network.as_deref())
    }),
    ("portgroup_uuid", |p, _| {
        Shown::text(p.portgroup_uuid.as_deref())
    }),
    ("pxe_enabled", |p, _| Shown::Flag(p.pxe_enabled)),
    ("vendor", |p, _| Shown::text(p.vendor.as_deref())),
    ("links", |p, s| {
        Shown::Links(Links::new(&s.base, "ports", &p.uuid))
    }),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gate_has_a_field_and_every_field_a_gate() {
        let mut shown: Vec<_> = FIELDS.iter().map(|(name, _)| *name).collect();
        let mut gated: Vec<_> = gate::FIELDS
            .iter()
            .map(|attribute| attribute.name)
            .collect();
        shown.sort_unstable();
        gated.sort_unstable();
        assert_eq!(shown, gated);
    }
}
