//! `deploy`.

use std::sync::Arc;

use serde_json::Value;

use super::convert::outcome;
use super::{call, checked};
use crate::{CallContext, CallError, Completed, Driver, Outcome};

impl Driver {
    /// Whether the node has what a deployment needs.
    pub async fn deploy_validate(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, deploy.call_validate())
    }

    /// Before the first deploy step.
    pub async fn deploy_prepare(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, deploy.call_prepare())
    }

    /// The deploy step `deploy`; `cursor` is what the last wait or checkpoint gave.
    pub async fn deploy(
        &self,
        implementation: &str,
        context: CallContext,
        cursor: Option<Value>,
    ) -> Result<Completed<Outcome>, CallError> {
        let secrets = Arc::clone(&context.secrets);
        let completed = call!(checkpoint self, context, implementation, deploy.call_deploy(cursor.map(|cursor| cursor.to_string()).as_deref()));
        checked!(self, completed, |found| outcome(found, &secrets))
    }

    /// Takes the instance away. To be called until it is done.
    pub async fn tear_down(
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
            deploy.call_tear_down(cursor.map(|cursor| cursor.to_string()).as_deref())
        );
        checked!(self, completed, |found| outcome(found, &secrets))
    }

    /// Takes away what is left of a deployment. Safe to call twice.
    pub async fn deploy_clean_up(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, deploy.call_clean_up())
    }

    /// Makes a node that another conductor deployed work from this one.
    pub async fn take_over(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, deploy.call_take_over())
    }

    /// Before the first cleaning step.
    pub async fn prepare_cleaning(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<Outcome>, CallError> {
        let secrets = Arc::clone(&context.secrets);
        let completed = call!(
            self,
            context,
            implementation,
            deploy.call_prepare_cleaning()
        );
        checked!(self, completed, |found| outcome(found, &secrets))
    }

    /// After the last cleaning step.
    pub async fn tear_down_cleaning(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(
            self,
            context,
            implementation,
            deploy.call_tear_down_cleaning()
        )
    }

    /// Before the first service step.
    pub async fn prepare_service(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<Outcome>, CallError> {
        let secrets = Arc::clone(&context.secrets);
        let completed = call!(self, context, implementation, deploy.call_prepare_service());
        checked!(self, completed, |found| outcome(found, &secrets))
    }

    /// After the last service step.
    pub async fn tear_down_service(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(
            self,
            context,
            implementation,
            deploy.call_tear_down_service()
        )
    }
}
