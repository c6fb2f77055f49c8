//! What a BIOS attribute may be: the attribute registry that the Bios resource names (DSP0268, AttributeRegistry).

use ironbark_driver::{BiosSetting, Result};
use serde_json::Value;

use crate::{
    resource::{at, last_segment, links, text},
    service::{Resource, Service},
};

/// Words in names of attributes whose values are never shown, if there is no registry that says so.
const SECRETS: &[&str] = &["password", "passphrase", "pwd"];

/// Attributes by name.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    attributes: Vec<Resource>,
}

impl Registry {
    /// The registry of this name. Where there is none, or none that can be read, attributes are shown without what it says.
    ///
    /// # Errors
    /// What the host returns: no answer.
    pub(crate) fn read(service: &impl Service, name: Option<&str>) -> Result<Self> {
        let Some(name) = name else {
            return Ok(Self::default());
        };
        let Some(location) = locate(service, name)? else {
            service.mention(&format_args!(
                "the service has no BIOS attribute registry '{name}'"
            ));
            return Ok(Self::default());
        };
        let registry = service.find(&location)?.unwrap_or_default();
        let listed = at(&registry, "RegistryEntries/Attributes").and_then(Value::as_array);
        let attributes = listed.into_iter().flatten().filter_map(Value::as_object);
        Ok(Self {
            attributes: attributes.cloned().collect(),
        })
    }

    /// A setting with what is known of it. Never a password.
    pub(crate) fn describe(&self, name: &str, value: &Value) -> BiosSetting {
        let found = self
            .attributes
            .iter()
            .find(|attribute| text(attribute, "AttributeName") == Some(name));
        let attribute_type = match found.and_then(|attribute| text(attribute, "Type")) {
            Some(named) => Some(named.to_owned()),
            None => json_type(value).map(str::to_owned),
        };
        let lower = name.to_lowercase();
        let is_secret = attribute_type.as_deref() == Some("Password")
            || SECRETS.iter().any(|word| lower.contains(word));
        let number = |key: &str| found?.get(key)?.as_i64();
        let length = |key: &str| u32::try_from(found?.get(key)?.as_u64()?).ok();
        let flag = |key: &str| found?.get(key)?.as_bool();
        BiosSetting {
            name: name.to_owned(),
            value: plain(value).filter(|_| !is_secret),
            attribute_type,
            allowable_values: found.map(allowable).unwrap_or_default(),
            lower_bound: number("LowerBound"),
            upper_bound: number("UpperBound"),
            min_length: length("MinLength"),
            max_length: length("MaxLength"),
            read_only: flag("ReadOnly"),
            reset_required: flag("ResetRequired"),
            unique: flag("IsSystemUniqueProperty"),
        }
    }
}

/// Where the registry itself is: its file in English, or in whatever language there is (DSP0268, MessageRegistryFile).
fn locate(service: &impl Service, name: &str) -> Result<Option<String>> {
    let collection = service.find("/redfish/v1/Registries")?.unwrap_or_default();
    let files = links(&collection, "Members");
    // Either may have the version in its name, or not.
    let file = files.iter().find(|path| {
        let file = last_segment(path);
        let file = file.strip_suffix(".json").unwrap_or(file);
        file == name
            || name
                .strip_prefix(file)
                .is_some_and(|rest| rest.starts_with('.'))
    });
    let Some(file) = file else {
        return Ok(None);
    };
    let file = service.find(file)?.unwrap_or_default();
    let locations = at(&file, "Location").and_then(Value::as_array);
    let locations: Vec<&Resource> = locations
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .collect();
    let english = locations.iter().find(|location| {
        text(location, "Language").is_some_and(|language| language.starts_with("en"))
    });
    let location = english.or(locations.first());
    Ok(location
        .and_then(|location| text(location, "Uri"))
        .map(str::to_owned))
}

fn allowable(attribute: &Resource) -> Vec<String> {
    let values = attribute.get("Value").and_then(Value::as_array);
    values
        .into_iter()
        .flatten()
        .filter_map(|value| value.get("ValueName")?.as_str())
        .map(str::to_owned)
        .collect()
}

fn json_type(value: &Value) -> Option<&'static str> {
    match value {
        Value::String(_) => Some("String"),
        Value::Bool(_) => Some("Boolean"),
        Value::Number(_) => Some("Integer"),
        _ => None,
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::service::tests::Scripted;

    fn service() -> Scripted {
        let file = "/redfish/v1/Registries/BiosAttributeRegistry";
        Scripted::with(json!({
            "/redfish/v1/Registries": {"Members": [{"@odata.id": "/redfish/v1/Registries/Base.1.8"}, {"@odata.id": file}]},
            file: {"Location": [{"Language": "de", "Uri": "/redfish/v1/Registries/de.json"}, {"Language": "en", "Uri": "/redfish/v1/Registries/en.json"}]},
            "/redfish/v1/Registries/en.json": {"RegistryEntries": {"Attributes": [
                {"AttributeName": "Turbo", "Type": "Enumeration", "ReadOnly": false, "ResetRequired": true,
                    "Value": [{"ValueName": "On"}, {"ValueName": "Off"}]},
                {"AttributeName": "Cores", "Type": "Integer", "LowerBound": 1, "UpperBound": 64},
                {"AttributeName": "Asset", "Type": "String", "MinLength": 0, "MaxLength": 32, "IsSystemUniqueProperty": true},
                {"AttributeName": "AdminKey", "Type": "Password"},
            ]}},
        }))
    }

    #[test]
    fn attributes_are_described_as_the_registry_says() {
        let registry = Registry::read(&service(), Some("BiosAttributeRegistry.v1_0_0")).unwrap();
        let turbo = registry.describe("Turbo", &json!("On"));
        assert_eq!(turbo.value.as_deref(), Some("On"));
        assert_eq!(turbo.attribute_type.as_deref(), Some("Enumeration"));
        assert_eq!(turbo.allowable_values, ["On", "Off"]);
        assert_eq!(
            (turbo.read_only, turbo.reset_required, turbo.unique),
            (Some(false), Some(true), None)
        );
        let cores = registry.describe("Cores", &json!(8));
        assert_eq!(
            (cores.value.as_deref(), cores.lower_bound, cores.upper_bound),
            (Some("8"), Some(1), Some(64))
        );
        let asset = registry.describe("Asset", &json!("x"));
        assert_eq!((asset.max_length, asset.unique), (Some(32), Some(true)));
    }

    #[test]
    fn passwords_are_never_shown() {
        let registry = Registry::read(&service(), Some("BiosAttributeRegistry.v1_0_0")).unwrap();
        for name in ["AdminKey", "SetupPassword", "SysPwd"] {
            assert_eq!(registry.describe(name, &json!("secret")).value, None);
        }
    }

    #[test]
    fn without_a_registry_the_types_are_those_of_the_values() {
        for name in [None, Some("Other.v1")] {
            let registry = Registry::read(&service(), name).unwrap();
            let cores = registry.describe("Cores", &json!(8));
            assert_eq!(cores.attribute_type.as_deref(), Some("Integer"));
            assert_eq!(cores.upper_bound, None);
            assert_eq!(registry.describe("None", &Value::Null).value, None);
        }
    }
}
