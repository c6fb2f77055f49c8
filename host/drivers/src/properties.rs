//! The keys of `driver_info` that are a package's own: described, checked, and told secret from not.

use std::collections::{BTreeMap, BTreeSet};

use ironbark_model::{InterfaceKind, JsonObject};
use ironbark_package::{Metadata, MetadataError};
use ironbark_sandbox::DriverError;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

/// What a package says about its keys.
pub(crate) struct PropertyRules {
    common: Rules,
    of: BTreeMap<String, Rules>,
    secret_keys: BTreeSet<String>,
}

struct Rules {
    schema: Validator,
    descriptions: BTreeMap<String, String>,
}

impl PropertyRules {
    pub(crate) fn new(metadata: &Metadata) -> Result<Self, MetadataError> {
        let mut of = BTreeMap::new();
        let mut secret_keys = secret_keys(&metadata.properties);
        for (key, schema) in &metadata.properties_of {
            of.insert(
                key.clone(),
                Rules::new(&format!("properties_of.{key}"), schema)?,
            );
            secret_keys.extend(self::secret_keys(schema));
        }
        Ok(Self {
            common: Rules::new("properties", &metadata.properties)?,
            of,
            secret_keys,
        })
    }

    /// Keys marked `"writeOnly": true`.
    pub(crate) fn secret_keys(&self) -> &BTreeSet<String> {
        &self.secret_keys
    }

    /// The keys that one implementation knows, and what they mean.
    pub(crate) fn descriptions(&self, kind: InterfaceKind, name: &str) -> BTreeMap<String, String> {
        let mut found = self.common.descriptions.clone();
        if let Some(rules) = self.of.get(&format!("{kind}/{name}")) {
            found.extend(rules.descriptions.clone());
        }
        found
    }

    /// Checks a node's `driver_info` for one implementation.
    pub(crate) fn check(
        &self,
        kind: InterfaceKind,
        name: &str,
        driver_info: &JsonObject,
    ) -> Result<(), DriverError> {
        self.common.check(driver_info)?;
        match self.of.get(&format!("{kind}/{name}")) {
            Some(rules) => rules.check(driver_info),
            None => Ok(()),
        }
    }
}

impl Rules {
    fn new(path: &str, schema: &JsonObject) -> Result<Self, MetadataError> {
        let compiled = jsonschema::options()
            // The linear-time engine: patterns come from strangers.
            .with_pattern_options(PatternOptions::regex())
            .build(&Value::Object(schema.clone()))
            .map_err(|error| MetadataError::Rule {
                path: path.to_owned(),
                reason: format!("no valid JSON Schema: {error}"),
            })?;
        let descriptions = properties(schema)
            .map(|(key, property)| {
                let text = property.get("description").and_then(Value::as_str);
                (key.clone(), text.unwrap_or_default().to_owned())
            })
            .collect();
        Ok(Self {
            schema: compiled,
            descriptions,
        })
    }

    fn check(&self, driver_info: &JsonObject) -> Result<(), DriverError> {
        // Other packages' keys and the host's are none of this schema's business.
        let own: JsonObject = driver_info
            .iter()
            .filter(|(key, _)| self.descriptions.contains_key(*key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let own = Value::Object(own);
        let Some(error) = self.schema.iter_errors(&own).next() else {
            return Ok(());
        };
        let place = error.instance_path().to_string();
        // Masked: a value may be a secret.
        let message = format!("driver_info{place}: {}", error.masked());
        Err(match error.kind() {
            ValidationErrorKind::Required { property } => DriverError::MissingParameter(format!(
                "driver_info{place} has no {property}, which this driver needs"
            )),
            _ => DriverError::InvalidParameter(message),
        })
    }
}

fn properties(schema: &JsonObject) -> impl Iterator<Item = (&String, &Value)> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

fn secret_keys(schema: &JsonObject) -> BTreeSet<String> {
    properties(schema)
        .filter(|(_, property)| property.get("writeOnly") == Some(&Value::Bool(true)))
        .map(|(key, _)| key.clone())
        .collect()
}
