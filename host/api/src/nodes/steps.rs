//! Steps that a client gives with a provisioning verb: their form (facts §4.2).

use std::collections::HashSet;

use ironbark_model::{InterfaceKind, JsonObject, ident};
use serde_json::Value;

use crate::error::ApiError;
use crate::values;

/// What is kept to run again and again never has these, whatever clients may give once: raw commands to a BMC get around every other check.
const NEVER_KEPT: &str = "vendor.send_raw";

/// Interfaces that have steps.
const INTERFACES: &[InterfaceKind] = &[
    InterfaceKind::Vendor,
    InterfaceKind::Power,
    InterfaceKind::Management,
    InterfaceKind::Firmware,
    InterfaceKind::Deploy,
    InterfaceKind::Bios,
    InterfaceKind::Raid,
];

/// Refuses steps without interface and name, and those that the operator doesn't allow (`interface.step`).
pub(crate) fn check_allowed(steps: &Value, disallowed: &[String]) -> Result<(), ApiError> {
    for step in items(steps)? {
        let (interface, name) = named(step)?;
        let step = format!("{interface}.{name}");
        if disallowed.contains(&step) {
            return Err(ApiError::invalid(format!(
                "The step {step} is not allowed through the API."
            )));
        }
    }
    Ok(())
}

/// Cleaning and service steps: they may have an `order`.
pub(crate) fn check_ordered(steps: &Value) -> Result<Vec<JsonObject>, ApiError> {
    const KEYS: &[&str] = &[
        "interface",
        "step",
        "args",
        "order",
        "execute_on_child_nodes",
        "limit_child_node_execution",
    ];
    items(steps)?
        .iter()
        .map(|step| {
            let mut step = check_common(step, KEYS)?;
            whole_number(&mut step, "order")?;
            check_children(&mut step)?;
            Ok(step)
        })
        .collect()
}

/// Deploy steps: they must have arguments and a `priority`.
pub(crate) fn check_prioritised(steps: &Value) -> Result<Vec<JsonObject>, ApiError> {
    items(steps)?
        .iter()
        .map(|step| {
            let mut step = check_common(step, &["interface", "step", "args", "priority"])?;
            for key in ["args", "priority"] {
                if !step.contains_key(key) {
                    return Err(ApiError::invalid(format!("A deploy step needs {key}.")));
                }
            }
            whole_number(&mut step, "priority")?;
            Ok(step)
        })
        .collect()
}

/// The steps of a deploy template: at least one, none twice.
pub(crate) fn check_template(steps: &Value) -> Result<Value, ApiError> {
    check_kept(steps, check_prioritised(steps)?)
}

/// The steps of a runbook: at least one, none twice, each with its `order`.
pub(crate) fn check_runbook(steps: &Value) -> Result<Value, ApiError> {
    let mut checked = Vec::new();
    for step in items(steps)? {
        let mut step = check_common(step, &["interface", "step", "args", "order"])?;
        if !step.contains_key("order") {
            return Err(ApiError::invalid("A runbook's step needs order."));
        }
        whole_number(&mut step, "order")?;
        step.entry("args")
            .or_insert_with(|| Value::Object(JsonObject::new()));
        checked.push(step);
    }
    check_kept(steps, checked)
}

/// What is kept to run again and again must be something, and nothing that is not for clients.
fn check_kept(written: &Value, steps: Vec<JsonObject>) -> Result<Value, ApiError> {
    check_allowed(written, &[NEVER_KEPT.to_owned()])?;
    if steps.is_empty() {
        return Err(ApiError::invalid("At least one step is expected."));
    }
    let mut seen = HashSet::new();
    for step in items(written)? {
        let (interface, name) = named(step)?;
        if !seen.insert((interface, name)) {
            return Err(ApiError::invalid(format!(
                "The step {interface}.{name} is given more than once."
            )));
        }
    }
    Ok(Value::Array(steps.into_iter().map(Value::Object).collect()))
}

fn check_common(step: &Value, keys: &[&str]) -> Result<JsonObject, ApiError> {
    let (interface, name) = named(step)?;
    let known = interface
        .parse::<InterfaceKind>()
        .is_ok_and(|kind| INTERFACES.contains(&kind));
    if !known {
        let names: Vec<&str> = INTERFACES.iter().map(|kind| kind.as_str()).collect();
        return Err(ApiError::invalid(format!(
            "A step's interface is one of {}, not {interface:?}.",
            names.join(", ")
        )));
    }
    let Some(object) = step.as_object() else {
        return Err(not_a_step());
    };
    if let Some(key) = object.keys().find(|key| !keys.contains(&key.as_str())) {
        return Err(ApiError::invalid(format!(
            "The step {interface}.{name} has {key:?}, which is none of {}.",
            keys.join(", ")
        )));
    }
    if object.get("args").is_some_and(|args| !args.is_object()) {
        return Err(ApiError::invalid(format!(
            "The args of the step {interface}.{name} must be an object."
        )));
    }
    Ok(object.clone())
}

fn items(steps: &Value) -> Result<&Vec<Value>, ApiError> {
    steps
        .as_array()
        .ok_or_else(|| ApiError::invalid("Steps are given as a list of objects."))
}

