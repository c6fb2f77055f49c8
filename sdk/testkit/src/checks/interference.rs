//! Networks lose, repeat, delay and change packets, sessions expire, and BMCs restart. The host's client deals with it; a driver must only not be
//! in its way, say by asking for what it has been told already or by giving up early.

use std::time::Duration;

use ironbark_bmc_sim::redfish::{self, Misbehaviour};
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
        if kit.uses_ipmi() || !kit.uses_redfish() {
            for (what, faults) in disturbances() {
                let name = format!("it works while {what}");
                let disturb = |machine: &Machine| machine.bmc().set_faults(faults);
                suite.check(of, name, works(kit, of, disturb)).await;
            }
        }
        if kit.uses_redfish() {
            for (what, faults) in redfish_disturbances() {
                let name = format!("it works while {what}");
                let disturb = |machine: &Machine| machine.redfish().set_faults(faults);
                suite.check(of, name, works(kit, of, disturb)).await;
            }
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

fn redfish_disturbances() -> [(&'static str, redfish::Faults); 4] {
    let sometimes = || Chance::one_in(4);
    let none = redfish::Faults::default;
    [
        (
            "its sessions expire",
            redfish::Faults {
                expire_sessions: sometimes(),
                ..none()
            },
        ),
        (
            "somebody else changes its resources",
            redfish::Faults {
                changed_meanwhile: Chance::one_in(2),
                ..none()
            },
        ),
        (
            "the service is busy now and then",
            redfish::Faults {
                answers: sometimes(),
                answer: Misbehaviour::Unavailable(Some(0)),
                only: "/Systems/1".to_owned(),
                ..none()
            },
        ),
        (
            "answers come late",
            redfish::Faults {
                slow: Duration::from_millis(300),
                ..none()
            },
        ),
    ]
}

async fn works(kit: &Kit, of: &Implementation, disturb: impl FnOnce(&Machine)) -> Checked {
    needs_bmc(kit)?;
    let machine = kit.machine().await?;
    machine.simulated().set_power(true);
    disturb(&machine);
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
    machine.simulated().set_power(true);
    is_on(&machine, of).await?;
    machine.bmc().reboot(Duration::ZERO);
    machine.redfish().expire_sessions();
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
