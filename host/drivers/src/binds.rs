//! A package's own names for the host's connection keys.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use ironbark_model::JsonObject;
use ironbark_package::Metadata;

/// Which of a package's keys of `driver_info` stand for connection keys.
#[derive(Debug, Default)]
pub(crate) struct Binds {
    /// The host's key, and the package's.
    names: BTreeMap<String, String>,
    own: BTreeSet<String>,
}

impl Binds {
    pub(crate) fn new(metadata: &Metadata) -> Self {
        let names: BTreeMap<String, String> = metadata
            .binds
            .iter()
            .flat_map(|(capability, names)| {
                names
                    .iter()
                    .map(move |(key, own)| (format!("{capability}_{key}"), own.clone()))
            })
            .collect();
        Self {
            own: names.values().cloned().collect(),
            names,
        }
    }

    /// The package's keys that are bound: they belong to the connection, and drivers don't see them.
    pub(crate) fn own(&self) -> &BTreeSet<String> {
        &self.own
    }

    /// `driver_info` with the host's keys where the package's stand for them. A key of the host's that is there already stays: the operator
    /// means it.
    pub(crate) fn apply<'a>(&self, driver_info: &'a JsonObject) -> Cow<'a, JsonObject> {
        let mut info = Cow::Borrowed(driver_info);
        for (key, own) in &self.names {
            if let Some(value) = driver_info.get(own)
                && !driver_info.contains_key(key)
            {
                info.to_mut().insert(key.clone(), value.clone());
            }
        }
        info
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn own_names_stand_for_the_hosts() {
        let metadata = json!({
            "name": "acme", "version": "1.0.0", "vendor": "Acme",
            "properties": {"type": "object", "properties": {
                "acme_address": {"description": "a"}, "acme_password": {"description": "p", "writeOnly": true}
            }},
            "capabilities": ["ipmi"],
            "binds": {"ipmi": {"address": "acme_address", "password": "acme_password"}}
        });
        let binds = Binds::new(&Metadata::parse(metadata.to_string().as_bytes()).unwrap());
        let info = json!({"acme_address": "10.0.0.1", "acme_password": "x", "ipmi_password": "y"});
        let seen = binds.apply(info.as_object().unwrap()).into_owned();
        assert_eq!(seen.get("ipmi_address"), Some(&Value::from("10.0.0.1")));
        assert_eq!(seen.get("ipmi_password"), Some(&Value::from("y")));
        assert!(binds.own().contains("acme_password"));
        assert!(matches!(Binds::default().apply(&seen), Cow::Borrowed(_)));
    }
}
