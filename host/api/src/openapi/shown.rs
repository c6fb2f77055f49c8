//! The form of fields in answers. Fields that a client may give look as they were given; the others are named here.

use serde_json::{Value, json};

use super::schema;
use crate::gates::{Attribute, Kind};

/// The form of one field.
pub(crate) fn schema(attribute: &Attribute) -> Value {
    match attribute.kind {
        Kind::Shown => only_shown(attribute.name),
        Kind::Text(_) | Kind::FilledText(_) | Kind::NodeName | Kind::Name | Kind::MacOrNull => {
            json!({"type": ["string", "null"]})
        }
        Kind::RequiredText(_) | Kind::Group | Kind::Mac => json!({"type": "string"}),
        Kind::Uuid if attribute.name == "uuid" => json!({"type": "string", "format": "uuid"}),
        Kind::Uuid => json!({"type": ["string", "null"], "format": "uuid"}),
        Kind::Flag if MAY_BE_UNSET.contains(&attribute.name) => {
            json!({"type": ["boolean", "null"]})
        }
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Object | Kind::Properties | Kind::LocalLink | Kind::NetworkData => {
            json!({"type": "object"})
        }
        Kind::OneOf(words) => {
            let mut words: Vec<Value> = words.iter().map(|word| Value::from(*word)).collect();
            words.push(Value::Null);
            json!({"enum": words})
        }
        Kind::Integer | Kind::Priority => json!({"type": "integer"}),
        Kind::Trait | Kind::RunbookName => json!({"type": "string"}),
        Kind::TextList => json!({"type": "array", "items": {"type": "string"}}),
        Kind::Objects => json!({"type": ["array", "null"], "items": {"type": "object"}}),
        Kind::DeploySteps | Kind::RunbookSteps => {
            json!({"type": "array", "items": {"type": "object"}})
        }
    }
}

/// Flags that are neither yes nor no until somebody says which.
const MAY_BE_UNSET: &[&str] = &["automated_clean", "secure_boot"];

fn only_shown(name: &str) -> Value {
    match name {
        "created_at"
        | "updated_at"
        | "provision_updated_at"
        | "inspection_started_at"
        | "inspection_finished_at" => json!({"type": ["string", "null"], "format": "date-time"}),
        "uuid" => json!({"type": "string", "format": "uuid"}),
        "links" | "ports" | "states" | "portgroups" | "volume" => links(),
        // That is how Ironic links from a chassis to its nodes.
        "nodes" => json!({"type": "array", "items": links()}),
        "driver_internal_info"
        | "clean_step"
        | "deploy_step"
        | "service_step"
        | "raid_config"
        | "target_raid_config"
        | "internal_info" => json!({"type": "object"}),
        "traits" | "drivers" => json!({"type": "array", "items": {"type": "string"}}),
        "allowable_values" => json!({"type": ["array", "null"], "items": {"type": "string"}}),
        "alive" | "console_enabled" | "dynamic_portgroup" => json!({"type": "boolean"}),
        "secure_boot" | "read_only" | "reset_required" | "unique" => {
            json!({"type": ["boolean", "null"]})
        }
        "duration_seconds" | "lower_bound" | "upper_bound" | "max_length" | "min_length" => {
            json!({"type": ["integer", "null"]})
        }
        "provision_state" | "target_provision_state" => {
            let mut states: Vec<Value> = schema::provision_states()
                .into_iter()
                .map(Value::from)
                .collect();
            states.push(Value::Null);
            json!({"enum": states})
        }
        _ => json!({"type": ["string", "null"]}),
    }
}

/// A list of links.
pub(crate) fn links() -> Value {
    json!({"type": "array", "items": schema::reference("Link")})
}
