//! `storage`.

use super::call;
use crate::{CallContext, CallError, Completed, Driver};

impl Driver {
    /// Whether the node has what its storage implementation needs.
    pub async fn storage_validate(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, storage.call_validate())
    }

    /// Connects the node's volumes.
    pub async fn attach_volumes(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, storage.call_attach_volumes())
    }

    /// Disconnects the node's volumes. Safe to call twice.
    pub async fn detach_volumes(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, storage.call_detach_volumes())
    }

    /// Whether an image is to be written to a disk of the machine.
    pub async fn should_write_image(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<bool>, CallError> {
        call!(
            self,
            context,
            implementation,
            storage.call_should_write_image()
        )
    }
}
