//! Power: read as it is, changed as asked for.

use ironbark_drivers::Implementation;
use ironbark_model::{InterfaceKind, PowerTarget};
use ironbark_sandbox::{Lock, PowerReading};

use super::{Checked, Stop, Suite, needs_bmc, reaches, returned};
use crate::kit::Kit;
use crate::machine::Machine;

pub(super) async fn run(suite: &mut Suite<'_>, kit: &Kit) {
    for implementation in kit.implementations(InterfaceKind::Power) {
        let of = &implementation;
        suite
            .check(of, "power is read as it is", is_read(kit, of))
            .await;
        suite
            .check(
                of,
                "power on and power off reach the machine",
                is_switched(kit, of),
            )
            .await;
        suite
            .check(of, "a restart restarts the machine", restarts(kit, of))
            .await;
        suite
            .check(
                of,
                "what it says it can do, it does",
                does_what_it_lists(kit, of),
            )
            .await;
    }
}

async fn is_read(kit: &Kit, of: &Implementation) -> Checked {
    needs_bmc(kit)?;
    let machine = kit.machine().await?;
    for (power, expected) in [(true, PowerReading::On), (false, PowerReading::Off)] {
        machine.simulated().set_power(power);
        reads(&machine, of, &expected).await?;
    }
    Ok(())
}

async fn is_switched(kit: &Kit, of: &Implementation) -> Checked {
    let machine = kit.machine().await?;
    switch(kit, &machine, of, PowerTarget::On).await?;
    switch(kit, &machine, of, PowerTarget::Off).await
}

/// In one go if the metadata says so, else as the host composes it.
async fn restarts(kit: &Kit, of: &Implementation) -> Checked {
    let machine = kit.machine().await?;
    if !of.native_reboot() {
        switch(kit, &machine, of, PowerTarget::On).await?;
        switch(kit, &machine, of, PowerTarget::Off).await?;
        return switch(kit, &machine, of, PowerTarget::On).await;
    }
    needs_bmc(kit)?;
    machine.simulated().set_power(true);
    let before = machine.simulated().seen();
    let result = machine
        .call(of.reboot(machine.context(Lock::Exclusive), None))
        .await;
    returned("reboot", result)?;
    reaches(&machine, "restarted", |machine| {
        machine.power && before.iter().all(|before| machine.starts > before.starts)
    })
    .await
}

async fn does_what_it_lists(kit: &Kit, of: &Implementation) -> Checked {
    let machine = kit.machine().await?;
    let context = machine.context(Lock::Shared);
    let listed = machine.call(of.get_supported_power_states(context)).await;
    let listed = returned("get-supported-power-states", listed)?;
    for needed in [PowerTarget::On, PowerTarget::Off] {
        if !listed.contains(&needed) {
            return Err(Stop::Failed(format!(
                "get-supported-power-states doesn't list '{}'",
                needed.as_str()
            )));
        }
    }
    if listed.contains(&PowerTarget::SoftOff) {
        switch(kit, &machine, of, PowerTarget::On).await?;
        switch(kit, &machine, of, PowerTarget::SoftOff).await?;
    }
    Ok(())
}

/// Asks for a change, waits until the machine has done it, and reads it.
async fn switch(kit: &Kit, machine: &Machine, of: &Implementation, target: PowerTarget) -> Checked {
    if kit.uses_ssh() {
        // One that also knows a BMC is switched by that.
        needs_bmc(kit)?;
    }
    let context = machine.context(Lock::Exclusive);
    let result = machine
        .call(of.set_power_state(context, target, None))
        .await;
    returned(
        format_args!("set-power-state '{}'", target.as_str()),
        result,
    )?;
    let on = target == PowerTarget::On;
    if needs_bmc(kit).is_ok() {
        let what = if on { "on" } else { "off" };
        reaches(machine, what, |machine| machine.power == on).await?;
    }
    let expected = if on {
        PowerReading::On
    } else {
        PowerReading::Off
    };
    reads(machine, of, &expected).await
}

async fn reads(machine: &Machine, of: &Implementation, expected: &PowerReading) -> Checked {
    let context = machine.context(Lock::Shared);
    let reading = machine.call(of.get_power_state(context)).await;
    let reading = returned("get-power-state", reading)?;
    if reading == *expected {
        return Ok(());
    }
    Err(Stop::Failed(format!(
        "get-power-state said {reading:?} of a machine that is {expected:?}"
    )))
}
