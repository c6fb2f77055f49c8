//! Networks lose, repeat, delay and change packets, and BMCs restart. The host's client deals with it; a driver must only not be
//! in its way, say by asking for what it has been told already or by giving up early.

use std::time::Duration;

use ironbark_bmc_sim::{Answer, Chance, Command, Faults};
use ironbark_drivers::Implementation;
use ironbark_model::{InterfaceKind, PowerTarget};
use ironbark_sandbox::{Lock, PowerReading};

use super::{Checked, Stop, Suite, needs_bmc, reaches, returned};
use crate::kit::Kit;
use crate::machine::Machine;

pub(super) async fn run(suite: &mut Suite<'_>, kit: &Kit) {
    for implementation in kit.implementations(InterfaceKind::Power) {
        let of = &implementation;
        for (what, faults) in disturbances() {
            let name = format!("it works while {what}");
            suite.check(of, name, works(kit, of, faults)).await;
        }
        suite
            .check(
                of,
                "it works after the BMC restarted",
                after_restart(kit, of),
            )
            .await;
    }
}

fn disturbances() -> [(&'static str, Faults); 6] {
    let sometimes = || Chance::one_in(3);
    let none = Faults::default;
    [
        (
            "packets to the BMC get lost",
            Faults {
                lose_requests: sometimes(),
                ..none()
            },
        ),
        (
            "packets from the BMC get lost",
            Faults {
                lose_replies: sometimes(),
                ..none()
            },
        ),
        (
            "packets arrive twice",
            Faults {
                duplicate_replies: Chance::Always,
                ..none()
            },
        ),
        (
            "packets are damaged",
            Faults {
                corrupt_replies: sometimes(),
                ..none()
            },
        ),
        (
            "packets arrive late",
            Faults {
                late_replies: sometimes(),
                late_by: Duration::from_millis(300),
                ..none()
            },
        ),
        (
            "the BMC is busy now and then",
            Faults {
                answers: vec![Answer {
                    command: Command::CHASSIS_STATUS,
                    code: 0xc0,
                    chance: sometimes(),
                }],
                ..none()
            },
        ),
    ]
}

async fn works(kit: &Kit, of: &Implementation, faults: Faults) -> Checked {
    needs_bmc(kit)?;
    let machine = kit.machine().await?;
    machine.bmc().set_power(true);
    machine.bmc().set_faults(faults);
    is_on(&machine, of).await?;
    let context = machine.context(Lock::Exclusive);
    let result = machine
        .call(of.set_power_state(context, PowerTarget::Off, None))
        .await;
    returned("set-power-state 'power off'", result)?;
    reaches(&machine, "off", |machine| !machine.power).await
}

async fn after_restart(kit: &Kit, of: &Implementation) -> Checked {
    needs_bmc(kit)?;
    let machine = kit.machine().await?;
    machine.bmc().set_power(true);
    is_on(&machine, of).await?;
    machine.bmc().reboot(Duration::ZERO);
    is_on(&machine, of).await
}

async fn is_on(machine: &Machine, of: &Implementation) -> Checked {
    let context = machine.context(Lock::Shared);
    let reading = machine.call(of.get_power_state(context)).await;
    match returned("get-power-state", reading)? {
        PowerReading::On => Ok(()),
        other => Err(Stop::Failed(format!(
            "get-power-state said {other:?} of a machine that is on"
        ))),
    }
}
