//! Sensors of a machine that is well: two temperatures, a fan, and a power supply.

use serde_json::{Value, json};

/// Readings by type and sensor. A machine without power is cool, and its fan stands still.
pub(crate) fn read(is_on: bool) -> Value {
    let (cpu, board, fan, power) = if is_on {
        (48, 27, 4200, 145)
    } else {
        (21, 20, 0, 5)
    };
    json!({
        "Temperature": {
            "CPU 1": sensor("CPU 1", cpu, "degrees C"),
            "Inlet": sensor("Inlet", board, "degrees C"),
        },
        "Fan": {"Fan 1": sensor("Fan 1", fan, "RPM")},
        "Current": {"PSU 1": sensor("PSU 1", power, "Watts")},
    })
}

fn sensor(name: &str, reading: u32, unit: &str) -> Value {
    json!({
        "Sensor ID": name,
        "Sensor Reading": format!("{reading} {unit}"),
        "Status": "ok",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_power_is_cool() {
        let fan = |is_on| read(is_on)["Fan"]["Fan 1"]["Sensor Reading"].clone();
        assert_eq!(fan(true), json!("4200 RPM"));
        assert_eq!(fan(false), json!("0 RPM"));
        assert_eq!(read(true)["Temperature"]["CPU 1"]["Status"], json!("ok"));
    }
}
