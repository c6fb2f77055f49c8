//! Power by Chassis Control (IPMI 2.0 §28.2, §28.3).

use ironbark_driver::{
    Error, Power, PowerState, PowerTarget, Result,
    ipmi::{CHASSIS, Session},
};

const GET_CHASSIS_STATUS: u8 = 0x01;
const CHASSIS_CONTROL: u8 = 0x02;

pub struct Chassis;

impl Power for Chassis {
    fn get_power_state(&self) -> Result<PowerState> {
        let status = Session::open()?.request(CHASSIS, GET_CHASSIS_STATUS, &[])?;
        power_state(&status)
    }

    /// The host composes a restart of off and on, so that it is not asked for here.
    fn set_power_state(&self, target: PowerTarget, _timeout: Option<u32>) -> Result<()> {
        let control = match target {
            PowerTarget::Off => 0x00,
            PowerTarget::On => 0x01,
            other => {
                return Err(Error::unsupported(format!(
                    "there is no way to do {other:?}"
                )));
            }
        };
        Session::open()?.request(CHASSIS, CHASSIS_CONTROL, &[control])?;
        Ok(())
    }
}

/// Bit 0 of the first byte. What can't be read is an error, never "off".
fn power_state(status: &[u8]) -> Result<PowerState> {
    match status.first() {
        Some(flags) if flags & 1 == 1 => Ok(PowerState::On),
        Some(_) => Ok(PowerState::Off),
        None => Err(Error::protocol("the chassis status is empty")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_is_the_lowest_bit() {
        assert_eq!(power_state(&[0x61, 0x10, 0x40]), Ok(PowerState::On));
        assert_eq!(power_state(&[0x60, 0x10, 0x40]), Ok(PowerState::Off));
    }

    #[test]
    fn an_empty_status_is_never_off() {
        assert!(matches!(power_state(&[]), Err(Error::Protocol(_))));
    }
}
