//! Asks machines for their power state, through their drivers.

use std::sync::Arc;

use async_trait::async_trait;
use ironbark_db::NodeRef;
use ironbark_model::ident::{Ident, new_uuid};
use ironbark_model::{Node, PowerState, PowerTarget, Result};
use ironbark_sandbox::{CallError, Lock, PowerReading};

use super::power_decision::{Reading, is_synced_in};
use crate::call::{NodeCall, Ports};
use crate::context::Context;
use crate::operations;
use crate::reserve::Held;

/// What power sync needs of machines: a seam, so that its rules can be tested with machines that are made up.
#[async_trait]
pub(super) trait Machines: Send + Sync {
    /// Asks a node's driver. Never waits longer than one driver call may take.
    async fn read(&self, ctx: &Arc<Context>, node: &NodeRef) -> Reading;

    /// Whether the node's driver lets power sync correct the machine.
    async fn may_correct(&self, ctx: &Arc<Context>, node: &Node) -> bool;

    /// Begins to bring the machine to the power state that the node has in the database; false if the node changed meanwhile
    /// and nothing was done.
    async fn correct(&self, ctx: &Arc<Context>, node: &Node) -> Result<bool>;
}

/// The real ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct DriverMachines;

#[async_trait]
impl Machines for DriverMachines {
    async fn read(&self, ctx: &Arc<Context>, node: &NodeRef) -> Reading {
        let whole = match ctx.db.node_get(&Ident::Uuid(node.uuid.clone())).await {
            Ok(Some(whole)) => whole,
            Ok(None) => return Reading::NotAsked,
            Err(error) => return Reading::DriverFault(error.to_string()),
        };
        let (ports, request_id) = (Ports::default(), request_id());
        let call = shared_call(ctx, &whole, &ports, &request_id);
        // A node whose power was never known may not be set up yet: that is no failure.
        if whole.power_state.is_none() && !call.can_poll_power().await {
            return Reading::NotAsked;
        }
        match call.poll_power().await {
            Ok(Ok(PowerReading::On)) => Reading::State(PowerState::On),
            Ok(Ok(PowerReading::Off)) => Reading::State(PowerState::Off),
            Ok(Ok(PowerReading::Error)) => Reading::State(PowerState::Error),
            Ok(Ok(PowerReading::Unknown(reason))) => Reading::NoAnswer(reason),
            Ok(Err(CallError::Driver(error))) => Reading::NoAnswer(error.to_string()),
            Ok(Err(
                error @ (CallError::Fault(_) | CallError::Overloaded | CallError::NotRecorded),
            )) => Reading::DriverFault(error.to_string()),
            // The driver isn't there, or our database isn't: not the node's fault either.
            Err(error) => Reading::DriverFault(error.to_string()),
        }
    }

    async fn may_correct(&self, ctx: &Arc<Context>, node: &Node) -> bool {
        if node.disable_power_off {
            return false;
        }
        let (ports, request_id) = (Ports::default(), request_id());
        let call = shared_call(ctx, node, &ports, &request_id);
        call.supports_power_sync()
            .await
            .is_ok_and(|called| called.value)
    }

    async fn correct(&self, ctx: &Arc<Context>, node: &Node) -> Result<bool> {
        let target = match node.power_state {
            Some(PowerState::On) => PowerTarget::On,
            Some(PowerState::Off) => PowerTarget::Off,
            _ => return Ok(false),
        };
        let held = Held::try_acquire(ctx, &node.uuid).await?;
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
        deadline: None,
        patient: true,
    }
}

fn request_id() -> String {
    format!("req-{}", new_uuid())
}
