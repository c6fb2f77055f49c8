//! `steps`.

use serde::de::DeserializeOwned;

use crate::{
    Error, Outcome, Result,
    bindings::steps::exports::ironbark::driver::steps,
    register::{Registered, Registry, called},
};

pub use steps::{Kind as StepKind, Step};

impl Step {
    /// The step's arguments, as whatever serde can read.
    ///
    /// # Errors
    /// `invalid-parameter` if they are something else.
    pub fn read_args<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.args).map_err(|error| {
            Error::invalid_parameter(format!(
                "the arguments of step '{}.{}' are wrong: {error}",
                self.interface, self.name
            ))
        })
    }

    /// The answer to a step that the metadata declares and the implementation doesn't know.
    ///
    /// # Errors
    /// Always `unsupported`.
    pub fn unknown<T>(&self) -> Result<T> {
        Err(Error::unsupported(format!(
            "there is no step '{}.{}'",
            self.interface, self.name
        )))
    }
}

/// Steps of cleaning, deployment, service and verification. The metadata lists them.
pub trait Steps: Sync {
    /// Runs a step, or a part of it.
    ///
    /// `cursor` is `None` when the step begins, and then what the last wait or checkpoint left
    /// ([`read_cursor`](crate::read_cursor)). A step that declares `"on_interrupt": "resume"` may be called with a cursor
    /// after its conductor died: it must look at the machine before it acts.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn execute_step(&self, step: &Step, cursor: Option<&str>) -> Result<Outcome>;
}

impl<Package: Registry<dyn Steps>> steps::Guest for Registered<Package> {
    fn execute_step(step: Step, cursor: Option<String>) -> Result<Outcome, Error> {
        called::<Package, dyn Steps>("steps")?.execute_step(&step, cursor.as_deref())
    }
}
