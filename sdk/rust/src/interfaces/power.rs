//! `power`.

use crate::{
    Error, PowerState, PowerTarget, Result,
    bindings::power::exports::ironbark::driver::power,
    register::{Registered, Registry, called, not_supported},
};

/// The machine's power.
pub trait Power: Sync {
    /// Whether `driver_info` has what this interface needs. Must not talk to the BMC. Default: it has.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// The power now. Never say `Off` when it isn't known.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn get_power_state(&self) -> Result<PowerState>;

    /// Asks for a change, and returns when the BMC accepted it: the host polls until it is reached. `timeout` is what the caller
    /// allows, in seconds.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn set_power_state(&self, target: PowerTarget, timeout: Option<u32>) -> Result<()>;

    /// Restarts the machine in one go. Only called if the metadata says `native_reboot`. Default: unsupported.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn reboot(&self, timeout: Option<u32>) -> Result<()> {
        let _ = timeout;
        not_supported("reboot")
    }

    /// What `set_power_state` may be asked for. Default: on, off, and reboot, which the host composes of the two.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn get_supported_power_states(&self) -> Result<Vec<PowerTarget>> {
        Ok(vec![PowerTarget::On, PowerTarget::Off, PowerTarget::Reboot])
    }

    /// Whether the host may correct the power when it differs from what was asked for. Default: it may.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn supports_power_sync(&self) -> Result<bool> {
        Ok(true)
    }
}

impl<Package: Registry<dyn Power>> power::Guest for Registered<Package> {
    fn validate() -> Result<(), Error> {
        called::<Package, dyn Power>("power")?.validate()
    }

    fn get_power_state() -> Result<PowerState, Error> {
        called::<Package, dyn Power>("power")?.get_power_state()
    }

    fn set_power_state(target: PowerTarget, timeout: Option<u32>) -> Result<(), Error> {
        called::<Package, dyn Power>("power")?.set_power_state(target, timeout)
    }

    fn reboot(timeout: Option<u32>) -> Result<(), Error> {
        called::<Package, dyn Power>("power")?.reboot(timeout)
    }

    fn get_supported_power_states() -> Result<Vec<PowerTarget>, Error> {
        called::<Package, dyn Power>("power")?.get_supported_power_states()
    }

    fn supports_power_sync() -> Result<bool, Error> {
        called::<Package, dyn Power>("power")?.supports_power_sync()
    }
}
