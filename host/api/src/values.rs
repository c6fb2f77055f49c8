//! Values that a client gives for fields: checked, and brought into the form in which they are stored.

use ironbark_model::{ident, traits};
use serde_json::Value;

use crate::error::ApiError;
use crate::gates::{Attribute, Kind, standalone};
use crate::local_link;
use crate::network_data;
use crate::nodes::steps;
use crate::query::parse_flag;
use crate::versions::Version;

/// Numbers within `properties` that must be numbers: sizes, which schedulers add up.
const SIZES: &[&str] = &["memory_mb", "local_gb"];

/// Priorities of inspection rules.
const PRIORITIES: std::ops::RangeInclusive<i64> = 0..=9999;

/// What [`is_storable`] refuses.
const NOT_STORABLE: &str = "none of them U+0000, U+001E or U+001F";

/// Checks a value for `attribute` and brings it into the form in which it is stored.
pub(crate) fn normalise(
    attribute: &Attribute,
    value: Value,
    version: Version,
) -> Result<Value, ApiError> {
    let name = attribute.name;
    let wrong = |expected: &str| {
        ApiError::invalid(format!(
            "Invalid input for field {name}: {expected} is expected."
        ))
    };
    match attribute.kind {
        Kind::Shown => Err(ApiError::invalid(format!("Field {name} can't be given."))),
        Kind::Text(max) => text_or_null(value, 0, max).ok_or_else(|| {
            wrong(&format!(
                "text of at most {max} characters, {NOT_STORABLE}, or null,"
            ))
        }),
        Kind::FilledText(max) => text_or_null(value, 1, max).ok_or_else(|| {
            wrong(&format!(
                "text of 1 to {max} characters, {NOT_STORABLE}, or null,"
            ))
        }),
        Kind::RequiredText(max) => match value {
            Value::String(text)
                if !text.is_empty() && text.chars().count() <= max && is_storable(&text) =>
            {
                Ok(Value::String(text))
            }
            _ => Err(wrong(&format!(
                "text of 1 to {max} characters, {NOT_STORABLE},"
            ))),
        },
        Kind::Uuid => match value {
            Value::Null => Ok(Value::Null),
            Value::String(text) => ident::canonical_uuid(&text)
                .map(Value::String)
                .ok_or_else(|| wrong("a UUID")),
            _ => Err(wrong("a UUID or null")),
        },
        Kind::NodeName => match value {
            Value::Null => Ok(Value::Null),
            Value::String(text) if text.is_empty() => Ok(Value::Null),
            Value::String(text) => {
                ident::check_node_name(&text, version.minor())?;
                Ok(Value::String(text))
            }
            _ => Err(wrong("text or null")),
        },
        Kind::Name => match value {
            Value::Null => Ok(Value::Null),
            Value::String(text) if text.is_empty() => Ok(Value::Null),
            Value::String(text) => {
                ident::check_name(&text)?;
                Ok(Value::String(text))
            }
            _ => Err(wrong("text or null")),
        },
        Kind::Flag => match value {
            Value::Null => Ok(Value::Null),
            value => flag(&value)
                .map(Value::Bool)
                .ok_or_else(|| wrong("true, false or null")),
        },
        Kind::Object => object(value).ok_or_else(|| wrong("an object")),
        Kind::Properties => {
            let value = object(value).ok_or_else(|| wrong("an object"))?;
            if let Some(properties) = value.as_object() {
                for (key, value) in properties {
                    check_property(key, value)?;
                }
            }
            Ok(value)
        }
        Kind::Group => match value {
            Value::Null => Ok(Value::from("")),
            Value::String(text) if is_group(&text) => Ok(Value::String(text.to_lowercase())),
            _ => Err(wrong(
                "a conductor group (at most 255 letters, digits, '_', '-' and '.')",
            )),
        },
        Kind::OneOf(words) => match value {
            Value::Null => Ok(Value::Null),
            Value::String(text) if words.contains(&text.as_str()) => Ok(Value::String(text)),
            _ => Err(wrong(&format!("one of {}, or null,", words.join(", ")))),
        },
        Kind::Mac => value
            .as_str()
            .and_then(ident::canonical_mac)
            .map(Value::String)
            .ok_or_else(|| wrong("a MAC address")),
        Kind::MacOrNull => match &value {
            Value::Null => Ok(Value::Null),
            value => value
                .as_str()
                .and_then(ident::canonical_mac)
                .map(Value::String)
                .ok_or_else(|| wrong("a MAC address or null")),
        },
        Kind::Integer => match value.as_i64().and_then(|number| i32::try_from(number).ok()) {
            Some(number) => Ok(Value::from(number)),
            None => Err(wrong("a whole number")),
        },
        Kind::TextList => match value {
            Value::Null => Ok(Value::Array(Vec::new())),
            Value::Array(items) if items.iter().all(is_item) => Ok(Value::Array(items)),
            _ => Err(wrong("a list of texts of 1 to 255 characters each")),
        },
        Kind::Trait => match value {
            Value::String(text) => {
                traits::check_trait(&text)?;
                Ok(Value::String(text))
            }
            _ => Err(wrong("a trait")),
        },
        Kind::RunbookName => match value {
            Value::String(text) => runbook_name(text, version).map(Value::String),
            _ => Err(wrong("text")),
        },
        Kind::DeploySteps => steps::check_template(&value),
        Kind::RunbookSteps => steps::check_runbook(&value),
        Kind::Priority => match whole_number(&value) {
            Some(number) => Ok(Value::from(number)),
            None => Err(wrong("a whole number from 0 to 9999")),
        },
        Kind::Objects => match value {
            Value::Null => Ok(Value::Array(Vec::new())),
            Value::Array(items) if items.iter().all(Value::is_object) => Ok(Value::Array(items)),
            _ => Err(wrong("a list of objects")),
        },
        Kind::NetworkData => match object(value) {
            Some(Value::Object(data)) => network_data::check(data).map(Value::Object),
            _ => Err(wrong("an object or null")),
        },
        Kind::LocalLink => match object(value) {
            Some(Value::Object(link)) => local_link::check(link, version).map(Value::Object),
            _ => Err(wrong("an object")),
        },
    }
}

