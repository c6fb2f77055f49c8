//! Power: the states that `virsh domstate` has, and the commands that change them.

use ironbark_driver::{Error, Power, PowerState, PowerTarget, Result};

use crate::hypervisor::{Hypervisor, Own};

/// The implementation `ssh`.
pub(crate) struct SshPower;

impl Power for SshPower {
    fn get_power_state(&self) -> Result<PowerState> {
        state(&Own)
    }

    fn set_power_state(&self, target: PowerTarget, _timeout: Option<u32>) -> Result<()> {
        set(&Own, target)
    }

    fn get_supported_power_states(&self) -> Result<Vec<PowerTarget>> {
        Ok(vec![
            PowerTarget::On,
            PowerTarget::Off,
            PowerTarget::Reboot,
            PowerTarget::SoftReboot,
            PowerTarget::SoftOff,
        ])
    }
}

/// The power now.
fn state(hypervisor: &impl Hypervisor) -> Result<PowerState> {
    read(&hypervisor.run("power-state")?)
}

/// Changes the power. A restart in one go is never asked for: a new boot device counts only from the next start.
fn set(hypervisor: &impl Hypervisor, target: PowerTarget) -> Result<()> {
    let (template, wanted) = match target {
        PowerTarget::On => ("power-on", PowerState::On),
        PowerTarget::Off => ("power-off", PowerState::Off),
        PowerTarget::SoftOff => ("power-soft-off", PowerState::Off),
        PowerTarget::Reboot | PowerTarget::SoftReboot => {
            return Err(Error::unsupported(
                "this driver restarts by switching off and on, which the host does in steps",
            ));
        }
    };
    match hypervisor.run(template) {
        Ok(_) => Ok(()),
        // Starting what runs and stopping what doesn't are errors to libvirt, and nothing to do for us.
        Err(Error::Failed(why)) => match state(hypervisor) {
            Ok(state) if state == wanted => Ok(()),
            _ => Err(Error::Failed(why)),
        },
        Err(error) => Err(error),
    }
}

/// What `virsh domstate` prints, on one line. A machine that is paused or asleep has power: it doesn't start anew when it goes on.
fn read(text: &str) -> Result<PowerState> {
    match text.trim() {
        "running" | "idle" | "paused" | "in shutdown" | "pmsuspended" | "on" => Ok(PowerState::On),
        "shut off" | "off" => Ok(PowerState::Off),
        // Its process may still be there for a post-mortem: neither is true.
        "crashed" => Ok(PowerState::Error),
        "no state" => Ok(PowerState::Unknown(
            "the hypervisor knows no state of the machine".to_owned(),
        )),
        _ => Err(Error::protocol(
            "the command 'power-state' wrote no state that is known: it is expected to write 'running' or 'shut off', as virsh domstate does",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypervisor::tests::Scripted;

    #[test]
    fn states_are_those_of_virsh() {
        for (text, expected) in [
            ("running\n\n", PowerState::On),
            ("paused\n", PowerState::On),
            ("in shutdown", PowerState::On),
            ("pmsuspended", PowerState::On),
            ("shut off\n", PowerState::Off),
            ("crashed", PowerState::Error),
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
        assert!(matches!(read("no state"), Ok(PowerState::Unknown(_))));
    }

    #[test]
    fn what_is_no_state_is_never_off() {
        for text in [
            "",
            "\n",
            "off-ish",
            "Shut off",
            "error: no domain",
            "running shut off",
        ] {
            assert!(matches!(read(text), Err(Error::Protocol(_))), "{text}");
        }
    }

    #[test]
    fn each_target_has_its_command() {
        for (target, template) in [
            (PowerTarget::On, "power-on"),
            (PowerTarget::Off, "power-off"),
            (PowerTarget::SoftOff, "power-soft-off"),
        ] {
            let hypervisor = Scripted::new(|_| Ok(String::new()));
            set(&hypervisor, target).unwrap();
            assert_eq!(*hypervisor.run.borrow(), [template]);
        }
        let hypervisor = Scripted::new(|_| Ok(String::new()));
        assert!(matches!(
            set(&hypervisor, PowerTarget::Reboot),
            Err(Error::Unsupported(_))
        ));
        assert!(hypervisor.run.borrow().is_empty());
    }

    #[test]
    fn a_command_that_had_nothing_to_do_succeeds() {
        let running = |template: &str| match template {
            "power-state" => Ok("running\n".to_owned()),
            _ => Err(Error::failed("Domain is already active")),
        };
        set(&Scripted::new(running), PowerTarget::On).unwrap();
        let error = set(&Scripted::new(running), PowerTarget::Off).unwrap_err();
        assert_eq!(error, Error::failed("Domain is already active"));
    }

    #[test]
    fn what_did_not_reach_the_hypervisor_is_not_asked_about() {
        let hypervisor = Scripted::new(|_| Err(Error::unreachable("no answer")));
        assert!(set(&hypervisor, PowerTarget::Off).is_err());
        assert_eq!(*hypervisor.run.borrow(), ["power-off"]);
    }
}
