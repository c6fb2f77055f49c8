//! A system's network interfaces: one that is enabled, one that isn't.

use serde_json::{Value, json};

use super::{reply::collection, state::System};

const NAMES: [&str; 2] = ["eth0", "eth1"];

pub(super) fn list(system: &System) -> Value {
    let path = format!("/redfish/v1/Systems/{}/EthernetInterfaces", system.id);
    collection(&path, "EthernetInterfaceCollection", NAMES)
}

pub(super) fn show(system: &System, name: &str) -> Option<Value> {
    let number = NAMES.iter().position(|known| *known == name)?;
    let mac = format!("52:54:00:00:{:02x}:{number:02x}", system.number & 0xff);
    let state = if number == 0 { "Enabled" } else { "Disabled" };
    Some(json!({
        "@odata.id": format!("/redfish/v1/Systems/{}/EthernetInterfaces/{name}", system.id),
        "@odata.type": "#EthernetInterface.v1_6_0.EthernetInterface",
        "Id": name,
        "Name": name,
        "MACAddress": mac,
        "PermanentMACAddress": mac,
        "InterfaceEnabled": number == 0,
        "Status": {"State": state, "Health": "OK"},
    }))
}
