//! Power that is what was asked for last.

use ironbark_driver::{Power, PowerState, PowerTarget, Result, call, state};

const NOTE: &str = "power_state";

pub(crate) struct FakePower;

impl Power for FakePower {
    fn get_power_state(&self) -> Result<PowerState> {
        let known = match state::get::<String>(NOTE)? {
            Some(note) => Some(note),
            None => call::node()?.power_state().map(str::to_owned),
        };
        Ok(power_state(known.as_deref()))
    }

    fn set_power_state(&self, target: PowerTarget, _timeout: Option<u32>) -> Result<()> {
        state::set(NOTE, after(target))
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

/// What the machine's power is when it was last known as this. A machine that nobody ever switched on is off.
fn power_state(known: Option<&str>) -> PowerState {
    match known {
        Some("power on") => PowerState::On,
        _ => PowerState::Off,
    }
}

/// What the power is after this was asked for.
fn after(target: PowerTarget) -> &'static str {
    match target {
        PowerTarget::On | PowerTarget::Reboot | PowerTarget::SoftReboot => "power on",
        PowerTarget::Off | PowerTarget::SoftOff => "power off",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_what_is_read() {
        for (target, expected) in [
            (PowerTarget::On, PowerState::On),
            (PowerTarget::Off, PowerState::Off),
            (PowerTarget::Reboot, PowerState::On),
            (PowerTarget::SoftReboot, PowerState::On),
            (PowerTarget::SoftOff, PowerState::Off),
        ] {
            assert_eq!(power_state(Some(after(target))), expected, "{target:?}");
        }
    }

    #[test]
    fn a_machine_that_was_never_switched_on_is_off() {
        assert_eq!(power_state(None), PowerState::Off);
    }
}
