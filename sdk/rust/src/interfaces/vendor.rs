//! `vendor`.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    Error, Result,
    bindings::vendor::exports::ironbark::driver::vendor,
    register::{Registered, Registry, called, not_supported},
};

pub use vendor::Request;

impl Request {
    /// The body, as whatever serde can read.
    ///
    /// # Errors
    /// `invalid-parameter` if it is something else.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.body).map_err(|error| {
            Error::invalid_parameter(format!(
                "the message to '{}' is wrong: {error}",
                self.method
            ))
        })
    }

    /// The answer to a method that the metadata declares and the implementation doesn't know.
    ///
    /// # Errors
    /// Always `unsupported`.
    pub fn unknown_method<T>(&self) -> Result<T> {
        Err(Error::unsupported(format!(
            "there is no vendor method '{}'",
            self.method
        )))
    }
}

/// What only this vendor has. The methods are those that the metadata declares; the host never looks into the message.
pub trait Vendor: Sync {
    /// Whether the message makes sense for this node. Called before `call`, under a shared lock. Default: it does.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn validate(&self, request: &Request) -> Result<()> {
        let _ = request;
        Ok(())
    }

    /// Runs the method. For an asynchronous one the result is dropped.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn call(&self, request: &Request) -> Result<Value> {
        let _ = request;
        not_supported("call")
    }

    /// As `validate`, for methods of scope `driver`: there is no node.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn driver_validate(&self, request: &Request) -> Result<()> {
        let _ = request;
        Ok(())
    }

    /// As `call`, for methods of scope `driver`: there is no node.
    ///
    /// # Errors
    /// Whatever fits best: see [`Error`](crate::Error).
    fn driver_call(&self, request: &Request) -> Result<Value> {
        let _ = request;
        not_supported("driver_call")
    }
}

impl<Package: Registry<dyn Vendor>> vendor::Guest for Registered<Package> {
    fn validate(request: Request) -> Result<(), Error> {
        called::<Package, dyn Vendor>("vendor")?.validate(&request)
    }

    fn call(request: Request) -> Result<String, Error> {
        Ok(called::<Package, dyn Vendor>("vendor")?
            .call(&request)?
            .to_string())
    }

    fn driver_validate(request: Request) -> Result<(), Error> {
        called::<Package, dyn Vendor>("vendor")?.driver_validate(&request)
    }

    fn driver_call(request: Request) -> Result<String, Error> {
        Ok(called::<Package, dyn Vendor>("vendor")?
            .driver_call(&request)?
            .to_string())
    }
}
