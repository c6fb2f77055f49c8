//! How a chassis looks (facts §2.5).

use ironbark_db::CHASSIS_SORT_KEYS;
use ironbark_model::Chassis;

use super::links::Links;
use super::{Field, Shown};
use crate::gates::{self, chassis as gate};
use crate::resource::{Resource, Scene};

/// Chassis.
pub(crate) const RESOURCE: &Resource<Chassis> = &Resource {
    name: "chassis",
    path: "chassis",
    gates: gate::FIELDS,
    fields: FIELDS,
    summary: gate::SUMMARY,
    filters: &[],
    sort_keys: CHASSIS_SORT_KEYS,
    detail_since: gates::DETAIL_SINCE,
    uuid: |chassis| &chassis.uuid,
};

const FIELDS: &[Field<Chassis, Scene>] = &[
    ("uuid", |c, _| Shown::Text(&c.uuid)),
    ("created_at", |c, _| Shown::time(c.created_at)),
    ("updated_at", |c, _| Shown::time(c.updated_at)),
    ("description", |c, _| Shown::text(c.description.as_deref())),
    ("extra", |c, _| Shown::Object(&c.extra)),
    ("links", |c, s| Shown::Links(links(c, s))),
    ("nodes", |c, s| {
        Shown::NestedLinks(links(c, s).below("/nodes"))
    }),
];

fn links<'a>(chassis: &'a Chassis, scene: &'a Scene) -> Links<'a> {
    Links::new(&scene.base, "chassis", &chassis.uuid)
}
