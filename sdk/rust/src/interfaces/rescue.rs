//! `rescue`.

use crate::{
    Error, Outcome, Result,
    bindings::rescue::exports::ironbark::driver::rescue,
    register::{Registered, Registry, called},
};

/// Boots a node that has an instance into a rescue ramdisk, and back.
pub trait Rescue: Sync {
    /// Whether the node has what this interface needs. Must not talk to the BMC. Default: it has.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// Boots the rescue ramdisk. `cursor` is `None` at first, then what the last wait or checkpoint left ([`read_cursor`](crate::read_cursor)).
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn rescue(&self, cursor: Option<&str>) -> Result<Outcome>;

    /// Boots the instance again.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn unrescue(&self, cursor: Option<&str>) -> Result<Outcome>;

    /// Takes away what is left of a rescue, also a failed one. Safe to call twice. Default: nothing to do.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn clean_up(&self) -> Result<()> {
        Ok(())
    }
}

impl<Package: Registry<dyn Rescue>> rescue::Guest for Registered<Package> {
    fn validate() -> Result<(), Error> {
        called::<Package, dyn Rescue>("rescue")?.validate()
    }

    fn rescue(cursor: Option<String>) -> Result<Outcome, Error> {
        called::<Package, dyn Rescue>("rescue")?.rescue(cursor.as_deref())
    }

    fn unrescue(cursor: Option<String>) -> Result<Outcome, Error> {
        called::<Package, dyn Rescue>("rescue")?.unrescue(cursor.as_deref())
    }

    fn clean_up() -> Result<(), Error> {
        called::<Package, dyn Rescue>("rescue")?.clean_up()
    }
}
