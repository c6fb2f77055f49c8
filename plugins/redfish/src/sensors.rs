//! Sensor readings of the node's chassis: their `Thermal` and `Power` (DSP0268), or the newer `Sensors`.

use std::time::Duration;

use ironbark_driver::{Error, Result};
use serde_json::{Map, Value};

use crate::{
    resource::{at, last_segment, link, links, text, text_at},
    service::{Resource, Service},
};

/// What is left of a call when no further resource is read.
const RESERVE: Duration = Duration::from_secs(16);

/// A list within a resource: the type that its entries have, their reading and its unit.
struct List {
    name: &'static str,
    kind: &'static str,
    reading: &'static str,
    unit: &'static str,
}

const THERMAL: &[List] = &[
    List {
        name: "Temperatures",
        kind: "Temperature",
        reading: "ReadingCelsius",
        unit: "degrees C",
    },
    List {
        name: "Fans",
        kind: "Fan",
        reading: "Reading",
        unit: "",
    },
];
const POWER: &[List] = &[
    List {
        name: "Voltages",
        kind: "Voltage",
        reading: "ReadingVolts",
        unit: "Volts",
    },
    List {
        name: "PowerControl",
        kind: "Power",
        reading: "PowerConsumedWatts",
        unit: "Watts",
    },
    List {
        name: "PowerSupplies",
        kind: "Power Supply",
        reading: "LastPowerOutputWatts",
        unit: "Watts",
    },
];

/// What is shown of an entry beside its reading, and what it is called.
const MORE: &[(&str, &str)] = &[
    ("Status/State", "State"),
    ("Status/Health", "Health"),
    ("PhysicalContext", "Context"),
    ("UpperThresholdNonCritical", "Upper non-critical"),
    ("UpperThresholdCritical", "Upper critical"),
    ("LowerThresholdNonCritical", "Lower non-critical"),
    ("LowerThresholdCritical", "Lower critical"),
    ("Thresholds/UpperCaution/Reading", "Upper non-critical"),
    ("Thresholds/UpperCritical/Reading", "Upper critical"),
    ("Thresholds/LowerCaution/Reading", "Lower non-critical"),
    ("Thresholds/LowerCritical/Reading", "Lower critical"),
];

type Types = Map<String, Value>;

/// Readings as `{"<type>": {"<id>": {"Sensor Reading": "…", …}}}`.
///
/// # Errors
/// `unsupported` if there are no chassis that show any.
pub(crate) fn read_all(service: &impl Service) -> Result<Value> {
    let mut types = Types::new();
    let mut any = false;
    for path in service.resources()?.chassis {
        let Some(chassis) = service.find(&path)? else {
            continue;
        };
        let id = text(&chassis, "Id").unwrap_or_else(|| last_segment(&path));
        let thermal = old(service, &chassis, "Thermal", THERMAL, id, &mut types)?;
        let power = old(service, &chassis, "Power", POWER, id, &mut types)?;
        any |= thermal || power;
        if !(thermal || power) {
            any |= new(service, &chassis, id, &mut types)?;
        }
    }
    if any {
        Ok(Value::Object(types))
    } else {
        Err(Error::unsupported("the machine shows no sensors"))
    }
}

/// Reads the lists of one resource; whether it is there.
fn old(
    service: &impl Service,
    chassis: &Resource,
    name: &str,
    lists: &[List],
    chassis_id: &str,
    types: &mut Types,
) -> Result<bool> {
    let Some(path) = link(chassis, name) else {
        return Ok(false);
    };
    let Some(resource) = service.find(&path)? else {
        return Ok(false);
    };
    for list in lists {
        let entries = at(&resource, list.name).and_then(Value::as_array);
        let entries = entries.into_iter().flatten().filter_map(Value::as_object);
        for (number, entry) in entries.enumerate() {
            let unit = match text(entry, "ReadingUnits") {
                Some(unit) => unit,
                None => list.unit,
            };
            let id = text(entry, "MemberId").map_or_else(|| number.to_string(), str::to_owned);
            let reading = at(entry, list.reading);
            add(types, list.kind, chassis_id, &id, entry, reading, unit);
        }
    }
    Ok(true)
}

