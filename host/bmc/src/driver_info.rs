//! Reading connection keys from a node's `driver_info`.

use serde_json::{Map, Value};

/// One connection key, as `GET /v1/drivers/{name}/properties` describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Property {
    /// The key in `driver_info`.
    pub name: &'static str,
    /// What it means, its values and its default.
    pub description: &'static str,
    /// Whether a node can't do without it.
    pub required: bool,
    /// Whether its value must never be shown.
    pub secret: bool,
}

/// A `driver_info` that doesn't describe a BMC. Messages name the key and never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// A key that must be there is not.
    #[error("driver_info has no '{key}': {expected}")]
    Missing {
        /// The key.
        key: &'static str,
        /// What it must hold.
        expected: &'static str,
    },
    /// A key holds something else than it must.
    #[error("driver_info '{key}' is wrong: {expected}")]
    Invalid {
        /// The key.
        key: &'static str,
        /// What it must hold.
        expected: &'static str,
    },
}

impl Property {
    /// A key that a node may have.
    pub(crate) const fn optional(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            description,
            required: false,
            secret: false,
        }
    }

    /// A key that a node must have.
    pub(crate) const fn required(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            description,
            required: true,
            secret: false,
        }
    }

    /// A key whose value is never shown.
    pub(crate) const fn secret(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            description,
            required: false,
            secret: true,
        }
    }
}

impl TargetError {
    /// The `driver_info` key at fault.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Missing { key, .. } | Self::Invalid { key, .. } => key,
        }
    }
}

/// That a key's value is not what it must be.
pub(crate) fn invalid(key: &'static str, expected: &'static str) -> TargetError {
    TargetError::Invalid { key, expected }
}

pub(crate) fn ensure(
    holds: bool,
    key: &'static str,
    expected: &'static str,
) -> Result<(), TargetError> {
    if holds {
        Ok(())
    } else {
        Err(invalid(key, expected))
    }
}

/// A present, non-null value as text. Numbers are taken as they are written, since clients send both.
pub(crate) fn text(
    driver_info: &Map<String, Value>,
    key: &'static str,
    expected: &'static str,
) -> Result<Option<String>, TargetError> {
    match driver_info.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(value)) => Ok(Some(value.clone())),
        Some(Value::Number(value)) => Ok(Some(value.to_string())),
        Some(_) => Err(invalid(key, expected)),
    }
}

pub(crate) fn number(
    driver_info: &Map<String, Value>,
    key: &'static str,
    expected: &'static str,
) -> Result<Option<u64>, TargetError> {
    text(driver_info, key, expected)?
        .map(|value| value.trim().parse().map_err(|_| invalid(key, expected)))
        .transpose()
}

pub(crate) fn boolean(
    driver_info: &Map<String, Value>,
    key: &'static str,
    expected: &'static str,
) -> Result<Option<bool>, TargetError> {
    if let Some(Value::Bool(value)) = driver_info.get(key) {
        return Ok(Some(*value));
    }
    text(driver_info, key, expected)?
        .map(|value| boolean_word(&value).ok_or(invalid(key, expected)))
        .transpose()
}

/// The words that clients write for true and false.
pub(crate) fn boolean_word(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" | "t" | "y" => Some(true),
        "false" | "no" | "off" | "0" | "f" | "n" => Some(false),
        _ => None,
    }
}
