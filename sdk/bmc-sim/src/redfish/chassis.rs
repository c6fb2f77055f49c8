//! The chassis that each system is in: one of its own, called as the system is.

use serde_json::{Value, json};

use super::{reply::Reply, state::System};

const INDICATORS: [&str; 3] = ["Lit", "Blinking", "Off"];

pub(super) fn show(system: &System) -> Value {
    let path = format!("/redfish/v1/Chassis/{}", system.id);
    json!({
        "@odata.id": path,
        "@odata.type": "#Chassis.v1_14_0.Chassis",
        "Id": system.id,
        "Name": "Chassis",
        "ChassisType": "RackMount",
        "IndicatorLED": system.indicator,
        "Status": {"State": "Enabled", "Health": "OK"},
        "Thermal": {"@odata.id": format!("{path}/Thermal")},
        "Power": {"@odata.id": format!("{path}/Power")},
        "Sensors": {"@odata.id": format!("{path}/Sensors")},
        "Links": {
            "ComputerSystems": [{"@odata.id": format!("/redfish/v1/Systems/{}", system.id)}],
            "ManagedBy": [{"@odata.id": "/redfish/v1/Managers/bmc"}],
        },
    })
}

/// Sets what the chassis has in common with its system: the indicator.
pub(super) fn change(system: &mut System, body: &Value) -> Reply {
    let Some(indicator) = body.get("IndicatorLED").and_then(Value::as_str) else {
        return Reply::wrong_value("IndicatorLED");
    };
    if !INDICATORS.contains(&indicator) {
        return Reply::wrong_value("IndicatorLED");
    }
    system.indicator = indicator.to_owned();
    system.version += 1;
    Reply::done()
}
