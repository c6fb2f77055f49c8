//! How an allocation looks (facts §2.8).

use ironbark_db::ALLOCATION_SORT_KEYS;
use ironbark_model::Allocation;

use super::links::Links;
use super::{Field, Shown};
use crate::gates::allocation as gate;
use crate::resource::{NO_DETAIL, Resource, Scene};

/// Allocations. Their lists show all of each.
pub(crate) const RESOURCE: &Resource<Allocation> = &Resource {
    name: "allocations",
    path: "allocations",
    gates: gate::FIELDS,
    fields: FIELDS,
    summary: &[],
    filters: gate::FILTERS,
    sort_keys: ALLOCATION_SORT_KEYS,
    detail_since: NO_DETAIL,
    uuid: |allocation| &allocation.uuid,
};

const FIELDS: &[Field<Allocation, Scene>] = &[
    ("uuid", |a, _| Shown::Text(&a.uuid)),
    ("name", |a, _| Shown::text(a.name.as_deref())),
    ("node_uuid", |a, _| Shown::text(a.node_uuid.as_deref())),
    ("state", |a, _| Shown::Text(a.state.as_str())),
    ("last_error", |a, _| Shown::text(a.last_error.as_deref())),
    ("resource_class", |a, _| {
        Shown::text(a.resource_class.as_deref())
    }),
    ("traits", |a, _| Shown::Texts(&a.traits)),
    ("candidate_nodes", |a, _| Shown::Texts(&a.candidate_nodes)),
    ("extra", |a, _| Shown::Object(&a.extra)),
    ("owner", |a, _| Shown::text(a.owner.as_deref())),
    ("created_at", |a, _| Shown::time(a.created_at)),
    ("updated_at", |a, _| Shown::time(a.updated_at)),
    ("links", |a, s| {
        Shown::Links(Links::new(&s.base, "allocations", &a.uuid))
    }),
];
