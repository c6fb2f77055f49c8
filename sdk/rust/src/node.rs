//! The node of a call, and looking things up in it.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Error, Result};

/// A node as the API shows it, without connection keys, taken once at the start of the call.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    document: Map<String, Value>,
}

impl Node {
    /// Reads the document that the host gives.
    ///
    /// # Errors
    /// `invalid-parameter` if it is `null`: the call has no node.
    pub fn from_json(json: &str) -> Result<Self> {
        match serde_json::from_str(json) {
            Ok(Value::Object(document)) => Ok(Self { document }),
            Ok(Value::Null) => Err(Error::invalid_parameter("this call has no node")),
            _ => Err(Error::protocol(
                "the host's node document is not a JSON object",
            )),
        }
    }

    /// The node's UUID.
    pub fn uuid(&self) -> &str {
        self.text("uuid").unwrap_or_default()
    }

    /// The node's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.text("name")
    }

    /// What the host last knew: `power on`, `power off`, `error`; `None` if it doesn't know.
    pub fn power_state(&self) -> Option<&str> {
        self.text("power_state")
    }

    /// Where the node is in its life: `enroll`, `manageable`, `available`, …
    pub fn provision_state(&self) -> Option<&str> {
        self.text("provision_state")
    }

    /// How the driver shall drive this node: the keys that your metadata declares.
    pub fn driver_info(&self) -> Fields<'_> {
        self.fields("driver_info")
    }

    /// What the machine is: `cpu_arch`, `capabilities`, …
    pub fn properties(&self) -> Fields<'_> {
        self.fields("properties")
    }

    /// What this instance shall be.
    pub fn instance_info(&self) -> Fields<'_> {
        self.fields("instance_info")
    }

    /// Any field of the node, by the API's name.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.document.get(field).filter(|value| !value.is_null())
    }

    /// Any field that holds an object, such as `extra`. A field that isn't there reads as an empty one.
    pub fn fields(&self, field: &'static str) -> Fields<'_> {
        Fields {
            of: field,
            map: self.document.get(field).and_then(Value::as_object),
        }
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.document.get(field).and_then(Value::as_str)
    }
}

/// An object within a node. Errors name the object and the key.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    of: &'static str,
    map: Option<&'a Map<String, Value>>,
}

impl<'a> Fields<'a> {
    /// The value of `key`; `None` if it isn't there or is `null`.
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.map?.get(key).filter(|value| !value.is_null())
    }

    /// The value of `key`, as whatever serde can read.
    ///
    /// # Errors
    /// `invalid-parameter` if it is something else.
    pub fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        self.get(key)
            .map(T::deserialize)
            .transpose()
            .map_err(|error| self.invalid(key, &error.to_string()))
    }

    /// The value of `key`, which must be there.
    ///
    /// # Errors
    /// `missing-parameter` if it isn't, `invalid-parameter` if it is something else.
    pub fn require<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        self.read(key)?
            .ok_or_else(|| Error::missing_parameter(format!("{} has no '{key}': set it", self.of)))
    }

    /// A switch: JSON's booleans, and the words that operators write instead.
    ///
    /// # Errors
    /// `invalid-parameter` if it is none of `true`/`false`, `yes`/`no`, `on`/`off`, `1`/`0`.
    pub fn switch(&self, key: &str) -> Result<Option<bool>> {
        let word = match self.get(key) {
            None => return Ok(None),
            Some(Value::Bool(value)) => return Ok(Some(*value)),
            Some(Value::String(word)) => word.trim().to_ascii_lowercase(),
            Some(other) => other.to_string(),
        };
        match word.as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Ok(Some(true)),
            "false" | "f" | "no" | "n" | "off" | "0" => Ok(Some(false)),
            _ => Err(self.invalid(key, "expected true or false")),
        }
    }

    /// One of the `capabilities`, which are an object, JSON text of an object, or text such as `boot_mode:uefi,boot_option:local`.
    pub fn capability(&self, name: &str) -> Option<String> {
        match self.get("capabilities")? {
            Value::Object(map) => plain(map.get(name)?),
            Value::String(text) => match serde_json::from_str(text) {
                Ok(Value::Object(map)) => plain(map.get(name)?),
                _ => text
                    .split(',')
                    .filter_map(|pair| pair.split_once(':'))
                    .find(|(key, _)| key.trim() == name)
                    .map(|(_, value)| value.trim().to_owned()),
            },
            _ => None,
        }
    }

    fn invalid(&self, key: &str, why: &str) -> Error {
        Error::invalid_parameter(format!("'{key}' in {} is wrong: {why}", self.of))
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(json: &str) -> Node {
        Node::from_json(json).unwrap()
    }

    #[test]
    fn a_call_without_node_says_so() {
        let error = Node::from_json("null").unwrap_err();
        assert_eq!(error, Error::invalid_parameter("this call has no node"));
    }

    #[test]
    fn switches_are_read_as_operators_write_them() {
        for (written, meant) in [
            ("true", true),
            ("\"True\"", true),
            ("\"yes\"", true),
            ("1", true),
            ("false", false),
            ("\"off\"", false),
            ("\"0\"", false),
        ] {
            let node = node(&format!("{{\"driver_info\": {{\"key\": {written}}}}}"));
            assert_eq!(
                node.driver_info().switch("key"),
                Ok(Some(meant)),
                "{written}"
            );
        }
    }

    #[test]
    fn a_wrong_value_is_named_with_its_place() {
        let node = node(r#"{"driver_info": {"key": "maybe", "number": "x"}}"#);
        let error = node.driver_info().switch("key").unwrap_err();
        assert!(
            error.message().contains("'key' in driver_info"),
            "{error:?}"
        );
        let error = node.driver_info().read::<u32>("number").unwrap_err();
        assert!(
            error.message().contains("'number' in driver_info"),
            "{error:?}"
        );
        let error = node.driver_info().require::<u32>("none").unwrap_err();
        assert!(matches!(error, Error::MissingParameter(_)), "{error:?}");
    }

    #[test]
    fn null_and_absent_are_the_same() {
        let node = node(r#"{"driver_info": {"key": null}, "name": null}"#);
        assert_eq!(node.driver_info().switch("key"), Ok(None));
        assert_eq!(node.properties().read::<String>("key"), Ok(None));
        assert_eq!(node.get("name"), None);
    }

    #[test]
    fn capabilities_are_read_in_all_their_forms() {
        for written in [
            r#"{"boot_mode": "uefi"}"#,
            r#""{\"boot_mode\": \"uefi\"}""#,
            r#""boot_option:local, boot_mode:uefi""#,
        ] {
            let node = node(&format!(
                "{{\"properties\": {{\"capabilities\": {written}}}}}"
            ));
            assert_eq!(
                node.properties().capability("boot_mode").as_deref(),
                Some("uefi"),
                "{written}"
            );
            assert_eq!(node.properties().capability("other"), None);
        }
    }
}
