//! Allocations; and what operators write down once for many nodes: deploy templates, runbooks, inspection rules.

use serde_json::json;

use super::operation::{Operation, delete, get, post, put};
use super::others::{Words, resource};
use super::schema::{self, listed, reference};
use crate::gates::{allocation, inspection_rule, standalone};

pub(crate) fn operations() -> Vec<Operation> {
    let mut all = allocations();
    all.extend(resource(&Words {
        paths: ["deploy_templates", "", "deploy_templates/{template}"],
        one: "a deploy template",
        many: "deploy templates",
        key: "deploy_templates",
        schema: "DeployTemplate",
        table: standalone::DEPLOY_TEMPLATE,
        filters: &[],
        has_detail: true,
    }));
    all.extend(resource(&Words {
        paths: ["runbooks", "", "runbooks/{runbook}"],
        one: "a runbook",
        many: "runbooks",
        key: "runbooks",
        schema: "Runbook",
        table: standalone::RUNBOOK,
        filters: standalone::RUNBOOK_FILTERS,
        has_detail: true,
    }));
    all.extend(runbook_traits());
    all.extend(resource(&Words {
        paths: ["inspection_rules", "", "inspection_rules/{rule}"],
        one: "an inspection rule",
        many: "inspection rules",
        key: "inspection_rules",
        schema: "InspectionRule",
        table: inspection_rule::FIELDS,
        filters: &[],
        has_detail: true,
    }));
    all
}

fn allocations() -> Vec<Operation> {
    let mut new = schema::new_object(allocation::FIELDS);
    // Not a field but a question: for which node that is in use already.
    if let Some(properties) = new
        .pointer_mut("/properties")
        .and_then(|it| it.as_object_mut())
    {
        properties.insert("node".to_owned(), json!({"type": ["string", "null"]}));
    }
    vec![
        get("allocations", "List allocations")
            .fields(allocation::FIELDS)
            .page(
                "allocations",
                "Allocation",
                allocation::FIELDS,
                allocation::FILTERS,
            ),
        post("allocations", "Ask for a node")
            .body(new)
            .created(reference("Allocation")),
        get("allocations/{allocation}", "Show an allocation")
            .fields(allocation::FIELDS)
            .ok(reference("Allocation")),
        super::operation::patch("allocations/{allocation}", "Change an allocation")
            .ok(reference("Allocation")),
        delete("allocations/{allocation}", "Give an allocated node back").no_content(),
        get(
            "nodes/{node}/allocation",
            "Show the allocation that a node is for",
        )
        .fields(allocation::FIELDS)
        .ok(reference("Allocation")),
        delete("nodes/{node}/allocation", "Give an allocated node back").no_content(),
    ]
}

fn runbook_traits() -> Vec<Operation> {
    vec![
        get(
            "runbooks/{runbook}/traits",
            "List the traits of the nodes that a runbook is for",
        )
        .ok(listed("traits", json!({"type": "string"}))),
        put(
            "runbooks/{runbook}/traits",
            "Give a runbook these traits and no others",
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
        delete(
            "runbooks/{runbook}/traits",
            "Take all traits from a runbook",
        )
        .no_content(),
        put(
            "runbooks/{runbook}/traits/{trait}",
            "Give a runbook one more trait",
        )
        .no_content(),
        delete(
            "runbooks/{runbook}/traits/{trait}",
            "Take a trait from a runbook",
        )
        .no_content(),
    ]
}
