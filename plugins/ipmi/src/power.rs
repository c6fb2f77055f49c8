//! Power by Chassis Control.

use std::time::Duration;

use ironbark_driver::{Error, Power, PowerState, PowerTarget, Result, call, clock, ipmi::Session};

use crate::{
    boot_device,
    chassis::{self, Control},
};

/// What must be left of a call to go on polling a soft shutdown.
const POLL_RESERVE: Duration = Duration::from_secs(20);
const POLL_PAUSE: Duration = Duration::from_secs(1);

pub(crate) struct IpmiPower;

impl Power for IpmiPower {
    fn validate(&self) -> Result<()> {
        boot_device::Switches::of(&call::node()?).map(drop)
    }

    fn get_power_state(&self) -> Result<PowerState> {
        chassis::power(&Session::open()?)
    }

    fn set_power_state(&self, target: PowerTarget, _timeout: Option<u32>) -> Result<()> {
        let bmc = Session::open()?;
        match target {
            PowerTarget::On => switch_on(&bmc),
            PowerTarget::Off => chassis::control(&bmc, Control::Off),
            PowerTarget::SoftOff => chassis::control(&bmc, Control::SoftOff),
            PowerTarget::Reboot => {
                boot_device::before_power_on(&bmc)?;
                chassis::control(&bmc, Control::Reset)
            }
            // The host composes this of soft off and on; a host that doesn't gets what fits into one call.
            PowerTarget::SoftReboot => {
                chassis::control(&bmc, Control::SoftOff)?;
                await_off(&bmc)?;
                switch_on(&bmc)
            }
        }
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

fn switch_on(bmc: &Session) -> Result<()> {
    boot_device::before_power_on(bmc)?;
    chassis::control(bmc, Control::On)
}

fn await_off(bmc: &Session) -> Result<()> {
    while chassis::power(bmc)? != PowerState::Off {
        if call::time_left() < POLL_RESERVE {
            return Err(Error::busy(
                "the operating system has not shut down yet: wait for power off and switch on then, or reboot hard",
                Some(30),
            ));
        }
        clock::sleep(POLL_PAUSE);
    }
    Ok(())
}
