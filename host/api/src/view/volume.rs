//! How volume connectors and targets look (facts §2.11).

use ironbark_db::{VOLUME_CONNECTOR_SORT_KEYS, VOLUME_TARGET_SORT_KEYS};
use ironbark_model::{VolumeConnector, VolumeTarget};

use super::links::Links;
use super::{Field, Shown};
use crate::gates::volume as gate;
use crate::resource::{Resource, Scene};

/// Volume connectors.
pub(crate) const CONNECTORS: &Resource<VolumeConnector> = &Resource {
    name: "connectors",
    path: "volume/connectors",
    gates: gate::CONNECTOR,
    fields: CONNECTOR,
    summary: gate::CONNECTOR_SUMMARY,
    filters: gate::FILTERS,
    sort_keys: VOLUME_CONNECTOR_SORT_KEYS,
    detail_since: gate::DETAIL_SINCE,
    uuid: |connector| &connector.uuid,
};

/// Volume targets.
pub(crate) const TARGETS: &Resource<VolumeTarget> = &Resource {
    name: "targets",
    path: "volume/targets",
    gates: gate::TARGET,
    fields: TARGET,
    summary: gate::TARGET_SUMMARY,
    filters: gate::FILTERS,
    sort_keys: VOLUME_TARGET_SORT_KEYS,
    detail_since: gate::DETAIL_SINCE,
    uuid: |target| &target.uuid,
};

const CONNECTOR: &[Field<VolumeConnector, Scene>] = &[
    ("uuid", |v, _| Shown::Text(&v.uuid)),
    ("created_at", |v, _| Shown::time(v.created_at)),
    ("updated_at", |v, _| Shown::time(v.updated_at)),
    ("connector_id", |v, _| Shown::Text(&v.connector_id)),
    ("extra", |v, _| Shown::Object(&v.extra)),
    ("type", |v, _| Shown::Text(&v.kind)),
    ("node_uuid", |v, _| Shown::Text(&v.node_uuid)),
    ("links", |v, s| {
        Shown::Links(Links::new(&s.base, "volume/connectors", &v.uuid))
    }),
];

const TARGET: &[Field<VolumeTarget, Scene>] = &[
    ("uuid", |v, _| Shown::Text(&v.uuid)),
    ("created_at", |v, _| Shown::time(v.created_at)),
    ("updated_at", |v, _| Shown::time(v.updated_at)),
    ("boot_index", |v, _| Shown::Number(v.boot_index)),
    ("extra", |v, _| Shown::Object(&v.extra)),
    ("properties", |v, _| Shown::Masked(&v.properties)),
    ("volume_id", |v, _| Shown::Text(&v.volume_id)),
    ("volume_type", |v, _| Shown::Text(&v.volume_type)),
    ("node_uuid", |v, _| Shown::Text(&v.node_uuid)),
    ("links", |v, s| {
        Shown::Links(Links::new(&s.base, "volume/targets", &v.uuid))
    }),
];
