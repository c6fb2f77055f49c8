//! Power by `ComputerSystem.Reset`.

use ironbark_driver::{Error, Node, Power, PowerState, PowerTarget, Result, call};
use serde_json::Value;

use crate::{
    boot,
    reset::{Reset, reset},
    service::{Host, Service},
    system::System,
};

pub(crate) struct RedfishPower;

impl Power for RedfishPower {
    fn get_power_state(&self) -> Result<PowerState> {
        Ok(System::read(&Host)?.power())
    }

    fn set_power_state(&self, target: PowerTarget, _timeout: Option<u32>) -> Result<()> {
        let system = System::read(&Host)?;
        match target {
            PowerTarget::On => {
                boot::before_start(&Host, &system)?;
                reset(&Host, &system, Reset::On)
            }
            PowerTarget::Off => reset(&Host, &system, Reset::Off),
            PowerTarget::SoftOff => reset(&Host, &system, Reset::SoftOff),
            PowerTarget::Reboot => restart(&Host, &system, Reset::Restart),
            PowerTarget::SoftReboot => restart(&Host, &system, Reset::SoftRestart),
        }
    }

    fn reboot(&self, _timeout: Option<u32>) -> Result<()> {
        restart(&Host, &System::read(&Host)?, how_to_restart(&call::node()?))
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

/// A restart takes the machine's power away, as what was changed meanwhile may ask for; but not where it must keep it.
pub(crate) fn how_to_restart(node: &Node) -> Reset {
    match node.get("disable_power_off").and_then(Value::as_bool) {
        Some(true) => Reset::Restart,
        _ => Reset::Cycle,
    }
}

/// Restarts a machine that is on, and switches one on that is off.
pub(crate) fn restart(service: &impl Service, system: &System, how: Reset) -> Result<()> {
    boot::before_start(service, system)?;
    match system.power() {
        PowerState::Off => reset(service, system, Reset::On),
        PowerState::On => reset(service, system, how),
        PowerState::Error => Err(Error::failed("the machine reports a power fault")),
        PowerState::Unknown(why) => Err(Error::busy(
            format!("the machine can't be restarted while its power isn't known: {why}"),
            Some(10),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_must_keep_its_power_keeps_it() {
        let node = |json| Node::from_json(json).unwrap();
        assert_eq!(how_to_restart(&node("{}")), Reset::Cycle);
        assert_eq!(
            how_to_restart(&node(r#"{"disable_power_off": false}"#)),
            Reset::Cycle
        );
        assert_eq!(
            how_to_restart(&node(r#"{"disable_power_off": true}"#)),
            Reset::Restart
        );
    }
}
