//! How an inspection rule looks (facts §2.15).

use ironbark_db::INSPECTION_RULE_SORT_KEYS;
use ironbark_model::InspectionRule;

use super::links::Links;
use super::{Field, Shown};
use crate::gates::inspection_rule as gate;
use crate::resource::{Resource, Scene};

/// Inspection rules.
pub(crate) const RESOURCE: &Resource<InspectionRule> = &Resource {
    name: "inspection_rules",
    path: "inspection_rules",
    gates: gate::FIELDS,
    fields: FIELDS,
    summary: gate::SUMMARY,
    filters: &[],
    sort_keys: INSPECTION_RULE_SORT_KEYS,
    detail_since: gate::SINCE,
    uuid: |rule| &rule.uuid,
};

const FIELDS: &[Field<InspectionRule, Scene>] = &[
    ("uuid", |r, _| Shown::Text(&r.uuid)),
    ("created_at", |r, _| Shown::time(r.created_at)),
    ("updated_at", |r, _| Shown::time(r.updated_at)),
    ("description", |r, _| Shown::text(r.description.as_deref())),
    ("priority", |r, _| Shown::Number(i64::from(r.priority))),
    ("phase", |r, _| Shown::Text(&r.phase)),
    ("sensitive", |r, _| Shown::Flag(r.sensitive)),
    ("conditions", |r, _| unless_sensitive(r, &r.conditions)),
    ("actions", |r, _| unless_sensitive(r, &r.actions)),
    // So they are called in Ironic too.
    ("links", |r, s| {
        Shown::Links(Links::new(&s.base, "inspection", &r.uuid))
    }),
];

fn unless_sensitive<'a>(rule: &InspectionRule, values: &'a [serde_json::Value]) -> Shown<'a> {
    if rule.sensitive {
        Shown::Null
    } else {
        Shown::Values(values)
    }
}
