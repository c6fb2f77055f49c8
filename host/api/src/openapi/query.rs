//! What lists have in common: pages, order, filters, chosen fields.

use serde_json::{Value, json};

use super::operation::Operation;
use super::schema;
use crate::gates::{Attribute, Filter};

impl Operation {
    /// The page of a list, under `key`, of resources called `item`.
    pub(crate) fn page(
        self,
        key: &str,
        item: &str,
        table: &[Attribute],
        filters: &[Filter],
    ) -> Self {
        self.paged(table)
            .filters(filters)
            .ok(schema::page(key, item))
    }

    /// `limit`, `marker`, `sort_key` and `sort_dir`.
    pub(crate) fn paged(self, table: &[Attribute]) -> Self {
        let sortable: Vec<&str> = table
            .iter()
            .filter(|attribute| attribute.sortable)
            .map(|attribute| attribute.name)
            .collect();
        self.query("limit", json!({"type": "integer", "minimum": 1}))
            .query("marker", json!({"type": "string"}))
            .query("sort_key", json!({"enum": sortable}))
            .query("sort_dir", json!({"enum": ["asc", "desc"]}))
    }

    /// `fields=`: some of these.
    pub(crate) fn fields(self, table: &[Attribute]) -> Self {
        let names: Vec<&str> = table.iter().map(|attribute| attribute.name).collect();
        let known = names.join("|");
        self.query(
            "fields",
            json!({"type": "string", "pattern": format!("^({known})(,({known}))*$")}),
        )
    }

    /// `detail=`.
    pub(crate) fn detail(self) -> Self {
        self.query("detail", flag())
    }

    fn filters(mut self, filters: &[Filter]) -> Self {
        for filter in filters {
            self = self.query(filter.name, filter_value(filter.name));
        }
        self
    }
}

/// Yes or no.
pub(crate) fn flag() -> Value {
    json!({"type": "boolean"})
}

/// What a filter is compared with.
fn filter_value(name: &str) -> Value {
    match name {
        "associated" | "maintenance" | "retired" | "sharded" | "include_children" => flag(),
        "instance_uuid" | "chassis_uuid" => json!({"type": "string", "format": "uuid"}),
        "provision_state" => json!({"enum": schema::provision_states()}),
        "type" => json!({"enum": ["classic", "dynamic"]}),
        _ => json!({"type": "string"}),
    }
}
