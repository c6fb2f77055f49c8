//! `rescue`.

use std::sync::Arc;

use serde_json::Value;

use super::convert::outcome;
use super::{call, checked};
use crate::{CallContext, CallError, Completed, Driver, Outcome};

impl Driver {
    /// Whether the node has what its rescue implementation needs.
    pub async fn rescue_validate(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, rescue.call_validate())
    }

    /// Boots the rescue ramdisk; `cursor` is what the last wait gave.
    pub async fn rescue(
        &self,
        implementation: &str,
        context: CallContext,
        cursor: Option<Value>,
    ) -> Result<Completed<Outcome>, CallError> {
        let secrets = Arc::clone(&context.secrets);
        let completed = call!(
            self,
            context,
            implementation,
            rescue.call_rescue(cursor.map(|cursor| cursor.to_string()).as_deref())
        );
        checked!(self, completed, |found| outcome(found, &secrets))
    }

    /// Boots the instance again.
    pub async fn unrescue(
        &self,
        implementation: &str,
        context: CallContext,
        cursor: Option<Value>,
    ) -> Result<Completed<Outcome>, CallError> {
        let secrets = Arc::clone(&context.secrets);
        let completed = call!(
            self,
            context,
            implementation,
            rescue.call_unrescue(cursor.map(|cursor| cursor.to_string()).as_deref())
        );
        checked!(self, completed, |found| outcome(found, &secrets))
    }

    /// Takes away what is left of a rescue. Safe to call twice.
    pub async fn rescue_clean_up(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, rescue.call_clean_up())
    }
}
