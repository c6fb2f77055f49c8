//! What inspection rules are made of: their conditions and actions, and what each of those takes (facts §2.15).

use serde_json::Value;

use crate::error::ApiError;

/// An operation: its name, the arguments that it must have, and those that it may have. Given as a list, they stand in
/// this order.
type Op = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const CONDITIONS: &[Op] = &[
    ("eq", &["values"], &["force_strings"]),
    ("lt", &["values"], &["force_strings"]),
    ("gt", &["values"], &["force_strings"]),
    ("is-empty", &["value"], &[]),
    ("in-net", &["address", "subnet"], &[]),
    ("matches", &["value", "regex"], &[]),
    ("contains", &["value", "regex"], &[]),
    ("one-of", &["value"], &["values"]),
    ("is-none", &["value"], &[]),
    ("is-true", &["value"], &[]),
    ("is-false", &["value"], &[]),
];

const ACTIONS: &[Op] = &[
    ("fail", &["msg"], &[]),
    ("log", &["msg"], &["level"]),
    ("set-attribute", &["path", "value"], &[]),
    ("extend-attribute", &["path", "value"], &["unique"]),
    ("del-attribute", &["path"], &[]),
    ("set-capability", &["name", "value"], &[]),
    ("unset-capability", &["name"], &[]),
    ("add-trait", &["name"], &[]),
    ("remove-trait", &["name"], &[]),
    ("set-plugin-data", &["path", "value"], &[]),
    ("extend-plugin-data", &["path", "value"], &["unique"]),
    ("unset-plugin-data", &["path"], &[]),
    ("set-port-attribute", &["port_id", "path", "value"], &[]),
    (
        "extend-port-attribute",
        &["port_id", "path", "value"],
        &["unique"],
    ),
    ("del-port-attribute", &["port_id", "path"], &[]),
    (
        "api-call",
        &["url"],
        &["headers", "proxies", "timeout", "retries", "backoff_factor"],
    ),
];

/// How the outcomes of a condition's loop become one.
const MULTIPLE: &[&str] = &["any", "all", "first", "last"];

/// A list of conditions, which may be empty; their operations may begin with `!`.
pub(crate) fn check_conditions(given: Value) -> Result<Value, ApiError> {
    let items = list("conditions", given)?;
    for item in &items {
        let written = op_of("condition", item)?;
        let op = written.strip_prefix('!').map_or(written, str::trim_start);
        check("condition", item, op, CONDITIONS, &["multiple"])?;
        let multiple = item.get("multiple");
        if multiple.is_some_and(|word| !word.as_str().is_some_and(|word| MULTIPLE.contains(&word)))
        {
            return Err(ApiError::invalid(format!(
                "A condition's multiple is one of {}.",
                MULTIPLE.join(", ")
            )));
        }
    }
    Ok(Value::Array(items))
}

/// A list of actions, at least one.
pub(crate) fn check_actions(given: Value) -> Result<Value, ApiError> {
    let items = list("actions", given)?;
    if items.is_empty() {
        return Err(ApiError::invalid(
            "An inspection rule needs at least one action.",
        ));
    }
    for item in &items {
        let op = op_of("action", item)?;
        check("action", item, op, ACTIONS, &[])?;
    }
    Ok(Value::Array(items))
}

fn list(what: &str, given: Value) -> Result<Vec<Value>, ApiError> {
    match given {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => Ok(items),
        _ => Err(ApiError::invalid(format!("{what} is a list of objects."))),
    }
}

fn op_of<'v>(what: &str, item: &'v Value) -> Result<&'v str, ApiError> {
    item.get("op").and_then(Value::as_str).ok_or_else(|| {
        ApiError::invalid(format!(
            "An inspection rule's {what} is an object with op, a text, and args."
        ))
    })
}

fn check(what: &str, item: &Value, op: &str, known: &[Op], also: &[&str]) -> Result<(), ApiError> {
    let Some((_, required, optional)) = known.iter().find(|(name, ..)| *name == op) else {
        let names: Vec<&str> = known.iter().map(|(name, ..)| *name).collect();
        return Err(ApiError::invalid(format!(
            "{op:?} is no {what} of an inspection rule: there are {}.",
            names.join(", ")
        )));
    };
    let keys = item.as_object().into_iter().flat_map(|item| item.keys());
    for key in keys {
        if !matches!(key.as_str(), "op" | "args" | "loop") && !also.contains(&key.as_str()) {
            return Err(ApiError::invalid(format!("The {what} {op} has no {key}.")));
        }
    }
    let loops = item.get("loop");
    if loops.is_some_and(|items| !items.is_array() && !items.is_object()) {
        return Err(ApiError::invalid(format!(
            "The loop of the {what} {op} is a list or an object."
        )));
    }
    let fit = match item.get("args") {
        Some(Value::Array(args)) => {
            (required.len()..=required.len() + optional.len()).contains(&args.len())
        }
        Some(Value::Object(args)) => {
            required.iter().all(|name| args.contains_key(*name))
                && args.keys().all(|name| {
                    required.contains(&name.as_str()) || optional.contains(&name.as_str())
                })
        }
        _ => false,
    };
    if fit {
        return Ok(());
    }
    let may = if optional.is_empty() {
        String::new()
    } else {
        format!("; it may have {}", optional.join(", "))
    };
    Err(ApiError::invalid(format!(
        "The {what} {op} needs args: an object of, or a list in the order of, {}{may}.",
        required.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_and_actions_in_good_form_are_taken_as_they_are() {
        for good in [
            json!([]),
            json!([{"op": "eq", "args": {"values": [1, 1]}}]),
            json!([{"op": "!is-true", "args": ["{node.maintenance}"]}]),
            json!([{"op": "! one-of", "args": {"value": 1, "values": [1]}, "loop": [1], "multiple": "all"}]),
        ] {
            assert_eq!(check_conditions(good.clone()).unwrap(), good);
        }
        assert_eq!(check_conditions(Value::Null).unwrap(), json!([]));
        for good in [
            json!([{"op": "fail", "args": {"msg": "no"}}]),
            json!([{"op": "log", "args": ["hello", "debug"]}, {"op": "add-trait", "args": {"name": "CUSTOM_A"}, "loop": {}}]),
        ] {
            assert_eq!(check_actions(good.clone()).unwrap(), good);
        }
    }

    #[test]
    fn conditions_and_actions_in_bad_form_are_refused() {
        for bad in [
            json!({}),
            json!(["eq"]),
            json!([{"args": {}}]),
            json!([{"op": "eq"}]),
            json!([{"op": "fail", "args": {"msg": "x"}}]),
            json!([{"op": "!!eq", "args": {"values": []}}]),
            json!([{"op": "eq", "args": {"value": 1}}]),
            json!([{"op": "eq", "args": []}]),
            json!([{"op": "in-net", "args": ["a", "b", "c"]}]),
            json!([{"op": "eq", "args": {"values": []}, "multiple": "none"}]),
            json!([{"op": "eq", "args": {"values": []}, "loop": "x"}]),
            json!([{"op": "eq", "args": {"values": []}, "bogus": 1}]),
        ] {
            assert!(check_conditions(bad.clone()).is_err(), "{bad}");
        }
        for bad in [
            json!([]),
            Value::Null,
            json!([{"op": "!fail", "args": {"msg": "x"}}]),
            json!([{"op": "fail", "args": {}}]),
            json!([{"op": "fail", "args": {"msg": "x", "level": "y"}}]),
            json!([{"op": "log", "args": {"msg": "x"}, "multiple": "any"}]),
        ] {
            assert!(check_actions(bad.clone()).is_err(), "{bad}");
        }
    }
}
