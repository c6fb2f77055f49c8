//! A node's ports.

use std::sync::Arc;

use ironbark_model::ident::Ident;
use ironbark_model::patch::PatchOp;
use ironbark_model::{Error, Port, Result};
use ironbark_rpc::Reply;

use super::hold;
use super::patching::patched;
use super::port_rules::{check_change, check_delete};
use crate::context::Context;

/// Stores a new port of a node.
pub(super) async fn create(ctx: &Arc<Context>, mut port: Port) -> Result<Reply> {
    let (held, node) = hold(ctx, &port.node_uuid).await?;
    port.node_uuid.clone_from(&node.uuid);
    if port.uuid.is_empty() {
        port.uuid = ironbark_model::ident::new_uuid();
    }
    let mut tx = held.begin().await?;
    let stored = tx.port_create(&port).await?;
    held.commit_and_release(tx).await?;
    Ok(Reply::Port(Box::new(stored)))
}

/// Applies a patch to a port.
pub(super) async fn update(
    ctx: &Arc<Context>,
    port: &str,
    node: &str,
    ops: &[PatchOp],
) -> Result<Reply> {
    let (held, node) = hold(ctx, node).await?;
    let before = find_port(ctx, port, &node.uuid).await?;
    let after = patched(&before, ops, &Port::default())?;
    check_change(&node, &before, &after)?;
    let mut tx = held.begin().await?;
    let stored = tx.port_update(&after).await?;
    held.commit_and_release(tx).await?;
    Ok(Reply::Port(Box::new(stored)))
}

/// Deletes a port.
pub(super) async fn destroy(ctx: &Arc<Context>, port: &str, node: &str) -> Result<Reply> {
    let (held, node) = hold(ctx, node).await?;
    let found = find_port(ctx, port, &node.uuid).await?;
    check_delete(&node, &found)?;
    let mut tx = held.begin().await?;
    tx.port_delete(&found.uuid).await?;
    held.commit_and_release(tx).await?;
    Ok(Reply::Done)
}

async fn find_port(ctx: &Context, port: &str, node_uuid: &str) -> Result<Port> {
    ctx.db
        .port_get(&Ident::parse(port)?)
        .await?
        .filter(|found| found.node_uuid == node_uuid)
        .ok_or_else(|| Error::not_found(format!("Port {port} could not be found.")))
}