/// Checks one of a node's `properties`: sizes are whole numbers from 0, also as text.
pub(crate) fn check_property(key: &str, value: &Value) -> Result<(), ApiError> {
    if !SIZES.contains(&key) {
        return Ok(());
    }
    let good = match value {
        Value::Null => true,
        Value::Number(number) => number.as_u64().is_some(),
        Value::String(text) => text.parse::<u64>().is_ok(),
        _ => false,
    };
    if good {
        Ok(())
    } else {
        Err(ApiError::invalid(format!(
            "Invalid input for field properties: {key} must be a whole number that is not negative."
        )))
    }
}

/// A conductor group's name.
pub(crate) fn is_group(text: &str) -> bool {
    text.len() <= 255
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// Whether a text comes back as it was given: the database keeps some characters for itself.
pub(crate) fn is_storable(text: &str) -> bool {
    !text.contains(['\0', '\u{1e}', '\u{1f}'])
}

/// Yes or no, also as a word.
pub(crate) fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => parse_flag(text),
        Value::Number(number) => match number.as_u64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        _ => None,
    }
}

fn text_or_null(value: Value, min: usize, max: usize) -> Option<Value> {
    match value {
        Value::Null => Some(Value::Null),
        Value::String(text)
            if (min..=max).contains(&text.chars().count()) && is_storable(&text) =>
        {
            Some(Value::String(text))
        }
        _ => None,
    }
}

fn is_item(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| (1..=255).contains(&text.chars().count()))
}

/// A rule's priority; null is 0.
fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::Null => Some(0),
        value => value.as_i64().filter(|number| PRIORITIES.contains(number)),
    }
}

fn runbook_name(name: String, version: Version) -> Result<String, ApiError> {
    if !version.has(standalone::RUNBOOK_TRAITS_SINCE) {
        traits::check_trait(&name)?;
    } else if !ident::is_valid_name(&name) || ident::canonical_uuid(&name).is_some() {
        return Err(ApiError::invalid(format!(
            "{name:?} can't be a runbook's name: 1 to 255 letters, digits and any of -._~, and no UUID, are expected."
        )));
    }
    Ok(name)
}

fn object(value: Value) -> Option<Value> {
    match value {
        Value::Null => Some(Value::Object(serde_json::Map::new())),
        Value::Object(_) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::gates::{attribute, node};

    fn node_value(name: &str, value: Value) -> Result<Value, ApiError> {
        normalise(
            attribute(node::FIELDS, name).unwrap(),
            value,
            Version::new(115),
        )
    }

    #[test]
    fn values_get_the_form_in_which_they_are_stored() {
        for (name, given, stored) in [
            ("maintenance", json!("Yes"), json!(true)),
            ("maintenance", json!(null), json!(null)),
            ("automated_clean", json!(null), json!(null)),
            ("properties", json!(null), json!({})),
            (
                "properties",
                json!({"memory_mb": "1024", "local_gb": 0}),
                json!({"memory_mb": "1024", "local_gb": 0}),
            ),
            ("conductor_group", json!("Rack.1"), json!("rack.1")),
            (
                "instance_uuid",
                json!("1BE26C0B03F24D2EAE87C02D7F33C999"),
                json!("1be26c0b-03f2-4d2e-ae87-c02d7f33c999"),
            ),
            ("name", json!(""), json!(null)),
        ] {
            assert_eq!(
                node_value(name, given.clone()).unwrap(),
                stored,
                "{name} {given}"
            );
        }
    }

    #[test]
    fn wrong_values_are_refused() {
        for (name, given) in [
            ("maintenance", json!("perhaps")),
            ("maintenance", json!(2)),
            ("driver", json!(null)),
            ("driver", json!("")),
            ("driver_info", json!([])),
            ("properties", json!({"memory_mb": -1})),
            ("properties", json!({"local_gb": "ten"})),
            ("properties", json!({"local_gb": 1.5})),
            ("conductor_group", json!("rack 1")),
            ("instance_uuid", json!("x")),
            ("instance_name", json!("")),
            ("name", json!("states")),
            ("name", json!(7)),
            ("resource_class", json!("x".repeat(81))),
            ("description", json!("a\u{0}b")),
            ("instance_name", json!("a\u{1e}b")),
            ("driver", json!("a\u{1f}b")),
            ("boot_mode", json!("efi")),
        ] {
            assert!(node_value(name, given.clone()).is_err(), "{name} {given}");
        }
    }
}
