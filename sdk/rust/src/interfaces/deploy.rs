//! `deploy`.

use crate::{
    Error, Outcome, Result,
    bindings::deploy::exports::ironbark::driver::deploy,
    register::{Registered, Registry, called},
};

/// Puts an instance on the node and takes it away.
pub trait Deploy: Sync {
    /// Whether the node has what a deployment needs. Must not talk to the BMC. Default: it has.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// Before the first deploy step. Default: nothing to do.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn prepare(&self) -> Result<()> {
        Ok(())
    }

    /// The deploy step `deploy`. `cursor` is `None` at first, then what the last wait or checkpoint left ([`read_cursor`](crate::read_cursor)).
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn deploy(&self, cursor: Option<&str>) -> Result<Outcome>;

    /// Takes the instance away. Called until it is done.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn tear_down(&self, cursor: Option<&str>) -> Result<Outcome>;

    /// Takes away what is left of a deployment, also a failed one. Safe to call twice. Default: nothing to do.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn clean_up(&self) -> Result<()> {
        Ok(())
    }

    /// Makes a node that another conductor deployed work from this one. Default: nothing to do.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn take_over(&self) -> Result<()> {
        Ok(())
    }

    /// Before the first cleaning step. Default: done, the steps can start.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn prepare_cleaning(&self) -> Result<Outcome> {
        Ok(Outcome::Done)
    }

    /// After the last cleaning step. Default: nothing to do.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn tear_down_cleaning(&self) -> Result<()> {
        Ok(())
    }

    /// Before the first service step. Default: done, the steps can start.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn prepare_service(&self) -> Result<Outcome> {
        Ok(Outcome::Done)
    }

    /// After the last service step. Default: nothing to do.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn tear_down_service(&self) -> Result<()> {
        Ok(())
    }
}

impl<Package: Registry<dyn Deploy>> deploy::Guest for Registered<Package> {
    fn validate() -> Result<(), Error> {
        called::<Package, dyn Deploy>("deploy")?.validate()
    }

    fn prepare() -> Result<(), Error> {
        called::<Package, dyn Deploy>("deploy")?.prepare()
    }

    fn deploy(cursor: Option<String>) -> Result<Outcome, Error> {
        called::<Package, dyn Deploy>("deploy")?.deploy(cursor.as_deref())
    }

    fn tear_down(cursor: Option<String>) -> Result<Outcome, Error> {
        called::<Package, dyn Deploy>("deploy")?.tear_down(cursor.as_deref())
    }

    fn clean_up() -> Result<(), Error> {
        called::<Package, dyn Deploy>("deploy")?.clean_up()
    }

    fn take_over() -> Result<(), Error> {
        called::<Package, dyn Deploy>("deploy")?.take_over()
    }

    fn prepare_cleaning() -> Result<Outcome, Error> {
        called::<Package, dyn Deploy>("deploy")?.prepare_cleaning()
    }

    fn tear_down_cleaning() -> Result<(), Error> {
        called::<Package, dyn Deploy>("deploy")?.tear_down_cleaning()
    }

    fn prepare_service() -> Result<Outcome, Error> {
        called::<Package, dyn Deploy>("deploy")?.prepare_service()
    }

    fn tear_down_service() -> Result<(), Error> {
        called::<Package, dyn Deploy>("deploy")?.tear_down_service()
    }
}
