//! The node's System (DSP0268, ComputerSystem).

use ironbark_driver::{PowerState, Result};

use crate::{
    resource::{link, text},
    service::{Resource, Service},
};

/// A System as it was read.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) path: String,
    pub(crate) resource: Resource,
}

impl System {
    /// Reads it.
    ///
    /// # Errors
    /// No answer, or one that makes no sense.
    pub(crate) fn read(service: &impl Service) -> Result<Self> {
        let path = service.resources()?.system;
        let resource = service.get(&path)?;
        Ok(Self { path, resource })
    }

    /// Whether it has power. What is on its way there counts as there, as whoever asked waits for it.
    pub(crate) fn power(&self) -> PowerState {
        match text(&self.resource, "PowerState") {
            Some("On" | "PoweringOn") => PowerState::On,
            Some("Off" | "PoweringOff") => PowerState::Off,
            Some(other) => {
                PowerState::Unknown(format!("the Redfish service says that it is '{other}'"))
            }
            None => PowerState::Unknown("the Redfish service doesn't say".to_owned()),
        }
    }

    /// Whether it is on, or off, and nothing is under way.
    pub(crate) fn is_settled(&self, on: bool) -> bool {
        text(&self.resource, "PowerState") == Some(if on { "On" } else { "Off" })
    }

    /// Path of a resource that belongs to it: what it links to by this name, or where such resources are.
    pub(crate) fn part(&self, name: &str) -> String {
        link(&self.resource, name).unwrap_or_else(|| format!("{}/{name}", self.path))
    }

    /// Who made it, in lower case.
    pub(crate) fn manufacturer(&self) -> String {
        text(&self.resource, "Manufacturer")
            .unwrap_or_default()
            .trim()
            .to_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn system(resource: Value) -> System {
        System {
            path: "/redfish/v1/Systems/1".to_owned(),
            resource: resource.as_object().unwrap().clone(),
        }
    }

    #[test]
    fn what_is_under_way_counts_as_there_and_what_is_unknown_never_as_off() {
        for (said, expected) in [
            (json!("On"), Some(PowerState::On)),
            (json!("PoweringOn"), Some(PowerState::On)),
            (json!("Off"), Some(PowerState::Off)),
            (json!("PoweringOff"), Some(PowerState::Off)),
            (json!("Paused"), None),
            (json!(null), None),
            (json!(1), None),
        ] {
            let power = system(json!({"PowerState": said})).power();
            match expected {
                Some(expected) => assert_eq!(power, expected),
                None => assert!(matches!(power, PowerState::Unknown(_)), "{said}"),
            }
        }
        assert!(!system(json!({"PowerState": "PoweringOn"})).is_settled(true));
        assert!(system(json!({"PowerState": "Off"})).is_settled(false));
    }

    #[test]
    fn parts_are_where_the_system_links_to() {
        let linked = system(json!({"Bios": {"@odata.id": "/redfish/v1/Systems/1/BIOS"}}));
        assert_eq!(linked.part("Bios"), "/redfish/v1/Systems/1/BIOS");
        assert_eq!(
            linked.part("SecureBoot"),
            "/redfish/v1/Systems/1/SecureBoot"
        );
    }
}
