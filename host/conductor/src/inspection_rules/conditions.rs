//! Whether a condition holds. Its arguments are filled in already.

use std::cmp::Ordering;
use std::net::IpAddr;

use ipnet::IpNet;
use ironbark_model::{Error, JsonObject, Result};
use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::{fields, flag, text};

/// Memory that one expression may take when it is compiled, in bytes.
const LARGEST_REGEX: usize = 1024 * 1024;

/// Asks the condition of this name.
pub(super) fn holds(op: &str, args: &JsonObject) -> Result<bool> {
    let value = args.get("value").unwrap_or(&Value::Null);
    Ok(match op {
        "eq" => pairs(args, equal),
        "lt" => pairs(args, |one, other| order(one, other) == Some(Ordering::Less)),
        "gt" => pairs(args, |one, other| {
            order(one, other) == Some(Ordering::Greater)
        }),
        "is-empty" => match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(object) => object.is_empty(),
            _ => false,
        },
        "is-none" => value.is_null() || value == "None",
        "is-true" => is_true(value),
        "is-false" => is_false(value),
        "one-of" => {
            let values = args.get("values").and_then(Value::as_array);
            values.is_some_and(|values| values.iter().any(|one| equal(one, value)))
        }
        "in-net" => in_net(&text(args, "address"), &text(args, "subnet"))?,
        "contains" => regex(&text(args, "regex"))?.is_match(&text(args, "value")),
        "matches" => {
            let whole = format!("^(?:{})$", text(args, "regex"));
            regex(&whole)?.is_match(&text(args, "value"))
        }
        other => return Err(Error::invalid(format!("there is no condition {other}"))),
    })
}

/// Yes, a number that isn't zero, or a word for yes.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => ["yes", "true"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word)),
        _ => false,
    }
}

fn is_false(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(yes) => !yes,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => ["no", "false"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word)),
        _ => false,
    }
}

/// Whether each value and the one after it are so.
fn pairs(args: &JsonObject, so: impl Fn(&Value, &Value) -> bool) -> bool {
    let values = args.get("values").and_then(Value::as_array);
    let values = values.map(Vec::as_slice).unwrap_or_default();
    let strings: Vec<Value>;
    let values = if flag(args, "force_strings") {
        strings = values
            .iter()
            .map(|value| Value::String(fields::written(value)))
            .collect();
        &strings
    } else {
        values
    };
    values
        .iter()
        .zip(values.iter().skip(1))
        .all(|(one, other)| so(one, other))
}

/// A number that was written into a text is equal to the number.
fn equal(one: &Value, other: &Value) -> bool {
    one == other
        || match (one, other) {
            (Value::String(text), value) | (value, Value::String(text)) if !value.is_string() => {
                *text == fields::written(value)
            }
            (Value::Number(_), Value::Number(_)) => number(one) == number(other),
            _ => false,
        }
}

fn order(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        _ => number(one)?.partial_cmp(&number(other)?),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn in_net(address: &str, subnet: &str) -> Result<bool> {
    let net: IpNet = match subnet.parse() {
        Ok(net) => net,
        Err(_) => match subnet.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => return Err(Error::invalid(format!("{subnet:?} is no network"))),
        },
    };
    // A machine whose BMC has no address is in no network.
    Ok(address
        .parse::<IpAddr>()
        .is_ok_and(|address| net.contains(&address)))
}

fn regex(text: &str) -> Result<Regex> {
    RegexBuilder::new(text)
        .size_limit(LARGEST_REGEX)
        .build()
        .map_err(|_| {
            Error::invalid(format!(
                "{text:?} is no regular expression that can be used"
            ))
        })
}
