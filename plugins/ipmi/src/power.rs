//! Power by Chassis Control.

use ironbark_driver::{Error, Power, PowerState, PowerTarget, Result, call, ipmi::Session};

use crate::{
    boot_device,
    chassis::{self, Control},
};

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
            PowerTarget::Reboot | PowerTarget::SoftReboot => Err(Error::unsupported(
                "this driver restarts by switching off and on, which the host does in steps",
            )),
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
