//! `steps`.

use std::sync::Arc;

use ironbark_model::step::StepKind;
use ironbark_model::{InterfaceKind, JsonObject};
use serde_json::Value;

use super::convert::outcome;
use super::{call, checked};
use crate::bindings::exports::ironbark::driver::steps::{Kind, Step};
use crate::{CallContext, CallError, Completed, Driver, Outcome};

/// A step to be run, or to be carried on with.
#[derive(Clone, Debug, PartialEq)]
pub struct StepCall {
    /// What kind of work it belongs to.
    pub kind: StepKind,
    /// The interface that it belongs to.
    pub interface: InterfaceKind,
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub args: JsonObject,
    /// What the last wait or checkpoint gave; `None` when the step begins.
    pub cursor: Option<Value>,
}

impl Driver {
    /// Runs a step, or a part of it.
    pub async fn execute_step(
        &self,
        implementation: &str,
        context: CallContext,
        step: StepCall,
    ) -> Result<Completed<Outcome>, CallError> {
        let cursor = step.cursor.map(|cursor| cursor.to_string());
        let step = Step {
            kind: match step.kind {
                StepKind::Clean => Kind::Clean,
                StepKind::Deploy => Kind::Deploy,
                StepKind::Service => Kind::Service,
                StepKind::Verify => Kind::Verify,
            },
            interface: step.interface.as_str().to_owned(),
            name: step.name,
            args: Value::Object(step.args).to_string(),
        };
        let secrets = Arc::clone(&context.secrets);
        let completed = call!(
            checkpoint self,
            context,
            implementation,
            steps.call_execute_step(&step, cursor.as_deref())
        );
        checked!(self, completed, |found| outcome(found, &secrets))
    }
}
