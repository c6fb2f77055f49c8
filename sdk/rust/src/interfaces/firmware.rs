//! `firmware`.

use crate::{
    Error, Outcome, Result,
    bindings::firmware::exports::ironbark::driver::firmware,
    register::{Registered, Registry, called},
};

pub use firmware::{Component as FirmwareComponent, UpdateRequest as FirmwareUpdate};

/// Versions of the machine's firmware. The step `update`, as the metadata declares it, runs the function of this name.
pub trait Firmware: Sync {
    /// Whether the node has what this interface needs. Must not talk to the BMC. Default: it has.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// Updates these, one after another. `cursor` is `None` at first, then what the last wait or checkpoint left ([`read_cursor`](crate::read_cursor)).
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn update(&self, settings: &[FirmwareUpdate], cursor: Option<&str>) -> Result<Outcome>;

    /// Reads the versions of all components: the host stores them, and the API shows them.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn cache_firmware_components(&self) -> Result<Vec<FirmwareComponent>>;
}

impl<Package: Registry<dyn Firmware>> firmware::Guest for Registered<Package> {
    fn validate() -> Result<(), Error> {
        called::<Package, dyn Firmware>("firmware")?.validate()
    }

    fn update(settings: Vec<FirmwareUpdate>, cursor: Option<String>) -> Result<Outcome, Error> {
        called::<Package, dyn Firmware>("firmware")?.update(&settings, cursor.as_deref())
    }

    fn cache_firmware_components() -> Result<Vec<FirmwareComponent>, Error> {
        called::<Package, dyn Firmware>("firmware")?.cache_firmware_components()
    }
}
