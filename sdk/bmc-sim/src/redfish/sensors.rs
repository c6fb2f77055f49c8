//! Sensors: each by itself, and as the older Thermal and Power resources show them.

use serde_json::{Value, json};

use super::{reply::collection, state::System};
use crate::sensors::{Quantity, SENSORS, Sensor};

/// `Sensors` of a chassis.
pub(super) fn list(system: &System) -> Value {
    let path = format!("/redfish/v1/Chassis/{}/Sensors", system.id);
    let numbers = SENSORS.iter().map(|sensor| sensor.number.to_string());
    collection(&path, "SensorCollection", numbers)
}

/// One of them.
pub(super) fn show(system: &System, id: &str) -> Option<Value> {
    let sensor = Sensor::by_number(id.parse().ok()?)?;
    let (kind, unit) = match sensor.measures() {
        Quantity::Temperature => ("Temperature", "Cel"),
        Quantity::Voltage => ("Voltage", "V"),
        Quantity::Speed => ("Rotational", "{rev}/min"),
    };
    Some(json!({
        "@odata.id": format!("/redfish/v1/Chassis/{}/Sensors/{id}", system.id),
        "@odata.type": "#Sensor.v1_2_0.Sensor",
        "Id": id,
        "Name": sensor.name(),
        "ReadingType": kind,
        "ReadingUnits": unit,
        "Reading": sensor.value(system.machine.power()),
        "Status": {"State": "Enabled", "Health": "OK"},
        "Thresholds": {"UpperCritical": {"Reading": sensor.upper_critical()}},
    }))
}

/// `Thermal` of a chassis.
pub(super) fn thermal(system: &System) -> Value {
    let path = format!("/redfish/v1/Chassis/{}/Thermal", system.id);
    let entry = |sensor: &Sensor, reading: &str| {
        json!({
            "@odata.id": format!("{path}#/{}", sensor.number),
            "MemberId": sensor.number.to_string(),
            "Name": sensor.name(),
            reading: sensor.value(system.machine.power()),
            "UpperThresholdCritical": sensor.upper_critical(),
            "Status": {"State": "Enabled", "Health": "OK"},
        })
    };
    json!({
        "@odata.id": path,
        "@odata.type": "#Thermal.v1_6_0.Thermal",
        "Id": "Thermal",
        "Name": "Thermal",
        "Temperatures": of(Quantity::Temperature).map(|sensor| entry(sensor, "ReadingCelsius")).collect::<Vec<_>>(),
        "Fans": of(Quantity::Speed).map(|sensor| entry(sensor, "Reading")).collect::<Vec<_>>(),
    })
}

/// `Power` of a chassis.
pub(super) fn power(system: &System) -> Value {
    let on = system.machine.power();
    let path = format!("/redfish/v1/Chassis/{}/Power", system.id);
    let voltages: Vec<Value> = of(Quantity::Voltage)
        .map(|sensor| {
            json!({
                "MemberId": sensor.number.to_string(),
                "Name": sensor.name(),
                "ReadingVolts": sensor.value(on),
                "Status": {"State": "Enabled", "Health": "OK"},
            })
        })
        .collect();
    json!({
        "@odata.id": path,
        "@odata.type": "#Power.v1_6_0.Power",
        "Id": "Power",
        "Name": "Power",
        "PowerControl": [{"MemberId": "0", "Name": "Server Power Control", "PowerConsumedWatts": if on { 180 } else { 8 }}],
        "PowerSupplies": [{"MemberId": "0", "Name": "PSU 1", "PowerCapacityWatts": 750, "LineInputVoltage": 230,
            "Status": {"State": "Enabled", "Health": "OK"}}],
        "Voltages": voltages,
    })
}

fn of(quantity: Quantity) -> impl Iterator<Item = &'static Sensor> {
    SENSORS
        .iter()
        .filter(move |sensor| sensor.measures() == quantity)
}
