//! `bios`.

use crate::{
    Error, Outcome, Result,
    bindings::bios::exports::ironbark::driver::bios,
    register::{Registered, Registry, called, not_supported},
};

pub use bios::{Change as BiosChange, Setting as BiosSetting, Value as BiosValue};

/// BIOS settings. The steps `apply_configuration` and `factory_reset`, as the metadata declares them, run the functions of these names.
pub trait Bios: Sync {
    /// Whether the node has what this interface needs. Must not talk to the BMC. Default: it has.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// Changes settings, all of them or none where the machine can do that. `cursor` is `None` at first, then what the last wait or checkpoint left ([`read_cursor`](crate::read_cursor)).
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn apply_configuration(&self, settings: &[BiosChange], cursor: Option<&str>)
    -> Result<Outcome>;

    /// Sets everything to what it was when the machine left its factory. Default: unsupported.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn factory_reset(&self, cursor: Option<&str>) -> Result<Outcome> {
        let _ = cursor;
        not_supported("factory_reset")
    }

    /// Reads all settings: the host stores them, and the API shows them.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn cache_bios_settings(&self) -> Result<Vec<BiosSetting>>;
}

impl<Package: Registry<dyn Bios>> bios::Guest for Registered<Package> {
    fn validate() -> Result<(), Error> {
        called::<Package, dyn Bios>("bios")?.validate()
    }

    fn apply_configuration(
        settings: Vec<BiosChange>,
        cursor: Option<String>,
    ) -> Result<Outcome, Error> {
        called::<Package, dyn Bios>("bios")?.apply_configuration(&settings, cursor.as_deref())
    }

    fn factory_reset(cursor: Option<String>) -> Result<Outcome, Error> {
        called::<Package, dyn Bios>("bios")?.factory_reset(cursor.as_deref())
    }

    fn cache_bios_settings() -> Result<Vec<BiosSetting>, Error> {
        called::<Package, dyn Bios>("bios")?.cache_bios_settings()
    }
}
