//! What ramdisks on the machines ask and report. They have no credentials.

use serde_json::{Value, json};

use super::operation::{Operation, get, post};
use super::shown::links;

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        get("lookup", "Find the node that a ramdisk runs on")
            .query("addresses", json!({"type": "string"}))
            .query("node_uuid", json!({"type": "string", "format": "uuid"}))
            .may_conflict()
            .ok(found()),
        post(
            "heartbeat/{node}",
            "Tell that the ramdisk on a node is there",
        )
        .body(json!({
            "type": "object",
            "required": ["callback_url"],
            "properties": {
                "callback_url": {"type": "string"},
                "agent_version": {"type": ["string", "null"]},
                "agent_token": {"type": ["string", "null"]},
                "agent_verify_ca": {"type": ["string", "null"]},
                "agent_status": {"type": ["string", "null"]},
                "agent_status_message": {"type": ["string", "null"]},
            },
            "additionalProperties": false,
        }))
        .taken(),
        post(
            "continue_inspection",
            "Post what an inspection ramdisk found",
        )
        .query("node_uuid", json!({"type": "string", "format": "uuid"}))
        .body(json!({
            "type": "object",
            "required": ["inventory"],
            "properties": {"inventory": {"type": "object"}},
        }))
        .taken_with(found()),
    ]
}

fn found() -> Value {
    json!({
        "type": "object",
        "required": ["node", "config"],
        "properties": {
            "node": {
                "type": "object",
                "properties": {
                    "uuid": {"type": "string", "format": "uuid"},
                    "properties": {"type": "object"},
                    "instance_info": {"type": "object"},
                    "driver_internal_info": {"type": "object"},
                    "links": links(),
                },
                "additionalProperties": false,
            },
            "config": {"type": "object"},
        },
        "additionalProperties": false,
    })
}