fn named(step: &Value) -> Result<(&str, &str), ApiError> {
    let text = |key: &str| {
        step.get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    match (text("interface"), text("step")) {
        (Some(interface), Some(name)) => Ok((interface, name)),
        _ => Err(not_a_step()),
    }
}

fn not_a_step() -> ApiError {
    ApiError::invalid("A step is an object that names its interface and its step.")
}

/// A number from 0, also as digits; stored as a number.
fn whole_number(step: &mut JsonObject, key: &str) -> Result<(), ApiError> {
    let Some(value) = step.get_mut(key) else {
        return Ok(());
    };
    let number = match &*value {
        Value::Number(number) => number.as_u64(),
        Value::String(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok()
        }
        _ => None,
    };
    match number.and_then(|number| u32::try_from(number).ok()) {
        Some(number) => {
            *value = Value::from(number);
            Ok(())
        }
        None => Err(ApiError::invalid(format!(
            "A step's {key} is a whole number that is not negative."
        ))),
    }
}

/// Whether a step is for the node's children, and for which of them; stored as a flag and as UUIDs in their usual form.
fn check_children(step: &mut JsonObject) -> Result<(), ApiError> {
    let wanted = match step.get("execute_on_child_nodes") {
        None => false,
        Some(value) => values::flag(value)
            .ok_or_else(|| ApiError::invalid("execute_on_child_nodes is true or false."))?,
    };
    if let Some(limit) = step.remove("limit_child_node_execution") {
        let uuids: Option<Vec<Value>> = limit.as_array().and_then(|items| {
            let uuid = |item: &Value| item.as_str().and_then(ident::canonical_uuid);
            items
                .iter()
                .map(|item| uuid(item).map(Value::from))
                .collect()
        });
        let Some(uuids) = uuids else {
            return Err(ApiError::invalid(
                "limit_child_node_execution is a list of node UUIDs.",
            ));
        };
        if !uuids.is_empty() {
            if !wanted {
                // On the node itself it would do what nobody asked for.
                return Err(ApiError::invalid(
                    "limit_child_node_execution goes with execute_on_child_nodes: true.",
                ));
            }
            let uuids = Value::Array(uuids);
            step.insert("limit_child_node_execution".to_owned(), uuids);
        }
    }
    if step.remove("execute_on_child_nodes").is_some() && wanted {
        step.insert("execute_on_child_nodes".to_owned(), Value::Bool(true));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn steps_in_good_form_are_taken() {
        let steps =
            json!([{"interface": "deploy", "step": "erase", "order": "3", "args": {"a": 1}}]);
        assert_eq!(check_ordered(&steps).unwrap()[0]["order"], json!(3));
        let steps = json!([{"interface": "bios", "step": "x", "args": {}, "priority": "10"}]);
        assert_eq!(check_prioritised(&steps).unwrap()[0]["priority"], json!(10));
    }

    #[test]
    fn what_is_for_children_is_kept_in_one_form() {
        let on = |wanted: Value, limit: Value| {
            let steps = json!([{
                "interface": "deploy", "step": "x",
                "execute_on_child_nodes": wanted, "limit_child_node_execution": limit,
            }]);
            let mut checked = check_ordered(&steps).unwrap();
            Value::Object(checked.remove(0))
        };
        let own = json!({"interface": "deploy", "step": "x"});
        assert_eq!(on(json!(false), json!([])), own);
        let mut children = own;
        children["execute_on_child_nodes"] = json!(true);
        assert_eq!(on(json!("yes"), json!([])), children);
        let uuid = "1be26c0b-03f2-4d2e-ae87-c02d7f33c999";
        children["limit_child_node_execution"] = json!([uuid]);
        assert_eq!(on(json!(true), json!([uuid.to_uppercase()])), children);
    }

    #[test]
    fn steps_in_bad_form_are_refused() {
        for bad in [
            json!({}),
            json!(["x"]),
            json!([{"step": "x"}]),
            json!([{"interface": "deploy"}]),
            json!([{"interface": "deploy", "step": ""}]),
            json!([{"interface": "boot", "step": "x"}]),
            json!([{"interface": "deploy", "step": "x", "bogus": 1}]),
            json!([{"interface": "deploy", "step": "x", "args": []}]),
            json!([{"interface": "deploy", "step": "x", "order": -1}]),
            json!([{"interface": "deploy", "step": "x", "order": "1.5"}]),
            json!([{"interface": "deploy", "step": "x", "execute_on_child_nodes": "perhaps"}]),
            json!([{"interface": "deploy", "step": "x", "limit_child_node_execution": ["1be26c0b-03f2-4d2e-ae87-c02d7f33c999"]}]),
            json!([{"interface": "deploy", "step": "x", "limit_child_node_execution": ["no uuid"]}]),
        ] {
            assert!(check_ordered(&bad).is_err(), "{bad}");
        }
        for bad in [
            json!([{"interface": "deploy", "step": "x", "priority": 1}]),
            json!([{"interface": "deploy", "step": "x", "args": {}}]),
            json!([{"interface": "deploy", "step": "x", "args": {}, "priority": "x"}]),
        ] {
            assert!(check_prioritised(&bad).is_err(), "{bad}");
        }
        let raw = json!([{"interface": "vendor", "step": "send_raw"}]);
        assert!(check_allowed(&raw, &["vendor.send_raw".to_owned()]).is_err());
        assert!(check_allowed(&raw, &["vendor.other".to_owned()]).is_ok());
        assert!(check_allowed(&json!([{"step": "send_raw"}]), &[]).is_err());
    }
}
