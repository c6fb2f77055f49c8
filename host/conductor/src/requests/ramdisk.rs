//! What a ramdisk on a node's machine reports. Nobody vouches for who asks: what is refused changes nothing, and nobody is made to
//! wait for a node that is held.

use std::sync::Arc;

use ironbark_model::{Error, JsonObject, Node, ProvisionState, Result};
use ironbark_rpc::{Carried, RamdiskRequest, Reply};

use super::{Asked, find, heartbeat};
use crate::agent_token;
use crate::context::Context;
use crate::operations;
use crate::reserve::Held;

/// Carries out one request.
pub(super) async fn handle(
    ctx: &Arc<Context>,
    asked: &Asked,
    node: &str,
    request: RamdiskRequest,
) -> Result<Reply> {
    match request {
        RamdiskRequest::Lookup => lookup(ctx, node).await,
        RamdiskRequest::Heartbeat(beat) => heartbeat::hear(ctx, node, beat).await,
        RamdiskRequest::ContinueInspection {
            inventory,
            plugin_data,
        } => continue_inspection(ctx, asked, node, inventory, plugin_data).await,
    }
}

/// Hands out the node's token, once.
async fn lookup(ctx: &Arc<Context>, uuid: &str) -> Result<Reply> {
    let node = find(ctx, uuid).await?;
    if !node.provision_state.allows_lookup() {
        return Err(nobody());
    }
    if agent_token::of(&node).is_some() {
        return Ok(Reply::AgentToken(None));
    }
    let (held, mut node) = Held::try_acquire_and_read(ctx, &node.uuid).await?;
    if !node.provision_state.allows_lookup() {
        return Err(nobody());
    }
    if agent_token::of(&node).is_some() {
        held.release().await?;
        return Ok(Reply::AgentToken(None));
    }
    let token = agent_token::mint(&mut node);
    held.save_and_release(&node).await?;
    tracing::info!(node = %node.uuid, "an agent looked the node up and has its token");
    Ok(Reply::AgentToken(Some(Carried::from(&token))))
}

/// Takes in what an inspection ramdisk found; the inspection goes on in a worker.
async fn continue_inspection(
    ctx: &Arc<Context>,
    asked: &Asked,
    uuid: &str,
    inventory: JsonObject,
    plugin_data: JsonObject,
) -> Result<Reply> {
    let permit = ctx.workers.permit()?;
    if !waits_for_inventory(&find(ctx, uuid).await?) {
        return Err(nobody());
    }
    let (held, node) = Held::try_acquire_and_read(ctx, uuid).await?;
    let operation = ctx.db.operation_of(uuid).await?;
    let operation = operation
        .filter(|operation| waits_for_inventory(&node) && operation.wait.is_some())
        .ok_or_else(nobody)?;
    tracing::info!(node = %node.uuid, request_id = %asked.request_id, "an inspection ramdisk reported");
    operations::inspect::go_on(permit, held, node, operation, inventory, plugin_data).await?;
    Ok(Reply::Done)
}

fn waits_for_inventory(node: &Node) -> bool {
    node.provision_state == ProvisionState::InspectWait
}

/// What every ramdisk is told that may not know more: also whether there is such a node.
fn nobody() -> Error {
    Error::not_found("No node was found that expects this ramdisk.")
}
