//! The manager: the BMC itself.

use serde_json::{Value, json};

pub(super) const ID: &str = "bmc";

pub(super) fn show(systems: &[String]) -> Value {
    let managed: Vec<Value> = systems
        .iter()
        .map(|id| json!({"@odata.id": format!("/redfish/v1/Systems/{id}")}))
        .collect();
    json!({
        "@odata.id": "/redfish/v1/Managers/bmc",
        "@odata.type": "#Manager.v1_11_0.Manager",
        "Id": ID,
        "Name": "Manager",
        "ManagerType": "BMC",
        "FirmwareVersion": "1.0.0",
        "Status": {"State": "Enabled", "Health": "OK"},
        "Links": {"ManagerForServers": managed},
    })
}
