//! Boot devices, sensors, NMI.

use ironbark_drivers::Implementation;
use ironbark_model::InterfaceKind;
use ironbark_sandbox::{BootDevice, CallError, DriverError, Lock};
use serde_json::Value;

use super::{Checked, Stop, Suite, needs_bmc, reaches, refused, returned, returned_if_supported};
use crate::kit::Kit;
use crate::machine::Machine;

/// What no machine boots from.
const NONSENSE: &str = "teapot";

pub(super) async fn run(suite: &mut Suite<'_>, kit: &Kit) {
    for implementation in kit.implementations(InterfaceKind::Management) {
        let of = &implementation;
        suite
            .check(
                of,
                "the boot device that was set is the one that is read",
                boot_devices(kit, of),
            )
            .await;
        suite
            .check(
                of,
                "a boot device that there isn't is refused",
                nonsense(kit, of),
            )
            .await;
        suite
            .check(
                of,
                "a silent BMC's boot device isn't known",
                silent(kit, of),
            )
            .await;
        suite
            .check(of, "sensors are read by their types", sensors(kit, of))
            .await;
        suite
            .check(of, "an NMI reaches the machine", nmi(kit, of))
            .await;
    }
}

async fn boot_devices(kit: &Kit, of: &Implementation) -> Checked {
    let machine = kit.machine().await?;
    let context = machine.context(Lock::Shared);
    let devices = machine.call(of.get_supported_boot_devices(context)).await;
    let devices = returned_if_supported("get-supported-boot-devices", devices)?;
    if devices.is_empty() {
        return Err(Stop::LeftOut("it lists no boot devices".to_owned()));
    }
    for device in devices {
        for persistent in [false, true] {
            boot_device(&machine, of, &device, persistent).await?;
        }
    }
    Ok(())
}

async fn boot_device(
    machine: &Machine,
    of: &Implementation,
    device: &str,
    persistent: bool,
) -> Checked {
    let wanted = if persistent {
        "for every boot"
    } else {
        "for one boot"
    };
    let result = set(machine, of, device, persistent).await;
    // Some machines only know one of the two.
    if matches!(result, Err(CallError::Driver(DriverError::Unsupported(_)))) {
        return Ok(());
    }
    returned(format_args!("set-boot-device '{device}' {wanted}"), result)?;
    let read = machine
        .call(of.get_boot_device(machine.context(Lock::Shared)))
        .await;
    let read = returned_if_supported("get-boot-device", read)?;
    let same = read.device.as_deref() == Some(device)
        && read.persistent.is_none_or(|read| read == persistent);
    if same {
        return Ok(());
    }
    Err(Stop::Failed(format!(
        "'{device}' was set {wanted}, and get-boot-device said {read:?}"
    )))
}

async fn nonsense(kit: &Kit, of: &Implementation) -> Checked {
    let machine = kit.machine().await?;
    let result = set(&machine, of, NONSENSE, false).await;
    refused(format_args!("set-boot-device '{NONSENSE}'"), result).map(drop)
}

async fn silent(kit: &Kit, of: &Implementation) -> Checked {
    needs_bmc(kit)?;
    let machine = kit.machine().await?;
    machine.simulated().be_silent();
    let read = machine
        .call(of.get_boot_device(machine.context(Lock::Shared)))
        .await;
    match read {
        Ok(BootDevice { device: None, .. }) => Ok(()),
        other => refused("get-boot-device", other).map(drop),
    }
}

async fn sensors(kit: &Kit, of: &Implementation) -> Checked {
    let machine = kit.machine().await?;
    if needs_bmc(kit).is_ok() {
        // Without power most sensors read nothing.
        machine.simulated().set_power(true);
    }
    let read = machine
        .call(of.get_sensors_data(machine.context(Lock::Shared)))
        .await;
    let read = returned_if_supported("get-sensors-data", read)?;
    judge_sensors(&read)
        .map_err(|reason| Stop::Failed(format!("get-sensors-data returned {read}: {reason}")))
}

/// What is wrong with readings: `{"<type>": {"<id>": {"Sensor Reading": "…", …}}}`. A machine that says that it has sensors has one that
/// reads something.
fn judge_sensors(read: &Value) -> Result<(), String> {
    let types = read.as_object().ok_or("it is no object of types")?;
    let mut reads_something = false;
    for (kind, sensors) in types {
        let sensors = sensors.as_object().filter(|sensors| !sensors.is_empty());
        let sensors = sensors.ok_or_else(|| format!("{kind:?} is no object of sensors"))?;
        for (id, sensor) in sensors {
            let fields = sensor
                .as_object()
                .ok_or_else(|| format!("{id:?} of {kind:?} is no object"))?;
            match fields.get("Sensor Reading") {
                Some(Value::String(text)) => {
                    reads_something |= text.contains(|letter: char| letter.is_ascii_digit());
                }
                Some(other) => return Err(format!("the reading of {id:?} is no text: {other}")),
                None => {}
            }
        }
    }
    if reads_something {
        Ok(())
    } else {
        Err("no sensor reads anything, and there are some that do".to_owned())
    }
}

async fn nmi(kit: &Kit, of: &Implementation) -> Checked {
    needs_bmc(kit)?;
    let machine = kit.machine().await?;
    machine.simulated().set_power(true);
    let result = machine
        .call(of.inject_nmi(machine.context(Lock::Exclusive)))
        .await;
    returned_if_supported("inject-nmi", result)?;
    reaches(&machine, "interrupted", |machine| machine.interrupts == 1).await
}

async fn set(
    machine: &Machine,
    of: &Implementation,
    device: &str,
    persistent: bool,
) -> Result<(), CallError> {
    let context = machine.context(Lock::Exclusive);
    machine
        .call(of.set_boot_device(context, device.to_owned(), persistent))
        .await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn readings_have_types_names_and_numbers() {
        let reads = json!({"Sensor Reading": "41 degrees C"});
        let silent = json!({"Sensor ID": "PSU 1"});
        let nothing = json!({"Sensor Reading": "No Reading"});
        for right in [
            json!({"Temperature": {"CPU": reads}}),
            json!({"Temperature": {"CPU": reads, "Inlet": nothing}, "Power Supply": {"PSU 1": silent}}),
        ] {
            assert_eq!(judge_sensors(&right), Ok(()), "{right}");
        }
        for wrong in [
            json!({}),
            json!(null),
            json!([reads]),
            json!({"Temperature": {}}),
            json!({"Temperature": [reads]}),
            json!({"Temperature": {"CPU": "41 degrees C"}}),
            json!({"Temperature": {"CPU": {"Sensor Reading": 41}}}),
            json!({"Temperature": {"CPU": nothing}, "Power Supply": {"PSU 1": silent}}),
        ] {
            assert!(judge_sensors(&wrong).is_err(), "{wrong}");
        }
    }
}
