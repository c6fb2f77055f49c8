//! Allocations, deploy templates, runbooks, inspection rules.

use serde_json::json;

use super::case::{Case, delete, get, patch, post, put};
use super::world::NEW;

#[rustfmt::skip]
pub(super) fn cases() -> Vec<Case> {
    let note = || json!([{"op": "add", "path": "/extra/note", "value": "n"}]);
    vec![
        get("/v1/allocations"),
        get("/v1/allocations/{allocation}"),
        get("/v1/deploy_templates"),
        get("/v1/deploy_templates/{template}"),
        get("/v1/runbooks"),
        get("/v1/runbooks/{runbook}"),
        get("/v1/runbooks/{runbook}/traits"),
        get("/v1/inspection_rules"),
        get("/v1/inspection_rules/{rule}"),

        post("/v1/allocations").body(json!({"uuid": NEW, "name": "more", "resource_class": "gold", "traits": ["CUSTOM_GPU"], "candidate_nodes": ["rack-1"]})),
        patch("/v1/allocations/{allocation}").body(note()),
        delete("/v1/allocations/{allocation}"),
        post("/v1/deploy_templates").body(json!({"uuid": NEW, "name": "CUSTOM_SLOW", "steps": [
            {"interface": "deploy", "step": "wipe", "args": {}, "priority": 1},
        ]})),
        patch("/v1/deploy_templates/{template}").body(note()),
        delete("/v1/deploy_templates/{template}"),
        post("/v1/runbooks").body(json!({"uuid": NEW, "name": "weekly", "description": "Every week.", "owner": "ada", "steps": [
            {"interface": "deploy", "step": "wipe", "order": 1},
        ]})),
        patch("/v1/runbooks/{runbook}").body(note()),
        put("/v1/runbooks/{runbook}/traits").body(json!({"traits": ["CUSTOM_B", "CUSTOM_A"]})),
        put("/v1/runbooks/{runbook}/traits/{trait}").on("trait", "CUSTOM_C"),
        delete("/v1/runbooks/{runbook}/traits/{trait}").on("trait", "CUSTOM_A"),
        delete("/v1/runbooks/{runbook}/traits"),
        delete("/v1/runbooks/{runbook}"),
        post("/v1/inspection_rules").body(json!({"uuid": NEW, "sensitive": true, "actions": [
            {"op": "set-attribute", "args": {"path": "/extra/seen", "value": true}},
        ]})),
        patch("/v1/inspection_rules/{rule}").body(json!([{"op": "replace", "path": "/priority", "value": 8}])),
        delete("/v1/inspection_rules/{rule}"),
    ]
}
