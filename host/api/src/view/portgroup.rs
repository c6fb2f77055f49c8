//! How a port group looks (facts §2.4).

use ironbark_db::PORTGROUP_SORT_KEYS;
use ironbark_model::Portgroup;

use super::links::Links;
use super::{Field, Shown};
use crate::gates::{self, portgroup as gate};
use crate::resource::{Resource, Scene};

/// Port groups.
pub(crate) const RESOURCE: &Resource<Portgroup> = &Resource {
    name: "portgroups",
    path: "portgroups",
    gates: gate::FIELDS,
    fields: FIELDS,
    summary: gate::SUMMARY,
    filters: gate::FILTERS,
    sort_keys: PORTGROUP_SORT_KEYS,
    detail_since: gates::DETAIL_SINCE,
    uuid: |portgroup| &portgroup.uuid,
};

const FIELDS: &[Field<Portgroup, Scene>] = &[
    ("uuid", |g, _| Shown::Text(&g.uuid)),
    ("created_at", |g, _| Shown::time(g.created_at)),
    ("updated_at", |g, _| Shown::time(g.updated_at)),
    ("address", |g, _| Shown::text(g.address.as_deref())),
    ("extra", |g, _| Shown::Object(&g.extra)),
    ("internal_info", |g, _| Shown::Object(&g.internal_info)),
    ("mode", |g, _| Shown::Text(&g.mode)),
    ("name", |g, _| Shown::text(g.name.as_deref())),
    ("properties", |g, _| Shown::Object(&g.properties)),
    ("standalone_ports_supported", |g, _| {
        Shown::Flag(g.standalone_ports_supported)
    }),
    ("node_uuid", |g, _| Shown::Text(&g.node_uuid)),
    ("physical_network", |g, _| {
        Shown::text(g.physical_network.as_deref())
    }),
    ("category", |g, _| Shown::text(g.category.as_deref())),
    ("dynamic_portgroup", |g, _| Shown::Flag(g.dynamic_portgroup)),
    ("links", |g, s| Shown::Links(links(g, s))),
    ("ports", |g, s| Shown::Links(links(g, s).below("/ports"))),
];

fn links<'a>(portgroup: &'a Portgroup, scene: &'a Scene) -> Links<'a> {
    Links::new(&scene.base, "portgroups", &portgroup.uuid)
}
