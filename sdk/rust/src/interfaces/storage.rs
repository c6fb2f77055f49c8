//! `storage`.

use crate::{
    Error, Result,
    bindings::storage::exports::ironbark::driver::storage,
    register::{Registered, Registry, called},
};

/// Remote volumes that the instance boots from or uses.
pub trait Storage: Sync {
    /// Whether the node has what this interface needs. Must not talk to the BMC. Default: it has.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// Connects the node's volumes, before its instance boots.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn attach_volumes(&self) -> Result<()>;

    /// Disconnects them. Safe to call twice.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn detach_volumes(&self) -> Result<()>;

    /// Whether an image is to be written to a disk of the machine. Default: yes.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn should_write_image(&self) -> Result<bool> {
        Ok(true)
    }
}

impl<Package: Registry<dyn Storage>> storage::Guest for Registered<Package> {
    fn validate() -> Result<(), Error> {
        called::<Package, dyn Storage>("storage")?.validate()
    }

    fn attach_volumes() -> Result<(), Error> {
        called::<Package, dyn Storage>("storage")?.attach_volumes()
    }

    fn detach_volumes() -> Result<(), Error> {
        called::<Package, dyn Storage>("storage")?.detach_volumes()
    }

    fn should_write_image() -> Result<bool, Error> {
        called::<Package, dyn Storage>("storage")?.should_write_image()
    }
}
