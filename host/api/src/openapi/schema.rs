//! Schemas of fields and resources, from the tables of the gates.

use ironbark_model::{PowerTarget, ProvisionState, Verb};
use serde_json::{Map, Value, json};

use super::{own_shapes, shown};
use crate::gates::{self, Attribute, Kind};

/// What stands in `components/schemas`: the resources, and what many operations share.
pub(crate) fn components() -> Value {
    let mut all = Map::new();
    for (name, table) in RESOURCES {
        all.insert((*name).to_owned(), shown_object(table));
    }
    all.insert(
        "Link".to_owned(),
        json!({
            "type": "object",
            "required": ["href", "rel"],
            "properties": {
                "href": {"type": "string", "format": "uri"},
                "rel": {"type": "string"},
                "type": {"type": "string"},
            },
            "additionalProperties": false,
        }),
    );
    for (name, shape) in own_shapes::all() {
        all.insert(name.to_owned(), shape);
    }
    all.insert("Patch".to_owned(), patch());
    all.insert("Error".to_owned(), error());
    Value::Object(all)
}

/// The resources, by their names in this document.
const RESOURCES: &[(&str, &[Attribute])] = &[
    ("Node", gates::node::FIELDS),
    ("NodeStates", gates::node::STATES),
    ("NodeHistory", gates::node::HISTORY),
    ("Port", gates::port::FIELDS),
    ("Portgroup", gates::portgroup::FIELDS),
    ("Chassis", gates::chassis::FIELDS),
    ("VolumeConnector", gates::volume::CONNECTOR),
    ("VolumeTarget", gates::volume::TARGET),
    ("BiosSetting", gates::hardware::BIOS),
    ("FirmwareComponent", gates::hardware::FIRMWARE),
    ("Conductor", gates::others::CONDUCTOR),
    ("Allocation", gates::allocation::FIELDS),
    ("DeployTemplate", gates::standalone::DEPLOY_TEMPLATE),
    ("Runbook", gates::standalone::RUNBOOK),
    ("InspectionRule", gates::inspection_rule::FIELDS),
];

