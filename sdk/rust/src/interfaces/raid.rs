//! `raid`.

use serde_json::{Map, Value};

use crate::{
    Error, Outcome, Result,
    bindings::raid::exports::ironbark::driver::raid,
    register::{Registered, Registry, called},
};

pub use raid::Selection as RaidSelection;

/// Logical disks. The steps `create_configuration`, `delete_configuration` and `apply_configuration`, as the metadata declares them, run the functions of these names.
pub trait Raid: Sync {
    /// Whether the node has what this interface needs. Must not talk to the BMC. Default: it has.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// Whether this machine could have this configuration (JSON), as far as that can be said without talking to it. Default: it could.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn validate_raid_config(&self, config: &str) -> Result<()> {
        let _ = config;
        Ok(())
    }

    /// Makes what the node's `target_raid_config` asks for. `cursor` is `None` at first, then what the last wait or checkpoint left ([`read_cursor`](crate::read_cursor)).
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn create_configuration(
        &self,
        selection: RaidSelection,
        cursor: Option<&str>,
    ) -> Result<Outcome>;

    /// Deletes all logical disks.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn delete_configuration(&self, cursor: Option<&str>) -> Result<Outcome>;

    /// Makes this configuration (JSON), whatever `target_raid_config` is.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn apply_configuration(
        &self,
        config: &str,
        selection: RaidSelection,
        cursor: Option<&str>,
    ) -> Result<Outcome>;

    /// The configuration that the machine has, as `{"logical_disks": […]}`; `None` if it isn't known. Default: it isn't.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn get_raid_config(&self) -> Result<Option<Value>> {
        Ok(None)
    }

    /// What may be said of a logical disk: an object of names and descriptions. Default: nothing.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn get_logical_disk_properties(&self) -> Result<Value> {
        Ok(Value::Object(Map::new()))
    }
}

impl<Package: Registry<dyn Raid>> raid::Guest for Registered<Package> {
    fn validate() -> Result<(), Error> {
        called::<Package, dyn Raid>("raid")?.validate()
    }

    fn validate_raid_config(config: String) -> Result<(), Error> {
        called::<Package, dyn Raid>("raid")?.validate_raid_config(&config)
    }

    fn create_configuration(
        selection: RaidSelection,
        cursor: Option<String>,
    ) -> Result<Outcome, Error> {
        called::<Package, dyn Raid>("raid")?.create_configuration(selection, cursor.as_deref())
    }

    fn delete_configuration(cursor: Option<String>) -> Result<Outcome, Error> {
        called::<Package, dyn Raid>("raid")?.delete_configuration(cursor.as_deref())
    }

    fn apply_configuration(
        config: String,
        selection: RaidSelection,
        cursor: Option<String>,
    ) -> Result<Outcome, Error> {
        called::<Package, dyn Raid>("raid")?.apply_configuration(
            &config,
            selection,
            cursor.as_deref(),
        )
    }

    fn get_raid_config() -> Result<Option<String>, Error> {
        Ok(called::<Package, dyn Raid>("raid")?
            .get_raid_config()?
            .map(|config| config.to_string()))
    }

    fn get_logical_disk_properties() -> Result<String, Error> {
        Ok(called::<Package, dyn Raid>("raid")?
            .get_logical_disk_properties()?
            .to_string())
    }
}