/// Reads the members of `Sensors` one by one, as long as there is time; whether there are any.
fn new(
    service: &impl Service,
    chassis: &Resource,
    chassis_id: &str,
    types: &mut Types,
) -> Result<bool> {
    let Some(path) = link(chassis, "Sensors") else {
        return Ok(false);
    };
    let Some(collection) = service.find(&path)? else {
        return Ok(false);
    };
    for path in links(&collection, "Members") {
        if service.time_left() < RESERVE {
            service.mention(&"the service is slow: the call's time was not enough for all sensors");
            break;
        }
        let Some(sensor) = service.find(&path)? else {
            continue;
        };
        let kind = text(&sensor, "ReadingType").unwrap_or("Other").to_owned();
        let unit = match text(&sensor, "ReadingUnits") {
            Some("Cel") => "degrees C",
            Some(unit) => unit,
            None => "",
        };
        let id = text(&sensor, "Id").unwrap_or_else(|| last_segment(&path));
        let reading = at(&sensor, "Reading");
        add(types, &kind, chassis_id, id, &sensor, reading, unit);
    }
    Ok(true)
}

fn add(
    types: &mut Types,
    kind: &str,
    chassis: &str,
    id: &str,
    entry: &Resource,
    reading: Option<&Value>,
    unit: &str,
) {
    // A slot in which nothing is.
    if text_at(entry, "Status/State") == Some("Absent") {
        return;
    }
    let id = format!("{id}@{chassis}");
    let mut fields = Map::new();
    let name = text(entry, "Name").unwrap_or(&id);
    fields.insert("Sensor ID".to_owned(), name.into());
    if let Some(reading) = reading.and_then(plain) {
        let reading = format!("{reading} {unit}").trim_end().to_owned();
        fields.insert("Sensor Reading".to_owned(), reading.into());
    }
    for (pointer, shown) in MORE {
        if let Some(value) = at(entry, pointer).and_then(plain) {
            fields.insert((*shown).to_owned(), value.into());
        }
    }
    let of_kind = types
        .entry(kind)
        .or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(of_kind) = of_kind {
        of_kind.insert(id, Value::Object(fields));
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::service::tests::Scripted;

    fn at_chassis(name: &str) -> Value {
        json!({"@odata.id": format!("/redfish/v1/Chassis/1/{name}")})
    }

    #[test]
    fn lists_of_older_services_are_read() {
        let service = Scripted::with(json!({
            "/redfish/v1/Chassis/1": {"Id": "box", "Thermal": at_chassis("Thermal"), "Power": at_chassis("Power"), "Sensors": at_chassis("Sensors")},
            "/redfish/v1/Chassis/1/Thermal": {
                "Temperatures": [{"MemberId": "0", "Name": "CPU", "ReadingCelsius": 41, "UpperThresholdCritical": 90, "Status": {"State": "Enabled", "Health": "OK"}}],
                "Fans": [{"Name": "Fan A", "Reading": 3000, "ReadingUnits": "RPM"}, {"Name": "Fan B", "Status": {"State": "Absent"}}],
            },
        }));
        assert_eq!(
            read_all(&service).unwrap(),
            json!({
                "Temperature": {"0@box": {"Sensor ID": "CPU", "Sensor Reading": "41 degrees C", "Upper critical": "90", "State": "Enabled", "Health": "OK"}},
                "Fan": {"0@box": {"Sensor ID": "Fan A", "Sensor Reading": "3000 RPM"}},
            })
        );
    }

    fn newer() -> Scripted {
        Scripted::with(json!({
            "/redfish/v1/Chassis/1": {"Sensors": at_chassis("Sensors")},
            "/redfish/v1/Chassis/1/Sensors": {"Members": [at_chassis("Sensors/a"), at_chassis("Sensors/b")]},
            "/redfish/v1/Chassis/1/Sensors/a": {"Name": "Inlet", "ReadingType": "Temperature", "Reading": 21.5, "ReadingUnits": "Cel"},
            "/redfish/v1/Chassis/1/Sensors/b": {"Name": "Out", "ReadingType": "Power", "Reading": 80, "ReadingUnits": "W",
                "Thresholds": {"UpperCritical": {"Reading": 400}}},
        }))
    }

    #[test]
    fn sensors_of_newer_services_are_read() {
        assert_eq!(
            read_all(&newer()).unwrap(),
            json!({
                "Temperature": {"a@1": {"Sensor ID": "Inlet", "Sensor Reading": "21.5 degrees C"}},
                "Power": {"b@1": {"Sensor ID": "Out", "Sensor Reading": "80 W", "Upper critical": "400"}},
            })
        );
    }

    #[test]
    fn a_machine_without_sensors_says_so() {
        let service = Scripted::with(json!({"/redfish/v1/Chassis/1": {}}));
        assert!(matches!(read_all(&service), Err(Error::Unsupported(_))));
    }
}
