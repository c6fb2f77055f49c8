//! Asks machines for their power state, through their drivers.

use std::sync::Arc;

use async_trait::async_trait;
use ironbark_db::NodeRef;
use ironbark_model::ident::{Ident, new_uuid};
use ironbark_model::{Node, PowerState, PowerTarget, Result};
use ironbark_sandbox::{CallError, DriverError, Lock, PowerReading};

use super::power_decision::{Reading, is_synced_in};
use super::power_fault::acquire_unchanged;
use crate::call::{NodeCall, Patience, Ports};
use crate::context::Context;
use crate::operations;

/// What power sync needs of machines: a seam, so that its rules can be tested with machines that are made up.
#[async_trait]
pub(super) trait Machines: Send + Sync {
    /// Asks a node's driver. Never waits longer than one driver call may take.
    async fn read(&self, ctx: &Arc<Context>, node: &NodeRef) -> Reading;

    /// Whether the machine may be switched by power sync; if not, it is believed. Where that can't be told: what the reading is
    /// worth then.
    async fn may_correct(
        &self,
        ctx: &Arc<Context>,
        node: &NodeRef,
    ) -> std::result::Result<bool, Reading>;

    /// Begins to bring the machine to the power state that the node has in the database; false if the node changed meanwhile
    /// and nothing was done.
    async fn correct(&self, ctx: &Arc<Context>, node: &NodeRef) -> Result<bool>;
}

/// The real ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct DriverMachines;

#[async_trait]
impl Machines for DriverMachines {
    async fn read(&self, ctx: &Arc<Context>, node: &NodeRef) -> Reading {
        let whole = match whole(ctx, node).await {
            Ok(whole) => whole,
            Err(reading) => return reading,
        };
        let (ports, request_id) = (Ports::default(), request_id());
        let call = shared_call(ctx, &whole, &ports, &request_id);
        // A node whose power was never known may not be set up yet: that is no failure.
        if whole.power_state.is_none() && !call.can_poll_power().await {
            return Reading::NotAsked;
        }
        reading(call.poll_power().await)
    }

    async fn may_correct(
        &self,
        ctx: &Arc<Context>,
        node: &NodeRef,
    ) -> std::result::Result<bool, Reading> {
        let whole = whole(ctx, node).await?;
        if whole.disable_power_off {
            return Ok(false);
        }
        let (ports, request_id) = (Ports::default(), request_id());
        let call = shared_call(ctx, &whole, &ports, &request_id);
        match call.supports_power_sync().await {
            Ok(called) => Ok(called.value),
            Err(error) => Err(Reading::DriverFault(error.to_string())),
        }
    }

    async fn correct(&self, ctx: &Arc<Context>, node: &NodeRef) -> Result<bool> {
        let target = match node.power_state {
            Some(PowerState::On) => PowerTarget::On,
            Some(PowerState::Off) => PowerTarget::Off,
            _ => return Ok(false),
        };
        let Some(held) = acquire_unchanged(ctx, node).await? else {
            return Ok(false);
        };
        let (now, operation) = operations::read_held(&held).await?;
        let unchanged = operation.is_none()
            && now.power_state == node.power_state
            && now.target_power_state.is_none()
            && !now.maintenance
            && is_synced_in(now.provision_state);
        if !unchanged {
            held.release().await?;
            return Ok(false);
        }
        operations::correct(ctx, held, now, target, &request_id()).await?;
        Ok(true)
    }
}

/// The node that the driver is shown; else what the reading is worth. One that was held since its slim row was read isn't asked:
/// the answer would be compared with what the database said before.
async fn whole(ctx: &Context, node: &NodeRef) -> std::result::Result<Node, Reading> {
    match ctx.db.node_get(&Ident::Uuid(node.uuid.clone())).await {
        Ok(Some(whole)) if whole.fence == node.fence => Ok(whole),
        Ok(_) => Err(Reading::NotAsked),
        Err(error) => Err(Reading::DriverFault(error.to_string())),
    }
}

/// What a poll says about the node, if anything.
fn reading(polled: Result<std::result::Result<PowerReading, CallError>>) -> Reading {
    match polled {
        Ok(Ok(PowerReading::On)) => Reading::State(PowerState::On),
        Ok(Ok(PowerReading::Off)) => Reading::State(PowerState::Off),
        Ok(Ok(PowerReading::Error)) => Reading::State(PowerState::Error),
        Ok(Ok(PowerReading::Unknown(reason))) => Reading::NoAnswer(reason),
        // What was never granted says nothing about the machine.
        Ok(Err(error @ CallError::Driver(DriverError::Denied(_)))) => {
            Reading::DriverFault(error.to_string())
        }
        Ok(Err(CallError::Driver(error))) => Reading::NoAnswer(error.to_string()),
        Ok(Err(error @ (CallError::Fault(_) | CallError::Overloaded | CallError::NotRecorded))) => {
            Reading::DriverFault(error.to_string())
        }
        // The driver isn't there, or we failed it: not the node's fault either.
        Err(error) => Reading::DriverFault(error.to_string()),
    }
}

fn shared_call<'a>(
    ctx: &'a Arc<Context>,
    node: &'a Node,
    ports: &'a Ports,
    request_id: &'a str,
) -> NodeCall<'a> {
    NodeCall {
        ctx,
        node,
        ports,
        request_id,
        lock: Lock::Shared,
        reservation: None,
        pending: &[],
        seen: None,
        deadline: None,
        patience: Patience::Clock,
    }
}

fn request_id() -> String {
    format!("req-{}", new_uuid())
}

#[cfg(test)]
mod tests {
    use ironbark_model::Error;

    use super::*;

    #[test]
    fn only_what_the_machine_did_counts_against_the_node() {
        let driver = |error| reading(Ok(Err(CallError::Driver(error))));
        let silent = driver(DriverError::Unreachable("no answer".into()));
        assert!(matches!(silent, Reading::NoAnswer(_)));
        let denied = driver(DriverError::Denied("not granted".into()));
        assert!(matches!(denied, Reading::DriverFault(_)));
        let full = reading(Ok(Err(CallError::Overloaded)));
        assert!(matches!(full, Reading::DriverFault(_)));
        let ours = reading(Err(Error::overloaded("too much is waiting")));
        assert!(matches!(ours, Reading::DriverFault(_)));
    }
}
