//! `console`.

use crate::{
    Error, Result,
    bindings::console::exports::ironbark::driver::console,
    register::{Registered, Registry, called},
};

pub use console::Target as ConsoleTarget;

impl ConsoleTarget {
    /// Serial over LAN of the node's own BMC. Needs the capability `ipmi`.
    pub fn ipmi_sol() -> Self {
        Self {
            kind: "ipmi-sol".to_owned(),
            location: None,
        }
    }

    /// What the operator's SSH template of this name prints and reads. Needs the capability `ssh` with that template.
    pub fn ssh(template: impl Into<String>) -> Self {
        Self {
            kind: "ssh".to_owned(),
            location: Some(template.into()),
        }
    }

    /// A page that the machine serves itself: an `http`, `https`, `ws` or `wss` URL without credentials.
    pub fn url(url: impl Into<String>) -> Self {
        Self {
            kind: "url".to_owned(),
            location: Some(url.into()),
        }
    }
}

/// The machine's console: the driver prepares it and says where it is, the host runs the stream.
pub trait Console: Sync {
    /// Whether the node has what this interface needs. Must not talk to the BMC. Default: it has.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// Makes the console ready. Succeeds if it is already. Default: nothing to do.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn start_console(&self) -> Result<()> {
        Ok(())
    }

    /// Ends what `start_console` began. Succeeds if there is nothing. Default: nothing to do.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn stop_console(&self) -> Result<()> {
        Ok(())
    }

    /// Where the console is. Only called while it is started.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn get_console(&self) -> Result<ConsoleTarget>;
}

impl<Package: Registry<dyn Console>> console::Guest for Registered<Package> {
    fn validate() -> Result<(), Error> {
        called::<Package, dyn Console>("console")?.validate()
    }

    fn start_console() -> Result<(), Error> {
        called::<Package, dyn Console>("console")?.start_console()
    }

    fn stop_console() -> Result<(), Error> {
        called::<Package, dyn Console>("console")?.stop_console()
    }

    fn get_console() -> Result<ConsoleTarget, Error> {
        called::<Package, dyn Console>("console")?.get_console()
    }
}
