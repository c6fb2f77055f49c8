//! Nodes: what is told and asked of their records and their states.

use serde_json::{Value, json};

use super::operation::{Operation, delete, get, patch, post, put};
use super::query::flag;
use super::schema::{self, listed, reference};
use crate::gates;
use crate::gates::node::{FIELDS, FILTERS, HISTORY};

pub(crate) fn operations() -> Vec<Operation> {
    let mut all = records();
    all.extend(states());
    all.extend(below());
    all
}

fn records() -> Vec<Operation> {
    vec![
        get("nodes", "List nodes")
            .detail()
            .fields(FIELDS)
            .page("nodes", "Node", FIELDS, FILTERS),
        get("nodes/detail", "List nodes with all fields").page("nodes", "Node", FIELDS, FILTERS),
        post("nodes", "Enrol a node")
            .body(schema::new_object(FIELDS))
            .created(reference("Node")),
        get("nodes/{node}", "Show a node")
            .fields(FIELDS)
            .ok(reference("Node")),
        patch("nodes/{node}", "Change a node")
            .query("reset_interfaces", flag())
            .ok(reference("Node")),
        delete("nodes/{node}", "Remove a node").no_content(),
        get(
            "nodes/{node}/validate",
            "Check what is known of a node, interface by interface",
        )
        .asks_machine()
        .ok(validation()),
        get(
            "nodes/validate",
            "Check what is known of a node, interface by interface",
        )
        .query("node", json!({"type": "string"}))
        .query("node_uuid", json!({"type": "string"}))
        .asks_machine()
        .ok(validation()),
        put("nodes/{node}/maintenance", "Put a node into maintenance")
            .may_have_body(json!({
                "type": "object",
                "properties": {"reason": {"type": ["string", "null"]}},
                "additionalProperties": false,
            }))
            .taken(),
        delete("nodes/{node}/maintenance", "Take a node out of maintenance").taken(),
    ]
}

fn states() -> Vec<Operation> {
    vec![
        get("nodes/{node}/states", "Show a node's states").ok(reference("NodeStates")),
        put("nodes/{node}/states/power", "Change a node's power")
            .body(json!({
                "type": "object",
                "required": ["target"],
                "properties": {
                    "target": {"enum": schema::power_targets()},
                    "timeout": {"type": ["integer", "null"], "minimum": 1, "maximum": u32::MAX,
                                "description": "Seconds."},
                },
                "additionalProperties": false,
            }))
            .asks_machine()
            .accepted(),
        put(
            "nodes/{node}/states/provision",
            "Move a node to another provision state",
        )
        .body(provision())
        .asks_machine()
        .accepted(),
    ]
}

fn below() -> Vec<Operation> {
    vec![
        get("nodes/{node}/traits", "List a node's traits")
            .ok(listed("traits", json!({"type": "string"}))),
        put(
            "nodes/{node}/traits",
            "Give a node these traits and no others",
        )
        .body(json!({
            "type": "object",
            "required": ["traits"],
            "properties": {"traits": {
                "type": "array",
                "items": {"type": "string", "maxLength": 255},
                "maxItems": 50,
            }},
            "additionalProperties": false,
        }))
        .no_content(),
        delete("nodes/{node}/traits", "Take all traits from a node").no_content(),
        put("nodes/{node}/traits/{trait}", "Give a node one more trait").no_content(),
        delete("nodes/{node}/traits/{trait}", "Take a trait from a node").no_content(),
        get("nodes/{node}/history", "List what happened to a node")
            .detail()
            .page("history", "NodeHistory", HISTORY, &[]),
        get(
            "nodes/{node}/history/{event}",
            "Show one thing that happened to a node",
        )
        .ok(reference("NodeHistory")),
        get(
            "nodes/{node}/children",
            "List the nodes whose parent a node is",
        )
        .ok(json!({
            "type": "object",
            "required": ["children", "links"],
            "properties": {
                "children": {"type": "array", "items": {"type": "string", "format": "uuid"}},
                "links": reference("Link"),
            },
            "additionalProperties": false,
        })),
        get("nodes/{node}/ports", "List a node's ports")
            .detail()
            .fields(gates::port::FIELDS)
            .page(
                "ports",
                "Port",
                gates::port::FIELDS,
                gates::port::NESTED_FILTERS,
            ),
        get(
            "nodes/{node}/ports/detail",
            "List a node's ports with all fields",
        )
        .page(
            "ports",
            "Port",
            gates::port::FIELDS,
            gates::port::NESTED_FILTERS,
        ),
        get("nodes/{node}/portgroups", "List a node's port groups")
            .detail()
            .fields(gates::portgroup::FIELDS)
            .page("portgroups", "Portgroup", gates::portgroup::FIELDS, &[]),
        get(
            "nodes/{node}/portgroups/detail",
            "List a node's port groups with all fields",
        )
        .page("portgroups", "Portgroup", gates::portgroup::FIELDS, &[]),
        get(
            "nodes/{node}/volume",
            "Where a node's volume connectors and targets are",
        )
        .ok(super::others::volume_root()),
        get(
            "nodes/{node}/volume/connectors",
            "List a node's volume connectors",
        )
        .detail()
        .fields(gates::volume::CONNECTOR)
        .page(
            "connectors",
            "VolumeConnector",
            gates::volume::CONNECTOR,
            &[],
        ),
        get(
            "nodes/{node}/volume/targets",
            "List a node's volume targets",
        )
        .detail()
        .fields(gates::volume::TARGET)
        .page("targets", "VolumeTarget", gates::volume::TARGET, &[]),
        get(
            "nodes/{node}/inventory",
            "Show what the last inspection of a node found",
        )
        .ok(json!({
            "type": "object",
            "required": ["inventory", "plugin_data"],
            "properties": {"inventory": {"type": "object"}, "plugin_data": {"type": "object"}},
            "additionalProperties": false,
        })),
    ]
}

fn validation() -> Value {
    json!({
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "required": ["result"],
            "properties": {
                "result": {"type": ["boolean", "null"]},
                "reason": {"type": ["string", "null"]},
            },
            "additionalProperties": false,
        },
    })
}

fn provision() -> Value {
    let step = |more: Value| {
        let mut properties = json!({
            "interface": {"type": "string", "minLength": 1},
            "step": {"type": "string", "minLength": 1},
            "args": {"type": "object"},
        });
        if let (Some(properties), Some(more)) = (properties.as_object_mut(), more.as_object()) {
            properties.extend(more.clone());
        }
        json!({
            "type": "array",
            "items": {
                "type": "object",
                "required": ["interface", "step"],
                "properties": properties,
                "additionalProperties": false,
            },
        })
    };
    let ordered = step(json!({
        "order": {"type": "integer", "minimum": 0},
        "execute_on_child_nodes": flag(),
        "limit_child_node_execution": {"type": "array", "items": {"type": "string", "format": "uuid"}},
    }));
    json!({
        "type": "object",
        "required": ["target"],
        "properties": {
            "target": {"enum": schema::verbs()},
            "configdrive": {"type": ["string", "object", "null"]},
            "clean_steps": ordered,
            "service_steps": ordered,
            "deploy_steps": step(json!({"priority": {"type": "integer", "minimum": 0}})),
            "rescue_password": {"type": ["string", "null"]},
            "disable_ramdisk": {"type": ["boolean", "null"]},
            "runbook": {"type": ["string", "null"]},
        },
        "additionalProperties": false,
    })
}
