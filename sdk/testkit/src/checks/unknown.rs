//! A machine that can't be asked isn't off, and nothing was done with it: whoever believes otherwise destroys data.

use ironbark_drivers::Implementation;
use ironbark_model::{InterfaceKind, PowerTarget};
use ironbark_sandbox::{CallError, DriverError, Lock, PowerReading};
use serde_json::json;

use super::{Checked, Stop, Suite, needs_bmc, refused};
use crate::kit::Kit;
use crate::simulated::Oddity;

pub(super) async fn run(suite: &mut Suite<'_>, kit: &Kit) {
    for implementation in kit.implementations(InterfaceKind::Power) {
        let of = &implementation;
        suite
            .check(of, "a silent BMC's machine is not off", silent(kit, of))
            .await;
        for (what, oddity) in ANSWERS {
            let name = format!("a machine whose BMC {what} is not off");
            suite.check(of, name, answering(kit, of, *oddity)).await;
        }
        suite
            .check(
                of,
                "switching the machine of a silent BMC fails",
                unheard(kit, of),
            )
            .await;
        suite
            .check(
                of,
                "a wrong password is auth-failed",
                wrong_password(kit, of),
            )
            .await;
    }
}

/// What a BMC may answer to Get Chassis Status, or of its System, instead of the power.
const ANSWERS: &[(&str, Oddity)] = &[
    ("answers with nothing", Oddity::Nothing),
    ("stays busy", Oddity::Busy),
    ("doesn't know the command", Oddity::Unknown),
    ("fails", Oddity::Failure),
];

async fn silent(kit: &Kit, of: &Implementation) -> Checked {
    match read_with(kit, of, Oddity::Silence).await? {
        // Nothing can know it, not even that it is on.
        Ok(reading @ (PowerReading::On | PowerReading::Off | PowerReading::Error)) => {
            Err(Stop::Failed(format!(
                "get-power-state said {reading:?}; say unknown, or return the error"
            )))
        }
        other => not_off(other),
    }
}

async fn answering(kit: &Kit, of: &Implementation, oddity: Oddity) -> Checked {
    // The driver may have another way to know that it is on.
    not_off(read_with(kit, of, oddity).await?)
}

async fn unheard(kit: &Kit, of: &Implementation) -> Checked {
    needs_bmc(kit)?;
    let machine = kit.machine().await?;
    machine.simulated().be_silent();
    let context = machine.context(Lock::Exclusive);
    let result = machine
        .call(of.set_power_state(context, PowerTarget::On, None))
        .await;
    refused("set-power-state", result).map(drop)
}

async fn wrong_password(kit: &Kit, of: &Implementation) -> Checked {
    needs_bmc(kit)?;
    let mut machine = kit.machine().await?;
    for key in ["ipmi_password", "redfish_password"] {
        machine.set_driver_info(key, json!("not the password"));
    }
    let reading = machine
        .call(of.get_power_state(machine.context(Lock::Shared)))
        .await;
    match refused("get-power-state", reading)? {
        DriverError::AuthFailed(_) => Ok(()),
        other => Err(Stop::Failed(format!(
            "get-power-state turned auth-failed into another error: {other}"
        ))),
    }
}

/// Reads the power of a machine that is on.
async fn read_with(
    kit: &Kit,
    of: &Implementation,
    oddity: Oddity,
) -> Checked<Result<PowerReading, CallError>> {
    needs_bmc(kit)?;
    let machine = kit.machine().await?;
    machine.simulated().set_power(true);
    machine.simulated().be_odd(oddity);
    let context = machine.context(Lock::Shared);
    Ok(machine.call(of.get_power_state(context)).await)
}

fn not_off(result: Result<PowerReading, CallError>) -> Checked {
    match result {
        Ok(PowerReading::Off) => Err(Stop::Failed(
            "get-power-state said off of a machine that is on".to_owned(),
        )),
        Ok(_) => Ok(()),
        Err(error) => refused::<PowerReading>("get-power-state", Err(error)).map(drop),
    }
}
