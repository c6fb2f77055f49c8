//! Bodies: JSON, and the arguments of actions, which may stand in the body or in the query (facts §2).

use std::collections::BTreeMap;

use ironbark_model::JsonObject;
use ironbark_model::json::{self, MAX_DEPTH};
use serde_json::Value;

use crate::context::Context;
use crate::error::ApiError;
use crate::gates::Attribute;
use crate::values;
use crate::versions::Version;

/// The body as JSON; 400 if it is none, or has whole numbers that would be rounded.
pub(crate) fn json(context: &Context) -> Result<Value, ApiError> {
    let read = json_to_relay(context)?;
    match json::rounded_integer(context.body()) {
        None => Ok(read),
        Some(number) => Err(ApiError::invalid(format!(
            "The request's body has a whole number that doesn't fit into 64 bits ({number}): give it as text."
        ))),
    }
}

/// As [`json`], for what is handed on as it was written.
pub(crate) fn json_to_relay(context: &Context) -> Result<Value, ApiError> {
    json::parse(context.body(), MAX_DEPTH).map_err(|error| {
        ApiError::invalid(format!("The request's body is not valid JSON: {error}."))
    })
}

/// The body as a JSON object; 400 if it is none.
pub(crate) fn object(context: &Context) -> Result<JsonObject, ApiError> {
    match json(context)? {
        Value::Object(object) => Ok(object),
        _ => Err(ApiError::invalid(
            "The request's body must be a JSON object.",
        )),
    }
}

/// The arguments of an action, from query and body together. Not `Debug`: they may hold secrets.
pub(crate) struct Arguments {
    values: BTreeMap<String, Value>,
}

impl Arguments {
    /// Reads them; names that aren't in `known` are 400.
    pub(crate) fn read(context: &Context, known: &[&str]) -> Result<Self, ApiError> {
        let mut values: BTreeMap<String, Value> = context
            .query
            .iter()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
        if !context.body().is_empty() {
            match json(context)? {
                Value::Object(object) => values.extend(object),
                Value::Null => {}
                _ => {
                    return Err(ApiError::invalid(
                        "The request's body must be a JSON object.",
                    ));
                }
            }
        }
        let unknown: Vec<String> = values
            .keys()
            .filter(|name| !known.contains(&name.as_str()))
            .map(|name| format!("\"{name}\""))
            .collect();
        if !unknown.is_empty() {
            return Err(ApiError::invalid(format!(
                "Unexpected arguments: {}",
                unknown.join(", ")
            )));
        }
        Ok(Self { values })
    }

    /// Takes an argument out; null counts as not given.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.values.remove(name).filter(|value| !value.is_null())
    }

    /// Text, if it is given; 400 if it is something else.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) if values::is_storable(&text) => Ok(Some(text)),
            Some(Value::String(_)) => Err(wrong(name, "text without U+0000, U+001E and U+001F")),
            Some(_) => Err(wrong(name, "text")),
        }
    }

    /// Text that must be there.
    pub(crate) fn required_text(&mut self, name: &str) -> Result<String, ApiError> {
        self.text(name)?.ok_or_else(|| missing(name))
    }

    /// Yes or no, also as a word.
    pub(crate) fn flag(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        self.take(name)
            .map(|value| values::flag(&value).ok_or_else(|| wrong(name, "true or false")))
            .transpose()
    }

    /// A whole number, also as text.
    pub(crate) fn integer(&mut self, name: &str) -> Result<Option<i64>, ApiError> {
        self.take(name)
            .map(|value| {
                let number = match &value {
                    Value::Number(number) => number.as_i64(),
                    Value::String(text) => text.trim().parse().ok(),
                    _ => None,
                };
                number.ok_or_else(|| wrong(name, "a whole number"))
            })
            .transpose()
    }
}

/// Checks the body of a request that creates something: unknown names 400, too new ones 406, then every value.
/// Nulls are left out, so that what was not given and what is null get the same default.
pub(crate) fn new_object(
    given: JsonObject,
    table: &'static [Attribute],
    also: &[&str],
    version: Version,
) -> Result<JsonObject, ApiError> {
    let mut checked = JsonObject::new();
    let find = |name: &str| {
        table
            .iter()
            .find(|attribute| attribute.name == name && attribute.creatable())
    };
    for name in given.keys() {
        if find(name).is_none() && !also.contains(&name.as_str()) {
            return Err(ApiError::invalid(format!(
                "Additional properties are not allowed ('{name}' was unexpected)"
            )));
        }
    }
    for (name, value) in given {
        let Some(attribute) = find(&name) else {
            checked.insert(name, value);
            continue;
        };
        version.require(attribute.since)?;
        let value = values::normalise(attribute, value, version)?;
        if !value.is_null() {
            checked.insert(name, value);
        }
    }
    Ok(checked)
}

/// A mandatory argument is not there.
pub(crate) fn missing(name: &str) -> ApiError {
    ApiError::invalid(format!("Missing mandatory parameter: {name}"))
}

fn wrong(name: &str, expected: &str) -> ApiError {
    ApiError::invalid(format!("Invalid value for {name}: {expected} is expected."))
}
