//! `boot`.

use crate::{
    Error, Result,
    bindings::boot::exports::ironbark::driver::boot,
    register::{Registered, Registry, called, not_supported},
};

/// What the node boots: the deploy ramdisk, or its instance.
pub trait Boot: Sync {
    /// Whether the node has what this interface needs. Must not talk to the BMC. Default: it has.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// Prepares booting the deploy ramdisk with these kernel parameters (a JSON object of strings).
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn prepare_ramdisk(&self, parameters: &str) -> Result<()>;

    /// Takes away what `prepare_ramdisk` made. Default: nothing to do.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn clean_up_ramdisk(&self) -> Result<()> {
        Ok(())
    }

    /// Prepares booting the instance.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn prepare_instance(&self) -> Result<()>;

    /// Takes away what `prepare_instance` made. Default: nothing to do.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn clean_up_instance(&self) -> Result<()> {
        Ok(())
    }

    /// Whether the node can boot a rescue ramdisk. Default: unsupported.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn validate_rescue(&self) -> Result<()> {
        not_supported("validate_rescue")
    }

    /// Whether the node can boot an inspection ramdisk. Default: unsupported.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn validate_inspection(&self) -> Result<()> {
        not_supported("validate_inspection")
    }
}

impl<Package: Registry<dyn Boot>> boot::Guest for Registered<Package> {
    fn validate() -> Result<(), Error> {
        called::<Package, dyn Boot>("boot")?.validate()
    }

    fn prepare_ramdisk(parameters: String) -> Result<(), Error> {
        called::<Package, dyn Boot>("boot")?.prepare_ramdisk(&parameters)
    }

    fn clean_up_ramdisk() -> Result<(), Error> {
        called::<Package, dyn Boot>("boot")?.clean_up_ramdisk()
    }

    fn prepare_instance() -> Result<(), Error> {
        called::<Package, dyn Boot>("boot")?.prepare_instance()
    }

    fn clean_up_instance() -> Result<(), Error> {
        called::<Package, dyn Boot>("boot")?.clean_up_instance()
    }

    fn validate_rescue() -> Result<(), Error> {
        called::<Package, dyn Boot>("boot")?.validate_rescue()
    }

    fn validate_inspection() -> Result<(), Error> {
        called::<Package, dyn Boot>("boot")?.validate_inspection()
    }
}
