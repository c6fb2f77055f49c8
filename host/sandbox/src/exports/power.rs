//! `power`.

use std::sync::Arc;

use ironbark_model::PowerTarget;

use super::call;
use super::convert::power_reading;
use crate::{CallContext, CallError, Completed, Driver, PowerReading};

impl Driver {
    /// Whether the node has what its power implementation needs.
    pub async fn power_validate(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, power.call_validate())
    }

    /// The power now.
    pub async fn get_power_state(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<PowerReading>, CallError> {
        let secrets = Arc::clone(&context.secrets);
        call!(self, context, implementation, power.call_get_power_state())
            .map(|completed| completed.map(|state| power_reading(state, &secrets)))
    }

    /// Asks for a change; returns when the BMC accepted it. `timeout` in seconds, for information.
    pub async fn set_power_state(
        &self,
        implementation: &str,
        context: CallContext,
        target: PowerTarget,
        timeout: Option<u32>,
    ) -> Result<Completed<()>, CallError> {
        call!(
            self,
            context,
            implementation,
            power.call_set_power_state(target.into(), timeout)
        )
    }

    /// Restarts the machine in one go.
    pub async fn reboot(
        &self,
        implementation: &str,
        context: CallContext,
        timeout: Option<u32>,
    ) -> Result<Completed<()>, CallError> {
        call!(self, context, implementation, power.call_reboot(timeout))
    }

    /// What `set_power_state` may be asked for.
    pub async fn get_supported_power_states(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<Vec<PowerTarget>>, CallError> {
        call!(
            self,
            context,
            implementation,
            power.call_get_supported_power_states()
        )
        .map(|completed| {
            completed.map(|targets| targets.into_iter().map(PowerTarget::from).collect())
        })
    }

    /// Whether the host may correct the machine's power.
    pub async fn supports_power_sync(
        &self,
        implementation: &str,
        context: CallContext,
    ) -> Result<Completed<bool>, CallError> {
        call!(
            self,
            context,
            implementation,
            power.call_supports_power_sync()
        )
    }
}
