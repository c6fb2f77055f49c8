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
            .check(of, "sensors are read as an object", sensors(kit, of))
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
    let read = machine
        .call(of.get_sensors_data(machine.context(Lock::Shared)))
        .await;
    match returned_if_supported("get-sensors-data", read)? {
        Value::Object(_) => Ok(()),
        other => Err(Stop::Failed(format!("get-sensors-data returned {other}"))),
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
