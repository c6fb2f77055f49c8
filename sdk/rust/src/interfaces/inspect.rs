//! `inspect`.

use crate::{
    Error, Result,
    bindings::inspect::exports::ironbark::driver::inspect,
    register::{Registered, Registry, called, not_supported},
};

pub use inspect::{Findings, FoundPort, Inspection};

/// Finds out what the machine has: by its BMC, or with the help of a ramdisk.
pub trait Inspect: Sync {
    /// Whether the node has what this interface needs. Must not talk to the BMC. Default: it has.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// Inspects the machine. `cursor` is `None` at first, then what the last wait or checkpoint left ([`read_cursor`](crate::read_cursor)).
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn inspect_hardware(&self, cursor: Option<&str>) -> Result<Inspection>;

    /// Gives up an inspection that waits, and takes away what it made. Default: unsupported.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn abort(&self) -> Result<()> {
        not_supported("abort")
    }

    /// Goes on with what a ramdisk found: the inventory and everything else that it posted, two JSON objects. Default: unsupported.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn continue_inspection(&self, inventory: &str, plugin_data: &str) -> Result<Inspection> {
        let _ = (inventory, plugin_data);
        not_supported("continue_inspection")
    }
}

impl<Package: Registry<dyn Inspect>> inspect::Guest for Registered<Package> {
    fn validate() -> Result<(), Error> {
        called::<Package, dyn Inspect>("inspect")?.validate()
    }

    fn inspect_hardware(cursor: Option<String>) -> Result<Inspection, Error> {
        called::<Package, dyn Inspect>("inspect")?.inspect_hardware(cursor.as_deref())
    }

    fn abort() -> Result<(), Error> {
        called::<Package, dyn Inspect>("inspect")?.abort()
    }

    fn continue_inspection(inventory: String, plugin_data: String) -> Result<Inspection, Error> {
        called::<Package, dyn Inspect>("inspect")?.continue_inspection(&inventory, &plugin_data)
    }
}
