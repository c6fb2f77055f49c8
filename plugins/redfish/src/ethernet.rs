//! MAC addresses of the System's network interfaces (DSP0268, EthernetInterface).

use ironbark_driver::{Error, Result};
use serde_json::Value;

use crate::{
    resource::{links, text, text_at},
    service::{Resource, Service},
    system::System,
};

/// Those of the interfaces that are enabled, in lower case.
///
/// # Errors
/// `unsupported` if the machine doesn't show its interfaces.
pub(crate) fn mac_addresses(service: &impl Service) -> Result<Vec<String>> {
    let path = System::read(service)?.part("EthernetInterfaces");
    let Some(collection) = service.find(&path)? else {
        return Err(Error::unsupported(
            "the machine does not show its network interfaces",
        ));
    };
    let mut found = Vec::new();
    for path in links(&collection, "Members") {
        let Some(interface) = service.find(&path)?.filter(is_enabled) else {
            continue;
        };
        let mac = text(&interface, "MACAddress").or(text(&interface, "PermanentMACAddress"));
        if let Some(mac) = mac.filter(|mac| !mac.is_empty()) {
            found.push(mac.to_lowercase());
        }
    }
    Ok(found)
}

fn is_enabled(interface: &Resource) -> bool {
    let state = text_at(interface, "Status/State");
    interface.get("InterfaceEnabled").and_then(Value::as_bool) != Some(false)
        && state.is_none_or(|state| state == "Enabled")
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
