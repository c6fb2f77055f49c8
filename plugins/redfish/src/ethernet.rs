//! The System's network interfaces (DSP0268, EthernetInterface).

use ironbark_driver::{Error, Result};
use serde_json::Value;

use crate::{
    resource::{links, text, text_at},
    service::{Resource, Service},
    system::System,
};

/// One interface.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) name: String,
    /// In lower case.
    pub(crate) mac: Option<String>,
    pub(crate) is_enabled: bool,
    pub(crate) has_link: Option<bool>,
    pub(crate) speed_mbps: Option<u64>,
}

/// MAC addresses of the interfaces that are enabled, in lower case.
///
/// # Errors
/// `unsupported` if the machine doesn't show its interfaces.
pub(crate) fn mac_addresses(service: &impl Service) -> Result<Vec<String>> {
    let found = interfaces(service, &System::read(service)?)?;
    let Some(found) = found else {
        return Err(Error::unsupported(
            "the machine does not show its network interfaces",
        ));
    };
    let enabled = found.into_iter().filter(|interface| interface.is_enabled);
    Ok(enabled.filter_map(|interface| interface.mac).collect())
}

/// All interfaces; `None` if the machine doesn't show them.
///
/// # Errors
/// No answer, or one that makes no sense.
pub(crate) fn interfaces(
    service: &impl Service,
    system: &System,
) -> Result<Option<Vec<Interface>>> {
    let Some(collection) = service.find(&system.part("EthernetInterfaces"))? else {
        return Ok(None);
    };
    let mut found = Vec::new();
    for path in links(&collection, "Members") {
        if let Some(interface) = service.find(&path)? {
            found.push(read(&interface));
        }
    }
    Ok(Some(found))
}

fn read(interface: &Resource) -> Interface {
    let mac = text(interface, "MACAddress").or(text(interface, "PermanentMACAddress"));
    let state = text_at(interface, "Status/State");
    Interface {
        name: text(interface, "Id").unwrap_or_default().to_owned(),
        mac: mac.filter(|mac| !mac.is_empty()).map(str::to_lowercase),
        is_enabled: interface.get("InterfaceEnabled").and_then(Value::as_bool) != Some(false)
            && state.is_none_or(|state| state == "Enabled"),
        has_link: text(interface, "LinkStatus").map(|status| status == "LinkUp"),
        speed_mbps: interface.get("SpeedMbps").and_then(Value::as_u64),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::service::tests::Scripted;

    #[test]
    fn only_interfaces_that_are_enabled_count() {
        let path = "/redfish/v1/Systems/1/EthernetInterfaces";
        let at = |name: &str| format!("{path}/{name}");
        let members: Vec<Value> = ["a", "b", "c", "d", "gone"]
            .iter()
            .map(|name| json!({"@odata.id": at(name)}))
            .collect();
        let service = Scripted::with(json!({
            "/redfish/v1/Systems/1": {},
            path: {"Members": members},
            at("a"): {"MACAddress": "52:54:00:AA:00:01", "Status": {"State": "Enabled"}},
            at("b"): {"MACAddress": "52:54:00:00:00:02", "InterfaceEnabled": false},
            at("c"): {"MACAddress": "52:54:00:00:00:03", "Status": {"State": "Disabled"}},
            at("d"): {"MACAddress": null, "PermanentMACAddress": "52:54:00:00:00:04"},
        }));
        assert_eq!(
            mac_addresses(&service).unwrap(),
            ["52:54:00:aa:00:01", "52:54:00:00:00:04"]
        );
    }
}
