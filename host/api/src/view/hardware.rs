//! How BIOS settings and firmware components look (facts §2.1).

use ironbark_model::hardware::{BiosSetting, FirmwareComponent};

use super::links::Links;
use super::{Field, Selection, Shown};
use crate::gates::hardware as gate;
use crate::versions::Version;

/// What their look depends on besides themselves.
pub(crate) struct Scene {
    pub(crate) base: String,
    /// The node, as links name it.
    pub(crate) node: String,
}

/// A setting's fields in an answer.
pub(crate) fn bios(
    version: Version,
    wanted: impl Fn(&str) -> bool,
) -> Selection<BiosSetting, Scene> {
    Selection::new(BIOS, gate::BIOS, version, |name| {
        gate::ALWAYS.contains(&name) || wanted(name)
    })
}

/// A component's fields in an answer.
pub(crate) fn firmware(
    version: Version,
    wanted: impl Fn(&str) -> bool,
) -> Selection<FirmwareComponent, Scene> {
    Selection::new(FIRMWARE, gate::FIRMWARE, version, |name| {
        gate::ALWAYS.contains(&name) || wanted(name)
    })
}

const BIOS: &[Field<BiosSetting, Scene>] = &[
    ("created_at", |s, _| Shown::time(s.created_at)),
    ("updated_at", |s, _| Shown::time(s.updated_at)),
    ("name", |s, _| Shown::Text(&s.name)),
    ("value", |s, _| Shown::text(s.value.as_deref())),
    ("attribute_type", |s, _| {
        Shown::text(s.attribute_type.as_deref())
    }),
    ("allowable_values", |s, _| Shown::Texts(&s.allowable_values)),
    ("lower_bound", |s, _| number(s.lower_bound)),
    ("max_length", |s, _| number(s.max_length.map(i64::from))),
    ("min_length", |s, _| number(s.min_length.map(i64::from))),
    ("read_only", |s, _| Shown::flag(s.read_only)),
    ("reset_required", |s, _| Shown::flag(s.reset_required)),
    ("unique", |s, _| Shown::flag(s.unique)),
    ("upper_bound", |s, _| number(s.upper_bound)),
    ("links", |s, scene| {
        Shown::Links(Links::new(&scene.base, "nodes", &scene.node).item("/bios/", &s.name))
    }),
];

const FIRMWARE: &[Field<FirmwareComponent, Scene>] = &[
    ("created_at", |c, _| Shown::time(c.created_at)),
    ("updated_at", |c, _| Shown::time(c.updated_at)),
    ("component", |c, _| Shown::Text(&c.component)),
    ("initial_version", |c, _| Shown::Text(&c.initial_version)),
    ("current_version", |c, _| {
        Shown::text(c.current_version.as_deref())
    }),
    ("last_version_flashed", |c, _| {
        Shown::text(c.last_version_flashed.as_deref())
    }),
    ("vendor", |c, _| Shown::text(c.vendor.as_deref())),
    ("model", |c, _| Shown::text(c.model.as_deref())),
    ("serial_number", |c, _| {
        Shown::text(c.serial_number.as_deref())
    }),
];

fn number(value: Option<i64>) -> Shown<'static> {
    value.map_or(Shown::Null, Shown::Number)
}
