//! `boot`.

use serde_json::Value;

use super::call;
use crate::{CallContext, CallError, Completed, Driver};

impl Driver {
    /// Whether the node has what its boot implementation needs.
    pub async fn boot_validate(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, boot.call_validate())
    }

    /// Prepares booting the deploy ramdisk with these kernel parameters (an object of strings).
    pub async fn prepare_ramdisk(
        &self,
        implementation: &str,
        context: CallContext,
        parameters: Value,
    ) -> Result<Completed<()>, CallError> {
        call!(
            self,
            context,
            implementation,
            boot.call_prepare_ramdisk(&parameters.to_string())
        )
    }

    /// Takes away what `prepare_ramdisk` made.
    pub async fn clean_up_ramdisk(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, boot.call_clean_up_ramdisk())
    }

    /// Prepares booting the instance.
    pub async fn prepare_instance(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, boot.call_prepare_instance())
    }

    /// Takes away what `prepare_instance` made.
    pub async fn clean_up_instance(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, boot.call_clean_up_instance())
    }

    /// Whether the node can boot a rescue ramdisk.
    pub async fn boot_validate_rescue(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, boot.call_validate_rescue())
    }

    /// Whether the node can boot an inspection ramdisk.
    pub async fn boot_validate_inspection(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(
            self,
            context,
            implementation,
            boot.call_validate_inspection()
        )
    }
}
