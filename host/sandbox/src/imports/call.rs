//! `call`: what is being asked.

use crate::bindings::ironbark::driver::call::{Host, LockMode};
use crate::state::State;
use crate::types::Lock;

impl Host for State {
    fn implementation(&mut self) -> wasmtime::Result<String> {
        self.count_host_call()?;
        Ok(self.implementation.as_ref().to_owned())
    }

    fn request_id(&mut self) -> wasmtime::Result<String> {
        self.count_host_call()?;
        Ok(self.context.request_id.as_ref().to_owned())
    }

    fn deadline(&mut self) -> wasmtime::Result<u64> {
        self.count_host_call()?;
        Ok(u64::try_from(self.remaining().as_millis()).unwrap_or(u64::MAX))
    }

    fn lock(&mut self) -> wasmtime::Result<LockMode> {
        self.count_host_call()?;
        Ok(match self.context.lock {
            Lock::Shared => LockMode::Shared,
            Lock::Exclusive => LockMode::Exclusive,
        })
    }

    fn node(&mut self) -> wasmtime::Result<String> {
        self.count_host_call()?;
        Ok(self.context.node.as_deref().unwrap_or("null").to_owned())
    }
}
