//! How deploy templates and runbooks look (facts §2.9, §2.10).

use ironbark_db::{DEPLOY_TEMPLATE_SORT_KEYS, RUNBOOK_SORT_KEYS};
use ironbark_model::{DeployTemplate, Runbook};

use super::links::Links;
use super::{Field, Shown};
use crate::gates::{self, standalone as gate};
use crate::resource::{Resource, Scene};

/// Deploy templates.
pub(crate) const DEPLOY_TEMPLATES: &Resource<DeployTemplate> = &Resource {
    name: "deploy_templates",
    path: "deploy_templates",
    gates: gate::DEPLOY_TEMPLATE,
    fields: DEPLOY_TEMPLATE,
    summary: gate::NAMED_SUMMARY,
    filters: &[],
    sort_keys: DEPLOY_TEMPLATE_SORT_KEYS,
    detail_since: gates::DETAIL_SINCE,
    uuid: |template| &template.uuid,
};

/// Runbooks.
pub(crate) const RUNBOOKS: &Resource<Runbook> = &Resource {
    name: "runbooks",
    path: "runbooks",
    gates: gate::RUNBOOK,
    fields: RUNBOOK,
    summary: gate::NAMED_SUMMARY,
    filters: gate::RUNBOOK_FILTERS,
    sort_keys: RUNBOOK_SORT_KEYS,
    detail_since: gates::DETAIL_SINCE,
    uuid: |runbook| &runbook.uuid,
};

const DEPLOY_TEMPLATE: &[Field<DeployTemplate, Scene>] = &[
    ("uuid", |t, _| Shown::Text(&t.uuid)),
    ("name", |t, _| Shown::Text(&t.name)),
    ("steps", |t, _| Shown::MaskedItems(&t.steps)),
    ("extra", |t, _| Shown::Object(&t.extra)),
    ("created_at", |t, _| Shown::time(t.created_at)),
    ("updated_at", |t, _| Shown::time(t.updated_at)),
    ("links", |t, s| {
        Shown::Links(Links::new(&s.base, "deploy_templates", &t.uuid))
    }),
];

const RUNBOOK: &[Field<Runbook, Scene>] = &[
    ("uuid", |r, _| Shown::Text(&r.uuid)),
    ("name", |r, _| Shown::Text(&r.name)),
    ("description", |r, _| Shown::text(r.description.as_deref())),
    ("public", |r, _| Shown::Flag(r.public)),
    ("owner", |r, _| Shown::text(r.owner.as_deref())),
    ("disable_ramdisk", |r, _| Shown::Flag(r.disable_ramdisk)),
    ("steps", |r, _| Shown::MaskedItems(&r.steps)),
    ("traits", |r, _| Shown::Texts(&r.traits)),
    ("extra", |r, _| Shown::Object(&r.extra)),
    ("created_at", |r, _| Shown::time(r.created_at)),
    ("updated_at", |r, _| Shown::time(r.updated_at)),
    ("links", |r, s| {
        Shown::Links(Links::new(&s.base, "runbooks", &r.uuid))
    }),
];
