//! The chassis that each system is in: one of its own, called as the system is, and with blades the enclosure of all.

use serde_json::{Value, json};

use super::{reply::Reply, state::System};

pub(super) const ENCLOSURE: &str = "enclosure";
const INDICATORS: [&str; 3] = ["Lit", "Blinking", "Off"];

pub(super) fn show(system: &System) -> Value {
    let path = path(&system.id);
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

/// What all blades are in, with this indicator.
pub(super) fn show_enclosure(indicator: &str, systems: &[String]) -> Value {
    let list = |path: fn(&str) -> String| -> Vec<Value> {
        systems
            .iter()
            .map(|id| json!({"@odata.id": path(id)}))
            .collect()
    };
    json!({
        "@odata.id": path(ENCLOSURE),
        "@odata.type": "#Chassis.v1_14_0.Chassis",
        "Id": ENCLOSURE,
        "Name": "Enclosure",
        "ChassisType": "Enclosure",
        "IndicatorLED": indicator,
        "Links": {
            "ComputerSystems": list(|id| format!("/redfish/v1/Systems/{id}")),
            "Contains": list(path),
            "ManagedBy": [{"@odata.id": "/redfish/v1/Managers/bmc"}],
        },
    })
}

/// Sets what the chassis has in common with its system: the indicator.
pub(super) fn change(system: &mut System, body: &Value) -> Reply {
    let reply = change_indicator(&mut system.indicator, body);
    if reply.status < 300 {
        system.version += 1;
    }
    reply
}

/// Sets an indicator.
pub(super) fn change_indicator(indicator: &mut String, body: &Value) -> Reply {
    match body.get("IndicatorLED").and_then(Value::as_str) {
        Some(wanted) if INDICATORS.contains(&wanted) => {
            wanted.clone_into(indicator);
            Reply::done()
        }
        _ => Reply::wrong_value("IndicatorLED"),
    }
}

pub(super) fn path(id: &str) -> String {
    format!("/redfish/v1/Chassis/{id}")
}