/// A resource, or some of its fields, in an answer.
fn shown_object(table: &'static [Attribute]) -> Value {
    let properties: Map<String, Value> = table
        .iter()
        .map(|attribute| (attribute.name.to_owned(), shown::schema(attribute)))
        .collect();
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

/// The body that creates a resource.
pub(crate) fn new_object(table: &'static [Attribute]) -> Value {
    let creatable = || table.iter().filter(|attribute| attribute.creatable());
    let properties: Map<String, Value> = creatable()
        .map(|attribute| (attribute.name.to_owned(), given(attribute.kind)))
        .collect();
    let required: Vec<&str> = creatable()
        .filter(|attribute| attribute.kind.is_mandatory())
        .map(|attribute| attribute.name)
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// What a client may give for a field.
fn given(kind: Kind) -> Value {
    match kind {
        Kind::Shown => json!(false),
        Kind::Text(max) => json!({"type": ["string", "null"], "maxLength": max}),
        Kind::FilledText(max) => {
            json!({"type": ["string", "null"], "minLength": 1, "maxLength": max})
        }
        Kind::RequiredText(max) => json!({"type": "string", "minLength": 1, "maxLength": max}),
        Kind::Uuid => json!({"type": ["string", "null"], "format": "uuid"}),
        Kind::NodeName | Kind::Name => json!({"type": ["string", "null"], "maxLength": 255}),
        Kind::Flag => json!({"type": ["boolean", "null"]}),
        Kind::Object | Kind::Properties | Kind::LocalLink | Kind::NetworkData => {
            json!({"type": ["object", "null"]})
        }
        Kind::Group => json!({
            "type": ["string", "null"],
            "maxLength": 255,
            "pattern": "^[A-Za-z0-9_.-]*$",
        }),
        Kind::OneOf(words) => {
            let mut words: Vec<Value> = words.iter().map(|word| Value::from(*word)).collect();
            words.push(Value::Null);
            json!({"enum": words})
        }
        Kind::Mac => json!({"type": "string", "pattern": MAC}),
        Kind::MacOrNull => json!({"type": ["string", "null"], "pattern": MAC}),
        Kind::Integer => json!({"type": "integer", "minimum": i32::MIN, "maximum": i32::MAX}),
        Kind::Priority => json!({"type": ["integer", "null"], "minimum": 0, "maximum": 9999}),
        Kind::Objects => json!({"type": ["array", "null"], "items": {"type": "object"}}),
        Kind::TextList => json!({
            "type": ["array", "null"],
            "items": {"type": "string", "minLength": 1, "maxLength": 255},
        }),
        Kind::Trait => {
            json!({"type": "string", "pattern": "^CUSTOM_[A-Z0-9_]+$", "maxLength": 255})
        }
        Kind::RunbookName => {
            json!({"type": "string", "pattern": "^[A-Za-z0-9._~-]+$", "maxLength": 255})
        }
        Kind::DeploySteps => json!({"type": "array", "minItems": 1, "items": step("priority")}),
        Kind::RunbookSteps => json!({"type": "array", "minItems": 1, "items": step("order")}),
    }
}

/// One of the steps that a recipe has; `rank` says which comes first.
fn step(rank: &str) -> Value {
    json!({
        "type": "object",
        "required": ["interface", "step", "args", rank],
        "properties": {
            "interface": {"type": "string", "minLength": 1},
            "step": {"type": "string", "minLength": 1},
            "args": {"type": "object"},
            rank: {"type": "integer", "minimum": 0},
        },
    })
}

const MAC: &str = "^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$";

/// The targets of `PUT …/states/provision`.
pub(crate) fn verbs() -> Vec<&'static str> {
    Verb::ALL.iter().map(|verb| verb.as_str()).collect()
}

/// The targets of `PUT …/states/power`.
pub(crate) fn power_targets() -> Vec<&'static str> {
    PowerTarget::ALL
        .iter()
        .map(|target| target.as_str())
        .collect()
}

/// All provision states.
pub(crate) fn provision_states() -> Vec<&'static str> {
    ProvisionState::ALL
        .iter()
        .map(|state| state.as_str())
        .collect()
}

/// A reference to what is in `components/schemas`.
pub(crate) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// A list of things under a key, without pages.
pub(crate) fn listed(key: &str, item: Value) -> Value {
    json!({
        "type": "object",
        "required": [key],
        "properties": {key: {"type": "array", "items": item}},
        "additionalProperties": false,
    })
}

/// A page of a list.
pub(crate) fn page(key: &str, item: &str) -> Value {
    json!({
        "type": "object",
        "required": [key],
        "properties": {
            key: {"type": "array", "items": reference(item)},
            "next": {"type": "string", "format": "uri"},
        },
        "additionalProperties": false,
    })
}

fn patch() -> Value {
    json!({
        "type": "array",
        "items": {
            "type": "object",
            "required": ["op", "path"],
            "properties": {
                "op": {"enum": ["add", "replace", "remove"]},
                "path": {"type": "string", "pattern": r"^(/[\w-]+)+$"},
                "value": {},
            },
            "additionalProperties": false,
        },
    })
}

fn error() -> Value {
    json!({
        "anyOf": [
            {
                "type": "object",
                "required": ["error_message"],
                "properties": {"error_message": {
                    "type": "string",
                    "description": "JSON again, in a string: faultstring says what is wrong (or, if the path is, description).",
                }},
                "additionalProperties": false,
            },
            {
                "type": "object",
                "required": ["faultcode", "faultstring"],
                "properties": {"faultcode": {"type": "string"}, "faultstring": {"type": "string"}},
                "additionalProperties": false,
            },
        ],
    })
}
