//! `periodic`.

use crate::{
    Error, Result,
    bindings::periodic::exports::ironbark::driver::periodic,
    register::{Registered, Registry, called},
};

/// Tasks that the host runs by the clock. The metadata lists them with spacing or cron line.
pub trait Periodic: Sync {
    /// Runs the task of this name, once: for the node of this call, or for the conductor (scope `conductor`).
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn run(&self, task: &str) -> Result<()>;
}

impl<Package: Registry<dyn Periodic>> periodic::Guest for Registered<Package> {
    fn run(task: String) -> Result<(), Error> {
        called::<Package, dyn Periodic>("periodic")?.run(&task)
    }
}
